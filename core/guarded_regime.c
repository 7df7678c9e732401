/* SPDX-License-Identifier: Apache-2.0 */
/*
 * While a vCPU's MMU is off its registers are its own affair. When it turns the MMU on, the tables
 * that TTBR1_EL1 names are validated first; those of TTBR0_EL1 at the first walk, which faults
 * since the register holds the root's address in the walk window.
 */
#include "core/guarded_regime.h"

#include <arch/barrier.h>

#include "core/domain.h"
#include "core/paging.h"
#include "core/refusal.h"
#include "core/vcpu.h"

/* What may differ from how tables are walked: all else of TCR_EL1 is fixed or checked. */
#define TCR_FREE                                                                                   \
    (TCR_EPD0 | TCR_A1 | TCR_EPD1 | TCR_AS | TCR_TBI0 | TCR_TBI1 | TCR_TBID0 | TCR_TBID1 |         \
     TCR_NFD0 | TCR_NFD1 | TCR_E0PD0 | TCR_E0PD1)
#define TCR_SIZES (TCR_T0SZ | TCR_T1SZ)
#define TCR_HALF0 (TCR_TG0 | TCR_IRGN0 | TCR_ORGN0 | TCR_SH0)
#define TCR_HALF1 (TCR_TG1 | TCR_IRGN1 | TCR_ORGN1 | TCR_SH1)

#define MIN_TXSZ 16
#define MAX_TXSZ 39

static bool is_on(const struct vcpu *vcpu)
{
    return vcpu->domain->paging.ptwr.va_bits[vcpu->id][0] != 0;
}

static bool refuse(struct vcpu *vcpu, const char *name, uint64_t old, uint64_t value)
{
    refusal_report_register(vcpu, name, PTWR_RULE_REGIME, old, value);
    inject_undef(vcpu);
    return false;
}

#define SCTLR_SEALED (SCTLR_EL1_M | SCTLR_EL1_C | SCTLR_EL1_I | SCTLR_EL1_WXN)
#define TCR_SEALED   (TCR_A1 | TCR_T1SZ | TCR_HALF0 | TCR_HALF1)

/*
 * Rule R6: after the seal a register keeps what it was then, but for the bits that are free.
 * Audited, it is only said. False: refused.
 */
static bool keeps(struct vcpu *vcpu, const char *name, uint64_t sealed, uint64_t value,
                  uint64_t bits)
{
    const struct ptwr_seal *seal = &vcpu->domain->paging.ptwr.seal;

    if (seal->state != SEAL_DONE || ((sealed ^ value) & bits) == 0)
        return true;
    if (!seal->audit)
        return refuse(vcpu, name, sealed, value);
    refusal_audit_register(vcpu, name, PTWR_RULE_REGIME, sealed, value);
    return true;
}

static unsigned int va_bits(uint64_t tcr, unsigned int which)
{
    unsigned int size =
        (unsigned int)(tcr >> (which == 0 ? TCR_T0SZ_SHIFT : TCR_T1SZ_SHIFT)) & 0x3f;

    /* What is out of range behaves as the limit (Arm ARM D8.2.5, without FEAT_TTST, LVA). */
    if (size < MIN_TXSZ)
        size = MIN_TXSZ;
    return 64 - (size > MAX_TXSZ ? MAX_TXSZ : size);
}

/* --- Bases ------------------------------------------------------------------------------------ */

/* The frame that a TTBRn_EL1 names; MFN_NONE: none of the domain's. */
static mfn_t root_of(const struct domain *d, uint64_t ttbr)
{
    uint64_t base = ttbr & TTBR_BADDR & ~d->paging.ptwr.walk;

    return base - d->ram_base < d->ram_size ? pa_to_mfn(pa_of(base)) : MFN_NONE;
}

/* A root of less than a page shares it with what is no table. */
static bool starts_page(struct vcpu *vcpu, const char *name, uint64_t ttbr)
{
    if ((ttbr & TTBR_BADDR & (PAGE_SIZE - 1)) == 0)
        return true;
    domain_stop(vcpu->domain, "%s %#lx names a table that does not start a page, pc %#lx", name,
                ttbr, vcpu->regs.elr);
    return false;
}

/*
 * What walks start from when no frame is named: a page of the walk window that is never mapped. The
 * guest's RAM does not start at 0.
 */
static uint64_t walked_ttbr(const struct domain *d, uint64_t ttbr, mfn_t root)
{
    uint64_t base = mfn_is_none(root) ? 0 : mfn_to_pa(root).raw;

    return (ttbr & ~(TTBR_BADDR | TTBR_CNP)) | base | d->paging.ptwr.walk;
}

