/* SPDX-License-Identifier: Apache-2.0 */
#include "core/share.h"

#include <arch/cache.h>

#include "core/mem.h"
#include "core/string.h"

/* The configuration names each region in two domains at least. */
#define MAX_REGIONS (CONFIG_MAX_DOMAINS * CONFIG_MAX_SHARES / 2)

static struct {
    const char *id;
    pa_t base;
} regions[MAX_REGIONS];
static unsigned int nr_regions;

pa_t share_memory(const struct share_config *share)
{
    uint64_t align = share->size >= REGION_SIZE ? REGION_SIZE >> PAGE_SHIFT : 1;
    pa_t base;

    for (unsigned int i = 0; i < nr_regions; i++) {
        if (strcmp(regions[i].id, share->id) == 0)
            return regions[i].base;
    }
    base = mem_alloc_pages(share->size >> PAGE_SHIFT, align);
    if (base.raw == 0)
        return base;
    /* A guest with a non-cacheable alias must not see what was there before. */
    cache_clean_range((void *)(uintptr_t)base.raw, share->size);
    regions[nr_regions].id = share->id;
    regions[nr_regions].base = base;
    nr_regions++;
    return base;
}
