/* SPDX-License-Identifier: BSD-2-Clause */
/* A forked child in which dispositions, masks and threads can be bent at will: what its parent
 * (sandbox.c) needs of the child's own side (child.c) and of its private folder (folder.c). */
#ifndef SIGPROBE_SANDBOX_H
#define SIGPROBE_SANDBOX_H

#include "engine.h"

/* Runs the experiment in a process that has just been forked; `pipe_end` closes when it ends. */
_Noreturn void sandbox_child(struct sp_sandbox *sandbox, const struct sp_experiment *experiment,
                             int pipe_end);

void sandbox_make_folder(char *out, size_t size); /* empty text where none can be made */
void sandbox_empty_folder(const char *path);
void sandbox_remove_folder(const char *path);

#endif
