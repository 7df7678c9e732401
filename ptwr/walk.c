/* SPDX-License-Identifier: Apache-2.0 */
/* EL2's own walk of a guest's tables. Each emulated store starts with one, so it is kept short. */
#include "ptwr/port.h"
#include "ptwr/ptwr.h"
#include "ptwr/root.h"
#include "ptwr/type.h"

#define APTABLE_NO_EL0   BIT64(61)
#define APTABLE_NO_WRITE BIT64(62)

/* Bit 55 chooses the base, and the bits below it that are not translated must agree with it; above
 * it a guest may keep a tag. */
static bool choose_base(const struct ptwr *p, unsigned int vcpu, va_t va, unsigned int *which)
{
    unsigned int bits = p->va_bits[vcpu][1];
    uint64_t top;

    *which = va.raw >> 55 & 1;
    if (*which == 0)
        bits = p->va_bits[vcpu][0];
    top = va.raw << 8 >> 8 >> bits;
    return top == (*which == 0 ? 0 : GENMASK64(55 - bits, 0));
}

/* What the leaf allows, less what the tables above it take away. */
static void apply_rights(struct ptwr_walk *walk, uint64_t tables)
{
    bool may_write = (walk->desc.raw & DESC_AP_RO) == 0 && (tables & APTABLE_NO_WRITE) == 0;
    bool may_el0 = desc_is_el0(walk->desc) && (tables & APTABLE_NO_EL0) == 0;

    walk->writable_el1 = may_write;
    walk->readable_el0 = may_el0;
    walk->writable_el0 = may_el0 && may_write;
}

/* May a walker use `table` now, if it starts there? */
static bool is_attached(const struct ptwr *p, mfn_t table)
{
    return frame_get(p->frames, table)->state == FRAME_ATTACHED;
}

/* What TTBR0_EL1 of a guarded guest names is anything until its first walk, and may be a root for
 * another size of address space after that. */
static bool is_root(const struct ptwr *p, mfn_t table, unsigned int level)
{
    const struct frame *f = type_frame(p, table);

    return f != NULL && frame_has(f, FRAME_ROOT) && f->state == FRAME_ATTACHED &&
           frame_level(f) == level;
}

/* The MMU is off: an address is what it says (Arm ARM D8.2.9). */
static void translate_nothing(va_t va, struct ptwr_walk *walk)
{
    walk->oa = va.raw & GENMASK64(47, 0);
    walk->writable_el1 = true;
    walk->readable_el0 = true;
    walk->writable_el0 = true;
}

enum hv_err ptwr_translate(struct ptwr *p, unsigned int vcpu, va_t va, struct ptwr_walk *walk)
{
    /* While no table is open, whatever a base leads to is attached. */
    const bool some_open = p->nr_open != 0;
    uint64_t tables = 0;
    unsigned int which, index, level = 0;
    mfn_t table;
    desc_t d;

    walk->level = 0;
    walk->table = MFN_NONE;
    walk->desc = desc_of(0);
    if (p->va_bits[vcpu][0] == 0) {
        translate_nothing(va, walk);
        return HV_OK;
    }
    if (!choose_base(p, vcpu, va, &which) || mfn_is_none(p->base[vcpu][which]))
        return HV_EFAULT;
    level = root_first_level(p, vcpu, which);
    if (p->guarded && !is_root(p, p->base[vcpu][which], level))
        return HV_EFAULT;
    va.raw &= BIT64(p->va_bits[vcpu][which]) - 1;
    for (table = p->base[vcpu][which];; table = type_child(p, d), level++) {
        if (some_open && !is_attached(p, table))
            return HV_EAGAIN;
        index = desc_index(va.raw, level);
        d = ptwr_port_load(p->port, table, index);
        if (!desc_is_valid(d) || !desc_is_table(d, level))
            break;
        tables |= d.raw;
    }
    walk->table = table;
    walk->level = level;
    walk->index = index;
    walk->desc = d;
    if (!desc_is_valid(d))
        return HV_EFAULT;
    walk->oa = desc_oa(d) | (va.raw & (desc_span(level) - 1));
    apply_rights(walk, tables);
    return HV_OK;
}
