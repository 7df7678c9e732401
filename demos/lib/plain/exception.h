/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/types.h"

enum exception_kind { EXCEPTION_SYNC, EXCEPTION_IRQ, EXCEPTION_FIQ, EXCEPTION_SERROR };

/* What the handler leaves here is what the interrupted code finds; `elr` += 4 skips it. */
struct exception {
    uint64_t x[31];
    uint64_t elr;
    uint64_t spsr;
    uint64_t esr;
    uint64_t far;
    uint64_t from_el0;
};

#define ESR_EC(esr)              ((unsigned int)((esr) >> 26) & 0x3f)
#define ESR_WNR                  BIT64(6)
#define ESR_S1PTW                BIT64(7)
#define ESR_FSC(esr)             ((unsigned int)(esr)&0x3f)
#define EC_UNKNOWN               0x00u
#define EC_SVC64                 0x15u
#define EC_IABT_SAME             0x21u
#define EC_DABT_SAME             0x25u
#define FSC_EXTERNAL             0x10u /* synchronous, not on a table walk */
#define FSC_EXTERNAL_WALK(level) (0x14u + (level))

/*
 * A guest that expects exceptions defines these; the ones in the library say what happened and turn
 * the guest off.
 */
void guest_exception(struct exception *e); /* synchronous, SError */
void guest_interrupt(struct exception *e); /* IRQ, FIQ */
