/* SPDX-License-Identifier: Apache-2.0 */
/*
 * At the start only the image and what Latch put behind it is mapped, and tables change by
 * hypercall only: a frame becomes a table when the first entry refers to it, and by then nothing
 * may map it writable.
 */
#include "direct/memory.h"

#include "common/print.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/table.h"

#define ENTRIES TABLE_ENTRIES

static uint64_t next_free; /* pseudo-physical frames from here to m2p_pages were never used */
static void *free_list;    /* through the first word of each page */
static uint64_t nr_free_list;
static uint64_t m2p_entries; /* 0: the m2p is not mapped yet */

/* A page of the image that shows one frame of the linear map's tables after another. */
static uint64_t scratch[ENTRIES] __attribute__((aligned(4096)));

static NORETURN void failed(const char *what, int64_t error)
{
    print("FAILED: memory: %s: %ld\n", what, error);
    guest_crash();
}

uint64_t pfn_to_mfn(uint64_t pfn)
{
    return ((const uint64_t *)(uintptr_t)start_info->mfn_list)[pfn];
}

static uint64_t search_p2m(uint64_t mfn)
{
    for (uint64_t pfn = 0; pfn < start_info->nr_pages; pfn++) {
        if (pfn_to_mfn(pfn) == mfn)
            return pfn;
    }
    return LATCH_M2P_NONE;
}

uint64_t mfn_to_pfn(uint64_t mfn)
{
    uint64_t index = mfn - start_info->m2p_first;

    if (m2p_entries == 0)
        return search_p2m(mfn);
    return index < m2p_entries ? ((const uint64_t *)M2P_BASE)[index] : LATCH_M2P_NONE;
}

void *pfn_to_virt(uint64_t pfn) { return (void *)(LINEAR_BASE + (pfn << PAGE_SHIFT)); }

uint64_t virt_to_pfn(const volatile void *va)
{
    uint64_t address = va_of(va);

    if (address >= start_info->virt_base && address < start_info->boot_end)
        return (address - start_info->virt_base) >> PAGE_SHIFT;
    return (address - LINEAR_BASE) >> PAGE_SHIFT;
}

uint64_t virt_to_mfn(const volatile void *va) { return pfn_to_mfn(virt_to_pfn(va)); }

uint64_t virt_to_machine(const volatile void *va)
{
    return virt_to_mfn(va) << PAGE_SHIFT | (va_of(va) & (PAGE_SIZE - 1));
}

void *machine_to_virt(uint64_t address)
{
    uint64_t pfn = mfn_to_pfn((address & ENTRY_ADDRESS & ~start_info->walk) >> PAGE_SHIFT);

    if (pfn == LATCH_M2P_NONE)
        failed("a descriptor of ours names a frame that is not", (int64_t)address);
    return pfn_to_virt(pfn);
}

/* --- The linear map ------------------------------------------------------------------------- */

static bool is_boot_table(uint64_t pfn)
{
    uint64_t first = (start_info->pt_base - start_info->virt_base) >> PAGE_SHIFT;

    return pfn >= first && pfn < first + start_info->nr_pt_frames;
}

static void *boot_virt(uint64_t pfn)
{
    uint64_t va = start_info->virt_base + (pfn << PAGE_SHIFT);

    return va < start_info->boot_end ? (void *)va : NULL;
}

/* Show an unused frame writable, zeroed; hide_table() afterwards. */
static uint64_t *show_table(uint64_t pfn)
{
    uint64_t *page = boot_virt(pfn);
    int64_t err;

    if (page == NULL) {
        page = scratch;
        err = hyp_update_va_mapping(page, pfn_to_mfn(pfn) << PAGE_SHIFT | PAGE_KERNEL, UVMF_INVLPG);
        if (err != 0)
            failed("cannot map a new table", err);
    }
    for (size_t i = 0; i < ENTRIES; i++)
        page[i] = 0;
    return page;
}

