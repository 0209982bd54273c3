#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "proto/code.h"
#include "proto/valid.h"

static char filler[70000];

static int
set_up(void **state)
{
    (void)state;
    memset(filler, 'a', sizeof filler);
    return 0;
}

static struct tl_str
long_text(size_t len)
{
    return (struct tl_str){filler, len};
}

static struct tl_str
str(const char *text)
{
    return (struct tl_str){text, strlen(text)};
}

static struct tl_event
example(const char *type)
{
    static struct tl_identifier ids[] = {{TL_STR("loyalty"), TL_STR("718")}};

    return (struct tl_event){.id = TL_STR("1"), .source = TL_STR("till-4"), .type = str(type),
                             .channel = TL_STR("pos"), .identifiers = ids, .identifiers_count = 1};
}

static int
judge(const struct tl_event *ev)
{
    const char *detail = NULL;
    int code = valid_event(ev, 200, &detail);

    if ((code == 0) != (detail == NULL))
        fail_msg("a refusal says what is wrong, and only a refusal");
    return code;
}

static int
judge_type(const char *type)
{
    struct tl_event ev = example(type);

    return judge(&ev);
}

static int
judge_identifier(struct tl_str type, struct tl_str value)
{
    struct tl_identifier id = {type, value};
    struct tl_event ev = example("note.added");

    ev.identifiers = &id;
    return judge(&ev);
}

static int
judge_offer(const char *type, struct tl_offer_touch offer)
{
    struct tl_event ev = example(type);

    ev.offers = &offer;
    ev.offers_count = 1;
    return judge(&ev);
}

static int
judge_sale(const char *type, struct tl_sale sale)
{
    struct tl_event ev = example(type);

    ev.sale = &sale;
    return judge(&ev);
}

static int
judge_feedback(const char *type, struct tl_feedback feedback)
{
    struct tl_event ev = example(type);

    ev.feedback = &feedback;
    return judge(&ev);
}

static int
judge_commitment(const char *type, struct tl_commitment commitment)
{
    struct tl_event ev = example(type);

    ev.commitments = &commitment;
    ev.commitments_count = 1;
    return judge(&ev);
}

static int
judge_promise(const char *type, int64_t time, int64_t due, const char *word)
{
    struct tl_event ev = example(type);
    struct tl_commitment said = {.id = TL_STR("1"), .text = TL_STR("call back"), .due = due,
                                 .state = str(word)};

    ev.time = time;
    ev.commitments = &said;
    ev.commitments_count = 1;
    return judge(&ev);
}

static void
promise_is_not_due_before_it_was_made(void **state)
{
    (void)state;
    assert_int_equal(judge_promise("commitment.made", 100, 100, ""), 0);
    assert_int_equal(judge_promise("commitment.made", 100, 99, ""), TL_BAD_FACET);
    assert_int_equal(judge_promise("call.ended", 100, 99, ""), TL_BAD_FACET);
    assert_int_equal(judge_promise("call.ended", 100, 99, "made"), TL_BAD_FACET);
    assert_int_equal(judge_promise("commitment.made", 0, 99, ""), 0);
    assert_int_equal(judge_promise("commitment.kept", 100, 99, ""), 0);
}

static int
judge_consent(struct tl_consent consent)
{
    struct tl_event ev = example("consent.granted");

    ev.consents = &consent;
    ev.consents_count = 1;
    return judge(&ev);
}

static int
judge_link(struct tl_identifier *a, struct tl_identifier *b)
{
    struct tl_identity_link link = {.a = a, .b = b};
    struct tl_event ev = example("identity.linked");

    ev.link = &link;
    return judge(&ev);
}

static int
judge_link_of_nobody_else(struct tl_identifier *a, struct tl_identifier *b)
{
    struct tl_identity_link link = {.a = a, .b = b};
    struct tl_event ev = example("identity.unlinked");

    ev.link = &link;
    ev.identifiers_count = 0;
    return judge(&ev);
}

static int
judge_household_event(const char *type, struct tl_household household)
{
    struct tl_event ev = example(type);

    ev.household = &household;
    return judge(&ev);
}

static int
judge_household(struct tl_household household)
{
    return judge_household_event("household.joined", household);
}

/* ---------------------------------------------------------------- envelope */

