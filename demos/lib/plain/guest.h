/* SPDX-License-Identifier: Apache-2.0 */
/* Between start.S, the library and the guest. */
#pragma once

#include "common/types.h"
#include "plain/exception.h"

/* Where a plain guest's machine, and QEMU's virt, have things. */
#define RAM_BASE  UINT64_C(0x40000000)
#define GICD_BASE UINT64_C(0x08000000)
#define GICC_BASE UINT64_C(0x08010000)
#define GICR_BASE UINT64_C(0x080a0000)
#define UART_BASE UINT64_C(0x09000000)

/*
 * The guest itself; powers off when it returns. `dtb` is 0 where the boot loader passes none, as
 * QEMU does for ELF files.
 */
void guest_main(uint64_t dtb);

void guest_exception_entry(struct exception *e, unsigned int slot);

extern char guest_start[], guest_end[], guest_vectors[];

/* Single accesses of exactly this width, in instructions that a hypervisor can decode. */
static inline uint32_t mmio_read32(uint64_t address)
{
    uint32_t value;

    __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}

static inline void mmio_write32(uint64_t address, uint32_t value)
{
    __asm__ volatile("str %w0, [%1]" ::"rZ"(value), "r"(address) : "memory");
}

static inline uint64_t mmio_read64(uint64_t address)
{
    uint64_t value;

    __asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}

static inline void mmio_write64(uint64_t address, uint64_t value)
{
    __asm__ volatile("str %x0, [%1]" ::"rZ"(value), "r"(address) : "memory");
}

static inline uint8_t mmio_read8(uint64_t address)
{
    uint32_t value;

    __asm__ volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return (uint8_t)value;
}

static inline void mmio_write8(uint64_t address, uint8_t value)
{
    __asm__ volatile("strb %w0, [%1]" ::"rZ"((uint32_t)value), "r"(address) : "memory");
}
