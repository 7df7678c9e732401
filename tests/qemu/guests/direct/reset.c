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
    /* The runtime has made tables of the first free frames; behind them nothing was touched. */
    pages += (end - pages) / 2;
    for (; pages < end; pages++) {
        if (*pages != 0)
            return failed("free memory");
    }
    return false;
}

static void spoil(void)
{
    static struct rig rig;
    uint64_t *page;

    initialized = 1;
    zeroed = 1;
    (void)assist_set(true);
    rig_make(&rig);
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