static void
a_plain_event_is_fine(void **state)
{
    (void)state;
    assert_int_equal(judge_type("note.added"), 0);
    assert_int_equal(judge_type("email.link_clicked"), 0);
    assert_int_equal(judge_type("a-type.nobody-knows.v2"), 0);
}

static void
an_event_needs_id_source_and_type(void **state)
{
    struct tl_event ev = example("note.added");

    (void)state;
    ev.id = TL_STR("");
    assert_int_equal(judge(&ev), TL_MISSING_ID);
    ev = example("note.added");
    ev.source = TL_STR("");
    assert_int_equal(judge(&ev), TL_MISSING_SOURCE);
    ev = example("");
    assert_int_equal(judge(&ev), TL_MISSING_TYPE);
}

static void
the_name_of_the_bus_is_taken(void **state)
{
    struct tl_event ev = example("note.added");

    (void)state;
    ev.source = TL_STR(SOURCE_BUS);
    assert_int_equal(judge(&ev), TL_FORBIDDEN);
    ev.source = TL_STR(SOURCE_BUS "s");
    assert_int_equal(judge(&ev), 0);
}

static void
a_type_is_lower_case_words_with_dots(void **state)
{
    static const char *const wrong[] = {"Note.added", "note added", ".note", "note.", "note..added",
                                        "note/added", "n\xc3\xb6te.added", "."};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(judge_type(wrong[i]), TL_MISSING_TYPE);
}

static void
channel_and_direction_are_words_of_an_open_list(void **state)
{
    struct tl_event ev = example("note.added");

    (void)state;
    ev.channel = TL_STR("fax-2");
    ev.direction = TL_STR("inbound");
    assert_int_equal(judge(&ev), 0);
    ev.channel = TL_STR("Fax");
    assert_int_equal(judge(&ev), TL_BAD_FACET);
    ev.channel = TL_STR("");
    ev.direction = TL_STR("in bound");
    assert_int_equal(judge(&ev), TL_BAD_FACET);
}

static void
texts_of_the_envelope_have_their_limits(void **state)
{
    static const struct { size_t offset, max; } limits[] = {
        {offsetof(struct tl_event, id), ID_BYTES_MAX},
        {offsetof(struct tl_event, source), ID_BYTES_MAX},
        {offsetof(struct tl_event, type), TYPE_BYTES_MAX},
        {offsetof(struct tl_event, channel), CHANNEL_BYTES_MAX},
        {offsetof(struct tl_event, direction), CHANNEL_BYTES_MAX},
        {offsetof(struct tl_event, touchpoint), ID_BYTES_MAX},
        {offsetof(struct tl_event, region), CHANNEL_BYTES_MAX},
        {offsetof(struct tl_event, timezone), NAME_BYTES_MAX},
        {offsetof(struct tl_event, subject), ID_BYTES_MAX},
        {offsetof(struct tl_event, conversation), ID_BYTES_MAX},
        {offsetof(struct tl_event, causation_id), ID_BYTES_MAX},
        {offsetof(struct tl_event, session), ID_BYTES_MAX},
        {offsetof(struct tl_event, campaign), NAME_BYTES_MAX},
        {offsetof(struct tl_event, locale), NAME_BYTES_MAX},
    };

    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct tl_event ev = example("note.added");
        struct tl_str *s = (struct tl_str *)(void *)((char *)&ev + limits[i].offset);

        *s = long_text(limits[i].max);
        assert_int_equal(judge(&ev), 0);
        s->len++;
        assert_int_equal(judge(&ev), TL_TOO_LARGE);
    }
}

static void
an_event_has_at_most_64_kib(void **state)
{
    struct tl_event ev = example("note.added");
    const char *detail;

    (void)state;
    assert_int_equal(EVENT_BYTES_MAX, 65536);
    assert_int_equal(valid_event(&ev, EVENT_BYTES_MAX, &detail), 0);
    assert_int_equal(valid_event(&ev, EVENT_BYTES_MAX + 1, &detail), TL_TOO_LARGE);
}

