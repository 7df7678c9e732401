/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two vCPUs against Latch: while one is in a call or a store, the other changes what it works on.
 * Whatever comes of it, no frame of anybody else's is ever seen or mapped. vCPU 1 attacks, vCPU 0
 * works and judges.
 */
#include "common/string.h"
#include "direct/cases.h"
#include "direct/exception.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/interrupt.h"
#include "direct/memory.h"
#include "direct/table.h"
#include "direct/worker.h"

#define VA      UINT64_C(0x40000000)
#define TRIES   50u
#define MARK    UINT64_C(0x5eed5eed5eed5eed)
#define NOTHING UINT64_C(0x0bad0bad0bad0bad)

static bool stop;
static uint64_t *table;  /* level 3, linked at VA in all spaces */
static uint64_t *page;   /* full of MARK */
static uint64_t *victim; /* a page that is now a table, now is not */
static uint64_t good, bad;
static struct mmu_update request;
static uint8_t stage[2 * PAGE_SIZE] __attribute__((aligned(4096)));
static unsigned int ons;

static struct worker *attacker(void) { return &workers[1]; }

/* What can be seen at VA is the page, or nothing. */
static void expect_harmless(void)
{
    uint64_t value = probe_load_or(VA, NOTHING);

    if (value != MARK && value != NOTHING)
        expect_equal(value, MARK, "what is seen");
}

static void attack(job_fn job)
{
    PUT(stop, false);
    faults_skip(true);
    worker_give(attacker(), job);
    while (GET(attacker()->rounds) == 0)
        ;
}

/* Both have worked side by side for a while. */
static bool goes_on(unsigned int tries)
{
    return tries < TRIES || (tries < 1000 * TRIES && GET(attacker()->rounds) < TRIES);
}

static void attack_is_over(void)
{
    PUT(stop, true);
    expect(worker_wait(attacker()), "the attacker goes on");
    faults_skip(false);
}

/* The value of a request changes between Latch's looks at it, if there are two. */
static void flip_request(struct worker *me)
{
    while (!GET(stop)) {
        PUT(request.val, bad);
        PUT(request.val, good);
        PUT(me->rounds, me->rounds + 1);
    }
}

static void case_argument_changes(void)
{
    request = (struct mmu_update){.ptr = virt_to_machine(&table[0]), .val = good};
    attack(flip_request);
    for (unsigned int i = 0; goes_on(i); i++) {
        int64_t result = hyp_mmu_update(&request, 1, NULL);

        expect(result == 0 || result == -LATCH_EINVAL, "accepted or refused");
        expect(GET(table[0]) == good || GET(table[0]) == 0, "the entry is the good one");
        expect_harmless();
    }
    attack_is_over();
    entry_write_by_hypercall(&table[0], 0);
    tlbi_all();
}

/* The page that holds the request goes and comes while Latch reads it. */
static void move_argument(struct worker *me)
{
    uint64_t there = entry_page(&stage[PAGE_SIZE], PAGE_KERNEL);

    while (!GET(stop)) {
        (void)hyp_update_va_mapping(&stage[PAGE_SIZE], 0, UVMF_INVLPG);
        (void)hyp_update_va_mapping(&stage[PAGE_SIZE], there, UVMF_INVLPG);
        PUT(me->rounds, me->rounds + 1);
    }
}

static void case_argument_vanishes(void)
{
    struct mmu_update *crossing = (struct mmu_update *)&stage[PAGE_SIZE - sizeof(request)];
    uint64_t machine = virt_to_machine(&table[0]);

    for (unsigned int i = 0; i < 2; i++)
        crossing[i] = (struct mmu_update){.ptr = machine, .val = i == 0 ? 0 : good};
    attack(move_argument);
    for (unsigned int i = 0; goes_on(i); i++) {
        int64_t result = hyp_mmu_update(crossing, 2, NULL);

        expect(result == 0 || result == -LATCH_EFAULT, "done, or the argument is not there");
        expect_harmless();
    }
    attack_is_over();
    expect_equal((uint64_t)hyp_update_va_mapping(
                     &stage[PAGE_SIZE], entry_page(&stage[PAGE_SIZE], PAGE_KERNEL), UVMF_INVLPG),
                 0, "the page is back");
    entry_write_by_hypercall(&table[0], 0);
    tlbi_all();
}

