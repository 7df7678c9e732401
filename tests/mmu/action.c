/* SPDX-License-Identifier: Apache-2.0 */
/* Actions by number and from bytes, for programs that draw them; perform.c carries them out. */
#include "tests/mmu/world.h"

#include <stdio.h>

static desc_t direct_value(unsigned int n)
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

/* What has to be refused in a direct domain only, and what a guarded one may do besides. */
static desc_t guarded_value(unsigned int n)
{
    switch (n - 1 - 5 * MMU_FRAMES) {
    case 0:
        return table_desc(1); /* in the walk window */
    case 4:
        return page_desc(4, LEAF_EL0 | DESC_CONTIGUOUS);
    case 9:
        return block_desc(4, LEAF_RW); /* of level 1 as well */
    case 10:
        return block_desc(8, LEAF_EL0);
    case 15:
        return page_desc(6, LEAF_RO | DESC_CONTIGUOUS);
    default:
        return direct_value(n);
    }
}

desc_t action_value(const struct world *w, unsigned int n)
{
    if (!w->p.guarded)
        return direct_value(n);
    if (n >= 1 && n <= MMU_FRAMES)
        return guarded_table_desc(n - 1);
    return n > 5 * MMU_FRAMES && n < ACTION_VALUES ? guarded_value(n) : direct_value(n);
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
    static const uint8_t guarded[] = {
        ACT_STORE, ACT_STORE,   ACT_STORE,  ACT_STORE, ACT_STORE,  ACT_STORE, ACT_STORE,
        ACT_STORE, ACT_ACCESS,  ACT_ACCESS, ACT_NC,    ACT_ACCESS, ACT_BASE,  ACT_BASE,
        ACT_BASE,  ACT_BASE,    ACT_SYNC,   ACT_WALK,  ACT_ACCESS, ACT_QUICK, ACT_PREEMPT,
        ACT_FLUSH, ACT_NO_BASE, ACT_WORK,   ACT_BASE,  ACT_OFF,    ACT_AGAIN, ACT_AGAIN,
        ACT_AGAIN, ACT_STORE,   ACT_STORE,
    };
    static const uint8_t kinds[] = {
        ACT_STORE, ACT_STORE,  ACT_STORE,  ACT_STORE, ACT_STORE,  ACT_STORE,   ACT_STORE,
        ACT_STORE, ACT_ACCESS, ACT_ACCESS, ACT_NC,    ACT_UPDATE, ACT_UPDATE,  ACT_PIN,
        ACT_PIN,   ACT_UNPIN,  ACT_BASE,   ACT_BASE,  ACT_SYNC,   ACT_WALK,    ACT_PREEMPT,
        ACT_FLUSH, ACT_WORK,   ACT_REMOVE, ACT_ADD,   ACT_ASSIST, ACT_NO_BASE, ACT_OFF,
        ACT_AGAIN, ACT_AGAIN,  ACT_AGAIN,
    };
    struct action a = {
        .kind = (w->p.guarded ? guarded : kinds)[bytes[0] % sizeof(kinds)],
        .cpu = bytes[1] % w->mmu.cpus,
        .frame = (uint8_t)(1 + bytes[2] % w->nr_frames),
        .index = bytes[1] / 16U % PTWR_ENTRIES,
        .option = bytes[3] % STORES,
    };

    a.value = decode_value(w, a.frame, bytes[4], bytes[5]);
    if (w->p.guarded &&
        a.kind == ACT_BASE) { /* mostly TTBR0_EL1, of level 0, and a table of that */
        a.option = (uint8_t)((bytes[3] % 16U == 3 ? 1 : 0) + (bytes[3] % 16U == 15 ? 2 : 0));
        if (bytes[2] >= 32)
            a.frame = bytes[2] % 3U == 0 ? 6 : 1;
    }
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

static void decode_guarded(struct world *w, const uint8_t bytes[2])
{
    const struct world_config config = {
        .frames = 7 + bytes[0] % 5U,
        .slots = 1 + bytes[0] / 8U % 3,
        .policy = PTWR_POLICY_PREDICT,
        .action = bytes[1] % 8U == 0 ? PTWR_ACTION_CRASH : PTWR_ACTION_REFUSE,
        .cpus = 1 + bytes[1] / 2U % 2,
        .guarded = true,
        .count_users = (bytes[0] & 32U) != 0,
    };

    world_init(w, &config);
    w->mmu.erratum = (bytes[1] & 8U) != 0;
    w->mmu.fwb = (bytes[1] & 48U) == 48;
    for (unsigned int i = 1; i < 4; i++)
        world_fill(w, i, guarded_table_desc(i + 1), desc_of(0));
    world_fill(w, 4, page_desc(5, LEAF_RO), page_desc(4, LEAF_RW));
    for (unsigned int cpu = 0; cpu < w->mmu.cpus; cpu++) {
        if ((bytes[1] & 192U) == 192 && world_kernel_base(w, cpu, 1, 0) != HV_OK)
            mmu_fail(&w->mmu, "the first tree is refused");
        world_user_base(w, cpu, 1, 0);
    }
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

    if (bytes[0] / 64U == 3) {
        decode_guarded(w, bytes);
        return;
    }
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

void action_print(const struct world *w, const struct action *a, char *text, size_t size)
{
    static const char *const name[ACTIONS] = {
        "-",      "store",   "nc-store", "access",  "update", "pin",   "unpin",
        "base",   "no-base", "sync",     "preempt", "walk",   "flush", "work",
        "assist", "remove",  "add",      "reset",   "off",    "quick", "again",
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
                       (unsigned long long)action_value(w, a->value).raw,
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