static void
lists_have_their_limits(void **state)
{
    static struct tl_identifier identifiers[IDENTIFIERS_MAX + 1];
    static struct tl_attribute attributes[ATTRIBUTES_MAX + 1];
    static struct tl_offer_touch offers[OFFERS_MAX + 1];
    static struct tl_commitment commitments[COMMITMENTS_MAX + 1];
    static struct tl_consent consents[CONSENTS_MAX + 1];
    static struct tl_sale_line lines[SALE_LINES_MAX + 1];
    struct tl_sale sale = {.lines = lines};
    struct tl_event ev;

    (void)state;
    for (size_t i = 0; i <= IDENTIFIERS_MAX; i++)
        identifiers[i] = (struct tl_identifier){TL_STR("email"), TL_STR("joe@example.com")};
    for (size_t i = 0; i <= OFFERS_MAX; i++)
        offers[i].offer = TL_STR("o");
    for (size_t i = 0; i <= COMMITMENTS_MAX; i++)
        commitments[i].id = TL_STR("c");
    for (size_t i = 0; i <= CONSENTS_MAX; i++)
        consents[i] = (struct tl_consent){.purpose = TL_STR("marketing"),
                                          .status = TL_STR("denied")};

#define TRY(list, max)                                      \
    do {                                                    \
        ev = example("note.added");                         \
        ev.list = list;                                     \
        ev.list##_count = max;                              \
        assert_int_equal(judge(&ev), 0);                    \
        ev.list##_count = max + 1;                          \
        assert_int_equal(judge(&ev), TL_TOO_MANY);          \
    } while (0)
    TRY(identifiers, IDENTIFIERS_MAX);
    TRY(attributes, ATTRIBUTES_MAX);
    TRY(offers, OFFERS_MAX);
    TRY(commitments, COMMITMENTS_MAX);
    TRY(consents, CONSENTS_MAX);

    sale.lines_count = SALE_LINES_MAX;
    assert_int_equal(judge_sale("note.added", sale), 0);
    sale.lines_count++;
    assert_int_equal(judge_sale("note.added", sale), TL_TOO_MANY);
}

/* ------------------------------------------------------------------- times */

static void
times_lie_within_1970_to_2100(void **state)
{
    struct tl_event ev = example("note.added");
    int64_t ns;

    (void)state;
    assert_int_equal(clock_parse(&ns, "2100-12-31T23:59:59.999999999Z", 30), 0);
    assert_true(ns == TIME_MAX);
    ev.time = TIME_MAX;
    ev.recorded_time = TIME_MIN;
    assert_int_equal(judge(&ev), 0);
    ev.time = TIME_MAX + 1;
    assert_int_equal(judge(&ev), TL_BAD_TIME);
    ev.time = TIME_MIN - 2;
    assert_int_equal(judge(&ev), TL_BAD_TIME);
    ev.time = 0;                    /* not given */
    assert_int_equal(judge(&ev), 0);
    ev.recorded_time = -1;
    assert_int_equal(judge(&ev), TL_BAD_TIME);
    ev.recorded_time = 0;
    ev.received_time = -1;          /* the broker's own; not looked at */
    assert_int_equal(judge(&ev), 0);
}

static void
so_do_the_times_of_facets(void **state)
{
    (void)state;
    assert_int_equal(judge_offer("offer.made", (struct tl_offer_touch){.offer = TL_STR("o"),
                                                                       .expires = TIME_MAX}), 0);
    assert_int_equal(judge_offer("offer.made", (struct tl_offer_touch){.offer = TL_STR("o"),
                                                                       .expires = TIME_MAX + 1}),
                     TL_BAD_TIME);
    assert_int_equal(judge_offer("offer.made", (struct tl_offer_touch){.offer = TL_STR("o"),
                                                                       .valid_from = -1}),
                     TL_BAD_TIME);
    assert_int_equal(judge_commitment("commitment.made",
                                      (struct tl_commitment){.id = TL_STR("c"), .text = TL_STR("t"),
                                                             .due = -1}),
                     TL_BAD_TIME);
    assert_int_equal(judge_consent((struct tl_consent){.purpose = TL_STR("marketing"),
                                                       .status = TL_STR("granted"), .expires = -1}),
                     TL_BAD_TIME);
    assert_int_equal(judge_household((struct tl_household){.id = TL_STR("h"), .since = -1}),
                     TL_BAD_TIME);
}

/* ------------------------------------------------------------- identifiers */

