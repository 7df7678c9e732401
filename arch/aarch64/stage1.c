/* SPDX-License-Identifier: Apache-2.0 */
#include <arch/stage1.h>

#include <arch/stage2.h>
#include <arch/sysreg.h>

#include "core/domain.h"
#include "core/vcpu.h"
#include "ptwr/port.h"

#define TTBR_BADDR GENMASK64(47, 1)

/* How one half of the address space is translated: Arm ARM D8.2. */
struct regime {
    uint64_t ttbr;
    unsigned int page_shift;
    unsigned int va_bits;
};

static struct regime regime_of(va_t va)
{
    /* TG0 and TG1 number the granules in different ways. */
    static const uint8_t tg0[] = {12, 16, 14, 12};
    static const uint8_t tg1[] = {12, 14, 12, 16};
    uint64_t tcr = read_sysreg(tcr_el1);
    bool upper = (va.raw & BIT64(55)) != 0;
    uint64_t half = upper ? tcr >> 16 : tcr; /* T1SZ lies 16 bits above T0SZ, TG1 does not */
    unsigned int size = (unsigned int)half & 0x3f;

    /* What is out of range behaves as the limit (D8.2.5, without FEAT_TTST, LVA). */
    size = size < 16 ? 16 : size > 39 ? 39 : size;
    return (struct regime){
        .ttbr = upper ? read_sysreg(ttbr1_el1) : read_sysreg(ttbr0_el1),
        .page_shift = upper ? tg1[(tcr >> 30) & 3] : tg0[(tcr >> 14) & 3],
        .va_bits = 64 - size,
    };
}

/* A direct domain's walks go by the walk window; what is not its own is not looked at. */
static uint64_t read_direct(const struct domain *d, uint64_t ipa)
{
    const struct ptwr *p = &d->paging.ptwr;
    mfn_t mfn = pa_to_mfn(pa_of(ipa & ~p->walk));
    const struct frame *frame = ipa < 2 * p->walk ? frame_get(p->frames, mfn) : NULL;

    if (frame == NULL || frame->owner != p->owner)
        return 0;
    return ptwr_port_load(p->port, mfn, (unsigned int)(ipa / sizeof(uint64_t)) % PTWR_ENTRIES).raw;
}

static uint64_t read_ram(const struct domain *d, uint64_t ipa)
{
    pa_t pa;

    if (d->kind == DOMAIN_DIRECT)
        return read_direct(d, ipa);
    if (ipa < d->ram_base || ipa - d->ram_base >= d->ram_size ||
        s2_translate(&d->s2, ipa_of(ipa), &pa) != HV_OK)
        return 0;
    return *(const volatile uint64_t *)(uintptr_t)pa.raw;
}

unsigned int s1_walk_level(const struct vcpu *vcpu, va_t va, ipa_t table)
{
    struct regime r = regime_of(va);
    unsigned int stride = r.page_shift - 3;
    unsigned int levels = (r.va_bits - r.page_shift + stride - 1) / stride;
    uint64_t at = r.ttbr & TTBR_BADDR;
    uint64_t bits = va.raw & GENMASK64(r.va_bits - 1, 0);

    for (unsigned int level = 4 - levels; level < 3; level++) {
        uint64_t entry, desc;

        entry = at + 8 * (bits >> (r.page_shift + stride * (3 - level)));
        if ((entry & ~(PAGE_SIZE - 1)) == table.raw)
            return level;
        desc = read_ram(vcpu->domain, entry);
        if ((desc & (DESC_VALID | DESC_TABLE)) != (DESC_VALID | DESC_TABLE))
            return level; /* changed since: any answer is as good */
        at = desc & GENMASK64(47, 12) & ~((UINT64_C(1) << r.page_shift) - 1);
        bits &= GENMASK64(r.page_shift + stride * (3 - level) - 1, 0);
    }
    return 3;
}
