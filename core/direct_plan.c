/* SPDX-License-Identifier: Apache-2.0 */
#include "core/direct_plan.h"

#include "ptwr/desc.h"

#define UPPER_HALF UINT64_C(0xffff000000000000) /* what TTBR1_EL1 translates with T1SZ = 16 */

/* All that is planned ends below this, so that no sum here can wrap. */
#define LAST_END (UINT64_MAX - REGION_SIZE)

static uint64_t pages(uint64_t bytes) { return (bytes + PAGE_SIZE - 1) >> PAGE_SHIFT; }

static uint64_t align_up(uint64_t value, uint64_t to) { return (value + to - 1) & ~(to - 1); }

/* VA that one table of `level` spans. */
static uint64_t table_span(unsigned int level)
{
    return level == 0 ? UINT64_C(1) << 48 : desc_span(level - 1);
}

/* Tables of `level` for [start, end). Precondition: start < end. */
static uint64_t count_tables(unsigned int level, uint64_t start, uint64_t end)
{
    return (end - 1) / table_span(level) - start / table_span(level) + 1;
}

static uint64_t all_tables(const struct direct_plan *plan, uint64_t end)
{
    uint64_t count = 0;

    for (unsigned int level = 0; level < DIRECT_LEVELS; level++)
        count += count_tables(level, plan->virt_base, end);
    return count;
}

/* First free frame if `tables` frames are tables. */
static uint64_t first_free(const struct direct_plan *plan, uint64_t tables)
{
    return plan->tables + tables + DIRECT_STACK_PAGES;
}

static uint64_t end_of(const struct direct_plan *plan, uint64_t tables)
{
    uint64_t end = plan->virt_base + (first_free(plan, tables) << PAGE_SHIFT) + DIRECT_FREE_MIN;

    return align_up(end, REGION_SIZE);
}

/* The tables map themselves: as many as map what is there when there are so many. */
static void plan_tables(struct direct_plan *plan)
{
    uint64_t count = all_tables(plan, end_of(plan, 0));

    for (;;) {
        uint64_t more = all_tables(plan, end_of(plan, count));

        if (more == count)
            break;
        count = more;
    }
    plan->boot_end = end_of(plan, count);
    plan->stack = plan->tables + (uint32_t)count;
    plan->first_free = (uint32_t)first_free(plan, count);
    for (unsigned int level = 0; level < DIRECT_LEVELS; level++)
        plan->nr_tables[level] = (uint32_t)count_tables(level, plan->virt_base, plan->boot_end);
}

/* More than p2m, start info, tables, stack and free frames can ever take. */
static uint64_t room_for_rest(const struct direct_needs *needs)
{
    return ((uint64_t)needs->nr_pfns << PAGE_SHIFT) / 64 + 8 * REGION_SIZE;
}

enum direct_refusal direct_plan_make(const struct direct_needs *needs, struct direct_plan *plan)
{
    const struct elf_info *elf = needs->elf;
    uint64_t image, modules;

    *plan = (struct direct_plan){.virt_base = elf->vaddr_low & ~(REGION_SIZE - 1)};
    if (elf->vaddr_low < UPPER_HALF)
        return DIRECT_LOW_HALF;
    image = elf->vaddr_high - plan->virt_base;
    modules = pages(image) + pages(needs->ramdisk_size);
    if (modules > needs->m2p_pfn) {
        plan->end = modules < UINT32_MAX ? (uint32_t)modules : UINT32_MAX;
        return DIRECT_TOO_SMALL;
    }
    if (plan->virt_base > LAST_END - (modules << PAGE_SHIFT) - room_for_rest(needs))
        return DIRECT_TOP;
    plan->ramdisk = (uint32_t)pages(image);
    plan->p2m = plan->ramdisk + (uint32_t)pages(needs->ramdisk_size);
    plan->start_info = plan->p2m + (uint32_t)pages(needs->nr_pfns * sizeof(uint64_t));
    plan->tables = plan->start_info + 1;
    plan_tables(plan);
    plan->end = (uint32_t)((plan->boot_end - plan->virt_base) >> PAGE_SHIFT);
    return plan->end <= needs->m2p_pfn ? DIRECT_PLANNED : DIRECT_TOO_SMALL;
}

uint32_t direct_plan_table(const struct direct_plan *plan, unsigned int level, uint32_t pfn)
{
    uint64_t span = table_span(level);
    uint64_t va = direct_plan_va(plan, pfn);
    uint32_t table = plan->tables + (uint32_t)(va / span - plan->virt_base / span);

    for (unsigned int i = 0; i < level; i++)
        table += plan->nr_tables[i];
    return table;
}
