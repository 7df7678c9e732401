/* SPDX-License-Identifier: Apache-2.0 */
#include "core/store_fault.h"

#include <arch/barrier.h>
#include <arch/regime.h>
#include <arch/vcpu.h>

#include "core/board.h"
#include "core/decode.h"
#include "core/domain.h"
#include "core/exclusive.h"
#include "core/guest_mem.h"
#include "core/refusal.h"
#include "core/store_bytes.h"
#include "core/vcpu.h"
#include "ptwr/port.h"

#define SPSR_A32  BIT64(4)
#define SPSR_MODE GENMASK64(3, 0)
#define SPSR_NZCV GENMASK64(31, 28)

#define ZERO_REGISTER 31

/* Off the way of stores that the syndrome describes. */
#define NOINLINE __attribute__((noinline))

/* One fault on its way to an answer. */
struct access {
    struct vcpu *vcpu;
    const struct trap *trap;
    unsigned int budget;
    struct ptwr_walk walk; /* of the address that faulted */
    mfn_t mfn;
    struct store_insn insn; /* kind STORE_OPAQUE: not decoded, or no kind that is known */
    uint64_t atomic_old;    /* STORE_ATOMIC: what its result was computed from */
};

static bool from_el0(const struct vcpu *vcpu) { return (vcpu->regs.spsr & SPSR_MODE) == 0; }

static uint64_t low_bytes(uint64_t value, unsigned int size)
{
    return size >= 8 ? value : value & (BIT64(8 * size) - 1);
}

static uint64_t reg(const struct access *a, unsigned int n)
{
    return low_bytes(arch_reg_read(&a->vcpu->regs, n), a->insn.size);
}

#define BY_SYNDROME_MASK (ISS_DABT_ISV | ISS_DABT_AR)

/*
 * The syndrome is enough for an aligned store that does not start its page: there it could be the
 * end of a store that began in the page before. A store-release wants its barriers.
 */
static bool by_syndrome(const struct access *a, struct ptwr_store *store)
{
    uint32_t iss = a->trap->iss;
    unsigned int size = 1U << ISS_DABT_SAS(iss);

    if ((iss & BY_SYNDROME_MASK) != ISS_DABT_ISV || store->offset == 0 ||
        (store->offset & (size - 1)) != 0 || board_get()->isv_is_wrong)
        return false;
    store->decoded = true;
    store->emulatable = true;
    store->size = (uint8_t)size;
    store->value = low_bytes(arch_reg_read(&a->vcpu->regs, ISS_DABT_SRT(iss)), size);
    return true;
}

/* The instruction at `pc`, if its page is the one that was read from last; else NULL. */
static inline const uint32_t *known_text(struct vcpu *vcpu, uint64_t pc)
{
    const struct ptwr_memo *text = vcpu_text(vcpu, va_of(pc));

    if (!ptwr_memo_holds(&vcpu->domain->paging.ptwr, text, va_of(pc)))
        return NULL;
    return (const uint32_t *)(const void *)(paging_page(&vcpu->domain->paging, text->table) +
                                            page_offset(pc));
}

static enum hv_err fetch(struct access *a, uint64_t pc, uint32_t *insn)
{
    const uint32_t *text = known_text(a->vcpu, pc);
    struct ptwr_walk walk;
    enum hv_err err;

    if (text != NULL) {
        *insn = __atomic_load_n(text, __ATOMIC_RELAXED);
        return HV_OK;
    }
    err = guest_read(a->vcpu, va_of(pc), insn, sizeof(*insn), &a->budget);
    if (err == HV_OK && guest_translate(a->vcpu, va_of(pc), &walk, &a->budget) == HV_OK)
        ptwr_memo_fill_page(&a->vcpu->domain->paging.ptwr, vcpu_text(a->vcpu, va_of(pc)), va_of(pc),
                            &walk);
    return err;
}

/* The instructions before the store, nearest first: eight, or as far as its page goes. */
static unsigned int fetch_before(struct access *a, uint32_t before[DECODE_WINDOW])
{
    uint64_t pc = a->vcpu->regs.elr;
    unsigned int count = DECODE_WINDOW;
    uint32_t text[DECODE_WINDOW];
    const uint32_t *known = known_text(a->vcpu, pc);

    if (known != NULL && page_offset(pc) >= sizeof(text)) {
        for (unsigned int i = 0; i < DECODE_WINDOW; i++)
            before[i] = __atomic_load_n(known - 1 - i, __ATOMIC_RELAXED);
        return DECODE_WINDOW;
    }
    if (guest_read(a->vcpu, va_of(pc - sizeof(text)), text, sizeof(text), &a->budget) != HV_OK) {
        count = (unsigned int)(page_offset(pc) / sizeof(text[0]));
        if (count >= DECODE_WINDOW || guest_read(a->vcpu, va_of(pc - page_offset(pc)), text,
                                                 page_offset(pc), &a->budget) != HV_OK)
            return 0;
    }
    for (unsigned int i = 0; i < count; i++)
        before[i] = text[count - 1 - i];
    return count;
}

