/* SPDX-License-Identifier: Apache-2.0 */
/* What a board's device tree does not say. boards/NAME/board.c has one of these for each such
 * board. */
#pragma once

#include <stdbool.h>

struct board {
    const char *name;
    const char *compatible; /* of some node that only this board has */
    /* ISV of a data abort's syndrome is set for stores that hardware leaves it clear for: Latch
     * decodes every store's instruction. */
    bool isv_is_wrong;
};

/* boards/boards.c; NULL ends it. */
extern const struct board *const boards[];

/* Finds out which board this is. Once, before the first guest runs. */
void board_init(const void *fdt);

/* The board; one of which nothing is known if there is no more to say than the tree does. */
const struct board *board_get(void);
