/* SPDX-License-Identifier: Apache-2.0 */
#include "plain/exception.h"

#include <assert.h>

#include "common/print.h"
#include "plain/exception_offsets.h"
#include "plain/guest.h"
#include "plain/psci.h"

static_assert(sizeof(struct exception) == EXCEPTION_SIZE, "start.S saves them");
static_assert(offsetof(struct exception, elr) == 248, "start.S saves it");
static_assert(offsetof(struct exception, far) == 272, "start.S saves it");

static NORETURN void unexpected(const char *what, const struct exception *e)
{
    print("unexpected %s: ESR 0x%lx ELR 0x%lx FAR 0x%lx\n", what, e->esr, e->elr, e->far);
    psci_off();
}

__attribute__((weak)) void guest_exception(struct exception *e) { unexpected("exception", e); }

__attribute__((weak)) void guest_interrupt(struct exception *e) { unexpected("interrupt", e); }

void guest_exception_entry(struct exception *e, unsigned int slot)
{
    enum exception_kind kind = (enum exception_kind)(slot & 3);

    e->from_el0 = slot >= 8;
    if (kind == EXCEPTION_IRQ || kind == EXCEPTION_FIQ)
        guest_interrupt(e);
    else
        guest_exception(e);
}
