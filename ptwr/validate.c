/* SPDX-License-Identifier: Apache-2.0 */
#include "ptwr/validate.h"

/*
 * Leaves: RES0 bits, GP (BTI is hidden), contiguous (a group would have to be judged as a whole),
 * and what other features may give a meaning to.
 */
#define LEAF_REFUSED                                                                               \
    (DESC_RES0_HIGH | DESC_GP | DESC_CONTIGUOUS | DESC_PXNTABLE | DESC_UXNTABLE | DESC_APTABLE |   \
     DESC_NSTABLE)
#define TABLE_REFUSED (DESC_RES0_HIGH | DESC_GP | DESC_NSTABLE)

#define SH_RESERVED BIT64(8)

/* What a valid entry may change without a break. */
#define FREE_TO_CHANGE                                                                             \
    (DESC_AP_EL0 | DESC_AP_RO | DESC_AF | DESC_DBM | DESC_PXN | DESC_UXN | DESC_SOFTWARE)

/* Beyond both windows: nothing is there, and a frame number has no room for it. */
static bool is_beyond(const struct ptwr *p, desc_t d)
{
    return (desc_oa(d) & ~(2 * p->walk - 1)) != 0;
}

static enum ptwr_rule table_bits(const struct ptwr *p, desc_t d)
{
    if ((d.raw & TABLE_REFUSED) != 0)
        return PTWR_RULE_RESERVED;
    if (is_beyond(p, d))
        return PTWR_RULE_OWNER;
    return (desc_oa(d) & p->walk) != 0 ? PTWR_RULE_NONE : PTWR_RULE_WINDOW;
}

/*
 * An unmodified guest's: no windows, but neither may it name WALK; blocks of 1 GiB and contiguous
 * groups are judged as what they map. EL0 may not write by the largest: that would be too many
 * frames to look at.
 */
static enum ptwr_rule guarded_bits(const struct ptwr *p, unsigned int level, desc_t d)
{
    bool contiguous = (d.raw & DESC_CONTIGUOUS) != 0;

    if (desc_is_table(d, level)) {
        if ((d.raw & TABLE_REFUSED) != 0)
            return PTWR_RULE_RESERVED;
    } else {
        if (!desc_is_leaf(d, level))
            return PTWR_RULE_RESERVED;
        if (level == 0)
            return PTWR_RULE_LEVEL;
        if ((d.raw & (LEAF_REFUSED & ~DESC_CONTIGUOUS)) != 0 || (d.raw & DESC_SH) == SH_RESERVED ||
            (desc_oa(d) & (desc_span(level) - 1)) != 0)
            return PTWR_RULE_RESERVED;
        if (desc_is_writable(d) && desc_is_el0(d) && (level == 1 || (level == 2 && contiguous)))
            return PTWR_RULE_LEVEL;
    }
    if (is_beyond(p, d))
        return PTWR_RULE_OWNER;
    return (desc_oa(d) & p->walk) == 0 ? PTWR_RULE_NONE : PTWR_RULE_WINDOW;
}

enum ptwr_rule validate_bits(const struct ptwr *p, unsigned int level, desc_t d)
{
    if (p->guarded)
        return guarded_bits(p, level, d);
    if (desc_is_table(d, level))
        return table_bits(p, d);
    if (!desc_is_leaf(d, level))
        return PTWR_RULE_RESERVED;
    if (level < 2)
        return PTWR_RULE_LEVEL;
    if ((d.raw & LEAF_REFUSED) != 0 || (d.raw & DESC_SH) == SH_RESERVED ||
        (desc_oa(d) & (desc_span(level) - 1)) != 0)
        return PTWR_RULE_RESERVED;
    if (is_beyond(p, d))
        return PTWR_RULE_OWNER;
    return (desc_oa(d) & p->walk) == 0 ? PTWR_RULE_NONE : PTWR_RULE_WINDOW;
}

static bool contains(const struct ptwr_range *range, uint64_t oa, uint64_t size)
{
    /* Below the base the difference wraps round. */
    return size <= range->size && oa - range->base <= range->size - size;
}

static bool is_device(const struct ptwr *p, uint64_t oa, uint64_t size)
{
    for (unsigned int i = 0; i < PTWR_MAX_DEVICES; i++) {
        if (contains(&p->devices[i], oa, size))
            return true;
    }
    return false;
}

static const struct ptwr_shared *find_shared(const struct ptwr *p, uint64_t oa, uint64_t size)
{
    for (unsigned int i = 0; i < PTWR_MAX_SHARED; i++) {
        if (contains(&p->shared[i].range, oa, size))
            return &p->shared[i];
    }
    return NULL;
}

bool validate_is_frameless(const struct ptwr *p, uint64_t oa, uint64_t size)
{
    return is_device(p, oa, size) || find_shared(p, oa, size) != NULL;
}

enum ptwr_rule validate_frameless(const struct ptwr *p, unsigned int level, desc_t d)
{
    const struct ptwr_shared *shared = find_shared(p, desc_oa(d), desc_span(level));

    if (shared == NULL) {
        if (!is_device(p, desc_oa(d), desc_span(level)))
            return PTWR_RULE_OWNER;
        return validate_is_normal(p, d) ? PTWR_RULE_MEMTYPE : PTWR_RULE_NONE;
    }
    if (!validate_is_normal(p, d))
        return PTWR_RULE_MEMTYPE;
    return desc_is_writable(d) && !shared->writable ? PTWR_RULE_FOREIGN : PTWR_RULE_NONE;
}

bool validate_needs_break(desc_t old, desc_t value)
{
    if (!desc_is_valid(old) || !desc_is_valid(value))
        return false;
    return ((old.raw ^ value.raw) & ~FREE_TO_CHANGE) != 0;
}
