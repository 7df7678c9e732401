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
 * A state is known by a 64-bit hash. The first trace that breaks a rule is a shortest one; where
 * two CPUs are alike their names may change from one of its steps to the next.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/model/model.h"

#define MAX_NODES (UINT32_C(1) << 27)
#define TABLE     (UINT32_C(1) << 28)
#define MAX_BYTES (UINT64_C(3) << 30) /* of states that are still to be looked at */

struct node {
    uint32_t parent;
    struct action action;
};

static struct world w;
static struct node *nodes;
static uint64_t *seen; /* hashes, open addressing */
static uint32_t nr_nodes;

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

/* --- States of one depth ---------------------------------------------------------------------- */

/* Packed states one after another, each behind its length and its node. */
struct level {
    uint8_t *bytes;
    size_t size, room;
    uint32_t count;
};

struct header {
    uint32_t size;
    uint32_t node;
};

static void keep(struct level *level, const uint8_t *packed, size_t size)
{
    const struct header header = {(uint32_t)size, nr_nodes - 1};

    if (level->bytes == NULL || level->size + sizeof(header) + size > level->room) {
        level->room = level->room == 0 ? 1 << 20 : 2 * level->room;
        level->bytes = realloc(level->bytes, level->room);
        if (level->bytes == NULL) {
            (void)fprintf(stderr, "search: out of memory\n");
            exit(2);
        }
    }
    memcpy(level->bytes + level->size, &header, sizeof(header));
    memcpy(level->bytes + level->size + sizeof(header), packed, size);
    level->size += sizeof(header) + size;
    level->count++;
}

static void free_level(struct level *level)
{
    free(level->bytes);
    *level = (struct level){0};
}

/* --- The search ------------------------------------------------------------------------------- */

struct run {
    const struct model_domain *domain;
    const uint8_t *from;
    struct header header; /* of `from` */
    struct level *next;
    uint64_t transitions;
    clock_t end;
    bool failed;
};

/* From the beginning: the way back is turned round first. */
static void print_trace(uint32_t last)
{
    uint32_t before = 0;

    for (uint32_t node = last, parent; node != 0; node = parent) {
        parent = nodes[node].parent;
        nodes[node].parent = before;
        before = node;
    }
    for (uint32_t node = before; node != 0; node = nodes[node].parent) {
        char text[120];

        action_print(&w, &nodes[node].action, text, sizeof(text));
        (void)printf("    %s\n", text);
    }
}

static void fail(struct run *run, struct action action, const char *why)
{
    nodes[nr_nodes] = (struct node){run->header.node, action};
    (void)printf("counterexample in domain %s: %s\n", run->domain->name, why);
    print_trace(nr_nodes);
    run->failed = true;
}

/* Whoever waits is done at last, each by itself. */
static void try_to_end(struct run *run, struct action action)
{
    world_drain(&w, true);
    if (w.mmu.failed[0] != '\0')
        fail(run, action, w.mmu.failed);
}

static bool any_waits(void)
{
    for (unsigned int cpu = 0; cpu < w.mmu.cpus; cpu++) {
        if (w.suspended[cpu].kind != ACT_NONE)
            return true;
    }
    return false;
}

static void try(struct run *run, struct action action)
{
    static uint8_t packed[MODEL_PACKED_MAX];
    size_t size;

    if (run->failed || nr_nodes == MAX_NODES)
        return;
    model_unpack(&w, run->from, run->header.size);
    if (!action_run(&w, &action))
        return;
    run->transitions++;
    if (w.mmu.failed[0] != '\0') {
        fail(run, action, w.mmu.failed);
        return;
    }
    size = model_pack(&w, packed);
    if (!is_new(model_hash(packed, size)))
        return;
    nodes[nr_nodes++] = (struct node){run->header.node, action};
    keep(run->next, packed, size);
    if (any_waits())
        try_to_end(run, action);
}

/* To its end, and where operations come back also with one entry at a time, on either CPU. */
static void try_both(struct run *run, struct action action)
{
    const uint8_t budget = run->domain->budget;

    try(run, action);
    if (budget == 0)
        return;
    action.budget = budget;
    for (action.cpu = 0; action.cpu < w.mmu.cpus; action.cpu++)
        try(run, action);
}

static void try_stores(struct run *run, unsigned int frame)
{
    const struct model_domain *d = run->domain;
    bool direct;

    model_unpack(&w, run->from, run->header.size);
    direct = (mmu_storable(&w.mmu) >> frame & 1) != 0;
    for (unsigned int i = 0; i < PTWR_ENTRIES * d->nr_values; i++) {
        struct action a = {
            .kind = ACT_STORE,
            .frame = (uint8_t)frame,
            .index = (uint8_t)(i % PTWR_ENTRIES),
            .value = d->values[i / PTWR_ENTRIES],
            .option = STORE_EMULATE,
        };

        if (direct) {
            try(run, a);
        } else if (d->stores) {
            try_both(run, a);
            a.option = STORE_OPEN;
            try_both(run, a);
        }
        a.kind = ACT_NC;
        for (a.option = 0; direct && d->nc && a.option < 2; a.option++)
            try(run, a);
        a.kind = ACT_UPDATE;
        a.option = 0;
        if ((d->calls & CALL(ACT_UPDATE)) != 0)
            try_both(run, a);
    }
}

