/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's invariants, checked as a whole: for tests, the fuzzer and the model. */
#pragma once

#include "ptwr/ptwr.h"

/*
 * NULL, or which invariant does not hold. Counts are taken down while it runs and put back, so
 * nothing else may look at the frames meanwhile.
 */
const char *ptwr_check(struct ptwr *p);
