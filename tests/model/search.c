/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every course of events in a few small domains: breadth first over all actions of the guest and
 * all calls of the engine, each state once, until the time is up. The model's caches need no
 * choices: they hold all they may (M1). What another CPU stores inside an operation needs none
 * either: whoever reads such a frame before it is protected fails at once, walker or EL2, so the
 * store might as well have come before the operation.
 *
 *     search [SECONDS [DOMAIN]]
 *
 * A state is known by a 64-bit hash. The first trace that breaks a rule is a shortest one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/mmu/world.h"

#define MAX_NODES (UINT32_C(1) << 25)
#define TABLE     (UINT32_C(1) << 26)

/* What is kept of a world: it lies where it lay, so the pointers in it stay right. */
struct state {
    struct ptwr p;
    uint8_t mmu[offsetof(struct mmu, pending)];
    struct frame frames[MMU_FRAMES];
    bool crashed;
};

struct node {
    uint32_t parent;
    struct action action;
};

static struct world w;
static struct node *nodes;
static uint64_t *seen; /* hashes, open addressing */
static uint32_t nr_nodes;

/* --- The domains ------------------------------------------------------------------------------ */

#define VALUE_LINK(frame)  (uint8_t)(1 + (frame))
#define VALUE_RW(frame)    (uint8_t)(1 + MMU_FRAMES + (frame))
#define VALUE_EL0(frame)   (uint8_t)(1 + 2 * MMU_FRAMES + (frame))
#define VALUE_RO(frame)    (uint8_t)(1 + 3 * MMU_FRAMES + (frame))
#define VALUE_BLOCK(frame) (uint8_t)(1 + 4 * MMU_FRAMES + (frame))

#define MAX_VALUES 10
#define CALL(kind) (1U << (kind))

struct domain {
    const char *name;
    const char *about;
    struct world_config config;
    void (*prepare)(void);
    uint8_t first, last; /* frames whose entries are stored to */
    uint8_t values[MAX_VALUES];
    unsigned int nr_values;
    uint32_t calls;    /* CALL() of what else happens */
    bool nc;           /* non-cacheable stores */
    uint8_t budget;    /* of calls that can be interrupted; 0: they are not */
    uint8_t pin_level; /* of ACT_PIN */
};

static void tree(bool second_base)
{
    world_fill(&w, 1, table_desc(2), desc_of(0));
    world_fill(&w, 2, table_desc(3), desc_of(0));
    world_fill(&w, 3, table_desc(4), desc_of(0));
    world_fill(&w, 4, page_desc(5, LEAF_RW), desc_of(0));
    if (world_base(&w, 0, 0, 1) != HV_OK || world_base(&w, 1, second_base, 1) != HV_OK)
        mmu_fail(&w.mmu, "the tree is refused");
}

static void one_tree(void) { tree(false); }
static void both_bases(void) { tree(true); }
static void nothing(void) {}

#define EMULATE_REFUSE(frames, slots)                                                              \
    {                                                                                              \
        frames, slots, true, PTWR_POLICY_EMULATE, PTWR_ACTION_REFUSE, 2                            \
    }

