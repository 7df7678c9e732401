/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks on page tables themselves: each wants a table that user space can write, or an entry that
 * nobody judged. A word of a table that no walk reads tells whether user space could write it.
 */
#include "attacks.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "module/attack.h"

/* The last entry of a table of map_table(): not valid, whatever becomes of it. */
#define PROOF       UINT64_C(0x7e571e55e11a40)
#define LAST        511
#define ENTRY(t, i) ((t) + 8 * (uint64_t)(i))

static uint64_t page_of(uint64_t at) { return at & ~(uint64_t)(PAGE - 1); }

/* The table of level 3 at whose first entry this is. */
static uint64_t table_of(volatile unsigned char *at) { return page_of(kernel_entry(at, 3)); }

/* A descriptor like this one, for another page. */
static uint64_t moved(uint64_t descriptor, uint64_t pa)
{
    return (descriptor & ~ADDRESS) | (pa & ADDRESS);
}

/* Could the user write a word of the table, by a mapping of its page at `at`? Mended again. */
static bool writes_table(volatile unsigned char *at, uint64_t table)
{
    bool done;

    (void)user_store(at + 8 * LAST, PROOF);
    done = kernel_word(ENTRY(table, LAST)) == PROOF;
    if (done)
        need(kernel_store(ENTRY(table, LAST), 0));
    return done;
}

/* --- Entries that map a table for the user ---------------------------------------------------- */

static bool leaf_to_table(void)
{
    volatile unsigned char *at = map_table();
    uint64_t table = table_of(map_table());
    uint64_t entry = kernel_entry(at, 3), old = kernel_word(entry);
    bool done;

    (void)kernel_store(entry, moved(old, kernel_physical(table)));
    kernel_flush();
    done = writes_table(at, table);
    (void)kernel_store(entry, old);
    kernel_flush();
    return done;
}

/* A batch: the table is the attacker's before it is linked, or open while it is written. */
static bool batch_to_table(void)
{
    volatile unsigned char *at = map_table(), *other = map_table();
    uint64_t table = table_of(other), mine = kernel_pages(0);
    uint64_t leaf = kernel_word(kernel_entry(at, 3));
    uint64_t above = kernel_entry(at, 2), old = kernel_word(above);
    bool done;

    need(kernel_store(ENTRY(mine, 1), moved(leaf, kernel_physical(table))));
    (void)kernel_store(above, moved(old, kernel_physical(mine)));
    kernel_flush();
    done = writes_table(at + PAGE, table);
    need(kernel_store(above, old));
    kernel_flush();
    return done;
}

static bool block_to_table(void)
{
    volatile unsigned char *at = map_table();
    uint64_t table = table_of(map_table()), pa = kernel_physical(table);
    uint64_t leaf = kernel_word(kernel_entry(at, 3));
    uint64_t above = kernel_entry(at, 2), old = kernel_word(above);
    bool done;

    leaf = (moved(leaf, pa & ~(uint64_t)(HUGE - 1)) & ~TABLE) | LEAF_BLOCK;
    (void)kernel_store(above, leaf);
    kernel_flush();
    done = writes_table(at + (pa & (HUGE - 1)), table);
    (void)kernel_store(above, old);
    kernel_flush();
    return done;
}

/* The entries of a table as leaves: a table of level 2 in the place of one of level 3. */
static bool table_as_leaves(void)
{
    volatile unsigned char *at = map_table(), *other = map_table();
    uint64_t above = kernel_entry(at, 2), old = kernel_word(above), table = table_of(other);
    uint64_t next = kernel_entry(other, 2), leaf = kernel_word(kernel_entry(at, 3));
    uint64_t old_next = kernel_word(next);
    bool done;

    need(page_of(above) == page_of(next));
    /* What a walk ignores in an entry of level 2 says in a leaf that the user may write. */
    (void)kernel_store(next, (leaf & ~ADDRESS & ~(PXN | UXN)) | old_next);
    (void)kernel_store(above, moved(old, kernel_physical(page_of(above))));
    kernel_flush();
    done = writes_table(at + (next & (PAGE - 1)) / 8 * PAGE, table);
    (void)kernel_store(above, old);
    (void)kernel_store(next, old_next);
    kernel_flush();
    return done;
}

/* --- Trees and groups --------------------------------------------------------------------------
 */

#define FORGED_VA UINT64_C(0x600000000000)

/* A whole tree of the attacker's own, in which EL0 may write the page at FORGED_VA. */
static uint64_t forge_root(uint64_t page)
{
    volatile unsigned char *at = map_table();
    uint64_t tree = kernel_pages(2), leaf = kernel_word(kernel_entry(at, 3));

    need(kernel_store(ENTRY(tree, FORGED_VA >> 39), kernel_physical(tree + PAGE) | TABLE));
    need(kernel_store(tree + PAGE, kernel_physical(tree + 2 * PAGE) | TABLE));
    need(kernel_store(tree + 2 * PAGE, kernel_physical(tree + 3 * PAGE) | TABLE));
    need(kernel_store(tree + 3 * PAGE, moved(leaf, kernel_physical(page))));
    return kernel_physical(tree);
}

