/* SPDX-License-Identifier: Apache-2.0 */
/* The least that a guest can do. */
#include "common/print.h"
#include "plain/guest.h"

void guest_main(uint64_t dtb)
{
    print("hello, device tree at %p, EL%lu\n", (void *)(uintptr_t)dtb, read_sysreg(CurrentEL) >> 2);
}