/*
 * The engine's answer to a new base is written. Where it asks for a flush, what was walked by the
 * old one is gone before walks start at the new.
 */
static void write_user_base(struct vcpu *vcpu, uint64_t ttbr, mfn_t root)
{
    const struct domain *d = vcpu->domain;
    struct ptwr *p = &vcpu->domain->paging.ptwr;

    if (p->flush_due) {
        regime_write(REGIME_TTBR0, walked_ttbr(d, ttbr, MFN_NONE));
        isb();
        ptwr_base_written(p);
    }
    regime_write(REGIME_TTBR0, walked_ttbr(d, ttbr, root));
}

static bool write_ttbr0(struct vcpu *vcpu, uint64_t value)
{
    struct domain *d = vcpu->domain;
    struct ptwr *p = &d->paging.ptwr;
    mfn_t root;

    if (!is_on(vcpu)) {
        regime_write(REGIME_TTBR0, value);
        return true;
    }
    if (!starts_page(vcpu, "TTBR0_EL1", value))
        return false;
    root = root_of(d, value);
    root = ptwr_set_user_base(p, vcpu->id, root, va_bits(regime_read(REGIME_TCR), 0));
    write_user_base(vcpu, value, root);
    return true;
}

/* The engine's answer to a new TTBR1_EL1: HV_OK, or the register is not to be written now. */
static enum hv_err set_kernel_base(struct vcpu *vcpu, uint64_t tcr, uint64_t ttbr)
{
    struct domain *d = vcpu->domain;
    struct ptwr *p = &d->paging.ptwr;
    unsigned int budget = PTWR_BUDGET;
    uint64_t refused = p->count.refused;
    mfn_t root = root_of(d, ttbr);
    enum hv_err err;

    if ((ttbr & p->walk) != 0)
        return HV_EINVAL;
    if (!starts_page(vcpu, "TTBR1_EL1", ttbr))
        return HV_EPERM;
    if ((tcr & TCR_EPD1) == 0 && mfn_is_none(root))
        return HV_EINVAL;
    err = ptwr_set_kernel_base(p, vcpu->id, root, va_bits(tcr, 1), &budget);
    refusal_report_new(vcpu, p, &(struct refusal_place){.pc = vcpu->regs.elr}, refused);
    if (err == HV_EPERM)
        paging_crash(vcpu);
    return err;
}

/* As write_user_base(): there is no address at which walks by TTBR1_EL1 find nothing. */
static void write_kernel_base(struct vcpu *vcpu, uint64_t ttbr)
{
    struct ptwr *p = &vcpu->domain->paging.ptwr;
    uint64_t tcr = regime_read(REGIME_TCR);

    if (!p->flush_due) {
        regime_write(REGIME_TTBR1, ttbr);
        return;
    }
    regime_no_walks();
    regime_write(REGIME_TTBR1, ttbr);
    ptwr_base_written(p);
    regime_write(REGIME_TCR, tcr);
}

static bool write_ttbr1(struct vcpu *vcpu, uint64_t value)
{
    enum hv_err err = HV_OK;

    if (is_on(vcpu))
        err = set_kernel_base(vcpu, regime_read(REGIME_TCR), value);
    if (err == HV_OK)
        write_kernel_base(vcpu, value & ~TTBR_CNP);
    if (err == HV_EINVAL)
        return refuse(vcpu, "TTBR1_EL1", regime_read(REGIME_TTBR1), value);
    return err == HV_OK;
}

/* --- How they are walked ---------------------------------------------------------------------- */

/* Fields that are RES0 or hidden are 0; output addresses are as long as stage 2's inputs. */
static uint64_t clean_tcr(const struct domain *d, uint64_t value)
{
    static const uint8_t bits[] = {32, 36, 40, 42};
    uint64_t size = 0;

    while (size < ARRAY_SIZE(bits) - 1 && bits[size] < d->s2.ipa_bits)
        size++;
    return (value & (TCR_FREE | TCR_SIZES | TCR_HALF0 | TCR_HALF1)) | size << TCR_IPS_SHIFT;
}

/* Both bits of write-back are coded with the lower one set. EL2 stores through the cache. */
static bool is_write_back(uint64_t tcr, uint64_t inner, uint64_t outer)
{
    return (tcr & inner & inner >> 1) != 0 && (tcr & outer & outer >> 1) != 0;
}

