/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A domain from its configuration to its end: memory, stage 2, images, vCPUs, restart. Policy of
 * scheduling, interrupts and page tables lives elsewhere.
 */
#include "core/domain.h"

#include <stdarg.h>

#include <arch/cpu.h>
#include <arch/gic.h>
#include <arch/stage2.h>
#include <arch/timer.h>
#include <arch/tlb.h>
#include <arch/vcpu.h>

#include "core/console.h"
#include "core/direct.h"
#include "core/direct_vcpu.h"
#include "core/fmt.h"
#include "core/guest_fdt.h"
#include "core/mem.h"
#include "core/sched.h"
#include "core/string.h"
#include "core/vcpu.h"
#include "core/vgic.h"
#include "core/vpl011.h"

#define PLAIN_RAM_BASE UINT64_C(0x40000000)
#define PLAIN_IPA_BITS 36

#define CONSOLE_CPU 0 /* takes the UART's interrupt */

static struct domain domains[CONFIG_MAX_DOMAINS];
static struct vcpu vcpus[CONFIG_MAX_DOMAINS][CONFIG_MAX_VCPUS];
static unsigned int nr_domains;

void domain_io_acquire(struct domain *d) { spin_lock(&d->io_lock); }
void domain_io_release(struct domain *d) { spin_unlock(&d->io_lock); }

unsigned int domain_count(void) { return nr_domains; }

struct domain *domain_by_id(unsigned int id) { return id < nr_domains ? &domains[id] : NULL; }

/* What a plain guest's machine looks like: QEMU virt's addresses, which every tool knows. */
static const struct layout plain_layout = {
    .gicd = 0x08000000,
    .gicc = 0x08010000,
    .gicr = 0x080a0000,
    .uart = 0x09000000,
};

/* Give the blocks of a boot module to the guest as they lie; what follows the file is zeroed. */
static void adopt_module(struct domain *d, const struct module_config *module, ipa_t ipa)
{
    uint64_t first = (ipa.raw - d->ram_base) >> REGION_SHIFT;
    uint64_t blocks = (module->size + REGION_SIZE - 1) >> REGION_SHIFT;

    for (uint64_t i = 0; i < blocks; i++)
        d->chunk[first + i] = (uint32_t)(module->base >> REGION_SHIFT) + (uint32_t)i;
    mem_zero(pa_of(module->base + module->size), (blocks << REGION_SHIFT) - module->size);
}

static enum hv_err allocate_ram(struct domain *d)
{
    uint64_t chunks = d->ram_size >> REGION_SHIFT;
    uint64_t bytes = chunks * sizeof(d->chunk[0]);
    pa_t list = mem_alloc_pages((bytes + PAGE_SIZE - 1) / PAGE_SIZE, 1);

    if (list.raw == 0)
        return HV_ENOMEM;
    d->chunk = (uint32_t *)(uintptr_t)list.raw;
    if (d->image.in_place) {
        adopt_module(d, &d->config->kernel, d->image.kernel);
        if (d->config->ramdisk.present)
            adopt_module(d, &d->config->ramdisk, d->image.ramdisk);
    }
    for (uint64_t i = 0; i < chunks; i++) {
        pa_t chunk;

        if (d->chunk[i] != 0)
            continue;
        chunk = mem_alloc_chunk();
        if (chunk.raw == 0)
            return HV_ENOMEM;
        mem_zero(chunk, REGION_SIZE);
        d->chunk[i] = (uint32_t)(chunk.raw >> REGION_SHIFT);
    }
    return HV_OK;
}

static enum hv_err map_ram(struct domain *d)
{
    for (uint64_t i = 0; i < d->ram_size >> REGION_SHIFT; i++) {
        enum hv_err err =
            s2_map(&d->s2, ipa_of(d->ram_base + (i << REGION_SHIFT)),
                   pa_of((uint64_t)d->chunk[i] << REGION_SHIFT), REGION_SIZE, S2_RW, true);

        if (err != HV_OK)
            return err;
    }
    return HV_OK;
}

