/* SPDX-License-Identifier: Apache-2.0 */
#include "core/guest_mem.h"

#include "core/domain.h"
#include "core/vcpu.h"

enum hv_err guest_translate(struct vcpu *vcpu, va_t va, struct ptwr_walk *walk,
                            unsigned int *budget)
{
    struct ptwr *p = &vcpu->domain->paging.ptwr;
    enum hv_err err = ptwr_translate(p, vcpu->id, va, walk);

    if (err != HV_EAGAIN)
        return err;
    err = paging_sync(vcpu, PTWR_T_EL2_WALK, budget);
    return err == HV_OK ? ptwr_translate(p, vcpu->id, va, walk) : err;
}

static const struct frame *own_frame(const struct ptwr *p, mfn_t mfn)
{
    const struct frame *frame = frame_get(p->frames, mfn);

    return frame != NULL && frame->owner == p->owner ? frame : NULL;
}

/*
 * EL2 must not store for the guest where the guest could not, nor where a walker might still look.
 * HV_OK, HV_EFAULT, or HV_EAGAIN while the frame waits for a flush to become plain.
 */
static enum hv_err may_store(struct ptwr *p, mfn_t mfn, const struct frame *frame,
                             unsigned int *budget)
{
    enum hv_err err = ptwr_settle(p, mfn, budget);

    if (err != HV_OK)
        return err;
    return frame->state == FRAME_PLAIN && !frame->readonly ? HV_OK : HV_EFAULT;
}

/* EL2's pointer to the byte at `va`, in memory that the guest may read, or may write. */
static enum hv_err find(struct vcpu *vcpu, va_t va, bool write, uint8_t **at, unsigned int *budget)
{
    struct ptwr *p = &vcpu->domain->paging.ptwr;
    struct ptwr_walk walk;
    const struct frame *frame;
    mfn_t mfn;
    enum hv_err err = guest_translate(vcpu, va, &walk, budget);

    if (err != HV_OK)
        return err;
    mfn = pa_to_mfn(pa_of(walk.oa));
    frame = own_frame(p, mfn);
    if (frame == NULL || (write && !walk.writable_el1))
        return HV_EFAULT;
    if (write)
        err = may_store(p, mfn, frame, budget);
    if (err != HV_OK)
        return err;
    *at = paging_page(&vcpu->domain->paging, mfn) + page_offset(walk.oa);
    return HV_OK;
}

static size_t in_page(va_t va, size_t size)
{
    size_t room = PAGE_SIZE - (va.raw & (PAGE_SIZE - 1));

    return size < room ? size : room;
}

static bool by_words(const void *a, const void *b, size_t n)
{
    return ((((uintptr_t)a) | (uintptr_t)b | n) & 7) == 0;
}

static bool by_instructions(const void *a, const void *b, size_t n)
{
    return (((uintptr_t)a | (uintptr_t)b | n) & 3) == 0;
}

/* Long lists of requests come this way: four at a time. */
static void copy_words(uint64_t *to, const uint64_t *from, size_t n)
{
    for (; n >= 4; n -= 4, to += 4, from += 4) {
        uint64_t a = __atomic_load_n(&from[0], __ATOMIC_RELAXED);
        uint64_t b = __atomic_load_n(&from[1], __ATOMIC_RELAXED);
        uint64_t c = __atomic_load_n(&from[2], __ATOMIC_RELAXED);
        uint64_t d = __atomic_load_n(&from[3], __ATOMIC_RELAXED);

        to[0] = a;
        to[1] = b;
        to[2] = c;
        to[3] = d;
    }
    for (; n != 0; n--)
        *to++ = __atomic_load_n(from++, __ATOMIC_RELAXED);
}

static void copy_in(uint8_t *to, const uint8_t *from, size_t n)
{
    if (by_words(to, from, n)) {
        copy_words((uint64_t *)(void *)to, (const uint64_t *)(const void *)from, n / 8);
        return;
    }
    if (by_instructions(to, from, n)) {
        for (size_t i = 0; i < n; i += 4)
            *(uint32_t *)(void *)(to + i) =
                __atomic_load_n((const uint32_t *)(const void *)(from + i), __ATOMIC_RELAXED);
        return;
    }
    for (size_t i = 0; i < n; i++)
        to[i] = __atomic_load_n(from + i, __ATOMIC_RELAXED);
}

static void copy_out(uint8_t *to, const uint8_t *from, size_t n)
{
    if (by_words(to, from, n)) {
        for (size_t i = 0; i < n; i += 8)
            __atomic_store_n((uint64_t *)(void *)(to + i),
                             *(const uint64_t *)(const void *)(from + i), __ATOMIC_RELAXED);
        return;
    }
    for (size_t i = 0; i < n; i++)
        __atomic_store_n(to + i, from[i], __ATOMIC_RELAXED);
}

enum hv_err guest_read(struct vcpu *vcpu, va_t from, void *to, size_t size, unsigned int *budget)
{
    uint8_t *local = to;

    while (size != 0) {
        size_t n = in_page(from, size);
        uint8_t *at;
        enum hv_err err = find(vcpu, from, false, &at, budget);

        if (err != HV_OK)
            return err;
        copy_in(local, at, n);
        local += n;
        from.raw += n;
        size -= n;
    }
    return HV_OK;
}

enum hv_err guest_can_write(struct vcpu *vcpu, va_t to, size_t size, unsigned int *budget)
{
    while (size != 0) {
        size_t n = in_page(to, size);
        uint8_t *at;
        enum hv_err err = find(vcpu, to, true, &at, budget);

        if (err != HV_OK)
            return err;
        to.raw += n;
        size -= n;
    }
    return HV_OK;
}

enum hv_err guest_write(struct vcpu *vcpu, va_t to, const void *from, size_t size,
                        unsigned int *budget)
{
    const uint8_t *local = from;

    while (size != 0) {
        size_t n = in_page(to, size);
        uint8_t *at;
        enum hv_err err = find(vcpu, to, true, &at, budget);

        if (err != HV_OK)
            return err;
        copy_out(at, local, n);
        local += n;
        to.raw += n;
        size -= n;
    }
    return HV_OK;
}
