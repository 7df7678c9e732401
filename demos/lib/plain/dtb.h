/* SPDX-License-Identifier: Apache-2.0 */
/* The little of a flattened device tree that a small guest wants. */
#pragma once

#include "common/types.h"

/* The command line, or "" without a tree or without one in it. */
const char *dtb_bootargs(uint64_t dtb);
