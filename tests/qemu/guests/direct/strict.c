/* SPDX-License-Identifier: Apache-2.0 */
/* How a direct guest starts: with the assist off, nothing maps a table writable. */
#include "common/string.h"
#include "direct/cases.h"
#include "direct/exception.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"
#include "direct/rig.h"
#include "direct/user.h"

static struct rig rig;

static int64_t update(uint64_t *entry, uint64_t value)
{
    struct mmu_update request = {.ptr = virt_to_machine(entry), .val = value};

    return hyp_mmu_update(&request, 1, NULL);
}

/* Everything by hypercalls, and EL0 can use it. */
static void el0_works(void)
{
    struct user user;

    space_map(&rig.space, RIG_PAGE_VA(6), entry_page(rig.page[1], PAGE_USER));
    expect(user_call(&user, RIG_TEXT, user_store, RIG_PAGE_VA(6), 5, 0), "EL0 faulted");
    expect_equal(rig.page[1][0], 5, "the word stored");
}

static void store_to_table(void)
{
    measure_start();
    expect(!try_store(&rig.level3[9], 0), "the store was performed");
    measure_stop();
    expect_equal(ESR_EC(try_fault.esr), EC_DABT_SAME, "the exception class");
    expect(fsc_is_permission(ESR_FSC(try_fault.esr)), "not a permission fault");
}

static void writable_by_update(void)
{
    expect_equal((uint64_t)update(&rig.level3[9], entry_page(rig.level2, PAGE_PRIVATE)),
                 (uint64_t)-LATCH_EINVAL, "mmu_update");
    expect_refused(LATCH_RULE_WRITABLE);
    expect_equal((uint64_t)update(&rig.level3[9], entry_page(rig.level2, PAGE_PRIVATE | ENTRY_RO)),
                 0, "the same, read-only");
}

static void writable_by_va(void)
{
    expect_equal((uint64_t)hyp_update_va_mapping(rig.level2, entry_page(rig.level2, PAGE_KERNEL),
                                                 UVMF_INVLPG),
                 (uint64_t)-LATCH_EINVAL, "update_va_mapping");
    expect_refused(LATCH_RULE_WRITABLE);
}

/* DBM is a promise to write later. */
static void writable_by_dbm(void)
{
    expect_equal((uint64_t)update(&rig.level3[9],
                                  entry_page(rig.level2, PAGE_PRIVATE | ENTRY_RO | BIT64(51))),
                 (uint64_t)-LATCH_EINVAL, "mmu_update");
    expect_refused(LATCH_RULE_WRITABLE);
}

static void table_with_writer(void)
{
    uint64_t *page = page_alloc(); /* writable in the linear map */

    expect_equal((uint64_t)update(&rig.level2[9], entry_table(page)), (uint64_t)-LATCH_EINVAL,
                 "mmu_update");
    expect_refused(LATCH_RULE_WRITABLE);
    expect_equal((uint64_t)hyp_mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(page)),
                 (uint64_t)-LATCH_EINVAL, "pin");
    expect_refused(LATCH_RULE_WRITABLE);
    page[0] = 1; /* it is none */
    page_free(page);
}

static void table_with_el0_writer(void)
{
    uint64_t *page = table_alloc();

    space_map(&rig.space, RIG_PAGE_VA(6), entry_page(page, PAGE_USER));
    expect_equal((uint64_t)update(&rig.level2[9], entry_table(page)), (uint64_t)-LATCH_EINVAL,
                 "mmu_update");
    expect_refused(LATCH_RULE_EL0_TABLE);
    entry_write(&rig.level3[6], 0);
    tlbi_page(RIG_PAGE_VA(6));
    expect_equal((uint64_t)update(&rig.level2[9], entry_table(page)), 0, "mmu_update");
}

static uint64_t store_twice(uint64_t va, uint64_t pfn_va)
{
    *(volatile uint64_t *)(uintptr_t)va = 2;
    /* The entry goes, its copy in the TLB stays. */
    if (hyp_update_va_mapping((void *)(uintptr_t)va, 0, UVMF_NONE) != 0 ||
        hyp_mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn((void *)(uintptr_t)pfn_va)) != 0)
        return 1;
    *(volatile uint64_t *)(uintptr_t)va = 4;
    return 2;
}

