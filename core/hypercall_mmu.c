/* SPDX-License-Identifier: Apache-2.0 */
/* Page tables by request: mmu_update, mmuext_op, update_va_mapping. */
#include "core/direct_regime.h"
#include "core/domain.h"
#include "core/guest_mem.h"
#include "core/hypercall_calls.h"
#include "core/m2p.h"
#include "core/refusal.h"
#include "ptwr/port.h"

/* Bytes of requests that are copied in at once. */
#define COPY_SIZE 1024

/* What a request counts for in a trap's budget, beside what the engine spends. */
#define REQUEST_COST 2

#define KIND_MASK UINT64_C(3)

/* A list of requests on its way: (list, count, done, domid) in x0..x3. */
struct batch {
    struct vcpu *vcpu;
    va_t next;
    uint32_t left;
    uint32_t done;
    unsigned int budget;
};

typedef enum hv_err (*request_fn)(struct vcpu *vcpu, const void *request, unsigned int *budget);
/* Performs as many of `count` requests as are simple ones, from the first on. */
typedef unsigned int (*simple_fn)(struct vcpu *vcpu, const void *requests, unsigned int count);

static enum hv_err decode_batch(struct vcpu *vcpu, struct batch *b)
{
    const uint64_t *x = vcpu->regs.x;
    uint32_t count = (uint32_t)x[1];

    *b = (struct batch){
        .vcpu = vcpu,
        .next = va_of(x[0]),
        .left = count & ~HYPERCALL_CONTINUED,
        .done = (count & HYPERCALL_CONTINUED) != 0 ? (uint32_t)x[4] : 0,
        .budget = PTWR_BUDGET,
    };
    if ((uint32_t)x[3] != DOMID_SELF)
        return hypercall_domid((uint32_t)x[3]);
    return (x[0] & 7) == 0 ? HV_OK : HV_EINVAL;
}

/* Requests from here to the end of the page, one at least: a fault hits the request that it is. */
static uint32_t chunk(const struct batch *b, size_t size)
{
    size_t fit = (PAGE_SIZE - (b->next.raw & (PAGE_SIZE - 1))) / size;
    size_t most = COPY_SIZE / size;
    size_t n = fit == 0 ? 1 : fit < most ? fit : most;

    return (uint32_t)(n < b->left ? n : b->left);
}

/* What could not be told of is not begun. Later the place may be gone: then the guest took it. */
static enum hv_err check_done(struct batch *b)
{
    const uint64_t *x = b->vcpu->regs.x;

    if (x[2] == 0 || ((uint32_t)x[1] & HYPERCALL_CONTINUED) != 0)
        return HV_OK;
    return guest_can_write(b->vcpu, va_of(x[2]), sizeof(b->done), &b->budget);
}

/* Up to the first error. HV_EAGAIN: of the budget, or of the request that is next. */
static inline enum hv_err perform_batch(struct batch *b, size_t size, request_fn request,
                                        simple_fn simple)
{
    uint64_t copy[COPY_SIZE / sizeof(uint64_t)];
    enum hv_err err = paging_sync(b->vcpu, PTWR_T_HYPERCALL, &b->budget);

    if (err == HV_OK)
        err = check_done(b);
    while (err == HV_OK && b->left != 0) {
        uint32_t n = chunk(b, size);

        err = guest_read(b->vcpu, b->next, copy, n * size, &b->budget);
        for (uint32_t i = 0, did, cost; i < n && err == HV_OK; i += did) {
            const uint8_t *next = (const uint8_t *)copy + i * size;

            did = 0;
            if (b->budget == 0)
                err = HV_EAGAIN;
            else if (simple != NULL)
                did = simple(b->vcpu, next, n - i < b->budget ? n - i : b->budget);
            cost = did;
            if (err == HV_OK && did == 0) {
                err = request(b->vcpu, next, &b->budget);
                did = 1;
                cost = REQUEST_COST;
            }
            if (err != HV_OK)
                break;
            hypercall_spend(&b->budget, cost);
            b->done += did;
            b->left -= did;
            b->next.raw += did * size;
        }
    }
    return err;
}

/* Tell the guest how many, in memory or for its next try. */
static int64_t finish_batch(struct batch *b, enum hv_err err)
{
    uint64_t *x = b->vcpu->regs.x;

    if (err != HV_EAGAIN && x[2] != 0) {
        enum hv_err told = guest_write(b->vcpu, va_of(x[2]), &b->done, sizeof(b->done), &b->budget);

        if (told != HV_OK)
            err = told;
    }
    if (err != HV_EAGAIN)
        return err;
    x[0] = b->next.raw;
    x[1] = b->left | HYPERCALL_CONTINUED;
    x[4] = b->done;
    return HYPERCALL_AGAIN;
}

