/* Memory fetched ahead.  Of a million customers nearly all are cold: an event
 * would wait some five times, each for the place that the one before it names.
 * Here a handful of events takes each of those steps together. */

#include "store/contact.h"
#include "store/key.h"
#include "store/record.h"
#include "store/state.h"

#define NAMES_MAX 3     /* identifiers of an event that are looked ahead for */
#define RECORDS_MAX 2

struct expected {
    struct views_ahead names[NAMES_MAX];
    size_t names_count;
    struct views_ahead records[RECORDS_MAX];    /* of the profile */
    size_t records_count;
};

static void
expect_names(struct expected *e, const struct store *st, const struct store_event *in)
{
    struct key k;

    e->names_count = in->identifiers_count < NAMES_MAX ? in->identifiers_count : NAMES_MAX;
    for (size_t i = 0; i < e->names_count; i++) {
        const struct store_identifier *id = &in->identifiers[i];

        if (id->hash != 0) {
            views_ahead(&e->names[i], st->views, id->hash);
            continue;
        }
        key_identifier(&k, id->type, id->value);
        views_ahead(&e->names[i], st->views, views_hash(k.bytes, k.len));
    }
}

/* Whose the first identifier that is known most likely is (identity.c): a guess,
 * by which nothing is decided. */
static uint64_t
guess_profile(const struct expected *e)
{
    for (size_t i = 0; i < e->names_count; i++) {
        struct tl_str bytes = views_ahead_value(&e->names[i]);
        struct record r = record_open(bytes);
        uint64_t home = record_varint(&r);

        if (home != 0)
            return home;
        if (record_varint(&r) > 0 && !r.bad)
            return record_varint(&r);
    }
    return 0;
}

static void
expect_record(struct expected *e, const struct store *st, uint64_t profile,
              enum key_section section)
{
    struct key k;

    key_profile(&k, profile, section);
    views_ahead(&e->records[e->records_count++], st->views, views_hash(k.bytes, k.len));
}

static void
expect_records(struct expected *e, const struct store *st, const struct store_event *in)
{
    uint64_t profile = guess_profile(e);

    e->records_count = 0;
    if (profile == 0)
        return;
    expect_record(e, st, profile, KEY_CARD);
    if (contact_reaches_out(in->event))
        expect_record(e, st, profile, KEY_CONTACT);
}

void
store_expect(struct store *st, struct store_event **in, size_t count)
{
    struct expected e[STORE_EXPECT_MAX];

    for (size_t i = 0; i < count; i++) {
        store_seen_key(in[i]->seen, st->key, in[i]->event->source, in[i]->event->id);
        in[i]->expected = true;
        seen_expect(st->seen, in[i]->seen);
        expect_names(&e[i], st, in[i]);
    }
    if (count == 1)
        return;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < e[i].names_count; j++)
            views_ahead_entry(&e[i].names[j], st->views);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < e[i].names_count; j++)
            views_ahead_bytes(&e[i].names[j]);
    for (size_t i = 0; i < count; i++)
        expect_records(&e[i], st, in[i]);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < e[i].records_count; j++)
            views_ahead_entry(&e[i].records[j], st->views);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < e[i].records_count; j++)
            views_ahead_bytes(&e[i].records[j]);
}