static const struct domain domains[] = {
    {
        .name = "page",
        .about = "a tree of which the level-3 table changes",
        .config = EMULATE_REFUSE(5, 1),
        .prepare = one_tree,
        .first = 4,
        .last = 4,
        .values = {0, VALUE_RW(4), VALUE_RO(5), VALUE_RW(0)},
        .nr_values = 4,
        .calls = CALL(ACT_SYNC) | CALL(ACT_WALK) | CALL(ACT_FLUSH) | CALL(ACT_PREEMPT) |
                 CALL(ACT_ACCESS) | CALL(ACT_UPDATE),
    },
    {
        .name = "link",
        .about = "a tree of which the level-2 table links and drops the two below it",
        .config = EMULATE_REFUSE(5, 1),
        .prepare = one_tree,
        .first = 3,
        .last = 5,
        .values = {0, VALUE_LINK(4), VALUE_LINK(5)},
        .nr_values = 3,
        .calls = CALL(ACT_SYNC) | CALL(ACT_FLUSH) | CALL(ACT_WORK) | CALL(ACT_WALK),
    },
    {
        .name = "alias",
        .about = "a level-3 table that is linked, opened and written past the caches",
        .config = EMULATE_REFUSE(5, 1),
        .prepare = one_tree,
        .first = 3,
        .last = 4,
        .values = {0, VALUE_LINK(4), VALUE_RW(0)},
        .nr_values = 3,
        .calls = CALL(ACT_SYNC) | CALL(ACT_ACCESS),
        .nc = true,
    },
    {
        .name = "three",
        .about = "three plain frames, pinned and unpinned at every level, one entry at a time",
        .config = EMULATE_REFUSE(3, 2),
        .prepare = nothing,
        .first = 1,
        .last = 3,
        .values = {0, VALUE_LINK(2), VALUE_RW(1)},
        .nr_values = 3,
        .calls = CALL(ACT_PIN) | CALL(ACT_UNPIN) | CALL(ACT_SYNC) | CALL(ACT_FLUSH),
        .budget = 1,
    },
    {
        .name = "roots",
        .about = "a tree in TTBR0_EL1 of one CPU and TTBR1_EL1 of the other, two slots",
        .config = EMULATE_REFUSE(5, 2),
        .prepare = both_bases,
        .first = 1,
        .last = 4,
        .values = {0, VALUE_LINK(3), VALUE_LINK(4)},
        .nr_values = 3,
        .calls = CALL(ACT_BASE) | CALL(ACT_NO_BASE) | CALL(ACT_SYNC) | CALL(ACT_FLUSH),
    },
    {
        .name = "strict",
        .about = "the assist goes on and off; memory leaves and comes back",
        .config = EMULATE_REFUSE(5, 1),
        .prepare = one_tree,
        .first = 4,
        .last = 5,
        .values = {0, VALUE_RW(4), VALUE_EL0(5)},
        .nr_values = 3,
        .calls = CALL(ACT_ASSIST) | CALL(ACT_REMOVE) | CALL(ACT_ADD) | CALL(ACT_SYNC) |
                 CALL(ACT_UPDATE) | CALL(ACT_PIN),
    },
};

/* --- States ----------------------------------------------------------------------------------- */

/* Make states equal that differ in nothing that matters: statistics, ages, leftovers. */
static void canonical(void)
{
    struct ptwr *p = &w.p;
    uint32_t rank[PTWR_MAX_SLOTS] = {0};

    p->count = (struct ptwr_counters){0};
    p->violation = (struct ptwr_violation){0};
    p->fatal = (struct ptwr_violation){0};
    p->taken = (struct frame_run){0}; /* what single updates remember changes cost only */
    p->dropped = (struct frame_run){0};
    p->broken = p->broken == p->epoch + 1; /* all that is ever asked of the two */
    p->epoch = 0;
    p->empty_pc = 0;
    p->empty_batches = 0;
    p->run = 0;
    p->pause = 0; /* each store is tried both ways anyway */
    p->pause_shift = 0;
    p->policy = PTWR_POLICY_EMULATE;
    memset(p->predictor, 0, sizeof(p->predictor));
    for (unsigned int i = 0; i < p->nr_slots; i++) {
        for (unsigned int j = 0; j < p->nr_slots; j++)
            rank[i] +=
                !mfn_is_none(p->slots[j].table) && p->slots[j].sequence < p->slots[i].sequence;
    }
    p->sequence = p->nr_open;
    for (unsigned int i = 0; i < PTWR_MAX_SLOTS; i++)
        p->slots[i].tried = p->slots[i].tried == p->closed + 1;
    p->closed = 0;
    for (unsigned int i = 0; i < PTWR_MAX_SLOTS; i++) {
        p->slots[i].sequence = rank[i];
        if (!mfn_is_none(p->slots[i].table))
            continue;
        memset(&p->slots[i], 0, sizeof(p->slots[i]));
        p->slots[i].table = MFN_NONE;
        memset(w.mmu.snapshot[i], 0, sizeof(w.mmu.snapshot[i]));
    }
    for (unsigned int i = 0; i < MMU_FRAMES; i++) {
        for (unsigned int j = 0; j < PTWR_ENTRIES; j++) {
            struct mmu_entry *e = &w.mmu.memory[i][j];

            if (!e->has_old)
                e->old = desc_of(0);
            e->keep_line = e->keep_line && e->mixed;
        }
    }
    w.mmu.cpu = 0;
}

