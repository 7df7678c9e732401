/* SPDX-License-Identifier: Apache-2.0 */
#include "direct/cases.h"

#include "common/print.h"
#include "common/string.h"
#include "direct/counters.h"
#include "direct/guest.h"

#define MAX_NOTES 8

struct outcome {
    const char *failed;
    uint64_t seen;
    uint64_t wanted;
    bool has_values;
    bool measured;
    struct latch_counters before;
    struct latch_counters after;
    unsigned int notes;
    const char *note_name[MAX_NOTES];
    uint64_t note_value[MAX_NOTES];
};

const struct test_case *current_case;

static struct outcome outcome;

void expect(bool good, const char *what)
{
    if (!good && outcome.failed == NULL)
        outcome.failed = what;
}

void expect_equal(uint64_t seen, uint64_t wanted, const char *what)
{
    if (seen == wanted || outcome.failed != NULL)
        return;
    outcome.failed = what;
    outcome.has_values = true;
    outcome.seen = seen;
    outcome.wanted = wanted;
}

void expect_refused(enum latch_rule rule)
{
    struct latch_refusal refusal;
    bool any = refusal_read(&refusal);

    expect(any, "nothing was refused");
    expect_equal(refusal.rule, rule, "the rule");
    expect(refusal.text[0] != '\0', "the rule has no words");
}

void measure_start(void)
{
    outcome.measured = false;
    counters_read(&outcome.before);
}

void measure_stop(void)
{
    counters_read(&outcome.after);
    outcome.measured = true;
}

void note(const char *name, uint64_t value)
{
    if (outcome.notes == MAX_NOTES)
        return;
    outcome.note_name[outcome.notes] = name;
    outcome.note_value[outcome.notes++] = value;
}

static void print_count(const char *name, uint64_t before, uint64_t after)
{
    if (after != before)
        print(" %s=%lu", name, after - before);
}

static void print_measured(void)
{
    const struct latch_counters *before = &outcome.before;
    const struct latch_counters *after = &outcome.after;

    print_count("opened", before->opened, after->opened);
    print_count("emulated", before->emulated, after->emulated);
    print_count("changed", before->batch_entries, after->batch_entries);
    print_count("updates", before->updates, after->updates);
    print_count("refused", before->refused, after->refused);
    for (size_t i = 0; i < LATCH_TRIGGERS; i++)
        print_count(trigger_name((enum latch_trigger)i), before->reconnected[i],
                    after->reconnected[i]);
}

static void run_case(const struct test_case *test)
{
    struct latch_refusal unused;

    outcome = (struct outcome){.failed = NULL};
    (void)refusal_read(&unused); /* what earlier cases had refused */
    current_case = test;
    test->run();
    if (outcome.failed != NULL) {
        print("case %s: FAILED: %s", test->name, outcome.failed);
        if (outcome.has_values)
            print(": 0x%lx, not 0x%lx", outcome.seen, outcome.wanted);
    } else {
        print("case %s: ok", test->name);
    }
    if (outcome.measured)
        print_measured();
    for (unsigned int i = 0; i < outcome.notes; i++)
        print(" %s=%lu", outcome.note_name[i], outcome.note_value[i]);
    print("\n");
}

void cases_run(const struct test_case *cases, size_t count)
{
    bool any = false;

    for (size_t i = 0; i < count; i++)
        any = any || guest_option(cases[i].name);
    for (size_t i = 0; i < count; i++) {
        if (any ? guest_option(cases[i].name) : !cases[i].alone)
            run_case(&cases[i]);
    }
    print("cases done\n");
}
