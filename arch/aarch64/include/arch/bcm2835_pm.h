/* SPDX-License-Identifier: Apache-2.0 */
/* Power-off by the power management block of the BCM283x and BCM2711. */
#pragma once

/* Finds and maps it; a board may have none. */
void bcm2835_pm_init(const void *fdt);
/* Asks for it, and returns: it takes some 150 us. Does nothing where there is none. */
void bcm2835_pm_off(void);
