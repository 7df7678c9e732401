/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two guests and the memory that they share: "down", which the one may only read, and "both". The
 * command line says which of the two this is:
 *
 *   writer    writes both regions, and goes on when the other one restarts and when it is gone
 *   reader    reads what it finds, tries all that it may not do, restarts once, and ends in its
 *             second life; by a crash, if "crash" is in the command line
 *
 * "both" starts with words by which they wait for each other, and which outlive a restart.
 */
#include "common/print.h"
#include "common/string.h"
#include "direct/cases.h"
#include "direct/exception.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"
#include "direct/rig.h"

#define DOWN   KERNEL_BASE
#define BOTH   (KERNEL_BASE + UINT64_C(0x10000000))
#define SPARE  200 /* an entry that nothing uses, at every level of the rig */
#define ROUNDS 20
#define WORDS  (PAGE_SIZE / sizeof(uint64_t))

enum word { READY, TURN, LIVES, GONE };

static struct rig rig;

static const struct latch_shared *region(const char *name)
{
    for (uint64_t i = 0; i < start_info->nr_shared; i++) {
        if (strcmp(start_info->shared[i].name, name) == 0)
            return &start_info->shared[i];
    }
    guest_crash();
}

static uint64_t leaf(const struct latch_shared *shared, uint64_t offset, uint64_t attributes)
{
    return (shared->address + offset) | attributes;
}

static uint64_t get(enum word word)
{
    return __atomic_load_n((uint64_t *)(uintptr_t)BOTH + word, __ATOMIC_ACQUIRE);
}

static void put(enum word word, uint64_t value)
{
    __atomic_store_n((uint64_t *)(uintptr_t)BOTH + word, value, __ATOMIC_RELEASE);
}

static void wait_for(enum word word, uint64_t value)
{
    while (get(word) != value)
        (void)hyp_sched_op(SCHEDOP_yield, NULL);
}

static uint64_t pattern(unsigned int page, uint64_t word) { return (page + 1) * 0x100000 + word; }

static void write_down(unsigned int page)
{
    volatile uint64_t *at = (uint64_t *)(uintptr_t)(DOWN + page * PAGE_SIZE);

    for (uint64_t i = 0; i < WORDS; i++)
        at[i] = pattern(page, i);
}

static void read_down(unsigned int page)
{
    const volatile uint64_t *at = (uint64_t *)(uintptr_t)(DOWN + page * PAGE_SIZE);

    for (uint64_t i = 0; i < WORDS; i++)
        expect_equal(at[i], pattern(page, i), "a word of the other one's");
}

/* In turns: the word is even when the writer is to raise it, else odd. */
static void exchange(uint64_t first)
{
    for (uint64_t i = first; i < 2 * ROUNDS; i += 2) {
        wait_for(TURN, i);
        put(TURN, i + 1);
    }
}

static void map_regions(bool writer)
{
    const struct latch_shared *down = region("down");

    for (uint64_t at = 0; at < down->size; at += PAGE_SIZE)
        kernel_map(DOWN + at, leaf(down, at, writer ? PAGE_KERNEL : PAGE_KERNEL_RO));
    kernel_map(BOTH, leaf(region("both"), 0, PAGE_KERNEL));
}

static void expect_listed(uint64_t down_writable)
{
    const struct latch_shared *down = region("down");
    const struct latch_shared *both = region("both");

    expect_equal(start_info->nr_shared, 2, "regions");
    expect_equal(down->size, 2 * PAGE_SIZE, "the size of the one");
    expect_equal(both->size, UINT64_C(2) << 20, "the size of the other");
    expect_equal(down->writable, down_writable, "the right to the one");
    expect_equal(both->writable, 1, "the right to the other");
    expect_equal(both->address & ((UINT64_C(2) << 20) - 1), 0, "the other's place in its block");
    expect_equal(mfn_to_pfn(down->address >> PAGE_SHIFT), LATCH_M2P_NONE, "its pfn");
}

/* --- The writer ----------------------------------------------------------------------------- */

static void writer_listed(void) { expect_listed(1); }

static void writer_finds_zero(void)
{
    const volatile uint64_t *at = (uint64_t *)(uintptr_t)DOWN;

    for (uint64_t i = 0; i < 2 * WORDS; i++)
        expect_equal(at[i], 0, "a word before the first store");
}

static void writer_writes(void)
{
    write_down(0);
    put(READY, 1);
}

static void writer_exchanges(void) { exchange(0); }

