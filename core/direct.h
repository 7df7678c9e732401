/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct domains: guests that hold machine addresses in page tables which Latch validates. The
 * engine's interface (ptwr/ptwr.h) stands; building such a domain is not done yet, and
 * direct_create() says so.
 */
#pragma once

#include "ptwr/ptwr.h"

struct domain;
struct vcpu;

struct direct {
    struct ptwr ptwr;
};

enum direct_reg {
    REG_SCTLR_EL1,
    REG_TTBR0_EL1,
    REG_TTBR1_EL1,
    REG_TCR_EL1,
    REG_MAIR_EL1,
};

/* HV_ENOSYS; the reason has been printed. */
NODISCARD
enum hv_err direct_create(struct domain *d);
NODISCARD
enum hv_err direct_reset(struct domain *d);

/* The vCPU is descheduled: its open tables are protected. */
void direct_preempt(struct vcpu *vcpu, enum ptwr_trigger why);

/* A trapped write of a register that gives descriptors their meaning. */
void direct_sysreg_write(struct vcpu *vcpu, enum direct_reg reg, uint64_t value);
