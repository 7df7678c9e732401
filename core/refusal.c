/* SPDX-License-Identifier: Apache-2.0 */
#include "core/refusal.h"

#include <arch/timer.h>

#include "core/console.h"
#include "core/domain.h"
#include "core/fmt.h"
#include "core/string.h"
#include "core/vcpu.h"

/* A guest that breaks rules in a loop must not drown the console: it is others' too. */
#define PERIOD_US        1000000
#define REPORTS_A_PERIOD 16

static_assert((int)PTWR_RULES == (int)LATCH_RULES, "abi.h repeats them");
static_assert((int)PTWR_RULE_WINDOW == (int)LATCH_RULE_WINDOW, "abi.h repeats them");
static_assert((int)PTWR_RULE_REGIME == (int)LATCH_RULE_REGIME, "abi.h repeats them");

static const char *rule_name(uint64_t rule) { return ptwr_rule_name((enum ptwr_rule)rule); }

static bool may_report(struct domain *d)
{
    struct paging *paging = &d->paging;
    uint64_t now = timer_now();

    if (now - paging->report_from >= timer_us(PERIOD_US)) {
        if (paging->unreported != 0)
            printk("latch: domain %s: %u more reports were left out\n", d->name,
                   paging->unreported);
        paging->report_from = now;
        paging->reports = 0;
        paging->unreported = 0;
    }
    if (paging->reports == REPORTS_A_PERIOD) {
        paging->unreported++;
        return false;
    }
    paging->reports++;
    return true;
}

static void remember(struct domain *d, const struct latch_refusal *refusal)
{
    struct latch_refusal *last = &d->paging.refusal;

    *last = *refusal;
    format_to(last->text, sizeof(last->text), "%s", rule_name(refusal->rule));
}

static void report_entry(struct vcpu *vcpu, const char *verdict, const struct ptwr_violation *v,
                         const struct refusal_place *place)
{
    struct domain *d = vcpu->domain;
    struct latch_refusal refusal = {
        .rule = (uint64_t)v->rule,
        .table = mfn_is_none(v->table) ? UINT64_MAX : v->table.raw,
        .index = v->index,
        .level = v->level,
        .old = v->old.raw,
        .value = v->new.raw,
    };
    char va[32] = "none";

    remember(d, &refusal);
    if (!may_report(d))
        return;
    if (place->has_va)
        format_to(va, sizeof(va), "%#lx", place->va.raw);
    printk("latch: domain %s: %s: %s; vcpu %u, pc %#lx, va %s, table %#lx, level %lu, index %lu, "
           "old %#lx, new %#lx\n",
           d->name, verdict, rule_name(refusal.rule), vcpu->id, place->pc, va, refusal.table,
           refusal.level, refusal.index, refusal.old, refusal.value);
}

void refusal_report_entry(struct vcpu *vcpu, const struct refusal_place *place)
{
    report_entry(vcpu, "refused", &vcpu->domain->paging.ptwr.violation, place);
}

void refusal_report_audited(struct vcpu *vcpu, const struct refusal_place *place)
{
    report_entry(vcpu, "audited", &vcpu->domain->paging.ptwr.seal.audited, place);
}

static void report_register(struct vcpu *vcpu, const char *verdict, const char *name,
                            enum ptwr_rule rule, const uint64_t change[2])
{
    struct domain *d = vcpu->domain;
    struct latch_refusal refusal = {
        .rule = (uint64_t)rule,
        .table = UINT64_MAX,
        .old = change[0],
        .value = change[1],
    };

    remember(d, &refusal);
    if (may_report(d))
        printk("latch: domain %s: %s: %s; vcpu %u, pc %#lx, %s, old %#lx, new %#lx\n", d->name,
               verdict, rule_name(rule), vcpu->id, vcpu->regs.elr, name, change[0], change[1]);
}

void refusal_report_register(struct vcpu *vcpu, const char *name, enum ptwr_rule rule, uint64_t old,
                             uint64_t value)
{
    vcpu->domain->paging.ptwr.count.refused++;
    report_register(vcpu, "refused", name, rule, (uint64_t[2]){old, value});
}

void refusal_audit_register(struct vcpu *vcpu, const char *name, enum ptwr_rule rule, uint64_t old,
                            uint64_t value)
{
    vcpu->domain->paging.ptwr.count.audited++;
    report_register(vcpu, "audited", name, rule, (uint64_t[2]){old, value});
}

void refusal_report_access(struct vcpu *vcpu, const char *what, va_t va, ipa_t ipa)
{
    struct domain *d = vcpu->domain;

    if (may_report(d))
        printk("latch: domain %s: %s; vcpu %u, pc %#lx, va %#lx, ipa %#lx\n", d->name, what,
               vcpu->id, vcpu->regs.elr, va.raw, ipa.raw);
}
