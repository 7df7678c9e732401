/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several CPUs: how they come and go, and how interrupts find their way between them. CPU 0 gives
 * the others jobs and checks what came of them. bootargs: "off" or "reset" to end by that call from
 * the last CPU, "hang" to leave the others in a loop at the end.
 */
#include "check.h"
#include "common/string.h"
#include "plain/dtb.h"
#include "plain/gic.h"
#include "plain/mmu.h"
#include "plain/psci.h"
#include "plain/timer.h"

#define MAX_CPUS   8
#define STACK_SIZE 4096
#define SPI        40u
#define SGI        5u
#define ROUNDS     60u

#define AFFINITY_ON  0
#define AFFINITY_OFF 1
#define ALREADY_ON   (-4)
#define ON_PENDING   (-5)
#define BAD_ADDRESS  (-9)

extern char smp_entry[];
void smp_main(void);

typedef void (*job_fn)(unsigned int cpu);

struct cpu {
    job_fn job;          /* to do; NULL once it is done */
    unsigned int starts; /* times it came up */
    uint64_t mpidr;
    unsigned int sgis; /* taken */
    unsigned int sgis_from[MAX_CPUS];
    unsigned int spis;
    unsigned int ticks;
    bool hold; /* the handler of the SPI does not end it until this is cleared */
    bool holds;
};

static struct cpu cpus[MAX_CPUS];
static unsigned int nr_cpus;
static uint8_t stacks[MAX_CPUS][STACK_SIZE] __attribute__((aligned(16)));
static uint64_t counter;
static unsigned int turn;

#define GET(x)    __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define PUT(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELEASE)
#define ADD(x, n) __atomic_fetch_add(&(x), (n), __ATOMIC_ACQ_REL)

static void take_one(struct cpu *me)
{
    uint32_t acknowledged = gic_acknowledge();
    unsigned int intid = acknowledged & 0x3ff;

    if (intid == SGI) {
        ADD(me->sgis_from[acknowledged >> 10 & 7], 1);
        ADD(me->sgis, 1);
    } else if (intid == SPI) {
        ADD(me->spis, 1);
        PUT(me->holds, true);
        while (GET(me->hold))
            ;
        PUT(me->holds, false);
    } else if (intid == TIMER_INTID) {
        timer_stop();
        ADD(me->ticks, 1);
    }
    if (intid < 1020)
        gic_end(acknowledged);
}

void guest_interrupt(struct exception *e)
{
    (void)e;
    take_one(&cpus[gic_cpu()]);
}

static void setup(void)
{
    gic_init();
    gic_enable(SGI);
    gic_enable(TIMER_INTID);
}

void smp_main(void)
{
    struct cpu *me;

    mmu_join();
    me = &cpus[gic_cpu()];
    me->mpidr = read_sysreg(mpidr_el1);
    setup();
    ADD(me->starts, 1);
    for (;;) {
        job_fn job = GET(me->job);

        if (job == NULL)
            continue;
        job(gic_cpu());
        PUT(me->job, NULL);
    }
}

static void give(unsigned int cpu, job_fn job) { PUT(cpus[cpu].job, job); }

/* False: it did not happen within a while that is long for any machine. */
#define UNTIL(condition)                                                                           \
    ({                                                                                             \
        uint64_t until_ = timer_now() + timer_ms(4000);                                            \
        bool came_;                                                                                \
        while (!(came_ = (condition)) && timer_now() < until_)                                     \
            ;                                                                                      \
        came_;                                                                                     \
    })

static bool is_done(unsigned int cpu) { return UNTIL(GET(cpus[cpu].job) == NULL); }

static bool all_done(void)
{
    bool done = true;

    for (unsigned int i = 1; i < nr_cpus; i++)
        done = is_done(i) && done;
    return done;
}

static void give_all(job_fn job)
{
    for (unsigned int i = 1; i < nr_cpus; i++)
        give(i, job);
    job(0);
}

static int64_t turn_on(unsigned int cpu)
{
    return hvc_call(PSCI_CPU_ON, cpu, (uintptr_t)smp_entry, (uintptr_t)stacks[cpu] + STACK_SIZE);
}

static int64_t affinity(unsigned int cpu) { return hvc_call(PSCI_AFFINITY_INFO, cpu, 0, 0); }

static void bring_up(void)
{
    bool ok = true, again = true, on = true, right = true;

    check_equal("cpu_on: an address without memory",
                (uint64_t)hvc_call(PSCI_CPU_ON, 1, 0x10000000, 0), (uint64_t)BAD_ADDRESS);
    check_equal("cpu_on: an address that is not aligned",
                (uint64_t)hvc_call(PSCI_CPU_ON, 1, (uintptr_t)smp_entry + 2, 0),
                (uint64_t)BAD_ADDRESS);
    for (unsigned int i = 1; i < nr_cpus; i++) {
        int64_t second;

        ok = ok && affinity(i) == AFFINITY_OFF && turn_on(i) == 0;
        second = turn_on(i);
        again = again && (second == ALREADY_ON || second == ON_PENDING);
        ok = ok && UNTIL(GET(cpus[i].starts) == 1);
        on = on && affinity(i) == AFFINITY_ON;
        right = right && (cpus[i].mpidr & UINT64_C(0xff00ffffff)) == i;
    }
    check("all CPUs come up", ok);
    check("cpu_on: refused while it is on", again);
    check("affinity_info: on", on);
    check("each has its own MPIDR", right);
}

