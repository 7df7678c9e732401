/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a compromised kernel would try. Every attempt has to be refused, by the rule that forbids
 * it, and to leave everything as it was.
 */
#include "common/print.h"
#include "common/string.h"
#include "demo.h"
#include "direct/counters.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"

#define SPARE 300 /* an entry that nothing uses */

static void report(const char *what, enum latch_rule rule)
{
    struct latch_refusal refusal;

    if (!refusal_read(&refusal))
        demo_failed(what, 0, 1);
    demo_check(refusal.rule, rule, what);
    print("direct: refused: %s (rule: %s)\n", what, refusal.text);
}

static void by_hypercall(const char *what, uint64_t *entry, uint64_t value, enum latch_rule rule)
{
    uint64_t before = *entry;
    struct mmu_update update = {.ptr = virt_to_machine(entry), .val = value};

    demo_check((uint64_t)hyp_mmu_update(&update, 1, NULL), (uint64_t)-LATCH_EINVAL, what);
    demo_check(*entry, before, what);
    report(what, rule);
}

static void by_store(const char *what, uint64_t *entry, uint64_t value, enum latch_rule rule)
{
    uint64_t before = *entry;

    demo_check(try_store(entry, value), false, what);
    demo_check(fsc_is_permission(ESR_FSC(try_fault.esr)), true, what);
    demo_check(try_fault.far, va_of(entry), what);
    demo_check(*entry, before, what);
    report(what, rule);
}

/*
 * Latch learns by program place whether a store is one of many. An illegal entry among many stops
 * the domain, so try_store()'s place is first made known as one that stores a single entry.
 */
static void teach_single_stores(uint64_t *a, uint64_t *b)
{
    for (unsigned int i = 0; i < 4; i++) {
        uint64_t *entry = i % 2 == 0 ? a : b;

        demo_check(try_store(entry, 2 * i), true, "a legal store");
        (void)hyp_mmuext(MMUEXT_INVLPG_LOCAL, HEAP_VA);
    }
    entry_write(a, 0);
    entry_write(b, 0);
    (void)hyp_mmuext(MMUEXT_INVLPG_LOCAL, HEAP_VA);
}

void forbidden_strict(void)
{
    uint64_t *data = page_alloc(); /* writable in the linear map */
    struct space space;

    space_create(&space, 1);
    space_map(&space, HEAP_VA, entry_page(data, PAGE_USER_RO));
    space_pin(&space);
    by_hypercall("a writable mapping of a page table, assist off",
                 space_entry(&space, HEAP_VA + SPARE * PAGE_SIZE, 3),
                 entry_page(space.root, PAGE_PRIVATE), LATCH_RULE_WRITABLE);
    by_hypercall("a table that has a writable mapping, assist off",
                 space_entry(&space, HEAP_VA + (SPARE << 21), 2), entry_table(data),
                 LATCH_RULE_WRITABLE);
    demo_check(try_store(&space.root[SPARE], 0), false, "a store to a table, assist off");
    demo_check(fsc_is_permission(ESR_FSC(try_fault.esr)), true, "its permission fault");
    print("direct: refused: a store to a page table, assist off (permission fault)\n");
    space_destroy(&space, NULL);
    page_free(data);
}

static uint64_t foreign_leaf(void) { return foreign_mfn(0) << PAGE_SHIFT | PAGE_PRIVATE; }