/* What the table's entry holds now in the bytes of the store. */
static uint64_t current(const struct access *a, const struct ptwr_store *store)
{
    const struct ptwr *p = &a->vcpu->domain->paging.ptwr;
    desc_t entry = ptwr_port_load(p->port, a->mfn, store->offset / sizeof(uint64_t));

    return low_bytes(entry.raw >> (8 * (store->offset % sizeof(uint64_t))), store->size);
}

/*
 * If a register still has the loaded value, the store-exclusive is a compare-and-swap; else its
 * registers have to be what its line makes of the entry as it is now.
 */
static bool decode_as_exclusive(struct access *a, struct ptwr_store *store)
{
    const struct regs *regs = &a->vcpu->regs;
    uint32_t before[DECODE_WINDOW];
    unsigned int loaded, count = fetch_before(a, before);
    bool kept = decode_exclusive(&a->insn, before, count, &loaded);

    store->value = reg(a, a->insn.rt);
    store->old = kept ? reg(a, loaded) : current(a, store);
    store->old_valid = true;
    return kept ||
           exclusive_holds(&a->insn, before, count, store->old, regs->x, regs->spsr & SPSR_NZCV);
}

/* A pair of words that makes one whole entry is one store: half of an entry is none. */
static void decode_as_pair(struct access *a, struct ptwr_store *store)
{
    store->value = reg(a, a->insn.rt);
    if (a->insn.size == 4 && store->offset % 8 == 0) {
        store->value |= reg(a, a->insn.rt2) << 32;
        store->size = 8;
    }
}

static bool decode_value(struct access *a, struct ptwr_store *store)
{
    const struct store_insn *insn = &a->insn;

    switch (insn->kind) {
    case STORE_PLAIN:
        store->value = reg(a, insn->rt);
        return true;
    case STORE_PAIR:
        decode_as_pair(a, store);
        return true;
    case STORE_EXCLUSIVE:
        return decode_as_exclusive(a, store);
    case STORE_CAS:
        store->value = reg(a, insn->rt);
        store->old_valid = true;
        store->old = reg(a, insn->rs);
        return true;
    case STORE_ATOMIC:
        a->atomic_old = current(a, store);
        store->value = decode_atomic(insn->op, insn->size, a->atomic_old, reg(a, insn->rs));
        store->old_valid = true;
        store->old = a->atomic_old;
        return true;
    case STORE_VECTOR:
    case STORE_STRUCTURE:
    case STORE_ZERO:
    case STORE_OPAQUE:
    default:
        return false;
    }
}

/* Does the instruction at PC store where the fault was, whole and aligned, in that page alone? */
static bool is_the_store(const struct access *a)
{
    const struct store_insn *insn = &a->insn;
    const struct vcpu *vcpu = a->vcpu;
    unsigned int bytes = insn->kind == STORE_PAIR ? 2U * insn->size : insn->size;
    uint64_t address = decode_address(insn, vcpu->regs.x, regime_sp_read(vcpu));

    /* A tag is no part of the address. */
    return (address ^ a->trap->far.raw) << 8 == 0 && address % insn->size == 0 &&
           page_offset(address) + bytes <= PAGE_SIZE;
}

/* One entry, or two of a pair. */
static bool decode_entry(struct access *a, struct ptwr_store *store)
{
    switch (a->insn.kind) {
    case STORE_PLAIN:
    case STORE_PAIR:
    case STORE_EXCLUSIVE:
    case STORE_CAS:
    case STORE_ATOMIC:
        store->size = a->insn.size;
        return is_the_store(a) && decode_value(a, store);
    case STORE_VECTOR:
    case STORE_STRUCTURE:
    case STORE_ZERO:
    case STORE_OPAQUE:
    default:
        return false;
    }
}

/*
 * Read the instruction. What cannot be read, or is no store, is STORE_OPAQUE. HV_EAGAIN, HV_EPERM:
 * of the walk.
 */
