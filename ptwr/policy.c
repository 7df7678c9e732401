/* SPDX-License-Identifier: Apache-2.0 */
#include "ptwr/policy.h"

/*
 * So many emulated stores in a row to one table are the start of a run. A place whose runs were
 * none has to show longer ones: twice as many stores each time.
 */
#define RUN       6
#define MAX_SHIFT 6
/* A batch of this many entries has paid for itself; one of half as many has not. */
#define WORTH_OPENING 12
/* So often the pause after a batch that a walk cut short doubles. */
#define MAX_PAUSE_SHIFT 8
/* Open at once from this confidence on. */
#define OPENS     2
#define SATURATED 3
/*
 * A store that is not emulated and needs its own table open and connected at once faults for ever.
 * One that stores what was there already does not, but its first batches look the same.
 */
#define HOPELESS 8

/* A predictor entry: confidence in the low four bits, the run's shift in the high four. */
static unsigned int confidence_of(uint8_t entry) { return entry & 15; }
static unsigned int shift_of(uint8_t entry) { return entry >> 4; }

static uint8_t make_entry(unsigned int confidence, unsigned int shift)
{
    return (uint8_t)(shift << 4 | confidence);
}

static unsigned int slot_of(uint64_t pc)
{
    /* Instructions are 4 bytes; the program places of one loop differ in the low bits. */
    return (unsigned int)(pc >> 2 ^ pc >> 8) & (PTWR_PREDICTOR - 1);
}

bool policy_opens(const struct ptwr *p, const struct ptwr_store *store)
{
    uint8_t entry;

    /* Its batch changed nothing: the store itself, or what it needs, lies behind the table. */
    if (mfn_eq(store->table, p->last_empty))
        return false;
    if (p->pause != 0)
        return false;
    switch (p->policy) {
    case PTWR_POLICY_EMULATE:
        return false;
    case PTWR_POLICY_OPEN:
        return true;
    case PTWR_POLICY_PREDICT:
    default:
        entry = p->predictor[slot_of(store->pc)];
        return confidence_of(entry) >= OPENS ||
               (mfn_eq(store->table, p->run_table) && p->run >= (uint32_t)RUN << shift_of(entry));
    }
}

void policy_emulated(struct ptwr *p, const struct ptwr_store *store)
{
    p->run = mfn_eq(store->table, p->run_table) ? p->run + 1 : 1;
    p->run_table = store->table;
    if (p->pause != 0)
        p->pause--;
    if (mfn_eq(store->table, p->last_empty))
        p->last_empty = MFN_NONE;
}

/*
 * Another vCPU's walk that waits for an open table gets it reconnected, but the writer may open it
 * again before the walk is repeated. So such a batch is followed by stores that are emulated, twice
 * as many each time: in the end the walk comes through.
 */
static void pause_opening(struct ptwr *p, const struct ptwr_slot *slot)
{
    if (!slot->foreign) {
        p->pause_shift = 0;
        return;
    }
    if (slot->changed >= WORTH_OPENING)
        return;
    p->pause = UINT32_C(1) << p->pause_shift;
    if (p->pause_shift < MAX_PAUSE_SHIFT)
        p->pause_shift++;
}

bool policy_is_hopeless(const struct ptwr *p, const struct ptwr_store *store)
{
    return store->pc == p->empty_pc && p->empty_batches >= HOPELESS;
}

/* What the store itself needed ended the batch; anything else will not do so each time. */
static bool stands_in_own_way(const struct ptwr_slot *slot)
{
    return slot->changed == 0 &&
           (slot->why == PTWR_T_WALK || slot->why == PTWR_T_EL2_WALK || slot->why == PTWR_T_SLOT);
}

void policy_learn(struct ptwr *p, const struct ptwr_slot *slot, mfn_t table)
{
    uint8_t *entry = &p->predictor[slot_of(slot->pc)];
    unsigned int confidence = confidence_of(*entry);
    unsigned int shift = shift_of(*entry);
    unsigned int changed = slot->changed;

    p->run = 0;
    pause_opening(p, slot);
    if (stands_in_own_way(slot)) {
        p->last_empty = table;
        p->empty_batches = slot->pc == p->empty_pc ? p->empty_batches + 1 : 1;
        p->empty_pc = slot->pc;
    } else {
        p->empty_batches = 0;
    }
    if (changed >= WORTH_OPENING)
        *entry = make_entry(confidence < SATURATED ? confidence + 1 : confidence, 0);
    else if (changed < WORTH_OPENING / 2)
        *entry =
            make_entry(confidence > 0 ? confidence - 1 : 0, shift < MAX_SHIFT ? shift + 1 : shift);
}