static void hide_table(uint64_t pfn)
{
    void *page = boot_virt(pfn);
    uint64_t entry = 0;
    int64_t err;

    if (page != NULL)
        entry = pfn_to_mfn(pfn) << PAGE_SHIFT | PAGE_KERNEL_RO;
    err = hyp_update_va_mapping(page != NULL ? page : scratch, entry, UVMF_INVLPG);
    if (err != 0)
        failed("cannot make a new table read-only", err);
}

struct linear {
    uint64_t first; /* pfn: level-3 tables, then level-2 tables, then the level-1 table */
    uint64_t level3;
    uint64_t level2;
};

static uint64_t linear_entry(const struct linear *l, uint64_t pfn)
{
    bool table = is_boot_table(pfn) || (pfn >= l->first && pfn <= l->first + l->level3 + l->level2);
    bool writable = !table && pfn < start_info->m2p_pages;

    return pfn_to_mfn(pfn) << PAGE_SHIFT | (writable ? PAGE_KERNEL : PAGE_KERNEL_RO);
}

static uint64_t table_to(uint64_t pfn)
{
    return pfn_to_mfn(pfn) << PAGE_SHIFT | start_info->walk | ENTRY_VALID | ENTRY_TABLE;
}

/* The `count` entries from `first` on, as far as they fit, in tables that follow one another. */
static void fill_links(uint64_t table_pfn, uint64_t first, uint64_t count)
{
    for (uint64_t done = 0; done < count; done += ENTRIES, table_pfn++) {
        uint64_t *table = show_table(table_pfn);

        for (uint64_t i = 0; i < ENTRIES && done + i < count; i++)
            table[i] = table_to(first + done + i);
        hide_table(table_pfn);
    }
}

static void set_entry(volatile uint64_t *entry, uint64_t value)
{
    struct mmu_update update = {.ptr = virt_to_machine(entry), .val = value};
    int64_t err = hyp_mmu_update(&update, 1, NULL);

    if (err != 0)
        failed("mmu_update", err);
}

static uint64_t *kernel_root(void) { return (uint64_t *)(uintptr_t)start_info->pt_base; }

static void build_linear_map(void)
{
    struct linear l = {.first = next_free};
    uint64_t level1;

    l.level3 = (start_info->nr_pages + ENTRIES - 1) / ENTRIES;
    l.level2 = (l.level3 + ENTRIES - 1) / ENTRIES;
    level1 = l.first + l.level3 + l.level2;
    next_free = level1 + 1;
    if (next_free > start_info->m2p_pages)
        failed("too few frames for the linear map", (int64_t)next_free);
    for (uint64_t i = 0; i < l.level3; i++) {
        uint64_t *table = show_table(l.first + i);

        for (uint64_t j = 0; j < ENTRIES && i * ENTRIES + j < start_info->nr_pages; j++)
            table[j] = linear_entry(&l, i * ENTRIES + j);
        hide_table(l.first + i);
    }
    fill_links(l.first + l.level3, l.first, l.level3);
    fill_links(level1, l.first + l.level3, l.level2);
    set_entry(&kernel_root()[table_index(LINEAR_BASE, 0)], table_to(level1));
    dsb_ishst();
    isb();
}

/* Free frames that Latch mapped behind the image have one mapping from here on, as all others: what
 * becomes a table must not be writable through a second one. */
static void unmap_slack(void)
{
    for (uint64_t pfn = start_info->first_free; boot_virt(pfn) != NULL; pfn++) {
        int64_t err = hyp_update_va_mapping(boot_virt(pfn), 0, UVMF_NONE);

        if (err != 0)
            failed("cannot unmap a free frame", err);
    }
    (void)hyp_mmuext(MMUEXT_TLB_FLUSH_ALL, 0);
}

/* --- Other kernel mappings ------------------------------------------------------------------ */

volatile uint64_t *kernel_entry(uint64_t va)
{
    uint64_t *table = kernel_root();

    for (unsigned int level = 0; level < 3; level++) {
        volatile uint64_t *entry = &table[table_index(va, level)];

        if ((*entry & ENTRY_VALID) == 0) {
            void *next = page_alloc();

            page_protect(next, false);
            set_entry(entry, table_to(virt_to_pfn(next)));
        }
        table = machine_to_virt(*entry);
    }
    return &table[table_index(va, 3)];
}