static enum hv_err decode(struct access *a)
{
    const struct vcpu *vcpu = a->vcpu;
    enum hv_err err;
    uint32_t insn;

    a->insn.kind = STORE_OPAQUE;
    a->insn.ordered = false;
    if ((vcpu->regs.spsr & SPSR_A32) != 0 || (vcpu->regs.elr & 3) != 0)
        return HV_OK;
    err = fetch(a, vcpu->regs.elr, &insn);
    if (err == HV_EFAULT) /* the CPU has it from an old translation */
        return HV_OK;
    if (err == HV_OK)
        decode_store(insn, &a->insn);
    return err;
}

static void write_base(const struct access *a)
{
    const struct store_insn *insn = &a->insn;
    struct regs *regs = &a->vcpu->regs;

    if (insn->index == INDEX_NONE || insn->index == INDEX_REGISTER)
        return;
    if (insn->rn == ZERO_REGISTER)
        regime_sp_write(a->vcpu, regime_sp_read(a->vcpu) + decode_writeback(insn, regs->x));
    else
        regs->x[insn->rn] += decode_writeback(insn, regs->x);
}

/* The rest of the instruction: results, base, PC. */
static void finish(struct access *a, const struct ptwr_store *store, bool stored)
{
    const struct store_insn *insn = &a->insn;
    struct regs *regs = &a->vcpu->regs;

    switch (insn->kind) {
    case STORE_EXCLUSIVE:
        arch_reg_write(regs, insn->rs, stored ? 0 : 1);
        break;
    case STORE_CAS:
        arch_reg_write(regs, insn->rs, store->seen);
        break;
    case STORE_ATOMIC:
        if (!stored) /* another CPU was faster: once more from the start */
            return;
        arch_reg_write(regs, insn->rt, a->atomic_old);
        break;
    case STORE_PLAIN:
    case STORE_PAIR:
    case STORE_VECTOR:
    case STORE_STRUCTURE:
    case STORE_ZERO:
    case STORE_OPAQUE: /* by the syndrome: no write-back has one */
    default:
        write_base(a);
        break;
    }
    trap_advance(a->vcpu);
}

static void refuse(const struct access *a)
{
    inject_data_abort(a->vcpu, a->trap->far, FSC_PERMISSION | a->walk.level, true);
}

static void report(const struct access *a)
{
    const struct refusal_place place = {
        .pc = a->vcpu->regs.elr,
        .has_va = true,
        .va = a->trap->far,
    };

    refusal_report_entry(a->vcpu, &place);
}

/* The engine's answer, reported if it is a refusal. */
static enum ptwr_outcome perform(struct access *a, struct ptwr_store *store)
{
    struct ptwr *p = &a->vcpu->domain->paging.ptwr;
    uint64_t refused = p->count.refused;
    enum ptwr_outcome outcome = ptwr_store_fault(p, store, &a->budget);

    if (p->count.refused != refused)
        report(a);
    return outcome;
}

/* The same for what belongs to a store that is performed in pieces. */
static enum ptwr_outcome perform_part(struct access *a, struct ptwr_store *store)
{
    struct ptwr *p = &a->vcpu->domain->paging.ptwr;
    uint64_t refused = p->count.refused;
    enum ptwr_outcome outcome = ptwr_store_part(p, store, &a->budget);

    if (p->count.refused != refused)
        report(a);
    return outcome;
}

/* One entry; or two of a pair, both of which are done again if the second has to wait. */
static enum ptwr_outcome perform_entry(struct access *a, struct ptwr_store *store)
{
    enum ptwr_outcome outcome = perform(a, store);

    if (outcome != PTWR_DONE || a->insn.kind != STORE_PAIR || store->size != a->insn.size)
        return outcome;
    store->offset = (uint16_t)(store->offset + store->size);
    store->value = reg(a, a->insn.rt2);
    return perform_part(a, store);
}

static enum ptwr_outcome perform_bytes(struct access *a, struct store_bytes *bytes,
                                       struct ptwr_store *store)
{
    enum ptwr_outcome outcome = PTWR_DONE;

    while (outcome == PTWR_DONE && store_bytes_next(a->vcpu, bytes, store))
        outcome = perform_part(a, store);
    return outcome;
}

/* What is neither entries nor bytes is left to the guest: the engine opens the table for it. */
static enum ptwr_outcome perform_decoded(struct access *a, struct ptwr_store *store)
{
    struct store_bytes bytes;
    enum hv_err err;

