/* SPDX-License-Identifier: BSD-2-Clause */
/* The device "fuse": a real file that is slow on command: FUSE's raw protocol over /dev/fuse, with
 * the root of the mount a regular file, served by a thread of this process.
 *
 * Linux sends FUSE_INTERRUPT when a signal meets a reader asleep, and the reader goes on sleeping
 * until the server answers (fs/fuse/dev.c, request_wait_answer); this server answers EINTR.
 *
 * The server has a table of descriptors to itself: when the process is killed, the server's end
 * closes with its thread, and that frees whoever sleeps for an answer, out of any signal's reach.
 */
#include "../inside.h"

#if defined(__linux__) && __has_include(<linux/fuse.h>)
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

/* Without it one write at a time goes into a file; the others wait for the inode (Linux 6.2). */
#ifdef FOPEN_PARALLEL_DIRECT_WRITES
#define DEVICE_FUSE_PARALLEL FOPEN_PARALLEL_DIRECT_WRITES
#else
#define DEVICE_FUSE_PARALLEL (1 << 6)
#endif

enum {
    DEVICE_FUSE_MOST = 256, /* requests held at once */
    DEVICE_FUSE_WRITE = 128 * 1024,
    DEVICE_FUSE_BUFFER = DEVICE_FUSE_WRITE + 4096
};

/* A request that waits for the device to be released. */
struct device_fuse_held {
    struct fuse_in_header header;
    int64_t offset;
    uint32_t size;
    void *data; /* of a write: a copy, for the buffer is used again */
};

struct device_fuse {
    const struct blockif_medium *file; /* that of the opened file, which does the work */
    struct blockif_medium medium;      /* the same with our own hold and close */
    struct blockif_watch *watch;
    pthread_t server;
    int fd;            /* /dev/fuse, in the server's table */
    int mine;          /* the same in everybody else's, until the file is mounted; then -1 */
    int told[2];       /* a pipe: a byte says "mounted", the next "released", its closing "end" */
    _Atomic int table; /* 1: the server has its own, -1: it can have none */
    _Atomic bool stalls;
    int count;
    struct device_fuse_held held[DEVICE_FUSE_MOST];
    uint64_t size;
    unsigned char *memory;
    _Alignas(8) unsigned char buffer[DEVICE_FUSE_BUFFER];
};

/* ------------------------------------------------------------------ the protocol */

static void device_fuse_reply(const struct device_fuse *fuse, uint64_t unique, int error,
                              const void *data, size_t size) {
    struct fuse_out_header header = {
        .len = (uint32_t)(sizeof header + size), .error = -error, .unique = unique};
    struct iovec pieces[] = {{&header, sizeof header}, {(void *)(uintptr_t)data, size}};
    (void)!writev(fuse->fd, pieces, size ? 2 : 1);
}

static void device_fuse_describe(const struct device_fuse *fuse, struct fuse_attr *attributes) {
    *attributes = (struct fuse_attr){.ino = FUSE_ROOT_ID,
                                     .size = fuse->size,
                                     .mode = S_IFREG | 0600,
                                     .nlink = 1,
                                     .blksize = 4096};
}

static void device_fuse_carry_out(struct device_fuse *fuse, const struct device_fuse_held *one) {
    uint64_t unique = one->header.unique;
    struct fuse_write_out written = {.size = one->size};
    bool inside =
        (uint64_t)one->offset <= fuse->size && one->size <= fuse->size - (uint64_t)one->offset;
    if (!inside) {
        device_fuse_reply(fuse, unique, EINVAL, NULL, 0);
        return;
    }
    switch (one->header.opcode) {
    case FUSE_READ:
        device_fuse_reply(fuse, unique, 0, fuse->memory + one->offset, one->size);
        break;
    case FUSE_WRITE:
        memcpy(fuse->memory + one->offset, one->data, one->size);
        device_fuse_reply(fuse, unique, 0, &written, sizeof written);
        break;
    case FUSE_FALLOCATE:
        memset(fuse->memory + one->offset, 0, one->size);
        device_fuse_reply(fuse, unique, 0, NULL, 0);
        break;
    default: /* FUSE_FSYNC */
        device_fuse_reply(fuse, unique, 0, NULL, 0);
    }
}

static void device_fuse_forget(struct device_fuse *fuse, int index) {
    free(fuse->held[index].data);
    fuse->held[index] = fuse->held[--fuse->count];
}

static void device_fuse_keep(struct device_fuse *fuse, const struct device_fuse_held *one) {
    struct device_fuse_held *held = &fuse->held[fuse->count];
    if (fuse->count == DEVICE_FUSE_MOST) {
        device_fuse_reply(fuse, one->header.unique, EBUSY, NULL, 0);
        return;
    }
    *held = *one;
    held->data = one->data ? malloc(one->size) : NULL;
    if (held->data)
        memcpy(held->data, one->data, one->size);
    fuse->count++;
}

