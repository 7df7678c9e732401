/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roots: tables that a TTBRn_EL1 names. A direct domain's are tables like others that a base or a
 * pin refers to. A guarded domain's are kept: judged at the first walk, they stay tables while no
 * vCPU has them loaded, and are dropped when somebody wants the memory for something else.
 */
#pragma once

#include "ptwr/ptwr.h"

/* The level that the tables of a half of the address space start at (Arm ARM D8.2.8). */
static inline unsigned int root_first_level(const struct ptwr *p, unsigned int vcpu,
                                            unsigned int which)
{
    unsigned int bits = p->va_bits[vcpu][which];

    if (bits == 0) /* the MMU is off */
        return 4;
    return 4U - (bits - PAGE_SHIFT + PTWR_INDEX_BITS - 1U) / PTWR_INDEX_BITS;
}

/* A block was taken in this table: the root above it is marked. */
void root_note_block(struct ptwr *p, mfn_t table);

/* Guarded: a second entry, in `table`, refers to this one: what blocks it will have is not known.
 */
static inline void root_note_shared(struct ptwr *p, const struct frame *shared, mfn_t table)
{
    if (!p->guarded)
        return;
    root_note_block(p, table);
    if (frame_has(shared, FRAME_BACKPTR))
        root_note_block(p, mfn_of(shared->parent));
}

/*
 * Guarded: drop the roots that no vCPU has loaded; a store to such a root drops it alone. False:
 * there was none. What they refer to goes the way of all stale tables.
 */
bool root_drop_unloaded(struct ptwr *p);
/* Guarded: drop a root that is kept, loaded or not: a walk that needs it validates it again. */
void root_drop(struct ptwr *p, mfn_t root);

/* Has a vCPU this root in one of its bases? */
bool root_is_loaded(const struct ptwr *p, mfn_t root);

bool root_drop_if_unloaded(struct ptwr *p, mfn_t root);

/* The walkers may use the root again, if it is kept still and no table below it is open. */
void root_unpark(struct ptwr *p, mfn_t root);
