/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EL2's own address space: virtual equals physical, and views of guarded domains above that. The
 * image is mapped by section (text RX, rodata R, the rest RW), all other memory RW and never
 * executable.
 */
#pragma once

#include "ptwr/base.h"

/* head.S, MMU still off: map the image and the device tree at `fdt`, return for TTBR0_EL2. */
uint64_t el2_mmu_prepare(uint64_t fdt);

/* HV_ENOMEM. Mapping what is mapped already is no error. */
NODISCARD
enum hv_err el2_map_ram(pa_t base, uint64_t size);
NODISCARD
enum hv_err el2_map_device(pa_t base, uint64_t size);

/*
 * Where EL2 sees the IPAs of guarded domain `id`, above all machine addresses: 8 TiB for each,
 * which is more than any stage 2 here translates.
 */
static inline uint64_t el2_view(unsigned int id) { return BIT64(47) | (uint64_t)id << 43; }

/* Map the 2 MiB region at `pa` a second time, at `va` in a view. HV_ENOMEM. */
NODISCARD
enum hv_err el2_map_view(uint64_t va, pa_t pa);

/* Take a page out of the map: a guard below a stack. */
void el2_unmap_page(pa_t page);
