/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs for EL0, copied into a page of their own; position independent. Each ends with SVC #0;
 * one that faults goes on where it was.
 */
    .section .rodata
    .balign 16
    .global user_text
user_text:

/* x0 = address. x0 = the 64 bits there. */
    .global user_load
user_load:
    ldr     x0, [x0]
    svc     #0

/* x0 = address, x1 = value. */
    .global user_store
user_store:
    str     x1, [x0]
    svc     #0

/* x0 = address, x1 = pages, x2 = value of the first page's first word; one more in each. */
    .global user_fill
user_fill:
    str     x2, [x0]
    str     x2, [x0, #8]
    add     x2, x2, #1
    add     x0, x0, #1, lsl #12
    subs    x1, x1, #1
    b.ne    user_fill
    svc     #0

/* x0 = address, x1 = pages. x2 = sum of the first two words of each. */
    .global user_sum
user_sum:
    mov     x2, #0
1:  ldp     x3, x4, [x0], #16
    add     x2, x2, x3
    add     x2, x2, x4
    add     x0, x0, #4080
    subs    x1, x1, #1
    b.ne    1b
    svc     #0

/* x0 = turns. */
    .global user_spin
user_spin:
    subs    x0, x0, #1
    b.ne    user_spin
    svc     #0

/* x0 = address: goes there. */
    .global user_jump
user_jump:
    br      x0

/* x0 = 42. */
    .global user_answer
user_answer:
    mov     x0, #42
    svc     #0

    .global user_text_end
user_text_end:
