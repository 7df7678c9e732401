/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLB maintenance of the EL1&0 regime, one instruction each, for the current VMID. The order of
 * these and the barriers between them are the caller's.
 */
#pragma once

#include "ptwr/base.h"

/* Operand of TLBI by address: address bits [55:12] in [43:0] (Arm ARM C5.5). */
static inline uint64_t tlbi_operand(uint64_t address)
{
    return (address >> PAGE_SHIFT) & GENMASK64(43, 0);
}

static inline void tlbi_ipas2e1is(ipa_t ipa)
{
    __asm__ volatile("tlbi ipas2e1is, %0" ::"r"(tlbi_operand(ipa.raw)) : "memory");
}

static inline void tlbi_vaae1is(va_t va)
{
    __asm__ volatile("tlbi vaae1is, %0" ::"r"(tlbi_operand(va.raw)) : "memory");
}

static inline void tlbi_vmalle1is(void) { __asm__ volatile("tlbi vmalle1is" ::: "memory"); }
static inline void tlbi_vmalls12e1is(void) { __asm__ volatile("tlbi vmalls12e1is" ::: "memory"); }
static inline void tlbi_alle2(void) { __asm__ volatile("tlbi alle2" ::: "memory"); }

/* Find out by MIDR whether this CPU needs broadcast TLBIs repeated. Once per CPU. */
void tlb_init_cpu(void);

/*
 * On CPUs where a broadcast TLBI can complete before other CPUs' accesses are globally observed
 * (CVE-2025-10263, erratum 1286807 and relatives): one more TLBI and DSB ISH. Else nothing.
 */
void tlbi_repeat(void);