/* A GICv2 guest uses the hardware's virtual CPU interface where it expects its GICC. */
static enum hv_err map_gicv(struct domain *d)
{
    pa_t gicv = gic_gicv_pa();

    if (gic_version() != 2)
        return HV_OK;
    return s2_map(&d->s2, ipa_of(d->layout.gicc), gicv, 2 * PAGE_SIZE, S2_DEVICE, false);
}

static enum hv_err build_plain(struct domain *d)
{
    enum hv_err err;

    d->layout = plain_layout;
    d->ram_base = PLAIN_RAM_BASE;
    d->ram_size = d->config->memory;
    err = image_plan(d);
    if (err != HV_OK)
        return err;
    err = allocate_ram(d);
    if (err == HV_OK)
        err = s2_init(&d->s2, PLAIN_IPA_BITS);
    if (err == HV_OK)
        err = d->kind == DOMAIN_GUARDED ? guarded_create(d) : map_ram(d);
    if (err == HV_OK)
        err = map_gicv(d);
    if (err == HV_OK)
        err = image_make_dtb(d);
    if (err != HV_OK)
        return err;
    image_load(d);
    return HV_OK;
}

static void start_plain(struct domain *d)
{
    struct vcpu *vcpu = d->vcpu[0];

    d->cntvoff = timer_now();
    vcpu_reset(vcpu);
    vcpu->regs.x[0] = d->image.dtb.raw;
    vcpu->regs.elr = d->image.entry.raw;
}

/* "2 vCPUs on CPUs 0, 3" */
static void describe_vcpus(const struct domain *d, char *text, size_t size)
{
    size_t n = format_to(text, size, "%u vCPU%s on CPU%s", d->nr_vcpus, d->nr_vcpus > 1 ? "s" : "",
                         d->nr_vcpus > 1 ? "s" : "");

    for (unsigned int i = 0; i < d->nr_vcpus; i++)
        n += format_to(text + n, size - n, "%s %u", i != 0 ? "," : "", d->vcpu[i]->cpu);
}

static void describe(const struct domain *d)
{
    char cpus[64];

    describe_vcpus(d, cpus, sizeof(cpus));
    if (d->kind == DOMAIN_DIRECT) {
        printk("latch: domain %s: %lu MiB, %s, direct\n", d->name, d->config->memory >> 20, cpus);
        return;
    }
    printk("latch: domain %s: %lu MiB, %s, %s, %s of %lu KiB at %#lx%s\n", d->name,
           d->ram_size >> 20, cpus, domain_kind_name(d->kind), image_kind_name(d->image.kind),
           d->config->kernel.size >> 10, d->image.kernel.raw,
           d->image.in_place ? " (in place)" : "");
}

/* False, with a message: a CPU that it is to run on is not there. */
static bool make_vcpus(struct domain *d)
{
    for (unsigned int i = 0; i < d->config->nr_vcpus; i++) {
        unsigned int cpu = d->config->cpu[i];

        if (cpu_online(cpu) == NULL) {
            printk("latch: domain %s: vCPU %u is to run on CPU %u, which is not there\n", d->name,
                   i, cpu);
            return false;
        }
        d->vcpu[i] = &vcpus[d->id][i];
        vcpu_init(d->vcpu[i], d, i, cpu);
    }
    d->nr_vcpus = d->config->nr_vcpus;
    d->io_shared = d->nr_vcpus > 1 || d->vcpu[0]->cpu != CONSOLE_CPU;
    return true;
}

static void turn_on_first(struct domain *d)
{
    vcpu_set_power(d->vcpu[0], POWER_ON_PENDING);
    sched_add(d->vcpu[0]);
}

enum hv_err domain_create(const struct domain_config *config)
{
    struct domain *d = &domains[nr_domains];
    enum hv_err err;

