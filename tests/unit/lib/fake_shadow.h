/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hardware may still hold, for fake_port.c: which CPU may use an old stage-2 entry, at which
 * VAs a walk cache may point to a table, which older descriptors a TLB may hold.
 *
 * The rules it is made of (Arm ARM, "TLB maintenance requirements", "Break-before-make", and
 * "Mismatched memory attributes"):
 *   - a changed stage-2 entry is seen by walkers only after a DSB;
 *   - a TLBI is complete only at a DSB ISH of the CPU that sent it;
 *   - TLBI IPAS2E1 does not remove what was combined from both stages, TLBI VMALLE1 and VAAE1 do;
 *     a walk between the two can combine again what the first has not yet removed;
 *   - TLBI VAAE1 removes what serves its VA; for a level-3 table that is the one pointer to it, if
 *     it is hooked at that VA alone;
 *   - a valid entry may stay cached until a TLBI, and must not meet another size, address or
 *     memory type of itself;
 *   - a permission that was given is not seen by a CPU before it has dropped the old one from both
 *     kinds of cache;
 *   - two stores of one CPU may be seen by a walker in either order, unless a DSB stands between;
 *   - a clean line hides what was written behind the cache.
 */
#pragma once

#include "fake_port.h"

uint64_t *fake_memory(struct fake *f, unsigned int number); /* the cached copy */
unsigned int fake_child(uint64_t value); /* frame that a table descriptor points to */

/* Guarded: what walks reach, by the registers, the entries and stage 2. Never forgets. */
void guarded_reach(struct fake *f);
/* A full flush is complete: only what can be reached now is. */
void guarded_forget(struct fake *f);
/* .. or one by a VA is, below roots that are parked: the level-3 table there. */
void guarded_forget_va(struct fake *f);
const char *guarded_illegal(struct fake *f, unsigned int level, uint64_t value);

void shadow_data(struct fake *f, unsigned int number, enum ptwr_perm perm);
void shadow_walk(struct fake *f, unsigned int number, enum ptwr_perm perm);
void shadow_dsb(struct fake *f, bool loads_too);
void shadow_ipas2(struct fake *f, enum ptwr_window window, unsigned int number);
void shadow_vaae1(struct fake *f, uint64_t va);
void shadow_all(struct fake *f, bool both_stages);
void shadow_repeat(struct fake *f);
void shadow_reach(struct fake *f, unsigned int number, uint64_t va);

/* The engine, or the guest, stores `value` over `old`: call before the memory changes. */
void shadow_engine_store(struct fake *f, unsigned int number, unsigned int index, uint64_t value);
void shadow_guest_store(struct fake *f, unsigned int number, unsigned int index, uint64_t value);
/* .. and after it changed. */
void shadow_stored(struct fake *f, unsigned int number, unsigned int index);
/*
 * The operation is over: pages that were left broken are the guest's own to invalidate. What may be
 * a table or a block is not left to it: the two must not meet.
 */
void shadow_settle(struct fake *f);
