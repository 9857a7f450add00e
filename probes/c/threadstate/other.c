/* SPDX-License-Identifier: BSD-2-Clause */
/* Platforms without a reader of their own: no thread state is shown, no tracer is known of. */
#include "../engine.h"

#if !defined(__linux__) && !defined(__APPLE__) && !defined(__FreeBSD__) &&                         \
    !defined(__OpenBSD__) && !defined(__NetBSD__) && !defined(__DragonFly__) &&                    \
    !(defined(__sun) && defined(__SVR4))

#include "../text.h"

bool sp_tracer(char *out, size_t size) {
    sp_text(out, size, "%s", "");
    return false;
}

#else
typedef int other_unused; /* C11 6.9: a translation unit is not empty */
#endif
