/* The store from its own door: what is admitted and what is answered. */

#include "proto/code.h"
#include "store/policy.h"
#include "tests/unit/store_play.h"

/* ------------------------------------------------------------- exactly once */

static void
event_sent_twice_is_stored_once(void **state)
{
    struct tl_event ev = event("page.viewed", "web", NOW);
    struct store_verdict first = admit(&ev, "user:1", NULL, NULL), second, third;

    (void)state;
    second = admit(&ev, "user:1", NULL, NULL);
    assert_true(second.duplicate);
    assert_int_equal(second.number, first.number);
    sync_all();
    reopen();
    third = admit(&ev, "user:1", NULL, NULL);
    assert_true(third.duplicate);
    assert_int_equal(third.number, first.number);
}

/* One customer, and one event twice, among those looked ahead for. */
static void
events_expected_together_are_decided_one_after_the_other(void **state)
{
    struct tl_event events[4] = {event("page.viewed", "web", NOW), event("page.viewed", "web", NOW),
                                 event("page.viewed", "web", NOW)};
    struct store_identifier ids[3] = {identifier("user:1"), identifier("email:a@x"),
                                      identifier("email:b@x")};
    struct store_event in[4];
    struct store_verdict out[4];
    struct buf bytes[4] = {0};

    (void)state;
    say("page.viewed", NOW, "email:b@x", NULL);
    events[3] = events[0];
    for (size_t i = 0; i < 4; i++) {
        codec_encode(CODEC_EVENT, &events[i], &bytes[i]);
        in[i] = (struct store_event){.event = &events[i],
                                     .bytes = {(const char *)bytes[i].ptr, bytes[i].len},
                                     .identifiers = &ids[i == 1], .identifiers_count = 1,
                                     .received = NOW};
    }
    in[2].identifiers_count = 3;        /* joins the three */
    for (size_t i = 0; i < 4; i++)
        store_expect(store, &in[i]);
    store_fetch(store);
    for (size_t i = 0; i < 4; i++) {
        store_admit(store, &in[i], &out[i]);
        assert_int_equal(out[i].code, 0);
        buf_free(&bytes[i]);
    }
    assert_true(out[3].duplicate);
    assert_int_equal(out[3].number, out[0].number);
    assert_int_equal(context("email:b@x").recent_count, 4);
    assert_int_equal(context("user:1").recent_count, 4);
}

static void
same_id_with_other_content_is_refused(void **state)
{
    struct tl_event ev = event("page.viewed", "web", NOW);

    (void)state;
    assert_int_equal(admit(&ev, "user:1", NULL, NULL).code, 0);
    ev.type = str("product.viewed");
    assert_int_equal(admit(&ev, "user:1", NULL, NULL).code, TL_DUPLICATE_DIFFERS);
    ev.type = str("page.viewed");
    ev.time = NOW - DAY;
    assert_true(admit(&ev, "user:1", NULL, NULL).duplicate);
}

static void
event_from_the_future_is_ordered_by_when_it_came(void **state)
{
    struct tl_context c;

    (void)state;
    say("page.viewed", NOW + 40 * DAY, "user:1", NULL);
    c = context("user:1");
    assert_int_equal(c.recent[0].time, NOW);
}

/* --------------------------------------------- what an answer waits for */

/* Two events are added: the word, and what the bus says of it. */
static uint64_t
say_of_two(const char *type, const char *a, const char *b)
{
    struct store_identifier ids[2] = {identifier(a), identifier(b)};
    struct tl_identifier side_a = {ids[0].type, ids[0].value};
    struct tl_identifier side_b = {ids[1].type, ids[1].value};
    struct tl_identity_link link = {.a = &side_a, .b = &side_b};
    struct tl_event ev = event(type, "call", NOW);
    struct store_verdict v;

    ev.link = &link;
    v = admit(&ev, a, b, NULL);
    assert_int_equal(v.code, 0);
    assert_int_equal(store_admitted(store), v.number + 1);
    return store_admitted(store);
}

static uint64_t
depends_of(const char *whom)
{
    struct store_question q = {.customer = identifier(whom), .now = NOW};
    struct tl_context c;
    uint64_t depends;

    arena_reset(&arena);
    assert_int_equal(store_context(store, &q, 4096, &c, &arena, &depends), 0);
    return depends;
}

