/* SPDX-License-Identifier: Apache-2.0 */
/* Frames given back and taken again. */
#include "common/string.h"
#include "direct/cases.h"
#include "direct/counters.h"
#include "direct/exception.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"
#include "direct/rig.h"

#define MANY     1000
#define NOWHERE  UINT64_C(0x7f0000000000)
#define OLD_DATA UINT64_C(0x01dda7a01dda7a00)

static struct rig rig;
static uint64_t mfns[MANY + 8];
static void *pages[MANY];

static int64_t reserve(uint64_t command, uint64_t *list, uint64_t count)
{
    struct xen_memory_reservation r = {
        .extent_start = va_of(list), .nr_extents = count, .domid = DOMID_SELF};

    return hyp_memory_op(command, &r);
}

static int64_t frames(void) { return hyp_memory_op(XENMEM_current_reservation, NULL); }

/* The linear map's leaf of a page, without any invalidation. */
static void map_linear(void *page, uint64_t mfn)
{
    uint64_t entry = mfn == 0 ? 0 : mfn << PAGE_SHIFT | PAGE_KERNEL;

    expect_equal((uint64_t)hyp_update_va_mapping(page, entry, UVMF_NONE), 0, "update_va_mapping");
}

/* `count` pages full of old data are not mapped any more and given away. */
static void give_pages(unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        pages[i] = page_alloc();
        for (unsigned int j = 0; j < 512; j++)
            ((uint64_t *)pages[i])[j] = OLD_DATA;
        mfns[i] = virt_to_mfn(pages[i]);
        map_linear(pages[i], 0);
    }
    expect_equal((uint64_t)reserve(XENMEM_decrease_reservation, mfns, count), count, "given away");
}

/* The frames that came back take the pages' places, in the p2m too. */
static void place_pages(unsigned int count)
{
    uint64_t *p2m = (uint64_t *)(uintptr_t)start_info->mfn_list;

    for (unsigned int i = 0; i < count; i++) {
        p2m[virt_to_pfn(pages[i])] = mfns[i];
        map_linear(pages[i], mfns[i]);
        for (unsigned int j = 0; j < 512; j++)
            expect_equal(((uint64_t *)pages[i])[j], 0, "a word of a frame that came back");
        expect_equal(mfn_to_pfn(mfns[i]), virt_to_pfn(pages[i]), "its pfn");
        page_free(pages[i]);
    }
}

/* Back to the pfns that the pages are. */
static void take_pages(unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        mfns[i] = virt_to_pfn(pages[i]);
    expect_equal((uint64_t)reserve(XENMEM_populate_physmap, mfns, count), count, "taken back");
    place_pages(count);
}

/* --- Down and up ------------------------------------------------------------------------------ */

static void down_and_up(void)
{
    int64_t before = frames();

    give_pages(3);
    expect_equal((uint64_t)frames(), (uint64_t)before - 3, "frames");
    for (unsigned int i = 0; i < 3; i++)
        expect_equal(mfn_to_pfn(mfns[i]), LATCH_M2P_NONE, "the pfn of a frame that is away");
    take_pages(3);
    expect_equal((uint64_t)frames(), (uint64_t)before, "frames");
}

/* increase_reservation gives each frame the pfn that it had at the start. */
static void increase_keeps_pfns(void)
{
    uint64_t wanted[3];

    give_pages(3);
    for (unsigned int i = 0; i < 3; i++)
        wanted[i] = mfns[i];
    memset(mfns, 0, sizeof(mfns));
    expect_equal((uint64_t)reserve(XENMEM_increase_reservation, mfns, 3), 3, "taken back");
    for (unsigned int i = 0; i < 3; i++) {
        bool found = false;

        for (unsigned int j = 0; j < 3; j++)
            found = found || mfns[j] == wanted[i];
        expect(found, "another frame came back");
        pages[i] = pfn_to_virt(mfn_to_pfn(mfns[i]));
    }
    place_pages(3);
}