    store->decoded = true;
    store->emulatable = decode_entry(a, store);
    if (store->emulatable)
        return perform_entry(a, store);
    err = store_bytes_find(a->vcpu, a->trap, &a->insn, &bytes, &a->budget);
    if (err == HV_OK) {
        store->emulatable = true;
        return perform_bytes(a, &bytes, store);
    }
    a->insn.kind = STORE_OPAQUE;
    return err == HV_ENOENT ? perform(a, store) : PTWR_RETRY;
}

/*
 * Acquire and release order an access among the guest's own, which EL2's traps do not. The guest's
 * accesses before it are on this CPU, as is EL2's on its behalf.
 */
static NOINLINE enum ptwr_outcome decode_and_perform(struct access *a, struct ptwr_store *store)
{
    enum ptwr_outcome outcome;
    bool ordered;

    if (decode(a) != HV_OK)
        return PTWR_RETRY;
    /* The load that belongs to a store-exclusive may be an acquire. */
    ordered = a->insn.ordered || a->insn.kind == STORE_EXCLUSIVE;
    if (ordered)
        dmb_ish();
    outcome = perform_decoded(a, store);
    if (ordered)
        dmb_ish();
    return outcome;
}

static void answer(struct access *a, struct ptwr_store *store)
{
    enum ptwr_outcome outcome = perform(a, store);

    if (outcome == PTWR_DECODE)
        outcome = decode_and_perform(a, store);
    switch (outcome) {
    case PTWR_DONE:
        finish(a, store, true);
        break;
    case PTWR_FAILED:
        finish(a, store, false);
        break;
    case PTWR_INJECT:
        refuse(a);
        break;
    case PTWR_CRASH:
        paging_crash(a->vcpu);
        break;
    case PTWR_RETRY:
    case PTWR_DECODE:
    default:
        break;
    }
}

/* Do the tables still allow the store? Else the CPU's translation is older than they are. */
static bool is_allowed(const struct access *a)
{
    return from_el0(a->vcpu) ? a->walk.writable_el0 : a->walk.writable_el1;
}

void store_fault(struct vcpu *vcpu, const struct trap *trap)
{
    struct ptwr_store store;
    struct access a; /* both are set one by one: most is for instructions that are decoded */
    enum hv_err err;

    a.vcpu = vcpu;
    a.trap = trap;
    a.budget = PTWR_BUDGET;
    a.insn.kind = STORE_OPAQUE;
    a.insn.index = INDEX_NONE;
    err = guest_translate(vcpu, trap->far, &a.walk, &a.budget);
    if (err == HV_EAGAIN || err == HV_EPERM)
        return;
    if (err != HV_OK || !is_allowed(&a)) {
        regime_flush_va(trap->far);
        return;
    }
    ptwr_memo_fill(&vcpu->domain->paging.ptwr, vcpu_memo(vcpu, trap->far),
                   vcpu_way(vcpu, trap->far), trap->far, &a.walk);
    a.mfn = pa_to_mfn(pa_of(a.walk.oa));
    store.table = a.mfn;
    store.offset = (uint16_t)page_offset(a.walk.oa);
    store.size = sizeof(uint64_t);
    store.vcpu = (uint8_t)vcpu->id;
    store.el0 = from_el0(vcpu);
    store.decoded = false;
    store.emulatable = false;
    store.old_valid = false;
    store.value = 0;
    store.old = 0;
    store.seen = 0;
    store.pc = vcpu->regs.elr;
    store.va = trap->far;
    by_syndrome(&a, &store);
    answer(&a, &store);
}

/* A store of eight bytes that the syndrome describes in full, to what stage 2 has read-only. */
#define QUICK_SAS (UINT64_C(3) << 22)
#define QUICK_MASK                                                                                 \
    (ISS_DABT_ISV | QUICK_SAS | ISS_DABT_AR | ISS_ABT_S1PTW | ISS_DABT_CM | ISS_DABT_WNR |         \
     ISS_FSC_KIND_MASK)
#define QUICK (ISS_DABT_ISV | QUICK_SAS | ISS_DABT_WNR | FSC_PERMISSION)

/* A store of eight bytes without the syndrome: the same bits, less those that describe it. */
#define UNDESCRIBED_MASK (ISS_ABT_S1PTW | ISS_DABT_CM | ISS_DABT_WNR | ISS_FSC_KIND_MASK)
#define UNDESCRIBED      (ISS_DABT_WNR | FSC_PERMISSION)

