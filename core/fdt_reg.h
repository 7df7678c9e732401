/* SPDX-License-Identifier: Apache-2.0 */
/* Where a device of the board's device tree lies, through the `ranges` of the buses above it. */
#pragma once

#include "ptwr/base.h"

struct fdt_range {
    uint64_t base; /* in CPU physical addresses */
    uint64_t size; /* in bytes */
};

/*
 * Entry `index` of the reg of `node`, which stands on `bus`, its parent; false if there is no such
 * entry, if it is empty, or if a bus on the way has no ranges that cover it (Devicetree
 * Specification, 2.3.8). Finding a node's parent is a search through the tree, so that is left to
 * the caller, who may have more entries to read.
 */
bool fdt_reg(const void *fdt, int bus, int node, unsigned int index, struct fdt_range *out);