static inline int64_t run_batch(struct vcpu *vcpu, size_t size, request_fn request,
                                simple_fn simple)
{
    struct domain *d = vcpu->domain;
    struct batch b;
    enum hv_err err = decode_batch(vcpu, &b);
    int64_t result;

    if (err != HV_OK)
        return err;
    spin_lock(&d->lock);
    err = perform_batch(&b, size, request, simple);
    result = finish_batch(&b, err);
    spin_unlock(&d->lock);
    return result;
}

/* One entry; a refusal is reported. */
static enum hv_err store_entry(struct vcpu *vcpu, mfn_t table, unsigned int index, desc_t value,
                               unsigned int *budget)
{
    struct ptwr *p = &vcpu->domain->paging.ptwr;
    uint64_t refused = p->count.refused;
    enum hv_err err = ptwr_update(p, table, index, value, budget);

    if (p->count.refused != refused)
        refusal_report_entry(vcpu, &(struct refusal_place){.pc = vcpu->regs.elr - 4});
    return err;
}

/* The entry's access flag stays as it is, as far as there is one: plain memory has none. */
static desc_t preserve_af(const struct ptwr *p, mfn_t table, unsigned int index, desc_t value)
{
    const struct frame *frame = frame_get(p->frames, table);
    desc_t old;

    if (frame == NULL || frame->owner != p->owner || !frame_is_table(frame))
        return value;
    old = ptwr_port_load(p->port, table, index);
    return desc_is_valid(old) ? desc_of((value.raw & ~DESC_AF) | (old.raw & DESC_AF)) : value;
}

static enum hv_err update_request(struct vcpu *vcpu, const void *request, unsigned int *budget)
{
    struct domain *d = vcpu->domain;
    const struct ptwr *p = &d->paging.ptwr;
    const struct mmu_update *u = request;
    uint64_t kind = u->ptr & KIND_MASK;
    unsigned int index = (unsigned int)(u->ptr / sizeof(uint64_t)) % PTWR_ENTRIES;
    desc_t value = desc_of(u->val);
    mfn_t table = pa_to_mfn(pa_of(u->ptr));

    if (u->ptr >= p->walk || (u->ptr & (sizeof(uint64_t) - 1) & ~KIND_MASK) != 0)
        return HV_EINVAL;
    if (kind == MMU_MACHPHYS_UPDATE)
        return m2p_update(d, table, u->val);
    if (kind == MMU_PT_UPDATE_PRESERVE_AD)
        value = preserve_af(p, table, index, value);
    else if (kind != MMU_NORMAL_PT_UPDATE)
        return HV_ENOSYS;
    return store_entry(vcpu, table, index, value, budget);
}

static_assert(sizeof(struct ptwr_request) == sizeof(struct mmu_update) &&
                  offsetof(struct ptwr_request, ptr) == offsetof(struct mmu_update, ptr) &&
                  MMU_NORMAL_PT_UPDATE == 0,
              "a request of the engine is one of the guest's");

static unsigned int update_simple(struct vcpu *vcpu, const void *requests, unsigned int count)
{
    return ptwr_update_pages(&vcpu->domain->paging.ptwr, requests, count);
}

int64_t hypercall_mmu_update(struct vcpu *vcpu)
{
    return run_batch(vcpu, sizeof(struct mmu_update), update_request, update_simple);
}

static enum hv_err pin(struct vcpu *vcpu, const struct mmuext_op *op, mfn_t mfn,
                       unsigned int *budget)
{
    struct ptwr *p = &vcpu->domain->paging.ptwr;
    uint64_t refused = p->count.refused;
    enum hv_err err;

    /* Xen counts page tables from the leaves. */
    err = ptwr_pin(p, mfn, MMUEXT_PIN_L4_TABLE - op->cmd, budget);
    refusal_report_new(vcpu, p, &(struct refusal_place){.pc = vcpu->regs.elr - 4}, refused);
    return err;
}

static enum hv_err table_request(struct vcpu *vcpu, const struct mmuext_op *op,
                                 unsigned int *budget)
{
    struct ptwr *p = &vcpu->domain->paging.ptwr;
    mfn_t mfn = mfn_of(op->arg1);
    uint64_t refused = p->count.refused;
    enum hv_err err;

    if (op->arg1 >= p->walk >> PAGE_SHIFT)
        return HV_EPERM;
    switch (op->cmd) {
    case MMUEXT_UNPIN_TABLE:
        return ptwr_unpin(p, mfn, budget);
    case MMUEXT_NEW_BASEPTR:
    case MMUEXT_NEW_USER_BASEPTR:
        if (op->cmd == MMUEXT_NEW_USER_BASEPTR && op->arg1 == 0)
            mfn = MFN_NONE;
        err = direct_new_base(vcpu, op->cmd == MMUEXT_NEW_BASEPTR, mfn, budget);
        refusal_report_new(vcpu, p, &(struct refusal_place){.pc = vcpu->regs.elr - 4}, refused);
        return err;
    default:
        return pin(vcpu, op, mfn, budget);
    }
}

