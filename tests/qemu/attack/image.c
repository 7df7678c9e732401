/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks on the kernel itself, which the seal ends: its code and constants changed, code of the
 * attacker's run with its rights, other trees, no MMU.
 */
#include "attacks.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "module/attack.h"

#define SCTLR_M     UINT64_C(1)
#define ANSWER      UINT64_C(42)
#define ENTRY(t, i) ((t) + 8 * (uint64_t)(i))

static uint64_t moved(uint64_t descriptor, uint64_t pa)
{
    return (descriptor & ~ADDRESS) | (pa & ADDRESS);
}

/* --- The image, by other mappings ------------------------------------------------------------- */

/* A user's mapping of a word of the kernel's image: can it write there? Nothing is changed. */
static bool user_writes(uint64_t what)
{
    volatile unsigned char *at = map_table();
    uint64_t va = kernel_image(what), word = kernel_word(va), value = ~word;
    uint64_t entry = kernel_entry(at, 3), old = kernel_word(entry);
    bool done;

    (void)kernel_store(entry, moved(old, kernel_physical(va)));
    kernel_flush();
    at += va & (PAGE - 1);
    done = user_load(at, &value) && value == word && user_store(at, word);
    (void)kernel_store(entry, old);
    kernel_flush();
    return done;
}

static bool leaf_to_code(void) { return user_writes(ATTACK_CODE); }

static bool leaf_to_constants(void) { return user_writes(ATTACK_CONSTANT); }

static bool leaf_to_data(void) { return user_writes(ATTACK_DATA); }

/* The same by a block, of whose 2 MiB all may be the kernel's. */
static bool block_to_data(void)
{
    volatile unsigned char *at = map_table();
    uint64_t va = kernel_image(ATTACK_DATA), word = kernel_word(va), value = ~word;
    uint64_t pa = kernel_physical(va), leaf = kernel_word(kernel_entry(at, 3));
    uint64_t above = kernel_entry(at, 2), old = kernel_word(above);
    bool done;

    leaf = (moved(leaf, pa & ~(uint64_t)(HUGE - 1)) & ~TABLE) | LEAF_BLOCK;
    (void)kernel_store(above, leaf);
    kernel_flush();
    at += pa & (HUGE - 1);
    done = user_load(at, &value) && value == word && user_store(at, word);
    (void)kernel_store(above, old);
    kernel_flush();
    return done;
}

/* A mapping of the kernel's own, that it may write. */
static bool alias_of_constants(void)
{
    uint64_t va = kernel_image(ATTACK_CONSTANT), word = kernel_word(va), value = 0;
    uint64_t alias = kernel_alias(kernel_pages(0)), entry = kernel_entry((void *)alias, 3);
    uint64_t old = kernel_word(entry), at = alias + (va & (PAGE - 1));
    bool done = false;

    (void)kernel_store(entry, moved(old, kernel_physical(va)));
    kernel_flush();
    if (kernel_store(at, ~word)) {
        done = kernel_load(va, &value) && value == ~word;
        need(kernel_store(at, word));
    }
    (void)kernel_store(entry, old);
    kernel_flush();
    return done;
}

/* The address of a constant is mapped elsewhere: to a copy that the attacker can write. */
static bool constants_elsewhere(void)
{
    uint64_t va = kernel_image(ATTACK_CONSTANT), entry, old, level = 2, span, copy, value = 0;
    bool done;

    entry = kernel_entry((void *)va, level);
    if ((kernel_word(entry) & TABLE) == TABLE)
        entry = kernel_entry((void *)va, ++level);
    old = kernel_word(entry);
    span = level == 2 ? HUGE : PAGE;
    copy = kernel_pages(level == 2 ? 9 : 0);
    for (uint64_t i = 0; i < span; i += 8)
        need(kernel_store(copy + i, kernel_word((va & ~(span - 1)) + i)));
    need(kernel_store(copy + (va & (span - 1)), ANSWER));
    (void)kernel_store(entry, moved(old, kernel_physical(copy)) & ~CONTIGUOUS);
    kernel_flush();
    done = kernel_load(va, &value) && value == ANSWER;
    (void)kernel_store(entry, old);
    kernel_flush();
    return done;
}

/* --- Code of the attacker's ------------------------------------------------------------------- */

/* mov x0, #42; ret */
#define CODE_ANSWER UINT64_C(0xd65f03c0d2800540)

/* A page of data that EL1 may write and execute. */
static bool data_as_code(void)
{
    uint64_t alias = kernel_alias(kernel_pages(0)), entry = kernel_entry((void *)alias, 3);
    uint64_t value = 0;

    need(kernel_store(alias, CODE_ANSWER));
    (void)kernel_store(entry, kernel_word(entry) & ~PXN);
    kernel_flush();
    return kernel_call(alias, 0, &value) && value == ANSWER;
}

/* A user's page with the kernel's rights. */
static bool user_code(void)
{
    volatile unsigned char *at = map_table();
    uint64_t entry = kernel_entry(at, 3), old = kernel_word(entry), value = 0;
    bool done;

    *(volatile uint64_t *)at = CODE_ANSWER;
    /* Linux denies it above, for all that is below. */
    for (unsigned int level = 0; level < 3; level++) {
        uint64_t above = kernel_entry(at, level);

        (void)kernel_store(above, kernel_word(above) & ~PXN_TABLE);
    }
    (void)kernel_store(entry, (old | READ_ONLY) & ~PXN);
    kernel_flush();
    done = kernel_call((uintptr_t)at, 0, &value) && value == ANSWER;
    (void)kernel_store(entry, old);
    kernel_flush();
    return done;
}

