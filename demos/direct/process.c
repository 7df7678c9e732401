/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes of the demo kernel. Their page tables are written with ordinary stores, live ones as
 * well: that is what is shown.
 */
#include "common/string.h"
#include "demo.h"
#include "direct/guest.h"
#include "direct/memory.h"

#define MAX_FRAMES 32768 /* 128 MiB */
#define COW        ENTRY_SOFTWARE

struct fault_counts faults;

static uint16_t users[MAX_FRAMES]; /* processes that map the frame */
static void *text;

void process_init(void)
{
    if (start_info->nr_pages > MAX_FRAMES)
        demo_failed("too many frames for this demo", start_info->nr_pages, MAX_FRAMES);
    text = page_alloc();
    user_install(text);
    users[virt_to_pfn(text)] = 1; /* for ever */
}

static void *page_of(uint64_t entry) { return machine_to_virt(entry); }

static uint16_t *users_of(uint64_t entry) { return &users[virt_to_pfn(page_of(entry))]; }

static void drop_page(uint64_t entry)
{
    uint16_t *count = users_of(entry);

    if (--*count == 0)
        page_free(page_of(entry));
}

void process_create(struct process *p, uint16_t asid)
{
    *p = (struct process){.user = {.pc = 0}};
    space_create(&p->space, asid);
    space_map(&p->space, TEXT_VA, entry_page(text, PAGE_USER_TEXT));
    users[virt_to_pfn(text)]++;
    space_pin(&p->space);
}

/* What the parent may write, both may only read from now on. Two tables at a time: that is what two
 * slots are for. */
static void copy_leaves(uint64_t *to, uint64_t *from)
{
    for (size_t i = 0; i < TABLE_ENTRIES; i++) {
        uint64_t entry = from[i];

        if ((entry & ENTRY_VALID) == 0)
            continue;
        if ((entry & ENTRY_RO) == 0) {
            entry |= ENTRY_RO | COW;
            entry_write(&from[i], entry);
        }
        entry_write(&to[i], entry);
        ++*users_of(entry);
    }
}

/* Every table of the parent's gets a copy; level by level, as deep as tables go. */
static uint64_t *copy_tables(uint64_t *root)
{
    uint64_t *from[TABLE_LEVELS] = {root};
    uint64_t *to[TABLE_LEVELS] = {table_alloc()};
    size_t index[TABLE_LEVELS] = {0};
    unsigned int level = 0;

    for (;;) {
        size_t i = index[level]++;

        if (i == TABLE_ENTRIES) {
            if (level == 0)
                return to[0];
            level--;
        } else if ((from[level][i] & ENTRY_VALID) != 0) {
            uint64_t *copy = table_alloc();

            entry_write(&to[level][i], entry_table(copy));
            if (level == TABLE_LEVELS - 2) {
                copy_leaves(copy, machine_to_virt(from[level][i]));
                continue;
            }
            from[level + 1] = machine_to_virt(from[level][i]);
            to[++level] = copy;
            index[level] = 0;
        }
    }
}

/* The child's tables are nobody's tables until they are pinned, so filling them costs no trap. */
void process_fork(struct process *child, struct process *parent, uint16_t asid)
{
    *child = (struct process){.space = {.asid = asid}};
    child->space.root = copy_tables(parent->space.root);
    tlbi_all(); /* the parent's writable translations */
    space_pin(&child->space);
}

void process_exit(struct process *p)
{
    space_load(NULL);
    space_destroy(&p->space, drop_page);
}

void process_switch(struct process *p) { space_load(&p->space); }

static void map_zeroed(struct process *p, uint64_t va)
{
    void *page = page_alloc();

    users[virt_to_pfn(page)] = 1;
    space_map(&p->space, va, entry_page(page, PAGE_USER));
    faults.zeroed++;
}

static void make_writable(uint64_t *entry, uint64_t va)
{
    uint64_t old = *(volatile uint64_t *)entry;
    uint16_t *count = users_of(old);
    void *page;

    if (*count == 1) {
        entry_write(entry, old & ~(ENTRY_RO | COW));
        tlbi_page(va);
        faults.reused++;
        return;
    }
    page = page_alloc();
    memcpy(page, page_of(old), PAGE_SIZE);
    users[virt_to_pfn(page)] = 1;
    --*count;
    /* Another frame: broken, invalidated and made, as on any Arm machine. */
    entry_write(entry, 0);
    tlbi_page(va);
    entry_write(entry, entry_page(page, PAGE_USER));
    tables_written();
    faults.copied++;
}

static bool answer_fault(struct process *p)
{
    uint64_t va = p->user.far & ~(PAGE_SIZE - 1);
    unsigned int fsc = ESR_FSC(p->user.esr);
    uint64_t *entry;

    if (ESR_EC(p->user.esr) != EC_DABT_EL0 || va < HEAP_VA)
        return false;
    entry = space_find(&p->space, va, 3);
    if (fsc_is_translation(fsc)) {
        map_zeroed(p, va);
        return true;
    }
    if (!fsc_is_permission(fsc) || entry == NULL || (*entry & COW) == 0)
        return false;
    make_writable(entry, va);
    return true;
}

bool process_run(struct process *p, const char *program, uint64_t x0, uint64_t x1, uint64_t x2)
{
    process_switch(p);
    if (user_call(&p->user, TEXT_VA, program, x0, x1, x2))
        return true;
    while (answer_fault(p)) {
        user_run(&p->user);
        if (user_done(&p->user))
            return true;
    }
    return false;
}
