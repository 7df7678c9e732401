// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * attack.h's requests, on the kernel's own ground. Each may end in an exception that Latch has
 * injected: a fault finds the entry of the exception table here, and for an undefined instruction
 * or a jump to what cannot be executed the kernel's end of this task is called off.
 */
#include <linux/arm-smccc.h>
#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/kdebug.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/utsname.h>
#include <linux/vmalloc.h>

#include <asm/asm-extable.h>
#include <asm/sysreg.h>

#include "attack.h"

/* Where a task that does what may end in an exception goes on. One at a time is the caller's care.
 */
static struct task_struct *attacker;
static struct {
    unsigned long pc, sp;
} way_out;

static int give_up(struct notifier_block *block, unsigned long event, void *data)
{
    struct die_args *args = data;

    if (event != DIE_OOPS || attacker != current || way_out.pc == 0)
        return NOTIFY_DONE;
    args->regs->pc = way_out.pc;
    args->regs->regs[0] = -EFAULT;
    args->regs->regs[1] = way_out.sp;
    return NOTIFY_STOP;
}

static struct notifier_block die_block = {.notifier_call = give_up, .priority = INT_MAX};

/* --- Memory ----------------------------------------------------------------------------------- */

static long load(unsigned long at, unsigned long *value)
{
    return copy_from_kernel_nofault(value, (void *)at, sizeof(*value)) != 0 ? -EFAULT : 0;
}

static long store(unsigned long at, unsigned long value)
{
    long error;

    asm volatile("mov %0, %3\n"
                 "1: str %1, [%2]\n"
                 "mov %0, #0\n"
                 "2:\n" _ASM_EXTABLE_UACCESS(1b, 2b)
                 : "=&r"(error)
                 : "r"(value), "r"(at), "i"(-EFAULT)
                 : "memory");
    return error;
}

static long store_as_user(unsigned long at, unsigned long value, unsigned long root)
{
    unsigned long flags, old = read_sysreg(ttbr0_el1);
    long error;

    pagefault_disable();
    local_irq_save(flags);
    if (root != 0) {
        write_sysreg((old & GENMASK(63, 48)) | root, ttbr0_el1);
        isb();
        asm volatile("tlbi vmalle1\ndsb nsh\nisb" ::: "memory");
    }
    asm volatile("mov %0, %3\n"
                 "1: sttr %1, [%2]\n"
                 "mov %0, #0\n"
                 "2:\n" _ASM_EXTABLE_UACCESS(1b, 2b)
                 : "=&r"(error)
                 : "r"(value), "r"(at), "i"(-EFAULT)
                 : "memory");
    if (root != 0) {
        write_sysreg(old, ttbr0_el1);
        isb();
        asm volatile("tlbi vmalle1\ndsb nsh\nisb" ::: "memory");
    }
    local_irq_restore(flags);
    pagefault_enable();
    return error;
}

/* By the registers, as the hardware would. */
static long entry(unsigned long va, unsigned long level, unsigned long *at)
{
    bool is_kernel = (va >> 55 & 1) != 0;
    unsigned long ttbr = is_kernel ? read_sysreg(ttbr1_el1) : __pa(current->mm->pgd);
    unsigned long table = ttbr & GENMASK(47, 12);

    for (unsigned long i = 0;; i++) {
        unsigned long *slot = (unsigned long *)__va(table) + (va >> (39 - 9 * i) & 511);

        if (i == level) {
            *at = (unsigned long)slot;
            return 0;
        }
        if ((*slot & 3) != 3)
            return -ENOENT;
        table = *slot & GENMASK(47, 12);
    }
}

static long physical(unsigned long va, unsigned long *pa)
{
    unsigned long at, value;

    for (unsigned long level = 1; level <= 3; level++) {
        unsigned long size = 1UL << (39 - 9 * level);

        if (entry(va, level, &at) != 0)
            return -ENOENT;
        value = READ_ONCE(*(unsigned long *)at);
        if ((value & 3) == (level == 3 ? 3 : 1)) {
            *pa = (value & GENMASK(47, 12) & ~(size - 1)) | (va & (size - 1));
            return 0;
        }
    }
    return -ENOENT;
}

static long alias(unsigned long linear, unsigned long *at)
{
    struct page *page = virt_to_page(linear);

    *at = (unsigned long)vmap(&page, 1, VM_MAP, pgprot_writecombine(PAGE_KERNEL));
    return *at != 0 ? 0 : -ENOMEM;
}

/* --- Execution, registers --------------------------------------------------------------------- */