/* A table is linked and unlinked, and written while it is not one, with no flush in between. */
static void retype(struct worker *me)
{
    uint64_t *level2 = space_entry(&me->space, VA + 2 * (1 << 20), 2);

    while (!GET(stop)) {
        PUT(victim[0], bad);
        entry_write(level2, entry_table(victim));
        PUT(victim[0], 0);
        entry_write(level2, entry_table(victim));
        PUT(victim[0], bad);
        entry_write(level2, 0);
        PUT(victim[0], bad);
        PUT(victim[0], good);
        PUT(me->rounds, me->rounds + 1);
    }
    entry_write(level2, 0);
}

/* The other one is loaded here too: both walk the same tables. */
static void case_table_is_none(void)
{
    attack(retype);
    space_load(&attacker()->space);
    for (unsigned int i = 0; goes_on(i); i++) {
        uint64_t value = probe_load_or(VA + 2 * (1 << 20), NOTHING);

        if (value != MARK && value != NOTHING)
            expect_equal(value, MARK, "what is seen through a table that is none");
    }
    space_load(&workers[0].space);
    attack_is_over();
    tlbi_all();
}

/* Pin and unpin what the other one writes and links: every result but a crash will do. */
static void pin_and_unpin(struct worker *me)
{
    while (!GET(stop)) {
        (void)hyp_mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(victim));
        (void)hyp_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(victim));
        (void)hyp_mmuext(MMUEXT_PIN_L2_TABLE, virt_to_mfn(victim));
        (void)hyp_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(victim));
        PUT(me->rounds, me->rounds + 1);
    }
}

static void case_pins_while_it_changes(void)
{
    uint64_t *level2 = space_entry(&workers[0].space, VA + 2 * (1 << 20), 2);

    attack(pin_and_unpin);
    for (unsigned int i = 0; goes_on(i); i++) {
        uint64_t value;

        PUT(victim[i % TABLE_ENTRIES], i % 3 == 0 ? bad : good);
        PUT(*level2, entry_table(victim));
        value = probe_load_or(VA + 2 * (1 << 20) + i % TABLE_ENTRIES * PAGE_SIZE, NOTHING);
        if (value != MARK && value != NOTHING)
            expect_equal(value, MARK, "what is seen while it is pinned");
        PUT(*level2, 0);
        PUT(victim[i % TABLE_ENTRIES], 0);
    }
    attack_is_over();
    tlbi_all();
    (void)hyp_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(victim));
}

/* The root that one loads is unpinned, unloaded and written by the other. */
static void spoil_root(struct worker *me)
{
    uint64_t mfn = virt_to_mfn(workers[0].space.root);

    while (!GET(stop)) {
        (void)hyp_mmuext(MMUEXT_UNPIN_TABLE, mfn);
        PUT(workers[0].space.root[7], bad);
        PUT(workers[0].space.root[7], 0);
        (void)hyp_mmuext(MMUEXT_PIN_L4_TABLE, mfn);
        PUT(me->rounds, me->rounds + 1);
    }
}

