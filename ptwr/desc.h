/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VMSAv8-64 stage-1 descriptors of the EL1&0 regime, 4 KiB granule, 48-bit output addresses (Arm
 * ARM D8.3): value in, value out, one accessor per field. Nothing here reads memory.
 */
#pragma once

#include "ptwr/base.h"

/* 512 on the target; the exhaustive model builds the same files with fewer. */
#ifndef PTWR_INDEX_BITS
#define PTWR_INDEX_BITS 9
#endif
#define PTWR_ENTRIES (1U << PTWR_INDEX_BITS)

typedef struct {
    uint64_t raw;
} desc_t;

#define DESC_VALID      BIT64(0)
#define DESC_TABLE      BIT64(1) /* levels 0..2: table, not block; level 3: page, must be 1 */
#define DESC_ATTRINDX   GENMASK64(4, 2)
#define DESC_NS         BIT64(5)
#define DESC_AP_EL0     BIT64(6) /* AP[1]: EL0 may access */
#define DESC_AP_RO      BIT64(7) /* AP[2]: read-only */
#define DESC_SH         GENMASK64(9, 8)
#define DESC_AF         BIT64(10)
#define DESC_NG         BIT64(11)
#define DESC_OA         GENMASK64(47, 12)
#define DESC_RES0_HIGH  GENMASK64(49, 48)
#define DESC_GP         BIT64(50)
#define DESC_DBM        BIT64(51)
#define DESC_CONTIGUOUS BIT64(52)
#define DESC_PXN        BIT64(53)
#define DESC_UXN        BIT64(54)
#define DESC_SOFTWARE   GENMASK64(58, 55)
/* Table descriptors only. Judged as if clear: a parent can drop them at any time. */
#define DESC_PXNTABLE GENMASK64(59, 59)
#define DESC_UXNTABLE BIT64(60)
#define DESC_APTABLE  GENMASK64(62, 61)
#define DESC_NSTABLE  BIT64(63)

static inline desc_t desc_of(uint64_t raw) { return (desc_t){raw}; }
static inline bool desc_eq(desc_t a, desc_t b) { return a.raw == b.raw; }
static inline bool desc_is_valid(desc_t d) { return (d.raw & DESC_VALID) != 0; }

/* Precondition of the two below: d is valid. Level 3 has no tables, level 0 and 3 no blocks. */
static inline bool desc_is_table(desc_t d, unsigned int level)
{
    return level < 3 && (d.raw & DESC_TABLE) != 0;
}

static inline bool desc_is_leaf(desc_t d, unsigned int level)
{
    return (level == 3) == ((d.raw & DESC_TABLE) != 0);
}

static inline uint64_t desc_oa(desc_t d) { return d.raw & DESC_OA; }
static inline unsigned int desc_attrindx(desc_t d) { return (unsigned int)(d.raw >> 2) & 7; }

/* Writable through this leaf by someone. DBM counts: a walker that honours it would write. */
static inline bool desc_is_writable(desc_t d)
{
    return (d.raw & DESC_AP_RO) == 0 || (d.raw & DESC_DBM) != 0;
}

static inline bool desc_is_el0(desc_t d) { return (d.raw & DESC_AP_EL0) != 0; }

/* Bytes of VA that one entry of a table of this level spans. */
static inline uint64_t desc_span(unsigned int level)
{
    return UINT64_C(1) << (PAGE_SHIFT + PTWR_INDEX_BITS * (3 - level));
}

static inline unsigned int desc_index(uint64_t va, unsigned int level)
{
    return (unsigned int)(va >> (PAGE_SHIFT + PTWR_INDEX_BITS * (3 - level))) & (PTWR_ENTRIES - 1);
}
