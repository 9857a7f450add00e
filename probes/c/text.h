/* SPDX-License-Identifier: BSD-2-Clause */
/* Text without locale and without allocation. */
#ifndef SIGPROBE_TEXT_H
#define SIGPROBE_TEXT_H

#include <stdarg.h>
#include <stddef.h>

/* Writes like snprintf does, knowing %s and %d only; cuts what does not fit. The kit and the child
 * after a fork use it where stdio would take locks or a locale. */
void sp_text(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
void sp_text_list(char *out, size_t size, const char *format, va_list list);

#endif
