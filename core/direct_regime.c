/* SPDX-License-Identifier: Apache-2.0 */
#include "core/direct_regime.h"

#include <latch/abi.h>

#include "core/domain.h"
#include "core/refusal.h"
#include "core/vcpu.h"

/* What a guest may change in TCR_EL1; all else says how tables are walked. */
#define TCR_FREE                                                                                   \
    (TCR_EPD0 | TCR_A1 | TCR_EPD1 | TCR_AS | TCR_TBI0 | TCR_TBI1 | TCR_TBID0 | TCR_TBID1 |         \
     TCR_NFD0 | TCR_NFD1 | TCR_E0PD0 | TCR_E0PD1)

/* Hardware updates of tables are hidden; a guest that asks for them does not get them. */
#define TCR_IGNORED (TCR_HA | TCR_HD)

#define SCTLR_FIXED (SCTLR_EL1_M | SCTLR_EL1_C | SCTLR_EL1_EE)

#define TXSZ_48_BITS UINT64_C(16)

/* TCR_EL1.IPS, which is coded as PARange: the guest is shown the same size. */
static uint64_t output_size(const struct domain *d)
{
    switch (d->s2.ipa_bits) {
    case 32:
        return 0;
    case 36:
        return 1;
    case 40:
        return 2;
    default:
        return 3; /* 42 */
    }
}

static uint64_t tcr_at_start(const struct domain *d)
{
    return TXSZ_48_BITS << TCR_T0SZ_SHIFT | TXSZ_48_BITS << TCR_T1SZ_SHIFT | TCR_IRGN0_WBWA |
           TCR_ORGN0_WBWA | TCR_SH0_INNER | TCR_EPD0 | TCR_IRGN1_WBWA | TCR_ORGN1_WBWA |
           TCR_SH1_INNER | TCR_TG1_4K | output_size(d) << TCR_IPS_SHIFT |
           (regime_has_asid16() ? TCR_AS : 0);
}

void direct_regime_start(struct vcpu *vcpu, mfn_t root)
{
    struct arch_vcpu *a = &vcpu->arch;
    const struct domain *d = vcpu->domain;

    a->sctlr |= SCTLR_EL1_M | SCTLR_EL1_C | SCTLR_EL1_I;
    a->tcr = tcr_at_start(d);
    a->mair = LATCH_MAIR;
    a->ttbr0 = 0;
    a->ttbr1 = mfn_to_pa(root).raw | d->paging.ptwr.walk;
}

static bool refuse(struct vcpu *vcpu, const char *name, enum ptwr_rule rule, uint64_t old,
                   uint64_t value)
{
    refusal_report_register(vcpu, name, rule, old, value);
    inject_undef(vcpu);
    return false;
}

static enum hv_err load_base(struct vcpu *vcpu, unsigned int which, mfn_t root,
                             unsigned int *budget)
{
    struct ptwr *p = &vcpu->domain->paging.ptwr;
    enum hv_err err = paging_sync(vcpu, PTWR_T_REGIME, budget);

    return err == HV_OK ? ptwr_load_base(p, vcpu->id, which, root, budget) : err;
}

static void set_base(unsigned int which, uint64_t value, mfn_t root)
{
    if (which == 1)
        regime_write(REGIME_TTBR1, value);
    else
        regime_set_user(value, !mfn_is_none(root));
}

enum hv_err direct_new_base(struct vcpu *vcpu, unsigned int which, mfn_t root, unsigned int *budget)
{
    struct ptwr *p = &vcpu->domain->paging.ptwr;
    enum hv_err err = load_base(vcpu, which, root, budget);

    if (err != HV_OK)
        return err;
    set_base(which, mfn_is_none(root) ? 0 : mfn_to_pa(root).raw | p->walk, root);
    ptwr_flush(p, budget);
    return HV_OK;
}

bool direct_root(const struct ptwr *p, uint64_t ttbr, mfn_t *root)
{
    uint64_t base = ttbr & TTBR_BADDR;

    if ((base & p->walk) == 0 || (base & (PAGE_SIZE - 1)) != 0 || base >= 2 * p->walk)
        return false;
    *root = pa_to_mfn(pa_of(base & ~p->walk));
    return true;
}

/*
 * The same base with another ASID goes straight through. Base 0 in TTBR0_EL1 is none. An address
 * without WALK would let walks go past every detach.
 */
