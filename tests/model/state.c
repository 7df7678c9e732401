/* SPDX-License-Identifier: Apache-2.0 */
/* States: made canonical, packed, and known by a hash. */
#include <string.h>

#include "tests/model/model.h"

static struct model_state first;

/* Statistics, and what the engine remembers only to be faster. */
static void forget(struct ptwr *p)
{
    p->count = (struct ptwr_counters){0};
    p->violation = (struct ptwr_violation){0};
    if (p->fatal.rule != PTWR_RULE_NONE)
        p->fatal = (struct ptwr_violation){.rule = PTWR_RULE_RESERVED};
    p->taken = (struct frame_run){0};
    p->dropped = (struct frame_run){0};
    p->broken = p->broken == p->epoch + 1; /* all that is ever asked of the two */
    p->epoch = 0;
    p->empty_pc = 0;
    p->empty_batches = 0;
    p->links = 1; /* no memo outlives a step */
    p->pause = 0; /* each store is tried both ways anyway */
    p->pause_shift = 0;
    p->policy = PTWR_POLICY_EMULATE;
    memset(p->predictor, 0, sizeof(p->predictor));
}

/* Slots are looked at in the order of their numbers, so these stay; ages become ranks. */
static void rank_slots(struct world *w)
{
    struct ptwr *p = &w->p;
    uint32_t rank[PTWR_MAX_SLOTS] = {0};

    for (unsigned int i = 0; i < p->nr_slots; i++) {
        for (unsigned int j = 0; j < p->nr_slots; j++)
            rank[i] +=
                !mfn_is_none(p->slots[j].table) && p->slots[j].sequence < p->slots[i].sequence;
    }
    for (unsigned int i = 0; i < p->nr_slots; i++) {
        struct ptwr_slot *slot = &p->slots[i];

        slot->tried = slot->tried == p->closed + 1;
        slot->sequence = rank[i];
        slot->pc = 0;
        if (!mfn_is_none(slot->table))
            continue;
        memset(slot, 0, sizeof(*slot));
        slot->table = MFN_NONE;
        memset(w->mmu.snapshot[i], 0, sizeof(w->mmu.snapshot[i]));
    }
    p->sequence = p->nr_open;
    p->closed = 0;
}

static void forget_memory(struct mmu_memory *memory)
{
    for (unsigned int i = 0; i < MMU_FRAMES; i++) {
        for (unsigned int j = 0; j < PTWR_ENTRIES; j++) {
            struct mmu_entry *e = &memory->entry[i][j];

            if (!e->has_old)
                e->old = desc_of(0);
            e->keep_line = e->keep_line && e->mixed;
        }
    }
}

static void save(const struct world *w, struct model_state *s)
{
    memset(s, 0, sizeof(*s)); /* holes of the structure are part of the comparison */
    memcpy(&s->p, &w->p, sizeof(s->p));
    memcpy(s->mmu, &w->mmu, sizeof(s->mmu));
    memcpy(&s->memory, &w->memory, sizeof(s->memory));
    memcpy(s->frames, w->frames, sizeof(s->frames));
    memcpy(s->suspended, w->suspended, sizeof(s->suspended));
    s->crashed = w->crashed;
}

/*
 * Words that differ from the first state's: a byte that says how many words are alike, one that
 * says how many differ, and these.
 */
static size_t pack(const struct model_state *s, uint8_t *packed)
{
    const uint8_t *a = (const uint8_t *)s;
    const uint8_t *b = (const uint8_t *)&first;
    const size_t words = sizeof(*s) / 8;
    size_t size = 0;

    for (size_t i = 0; i < words;) {
        size_t alike = 0, differ = 0;

        while (alike < 255 && i + alike < words &&
               memcmp(a + 8 * (i + alike), b + 8 * (i + alike), 8) == 0)
            alike++;
        i += alike;
        while (differ < 255 && i + differ < words &&
               memcmp(a + 8 * (i + differ), b + 8 * (i + differ), 8) != 0)
            differ++;
        packed[size++] = (uint8_t)alike;
        packed[size++] = (uint8_t)differ;
        memcpy(packed + size, a + 8 * i, 8 * differ);
        size += 8 * differ;
        i += differ;
    }
    return size;
}

static_assert(sizeof(struct model_state) % 8 == 0, "states are compared by words");

