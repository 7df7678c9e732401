/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's CPUs: their records and stacks, and how the others get into EL2. */
#include <libfdt.h>

#include <arch/barrier.h>
#include <arch/cache.h>
#include <arch/cpu.h>
#include <arch/gic.h>
#include <arch/mmu.h>
#include <arch/psci.h>
#include <arch/timer.h>
#include <arch/tlb.h>
#include <arch/vcpu.h>

#include "core/console.h"
#include "core/mem.h"
#include "core/sched.h"
#include "core/string.h"

#define STACK_SIZE    16384
#define MPIDR_FIELDS  UINT64_C(0xff00ffffff)
#define START_WAIT_US 1000000 /* an emulator on a busy machine takes its time */

/* The page below each stack is taken out of EL2's map: an overflow faults. */
struct cpu_stacks {
    uint8_t guard[PAGE_SIZE];
    uint8_t stack[STACK_SIZE - sizeof(struct cpu)];
    struct cpu cpu; /* right above the stack: see struct cpu */
    uint8_t panic_guard[PAGE_SIZE];
    uint8_t panic[PAGE_SIZE];
} __attribute__((aligned(4096)));

static struct cpu_stacks stacks[CPU_MAX];
static bool released;

extern char secondary[], secondary_spin[];
extern uint64_t boot_ttbr;
/* What a CPU from a spin-table finds instead of PSCI's context: secondary_spin has the index. */
extern struct cpu *boot_records[CPU_MAX];
struct cpu *cpu_boot_record(void);
void secondary_main(void);

static struct cpu *prepare(unsigned int id, uint64_t mpidr)
{
    struct cpu *cpu = &stacks[id].cpu;

    cpu->id = id;
    cpu->mpidr = mpidr;
    cpu->panic_top = (uint64_t)(uintptr_t)stacks[id].panic + PAGE_SIZE;
    el2_unmap_page(pa_of((uint64_t)(uintptr_t)stacks[id].guard));
    el2_unmap_page(pa_of((uint64_t)(uintptr_t)stacks[id].panic_guard));
    return cpu;
}

struct cpu *cpu_boot_record(void)
{
    struct cpu *cpu = prepare(0, read_sysreg(mpidr_el1) & MPIDR_FIELDS);

    cpu->online = true;
    tlb_init_cpu();
    return cpu;
}

/* One without a GIC interface that Latch can open counts as not started. */
void secondary_main(void)
{
    struct cpu *cpu = this_cpu();

    tlb_init_cpu();
    if (gic_init_cpu() == HV_OK) {
        timer_init_cpu();
        arch_vcpu_init_cpu();
        __atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
    }
    while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE))
        wfe();
    while (!cpu->online)
        wfi();
    sched_start();
}

void smp_release(void)
{
    __atomic_store_n(&released, true, __ATOMIC_RELEASE);
    dsb_ishst();
    sev();
}

const struct cpu *cpu_online(unsigned int id)
{
    return id < CPU_MAX && stacks[id].cpu.online ? &stacks[id].cpu : NULL;
}

/* Where a CPU with enable-method "spin-table" looks for its entry; 0: it has another method. */
static uint64_t release_address(const void *fdt, int node)
{
    int length;
    const fdt32_t *cell = fdt_getprop(fdt, node, "cpu-release-addr", &length);
    uint64_t address;

    if (cell == NULL || length != 8 ||
        fdt_stringlist_search(fdt, node, "enable-method", "spin-table") != 0)
        return 0;
    address = (uint64_t)fdt32_to_cpu(cell[0]) << 32 | fdt32_to_cpu(cell[1]);
    return (address & 7) == 0 ? address : 0;
}

/*
 * Devicetree Specification 3.8.1; Linux, Documentation/arm64/booting.rst. The CPU waits with its
 * caches off. Latch keeps memory that is reserved mapped, but not where address 0 is, which the
 * table of a Raspberry Pi is beside.
 */
static bool spin_table_on(unsigned int id, struct cpu *cpu, uint64_t release)
{
    volatile uint64_t *slot = (volatile uint64_t *)(uintptr_t)release;
    bool low = release < REGION_SIZE;

    if (low && el2_map_device(pa_of(release & ~(PAGE_SIZE - 1)), PAGE_SIZE) != HV_OK)
        return false;
    boot_records[id] = cpu;
    cache_clean_range(&boot_records[id], sizeof(uint64_t));
    /* Each CPU has an entry of its own, two instructions long. */
    *slot = (uint64_t)(uintptr_t)secondary_spin + 8 * id;
    cache_clean_range((const void *)(uintptr_t)release, sizeof(*slot));
    dsb_sy();
    sev();
    if (low)
        el2_unmap_page(pa_of(release));
    return true;
}

/* Through firmware, as the CPU's node says. */
static bool turn_on(const void *fdt, int node, unsigned int id, struct cpu *cpu)
{
    uint64_t release = release_address(fdt, node);

    if (release != 0)
        return spin_table_on(id, cpu, release);
    return firmware_cpu_on(cpu->mpidr, pa_of((uint64_t)(uintptr_t)secondary),
                           (uint64_t)(uintptr_t)cpu) == 0;
}

static bool start(const void *fdt, int node, unsigned int id, uint64_t mpidr)
{
    struct cpu *cpu = prepare(id, mpidr);
    uint64_t until;

    if (!turn_on(fdt, node, id, cpu))
        return false;
    until = timer_now() + timer_us(START_WAIT_US);
    while (!__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE)) {
        if (timer_now() > until)
            return false;
    }
    return true;
}

void smp_init(const void *fdt)
{
    int parent = fdt_path_offset(fdt, "/cpus");
    unsigned int found = 1, online = 1;
    int node;

    /* The others read these with their MMU off. */
    cache_clean_range(&boot_ttbr, sizeof(boot_ttbr));
    fdt_for_each_subnode(node, fdt, parent)
    {
        int length;
        const fdt32_t *reg = fdt_getprop(fdt, node, "reg", &length);
        uint64_t mpidr;

        if (reg == NULL || (length != 4 && length != 8))
            continue;
        mpidr = fdt32_to_cpu(reg[0]);
        if (length == 8)
            mpidr = mpidr << 32 | fdt32_to_cpu(reg[1]);
        if ((mpidr & MPIDR_FIELDS) == stacks[0].cpu.mpidr)
            continue;
        if (found == CPU_MAX) {
            printk("latch: more than %u CPUs: the rest stay off\n", CPU_MAX);
            break;
        }
        if (start(fdt, node, found, mpidr & MPIDR_FIELDS))
            online++;
        else
            printk("latch: CPU %#lx does not start\n", mpidr);
        found++;
    }
    printk("latch: %u of %u CPUs in EL2\n", online, found);
}
