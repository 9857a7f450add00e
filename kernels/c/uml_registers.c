/* SPDX-License-Identifier: BSD-2-Clause */
/* Loaded into User Mode Linux before its C library: hides the processor's extended state from it.
 *
 * UML 6.1 saves that state in a buffer of fixed size and dies with EFAULT where a processor's is
 * larger, as with AMX (arch/x86/um/os-Linux/registers.c, FP_SIZE). Told that there is none, it
 * saves the older, smaller set, which is all that a kit built for plain x86-64 uses. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* The system call stores what it read; the library's function returns it (ptrace(2), NOTES). */
static long peek(long request, pid_t pid, void *address) {
    long word;
    return syscall(SYS_ptrace, request, pid, address, &word) < 0 ? -1 : word;
}

long ptrace(enum __ptrace_request request, ...) {
    va_list rest;
    va_start(rest, request);
    pid_t pid = va_arg(rest, pid_t);
    void *address = va_arg(rest, void *), *data = va_arg(rest, void *);
    va_end(rest);
    if (request == PTRACE_GETREGSET && (uintptr_t)address == NT_X86_XSTATE) {
        errno = EINVAL;
        return -1;
    }
    if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER)
        return peek(request, pid, address);
    return syscall(SYS_ptrace, request, pid, address, data);
}
