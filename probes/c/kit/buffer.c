/* SPDX-License-Identifier: BSD-2-Clause */
/* Text that grows, and where it goes: a descriptor, a line of complaint, a file. */
#include "kit.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void kit_put(struct kit_text *text, const char *bytes, size_t count) {
    if (text->room - text->length <= count) { /* even nothing is somewhere */
        size_t room = (text->room + count) * 2 + 64;
        char *larger = realloc(text->bytes, room);
        if (!larger)
            _exit(kit_fault(3, "no memory left", (char *)NULL));
        text->bytes = larger;
        text->room = room;
    }
    memcpy(text->bytes + text->length, bytes, count);
    text->length += count;
}

void kit_say(struct kit_text *text, const char *string) {
    kit_put(text, string, strlen(string));
}

void kit_number(struct kit_text *text, int64_t number, int digits) {
    char reversed[20];
    int count = 0;
    uint64_t rest = number < 0 ? 0u - (uint64_t)number : (uint64_t)number;
    for (; rest || count < digits; rest /= 10)
        reversed[count++] = (char)('0' + rest % 10);
    if (number < 0)
        kit_put(text, "-", 1);
    while (count)
        kit_put(text, &reversed[--count], 1);
}

int kit_write(int fd, const char *bytes, size_t count) {
    while (count) {
        ssize_t done = write(fd, bytes, count);
        if (done > 0) {
            bytes += done;
            count -= (size_t)done;
        } else if (errno == EAGAIN) { /* an ssh session may leave its pipes non-blocking */
            struct pollfd room = {.fd = fd, .events = POLLOUT};
            (void)poll(&room, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

int kit_fault(int status, const char *first, ...) {
    char line[1024] = "sigprobe: ";
    size_t length = strlen(line);
    va_list list;
    va_start(list, first);
    for (const char *part = first; part; part = va_arg(list, const char *))
        for (; *part && length < sizeof line - 1; part++)
            line[length++] = (unsigned char)*part < ' ' ? '?' : *part;
    va_end(list);
    line[length++] = '\n';
    (void)kit_write(STDERR_FILENO, line, length);
    return status;
}

/* The path of a new file beside `path`, empty, open for writing; -1 with errno. */
static int buffer_beside(const char *path, struct kit_text *name) {
    const char *slash = strrchr(path, '/');
    name->length = 0;
    if (slash)
        kit_put(name, path, (size_t)(slash - path) + 1);
    kit_put(name, ".sigprobe-XXXXXX", sizeof ".sigprobe-XXXXXX");
    return mkstemp(name->bytes);
}

/* A device or a pipe is written to: there is nothing to replace. */
static bool buffer_is_stream(const char *path, mode_t *mode) {
    struct stat now;
    mode_t mask = umask(0);
    (void)umask(mask);
    bool there = stat(path, &now) == 0;
    *mode = there ? now.st_mode & 0777 : 0666 & ~mask;
    return there && !S_ISREG(now.st_mode) && !S_ISDIR(now.st_mode);
}

static bool buffer_is_folder(const char *path) {
    struct stat now;
    return stat(path, &now) == 0 && S_ISDIR(now.st_mode);
}

int kit_writable(const char *path) {
    struct kit_text name = {0};
    mode_t mode;
    if (buffer_is_folder(path))
        return EISDIR;
    if (buffer_is_stream(path, &mode))
        return access(path, W_OK) == 0 ? 0 : errno;
    int fd = buffer_beside(path, &name);
    int error = fd < 0 ? errno : 0;
    if (fd >= 0) {
        (void)close(fd);
        (void)unlink(name.bytes);
    }
    free(name.bytes);
    return error;
}

static int buffer_stream(const char *path, const struct kit_text *text) {
    int fd = open(path, O_WRONLY | O_NOCTTY);
    if (fd < 0)
        return errno;
    int error = kit_write(fd, text->bytes, text->length);
    return close(fd) == 0 || error ? error : errno;
}

static int buffer_replace(const char *path, mode_t mode, const struct kit_text *text) {
    struct kit_text name = {0};
    int fd = buffer_beside(path, &name);
    int error = fd < 0 ? errno : kit_write(fd, text->bytes, text->length);
    if (fd >= 0) {
        (void)fchmod(fd, mode);
        if (close(fd) != 0 && !error)
            error = errno;
        if (!error && rename(name.bytes, path) != 0)
            error = errno;
        if (error)
            (void)unlink(name.bytes);
    }
    free(name.bytes);
    return error;
}

int kit_save(const char *path, const struct kit_text *text) {
    mode_t mode;
    if (buffer_is_stream(path, &mode))
        return buffer_stream(path, text);
    /* What a symbolic link names is replaced, not the link. */
    char *real = realpath(path, NULL);
    int error = buffer_replace(real ? real : path, mode, text);
    free(real);
    return error;
}