/* attack_call(function, argument, way out, result): give_up() comes back with nothing lost. */
long attack_call(unsigned long function, unsigned long argument, void *way, unsigned long *result);
asm(".pushsection .text\n"
    "attack_call:\n"
    "   stp x29, x30, [sp, #-112]!\n"
    "   stp x19, x20, [sp, #16]\n"
    "   stp x21, x22, [sp, #32]\n"
    "   stp x23, x24, [sp, #48]\n"
    "   stp x25, x26, [sp, #64]\n"
    "   stp x27, x28, [sp, #80]\n"
    "   str x3, [sp, #96]\n"
    "   adr x9, 1f\n"
    "   mov x10, sp\n"
    "   stp x9, x10, [x2]\n"
    "   mov x9, x0\n"
    "   mov x0, x1\n"
    "   blr x9\n"
    "   ldr x3, [sp, #96]\n"
    "   str x0, [x3]\n"
    "   mov x0, #0\n"
    "   mov x1, sp\n"
    "1: mov sp, x1\n"
    "   ldp x19, x20, [sp, #16]\n"
    "   ldp x21, x22, [sp, #32]\n"
    "   ldp x23, x24, [sp, #48]\n"
    "   ldp x25, x26, [sp, #64]\n"
    "   ldp x27, x28, [sp, #80]\n"
    "   ldp x29, x30, [sp], #112\n"
    "   ret\n"
    ".popsection\n");

static long call(unsigned long function, unsigned long argument, unsigned long *result)
{
    long error;

    attacker = current;
    error = attack_call(function, argument, &way_out, result);
    way_out.pc = 0;
    return error;
}

static unsigned long read_register(unsigned long which)
{
    switch (which) {
    case ATTACK_TTBR0:
        return read_sysreg(ttbr0_el1);
    case ATTACK_TTBR1:
        return read_sysreg(ttbr1_el1);
    case ATTACK_TCR:
        return read_sysreg(tcr_el1);
    case ATTACK_SCTLR:
        return read_sysreg(sctlr_el1);
    case ATTACK_MAIR:
    default:
        return read_sysreg(mair_el1);
    }
}

/* A function for call(): the writing may be refused. */
static unsigned long write_register(const struct attack *request)
{
    switch (request->a) {
    case ATTACK_TTBR0:
        write_sysreg(request->b, ttbr0_el1);
        break;
    case ATTACK_TTBR1:
        write_sysreg(request->b, ttbr1_el1);
        break;
    case ATTACK_TCR:
        write_sysreg(request->b, tcr_el1);
        break;
    case ATTACK_SCTLR:
        write_sysreg(request->b, sctlr_el1);
        break;
    case ATTACK_MAIR:
    default:
        write_sysreg(request->b, mair_el1);
        break;
    }
    isb();
    return read_register(request->a);
}

/* --- The MMU off ------------------------------------------------------------------------------ */

/* attack_off(argument): writes SCTLR_EL1, loads a word, and writes it back. It lies in one page. */
struct off {
    unsigned long sctlr, at;
};
unsigned long attack_off(const struct off *argument);
asm(".pushsection .text\n"
    ".balign 64\n"
    "attack_off:\n"
    "   ldp x1, x2, [x0]\n"
    "   mrs x3, sctlr_el1\n"
    "   msr sctlr_el1, x1\n"
    "   isb\n"
    "   ldr x0, [x2]\n"
    "   msr sctlr_el1, x3\n"
    "   isb\n"
    "   ret\n"
    ".popsection\n");

/* A tree with one page, at the address that it has in memory, for EL1 to execute. */
static unsigned long identity(unsigned long page)
{
    unsigned long tree = __get_free_pages(GFP_KERNEL | __GFP_ZERO, 2);
    unsigned long *table = (unsigned long *)tree;

    if (tree == 0)
        return 0;
    for (unsigned int level = 0; level < 3; level++, table += 512)
        table[page >> (39 - 9 * level) & 511] = __pa(table + 512) | 3;
    table[page >> 12 & 511] = page | PTE_TYPE_PAGE | PTE_AF | PTE_SHARED | PTE_RDONLY | PTE_UXN;
    return __pa(tree);
}

/* With the bits `set` of SCTLR_EL1 on, and those of `clear` off, what is at the physical address?
 */
static long load_with(unsigned long set, unsigned long clear, unsigned long at,
                      unsigned long *result)
{
    struct off off = {.sctlr = (read_sysreg(sctlr_el1) | set) & ~clear, .at = at};
    unsigned long function, root, flags, old = read_sysreg(ttbr0_el1);
    long error;

    error = physical((unsigned long)attack_off, &function);
    root = error == 0 ? identity(function & PAGE_MASK) : 0;
    if (root == 0)
        return -ENOMEM;
    local_irq_save(flags);
    write_sysreg((old & GENMASK(63, 48)) | root, ttbr0_el1);
    isb();
    asm volatile("tlbi vmalle1\ndsb nsh\nisb" ::: "memory");
    error = call(function, (unsigned long)&off, result);
    write_sysreg(old, ttbr0_el1);
    isb();
    asm volatile("tlbi vmalle1\ndsb nsh\nisb" ::: "memory");
    local_irq_restore(flags);
    return error;
}

