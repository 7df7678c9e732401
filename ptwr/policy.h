/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Emulate or open? Emulation costs a trap for each entry; opening about two traps, a flush or two
 * and a scan. The program place that stores tells which is cheaper: a page fault handler writes one
 * entry, a loop over a range many.
 */
#pragma once

#include "ptwr/ptwr.h"

/* Open the table that this store, from EL1, has hit? */
bool policy_opens(const struct ptwr *p, const struct ptwr_store *store);

/* This store was emulated. */
void policy_emulated(struct ptwr *p, const struct ptwr_store *store);

/* Can it not go on like this? Each batch of this store comes back as it was, whichever the table.
 */
bool policy_is_hopeless(const struct ptwr *p, const struct ptwr_store *store);

/* The batch of this slot, which was `table`'s, has ended. */
void policy_learn(struct ptwr *p, const struct ptwr_slot *slot, mfn_t table);
