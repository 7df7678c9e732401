/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores from EL0 to page tables, by every way there might be; all of it once more with EL0's data
 * big-endian (SCTLR_EL1.E0E), which must change EL0's bytes and nothing else.
 */
#include "direct/cases.h"
#include "direct/exception.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"
#include "direct/rig.h"
#include "direct/user.h"

#define SCTLR_E0E BIT64(24)
#define SCTLR_EE  BIT64(25)

#define NEW       6
#define NEW_VA    RIG_PAGE_VA(NEW)
#define LINK      9 /* entry of the level-2 table */
#define EMPTY(n)  ((uint64_t)(n) << 32 | 0xf0)
#define VALUE     UINT64_C(0x1122334455667788)
#define VALUE_BIG UINT64_C(0x8877665544332211)

static struct rig rig;
static struct user user;
static uint64_t sctlr_at_start;

static bool is_big(void) { return (read_sysreg(sctlr_el1) & SCTLR_E0E) != 0; }

static bool el0_store(uint64_t va, uint64_t value)
{
    return user_call(&user, RIG_TEXT, user_store, va, value, 0);
}

/* Judged by now, whether it was emulated or opened a table. */
static void entry_set(uint64_t *entry, uint64_t value)
{
    (void)try_store(entry, value);
    tables_written();
    (void)hyp_mmuext(MMUEXT_INVLPG_LOCAL, RIG_VA);
}

/* EL0 has a fault at `va`, and the table has what it had. */
static void expect_no_store(uint64_t va, const uint64_t *table, uint64_t wanted)
{
    expect(!el0_store(va, EMPTY(99)), "EL0 stored");
    expect_equal(ESR_EC(user.esr), EC_DABT_EL0, "the exception class");
    expect((user.esr & ESR_WNR) != 0, "the fault is no store's");
    expect_equal(user.far, va, "FAR_EL1");
    expect_equal(table[0], wanted, "the first entry of the table");
}

/* EL0 may read the table: stage 1 alone forbids the store. */
static void read_only(void)
{
    rig.level3[200] = EMPTY(1);
    entry_set(&rig.level3[NEW], entry_page(rig.level3, PAGE_USER_RO));
    measure_start();
    expect(user_call(&user, RIG_TEXT, user_load, NEW_VA + 200 * 8, 0, 0), "EL0 cannot read");
    expect_no_store(NEW_VA, rig.level3, rig.level3[0]);
    expect(fsc_is_permission(ESR_FSC(user.esr)), "not a permission fault");
    measure_stop();
}

/* A leaf that gives a table to EL0, whether that table is attached or open. */
static void leaf_to_table(void)
{
    uint64_t *table = rig_table(rig.page[1]);

    entry_set(&rig.level2[LINK], entry_table(table));
    for (unsigned int i = 0; i < 2; i++) {
        if (i == 1) {
            table[0] = EMPTY(2); /* opens it, where the policy is such */
            (void)try_store(&rig.level3[NEW], entry_page(table, PAGE_USER));
            tables_written();
        } else {
            entry_set(&rig.level3[NEW], entry_page(table, PAGE_USER));
        }
        expect_no_store(NEW_VA, table, i == 1 ? EMPTY(2) : 0);
        expect(fsc_is_translation(ESR_FSC(user.esr)), "not a translation fault");
        expect_refused(LATCH_RULE_EL0_TABLE);
        entry_set(&rig.level3[NEW], 0);
    }
    entry_set(&rig.level2[LINK], 0);
}

/* A page that EL0 may write does not become a table, and stays EL0's. */
static void table_of_leaf(void)
{
    uint64_t *page = page_alloc();

    entry_set(&rig.level3[NEW], entry_page(page, PAGE_USER));
    expect(el0_store(NEW_VA, VALUE), "EL0 faulted");
    page[0] = 0;
    entry_set(&rig.level2[LINK], entry_table(page));
    expect_refused(LATCH_RULE_EL0_TABLE);
    expect_equal(rig.level2[LINK] & ENTRY_VALID, 0, "the link's valid bit");
    expect(el0_store(NEW_VA, VALUE), "EL0 faulted afterwards");
    expect_equal(page[0], is_big() ? VALUE_BIG : VALUE, "the word stored");
    entry_set(&rig.level3[NEW], 0);
    entry_set(&rig.level2[LINK], 0);
    tlbi_page(NEW_VA);
    page_free(page);
}

/* The leaf is gone, the guest left out its TLBI. */
static void stale_translation(void)
{
    uint64_t *page = table_alloc();

    entry_set(&rig.level3[NEW], entry_page(page, PAGE_USER));
    expect(el0_store(NEW_VA, VALUE), "EL0 faulted");
    page[0] = EMPTY(3);
    (void)try_store(&rig.level3[NEW], 0);
    entry_set(&rig.level2[LINK], entry_table(page));
    expect((rig.level2[LINK] & ENTRY_VALID) != 0, "the page did not become a table");
    expect_no_store(NEW_VA, page, EMPTY(3));
    entry_set(&rig.level2[LINK], 0);
}

static uint64_t store_unprivileged(uint64_t va, uint64_t value)
{
    __asm__ volatile("sttr %1, [%0]" ::"r"(va), "r"(value) : "memory");
    return 0;
}

