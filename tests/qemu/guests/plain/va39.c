/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel with 39-bit virtual addresses: it runs in TTBR1_EL1's half, has address spaces in
 * TTBR0_EL1's, and writes all its tables by plain stores, where it sees them in the kernel's half.
 * It does nothing that a table's owner may not do, so nothing of it is to be refused; with "refuse"
 * on its command line it then asks for what it may not have.
 */
#include "check.h"
#include "common/string.h"
#include "plain/dtb.h"
#include "plain/mmu.h"
#include "plain/psci.h"

#define HIGH UINT64_C(0xffffff8000000000) /* the kernel sees physical address 0 here */
#define USER (UINT64_C(4) << 30)          /* entry 4 of a root: what the tests map */
#define MIB2 (UINT64_C(2) << 20)

#define ENTRIES  512
#define TABLES   64
#define PAGES    32
#define NG       BIT64(11)
#define LINK     (MMU_VALID | MMU_TABLE)
#define PAGE     (MMU_VALID | MMU_TABLE | MMU_SHARED | MMU_AF | NG | MMU_PXN | MMU_UXN)
#define BLOCK    (MMU_VALID | MMU_SHARED | MMU_AF | NG)
#define ADDRESS  GENMASK64(47, 12)
#define MAIR     UINT64_C(0x04ff)
#define T0SZ(n)  (64 - (uint64_t)(n))
#define TCR_BITS UINT64_C(0xb5193500) /* 39 bits in TTBR1, both 4 KiB, write-back, shareable */

#define FSC_TRANSLATION 0x04u
#define FSC_PERMISSION  0x0cu

typedef volatile uint64_t entry_t;

struct space {
    entry_t *root; /* level 1 */
    entry_t *l2;   /* of USER */
    entry_t *l3;   /* of its first 2 MiB */
    uint64_t asid;
};

void va39_go(uint64_t offset);

static entry_t tables[TABLES][ENTRIES] __attribute__((aligned(4096)));
static volatile uint64_t pages[PAGES][ENTRIES] __attribute__((aligned(4096)));
static unsigned int tables_used;

static unsigned int faults;
static uint64_t fault_esr, fault_far;

void guest_exception(struct exception *e)
{
    faults++;
    fault_esr = e->esr;
    fault_far = e->far;
    e->elr += 4;
}

static uint64_t physical(const volatile void *at) { return (uintptr_t)at & ~HIGH; }

/* A table or page of ours as the kernel's half shows it. */
static entry_t *new_table(void)
{
    if (tables_used == TABLES) {
        print("FAIL no table is left\n");
        psci_off();
    }
    return tables[tables_used++];
}

static uint64_t link(entry_t *table) { return physical(table) | LINK; }
static uint64_t page(unsigned int n) { return physical(pages[n % PAGES]) | PAGE; }
static uint64_t content(unsigned int n) { return UINT64_C(0xc0de0000) + n % PAGES; }

static uint64_t load(uint64_t va) { return *(volatile uint64_t *)va; }
static void store(uint64_t va, uint64_t value) { *(volatile uint64_t *)va = value; }

/* The level-2 table of the machine's RAM, by blocks. */
static entry_t *ram_blocks(void)
{
    entry_t *l2 = new_table();

    for (unsigned int i = 0; i < 4; i++)
        l2[i] = (RAM_BASE + i * MIB2) | (BLOCK & ~NG);
    return l2;
}

/* What all address spaces have: the devices, and RAM where it is. */
static struct space new_space(uint64_t asid, entry_t *ram)
{
    struct space s = {new_table(), new_table(), new_table(), asid};

    s.l2[0] = link(s.l3);
    s.root[USER >> 30] = link(s.l2);
    s.root[0] = MMU_BLOCK_IO;
    s.root[1] = link(ram);
    return s;
}

static void use_root(entry_t *root, uint64_t asid)
{
    dsb_ishst();
    write_sysreg(physical(root) | asid << 48, ttbr0_el1);
    isb();
}