static void
answers_about_either_side_wait_for_a_persons_word(void **state)
{
    uint64_t number;

    (void)state;
    say("page.viewed", NOW, "email:a@x", NULL);
    say("page.viewed", NOW, "loyalty:1", NULL);
    number = say_of_two("identity.linked", "email:a@x", "loyalty:1");
    assert_int_equal(depends_of("email:a@x"), number);
    assert_int_equal(depends_of("loyalty:1"), number);
    number = say_of_two("identity.unlinked", "email:a@x", "loyalty:1");
    assert_int_equal(depends_of("email:a@x"), number);
    assert_int_equal(depends_of("loyalty:1"), number);
}

static uint64_t
say_of_household(const char *type, const char *visibility, const char *whom)
{
    struct tl_household said = {.id = str("smith"), .visibility = str(visibility)};
    struct tl_event ev = event(type, "web", NOW);
    struct store_verdict v;

    ev.household = &said;
    v = admit(&ev, whom, NULL, NULL);
    assert_int_equal(v.code, 0);
    return v.number;
}

static void
answers_wait_for_what_a_relative_did_and_for_his_leaving(void **state)
{
    uint64_t number;

    (void)state;
    say_of_household("household.joined", "offers", "loyalty:1");
    number = say_of_household("household.joined", "offers", "loyalty:2");
    assert_int_equal(depends_of("loyalty:1"), number);
    touch("hat", "spring", "made", NOW, "loyalty:2");
    assert_int_equal(depends_of("loyalty:1"), number + 1);
    number = say_of_household("household.visibility_set", "none", "loyalty:2");
    assert_int_equal(depends_of("loyalty:1"), number);
    number = say("page.viewed", NOW, "loyalty:2", NULL);
    assert_int_equal(depends_of("loyalty:1"), number);
    number = say_of_household("household.left", "", "loyalty:2");
    assert_int_equal(depends_of("loyalty:1"), number);
    say("page.viewed", NOW, "loyalty:2", NULL);
    assert_int_equal(depends_of("loyalty:1"), number);
}

static uint64_t
verdict_depends(const char *whom)
{
    struct store_contact_question q = {.who = {.customer = identifier(whom), .now = NOW},
                                       .channel = str("email"), .purpose = str("marketing")};
    struct tl_contact_verdict v;
    uint64_t depends;

    arena_reset(&arena);
    assert_int_equal(store_may_contact(store, &q, &v, &arena, &depends), 0);
    return depends;
}

static void
set_policy(const char *text)
{
    char path[100], error[CONF_ERROR_BYTES];
    struct policy *p;
    FILE *f;

    snprintf(path, sizeof(path), "%s/policy", dir);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(policy_read(&p, path, error), 0);
    store_set_policy(store, &p);
}

static void
a_verdict_waits_for_relatives_only_where_a_cap_counts_them(void **state)
{
    uint64_t own, theirs;

    (void)state;
    own = say_of_household("household.joined", "", "loyalty:1");
    theirs = say_of_household("household.joined", "", "loyalty:2");
    set_policy("[caps]\nmarketing = 1 in 7 d\n");
    assert_int_equal(verdict_depends("loyalty:1"), own);
    set_policy("[caps]\nmarketing = 1 in 7 d per household\n");
    assert_int_equal(verdict_depends("loyalty:1"), theirs);
    theirs = say("page.viewed", NOW, "loyalty:2", NULL);
    assert_int_equal(verdict_depends("loyalty:1"), theirs);
    theirs = say_of_household("household.left", "", "loyalty:2");
    assert_int_equal(verdict_depends("loyalty:1"), theirs);
}

static void
a_household_is_the_same_after_a_crash_and_in_views_made_anew(void **state)
{
    struct store_settings s = {.dir = dir, .segment_bytes = 4u << 20};
    struct tl_verification v;
    struct tl_context c;

    (void)state;
    say_of_household("household.joined", "all", "loyalty:1");
    say_of_household("household.joined", "all", "loyalty:2");
    say_of_household("household.joined", "all", "loyalty:3");
    sync_all();
    assert_int_equal(store_verify(store, &v, &arena, why), 0);      /* with a checkpoint */
    assert_true(v.ok);
    say_of_household("household.left", "", "loyalty:2");
    touch("hat", "spring", "made", NOW, "loyalty:3");
    sync_all();
    crash_and_reopen();
    for (int i = 0; i < 2; i++) {
        c = context("loyalty:1");
        assert_int_equal(c.household_count, 1);
        assert_true(str_is(c.household[0].customer, "loyalty:3"));
        assert_int_equal(c.household[0].offers_count, 1);
        assert_int_equal(c.who->households_count, 1);
        assert_int_equal(context("loyalty:2").who->households_count, 0);
        assert_int_equal(store_verify(store, &v, &arena, why), 0);
        assert_true(v.ok);
        assert_int_equal(store_close(&store), 0);
        assert_int_equal(store_rebuild(&s, NULL, NULL, why), 0);
        open_store();
    }
}

