/* SPDX-License-Identifier: Apache-2.0 */
/* How further vCPUs of a direct domain come and go. */
#include "core/direct_vcpu.h"

#include "core/direct.h"
#include "core/direct_regime.h"
#include "core/domain.h"
#include "core/refusal.h"
#include "core/vcpu.h"

static enum hv_err load(struct vcpu *caller, struct vcpu *target, unsigned int which, mfn_t root,
                        unsigned int *budget)
{
    struct ptwr *p = &caller->domain->paging.ptwr;
    uint64_t refused = p->count.refused;
    enum hv_err err = ptwr_load_base(p, target->id, which, root, budget);

    if (p->count.refused != refused)
        refusal_report_entry(caller, &(struct refusal_place){.pc = caller->regs.elr});
    return err;
}

enum hv_err direct_set_regime(struct vcpu *caller, struct vcpu *target, uint64_t ttbr0,
                              uint64_t ttbr1)
{
    struct ptwr *p = &caller->domain->paging.ptwr;
    struct arch_vcpu *a = &target->arch;
    unsigned int budget = PTWR_BUDGET;
    mfn_t root[2] = {MFN_NONE, MFN_NONE};
    enum hv_err err;

    ttbr0 &= ~TTBR_CNP;
    ttbr1 &= ~TTBR_CNP;
    /* A violation in an open table may stop the domain; after that no error of the engine does. */
    err = paging_sync(caller, PTWR_T_LIFE, &budget);
    if (err != HV_OK)
        return err;
    if (!direct_root(p, ttbr1, &root[1]) ||
        ((ttbr0 & TTBR_BADDR) != 0 && !direct_root(p, ttbr0, &root[0])))
        err = HV_EINVAL;
    if (err == HV_OK)
        err = load(caller, target, 1, root[1], &budget);
    if (err == HV_OK)
        err = load(caller, target, 0, root[0], &budget);
    if (err != HV_OK && err != HV_EAGAIN)
        ptwr_unload(p, target->id); /* it does not start: it holds nothing, of before either */
    if (err != HV_OK)
        return err;
    /* As at any change of a base: what the CPU may still have of an earlier life is gone. */
    if (p->blocks)
        ptwr_flush(p, &budget);
    a->sctlr = regime_read(REGIME_SCTLR);
    a->mair = regime_read(REGIME_MAIR);
    a->tcr = regime_read(REGIME_TCR) & ~TCR_EPD0;
    if (mfn_is_none(root[0]))
        a->tcr |= TCR_EPD0;
    a->ttbr0 = ttbr0;
    a->ttbr1 = ttbr1;
    return HV_OK;
}

enum hv_err direct_start_vcpu(struct vcpu *caller, struct vcpu *target)
{
    return direct_set_regime(caller, target, regime_read(REGIME_TTBR0), regime_read(REGIME_TTBR1));
}

enum hv_err direct_leave_vcpu(struct vcpu *vcpu)
{
    unsigned int budget = PTWR_BUDGET;
    enum hv_err err = paging_sync(vcpu, PTWR_T_LIFE, &budget);

    if (err != HV_OK)
        return err;
    regime_no_walks();
    ptwr_unload(&vcpu->domain->paging.ptwr, vcpu->id);
    return HV_OK;
}
