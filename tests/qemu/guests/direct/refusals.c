/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every rule about what may enter a page table, each broken by itself. The command line says how:
 *
 *   by-hypercall   mmu_update: -EINVAL, nothing changes
 *   by-store       an emulated store: a permission fault at its PC, nothing changes
 *   by-batch       a store to an open table: the entry loses its valid bit when it is reconnected
 *                  (or the domain is stopped: then the guest's last line is the one before)
 */
#include "common/print.h"
#include "common/string.h"
#include "direct/cases.h"
#include "direct/exception.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"
#include "direct/rig.h"

#define SPARE 200 /* an entry that nothing uses, at every level */

static struct rig rig;

static uint64_t page1(uint64_t attributes) { return entry_page(rig.page[1], attributes); }
static uint64_t leaf(uint64_t machine) { return (machine & ENTRY_ADDRESS) | PAGE_PRIVATE; }
static uint64_t block(uint64_t mfn)
{
    return (mfn & ~UINT64_C(511)) << PAGE_SHIFT | (PAGE_PRIVATE & ~ENTRY_TABLE);
}

/* --- Encodings ------------------------------------------------------------------------------ */

static uint64_t reserved_page(void) { return page1(PAGE_PRIVATE & ~ENTRY_TABLE); }
static uint64_t reserved_bits(void) { return page1(PAGE_PRIVATE) | BIT64(48); }
static uint64_t guarded_page(void) { return page1(PAGE_PRIVATE) | BIT64(50); }
static uint64_t contiguous_page(void) { return page1(PAGE_PRIVATE) | ENTRY_CONTIGUOUS; }
static uint64_t contiguous_block(void)
{
    return block(virt_to_mfn(rig.page[1])) | ENTRY_CONTIGUOUS;
}
static uint64_t shareability(void)
{
    return (page1(PAGE_PRIVATE) & ~ENTRY_SHARED) | UINT64_C(1) << 8;
}
static uint64_t table_bits_in_page(void) { return page1(PAGE_PRIVATE) | BIT64(61); }
static uint64_t nonsecure_table(void) { return entry_table(page_alloc()) | BIT64(63); }
static uint64_t block_unaligned(void)
{
    return block(virt_to_mfn(rig.page[1])) | UINT64_C(1) << PAGE_SHIFT;
}
static uint64_t block_anywhere(void) { return block(virt_to_mfn(rig.page[1])); }

/* --- Windows -------------------------------------------------------------------------------- */

static uint64_t table_without_walk(void) { return entry_table(page_alloc()) & ~start_info->walk; }
static uint64_t page_with_walk(void) { return page1(PAGE_PRIVATE) | start_info->walk; }
static uint64_t page_beyond_walk(void) { return page1(PAGE_PRIVATE) | start_info->walk << 1; }

/* --- Whose frame ---------------------------------------------------------------------------- */

static uint64_t page_of_others(void) { return leaf(foreign_mfn(0) << PAGE_SHIFT); }
static uint64_t page_of_others_readonly(void) { return page_of_others() | ENTRY_RO; }
static uint64_t page_of_hypervisor(void) { return leaf(0x40080000); }
static uint64_t page_of_nobody(void) { return leaf(0x30000000); }
static uint64_t page_of_uart(void) { return 0x09000000 | PAGE_DEVICE; }
static uint64_t block_of_others(void) { return block(foreign_mfn(0)); }
static uint64_t table_of_others(void)
{
    return foreign_mfn(0) << PAGE_SHIFT | start_info->walk | ENTRY_VALID | ENTRY_TABLE;
}
static uint64_t table_of_device(void)
{
    return start_info->gicd | start_info->walk | ENTRY_VALID | ENTRY_TABLE;
}
static uint64_t m2p_page(void) { return pfn_to_mfn(start_info->m2p_pages) << PAGE_SHIFT; }
static uint64_t m2p_writable(void) { return leaf(m2p_page()); }
static uint64_t m2p_as_table(void)
{
    return m2p_page() | start_info->walk | ENTRY_VALID | ENTRY_TABLE;
}

/* --- Memory types --------------------------------------------------------------------------- */

static uint64_t ram_as_device(void) { return page1(PAGE_PRIVATE | ENTRY_ATTR(LATCH_ATTR_DEVICE)); }
static uint64_t ram_of_unset_type(void) { return page1(PAGE_PRIVATE | ENTRY_ATTR(5)); }
static uint64_t device_as_normal(void) { return leaf(start_info->gicd); }

/* --- Types ---------------------------------------------------------------------------------- */

static uint64_t table_for_el0(void) { return entry_page(rig.level3, PAGE_USER); }

/* What dirty page tables are made of: EL0 still has the page that becomes a table. */
static uint64_t table_of_el0(void)
{
    memset(rig.page[2], 0, PAGE_SIZE);
    entry_write(&rig.level3[3], entry_page(rig.page[2], PAGE_USER));
    (void)hyp_mmuext(MMUEXT_INVLPG_LOCAL, RIG_PAGE_VA(3));
    return entry_table(rig.page[2]);
}

static uint64_t table_of_garbage(void)
{
    memset(rig.page[2], 0xff, PAGE_SIZE);
    return entry_table(rig.page[2]);
}

static uint64_t same_level(void) { return entry_table(rig.level2); }
static uint64_t wrong_level(void) { return entry_table(rig.level3); }
static uint64_t root_below(void) { return entry_table(rig.level0); }

static const struct bad_entry {
    const char *name;
    unsigned int level;
    uint64_t (*make)(void);
    enum latch_rule rule;
} entries[] = {
    {"reserved-page", 3, reserved_page, LATCH_RULE_RESERVED},
    {"reserved-bits", 3, reserved_bits, LATCH_RULE_RESERVED},
    {"guarded-page", 3, guarded_page, LATCH_RULE_RESERVED},
    {"contiguous-page", 3, contiguous_page, LATCH_RULE_RESERVED},
    {"contiguous-block", 2, contiguous_block, LATCH_RULE_RESERVED},
    {"shareability", 3, shareability, LATCH_RULE_RESERVED},
    {"table-bits-in-page", 3, table_bits_in_page, LATCH_RULE_RESERVED},
    {"nonsecure-table", 2, nonsecure_table, LATCH_RULE_RESERVED},
    {"block-unaligned", 2, block_unaligned, LATCH_RULE_RESERVED},
    {"block-level1", 1, block_anywhere, LATCH_RULE_LEVEL},
    {"block-level0", 0, block_anywhere, LATCH_RULE_LEVEL},
    {"table-without-walk", 2, table_without_walk, LATCH_RULE_WINDOW},
    {"page-with-walk", 3, page_with_walk, LATCH_RULE_WINDOW},
    {"page-beyond-walk", 3, page_beyond_walk, LATCH_RULE_OWNER},
    {"page-of-others", 3, page_of_others, LATCH_RULE_OWNER},
    {"page-of-others-ro", 3, page_of_others_readonly, LATCH_RULE_OWNER},
    {"page-of-hypervisor", 3, page_of_hypervisor, LATCH_RULE_OWNER},
    {"page-of-nobody", 3, page_of_nobody, LATCH_RULE_OWNER},
    {"page-of-uart", 3, page_of_uart, LATCH_RULE_OWNER},
    {"block-of-others", 2, block_of_others, LATCH_RULE_OWNER},
    {"table-of-others", 2, table_of_others, LATCH_RULE_OWNER},
    {"table-of-device", 2, table_of_device, LATCH_RULE_OWNER},
    {"m2p-writable", 3, m2p_writable, LATCH_RULE_FOREIGN},
    {"m2p-as-table", 2, m2p_as_table, LATCH_RULE_FOREIGN},
    {"ram-as-device", 3, ram_as_device, LATCH_RULE_MEMTYPE},
    {"ram-of-unset-type", 3, ram_of_unset_type, LATCH_RULE_MEMTYPE},
    {"device-as-normal", 3, device_as_normal, LATCH_RULE_MEMTYPE},
    {"table-for-el0", 3, table_for_el0, LATCH_RULE_EL0_TABLE},
    {"table-of-el0", 2, table_of_el0, LATCH_RULE_EL0_TABLE},
    {"table-of-garbage", 2, table_of_garbage, LATCH_RULE_RESERVED},
    {"same-level", 2, same_level, LATCH_RULE_LEVEL},
    {"wrong-level", 1, wrong_level, LATCH_RULE_TYPE},
    {"root-below", 2, root_below, LATCH_RULE_TYPE},
};

/* What breaks no rule, though it is near to one that does. */
static uint64_t table_for_el1(void) { return entry_page(rig.level3, PAGE_PRIVATE); }
static uint64_t table_read_by_el0(void) { return entry_page(rig.level3, PAGE_USER_RO); }
static uint64_t m2p_readonly(void) { return m2p_writable() | ENTRY_RO; }
static uint64_t ram_noncacheable(void) { return page1(PAGE_PRIVATE | ENTRY_ATTR(LATCH_ATTR_NC)); }
static uint64_t invalid_garbage(void) { return ~UINT64_C(1); }

static const struct bad_entry good_entries[] = {
    {"table-for-el1", 3, table_for_el1, LATCH_RULE_NONE},
    {"table-read-by-el0", 3, table_read_by_el0, LATCH_RULE_NONE},
    {"m2p-readonly", 3, m2p_readonly, LATCH_RULE_NONE},
    {"ram-noncacheable", 3, ram_noncacheable, LATCH_RULE_NONE},
    {"invalid-garbage", 2, invalid_garbage, LATCH_RULE_NONE},
};

static uint64_t *spare_entry(unsigned int level)
{
    uint64_t *const table[] = {rig.level0, rig.level1, rig.level2, rig.level3};

    return &table[level][SPARE];
}

static void by_hypercall(uint64_t *entry, uint64_t value, bool good)
{
    struct mmu_update update = {.ptr = virt_to_machine(entry), .val = value};
    unsigned int done = 77;
    int64_t result = hyp_mmu_update(&update, 1, &done);

    expect_equal((uint64_t)result, good ? 0 : (uint64_t)-LATCH_EINVAL, "mmu_update");
    expect_equal(done, good, "requests done");
    expect_equal(*entry, good ? value : 0, "the entry");
}

static void by_store(uint64_t *entry, uint64_t value, bool good)
{
    bool stored = try_store(entry, value);

    expect_equal(*entry, good ? value : 0, "the entry");
    expect_equal(stored, good, "stored");
    if (stored)
        return;
    expect_equal(ESR_EC(try_fault.esr), EC_DABT_SAME, "the exception class");
    expect(fsc_is_permission(ESR_FSC(try_fault.esr)), "not a permission fault");
    expect((try_fault.esr & ESR_WNR) != 0, "not a write");
    expect_equal(try_fault.far, va_of(entry), "FAR_EL1");
}

static void by_batch(uint64_t *entry, uint64_t value, bool good)
{
    expect(try_store(entry, value), "the store to the open table faulted");
    expect_equal(*entry, value, "the entry of the open table");
    (void)hyp_mmuext(MMUEXT_INVLPG_LOCAL, RIG_VA);
    expect_equal(*entry, good ? value : value & ~ENTRY_VALID, "the entry");
}

static void run_entry(const struct bad_entry *bad)
{
    bool good = bad->rule == LATCH_RULE_NONE;
    uint64_t *entry, value;

    rig_make(&rig);
    value = bad->make();
    entry = spare_entry(bad->level);
    measure_start();
    if (guest_option("by-store"))
        by_store(entry, value, good);
    else if (guest_option("by-batch"))
        by_batch(entry, value, good);
    else
        by_hypercall(entry, value, good);
    measure_stop();
    if (!good)
        expect_refused(bad->rule);
    /* The rest of the space is as it was. */
    expect_equal(peek(RIG_VA), RIG_MARK(0), "the word at RIG_VA");
    if (good && bad->level < 3)
        entry_write(entry, 0);
    rig_drop(&rig);
}

#define COUNT (ARRAY_SIZE(entries) + ARRAY_SIZE(good_entries))

static struct test_case tests[COUNT];

static const struct bad_entry *entry_of(size_t i)
{
    return i < ARRAY_SIZE(entries) ? &entries[i] : &good_entries[i - ARRAY_SIZE(entries)];
}

static void run_current(void) { run_entry(entry_of((size_t)(current_case - tests))); }

void guest_main(void)
{
    (void)assist_set(true);
    for (size_t i = 0; i < COUNT; i++)
        tests[i] = (struct test_case){entry_of(i)->name, run_current, false};
    cases_run(tests, COUNT);
}
