/* SPDX-License-Identifier: Apache-2.0 */
/* What Latch counted for this guest, and what it refused last. */
#pragma once

#include <latch/abi.h>

#include "common/types.h"

void counters_read(struct latch_counters *counters);
const char *trigger_name(enum latch_trigger trigger);

/* All of them, two or three to a line, each line beginning with `prefix`. */
void counters_print(const char *prefix, const struct latch_counters *counters);

/* What was refused since the last call: false if nothing was. */
bool refusal_read(struct latch_refusal *refusal);
