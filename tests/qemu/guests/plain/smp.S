/* SPDX-License-Identifier: Apache-2.0 */
/* Where CPU_ON sends a further CPU: x0 = the top of its stack, the MMU is off. */
#define CPACR_FPEN 0x300000

    .text
    .global smp_entry
    .type   smp_entry, %function
smp_entry:
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
    bl      smp_main
    b       .
    .size   smp_entry, . - smp_entry
