/* SPDX-License-Identifier: Apache-2.0 */
/* Which call a number is, and the calls that do not concern memory. */
#include "core/hypercall.h"

#include "core/console.h"
#include "core/domain.h"
#include "core/guest_mem.h"
#include "core/hypercall_calls.h"
#include "core/refusal.h"
#include "core/sched.h"
#include "core/string.h"
#include "core/vgic.h"

#define INTERFACE_VERSION (3 << 16 | 0)

#define VERSION_TEXT 16

#define PSTATE_I BIT64(7)

/* Characters that one trap moves: each may wait for the UART. */
#define CONSOLE_CHUNK 64

/* Out to the guest, under the domain's lock. */
static enum hv_err put(struct vcpu *vcpu, uint64_t to, const void *from, size_t size)
{
    struct domain *d = vcpu->domain;
    unsigned int budget = PTWR_BUDGET;
    enum hv_err err;

    spin_lock(&d->lock);
    err = guest_write(vcpu, va_of(to), from, size, &budget);
    spin_unlock(&d->lock);
    return err;
}

static enum hv_err get(struct vcpu *vcpu, uint64_t from, void *to, size_t size)
{
    struct domain *d = vcpu->domain;
    unsigned int budget = PTWR_BUDGET;
    enum hv_err err;

    spin_lock(&d->lock);
    err = guest_read(vcpu, va_of(from), to, size, &budget);
    spin_unlock(&d->lock);
    return err;
}

/* The end of a call. */
static void finish(struct vcpu *vcpu, int64_t result)
{
    if (result == HYPERCALL_AGAIN)
        vcpu->regs.elr -= 4;
    else
        vcpu->regs.x[0] = (uint64_t)result;
}

/* Out of line, so that the answers without a pointer cost nothing more than themselves. */
__attribute__((noinline)) static void put_version(struct vcpu *vcpu, const void *text)
{
    finish(vcpu, hypercall_result(put(vcpu, vcpu->regs.x[1], text, VERSION_TEXT)));
}

/* xen_version(command, pointer) */
static void xen_version(struct vcpu *vcpu)
{
    static const char extra[VERSION_TEXT] = "-latch";
    static const uint8_t handle[VERSION_TEXT];

    switch (vcpu->regs.x[0]) {
    case XENVER_version:
        vcpu->regs.x[0] = INTERFACE_VERSION;
        break;
    case XENVER_extraversion:
        put_version(vcpu, extra);
        break;
    case XENVER_pagesize:
        vcpu->regs.x[0] = PAGE_SIZE;
        break;
    case XENVER_guest_handle:
        put_version(vcpu, handle);
        break;
    default:
        vcpu->regs.x[0] = (uint64_t)(int64_t)HV_ENOSYS;
        break;
    }
}

static enum hv_err write_part(struct vcpu *vcpu, size_t n)
{
    char text[CONSOLE_CHUNK];
    enum hv_err err = get(vcpu, vcpu->regs.x[2], text, n);

    for (size_t i = 0; err == HV_OK && i < n; i++)
        console_guest_putc(vcpu->domain, text[i]);
    return err;
}

/* Under the lock as a whole: what one vCPU gets no other does. */
static enum hv_err read_part(struct vcpu *vcpu, size_t *n)
{
    struct domain *d = vcpu->domain;
    unsigned int budget = PTWR_BUDGET;
    char text[CONSOLE_CHUNK];
    enum hv_err err;

    spin_lock(&d->lock);
    *n = console_input_peek(d, text, *n);
    err = guest_write(vcpu, va_of(vcpu->regs.x[2]), text, *n, &budget);
    if (err == HV_OK)
        console_input_drop(d, *n);
    spin_unlock(&d->lock);
    return err;
}

/* A part of what is left, from or to x2; x1 is left, x3 is done. */
static int64_t console_part(struct vcpu *vcpu, bool write, uint64_t left, uint64_t *done)
{
    size_t n = left < CONSOLE_CHUNK ? left : CONSOLE_CHUNK;
    enum hv_err err = write ? write_part(vcpu, n) : read_part(vcpu, &n);

    if (err == HV_OK)
        *done = n;
    return hypercall_result(err);
}

/* console_io(command, count, buffer) */
static int64_t console_io(struct vcpu *vcpu)
{
    uint64_t *x = vcpu->regs.x;
    uint32_t command = (uint32_t)x[0];
    uint64_t total = (command & HYPERCALL_CONTINUED) != 0 ? x[3] : 0;
    uint64_t count = (uint32_t)x[1];
    uint64_t done = 0;
    int64_t result;

    command &= ~HYPERCALL_CONTINUED;
    if (command != CONSOLEIO_write && command != CONSOLEIO_read)
        return HV_ENOSYS;
    if (count == 0)
        return (int64_t)total;
    result = console_part(vcpu, command == CONSOLEIO_write, count, &done);
    if (result == HV_EFAULT && total != 0) /* what is out is out */
        return (int64_t)total;
    if (result != 0)
        return result;
    total += done;
    if (done == count || done == 0)
        return (int64_t)total;
    x[0] = command | HYPERCALL_CONTINUED;
    x[1] = count - done;
    x[2] += done;
    x[3] = total;
    return HYPERCALL_AGAIN;
}