static void
unlinked_customers_are_the_same_after_a_crash_and_in_views_made_anew(void **state)
{
    struct store_settings s = {.dir = dir, .segment_bytes = 4u << 20};

    (void)state;
    say("page.viewed", NOW, "email:a@x", NULL);
    say("page.viewed", NOW, "loyalty:1", NULL);
    say_of_two("identity.linked", "email:a@x", "loyalty:1");
    sync_all();
    assert_int_equal(store_close(&store), 0);
    open_store();
    say_of_two("identity.unlinked", "loyalty:1", "email:a@x");
    sync_all();
    crash_and_reopen();
    say("page.viewed", NOW, "loyalty:1", "email:a@x");
    assert_int_equal(context("loyalty:1").who->profiles, 1);
    sync_all();
    assert_int_equal(store_close(&store), 0);
    assert_int_equal(store_rebuild(&s, NULL, NULL, why), 0);
    open_store();
    assert_int_equal(context("loyalty:1").who->profiles, 1);
    assert_int_equal(context("email:a@x").who->profiles, 1);
}

/* ------------------------------------------------------------------- offers */

static void
last_word_in_event_time_counts(void **state)
{
    (void)state;
    touch("o", "", "made", NOW - 9 * DAY, "user:1");
    touch("o", "", "accepted", NOW - 3 * DAY, "user:1");
    touch("o", "", "declined", NOW - 5 * DAY, "user:1");     /* came late */
    assert_string_equal(state_of("user:1", "o"), "accepted");
    touch("o", "", "declined", NOW - 2 * DAY, "user:1");
    assert_string_equal(state_of("user:1", "o"), "declined");
    touch("o", "", "clicked", NOW - DAY, "user:1");
    assert_string_equal(state_of("user:1", "o"), "clicked");
    touch("o", "", "redeemed", NOW - 4 * DAY, "user:1");
    assert_string_equal(state_of("user:1", "o"), "redeemed");
}

