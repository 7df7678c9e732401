/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test guest is a list of named cases. Each prints one line:
 *
 *   case NAME: ok opened=1 walk=1          what was expected, and what Latch counted meanwhile
 *   case NAME: FAILED: what was not
 *
 * All run, or those that the command line names.
 */
#pragma once

#include <latch/abi.h>

#include "common/types.h"

struct test_case {
    const char *name;
    void (*run)(void);
    bool alone; /* only if the command line names it */
};

void cases_run(const struct test_case *cases, size_t count);

/* The one that runs now. */
extern const struct test_case *current_case;

/* In a case: what has to hold. The first that does not is the one that is printed. */
void expect(bool good, const char *what);
void expect_equal(uint64_t seen, uint64_t wanted, const char *what);
/* The last refusal is new and broke this rule. */
void expect_refused(enum latch_rule rule);

/* The counters printed are those of the time between the two. */
void measure_start(void);
void measure_stop(void);

/* Adds NAME=VALUE to the case's line. */
void note(const char *name, uint64_t value);