static void
an_event_about_a_customer_needs_an_identifier(void **state)
{
    static const char *const operational[] = {"source.started", "offer.defined"};
    struct tl_offer_touch offer = {.offer = TL_STR("o")};
    struct tl_event ev = example("note.added");

    (void)state;
    ev.identifiers_count = 0;
    assert_int_equal(judge(&ev), TL_MISSING_IDENTIFIER);
    ev.channel = TL_STR("system");
    assert_int_equal(judge(&ev), 0);
    for (size_t i = 0; i < 2; i++) {
        ev = example(operational[i]);
        ev.identifiers_count = 0;
        ev.offers = &offer;
        ev.offers_count = 1;
        assert_int_equal(judge(&ev), 0);
    }
    ev = example("sources.started");
    ev.identifiers_count = 0;
    assert_int_equal(judge(&ev), TL_MISSING_IDENTIFIER);
}

static void
identifier_types_are_known_or_begin_with_x(void **state)
{
    static const char *const right[] = {"crm", "user", "account", "loyalty", "email", "payment",
                                        "phone", "social", "device", "cookie", "anonymous",
                                        "receipt", "x-badge", "x-2"};
    static const char *const wrong[] = {"", "Email", "mail", "emails", "x", "x-", "x-Badge",
                                        "x-a_b", "x a", "X-badge"};

    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        assert_int_equal(judge_identifier(str(right[i]), TL_STR("1")), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(judge_identifier(str(wrong[i]), TL_STR("1")), TL_BAD_IDENTIFIER);
}

static void
identifiers_have_their_limits(void **state)
{
    char type[IDENTIFIER_TYPE_BYTES_MAX + 1];

    (void)state;
    assert_int_equal(judge_identifier(TL_STR("email"), TL_STR("")), TL_BAD_IDENTIFIER);
    assert_int_equal(judge_identifier(TL_STR("email"), long_text(IDENTIFIER_BYTES_MAX)), 0);
    assert_int_equal(judge_identifier(TL_STR("email"), long_text(IDENTIFIER_BYTES_MAX + 1)),
                     TL_BAD_IDENTIFIER);
    memset(type, 'a', sizeof type);
    memcpy(type, "x-", 2);
    assert_int_equal(judge_identifier((struct tl_str){type, sizeof type - 1}, TL_STR("1")), 0);
    assert_int_equal(judge_identifier((struct tl_str){type, sizeof type}, TL_STR("1")),
                     TL_BAD_IDENTIFIER);
}

/* ------------------------------------------------------------------ facets */

static void
an_offer_event_needs_an_offer_and_an_outcome(void **state)
{
    struct tl_offer_touch offer = {.offer = TL_STR("o")};

    (void)state;
    assert_int_equal(judge_type("offer.made"), TL_BAD_FACET);
    assert_int_equal(judge_offer("offer.made", offer), 0);
    assert_int_equal(judge_offer("offer.no_response", offer), 0);
    assert_int_equal(judge_offer("offer.shown", offer), TL_BAD_FACET);
    offer.outcome = TL_STR("presented");
    assert_int_equal(judge_offer("offer.shown", offer), 0);
    assert_int_equal(judge_offer("call.ended", offer), 0);
    offer.outcome = TL_STR("liked");
    assert_int_equal(judge_offer("call.ended", offer), TL_BAD_FACET);
    assert_int_equal(judge_type("coupon.redeemed"), TL_BAD_FACET);
    assert_int_equal(judge_type("offer.defined"), TL_BAD_FACET);
    offer = (struct tl_offer_touch){.campaign = TL_STR("c")};
    assert_int_equal(judge_offer("offer.defined", offer), TL_BAD_FACET);
}

static void
every_outcome_is_known(void **state)
{
    static const char *const outcomes[] = {
        "made", "delivered", "presented", "clicked", "accepted", "redeemed", "fulfilled",
        "undelivered", "dismissed", "declined", "no_response", "expired", "withdrawn",
        "superseded", "disputed"};

    (void)state;
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        struct tl_offer_touch offer = {.offer = TL_STR("o"), .outcome = str(outcomes[i])};

        assert_int_equal(judge_offer("call.ended", offer), 0);
    }
}

