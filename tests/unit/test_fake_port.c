/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fake port's own rules: each must be able to fail. The frames are set up by hand here, no
 * engine is involved.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fake_guest.h"
#include "lib/fake_shadow.h"

/* The statement must break a rule whose message contains `text`. */
#define BREAKS_RULE(f, text, statement)                                                            \
    do {                                                                                           \
        jmp_buf breaks_rule;                                                                       \
        (f)->catch = &breaks_rule;                                                                 \
        if (setjmp(breaks_rule) == 0) {                                                            \
            statement;                                                                             \
            (f)->catch = NULL;                                                                     \
            fail_msg("nobody noticed: %s", text);                                                  \
        }                                                                                          \
        (f)->catch = NULL;                                                                         \
        if (strstr((f)->message, text) == NULL)                                                    \
            fail_msg("%s is not %s", (f)->message, text);                                          \
    } while (0)

#define T 4

static struct fake *with_table(unsigned int level)
{
    struct fake *f = fake_new();

    for (unsigned int n = 0; n < GUEST_FRAMES; n++) {
        fake_record(f, n)->owner = FAKE_OWNER;
        ptwr_port_s2_store(f, PTWR_DATA, fake_mfn(n), PTWR_RW);
    }
    ptwr_port_dsb_ish(f);
    fake_record(f, T)->type = (enum frame_type)(FRAME_TABLE_L0 + level) & 7;
    fake_record(f, T)->state = FRAME_PROTECTING;
    return f;
}

/* One letter, one effect on frame T. */
static void play(struct fake *f, const char *effects, enum ptwr_window window)
{
    for (; *effects != '\0'; effects++) {
        switch (*effects) {
        case 'U':
            ptwr_port_s2_store(f, window, fake_mfn(T), PTWR_UNMAPPED);
            break;
        case 'R':
            ptwr_port_s2_store(f, window, fake_mfn(T), PTWR_RO);
            break;
        case 's':
            ptwr_port_dsb_ishst(f);
            break;
        case 'd':
            ptwr_port_dsb_ish(f);
            break;
        case 'i':
            ptwr_port_tlbi_ipas2e1is(f, window, fake_mfn(T));
            break;
        case 'o': /* the wrong window */
            ptwr_port_tlbi_ipas2e1is(f, 1 - window, fake_mfn(T));
            break;
        case 'n': /* the wrong frame */
            ptwr_port_tlbi_ipas2e1is(f, window, fake_mfn(T + 1));
            break;
        case 'v':
            ptwr_port_tlbi_vmalle1is(f);
            break;
        case 'b':
            ptwr_port_tlbi_vmalls12e1is(f);
            break;
        case 'a':
            ptwr_port_tlbi_vaae1is(f, va_of(guest_va(1, 0, 0, 0, 0)));
            break;
        case 'r':
            ptwr_port_tlbi_repeat(f);
            break;
        case 'c':
            ptwr_port_dc_civac_page(f, fake_mfn(T));
            break;
        default:
            fail();
        }
    }
}

static bool storable_after(const char *effects, bool erratum)
{
    struct fake *f = with_table(3);
    bool may;

    f->erratum = erratum;
    play(f, effects, PTWR_DATA);
    may = fake_may_store(f, T);
    fake_free(f);
    return may;
}

static void store_ends_with_the_complete_sequence_only(void **state)
{
    static const char *const incomplete[] = {
        "R",       "Rs",      "Rsi",     "Rsid",   "Rsidv",   "Rsidvd", /* prefixes */
        "sidvdr",  "Ridvdr",  "Rsdvdr",  "Rsivdr", "Rsiddr",  "Rsidvr", /* one left out */
        "Rsodvdr", "Rsndvdr", "Rsidadr",                      /* wrong window, frame, by VA */
        "Rsvdidr", "sRidvdr", "siRdvdr", "Rsidvs", "Rsisvdr", /* wrong order or barrier */
        "Rbdr",    "Rsbr",    "Rsbd",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(incomplete); i++) {
        if (!storable_after(incomplete[i], true))
            fail_msg("%s", incomplete[i]);
    }
    assert_false(storable_after("Rsidvdr", true));
    assert_false(storable_after("Rsidvd", false));
    assert_false(storable_after("Rdidvdr", true));
    assert_false(storable_after("Rsbdr", true));
    assert_false(storable_after("Usidvdr", true));
}