static void device_fuse_interrupt(struct device_fuse *fuse, uint64_t unique) {
    for (int i = 0; i < fuse->count; i++)
        if (fuse->held[i].header.unique == unique) {
            device_fuse_reply(fuse, unique, EINTR, NULL, 0);
            device_fuse_forget(fuse, i);
            return;
        }
}

static void device_fuse_work(struct device_fuse *fuse, struct device_fuse_held *one) {
    const unsigned char *body = fuse->buffer + sizeof one->header;
    struct fuse_read_in read;
    struct fuse_fallocate_in hole;
    memcpy(&read, body, sizeof read); /* fuse_write_in starts alike */
    memcpy(&hole, body, sizeof hole);
    bool discard = one->header.opcode == FUSE_FALLOCATE;
    bool sync = one->header.opcode == FUSE_FSYNC;
    one->offset = sync ? 0 : (int64_t)(discard ? hole.offset : read.offset);
    one->size = sync ? 0 : discard ? (uint32_t)hole.length : read.size;
    if (one->header.opcode == FUSE_WRITE)
        one->data = fuse->buffer + sizeof one->header + sizeof(struct fuse_write_in);
    if (atomic_load(&fuse->stalls))
        device_fuse_keep(fuse, one);
    else
        device_fuse_carry_out(fuse, one);
}

static void device_fuse_introduce(const struct device_fuse *fuse, uint64_t unique) {
    struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION,
                                 .minor = 31,
                                 .max_background = 64,
                                 .congestion_threshold = 64,
                                 .max_write = DEVICE_FUSE_WRITE};
    device_fuse_reply(fuse, unique, 0, &init, sizeof init);
}

/* False where the kernel has another byte order than this program (QEMU's user emulation): FUSE
 * speaks its kernel's own, so not even the length of a message is right. */
static bool device_fuse_dispatch(struct device_fuse *fuse) {
    struct device_fuse_held one = {.data = NULL};
    struct fuse_open_out opened = {.open_flags = FOPEN_DIRECT_IO | DEVICE_FUSE_PARALLEL};
    struct fuse_attr_out attributes = {.attr_valid = 3600};
    struct fuse_interrupt_in interrupt;
    ssize_t got = read(fuse->fd, fuse->buffer, sizeof fuse->buffer);
    if (got < (ssize_t)sizeof one.header)
        return true;
    memcpy(&one.header, fuse->buffer, sizeof one.header);
    if (one.header.len != (size_t)got)
        return false;
    memcpy(&interrupt, fuse->buffer + sizeof one.header, sizeof interrupt);
    uint64_t unique = one.header.unique;
    switch (one.header.opcode) {
    case FUSE_INIT:
        device_fuse_introduce(fuse, unique);
        break;
    case FUSE_GETATTR:
    case FUSE_SETATTR:
        device_fuse_describe(fuse, &attributes.attr);
        device_fuse_reply(fuse, unique, 0, &attributes, sizeof attributes);
        break;
    case FUSE_OPEN:
        device_fuse_reply(fuse, unique, 0, &opened, sizeof opened);
        break;
    case FUSE_READ:
    case FUSE_WRITE:
    case FUSE_FSYNC:
    case FUSE_FALLOCATE:
        device_fuse_work(fuse, &one);
        break;
    case FUSE_INTERRUPT:
        device_fuse_interrupt(fuse, interrupt.unique);
        break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET: /* these expect no answer */
        break;
    case FUSE_FLUSH:
    case FUSE_RELEASE:
    case FUSE_DESTROY:
        device_fuse_reply(fuse, unique, 0, NULL, 0);
        break;
    default:
        device_fuse_reply(fuse, unique, ENOSYS, NULL, 0);
    }
    return true;
}

static void device_fuse_answer_held(struct device_fuse *fuse) {
    while (fuse->count > 0) {
        device_fuse_carry_out(fuse, &fuse->held[0]);
        device_fuse_forget(fuse, 0);
    }
}

static void *device_fuse_serve(void *argument) {
    struct device_fuse *fuse = argument;
    struct pollfd ready[] = {{.fd = fuse->told[0], .events = POLLIN},
                             {.fd = fuse->fd, .events = POLLIN}};
    char word;
    if (fuse->watch)
        fuse->watch->started(fuse->watch);
    int own = unshare(CLONE_FILES);
    if (own == 0)
        (void)close(fuse->told[1]);
    atomic_store(&fuse->table, own == 0 ? 1 : -1);
    bool mounted = own == 0 && read(fuse->told[0], &word, 1) == 1; /* an error to poll until then */
    while (mounted) {
        if (poll(ready, 2, -1) < 0)
            continue;
        if (ready[0].revents && read(fuse->told[0], &word, 1) <= 0)
            break;
        if (ready[0].revents)
            device_fuse_answer_held(fuse);
        if (ready[1].revents & POLLERR) /* the connection has been aborted */
            break;
        if ((ready[1].revents & POLLIN) && !device_fuse_dispatch(fuse))
            break;
    }
    if (own == 0)
        (void)close(fuse->fd);
    if (fuse->watch)
        fuse->watch->leaving(fuse->watch);
    return NULL;
}

