/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers of the emulated distributor and redistributors. A guest sees one Security state
 * (GICD_CTLR.DS), affinity routing always on with GICv3, no LPIs, no 1-of-N SPIs.
 *
 * The registers that hold fields of many interrupts are the same in GICv2's distributor, GICv3's
 * and a redistributor's SGI frame; they differ in which INTIDs they show.
 */
#include "core/vgic_state.h"

#define GICD_CTLR      0x0000u
#define GICD_TYPER     0x0004u
#define BITS_START     0x0080u /* IGROUPR, then one bit register after the other, 0x80 bytes each */
#define BITS_END       0x0400u
#define PRIORITY_END   0x0800u
#define TARGETS_END    0x0c00u
#define CONFIG_END     0x0d00u
#define GICD_SGIR      0x0f00u
#define GICD_CPENDSGIR 0x0f10u
#define GICD_SPENDSGIR 0x0f20u
#define SGI_END        0x0f30u
#define IROUTER_START  0x6000u
#define IROUTER_END    0x8000u
#define PIDR2_V2       0x0fe8u
#define PIDR2_V3       0xffe8u

#define GICR_CTLR      0x0000u
#define GICR_TYPER     0x0008u
#define GICR_WAKER     0x0014u
#define GICR_SGI_FRAME 0x10000u

#define CTLR_ENABLES  0x3u
#define CTLR_ARE_DS   0x50u
#define CTLR_RWP      0x80000000u
#define TYPER_IDBITS  (9u << 19) /* ten bits of INTID */
#define TYPER_NO1N    (1u << 25)
#define GICR_CTLR_RWP 0x8u
#define WAKER_SLEEP   0x2u
#define WAKER_BOTH    0x6u

#define PRIORITY_MASK 0xf8u /* five bits, what every GIC virtualizes at least */

enum bit_register { IGROUPR, ISENABLER, ICENABLER, ISPENDR, ICPENDR, ISACTIVER, ICACTIVER };

/* An access to a bank of registers of `v`, which shows INTIDs first to last - 1. */
struct access {
    struct vcpu *v;
    unsigned offset;
    unsigned size;
    bool write;
    unsigned first;
    unsigned last;
    bool again; /* a read that needs what another CPU is still to note down */
};

static struct vgic_irq *access_irq(const struct access *a, unsigned intid)
{
    return intid >= a->first && intid < a->last ? irq_find(a->v, intid) : NULL;
}

static bool read_bit(const struct vgic_irq *irq, enum bit_register reg)
{
    switch (reg) {
    case IGROUPR:
        return (irq->flags & IRQ_GROUP1) != 0;
    case ISENABLER:
    case ICENABLER:
        return (irq->flags & IRQ_ENABLED) != 0;
    case ISPENDR:
    case ICPENDR:
        return irq_is_pending(irq);
    case ISACTIVER:
    case ICACTIVER:
        return (irq->flags & IRQ_ACTIVE) != 0;
    default:
        return false;
    }
}

static void write_bit(struct vgic_irq *irq, enum bit_register reg, bool bit)
{
    unsigned flags = irq->flags;

    switch (reg) {
    case IGROUPR:
        flags = bit ? flags | IRQ_GROUP1 : flags & ~IRQ_GROUP1;
        break;
    case ISENABLER:
        flags |= IRQ_ENABLED;
        break;
    case ICENABLER:
        flags &= ~IRQ_ENABLED;
        break;
    case ISPENDR:
        flags |= IRQ_LATCH;
        break;
    case ICPENDR:
        flags &= ~IRQ_LATCH;
        irq->sources = 0;
        break;
    case ISACTIVER:
        flags |= IRQ_ACTIVE;
        break;
    case ICACTIVER:
        flags &= ~IRQ_ACTIVE;
        break;
    default:
        break;
    }
    irq->flags = (uint8_t)flags;
}

/* GICv2 has SGIs pended through their own registers only. */
static bool is_fixed(const struct access *a, unsigned intid, enum bit_register reg)
{
    return intid < 16 && !a->v->domain->vgic.v3 && (reg == ISPENDR || reg == ICPENDR);
}