/* The instruction at PC, decoded, if it is of a kind that the short way serves. */
static bool decode_known(struct access *a)
{
    struct vcpu *vcpu = a->vcpu;
    struct vcpu_insn *known;
    const uint32_t *text;
    uint32_t insn;

    if ((vcpu->regs.spsr & SPSR_A32) != 0 || (vcpu->regs.elr & 3) != 0)
        return false;
    text = known_text(vcpu, vcpu->regs.elr);
    if (text == NULL)
        return false;
    insn = __atomic_load_n(text, __ATOMIC_RELAXED);
    known = &vcpu->insn[vcpu->regs.elr / sizeof(insn) & (VCPU_MEMOS - 1)];
    if (insn != known->word) {
        decode_store(insn, &known->insn);
        known->word = insn;
    }
    a->insn = known->insn;
    return a->insn.size == sizeof(uint64_t) &&
           (a->insn.kind == STORE_PLAIN || a->insn.kind == STORE_EXCLUSIVE ||
            a->insn.kind == STORE_CAS) &&
           is_the_store(a);
}

/* The page was not stored to of late, but perhaps one that is mapped beside it. */
static NOINLINE bool extend(struct vcpu *vcpu, va_t far)
{
    return ptwr_memo_extend(&vcpu->domain->paging.ptwr, vcpu_memo(vcpu, far), vcpu_way(vcpu, far),
                            far);
}

/*
 * What the short way has to know of a store that the syndrome does not describe. What the entry
 * holds stays as it is until ptwr_store_page(): while the table is attached nobody else stores to
 * it, and if it is not, that does neither.
 */
static NOINLINE bool decode_quick(struct access *a, struct ptwr_store *store)
{
    struct vcpu *vcpu = a->vcpu;
    const struct ptwr_memo *memo = vcpu_memo(vcpu, a->trap->far);

    if (!ptwr_memo_holds(&vcpu->domain->paging.ptwr, memo, a->trap->far) &&
        !extend(vcpu, a->trap->far))
        return false;
    a->budget = PTWR_BUDGET;
    a->mfn = memo->table;
    if (!decode_known(a))
        return false;
    store->offset = (uint16_t)page_offset(a->trap->far.raw);
    store->size = sizeof(uint64_t);
    store->old_valid = false;
    if (a->insn.ordered || a->insn.kind == STORE_EXCLUSIVE)
        dmb_ish();
    if (!decode_value(a, store) || (store->old_valid && current(a, store) != store->old))
        return false;
    store->seen = store->old; /* if it is valid */
    return true;
}

static NOINLINE void finish_quick(struct access *a, const struct ptwr_store *store)
{
    if (a->insn.ordered || a->insn.kind == STORE_EXCLUSIVE)
        dmb_ish();
    finish(a, store, true);
}

/* A store that the syndrome does not describe. Both structures are its only, hence apart. */
static NOINLINE bool undescribed_quick(struct vcpu *vcpu, va_t far)
{
    struct domain *d = vcpu->domain;
    const struct trap trap = {.far = far};
    struct access a;
    struct ptwr_store store;
    bool done;

    a.vcpu = vcpu;
    a.trap = &trap;
    a.atomic_old = 0;
    store.old = 0;
    spin_lock(&d->lock);
    done = decode_quick(&a, &store) && ptwr_store_page(&d->paging.ptwr, vcpu_memo(vcpu, far), far,
                                                       vcpu->regs.elr, desc_of(store.value));
    spin_unlock(&d->lock);
    if (done)
        finish_quick(&a, &store);
    return done;
}

bool store_fault_quick(struct vcpu *vcpu, uint32_t iss, va_t far)
{
    struct domain *d = vcpu->domain;
    desc_t value;
    bool done;

    if ((iss & UNDESCRIBED_MASK) != UNDESCRIBED || (far.raw & 7) != 0 || from_el0(vcpu) ||
        d->kind == DOMAIN_PLAIN)
        return false;
    if ((iss & QUICK_MASK) != QUICK || page_offset(far.raw) == 0 || board_get()->isv_is_wrong)
        return undescribed_quick(vcpu, far);
    value = desc_of(arch_reg_read(&vcpu->regs, ISS_DABT_SRT(iss)));
    spin_lock(&d->lock);
    done = ptwr_store_page(&d->paging.ptwr, vcpu_memo(vcpu, far), far, vcpu->regs.elr, value) ||
           (extend(vcpu, far) &&
            ptwr_store_page(&d->paging.ptwr, vcpu_memo(vcpu, far), far, vcpu->regs.elr, value));
    spin_unlock(&d->lock);
    if (done)
        trap_advance(vcpu);
    return done;
}
