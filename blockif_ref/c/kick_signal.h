/* SPDX-License-Identifier: BSD-2-Clause */
/* A kick's signal belongs to the whole process: disks share it, and nobody else's is taken. */
#ifndef KICK_SIGNAL_H
#define KICK_SIGNAL_H

#include "inside.h"

/* Sets SIG_IGN for the first disk; the last gives back what was there. EBUSY: the signal is set to
 * something else, not by us. */
int kick_signal_ignore(int signal);
void kick_signal_give_back(int signal);

/* For kicks with a handler, straight into their tables: an empty handler without SA_RESTART that
 * counts in its worker; and the cancel that sends one signal and waits. */
int kick_signal_open(struct blockif *disk);
void kick_signal_close(struct blockif *disk);
void kick_signal_once(struct blockif_cancel *cancel);

/* The calling worker takes the signal; the handler counts in it. */
int kick_signal_enlist(struct blockif_worker *worker);
void kick_signal_retire(struct blockif_worker *worker);

/* Handlers that ran in threads which are no workers. */
uint64_t kick_signal_strays(void);

#endif
