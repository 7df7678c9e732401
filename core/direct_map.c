/* SPDX-License-Identifier: Apache-2.0 */
#include "core/direct_map.h"

#define STEP_INVERSE 413U
static_assert(DIRECT_STEP * STEP_INVERSE % REGION_FRAMES == 1,
              "inverse modulo the size of a region");

mfn_t direct_mfn(const struct direct_map *map, uint32_t pfn)
{
    return mfn_of(map->region[pfn / REGION_FRAMES] * REGION_FRAMES + direct_place(pfn));
}

/* The place of a machine region among the domain's; nr_regions: not one of them. */
static uint32_t find_region(const struct direct_map *map, uint32_t region)
{
    uint32_t low = 0;
    uint32_t high = map->nr_regions;

    /* Those before low are above `region`, those from high on are not. */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (map->region[middle] > region)
            low = middle + 1;
        else
            high = middle;
    }
    return low < map->nr_regions && map->region[low] == region ? low : map->nr_regions;
}

bool direct_pfn(const struct direct_map *map, mfn_t mfn, uint32_t *pfn)
{
    uint32_t place = find_region(map, mfn.raw / REGION_FRAMES);

    if (place == map->nr_regions)
        return false;
    *pfn = place * REGION_FRAMES +
           (mfn.raw % REGION_FRAMES + REGION_FRAMES - DIRECT_START) * STEP_INVERSE % REGION_FRAMES;
    return true;
}

mfn_t direct_m2p_mfn(const struct direct_map *map, uint32_t page)
{
    /* The page behind those of the domain's regions, where find_region() puts all others. */
    return direct_mfn(map, direct_m2p_pfn(map) + find_region(map, map->m2p_first + page));
}

unsigned int direct_ipa_bits(uint64_t end, unsigned int pa_bits)
{
    static const uint8_t sizes[] = {32, 36, 40, 42};

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        if (end <= BIT64(sizes[i] - 1))
            return sizes[i] <= pa_bits ? sizes[i] : 0;
    }
    return 0;
}