/*
 * What is pending or active is known only when it is in no list register: an interrupt in one of
 * another CPU is read as that CPU has noted it down when it was asked.
 */
static bool read_one(struct access *a, struct vgic_irq *irq, unsigned intid, enum bit_register reg)
{
    bool bit;

    if (reg < ISPENDR || irq->lr == VGIC_NO_LR)
        return read_bit(irq, reg);
    if ((irq->asked & ASKED_NOTED) != 0)
        return (irq->asked & (reg < ISACTIVER ? ASKED_WAS_PEND : ASKED_WAS_ACTIVE)) != 0;
    if (!irq_pull(a->v, irq, intid)) {
        irq->asked |= ASKED_STATE;
        a->again = true;
        return false;
    }
    bit = read_bit(irq, reg);
    irq_update(a->v, irq, intid);
    return bit;
}

/* The same as write_bit() for an interrupt in a list register of another CPU. */
static void ask_bit(struct vgic_irq *irq, enum bit_register reg, bool bit)
{
    unsigned asked = irq->asked;

    switch (reg) {
    case ISPENDR:
        asked |= ASKED_PEND;
        break;
    case ICPENDR:
        asked = (asked & ~ASKED_PEND) | ASKED_UNPEND;
        break;
    case ISACTIVER:
        asked |= ASKED_ACTIVATE;
        break;
    case ICACTIVER:
        asked = (asked & ~ASKED_ACTIVATE) | ASKED_DEACTIVATE;
        break;
    case IGROUPR:
    case ISENABLER:
    case ICENABLER:
    default:
        write_bit(irq, reg, bit);
        break;
    }
    irq->asked = (uint8_t)asked;
}

static void write_one(const struct access *a, struct vgic_irq *irq, unsigned intid,
                      enum bit_register reg, bool bit)
{
    if (is_fixed(a, intid, reg))
        return;
    if (!irq_pull(a->v, irq, intid)) {
        ask_bit(irq, reg, bit);
        return;
    }
    write_bit(irq, reg, bit);
    irq_update(a->v, irq, intid);
}

/* The read is complete: the next one asks anew. */
static void forget_noted(const struct access *a, unsigned first, uint64_t all)
{
    for (; all != 0; all &= all - 1) {
        unsigned intid = first + (unsigned)__builtin_ctzll(all);

        if (intid >= a->first && intid < a->last)
            irq_of(a->v, intid)->asked &=
                (uint8_t) ~(ASKED_NOTED | ASKED_WAS_PEND | ASKED_WAS_ACTIVE);
    }
}

/* All but IGROUPR are written by ones: guests enable and disable one interrupt at a time. */
static uint64_t access_bits(struct access *a, uint64_t value)
{
    enum bit_register reg = (enum bit_register)((a->offset - BITS_START) / 0x80);
    unsigned first = (a->offset & 0x7f) * 8;
    uint64_t all = GENMASK64(a->size * 8 - 1, 0);
    uint64_t result = 0;

    for (uint64_t m = a->write && reg != IGROUPR ? value & all : all; m != 0; m &= m - 1) {
        unsigned i = (unsigned)__builtin_ctzll(m);
        struct vgic_irq *irq = access_irq(a, first + i);

        if (irq == NULL)
            continue;
        if (a->write)
            write_one(a, irq, first + i, reg, (value >> i) & 1);
        else
            result |= (uint64_t)read_one(a, irq, first + i, reg) << i;
    }
    if (!a->write && !a->again && reg >= ISPENDR)
        forget_noted(a, first, all);
    return result;
}

static uint64_t access_priority(const struct access *a, uint64_t value)
{
    unsigned first = a->offset - BITS_END;
    uint64_t result = 0;

    for (unsigned i = 0; i < a->size; i++) {
        struct vgic_irq *irq = access_irq(a, first + i);

        if (irq == NULL)
            continue;
        if (!a->write) {
            result |= (uint64_t)irq->priority << (8 * i);
            continue;
        }
        irq->priority = (uint8_t)((value >> (8 * i)) & PRIORITY_MASK);
        if (irq_pull(a->v, irq, first + i))
            irq_update(a->v, irq, first + i);
    }
    return result;
}

