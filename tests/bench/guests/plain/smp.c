/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What CPUs of one guest cost each other: an SGI from CPU 0 to CPU 1, a call by SGI and its answer
 * in memory, and CPU 1 going and coming back. "bench: NAME OPERATIONS TICKS" as in traps.c; the
 * same program runs under Latch and on the bare machine.
 *
 * One CPU runs at a time, and time is what all of them execute together: whoever waits says so
 * (YIELD, WFI), and the next CPU goes on.
 */
#include "common/print.h"
#include "plain/exception.h"
#include "plain/gic.h"
#include "plain/guest.h"
#include "plain/mmu.h"
#include "plain/psci.h"
#include "plain/timer.h"

#define MAX_CPUS     8u
#define STACK_SIZE   4096
#define ROUNDS       128u
#define SGI          5u
#define TARGET       1u
#define AFFINITY_OFF 1

extern char smp_entry[];
void smp_main(uint64_t started);

static uint8_t stacks[MAX_CPUS][STACK_SIZE] __attribute__((aligned(16)));

/* What CPU 0 and the target tell each other. */
static bool asleep;      /* the target waits in WFI, else in a loop */
static bool leave;       /* the target turns itself off */
static uint64_t entered; /* when its handler began */
static uint64_t left;    /* when it called CPU_OFF */
static uint64_t first;   /* when its first instruction ran */
static unsigned int answers, starts;

#define GET(x)    __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define PUT(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELEASE)

static inline void yield(void) { __asm__ volatile("yield" ::: "memory"); }

/* The counter may tick once in many instructions: the rounds start at different parts of a tick. */
static void shift_phase(unsigned int round)
{
    for (unsigned int i = 0; i < round % 16; i++)
        __asm__ volatile("nop");
}

/* The call, and its answer as the last thing that the caller waits for. */
void guest_interrupt(struct exception *e)
{
    uint64_t now = timer_now();
    uint32_t acknowledged = gic_acknowledge();

    (void)e;
    gic_end(acknowledged);
    PUT(entered, now);
    PUT(answers, answers + 1);
    yield();
}

static void target_loop(void)
{
    while (!GET(leave)) {
        if (!GET(asleep)) {
            yield();
            continue;
        }
        interrupts_off(); /* what comes from here on ends the WFI */
        if (GET(asleep))
            wfi();
        interrupts_on();
    }
}

void smp_main(uint64_t started)
{
    mmu_join();
    gic_init();
    gic_enable(SGI);
    if (gic_cpu() != TARGET) {
        PUT(starts, starts + 1);
        for (;;)
            wfi();
    }
    PUT(first, started);
    interrupts_on();
    PUT(starts, starts + 1);
    target_loop();
    interrupts_off();
    PUT(left, timer_now());
    hvc_call(PSCI_CPU_OFF, 0, 0, 0);
}

static int64_t turn_on(unsigned int cpu)
{
    return hvc_call(PSCI_CPU_ON, cpu, (uintptr_t)smp_entry, (uintptr_t)stacks[cpu] + STACK_SIZE);
}

static bool come_up(unsigned int cpu)
{
    unsigned int before = GET(starts);

    if (turn_on(cpu) != 0)
        return false;
    while (GET(starts) == before)
        yield();
    return true;
}

/* Until the target waits where it is to wait. */
static void settle(void)
{
    for (unsigned int i = 0; i < 64; i++)
        yield();
}

/* The ticks from `start` until the target's handler was entered; it has answered by then. */
static uint64_t call(uint64_t *answered)
{
    unsigned int before = GET(answers);
    uint64_t start = timer_now();

    gic_send(SGI, 1u << TARGET);
    while (GET(answers) == before)
        yield();
    *answered += timer_now() - start;
    return GET(entered) - start;
}

static void measure_call(bool sleeps, const char *where)
{
    uint64_t to_handler = 0, to_answer = 0, unused = 0;

    PUT(asleep, sleeps);
    for (unsigned int round = 0; round < ROUNDS; round++) {
        settle();
        shift_phase(round);
        to_handler += call(&to_answer);
    }
    print("bench: sgi_%s %u %lu\n", where, ROUNDS, to_handler);
    print("bench: call_%s %u %lu\n", where, ROUNDS, to_answer);
    PUT(asleep, false);
    (void)call(&unused);
}

static void measure_hotplug(void)
{
    uint64_t on = 0, off = 0, both = 0;

    for (unsigned int round = 0; round < ROUNDS; round++) {
        uint64_t gone, start;

        settle();
        PUT(leave, true);
        while (hvc_call(PSCI_AFFINITY_INFO, TARGET, 0, 0) != AFFINITY_OFF)
            yield();
        gone = timer_now();
        PUT(leave, false);
        shift_phase(round);
        start = timer_now();
        if (!come_up(TARGET)) {
            print("bench: CPU_ON was refused\n");
            return;
        }
        off += gone - GET(left);
        on += GET(first) - start;
        both += GET(first) - GET(left);
    }
    print("bench: cpu_off %u %lu\n", ROUNDS, off);
    print("bench: cpu_on %u %lu\n", ROUNDS, on);
    print("bench: hotplug %u %lu\n", ROUNDS, both);
}

void guest_main(uint64_t dtb)
{
    unsigned int cpus = 1;

    (void)dtb;
    mmu_enable();
    gic_init();
    print("bench: frequency %lu\n", timer_frequency());
    while (cpus < MAX_CPUS && come_up(cpus))
        cpus++;
    print("bench: cpus %u\n", cpus);
    measure_call(false, "loop");
    measure_call(true, "wfi");
    measure_hotplug();
    print("bench: end\n");
}
