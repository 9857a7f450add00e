/* SPDX-License-Identifier: BSD-2-Clause */
/* What the engine knows of this machine: C library, compiler, processor, and what stands between
 * this process and a kernel of its own kind. */
#include "engine.h"
#include "text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif
#ifdef __linux__
#include <sys/syscall.h>
#endif

#define MACHINE_TEXT(number) #number
#define MACHINE_VERSION(name, major, minor, patch)                                                 \
    name "-" MACHINE_TEXT(major) "." MACHINE_TEXT(minor) "." MACHINE_TEXT(patch)

#if defined(__clang__) && defined(__apple_build_version__)
#define MACHINE_COMPILER                                                                           \
    MACHINE_VERSION("apple-clang", __clang_major__, __clang_minor__, __clang_patchlevel__)
#elif defined(__clang__)
#define MACHINE_COMPILER                                                                           \
    MACHINE_VERSION("clang", __clang_major__, __clang_minor__, __clang_patchlevel__)
#elif defined(__GNUC__)
#define MACHINE_COMPILER MACHINE_VERSION("gcc", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__)
#else
#define MACHINE_COMPILER "cc"
#endif

/* As uname -m of Linux spells it. */
#if defined(__x86_64__)
#define MACHINE_CPU "x86_64"
#elif defined(__i386__)
#define MACHINE_CPU "i386"
#elif defined(__aarch64__)
#define MACHINE_CPU "aarch64"
#elif defined(__arm__)
#define MACHINE_CPU "arm"
#elif defined(__riscv) && __riscv_xlen == 64
#define MACHINE_CPU "riscv64"
#elif defined(__s390x__)
#define MACHINE_CPU "s390x"
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define MACHINE_CPU "ppc64le"
#elif defined(__powerpc64__)
#define MACHINE_CPU "ppc64"
#elif defined(__powerpc__)
#define MACHINE_CPU "ppc"
#elif defined(__loongarch64)
#define MACHINE_CPU "loongarch64"
#elif defined(__mips64)
#define MACHINE_CPU "mips64"
#elif defined(__mips__)
#define MACHINE_CPU "mips"
#elif defined(__sparc64__) || (defined(__sparc__) && defined(__arch64__))
#define MACHINE_CPU "sparc64"
#elif defined(__m68k__)
#define MACHINE_CPU "m68k"
#else
#define MACHINE_CPU "unknown"
#endif

#if defined(SP_LIBKQUEUE)
#define MACHINE_KQUEUE "libkqueue"
#elif defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__NetBSD__) || \
    defined(__DragonFly__)
#define MACHINE_KQUEUE "native"
#else
#define MACHINE_KQUEUE ""
#endif

/* Look-alikes that uname gives away. gVisor: pkg/sentry/syscalls/linux LinuxVersion, the same words
 * in 2022 and 2025; WSL 1 writes Microsoft, WSL 2, a real Linux, microsoft; illumos' lx zones:
 * uts/common/brand/lx/sys/lx_brand.h LX_UNAME_VERSION. */
static const struct {
    const char *name;
    const char *release; /* part of uname's release */
    const char *version; /* part of uname's version */
} machine_alikes[] = {
    {"gvisor", "", "#1 SMP Sun Jan 10 15:06:54 PST 2016"},
    {"wsl1", "-Microsoft", ""},
    {"lx", "", "BrandZ virtual linux"},
};

static const char *machine_alike(void) {
    struct utsname name;
    if (uname(&name) < 0)
        return "";
    for (size_t i = 0; i < sizeof machine_alikes / sizeof machine_alikes[0]; i++)
        if (strstr(name.release, machine_alikes[i].release) &&
            strstr(name.version, machine_alikes[i].version))
            return machine_alikes[i].name;
    return "";
}

#ifdef __linux__
static void machine_read(const char *path, char *out, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, out, size - 1) : -1;
    out[length > 0 ? length : 0] = '\0';
    if (fd >= 0)
        (void)close(fd);
}

/* QEMU dresses up /proc/self/exe, but not the same link under /proc/self/task (linux-user/syscall.c
 * is_proc_myself), which leads to QEMU itself. */
static bool machine_under_qemu(void) {
    char link[64], path[256];
    sp_text(link, sizeof link, "/proc/self/task/%d/exe", (int)syscall(SYS_gettid));
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    const char *slash = strrchr(path, '/');
    return slash && strncmp(slash, "/qemu-", strlen("/qemu-")) == 0;
}

/* Another emulator: the kernel says it runs on a processor that this code was not built for. */
static bool machine_foreign(void) {
    char arch[32];
    machine_read("/proc/sys/kernel/arch", arch, sizeof arch);
    arch[strcspn(arch, "\n")] = '\0';
    return arch[0] && sizeof(void *) == 8 && strcmp(arch, MACHINE_CPU) != 0;
}

static const char *machine_emulation(void) {
    char cpu[256];
    const char *alike = machine_alike();
    if (alike[0])
        return alike;
    machine_read("/proc/cpuinfo", cpu, sizeof cpu); /* arch/um/kernel/um_arch.c show_cpuinfo */
    if (strstr(cpu, "User Mode Linux"))
        return "uml";
    if (machine_under_qemu())
        return "qemu-user";
    return machine_foreign() ? "unknown" : "";
}
#else
static const char *machine_emulation(void) {
    return machine_alike();
}
#endif

bool sp_emulated_by(const char *name) {
    return strcmp(machine_emulation(), name) == 0;
}

static void machine_libc(char *out, size_t size) {
#if defined(__GLIBC__)
    sp_text(out, size, "glibc-%s", gnu_get_libc_version());
#elif defined(__BIONIC__)
    sp_text(out, size, "%s", "bionic");
#elif defined(__linux__)
    sp_text(out, size, "%s", "musl"); /* which defines no macro of its own */
#elif defined(__APPLE__)
    sp_text(out, size, "%s", "libsystem");
#else
    sp_text(out, size, "%s", "libc");
#endif
}

void sp_machine(struct sp_machine *out) {
    static const char *const levels[] = {"none", "state", "label", "call"};
    const struct sp_reader *reader = sp_reader();
    memset(out, 0, sizeof *out);
    sp_text(out->reader, sizeof out->reader, "%s", reader->name);
    sp_text(out->level, sizeof out->level, "%s", levels[reader->level]);
    machine_libc(out->libc, sizeof out->libc);
    sp_text(out->compiler, sizeof out->compiler, "%s", MACHINE_COMPILER);
    sp_text(out->emulation, sizeof out->emulation, "%s", machine_emulation());
    (void)sp_tracer(out->tracer, sizeof out->tracer);
    sp_text(out->kqueue, sizeof out->kqueue, "%s", MACHINE_KQUEUE);
    sp_text(out->cpu, sizeof out->cpu, "%s", MACHINE_CPU);
    out->cpus = sp_cpus();
}
