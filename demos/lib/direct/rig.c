/* SPDX-License-Identifier: Apache-2.0 */
#include "direct/rig.h"

#include "direct/memory.h"
#include "direct/user.h"

void rig_make(struct rig *rig)
{
    space_create(&rig->space, 1);
    for (unsigned int i = 0; i < RIG_PAGES; i++) {
        rig->page[i] = page_alloc();
        rig->page[i][0] = RIG_MARK(i);
        rig->page[i][1] = ~RIG_MARK(i);
    }
    rig->text = page_alloc();
    user_install(rig->text);
    space_map(&rig->space, RIG_VA, entry_page(rig->page[0], PAGE_PRIVATE));
    space_map(&rig->space, RIG_TEXT, entry_page(rig->text, PAGE_USER_TEXT));
    rig->level0 = rig->space.root;
    rig->level1 = space_entry(&rig->space, 0, 1);
    rig->level2 = space_entry(&rig->space, RIG_VA, 2);
    rig->level3 = space_entry(&rig->space, RIG_VA, 3);
    space_load(&rig->space);
}

void rig_drop(struct rig *rig)
{
    space_load(NULL);
    space_destroy(&rig->space, NULL);
    for (unsigned int i = 0; i < RIG_PAGES; i++)
        page_free(rig->page[i]);
    page_free(rig->text);
}

uint64_t *rig_table(const void *page)
{
    uint64_t *table = table_alloc();

    entry_write(&table[5], entry_page(page, PAGE_PRIVATE));
    return table;
}