static void
an_offer_names_itself_or_a_campaign(void **state)
{
    struct tl_offer_touch offer = {.outcome = TL_STR("clicked")};
    struct tl_event ev = example("email.link_clicked");

    (void)state;
    assert_int_equal(judge_offer("email.link_clicked", offer), TL_BAD_FACET);
    ev.offers = &offer;
    ev.offers_count = 1;
    ev.campaign = TL_STR("18");
    assert_int_equal(judge(&ev), 0);
    offer.campaign = TL_STR("18");
    assert_int_equal(judge_offer("email.link_clicked", offer), 0);
}

static void
names_of_offers_have_their_limit(void **state)
{
    static const size_t names[] = {offsetof(struct tl_offer_touch, offer),
                                   offsetof(struct tl_offer_touch, campaign),
                                   offsetof(struct tl_offer_touch, treatment),
                                   offsetof(struct tl_offer_touch, instance),
                                   offsetof(struct tl_offer_touch, exclusivity_group)};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct tl_offer_touch offer = {.offer = TL_STR("o")};
        struct tl_str *s = (struct tl_str *)(void *)((char *)&offer + names[i]);

        *s = long_text(NAME_BYTES_MAX);
        assert_int_equal(judge_offer("offer.made", offer), 0);
        s->len++;
        assert_int_equal(judge_offer("offer.made", offer), TL_TOO_LARGE);
    }
}

static void
money_has_a_currency(void **state)
{
    struct tl_offer_touch offer = {.offer = TL_STR("o"), .price_minor = 100};

    (void)state;
    assert_int_equal(judge_offer("offer.made", offer), TL_BAD_FACET);
    offer.currency = TL_STR("EUR");
    assert_int_equal(judge_offer("offer.made", offer), 0);
    offer.currency = TL_STR("eur");
    assert_int_equal(judge_offer("offer.made", offer), TL_BAD_FACET);
    offer.currency = TL_STR("EURO");
    assert_int_equal(judge_offer("offer.made", offer), TL_BAD_FACET);
    offer.currency = TL_STR("EU");
    assert_int_equal(judge_offer("offer.made", offer), TL_BAD_FACET);
}

static void
a_sale_needs_its_sale_and_currency(void **state)
{
    (void)state;
    assert_int_equal(judge_type("sale.completed"), TL_BAD_FACET);
    assert_int_equal(judge_type("sale.voided"), 0);
    assert_int_equal(judge_sale("sale.completed", (struct tl_sale){0}), TL_BAD_FACET);
    assert_int_equal(judge_sale("sale.returned", (struct tl_sale){.total_minor = -1}),
                     TL_BAD_FACET);
    assert_int_equal(judge_sale("sale.returned", (struct tl_sale){.total_minor = -1,
                                                                  .currency = TL_STR("USD")}), 0);
    assert_int_equal(judge_sale("sale.completed",
                                (struct tl_sale){.currency = TL_STR("usd")}), TL_BAD_FACET);
    assert_int_equal(judge_sale("sale.completed",
                                (struct tl_sale){.currency = TL_STR("USD"),
                                                 .receipt = long_text(ID_BYTES_MAX)}), 0);
    assert_int_equal(judge_sale("sale.completed",
                                (struct tl_sale){.currency = TL_STR("USD"),
                                                 .receipt = long_text(ID_BYTES_MAX + 1)}),
                     TL_TOO_LARGE);
}

static void
feedback_has_its_words(void **state)
{
    (void)state;
    assert_int_equal(judge_type("feedback.review"), TL_BAD_FACET);
    assert_int_equal(judge_feedback("feedback.review", (struct tl_feedback){0}), 0);
    assert_int_equal(judge_feedback("feedback.review",
                                    (struct tl_feedback){.kind = TL_STR("review"),
                                                         .rating = TL_STR("4.5"),
                                                         .rating_max = TL_STR("5"),
                                                         .state = TL_STR("heard")}), 0);
    assert_int_equal(judge_feedback("feedback.review",
                                    (struct tl_feedback){.kind = TL_STR("rant")}), TL_BAD_FACET);
    assert_int_equal(judge_feedback("feedback.review",
                                    (struct tl_feedback){.state = TL_STR("lost")}), TL_BAD_FACET);
    assert_int_equal(judge_feedback("feedback.review",
                                    (struct tl_feedback){.rating = TL_STR("five")}), TL_BAD_FACET);
    assert_int_equal(judge_feedback("feedback.review",
                                    (struct tl_feedback){.rating_max = TL_STR("1.2.3")}),
                     TL_BAD_FACET);
    assert_int_equal(judge_feedback("feedback.resolved", (struct tl_feedback){0}), TL_BAD_FACET);
    assert_int_equal(judge_feedback("feedback.resolved", (struct tl_feedback){.id = TL_STR("1")}),
                     0);
}