/* One call: of frame, and for those that want it with every option. */
static void try_call(struct run *run, enum action_kind kind, unsigned int frame)
{
    static const uint8_t options[ACTIONS] = {
        [ACT_PIN] = 4, [ACT_BASE] = 2, [ACT_ASSIST] = 2, [ACT_ACCESS] = 2};
    const struct model_domain *d = run->domain;
    unsigned int count = options[kind] != 0 ? options[kind] : 1;
    bool by_cpu = kind == ACT_BASE || kind == ACT_NO_BASE || kind == ACT_PREEMPT ||
                  kind == ACT_AGAIN || kind == ACT_ACCESS || d->config.guarded;

    for (unsigned int i = 0; i < count; i++) {
        struct action a = {
            .kind = (uint8_t)kind,
            /* Accesses go to the first page of the lower range: the tree's level-3 table. */
            .frame = (uint8_t)(kind == ACT_ACCESS ? MMU_PAGES / PTWR_ENTRIES : frame),
            .option = (uint8_t)i,
        };

        if (kind == ACT_PIN && d->levels != 0 && (d->levels & CALL(i)) == 0)
            continue;
        for (a.cpu = 0; by_cpu && a.cpu < w.mmu.cpus; a.cpu++) {
            a.budget = 0;
            try(run, a);
            a.budget = d->budget;
            if (d->budget != 0)
                try(run, a);
        }
        if (!by_cpu)
            try_both(run, a);
    }
}

static void try_all(struct run *run)
{
    const struct model_domain *d = run->domain;

    for (unsigned int frame = d->first; frame <= d->last; frame++)
        try_stores(run, frame);
    for (unsigned int kind = ACT_ACCESS; kind < ACTIONS; kind++) {
        bool by_frame = kind == ACT_PIN || kind == ACT_UNPIN || kind == ACT_BASE ||
                        kind == ACT_WALK || kind == ACT_REMOVE || kind == ACT_ADD;

        if ((d->calls & CALL(kind)) == 0 || kind == ACT_UPDATE)
            continue;
        for (unsigned int frame = d->first; frame <= (by_frame ? d->last : d->first); frame++)
            try_call(run, (enum action_kind)kind, frame);
    }
}

/* All states of one depth, or as many as there is time for. */
static bool try_level(struct run *run, const struct level *now)
{
    bool all = true;

    for (size_t at = 0; at < now->size && !run->failed && all; at += run->header.size) {
        memcpy(&run->header, now->bytes + at, sizeof(run->header));
        at += sizeof(run->header);
        run->from = now->bytes + at;
        try_all(run);
        all = clock() < run->end && nr_nodes < MAX_NODES && run->next->size < MAX_BYTES;
    }
    return all;
}

/* Pages that nobody has written cost nothing. */
static void forget_states(void)
{
    free(seen);
    free(nodes);
    nodes = calloc((size_t)MAX_NODES + 1, sizeof(*nodes));
    seen = calloc(TABLE, sizeof(*seen));
    if (nodes == NULL || seen == NULL) {
        (void)fprintf(stderr, "search: out of memory\n");
        exit(2);
    }
}

/* False: something broke. */
static bool search(const struct model_domain *d, double seconds)
{
    static uint8_t packed[MODEL_PACKED_MAX];
    struct level now = {0}, next = {0};
    struct run run = {.domain = d, .next = &next};
    unsigned int depth = 0;
    bool all = true;

    forget_states(); /* of the last domain */
    nr_nodes = 1;
    world_init(&w, &d->config);
    d->prepare(&w);
    world_check(&w);
    if (w.mmu.failed[0] != '\0') {
        (void)printf("counterexample in domain %s, before the first step: %s\n", d->name,
                     w.mmu.failed);
        return false;
    }
    model_begin(&w);
    keep(&now, packed, model_pack(&w, packed));
    (void)is_new(model_hash(packed, now.size - sizeof(struct header)));
    run.end = clock() + (clock_t)(seconds * CLOCKS_PER_SEC);
    while (now.count != 0 && all && !run.failed) {
        all = try_level(&run, &now);
        free_level(&now);
        now = next;
        next = (struct level){0};
        depth += all;
    }
    (void)printf("%-7s %9u states, %10llu transitions, %s%u steps deep: %s\n", d->name, nr_nodes,
                 (unsigned long long)run.transitions, all && !run.failed ? "all, " : "", depth,
                 d->about);
    (void)fflush(stdout);
    free_level(&now);
    free_level(&next);
    return !run.failed;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 100;
    const char *only = argc > 2 ? argv[2] : NULL;
    clock_t start = clock();
    uint64_t states = 0;
    bool good = true;

    for (unsigned int i = 0; i < model_nr_domains && good; i++) {
        double left = seconds - (double)(clock() - start) / CLOCKS_PER_SEC;

        if (only != NULL && strcmp(only, model_domains[i].name) != 0)
            continue;
        /* What one domain has no use for is the others'. */
        good = search(&model_domains[i], only != NULL ? seconds : left / (model_nr_domains - i));
        states += nr_nodes;
    }
    (void)printf("%llu states%s\n", (unsigned long long)states, good ? "" : ": a rule is broken");
    return good ? 0 : 1;
}