static bool write_ttbr(struct vcpu *vcpu, unsigned int which, uint64_t value)
{
    static const char *const name[] = {"TTBR0_EL1", "TTBR1_EL1"};
    struct ptwr *p = &vcpu->domain->paging.ptwr;
    uint64_t base = value & TTBR_BADDR;
    uint64_t old = regime_read(which == 1 ? REGIME_TTBR1 : REGIME_TTBR0);
    unsigned int budget = PTWR_BUDGET;
    uint64_t refused = p->count.refused;
    mfn_t root = MFN_NONE;
    enum hv_err err;

    value &= ~TTBR_CNP; /* FEAT_TTCNP is hidden: RES0 */
    if (base != 0 || which == 1) {
        if (!direct_root(p, value, &root))
            return refuse(vcpu, name[which], PTWR_RULE_WINDOW, old, value);
    }
    if (mfn_eq(root, p->base[vcpu->id][which])) {
        set_base(which, value, root);
        return true;
    }
    err = load_base(vcpu, which, root, &budget);
    if (err == HV_OK) {
        set_base(which, value, root);
        if (p->blocks)
            ptwr_flush(p, &budget);
        return true;
    }
    if (err == HV_EAGAIN || vcpu->domain->state != DOMAIN_RUNNING)
        return false;
    if (p->count.refused == refused)
        return refuse(vcpu, name[which], err == HV_EPERM ? PTWR_RULE_OWNER : PTWR_RULE_TYPE, old,
                      value);
    refusal_report_entry(vcpu, &(struct refusal_place){.pc = vcpu->regs.elr});
    inject_undef(vcpu);
    return false;
}

static bool write_tcr(struct vcpu *vcpu, uint64_t value)
{
    struct domain *d = vcpu->domain;
    uint64_t start = tcr_at_start(d);
    uint64_t old = regime_read(REGIME_TCR);

    if (((value ^ start) & (TCR_TG0 | TCR_TG1)) != 0) {
        domain_stop(d, "TCR_EL1 %#lx asks for a granule other than 4 KiB, pc %#lx", value,
                    vcpu->regs.elr);
        return false;
    }
    if (((value ^ start) & ~(TCR_FREE | TCR_IGNORED)) != 0)
        return refuse(vcpu, "TCR_EL1", PTWR_RULE_REGIME, old, value);
    value &= ~TCR_IGNORED;
    if (mfn_is_none(d->paging.ptwr.base[vcpu->id][0]))
        value |= TCR_EPD0;
    regime_write(REGIME_TCR, value);
    return true;
}

static bool write_sctlr(struct vcpu *vcpu, uint64_t value)
{
    uint64_t old = regime_read(REGIME_SCTLR);

    if ((value & SCTLR_FIXED) != (SCTLR_EL1_M | SCTLR_EL1_C))
        return refuse(vcpu, "SCTLR_EL1", PTWR_RULE_REGIME, old, value);
    regime_write(REGIME_SCTLR, value);
    return true;
}

static bool write_mair(struct vcpu *vcpu, uint64_t value)
{
    uint64_t old = regime_read(REGIME_MAIR);

    if (!paging_mair_is_defined(value) ||
        paging_normal_attrs(value) != vcpu->domain->paging.ptwr.normal_attrs)
        return refuse(vcpu, "MAIR_EL1", PTWR_RULE_REGIME, old, value);
    regime_write(REGIME_MAIR, value);
    return true;
}

/* What changes a walk's meaning finds no table open, as a change of the base does. */
static bool synced(struct vcpu *vcpu)
{
    unsigned int budget = PTWR_BUDGET;

    return paging_sync(vcpu, PTWR_T_REGIME, &budget) == HV_OK;
}

bool direct_regime_write(struct vcpu *vcpu, enum regime_reg reg, uint64_t value)
{
    struct domain *d = vcpu->domain;
    bool done = false;

    spin_lock(&d->lock);
    switch (reg) {
    case REGIME_TTBR0:
        done = write_ttbr(vcpu, 0, value);
        break;
    case REGIME_TTBR1:
        done = write_ttbr(vcpu, 1, value);
        break;
    case REGIME_TCR:
        done = synced(vcpu) && write_tcr(vcpu, value);
        break;
    case REGIME_SCTLR:
        done = synced(vcpu) && write_sctlr(vcpu, value);
        break;
    case REGIME_MAIR:
        done = synced(vcpu) && write_mair(vcpu, value);
        break;
    case REGIME_REGS:
    default:
        break;
    }
    spin_unlock(&d->lock);
    return done;
}