    if (nr_domains == CONFIG_MAX_DOMAINS)
        return HV_E2BIG;
    d->id = nr_domains;
    d->config = config;
    d->kind = config->paging;
    memcpy(d->name, config->name, sizeof(d->name));
    if (!make_vcpus(d))
        return HV_ENOENT;
    err = d->kind == DOMAIN_DIRECT ? direct_create(d) : build_plain(d);
    if (err != HV_OK) {
        printk("latch: domain %s: cannot be built: %s\n", d->name,
               err == HV_ENOMEM ? "not enough memory" : "see above");
        return err;
    }
    vgic_init(d);
    if (config->vpl011)
        vpl011_init(d);
    if (d->kind != DOMAIN_DIRECT)
        start_plain(d);
    nr_domains++;
    describe(d);
    d->state = DOMAIN_RUNNING;
    for (unsigned int i = 0; i < d->nr_vcpus; i++)
        sched_pin(d->vcpu[i]);
    turn_on_first(d);
    return HV_OK;
}

void domain_fdt_args(const struct domain *d, struct guest_fdt_args *args)
{
    const struct domain_config *config = d->config;

    memset(args, 0, sizeof(*args));
    args->bootargs = config->kernel.bootargs;
    args->ram_base = d->ram_base;
    args->ram_size = d->ram_size;
    args->gic_version = gic_version();
    args->gicd = d->layout.gicd;
    args->gicc = d->layout.gicc;
    args->gicr = d->layout.gicr;
    args->uart = config->vpl011 ? d->layout.uart : 0;
    args->nr_vcpus = d->nr_vcpus;
    if (config->ramdisk.present) {
        args->initrd_start = d->image.ramdisk.raw;
        args->initrd_end = d->image.ramdisk.raw + config->ramdisk.size;
    }
}

