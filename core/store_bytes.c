/* SPDX-License-Identifier: Apache-2.0 */
#include "core/store_bytes.h"

#include <arch/cache.h>
#include <arch/regime.h>
#include <arch/vcpu.h>

#include "core/domain.h"
#include "core/guest_mem.h"
#include "core/string.h"
#include "core/vcpu.h"
#include "ptwr/port.h"

#define ENTRY 8 /* bytes */

/* DC ZVA, of the block that the address is in. */
static unsigned int zero_block(struct store_bytes *bytes)
{
    uint64_t block = cache_zero_block();

    if (block > sizeof(bytes->byte))
        return 0;
    bytes->va &= ~(block - 1);
    memset(bytes->byte, 0, (size_t)block);
    return (unsigned int)block;
}

/* Is the fault's address one of those stored to? A tag is no part of it. */
static bool is_hit(const struct store_bytes *bytes, const struct trap *trap)
{
    return (trap->far.raw - bytes->va) << 8 >> 8 < bytes->count;
}

static enum hv_err find_page(struct vcpu *vcpu, uint64_t va, mfn_t *page, unsigned int *budget)
{
    struct ptwr *p = &vcpu->domain->paging.ptwr;
    const struct frame *frame;
    struct ptwr_walk walk;
    enum hv_err err = guest_translate(vcpu, va_of(va), &walk, budget);

    if (err == HV_EFAULT || (err == HV_OK && !walk.writable_el1))
        return HV_ENOENT;
    if (err != HV_OK)
        return err;
    *page = pa_to_mfn(pa_of(walk.oa));
    frame = frame_get(p->frames, *page);
    return frame != NULL && frame->owner == p->owner && !frame->readonly ? HV_OK : HV_ENOENT;
}

enum hv_err store_bytes_find(struct vcpu *vcpu, const struct trap *trap,
                             const struct store_insn *insn, struct store_bytes *bytes,
                             unsigned int *budget)
{
    const uint64_t *x = vcpu->regs.x;
    uint64_t last;
    enum hv_err err;

    bytes->va = decode_address(insn, x, regime_sp_read(vcpu));
    bytes->done = 0;
    if (insn->kind == STORE_ZERO)
        bytes->count = zero_block(bytes);
    else if (insn->kind == STORE_VECTOR || insn->kind == STORE_STRUCTURE)
        bytes->count = decode_bytes(insn, x, arch_vector_regs(vcpu), bytes->byte);
    else
        bytes->count = decode_bytes(insn, x, NULL, bytes->byte);
    if (bytes->count == 0 || !is_hit(bytes, trap))
        return HV_ENOENT;
    err = find_page(vcpu, bytes->va, &bytes->page[0], budget);
    last = bytes->va + bytes->count - 1;
    if (err == HV_OK && page_offset(last) < page_offset(bytes->va))
        err = find_page(vcpu, last, &bytes->page[1], budget);
    return err;
}

/* The largest access that is aligned and whole. */
static unsigned int access_size(uint64_t va, unsigned int room)
{
    unsigned int size = ENTRY;

    while (size > room || (va & (size - 1)) != 0)
        size /= 2;
    return size;
}

static uint64_t join(const uint8_t *from, unsigned int size)
{
    uint64_t value = 0;

    for (unsigned int i = 0; i < size; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return value;
}

/* By accesses as large as can be, for others may look. */
static void store_plain(uint8_t *to, const uint8_t *from, unsigned int count)
{
    while (count != 0) {
        unsigned int size = access_size((uintptr_t)to, count);
        uint64_t value = join(from, size);

        if (size == 8)
            __atomic_store_n((uint64_t *)(void *)to, value, __ATOMIC_RELAXED);
        else if (size == 4)
            __atomic_store_n((uint32_t *)(void *)to, (uint32_t)value, __ATOMIC_RELAXED);
        else if (size == 2)
            __atomic_store_n((uint16_t *)(void *)to, (uint16_t)value, __ATOMIC_RELAXED);
        else
            __atomic_store_n(to, (uint8_t)value, __ATOMIC_RELAXED);
        to += size;
        from += size;
        count -= size;
    }
}

/* The guest may look at it by a mapping that is not cached. */
static void store_writable(const struct paging *paging, mfn_t page, uint64_t va,
                           const uint8_t *from, unsigned int count)
{
    uint8_t *to = paging_page(paging, page) + page_offset(va);

    store_plain(to, from, count);
    cache_flush_range(to, count);
}

/* Nobody but EL2 can store to the table, so that the other bytes of the entry stand still. */
static void describe(const struct ptwr *p, const struct store_bytes *bytes, mfn_t table,
                     uint64_t va, unsigned int count, struct ptwr_store *store)
{
    unsigned int shift = 8 * (va % ENTRY);
    uint64_t mask = count == ENTRY ? UINT64_MAX : (BIT64(8 * count) - 1) << shift;
    uint64_t value = join(&bytes->byte[bytes->done], count) << shift;

    store->table = table;
    store->offset = (uint16_t)(page_offset(va) & ~(uint64_t)(ENTRY - 1));
    store->size = ENTRY;
    store->va = va_of(va);
    store->value =
        value | (ptwr_port_load(p->port, table, store->offset / sizeof(desc_t)).raw & ~mask);
}

bool store_bytes_next(struct vcpu *vcpu, struct store_bytes *bytes, struct ptwr_store *store)
{
    const struct ptwr *p = &vcpu->domain->paging.ptwr;

    while (bytes->done < bytes->count) {
        uint64_t va = bytes->va + bytes->done;
        mfn_t page = bytes->page[page_offset(va) < page_offset(bytes->va) ? 1 : 0];
        const struct frame *frame = frame_get(p->frames, page);
        unsigned int room = ENTRY - (unsigned int)(va % ENTRY);
        unsigned int left = bytes->count - bytes->done;
        unsigned int count = left < room ? left : room;

        if (frame->state != FRAME_PLAIN && frame->state != FRAME_OPEN) {
            describe(p, bytes, page, va, count, store);
            bytes->done += count;
            return true;
        }
        store_writable(&vcpu->domain->paging, page, va, &bytes->byte[bytes->done], count);
        bytes->done += count;
    }
    return false;
}
