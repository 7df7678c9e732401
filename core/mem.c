/* SPDX-License-Identifier: Apache-2.0 */
/* Free memory as a short sorted list of ranges. Pages come from its bottom, chunks from its top. */
#include "core/mem.h"

#include <libfdt.h>

#include <arch/mmu.h>

#include "core/check.h"
#include "core/console.h"
#include "core/string.h"

#define MAX_RANGES 64

struct range {
    uint64_t base;
    uint64_t end;
};

extern char image_start[], image_end[];

static struct range banks[MAX_RANGES];
static unsigned int nr_banks;
static struct range ranges[MAX_RANGES];
static unsigned int nr_ranges;

static enum hv_err add_range(uint64_t base, uint64_t end)
{
    unsigned int i = nr_ranges;

    if (nr_ranges == MAX_RANGES)
        return HV_ENOMEM;
    for (; i > 0 && ranges[i - 1].base > base; i--)
        ranges[i] = ranges[i - 1];
    ranges[i] = (struct range){base, end};
    nr_ranges++;
    return HV_OK;
}

static void drop_range(unsigned int i)
{
    nr_ranges--;
    for (; i < nr_ranges; i++)
        ranges[i] = ranges[i + 1];
}

enum hv_err mem_reserve(pa_t base, uint64_t size)
{
    uint64_t low = base.raw & ~(PAGE_SIZE - 1);
    uint64_t high = (base.raw + size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);

    for (unsigned int i = 0; i < nr_ranges; i++) {
        struct range whole = ranges[i];

        if (size == 0 || high <= whole.base || low >= whole.end)
            continue;
        drop_range(i);
        i--;
        if (low > whole.base && add_range(whole.base, low) != HV_OK)
            return HV_ENOMEM;
        if (high < whole.end && add_range(high, whole.end) != HV_OK)
            return HV_ENOMEM;
        if (low > whole.base)
            i++;
    }
    return HV_OK;
}

static uint64_t read_cells(const fdt32_t **cell, int count)
{
    uint64_t value = 0;

    while (count-- > 0)
        value = value << 32 | fdt32_to_cpu(*(*cell)++);
    return value;
}

typedef enum hv_err (*range_fn)(uint64_t base, uint64_t size);

static enum hv_err each_reg(const void *fdt, int node, int parent, range_fn fn)
{
    int address = fdt_address_cells(fdt, parent);
    int size = fdt_size_cells(fdt, parent);
    int length;
    const fdt32_t *cell = fdt_getprop(fdt, node, "reg", &length);
    int count = cell == NULL || address + size < 1 ? 0 : length / 4 / (address + size);

    for (; count > 0; count--) {
        uint64_t base = read_cells(&cell, address);
        enum hv_err err = fn(base, read_cells(&cell, size));

        if (err != HV_OK)
            return err;
    }
    return HV_OK;
}

static enum hv_err add_bank(uint64_t base, uint64_t size)
{
    uint64_t low = (base + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    uint64_t high = (base + size) & ~(PAGE_SIZE - 1);

    if (high <= low)
        return HV_OK;
    if (nr_banks == MAX_RANGES)
        return HV_ENOMEM;
    banks[nr_banks++] = (struct range){low, high};
    return add_range(low, high);
}

static enum hv_err reserve_reg(uint64_t base, uint64_t size)
{
    return mem_reserve(pa_of(base), size);
}

static enum hv_err read_banks(const void *fdt)
{
    int node = -1;

    for (;;) {
        enum hv_err err;

        node = fdt_node_offset_by_prop_value(fdt, node, "device_type", "memory", 7);
        if (node < 0)
            return nr_banks == 0 ? HV_ENOENT : HV_OK;
        err = each_reg(fdt, node, 0, add_bank);
        if (err != HV_OK)
            return err;
    }
}

static enum hv_err reserve_listed(const void *fdt)
{
    int parent = fdt_path_offset(fdt, "/reserved-memory");
    int node;
    enum hv_err err = HV_OK;

    for (int i = 0; i < fdt_num_mem_rsv(fdt) && err == HV_OK; i++) {
        uint64_t base, size;

        if (fdt_get_mem_rsv(fdt, i, &base, &size) == 0)
            err = mem_reserve(pa_of(base), size);
    }
    if (parent < 0)
        return err;
    fdt_for_each_subnode(node, fdt, parent)
    {
        if (err == HV_OK)
            err = each_reg(fdt, node, parent, reserve_reg);
    }
    return err;
}

enum hv_err mem_init(const void *fdt)
{
    enum hv_err err = read_banks(fdt);

    if (err == HV_OK)
        err = reserve_listed(fdt);
    if (err == HV_OK)
        err = mem_reserve(pa_of((uint64_t)(uintptr_t)image_start),
                          (uint64_t)(image_end - image_start));
    if (err == HV_OK)
        err = mem_reserve(pa_of((uint64_t)(uintptr_t)fdt), fdt_totalsize(fdt));
    /* Address 0 stays unmapped: a null pointer must fault. */
    if (err == HV_OK)
        err = mem_reserve(pa_of(0), REGION_SIZE);
    return err;
}

enum hv_err mem_map(void)
{
    for (unsigned int i = 0; i < nr_banks; i++) {
        uint64_t base = banks[i].base == 0 ? REGION_SIZE : banks[i].base;
        enum hv_err err = el2_map_ram(pa_of(base), banks[i].end - base);

        if (err != HV_OK)
            return err;
    }
    return HV_OK;
}

pa_t mem_alloc_pages(uint64_t count, uint64_t align)
{
    uint64_t size = count << PAGE_SHIFT;
    uint64_t mask = (align << PAGE_SHIFT) - 1;

    for (unsigned int i = 0; i < nr_ranges; i++) {
        uint64_t base = (ranges[i].base + mask) & ~mask;

        if (base >= ranges[i].end || ranges[i].end - base < size)
            continue;
        if (mem_reserve(pa_of(base), size) != HV_OK)
            return pa_of(0);
        mem_zero(pa_of(base), size);
        return pa_of(base);
    }
    return pa_of(0);
}

pa_t mem_alloc_chunk(void)
{
    for (unsigned int i = nr_ranges; i-- > 0;) {
        uint64_t base = (ranges[i].end & ~(REGION_SIZE - 1)) - REGION_SIZE;

        if (ranges[i].end < REGION_SIZE || base < ranges[i].base)
            continue;
        return mem_reserve(pa_of(base), REGION_SIZE) == HV_OK ? pa_of(base) : pa_of(0);
    }
    return pa_of(0);
}

static uint64_t sum(const struct range *list, unsigned int count)
{
    uint64_t bytes = 0;

    for (unsigned int i = 0; i < count; i++)
        bytes += list[i].end - list[i].base;
    return bytes;
}

uint64_t mem_free_bytes(void) { return sum(ranges, nr_ranges); }
uint64_t mem_total_bytes(void) { return sum(banks, nr_banks); }

pa_t mem_start(void)
{
    uint64_t start = UINT64_MAX;

    for (unsigned int i = 0; i < nr_banks; i++) {
        if (banks[i].base < start)
            start = banks[i].base;
    }
    return pa_of(start);
}

pa_t mem_end(void)
{
    uint64_t end = 0;

    for (unsigned int i = 0; i < nr_banks; i++) {
        if (banks[i].end > end)
            end = banks[i].end;
    }
    return pa_of(end);
}