/* --- Another tree for the kernel -------------------------------------------------------------- */

static void set_kernel_root(unsigned long ttbr)
{
    write_sysreg(ttbr, ttbr1_el1);
    isb();
    asm volatile("tlbi vmalle1\ndsb nsh\nisb" ::: "memory");
}

/* A function for call(). All that it touches but the word is at addresses of the kernel's image. */
static unsigned long load_by_root(const struct attack *request)
{
    unsigned long old = read_sysreg(ttbr1_el1), value = 0;

    set_kernel_root((old & ~GENMASK(47, 0)) | request->a);
    asm volatile("1: ldr %0, [%1]\n"
                 "2:\n" _ASM_EXTABLE_UACCESS(1b, 2b)
                 : "+r"(value)
                 : "r"(request->b)
                 : "memory");
    set_kernel_root(old);
    return value;
}

static long load_by(struct attack *request)
{
    unsigned long flags;
    long error;

    local_irq_save(flags);
    error = call((unsigned long)load_by_root, (unsigned long)request, &request->result);
    local_irq_restore(flags);
    return error;
}

static unsigned long in_image(unsigned long what)
{
    switch (what) {
    case ATTACK_CODE:
        return read_sysreg(vbar_el1);
    case ATTACK_CONSTANT:
        return (unsigned long)_ctype & ~7UL;
    case ATTACK_DATA:
    default:
        return (unsigned long)init_uts_ns.name.nodename & ~7UL;
    }
}

/* ---------------------------------------------------------------------------------------------- */

static long perform(struct attack *request)
{
    struct arm_smccc_res answer;

    switch (request->op) {
    case ATTACK_LOAD:
        return load(request->a, &request->result);
    case ATTACK_STORE:
        return store(request->a, request->b);
    case ATTACK_USER:
        return store_as_user(request->a, request->b, request->c);
    case ATTACK_ENTRY:
        return entry(request->a, request->b, &request->result);
    case ATTACK_PAGES:
        request->result = __get_free_pages(GFP_KERNEL | __GFP_ZERO, request->a);
        return request->result != 0 ? 0 : -ENOMEM;
    case ATTACK_PHYS:
        return physical(request->a, &request->result);
    case ATTACK_LINEAR:
        request->result = (unsigned long)__va(request->a);
        return 0;
    case ATTACK_ALIAS:
        return alias(request->a, &request->result);
    case ATTACK_FLUSH:
        asm volatile("dsb ishst\ntlbi vmalle1is\ndsb ish\nisb" ::: "memory");
        return 0;
    case ATTACK_CALL:
        return call(request->a, request->b, &request->result);
    case ATTACK_READ:
        request->result = read_register(request->a);
        return 0;
    case ATTACK_WRITE:
        return call((unsigned long)write_register, (unsigned long)request, &request->result);
    case ATTACK_LOAD_WITH:
        return load_with(request->a, request->b, request->c, &request->result);
    case ATTACK_LOAD_BY:
        return load_by(request);
    case ATTACK_IMAGE:
        request->result = in_image(request->a);
        return 0;
    case ATTACK_SMCCC:
        arm_smccc_hvc(request->result, request->a, request->b, request->c, 0, 0, 0, 0, &answer);
        request->result = answer.a0;
        return 0;
    default:
        return -EINVAL;
    }
}

static long attack_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
    struct attack request;
    long error;

    if (command != ATTACK_IOCTL)
        return -ENOTTY;
    if (copy_from_user(&request, (void __user *)argument, sizeof(request)) != 0)
        return -EFAULT;
    error = perform(&request);
    if (error == 0 && copy_to_user((void __user *)argument, &request, sizeof(request)) != 0)
        error = -EFAULT;
    return error;
}

static const struct file_operations operations = {
    .owner = THIS_MODULE,
    .unlocked_ioctl = attack_ioctl,
};

static struct miscdevice device = {
    .minor = MISC_DYNAMIC_MINOR,
    .name = "attack",
    .fops = &operations,
};

static int __init attack_init(void)
{
    int error = register_die_notifier(&die_block);

    return error != 0 ? error : misc_register(&device);
}

module_init(attack_init);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("What a kernel does that an attacker controls, for tests of Latch");
