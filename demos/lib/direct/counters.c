/* SPDX-License-Identifier: Apache-2.0 */
#include "direct/counters.h"

#include "common/print.h"
#include "direct/guest.h"
#include "direct/hypercall.h"

static const char *const triggers[LATCH_TRIGGERS] = {
    [LATCH_T_SLOT] = "slot",     [LATCH_T_WALK] = "walk",           [LATCH_T_PREEMPT] = "preempt",
    [LATCH_T_BLOCK] = "block",   [LATCH_T_HYPERCALL] = "hypercall", [LATCH_T_REGIME] = "regime",
    [LATCH_T_ASSIST] = "assist", [LATCH_T_CONFLICT] = "conflict",   [LATCH_T_MEMORY] = "memory",
    [LATCH_T_LIFE] = "life",     [LATCH_T_REFERENCE] = "reference", [LATCH_T_EL2_WALK] = "el2-walk",
};

const char *trigger_name(enum latch_trigger trigger) { return triggers[trigger]; }

void counters_read(struct latch_counters *counters)
{
    int64_t size = hyp_latch_op(LATCH_OP_counters, counters, sizeof(*counters));

    if (size == sizeof(*counters))
        return;
    print("FAILED: latch_op counters: %ld of %lu bytes\n", size, sizeof(*counters));
    guest_crash();
}

void counters_print(const char *prefix, const struct latch_counters *c)
{
    print("%s traps: %lu stores to tables, %lu walks into detached tables\n", prefix,
          c->store_faults, c->walk_faults);
    print("%s stores: %lu emulated, %lu tables opened, %lu entries found changed\n", prefix,
          c->emulated, c->opened, c->batch_entries);
    for (size_t i = 0; i < LATCH_TRIGGERS; i++) {
        if (c->reconnected[i] != 0)
            print("%s reconnected by %s: %lu\n", prefix, triggers[i], c->reconnected[i]);
    }
    print("%s entries: %lu judged, %lu stored by hypercall, %lu refused\n", prefix, c->validated,
          c->updates, c->refused);
    print("%s tables: %lu made, %lu given up\n", prefix, c->promoted, c->demoted);
    print("%s invalidations: %lu of all, %lu by address, %lu of stage 2; %lu pages cleaned\n",
          prefix, c->tlbi_all, c->tlbi_va, c->tlbi_ipa, c->cleaned);
}

bool refusal_read(struct latch_refusal *refusal)
{
    static uint64_t seen;
    struct latch_counters counters = {0};
    int64_t size;

    counters_read(&counters);
    size = hyp_latch_op(LATCH_OP_refusal, refusal, sizeof(*refusal));
    if (size != sizeof(*refusal)) {
        print("FAILED: latch_op refusal: %ld of %lu bytes\n", size, sizeof(*refusal));
        guest_crash();
    }
    refusal->text[sizeof(refusal->text) - 1] = '\0';
    if (counters.refused == seen)
        return false;
    seen = counters.refused;
    return true;
}
