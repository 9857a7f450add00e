/* SPDX-License-Identifier: BSD-2-Clause */
/* A file in the sandbox's folder is watched; a byte written to it is the event. FreeBSD has it
 * since 15 (its inotify(2)); headers of a cross-compiler may be newer than the system asked for. */
#include "../engine.h"

#include <sys/param.h>

#if defined(__has_include) && (!defined(__FreeBSD__) || __FreeBSD_version >= 1500000)
#if __has_include(<sys/inotify.h>)
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>
#define READ_INOTIFY_HERE
#endif
#endif

#ifdef READ_INOTIFY_HERE

struct read_inotify {
    int events, file;
    bool unread; /* the releasing event is still in the queue */
};

static int read_inotify_open(struct sp_object *object) {
    struct read_inotify *own = SP_SPACE(struct read_inotify, object);
    char path[160];
    (void)snprintf(path, sizeof path, "%s/read-inotify-%d", object->dir, object->index);
    if (!object->dir[0])
        return ENOENT;
    own->events = inotify_init1(0);
    own->file = open(path, O_WRONLY | O_CREAT, 0600);
    if (own->events < 0 || own->file < 0)
        return errno;
    return sp_error(inotify_add_watch(own->events, path, IN_MODIFY));
}

static long read_inotify_enter(struct sp_object *object) {
    _Alignas(struct inotify_event) char seen[4 * sizeof(struct inotify_event)];
    return read(SP_SPACE(struct read_inotify, object)->events, seen, sizeof seen);
}

static void read_inotify_release(struct sp_object *object) {
    struct read_inotify *own = SP_SPACE(struct read_inotify, object);
    own->unread = pwrite(own->file, "", 1, 0) == 1;
}

/* An interruption that crossed the release leaves its event behind. */
static int read_inotify_reset(struct sp_object *object, long result) {
    struct read_inotify *own = SP_SPACE(struct read_inotify, object);
    if (own->unread && result < 0)
        (void)read_inotify_enter(object);
    own->unread = false;
    return 0;
}

static const struct sp_call read_inotify = {
    .name = "read-inotify",
    .purpose = "read inotify while nothing happens",
    .open = read_inotify_open,
    .enter = read_inotify_enter,
    .release = read_inotify_release,
    .reset = read_inotify_reset,
};
SP_CALL(read_inotify);

#else
SP_ABSENT(SP_KIND_CALL, read_inotify, "read-inotify", "read inotify while nothing happens",
          "no <sys/inotify.h>");
#endif