/* Routes an SPI to the domain's vCPU `target`. One that is in a list register elsewhere follows. */
static void route(struct vcpu *v, struct vgic_irq *irq, unsigned intid, unsigned target)
{
    bool here = irq_pull(v, irq, intid);

    v->domain->vcpu[irq->target]->vgic.waiting_spis &= ~BIT64(intid - VGIC_NR_PRIVATE);
    irq->target = (uint8_t)target;
    if (here)
        irq_update(v, irq, intid);
}

/* ITARGETSR: an SPI goes to the lowest of the CPUs written; a private interrupt shows its own. */
static uint64_t access_targets(const struct access *a, uint64_t value)
{
    unsigned first = a->offset - PRIORITY_END;
    unsigned present = (unsigned)BIT64(a->v->domain->nr_vcpus) - 1;
    uint64_t result = 0;

    if (a->v->domain->vgic.v3)
        return 0;
    for (unsigned i = 0; i < a->size; i++) {
        unsigned intid = first + i;
        struct vgic_irq *irq = access_irq(a, intid);

        if (irq == NULL)
            continue;
        if (!a->write) {
            uint64_t mask = intid < VGIC_NR_PRIVATE ? BIT64(a->v->id) : irq->targets;

            result |= mask << (8 * i);
        } else if (intid >= VGIC_NR_PRIVATE) {
            irq->targets = (uint8_t)((value >> (8 * i)) & present);
            if (irq->targets != 0)
                route(a->v, irq, intid, (unsigned)__builtin_ctz(irq->targets));
        }
    }
    return result;
}

static uint64_t access_config(const struct access *a, uint64_t value)
{
    unsigned first = (a->offset - TARGETS_END) * 4;
    uint64_t result = 0;

    for (unsigned i = 0; i < a->size * 4; i++) {
        struct vgic_irq *irq = access_irq(a, first + i);

        if (irq == NULL)
            continue;
        if (!a->write) {
            result |= (uint64_t)(irq->flags & IRQ_EDGE ? 2 : 0) << (2 * i);
        } else if (first + i >= 16) {
            bool edge = (value >> (2 * i)) & 2;

            irq->flags = (uint8_t)(edge ? irq->flags | IRQ_EDGE : irq->flags & ~IRQ_EDGE);
            if (irq_pull(a->v, irq, first + i))
                irq_update(a->v, irq, first + i);
        }
    }
    return result;
}

static void write_sgir(struct vcpu *v, uint32_t value)
{
    struct domain *d = v->domain;
    unsigned filter = (value >> 24) & 3;
    uint32_t targets = (value >> 16) & 0xff;

    if (filter == 1)
        targets = 0xff & ~(uint32_t)BIT64(v->id);
    else if (filter == 2)
        targets = (uint32_t)BIT64(v->id);
    else if (filter == 3)
        return;
    for (unsigned i = 0; i < d->nr_vcpus; i++)
        if (targets & BIT64(i))
            vgic_sgi(v, d->vcpu[i], value & 0xf);
}

/* CPENDSGIR and SPENDSGIR: for each SGI of this vCPU a byte of the vCPUs that sent it. */
static uint64_t access_sgi_sources(const struct access *a, uint64_t value)
{
    bool set = a->offset >= GICD_SPENDSGIR;
    unsigned first = a->offset & 0xf;
    uint64_t result = 0;

    for (unsigned i = 0; i < a->size; i++) {
        struct vgic_irq *irq = &a->v->vgic.irq[first + i];
        unsigned mask = (unsigned)(value >> (8 * i)) & 0xff;

        (void)irq_pull(a->v, irq, first + i); /* its own: in reach */
        if (a->write) {
            irq->sources = (uint8_t)(set ? irq->sources | mask : irq->sources & ~mask);
            irq->flags = (uint8_t)(irq->sources ? irq->flags | IRQ_LATCH : irq->flags & ~IRQ_LATCH);
        }
        result |= (uint64_t)irq->sources << (8 * i);
        irq_update(a->v, irq, first + i);
    }
    return result;
}

