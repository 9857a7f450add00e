/* SPDX-License-Identifier: BSD-2-Clause */
/* As read-pipe, on the terminal's side of a pseudo-terminal in raw mode. It controls no process, so
 * job control has no say. */
#include "../engine.h"

#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

struct read_pty {
    int master, terminal;
    bool unread; /* the releasing byte is still on its way */
};

static int read_pty_open(struct sp_object *object) {
    struct read_pty *own = SP_SPACE(struct read_pty, object);
    struct termios mode;
    own->master = posix_openpt(O_RDWR | O_NOCTTY);
    if (own->master < 0 || grantpt(own->master) != 0 || unlockpt(own->master) != 0)
        return errno;
    own->terminal = open(ptsname(own->master), O_RDWR | O_NOCTTY);
    if (own->terminal < 0 || tcgetattr(own->terminal, &mode) != 0)
        return errno;
    cfmakeraw(&mode);
    return sp_error(tcsetattr(own->terminal, TCSANOW, &mode));
}

static long read_pty_enter(struct sp_object *object) {
    char byte;
    return read(SP_SPACE(struct read_pty, object)->terminal, &byte, 1);
}

static void read_pty_release(struct sp_object *object) {
    struct read_pty *own = SP_SPACE(struct read_pty, object);
    own->unread = write(own->master, "x", 1) == 1;
}

/* An interruption that crossed the release leaves its byte behind. */
static int read_pty_reset(struct sp_object *object, long result) {
    struct read_pty *own = SP_SPACE(struct read_pty, object);
    char byte;
    if (own->unread && result < 0)
        (void)!read(own->terminal, &byte, 1);
    own->unread = false;
    return 0;
}

static const struct sp_call read_pty = {
    .name = "read-pty",
    .purpose = "read from a pseudo-terminal without input",
    .open = read_pty_open,
    .enter = read_pty_enter,
    .release = read_pty_release,
    .reset = read_pty_reset,
};
SP_CALL(read_pty);
