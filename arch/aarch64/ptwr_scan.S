/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scans of page tables for ptwr_port.c, by vector registers: they load four entries with one
 * instruction, and these loops are most of what opening and reconnecting a table costs. The
 * registers are the guest's, so each routine puts back those that it uses.
 *
 * Blocks are 32 entries. Pointers are 16-byte aligned. Nobody stores to what is read.
 */
    .arch_extension fp
    .arch_extension simd

    .macro keep
    sub     sp, sp, #128
    stp     q0, q1, [sp, #0]
    stp     q2, q3, [sp, #32]
    stp     q4, q5, [sp, #64]
    stp     q6, q7, [sp, #96]
    .endm

    .macro give_back
    ldp     q0, q1, [sp, #0]
    ldp     q2, q3, [sp, #32]
    ldp     q4, q5, [sp, #64]
    ldp     q6, q7, [sp, #96]
    add     sp, sp, #128
    .endm

/* Entries at byte offset \at of both tables: their differences are added to v4, v5. */
    .macro differ at
    ldp     q0, q1, [x0, #\at]
    ldp     q2, q3, [x1, #\at]
    eor     v0.16b, v0.16b, v2.16b
    eor     v1.16b, v1.16b, v3.16b
    orr     v4.16b, v4.16b, v0.16b
    orr     v5.16b, v5.16b, v1.16b
    .endm

    .text

/* void scan_copy(uint64_t *to, const uint64_t *from): one page. Clobbers x0-x2. */
    .global scan_copy
    .type   scan_copy, %function
scan_copy:
    keep
    add     x2, x1, #4096
1:  ldp     q0, q1, [x1, #0]
    ldp     q2, q3, [x1, #32]
    ldp     q4, q5, [x1, #64]
    ldp     q6, q7, [x1, #96]
    stp     q0, q1, [x0, #0]
    stp     q2, q3, [x0, #32]
    stp     q4, q5, [x0, #64]
    stp     q6, q7, [x0, #96]
    ldp     q0, q1, [x1, #128]
    ldp     q2, q3, [x1, #160]
    ldp     q4, q5, [x1, #192]
    ldp     q6, q7, [x1, #224]
    stp     q0, q1, [x0, #128]
    stp     q2, q3, [x0, #160]
    stp     q4, q5, [x0, #192]
    stp     q6, q7, [x0, #224]
    add     x0, x0, #256
    add     x1, x1, #256
    cmp     x1, x2
    b.ne    1b
    give_back
    ret
    .size   scan_copy, . - scan_copy

/*
 * unsigned int scan_equal(const uint64_t *a, const uint64_t *b, unsigned int blocks): how many
 * blocks from the start are equal. Clobbers x0-x4.
 */
    .global scan_equal
    .type   scan_equal, %function
scan_equal:
    mov     w3, w2
    cbz     w2, 2f
    keep
1:  movi    v4.2d, #0
    movi    v5.2d, #0
    differ  0
    differ  32
    differ  64
    differ  96
    differ  128
    differ  160
    differ  192
    differ  224
    orr     v4.16b, v4.16b, v5.16b
    umaxp   v4.4s, v4.4s, v4.4s
    fmov    x4, d4
    cbnz    x4, 3f
    add     x0, x0, #256
    add     x1, x1, #256
    subs    w2, w2, #1
    b.ne    1b
3:  give_back
2:  sub     w0, w3, w2
    ret
    .size   scan_equal, . - scan_equal

/*
 * unsigned int scan_zero(const uint64_t *a, unsigned int blocks): how many blocks from the start
 * are all zero. Clobbers x0-x4.
 */
    .global scan_zero
    .type   scan_zero, %function
scan_zero:
    mov     w3, w1
    cbz     w1, 2f
    keep
1:  ldp     q0, q1, [x0, #0]
    ldp     q2, q3, [x0, #32]
    ldp     q4, q5, [x0, #64]
    ldp     q6, q7, [x0, #96]
    orr     v0.16b, v0.16b, v2.16b
    orr     v1.16b, v1.16b, v3.16b
    orr     v4.16b, v4.16b, v6.16b
    orr     v5.16b, v5.16b, v7.16b
    ldp     q2, q3, [x0, #128]
    ldp     q6, q7, [x0, #160]
    orr     v0.16b, v0.16b, v4.16b
    orr     v1.16b, v1.16b, v5.16b
    orr     v2.16b, v2.16b, v6.16b
    orr     v3.16b, v3.16b, v7.16b
    ldp     q4, q5, [x0, #192]
    ldp     q6, q7, [x0, #224]
    orr     v0.16b, v0.16b, v2.16b
    orr     v1.16b, v1.16b, v3.16b
    orr     v4.16b, v4.16b, v6.16b
    orr     v5.16b, v5.16b, v7.16b
    orr     v0.16b, v0.16b, v4.16b
    orr     v1.16b, v1.16b, v5.16b
    orr     v0.16b, v0.16b, v1.16b
    umaxp   v0.4s, v0.4s, v0.4s
    fmov    x4, d0
    cbnz    x4, 3f
    add     x0, x0, #256
    subs    w1, w1, #1
    b.ne    1b
3:  give_back
2:  sub     w0, w3, w1
    ret
    .size   scan_zero, . - scan_zero