static void
reaction_that_names_only_the_offer_joins_the_newest_made_before_it(void **state)
{
    struct tl_context c;

    (void)state;
    touch("o", "", "redeemed", NOW - 3 * DAY, "user:1");
    c = context("user:1");
    assert_true(c.offers[0].orphan);
    touch("o", "spring", "made", NOW - 9 * DAY, "user:1");
    touch("o", "summer", "made", NOW - 5 * DAY, "user:1");
    touch("o", "autumn", "made", NOW - DAY, "user:1");
    c = context("user:1");
    assert_int_equal(c.offers_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(str_is(c.offers[i].state, "redeemed"),
                         str_is(c.offers[i].campaign, "summer"));
}

/* How many outcomes are listed of the instance of this campaign. */
static size_t
outcomes_of(const struct tl_context *c, const char *campaign)
{
    for (size_t i = 0; i < c->offers_count; i++)
        if (str_is(c->offers[i].campaign, campaign))
            return c->offers[i].outcomes_count;
    return 0;
}

static void
what_an_agent_shows_and_hears_is_of_the_offer_that_was_mailed(void **state)
{
    struct tl_context c;

    (void)state;
    touch("o", "", "declined", NOW - 4 * DAY, "user:1");
    touch("o", "", "presented", NOW - 5 * DAY, "user:1");
    assert_string_equal(state_of("user:1", "o"), "declined");
    touch("o", "spring", "made", NOW - 9 * DAY, "user:1");
    touch("o", "", "presented", NOW - 3 * DAY, "user:1");
    touch("o", "spring", "delivered", NOW - 8 * DAY, "user:1");
    touch("o", "", "redeemed", NOW - DAY, "user:1");
    c = context("user:1");
    assert_int_equal(c.offers_count, 1);
    assert_true(str_is(c.offers[0].campaign, "spring"));
    assert_true(str_is(c.offers[0].state, "redeemed"));
    assert_int_equal(c.offers[0].outcomes_count, 5);
}

static void
what_was_shown_before_the_mailing_or_itself_made_stays_apart(void **state)
{
    struct tl_context c;

    (void)state;
    touch("o", "", "presented", NOW - 9 * DAY, "user:1");
    touch("o", "spring", "made", NOW - 5 * DAY, "user:1");
    touch("o", "", "presented", NOW - 3 * DAY, "user:1");
    c = context("user:1");
    assert_int_equal(outcomes_of(&c, "spring"), 2);
    assert_int_equal(outcomes_of(&c, ""), 1);
    touch("o", "", "made", NOW - 7 * DAY, "user:1");
    c = context("user:1");
    assert_int_equal(outcomes_of(&c, "spring"), 1);
    assert_int_equal(outcomes_of(&c, ""), 2);
}

static void
terms_an_agent_reads_out_are_of_the_offer_that_was_mailed(void **state)
{
    struct tl_offer_touch o = {.offer = str("o"), .outcome = str("presented"),
                               .terms = str("20 % off, for you")};
    struct tl_event ev = event("offer.presented", "call", NOW - 2 * DAY);
    struct tl_context c;

    (void)state;
    touch("o", "spring", "made", NOW - 5 * DAY, "user:1");
    ev.offers = &o;
    ev.offers_count = 1;
    assert_int_equal(admit(&ev, "user:1", NULL, NULL).code, 0);
    c = context("user:1");
    assert_int_equal(c.offers_count, 1);
    assert_true(str_is(c.offers[0].terms, "20 % off, for you"));
}

static void
each_of_several_reactions_joins_what_was_made_before_it(void **state)
{
    struct tl_context c;

    (void)state;
    touch("o", "spring", "made", NOW - 9 * DAY, "user:1");
    touch("o", "", "clicked", NOW - 7 * DAY, "user:1");
    touch("o", "", "clicked", NOW - 3 * DAY, "user:1");
    touch("o", "summer", "made", NOW - 5 * DAY, "user:1");
    c = context("user:1");
    assert_int_equal(c.offers_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(str_is(c.offers[i].state, "clicked"));
        assert_int_equal(c.offers[i].outcomes[1].count, 1);
    }
}

static void
reaction_that_names_an_expiry_tells_the_offer(void **state)
{
    struct tl_offer_touch o = {.offer = str("o"), .outcome = str("dismissed"),
                               .expires = NOW - DAY};
    struct tl_event ev = event("offer.dismissed", "web", NOW - 2 * DAY);
    struct tl_context c;

    (void)state;
    touch("o", "spring", "made", NOW - 9 * DAY, "user:1");
    ev.offers = &o;
    ev.offers_count = 1;
    assert_int_equal(admit(&ev, "user:1", NULL, NULL).code, 0);
    c = context("user:1");
    assert_int_equal(c.offers_count, 1);
    assert_int_equal(c.offers[0].expires, NOW - DAY);
    assert_true(str_is(c.offers[0].state, "expired"));
}

static void
promise(const char *type, int64_t time, const char *text, const char *by, const char *a,
        const char *b)
{
    struct tl_commitment said = {.id = str("p"), .text = str(text), .by = str(by)};
    struct tl_event ev = event(type, "call", time);

    ev.commitments = &said;
    ev.commitments_count = 1;
    assert_int_equal(admit(&ev, a, b, NULL).code, 0);
}

static void
each_part_of_a_promise_is_as_last_said_whatever_came_first(void **state)
{
    struct tl_context c;

    (void)state;
    promise("commitment.made", NOW - DAY, "call back", "", "user:1", NULL);
    promise("commitment.made", NOW - 2 * DAY, "call", "Ann", "user:1", NULL);
    c = context("user:1");
    assert_true(str_is(c.commitments[0].text, "call back"));
    assert_true(str_is(c.commitments[0].by, "Ann"));
}

static void
promise_known_to_two_profiles_is_one(void **state)
{
    struct tl_context c;

    (void)state;
    say("page.viewed", NOW - 9 * DAY, "loyalty:1", NULL);
    promise("commitment.kept", NOW - DAY, "", "", "email:a@x", NULL);
    promise("commitment.made", NOW - 2 * DAY, "call back", "Ann", "loyalty:1", "email:a@x");
    c = context("loyalty:1");
    assert_int_equal(c.who->profiles, 2);
    assert_int_equal(c.commitments_count, 1);
    assert_true(str_is(c.commitments[0].text, "call back"));
    assert_true(str_is(c.commitments[0].state, "kept"));
}

static void
identifier_of_a_linked_profile_was_last_seen_with_the_customer(void **state)
{
    struct tl_context c;

    (void)state;
    say("page.viewed", NOW - 9 * DAY, "email:a@x", NULL);
    say("page.viewed", NOW - 8 * DAY, "loyalty:1", NULL);
    say("page.viewed", NOW - 7 * DAY, "loyalty:1", "email:a@x");
    say("page.viewed", NOW - DAY, "loyalty:1", "email:a@x");
    c = context("loyalty:1");
    for (size_t i = 0; i < c.who->identifiers_count; i++)
        assert_int_equal(c.who->identifiers[i].last_seen, NOW - DAY);
    assert_int_equal(c.who->identifiers_count, 2);
}

static void
sales_in_more_currencies_than_are_summed_are_counted(void **state)
{
    static const char *const currencies[] = {"EUR", "USD", "JPY", "GBP", "CHF",
                                             "SEK", "NOK", "DKK", "PLN", "CZK"};
    struct tl_context c;
    uint64_t purchases;

    (void)state;
    for (int i = 0; i < 10; i++) {
        struct tl_sale sale = {.currency = str(currencies[i]), .total_minor = 100};
        struct tl_event ev = event("sale.completed", "pos", NOW - i * DAY);

        ev.sale = &sale;
        assert_int_equal(admit(&ev, "loyalty:1", NULL, NULL).code, 0);
    }
    c = context("loyalty:1");
    purchases = c.value->purchases;
    for (size_t i = 0; i < c.value->others_count; i++)
        purchases += c.value->others[i].purchases;
    assert_int_equal(purchases, 10);
    assert_true(str_is(c.value->last_sale_currency, "EUR"));
}

static void
offer_expires_when_its_time_is_over(void **state)
{
    struct tl_offer_touch o = {.offer = str("o"), .outcome = str("made"),
                               .expires = NOW};
    struct tl_event ev = event("offer.made", "mail", NOW - DAY);
    struct store_question q = {.customer = identifier("user:1"), .now = NOW - 1};
    struct tl_offers offers;
    uint64_t depends;

    (void)state;
    ev.offers = &o;
    ev.offers_count = 1;
    assert_int_equal(admit(&ev, "user:1", NULL, NULL).code, 0);
    assert_int_equal(store_offers(store, &q, 10, &offers, &arena, &depends), 0);
    assert_true(str_is(offers.offers[0].state, "made"));
    assert_true(offers.offers[0].live);
    q.now = NOW;
    assert_int_equal(store_offers(store, &q, 10, &offers, &arena, &depends), 0);
    assert_true(str_is(offers.offers[0].state, "expired"));
    assert_false(offers.offers[0].live);
}

static void
offer_made_before_joining_and_redeemed_after_is_one(void **state)
{
    (void)state;
    touch("o", "c", "made", NOW - 5 * DAY, "email:a@x");
    touch("o", "c", "redeemed", NOW - DAY, "loyalty:1");
    assert_string_equal(state_of("email:a@x", "o"), "made");
    say("page.viewed", NOW, "loyalty:1", "email:a@x");
    assert_string_equal(state_of("email:a@x", "o"), "redeemed");
    assert_string_equal(state_of("loyalty:1", "o"), "redeemed");
}

static void
live_offers_come_first_however_many_closed_ones_there_are(void **state)
{
    struct tl_context c;
    char name[16];

    (void)state;
    touch("live", "", "made", NOW - 900 * DAY, "user:1");
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "o%d", i);
        touch(name, "", "redeemed", NOW - i * DAY, "user:1");
    }
    c = context("user:1");
    assert_true(str_is(c.offers[0].offer, "live"));
    assert_true(str_is(c.offers[1].offer, "o0"));
    assert_true(str_is(c.offers_more, "100+"));
}

