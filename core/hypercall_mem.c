/* SPDX-License-Identifier: Apache-2.0 */
/* memory_op: frames that a direct domain gives back and takes again, and where its m2p lies. */
#include "core/balloon.h"
#include "core/domain.h"
#include "core/guest_mem.h"
#include "core/hypercall_calls.h"
#include "core/mem.h"

/* The command's upper bits: how many extents earlier tries have done, as in Xen. */
#define COMMAND_BITS 4
#define COMMAND_MASK ((UINT64_C(1) << COMMAND_BITS) - 1)

/* What one frame counts for in a trap's budget: flushed or zeroed, and its m2p entry. */
#define FRAME_COST 16

/* .. and one entry of a list that is written. */
#define ENTRY_COST 4

/*
 * One more frame. increase_reservation: as the pseudo-physical frame that it was at the start;
 * populate_physmap: as the one that the slot asks for. The guest is told first: from then on
 * nothing can fail.
 */
static enum hv_err give_frame(struct vcpu *vcpu, uint64_t command, va_t slot, unsigned int *budget)
{
    struct domain *d = vcpu->domain;
    uint64_t number = balloon_next(d).raw;
    uint64_t pfn;
    enum hv_err err = HV_OK;

    if (mfn_is_none(balloon_next(d)))
        return HV_ENOMEM;
    if (command == XENMEM_populate_physmap)
        err = guest_read(vcpu, slot, &pfn, sizeof(pfn), budget);
    else
        pfn = balloon_home(d, balloon_next(d));
    if (err == HV_OK && pfn >= direct_nr_pfns(&d->direct.map))
        err = HV_EINVAL;
    if (err == HV_OK)
        err = guest_write(vcpu, slot, &number, sizeof(number), budget);
    if (err == HV_OK)
        balloon_give(d, pfn);
    return err;
}

static enum hv_err take_frame(struct vcpu *vcpu, va_t slot, unsigned int *budget)
{
    struct domain *d = vcpu->domain;
    uint64_t number;
    enum hv_err err = guest_read(vcpu, slot, &number, sizeof(number), budget);

    if (err != HV_OK)
        return err;
    if (number >= d->paging.ptwr.walk >> PAGE_SHIFT)
        return HV_EPERM;
    return balloon_take(d, mfn_of(number), budget);
}

static enum hv_err decode_reservation(struct vcpu *vcpu, uint64_t start,
                                      struct xen_memory_reservation *r, unsigned int *budget)
{
    enum hv_err err = guest_read(vcpu, va_of(vcpu->regs.x[1]), r, sizeof(*r), budget);

    if (err != HV_OK)
        return err;
    if (r->extent_order != 0 || (r->extent_start & 7) != 0 || start > r->nr_extents ||
        r->nr_extents > UINT32_MAX ||
        r->extent_start + r->nr_extents * sizeof(uint64_t) < r->extent_start)
        return HV_EINVAL;
    return hypercall_domid(r->domid);
}

/* As Xen: the first frame that cannot be had or given ends it; the result is how many were. */
static int64_t reservation(struct vcpu *vcpu, uint64_t command, uint64_t start)
{
    unsigned int budget = PTWR_BUDGET;
    struct xen_memory_reservation r;
    uint64_t i = start;
    enum hv_err err = paging_sync(vcpu, PTWR_T_MEMORY, &budget);

    if (err == HV_OK)
        err = decode_reservation(vcpu, start, &r, &budget);
    if (err != HV_OK)
        return hypercall_result(err);
    for (; i < r.nr_extents; i++) {
        va_t slot = va_of(r.extent_start + i * sizeof(uint64_t));

        if (budget == 0)
            err = HV_EAGAIN;
        else if (command == XENMEM_decrease_reservation)
            err = take_frame(vcpu, slot, &budget);
        else
            err = give_frame(vcpu, command, slot, &budget);
        if (err != HV_OK)
            break;
        hypercall_spend(&budget, FRAME_COST);
    }
    if (err != HV_EAGAIN)
        return (int64_t)i;
    vcpu->regs.x[0] = command | i << COMMAND_BITS;
    return HYPERCALL_AGAIN;
}

static int64_t m2p_list(struct vcpu *vcpu, uint64_t start)
{
    const struct direct_map *map = &vcpu->domain->direct.map;
    va_t pointer = va_of(vcpu->regs.x[1]);
    unsigned int budget = PTWR_BUDGET;
    struct xen_machphys_mfn_list list;
    enum hv_err err = guest_read(vcpu, pointer, &list, sizeof(list), &budget);

    while (err == HV_OK && start < map->m2p_regions && start < list.max_extents) {
        uint64_t number = direct_m2p_mfn(map, (uint32_t)start).raw;
        va_t to = va_of(list.extent_start + start * sizeof(number));

        err = budget == 0 ? HV_EAGAIN : guest_write(vcpu, to, &number, sizeof(number), &budget);
        if (err == HV_OK)
            start++;
        hypercall_spend(&budget, ENTRY_COST);
    }
    if (err == HV_OK) {
        list.nr_extents = (uint32_t)start;
        err = guest_write(vcpu,
                          va_of(pointer.raw + offsetof(struct xen_machphys_mfn_list, nr_extents)),
                          &list.nr_extents, sizeof(list.nr_extents), &budget);
    }
    if (err == HV_EAGAIN)
        vcpu->regs.x[0] = XENMEM_machphys_mfn_list | start << COMMAND_BITS;
    return hypercall_result(err);
}

/* A number that is said of the domain whose number the pointer names: only its own. */
static int64_t of_domain(struct vcpu *vcpu, int64_t number)
{
    unsigned int budget = PTWR_BUDGET;
    uint16_t domid;
    enum hv_err err;

    if (vcpu->regs.x[1] == 0)
        return number;
    err = guest_read(vcpu, va_of(vcpu->regs.x[1]), &domid, sizeof(domid), &budget);
    if (err == HV_OK)
        err = hypercall_domid(domid);
    return err == HV_OK ? number : hypercall_result(err);
}

static int64_t memory_op(struct vcpu *vcpu)
{
    const struct domain *d = vcpu->domain;
    uint64_t command = vcpu->regs.x[0] & COMMAND_MASK;
    uint64_t start = vcpu->regs.x[0] >> COMMAND_BITS;

    switch (command) {
    case XENMEM_increase_reservation:
    case XENMEM_decrease_reservation:
    case XENMEM_populate_physmap:
        return reservation(vcpu, command, start);
    case XENMEM_maximum_ram_page:
        return (int64_t)pa_to_mfn(mem_end()).raw;
    case XENMEM_current_reservation:
        return of_domain(vcpu, d->direct.nr_frames);
    case XENMEM_maximum_reservation:
        return of_domain(vcpu, direct_nr_pfns(&d->direct.map));
    case XENMEM_machphys_mfn_list:
        return m2p_list(vcpu, start);
    default:
        return HV_ENOSYS;
    }
}

int64_t hypercall_memory_op(struct vcpu *vcpu)
{
    struct domain *d = vcpu->domain;
    int64_t result;

    spin_lock(&d->lock);
    result = memory_op(vcpu);
    spin_unlock(&d->lock);
    return result;
}
