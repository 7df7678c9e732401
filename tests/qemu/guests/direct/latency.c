/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long an interrupt waits while Latch works on a long call. A timer fires all the time, at
 * several periods; each case notes the latest interrupt, in instructions if the machine counts them
 * as time: from the timer's deadline to the guest's handler, the way through Latch included.
 */
#include "common/string.h"
#include "direct/cases.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/interrupt.h"
#include "direct/memory.h"
#include "direct/table.h"

#define TABLES   512
#define REQUESTS 4096
#define FRAMES   1500
#define NS       UINT64_C(1000000000)

static const uint64_t periods[] = {23, 31, 41};

/* Leaves of many kinds to pages of many regions: nothing that was learnt of one helps the next. */
#define PAGES 64
static uint8_t *pages[PAGES];
static uint64_t *tables[TABLES];
static uint64_t *level2, *level1, *level0;
static struct mmu_update requests[REQUESTS];
static struct mmuext_op operations[REQUESTS];
static uint64_t mfns[FRAMES];

static void must(int64_t result, const char *what) { expect_equal((uint64_t)result, 0, what); }

/* The interrupts of one call after another. */
static int64_t latest;
static uint64_t taken;

static void begin(uint64_t us)
{
    timer_every(us);
    interrupts_on();
}

static void end(void)
{
    interrupts_off();
    if (timer_latest > latest)
        latest = timer_latest;
    timer_every(0);
}

static void measure(void (*prepare)(void), void (*call)(void), void (*after)(void))
{
    latest = 0;
    for (unsigned int i = 0; i < ARRAY_SIZE(periods); i++) {
        uint64_t ticks;

        if (prepare != NULL)
            prepare();
        ticks = timer_ticks;
        begin(periods[i]);
        call();
        end();
        taken += timer_ticks - ticks;
        if (after != NULL)
            after();
    }
    note("worst", (uint64_t)latest * NS / read_sysreg(cntfrq_el0));
    note("interrupts", taken);
    taken = 0;
}

/* --- Trees ------------------------------------------------------------------------------------ */

static uint64_t same_leaf(unsigned int i) { return entry_page(pages[i % 8], PAGE_KERNEL_RO); }

static uint64_t mixed_leaf(unsigned int i)
{
    static const uint64_t kinds[] = {PAGE_KERNEL_RO, PAGE_PRIVATE, PAGE_USER_RO, PAGE_USER,
                                     PAGE_USER_TEXT};

    if (i % 11 == 10)
        return start_info->gicd | PAGE_DEVICE;
    return entry_page(pages[(i * 29) % PAGES], kinds[i % ARRAY_SIZE(kinds)]);
}

/* A block of a region of ours, read-only: tables and the m2p may lie in it. */
static uint64_t block_leaf(unsigned int i)
{
    uint64_t mfn = pfn_to_mfn((uint64_t)(i % 4 + 4) * 512) & ~UINT64_C(511);

    return mfn << PAGE_SHIFT | (PAGE_KERNEL_RO & ~ENTRY_TABLE);
}

static void fill(uint64_t (*leaf)(unsigned int))
{
    for (unsigned int t = 0; t < TABLES; t++) {
        for (unsigned int i = 0; i < 512; i++)
            tables[t][i] = leaf(t + i);
        level2[t] = entry_table(tables[t]);
    }
    memset(level1, 0, PAGE_SIZE);
    memset(level0, 0, PAGE_SIZE);
    level1[0] = entry_table(level2);
    level0[0] = entry_table(level1);
}

static void fill_same(void) { fill(same_leaf); }
static void fill_mixed(void) { fill(mixed_leaf); }

static void fill_blocks(void)
{
    fill(same_leaf);
    for (unsigned int i = 0; i < 512; i++)
        level2[i] = block_leaf(i);
}

