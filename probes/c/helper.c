/* SPDX-License-Identifier: BSD-2-Clause */
/* A process beside the sandbox, for what no thread of it can do: be waited for, or clean up after
 * it. Its descriptor reads as at its end when the sandbox has gone, however it went. */
#include "engine.h"

#include <sys/wait.h>
#include <unistd.h>

static void helper_main(int fd, void (*last)(int value), int value) {
    char byte;
    (void)dup2(fd, 0);
    /* A copy of the sandbox's pipe to its parent would keep its end from being seen. */
    sp_close_from(1);
    while (read(0, &byte, 1) < 0 && errno == EINTR)
        continue;
    if (last)
        last(value);
    _exit(0);
}

int sp_helper_start(struct sp_helper *helper, void (*last)(int value), int value) {
    int end[2];
    if (pipe(end) != 0)
        return errno;
    helper->fd = end[1];
    helper->process = fork();
    if (helper->process == 0)
        helper_main(end[0], last, value);
    /* The sandbox's group is killed with it, and the helper has still to work then. */
    int error = sp_error(helper->process < 0 ? -1 : setpgid(helper->process, 0));
    (void)close(end[0]);
    return error;
}

void sp_helper_end(struct sp_helper *helper) {
    (void)close(helper->fd);
    (void)waitpid(helper->process, NULL, 0);
}
