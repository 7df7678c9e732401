/* SPDX-License-Identifier: Apache-2.0 */
#include "core/guarded.h"

#include <arch/mmu.h>
#include <arch/regime.h>
#include <arch/stage2.h>

#include "core/console.h"
#include "core/domain.h"
#include "core/mem.h"
#include "core/paging.h"
#include "core/refusal.h"
#include "core/vcpu.h"

static uint64_t nr_regions(const struct domain *d) { return d->ram_size >> REGION_SHIFT; }

static ipa_t region_ipa(const struct domain *d, uint64_t i)
{
    return ipa_of(d->ram_base + (i << REGION_SHIFT));
}

static pa_t alloc(uint64_t bytes)
{
    return mem_alloc_pages((bytes + PAGE_SIZE - 1) / PAGE_SIZE, 1);
}

/* 16 bytes for each frame, and a list of where each region's begin. */
static enum hv_err make_frames(struct domain *d)
{
    struct frame_table *frames = &d->guarded.frames;
    pa_t records = alloc(nr_regions(d) * REGION_FRAMES * sizeof(struct frame));
    pa_t list = alloc(nr_regions(d) * sizeof(void *));

    if (records.raw == 0 || list.raw == 0)
        return HV_ENOMEM;
    frames->region = (struct frame **)(uintptr_t)list.raw;
    frames->first = (uint32_t)(d->ram_base >> REGION_SHIFT);
    frames->count = (uint32_t)nr_regions(d);
    for (uint64_t i = 0; i < nr_regions(d); i++)
        frames->region[i] = (struct frame *)(uintptr_t)records.raw + i * REGION_FRAMES;
    return HV_OK;
}

/* Stage 2's tables for both windows, and EL2's view: no fault of a guest may ever need memory. */
static enum hv_err make_windows(struct domain *d)
{
    struct paging_port *port = &d->paging.port;

    for (uint64_t i = 0; i < nr_regions(d); i++) {
        ipa_t ipa = region_ipa(d, i);
        pa_t pa = pa_of((uint64_t)d->chunk[i] << REGION_SHIFT);

        if (s2_leaf_table(&d->s2, ipa) == NULL ||
            s2_leaf_table(&d->s2, ipa_of(ipa.raw | port->walk)) == NULL ||
            el2_map_view(port->view + ipa.raw, pa) != HV_OK)
            return HV_ENOMEM;
    }
    return HV_OK;
}

/* All frames the domain's, writable, no table. */
static void take_frames(struct domain *d)
{
    const struct frame_table *frames = &d->guarded.frames;

    for (uint32_t i = 0; i < frames->count; i++) {
        for (uint32_t n = 0; n < REGION_FRAMES; n++)
            frames->region[i][n] = (struct frame){.owner = (uint8_t)d->id};
        paging_port_fill(&d->paging.port, region_ipa(d, i));
    }
}

static enum ptwr_text text_policy(enum text_policy policy)
{
    switch (policy) {
    case TEXT_AUDIT:
        return PTWR_TEXT_AUDIT;
    case TEXT_DENY:
        return PTWR_TEXT_DENY;
    case TEXT_ALLOW:
    default:
        return PTWR_TEXT_ALLOW;
    }
}

enum hv_err guarded_create(struct domain *d)
{
    struct paging_port *port = &d->paging.port;
    struct ptwr *p = &d->paging.ptwr;
    enum hv_err err;

    paging_make_port(d, d->s2.ipa_bits);
    if (d->ram_base + d->ram_size > port->walk) {
        printk("latch: domain %s: %lu MiB end above %#lx, where the walk window begins\n", d->name,
               d->ram_size >> 20, port->walk);
        return HV_EINVAL;
    }
    port->view = el2_view(d->id);
    port->chunk = d->chunk;
    port->first = (uint32_t)(d->ram_base >> REGION_SHIFT);
    p->guarded = true;
    p->count_users = d->config->user_writers;
    p->seal.state = SEAL_OPEN;
    p->seal.audit = d->config->guard == GUARD_AUDIT;
    p->seal.text = text_policy(d->config->text_policy);
    err = make_frames(d);
    if (err == HV_OK)
        err = make_windows(d);
    if (err == HV_OK)
        err = paging_make_engine(d, &d->guarded.frames);
    if (err == HV_OK)
        take_frames(d);
    return err;
}

void guarded_reset(struct domain *d)
{
    ptwr_reset(&d->paging.ptwr);
    take_frames(d);
}