static void case_root_is_spoilt(void)
{
    entry_write(&table[0], good);
    tables_written();
    attack(spoil_root);
    for (unsigned int i = 0; goes_on(i); i++) {
        int64_t none = hyp_mmuext(MMUEXT_NEW_USER_BASEPTR, 0);
        int64_t back = hyp_mmuext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(workers[0].space.root));

        expect_equal((uint64_t)none, 0, "no base");
        expect(back == 0 || back == -LATCH_EINVAL, "a base, or what is in it is refused");
        expect_harmless();
    }
    attack_is_over();
    PUT(workers[0].space.root[7], 0);
    (void)hyp_mmuext(MMUEXT_PIN_L4_TABLE, virt_to_mfn(workers[0].space.root));
    expect_equal((uint64_t)hyp_mmuext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(workers[0].space.root)),
                 0, "the base is back");
    entry_write(&table[0], 0);
    tlbi_all();
}

/* Assist off and on under the other one's stores. */
static void flip_assist(struct worker *me)
{
    while (!GET(stop)) {
        (void)hyp_vm_assist(VMASST_CMD_disable, VMASST_TYPE_writable_pagetables);
        (void)hyp_vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
        PUT(me->rounds, me->rounds + 1);
    }
}

static void case_assist_goes(void)
{
    attack(flip_assist);
    for (unsigned int i = 0; goes_on(i); i++) {
        PUT(table[0], i % 2 == 0 ? good : bad);
        expect_harmless();
        PUT(table[i % TABLE_ENTRIES], 0);
    }
    attack_is_over();
    entry_write(&table[0], 0);
    tlbi_all();
}

/* Two start the same third one: exactly one of them does it. */
static void turn_on_third(struct worker *me)
{
    while (!GET(stop)) {
        if (psci_call(PSCI_CPU_ON, 2, (uint64_t)(uintptr_t)worker_entry, va_of(&workers[2])) == 0)
            __atomic_fetch_add(&ons, 1, __ATOMIC_ACQ_REL);
        PUT(me->rounds, me->rounds + 1);
    }
}

static void go_off(struct worker *me)
{
    PUT(me->job, NULL);
    (void)psci_call(PSCI_CPU_OFF, 0, 0, 0);
    me->wrong++;
}

static void case_two_start_one(void)
{
    struct worker *third = &workers[2];

    attack(turn_on_third);
    for (unsigned int i = 1; i <= 20; i++) {
        if (psci_call(PSCI_CPU_ON, 2, (uint64_t)(uintptr_t)worker_entry, va_of(third)) == 0)
            __atomic_fetch_add(&ons, 1, __ATOMIC_ACQ_REL);
        expect(worker_started(third, i), "it comes up once");
        /* It may be up before the other's call has returned and is counted. */
        for (uint64_t end = timer_now() + timer_ms(1000); GET(ons) < i && timer_now() < end;)
            ;
        expect_equal(GET(ons), i, "one of two calls turns it on");
        if (i == 20)
            attack_is_over();
        worker_give(third, go_off);
    }
    expect(worker_is_down(third), "it is off");
}

void guest_main(void)
{
    static const struct test_case cases[] = {
        {"argument-changes", case_argument_changes, false},
        {"argument-vanishes", case_argument_vanishes, false},
        {"table-is-none", case_table_is_none, false},
        {"pins-while-it-changes", case_pins_while_it_changes, false},
        {"root-is-spoilt", case_root_is_spoilt, false},
        {"assist-goes", case_assist_goes, false},
        {"two-start-one", case_two_start_one, false},
    };

    (void)assist_set(true);
    workers_init();
    table = table_alloc();
    victim = table_alloc();
    page = page_alloc();
    for (unsigned int i = 0; i < PAGE_SIZE / sizeof(uint64_t); i++)
        page[i] = MARK;
    good = entry_page(page, PAGE_PRIVATE);
    bad = foreign_mfn(0) << 12 | PAGE_PRIVATE;
    for (unsigned int i = 0; i < nr_workers; i++)
        entry_write(space_entry(&workers[i].space, VA, 2), entry_table(table));
    if (!worker_up(attacker()))
        guest_crash();
    cases_run(cases, ARRAY_SIZE(cases));
    guest_shutdown(SHUTDOWN_poweroff);
}