static void writer_outlives_restart(void)
{
    wait_for(LIVES, 2);
    read_down(0);
    write_down(1);
    put(READY, 2);
}

static uint64_t now(void) { return read_sysreg(cntvct_el0); }

static void writer_outlives_end(void)
{
    uint64_t end;

    wait_for(GONE, 1);
    /* It has still to say its last words. */
    end = now() + read_sysreg(cntfrq_el0) / 2;
    while (now() < end)
        (void)hyp_sched_op(SCHEDOP_yield, NULL);
    read_down(0);
    read_down(1);
    write_down(0);
    put(LIVES, 77);
    expect_equal(get(LIVES), 77, "a word of both");
    expect_equal(get(TURN), 2 * ROUNDS, "the last turn");
}

static const struct test_case writer_cases[] = {
    {"listed", writer_listed, false},
    {"zero", writer_finds_zero, false},
    {"writes", writer_writes, false},
    {"exchange", writer_exchanges, false},
    {"other-restarts", writer_outlives_restart, false},
    {"other-ends", writer_outlives_end, false},
};

/* --- The reader ----------------------------------------------------------------------------- */

static void reader_listed(void) { expect_listed(0); }

static void reader_reads(void)
{
    wait_for(READY, 1);
    read_down(0);
}

static void reader_exchanges(void) { exchange(1); }

static void refused(uint64_t *entry, uint64_t value, enum latch_rule rule)
{
    struct mmu_update update = {.ptr = virt_to_machine(entry), .val = value};

    expect_equal((uint64_t)hyp_mmu_update(&update, 1, NULL), (uint64_t)-LATCH_EINVAL, "the entry");
    expect_refused(rule);
    expect_equal(*entry, 0, "what is there");
}

static void accepted(uint64_t *entry, uint64_t value)
{
    struct mmu_update update = {.ptr = virt_to_machine(entry), .val = value};

    expect_equal((uint64_t)hyp_mmu_update(&update, 1, NULL), 0, "the entry");
    update.val = 0;
    expect_equal((uint64_t)hyp_mmu_update(&update, 1, NULL), 0, "its end");
}

static void reader_writable_leaf(void)
{
    const struct latch_shared *down = region("down");

    refused(&rig.level3[SPARE], leaf(down, 0, PAGE_PRIVATE), LATCH_RULE_FOREIGN);
    refused(&rig.level3[SPARE], leaf(down, PAGE_SIZE, PAGE_USER), LATCH_RULE_FOREIGN);
    refused(&rig.level3[SPARE], leaf(down, 0, PAGE_PRIVATE | ENTRY_RO | BIT64(51)),
            LATCH_RULE_FOREIGN);
    accepted(&rig.level3[SPARE], leaf(down, 0, PAGE_PRIVATE | ENTRY_RO));
    accepted(&rig.level3[SPARE], leaf(region("both"), 0, PAGE_USER));
}

static void reader_stores(void)
{
    expect(!try_store((uint64_t *)(uintptr_t)DOWN, 1), "a store was done");
    expect(fsc_is_permission(ESR_FSC(try_fault.esr)), "not a permission fault");
    read_down(0);
}

static void reader_device_leaf(void)
{
    refused(&rig.level3[SPARE], leaf(region("down"), 0, PAGE_DEVICE | ENTRY_RO),
            LATCH_RULE_MEMTYPE);
    refused(&rig.level3[SPARE], leaf(region("both"), 0, PAGE_DEVICE), LATCH_RULE_MEMTYPE);
}

static void reader_blocks(void)
{
    const struct latch_shared *both = region("both");

    accepted(&rig.level2[SPARE], leaf(both, 0, PAGE_PRIVATE & ~ENTRY_TABLE));
    refused(&rig.level2[SPARE], leaf(both, both->size, PAGE_PRIVATE & ~ENTRY_TABLE),
            LATCH_RULE_OWNER);
}

static void reader_beyond(void)
{
    const struct latch_shared *down = region("down");
    const struct latch_shared *both = region("both");

    refused(&rig.level3[SPARE], leaf(down, down->size, PAGE_PRIVATE | ENTRY_RO), LATCH_RULE_OWNER);
    refused(&rig.level3[SPARE], leaf(both, both->size, PAGE_PRIVATE), LATCH_RULE_OWNER);
    refused(&rig.level3[SPARE], leaf(both, (uint64_t)-PAGE_SIZE, PAGE_PRIVATE), LATCH_RULE_OWNER);
}