/* More than a trap's work each way, in one call. */
static void many_at_once(void)
{
    int64_t before = frames();

    give_pages(MANY);
    expect_equal((uint64_t)frames(), (uint64_t)before - MANY, "frames");
    take_pages(MANY);
    expect_equal((uint64_t)frames(), (uint64_t)before, "frames");
}

/* The guest's TLB has the page still; the frame must be out of it when the call returns. */
static void no_translation_stays(void)
{
    uint64_t value;

    pages[0] = page_alloc();
    *(volatile uint64_t *)pages[0] = OLD_DATA;
    mfns[0] = virt_to_mfn(pages[0]);
    map_linear(pages[0], 0);
    expect_equal((uint64_t)reserve(XENMEM_decrease_reservation, mfns, 1), 1, "given away");
    expect(!try_load(pages[0], &value), "the frame can still be read");
    expect(!try_store(pages[0], 0), "the frame can still be written");
    take_pages(1);
}

/* A frame that is away is another's: for entries, tables, updates, pins, and to be given again. */
static void away_is_foreign(void)
{
    struct mmu_update request;

    give_pages(1);
    request =
        (struct mmu_update){virt_to_machine(&rig.level3[9]), mfns[0] << PAGE_SHIFT | PAGE_PRIVATE};
    expect_equal((uint64_t)hyp_mmu_update(&request, 1, NULL), (uint64_t)-LATCH_EINVAL, "a leaf");
    expect_refused(LATCH_RULE_OWNER);
    request =
        (struct mmu_update){virt_to_machine(&rig.level2[9]),
                            mfns[0] << PAGE_SHIFT | start_info->walk | ENTRY_VALID | ENTRY_TABLE};
    expect_equal((uint64_t)hyp_mmu_update(&request, 1, NULL), (uint64_t)-LATCH_EINVAL, "a table");
    expect_refused(LATCH_RULE_OWNER);
    request = (struct mmu_update){mfns[0] << PAGE_SHIFT, 1};
    expect_equal((uint64_t)hyp_mmu_update(&request, 1, NULL), (uint64_t)-LATCH_EPERM, "a store");
    request.ptr |= MMU_MACHPHYS_UPDATE;
    expect_equal((uint64_t)hyp_mmu_update(&request, 1, NULL), (uint64_t)-LATCH_EPERM, "its pfn");
    expect_equal((uint64_t)hyp_mmuext(MMUEXT_PIN_L1_TABLE, mfns[0]), (uint64_t)-LATCH_EPERM,
                 "a pin");
    expect_equal((uint64_t)reserve(XENMEM_decrease_reservation, mfns, 1), 0, "given away again");
    take_pages(1);
}

/* --- What is in use --------------------------------------------------------------------------- */

/* The frames before it in the list go; it stays, and so do those behind it. */
static void refuse(uint64_t mfn, const char *what)
{
    int64_t before = frames();
    uint64_t list[3];

    for (unsigned int i = 0; i < 2; i++) {
        pages[i] = page_alloc();
        mfns[i] = virt_to_mfn(pages[i]);
        map_linear(pages[i], 0);
    }
    list[0] = mfns[0];
    list[1] = mfn;
    list[2] = mfns[1];
    expect_equal((uint64_t)reserve(XENMEM_decrease_reservation, list, 3), 1, what);
    expect_equal((uint64_t)frames(), (uint64_t)before - 1, "frames");
    map_linear(pages[1], mfns[1]);
    page_free(pages[1]);
    take_pages(1);
}

