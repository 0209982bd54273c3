#include "store/verdict.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/sort.h"
#include "proto/code.h"
#include "proto/position.h"
#include "proto/str.h"

#define DAY_S 86400

/* What an event that does not say its purpose is taken for: the strictest. */
static const struct tl_str unsaid = TL_STR("marketing");

/* -------------------------------------------------------- what is counted */

/* Events of one message stand together, the last of them first. */
static int
compare_entries(const void *a, const void *b)
{
    const struct contact *x = &((const struct contact_entry *)a)->contact;
    const struct contact *y = &((const struct contact_entry *)b)->contact;

    if ((x->until != 0) != (y->until != 0))
        return x->until != 0 ? 1 : -1;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    if (x->time != y->time)
        return x->time > y->time ? -1 : 1;
    return (x->number < y->number) - (x->number > y->number);
}

static bool
same_message(const struct contact_entry *a, const struct contact_entry *b)
{
    return a->contact.key != 0 && a->contact.key == b->contact.key && b->contact.until == 0;
}

/* One of the events of a message may say what it was for, the others then need
 * not.  Returns how many there are. */
static size_t
take_message(const struct contact_entry *first, size_t left, struct tl_str purpose,
             struct contact_entry *out, bool *fits)
{
    struct tl_str said = {"", 0};
    size_t count = 0;

    *out = *first;
    do {
        const struct contact *c = &first[count].contact;

        if (said.len == 0)
            said = first[count].purpose;
        if (out->contact.names == 0)
            out->contact.names = c->names;
        if (out->contact.campaign == 0)
            out->contact.campaign = c->campaign;
        if (out->contact.offer == 0)
            out->contact.offer = c->offer;
        count++;
    } while (count < left && same_message(first, &first[count]));
    *fits = str_equal(said.len > 0 ? said : unsaid, purpose);
    return count;
}

static uint64_t
position_name(uint64_t log, uint64_t number)
{
    char text[POSITION_BYTES + 1];

    position_format(text, (struct position){log, number});
    return contact_name((struct tl_str){text, POSITION_BYTES});
}

/* Of a reservation whose lease runs; `position` is the name its position is. */
static bool
uses(const struct contact_entry *sent, const struct contact_entry *reserved, uint64_t position)
{
    const struct contact *s = &sent->contact, *r = &reserved->contact;

    if (s->names != 0 && (s->names == r->key || s->names == position))
        return true;
    return str_equal(sent->channel, reserved->channel) && s->time >= r->time &&
           ((r->offer != 0 && s->offer == r->offer) ||
            (r->campaign != 0 && s->campaign == r->campaign));
}

/* A message uses at most one reservation. */
static bool
is_used(struct contact_entry *sent, size_t count, bool *spent,
        const struct contact_entry *reserved, uint64_t log)
{
    uint64_t position = position_name(log, reserved->contact.number);

    for (size_t i = 0; i < count; i++)
        if (!spent[i] && uses(&sent[i], reserved, position))
            return spent[i] = true;
    return false;
}

int
verdict_count(const struct contact_record *record, struct tl_str purpose, int64_t now,
              uint64_t log, struct contact_entry **out, size_t *count, struct arena *arena)
{
    struct contact_entry *all = arena_take(arena, (record->count + 1) * sizeof(*all));
    struct contact_entry *kept = arena_take(arena, (record->count + 1) * sizeof(*kept));
    bool *spent = arena_alloc(arena, record->count + 1);
    size_t at = 0, sent = 0, n = 0;
    bool fits;

    if (all == NULL || kept == NULL || spent == NULL)
        return TL_TOO_MANY;
    if (record->count > 0)
        memcpy(all, record->entries, record->count * sizeof(*all));
    sort(all, record->count, sizeof(*all), compare_entries);
    while (at < record->count && all[at].contact.until == 0) {
        at += take_message(&all[at], record->count - at, purpose, &kept[n], &fits);
        if (fits && kept[n].contact.time <= now)
            n++;
    }
    for (sent = n; at < record->count; at++)
        if (str_equal(all[at].purpose, purpose) && all[at].contact.until > now &&
            !is_used(kept, sent, spent, &all[at], log))
            kept[n++] = all[at];
    *out = kept;
    *count = n;
    return 0;
}

struct contact_word
verdict_complaint(const struct contact_record *record)
{
    for (size_t i = 0; i < record->complaints.count; i++)
        if (record->complaints.items[i].open)
            return (struct contact_word){record->complaints.items[i].time,
                                         record->complaints.items[i].number};
    return (struct contact_word){0};
}

