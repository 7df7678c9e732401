/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A direct guest's first instructions and its exception vectors. Entered at EL1h with the MMU on,
 * interrupts masked, x0 = VA of struct latch_start_info, SP set.
 */
#include "direct/exception_offsets.h"

#define CPACR_FPEN 0x300000

    .section .text.head, "ax"
    .global guest_start
guest_start:
    mov     x1, #CPACR_FPEN         /* some tests store vector registers */
    msr     cpacr_el1, x1
    adrp    x1, guest_vectors
    add     x1, x1, :lo12:guest_vectors
    msr     vbar_el1, x1
    isb
    adrp    x1, bss_start
    add     x1, x1, :lo12:bss_start
    adrp    x2, bss_end
    add     x2, x2, :lo12:bss_end
1:  cmp     x1, x2
    b.hs    2f
    stp     xzr, xzr, [x1], #16
    b       1b
2:  mov     x29, xzr
    mov     x30, xzr
    bl      guest_begin
    b       .

/* Saves all, calls exception_entry(struct exception *, slot), restores what it left there. */
    .macro slot number
    .org guest_vectors + \number * 0x80
    sub     sp, sp, #EXCEPTION_SIZE
    stp     x0, x1, [sp, #0]
    mov     x1, #\number
    b       save
    .endm

    .text
    .balign 2048
    .global guest_vectors
guest_vectors:
    slot    0
    slot    1
    slot    2
    slot    3
    slot    4
    slot    5
    slot    6
    slot    7
    slot    8
    slot    9
    slot    10
    slot    11
    slot    12
    slot    13
    slot    14
    slot    15
    .org guest_vectors + 0x800

save:
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    mrs     x2, elr_el1
    stp     x30, x2, [sp, #240]
    mrs     x2, spsr_el1
    mrs     x3, esr_el1
    stp     x2, x3, [sp, #256]
    mrs     x2, far_el1
    mrs     x3, sp_el0
    stp     x2, x3, [sp, #272]
    mov     x0, sp
    bl      exception_entry
    ldr     x2, [sp, #256]
    msr     spsr_el1, x2
    ldp     x30, x2, [sp, #240]
    msr     elr_el1, x2
    ldp     x28, x29, [sp, #224]
    ldp     x26, x27, [sp, #208]
    ldp     x24, x25, [sp, #192]
    ldp     x22, x23, [sp, #176]
    ldp     x20, x21, [sp, #160]
    ldp     x18, x19, [sp, #144]
    ldp     x16, x17, [sp, #128]
    ldp     x14, x15, [sp, #112]
    ldp     x12, x13, [sp, #96]
    ldp     x10, x11, [sp, #80]
    ldp     x8, x9, [sp, #64]
    ldp     x6, x7, [sp, #48]
    ldp     x4, x5, [sp, #32]
    ldp     x2, x3, [sp, #16]
    ldp     x0, x1, [sp, #0]
    add     sp, sp, #EXCEPTION_SIZE
    eret
