/* SPDX-License-Identifier: BSD-2-Clause */
/* Process 1 of a kernel that is booted for one run of the kit, in a file system that holds nothing
 * else: mounts what the kit looks at, runs the command line written in /init.conf, writes its
 * output in checked frames to a serial line, and powers the machine off. Linux only, no shell.
 *
 * /init.conf, one item a line: the serial device, a time limit in seconds, then argv.
 * After the limit the command gets SIGINT (it saves what it has), ten seconds later SIGKILL. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { MOST_ARGUMENTS = 64, GRACE_SECONDS = 10, LINE_BYTES = 57 };

static const struct {
    const char *type, *where, *options;
} mounts[] = {
    {"proc", "/proc", NULL},
    {"sysfs", "/sys", NULL},
    {"devtmpfs", "/dev", NULL},
    {"tmpfs", "/tmp", "mode=1777"},
    {"tmpfs", "/dev/shm", "mode=1777"},
    {"devpts", "/dev/pts", "ptmxmode=0666"},
    {"mqueue", "/dev/mqueue", NULL},
};

static const char *const out_path = "/tmp/.stdout", *const err_path = "/tmp/.stderr";
static FILE *line;
static volatile sig_atomic_t command = -1, overdue;

static _Noreturn void power_off(void) {
    sync();
    reboot(RB_POWER_OFF);
    reboot(RB_HALT_SYSTEM);
    for (;;)
        pause(); /* a process 1 that returns is a kernel panic */
}

static _Noreturn void fail(const char *what) {
    FILE *to = line ? line : stderr;
    fprintf(to, "sigprobe-fail %s: %s\n", what, strerror(errno));
    fflush(to);
    tcdrain(fileno(to));
    power_off();
}

static void mount_all(void) {
    for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
        mkdir(mounts[i].where, 0755);
        /* A kernel may lack one of these, or have mounted it itself: the kit copes and says so. */
        mount(mounts[i].type, mounts[i].where, mounts[i].type, 0, mounts[i].options);
    }
    /* The kit is to do with /tmp alone. */
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0)
        fail("a read-only root");
}

static FILE *open_line(const char *device) {
    int fd = open(device, O_WRONLY | O_NOCTTY);
    struct termios mode;
    if (fd < 0)
        fail(device);
    if (tcgetattr(fd, &mode) == 0) {
        mode.c_oflag &= ~(tcflag_t)OPOST; /* no CR before LF */
        tcsetattr(fd, TCSANOW, &mode);
    }
    return fdopen(fd, "w");
}

/* The reflected CRC-32 of ISO 3309, the one that zlib.crc32 computes. */
static uint32_t crc32(uint32_t crc, const unsigned char *bytes, size_t count) {
    crc = ~crc;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static void write_base64_line(const unsigned char *bytes, size_t count) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < count; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16;
        if (i + 1 < count)
            three |= (uint32_t)bytes[i + 1] << 8;
        if (i + 2 < count)
            three |= bytes[i + 2];
        putc(digits[three >> 18], line);
        putc(digits[three >> 12 & 63], line);
        putc(i + 1 < count ? digits[three >> 6 & 63] : '=', line);
        putc(i + 2 < count ? digits[three & 63] : '=', line);
    }
    putc('\n', line);
}

static void write_frame(const char *name, const char *path) {
    unsigned char bytes[LINE_BYTES];
    size_t count, length = 0;
    uint32_t crc = 0;
    FILE *from = fopen(path, "rb");
    if (!from)
        fail(path);
    while ((count = fread(bytes, 1, sizeof bytes, from)) > 0) {
        crc = crc32(crc, bytes, count);
        length += count;
    }
    fprintf(line, "sigprobe-frame %s %zu %08x\n", name, length, (unsigned)crc);
    rewind(from);
    while ((count = fread(bytes, 1, sizeof bytes, from)) > 0)
        write_base64_line(bytes, count);
    fclose(from);
    fprintf(line, "sigprobe-end %s\n", name);
}

static void on_limit(int signal_number) {
    (void)signal_number;
    kill((pid_t)command, overdue ? SIGKILL : SIGINT);
    overdue = 1;
    alarm(GRACE_SECONDS);
}

static void redirect(const char *path, int to) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        fail(path);
    dup2(fd, to);
}

/* A kernel that has just booted with 64 MB may for a moment have as many threads of its own as it
 * allows (kernel/fork.c, copy_process: EAGAIN from max_threads on). */
static pid_t fork_patiently(void) {
    const struct timespec nap = {.tv_nsec = 10000000};
    pid_t child = fork();
    for (int tries = 0; child < 0 && errno == EAGAIN && tries < 1000; tries++) {
        nanosleep(&nap, NULL);
        child = fork();
    }
    return child;
}

static void start(char **argv, unsigned limit) {
    struct sigaction limiter = {.sa_handler = on_limit};
    sigaction(SIGALRM, &limiter, NULL);
    command = fork_patiently();
    if (command < 0)
        fail("fork");
    if (command == 0) {
        setsid();
        redirect(out_path, STDOUT_FILENO);
        redirect(err_path, STDERR_FILENO);
        chdir("/tmp");
        execv(argv[0], argv);
        perror(argv[0]);
        _exit(127);
    }
    alarm(limit);
}

static int reap(void) {
    for (;;) {
        int status;
        pid_t who = waitpid(-1, &status, 0);
        if (who == (pid_t)command)
            return status;
        if (who < 0 && errno != EINTR)
            fail("waitpid");
    }
}

static char *next_line(FILE *from) {
    char *text = NULL;
    size_t room = 0;
    ssize_t length = getline(&text, &room, from);
    if (length < 0)
        return NULL;
    if (length > 0 && text[length - 1] == '\n')
        text[length - 1] = '\0';
    return text;
}

int main(void) {
    char *argv[MOST_ARGUMENTS + 1] = {NULL}, *device, *limit;
    int status;
    mount_all();
    FILE *conf = fopen("/init.conf", "r");
    if (!conf || !(device = next_line(conf)) || !(limit = next_line(conf)))
        fail("/init.conf");
    for (int i = 0; i < MOST_ARGUMENTS && (argv[i] = next_line(conf)); i++)
        ;
    fclose(conf);
    line = open_line(device);
    start(argv, (unsigned)strtoul(limit, NULL, 10));
    status = reap();
    write_frame("stdout", out_path);
    write_frame("stderr", err_path);
    fprintf(line, "sigprobe-exit %d%s\n",
            WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
            overdue ? " overran" : "");
    fflush(line);
    tcdrain(fileno(line));
    power_off();
}
