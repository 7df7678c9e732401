/* SPDX-License-Identifier: Apache-2.0 */
/* What C cannot hold still: general and vector registers. */
    .arch armv8-a+fp+simd

    .text
/* void fill_vectors(uint64_t seed): q0-q31 and FPSR, FPCR. */
    .global fill_vectors
    .type   fill_vectors, %function
fill_vectors:
    .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    add     x1, x0, #\n
    mvn     x2, x1
    fmov    d\n, x1
    mov     v\n\().d[1], x2
    .endr
    and     x1, x0, #0x1f           /* cumulative exception flags */
    msr     fpsr, x1
    and     x1, x0, #0xc00000       /* rounding mode */
    msr     fpcr, x1
    ret
    .size   fill_vectors, . - fill_vectors

/* uint64_t compare_vectors(uint64_t seed): how many are not as they were filled. */
    .global compare_vectors
    .type   compare_vectors, %function
compare_vectors:
    mov     x3, #0
    .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    add     x1, x0, #\n
    mvn     x2, x1
    fmov    x4, d\n
    mov     x5, v\n\().d[1]
    cmp     x4, x1
    ccmp    x5, x2, #0, eq
    cinc    x3, x3, ne
    .endr
    and     x1, x0, #0x1f
    mrs     x2, fpsr
    cmp     x1, x2
    cinc    x3, x3, ne
    and     x1, x0, #0xc00000
    mrs     x2, fpcr
    cmp     x1, x2
    cinc    x3, x3, ne
    mov     x0, x3
    ret
    .size   compare_vectors, . - compare_vectors

/*
 * uint64_t hold_general(uint64_t seed, uint64_t rounds): x1-x28 and x30 keep seed + n while the loop
 * counts in x29; how many do not. SP stays: the interrupt of a neighbour's slice is not ours.
 */
    .global hold_general
    .type   hold_general, %function
hold_general:
    stp     x29, x30, [sp, #-112]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    str     x0, [sp, #96]
    mov     x29, x1
    .irp    n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,30
    add     x\n, x0, #\n
    .endr
1:  subs    x29, x29, #1
    b.ne    1b
    ldr     x29, [sp, #96]          /* compared with memory: x0 may be wrong as well */
    cmp     x0, x29
    mov     x0, #0
    cinc    x0, x0, ne
    .irp    n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,30
    sub     x\n, x\n, #\n
    cmp     x\n, x29
    cinc    x0, x0, ne
    .endr
    ldp     x27, x28, [sp, #80]
    ldp     x25, x26, [sp, #64]
    ldp     x23, x24, [sp, #48]
    ldp     x21, x22, [sp, #32]
    ldp     x19, x20, [sp, #16]
    ldp     x29, x30, [sp], #112
    ret
    .size   hold_general, . - hold_general
