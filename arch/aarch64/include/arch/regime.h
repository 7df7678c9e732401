/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers that give a guest's descriptors their meaning: fields, and access to those
 * of the vCPU that is loaded on this CPU.
 */
#pragma once

#include "ptwr/base.h"

struct vcpu;

enum regime_reg { REGIME_SCTLR, REGIME_TTBR0, REGIME_TTBR1, REGIME_TCR, REGIME_MAIR, REGIME_REGS };

#define SCTLR_EL1_M   BIT64(0)
#define SCTLR_EL1_C   BIT64(2)
#define SCTLR_EL1_I   BIT64(12)
#define SCTLR_EL1_WXN BIT64(19)
#define SCTLR_EL1_EE  BIT64(25)

#define TTBR_CNP        BIT64(0)
#define TTBR_BADDR      GENMASK64(47, 1)
#define TTBR_ASID_SHIFT 48

#define TCR_T0SZ_SHIFT 0
#define TCR_T0SZ       GENMASK64(5, 0)
#define TCR_EPD0       BIT64(7)
#define TCR_IRGN0      GENMASK64(9, 8) /* 1 and 3 are write-back */
#define TCR_IRGN0_WBWA (UINT64_C(1) << 8)
#define TCR_ORGN0      GENMASK64(11, 10)
#define TCR_ORGN0_WBWA (UINT64_C(1) << 10)
#define TCR_SH0        GENMASK64(13, 12)
#define TCR_SH0_INNER  (UINT64_C(3) << 12)
#define TCR_TG0        GENMASK64(15, 14) /* 0: 4 KiB */
#define TCR_T1SZ_SHIFT 16
#define TCR_T1SZ       GENMASK64(21, 16)
#define TCR_A1         BIT64(22)
#define TCR_EPD1       BIT64(23)
#define TCR_IRGN1      GENMASK64(25, 24)
#define TCR_IRGN1_WBWA (UINT64_C(1) << 24)
#define TCR_ORGN1      GENMASK64(27, 26)
#define TCR_ORGN1_WBWA (UINT64_C(1) << 26)
#define TCR_SH1        GENMASK64(29, 28)
#define TCR_SH1_INNER  (UINT64_C(3) << 28)
#define TCR_TG1        GENMASK64(31, 30)
#define TCR_TG1_4K     (UINT64_C(2) << 30)
#define TCR_IPS_SHIFT  32
#define TCR_AS         BIT64(36)
#define TCR_TBI0       BIT64(37)
#define TCR_TBI1       BIT64(38)
#define TCR_HA         BIT64(39)
#define TCR_HD         BIT64(40)
#define TCR_TBID0      BIT64(51)
#define TCR_TBID1      BIT64(52)
#define TCR_NFD0       BIT64(53)
#define TCR_NFD1       BIT64(54)
#define TCR_E0PD0      BIT64(55)
#define TCR_E0PD1      BIT64(56)

/* Precondition of all of these: a vCPU is loaded on this CPU; the values are its. */
uint64_t regime_read(enum regime_reg reg);
void regime_write(enum regime_reg reg, uint64_t value);

/*
 * TTBR0_EL1 := value. walks: whether it names a table; TCR_EL1.EPD0 follows, in an order that never
 * lets a walk start from a base that does not.
 */
void regime_set_user(uint64_t value, bool walks);

/* This CPU starts no more walks for the vCPU: TCR_EL1.EPD0 and EPD1, synchronized. */
void regime_no_walks(void);

/* VBAR_EL1. */
va_t regime_vectors(void);

/* FEAT_ASID16. */
bool regime_has_asid16(void);

/* The stack pointer that the vCPU's instructions use, by PSTATE. */
uint64_t regime_sp_read(const struct vcpu *vcpu);
void regime_sp_write(const struct vcpu *vcpu, uint64_t value);

/* Drop what any CPU caches of one VA, under all ASIDs; a tag in the VA does not count. */
void regime_flush_va(va_t va);
