/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the boot loader to C. Entered as Linux's arm64 boot protocol says: x0 = device tree, MMU
 * off, the image cleaned to the point of coherency, at any 4 KiB aligned address.
 */
#include <arch/asm_offsets.h>

#define SCTLR_EL2_MMU_OFF 0x30c50830 /* the RES1 bits alone */
#define SCTLR_EL2_RUN     0x30cd183d /* + M C SA I WXN */
#define TCR_EL2_RUN       0x80803510 /* RES1, T0SZ 16, inner shareable write-back; PS follows */
#define MAIR_EL2_RUN      0x04ff     /* 0: Normal write-back; 1: Device-nGnRE */
#define CPTR_EL2_RUN      0x33ff     /* RES1; FP is not trapped: libfdt uses it */
#define R_AARCH64_RELATIVE 1027

    .section .text.head, "ax"
    .global image_head
image_head:
    b       primary                 /* code0 */
    .long   0                       /* code1 */
    .quad   0                       /* text_offset */
    .quad   image_end - . + 16      /* image_size, bss included: relative, so not relocated */
    .quad   0xa                     /* little-endian, 4 KiB pages, anywhere in memory */
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .long   0

primary:
    msr     daifset, #0xf
    mov     x19, x0
    mrs     x20, CurrentEL
    adrp    x1, boot_stack_top
    add     sp, x1, :lo12:boot_stack_top

    /* bss: nothing was written there yet. */
    adrp    x1, bss_start
    adrp    x2, image_end
1:  stp     xzr, xzr, [x1], #16
    cmp     x1, x2
    b.lo    1b

    /* The image is linked at 0: its address is what relative relocations add. */
    adrp    x3, image_head
    adrp    x1, rela_start
    add     x1, x1, :lo12:rela_start
    adrp    x2, rela_end
    add     x2, x2, :lo12:rela_end
2:  cmp     x1, x2
    b.hs    3f
    ldp     x4, x5, [x1]
    ldr     x6, [x1, #16]
    add     x1, x1, #24
    cmp     w5, #R_AARCH64_RELATIVE
    b.ne    2b
    add     x6, x6, x3
    str     x6, [x3, x4]
    b       2b
3:
    cmp     x20, #(2 << 2)
    b.eq    4f
    mov     x0, x19
    lsr     x1, x20, #2
    bl      boot_wrong_el           /* (fdt, el): does not return */
4:
    mov     x0, #(1 << 31)          /* RW; E2H and TGE clear */
    msr     hcr_el2, x0
    ldr     x0, =SCTLR_EL2_MMU_OFF
    msr     sctlr_el2, x0
    isb
    mov     x0, x19
    bl      boot_check_fdt          /* (fdt): returns if there is one */
    mov     x0, x19
    bl      el2_mmu_prepare
    adrp    x1, boot_ttbr
    str     x0, [x1, :lo12:boot_ttbr]

    /* What was written with the MMU off lies in memory; lines that caches hold of it are older. */
    adrp    x1, rodata_start
    adrp    x2, image_end
    mrs     x3, ctr_el0
    ubfx    x3, x3, #16, #4
    mov     x4, #4
    lsl     x3, x4, x3
5:  dc      ivac, x1
    add     x1, x1, x3
    cmp     x1, x2
    b.lo    5b
    dsb     sy

    bl      mmu_on
    bl      cpu_boot_record         /* struct cpu of this CPU */
    mov     x1, x0
    bl      cpu_take
    mov     x0, x19
    bl      latch_main
    b       .

/* From a spin-table, which gives no argument: CPU n enters at its own pair of instructions. */
    .global secondary_spin
secondary_spin:
    .set    cpu_index, 0
    .rept   CPU_MAX
    mov     x0, #cpu_index
    b       7f
    .set    cpu_index, cpu_index + 1
    .endr
7:  adrp    x1, boot_records
    add     x1, x1, :lo12:boot_records
    ldr     x0, [x1, x0, lsl #3]    /* with the MMU off: smp.c has cleaned it to memory */
    /* falls through */

/* PSCI CPU_ON: x0 = struct cpu of this CPU. Its fields are read once the MMU is on. */
    .global secondary
secondary:
    msr     daifset, #0xf
    mov     x19, x0
    mov     x0, #(1 << 31)
    msr     hcr_el2, x0
    ldr     x0, =SCTLR_EL2_MMU_OFF
    msr     sctlr_el2, x0
    isb
    adrp    x1, boot_ttbr
    ldr     x0, [x1, :lo12:boot_ttbr]
    bl      mmu_on
    mov     x1, x19
    bl      cpu_take
    bl      secondary_main
    b       .

/* In: x0 = TTBR0_EL2. Turns the MMU and caches on. Clobbers x1, x2. */
mmu_on:
    msr     ttbr0_el2, x0
    ldr     x1, =MAIR_EL2_RUN
    msr     mair_el2, x1
    ldr     x1, =TCR_EL2_RUN
    mrs     x2, id_aa64mmfr0_el1
    and     x2, x2, #0xf
    cmp     x2, #5
    b.ls    6f
    mov     x2, #5                  /* 48 bits: no LPA2 tables here */
6:  orr     x1, x1, x2, lsl #16
    msr     tcr_el2, x1
    ldr     x1, =CPTR_EL2_RUN
    msr     cptr_el2, x1
    dsb     ishst
    tlbi    alle2
    dsb     ish
    ic      iallu
    dsb     ish
    isb
    ldr     x1, =SCTLR_EL2_RUN
    msr     sctlr_el2, x1
    isb
    ret

/* In: x1 = struct cpu, right above its stack. Its record, its stack, the vectors. Clobbers x2. */
cpu_take:
    msr     tpidr_el2, x1
    mov     sp, x1
    mov     x29, xzr                /* backtraces end here */
    adrp    x2, vectors
    add     x2, x2, :lo12:vectors
    msr     vbar_el2, x2
    isb
    ret

    .ltorg

    .section .bss.boot, "aw", %nobits
    .balign 16
    .skip   4096
boot_stack_top:
    .global boot_ttbr
    .balign 8
boot_ttbr:
    .skip   8
    .global boot_records
boot_records:
    .skip   8 * CPU_MAX