enum hv_err guarded_leave_vcpu(struct vcpu *vcpu)
{
    unsigned int budget = PTWR_BUDGET;
    enum hv_err err = paging_sync(vcpu, PTWR_T_LIFE, &budget);

    if (err != HV_OK)
        return err;
    regime_no_walks();
    ptwr_stage1_off(&vcpu->domain->paging.ptwr, vcpu->id);
    return HV_OK;
}

#define SPSR_MODE GENMASK64(3, 0)

/* --- The seal --------------------------------------------------------------------------------- */

/* Entries that one trap looks at for the seal: some 15,000 instructions. */
#define SEAL_BUDGET 768

/*
 * The kernel's image as it lies in memory, and where its vectors say that it is mapped. False: they
 * lie elsewhere still.
 */
static bool find_image(struct vcpu *vcpu, va_t *image)
{
    const struct domain *d = vcpu->domain;
    va_t vectors = regime_vectors();
    struct ptwr_walk walk;
    uint64_t offset;

    /* At EL0 a kernel may have the vectors of a trampoline, which it maps elsewhere. */
    if ((vcpu->regs.spsr & SPSR_MODE) == 0)
        return false;
    if (ptwr_translate(&vcpu->domain->paging.ptwr, vcpu->id, vectors, &walk) != HV_OK)
        return false;
    offset = walk.oa - d->image.kernel.raw;
    if (offset >= d->image.kernel_span)
        return false;
    *image = va_of(vectors.raw - offset);
    return true;
}

static void say_sealed(const struct domain *d)
{
    const struct ptwr_seal *seal = &d->paging.ptwr.seal;

    printk(
        "latch: domain %s: sealed: the kernel at %#lx, %lu KiB of code, %lu KiB of constants, %lu "
        "KiB of data%s\n",
        d->name, seal->image_va.raw, (uint64_t)seal->nr_text * PAGE_SIZE >> 10,
        (uint64_t)seal->nr_rodata * PAGE_SIZE >> 10, (uint64_t)seal->nr_data * PAGE_SIZE >> 10,
        seal->audit ? "; violations are only reported" : "");
}

static void say_not_sealed(struct vcpu *vcpu)
{
    static const char *const why[] = {
        [PTWR_SEAL_SEALED] = "?",
        [PTWR_SEAL_TOO_EARLY] = "nothing of its image is read-only yet",
        [PTWR_SEAL_VIOLATION] = "a mapping breaks its rules",
        [PTWR_SEAL_SHARED] = "the tables of its image have several places",
        [PTWR_SEAL_NO_TABLES] = "there are no tables",
    };
    const struct domain *d = vcpu->domain;

    printk("latch: domain %s: not sealed yet: %s\n", d->name, why[d->paging.ptwr.seal.end]);
    if (d->paging.ptwr.seal.end == PTWR_SEAL_VIOLATION)
        refusal_report_entry(vcpu, &(struct refusal_place){.pc = vcpu->regs.elr});
}

static void seal(struct vcpu *vcpu)
{
    struct ptwr *p = &vcpu->domain->paging.ptwr;
    unsigned int budget = SEAL_BUDGET;
    enum hv_err err;
    va_t image;

    if (!ptwr_seal_is_wanted(p))
        return;
    if (p->seal.state == SEAL_OPEN) {
        if (!find_image(vcpu, &image))
            return;
        err = ptwr_seal_begin(p, image, vcpu->domain->image.kernel_span, &budget);
    } else {
        err = ptwr_seal_step(p, &budget);
    }
    if (err == HV_OK) {
        vcpu->domain->guarded.sctlr = regime_read(REGIME_SCTLR);
        vcpu->domain->guarded.tcr = regime_read(REGIME_TCR);
        vcpu->domain->guarded.mair = regime_read(REGIME_MAIR);
        say_sealed(vcpu->domain);
    } else if (err == HV_EINVAL) {
        say_not_sealed(vcpu);
    }
}

void guarded_answered(struct vcpu *vcpu, const struct refusal_place *place, uint64_t audited)
{
    struct ptwr *p = &vcpu->domain->paging.ptwr;

    if (p->seal.audited.rule != PTWR_RULE_NONE && p->count.audited != audited)
        refusal_report_audited(vcpu, place);
    p->seal.audited.rule = PTWR_RULE_NONE;
    seal(vcpu);
}
