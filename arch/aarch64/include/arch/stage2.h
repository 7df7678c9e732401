/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage-2 tables of one domain: 4 KiB granule, starting at level 1 (concatenated above 39 bits).
 * Tables are never freed; entries only go from nothing to something here, so nothing is
 * invalidated, except by s2_flush().
 */
#pragma once

#include "ptwr/base.h"

enum s2_attr {
    S2_RO,      /* normal memory, read-only, executable */
    S2_RW,      /* normal memory, executable */
    S2_DATA_RO, /* normal memory, read-only, never executable */
    S2_DATA_RW, /* normal memory, never executable */
    S2_DEVICE,  /* Device-nGnRE, never executable */
};

struct s2 {
    pa_t root;
    uint16_t vmid;
    uint8_t ipa_bits;
};

/* ipa_bits 32..43, at most PARange. HV_ENOMEM, HV_EINVAL, HV_E2BIG (no VMID left). */
NODISCARD
enum hv_err s2_init(struct s2 *s2, unsigned int ipa_bits);

/* Map a page-aligned range that is not mapped yet; blocks: use 2 MiB where all is aligned. */
NODISCARD
enum hv_err s2_map(struct s2 *s2, ipa_t ipa, pa_t pa, uint64_t size, enum s2_attr attr,
                   bool blocks);

/* The level-3 table behind this IPA's 2 MiB (made if need be); NULL: no memory, or a block. */
uint64_t *s2_leaf_table(struct s2 *s2, ipa_t ipa);

/* The leaf descriptor that maps `pa`. */
uint64_t s2_leaf(pa_t pa, enum s2_attr attr);

/* Software walk. HV_EFAULT: not mapped. */
NODISCARD
enum hv_err s2_translate(const struct s2 *s2, ipa_t ipa, pa_t *pa);

/* Bits of physical address that every CPU has (ID_AA64MMFR0_EL1.PARange). */
unsigned int s2_pa_bits(void);

/* VTCR_EL2 and VTTBR_EL2 := this domain's; the caller has TCR_EL1.EPDn set and does the ISB. */
void s2_load(const struct s2 *s2);

/* All entries of its VMID gone from all CPUs, TLBI and barriers. */
void s2_flush(const struct s2 *s2);

/*
 * FEAT_S2FWB: stage 2 forces write-back, whatever stage 1 says, so no alias of a guest goes behind
 * the caches. s2_leaf() and HCR_EL2.FWB agree on it.
 */
bool s2_forces_write_back(void);

/* What s2_enter() replaces and s2_leave() restores. */
struct s2_context {
    uint64_t vtcr, vttbr, tcr, sctlr;
};

/*
 * TLB maintenance acts on the VMID in VTTBR_EL2. Between these two it is this domain's although its
 * vCPU is not loaded (or is); meanwhile no stage-1 walk can start, for the EL1 registers may be
 * another domain's.
 */
void s2_enter(const struct s2 *s2, struct s2_context *saved);
void s2_leave(const struct s2_context *saved);