/* One level-0 table of 512 empty level-1 tables: nothing but protecting. */
static void fill_wide(void)
{
    memset(level0, 0, PAGE_SIZE);
    for (unsigned int t = 0; t < TABLES; t++) {
        memset(tables[t], 0, PAGE_SIZE);
        level0[t] = entry_table(tables[t]);
    }
}

static void pin(void) { must(hyp_mmuext(MMUEXT_PIN_L4_TABLE, virt_to_mfn(level0)), "pin"); }
static void unpin(void) { must(hyp_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(level0)), "unpin"); }
static void flush(void) { must(hyp_mmuext(MMUEXT_TLB_FLUSH_ALL, 0), "flush"); }

/* All of the tree is plain again. Pinning and unpinning a frame that waits for it makes Latch drop
 * the rest. */
static void clean(void)
{
    for (unsigned int t = 0; t < TABLES; t++) {
        must(hyp_mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(pages[0])), "pin of a page");
        must(hyp_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(pages[0])), "unpin of a page");
        flush();
    }
}

static void unpin_and_clean(void)
{
    unpin();
    clean();
}

static void pin_same(void) { measure(fill_same, pin, unpin_and_clean); }
static void pin_mixed(void) { measure(fill_mixed, pin, unpin_and_clean); }
static void pin_blocks(void) { measure(fill_blocks, pin, unpin_and_clean); }
static void pin_wide(void) { measure(fill_wide, pin, unpin_and_clean); }

/* The last entry of the last table is refused: everything is given back. */
static void fill_refused(void)
{
    fill_mixed();
    tables[TABLES - 1][511] = foreign_mfn(0) << PAGE_SHIFT | PAGE_KERNEL_RO;
}

static void pin_in_vain(void)
{
    expect(hyp_mmuext(MMUEXT_PIN_L4_TABLE, virt_to_mfn(level0)) < 0, "pin of a bad tree");
    clean();
}
static void pin_refused(void) { measure(fill_refused, pin_in_vain, NULL); }

static void fill_and_pin(void)
{
    fill_mixed();
    pin();
}

static void fill_and_pin_blocks(void)
{
    fill_blocks();
    pin();
}

static void unpin_mixed(void) { measure(fill_and_pin, unpin_and_clean, NULL); }
static void unpin_blocks(void) { measure(fill_and_pin_blocks, unpin_and_clean, NULL); }

/* A list of flushes while a tree waits to be taken down. */
static void flush_list(void)
{
    unpin();
    for (unsigned int i = 0; i < REQUESTS; i++)
        operations[i] = (struct mmuext_op){.cmd = MMUEXT_TLB_FLUSH_ALL};
    must(hyp_mmuext_op(operations, REQUESTS, NULL), "mmuext_op");
}
static void flushes(void) { measure(fill_and_pin, flush_list, clean); }

static void invlpg_list(void)
{
    for (unsigned int i = 0; i < REQUESTS; i++)
        operations[i] = (struct mmuext_op){.cmd = MMUEXT_INVLPG_ALL, .arg1 = i << PAGE_SHIFT};
    must(hyp_mmuext_op(operations, REQUESTS, NULL), "mmuext_op");
}
static void invlpgs(void) { measure(NULL, invlpg_list, NULL); }

/* --- Bases ------------------------------------------------------------------------------------ */

static void user_base(void)
{
    must(hyp_mmuext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(level0)), "new_user_baseptr");
    must(hyp_mmuext(MMUEXT_NEW_USER_BASEPTR, 0), "new_user_baseptr of none");
}
static void new_user_baseptr(void) { measure(fill_mixed, user_base, clean); }

static void user_base_by_msr(void)
{
    write_sysreg(virt_to_mfn(level0) << PAGE_SHIFT | start_info->walk, ttbr0_el1);
    isb();
    must(hyp_mmuext(MMUEXT_NEW_USER_BASEPTR, 0), "new_user_baseptr of none");
}
static void msr_ttbr0(void) { measure(fill_mixed, user_base_by_msr, clean); }

