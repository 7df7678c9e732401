/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which machine frame is which pseudo-physical frame of a direct domain, and where its m2p table
 * lies. Arithmetic only; also built on the host.
 *
 * The frames are scattered on purpose, so that a guest that takes one number for the other fails
 * at once and not years later: within a 2 MiB region the frame at pfn p has index p * 181 + 77
 * modulo 512, and regions come in the order of their allocation, from the top of memory down.
 * Neighbours are never neighbours, and no pfn is its mfn's offset. Few regions, because each costs
 * stage-2 tables and a chunk of struct frame.
 */
#pragma once

#include <assert.h>

#include "ptwr/base.h"

#define REGION_FRAMES (1U << (REGION_SHIFT - PAGE_SHIFT))

/* One page of the m2p has the entries of one region. */
#define M2P_PAGE_ENTRIES (PAGE_SIZE / sizeof(uint64_t))
static_assert(M2P_PAGE_ENTRIES == REGION_FRAMES, "a page of the m2p is a region's");

/* Odd, so that it permutes a region. */
#define DIRECT_STEP  181U
#define DIRECT_START 77U

/* The place in its region of the frame at a pfn. */
static inline uint32_t direct_place(uint32_t pfn)
{
    return (pfn * DIRECT_STEP + DIRECT_START) % REGION_FRAMES;
}

struct direct_map {
    const uint32_t *region; /* PA >> REGION_SHIFT, strictly descending */
    uint32_t nr_regions;
    uint32_t m2p_first;   /* PA >> REGION_SHIFT of the machine's first memory: m2p entry 0 */
    uint32_t m2p_regions; /* pages of the m2p as a guest sees it */
};

/* Pseudo-physical frames 0 .. count - 1. */
static inline uint32_t direct_nr_pfns(const struct direct_map *map)
{
    return map->nr_regions * REGION_FRAMES;
}

/*
 * The last pfns hold the m2p: one page for each of the domain's regions, in their order, then the
 * page of LATCH_M2P_NONE that stands for all other regions.
 */
static inline uint32_t direct_m2p_pfn(const struct direct_map *map)
{
    return direct_nr_pfns(map) - map->nr_regions - 1;
}

/* Precondition: pfn < direct_nr_pfns(). */
mfn_t direct_mfn(const struct direct_map *map, uint32_t pfn);

/* False: not one of the domain's regions. */
bool direct_pfn(const struct direct_map *map, mfn_t mfn, uint32_t *pfn);

/* The machine frame of the m2p's page for the machine's `page`-th region. */
mfn_t direct_m2p_mfn(const struct direct_map *map, uint32_t page);

/*
 * Stage 2's input size: the smallest size of the architecture, at most `pa_bits`, whose top bit
 * (WALK) lies above `end`, the end of everything that the domain can map; 0: there is none.
 */
unsigned int direct_ipa_bits(uint64_t end, unsigned int pa_bits);