void kernel_map(uint64_t va, uint64_t entry)
{
    set_entry(kernel_entry(va), entry);
    dsb_ishst();
    __asm__ volatile("tlbi vaae1is, %0" ::"r"(va >> PAGE_SHIFT & GENMASK64(43, 0)) : "memory");
    dsb_ish();
    isb();
}

/* The list of the m2p's pages is written where the level-3 table is made of it. */
static void map_m2p(void)
{
    int64_t top = hyp_memory_op(XENMEM_maximum_ram_page, NULL);
    uint64_t pages = ((uint64_t)top - start_info->m2p_first + ENTRIES - 1) / ENTRIES;
    uint64_t tables = (pages + ENTRIES - 1) / ENTRIES;
    struct xen_machphys_mfn_list list = {.max_extents = (uint32_t)(tables * ENTRIES)};
    uint64_t first = next_free;
    uint64_t *extents = pfn_to_virt(first);
    int64_t err;

    if (top <= 0)
        failed("maximum_ram_page", top);
    next_free += tables;
    if (next_free > start_info->m2p_pages)
        failed("too few frames for the m2p's tables", (int64_t)next_free);
    list.extent_start = va_of(extents);
    err = hyp_memory_op(XENMEM_machphys_mfn_list, &list);
    if (err != 0)
        failed("machphys_mfn_list", err);
    for (uint64_t i = 0; i < tables * ENTRIES; i++)
        extents[i] = i < list.nr_extents ? extents[i] << PAGE_SHIFT | PAGE_KERNEL_RO : 0;
    for (uint64_t i = 0; i < tables; i++) {
        uint64_t va = M2P_BASE + (i << 21);
        volatile uint64_t *level3 = kernel_entry(va); /* an empty table, exchanged for the full */
        uint64_t *level2 = machine_to_virt(kernel_root()[table_index(va, 0)]);
        void *empty = (void *)(va_of(level3) & ~(PAGE_SIZE - 1));

        level2 = machine_to_virt(level2[table_index(va, 1)]);
        page_protect(&extents[i * ENTRIES], false);
        set_entry(&level2[table_index(va, 2)], table_to(first + i));
        if (hyp_mmuext(MMUEXT_TLB_FLUSH_ALL, 0) != 0)
            failed("flush", 0);
        page_protect(empty, true);
        page_free(empty);
    }
    m2p_entries = (uint64_t)list.nr_extents * ENTRIES;
}

/* --- Pages ---------------------------------------------------------------------------------- */

void *page_alloc(void)
{
    uint64_t *page = free_list;

    if (page != NULL) {
        free_list = (void *)(uintptr_t)page[0];
        nr_free_list--;
    } else if (next_free < start_info->m2p_pages) {
        page = pfn_to_virt(next_free++);
    } else {
        failed("no free page", 0);
    }
    for (size_t i = 0; i < ENTRIES; i++)
        page[i] = 0;
    return page;
}

void page_free(void *page)
{
    *(uint64_t *)page = va_of(free_list);
    free_list = page;
    nr_free_list++;
}

uint64_t pages_free(void) { return nr_free_list + start_info->m2p_pages - next_free; }

void page_protect(void *page, bool writable)
{
    uint64_t entry = virt_to_mfn(page) << PAGE_SHIFT | (writable ? PAGE_KERNEL : PAGE_KERNEL_RO);
    void *linear = pfn_to_virt(virt_to_pfn(page));
    int64_t err = hyp_update_va_mapping(linear, entry, UVMF_INVLPG);

    if (err != 0)
        failed("update_va_mapping", err);
}

uint64_t foreign_mfn(unsigned int nth)
{
    for (uint64_t mfn = start_info->m2p_first; mfn < start_info->m2p_first + m2p_entries; mfn++) {
        /* A call that takes a base reads 0 as none. */
        if (mfn != 0 && mfn_to_pfn(mfn) == LATCH_M2P_NONE && nth-- == 0)
            return mfn;
    }
    failed("every frame is ours", 0);
}

void memory_init(void)
{
    next_free = start_info->first_free;
    build_linear_map();
    unmap_slack();
    map_m2p();
}
