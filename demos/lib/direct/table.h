/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page tables of a direct guest: descriptors, and address spaces in TTBR0_EL1. Entries are written
 * with plain stores while vm_assist is on, else by hypercall.
 */
#pragma once

#include "common/types.h"

#define ENTRY_VALID      BIT64(0)
#define ENTRY_TABLE      BIT64(1) /* also set in a page; clear in a block */
#define ENTRY_ATTR(n)    ((uint64_t)(n) << 2)
#define ENTRY_EL0        BIT64(6)
#define ENTRY_RO         BIT64(7)
#define ENTRY_SHARED     (UINT64_C(3) << 8)
#define ENTRY_AF         BIT64(10)
#define ENTRY_NG         BIT64(11)
#define ENTRY_ADDRESS    GENMASK64(47, 12)
#define ENTRY_CONTIGUOUS BIT64(52)
#define ENTRY_PXN        BIT64(53)
#define ENTRY_UXN        BIT64(54)
#define ENTRY_SOFTWARE   BIT64(55)

#define ENTRY_XN       (ENTRY_PXN | ENTRY_UXN)
#define ENTRY_PAGE     (ENTRY_VALID | ENTRY_TABLE | ENTRY_SHARED | ENTRY_AF)
#define PAGE_KERNEL    (ENTRY_PAGE | ENTRY_XN)
#define PAGE_KERNEL_RO (PAGE_KERNEL | ENTRY_RO)
#define PAGE_DEVICE    (ENTRY_PAGE | ENTRY_ATTR(1) | ENTRY_XN)
#define PAGE_USER      (ENTRY_PAGE | ENTRY_NG | ENTRY_EL0 | ENTRY_XN)
#define PAGE_USER_RO   (PAGE_USER | ENTRY_RO)
#define PAGE_USER_TEXT (ENTRY_PAGE | ENTRY_NG | ENTRY_EL0 | ENTRY_RO | ENTRY_PXN)
/* In TTBR0_EL1, for EL1 only: data and code. */
#define PAGE_PRIVATE      (PAGE_KERNEL | ENTRY_NG)
#define PAGE_PRIVATE_TEXT (ENTRY_PAGE | ENTRY_NG | ENTRY_RO | ENTRY_UXN)

static inline unsigned int table_index(uint64_t va, unsigned int level)
{
    return (unsigned int)(va >> (39 - 9 * level)) & 511;
}

/* Leaf to a page of ours, and descriptor of a table of ours. */
uint64_t entry_page(const void *page, uint64_t attributes);
uint64_t entry_table(const void *table);

/* vm_assist(writable_pagetables); -LATCH_EBUSY is the caller's affair, all else is fatal. */
int64_t assist_set(bool on);
extern bool assist_is_on;

void entry_write_by_hypercall(uint64_t *entry, uint64_t value);

/*
 * One entry of a table, as above. Fatal if Latch refuses a hypercall. Inline: Latch learns by the
 * place of a store whether it is one of many.
 */
static inline void entry_write(uint64_t *entry, uint64_t value)
{
    if (assist_is_on)
        *(volatile uint64_t *)entry = value;
    else
        entry_write_by_hypercall(entry, value);
}

/* A zeroed page that can become a table: read-only in the linear map while the assist is off. */
void *table_alloc(void);
void table_free(void *table);

/* Barriers after entries became valid; invalidations after they changed. Neither is a trap. */
static inline void tables_written(void)
{
    dsb_ishst();
    isb();
}

static inline void tlbi_all(void)
{
    dsb_ishst();
    __asm__ volatile("tlbi vmalle1is" ::: "memory");
    dsb_ish();
    isb();
}

static inline void tlbi_page(uint64_t va)
{
    dsb_ishst();
    __asm__ volatile("tlbi vaae1is, %0" ::"r"(va >> 12 & GENMASK64(43, 0)) : "memory");
    dsb_ish();
    isb();
}

#define TABLE_ENTRIES 512
#define TABLE_LEVELS  4

/* An address space: a level-0 table, pinned from space_pin() or the first load on. */
struct space {
    uint64_t *root;
    uint16_t asid;
    bool pinned;
};

void space_create(struct space *space, uint16_t asid);
/* The entry of va at `level`, tables above it made as needed. */
uint64_t *space_entry(struct space *space, uint64_t va, unsigned int level);
/* The same, but NULL if a table is missing. */
uint64_t *space_find(const struct space *space, uint64_t va, unsigned int level);
void space_map(struct space *space, uint64_t va, uint64_t entry);
void space_pin(struct space *space);
/* Into TTBR0_EL1, by MSR with its ASID. NULL: none. */
void space_load(struct space *space);
uint64_t space_ttbr(const struct space *space);
/* Unpins it and frees its tables; pages are handed to `page` (if not NULL) one by one.
 * Precondition: not loaded. */
void space_destroy(struct space *space, void (*page)(uint64_t entry));
