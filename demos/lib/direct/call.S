/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that an exception may end: try_call() and user_enter() leave a frame with the callee-saved
 * registers, DAIF and the previous such frame on the stack; try_unwind() and user_unwind() return
 * through it, whatever was on the stack below.
 */
#include "direct/exception_offsets.h"

    .macro push_frame pointer
    stp     x29, x30, [sp, #-112]!
    stp     x27, x28, [sp, #16]
    stp     x25, x26, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x21, x22, [sp, #64]
    stp     x19, x20, [sp, #80]
    mrs     x9, daif
    adrp    x10, \pointer
    ldr     x11, [x10, :lo12:\pointer]
    stp     x9, x11, [sp, #96]
    mov     x12, sp
    str     x12, [x10, :lo12:\pointer]
    .endm

    .macro pop_frame pointer
    ldp     x9, x11, [sp, #96]
    adrp    x10, \pointer
    str     x11, [x10, :lo12:\pointer]
    msr     daif, x9
    ldp     x19, x20, [sp, #80]
    ldp     x21, x22, [sp, #64]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #32]
    ldp     x27, x28, [sp, #16]
    ldp     x29, x30, [sp], #112
    .endm

    .macro drop_to pointer
    adrp    x10, \pointer
    ldr     x12, [x10, :lo12:\pointer]
    mov     sp, x12
    .endm

    .text
/* x0 = function, x1, x2 = its arguments. Returns its value in x0, 0 in x1. */
    .global try_call
    .type   try_call, %function
try_call:
    push_frame try_frame
    mov     x9, x0
    mov     x0, x1
    mov     x1, x2
    blr     x9
    mov     x1, #0
1:  pop_frame try_frame
    ret
    .size   try_call, . - try_call

/* Returns from the innermost try_call() with x1 = 1. */
    .global try_unwind
    .type   try_unwind, %function
try_unwind:
    drop_to try_frame
    mov     x0, #0
    mov     x1, #1
    b       1b
    .size   try_unwind, . - try_unwind

/* x0 = struct user. Returns by user_unwind(). */
    .global user_enter
    .type   user_enter, %function
user_enter:
    push_frame user_frame
    msr     daifset, #0xf           /* an interrupt from here on would change ELR_EL1 */
    ldr     x1, [x0, #USER_SP]
    ldp     x2, x3, [x0, #USER_PC]
    msr     sp_el0, x1
    msr     elr_el1, x2
    msr     spsr_el1, x3
    ldp     x2, x3, [x0, #16]
    ldp     x4, x5, [x0, #32]
    ldp     x6, x7, [x0, #48]
    ldp     x8, x9, [x0, #64]
    ldp     x10, x11, [x0, #80]
    ldp     x12, x13, [x0, #96]
    ldp     x14, x15, [x0, #112]
    ldp     x16, x17, [x0, #128]
    ldp     x18, x19, [x0, #144]
    ldp     x20, x21, [x0, #160]
    ldp     x22, x23, [x0, #176]
    ldp     x24, x25, [x0, #192]
    ldp     x26, x27, [x0, #208]
    ldp     x28, x29, [x0, #224]
    ldr     x30, [x0, #240]
    ldp     x0, x1, [x0]
    eret
    .size   user_enter, . - user_enter

    .global user_unwind
    .type   user_unwind, %function
user_unwind:
    drop_to user_frame
    pop_frame user_frame
    ret
    .size   user_unwind, . - user_unwind

/* x0 = address. Returns the 64 bits there. */
    .global probe_load
    .type   probe_load, %function
probe_load:
    ldr     x0, [x0]
    ret
    .size   probe_load, . - probe_load

/* x0 = address, x1 = value. */
    .global probe_store
    .type   probe_store, %function
probe_store:
    str     x1, [x0]
    ret
    .size   probe_store, . - probe_store

    .bss
    .balign 8
    .global try_frame
try_frame:
    .skip   8
    .global user_frame
user_frame:
    .skip   8