/* A page that the user writes, by an address of the kernel's where it may execute. */
static bool user_page_as_code(void)
{
    volatile unsigned char *at = map_table();
    uint64_t alias = kernel_alias(kernel_pages(0)), entry = kernel_entry((void *)alias, 3);
    uint64_t old = kernel_word(entry), value = 0;
    bool done;

    *(volatile uint64_t *)at = CODE_ANSWER;
    (void)kernel_store(entry,
                       (moved(old, kernel_physical((uintptr_t)at)) | READ_ONLY) & ~(PXN | DBM));
    kernel_flush();
    done = kernel_call(alias, 0, &value) && value == ANSWER;
    (void)kernel_store(entry, old);
    kernel_flush();
    return done;
}

/* --- Other trees ------------------------------------------------------------------------------ */

#define ROOT_INDEX(va) ((va) >> 39 & 511)

/* A copy of the kernel's root with something more: where its code is, written and executed. */
static bool forged_kernel_root(void)
{
    uint64_t root = kernel_linear(kernel_read(ATTACK_TTBR1) & ADDRESS), tree = kernel_pages(2);
    uint64_t code = kernel_image(ATTACK_CODE), va, value = 0;
    unsigned int index = 511;

    for (uint64_t i = 0; i < 512; i++)
        need(kernel_store(ENTRY(tree, i), kernel_word(ENTRY(root, i))));
    while (kernel_word(ENTRY(tree, index)) != 0)
        index--;
    need(kernel_store(ENTRY(tree, index), kernel_physical(tree + PAGE) | TABLE));
    need(kernel_store(tree + PAGE, kernel_physical(tree + 2 * PAGE) | TABLE));
    need(kernel_store(tree + 2 * PAGE, kernel_physical(tree + 3 * PAGE) | TABLE));
    need(kernel_store(tree + 3 * PAGE,
                      (kernel_physical(code) & ADDRESS) | LEAF_PAGE | ACCESSED | UINT64_C(0x300)));
    va = UINT64_C(0xffff000000000000) | (uint64_t)index << 39 | (code & (PAGE - 1));
    return kernel_load_by(kernel_physical(tree), va, &value) && value == kernel_word(code);
}

/* A user's root, with as much of the kernel's in it as it takes to go on. */
static bool user_root(void)
{
    volatile unsigned char *at = map_table();
    uint64_t mine = kernel_entry((void *)0, 0), image = kernel_image(ATTACK_CODE), value = 0;
    uint64_t entry = ENTRY(mine, ROOT_INDEX(image)), old = kernel_word(entry);
    bool done = false;

    need(old == 0 && user_store(at, ANSWER));
    if (kernel_store(entry, kernel_word(kernel_entry((void *)image, 0))))
        done = kernel_load_by(kernel_physical(mine), UINT64_C(0xffff000000000000) | (uintptr_t)at,
                              &value) &&
               value == ANSWER;
    (void)kernel_store(entry, 0);
    kernel_flush();
    return done;
}

/* --- Without trees ---------------------------------------------------------------------------- */

static bool mmu_off(void)
{
    uint64_t page = kernel_pages(0), value = 0;

    need(kernel_store(page, ANSWER));
    return kernel_load_with(0, SCTLR_M, kernel_physical(page), &value) && value == ANSWER;
}

#define PSCI_CPU_ON UINT64_C(0xc4000003)

/* mov x1, #42; str x1, [x0]; movz x0, #0x8400, lsl 16; movk x0, #2; hvc #0; b . */
static const uint64_t cpu_code[] = {UINT64_C(0xf9000001d2800541), UINT64_C(0xf2800040d2b08000),
                                    UINT64_C(0x14000000d4000002)};

static bool set_online(bool online)
{
    FILE *file = fopen("/sys/devices/system/cpu/cpu1/online", "w");
    bool done = file != NULL && fputs(online ? "1" : "0", file) >= 0;

    return file != NULL && fclose(file) == 0 && done;
}

/* A CPU that starts has its MMU off. */
static bool cpu_on(void)
{
    uint64_t page = kernel_pages(0), proof = kernel_pages(0);

    need(set_online(false));
    for (unsigned int i = 0; i < sizeof(cpu_code) / sizeof(cpu_code[0]); i++)
        need(kernel_store(ENTRY(page, i), cpu_code[i]));
    (void)kernel_smccc(PSCI_CPU_ON, 1, kernel_physical(page), kernel_physical(proof));
    for (unsigned int i = 0; i < 100 && kernel_word(proof) != ANSWER; i++)
        (void)usleep(5000);
    need(set_online(true));
    return kernel_word(proof) == ANSWER;
}

const struct attack_case image_attacks[] = {
    {"leaf-to-code", leaf_to_code, false},
    {"leaf-to-constants", leaf_to_constants, false},
    {"leaf-to-data", leaf_to_data, false},
    {"block-to-data", block_to_data, false},
    {"alias-of-constants", alias_of_constants, false},
    {"constants-elsewhere", constants_elsewhere, false},
    {"data-as-code", data_as_code, false},
    {"user-code", user_code, false},
    {"user-page-as-code", user_page_as_code, false},
    {"forged-kernel-root", forged_kernel_root, false},
    {"user-root", user_root, false},
    {"mmu-off", mmu_off, false},
    {"cpu-on", cpu_on, false},
    {NULL, NULL, false},
};