/* A message, or NULL: tables can be validated that are walked like this. */
static const char *tcr_fault(uint64_t tcr)
{
    if ((tcr & TCR_EPD0) == 0 && (tcr & TCR_TG0) != 0)
        return "a granule other than 4 KiB in TTBR0_EL1";
    if ((tcr & TCR_EPD1) == 0 && (tcr & TCR_TG1) != TCR_TG1_4K)
        return "a granule other than 4 KiB in TTBR1_EL1";
    if (((tcr & TCR_EPD0) == 0 && !is_write_back(tcr, TCR_IRGN0, TCR_ORGN0)) ||
        ((tcr & TCR_EPD1) == 0 && !is_write_back(tcr, TCR_IRGN1, TCR_ORGN1)))
        return "walks that are not write-back";
    return NULL;
}

static bool can_walk(struct vcpu *vcpu, uint64_t tcr)
{
    const char *fault = tcr_fault(tcr);

    if (fault == NULL)
        return true;
    domain_stop(vcpu->domain, "TCR_EL1 %#lx asks for %s, pc %#lx", tcr, fault, vcpu->regs.elr);
    return false;
}

/* A root is not for two sizes: while TCR_EL1 changes, walks by TTBR0_EL1 start nowhere. */
static void set_tcr(struct vcpu *vcpu, uint64_t value)
{
    struct domain *d = vcpu->domain;
    struct ptwr *p = &d->paging.ptwr;
    uint64_t ttbr0 = regime_read(REGIME_TTBR0);
    mfn_t root = ptwr_set_user_base(p, vcpu->id, p->base[vcpu->id][0], va_bits(value, 0));

    regime_write(REGIME_TTBR0, walked_ttbr(d, ttbr0, MFN_NONE));
    regime_write(REGIME_TCR, value);
    write_user_base(vcpu, ttbr0, root);
}

/* Every change finds no table open; what TTBR1_EL1's walks mean stays as it is. */
static bool write_tcr(struct vcpu *vcpu, uint64_t value)
{
    uint64_t old = regime_read(REGIME_TCR);

    value = clean_tcr(vcpu->domain, value);
    if (is_on(vcpu)) {
        if (((value ^ old) & (TCR_T1SZ | TCR_HALF1)) != 0 || ((old & ~value) & TCR_EPD1) != 0)
            return refuse(vcpu, "TCR_EL1", old, value);
        if (!can_walk(vcpu, value) ||
            !keeps(vcpu, "TCR_EL1", vcpu->domain->guarded.tcr, value, TCR_SEALED))
            return false;
        set_tcr(vcpu, value);
    } else {
        regime_write(REGIME_TCR, value);
    }
    return true;
}

static bool write_mair(struct vcpu *vcpu, uint64_t value)
{
    uint8_t normal = vcpu->domain->paging.ptwr.normal_attrs;

    if (is_on(vcpu) && (!paging_mair_is_defined(value) || paging_normal_attrs(value) != normal))
        return refuse(vcpu, "MAIR_EL1", regime_read(REGIME_MAIR), value);
    if (is_on(vcpu) && !keeps(vcpu, "MAIR_EL1", vcpu->domain->guarded.mair, value, ~UINT64_C(0)))
        return false;
    regime_write(REGIME_MAIR, value);
    return true;
}

/* Which attributes are Normal is the same on all vCPUs, for tables are judged by it. */
static bool take_mair(struct vcpu *vcpu)
{
    struct ptwr *p = &vcpu->domain->paging.ptwr;
    uint64_t mair = regime_read(REGIME_MAIR);
    uint8_t normal = paging_normal_attrs(mair);

    if (!paging_mair_is_defined(mair) || (normal != p->normal_attrs && !mfn_is_none(p->kept)))
        return refuse(vcpu, "MAIR_EL1 with the MMU on", 0, mair);
    ptwr_set_normal_attrs(p, normal);
    return true;
}

/* --- The MMU on and off ----------------------------------------------------------------------- */