static void
a_promise_has_an_id_and_words(void **state)
{
    (void)state;
    assert_int_equal(judge_type("commitment.made"), TL_BAD_FACET);
    assert_int_equal(judge_type("commitment.kept"), TL_BAD_FACET);
    assert_int_equal(judge_commitment("commitment.made",
                                      (struct tl_commitment){.text = TL_STR("call back")}),
                     TL_BAD_FACET);
    assert_int_equal(judge_commitment("commitment.made", (struct tl_commitment){.id = TL_STR("1")}),
                     TL_BAD_FACET);
    assert_int_equal(judge_commitment("commitment.made",
                                      (struct tl_commitment){.id = TL_STR("1"),
                                                             .text = TL_STR("call back")}), 0);
    assert_int_equal(judge_commitment("commitment.kept", (struct tl_commitment){.id = TL_STR("1")}),
                     0);
    assert_int_equal(judge_commitment("commitment.kept",
                                      (struct tl_commitment){.id = TL_STR("1"),
                                                             .state = TL_STR("forgotten")}),
                     TL_BAD_FACET);
    assert_int_equal(judge_commitment("commitment.kept",
                                      (struct tl_commitment){.id = long_text(ID_BYTES_MAX + 1)}),
                     TL_TOO_LARGE);
}

static void
a_consent_has_a_purpose_and_a_status(void **state)
{
    struct tl_identifier bad = {TL_STR("mail"), TL_STR("joe@example.com")};
    struct tl_consent consent = {.purpose = TL_STR("marketing"), .status = TL_STR("granted")};

    (void)state;
    assert_int_equal(judge_type("consent.granted"), TL_BAD_FACET);
    assert_int_equal(judge_consent(consent), 0);
    consent.channel = TL_STR("email");
    assert_int_equal(judge_consent(consent), 0);
    consent.channel = TL_STR("E-mail");
    assert_int_equal(judge_consent(consent), TL_BAD_FACET);
    consent.channel = TL_STR("");
    consent.purpose = TL_STR("");
    assert_int_equal(judge_consent(consent), TL_BAD_FACET);
    consent.purpose = TL_STR("profiling");
    assert_int_equal(judge_consent(consent), 0);
    consent.status = TL_STR("maybe");
    assert_int_equal(judge_consent(consent), TL_BAD_FACET);
    consent.status = TL_STR("");
    assert_int_equal(judge_consent(consent), TL_BAD_FACET);
    consent.status = TL_STR("revoked");
    consent.identifier = &bad;
    assert_int_equal(judge_consent(consent), TL_BAD_IDENTIFIER);
}

static void
a_link_names_two_different_identifiers(void **state)
{
    struct tl_identifier a = {TL_STR("email"), TL_STR("joe@example.com")};
    struct tl_identifier b = {TL_STR("loyalty"), TL_STR("718")};
    struct tl_identifier bad = {TL_STR("loyalty"), TL_STR("")};

    (void)state;
    assert_int_equal(judge_type("identity.linked"), TL_BAD_FACET);
    assert_int_equal(judge_type("identity.unlinked"), TL_BAD_FACET);
    assert_int_equal(judge_link(&a, &b), 0);
    assert_int_equal(judge_link_of_nobody_else(&a, &b), 0);
    assert_int_equal(judge_link(&a, NULL), TL_BAD_FACET);
    assert_int_equal(judge_link(&a, &a), TL_BAD_FACET);
    assert_int_equal(judge_link(&a, &bad), TL_BAD_IDENTIFIER);
}