/* Offers `from` to `to` made to one of his names, which is one profile as yet.  Their
 * ids are long, so that few fit on its card. */
static void
make_offers(const char *whom, int from, int to)
{
    char name[128];

    for (int i = from; i < to; i++) {
        snprintf(name, sizeof(name), "%d-%0100d", i, 0);
        touch(name, "", "made", NOW - DAY - i, whom);
    }
}

/* How many there are in all, as an answer says. */
static size_t
offers_told(const char *whom)
{
    struct tl_context c = context(whom);
    char more[8] = "";

    assert_true(c.offers_count > 0 && c.offers_more.len < sizeof(more));
    memcpy(more, c.offers_more.ptr, c.offers_more.len);
    assert_null(strchr(more, '+'));
    return c.offers_count + (size_t)atoi(more);
}

static void
offer_that_two_of_his_profiles_know_is_counted_once(void **state)
{
    (void)state;
    make_offers("email:a@x", 0, 60);
    make_offers("loyalty:1", 10, 65);
    make_offers("user:1", 100, 143);
    assert_int_equal(offers_told("email:a@x"), 60);
    assert_int_equal(offers_told("loyalty:1"), 55);
    say("page.viewed", NOW, "loyalty:1", "email:a@x");
    assert_int_equal(offers_told("loyalty:1"), 65);
    say("page.viewed", NOW, "loyalty:1", "user:1");
    assert_int_equal(offers_told("user:1"), 108);
}