static struct fake *attached(unsigned int level)
{
    struct fake *f = with_table(level);

    play(f, "Rsidvdrc", PTWR_DATA);
    play(f, "Rd", PTWR_WALK);
    fake_record(f, T)->state = FRAME_ATTACHED;
    return f;
}

static bool walkable_after(unsigned int level, unsigned int hooks, const char *effects)
{
    struct fake *f = attached(level);
    bool may;

    for (unsigned int i = 0; i < hooks; i++) {
        f->frame[T].va[i] = guest_va(1, 0, 0, i, 0) & GENMASK64(55, 0);
        f->frame[T].nr_vas = i + 1;
    }
    play(f, effects, PTWR_WALK);
    may = fake_may_walk(f, T);
    fake_free(f);
    return may;
}

static void walk_ends_with_the_complete_sequence_only(void **state)
{
    static const char *const incomplete[] = {
        "Usid", "Usidvd", "sidvdr", "Uidvdr", "Usdvdr", "Usivdr", "Usiddr", "Usidvr", "Usodvdr",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(incomplete); i++) {
        if (!walkable_after(3, 1, incomplete[i]))
            fail_msg("%s", incomplete[i]);
    }
    assert_false(walkable_after(3, 2, "Usidvdr"));
    assert_false(walkable_after(3, 1, "Usidadr"));
    assert_true(walkable_after(3, 2, "Usidadr"));
    assert_true(walkable_after(2, 1, "Usidadr"));
}

static void hooks_are_found_through_parents(void **state)
{
    struct fake *f = attached(3);

    (void)state;
    fake_record(f, T - 1)->type = FRAME_TABLE_L2;
    fake_record(f, T - 1)->state = FRAME_PROTECTING;
    fake_poke(f, T - 1, 0, d_table(T));
    fake_poke(f, T - 1, 7, d_table(T));
    fake_set_ttbr(f, 0, 1, fake_mfn(T - 1));
    assert_int_equal(f->frame[T].nr_vas, 0);
    ptwr_port_s2_store(f, PTWR_DATA, fake_mfn(T - 1), PTWR_RO);
    ptwr_port_dsb_ishst(f);
    ptwr_port_tlbi_vmalls12e1is(f);
    ptwr_port_dsb_ish(f);
    ptwr_port_tlbi_repeat(f);
    ptwr_port_dc_civac_page(f, fake_mfn(T - 1));
    ptwr_port_s2_store(f, PTWR_WALK, fake_mfn(T - 1), PTWR_RO);
    assert_int_equal(f->frame[T].nr_vas, 2);
    fake_free(f);
}

static void reads_want_a_protected_and_cleaned_table(void **state)
{
    struct fake *f = with_table(3);

    (void)state;
    BREAKS_RULE(f, "while a CPU may store", (void)ptwr_port_load(f, fake_mfn(T), 0));
    play(f, "Rsidvdr", PTWR_DATA);
    BREAKS_RULE(f, "without cleaning", (void)ptwr_port_load(f, fake_mfn(T), 0));
    BREAKS_RULE(f, "without cleaning", (void)ptwr_port_next_nonzero(f, fake_mfn(T), 0));
    BREAKS_RULE(f, "without cleaning", (void)ptwr_port_next_change(f, 0, fake_mfn(T), 0));
    BREAKS_RULE(f, "without cleaning", ptwr_port_snapshot_take(f, 0, fake_mfn(T)));
    play(f, "c", PTWR_DATA);
    (void)ptwr_port_load(f, fake_mfn(T), 0);
    fake_record(f, T)->state = FRAME_PLAIN;
    ptwr_port_s2_store(f, PTWR_DATA, fake_mfn(T), PTWR_RW);
    (void)ptwr_port_load(f, fake_mfn(T), 0);
    fake_free(f);
}

static void a_clean_before_protection_does_not_count(void **state)
{
    struct fake *f = with_table(3);

    (void)state;
    play(f, "Rsidcvdr", PTWR_DATA);
    BREAKS_RULE(f, "without cleaning", (void)ptwr_port_load(f, fake_mfn(T), 0));
    fake_free(f);
}