static void
a_household_has_an_id(void **state)
{
    (void)state;
    assert_int_equal(judge_type("household.joined"), TL_BAD_FACET);
    assert_int_equal(judge_household((struct tl_household){.role = TL_STR("son")}), TL_BAD_FACET);
    assert_int_equal(judge_household((struct tl_household){.id = TL_STR("h"),
                                                           .visibility = TL_STR("offers")}), 0);
    assert_int_equal(judge_household((struct tl_household){.id = TL_STR("h"),
                                                           .visibility = TL_STR("some")}),
                     TL_BAD_FACET);
    assert_int_equal(judge_household((struct tl_household){.id = long_text(NAME_BYTES_MAX)}), 0);
    assert_int_equal(judge_household((struct tl_household){.id = long_text(NAME_BYTES_MAX + 1)}),
                     TL_TOO_LARGE);
    assert_int_equal(judge_household((struct tl_household){
                         .id = TL_STR("h"), .role = long_text(NAME_BYTES_MAX)}), 0);
    assert_int_equal(judge_household((struct tl_household){
                         .id = TL_STR("h"), .role = long_text(NAME_BYTES_MAX + 1)}),
                     TL_TOO_LARGE);
}

static void
a_new_role_or_visibility_in_a_household_is_told(void **state)
{
    struct tl_household bare = {.id = TL_STR("h")};

    (void)state;
    assert_int_equal(judge_household_event("household.left", bare), 0);
    assert_int_equal(judge_household_event("household.invited", bare), 0);
    assert_int_equal(judge_household_event("household.role_changed", bare), TL_BAD_FACET);
    assert_int_equal(judge_household_event("household.visibility_set", bare), TL_BAD_FACET);
    assert_int_equal(judge_type("household.role_changed"), TL_BAD_FACET);
    bare.role = TL_STR("daughter");
    assert_int_equal(judge_household_event("household.role_changed", bare), 0);
    bare.visibility = TL_STR("none");
    assert_int_equal(judge_household_event("household.visibility_set", bare), 0);
}

static void
some_events_are_nothing_without_their_envelope(void **state)
{
    struct tl_attribute attribute = {TL_STR("name"), TL_STR("Joe")};
    struct tl_event ev = example("customer.attributes_set");

    (void)state;
    assert_int_equal(judge(&ev), TL_BAD_FACET);
    ev.attributes = &attribute;
    ev.attributes_count = 1;
    assert_int_equal(judge(&ev), 0);
    ev = example("conversation.started");
    assert_int_equal(judge(&ev), TL_BAD_FACET);
    ev.conversation = TL_STR("c");
    assert_int_equal(judge(&ev), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_event_is_fine),
        cmocka_unit_test(an_event_needs_id_source_and_type),
        cmocka_unit_test(the_name_of_the_bus_is_taken),
        cmocka_unit_test(a_type_is_lower_case_words_with_dots),
        cmocka_unit_test(channel_and_direction_are_words_of_an_open_list),
        cmocka_unit_test(texts_of_the_envelope_have_their_limits),
        cmocka_unit_test(an_event_has_at_most_64_kib),
        cmocka_unit_test(lists_have_their_limits),
        cmocka_unit_test(times_lie_within_1970_to_2100),
        cmocka_unit_test(so_do_the_times_of_facets),
        cmocka_unit_test(an_event_about_a_customer_needs_an_identifier),
        cmocka_unit_test(identifier_types_are_known_or_begin_with_x),
        cmocka_unit_test(identifiers_have_their_limits),
        cmocka_unit_test(an_offer_event_needs_an_offer_and_an_outcome),
        cmocka_unit_test(every_outcome_is_known),
        cmocka_unit_test(an_offer_names_itself_or_a_campaign),
        cmocka_unit_test(names_of_offers_have_their_limit),
        cmocka_unit_test(money_has_a_currency),
        cmocka_unit_test(a_sale_needs_its_sale_and_currency),
        cmocka_unit_test(feedback_has_its_words),
        cmocka_unit_test(a_promise_has_an_id_and_words),
        cmocka_unit_test(a_consent_has_a_purpose_and_a_status),
        cmocka_unit_test(a_link_names_two_different_identifiers),
        cmocka_unit_test(a_household_has_an_id),
        cmocka_unit_test(a_new_role_or_visibility_in_a_household_is_told),
        cmocka_unit_test(promise_is_not_due_before_it_was_made),
        cmocka_unit_test(some_events_are_nothing_without_their_envelope),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
