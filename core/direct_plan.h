/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where everything lies that a direct domain finds at its start: numbers only, nothing is read from
 * the image or written to memory. Also built on the host.
 *
 * Pseudo-physical frames from 0 on, mapped in order from virt_base: image, ramdisk, p2m, start
 * info, page tables, boot stack, free frames; the m2p lies at the other end.
 */
#pragma once

#include "core/elf.h"
#include "ptwr/base.h"

#define DIRECT_LEVELS      4
#define DIRECT_STACK_PAGES 4
#define DIRECT_FREE_MIN    (UINT64_C(512) << 10) /* mapped and free at the start, at least */

/* What the plan is made for. */
struct direct_needs {
    const struct elf_info *elf;
    uint64_t ramdisk_size; /* 0: none */
    uint32_t nr_pfns;
    uint32_t m2p_pfn; /* pfns from here on are taken */
};

/* Frames are pfns; frame n is mapped at virt_base + n * 4 KiB. */
struct direct_plan {
    uint64_t virt_base;
    uint64_t boot_end; /* VA */
    uint32_t ramdisk;
    uint32_t p2m;
    uint32_t start_info;
    uint32_t tables; /* level 0, then all of level 1, .. */
    uint32_t nr_tables[DIRECT_LEVELS];
    uint32_t stack;
    uint32_t first_free;
    uint32_t end; /* frames below are mapped */
};

enum direct_refusal {
    DIRECT_PLANNED,
    DIRECT_LOW_HALF,  /* some of the image is not in the upper half of a 48-bit address space */
    DIRECT_TOP,       /* too near to the end of the address space */
    DIRECT_TOO_SMALL, /* plan->end says how many frames it takes, needs->m2p_pfn how many there are
                       */
};

enum direct_refusal direct_plan_make(const struct direct_needs *needs, struct direct_plan *plan);

static inline uint64_t direct_plan_va(const struct direct_plan *plan, uint32_t pfn)
{
    return plan->virt_base + ((uint64_t)pfn << PAGE_SHIFT);
}

/* The pfn of the table of `level` that translates the VA of `pfn`. */
uint32_t direct_plan_table(const struct direct_plan *plan, unsigned int level, uint32_t pfn);
