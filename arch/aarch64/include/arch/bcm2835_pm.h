/* SPDX-License-Identifier: Apache-2.0 */
/* Power-off by the power management block of the BCM283x and BCM2711. */
#pragma once

/* Finds and maps it; a board may have none. */
void bcm2835_pm_init(const void *fdt);
/* Returns only if there is no such block, or if it has not done it. */
void bcm2835_pm_off(void);