/* Gone for good. False: it was already, or another CPU is just about to say why. */
static bool finish(struct domain *d, enum domain_state state)
{
    enum domain_state running = DOMAIN_RUNNING;

    return __atomic_compare_exchange_n(&d->state, &running, state, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

void domain_end(struct domain *d)
{
    if (!finish(d, DOMAIN_ENDED))
        return;
    sched_remove_domain(d);
    console_domain_flush(d);
    printk("latch: domain %s ended\n", d->name);
}

void domain_stop(struct domain *d, const char *format, ...)
{
    char reason[160];
    va_list args;

    va_start(args, format);
    format_string(reason, sizeof(reason), format, args);
    va_end(args);
    if (!finish(d, DOMAIN_STOPPED))
        return;
    sched_remove_domain(d);
    console_domain_flush(d);
    printk("latch: domain %s stopped: %s\n", d->name, reason);
}

void domain_restart(struct domain *d)
{
    __atomic_store_n(&d->reset_pending, true, __ATOMIC_RELEASE);
    sched_remove_domain(d);
}

static bool runs_at(const struct domain *d, uint64_t entry)
{
    if ((entry & 3) != 0)
        return false;
    return d->kind == DOMAIN_DIRECT || entry - d->ram_base < d->ram_size;
}

/* A vCPU that starts with its MMU off runs what nobody judges: only what is sealed. */
static bool is_sealed_entry(const struct domain *d, uint64_t entry)
{
    return d->kind != DOMAIN_GUARDED || ptwr_may_start_at(&d->paging.ptwr, pa_to_mfn(pa_of(entry)));
}

enum hv_err domain_start_vcpu(struct vcpu *caller, struct vcpu *target, uint64_t entry,
                              uint64_t context)
{
    struct domain *d = caller->domain;
    enum hv_err err = HV_OK;

    spin_lock(&d->lock);
    if (vcpu_power(target) != POWER_OFF) {
        err = HV_EBUSY;
    } else if (!runs_at(d, entry) || !is_sealed_entry(d, entry)) {
        err = HV_EFAULT;
    } else {
        vcpu_reset(target);
        vgic_vcpu_on(target);
        target->regs.x[0] = context;
        target->regs.elr = entry;
        if (d->kind == DOMAIN_DIRECT)
            err = direct_start_vcpu(caller, target);
        if (err == HV_OK)
            vcpu_set_power(target, POWER_ON_PENDING);
    }
    spin_unlock(&d->lock);
    if (err == HV_OK)
        sched_add(target);
    return err;
}

static bool other_is_on(const struct vcpu *vcpu)
{
    const struct domain *d = vcpu->domain;

    for (unsigned int i = 0; i < d->nr_vcpus; i++) {
        enum vcpu_power power = vcpu_power(d->vcpu[i]);

        if (d->vcpu[i] != vcpu && (power == POWER_ON || power == POWER_ON_PENDING))
            return true;
    }
    return false;
}

enum hv_err domain_leave_vcpu(struct vcpu *vcpu)
{
    struct domain *d = vcpu->domain;
    enum hv_err err = HV_OK;

    spin_lock(&d->lock);
    if (!other_is_on(vcpu))
        err = HV_EBUSY;
    else if (d->kind == DOMAIN_DIRECT)
        err = direct_leave_vcpu(vcpu);
    else if (d->kind == DOMAIN_GUARDED)
        err = guarded_leave_vcpu(vcpu);
    if (err == HV_OK) {
        vcpu_set_power(vcpu, POWER_LEAVING);
        sched_leave(vcpu);
    }
    spin_unlock(&d->lock);
    return err;
}

static const char *end_name(const struct domain *d)
{
    return d->state == DOMAIN_ENDED ? "ended in order" : "stopped by Latch";
}

void domain_summary(const struct domain *d)
{
    uint64_t ran = 0, turns = 0;
    uint64_t ms;

    for (unsigned int i = 0; i < d->nr_vcpus; i++) {
        ran += d->vcpu[i]->ran;
        turns += d->vcpu[i]->turns;
    }
    ms = ran * 1000 / timer_frequency();
    printk("latch: %s: %s, %s; had the CPU for %lu ms in %lu turns, restarted %u times\n", d->name,
           domain_kind_name(d->kind), end_name(d), ms, turns, d->restarts);
    if (d->kind != DOMAIN_PLAIN) {
        const struct ptwr_counters *count = &d->paging.ptwr.count;

        printk("latch: %s: page tables: %lu stores trapped, %lu emulated, %lu tables detached and "
               "reconnected, %lu entries judged, %lu refused, %lu audited\n",
               d->name, count->store_faults, count->emulated, count->opened, count->validated,
               count->refused, count->audited);
        printk("latch: %s: maintenance: %lu walks answered, %lu frames made tables, %lu tables "
               "dropped, %lu full invalidations, %lu by address, %lu of stage 2, %lu pages "
               "cleaned, %lu address spaces released\n",
               d->name, count->walk_faults, count->promoted, count->demoted, count->tlbi_all,
               count->tlbi_va, count->tlbi_ipa, count->cleaned, count->released);
    }
}

static void reset_plain(struct domain *d)
{
    for (uint64_t i = 0; i < d->ram_size >> REGION_SHIFT; i++)
        mem_zero(pa_of((uint64_t)d->chunk[i] << REGION_SHIFT), REGION_SIZE);
    image_load(d);
    if (d->kind == DOMAIN_GUARDED)
        guarded_reset(d);
    s2_flush(&d->s2);
    start_plain(d);
}

void domain_reset(struct domain *d)
{
    __atomic_store_n(&d->reset_pending, false, __ATOMIC_RELEASE);
    if (!d->config->on_reset_restart) {
        finish(d, DOMAIN_ENDED);
        console_domain_flush(d);
        printk("latch: domain %s ended (reset; latch,on-reset = \"stop\")\n", d->name);
        return;
    }
    printk("latch: domain %s restarts\n", d->name);
    d->restarts++;
    console_domain_flush(d);
    for (unsigned int i = 0; i < d->nr_vcpus; i++)
        vcpu_reset(d->vcpu[i]); /* what one was made ready for is gone */
    vgic_reset(d);
    vpl011_reset(d);
    if (d->kind == DOMAIN_DIRECT) {
        enum hv_err err = direct_reset(d);

        if (err != HV_OK) {
            domain_stop(d, "cannot be built again (%d)", (int)err);
            return;
        }
    } else {
        reset_plain(d);
    }
    turn_on_first(d);
}
