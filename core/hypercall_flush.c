/* SPDX-License-Identifier: Apache-2.0 */
/* What calls about page tables have in common: whose they are, and what is invalidated. */
#include <arch/regime.h>

#include "core/domain.h"
#include "core/guest_mem.h"
#include "core/hypercall_calls.h"

/* What a flush of everything counts for in a trap's budget. */
#define FLUSH_COST 16

enum hv_err hypercall_domid(uint64_t domid)
{
    if (domid == DOMID_SELF)
        return HV_OK;
    return domid < domain_count() ? HV_EPERM : HV_ESRCH;
}

enum hv_err hypercall_vcpu_mask(struct vcpu *vcpu, uint64_t pointer, uint64_t *mask,
                                unsigned int *budget)
{
    enum hv_err err;

    if ((pointer & (sizeof(*mask) - 1)) != 0)
        return HV_EINVAL;
    err = guest_read(vcpu, va_of(pointer), mask, sizeof(*mask), budget);
    if (err == HV_OK)
        *mask &= BIT64(vcpu->domain->nr_vcpus) - 1;
    return err;
}

void hypercall_flush(struct vcpu *vcpu, unsigned int *budget)
{
    ptwr_flush(&vcpu->domain->paging.ptwr, budget);
    hypercall_spend(budget, FLUSH_COST);
}

void hypercall_flush_va(struct vcpu *vcpu, va_t va)
{
    regime_flush_va(va);
    vcpu->domain->paging.ptwr.count.tlbi_va++;
}
