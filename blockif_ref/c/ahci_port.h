/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk port of 32 command slots, as a guest sees it: issue commands, be interrupted, stop. */
#ifndef AHCI_PORT_H
#define AHCI_PORT_H

#include "blockif.h"

#include <pthread.h>

enum { AHCI_PORT_SLOTS = 32 };

struct ahci_port;

struct ahci_port_slot {
    struct ahci_port *port;
    struct blockif_request request;
    struct iovec piece;
    int error; /* of the command that ended last */
};

struct ahci_port {
    struct blockif *disk;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    uint32_t running; /* a bit for each slot in flight */
    bool stopped;
    void (*interrupt)(struct ahci_port *port, int slot); /* a command ended; NULL: nobody listens */
    struct ahci_port_slot slot[AHCI_PORT_SLOTS];
};

void ahci_port_open(struct ahci_port *port, struct blockif *disk);
void ahci_port_close(struct ahci_port *port);

/* One command of one piece of memory. 0 or an errno; EBUSY: the slot is in flight, or the port is
 * stopped; else as blockif_submit. */
int ahci_port_issue(struct ahci_port *port, int slot, int operation, void *memory, int64_t offset,
                    uint64_t length);

/* Cancels every slot in flight, as bhyve's ahci_port_stop does when the guest resets the port, and
 * returns when none is. The number of commands that were cancelled while running. */
int ahci_port_stop(struct ahci_port *port);
void ahci_port_start(struct ahci_port *port);

#endif
