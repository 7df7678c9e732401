/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Translations that a CPU may still have after Latch took away what they were made of. Each case
 * fills the caches of a walk, has Latch change something, and uses what a CPU would have kept. It
 * never invalidates anything itself. The forbidden entry maps a frame of others: who can load
 * through it used an entry that nobody checked.
 */
#include "direct/cases.h"
#include "direct/exception.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"
#include "direct/rig.h"
#include "direct/worker.h"

#define NEW    5
#define NEW_VA RIG_PAGE_VA(NEW)
#define OTHER  9 /* an entry that gets page 2 */
#define SPAN   (UINT64_C(1) << 21)
#define SPARE  7  /* entry of the level-2 table for a table of its own */
#define MANY   12 /* tables */

static struct rig rig;

static uint64_t forbidden(void) { return foreign_mfn(0) << PAGE_SHIFT | PAGE_PRIVATE; }

static void update(const uint64_t *entry, uint64_t value)
{
    struct mmu_update request = {.ptr = virt_to_machine(entry), .val = value};

    expect_equal((uint64_t)hyp_mmu_update(&request, 1, NULL), 0, "mmu_update");
}

static void expect_nothing_at(uint64_t va)
{
    uint64_t value;

    expect(!try_load((const void *)va, &value), "an entry that nobody checked was used");
}

/* The table's pointer is in the walk caches; then the table is detached and written. */
static void detached(void)
{
    expect_equal(peek(RIG_VA), RIG_MARK(0), "the word before");
    measure_start();
    entry_write(&rig.level3[NEW], forbidden());
    expect_nothing_at(NEW_VA);
    measure_stop();
    expect_refused(LATCH_RULE_OWNER);
}

/* The writable translation of an open table is in the TLB; then the table is attached again. */
static void reconnected(void)
{
    expect_equal(peek(RIG_VA), RIG_MARK(0), "the word before");
    entry_write(&rig.level3[OTHER], entry_page(rig.page[2], PAGE_PRIVATE));
    expect_equal(peek(RIG_PAGE_VA(OTHER)), RIG_MARK(2), "the word loaded");
    measure_start();
    entry_write(&rig.level3[NEW], forbidden());
    expect_nothing_at(NEW_VA);
    measure_stop();
    expect_refused(LATCH_RULE_OWNER);
}

/* The same with more tables at once than Latch invalidates one by one (of 16 slots). */
static void many_reconnected(void)
{
    uint64_t *table[MANY];

    for (unsigned int i = 0; i < MANY; i++) {
        table[i] = rig_table(rig.page[2]);
        update(&rig.level2[SPARE + i], entry_table(table[i]));
    }
    expect_equal(peek(NEW_VA + SPARE * SPAN), RIG_MARK(2), "the word before");
    for (unsigned int i = 0; i < MANY; i++)
        entry_write(&table[i][OTHER], entry_page(rig.page[2], PAGE_PRIVATE));
    update(&rig.level3[OTHER], 0); /* wants them all back */
    measure_start();
    for (unsigned int i = 0; i < MANY; i++)
        entry_write(&table[i][OTHER + 1], forbidden());
    for (unsigned int i = 0; i < MANY; i++)
        expect_nothing_at(RIG_PAGE_VA(OTHER + 1) + (SPARE + i) * SPAN);
    measure_stop();
}

/* A table that is in the walk caches goes out of use, and becomes a page. */
static void unlinked(void)
{
    uint64_t *table = rig_table(rig.page[2]);

    update(&rig.level2[SPARE], entry_table(table));
    expect_equal(peek(NEW_VA + SPARE * SPAN), RIG_MARK(2), "the word before");
    measure_start();
    update(&rig.level2[SPARE], 0);
    *(volatile uint64_t *)&table[NEW + 1] = forbidden();
    expect_nothing_at(RIG_PAGE_VA(NEW + 1) + SPARE * SPAN);
    measure_stop();
    table_free(table);
}

/* A live entry gets another page. */
static void replaced(void)
{
    expect_equal(peek(RIG_VA), RIG_MARK(0), "the word before");
    measure_start();
    update(&rig.level3[0], entry_page(rig.page[1], PAGE_PRIVATE));
    expect_equal(peek(RIG_VA), RIG_MARK(1), "the word after");
    measure_stop();
}

/* --- Two CPUs: one keeps what the other has Latch take away -------------------------------------
 */

static void enter(struct worker *me)
{
    (void)me;
    space_load(&rig.space);
}

static void leave(struct worker *me) { space_load(&me->space); }

static void load_old(struct worker *me) { me->wrong = peek(RIG_VA) != RIG_MARK(0); }

static void load_new(struct worker *me) { me->wrong = peek(NEW_VA) != RIG_MARK(1); }

static void store_other(struct worker *me)
{
    (void)me;
    entry_write(&rig.level3[OTHER], entry_page(rig.page[2], PAGE_PRIVATE));
}

static void store_new(struct worker *me)
{
    (void)me;
    entry_write(&rig.level3[NEW], entry_page(rig.page[1], PAGE_PRIVATE));
}

static void elsewhere(job_fn job)
{
    workers[1].wrong = 0;
    worker_give(&workers[1], job);
    expect(worker_wait(&workers[1]) && workers[1].wrong == 0, "the other CPU");
}

/* Its walk finds no table until Latch has judged the entry: that is counted. */
static void detached_elsewhere(void)
{
    elsewhere(enter);
    elsewhere(load_old);
    measure_start();
    store_new(NULL);
    elsewhere(load_new);
    measure_stop();
    elsewhere(leave);
}

/* Its second store opens the table again: that is counted. */
static void reconnected_elsewhere(void)
{
    elsewhere(enter);
    elsewhere(store_other);
    expect_equal(peek(RIG_PAGE_VA(OTHER)), RIG_MARK(2), "the word loaded");
    measure_start();
    elsewhere(store_new);
    expect_equal(peek(NEW_VA), RIG_MARK(1), "the word loaded");
    measure_stop();
    elsewhere(leave);
}

static void in_a_rig(void (*run)(void))
{
    rig_make(&rig);
    run();
    rig_drop(&rig);
}

#define CASE(name)                                                                                 \
    static void name##_case(void) { in_a_rig(name); }
CASE(detached)
CASE(reconnected)
CASE(many_reconnected)
CASE(unlinked)
CASE(replaced)
CASE(detached_elsewhere)
CASE(reconnected_elsewhere)

static const struct test_case cases[] = {
    {"detached", detached_case, false},
    {"reconnected", reconnected_case, false},
    {"many_reconnected", many_reconnected_case, false},
    {"unlinked", unlinked_case, false},
    {"replaced", replaced_case, false},
    {"detached_elsewhere", detached_elsewhere_case, true},
    {"reconnected_elsewhere", reconnected_elsewhere_case, true},
};

void guest_main(void)
{
    bool other = false;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        other |= cases[i].alone && guest_option(cases[i].name);
    expect(assist_set(true) == 0, "vm_assist");
    if (other) {
        workers_init();
        expect(worker_up(&workers[1]), "the other CPU does not come up");
    }
    cases_run(cases, ARRAY_SIZE(cases));
}
