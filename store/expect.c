/* Memory fetched ahead.  Of a million customers nearly all are cold: an event
 * would wait some five times, each for the place that the one before it names.
 * Here a handful of events takes each of those steps together. */

#include "base/must.h"
#include "store/contact.h"
#include "store/key.h"
#include "store/record.h"
#include "store/state.h"

static void
seen_key(struct store *st, unsigned char out[SEEN_KEY_BYTES], const struct tl_event *ev)
{
    struct store_source *before = &st->source;

    if (before->len != ev->source.len || memcmp(before->text, ev->source.ptr, before->len) != 0) {
        must(ev->source.len > 0 && ev->source.len <= sizeof(before->text));
        memcpy(before->text, ev->source.ptr, ev->source.len);
        before->len = ev->source.len;
        hash_part(before->part, st->key, before->text, before->len);
    }
    hash_pair96_of(out, st->key, before->part, ev->id.ptr, ev->id.len);
}

void
store_expect(struct store *st, struct store_event *in)
{
    struct store_expected *e = &st->expected[st->expected_count++];

    must(st->expected_count <= STORE_EXPECT_MAX);
    seen_key(st, in->seen, in->event);
    in->expected = true;
    seen_expect(st->seen, in->seen);
    e->reaches_out = contact_reaches_out(in->event);
    e->names_count = 0;
    for (size_t i = 0; i < in->identifiers_count && i < EXPECT_NAMES_MAX; i++) {
        const struct store_identifier *id = &in->identifiers[i];
        uint64_t hash = id->hash != 0 ? id->hash : store_hash(id->type, id->value);

        views_ahead(&e->names[e->names_count++], st->views, hash);
    }
}

/* Whose the first identifier that is known most likely is (identity_decide.c): a guess,
 * by which nothing is decided. */
static uint64_t
guess_profile(const struct store_expected *e)
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
expect_record(struct store_expected *e, const struct store *st, uint64_t profile,
              enum key_section section)
{
    struct key k;

    key_profile(&k, profile, section);
    views_ahead(&e->records[e->records_count++], st->views, views_hash(k.bytes, k.len));
    if (section == KEY_CARD)
        views_ahead_put(st->views, k.bytes, k.len);
}

static void
expect_records(struct store_expected *e, const struct store *st)
{
    uint64_t profile = guess_profile(e);

    e->records_count = 0;
    if (profile == 0)
        return;
    expect_record(e, st, profile, KEY_CARD);
    if (e->reaches_out)
        expect_record(e, st, profile, KEY_CONTACT);
}

void
store_fetch(struct store *st)
{
    struct store_expected *e = st->expected;
    size_t count = st->expected_count;

    st->expected_count = 0;
    if (count < 2)
        return;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < e[i].names_count; j++)
            views_ahead_slot(&e[i].names[j], st->views);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < e[i].names_count; j++)
            views_ahead_entry(&e[i].names[j], st->views);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < e[i].names_count; j++)
            views_ahead_bytes(&e[i].names[j]);
    for (size_t i = 0; i < count; i++)
        expect_records(&e[i], st);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < e[i].records_count; j++)
            views_ahead_slot(&e[i].records[j], st->views);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < e[i].records_count; j++)
            views_ahead_entry(&e[i].records[j], st->views);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < e[i].records_count; j++)
            views_ahead_bytes(&e[i].records[j]);
}