static void let_in(unsigned int cpu)
{
    uint64_t until = timer_now() + timer_ms(1);

    (void)cpu;
    interrupts_on();
    while (timer_now() < until)
        ;
    interrupts_off();
}

static void send_to_all(unsigned int cpu)
{
    (void)cpu;
    for (unsigned int i = 0; i < nr_cpus; i++)
        gic_send(SGI, 1u << i);
}

/* GICv2 keeps the senders apart; on GICv3 those that meet are one. */
static void sgis_to_all(void)
{
    unsigned int v2 = gic_version() == 2;
    bool right = true;

    give_all(send_to_all);
    check("all send to all", all_done());
    give_all(let_in);
    all_done();
    for (unsigned int i = 0; i < nr_cpus; i++) {
        right = right && (v2 ? cpus[i].sgis == nr_cpus : cpus[i].sgis >= 1);
        for (unsigned int from = 0; v2 && from < nr_cpus; from++)
            right = right && cpus[i].sgis_from[from] == 1;
    }
    check("each SGI arrives, and says from whom", right);
}

/* Each waits in WFI for the one before it and wakes the one behind it. */
static void pass_on(unsigned int cpu)
{
    for (unsigned int round = 0; round < ROUNDS; round++) {
        unsigned int taken = GET(cpus[cpu].sgis);

        while (GET(turn) != cpu) {
            interrupts_off();
            if (GET(cpus[cpu].sgis) == taken && GET(turn) != cpu)
                wfi();
            interrupts_on();
        }
        PUT(turn, (cpu + 1) % nr_cpus);
        gic_send(SGI, 1u << (cpu + 1) % nr_cpus);
    }
    interrupts_off();
}

static void ring(void)
{
    turn = 0;
    give_all(pass_on);
    check("a token goes round by WFI and SGIs", all_done());
}

static void take_ticks(unsigned int cpu)
{
    struct cpu *me = &cpus[cpu];

    me->ticks = 0;
    interrupts_on();
    for (unsigned int i = 0; i < 5; i++) {
        timer_set(timer_now() + timer_ms(1));
        while (GET(me->ticks) == i)
            wfi();
    }
    interrupts_off();
}

static void timers(void)
{
    bool right;

    give_all(take_ticks);
    right = all_done();
    for (unsigned int i = 0; i < nr_cpus; i++)
        right = right && cpus[i].ticks == 5;
    check("each CPU has its own timer", right);
}

/* The counter never goes back from one CPU to the next. */
static void count_up(unsigned int cpu)
{
    for (unsigned int round = 0; round < ROUNDS; round++) {
        uint64_t now;

        while (GET(turn) != cpu)
            ;
        now = timer_now();
        if (now < counter)
            counter = UINT64_MAX;
        else if (counter != UINT64_MAX)
            counter = now;
        PUT(turn, (cpu + 1) % nr_cpus);
    }
}

static void counters(void)
{
    counter = 0;
    turn = 0;
    give_all(count_up);
    check("all CPUs have the same counter", all_done() && counter != UINT64_MAX);
}

static void let_in_until_spi(unsigned int cpu)
{
    unsigned int before = GET(cpus[cpu].spis);

    interrupts_on();
    while (GET(cpus[cpu].spis) == before)
        ;
    interrupts_off();
}

static unsigned int spis_on(unsigned int cpu) { return GET(cpus[cpu].spis); }

static void spi_routes(void)
{
    bool right = true;

    gic_enable(SPI);
    for (unsigned int i = 1; i < nr_cpus; i++) {
        unsigned int before = spis_on(i);

        gic_route(SPI, i);
        give(i, let_in_until_spi);
        gic_set_pending(SPI);
        right = right && is_done(i) && spis_on(i) == before + 1;
    }
    check("an SPI goes where it is routed", right);
}

/* What happens to an SPI that waits at CPU 1, which has its interrupts masked: CPU 0 changes it. */
static void spi_is_taken_back(void)
{
    unsigned int before = spis_on(1);

    gic_route(SPI, 1);
    gic_set_pending(SPI);
    check("SPI elsewhere: reads as pending", gic_is_pending(SPI));
    gic_clear_pending(SPI);
    check("SPI elsewhere: no longer pending", UNTIL(!gic_is_pending(SPI)));
    give(1, let_in);
    check("SPI elsewhere: unpended, is not taken", is_done(1) && spis_on(1) == before);

    gic_set_pending(SPI);
    gic_disable(SPI);
    gic_settle();
    check("SPI elsewhere: disabled, still pending", gic_is_pending(SPI));
    give(1, let_in);
    check("SPI elsewhere: disabled, is not taken", is_done(1) && spis_on(1) == before);
    gic_enable(SPI);
    gic_route(SPI, nr_cpus - 1);
    before = spis_on(nr_cpus - 1);
    give(nr_cpus - 1, let_in_until_spi);
    check("SPI elsewhere: routed on, arrives there",
          is_done(nr_cpus - 1) && spis_on(nr_cpus - 1) == before + 1);
}

