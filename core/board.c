/* SPDX-License-Identifier: Apache-2.0 */
#include "core/board.h"

#include <stddef.h>

#include <libfdt.h>

#include "core/console.h"

static const struct board unknown;
static const struct board *found = &unknown;

void board_init(const void *fdt)
{
    for (const struct board *const *board = boards; *board != NULL; board++) {
        if (fdt_node_offset_by_compatible(fdt, -1, (*board)->compatible) >= 0)
            found = *board;
    }
    if (found != &unknown)
        printk("latch: board %s: what its device tree does not say is known too\n", found->name);
}

const struct board *board_get(void) { return found; }