static void use(const struct space *s) { use_root(s->root, s->asid); }

static void turn_on(const struct space *s, entry_t *kernel)
{
    uint64_t range = read_sysreg(id_aa64mmfr0_el1) & 0xf;

    dsb_sy();
    mmu_drop_stale_lines();
    write_sysreg(MAIR, mair_el1);
    write_sysreg(TCR_BITS | T0SZ(39) | (range < 5 ? range : 5) << 32, tcr_el1);
    write_sysreg(physical(kernel), ttbr1_el1);
    use(s);
    mmu_flush();
    write_sysreg(read_sysreg(sctlr_el1) | BIT64(0) | BIT64(2) | BIT64(12), sctlr_el1);
    isb();
}

/* --- What each check is made of ------------------------------------------------------------------
 */

static bool maps(uint64_t va, unsigned int count, unsigned int first)
{
    for (unsigned int i = 0; i < count; i++) {
        if (load(va + i * PAGE_SIZE) != content(first + i))
            return false;
    }
    return faults == 0;
}

static void check_fault(const char *what, unsigned int fsc, uint64_t far)
{
    check(what, faults == 1 && fault_far == far && (ESR_FSC(fault_esr) & 0x3c) == fsc);
    faults = 0;
}

/* --- One address space -------------------------------------------------------------------------
 */

static void one_space(const struct space *s)
{
    for (unsigned int i = 0; i < ENTRIES; i++)
        s->l3[i] = page(i);
    dsb_ishst();
    isb();
    check("512 new pages", maps(USER, ENTRIES, 0));
    for (unsigned int i = 0; i < ENTRIES; i++)
        s->l3[i] = 0;
    mmu_flush();
    (void)load(USER + 5 * PAGE_SIZE);
    check_fault("no page any more", FSC_TRANSLATION, USER + 5 * PAGE_SIZE);
    for (unsigned int i = 0; i < ENTRIES; i++)
        s->l3[i] = page(i + 1);
    dsb_ishst();
    isb();
    check("other pages", maps(USER, ENTRIES, 1));
    s->l3[7] |= MMU_AP_RO;
    mmu_flush();
    store(USER + 7 * PAGE_SIZE, 1);
    check_fault("a page made read-only", FSC_PERMISSION, USER + 7 * PAGE_SIZE);
    s->l3[7] &= ~MMU_AP_RO;
    mmu_flush();
    store(USER + 7 * PAGE_SIZE, content(8));
    check("a page made writable", maps(USER, ENTRIES, 1));
}

/* A block gives way to pages of the same memory, and comes back. */
static void split_and_merge(const struct space *s)
{
    uint64_t at = physical(pages) & ~(MIB2 - 1);
    uint64_t va = USER + MIB2 + (physical(pages) - at);
    entry_t *l3 = new_table();

    s->l2[1] = at | BLOCK | MMU_PXN | MMU_UXN;
    dsb_ishst();
    isb();
    check("a block", maps(va, PAGES, 0));
    for (unsigned int i = 0; i < ENTRIES; i++)
        l3[i] = (at + i * PAGE_SIZE) | PAGE;
    s->l2[1] = 0;
    mmu_flush();
    s->l2[1] = link(l3);
    dsb_ishst();
    isb();
    check("a block that was split", maps(va, PAGES, 0));
    s->l2[1] = 0;
    mmu_flush();
    s->l2[1] = at | BLOCK | MMU_PXN | MMU_UXN;
    dsb_ishst();
    isb();
    check("pages that were merged", maps(va, PAGES, 0));
    s->l2[1] = 0;
    mmu_flush();
}

/* --- Several ------------------------------------------------------------------------------------
 */