static void reader_tables(void)
{
    static const char *const name[] = {"down", "both"};

    for (unsigned int i = 0; i < 2; i++) {
        const struct latch_shared *shared = region(name[i]);

        refused(&rig.level2[SPARE], shared->address | start_info->walk | ENTRY_VALID | ENTRY_TABLE,
                LATCH_RULE_OWNER);
        expect_equal((uint64_t)hyp_mmuext(MMUEXT_PIN_L1_TABLE, shared->address >> PAGE_SHIFT),
                     (uint64_t)-LATCH_EPERM, "pin");
        expect_equal((uint64_t)hyp_mmuext(MMUEXT_NEW_USER_BASEPTR, shared->address >> PAGE_SHIFT),
                     (uint64_t)-LATCH_EPERM, "new base");
    }
}

static void reader_updates(void)
{
    struct mmu_update update = {.ptr = region("both")->address + 512, .val = 4711};
    const volatile uint64_t *word = (uint64_t *)(uintptr_t)(BOTH + 512);

    expect_equal((uint64_t)hyp_mmu_update(&update, 1, NULL), (uint64_t)-LATCH_EPERM, "mmu_update");
    expect_equal(*word, 0, "the word");
    update.ptr |= MMU_MACHPHYS_UPDATE;
    expect((int64_t)hyp_mmu_update(&update, 1, NULL) < 0, "its pfn was changed");
}

static void reader_pointers(void)
{
    struct latch_counters *there = (struct latch_counters *)(uintptr_t)(BOTH + 512);

    expect_equal((uint64_t)hyp_latch_op(LATCH_OP_counters, there, sizeof(*there)),
                 (uint64_t)-LATCH_EFAULT, "a result");
    expect_equal((uint64_t)hyp_console_io(CONSOLEIO_write, 8, (const char *)there),
                 (uint64_t)-LATCH_EFAULT, "an argument");
}

static void reader_gives_away(void)
{
    uint64_t mfn = region("both")->address >> PAGE_SHIFT;
    struct xen_memory_reservation reservation = {
        .extent_start = va_of(&mfn), .nr_extents = 1, .domid = DOMID_SELF};

    expect((int64_t)hyp_memory_op(XENMEM_decrease_reservation, &reservation) <= 0,
           "it was given away");
}

static uint64_t jump(uint64_t to, uint64_t unused)
{
    (void)unused;
    ((void (*)(void))(uintptr_t)to)();
    return 0;
}

static void reader_executes(void)
{
    uint64_t va = DOWN + 64 * PAGE_SIZE;

    kernel_map(va, leaf(region("down"), 0, (PAGE_KERNEL_RO & ~ENTRY_PXN)));
    expect(try_call(jump, va, 0).faulted != 0, "it was executed");
    expect_equal(ESR_EC(try_fault.esr), EC_IABT_SAME, "the exception class");
    expect(fsc_is_permission(ESR_FSC(try_fault.esr)), "not a permission fault");
    kernel_map(va, 0);
}

static const struct test_case reader_cases[] = {
    {"listed", reader_listed, false},      {"reads", reader_reads, false},
    {"exchange", reader_exchanges, false}, {"writable-leaf", reader_writable_leaf, false},
    {"stores", reader_stores, false},      {"device-leaf", reader_device_leaf, false},
    {"blocks", reader_blocks, false},      {"beyond", reader_beyond, false},
    {"tables", reader_tables, false},      {"updates", reader_updates, false},
    {"pointers", reader_pointers, false},  {"gives-away", reader_gives_away, false},
    {"executes", reader_executes, false},
};

static void reader_finds_the_old(void)
{
    read_down(0);
    expect_equal(get(TURN), 2 * ROUNDS, "the last turn");
}

static void reader_reads_on(void)
{
    wait_for(READY, 2);
    read_down(1);
}

static const struct test_case second_life[] = {
    {"kept", reader_finds_the_old, false},
    {"reads-on", reader_reads_on, false},
};

static void reader(void)
{
    put(LIVES, get(LIVES) + 1);
    if (get(LIVES) == 1) {
        rig_make(&rig);
        cases_run(reader_cases, sizeof(reader_cases) / sizeof(reader_cases[0]));
        guest_shutdown(SHUTDOWN_reboot);
    }
    cases_run(second_life, sizeof(second_life) / sizeof(second_life[0]));
    put(GONE, 1);
    if (guest_option("crash"))
        guest_crash();
}

void guest_main(void)
{
    bool writer = guest_option("writer");

    map_regions(writer);
    if (writer)
        cases_run(writer_cases, sizeof(writer_cases) / sizeof(writer_cases[0]));
    else
        reader();
}
