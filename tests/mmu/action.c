/* SPDX-License-Identifier: Apache-2.0 */
/* Actions by number and from bytes, for programs that draw them; perform.c carries them out. */
#include "tests/mmu/world.h"

#include <stdio.h>

desc_t action_value(unsigned int n)
{
    unsigned int frame;

    if (n == 0 || n >= ACTION_VALUES)
        return desc_of(0);
    frame = (n - 1) % MMU_FRAMES;
    switch ((n - 1) / MMU_FRAMES) {
    case 0:
        return table_desc(frame);
    case 1:
        return page_desc(frame, LEAF_RW);
    case 2:
        return page_desc(frame, LEAF_EL0);
    case 3:
        return page_desc(frame, LEAF_RO);
    case 4:
        return block_desc(frame & ~1U, LEAF_RW);
    default:
        break;
    }
    switch (frame) {
    case 0:
        return desc_of(table_desc(1).raw & ~MMU_WALK);
    case 1:
        return desc_of(page_desc(1, LEAF_RW).raw | MMU_WALK);
    case 2:
        return page_desc(2, LEAF_DEV);
    case 3:
        return page_desc(MMU_DEVICE >> PAGE_SHIFT, LEAF_DEV);
    case 4:
        return page_desc(MMU_DEVICE >> PAGE_SHIFT, LEAF_RW);
    case 5:
        return page_desc(3, LEAF_NC);
    case 6:
        return page_desc(2, DESC_CONTIGUOUS);
    case 7:
        return desc_of(table_desc(2).raw | DESC_NSTABLE);
    case 8:
        return desc_of(page_desc(2, 0).raw | DESC_GP);
    case 9:
        return page_desc(200, LEAF_RO);
    case 10:
        return desc_of(page_desc(1, LEAF_RO).raw | BIT64(40));
    case 11:
        return block_desc(1, LEAF_RW); /* not on a boundary */
    case 12:
        return block_desc(2, LEAF_EL0);
    case 13:
        return page_desc(2, LEAF_RO | DESC_DBM);
    case 14:
        return desc_of(page_desc(2, LEAF_RW).raw & ~DESC_VALID);
    default:
        return block_desc(MMU_DEVICE >> PAGE_SHIFT, LEAF_DEV);
    }
}

/* --- From bytes ------------------------------------------------------------------------------- */

/* What a guest that means well could store there: links and leaves more often than nonsense. */
static uint8_t decode_value(const struct world *w, unsigned int frame, uint8_t kind, uint8_t what)
{
    unsigned int target = 1 + what % w->nr_frames;
    bool is_table =
        w->frames[frame].type >= FRAME_TABLE_L0 && w->frames[frame].type < FRAME_TABLE_L3;

    switch (kind % 8) {
    case 0:
        return 0;
    case 1:
    case 2:
        return (uint8_t)(1 + (is_table ? 0U : MMU_FRAMES) + target);
    case 3:
        return (uint8_t)(1 + target);
    case 4:
        return (uint8_t)(1 + 3 * MMU_FRAMES + target);
    case 5:
        return (uint8_t)(1 + (1 + what / 16U % 4) * MMU_FRAMES + target);
    case 6:
        return (uint8_t)(1 + MMU_FRAMES + target);
    default:
        return (uint8_t)(what % ACTION_VALUES);
    }
}

struct action action_decode(const struct world *w, const uint8_t *bytes)
{
    static const uint8_t kinds[] = {
        ACT_STORE, ACT_STORE,  ACT_STORE,  ACT_STORE, ACT_STORE,  ACT_STORE,   ACT_STORE,
        ACT_STORE, ACT_ACCESS, ACT_ACCESS, ACT_NC,    ACT_UPDATE, ACT_UPDATE,  ACT_PIN,
        ACT_PIN,   ACT_UNPIN,  ACT_BASE,   ACT_BASE,  ACT_SYNC,   ACT_WALK,    ACT_PREEMPT,
        ACT_FLUSH, ACT_WORK,   ACT_REMOVE, ACT_ADD,   ACT_ASSIST, ACT_NO_BASE, ACT_OFF,
        ACT_AGAIN, ACT_AGAIN,  ACT_AGAIN,
    };
    struct action a = {
        .kind = kinds[bytes[0] % sizeof(kinds)],
        .cpu = bytes[1] % w->mmu.cpus,
        .frame = (uint8_t)(1 + bytes[2] % w->nr_frames),
        .index = bytes[1] / 16U % PTWR_ENTRIES,
        .option = bytes[3] % STORES,
    };

