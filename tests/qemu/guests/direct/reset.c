/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever an earlier life did, this one starts as the first did; then it spoils what it can. */
#include "common/print.h"
#include "common/string.h"
#include "direct/counters.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/interrupt.h"
#include "direct/memory.h"
#include "direct/rig.h"

static uint64_t initialized = 4711;
static uint64_t zeroed;

static bool failed(const char *what)
{
    print("reset: FAILED: %s\n", what);
    return true;
}

static bool is_spoiled(const struct latch_counters *c)
{
    const uint64_t *pages = pfn_to_virt(start_info->first_free);
    const uint64_t *end = pfn_to_virt(start_info->m2p_pages);

    if (initialized != 4711 || zeroed != 0)
        return failed("the image's data");
    if (c->opened != 0 || c->emulated != 0 || c->refused != 0 || c->walk_faults != 0)
        return failed("the counters");
    if (timer_ticks != 0 || read_sysreg(cntv_ctl_el0) != 0)
        return failed("the timer");
    if ((read_sysreg(daif) >> 6 & 0xf) != 0xf)
        return failed("DAIF");
    if ((read_sysreg(ttbr0_el1) & ENTRY_ADDRESS) != 0)
        return failed("TTBR0_EL1");
    /* The earlier life had made it ready to run: with bases that nobody holds any more. */
    if (start_info->nr_vcpus > 1 && hyp_vcpu_op(VCPUOP_up, 1, NULL) != -LATCH_EINVAL)
        return failed("a vCPU that can be started");
    /* The runtime has made tables of the first free frames; behind them nothing was touched. */
    pages += (end - pages) / 2;
    for (; pages < end; pages++) {
        if (*pages != 0)
            return failed("free memory");
    }
    return false;
}

/* As far as it goes without running it. */
static void make_second_ready(struct rig *rig)
{
    struct latch_vcpu_context context = {
        .pc = (uint64_t)(uintptr_t)guest_main,
        .ttbr0 = space_ttbr(&rig->space),
        .ttbr1 = read_sysreg(ttbr1_el1),
    };

    if (hyp_vcpu_op(VCPUOP_initialise, 1, &context) != 0)
        guest_crash();
}

static void spoil(void)
{
    static struct rig rig;
    uint64_t *page;

    initialized = 1;
    zeroed = 1;
    (void)assist_set(true);
    rig_make(&rig);
    if (start_info->nr_vcpus > 1)
        make_second_ready(&rig);
    while (pages_free() > 100) {
        page = page_alloc();
        memset(page, 0x55, PAGE_SIZE);
    }
    interrupt_init();
    timer_every(1000);
    entry_write(&rig.level3[5], entry_page(rig.page[1], PAGE_PRIVATE));
    entry_write(&rig.level2[5], 2);
    if (guest_option("by-psci"))
        (void)psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
    guest_shutdown(SHUTDOWN_reboot);
}

void guest_main(void)
{
    struct latch_counters counters;

    counters_read(&counters);
    if (is_spoiled(&counters))
        guest_crash();
    print("reset: pristine\n");
    spoil();
}