static bool turn_on(struct vcpu *vcpu, uint64_t sctlr)
{
    struct domain *d = vcpu->domain;
    uint64_t tcr = regime_read(REGIME_TCR);
    uint64_t ttbr0 = regime_read(REGIME_TTBR0);
    enum hv_err err;
    mfn_t root;

    if ((sctlr & SCTLR_EL1_C) == 0)
        return refuse(vcpu, "SCTLR_EL1", regime_read(REGIME_SCTLR), sctlr);
    tcr = clean_tcr(d, tcr);
    if (!keeps(vcpu, "SCTLR_EL1", d->guarded.sctlr, sctlr, SCTLR_SEALED) ||
        !keeps(vcpu, "TCR_EL1", d->guarded.tcr, tcr, TCR_SEALED) ||
        !keeps(vcpu, "MAIR_EL1", d->guarded.mair, regime_read(REGIME_MAIR), ~UINT64_C(0)))
        return false;
    if (!can_walk(vcpu, tcr) || !take_mair(vcpu) || !starts_page(vcpu, "TTBR0_EL1", ttbr0))
        return false;
    err = set_kernel_base(vcpu, tcr, regime_read(REGIME_TTBR1));
    if (err == HV_EINVAL)
        return refuse(vcpu, "TTBR1_EL1", 0, regime_read(REGIME_TTBR1));
    if (err != HV_OK)
        return false;
    root = root_of(d, ttbr0);
    root = ptwr_set_user_base(&d->paging.ptwr, vcpu->id, root, va_bits(tcr, 0));
    regime_write(REGIME_TCR, tcr);
    regime_write(REGIME_TTBR1, regime_read(REGIME_TTBR1) & ~TTBR_CNP);
    regime_write(REGIME_TTBR0, walked_ttbr(d, ttbr0, root));
    ptwr_base_written(&d->paging.ptwr); /* no walk has started yet */
    regime_write(REGIME_SCTLR, sctlr);
    return true;
}

/* The registers keep what the guest wrote, and nothing is a table on this vCPU's account. */
static void turn_off(struct vcpu *vcpu, uint64_t sctlr)
{
    struct ptwr *p = &vcpu->domain->paging.ptwr;

    regime_write(REGIME_SCTLR, sctlr);
    regime_write(REGIME_TTBR0, regime_read(REGIME_TTBR0) & ~p->walk);
    ptwr_stage1_off(p, vcpu->id);
}

static bool write_sctlr(struct vcpu *vcpu, uint64_t value)
{
    uint64_t old = regime_read(REGIME_SCTLR);
    bool on = (value & SCTLR_EL1_M) != 0;

    /* Walks in the other byte order read what nobody judged. */
    if ((value & SCTLR_EL1_EE) != 0)
        return refuse(vcpu, "SCTLR_EL1", old, value);
    if (on && !is_on(vcpu))
        return turn_on(vcpu, value);
    if (on && (value & SCTLR_EL1_C) == 0)
        return refuse(vcpu, "SCTLR_EL1", old, value);
    if (is_on(vcpu) && !keeps(vcpu, "SCTLR_EL1", vcpu->domain->guarded.sctlr, value, SCTLR_SEALED))
        return false;
    if (!on && is_on(vcpu))
        turn_off(vcpu, value);
    else
        regime_write(REGIME_SCTLR, value);
    return true;
}

static bool synced(struct vcpu *vcpu)
{
    unsigned int budget = PTWR_BUDGET;

    return paging_sync(vcpu, PTWR_T_REGIME, &budget) == HV_OK;
}

/* Which bits the walks of TTBR0_EL1 translate stays as it is: that is TCR_EL1's to say. */
static bool quick_ttbr0(struct vcpu *vcpu, uint64_t value)
{
    struct domain *d = vcpu->domain;
    mfn_t root = root_of(d, value);
    bool done;

    if ((value & TTBR_BADDR & (PAGE_SIZE - 1)) != 0)
        return false;
    spin_lock(&d->lock);
    done = ptwr_switch_user_base(&d->paging.ptwr, vcpu->id, root);
    if (done)
        regime_write(REGIME_TTBR0, walked_ttbr(d, value, root));
    spin_unlock(&d->lock);
    return done;
}

bool guarded_regime_quick(struct vcpu *vcpu, enum regime_reg reg, uint64_t value)
{
    if (!is_on(vcpu))
        return false;
    if (reg == REGIME_TTBR0)
        return quick_ttbr0(vcpu, value);
    if (reg != REGIME_TTBR1 || ((value ^ regime_read(REGIME_TTBR1)) & TTBR_BADDR) != 0)
        return false;
    regime_write(REGIME_TTBR1, value & ~TTBR_CNP);
    return true;
}

bool guarded_regime_write(struct vcpu *vcpu, enum regime_reg reg, uint64_t value)
{
    struct domain *d = vcpu->domain;
    uint64_t audited;
    bool done = false;

    spin_lock(&d->lock);
    audited = d->paging.ptwr.count.audited;
    switch (reg) {
    case REGIME_TTBR0:
        done = write_ttbr0(vcpu, value);
        break;
    case REGIME_TTBR1:
        done = write_ttbr1(vcpu, value);
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
    guarded_answered(vcpu, &(struct refusal_place){.pc = vcpu->regs.elr}, audited);
    spin_unlock(&d->lock);
    return done;
}