static void a_clean_shows_what_was_written_behind_the_cache(void **state)
{
    struct fake *f = with_table(3);

    (void)state;
    fake_poke(f, T, 0, 0x10);
    fake_poke_nc(f, T, 0, 0x20);
    assert_int_equal(fake_peek(f, T, 0), 0x10);
    assert_int_equal(fake_peek_dram(f, T, 0), 0x20);
    play(f, "Rsidvdrc", PTWR_DATA);
    assert_int_equal(ptwr_port_load(f, fake_mfn(T), 0).raw, 0x20);
    fake_free(f);
}

static void walkers_are_shown_protected_clean_legal_tables(void **state)
{
    struct fake *f = with_table(3);

    (void)state;
    BREAKS_RULE(f, "while a CPU may store", play(f, "R", PTWR_WALK));
    play(f, "Rsidvdr", PTWR_DATA);
    BREAKS_RULE(f, "not cleaned", play(f, "R", PTWR_WALK));
    play(f, "c", PTWR_DATA);
    BREAKS_RULE(f, "writable for walkers", ptwr_port_s2_store(f, PTWR_WALK, fake_mfn(T), PTWR_RW));
    f->frame[T].cached[1] = d_page(GUEST_FRAMES, 0);
    BREAKS_RULE(f, "not the domain's", play(f, "R", PTWR_WALK));
    f->frame[T].cached[1] = d_page(DATA, 0);
    play(f, "R", PTWR_WALK);
    fake_record(f, T)->type = FRAME_NONE;
    BREAKS_RULE(f, "no table", play(f, "R", PTWR_WALK));
    fake_free(f);
}

static void walkable_table_is_never_made_writable(void **state)
{
    struct fake *f = attached(3);

    (void)state;
    play(f, "Usidv", PTWR_WALK);
    BREAKS_RULE(f, "while a walker may reach it",
                ptwr_port_s2_store(f, PTWR_DATA, fake_mfn(T), PTWR_RW));
    play(f, "dr", PTWR_WALK);
    ptwr_port_s2_store(f, PTWR_DATA, fake_mfn(T), PTWR_RW);
    fake_free(f);
}

static void live_entry_needs_break_before_make(void **state)
{
    struct fake *f = attached(3);

    (void)state;
    ptwr_port_store(f, fake_mfn(T), 0, desc_of(d_page(DATA, 0)));
    ptwr_port_store(f, fake_mfn(T), 0, desc_of(d_page(DATA, RO | DESC_UXN)));
    BREAKS_RULE(f, "without break",
                ptwr_port_store(f, fake_mfn(T), 0, desc_of(d_page(DATA + 1, RO))));
    BREAKS_RULE(f, "without break",
                ptwr_port_store(f, fake_mfn(T), 0, desc_of(d_page(DATA, ATTR(2)))));
    BREAKS_RULE(f, "illegal entry", ptwr_port_store(f, fake_mfn(T), 0, desc_of(d_page(99, 0))));
    ptwr_port_store(f, fake_mfn(T), 0, desc_of(0));
    BREAKS_RULE(f, "could see entry",
                ptwr_port_store(f, fake_mfn(T), 0, desc_of(d_page(DATA + 1, 0))));
    fake_free(f);
}

/* Hidden, but the old translation was not invalidated. */
static void hidden_entry_needs_invalidation(void **state)
{
    struct fake *f = attached(3);

    (void)state;
    ptwr_port_store(f, fake_mfn(T), 0, desc_of(d_page(DATA, 0)));
    ptwr_port_store(f, fake_mfn(T), 1, desc_of(d_page(DATA, 0)));
    shadow_reach(f, T, guest_va(1, 0, 0, 0, 0) & GENMASK64(55, 0));
    play(f, "Usidadr", PTWR_WALK);
    ptwr_port_store(f, fake_mfn(T), 0, desc_of(d_page(DATA + 1, 0)));
    play(f, "sR", PTWR_WALK); /* entry 0 is what the TLBI was for */
    play(f, "Usidadr", PTWR_WALK);
    ptwr_port_store(f, fake_mfn(T), 1, desc_of(0));
    ptwr_port_store(f, fake_mfn(T), 1, desc_of(d_page(DATA + 1, 0)));
    BREAKS_RULE(f, "meets its old translation", play(f, "sR", PTWR_WALK));
    play(f, "vd", PTWR_WALK);
    play(f, "R", PTWR_WALK);
    fake_free(f);
}

