/* SPDX-License-Identifier: Apache-2.0 */
#include "stores.h"

#include <assert.h>

#include "common/print.h"
#include "common/string.h"

#define VALUE UINT64_C(0x1222324252627288) /* no byte is odd, */
#define OTHER UINT64_C(0x0424446484a4c4e4) /* so that no entry becomes valid */

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

static uint64_t window;
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
    state.nzcv = UINT64_C(0x60000000);
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

static void run_form(const struct form *form, const struct place *place)
{
    static struct form_state before;

    prepare(window + place->offset);
    before = state;
    fault.taken = 0;
    stores_before();
    form_run(&state, form->code);
    print("form %s@%s", form->name, place->name);
    if (fault.taken != 0) {
        print(" fault ec=%lx iss=%lx", fault.esr >> 26 & 0x3f, fault.esr & 0x7f);
        print_value(" far", fault.far);
    }
    print_registers(&before);
    print_memory();
    stores_after();
    print("\n");
    restore_memory();
}

void stores_run(uint64_t va)
{
    window = va;
    for (const struct form *form = forms; form != forms_end; form++) {
        if (!stores_has(form))
            continue;
        for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
            if ((form->places & BIT64(i)) != 0)
                run_form(form, &places[i]);
        }
    }
    print("forms done\n");
}