static void two_spaces(const struct space *a, const struct space *b)
{
    entry_t *shared = new_table();

    for (unsigned int i = 0; i < ENTRIES; i++)
        b->l3[i] = page(i + 2);
    use(b);
    check("another address space", maps(USER, ENTRIES, 2));
    use(a);
    check("the first one again", maps(USER, ENTRIES, 1));
    /* A table of the one that is loaded, and of one that is not. */
    for (unsigned int i = 0; i < ENTRIES; i++)
        shared[i] = page(i + 3);
    a->l2[2] = link(shared);
    b->l2[3] = link(shared);
    dsb_ishst();
    isb();
    check("a table that two share", maps(USER + 2 * MIB2, ENTRIES, 3));
    shared[4] = page(9);
    mmu_flush();
    check("... changed", load(USER + 2 * MIB2 + 4 * PAGE_SIZE) == content(9));
    use(b);
    check("... in the other one", load(USER + 3 * MIB2 + 4 * PAGE_SIZE) == content(9));
    use(a);
}

/*
 * Tables that are taken out of their level-2 table by a run of stores are memory like any other at
 * once: data that would be forbidden entries, and the root of an address space.
 */
static void reuse(const struct space *s, entry_t *ram)
{
    entry_t *l3[24];
    entry_t *l2 = new_table();
    entry_t *low = new_table();
    bool good = true;

    for (unsigned int i = 0; i < ARRAY_SIZE(l3); i++) {
        l3[i] = new_table();
        l3[i][0] = page(i);
        s->l2[8 + i] = link(l3[i]);
    }
    dsb_ishst();
    isb();
    for (unsigned int i = 0; i < ARRAY_SIZE(l3); i++)
        good = good && load(USER + (8 + i) * MIB2) == content(i);
    check("many tables", good && faults == 0);
    for (unsigned int i = 0; i < ARRAY_SIZE(l3); i++)
        s->l2[8 + i] = 0;
    mmu_flush();
    /* As pages, tables that EL0 can write; as links, tables that hold what is no entry. */
    for (unsigned int i = 0; i < ENTRIES; i++)
        l3[0][i] = physical(s->l2) | PAGE | MMU_AP_EL0;
    for (unsigned int i = 0; i < ENTRIES; i++)
        l3[1][i] = 0;
    low[0] = page(3);
    l2[0] = link(low);
    l3[1][0] = MMU_BLOCK_IO;
    l3[1][1] = link(ram);
    l3[1][USER >> 30] = link(l2);
    use_root(l3[1], 7);
    check("a table that became a root", load(USER) == content(3) && faults == 0);
    use(s);
    for (unsigned int i = 0; i < ENTRIES; i++)
        good = good && l3[0][i] == (physical(s->l2) | PAGE | MMU_AP_EL0);
    check("a table that became data", good && faults == 0);
    check("the address space is as it was", maps(USER, ENTRIES, 1));
}

/* Four levels: what was a root is a table of level 1. */
static void more_bits(const struct space *s)
{
    entry_t *root = new_table();
    uint64_t tcr = read_sysreg(tcr_el1);

    root[0] = link(s->root);
    root[3] = link(s->root);
    use_root(root, 8);
    write_sysreg((tcr & ~UINT64_C(0x3f)) | T0SZ(48), tcr_el1);
    isb();
    mmu_flush();
    check("48 bits", maps(USER, ENTRIES, 1));
    check("... by two ways", maps((UINT64_C(3) << 39) + USER, ENTRIES, 1));
    use(s);
    write_sysreg(tcr, tcr_el1);
    isb();
    mmu_flush();
    check("39 bits again", maps(USER, ENTRIES, 1));
}

/* --- The kernel's half --------------------------------------------------------------------------
 */