/* ------------------------------------------------------------------ opening */

static void device_fuse_hold(struct blockif_device *device, bool held) {
    struct device_fuse *fuse = device->own;
    atomic_store(&fuse->stalls, held);
    if (!held)
        (void)!write(fuse->told[1], "r", 1);
}

static void device_fuse_free(struct device_fuse *fuse) {
    for (int i = 0; i < 2; i++)
        if (fuse->told[i] >= 0)
            (void)close(fuse->told[i]);
    if (fuse->mine >= 0)
        (void)close(fuse->mine);
    while (fuse->count > 0)
        device_fuse_forget(fuse, 0);
    free(fuse->memory);
    free(fuse);
}

static void device_fuse_stop(struct device_fuse *fuse) {
    (void)close(fuse->told[1]);
    fuse->told[1] = -1;
    (void)pthread_join(fuse->server, NULL);
    device_fuse_free(fuse);
}

/* The server answers the file's last words before it ends. */
static void device_fuse_close(struct blockif_device *device) {
    struct device_fuse *fuse = device->own;
    fuse->file->close(device);
    device_fuse_stop(fuse);
}

static int device_fuse_mount(const struct device_fuse *fuse, const char *path) {
    char options[96];
    sp_text(options, sizeof options, "fd=%d,rootmode=100000,user_id=0,group_id=0", fuse->fd);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return errno;
    (void)close(file);
    /* In a name space of its own the mount ends with the process, however that ends. */
    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
        return errno;
    return mount("sigprobe", path, "fuse", MS_NOSUID | MS_NODEV, options) ? errno : 0;
}

static int device_fuse_start(struct device_fuse *fuse) {
    fuse->fd = fuse->mine = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    fuse->memory = calloc(1, fuse->size);
    if (fuse->fd < 0 || pipe2(fuse->told, O_CLOEXEC))
        return errno;
    struct sp_patience patience = {0};
    int failed =
        fuse->memory ? blockif_thread(&fuse->server, device_fuse_serve, fuse, fuse->watch) : ENOMEM;
    if (failed)
        return failed;
    while (atomic_load(&fuse->table) == 0)
        sp_relax(&patience);
    return 0;
}

static int device_fuse_adopt(struct device_fuse *fuse, struct blockif_device *device) {
    fuse->file = device->medium;
    fuse->medium = *fuse->file;
    fuse->medium.hold = device_fuse_hold;
    fuse->medium.close = device_fuse_close;
    device->medium = &fuse->medium;
    device->own = fuse;
    return 0;
}

int device_fuse_open(struct blockif_device **device, const char *path, uint64_t size,
                     struct blockif_watch *watch) {
    static const struct blockif_options plain;
    struct device_fuse *fuse = calloc(1, sizeof *fuse);
    if (!fuse)
        return ENOMEM;
    fuse->watch = watch;
    fuse->size = size;
    fuse->mine = fuse->told[0] = fuse->told[1] = -1;
    int failed = device_fuse_start(fuse);
    if (failed) {
        device_fuse_free(fuse);
        return failed;
    }
    failed = atomic_load(&fuse->table) > 0 ? device_fuse_mount(fuse, path) : EPERM;
    bool mounted = !failed;
    (void)close(fuse->mine);
    fuse->mine = -1;
    if (mounted) {
        (void)!write(fuse->told[1], "m", 1);
        failed = device_file_open(device, path, &plain);
        (void)umount2(path, MNT_DETACH); /* the open file keeps it */
    }
    if (!failed)
        return device_fuse_adopt(fuse, *device);
    device_fuse_stop(fuse);
    return !mounted || failed == ENOTCONN ? ENOSYS : failed;
}

const char *device_fuse_gate(void) {
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd >= 0)
        (void)close(fd);
    return fd >= 0 && geteuid() == 0 ? NULL
                                     : "needs root and /dev/fuse, to mount a file of its own";
}

#else
#include <errno.h>

int device_fuse_open(struct blockif_device **device, const char *path, uint64_t size,
                     struct blockif_watch *watch) {
    (void)device, (void)path, (void)size, (void)watch;
    return ENOSYS;
}

const char *device_fuse_gate(void) {
    return "the server is written for Linux's FUSE";
}
#endif
