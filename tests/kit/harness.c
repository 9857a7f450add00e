/* SPDX-License-Identifier: BSD-2-Clause */
/* The kit with its own main put aside, so that tests can call what it is made of. */
#define main kit_own_main
#include "sigprobe.c"
#undef main

int harness_matches(const char *pattern, const char *text);
void harness_timestamp(int64_t when, char *out);

int harness_matches(const char *pattern, const char *text) {
    return kit_matches(pattern, text);
}

void harness_timestamp(int64_t when, char *out) {
    struct kit_text text = {0};
    record_timestamp(&text, (time_t)when);
    kit_put(&text, "", 1);
    memcpy(out, text.bytes, text.length);
    free(text.bytes);
}