static enum hv_err flush_multi(struct vcpu *vcpu, const struct mmuext_op *op, unsigned int *budget)
{
    uint64_t mask;
    enum hv_err err = hypercall_vcpu_mask(vcpu, op->arg2, &mask, budget);

    if (err != HV_OK || mask == 0)
        return err;
    if (op->cmd == MMUEXT_TLB_FLUSH_MULTI)
        hypercall_flush(vcpu, budget);
    else
        hypercall_flush_va(vcpu, va_of(op->arg1));
    return HV_OK;
}

static enum hv_err mmuext_request(struct vcpu *vcpu, const void *request, unsigned int *budget)
{
    const struct mmuext_op *op = request;

    switch (op->cmd) {
    case MMUEXT_PIN_L1_TABLE:
    case MMUEXT_PIN_L2_TABLE:
    case MMUEXT_PIN_L3_TABLE:
    case MMUEXT_PIN_L4_TABLE:
    case MMUEXT_UNPIN_TABLE:
    case MMUEXT_NEW_BASEPTR:
    case MMUEXT_NEW_USER_BASEPTR:
        return table_request(vcpu, op, budget);
    case MMUEXT_TLB_FLUSH_LOCAL:
    case MMUEXT_TLB_FLUSH_ALL:
        hypercall_flush(vcpu, budget);
        return HV_OK;
    case MMUEXT_INVLPG_LOCAL:
    case MMUEXT_INVLPG_ALL:
        hypercall_flush_va(vcpu, va_of(op->arg1));
        return HV_OK;
    case MMUEXT_TLB_FLUSH_MULTI:
    case MMUEXT_INVLPG_MULTI:
        return flush_multi(vcpu, op, budget);
    case MMUEXT_FLUSH_CACHE: /* for domains with devices of their own, as in Xen: here are none */
        return HV_EINVAL;
    case MMUEXT_SET_LDT: /* segments are x86's */
    default:
        return HV_ENOSYS;
    }
}

int64_t hypercall_mmuext_op(struct vcpu *vcpu)
{
    return run_batch(vcpu, sizeof(struct mmuext_op), mmuext_request, NULL);
}

static enum hv_err update_va(struct vcpu *vcpu, va_t va, desc_t value, unsigned int *budget)
{
    struct ptwr_walk walk;
    enum hv_err err = paging_sync(vcpu, PTWR_T_HYPERCALL, budget);

    if (err != HV_OK)
        return err;
    err = ptwr_translate(&vcpu->domain->paging.ptwr, vcpu->id, va, &walk);
    if (err != HV_OK && err != HV_EFAULT)
        return err;
    if (mfn_is_none(walk.table) || walk.level != 3)
        return HV_EINVAL;
    return store_entry(vcpu, walk.table, walk.index, value, budget);
}

/* Whom the flags name: all of the domain's vCPUs, none, or those of a mask that is read. */
static enum hv_err decode_flush(struct vcpu *vcpu, uint64_t flags, uint64_t *mask,
                                unsigned int *budget)
{
    uint64_t who = flags & ~(uint64_t)UVMF_FLUSHTYPE_MASK;

    *mask = UINT64_MAX;
    if ((flags & UVMF_FLUSHTYPE_MASK) == UVMF_NONE) {
        *mask = 0;
        return who == 0 ? HV_OK : HV_EINVAL;
    }
    if (who == UVMF_LOCAL || who == UVMF_ALL)
        return HV_OK;
    return hypercall_vcpu_mask(vcpu, who, mask, budget);
}

int64_t hypercall_update_va_mapping(struct vcpu *vcpu)
{
    struct domain *d = vcpu->domain;
    va_t va = va_of(vcpu->regs.x[0]);
    desc_t value = desc_of(vcpu->regs.x[1]);
    uint64_t flags = vcpu->regs.x[2];
    unsigned int budget = PTWR_BUDGET;
    uint64_t mask;
    enum hv_err err;

    if ((flags & UVMF_FLUSHTYPE_MASK) > UVMF_INVLPG)
        return HV_EINVAL;
    spin_lock(&d->lock);
    err = decode_flush(vcpu, flags, &mask, &budget);
    if (err == HV_OK)
        err = update_va(vcpu, va, value, &budget);
    if (err == HV_OK && mask != 0) {
        if ((flags & UVMF_FLUSHTYPE_MASK) == UVMF_TLB_FLUSH)
            hypercall_flush(vcpu, &budget);
        else
            hypercall_flush_va(vcpu, va);
    }
    spin_unlock(&d->lock);
    return hypercall_result(err);
}