/* A writable translation that the guest never invalidated is no way into the new table. */
static void stale_writer(void)
{
    uint64_t *page = table_alloc();
    struct try_result result;

    kernel_map(KERNEL_BASE, entry_page(page, PAGE_KERNEL));
    result = try_call(store_twice, KERNEL_BASE, va_of(page));
    expect(result.faulted != 0, "the second store was performed");
    expect_equal(result.value, 0, "the step that failed");
    expect_equal(try_fault.far, KERNEL_BASE, "FAR_EL1");
    expect_equal(page[0], 2, "the first entry of the table");
    expect_equal((uint64_t)hyp_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(page)), 0, "unpin");
    table_free(page);
}

/* The same from EL0. */
static void stale_el0_writer(void)
{
    uint64_t *page = table_alloc();
    struct user user;

    space_map(&rig.space, RIG_PAGE_VA(6), entry_page(page, PAGE_USER));
    expect(user_call(&user, RIG_TEXT, user_store, RIG_PAGE_VA(6), 2, 0), "EL0 faulted");
    expect_equal((uint64_t)hyp_update_va_mapping((void *)RIG_PAGE_VA(6), 0, UVMF_NONE), 0,
                 "unmapping the page");
    expect_equal((uint64_t)hyp_mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(page)), 0, "pin");
    expect(!user_call(&user, RIG_TEXT, user_store, RIG_PAGE_VA(6), 4, 0), "EL0 stored");
    expect_equal(ESR_EC(user.esr), EC_DABT_EL0, "the exception class");
    expect_equal(user.far, RIG_PAGE_VA(6), "FAR_EL1");
    expect_equal(page[0], 2, "the first entry of the table");
    expect_equal((uint64_t)hyp_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(page)), 0, "unpin");
    table_free(page);
}

/* A mapping that EL0 may only read gives it no store. */
static void el0_reads_table(void)
{
    struct user user;

    space_map(&rig.space, RIG_PAGE_VA(6), entry_page(rig.level2, PAGE_USER_RO));
    expect(user_call(&user, RIG_TEXT, user_load, RIG_PAGE_VA(6), 0, 0), "EL0 faulted");
    expect_equal(user.x[0], rig.level2[0], "the first entry");
    expect(!user_call(&user, RIG_TEXT, user_store, RIG_PAGE_VA(6), 0, 0), "EL0 stored");
    expect(fsc_is_permission(ESR_FSC(user.esr)), "not a permission fault");
    expect_equal(user.x[0], RIG_PAGE_VA(6), "the address");
}

static void on_and_off(void)
{
    uint64_t *table = rig.level2;

    expect_equal((uint64_t)assist_set(true), 0, "on");
    expect_equal((uint64_t)assist_set(false), 0, "off, without writers");
    expect_equal(
        (uint64_t)hyp_update_va_mapping(table, entry_page(table, PAGE_KERNEL), UVMF_INVLPG),
        (uint64_t)-LATCH_EINVAL, "a writable mapping");
    expect_equal((uint64_t)assist_set(true), 0, "on again");
    page_protect(table, true);
    table[9] = 2;
    expect_equal((uint64_t)assist_set(false), (uint64_t)-LATCH_EBUSY, "off, with a writer");
    table[9] = 0;
    page_protect(table, false);
    expect_equal((uint64_t)assist_set(false), 0, "off, the writer gone");
    expect(!try_store(&table[9], 0), "a store was performed");
}

static void unknown_assist(void)
{
    expect(hyp_vm_assist(VMASST_CMD_enable, 0) < 0, "another type");
    expect(hyp_vm_assist(2, VMASST_TYPE_writable_pagetables) < 0, "another command");
    expect(hyp_vm_assist(UINT64_MAX, UINT64_MAX) < 0, "garbage");
    expect(!try_store(&rig.level3[9], 0), "a store was performed");
}

#define LIST(CASE)                                                                                 \
    CASE(el0_works)                                                                                \
    CASE(store_to_table)                                                                           \
    CASE(writable_by_update)                                                                       \
    CASE(writable_by_va)                                                                           \
    CASE(writable_by_dbm)                                                                          \
    CASE(table_with_writer)                                                                        \
    CASE(table_with_el0_writer)                                                                    \
    CASE(stale_writer)                                                                             \
    CASE(stale_el0_writer)                                                                         \
    CASE(el0_reads_table)                                                                          \
    CASE(on_and_off)                                                                               \
    CASE(unknown_assist)

LIST(RIG_CASE)

static const struct test_case cases[] = {LIST(RIG_CASE_ENTRY)};

void guest_main(void) { cases_run(cases, ARRAY_SIZE(cases)); }