static void in_use(void)
{
    uint64_t *pinned = table_alloc();

    refuse(virt_to_mfn(rig.page[0]), "a frame that is mapped");
    refuse(virt_to_mfn(rig.level3), "a linked table");
    refuse(virt_to_mfn(rig.level0), "a base");
    expect_equal((uint64_t)hyp_mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(pinned)), 0, "pin");
    map_linear(pinned, 0);
    refuse(virt_to_mfn(pinned), "a pinned table");
    map_linear(pinned, virt_to_mfn(pinned));
    expect_equal((uint64_t)hyp_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(pinned)), 0, "unpin");
    table_free(pinned);
    refuse(pfn_to_mfn(start_info->m2p_pages), "a frame of the m2p");
    refuse(foreign_mfn(0), "another's frame");
    refuse(start_info->gicd >> PAGE_SHIFT, "a device");
    refuse(0x40080, "the hypervisor");
    refuse(start_info->walk >> PAGE_SHIFT | virt_to_mfn(rig.page[0]), "a frame with WALK");
    refuse(UINT64_MAX, "no frame");
    refuse(UINT64_C(1) << 32 | virt_to_mfn(rig.page[0]), "a number of more than 32 bits");
    expect_equal(peek(RIG_VA), RIG_MARK(0), "the word at RIG_VA");
}

/* Mapped by a table that is open, and by one that is stale: Latch finds out which it is. */
static void in_use_by_unjudged(void)
{
    uint64_t *table = rig_table(rig.page[0]);

    pages[0] = page_alloc();
    mfns[0] = virt_to_mfn(pages[0]);
    map_linear(pages[0], 0);
    entry_write(&rig.level2[300], entry_table(table));
    tables_written();
    (void)peek(RIG_PAGE_VA(5) + (UINT64_C(300) << 21));
    for (unsigned int i = 16; i < 80; i++) /* opens it */
        entry_write(&table[i], mfns[0] << PAGE_SHIFT | PAGE_PRIVATE);
    expect_equal((uint64_t)reserve(XENMEM_decrease_reservation, mfns, 1), 0,
                 "mapped by open table");
    entry_write(&rig.level2[300], 0); /* stale: nobody flushed */
    expect_equal((uint64_t)reserve(XENMEM_decrease_reservation, mfns, 1), 1,
                 "mapped by a stale one");
    take_pages(1);
    mfns[0] = virt_to_mfn(table);
    pages[0] = table;
    map_linear(table, 0);
    expect_equal((uint64_t)reserve(XENMEM_decrease_reservation, mfns, 1), 1,
                 "the stale one itself");
    take_pages(1);
}

/* --- Limits and lists --------------------------------------------------------------------------
 */

static void limits(void)
{
    uint64_t maximum = (uint64_t)hyp_memory_op(XENMEM_maximum_reservation, NULL);
    uint64_t list[4] = {1, 1, 1, 1};

    expect_equal(maximum, start_info->nr_pages, "maximum_reservation");
    expect_equal((uint64_t)frames(), maximum, "current_reservation");
    expect_equal((uint64_t)reserve(XENMEM_increase_reservation, list, 4), 0, "beyond the maximum");
    expect_equal((uint64_t)reserve(XENMEM_populate_physmap, list, 4), 0, "beyond the maximum");
    give_pages(2);
    expect_equal((uint64_t)reserve(XENMEM_increase_reservation, list, 4), 2,
                 "as many as there are");
    expect_equal(list[2] | list[3], 1, "the rest of the list");
    expect_equal((uint64_t)frames(), maximum, "current_reservation");
    mfns[0] = list[0];
    mfns[1] = list[1];
    for (unsigned int i = 0; i < 2; i++)
        pages[i] = pfn_to_virt(mfn_to_pfn(mfns[i]));
    place_pages(2);
}

static void bad_pfn(void)
{
    give_pages(1);
    mfns[0] = start_info->nr_pages;
    expect_equal((uint64_t)reserve(XENMEM_populate_physmap, mfns, 1), 0, "no pfn of ours");
    expect_equal(mfns[0], start_info->nr_pages, "the list");
    mfns[0] = LATCH_M2P_NONE;
    expect_equal((uint64_t)reserve(XENMEM_populate_physmap, mfns, 1), 0, "none");
    take_pages(1);
}

