/* SPDX-License-Identifier: BSD-2-Clause */
/* Moves a byte from one pipe to another without copying it. */
#include "../engine.h"

#ifdef __linux__

#include <fcntl.h>
#include <unistd.h>

struct splice_own {
    int from[2], to[2];
    bool unread; /* the releasing byte is still in a pipe */
};

static int splice_open(struct sp_object *object) {
    struct splice_own *own = SP_SPACE(struct splice_own, object);
    return sp_error(pipe(own->from) == 0 ? pipe(own->to) : -1);
}

static long splice_enter(struct sp_object *object) {
    struct splice_own *own = SP_SPACE(struct splice_own, object);
    return splice(own->from[0], NULL, own->to[1], NULL, 1, 0);
}

static void splice_release(struct sp_object *object) {
    struct splice_own *own = SP_SPACE(struct splice_own, object);
    own->unread = write(own->from[1], "", 1) == 1;
}

/* After an interruption that crossed the release the byte has not moved. */
static int splice_reset(struct sp_object *object, long result) {
    struct splice_own *own = SP_SPACE(struct splice_own, object);
    char byte;
    if (own->unread)
        (void)!read(result < 0 ? own->from[0] : own->to[0], &byte, 1);
    own->unread = false;
    return 0;
}

static const struct sp_call splice_call = {
    .name = "splice",
    .purpose = "splice from an empty pipe",
    .open = splice_open,
    .enter = splice_enter,
    .release = splice_release,
    .reset = splice_reset,
};
SP_CALL(splice_call);

#else
SP_ABSENT(SP_KIND_CALL, splice_call, "splice", "splice from an empty pipe",
          "no splice in <fcntl.h>: it is Linux's own");
#endif
