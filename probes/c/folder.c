/* SPDX-License-Identifier: BSD-2-Clause */
/* The sandbox's private folder. */
#include "sandbox.h"
#include "text.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void sandbox_make_folder(char *out, size_t size) {
    const char *tried[] = {getenv("TMPDIR"), "/tmp", "/var/tmp", "/dev/shm"};
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++) {
        if (!tried[i] || strlen(tried[i]) + sizeof "/sigprobe-XXXXXX" > size)
            continue;
        sp_text(out, size, "%s/sigprobe-XXXXXX", tried[i]);
        if (mkdtemp(out))
            return;
    }
    out[0] = '\0';
}

/* The folder is flat: calls make files, FIFOs and sockets in it, no folders. */
void sandbox_empty_folder(const char *path) {
    DIR *folder = path[0] ? opendir(path) : NULL;
    if (!folder)
        return;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    (void)closedir(folder);
}

void sandbox_remove_folder(const char *path) {
    sandbox_empty_folder(path);
    (void)rmdir(path);
}
