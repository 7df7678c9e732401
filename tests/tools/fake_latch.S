/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for the hypervisor in the tests of tools/latch: prints the NUL-terminated text that
 * the tests' description leaves at 0x42000000, then powers off by PSCI. The byte 1 in the text
 * means: wait for a key and print it; 2 means: never come back.
 */
    .text
    .global _start
_start:
    b       code
    .word   0
    .quad   0                   /* text_offset: QEMU then loads at RAM + 2 MiB */
    .quad   0x10000             /* image_size */
    .quad   0xa                 /* flags */
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .word   0
code:
    mov     x20, #0x42000000
    mov     x21, #0x09000000    /* PL011 */
    mov     w0, #0x301
    str     w0, [x21, #0x30]
next:
    ldrb    w0, [x20], #1
    cbz     w0, off
    cmp     w0, #1
    b.eq    key
    cmp     w0, #2
    b.eq    hang
put:
    str     w0, [x21]
    b       next
key:
    ldr     w1, [x21, #0x18]
    tbnz    w1, #4, key
    ldr     w0, [x21]
    b       put
hang:
    wfi
    b       hang
off:
    movz    x0, #0x8400, lsl #16
    movk    x0, #8
    smc     #0
    b       hang
