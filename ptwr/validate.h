/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this descriptor value enter a table of this level? Decides by the value alone; what it refers
 * to is type.c's affair. No side effects.
 */
#pragma once

#include "ptwr/desc.h"
#include "ptwr/ptwr.h"

/*
 * The rule that the bits of a valid descriptor break, or PTWR_RULE_NONE. Afterwards the output
 * address of a table descriptor has WALK, that of a leaf has not, and a leaf is a page or a 2 MiB
 * block.
 */
enum ptwr_rule validate_bits(const struct ptwr *p, unsigned int level, desc_t d);

/* Is the leaf's memory type Normal (by MAIR_EL1, whose classes are fixed)? */
static inline bool validate_is_normal(const struct ptwr *p, desc_t d)
{
    return (p->normal_attrs >> desc_attrindx(d) & 1) != 0;
}

/* Does [oa, oa + size) lie in one of the domain's devices, or in memory that it shares? */
bool validate_is_frameless(const struct ptwr *p, uint64_t oa, uint64_t size);

/*
 * The rule that a leaf breaks which maps no frame of the domain: a device has to be mapped as
 * Device, shared memory as Normal and writable only if the domain may write it; all else is
 * nobody's. Such leaves are not counted.
 */
enum ptwr_rule validate_frameless(const struct ptwr *p, unsigned int level, desc_t d);

/*
 * Must the change be broken and made (Arm ARM D8.16, "Using break-before-make")? Not for a change
 * of permissions, access flag or software bits, nor from or to an invalid entry.
 */
bool validate_needs_break(desc_t old, desc_t value);
