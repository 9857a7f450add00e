/* SPDX-License-Identifier: BSD-2-Clause */
#include "text.h"

#include <stdbool.h>

struct text_out {
    char *at;
    char *last;
};

static void text_put(struct text_out *out, char c) {
    if (out->at < out->last)
        *out->at++ = c;
}

static void text_string(struct text_out *out, const char *string) {
    for (; *string; string++)
        text_put(out, *string);
}

static void text_number(struct text_out *out, int number) {
    char digits[12];
    int count = 0;
    unsigned rest = number < 0 ? 0u - (unsigned)number : (unsigned)number;
    do
        digits[count++] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0)
        text_put(out, '-');
    while (count)
        text_put(out, digits[--count]);
}

void sp_text_list(char *buffer, size_t size, const char *format, va_list list) {
    struct text_out out = {buffer, buffer + size - 1};
    for (; *format; format++) {
        if (*format != '%') {
            text_put(&out, *format);
            continue;
        }
        if (*++format == 'd')
            text_number(&out, va_arg(list, int));
        else
            text_string(&out, va_arg(list, const char *));
    }
    *out.at = '\0';
}

void sp_text(char *out, size_t size, const char *format, ...) {
    va_list list;
    va_start(list, format);
    sp_text_list(out, size, format, list);
    va_end(list);
}
