/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a leaf takes of the frames that it maps. In a direct domain a reference on each, counted
 * once more where it can write. In a guarded one nothing, for stage 2 confines its leaves; but what
 * EL0 may write is checked, and counted if the domain is configured so.
 */
#pragma once

#include "ptwr/ptwr.h"

/* Entries of a contiguous group, of a granule of 4 KiB (Arm ARM D8.6.1). */
#define LEAF_CONTIGUOUS (16 < PTWR_ENTRIES ? 16 : PTWR_ENTRIES)

/*
 * Every check before the first count: a leaf is taken whole or not at all. HV_OK; HV_EINVAL:
 * p->violation.rule says why; NOT_READY: *child has to become PLAIN first. Precondition: its bits
 * are legal.
 */
NODISCARD
enum hv_err leaf_take(struct ptwr *p, unsigned int level, desc_t d, mfn_t *child);

/* Give back what leaf_take() took. */
void leaf_drop(struct ptwr *p, unsigned int level, desc_t d);

/* What the leaf adds to struct frame.counts of each frame that it maps. */
uint64_t leaf_delta(const struct ptwr *p, desc_t d);

/*
 * The frames that the leaf maps, as numbers; not all have to be the domain's. A guarded guest's
 * contiguous one stands for its whole group, since a TLB may take it for that (Arm ARM D8.6.1).
 */
struct leaf_frames {
    uint64_t first;
    uint64_t count;
};
struct leaf_frames leaf_frames(unsigned int level, desc_t d);

/* Guarded: the part of a range that is the domain's RAM. */
struct leaf_frames leaf_in_ram(const struct ptwr *p, struct leaf_frames range);

/* leaf_take() said NOT_READY of *child. HV_OK: ask again; HV_EAGAIN. */
NODISCARD
enum hv_err leaf_make_ready(struct ptwr *p, unsigned int level, desc_t d, mfn_t child,
                            unsigned int *budget);
