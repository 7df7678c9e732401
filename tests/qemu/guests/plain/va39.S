/* SPDX-License-Identifier: Apache-2.0 */
/* x0: what to add to the addresses that this CPU uses. Returns there, on the stack seen there. */
    .text
    .global va39_go
    .type   va39_go, %function
va39_go:
    add     sp, sp, x0
    add     x29, x29, x0
    add     x30, x30, x0
    mrs     x1, vbar_el1
    add     x1, x1, x0
    msr     vbar_el1, x1
    isb
    ret
    .size   va39_go, . - va39_go
