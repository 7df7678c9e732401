/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where CPU_ON sends a further CPU: x0 = the top of its stack, the MMU is off. The first instruction
 * says when it was.
 */
#define CPACR_FPEN 0x300000

    .text
    .global smp_entry
    .type   smp_entry, %function
smp_entry:
    mrs     x19, cntvct_el0
    msr     spsel, #1
    mov     sp, x0
    mov     x1, #CPACR_FPEN
    msr     cpacr_el1, x1
    adrp    x1, guest_vectors
    add     x1, x1, :lo12:guest_vectors
    msr     vbar_el1, x1
    isb
    mov     x29, xzr
    mov     x30, xzr
    mov     x0, x19
    bl      smp_main
    b       .
    .size   smp_entry, . - smp_entry