#define SWAP(a, b)                                                                                 \
    do {                                                                                           \
        uint8_t swap_[sizeof(a)];                                                                  \
        memcpy(swap_, &(a), sizeof(a));                                                            \
        memcpy(&(a), &(b), sizeof(a));                                                             \
        memcpy(&(b), swap_, sizeof(a));                                                            \
    } while (0)

/* The same state with the CPUs' names exchanged. */
static void swap_cpus(struct world *w)
{
    struct mmu_cache *c = &w->mmu.now;

    SWAP(w->p.base[0], w->p.base[1]);
    SWAP(w->p.va_bits[0], w->p.va_bits[1]);
    SWAP(w->mmu.ttbr[0], w->mmu.ttbr[1]);
    SWAP(w->mmu.first[0], w->mmu.first[1]);
    SWAP(w->suspended[0], w->suspended[1]);
    SWAP(c->s2_ro[0], c->s2_ro[1]);
    SWAP(c->s2_rw[0], c->s2_rw[1]);
    SWAP(c->s2_walk[0], c->s2_walk[1]);
    for (unsigned int i = 0; i < MMU_ASIDS; i++) {
        unsigned int a = i, b = MMU_ASIDS + i;

        SWAP(c->next_ipa[a], c->next_ipa[b]);
        SWAP(c->next_pa[a], c->next_pa[b]);
        SWAP(c->root_ipa[a], c->root_ipa[b]);
        SWAP(c->leaf[a], c->leaf[b]);
        SWAP(c->leaf_w[a], c->leaf_w[b]);
        SWAP(c->ro[a], c->ro[b]);
        SWAP(c->rw[a], c->rw[b]);
        SWAP(c->block[a], c->block[b]);
        SWAP(c->block1[a], c->block1[b]);
        SWAP(c->grouped[a], c->grouped[b]);
        SWAP(c->used[a], c->used[b]);
    }
    for (unsigned int i = 0; i < w->p.nr_slots; i++) {
        if (!mfn_is_none(w->p.slots[i].table))
            w->p.slots[i].vcpu = w->p.slots[i].vcpu == 0;
    }
    for (unsigned int i = 0; i < 2; i++) {
        if (w->suspended[i].kind != ACT_NONE)
            w->suspended[i].cpu = (uint8_t)i;
    }
}

void model_begin(const struct world *w) { save(w, &first); }

size_t model_pack(struct world *w, uint8_t *packed)
{
    static uint8_t other[MODEL_PACKED_MAX];
    static struct model_state state;
    size_t size, other_size;

    forget(&w->p);
    rank_slots(w);
    forget_memory(&w->memory);
    w->mmu.cpu = 0;
    w->mmu.effects = 0;
    save(w, &state);
    size = pack(&state, packed);
    if (w->mmu.cpus != 2)
        return size;
    swap_cpus(w);
    save(w, &state);
    swap_cpus(w);
    other_size = pack(&state, other);
    if (other_size < size || (other_size == size && memcmp(other, packed, size) < 0)) {
        size = other_size;
        memcpy(packed, other, size);
    }
    return size;
}

void model_unpack(struct world *w, const uint8_t *packed, size_t size)
{
    static struct model_state state;
    uint8_t *to = (uint8_t *)&state;
    size_t at = 0;

    memcpy(&state, &first, sizeof(state));
    for (size_t i = 0; i < size; i += 2 + 8 * (size_t)packed[i + 1]) {
        at += 8 * (size_t)packed[i];
        memcpy(to + at, packed + i + 2, 8 * (size_t)packed[i + 1]);
        at += 8 * (size_t)packed[i + 1];
    }
    memcpy(&w->p, &state.p, sizeof(w->p));
    memcpy(&w->mmu, state.mmu, sizeof(state.mmu));
    memcpy(&w->memory, &state.memory, sizeof(w->memory));
    memcpy(w->frames, state.frames, sizeof(w->frames));
    memcpy(w->suspended, state.suspended, sizeof(w->suspended));
    w->crashed = state.crashed;
    w->mmu.failed[0] = '\0';
}

uint64_t model_hash(const uint8_t *packed, size_t size)
{
    uint64_t h = size;

    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = 0;

        memcpy(&word, packed + i, size - i < 8 ? size - i : 8);
        h = (h ^ word) * UINT64_C(0x9fb21c651e98df25);
        h ^= h >> 32;
    }
    h *= UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 29;
    return h == 0 ? 1 : h;
}
