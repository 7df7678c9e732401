/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A direct guest with several vCPUs: how they come and go, and tables that all of them write while
 * all of them walk them. vCPU 0 gives the others jobs and judges what came of them.
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

#define NR_PAGES   4
#define PRIVATE_VA UINT64_C(0x40000000) /* each vCPU's own level-3 table */
#define SHARED_VA  UINT64_C(0x50000000) /* one level-3 table that is linked in all spaces */
#define SHARE      (TABLE_ENTRIES / MAX_WORKERS)
#define ROUNDS     6u
#define RACES      40u /* refusals by each vCPU */
#define NOTHING    UINT64_C(0x0bad0bad0bad0bad)
#define MARK(n)    (UINT64_C(0x5eed000000000000) + (n))

static uint64_t *pages[NR_PAGES]; /* page n holds MARK(n) in all its words */
static uint64_t *private[MAX_WORKERS];
static uint64_t *shared;
static bool stop;

static uint64_t look(uint64_t va) { return *(const volatile uint64_t *)(uintptr_t)va; }

static void case_bring_up(void)
{
    for (unsigned int i = 1; i < nr_workers; i++) {
        expect_equal((uint64_t)hyp_vcpu_op(VCPUOP_is_up, i, NULL), 0, "down before");
        expect(worker_up(&workers[i]), "it runs");
        expect_equal((uint64_t)hyp_vcpu_op(VCPUOP_is_up, i, NULL), 1, "is up");
    }
}

static void refused(uint64_t command, uint64_t vcpu, void *argument, int error, const char *what)
{
    expect_equal((uint64_t)hyp_vcpu_op(command, vcpu, argument), (uint64_t) - (int64_t)error, what);
}

/* The first base of the two is good: it is given back, and the frame may become anything again. */
static void refused_start_holds_nothing(struct latch_vcpu_context context)
{
    struct space other;
    uint64_t mfn;

    space_create(&other, 0);
    space_pin(&other);
    mfn = virt_to_mfn(other.root);
    context.ttbr1 = space_ttbr(&other);
    context.ttbr0 = foreign_mfn(0) << 12 | start_info->walk;
    refused(VCPUOP_initialise, 1, &context, LATCH_EPERM, "a good base and a bad one");
    expect_equal((uint64_t)hyp_mmuext(MMUEXT_UNPIN_TABLE, mfn), 0, "the good one is unpinned");
    expect_equal((uint64_t)hyp_mmuext(MMUEXT_PIN_L1_TABLE, mfn), 0, "and pinned as another table");
    expect_equal((uint64_t)hyp_mmuext(MMUEXT_UNPIN_TABLE, mfn), 0, "and unpinned");
    context.ttbr0 = 0;
    space_pin(&(struct space){.root = other.root});
    expect_equal((uint64_t)hyp_vcpu_op(VCPUOP_initialise, 1, &context), 0, "both are good");
    context.ttbr0 = foreign_mfn(0) << 12;
    refused(VCPUOP_initialise, 1, &context, LATCH_EINVAL, "then one without WALK");
    expect_equal((uint64_t)hyp_mmuext(MMUEXT_UNPIN_TABLE, mfn), 0, "the good one is unpinned");
    expect_equal((uint64_t)hyp_mmuext(MMUEXT_PIN_L1_TABLE, mfn), 0, "and pinned as another table");
    expect_equal((uint64_t)hyp_mmuext(MMUEXT_UNPIN_TABLE, mfn), 0, "and unpinned");
    refused(VCPUOP_up, 1, NULL, LATCH_EINVAL, "up");
    table_free(other.root);
}

