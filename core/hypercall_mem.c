/* SPDX-License-Identifier: Apache-2.0 */
/* memory_op: frames that a direct domain gives back and takes again, and where its m2p lies. */
#include <arch/barrier.h>

#include "core/domain.h"
#include "core/guest_mem.h"
#include "core/hypercall_calls.h"
#include "core/m2p.h"
#include "core/mem.h"
#include "ptwr/port.h"

/* The command's upper bits: how many extents earlier tries have done, as in Xen. */
#define COMMAND_BITS 4
#define COMMAND_MASK ((UINT64_C(1) << COMMAND_BITS) - 1)

/* What one frame counts for in a trap's budget: flushed or zeroed, and its m2p entry. */
#define FRAME_COST 16

/*
 * A frame comes back as the pseudo-physical frame that it was at the start. The guest is told
 * first: from then on nothing can fail.
 */
static enum hv_err give_frame(struct vcpu *vcpu, va_t slot, unsigned int *budget)
{
    struct direct *direct = &vcpu->domain->direct;
    mfn_t mfn = direct->spare;
    uint64_t number = mfn.raw;
    struct frame *frame;
    uint32_t pfn;
    enum hv_err err;

    if (mfn_is_none(mfn))
        return HV_ENOMEM;
    err = guest_write(vcpu, slot, &number, sizeof(number), budget);
    if (err != HV_OK)
        return err;
    frame = frame_get(direct->ptwr.frames, mfn);
    direct->spare = mfn_of(frame->parent);
    err = ptwr_frame_add(&direct->ptwr, mfn);
    if (err != HV_OK)
        return err;
    mem_zero(mfn_to_pa(mfn), PAGE_SIZE);
    ptwr_port_s2_store(&direct->port, PTWR_DATA, mfn, PTWR_RW);
    dsb_ishst();
    direct->nr_frames++;
    if (direct_pfn(&direct->map, mfn, &pfn))
        m2p_set(direct, mfn, pfn);
    return HV_OK;
}

static enum hv_err take_frame(struct vcpu *vcpu, va_t slot, unsigned int *budget)
{
    struct direct *direct = &vcpu->domain->direct;
    uint64_t number;
    mfn_t mfn;
    enum hv_err err = guest_read(vcpu, slot, &number, sizeof(number), budget);

    if (err != HV_OK)
        return err;
    if (number >= direct->ptwr.walk >> PAGE_SHIFT)
        return HV_EPERM;
    mfn = mfn_of(number);
    err = ptwr_frame_remove(&direct->ptwr, mfn, budget);
    if (err != HV_OK)
        return err;
    m2p_set(direct, mfn, LATCH_M2P_NONE);
    frame_get(direct->ptwr.frames, mfn)->parent = direct->spare.raw;
    direct->spare = mfn;
    direct->nr_frames--;
    return HV_OK;
}

static enum hv_err decode_reservation(struct vcpu *vcpu, uint64_t start,
                                      struct xen_memory_reservation *r, unsigned int *budget)
{
    enum hv_err err = guest_read(vcpu, va_of(vcpu->regs.x[1]), r, sizeof(*r), budget);

    if (err != HV_OK)
        return err;
    if (r->domid != DOMID_SELF)
        return HV_ESRCH;
    if (r->extent_order != 0 || (r->extent_start & 7) != 0 || start > r->nr_extents ||
        r->nr_extents > UINT32_MAX)
        return HV_EINVAL;
    return HV_OK;
}

/* As Xen: the first frame that cannot be had or given ends it; the result is how many were. */
static int64_t reservation(struct vcpu *vcpu, uint64_t command, uint64_t start)
{
    unsigned int budget = PTWR_BUDGET;
    struct xen_memory_reservation r;
    uint64_t i = start;
    enum hv_err err = direct_sync(vcpu, PTWR_T_MEMORY, &budget);

    if (err == HV_OK)
        err = decode_reservation(vcpu, start, &r, &budget);
    if (err != HV_OK)
        return hypercall_result(err);
    for (; i < r.nr_extents; i++) {
        va_t slot = va_of(r.extent_start + i * sizeof(uint64_t));

        if (budget == 0)
            err = HV_EAGAIN;
        else if (command == XENMEM_increase_reservation)
            err = give_frame(vcpu, slot, &budget);
        else
            err = take_frame(vcpu, slot, &budget);
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
        hypercall_spend(&budget, 1);
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

static int64_t memory_op(struct vcpu *vcpu)
{
    const struct direct *direct = &vcpu->domain->direct;
    uint64_t command = vcpu->regs.x[0] & COMMAND_MASK;
    uint64_t start = vcpu->regs.x[0] >> COMMAND_BITS;

    switch (command) {
    case XENMEM_increase_reservation:
    case XENMEM_decrease_reservation:
        return reservation(vcpu, command, start);
    case XENMEM_maximum_ram_page:
        return (int64_t)pa_to_mfn(mem_end()).raw;
    case XENMEM_current_reservation:
        return direct->nr_frames;
    case XENMEM_maximum_reservation:
        return direct_nr_pfns(&direct->map);
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