static void spi_is_active(void)
{
    struct cpu *other = &cpus[1];

    gic_route(SPI, 1);
    PUT(other->hold, true);
    give(1, let_in_until_spi);
    gic_set_pending(SPI);
    check("SPI elsewhere: taken", UNTIL(GET(other->holds)));
    check("SPI elsewhere: reads as active", gic_is_active(SPI));
    check("SPI elsewhere: not pending", !gic_is_pending(SPI));
    gic_set_pending(SPI);
    check("SPI elsewhere: active and pending", UNTIL(gic_is_pending(SPI)) && gic_is_active(SPI));
    gic_clear_pending(SPI);
    PUT(other->hold, false);
    check("SPI elsewhere: ended", is_done(1) && UNTIL(!gic_is_active(SPI)));
}

/* SGIs between all while CPU 0 moves an SPI about: none is lost, nobody is stuck. */
static void ping(unsigned int cpu)
{
    unsigned int next = cpu % (nr_cpus - 1) + 1;

    interrupts_on();
    for (unsigned int i = 0; i < ROUNDS; i++) {
        unsigned int before = GET(cpus[next].sgis);

        gic_send(SGI, 1u << next);
        while (GET(cpus[next].sgis) == before)
            ;
    }
    PUT(cpus[cpu].starts, 2); /* done, but answers the others until all are */
    for (unsigned int i = 1; i < nr_cpus;)
        i += GET(cpus[i].starts) == 2;
    interrupts_off();
}

static void storm(void)
{
    unsigned int turns = 0;
    bool busy = true;

    for (unsigned int i = 1; i < nr_cpus; i++)
        give(i, ping);
    for (uint64_t end = timer_now() + timer_ms(40000); busy && timer_now() < end; turns++) {
        gic_route(SPI, 1 + turns % (nr_cpus - 1));
        gic_set_pending(SPI);
        (void)gic_is_active(SPI);
        if (turns % 3 == 0)
            gic_disable(SPI);
        gic_enable(SPI);
        if (turns % 5 == 0)
            gic_clear_pending(SPI);
        busy = false;
        for (unsigned int i = 1; i < nr_cpus; i++)
            busy = busy || GET(cpus[i].job) != NULL;
    }
    check("a storm of SGIs, with an SPI in between, loses none", !busy);
    gic_disable(SPI);
    for (unsigned int i = 1; i < nr_cpus; i++)
        PUT(cpus[i].starts, 1);
}

static void go_off(unsigned int cpu)
{
    PUT(cpus[cpu].job, NULL);
    hvc_call(PSCI_CPU_OFF, 0, 0, 0);
    ADD(cpus[cpu].starts, 100);
}

static void off_and_on(void)
{
    bool off = true, on = true;

    for (unsigned int round = 0; round < 3; round++) {
        for (unsigned int i = 1; i < nr_cpus; i++)
            give(i, go_off);
        for (unsigned int i = 1; i < nr_cpus; i++)
            off = off && UNTIL(affinity(i) == AFFINITY_OFF) && GET(cpus[i].starts) == round + 1;
        for (unsigned int i = 1; i < nr_cpus; i++)
            on = on && turn_on(i) == 0 && UNTIL(GET(cpus[i].starts) == round + 2);
    }
    check("CPUs go off", off);
    check("and come up again", on);
}

static void end_all(unsigned int cpu)
{
    (void)cpu;
    psci_off();
}

static void reset_all(unsigned int cpu)
{
    (void)cpu;
    psci_reset();
}

static void hang(unsigned int cpu)
{
    (void)cpu;
    for (;;)
        ;
}

static unsigned int count_cpus(void)
{
    unsigned int n = 1;

    while (n < MAX_CPUS && affinity(n) >= 0)
        n++;
    return n;
}

static void finish(const char *how)
{
    check_end();
    if (strcmp(how, "hang") == 0) {
        for (unsigned int i = 1; i < nr_cpus; i++)
            give(i, hang);
        return;
    }
    if (strcmp(how, "off") == 0)
        give(nr_cpus - 1, end_all);
    else if (strcmp(how, "reset") == 0 && read_sysreg(cntpct_el0) < 8 * timer_frequency())
        give(nr_cpus - 1, reset_all);
    else
        return;
    for (;;)
        ;
}

void guest_main(uint64_t dtb)
{
    const char *how;

    how = dtb_bootargs(dtb);
    mmu_enable();
    setup();
    nr_cpus = count_cpus();
    print("%u CPUs, GICv%u\n", nr_cpus, gic_version());
    bring_up();
    sgis_to_all();
    ring();
    timers();
    counters();
    spi_routes();
    spi_is_taken_back();
    spi_is_active();
    storm();
    off_and_on();
    finish(how);
}
