/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guarded, policy `predict`: address spaces that end. All their tables become plain at once, so
 * that the guest takes them down by plain stores, instead of by one that is judged for each entry.
 * If it goes on using the address space, that is validated again at its next walk.
 *
 * Which one ends? One that the guest clears entries of while no vCPU has it loaded; or by the
 * program place that begins to clear: those that did so before other address spaces ended are
 * trusted to mean it again.
 */
#pragma once

#include "ptwr/policy.h"
#include "ptwr/ptwr.h"
#include "ptwr/slot.h"

/* Deaths foretold from which on a place is believed; the most that count; what a mistake costs. */
#define RELEASE_BELIEVED 2
#define RELEASE_MOST     8
#define RELEASE_MISTAKE  4

static inline bool release_believes(const struct ptwr *p, uint64_t pc)
{
    return p->guarded && p->policy == PTWR_POLICY_PREDICT &&
           p->predictor[policy_index(pc)].ends >= RELEASE_BELIEVED;
}

/* Would this place's clearing an entry release this slot_user_root()? */
bool release_wanted(const struct ptwr *p, mfn_t root, uint64_t pc);

/*
 * A store to an attached table. True: its root is released, all below is stale, or will be when
 * stale_teardown() is through. The store is to be done again.
 */
bool release_by_store(struct ptwr *p, const struct ptwr_store *store);

/* A place has cleared an entry below the slot_user_root(), if there is one, or may have. */
void release_note_cleared(struct ptwr *p, mfn_t root, uint64_t pc);

/* An entry was made there: what was cleared before was no end. */
void release_note_made(struct ptwr *p, mfn_t root);

static inline void release_note(struct ptwr *p, mfn_t root, uint64_t pc, desc_t value)
{
    if (mfn_is_none(root))
        return;
    if (!desc_is_valid(value))
        release_note_cleared(p, root, pc);
    else if (p->nr_endings != 0)
        release_note_made(p, root);
}

/* The root ends without having been released: those that cleared its entries knew. */
void release_ended(struct ptwr *p, mfn_t root);

/* The vCPU walks a root that is to be validated; or it goes on to another root. */
void release_walked(struct ptwr *p, unsigned int vcpu);
void release_decide_left(struct ptwr *p, unsigned int vcpu);

static inline void release_left(struct ptwr *p, unsigned int vcpu)
{
    if (p->foretold[vcpu].open)
        release_decide_left(p, vcpu);
}
