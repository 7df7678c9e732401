/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages of known kinds, in tables whose entries take nothing of what they refer to
 * (type_holds_nothing()): there a kind, which is all of a descriptor but its page's number, is
 * legal for every frame or for none, except that what EL0 can write, or EL1 can execute, has to be
 * an ordinary one. Most of a batch and of a new table is such pages, so they are judged in rows.
 */
#pragma once

#include "ptwr/port.h"
#include "ptwr/ptwr.h"
#include "ptwr/seal.h"

/* What a page is judged by beside its frame; address bits that no frame number has room for too. */
static inline uint64_t known_kind(desc_t d)
{
    return d.raw & ~GENMASK64(PAGE_SHIFT + 31, PAGE_SHIFT);
}

/* Where a kind is remembered: by what page descriptors of a system differ in. */
static inline unsigned int known_place(uint64_t kind)
{
    return (unsigned int)((kind ^ kind >> 47) >> 4) % PTWR_KINDS;
}

/* Entries of a row that cost what one unit of a budget stands for. */
#define KNOWN_PAGES 4

/* What holds a reference all the same: it is to be dropped the long way. */
static inline bool known_is_code(const struct ptwr *p, desc_t d)
{
    return desc_is_valid(d) && seal_counts(p, d);
}

/* Learn from a level-3 entry that was just taken. */
void known_learn(struct ptwr *p, desc_t d);

/* An invalid entry is all right, as is a page of a known kind. false: judge it the long way. */
static inline bool known_is(const struct ptwr *p, desc_t d)
{
    const uint64_t harmless = DESC_AP_RO | DESC_PXN;
    uint64_t kind = known_kind(d);
    mfn_t mfn = pa_to_mfn(pa_of(d.raw & DESC_OA));
    const struct frame *f;

    if (!desc_is_valid(d))
        return true;
    if (kind != p->kinds[known_place(kind)])
        return false;
    if ((d.raw & (harmless | DESC_DBM)) == harmless)
        return frame_in_range(p->frames, mfn);
    f = frame_get(p->frames, mfn);
    return f != NULL && frame_is_ordinary(f, p->owner);
}

/*
 * How many of `count` entries in a row, from `entries` on, are all right. It may end at one that
 * is, where a look for the next entry that is not 0 gets on sooner.
 */
unsigned int known_row(const struct ptwr *p, const desc_t *entries, unsigned int count);

/*
 * The same of those that have changed, and those that have not between them; *changed counts the
 * former. It may end at one that has not, where a look for the next change gets on sooner.
 */
unsigned int known_changes(const struct ptwr *p, struct ptwr_view view, unsigned int count,
                           unsigned int *changed);