static void kernel_half(entry_t *kernel)
{
    const uint64_t va = HIGH + USER;
    entry_t *l2 = new_table();
    entry_t *l3 = new_table();

    for (unsigned int i = 0; i < 64; i++)
        l3[i] = page(i + 4) & ~NG;
    l2[0] = link(l3);
    kernel[USER >> 30] = link(l2);
    dsb_ishst();
    isb();
    check("pages in the kernel's half", maps(va, 64, 4));
    l3[3] = 0;
    mmu_flush();
    (void)load(va + 3 * PAGE_SIZE);
    check_fault("... one less", FSC_TRANSLATION, va + 3 * PAGE_SIZE);
    l3[3] = page(7) & ~NG;
    dsb_ishst();
    isb();
    check("... and back", maps(va, 64, 4));
    __asm__ volatile("stp %0, %0, [%1]" ::"r"(UINT64_C(0)), "r"(&l3[10]) : "memory");
    mmu_flush();
    (void)load(va + 11 * PAGE_SIZE);
    check_fault("... two less by one store", FSC_TRANSLATION, va + 11 * PAGE_SIZE);
    kernel[USER >> 30] = 0;
    mmu_flush();
    (void)load(va);
    check_fault("... all of them", FSC_TRANSLATION, va);
}

/* --- What may not be had ------------------------------------------------------------------------
 */

static bool is_denied(entry_t *entry, uint64_t value, uint64_t va)
{
    faults = 0;
    *entry = value;
    mmu_flush();
    if (faults == 0) /* not at once; then it is no entry */
        (void)load(va);
    *entry = 0;
    mmu_flush();
    return faults >= 1;
}

static void denied(const struct space *s)
{
    static const unsigned char bits[] = {32, 36, 40, 42, 44, 48, 52};
    uint64_t walk = BIT64(bits[read_sysreg(id_aa64mmfr0_el1) & 7] - 1);
    const uint64_t va = USER + 20 * PAGE_SIZE;

    s->l3[20] = 0;
    mmu_flush();
    check("denied: a page of the walk window", is_denied(&s->l3[20], page(1) | walk, va));
    check("denied: a table that EL0 can write",
          is_denied(&s->l3[20], physical(s->l3) | PAGE | MMU_AP_EL0, va));
    check("denied: RAM as a device", is_denied(&s->l3[20], page(1) | MMU_DEVICE, va));
    check("denied: a table that is its own parent",
          is_denied(&s->l2[4], link(s->l2), USER + 4 * MIB2));
    s->l3[20] = page(21);
    dsb_ishst();
    isb();
    faults = 0;
    check("what may be had still may", maps(USER, ENTRIES, 1));
}

/* Not inlined: it begins in the kernel's half. */
static __attribute__((noinline)) void tests(const struct space *a, const struct space *b,
                                            entry_t *kernel, entry_t *ram, bool refuse)
{
    for (unsigned int i = 0; i < PAGES; i++)
        pages[i][0] = content(i);
    one_space(a);
    split_and_merge(a);
    two_spaces(a, b);
    reuse(a, ram);
    more_bits(a);
    kernel_half(kernel);
    if (refuse)
        denied(a);
    check("no fault beside these", faults == 0);
}

/* As the kernel's half shows it. */
static struct space high(struct space s)
{
    s.root = (entry_t *)((uintptr_t)s.root + HIGH);
    s.l2 = (entry_t *)((uintptr_t)s.l2 + HIGH);
    s.l3 = (entry_t *)((uintptr_t)s.l3 + HIGH);
    return s;
}

void guest_main(uint64_t dtb)
{
    bool refuse = strcmp(dtb_bootargs(dtb), "refuse") == 0;
    entry_t *ram = ram_blocks();
    entry_t *kernel = new_table();
    struct space a = new_space(1, ram);
    struct space b = new_space(2, ram);
    static struct space high_a, high_b;

    kernel[0] = MMU_BLOCK_IO;
    kernel[1] = link(ram_blocks());
    high_a = high(a);
    high_b = high(b);
    turn_on(&a, kernel);
    va39_go(HIGH);
    tests(&high_a, &high_b, (entry_t *)((uintptr_t)kernel + HIGH),
          (entry_t *)((uintptr_t)ram + HIGH), refuse);
    check_end();
    psci_off(); /* the way back is in the other half */
}
