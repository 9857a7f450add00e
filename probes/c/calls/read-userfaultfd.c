/* SPDX-License-Identifier: BSD-2-Clause */
/* Waits for a page fault, as the handler thread of a hypervisor's live migration does; no memory is
 * registered, so the rescue ends the wait (userfaultfd(2)). */
#include "../engine.h"

#ifdef __linux__
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#if defined(SYS_userfaultfd) && defined(UFFD_USER_MODE_ONLY)

static int read_userfaultfd_open(struct sp_object *object) {
    struct uffdio_api api = {.api = UFFD_API};
    int *fd = SP_SPACE(int, object);
    *fd = (int)syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY);
    return sp_error(*fd < 0 ? -1 : ioctl(*fd, UFFDIO_API, &api));
}

static long read_userfaultfd_enter(struct sp_object *object) {
    struct uffd_msg seen;
    return read(*SP_SPACE(int, object), &seen, sizeof seen);
}

static const struct sp_call read_userfaultfd = {
    .name = "read-userfaultfd",
    .purpose = "read a userfaultfd while no page is missing",
    .open = read_userfaultfd_open,
    .enter = read_userfaultfd_enter,
};
SP_CALL(read_userfaultfd);

#else
SP_ABSENT(SP_KIND_CALL, read_userfaultfd, "read-userfaultfd",
          "read a userfaultfd while no page is missing",
          "no userfaultfd for user mode in <linux/userfaultfd.h>");
#endif