/* vCPU 1 is down. */
static void case_wrong_starts(void)
{
    struct latch_vcpu_context good = worker_context(&workers[1]);
    struct latch_vcpu_context bad;

    refused(VCPUOP_up, 1, NULL, LATCH_EINVAL, "up before initialise");
    refused(VCPUOP_up, nr_workers, NULL, LATCH_ENOENT, "up of nobody");
    refused(VCPUOP_up, UINT64_C(1) << 32, NULL, LATCH_ENOENT, "up of a huge number");
    refused(VCPUOP_initialise, 0, &good, LATCH_EBUSY, "initialise of a vCPU that is up");
    refused(VCPUOP_initialise, 1, (void *)(uintptr_t)8, LATCH_EFAULT, "an argument nowhere");
    refused(VCPUOP_down, 1, NULL, LATCH_EPERM, "down of another");
    refused(VCPUOP_down, 0, NULL, LATCH_EBUSY, "down of the last one");
    refused(4, 1, NULL, LATCH_ENOSYS, "no such command");
    bad = good;
    bad.pc += 2;
    refused(VCPUOP_initialise, 1, &bad, LATCH_EINVAL, "pc not aligned");
    bad = good;
    bad.sp += 8;
    refused(VCPUOP_initialise, 1, &bad, LATCH_EINVAL, "sp not aligned");
    bad = good;
    bad.ttbr1 &= ~start_info->walk;
    refused(VCPUOP_initialise, 1, &bad, LATCH_EINVAL, "TTBR1_EL1 without WALK");
    bad = good;
    bad.ttbr1 = 0;
    refused(VCPUOP_initialise, 1, &bad, LATCH_EINVAL, "no TTBR1_EL1");
    bad = good;
    bad.ttbr0 = foreign_mfn(0) << 12 | start_info->walk;
    refused(VCPUOP_initialise, 1, &bad, LATCH_EPERM, "a root that is not its own");
    bad = good;
    bad.ttbr0 = (virt_to_mfn(private[1]) << 12) | start_info->walk;
    refused(VCPUOP_initialise, 1, &bad, LATCH_EBUSY, "a root of another level");
    refused(VCPUOP_up, 1, NULL, LATCH_EINVAL, "up after initialise was refused");
    refused_start_holds_nothing(good);
    expect_equal((uint64_t)psci_call(PSCI_CPU_OFF, 0, 0, 0), (uint64_t)-3, "CPU_OFF of the last");
    expect_equal((uint64_t)psci_call(PSCI_CPU_ON, nr_workers, 0, 0), (uint64_t)-2,
                 "CPU_ON, nobody");
    expect_equal((uint64_t)psci_call(PSCI_CPU_ON, 1, 2, 0), (uint64_t)-9, "CPU_ON, odd address");
}

/* Writes a run of entries, sees all of them through the MMU, changes them, clears them. */
static void storm(struct worker *me, uint64_t *table, uint64_t va, unsigned int first,
                  unsigned int count)
{
    for (unsigned int round = 0; round < ROUNDS; round++) {
        for (unsigned int i = first; i < first + count; i++)
            entry_write(&table[i], entry_page(pages[(i + round) % NR_PAGES], PAGE_PRIVATE));
        tables_written();
        for (unsigned int i = first; i < first + count; i++)
            me->wrong += look(va + i * PAGE_SIZE) != MARK((i + round) % NR_PAGES);
        /* One at a time, as a page fault's handler does. */
        for (unsigned int i = first; i < first + count; i += 7) {
            entry_write(&table[i], 0);
            tlbi_page(va + i * PAGE_SIZE);
            entry_write(&table[i], entry_page(pages[round % NR_PAGES], PAGE_PRIVATE));
            tables_written();
            me->wrong += look(va + i * PAGE_SIZE) != MARK(round % NR_PAGES);
        }
        for (unsigned int i = first; i < first + count; i++)
            entry_write(&table[i], 0);
        tlbi_all();
    }
}

static void private_storm(struct worker *me)
{
    storm(me, private[me->id], PRIVATE_VA, 0, TABLE_ENTRIES);
}

static void shared_storm(struct worker *me) { storm(me, shared, SHARED_VA, me->id * SHARE, SHARE); }

static void case_private_tables(void) { expect(workers_run(private_storm), "private tables"); }

static void case_shared_table(void) { expect(workers_run(shared_storm), "a shared table"); }

/* By hypercall, pinning and unpinning: long calls of all vCPUs at once. */
static void call_storm(struct worker *me)
{
    for (unsigned int round = 0; round < ROUNDS; round++) {
        for (unsigned int i = 0; i < 64; i++)
            entry_write_by_hypercall(&private[me->id][i],
                                     entry_page(pages[(i + round) % NR_PAGES], PAGE_PRIVATE));
        for (unsigned int i = 0; i < 64; i++)
            me->wrong += look(PRIVATE_VA + i * PAGE_SIZE) != MARK((i + round) % NR_PAGES);
        me->wrong += hyp_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(me->space.root)) != 0;
        me->wrong += hyp_mmuext(MMUEXT_NEW_USER_BASEPTR, 0) != 0;
        for (unsigned int i = 0; i < TABLE_ENTRIES; i++)
            entry_write(&private[me->id][i], entry_page(pages[i % NR_PAGES], PAGE_PRIVATE));
        me->wrong += hyp_mmuext(MMUEXT_PIN_L4_TABLE, virt_to_mfn(me->space.root)) != 0;
        write_sysreg(space_ttbr(&me->space), ttbr0_el1);
        isb();
        for (unsigned int i = 0; i < TABLE_ENTRIES; i++)
            me->wrong += look(PRIVATE_VA + i * PAGE_SIZE) != MARK(i % NR_PAGES);
        for (unsigned int i = 0; i < TABLE_ENTRIES; i++)
            entry_write(&private[me->id][i], 0);
        tlbi_all();
    }
}

static void case_calls(void) { expect(workers_run(call_storm), "calls"); }

/* Whatever they do, nobody ever sees through it. The others write what is forbidden into entry 5 of
 * the shared table, valid entries around it. */