static uint64_t mix(uint64_t h, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = 0;

        memcpy(&word, bytes + i, size - i < 8 ? size - i : 8);
        h = (h ^ word) * UINT64_C(0x9fb21c651e98df25);
        h ^= h >> 32;
    }
    return h;
}

static uint64_t hash(void)
{
    uint64_t h = mix(1, &w.p, sizeof(w.p));

    h = mix(h, &w.mmu, offsetof(struct mmu, pending));
    h = mix(h, w.frames, sizeof(w.frames[0]) * MMU_FRAMES);
    h = mix(h, &w.crashed, sizeof(w.crashed));
    return h == 0 ? 1 : h;
}

static bool is_new(uint64_t h)
{
    uint32_t i = (uint32_t)h & (TABLE - 1);

    while (seen[i] != 0) {
        if (seen[i] == h)
            return false;
        i = (i + 1) & (TABLE - 1);
    }
    seen[i] = h;
    return true;
}

static void save(struct state *s)
{
    s->p = w.p;
    memcpy(s->mmu, &w.mmu, sizeof(s->mmu));
    memcpy(s->frames, w.frames, sizeof(s->frames));
    s->crashed = w.crashed;
}

static void load(const struct state *s)
{
    w.p = s->p;
    memcpy(&w.mmu, s->mmu, sizeof(s->mmu));
    memcpy(w.frames, s->frames, sizeof(s->frames));
    w.crashed = s->crashed;
    w.mmu.failed[0] = '\0';
}

/* --- The search ------------------------------------------------------------------------------- */

struct level {
    struct state *states;
    uint32_t *node; /* of each */
    size_t count, room;
};

struct run {
    const struct domain *domain;
    const struct state *from;
    uint32_t from_node;
    struct level *next;
    uint64_t transitions;
    clock_t end;
    bool failed;
};

static void keep(struct level *level)
{
    if (level->count == level->room) {
        level->room = level->room == 0 ? 1024 : 2 * level->room;
        level->states = realloc(level->states, level->room * sizeof(*level->states));
        level->node = realloc(level->node, level->room * sizeof(*level->node));
        if (level->states == NULL || level->node == NULL) {
            (void)fprintf(stderr, "search: out of memory\n");
            exit(2);
        }
    }
    save(&level->states[level->count]);
    level->node[level->count++] = nr_nodes - 1;
}

/* From the beginning: the way back is turned round first. */
static void print_trace(uint32_t last)
{
    uint32_t first = 0;

    for (uint32_t node = last, parent; node != 0; node = parent) {
        parent = nodes[node].parent;
        nodes[node].parent = first;
        first = node;
    }
    for (uint32_t node = first; node != 0; node = nodes[node].parent) {
        char text[120];

        action_print(&nodes[node].action, text, sizeof(text));
        (void)printf("    %s\n", text);
    }
}

static void try(struct run *run, struct action action)
{
    if (run->failed || nr_nodes == MAX_NODES)
        return;
    load(run->from);
    if (!action_run(&w, &action))
        return;
    run->transitions++;
    if (w.mmu.failed[0] != '\0') {
        nodes[nr_nodes] = (struct node){run->from_node, action};
        (void)printf("counterexample in domain %s: %s\n", run->domain->name, w.mmu.failed);
        print_trace(nr_nodes);
        run->failed = true;
        return;
    }
    canonical();
    if (!is_new(hash()))
        return;
    nodes[nr_nodes++] = (struct node){run->from_node, action};
    keep(run->next);
}

static void try_stores(struct run *run, unsigned int frame)
{
    const struct domain *d = run->domain;
    bool direct;

    load(run->from);
    direct = (mmu_storable(&w.mmu) >> frame & 1) != 0;
    for (unsigned int i = 0; i < PTWR_ENTRIES * d->nr_values; i++) {
        struct action a = {
            .kind = ACT_STORE,
            .frame = (uint8_t)frame,
            .index = (uint8_t)(i % PTWR_ENTRIES),
            .value = d->values[i / PTWR_ENTRIES],
            .option = STORE_EMULATE,
        };

        try(run, a);
        if (!direct) {
            a.option = STORE_OPEN;
            try(run, a);
        }
        a.kind = ACT_NC;
        for (a.option = 0; direct && d->nc && a.option < 2; a.option++)
            try(run, a);
        a.kind = ACT_UPDATE;
        if ((d->calls & CALL(ACT_UPDATE)) != 0)
            try(run, a);
    }
}