/* ----------------------------------------------------------- weighing rules */

/* One rule's say. */
struct say {
    enum verdict_what what;
    int64_t until;
    const char *rule;
    uint64_t counted[CONTACTS_KEPT_MAX];
    size_t counted_count;
};

/* A refusal outweighs a wait, the longer wait the shorter. */
static void
weigh(struct verdict *v, const struct say *say)
{
    if (v->rule != NULL &&
        (say->what < v->what || (say->what == v->what && say->until <= v->until)))
        return;
    v->what = say->what;
    v->until = say->until;
    v->rule = say->rule;
    memcpy(v->counted, say->counted, say->counted_count * sizeof(v->counted[0]));
    v->counted_count = say->counted_count;
}

static bool
is_channel(struct tl_str asked, struct tl_str said)
{
    return said.len == 0 || str_equal(asked, said);
}

/* Does this consent speak of the address that would be used? */
static bool
is_address(const struct verdict_facts *facts, const struct tl_consent_state *c)
{
    if (facts->address == NULL || c->identifier == NULL || c->identifier->type.len == 0 ||
        !str_equal(c->identifier->type, facts->address->type))
        return true;
    return str_equal(c->identifier->value, facts->address->value);
}

static bool
is_refusal(const struct tl_consent_state *c)
{
    return str_is(c->status, "denied") || str_is(c->status, "revoked");
}

/* Of several refusals the one for this very channel is named, of two such the one
 * whose word is first: whichever was said or learned first makes no difference. */
static bool
is_named_before(const struct tl_consent_state *a, const struct tl_consent_state *b)
{
    if ((a->channel.len > 0) != (b->channel.len > 0))
        return a->channel.len > 0;
    return str_compare(a->status, b->status) < 0;
}

static void
weigh_consent(const struct policy_rule *rule, const struct verdict_facts *facts,
              struct tl_str channel, struct verdict *v)
{
    const struct tl_consent_state *refused = NULL;
    bool granted = false;

    for (size_t i = 0; i < facts->consents_count; i++) {
        const struct tl_consent_state *c = &facts->consents[i];

        if (!str_equal(c->purpose, facts->purpose) || !is_channel(channel, c->channel) ||
            !is_address(facts, c))
            continue;
        granted = granted || str_is(c->status, "granted");
        if (is_refusal(c) && (refused == NULL || is_named_before(c, refused)))
            refused = c;
    }
    if (refused != NULL) {
        snprintf(v->text, sizeof(v->text), "consent: %.*s%s%.*s", (int)refused->status.len,
                 refused->status.ptr, refused->channel.len > 0 ? " for " : " for every channel",
                 (int)refused->channel.len, refused->channel.len > 0 ? refused->channel.ptr : "");
        weigh(v, &(struct say){.what = VERDICT_DENY, .rule = v->text});
    }
    if (rule != NULL && rule->flag && !granted)
        weigh(v, &(struct say){.what = VERDICT_DENY, .rule = rule->text});
}

static void
weigh_complaint(const struct policy_rule *rule, const struct verdict_facts *facts,
                struct verdict *v)
{
    if (rule != NULL && rule->flag && facts->complaint.number != 0)
        weigh(v, &(struct say){.what = VERDICT_DENY,
                               .rule = rule->text,
                               .counted = {facts->complaint.number},
                               .counted_count = 1});
}

static void
weigh_cool_off(const struct policy_rule *rule, const struct verdict_facts *facts,
               struct verdict *v)
{
    if (rule == NULL || facts->declined.number == 0 || facts->declined.time > facts->now ||
        facts->declined.time <= facts->now - rule->within_ns)
        return;
    weigh(v, &(struct say){.what = VERDICT_DEFER,
                           .until = facts->declined.time + rule->within_ns,
                           .rule = rule->text,
                           .counted = {facts->declined.number},
                           .counted_count = 1});
}

/* The places taken under a cap that become free last, so many as the cap has:
 * the first of them is when there is one again. */
struct places {
    struct {
        int64_t free;
        uint64_t number;
    } items[CONTACTS_KEPT_MAX + 1];     /* the last first */
    size_t count;
};

static void
take_place(struct places *p, size_t max, int64_t free, uint64_t number)
{
    size_t at = p->count;

    while (at > 0 && (p->items[at - 1].free < free ||
                      (p->items[at - 1].free == free && p->items[at - 1].number < number)))
        at--;
    memmove(&p->items[at + 1], &p->items[at], (p->count - at) * sizeof(p->items[0]));
    p->items[at].free = free;
    p->items[at].number = number;
    if (p->count < max)
        p->count++;
}

