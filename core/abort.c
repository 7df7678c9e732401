/* SPDX-License-Identifier: Apache-2.0 */
#include "core/abort.h"

#include <arch/cache.h>
#include <arch/regime.h>
#include <arch/vcpu.h>

#include "core/abort_class.h"
#include "core/domain.h"
#include "core/guest_mem.h"
#include "core/refusal.h"
#include "core/store_fault.h"
#include "core/vcpu.h"
#include "ptwr/validate.h"

/* The guest meets what is wrong in a way that it can see; the console says what it was. */
static void refuse_access(struct vcpu *vcpu, const struct trap *trap, const char *what)
{
    refusal_report_access(vcpu, what, trap->far, trap->ipa);
    trap_inject_external(vcpu, trap);
}

static void walk_fault(struct vcpu *vcpu, const struct trap *trap)
{
    struct ptwr *p = &vcpu->domain->paging.ptwr;
    mfn_t table = pa_to_mfn(pa_of(trap->ipa.raw & ~p->walk));
    const struct refusal_place place = {.pc = vcpu->regs.elr, .has_va = true, .va = trap->far};
    unsigned int budget = PTWR_BUDGET;
    uint64_t refused = p->count.refused;
    enum hv_err err = ptwr_walk_fault(p, vcpu->id, table, &budget);

    refusal_report_new(vcpu, p, &place, refused);
    if (err == HV_EPERM)
        paging_crash(vcpu);
    else if (err != HV_OK && err != HV_EAGAIN)
        refuse_access(vcpu, trap, "a walk met a frame that is no page table of its domain");
}

/*
 * DC IVAC wants write permission and does not store; the line is made clean and gone by EL2's own
 * mapping, which is all that the guest can ask for.
 */
static void maintain_cache(struct vcpu *vcpu, const struct trap *trap)
{
    const struct ptwr *p = &vcpu->domain->paging.ptwr;
    const struct frame *frame;
    struct ptwr_walk walk;
    unsigned int budget = PTWR_BUDGET;
    enum hv_err err = guest_translate(vcpu, trap->far, &walk, &budget);
    mfn_t mfn;

    if (err == HV_EFAULT) /* the CPU's translation is older than the tables */
        regime_flush_va(trap->far);
    if (err != HV_OK)
        return;
    mfn = pa_to_mfn(pa_of(walk.oa));
    frame = frame_get(p->frames, mfn);
    if (frame == NULL ? validate_is_frameless(p, walk.oa, 1) : frame->owner == p->owner)
        cache_flush_range(paging_page(&vcpu->domain->paging, mfn) + page_offset(walk.oa), 1);
    trap_advance(vcpu);
}

/*
 * A guarded guest's page is out of stage 2 only while EL2 changes an entry in it, under the lock:
 * it is back by now. false: the address is none of the domain's memory.
 */
static bool is_back(const struct vcpu *vcpu, const struct trap *trap)
{
    const struct ptwr *p = &vcpu->domain->paging.ptwr;

    return p->guarded && trap->ipa.raw < p->walk &&
           frame_get(p->frames, pa_to_mfn(pa_of(trap->ipa.raw))) != NULL;
}

static void unmapped(struct vcpu *vcpu, const struct trap *trap)
{
    if (vcpu->domain->kind == DOMAIN_DIRECT)
        refuse_access(vcpu, trap, "an access to where nothing is");
    else
        trap_inject_external(vcpu, trap); /* an unmodified guest may look for what is not there */
}

static void dispatch(struct vcpu *vcpu, const struct trap *trap)
{
    switch (abort_classify(trap, vcpu->domain->paging.ptwr.walk)) {
    case ABORT_WALK:
        walk_fault(vcpu, trap);
        break;
    case ABORT_WALK_UPDATE:
        refuse_access(vcpu, trap, "a walk wanted to update a descriptor");
        break;
    case ABORT_WALK_OTHER:
        if (is_back(vcpu, trap))
            break;
        refuse_access(vcpu, trap, "a walk left the walk window");
        break;
    case ABORT_WINDOW:
        refuse_access(vcpu, trap, "an access to the walk window");
        break;
    case ABORT_UNMAPPED:
        if (!is_back(vcpu, trap))
            unmapped(vcpu, trap);
        break;
    case ABORT_EXECUTE:
        inject_instruction_abort(vcpu, trap->far, FSC_PERMISSION | 3);
        break;
    case ABORT_MAINTENANCE:
        maintain_cache(vcpu, trap);
        break;
    case ABORT_STORE:
        store_fault(vcpu, trap);
        break;
    case ABORT_LOAD:
        regime_flush_va(trap->far);
        break;
    case ABORT_CONFLICT:
        domain_stop(vcpu->domain, "TLB conflict at %#lx, pc %#lx", trap->far.raw, vcpu->regs.elr);
        break;
    case ABORT_OTHER:
        refuse_access(vcpu, trap, "an abort that is nobody's");
        break;
    }
}

void abort_paged(struct vcpu *vcpu, const struct trap *trap)
{
    struct domain *d = vcpu->domain;

    uint64_t pc = vcpu->regs.elr;
    uint64_t audited;

    spin_lock(&d->lock);
    audited = d->paging.ptwr.count.audited;
    dispatch(vcpu, trap);
    if (d->kind == DOMAIN_GUARDED)
        guarded_answered(vcpu, &(struct refusal_place){pc, true, trap->far}, audited);
    spin_unlock(&d->lock);
}