/* One call: of frame, and for those that want it with every option. */
static void try_call(struct run *run, enum action_kind kind, unsigned int frame)
{
    static const uint8_t options[ACTIONS] = {
        [ACT_PIN] = 4, [ACT_BASE] = 2, [ACT_ASSIST] = 2, [ACT_ACCESS] = 2};
    const struct domain *d = run->domain;
    unsigned int count = options[kind] != 0 ? options[kind] : 1;

    for (unsigned int i = 0; i < count; i++) {
        struct action a = {
            .kind = (uint8_t)kind,
            .cpu = kind == ACT_ACCESS || kind == ACT_BASE || kind == ACT_NO_BASE,
            /* Accesses go to the first page of the lower range: the tree's level-3 table. */
            .frame = (uint8_t)(kind == ACT_ACCESS ? MMU_PAGES / PTWR_ENTRIES : frame),
            .option = (uint8_t)i,
        };

        try(run, a);
        if (d->budget != 0 && (kind == ACT_PIN || kind == ACT_SYNC || kind == ACT_WALK ||
                               kind == ACT_WORK || kind == ACT_BASE)) {
            a.budget = d->budget;
            try(run, a);
        }
    }
}

static void try_all(struct run *run)
{
    const struct domain *d = run->domain;

    for (unsigned int frame = d->first; frame <= d->last; frame++)
        try_stores(run, frame);
    for (unsigned int kind = ACT_PIN; kind < ACTIONS; kind++) {
        bool by_frame = kind == ACT_PIN || kind == ACT_UNPIN || kind == ACT_BASE ||
                        kind == ACT_WALK || kind == ACT_REMOVE || kind == ACT_ADD;

        if ((d->calls & CALL(kind)) == 0)
            continue;
        for (unsigned int frame = d->first; frame <= (by_frame ? d->last : d->first); frame++)
            try_call(run, (enum action_kind)kind, frame);
    }
}

static void free_level(struct level *level)
{
    free(level->states);
    free(level->node);
    *level = (struct level){0};
}

/* False: something broke. */
static bool search(const struct domain *d, double seconds)
{
    struct level now = {0}, next = {0};
    struct run run = {.domain = d, .next = &now};
    unsigned int depth = 0;
    bool all = true;

    memset(seen, 0, TABLE * sizeof(*seen));
    nr_nodes = 1;
    world_init(&w, &d->config);
    d->prepare();
    world_check(&w);
    if (w.mmu.failed[0] != '\0') {
        (void)printf("counterexample in domain %s, before the first step: %s\n", d->name,
                     w.mmu.failed);
        return false;
    }
    canonical();
    (void)is_new(hash());
    keep(&now);
    run.next = &next;
    run.end = clock() + (clock_t)(seconds * CLOCKS_PER_SEC);
    while (now.count != 0 && all && !run.failed) {
        for (size_t i = 0; i < now.count && !run.failed && all; i++) {
            run.from = &now.states[i];
            run.from_node = now.node[i];
            try_all(&run);
            all = clock() < run.end && nr_nodes < MAX_NODES;
        }
        free_level(&now);
        now = next;
        next = (struct level){0};
        depth += all;
    }
    (void)printf("%-7s %9u states, %10llu transitions, %s%u steps deep: %s\n", d->name, nr_nodes,
                 (unsigned long long)run.transitions, all && !run.failed ? "all, " : "", depth,
                 d->about);
    free_level(&now);
    free_level(&next);
    return !run.failed;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 100;
    const char *only = argc > 2 ? argv[2] : NULL;
    size_t nr_domains = ARRAY_SIZE(domains);
    bool good = true;

    nodes = calloc(MAX_NODES + 1, sizeof(*nodes));
    seen = calloc(TABLE, sizeof(*seen));
    if (nodes == NULL || seen == NULL) {
        (void)fprintf(stderr, "search: out of memory\n");
        return 2;
    }
    for (size_t i = 0; i < nr_domains && good; i++) {
        if (only != NULL && strcmp(only, domains[i].name) != 0)
            continue;
        good = search(&domains[i], only != NULL ? seconds : seconds / (double)nr_domains);
    }
    return good ? 0 : 1;
}
