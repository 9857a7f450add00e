/* SPDX-License-Identifier: BSD-2-Clause */
/* The platform as a results file describes it, by the rules of probes/machine.py: no name of a
 * host, a person or a folder is in it. */
#include "kit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

/* As long as `text` is letters, digits, "_" or "."; anything else becomes "_". */
static void platform_plain(struct kit_text *out, const char *text, size_t length) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.";
    if (length == 0)
        kit_say(out, "unknown");
    for (size_t i = 0; i < length; i++)
        kit_put(out, strchr(plain, text[i]) ? &text[i] : "_", 1);
}

static void platform_lower(struct kit_text *out, const char *text) {
    char lower[sizeof((struct utsname *)0)->sysname];
    size_t length = 0;
    for (; text[length]; length++) {
        bool capital = text[length] >= 'A' && text[length] <= 'Z';
        lower[length] = (char)(text[length] + (capital ? 'a' - 'A' : 0));
    }
    platform_plain(out, lower, length);
}

/* How much of a release names a kernel's behaviour: "6.18" of "6.18.44-cloud". */
static size_t platform_base(const char *release) {
    size_t major = strspn(release, "0123456789");
    size_t minor = release[major] == '.' ? strspn(release + major + 1, "0123456789") : 0;
    return major && minor ? major + 1 + minor : major;
}

static void platform_suffix(struct kit_text *out, const char *word) {
    kit_say(out, word[0] ? "+" : "");
    kit_say(out, word);
}

static void platform_id(struct kit_text *out, const struct utsname *system,
                        const struct sp_machine *machine) {
    platform_lower(out, system->sysname);
    kit_say(out, "-");
    platform_plain(out, system->release, platform_base(system->release));
    kit_say(out, "-");
    platform_plain(out, system->machine, strlen(system->machine));
    kit_say(out, "-");
    platform_plain(out, machine->libc, strcspn(machine->libc, "-"));
    platform_suffix(out, machine->emulation);
    platform_suffix(out, strcmp(machine->kqueue, "libkqueue") == 0 ? "libkqueue" : "");
    platform_suffix(out, machine->tracer[0] ? "traced" : "");
    kit_put(out, "", 1);
}

/* What a BSD's version tells of who built it where ("root@host:/usr/obj/...") is dropped. */
static void platform_version(struct kit_text *out, const struct utsname *system) {
    const char *blanks = " \t\n\r\v\f";
    for (const char *at = system->version + strspn(system->version, blanks); *at;) {
        char word[sizeof system->version] = {0};
        size_t length = strcspn(at, blanks);
        memcpy(word, at, length);
        bool host = system->nodename[0] && strstr(word, system->nodename);
        if (word[0] != '/' && !strchr(word, '@') && !host) {
            kit_say(out, out->length ? " " : "");
            kit_say(out, word);
        }
        at += length + strspn(at + length, blanks);
    }
    kit_put(out, "", 1);
}

static void platform_quoted(struct kit_text *out, const char *key, const char *string) {
    kit_key(out, key);
    kit_quoted(out, string);
}

static const char *platform_or_null(const char *string) {
    return string[0] ? string : NULL;
}

void kit_platform(struct kit_text *out) {
    struct sp_machine machine;
    struct utsname system;
    struct kit_text id = {0}, version = {0};
    memset(&system, 0, sizeof system);
    (void)uname(&system);
    sp_machine(&machine);
    platform_id(&id, &system, &machine);
    platform_version(&version, &system);
    kit_say(out, "{");
    platform_quoted(out, "id", id.bytes);
    platform_quoted(out, "os", system.sysname);
    platform_quoted(out, "release", system.release);
    platform_quoted(out, "version", version.bytes);
    platform_quoted(out, "machine", system.machine);
    platform_quoted(out, "libc", machine.libc);
    platform_quoted(out, "compiler", machine.compiler);
    kit_key(out, "cpus");
    kit_number(out, machine.cpus ? (int64_t)machine.cpus : 1, 1);
    platform_quoted(out, "emulation", platform_or_null(machine.emulation));
    platform_quoted(out, "tracer", platform_or_null(machine.tracer));
    kit_key(out, "threadstate");
    kit_say(out, "{");
    platform_quoted(out, "reader", machine.reader);
    platform_quoted(out, "level", machine.level);
    kit_say(out, "}");
    platform_quoted(out, "kqueue", platform_or_null(machine.kqueue));
    kit_say(out, "}");
    free(id.bytes);
    free(version.bytes);
}
