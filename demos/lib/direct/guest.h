/* SPDX-License-Identifier: Apache-2.0 */
/* Between the runtime and the guest. */
#pragma once

#include <latch/abi.h>

#include "common/types.h"

/* What Latch left for the guest. */
extern const struct latch_start_info *start_info;

/* The physical counter when the guest was started. */
extern uint64_t guest_started;

/* The guest itself: linear map, m2p and console work. Powers off when it returns. */
void guest_main(void);

NORETURN void guest_shutdown(uint32_t reason);
/* Ends the guest as crashed: Latch counts the domain as stopped. */
NORETURN void guest_crash(void);

/* Is this word in the command line? */
bool guest_option(const char *word);

/* For start.S. */
void guest_begin(const struct latch_start_info *info);