static void bad_lists(void)
{
    static const uint64_t commands[] = {XENMEM_increase_reservation, XENMEM_decrease_reservation,
                                        XENMEM_populate_physmap};
    const struct {
        uint64_t start, count;
        uint32_t order;
        uint16_t domid;
        int64_t result;
    } bad[] = {
        {va_of(mfns) + 4, 1, 0, DOMID_SELF, -LATCH_EINVAL},
        {va_of(mfns), 1, 1, DOMID_SELF, -LATCH_EINVAL},
        {va_of(mfns), UINT64_C(1) << 32, 0, DOMID_SELF, -LATCH_EINVAL},
        {va_of(mfns), UINT64_MAX / 8 + 2, 0, DOMID_SELF, -LATCH_EINVAL},
        {UINT64_MAX - 7, 2, 0, DOMID_SELF, -LATCH_EINVAL},
        {va_of(mfns), 1, 0, 0, -LATCH_EPERM},
        {va_of(mfns), 1, 0, 0x7ff1, -LATCH_ESRCH},
        {va_of(mfns), 0, 0, DOMID_SELF, 0},
        {NOWHERE, 1, 0, DOMID_SELF, 0},
        {UINT64_C(1) << 60, 1, 0, DOMID_SELF, 0},
    };
    int64_t before;

    give_pages(1);
    before = frames();
    for (unsigned int c = 0; c < ARRAY_SIZE(commands); c++) {
        for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
            struct xen_memory_reservation r = {.extent_start = bad[i].start,
                                               .nr_extents = bad[i].count,
                                               .extent_order = bad[i].order,
                                               .domid = bad[i].domid};

            expect_equal((uint64_t)hyp_memory_op(commands[c], &r), (uint64_t)bad[i].result,
                         "a bad list");
        }
        expect_equal((uint64_t)hyp_memory_op(commands[c], (void *)NOWHERE), (uint64_t)-LATCH_EFAULT,
                     "no structure");
        /* Latch's answer would go where the guest could not write. */
        expect_equal((uint64_t)reserve(commands[c], (uint64_t *)M2P_BASE, 1), 0, "list in the m2p");
        expect_equal((uint64_t)reserve(commands[c], rig.level3, 1), 0, "list in a table");
    }
    expect_equal((uint64_t)frames(), (uint64_t)before, "frames");
    take_pages(1);
}

static void whose_reservation(void)
{
    uint16_t domid = DOMID_SELF;

    expect_equal((uint64_t)hyp_memory_op(XENMEM_current_reservation, &domid), start_info->nr_pages,
                 "by DOMID_SELF");
    domid = 0;
    expect_equal((uint64_t)hyp_memory_op(XENMEM_maximum_reservation, &domid),
                 (uint64_t)-LATCH_EPERM, "by a domain's number");
    domid = 77;
    expect_equal((uint64_t)hyp_memory_op(XENMEM_maximum_reservation, &domid),
                 (uint64_t)-LATCH_ESRCH, "by no domain's number");
    expect_equal((uint64_t)hyp_memory_op(XENMEM_current_reservation, (void *)NOWHERE),
                 (uint64_t)-LATCH_EFAULT, "by nothing");
    expect_equal((uint64_t)hyp_memory_op(7, &domid), (uint64_t)-LATCH_ENOSYS, "command 7");
    expect_equal((uint64_t)hyp_memory_op(15, &domid), (uint64_t)-LATCH_ENOSYS, "command 15");
}

#define LIST(CASE)                                                                                 \
    CASE(down_and_up)                                                                              \
    CASE(increase_keeps_pfns)                                                                      \
    CASE(many_at_once)                                                                             \
    CASE(no_translation_stays)                                                                     \
    CASE(away_is_foreign)                                                                          \
    CASE(in_use)                                                                                   \
    CASE(in_use_by_unjudged)                                                                       \
    CASE(limits)                                                                                   \
    CASE(bad_pfn)                                                                                  \
    CASE(bad_lists)                                                                                \
    CASE(whose_reservation)

LIST(RIG_CASE)

static const struct test_case cases[] = {LIST(RIG_CASE_ENTRY)};

void guest_main(void)
{
    (void)assist_set(true);
    cases_run(cases, ARRAY_SIZE(cases));
}
