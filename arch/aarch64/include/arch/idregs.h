/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of the ID registers by the position of their lowest bit (Arm ARM D24.2). */
#pragma once

#include "ptwr/base.h"

#define ID_PFR0_GIC    24
#define ID_PFR0_RAS    28
#define ID_PFR1_SSBS   4
#define ID_DFR0_PMUVER 8
#define ID_MMFR0_FGT   56
#define ID_MMFR1_LO    16
#define ID_MMFR1_PAN   20
#define ID_MMFR1_HCX   40

static inline unsigned int id_field(uint64_t value, unsigned int shift)
{
    return (unsigned int)(value >> shift) & 0xf;
}

/* Pointer authentication by any algorithm (FEAT_PAuth). */
bool id_has_pauth(void);