/* For a table of the kernel's half, which is never out of use. */
static bool root_to_kernel_table(void)
{
    uint64_t table = page_of(kernel_entry((void *)kernel_alias(kernel_pages(0)), 3));
    unsigned int last = LAST;
    bool done;

    while (kernel_word(ENTRY(table, last)) != 0)
        last--;
    (void)store_as_user(ENTRY(FORGED_VA, last), PROOF, forge_root(table));
    done = kernel_word(ENTRY(table, last)) == PROOF;
    if (done)
        need(kernel_store(ENTRY(table, last), 0));
    return done;
}

/* For a table of this process's, which is out of use just then: what is written is used later. */
static bool root_to_user_table(void)
{
    volatile unsigned char *at = map_table();
    uint64_t table = table_of(at), leaf = kernel_word(kernel_entry(at, 3));
    bool done;

    (void)store_as_user(ENTRY(FORGED_VA, 1), moved(leaf, kernel_physical(table)),
                        forge_root(table));
    done = writes_table(at + PAGE, table);
    (void)kernel_store(ENTRY(table, 1), 0);
    kernel_flush();
    return done;
}

/*
 * 16 entries that say they are one, and are not: hardware may take the range of any of them for
 * all, and one of them maps a neighbour of a table.
 */
static bool contiguous_group(void)
{
    volatile unsigned char *at = map_table();
    uint64_t first = kernel_entry(at, 3), old = kernel_word(first), frames = kernel_pages(4);
    uint64_t table = kernel_physical(table_of(map_table())), index = table >> 12 & 15;
    uint64_t other = index ^ 1, neighbour = table ^ PAGE, value = 0, entry;
    bool done;

    for (unsigned int i = 0; i < 16; i++) {
        uint64_t pa = i == other ? neighbour : kernel_physical(frames + i * PAGE);

        (void)kernel_store(ENTRY(first, i), moved(old, pa) | CONTIGUOUS);
    }
    kernel_flush();
    done = user_load(at + other * PAGE, &value) && value == kernel_word(kernel_linear(neighbour));
    entry = kernel_word(ENTRY(first, other));
    done = done && (entry & (VALID | CONTIGUOUS)) == (VALID | CONTIGUOUS);
    for (unsigned int i = 1; i < 16; i++)
        (void)kernel_store(ENTRY(first, i), 0);
    (void)kernel_store(first, old);
    kernel_flush();
    return done;
}

/* --- Tables that user space still maps -------------------------------------------------------- */

/* Dirty Pagetable: the user's page becomes a table while it is still mapped. */
static bool page_becomes_table(void)
{
    volatile unsigned char *at = map_table(), *other = map_table();
    uint64_t mine = kernel_physical((uintptr_t)at), leaf = kernel_word(kernel_entry(at, 3));
    uint64_t above = kernel_entry(other, 2), old = kernel_word(above);
    uint64_t frame = kernel_pages(0), value = 0;
    bool done;

    memset((void *)(uintptr_t)at, 0, PAGE);
    need(kernel_store(frame, PROOF));
    (void)kernel_store(above, moved(old, mine));
    kernel_flush();
    done = user_store(at + 8, moved(leaf, kernel_physical(frame))) &&
           user_load(other + PAGE, &value) && value == PROOF;
    (void)kernel_store(above, old);
    kernel_flush();
    return done;
}

#define ROUNDS_TLB 12

/* As before, but the leaf has gone, and a TLB that nobody invalidated still has it. */
static bool page_of_stale_tlb(void)
{
    volatile unsigned char *at = map_table(), *other = map_table();
    uint64_t entry = kernel_entry(at, 3), leaf = kernel_word(entry);
    uint64_t mine = kernel_physical((uintptr_t)at), above = kernel_entry(other, 2);
    uint64_t old = kernel_word(above), frame = kernel_pages(0), word = 0;
    bool done = false;

    need(kernel_store(frame, PROOF));
    memset((void *)(uintptr_t)at, 0, PAGE);
    /* For Linux too a store to it is one too many: it must not mend what the attack takes away. */
    need(mprotect((void *)(uintptr_t)at, PAGE, PROT_READ) == 0);
    for (unsigned int i = 0; i < ROUNDS_TLB && !done; i++) {
        uint64_t wanted = moved(leaf, kernel_physical(frame));

        need(kernel_store(entry, leaf) && user_store(at, 0));
        need(kernel_store(entry, (leaf | READ_ONLY) & ~DBM));
        (void)kernel_store(above, moved(old, mine));
        (void)user_store(at + 8 * (1 + i), wanted);
        kernel_flush();
        done = user_load(other + (1 + i) * PAGE, &word) && word == PROOF;
        (void)kernel_store(above, old);
        kernel_flush();
    }
    return done;
}

