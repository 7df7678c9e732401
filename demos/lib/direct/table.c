/* SPDX-License-Identifier: Apache-2.0 */
#include "direct/table.h"

#include "common/print.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"

bool assist_is_on;

static void must(int64_t result, const char *what)
{
    if (result == 0)
        return;
    print("FAILED: %s: %ld\n", what, result);
    guest_crash();
}

uint64_t entry_page(const void *page, uint64_t attributes)
{
    return virt_to_mfn(page) << PAGE_SHIFT | attributes;
}

uint64_t entry_table(const void *table)
{
    return virt_to_mfn(table) << PAGE_SHIFT | start_info->walk | ENTRY_VALID | ENTRY_TABLE;
}

int64_t assist_set(bool on)
{
    int64_t result =
        hyp_vm_assist(on ? VMASST_CMD_enable : VMASST_CMD_disable, VMASST_TYPE_writable_pagetables);

    if (result != -LATCH_EBUSY)
        must(result, "vm_assist");
    if (result == 0)
        assist_is_on = on;
    return result;
}

void entry_write_by_hypercall(uint64_t *entry, uint64_t value)
{
    struct mmu_update update = {.ptr = virt_to_machine(entry), .val = value};

    must(hyp_mmu_update(&update, 1, NULL), "mmu_update");
}

void *table_alloc(void)
{
    void *table = page_alloc();

    if (!assist_is_on)
        page_protect(table, false);
    return table;
}

void table_free(void *table)
{
    if (!assist_is_on)
        page_protect(table, true);
    page_free(table);
}

void space_create(struct space *space, uint16_t asid)
{
    *space = (struct space){.root = table_alloc(), .asid = asid};
}

static uint64_t *descend(const struct space *space, uint64_t va, unsigned int level, bool make)
{
    uint64_t *table = space->root;

    for (unsigned int l = 0; l < level; l++) {
        uint64_t *entry = &table[table_index(va, l)];

        if ((*(volatile uint64_t *)entry & ENTRY_VALID) == 0) {
            if (!make)
                return NULL;
            entry_write(entry, entry_table(table_alloc()));
        }
        table = machine_to_virt(*(volatile uint64_t *)entry);
    }
    return &table[table_index(va, level)];
}

uint64_t *space_entry(struct space *space, uint64_t va, unsigned int level)
{
    return descend(space, va, level, true);
}

uint64_t *space_find(const struct space *space, uint64_t va, unsigned int level)
{
    return descend(space, va, level, false);
}

void space_map(struct space *space, uint64_t va, uint64_t entry)
{
    entry_write(space_entry(space, va, 3), entry);
    tables_written();
}

void space_pin(struct space *space)
{
    if (space->pinned)
        return;
    must(hyp_mmuext(MMUEXT_PIN_L4_TABLE, virt_to_mfn(space->root)), "pin");
    space->pinned = true;
}

uint64_t space_ttbr(const struct space *space)
{
    return virt_to_mfn(space->root) << PAGE_SHIFT | start_info->walk | (uint64_t)space->asid << 48;
}

/* Without a base there is none to write to the register: the hypercall knows "none". */
void space_load(struct space *space)
{
    if (space == NULL) {
        must(hyp_mmuext(MMUEXT_NEW_USER_BASEPTR, 0), "new_user_baseptr");
        return;
    }
    space_pin(space);
    write_sysreg(space_ttbr(space), ttbr0_el1);
    isb();
}

/* From the leaves up; a table is freed when its last entry was looked at. */
static void destroy(uint64_t *root, void (*page)(uint64_t entry))
{
    uint64_t *table[TABLE_LEVELS] = {root};
    size_t index[TABLE_LEVELS] = {0};
    unsigned int level = 0;

    for (;;) {
        uint64_t entry;

        if (index[level] == TABLE_ENTRIES) {
            table_free(table[level]);
            if (level == 0)
                return;
            level--;
            continue;
        }
        entry = *(volatile uint64_t *)&table[level][index[level]++];
        if ((entry & ENTRY_VALID) == 0)
            continue;
        if (level < TABLE_LEVELS - 1) {
            level++;
            table[level] = machine_to_virt(entry);
            index[level] = 0;
        } else if (page != NULL) {
            page(entry);
        }
    }
}

void space_destroy(struct space *space, void (*page)(uint64_t entry))
{
    if (space->pinned)
        must(hyp_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(space->root)), "unpin");
    tlbi_all();
    destroy(space->root, page);
    space->root = NULL;
    space->pinned = false;
}