/* The same from EL1 with EL0's permissions: by a translation that EL0 had, and by EL1's own. */
static void unprivileged(void)
{
    uint64_t *page = table_alloc();

    entry_set(&rig.level3[NEW], entry_page(page, PAGE_USER));
    expect(try_call(store_unprivileged, NEW_VA, EMPTY(4)).faulted == 0, "STTR to EL0's page");
    expect_equal(page[0], EMPTY(4), "the word stored");
    (void)try_store(&rig.level3[NEW], 0);
    entry_set(&rig.level2[LINK], entry_table(page));
    expect((rig.level2[LINK] & ENTRY_VALID) != 0, "the page did not become a table");
    measure_start();
    expect(try_call(store_unprivileged, NEW_VA, EMPTY(5)).faulted != 0, "STTR by the old leaf");
    expect(try_call(store_unprivileged, va_of(page), EMPTY(5)).faulted != 0, "STTR by EL1's leaf");
    expect(fsc_is_permission(ESR_FSC(try_fault.esr)), "not a permission fault");
    expect_equal(page[0], EMPTY(4), "the first entry of the table");
    page[0] = EMPTY(6); /* perhaps it is open now */
    expect(try_call(store_unprivileged, va_of(page), EMPTY(5)).faulted != 0, "STTR once more");
    expect_equal(page[0], EMPTY(6), "the first entry of the open table");
    measure_stop();
    entry_set(&rig.level2[LINK], 0);
}

/* What is no table any more is a page like any other. */
static void freed_table(void)
{
    uint64_t *table = rig_table(rig.page[1]);

    entry_set(&rig.level2[LINK], entry_table(table));
    (void)try_store(&rig.level2[LINK], 0);
    entry_set(&rig.level3[NEW], entry_page(table, PAGE_USER));
    expect(el0_store(NEW_VA, VALUE), "EL0 faulted");
    expect_equal(table[0], is_big() ? VALUE_BIG : VALUE, "the word stored");
    entry_set(&rig.level3[NEW], 0);
}

/* EL1's stores, what EL2 reads and what it writes for EL1 are little-endian all the same. */
static void el1_is_little(void)
{
    struct mmu_update update = {.ptr = virt_to_machine(&rig.level3[20]), .val = EMPTY(7)};
    uint32_t done = 0;

    expect_equal((uint64_t)hyp_mmu_update(&update, 1, &done), 0, "mmu_update");
    expect_equal(done, 1, "the number of updates done");
    expect_equal(rig.level3[20], EMPTY(7), "the entry by hypercall");
    entry_set(&rig.level3[21], EMPTY(8));
    expect_equal(rig.level3[21], EMPTY(8), "the entry stored");
    __asm__ volatile("str %w1, [%0, #4]" ::"r"(&rig.level3[21]), "r"(0x99) : "memory");
    expect_equal(rig.level3[21], UINT64_C(0x99) << 32 | 0xf0, "the half entry stored");
    __asm__ volatile("stp %w1, %w2, [%0]" ::"r"(&rig.level3[22]), "r"(0x10), "r"(0x20) : "memory");
    expect_equal(rig.level3[22], UINT64_C(0x20) << 32 | 0x10, "the entry stored as a pair");
}

static uint64_t write_sctlr(uint64_t value, uint64_t unused)
{
    (void)unused;
    write_sysreg(value, sctlr_el1);
    isb();
    return 0;
}

/* Descriptors are never big-endian: not at the start, not later. */
static void no_big_el1(void)
{
    uint64_t sctlr = read_sysreg(sctlr_el1);

    expect_equal(sctlr_at_start & (SCTLR_EE | SCTLR_E0E), 0, "EE and E0E at the start");
    measure_start();
    expect(try_call(write_sctlr, sctlr | SCTLR_EE, 0).faulted != 0, "SCTLR_EL1.EE was set");
    expect_refused(LATCH_RULE_REGIME);
    expect(try_call(write_sctlr, sctlr ^ (SCTLR_EE | SCTLR_E0E), 0).faulted != 0, "with E0E");
    expect_refused(LATCH_RULE_REGIME);
    measure_stop();
    expect_equal(read_sysreg(sctlr_el1), sctlr, "SCTLR_EL1");
}

#define CASES(X)                                                                                   \
    X(read_only)                                                                                   \
    X(leaf_to_table)                                                                               \
    X(table_of_leaf)                                                                               \
    X(stale_translation)                                                                           \
    X(unprivileged)                                                                                \
    X(freed_table)                                                                                 \
    X(el1_is_little)                                                                               \
    X(no_big_el1)

static void run(void (*test)(void), uint64_t e0e)
{
    rig_make(&rig);
    (void)write_sctlr((read_sysreg(sctlr_el1) & ~SCTLR_E0E) | e0e, 0);
    test();
    (void)write_sctlr(read_sysreg(sctlr_el1) & ~SCTLR_E0E, 0);
    rig_drop(&rig);
}

#define FUNCTIONS(name)                                                                            \
    static void case_##name(void) { run(name, 0); }                                                \
    static void case_##name##_big(void) { run(name, SCTLR_E0E); }
CASES(FUNCTIONS)

#define ROWS(name) {#name, case_##name, false}, {#name "_big", case_##name##_big, false},
static const struct test_case cases[] = {CASES(ROWS)};

void guest_main(void)
{
    sctlr_at_start = read_sysreg(sctlr_el1);
    (void)assist_set(true);
    cases_run(cases, ARRAY_SIZE(cases));
}
