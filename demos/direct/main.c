/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small paravirtual kernel: builds, forks and tears down address spaces with plain stores, then
 * tries what is forbidden. "direct: all work done" means that everything was as it has to be.
 */
#include "common/print.h"
#include "demo.h"
#include "direct/counters.h"
#include "direct/guest.h"
#include "direct/interrupt.h"
#include "direct/memory.h"

void demo_failed(const char *what, uint64_t seen, uint64_t wanted)
{
    print("direct: FAILED: %s: 0x%lx, not 0x%lx\n", what, seen, wanted);
    guest_crash();
}

void demo_check(uint64_t seen, uint64_t wanted, const char *what)
{
    if (seen != wanted)
        demo_failed(what, seen, wanted);
}

void guest_main(void)
{
    struct latch_counters counters;

    print("direct: %lu MiB in %lu scattered frames, tables walked at +0x%lx, GICv%lu\n",
          start_info->nr_pages >> 8, start_info->nr_pages, start_info->walk,
          start_info->gic_version);
    interrupt_init();
    work_strict();
    forbidden_strict();
    demo_check((uint64_t)assist_set(true), 0, "vm_assist");
    print("direct: assist on: from here on tables are written with plain stores\n");
    process_init();
    if (guest_option("interactive")) {
        shell();
    } else {
        work_spaces();
        work_ranges();
        work_fork(4);
        work_switch();
        work_hypercalls();
        forbidden();
    }
    counters_read(&counters);
    counters_print("direct:", &counters);
    print("direct: all work done\n");
}
