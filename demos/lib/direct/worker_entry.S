/* SPDX-License-Identifier: Apache-2.0 */
/* Where CPU_ON sends a vCPU: x0 = its struct worker, whose first word is its stack. */
    .text
    .global worker_entry
    .type   worker_entry, %function
worker_entry:
    ldr     x1, [x0]
    add     x1, x1, #4096
    mov     sp, x1
    adrp    x1, guest_vectors
    add     x1, x1, :lo12:guest_vectors
    msr     vbar_el1, x1
    isb
    b       worker_begin
    .size   worker_entry, . - worker_entry
