/* SPDX-License-Identifier: Apache-2.0 */
#include "plain/psci.h"

void psci_off(void)
{
    hvc_call(PSCI_SYSTEM_OFF, 0, 0, 0);
    for (;;)
        wfi();
}

void psci_reset(void)
{
    hvc_call(PSCI_SYSTEM_RESET, 0, 0, 0);
    for (;;)
        wfi();
}
