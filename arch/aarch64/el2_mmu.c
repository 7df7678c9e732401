/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EL2's stage-1 tables: 4 KiB granule, 48 bits, virtual equals physical. el2_mmu_prepare() runs
 * with the MMU off, from head.S; the rest with it on.
 */
#include <arch/mmu.h>

#include <arch/barrier.h>
#include <arch/tlb.h>

#include "core/mem.h"

#define EL2_VALID  BIT64(0)
#define EL2_TABLE  BIT64(1) /* also set in a page */
#define EL2_DEVICE (UINT64_C(1) << 2)
#define EL2_AP1    BIT64(6) /* RES1 in a regime with one privilege level */
#define EL2_RO     BIT64(7)
#define EL2_SH     (UINT64_C(3) << 8)
#define EL2_AF     BIT64(10)
#define EL2_XN     BIT64(54)
#define EL2_OA     GENMASK64(47, 12)

#define MAP_TEXT   (EL2_VALID | EL2_AP1 | EL2_AF | EL2_SH | EL2_RO)
#define MAP_RODATA (MAP_TEXT | EL2_XN)
#define MAP_RAM    (EL2_VALID | EL2_AP1 | EL2_AF | EL2_SH | EL2_XN)
#define MAP_DEVICE (EL2_VALID | EL2_AP1 | EL2_AF | EL2_XN | EL2_DEVICE)

#define ENTRIES 512
#define POOL    48

#define FDT_MAGIC_BYTES 0xedfe0dd0U /* 0xd00dfeed as a little-endian load sees it */
#define FDT_MAX         REGION_SIZE

extern char image_start[], rodata_start[], data_start[], image_end[];

static uint64_t pool[POOL][ENTRIES] __attribute__((aligned(4096)));
static unsigned int pool_used = 1; /* 0 is the root */

/* Views of guarded domains come when memory can be allocated. */
static uint64_t *new_table(void)
{
    if (pool_used < POOL)
        return pool[pool_used++];
    return (uint64_t *)(uintptr_t)mem_alloc_pages(1, 1).raw;
}

static unsigned int level_shift(unsigned int level) { return 39 - 9 * level; }

/*
 * Map [at, at + n) to what begins at `pa` and return n > 0, or 0 for no memory. Takes the largest
 * block that alignment and size allow and that finds its entry free; what is mapped already is
 * stepped over.
 */
static uint64_t map_one(uint64_t at, uint64_t pa, uint64_t size, uint64_t attr)
{
    uint64_t *table = pool[0];

    for (unsigned int level = 0;; level++) {
        uint64_t span = UINT64_C(1) << level_shift(level);
        uint64_t *entry = &table[(at >> level_shift(level)) & (ENTRIES - 1)];
        bool valid = (*entry & EL2_VALID) != 0;

        if (level == 3) {
            if (!valid)
                *entry = pa | attr | EL2_TABLE;
            return PAGE_SIZE;
        }
        if (valid && (*entry & EL2_TABLE) == 0)
            return span - (at & (span - 1));
        if (!valid && level != 0 && ((at | pa) & (span - 1)) == 0 && size >= span) {
            *entry = pa | attr;
            return span;
        }
        if (!valid) {
            uint64_t *next = new_table();

            if (next == NULL)
                return 0;
            dsb_ishst();
            *entry = (uint64_t)(uintptr_t)next | EL2_VALID | EL2_TABLE;
        }
        table = (uint64_t *)(uintptr_t)(*entry & EL2_OA);
    }
}

static enum hv_err map(uint64_t base, uint64_t size, uint64_t attr)
{
    uint64_t end = (base + size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    uint64_t at = base & ~(PAGE_SIZE - 1);

    while (at < end) {
        uint64_t done = map_one(at, at, end - at, attr);

        if (done == 0)
            return HV_ENOMEM;
        at += done;
    }
    dsb_ishst();
    isb();
    return HV_OK;
}

static enum hv_err map_image(void)
{
    uint64_t text = (uint64_t)(uintptr_t)image_start;
    uint64_t rodata = (uint64_t)(uintptr_t)rodata_start;
    uint64_t data = (uint64_t)(uintptr_t)data_start;
    uint64_t end = (uint64_t)(uintptr_t)image_end;
    enum hv_err err = map(text, rodata - text, MAP_TEXT);

    if (err == HV_OK)
        err = map(rodata, data - rodata, MAP_RODATA);
    if (err == HV_OK)
        err = map(data, end - data, MAP_RAM);
    return err;
}

uint64_t el2_mmu_prepare(uint64_t fdt)
{
    const uint32_t *header = (const uint32_t *)(uintptr_t)fdt;
    uint64_t size = __builtin_bswap32(header[1]);

    /* The static pool holds these few tables whatever the addresses: nothing to report yet. */
    if (map_image() != HV_OK || map(fdt, size < FDT_MAX ? size : FDT_MAX, MAP_RAM) != HV_OK) {
        for (;;)
            wfi();
    }
    return (uint64_t)(uintptr_t)pool[0];
}

/* Not over the image: the pages that are missing there are the guards of the stacks. */
enum hv_err el2_map_ram(pa_t base, uint64_t size)
{
    uint64_t image = (uint64_t)(uintptr_t)image_start;
    uint64_t above = (uint64_t)(uintptr_t)image_end;
    uint64_t end = base.raw + size;
    enum hv_err err = HV_OK;

    if (end <= image || base.raw >= above)
        return map(base.raw, size, MAP_RAM);
    if (base.raw < image)
        err = map(base.raw, image - base.raw, MAP_RAM);
    if (err == HV_OK && end > above)
        err = map(above, end - above, MAP_RAM);
    return err;
}

enum hv_err el2_map_view(uint64_t va, pa_t pa)
{
    if (map_one(va, pa.raw, REGION_SIZE, MAP_RAM) == 0)
        return HV_ENOMEM;
    dsb_ishst();
    isb();
    return HV_OK;
}

enum hv_err el2_map_device(pa_t base, uint64_t size) { return map(base.raw, size, MAP_DEVICE); }

void el2_unmap_page(pa_t page)
{
    uint64_t *table = pool[0];

    for (unsigned int level = 0; level < 3; level++) {
        uint64_t entry = table[(page.raw >> level_shift(level)) & (ENTRIES - 1)];

        if ((entry & (EL2_VALID | EL2_TABLE)) != (EL2_VALID | EL2_TABLE))
            return;
        table = (uint64_t *)(uintptr_t)(entry & EL2_OA);
    }
    table[(page.raw >> PAGE_SHIFT) & (ENTRIES - 1)] = 0;
    dsb_ishst();
    __asm__ volatile("tlbi vae2is, %0" ::"r"(tlbi_operand(page.raw)) : "memory");
    dsb_ish();
    isb();
}