/* Registers of fields per interrupt, common to all three banks. False if it is another one. */
static bool access_fields(struct access *a, uint64_t *value)
{
    if (a->offset < BITS_START)
        return false;
    if (a->offset < BITS_END)
        *value = access_bits(a, *value);
    else if (a->offset < PRIORITY_END)
        *value = access_priority(a, *value);
    else if (a->offset < TARGETS_END)
        *value = access_targets(a, *value);
    else if (a->offset < CONFIG_END)
        *value = access_config(a, *value);
    else
        return false;
    return true;
}

/* The group enables decide for every interrupt whether it may go out. */
static void write_ctlr(struct domain *d, uint32_t value)
{
    if (d->vgic.ctlr == (value & CTLR_ENABLES))
        return;
    d->vgic.ctlr = value & CTLR_ENABLES;
    for (unsigned i = 0; i < d->nr_vcpus; i++) {
        struct vcpu *v = d->vcpu[i];

        for (unsigned n = 0; n < VGIC_NR_PRIVATE; n++) {
            if (irq_pull(v, &v->vgic.irq[n], n))
                irq_update(v, &v->vgic.irq[n], n);
        }
    }
    for (unsigned n = 0; n < VGIC_NR_SPIS; n++) {
        struct vgic_irq *irq = &d->vgic.spi[n];
        struct vcpu *v = d->vcpu[0]; /* any */

        if (irq_pull(v, irq, VGIC_NR_PRIVATE + n))
            irq_update(v, irq, VGIC_NR_PRIVATE + n);
    }
}

/* What another CPU has been asked for and has not done. */
static uint32_t gicd_rwp(const struct domain *d)
{
    for (unsigned i = 0; i < d->nr_vcpus; i++) {
        if (vgic_is_busy(&d->vcpu[i]->vgic, false))
            return CTLR_RWP;
    }
    return 0;
}

static uint32_t gicd_word(const struct domain *d, unsigned offset)
{
    uint32_t lines = VGIC_NR_INTIDS / 32 - 1;

    switch (offset) {
    case GICD_CTLR:
        return d->vgic.v3 ? d->vgic.ctlr | CTLR_ARE_DS | gicd_rwp(d) : d->vgic.ctlr;
    case GICD_TYPER:
        return d->vgic.v3 ? lines | TYPER_IDBITS | TYPER_NO1N : lines | (d->nr_vcpus - 1) << 5;
    case PIDR2_V2:
        return d->vgic.v3 ? 0 : 0x2b;
    case PIDR2_V3:
        return 0x3b;
    default:
        return 0;
    }
}

static uint32_t gicr_word(const struct vcpu *v, unsigned offset)
{
    switch (offset) {
    case GICR_CTLR:
        return vgic_is_busy(&v->vgic, true) ? GICR_CTLR_RWP : 0;
    case GICR_TYPER:
        return v->id << 8 | (v->id + 1 == v->domain->nr_vcpus ? 0x10u : 0);
    case GICR_TYPER + 4:
        return v->id; /* the affinity */
    case GICR_WAKER:
        return v->vgic.asleep ? WAKER_BOTH : 0;
    case PIDR2_V3:
        return 0x3b;
    default:
        return 0;
    }
}

/* Cuts what an access of `size` at `offset` reads out of two 32-bit registers. */
static uint64_t cut(uint32_t low, uint32_t high, unsigned offset, unsigned size)
{
    if (size == 8)
        return low | (uint64_t)high << 32;
    return (low >> (8 * (offset & 3))) & GENMASK64(8 * size - 1, 0);
}

/* GICD_CTLR, GICD_TYPER and what identifies the distributor. */
static uint64_t read_gicd(const struct domain *d, unsigned offset, unsigned size)
{
    unsigned word = offset & ~3u;

    if (size == 4)
        return gicd_word(d, offset);
    return cut(gicd_word(d, word), size == 8 ? gicd_word(d, word + 4) : 0, offset, size);
}

static void access_irouter(const struct access *a, uint64_t *value)
{
    unsigned intid = (a->offset - IROUTER_START) / 8;
    struct vgic_irq *irq = access_irq(a, intid);
    bool low = (a->offset & 4) == 0; /* all that can be set: Aff0 is the only affinity in use */

    if (irq == NULL || !low || !a->write) {
        *value = irq != NULL && low ? cut(irq->target, 0, a->offset, a->size) : 0;
        return;
    }
    if (a->size >= 4 && *value < a->v->domain->nr_vcpus)
        route(a->v, irq, intid, (unsigned)*value);
}

