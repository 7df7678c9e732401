/* SPDX-License-Identifier: Apache-2.0 */
#include "core/fdt_reg.h"

#include <stddef.h>

#include <libfdt.h>

static uint64_t read_cells(const fdt32_t *cells, int count)
{
    uint64_t value = 0;

    for (int i = 0; i < count; i++)
        value = value << 32 | fdt32_to_cpu(cells[i]);
    return value;
}

/* One step up: the address on bus `bus` as the parent of `bus` sees it. */
static bool translate_step(const void *fdt, int bus, int parent, uint64_t *address)
{
    int length;
    const fdt32_t *map = fdt_getprop(fdt, bus, "ranges", &length);

    if (map == NULL)
        return false;
    if (length == 0)
        return true; /* same addresses on both sides */

    int na = fdt_address_cells(fdt, bus);
    int ns = fdt_size_cells(fdt, bus);
    int pa = fdt_address_cells(fdt, parent);

    if (parent < 0 || na < 1 || ns < 1 || pa < 1)
        return false;
    for (int left = length / 4; left >= na + pa + ns; left -= na + pa + ns) {
        uint64_t child = read_cells(map, na);
        uint64_t size = read_cells(map + na + pa, ns);

        if (*address >= child && *address - child < size) {
            *address = read_cells(map + na, pa) + (*address - child);
            return true;
        }
        map += na + pa + ns;
    }
    return false;
}

bool fdt_reg(const void *fdt, int bus, int node, unsigned int index, struct fdt_range *out)
{
    int na = bus < 0 ? -1 : fdt_address_cells(fdt, bus);
    int ns = bus < 0 ? -1 : fdt_size_cells(fdt, bus);
    int length;
    const fdt32_t *reg = fdt_getprop(fdt, node, "reg", &length);

    if (reg == NULL || na < 1 || ns < 1)
        return false;
    if ((int)(index + 1) * (na + ns) * 4 > length)
        return false;
    reg += (int)index * (na + ns);
    out->base = read_cells(reg, na);
    out->size = read_cells(reg + na, ns);

    while (bus > 0) {
        int parent = fdt_parent_offset(fdt, bus);

        if (!translate_step(fdt, bus, parent, &out->base))
            return false;
        bus = parent;
    }
    return bus == 0 && out->size != 0;
}