static void entries(struct process *p, void *page)
{
    uint64_t *level3 = space_entry(&p->space, HEAP_VA + SPARE * PAGE_SIZE, 3);
    uint64_t *level2 = space_entry(&p->space, HEAP_VA + (SPARE << 21), 2);
    uint64_t *level1 = space_entry(&p->space, (uint64_t)SPARE << 30, 1);
    uint64_t *level0 = &p->space.root[SPARE];
    uint64_t leaf = entry_page(page, PAGE_PRIVATE);
    uint64_t block = (leaf & ~GENMASK64(20, 12)) & ~ENTRY_TABLE;
    uint64_t *garbage = page_alloc();

    memset(garbage, 0xff, PAGE_SIZE);
    teach_single_stores(level3, level2);
    by_store("a page table writable for EL0", level3, entry_page(p->space.root, PAGE_USER),
             LATCH_RULE_EL0_TABLE);
    by_store("a frame of another domain", level3, foreign_leaf(), LATCH_RULE_OWNER);
    by_store("the hypervisor's memory", level3, UINT64_C(0x40080000) | PAGE_PRIVATE_TEXT,
             LATCH_RULE_OWNER);
    by_store("a device that was not given", level3, UINT64_C(0x09000000) | PAGE_DEVICE,
             LATCH_RULE_OWNER);
    by_store("RAM as Device memory", level3, leaf | ENTRY_ATTR(LATCH_ATTR_DEVICE),
             LATCH_RULE_MEMTYPE);
    by_store("a page of the walk window", level3, leaf | start_info->walk, LATCH_RULE_WINDOW);
    by_store("a table of the data window", level2, entry_table(garbage) & ~start_info->walk,
             LATCH_RULE_WINDOW);
    by_store("a table full of garbage", level2, entry_table(garbage), LATCH_RULE_RESERVED);
    by_store("a page that EL0 can write as a table", level2,
             entry_table(machine_to_virt(*space_entry(&p->space, HEAP_VA, 3))),
             LATCH_RULE_EL0_TABLE);
    by_hypercall("a table of the same level", level2,
                 entry_table((void *)(va_of(level2) & ~(PAGE_SIZE - 1))), LATCH_RULE_LEVEL);
    by_hypercall("the m2p, writable", level3,
                 pfn_to_mfn(start_info->m2p_pages) << PAGE_SHIFT | PAGE_PRIVATE,
                 LATCH_RULE_FOREIGN);
    by_hypercall("a page with reserved bits", level3, leaf | BIT64(48), LATCH_RULE_RESERVED);
    by_hypercall("a contiguous page", level3, leaf | ENTRY_CONTIGUOUS, LATCH_RULE_RESERVED);
    by_hypercall("a block of 1 GiB", level1, block, LATCH_RULE_LEVEL);
    by_hypercall("a block at level 0", level0, block, LATCH_RULE_LEVEL);
    page_free(garbage);
}

/* --- Registers -------------------------------------------------------------------------------- */

#define WRITER(name, reg)                                                                          \
    static uint64_t name(uint64_t value, uint64_t unused)                                          \
    {                                                                                              \
        (void)unused;                                                                              \
        write_sysreg(value, reg);                                                                  \
        return 0;                                                                                  \
    }
WRITER(write_sctlr, sctlr_el1)
WRITER(write_tcr, tcr_el1)
WRITER(write_mair, mair_el1)
WRITER(write_ttbr0, ttbr0_el1)

static void by_register(const char *what, uint64_t (*write)(uint64_t, uint64_t), uint64_t value,
                        enum latch_rule rule)
{
    demo_check(try_call(write, value, 0).faulted, true, what);
    demo_check(ESR_EC(try_fault.esr), EC_UNKNOWN, what);
    report(what, rule);
}

static void registers(const struct process *p)
{
    by_register("the MMU off", write_sctlr, read_sysreg(sctlr_el1) & ~BIT64(0), LATCH_RULE_REGIME);
    by_register("big-endian tables", write_sctlr, read_sysreg(sctlr_el1) | BIT64(25),
                LATCH_RULE_REGIME);
    by_register("another size of address space", write_tcr, read_sysreg(tcr_el1) ^ 8,
                LATCH_RULE_REGIME);
    by_register("other memory types", write_mair, 0, LATCH_RULE_REGIME);
    by_register("a base in the data window", write_ttbr0, space_ttbr(&p->space) & ~start_info->walk,
                LATCH_RULE_WINDOW);
    by_register("a base that is a level-3 table", write_ttbr0,
                (virt_to_machine(space_find(&p->space, HEAP_VA, 3)) & ~(PAGE_SIZE - 1)) |
                    start_info->walk,
                LATCH_RULE_TYPE);
}

void forbidden(void)
{
    static struct process process;
    void *page = page_alloc();

    process_create(&process, 1);
    if (!process_run(&process, user_store, HEAP_VA, 1, 0))
        demo_failed("EL0 faulted", process.user.far, process.user.esr);
    entries(&process, page);
    registers(&process);
    /* It still works. */
    if (!process_run(&process, user_load, HEAP_VA, 0, 0))
        demo_failed("EL0 faulted", process.user.far, process.user.esr);
    demo_check(process.user.x[0], 1, "the word that EL0 stored");
    process_exit(&process);
    page_free(page);
}
