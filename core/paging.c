/* SPDX-License-Identifier: Apache-2.0 */
#include "core/paging.h"

#include <arch/cache.h>

#include "core/domain.h"
#include "core/mem.h"
#include "core/refusal.h"
#include "core/vcpu.h"

void paging_make_port(struct domain *d, unsigned int ipa_bits)
{
    struct paging_port *port = &d->paging.port;

    port->s2 = &d->s2;
    port->walk = BIT64(ipa_bits - 1);
    port->leaf_ro = s2_leaf(pa_of(0), S2_RO);
    port->leaf_rw = s2_leaf(pa_of(0), S2_RW);
    port->line = cache_line_size();
    port->write_back = s2_forces_write_back();
}

enum hv_err paging_make_engine(struct domain *d, struct frame_table *frames)
{
    struct paging_port *port = &d->paging.port;
    struct ptwr *p = &d->paging.ptwr;

    p->frames = frames;
    p->port = port;
    p->walk = port->walk;
    p->owner = (uint8_t)d->id;
    p->nr_slots = (uint8_t)d->config->slots;
    p->policy = d->config->ptwr_policy;
    p->action = d->config->guard_action;
    for (unsigned int i = 0; i < p->nr_slots; i++) {
        pa_t page = mem_alloc_pages(1, 1);

        if (page.raw == 0)
            return HV_ENOMEM;
        port->snapshot[i] = (uint64_t *)(uintptr_t)page.raw;
    }
    ptwr_init(p);
    return HV_OK;
}

/* Arm ARM D19.2.97: an attribute is Device if its upper half is 0. */
static bool is_normal(uint8_t attr) { return attr >> 4 != 0; }

uint8_t paging_normal_attrs(uint64_t mair)
{
    uint8_t normal = 0;

    for (unsigned int i = 0; i < 8; i++) {
        if (is_normal((uint8_t)(mair >> (8 * i))))
            normal = (uint8_t)(normal | 1U << i);
    }
    return normal;
}

/* An attribute whose lower half alone is 0 is reserved, or a feature's that is hidden. */
bool paging_mair_is_defined(uint64_t mair)
{
    for (unsigned int i = 0; i < 8; i++) {
        uint8_t attr = (uint8_t)(mair >> (8 * i));

        if (is_normal(attr) ? (attr & 0xf) == 0 : (attr & 3) != 0)
            return false;
    }
    return true;
}

void paging_preempt(struct vcpu *vcpu, enum ptwr_trigger why)
{
    struct domain *d = vcpu->domain;

    spin_lock(&d->lock);
    ptwr_protect_open(&d->paging.ptwr, vcpu->id, why);
    spin_unlock(&d->lock);
}

void paging_crash(struct vcpu *vcpu)
{
    struct domain *d = vcpu->domain;

    domain_stop(d, "page table entry refused: %s", d->paging.refusal.text);
}

enum hv_err paging_sync(struct vcpu *vcpu, enum ptwr_trigger why, unsigned int *budget)
{
    struct ptwr *p = &vcpu->domain->paging.ptwr;
    uint64_t refused = p->count.refused;
    enum hv_err err = ptwr_sync(p, why, budget);

    if (err == HV_OK && p->count.refused == refused)
        return HV_OK;
    refusal_report_new(vcpu, p, &(struct refusal_place){.pc = vcpu->regs.elr}, refused);
    if (err == HV_EPERM)
        paging_crash(vcpu);
    return err;
}

bool paging_quiesce(struct vcpu *vcpu)
{
    struct domain *d = vcpu->domain;
    unsigned int budget = PTWR_BUDGET;
    enum hv_err err;

    spin_lock(&d->lock);
    err = paging_sync(vcpu, PTWR_T_LIFE, &budget);
    spin_unlock(&d->lock);
    return err == HV_OK;
}