    a.value = decode_value(w, a.frame, bytes[4], bytes[5]);
    if (a.kind == ACT_PIN)
        a.option = bytes[3] % 4;
    if (a.kind == ACT_ASSIST)
        a.option = bytes[3] % 4 != 0;
    if (a.kind == ACT_QUICK) /* the pages of the first tree, in either range */
        a.frame = (uint8_t)(1 + bytes[2] % 3 + (bytes[2] & 128U) / 16U);
    if (bytes[3] >= 144)
        a.budget = (uint8_t)(1 + bytes[4] / 8U % 3);
    return a;
}

void world_decode(struct world *w, const uint8_t bytes[2])
{
    const struct world_config config = {
        .frames = 5 + bytes[0] % 7U,
        .slots = 1 + bytes[0] / 8U % 3,
        .assist = bytes[0] / 32U != 0,
        .policy = PTWR_POLICY_PREDICT,
        .action = bytes[1] % 8U == 0 ? PTWR_ACTION_CRASH : PTWR_ACTION_REFUSE,
        .cpus = 1 + bytes[1] / 2U % 4,
    };

    world_init(w, &config);
    w->mmu.erratum = (bytes[1] & 8U) != 0;
    w->mmu.fwb = (bytes[1] & 48U) == 48;
    if ((bytes[1] & 64U) != 0)
        world_make_readonly(w, config.frames);
    if ((bytes[1] & 128U) != 0)
        return;
    for (unsigned int i = 1; i < 4; i++)
        world_fill(w, i, table_desc(i + 1), desc_of(0));
    world_fill(w, 4, page_desc(5, LEAF_RO), page_desc(4, config.assist ? LEAF_RW : LEAF_RO));
    for (unsigned int cpu = 0; cpu < w->mmu.cpus; cpu++) {
        if (world_base(w, cpu, 1, 1) != HV_OK)
            mmu_fail(&w->mmu, "the first tree is refused");
    }
}

void action_print(const struct action *a, char *text, size_t size)
{
    static const char *const name[ACTIONS] = {
        "-",      "store",   "nc-store", "access",  "update", "pin",   "unpin",
        "base",   "no-base", "sync",     "preempt", "walk",   "flush", "work",
        "assist", "remove",  "add",      "reset",   "off",    "again",
    };
    static const char *const how[STORES] = {"emulate", "open", "undecoded", "EL0",
                                            "low",     "high", "CAS"};
    int n = snprintf(text, size, "cpu%u %s", a->cpu, a->kind < ACTIONS ? name[a->kind] : "?");
    char *end = text + n;
    size_t left = size - (size_t)n;

    switch (a->kind) {
    case ACT_STORE:
    case ACT_NC:
    case ACT_UPDATE:
        (void)snprintf(end, left, " frame %u [%u] = %#llx (%s) budget %u", a->frame, a->index,
                       (unsigned long long)action_value(a->value).raw,
                       a->kind == ACT_STORE && a->option < STORES ? how[a->option] : "-",
                       a->budget);
        break;
    case ACT_ACCESS:
        (void)snprintf(end, left, " page %u %s", (a->frame * PTWR_ENTRIES + a->index) % MMU_PAGES,
                       a->option != 0 ? "store" : "load");
        break;
    case ACT_NO_BASE:
    case ACT_SYNC:
    case ACT_PREEMPT:
    case ACT_FLUSH:
    case ACT_WORK:
    case ACT_RESET:
    case ACT_OFF:
    case ACT_AGAIN:
        (void)snprintf(end, left, " budget %u", a->budget);
        break;
    default:
        (void)snprintf(end, left, " frame %u option %u budget %u", a->frame, a->option, a->budget);
        break;
    }
}