static void
weigh_cap(const struct policy_rule *rule, const struct verdict_facts *facts, struct verdict *v,
          size_t *least_left)
{
    struct say say = {.rule = rule->text};
    const struct contact_entry *entries = rule->household ? facts->household : facts->counted;
    size_t count = rule->household ? facts->household_count : facts->counted_count, left;
    struct places taken = {.count = 0};

    for (size_t i = 0; i < count; i++) {
        const struct contact_entry *e = &entries[i];
        int64_t free = e->contact.until != 0 ? e->contact.until
                                             : e->contact.time + rule->within_ns;

        if (free > facts->now && is_channel(e->channel, rule->channel))
            take_place(&taken, (size_t)rule->count, free, e->contact.number);
    }
    say.counted_count = taken.count;
    for (size_t i = 0; i < taken.count; i++)
        say.counted[i] = taken.items[i].number;
    left = (size_t)rule->count - taken.count;
    if (left == 0) {
        say.what = VERDICT_DEFER;
        say.until = taken.items[taken.count - 1].free;
        weigh(v, &say);
    } else if (v->what == VERDICT_ALLOW && left < *least_left) {
        *least_left = left;
        v->rule = NULL;
        weigh(v, &say);
    }
}

/* When the quiet hours that hold at `when` end; 0: there are none then. */
static int64_t
quiet_until(const struct policy_rule *rule, const struct zone *zone, int64_t when)
{
    int64_t local = zone_to_local(zone, when / CLOCK_SECOND);
    int64_t day = local / DAY_S, minute = local % DAY_S / 60;
    bool over_midnight = rule->from_min > rule->to_min;
    bool evening = minute >= rule->from_min, morning = minute < rule->to_min;

    if (over_midnight ? !evening && !morning : !evening || !morning)
        return 0;
    if (over_midnight && evening)
        day++;
    return zone_to_utc(zone, day * DAY_S + rule->to_min * 60) * CLOCK_SECOND;
}

/* Also the end of another wait may lie in them. */
static void
weigh_quiet(const struct policy_rule *rule, const struct verdict_facts *facts, struct verdict *v)
{
    int64_t until;

    if (rule == NULL || !rule->flag || facts->zone == NULL)
        return;
    until = quiet_until(rule, facts->zone->zone, facts->now);
    if (until != 0 && v->what != VERDICT_DENY) {
        snprintf(v->text, sizeof(v->text), "%s, %s", rule->text, facts->zone->name);
        weigh(v, &(struct say){.what = VERDICT_DEFER, .until = until, .rule = v->text});
    }
    if (v->what == VERDICT_DEFER &&
        (until = quiet_until(rule, facts->zone->zone, v->until)) != 0)
        v->until = until;
}

void
verdict_decide(const struct policy *p, const struct verdict_facts *facts, struct tl_str channel,
               struct verdict *out)
{
    size_t least_left = SIZE_MAX;
    struct policy_lines lines;

    out->what = VERDICT_ALLOW;
    out->rule = NULL;
    out->counted_count = 0;
    out->until = 0;
    policy_find(p, facts->purpose, channel, &lines);
    weigh_consent(lines.one[POLICY_CONSENT], facts, channel, out);
    if (lines.one[POLICY_EXEMPT] != NULL) {
        weigh(out, &(struct say){.rule = lines.one[POLICY_EXEMPT]->text});
        return;
    }
    weigh_complaint(lines.one[POLICY_COMPLAINT], facts, out);
    weigh_cool_off(lines.one[POLICY_COOL_OFF], facts, out);
    for (size_t i = 0; i < lines.caps_count; i++)
        weigh_cap(lines.caps[i], facts, out, &least_left);
    weigh_quiet(lines.one[POLICY_QUIET], facts, out);
    if (out->rule == NULL) {
        snprintf(out->text, sizeof(out->text), "caps: none for %.*s by %.*s",
                 (int)facts->purpose.len, facts->purpose.ptr, (int)channel.len, channel.ptr);
        out->rule = out->text;
    }
}

struct tl_str
verdict_word(enum verdict_what what)
{
    switch (what) {
    case VERDICT_ALLOW: return TL_STR("allow");
    case VERDICT_DEFER: return TL_STR("defer");
    case VERDICT_DENY: return TL_STR("deny");
    }
    return TL_STR("deny");
}
