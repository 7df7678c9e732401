/* SPDX-License-Identifier: Apache-2.0 */
#include "ptwr/policy.h"

/*
 * So many entries pay for a batch: what opening and reconnecting cost beyond an entry each, in
 * emulated stores. A store that has to be decoded costs more.
 */
#define WORTH         16
#define WORTH_DECODED 10
#define SATURATED     3
/*
 * A run that was taken for a batch and was none costs about that many emulated stores. So the place
 * has to make many before its next run is: at first a few, for what one batch says is little.
 */
#define WAIT      40
#define WAIT_MORE 2 /* each next wait is this much longer, as a shift, */
#define WAIT_MAX  5 /* up to this */
/*
 * The longest pause after batches that walks cut short, as a shift; and how much shorter it is
 * after one that paid for itself.
 */
#define MAX_PAUSE_SHIFT 8
#define PATIENCE        4
/*
 * A store that is not emulated and needs its own table open and connected at once faults for ever.
 * One that stores what was there already does not, but its first batches look the same.
 */
#define HOPELESS 8

uint16_t policy_run(const struct ptwr *p, const struct ptwr_store *store)
{
    unsigned int run = policy_run_of(&p->predictor[policy_index(store->pc)], store->table);

    /* A longer one had to wait: walks that nobody saw may have come between its stores. */
    return run == POLICY_RUN ? POLICY_RUN : 0;
}

uint8_t policy_worth(const struct ptwr_store *store)
{
    return store->decoded ? WORTH : WORTH_DECODED;
}

/*
 * Another vCPU's walk that waits for an open table gets it reconnected, but the writer may open it
 * again before the walk is repeated. So such a batch is followed by stores that are emulated, twice
 * as many each time: in the end the walk comes through. Batches that pay for themselves may do that
 * a few times in a row before there is any pause.
 */
static void pause_opening(struct ptwr *p, const struct ptwr_slot *slot)
{
    if (!slot->foreign) {
        p->pause_shift = 0;
        return;
    }
    if (slot->changed >= slot->worth)
        p->pause = UINT32_C(1) << p->pause_shift >> PATIENCE;
    else
        p->pause =
            UINT32_C(1) << (p->pause_shift < MAX_PAUSE_SHIFT ? p->pause_shift : MAX_PAUSE_SHIFT);
    if (p->pause_shift < MAX_PAUSE_SHIFT + PATIENCE)
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

/* Was the run, from its first store to the end of its batch, long enough to open for? */
static void learn_length(struct ptwr_place *place, const struct ptwr_slot *slot, mfn_t table)
{
    /* Not the run for which this slot is making room. */
    if (place->table == table.raw)
        place->table = MFN_NONE.raw;
    if (slot->run + slot->changed >= slot->worth) {
        if (place->confidence < SATURATED)
            place->confidence++;
        place->shift = 0;
        place->wait = 0;
        return;
    }
    if (place->confidence > 0)
        place->confidence--;
    place->wait = (uint16_t)(WAIT << place->shift);
    place->shift = place->shift + WAIT_MORE < WAIT_MAX ? place->shift + WAIT_MORE : WAIT_MAX;
}

void policy_learn(struct ptwr *p, const struct ptwr_slot *slot, mfn_t table)
{
    learn_length(&p->predictor[policy_index(slot->pc)], slot, table);
    pause_opening(p, slot);
    if (stands_in_own_way(slot)) {
        p->last_empty = table;
        p->empty_batches = slot->pc == p->empty_pc ? p->empty_batches + 1 : 1;
        p->empty_pc = slot->pc;
    } else {
        p->empty_batches = 0;
    }
}
