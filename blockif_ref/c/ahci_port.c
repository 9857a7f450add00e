/* SPDX-License-Identifier: BSD-2-Clause */
/* The AHCI-like port. Its lock is never held across blockif_cancel: the callback of the request
 * that is being cancelled wants it. */
#include "inside.h"

#include "ahci_port.h"

#include <errno.h>
#include <string.h>

void ahci_port_open(struct ahci_port *port, struct blockif *disk) {
    memset(port, 0, sizeof *port);
    port->disk = disk;
    (void)pthread_mutex_init(&port->lock, NULL);
    (void)pthread_cond_init(&port->idle, NULL);
    for (int i = 0; i < AHCI_PORT_SLOTS; i++)
        port->slot[i].port = port;
}

void ahci_port_close(struct ahci_port *port) {
    (void)pthread_cond_destroy(&port->idle);
    (void)pthread_mutex_destroy(&port->lock);
}

static void ahci_port_ended(struct ahci_port_slot *slot, int error) {
    struct ahci_port *port = slot->port;
    int index = (int)(slot - port->slot);
    (void)pthread_mutex_lock(&port->lock);
    slot->error = error;
    port->running &= ~(1u << index);
    if (port->running == 0)
        (void)pthread_cond_broadcast(&port->idle);
    (void)pthread_mutex_unlock(&port->lock);
    if (port->interrupt)
        port->interrupt(port, index);
}

static void ahci_port_callback(struct blockif_request *request, int error) {
    ahci_port_ended(request->owner, error);
}

int ahci_port_issue(struct ahci_port *port, int index, int operation, void *memory, int64_t offset,
                    uint64_t length) {
    struct ahci_port_slot *slot = &port->slot[index];
    (void)pthread_mutex_lock(&port->lock);
    bool taken = port->stopped || (port->running & (1u << index));
    if (!taken)
        port->running |= 1u << index;
    (void)pthread_mutex_unlock(&port->lock);
    if (taken)
        return EBUSY;
    slot->piece = (struct iovec){memory, length};
    slot->request = (struct blockif_request){.operation = operation,
                                             .count = memory ? 1 : 0,
                                             .pieces = &slot->piece,
                                             .offset = offset,
                                             .length = length,
                                             .callback = ahci_port_callback,
                                             .owner = slot};
    struct blockif_request *request = &slot->request;
    int failed = blockif_submit(port->disk, &request, 1);
    if (failed) {
        (void)pthread_mutex_lock(&port->lock);
        port->running &= ~(1u << index);
        (void)pthread_mutex_unlock(&port->lock);
    }
    return failed;
}

int ahci_port_stop(struct ahci_port *port) {
    int ended = 0;
    (void)pthread_mutex_lock(&port->lock);
    port->stopped = true;
    uint32_t running = port->running;
    (void)pthread_mutex_unlock(&port->lock);
    for (int i = 0; i < AHCI_PORT_SLOTS; i++) {
        if (!(running & (1u << i)))
            continue;
        int answer = blockif_cancel(port->disk, &port->slot[i].request);
        if (answer == 0) /* no callback will come for it */
            ahci_port_ended(&port->slot[i], ECANCELED);
        ended += answer == EBUSY;
    }
    (void)pthread_mutex_lock(&port->lock);
    while (port->running)
        (void)pthread_cond_wait(&port->idle, &port->lock);
    (void)pthread_mutex_unlock(&port->lock);
    return ended;
}

void ahci_port_start(struct ahci_port *port) {
    (void)pthread_mutex_lock(&port->lock);
    port->stopped = false;
    (void)pthread_mutex_unlock(&port->lock);
}