static void
offers_of_several_profiles_are_counted_as_far_as_is_said(void **state)
{
    struct tl_context c;

    (void)state;
    make_offers("email:a@x", 0, 80);
    make_offers("loyalty:1", 80, 160);
    say("page.viewed", NOW, "loyalty:1", "email:a@x");
    c = context("loyalty:1");
    assert_true(c.offers_count < 60);
    assert_true(str_is(c.offers_more, "100+"));
}

static void
all_that_is_offered_being_shown_no_more_is_said(void **state)
{
    struct tl_context c;

    (void)state;
    make_offers("email:a@x", 0, 3);
    make_offers("loyalty:1", 0, 3);
    say("page.viewed", NOW, "loyalty:1", "email:a@x");
    c = context("loyalty:1");
    assert_int_equal(c.offers_count, 3);
    assert_int_equal(c.offers_more.len, 0);
}

/* ------------------------------------------------------ timeline and restart */

static void
timeline_is_in_event_time_whatever_the_order_of_arrival(void **state)
{
    enum { EVENTS = 500 };
    struct store_question q = {.customer = identifier("user:1"), .now = NOW};
    struct store_timeline_filter filter = {.limit = EVENTS};
    struct frame *frames = calloc(EVENTS, sizeof(*frames));
    uint64_t depends, next;
    size_t count;

    (void)state;
    for (int i = 0; i < EVENTS; i++)
        say("page.viewed", NOW - (i * 7919 % EVENTS) * DAY, "user:1", NULL);
    sync_all();
    for (int round = 0; round < 2; round++) {
        assert_int_equal(store_timeline(store, &q, &filter, frames, &count, &next, &depends), 0);
        assert_int_equal(count, EVENTS);
        assert_int_equal(next, 0);
        for (int i = 0; i < EVENTS; i++)
            assert_int_equal(frames[i].time, NOW - i * DAY);
        reopen();
    }
    filter.before = NOW - 100 * DAY;
    filter.limit = 3;
    assert_int_equal(store_timeline(store, &q, &filter, frames, &count, &next, &depends), 0);
    assert_int_equal(next, frames[2].number);
    assert_int_equal(frames[0].time, NOW - 101 * DAY);
    filter.before = 0;
    filter.cursor = next;
    assert_int_equal(store_timeline(store, &q, &filter, frames, &count, &next, &depends), 0);
    assert_int_equal(frames[0].time, NOW - 104 * DAY);
    free(frames);
}

static void
answers_are_the_same_after_a_crash(void **state)
{
    struct tl_context c;
    struct buf before = {0}, after = {0};

    (void)state;
    touch("o", "c", "made", NOW - 5 * DAY, "email:a@x");
    touch("o", "c", "redeemed", NOW - DAY, "loyalty:1");
    say("page.viewed", NOW, "loyalty:1", "email:a@x");
    say("page.viewed", NOW, "loyalty:2", "email:a@x");
    sync_all();
    c = context("email:a@x");
    codec_encode(CODEC_CONTEXT, &c, &before);
    crash_and_reopen();
    c = context("email:a@x");
    codec_encode(CODEC_CONTEXT, &c, &after);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.ptr, after.ptr, before.len);
    buf_free(&before);
    buf_free(&after);
}