static void forbid(struct worker *me)
{
    uint64_t bad = foreign_mfn(0) << 12 | PAGE_PRIVATE;

    while (!GET(stop)) {
        *(volatile uint64_t *)&shared[5] = bad;
        *(volatile uint64_t *)&shared[6 + me->id] = entry_page(pages[0], PAGE_PRIVATE);
        (void)look(SHARED_VA + (6 + me->id) * PAGE_SIZE);
        *(volatile uint64_t *)&shared[5] = entry_page(pages[1], PAGE_PRIVATE);
        tlbi_page(SHARED_VA + 5 * PAGE_SIZE);
        PUT(me->rounds, me->rounds + 1);
    }
}

static bool all_raced(void)
{
    for (unsigned int i = 1; i < nr_workers; i++) {
        if (GET(workers[i].rounds) < RACES)
            return false;
    }
    return true;
}

static void case_race(void)
{
    uint64_t until = timer_now() + timer_ms(20000);
    uint64_t seen = 0, faults = 0, loads = 0;

    PUT(stop, false);
    faults_skip(true);
    for (unsigned int i = 1; i < nr_workers; i++)
        worker_give(&workers[i], forbid);
    for (; !all_raced() && timer_now() < until; loads++) {
        uint64_t value = probe_load_or(SHARED_VA + 5 * PAGE_SIZE, NOTHING);

        if (value == NOTHING)
            faults++;
        else if (value == MARK(1))
            seen++;
        else
            expect_equal(value, MARK(1), "what a forbidden entry shows");
    }
    PUT(stop, true);
    for (unsigned int i = 1; i < nr_workers; i++)
        expect(worker_wait(&workers[i]), "the writers go on");
    faults_skip(false);
    expect(all_raced(), "all have raced");
    expect_equal(seen + faults, loads, "every load was answered");
    for (unsigned int i = 0; i < 32; i++)
        entry_write(&shared[i], 0);
    tlbi_all();
}

static void go_down(struct worker *me)
{
    PUT(me->job, NULL);
    (void)hyp_vcpu_op(VCPUOP_down, me->id, NULL);
    me->wrong++;
}

static void go_off(struct worker *me)
{
    PUT(me->job, NULL);
    (void)psci_call(PSCI_CPU_OFF, 0, 0, 0);
    me->wrong++;
}

/* A vCPU that is down holds no table: its root can be unpinned, and is ordinary memory again. */
static void case_down_and_up(void)
{
    for (unsigned int i = 1; i < nr_workers; i++) {
        struct worker *w = &workers[i];

        worker_give(w, go_down);
        expect(worker_is_down(w), "it is down");
        expect_equal((uint64_t)hyp_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(w->space.root)), 0,
                     "its root is unpinned");
        *(volatile uint64_t *)&w->space.root[511] = 2;
        *(volatile uint64_t *)&w->space.root[511] = 0;
        refused(VCPUOP_up, i, NULL, LATCH_EINVAL, "up without a new start");
        expect(worker_up(w), "it runs again");
    }
}

/* By PSCI: the new vCPU has its caller's tables. */
static void case_psci(void)
{
    space_load(&workers[0].space);
    for (unsigned int i = 1; i < nr_workers; i++) {
        struct worker *w = &workers[i];

        worker_give(w, go_off);
        expect(worker_is_down(w), "it is off");
        expect_equal(
            (uint64_t)psci_call(PSCI_CPU_ON, i, (uint64_t)(uintptr_t)worker_entry, va_of(w)), 0,
            "CPU_ON");
        expect(worker_started(w, 3), "it runs again");
    }
}

static void end_all(struct worker *me)
{
    (void)me;
    guest_shutdown(SHUTDOWN_poweroff);
}

void guest_main(void)
{
    static const struct test_case cases[] = {
        {"wrong-starts", case_wrong_starts, false},
        {"bring-up", case_bring_up, false},
        {"private-tables", case_private_tables, false},
        {"shared-table", case_shared_table, false},
        {"calls", case_calls, false},
        {"race", case_race, false},
        {"down-and-up", case_down_and_up, false},
        {"psci", case_psci, false},
    };

    (void)assist_set(true);
    workers_init();
    shared = table_alloc();
    for (unsigned int i = 0; i < NR_PAGES; i++) {
        pages[i] = page_alloc();
        for (unsigned int w = 0; w < PAGE_SIZE / sizeof(uint64_t); w++)
            pages[i][w] = MARK(i);
    }
    for (unsigned int i = 0; i < nr_workers; i++) {
        private[i] = space_entry(&workers[i].space, PRIVATE_VA, 3);
        entry_write(space_entry(&workers[i].space, SHARED_VA, 2), entry_table(shared));
    }
    cases_run(cases, ARRAY_SIZE(cases));
    worker_give(&workers[nr_workers - 1], end_all);
    for (;;)
        ;
}