/* --- Ways to write a table -------------------------------------------------------------------- */

/* By an address that is not cached, behind what is. */
static bool not_cached(void)
{
    volatile unsigned char *at = map_table();
    uint64_t table = table_of(map_table());
    uint64_t entry = kernel_entry(at, 3), old = kernel_word(entry);
    uint64_t alias = kernel_alias(page_of(entry)) + (entry & (PAGE - 1));
    bool done;

    (void)kernel_store(alias, moved(old, kernel_physical(table)));
    kernel_flush();
    done = writes_table(at, table);
    (void)kernel_store(alias, old);
    kernel_flush();
    return done;
}

/* A table is taken out and put back, and no TLBI ever says so. */
static bool relinked(void)
{
    volatile unsigned char *at = map_table();
    uint64_t table = table_of(map_table());
    uint64_t entry = kernel_entry(at, 3), old = kernel_word(entry);
    uint64_t above = kernel_entry(at, 2), old_above = kernel_word(above);
    bool done;

    (void)kernel_store(above, 0);
    (void)kernel_store(ENTRY(page_of(entry), 1), moved(old, kernel_physical(table)));
    (void)kernel_store(above, old_above);
    done = writes_table(at + PAGE, table);
    (void)kernel_store(ENTRY(page_of(entry), 1), 0);
    kernel_flush();
    return done;
}

/* A table that is written with plain stores, and meanwhile gets a second place. */
static bool linked_while_open(void)
{
    volatile unsigned char *at = map_table(), *other = map_table();
    uint64_t table = table_of(map_table());
    uint64_t entry = kernel_entry(at, 3), old = kernel_word(entry);
    uint64_t above = kernel_entry(other, 2), old_above = kernel_word(above);
    bool done;

    /* Many stores by the same program place: a batch, so that the table is opened. */
    for (unsigned int round = 0; round < 4; round++) {
        for (unsigned int i = 1; i < 200; i++)
            (void)kernel_store(ENTRY(page_of(entry), i), PROOF & ~(ADDRESS & 0xf000));
    }
    (void)kernel_store(ENTRY(page_of(entry), 1), moved(old, kernel_physical(table)));
    (void)kernel_store(above, moved(old_above, kernel_physical(page_of(entry))));
    done = writes_table(other + PAGE, table);
    (void)kernel_store(above, old_above);
    for (unsigned int i = 1; i < 200; i++)
        (void)kernel_store(ENTRY(page_of(entry), i), 0);
    kernel_flush();
    return done;
}

/* Two CPUs write one table, in turns what it may hold and what it may not, while the user looks. */

#define ROUNDS 300

struct race {
    uint64_t entry, good, bad;
    volatile bool stop;
};

static void *write_in_turns(void *argument)
{
    struct race *race = argument;

    while (!race->stop) {
        (void)kernel_store(race->entry, race->bad);
        (void)kernel_store(race->entry, race->good);
    }
    return NULL;
}

static bool race(void)
{
    volatile unsigned char *at = map_table();
    uint64_t table = table_of(map_table());
    uint64_t entry = kernel_entry(at + PAGE, 3), leaf = kernel_word(kernel_entry(at, 3));
    struct race race = {.entry = entry, .good = 0, .bad = moved(leaf, kernel_physical(table))};
    uint64_t frame = kernel_pages(0);
    pthread_t thread;
    bool done = false;

    race.good = moved(leaf, kernel_physical(frame));
    need(pthread_create(&thread, NULL, write_in_turns, &race) == 0);
    for (unsigned int i = 0; i < ROUNDS && !done; i++) {
        (void)kernel_store(entry, race.good);
        (void)kernel_store(entry, race.bad);
        (void)store_as_user((uintptr_t)at + PAGE + 8 * LAST, PROOF, 0);
        kernel_flush();
        done = kernel_word(ENTRY(table, LAST)) == PROOF;
    }
    race.stop = true;
    need(pthread_join(thread, NULL) == 0);
    if (done)
        need(kernel_store(ENTRY(table, LAST), 0));
    (void)kernel_store(entry, 0);
    kernel_flush();
    return done;
}

const struct attack_case table_attacks[] = {
    {"leaf-to-table", leaf_to_table, false},
    {"batch-to-table", batch_to_table, false},
    {"block-to-table", block_to_table, false},
    {"table-as-leaves", table_as_leaves, false},
    {"root-to-kernel-table", root_to_kernel_table, false},
    {"root-to-user-table", root_to_user_table, false},
    {"contiguous-group", contiguous_group, false},
    {"not-cached", not_cached, false},
    {"relinked", relinked, false},
    {"linked-while-open", linked_while_open, false},
    {"page-becomes-table", page_becomes_table, .is_noisy = true},
    {"page-of-stale-tlb", page_of_stale_tlb, false},
    {"race", race, .is_noisy = true},
    {NULL, NULL, false},
};
