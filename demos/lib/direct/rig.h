/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loaded address space to experiment with: page 0 is mapped at RIG_VA for EL1, the EL0 programs
 * at RIG_TEXT, in another level-3 table below the same level-2 table. Wants the assist on.
 */
#pragma once

#include "direct/table.h"

#define RIG_VA    UINT64_C(0x40000000)
#define RIG_TEXT  UINT64_C(0x41000000)
#define RIG_PAGES 4

/* Entry n of the level-3 table maps this. */
#define RIG_PAGE_VA(n) (RIG_VA + (uint64_t)(n)*PAGE_SIZE)
/* The first word of page n; the second is its complement. */
#define RIG_MARK(n) (UINT64_C(0x5eed000000000000) + (n))

struct rig {
    struct space space;
    uint64_t *level0;
    uint64_t *level1;
    uint64_t *level2;
    uint64_t *level3;
    uint64_t *page[RIG_PAGES];
    void *text;
};

void rig_make(struct rig *rig);
/* Takes it down; every page that its tables map is freed once. */
void rig_drop(struct rig *rig);

/* A level-3 table that is linked nowhere yet, with one leaf to `page` at index 5. */
uint64_t *rig_table(const void *page);

/* The case of a test guest that runs fn() on the file's `rig`, fresh; and its place among the
 * cases. */
#define RIG_CASE(fn)                                                                               \
    static void case_##fn(void)                                                                    \
    {                                                                                              \
        rig_make(&rig);                                                                            \
        fn();                                                                                      \
        rig_drop(&rig);                                                                            \
    }
#define RIG_CASE_ENTRY(fn) {#fn, case_##fn, false},

static inline uint64_t peek(uint64_t va) { return *(volatile uint64_t *)(uintptr_t)va; }
static inline void poke(uint64_t va, uint64_t value)
{
    *(volatile uint64_t *)(uintptr_t)va = value;
}