/* Dropped from one kind of cache only, the old permission is found in the other, for ever. */
static void permission_is_seen_after_the_old_one_is_dropped(void **state)
{
    static const char *const incomplete[] = {"", "d", "idd", "id", "dvd", "ivd", "idv", "idvs"};
    struct fake *f = with_table(3);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(incomplete); i++) {
        play(f, "Rsidvdr", PTWR_DATA);
        ptwr_port_s2_store(f, PTWR_DATA, fake_mfn(T), PTWR_RW);
        play(f, incomplete[i], PTWR_DATA);
        if (fake_can_store(f, T))
            fail_msg("%s", incomplete[i]);
        play(f, "didvd", PTWR_DATA);
        assert_true(fake_can_store(f, T));
    }
    play(f, "Rsidvdr", PTWR_DATA);
    ptwr_port_s2_store(f, PTWR_DATA, fake_mfn(T), PTWR_RW);
    play(f, "did", PTWR_DATA);
    ptwr_port_tlbi_vaae1is(f, va_of(f->alias + PAGE_SIZE));
    ptwr_port_dsb_ish(f);
    assert_false(fake_can_store(f, T));
    ptwr_port_tlbi_vaae1is(f, va_of(f->alias));
    ptwr_port_dsb_ish(f);
    assert_true(fake_can_store(f, T));
    fake_free(f);
}

static void stores_are_visible_before_their_table_is(void **state)
{
    struct fake *f = attached(3);

    (void)state;
    play(f, "Usidvdr", PTWR_WALK);
    ptwr_port_store(f, fake_mfn(T), 0, desc_of(0x10));
    BREAKS_RULE(f, "may be seen later", play(f, "R", PTWR_WALK));
    play(f, "sR", PTWR_WALK);
    fake_free(f);
}

static void guest_cannot_store_where_no_cpu_may(void **state)
{
    struct fake *f = attached(3);

    (void)state;
    BREAKS_RULE(f, "cannot store", fake_poke(f, T, 0, 0));
    BREAKS_RULE(f, "cannot store", fake_poke_nc(f, T, 0, 0));
    fake_free(f);
}

static void trace_names_every_effect(void **state)
{
    struct fake *f = with_table(3);

    (void)state;
    fake_trace_clear(f);
    play(f, "Rsidvdrc", PTWR_DATA);
    ptwr_port_store(f, fake_mfn(T), 3, desc_of(0x44));
    ptwr_port_isb(f);
    ptwr_port_tlbi_vaae1is(f, va_of(0x8000));
    ptwr_port_tlbi_vmalls12e1is(f);
    ptwr_port_snapshot_take(f, 1, fake_mfn(T));
    (void)ptwr_port_load(f, fake_mfn(T), 7);
    assert_string_equal(fake_trace(f),
                        "data 4 ro; dsb ishst; ipas2 data 4; dsb ish; vmalle1; dsb ish; repeat; "
                        "clean 4; 4[3]=0x44; isb; vaae1 0x8000; vmalls12e1; take 1 4");
    assert_non_null(strstr(fake_trace_all(f), "load 4[7]"));
    assert_int_equal(fake_trace_count(f, EFFECT_DSB_ISH), 2);
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(store_ends_with_the_complete_sequence_only),
        cmocka_unit_test(walk_ends_with_the_complete_sequence_only),
        cmocka_unit_test(hooks_are_found_through_parents),
        cmocka_unit_test(reads_want_a_protected_and_cleaned_table),
        cmocka_unit_test(a_clean_before_protection_does_not_count),
        cmocka_unit_test(a_clean_shows_what_was_written_behind_the_cache),
        cmocka_unit_test(walkers_are_shown_protected_clean_legal_tables),
        cmocka_unit_test(walkable_table_is_never_made_writable),
        cmocka_unit_test(live_entry_needs_break_before_make),
        cmocka_unit_test(hidden_entry_needs_invalidation),
        cmocka_unit_test(permission_is_seen_after_the_old_one_is_dropped),
        cmocka_unit_test(stores_are_visible_before_their_table_is),
        cmocka_unit_test(guest_cannot_store_where_no_cpu_may),
        cmocka_unit_test(trace_names_every_effect),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
