/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Emulate or open? Emulation costs a trap for each entry; opening about two traps, a flush or two
 * and a scan. The program place that stores tells which is cheaper: a page fault handler writes one
 * entry, a loop over a range many.
 */
#pragma once

#include "ptwr/ptwr.h"

/* So many emulated stores in a row to one table are taken for the start of a batch. */
#define POLICY_RUN 6
/* A place whose batches were long opens at once from this confidence on. */
#define POLICY_OPENS 2

/* Instructions are 4 bytes; the program places of one loop differ in the low bits. */
static inline unsigned int policy_index(uint64_t pc)
{
    return (unsigned int)(pc >> 2 ^ pc >> 9) & (PTWR_PREDICTOR - 1);
}

/* Emulated stores in a row to this table from this place. */
static inline unsigned int policy_run_of(const struct ptwr_place *place, mfn_t table)
{
    return place->table == table.raw ? place->run : 0;
}

/* Would policy `predict` open the table? */
static inline bool policy_predicts(const struct ptwr *p, mfn_t table, uint64_t pc)
{
    const struct ptwr_place *place = &p->predictor[policy_index(pc)];

    if (place->confidence >= POLICY_OPENS)
        return true;
    return place->run >= POLICY_RUN && place->table == table.raw && place->wait == 0;
}

/* Open this table, to which this place stores from EL1? */
static inline bool policy_opens(const struct ptwr *p, mfn_t table, uint64_t pc)
{
    bool wanted = p->policy == PTWR_POLICY_PREDICT ? policy_predicts(p, table, pc)
                                                   : p->policy == PTWR_POLICY_OPEN;

    if (!wanted)
        return false;
    if (p->pause != 0)
        return false;
    /* Its batch changed nothing: the store itself, or what it needs, lies behind the table. */
    if (mfn_eq(table, p->last_empty))
        return false;
    return true;
}

/* A store of this place to this table was emulated. */
static inline void policy_emulated(struct ptwr *p, mfn_t table, uint64_t pc)
{
    struct ptwr_place *place = &p->predictor[policy_index(pc)];

    place->run = (uint16_t)(policy_run_of(place, table) + 1);
    place->table = table.raw;
    if (place->wait != 0)
        place->wait--;
    if (p->pause != 0)
        p->pause--;
    if (mfn_eq(table, p->last_empty))
        p->last_empty = MFN_NONE;
}

/* What a slot keeps of the store that opened it, for policy_learn(). */
uint16_t policy_run(const struct ptwr *p, const struct ptwr_store *store);
uint8_t policy_worth(const struct ptwr_store *store);

/* Can it not go on like this? Each batch of this store comes back as it was, whichever the table.
 */
bool policy_is_hopeless(const struct ptwr *p, const struct ptwr_store *store);

/* The batch of this slot, which was `table`'s, has ended. */
void policy_learn(struct ptwr *p, const struct ptwr_slot *slot, mfn_t table);