/* vm_assist(command, type) */
static int64_t vm_assist(struct vcpu *vcpu)
{
    struct domain *d = vcpu->domain;
    struct ptwr *p = &d->paging.ptwr;
    uint64_t command = vcpu->regs.x[0];
    unsigned int budget = PTWR_BUDGET;
    uint64_t refused;
    enum hv_err err;

    if (command != VMASST_CMD_enable && command != VMASST_CMD_disable)
        return HV_ENOSYS;
    if (vcpu->regs.x[1] != VMASST_TYPE_writable_pagetables)
        return HV_EINVAL;
    spin_lock(&d->lock);
    refused = p->count.refused;
    err = ptwr_assist(p, command == VMASST_CMD_enable, &budget);
    refusal_report_new(vcpu, p, &(struct refusal_place){.pc = vcpu->regs.elr - 4}, refused);
    if (err == HV_EPERM)
        paging_crash(vcpu);
    spin_unlock(&d->lock);
    return hypercall_result(err);
}

static int64_t shutdown(struct vcpu *vcpu, uint32_t reason)
{
    struct domain *d = vcpu->domain;

    if (reason != SHUTDOWN_poweroff && reason != SHUTDOWN_reboot && reason != SHUTDOWN_crash)
        return HV_EINVAL;
    if (!paging_quiesce(vcpu))
        return HYPERCALL_AGAIN;
    if (reason == SHUTDOWN_poweroff) {
        domain_end(d);
    } else if (reason == SHUTDOWN_reboot) {
        domain_restart(d);
    } else {
        domain_stop(d, "it says that it crashed, pc %#lx", vcpu->regs.elr - 4);
    }
    return 0;
}

/* sched_op(command, pointer) */
static int64_t sched_op(struct vcpu *vcpu)
{
    struct sched_shutdown how;
    enum hv_err err;

    switch (vcpu->regs.x[0]) {
    case SCHEDOP_yield:
        sched_yield(vcpu);
        return 0;
    case SCHEDOP_block:
        vcpu->regs.spsr &= ~PSTATE_I;
        if (!vgic_has_pending(vcpu))
            sched_block(vcpu);
        return 0;
    case SCHEDOP_shutdown:
        err = get(vcpu, vcpu->regs.x[1], &how, sizeof(how));
        return err == HV_OK ? shutdown(vcpu, how.reason) : hypercall_result(err);
    default:
        return HV_ENOSYS;
    }
}

/* latch_op(command, pointer, size) */
static int64_t latch_op(struct vcpu *vcpu)
{
    struct domain *d = vcpu->domain;
    const struct paging *paging = &d->paging;
    uint64_t size = vcpu->regs.x[2];
    struct latch_counters counters;
    const void *from;
    uint64_t n;
    enum hv_err err;

    switch (vcpu->regs.x[0]) {
    case LATCH_OP_counters:
        spin_lock(&d->lock);
        memcpy(&counters, &paging->ptwr.count, sizeof(counters));
        spin_unlock(&d->lock);
        from = &counters;
        n = sizeof(counters);
        break;
    case LATCH_OP_refusal:
        from = &paging->refusal;
        n = sizeof(paging->refusal);
        break;
    default:
        return HV_ENOSYS;
    }
    if (size < n)
        n = size;
    err = put(vcpu, vcpu->regs.x[1], from, n);
    return err == HV_OK ? (int64_t)n : hypercall_result(err);
}

/* As the table wants them. The tail call of a short one is all that hypercall() costs. */
#define CALL(name)                                                                                 \
    static void call_##name(struct vcpu *vcpu) { finish(vcpu, name(vcpu)); }

CALL(hypercall_mmu_update)
CALL(hypercall_memory_op)
CALL(hypercall_update_va_mapping)
CALL(console_io)
CALL(vm_assist)
CALL(hypercall_vcpu_op)
CALL(hypercall_mmuext_op)
CALL(sched_op)
CALL(latch_op)

static void (*const calls[])(struct vcpu *vcpu) = {
    [__HYPERVISOR_mmu_update] = call_hypercall_mmu_update,
    [__HYPERVISOR_memory_op] = call_hypercall_memory_op,
    [__HYPERVISOR_update_va_mapping] = call_hypercall_update_va_mapping,
    [__HYPERVISOR_xen_version] = xen_version,
    [__HYPERVISOR_console_io] = call_console_io,
    [__HYPERVISOR_vm_assist] = call_vm_assist,
    [__HYPERVISOR_vcpu_op] = call_hypercall_vcpu_op,
    [__HYPERVISOR_mmuext_op] = call_hypercall_mmuext_op,
    [__HYPERVISOR_sched_op] = call_sched_op,
    [__HYPERVISOR_latch_op] = call_latch_op,
};

/* A plain domain has none: the answer is Xen's -ENOSYS. */
void hypercall(struct vcpu *vcpu)
{
    uint64_t number = vcpu->regs.x[16];

    if (vcpu->domain->kind == DOMAIN_DIRECT && number < ARRAY_SIZE(calls) && calls[number] != NULL)
        calls[number](vcpu);
    else
        vcpu->regs.x[0] = (uint64_t)(int64_t)HV_ENOSYS;
}