/* The kernel's own, and below an unused entry of it the tree. */
static void fill_kernel(void)
{
    fill_mixed();
    memcpy(level0, (const void *)(uintptr_t)start_info->pt_base, PAGE_SIZE);
    level0[7] = entry_table(level1);
}

static void kernel_base(void)
{
    must(hyp_mmuext(MMUEXT_NEW_BASEPTR, virt_to_mfn(level0)), "new_baseptr");
    must(hyp_mmuext(MMUEXT_NEW_BASEPTR, virt_to_mfn((void *)(uintptr_t)start_info->pt_base)),
         "new_baseptr back");
}
static void new_baseptr(void) { measure(fill_kernel, kernel_base, clean); }

/* --- Updates ---------------------------------------------------------------------------------- */

static void update_list(void) { must(hyp_mmu_update(requests, REQUESTS, NULL), "mmu_update"); }

static void request(unsigned int i, uint64_t *table, unsigned int index, uint64_t value)
{
    requests[i] = (struct mmu_update){virt_to_machine(&table[index]), value};
}

/* Invalid to valid and back, all of one kind. */
static void prepare_same(void)
{
    for (unsigned int i = 0; i < REQUESTS; i++)
        request(i, tables[0], i % 512, i / 512 % 2 == 0 ? 0 : same_leaf(i));
}

static void prepare_mixed(void)
{
    for (unsigned int i = 0; i < REQUESTS; i++)
        request(i, tables[i % TABLES], i % 511, i / 1024 % 2 == 0 ? 0 : mixed_leaf(i));
}

/* Valid to valid: each is broken and made. */
static void prepare_replacing(void)
{
    for (unsigned int i = 0; i < REQUESTS; i++)
        request(i, tables[0], i % 512, mixed_leaf(i + i / 512));
}

static void prepare_blocks(void)
{
    for (unsigned int i = 0; i < REQUESTS; i++)
        request(i, level2, i % 512, block_leaf(i + i / 512));
}

/* Each takes a full table out, or puts it in. */
static void prepare_links(void)
{
    for (unsigned int i = 0; i < REQUESTS; i++)
        request(i, level2, i / 2 % 512, i % 2 == 0 ? 0 : entry_table(tables[i / 2 % 512]));
}

static void prepare_machphys(void)
{
    for (unsigned int i = 0; i < REQUESTS; i++)
        requests[i] = (struct mmu_update){virt_to_machine(pages[i % PAGES]) | MMU_MACHPHYS_UPDATE,
                                          virt_to_pfn(pages[i % PAGES])};
}

static void updates(void (*tree)(void), void (*prepare)(void))
{
    tree();
    measure(prepare, update_list, NULL);
    unpin_and_clean();
}

static void update_same(void) { updates(fill_and_pin, prepare_same); }
static void update_mixed(void) { updates(fill_and_pin, prepare_mixed); }
static void update_replacing(void) { updates(fill_and_pin, prepare_replacing); }
static void update_blocks(void) { updates(fill_and_pin_blocks, prepare_blocks); }
static void update_links(void) { updates(fill_and_pin, prepare_links); }
static void update_machphys(void) { measure(prepare_machphys, update_list, NULL); }

/* --- Stores: all slots open, every entry of their tables changed -------------------------------
 */

static void load_tree(void)
{
    fill_and_pin();
    write_sysreg(virt_to_mfn(level0) << PAGE_SHIFT | start_info->walk, ttbr0_el1);
    isb();
}

static void write_tables(void)
{
    for (unsigned int round = 0; round < 8; round++) {
        for (unsigned int t = 0; t < 16; t++) {
            for (unsigned int i = 0; i < 512; i++)
                *(volatile uint64_t *)&tables[t][i] = mixed_leaf(t + i + round);
        }
        flush();
    }
}

static void drop_tree(void)
{
    must(hyp_mmuext(MMUEXT_NEW_USER_BASEPTR, 0), "new_user_baseptr of none");
    unpin_and_clean();
}
static void stores(void) { measure(load_tree, write_tables, drop_tree); }

