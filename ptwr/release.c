/* SPDX-License-Identifier: Apache-2.0 */
#include "ptwr/release.h"

#include "ptwr/port.h"
#include "ptwr/root.h"
#include "ptwr/type.h"

/* --- Who foretells an end ---------------------------------------------------------------------
 */

static struct ptwr_ending *find(struct ptwr *p, mfn_t root)
{
    for (unsigned int i = 0; i < PTWR_ENDINGS && p->nr_endings != 0; i++) {
        if (p->endings[i].places != 0 && p->endings[i].root == root.raw)
            return &p->endings[i];
    }
    return NULL;
}

static void forget(struct ptwr *p, struct ptwr_ending *ending)
{
    if (ending->places != 0)
        p->nr_endings--;
    ending->places = 0;
}

void release_note_cleared(struct ptwr *p, mfn_t root, uint64_t pc)
{
    uint8_t place = (uint8_t)policy_index(pc);
    struct ptwr_ending *ending;

    if (mfn_is_none(root))
        return;
    ending = find(p, root);
    if (ending == NULL) {
        ending = &p->endings[p->next_ending++ % PTWR_ENDINGS];
        forget(p, ending);
        ending->root = root.raw;
        p->nr_endings++;
    }
    for (unsigned int i = 0; i < ending->places; i++) {
        if (ending->place[i] == place)
            return;
    }
    if (ending->places < PTWR_ENDING_PLACES)
        ending->place[ending->places++] = place;
}

void release_note_made(struct ptwr *p, mfn_t root)
{
    struct ptwr_ending *ending = find(p, root);

    if (ending != NULL)
        forget(p, ending);
}

static void believe(struct ptwr *p, unsigned int place)
{
    if (p->predictor[place].ends < RELEASE_MOST)
        p->predictor[place].ends++;
}

void release_ended(struct ptwr *p, mfn_t root)
{
    struct ptwr_ending *ending = find(p, root);

    if (ending == NULL)
        return;
    for (unsigned int i = 0; i < ending->places; i++)
        believe(p, ending->place[i]);
    forget(p, ending);
}

void release_walked(struct ptwr *p, unsigned int vcpu)
{
    struct ptwr_place *place;

    if (!p->foretold[vcpu].open)
        return;
    p->foretold[vcpu].open = false;
    place = &p->predictor[p->foretold[vcpu].place];
    place->ends = place->ends > RELEASE_MISTAKE ? place->ends - RELEASE_MISTAKE : 0;
}

void release_decide_left(struct ptwr *p, unsigned int vcpu)
{
    p->foretold[vcpu].open = false;
    believe(p, p->foretold[vcpu].place);
}

/* --- What ends --------------------------------------------------------------------------------
 */

static bool is_kept(const struct ptwr *p, mfn_t root)
{
    return !mfn_is_none(root) && frame_has(frame_get(p->frames, root), FRAME_PINNED);
}

bool release_wanted(const struct ptwr *p, mfn_t root, uint64_t pc)
{
    if (p->policy != PTWR_POLICY_PREDICT || !is_kept(p, root))
        return false;
    return release_believes(p, pc) || !root_is_loaded(p, root);
}

/* What an open table's old entries refer to is dropped piece by piece, unless that is nothing. */
static bool can_release(const struct ptwr *p, mfn_t root)
{
    for (unsigned int i = 0; i < p->nr_slots && p->nr_open != 0; i++) {
        const struct ptwr_slot *slot = &p->slots[i];

        if (!mfn_is_none(slot->table) && mfn_eq(slot->root, root) &&
            (!type_holds_nothing(p, slot->level) ||
             frame_has(frame_get(p->frames, slot->table), FRAME_CODE)))
            return false;
    }
    return true;
}

static bool clears(const struct ptwr *p, const struct ptwr_store *store)
{
    desc_t old;

    if (!store->decoded || store->size != sizeof(desc_t) || store->offset % sizeof(desc_t) != 0 ||
        (store->value & DESC_VALID) != 0)
        return false;
    old = ptwr_port_load(p->port, store->table, store->offset / sizeof(desc_t));
    return desc_is_valid(old);
}

bool release_by_store(struct ptwr *p, const struct ptwr_store *store)
{
    mfn_t root = slot_user_root(p, store->table);

    if (store->el0 || !release_wanted(p, root, store->pc) || !can_release(p, root))
        return false;
    if (root_is_loaded(p, root)) {
        if (!mfn_eq(p->base[store->vcpu][0], root) || !clears(p, store))
            return false;
        p->foretold[store->vcpu].open = true;
        p->foretold[store->vcpu].place = (uint8_t)policy_index(store->pc);
    }
    p->count.released++;
    root_drop(p, root);
    return true;
}
