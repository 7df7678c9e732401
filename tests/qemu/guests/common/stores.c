/* SPDX-License-Identifier: Apache-2.0 */
#include "stores.h"

#include <assert.h>

#include "common/print.h"
#include "common/string.h"

#define VALUE UINT64_C(0x1222324252627288) /* no byte is odd, */
#define OTHER UINT64_C(0x0424446484a4c4e4) /* so that no entry becomes valid */

#define WORDS   6000
#define SVC     0xd4000001
#define ESR_SVC UINT64_C(0x56000000)

#define TABLE (PAGE_SIZE)     /* offset of the first table */
#define PAGE  (3 * PAGE_SIZE) /* of the page behind the second */

/* stores.S loads and stores it. */
struct form_state {
    uint64_t x[29];
    uint64_t nzcv;
    uint64_t q[64];
};
static_assert(offsetof(struct form_state, nzcv) == 232, "FORM_NZCV of stores.S");
static_assert(offsetof(struct form_state, q) == 240, "FORM_Q of stores.S");

static_assert(sizeof(struct form) == 32, "stores.S makes the table");

extern char form_abandon[];
extern uint64_t form_sp; /* not 0 while one runs */
void form_run(struct form_state *state, void (*code)(void));

/* Bits of form.places: see the macros of stores.S. */
static const struct place {
    const char *name;
    uint64_t offset;
} places[] = {
    {"table", TABLE + 512},          {"first", TABLE},
    {"last", TABLE + 0xf80},         {"odd", TABLE + 1027},
    {"even", TABLE + 770},           {"page-table-4", TABLE - 4},
    {"page-table-8", TABLE - 8},     {"table-table-4", TABLE + PAGE_SIZE - 4},
    {"table-table-8", TABLE + 4088}, {"table-page-4", PAGE - 4},
    {"table-page-8", PAGE - 8},      {"table-table-odd", TABLE + PAGE_SIZE - 3},
};

static const uint64_t window = STORES_WINDOW;
static struct form_state state;
static struct {
    uint64_t taken;
    uint64_t esr;
    uint64_t far;
} fault;

uint64_t stores_exception(const uint64_t x[31], uint64_t esr, uint64_t far)
{
    if (form_sp == 0)
        return 0;
    memcpy(state.x, x, sizeof(state.x));
    fault.taken = 1;
    fault.esr = esr;
    fault.far = far;
    return (uint64_t)(uintptr_t)form_abandon;
}

bool stores_has(const struct form *form)
{
    uint64_t isar0 = read_sysreg(id_aa64isar0_el1), isar1 = read_sysreg(id_aa64isar1_el1);
    unsigned int atomic = isar0 >> 20 & 0xf, rcpc = isar1 >> 20 & 0xf;
    unsigned int uao = read_sysreg(id_aa64mmfr2_el1) >> 4 & 0xf;

    switch (form->feature) { /* in the order of stores.S */
    case 0:
        return true;
    case 1: /* LSE, and what came with it */
        return atomic >= 2;
    case 2: /* LRCPC2 */
        return rcpc >= 2;
    case 3:
        return uao != 0;
    default:
        return false;
    }
}

void stores_registers(uint64_t x[29], uint64_t where)
{
    for (uint64_t i = 0; i < 29; i++)
        x[i] = i * UINT64_C(0x0202020202020202);
    x[0] = where;
    x[1] = VALUE;
    x[2] = OTHER;
}

static void prepare(uint64_t where)
{
    uint8_t *bytes = (uint8_t *)state.q;

    stores_registers(state.x, where);
    state.nzcv = STORES_NZCV;
    for (unsigned int i = 0; i < sizeof(state.q); i++)
        bytes[i] = (uint8_t)(2 * i + (i >> 7) * 32);
}

static void print_value(const char *name, uint64_t value)
{
    uint64_t distance = value - window;

    if (distance < STORES_PAGES * PAGE_SIZE)
        print("%s=w+%lx", name, distance);
    else
        print("%s=%lx", name, value);
}

static void print_registers(const struct form_state *before)
{
    static const char *const name[] = {
        " x0",  " x1",  " x2",  " x3",  " x4",  " x5",  " x6",  " x7",  " x8",  " x9",
        " x10", " x11", " x12", " x13", " x14", " x15", " x16", " x17", " x18", " x19",
        " x20", " x21", " x22", " x23", " x24", " x25", " x26", " x27", " x28"};

    for (size_t i = 0; i < ARRAY_SIZE(state.x); i++) {
        if (state.x[i] != before->x[i] && i != 16 && i != 17)
            print_value(name[i], state.x[i]);
    }
    if (state.nzcv != before->nzcv)
        print_value(" nzcv", state.nzcv);
    if (memcmp(state.q, before->q, sizeof(state.q)) != 0)
        print(" vectors changed");
}