static void
views_are_a_fold_of_the_log(void **state)
{
    struct tl_verification v;
    char name[2][32];

    (void)state;
    for (int i = 0; i < 3000; i++) {
        snprintf(name[0], 32, "loyalty:%d", i % 97);
        snprintf(name[1], 32, "email:%d@x", i % 89);
        say("page.viewed", NOW - (i * 31 % 1000) * DAY, name[0], i % 5 == 0 ? name[1] : NULL);
        touch(name[1], "c", i % 3 ? "made" : "clicked", NOW - i * DAY, name[0]);
        if (i % 1000 == 0)
            sync_all();
    }
    sync_all();
    assert_int_equal(store_verify(store, &v, &arena, why), 0);
    assert_int_equal(v.differences, 0);
    assert_true(v.ok);
    assert_true(v.records > 500);
}

static void
empty_store_verifies(void **state)
{
    struct tl_verification v;

    (void)state;
    assert_int_equal(store_verify(store, &v, &arena, why), 0);
    assert_true(v.ok);
}

static void
views_made_anew_give_the_same_answers(void **state)
{
    struct store_settings s = {.dir = dir, .segment_bytes = 4u << 20};
    struct tl_event ev = event("page.viewed", "web", NOW);
    struct tl_context c;

    (void)state;
    assert_int_equal(admit(&ev, "user:1", "email:a@x", NULL).code, 0);
    sync_all();
    assert_int_equal(store_close(&store), 0);
    assert_int_equal(store_rebuild(&s, NULL, NULL, why), 0);
    open_store();
    c = context("email:a@x");
    assert_int_equal(c.recent_count, 1);
    assert_true(admit(&ev, "user:1", "email:a@x", NULL).duplicate);
}

static void
second_process_is_kept_out(void **state)
{
    struct store_settings s = {.dir = dir};
    struct store *other;

    (void)state;
    assert_int_equal(store_open(&other, &s, why), TL_ELOCKED);
    assert_null(other);
    assert_non_null(strstr(why, dir));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(event_sent_twice_is_stored_once),
        TEST(events_expected_together_are_decided_one_after_the_other),
        TEST(same_id_with_other_content_is_refused),
        TEST(event_from_the_future_is_ordered_by_when_it_came),
        TEST(answers_about_either_side_wait_for_a_persons_word),
        TEST(answers_wait_for_what_a_relative_did_and_for_his_leaving),
        TEST(a_verdict_waits_for_relatives_only_where_a_cap_counts_them),
        TEST(a_household_is_the_same_after_a_crash_and_in_views_made_anew),
        TEST(unlinked_customers_are_the_same_after_a_crash_and_in_views_made_anew),
        TEST(last_word_in_event_time_counts),
        TEST(reaction_that_names_only_the_offer_joins_the_newest_made_before_it),
        TEST(each_of_several_reactions_joins_what_was_made_before_it),
        TEST(what_an_agent_shows_and_hears_is_of_the_offer_that_was_mailed),
        TEST(what_was_shown_before_the_mailing_or_itself_made_stays_apart),
        TEST(terms_an_agent_reads_out_are_of_the_offer_that_was_mailed),
        TEST(reaction_that_names_an_expiry_tells_the_offer),
        TEST(each_part_of_a_promise_is_as_last_said_whatever_came_first),
        TEST(promise_known_to_two_profiles_is_one),
        TEST(identifier_of_a_linked_profile_was_last_seen_with_the_customer),
        TEST(sales_in_more_currencies_than_are_summed_are_counted),
        TEST(offer_expires_when_its_time_is_over),
        TEST(offer_made_before_joining_and_redeemed_after_is_one),
        TEST(live_offers_come_first_however_many_closed_ones_there_are),
        TEST(offer_that_two_of_his_profiles_know_is_counted_once),
        TEST(offers_of_several_profiles_are_counted_as_far_as_is_said),
        TEST(all_that_is_offered_being_shown_no_more_is_said),
        TEST(timeline_is_in_event_time_whatever_the_order_of_arrival),
        TEST(answers_are_the_same_after_a_crash),
        TEST(views_are_a_fold_of_the_log),
        TEST(empty_store_verifies),
        TEST(views_made_anew_give_the_same_answers),
        TEST(second_process_is_kept_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
