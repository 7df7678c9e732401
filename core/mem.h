/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's memory: free ranges from the device tree, less everything that is in use. Given
 * out at boot, never taken back. EL2's map is one to one, so a pa_t is an address.
 */
#pragma once

#include "ptwr/base.h"

/* Read /memory, /memreserve/, /reserved-memory; keep the image and the device tree. */
NODISCARD
enum hv_err mem_init(const void *fdt);

/* Keep a range (a boot module) out of what is given out. HV_ENOMEM: too many ranges. */
NODISCARD
enum hv_err mem_reserve(pa_t base, uint64_t size);

/* Map all of memory into EL2. After the last mem_reserve(). */
NODISCARD
enum hv_err mem_map(void);

/* Zeroed pages, `align` pages aligned (a power of two); raw 0: none left. */
pa_t mem_alloc_pages(uint64_t count, uint64_t align);

/* 2 MiB, aligned, not zeroed; raw 0: none left. */
pa_t mem_alloc_chunk(void);

/* Zero memory by DC ZVA. base and size: multiples of 1; fast where both are block-aligned. */
void mem_zero(pa_t base, uint64_t size);

uint64_t mem_free_bytes(void);
uint64_t mem_total_bytes(void);
/* The first address of all memory, and the first one above it. */
pa_t mem_start(void);
pa_t mem_end(void);
