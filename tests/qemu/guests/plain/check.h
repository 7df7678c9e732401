/* SPDX-License-Identifier: Apache-2.0 */
/* How a guest says what it found: a line for each check, and at last how many there were. */
#pragma once

#include "common/print.h"
#include "plain/guest.h"

static unsigned int checks_made;

static inline void check(const char *what, bool good)
{
    checks_made++;
    print("%s %s\n", good ? "ok" : "FAIL", what);
}

static inline void check_equal(const char *what, uint64_t is, uint64_t wanted)
{
    checks_made++;
    if (is == wanted)
        print("ok %s\n", what);
    else
        print("FAIL %s: is 0x%lx, not 0x%lx\n", what, is, wanted);
}

/* A test reads this line too: a guest that stopped halfway has not passed. */
static inline void check_end(void) { print("checks: %u\n", checks_made); }