static void access_gicd(struct access *a, uint64_t *value)
{
    struct domain *d = a->v->domain;

    if (access_fields(a, value))
        return;
    if (d->vgic.v3 && a->offset >= IROUTER_START && a->offset < IROUTER_END) {
        access_irouter(a, value);
        return;
    }
    if (!d->vgic.v3 && a->offset >= GICD_CPENDSGIR && a->offset < SGI_END) {
        *value = access_sgi_sources(a, *value);
        return;
    }
    if (!a->write)
        *value = read_gicd(d, a->offset, a->size);
    else if (a->offset == GICD_CTLR && a->size >= 4)
        write_ctlr(d, (uint32_t)*value);
    else if (a->offset == GICD_SGIR && a->size == 4 && !d->vgic.v3)
        write_sgir(a->v, (uint32_t)*value);
}

static void access_gicr(const struct access *a, uint64_t *value)
{
    if (!a->write)
        *value = cut(gicr_word(a->v, a->offset & ~3u), gicr_word(a->v, (a->offset & ~3u) + 4),
                     a->offset, a->size);
    else if (a->offset == GICR_WAKER && a->size == 4)
        a->v->vgic.asleep = (*value & WAKER_SLEEP) != 0;
}

static enum mmio_result access_redistributors(struct vcpu *v, uint64_t offset, unsigned size,
                                              bool write, uint64_t *value)
{
    const struct domain *d = v->domain;
    unsigned in_frames = (unsigned)(offset % VGIC_GICR_STRIDE);

    if (!d->vgic.v3 || offset >= VGIC_GICR_STRIDE * d->nr_vcpus)
        return MMIO_NONE;

    struct access a = {
        .v = d->vcpu[offset / VGIC_GICR_STRIDE],
        .offset = in_frames % GICR_SGI_FRAME,
        .size = size,
        .write = write,
        .last = VGIC_NR_PRIVATE,
    };

    if (in_frames < GICR_SGI_FRAME)
        access_gicr(&a, value);
    else if (!access_fields(&a, value))
        *value = 0;
    return a.again ? MMIO_AGAIN : MMIO_DONE;
}

static enum mmio_result access_locked(struct vcpu *v, uint64_t ipa, unsigned size, bool write,
                                      uint64_t *value)
{
    const struct domain *d = v->domain;
    uint64_t offset = ipa - d->layout.gicd;
    struct access a = {
        .v = v,
        .offset = (unsigned)offset,
        .size = size,
        .write = write,
        .first = d->vgic.v3 ? VGIC_NR_PRIVATE : 0,
        .last = VGIC_NR_INTIDS,
    };

    if (offset >= (d->vgic.v3 ? VGIC_GICD_SIZE_V3 : VGIC_GICD_SIZE_V2))
        return access_redistributors(v, ipa - d->layout.gicr, size, write, value);
    access_gicd(&a, value);
    return a.again ? MMIO_AGAIN : MMIO_DONE;
}

/* Not inlined: reads of the distributor's first registers would pay for its stack frame. */
__attribute__((noinline)) static enum mmio_result
access_other(struct vcpu *v, uint64_t ipa, unsigned size, bool write, uint64_t *value)
{
    enum mmio_result result;

    domain_io_lock(v->domain);
    result = access_locked(v, ipa, size, write, value);
    domain_io_unlock(v->domain);
    return result;
}

/* GICD_CTLR, GICD_TYPER and their neighbours are read without the lock: a word each. */
enum mmio_result vgic_mmio(struct vcpu *v, uint64_t ipa, unsigned size, bool write, uint64_t *value)
{
    const struct domain *d = v->domain;
    uint64_t offset = ipa - d->layout.gicd;

    if (write || offset >= BITS_START)
        return access_other(v, ipa, size, write, value);
    *value = read_gicd(d, (unsigned)offset, size);
    return MMIO_DONE;
}