static void toggle_assist(void)
{
    /* Nothing maps a table writable when the tree is gone: Latch drops it before it answers. */
    unpin();
    for (unsigned int i = 0; i < 2; i++)
        must(hyp_vm_assist(i == 0 ? VMASST_CMD_disable : VMASST_CMD_enable,
                           VMASST_TYPE_writable_pagetables),
             "vm_assist");
}
static void assist(void) { measure(fill_and_pin, toggle_assist, clean); }

/* --- Memory ----------------------------------------------------------------------------------- */

static void unmap_frames(void)
{
    for (unsigned int i = 0; i < FRAMES; i++) {
        mfns[i] = pfn_to_mfn(start_info->m2p_pages - 1 - i);
        must(hyp_update_va_mapping(pfn_to_virt(start_info->m2p_pages - 1 - i), 0, UVMF_INVLPG),
             "update_va_mapping");
    }
}

static void balloon(void)
{
    struct xen_memory_reservation r = {
        .extent_start = va_of(mfns), .nr_extents = FRAMES, .domid = DOMID_SELF};

    expect_equal((uint64_t)hyp_memory_op(XENMEM_decrease_reservation, &r), FRAMES, "given away");
    for (unsigned int i = 0; i < FRAMES; i++)
        mfns[i] = start_info->m2p_pages - 1 - i;
    expect_equal((uint64_t)hyp_memory_op(XENMEM_populate_physmap, &r), FRAMES, "taken back");
    for (unsigned int i = 0; i < FRAMES; i++)
        ((uint64_t *)(uintptr_t)start_info->mfn_list)[start_info->m2p_pages - 1 - i] = mfns[i];
}

static void map_frames(void)
{
    for (unsigned int i = 0; i < FRAMES; i++)
        must(hyp_update_va_mapping(pfn_to_virt(start_info->m2p_pages - 1 - i),
                                   mfns[i] << PAGE_SHIFT | PAGE_KERNEL, UVMF_INVLPG),
             "update_va_mapping");
}
static void memory_op(void) { measure(unmap_frames, balloon, map_frames); }

static void list_m2p(void)
{
    struct xen_machphys_mfn_list list = {.max_extents = FRAMES, .extent_start = va_of(mfns)};

    for (unsigned int i = 0; i < 16; i++)
        must(hyp_memory_op(XENMEM_machphys_mfn_list, &list), "machphys_mfn_list");
}
static void machphys_list(void) { measure(NULL, list_m2p, NULL); }

/* --- Nothing ---------------------------------------------------------------------------------- */

static void spin(void)
{
    for (volatile unsigned int i = 0; i < 200000; i++)
        ;
}
static void nothing(void) { measure(NULL, spin, NULL); }

#define CASE(fn) {#fn, fn, false},

static const struct test_case cases[] = {
    CASE(nothing) CASE(pin_same) CASE(pin_mixed) CASE(pin_blocks) CASE(pin_wide) CASE(pin_refused)
        CASE(unpin_mixed) CASE(unpin_blocks) CASE(flushes) CASE(invlpgs) CASE(new_user_baseptr)
            CASE(msr_ttbr0) CASE(new_baseptr) CASE(update_same) CASE(update_mixed)
                CASE(update_replacing) CASE(update_blocks) CASE(update_links) CASE(update_machphys)
                    CASE(stores) CASE(assist) CASE(memory_op) CASE(machphys_list)};

void guest_main(void)
{
    (void)assist_set(true);
    interrupt_init();
    for (unsigned int i = 0; i < PAGES; i++) {
        for (unsigned int skip = 0; skip < 100; skip++) /* into other regions */
            pages[i] = page_alloc();
    }
    for (unsigned int i = 0; i < TABLES; i++)
        tables[i] = page_alloc();
    level2 = page_alloc();
    level1 = page_alloc();
    level0 = page_alloc();
    cases_run(cases, ARRAY_SIZE(cases));
}
