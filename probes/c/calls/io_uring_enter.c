/* SPDX-License-Identifier: BSD-2-Clause */
/* Waits for a completion; the controller submits a no-op, which completes at once (io_uring(7)). */
#include "../engine.h"

#ifdef __has_include
#if __has_include(<linux/io_uring.h>)
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

#if defined(SYS_io_uring_enter) && defined(IORING_FEAT_SINGLE_MMAP)

struct io_uring_enter_own {
    int ring;
    _Atomic uint32_t *submitted, *taken, *completed; /* sq tail, cq head, cq tail */
};

static void *io_uring_enter_map(int ring, size_t size, off_t what) {
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, what);
}

/* One entry of zeros is IORING_OP_NOP at index 0, and so it stays. */
static int io_uring_enter_open(struct sp_object *object) {
    struct io_uring_enter_own *own = SP_SPACE(struct io_uring_enter_own, object);
    struct io_uring_params got = {0};
    own->ring = (int)syscall(SYS_io_uring_setup, 1, &got);
    if (own->ring < 0)
        return errno;
    if (!(got.features & IORING_FEAT_SINGLE_MMAP))
        return ENOSYS; /* before Linux 5.4 */
    size_t size = got.cq_off.cqes + got.cq_entries * sizeof(struct io_uring_cqe);
    if (size < got.sq_off.array + sizeof(uint32_t))
        size = got.sq_off.array + sizeof(uint32_t);
    unsigned char *rings = io_uring_enter_map(own->ring, size, IORING_OFF_SQ_RING);
    void *entry = io_uring_enter_map(own->ring, sizeof(struct io_uring_sqe), IORING_OFF_SQES);
    if (rings == MAP_FAILED || entry == MAP_FAILED)
        return errno;
    own->submitted = (_Atomic uint32_t *)(void *)(rings + got.sq_off.tail);
    own->taken = (_Atomic uint32_t *)(void *)(rings + got.cq_off.head);
    own->completed = (_Atomic uint32_t *)(void *)(rings + got.cq_off.tail);
    return 0;
}

static long io_uring_enter_enter(struct sp_object *object) {
    int ring = SP_SPACE(struct io_uring_enter_own, object)->ring;
    return syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, NULL, (size_t)0);
}

static void io_uring_enter_release(struct sp_object *object) {
    struct io_uring_enter_own *own = SP_SPACE(struct io_uring_enter_own, object);
    atomic_fetch_add(own->submitted, 1);
    (void)syscall(SYS_io_uring_enter, own->ring, 1, 0, 0, NULL, (size_t)0);
}

static int io_uring_enter_reset(struct sp_object *object, long result) {
    struct io_uring_enter_own *own = SP_SPACE(struct io_uring_enter_own, object);
    (void)result;
    atomic_store(own->taken, atomic_load(own->completed));
    return 0;
}

static const struct sp_call io_uring_enter_call = {
    .name = "io_uring_enter",
    .purpose = "wait for a completion of an empty io_uring",
    .open = io_uring_enter_open,
    .enter = io_uring_enter_enter,
    .release = io_uring_enter_release,
    .reset = io_uring_enter_reset,
};
SP_CALL(io_uring_enter_call);

#else
SP_ABSENT(SP_KIND_CALL, io_uring_enter_call, "io_uring_enter",
          "wait for a completion of an empty io_uring", "no <linux/io_uring.h>, or an old one");
#endif
