/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every form of store of A64, run by the same code on a machine of its own, on ordinary pages, and
 * in a direct guest, on live page tables. Each run prints one line with all that it changed:
 *
 *   form NAME@PLACE x0=w+208 mem +200=1222324252627288            and perhaps
 *   form NAME@PLACE fault ec=25 iss=4f far=w+200
 *
 * Then follow words of the encoding space of loads and stores, always the same ones: the name is
 * the word.
 *
 * "w" is the window: four pages, the middle two of which are page tables in a direct guest. A line
 * may end with " | " and what Latch counted.
 */
#pragma once

#include "common/types.h"

#define STORES_PAGES 4
#define STORES_WORDS (STORES_PAGES * PAGE_SIZE / 8)

/* What the words of the window hold before each form: both halves are even, so that no entry is
 * valid. No two in a row are equal. */
static inline uint64_t stores_word(uint64_t n)
{
    return (n % 1024 + 1) * UINT64_C(0x0002040810204080) & ~UINT64_C(0x100000001);
}

/* stores.S has them all in a row; their code is position independent, and returns. */
struct form {
    const char *name;
    void (*code)(void);
    uint64_t feature;
    uint64_t places;
};
extern const struct form forms[], forms_end[];
extern const char forms_text[], forms_text_end[]; /* an SVC is at the end */

/* Has the CPU the instructions? */
bool stores_has(const struct form *form);

#define STORES_NZCV UINT64_C(0x60000000)

/* Registers before a form: x0 = where, x1 and x2 = what; all others are known and different. */
void stores_registers(uint64_t x[29], uint64_t where);

/* The flavour's own. */
void stores_before(void);
/* The form is over: print what was counted, and let nothing be open. */
void stores_after(void);
void stores_restore(uint64_t va, uint64_t value);
/* Puts two instructions where they can be executed. */
void (*stores_code(uint32_t first, uint32_t second))(void);

/* Where the window is, in each flavour: pointers are stored too. */
#define STORES_WINDOW UINT64_C(0x80000000)

/* Runs all forms that this CPU has. Precondition: the window holds what stores_word() says. */
void stores_run(void);

/* An exception during a form: where to go on. 0: it was not during one. */
uint64_t stores_exception(const uint64_t x[31], uint64_t esr, uint64_t far);