static void print_memory(void)
{
    const volatile uint64_t *word = (const volatile uint64_t *)(uintptr_t)window;
    bool any = false;

    for (uint64_t i = 0; i < STORES_WORDS; i++) {
        if (word[i] == stores_word(i))
            continue;
        print("%s +%lx=%016lx", any ? "" : " mem", i * 8, word[i]);
        any = true;
    }
}

static void restore_memory(void)
{
    const volatile uint64_t *word = (const volatile uint64_t *)(uintptr_t)window;

    for (uint64_t i = 0; i < STORES_WORDS; i++) {
        if (word[i] != stores_word(i))
            stores_restore(window + 8 * i, stores_word(i));
    }
}

static void run(const char *name, const char *place, void (*code)(void))
{
    static struct form_state before;

    before = state;
    fault.taken = 0;
    stores_before();
    form_run(&state, code);
    print("form %s@%s", name, place);
    if (fault.taken != 0 && fault.esr != ESR_SVC) {
        print(" fault ec=%lx iss=%lx", fault.esr >> 26 & 0x3f, fault.esr & 0x7f);
        if ((fault.esr >> 26 & 0x3f) == 0x25)
            print_value(" far", fault.far);
    }
    print_registers(&before);
    print_memory();
    stores_after();
    print("\n");
    restore_memory();
}

/* --- Words -------------------------------------------------------------------------------------
 */

/* xorshift32: the same on each machine. */
static uint32_t random32(void)
{
    static uint32_t random = 0x2545f491;

    random ^= random << 13;
    random ^= random >> 17;
    random ^= random << 5;
    return random;
}

static bool match(uint32_t word, uint32_t mask, uint32_t value) { return (word & mask) == value; }

/* form_run() has its own values in x16, x17, x29 and x30; of pairs only the first is named. */
static bool is_free(unsigned int reg)
{
    return reg != 15 && reg != 16 && reg != 17 && (reg < 28 || reg == 31);
}

/*
 * What differs by more than the store: loads relative to PC, what Latch hides (FEAT_MOPS, FEAT_MTE)
 * or the architecture leaves open (write-back of a register that is stored too; the status of a
 * store-exclusive in the register of its address or data).
 */
static bool is_comparable(uint32_t word)
{
    unsigned int rt = word & 31, rn = word >> 5 & 31, rt2 = word >> 10 & 31, rs = word >> 16 & 31;

    if (match(word, 0x3b000000, 0x18000000) || match(word, 0x3b200c00, 0x19000400) ||
        match(word, 0xff200000, 0xd9200000) || match(word, 0xfc400000, 0x68000000) ||
        !is_free(rt) || !is_free(rt2) || !is_free(rs))
        return false;
    if (match(word, 0x3b200c00, 0x38200800)) /* not beyond the window with an index */
        return rs >= 8 && rs < 15 && rt != rn;
    if (match(word, 0x3f000000, 0x08000000))
        return rs != rt && rs != rn && rs != rt2;
    return rt != rn && (rt2 != rn || !match(word, 0x3a000000, 0x28000000));
}

/* Bases in x0 to x7, offsets in x8 to x15, values in all others. */
static void prepare_word(void)
{
    static const uint16_t base[] = {0x1200, 0x1ffc, 0x0ff8, 0x2ff2, 0x1000, 0x2406, 0x1e01, 0x1ff0};
    static const uint8_t offset[] = {0, 8, 16, 2, 4, 6, 32, 1};

    prepare(window);
    for (unsigned int i = 0; i < 8; i++) {
        state.x[i] = window + base[i];
        state.x[8 + i] = offset[i];
    }
}

static void run_word(uint32_t word)
{
    char name[] = "........";

    for (unsigned int i = 0; i < 8; i++)
        name[i] = "0123456789abcdef"[word >> (28 - 4 * i) & 15];
    prepare_word();
    run(name, "word", stores_code(word, SVC));
}

static void run_words(void)
{
    for (unsigned int i = 0; i < WORDS; i++) {
        uint32_t word = (random32() & ~UINT32_C(0x02000300)) | 0x08000000;

        if (i % 4 != 0) /* in most encodings a store then */
            word &= ~UINT32_C(0x00400000);
        if (is_comparable(word))
            run_word(word);
    }
}

void stores_run(void)
{
    for (const struct form *form = forms; form != forms_end; form++) {
        if (!stores_has(form))
            continue;
        for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
            if ((form->places & BIT64(i)) == 0)
                continue;
            prepare(window + places[i].offset);
            run(form->name, places[i].name, form->code);
        }
    }
    run_words();
    print("forms done\n");
}
