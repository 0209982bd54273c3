/* What of an event the contact policy keeps. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/contact.h"
#include "store/fold.h"
#include "tests/unit/own_views.h"

#define HOUR (3600 * CLOCK_SECOND)
#define T (19797 * 24 * HOUR)

static struct fold folding;
static struct arena arena;
static struct card card;
static uint64_t number;

static int
set_up(void **state)
{
    (void)state;
    own_views_open();
    folding.views = views;
    arena_init(&arena, 4u << 20);
    card_clear(&card);
    number = 0;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    buf_free(&folding.bytes);
    arena_fini(&arena);
    own_views_close();
    return 0;
}

static struct tl_str
str(const char *text)
{
    return (struct tl_str){text, strlen(text)};
}

static struct tl_event
event(const char *type, const char *channel, const char *direction, int64_t time)
{
    return (struct tl_event){.type = str(type), .channel = str(channel),
                             .direction = str(direction), .id = str("e"), .time = time};
}

static uint64_t
fold_as(const struct tl_event *ev, uint64_t profile, uint16_t flags)
{
    struct frame f = {.number = ++number, .time = ev->time, .profile = profile,
                      .type = ev->type, .channel = ev->channel, .flags = flags};

    assert_int_equal(contact_fold(&folding, &card, &f, ev), 0);
    return number;
}

static uint64_t
fold(const struct tl_event *ev)
{
    return fold_as(ev, 1, 0);
}

static struct contact_record
kept(void)
{
    struct contact_record record = {.count = 0};

    assert_int_equal(contact_read(views, 1, &record, &arena), 0);
    return record;
}

static bool
counts(const char *type, const char *channel, const char *direction)
{
    struct tl_event ev = event(type, channel, direction, T);
    size_t before = kept().count;

    fold(&ev);
    return kept().count > before;
}

static void
what_reaches_out_is_a_contact_and_what_comes_in_is_none(void **state)
{
    (void)state;
    assert_true(counts("email.sent", "email", ""));
    assert_true(counts("email.delivered", "", "outbound"));
    assert_true(counts("sms.sent", "sms", ""));
    assert_true(counts("push.delivered", "push", ""));
    assert_true(counts("message.sent", "chat", ""));
    assert_true(counts("offer.made", "mail", ""));
    assert_true(counts("call.answered", "call", "outbound"));
    assert_false(counts("email.queued", "email", ""));
    assert_false(counts("email.opened", "email", ""));
    assert_false(counts("email.bounced", "email", ""));
    assert_false(counts("email.sent", "email", "inbound"));
    assert_false(counts("message.sent", "web", ""));
    assert_false(counts("order.delivered", "pos", ""));
    assert_false(counts("offer.made", "web", ""));
    assert_false(counts("call.answered", "call", ""));
    assert_false(counts("call.answered", "call", "inbound"));
    assert_false(counts("sent", "email", ""));
}

static void
nothing_is_written_for_an_event_that_says_nothing_of_it(void **state)
{
    struct tl_event ev = event("page.viewed", "web", "inbound", T);

    (void)state;
    fold(&ev);
    assert_int_equal(card.has & CARD_CONTACTS, 0);
    assert_int_equal(views_dirty_records(views), 0);
    ev = event("email.sent", "email", "", T);
    fold(&ev);
    assert_int_equal(card.has & CARD_CONTACTS, CARD_CONTACTS);
    assert_int_equal(views_dirty_records(views), 1);
}

static void
one_message_is_one_contact_at_its_latest_time(void **state)
{
    struct tl_message message = {.id = str("<m1>")};
    struct tl_event ev = event("email.delivered", "email", "", T + 2);

    (void)state;
    ev.message = &message;
    fold(&ev);
    ev.type = str("email.sent");
    ev.time = T;
    ev.campaign = str("spring");
    fold(&ev);
    assert_int_equal(kept().count, 1);
    assert_true(kept().entries[0].contact.time == T + 2);
    assert_true(kept().entries[0].contact.number == 1);
    assert_true(kept().entries[0].contact.campaign != 0);
    message.id = str("<m2>");
    fold(&ev);
    assert_int_equal(kept().count, 2);
}

static void
the_newest_are_kept_in_whatever_order_they_come(void **state)
{
    (void)state;
    for (int i = 0; i < 3 * CONTACTS_KEPT_MAX; i++) {
        struct tl_event ev = event("email.sent", "email", "",
                                   T + i * 37 % (3 * CONTACTS_KEPT_MAX) * HOUR);

        fold(&ev);
        assert_int_equal(kept().count, i < CONTACTS_KEPT_MAX ? i + 1 : CONTACTS_KEPT_MAX);
    }
    for (int i = 0; i < CONTACTS_KEPT_MAX; i++)
        assert_true(kept().entries[i].contact.time == T + (3 * CONTACTS_KEPT_MAX - 1 - i) * HOUR);
}

static void
channels_and_purposes_are_apart_and_in_order(void **state)
{
    static const char *const channels[] = {"sms", "email", "push", "email", "chat"};
    static const char *const expected[] = {"chat", "email", "email", "push", "sms"};
    struct tl_attribute purpose = {str("purpose"), str("service")};
    struct contact_record record;

    (void)state;
    for (int i = 0; i < 5; i++) {
        struct tl_event ev = event("message.sent", channels[i], "", T + i);

        ev.attributes = &purpose;
        ev.attributes_count = i == 3;
        fold(&ev);
    }
    record = kept();
    assert_int_equal(record.count, 5);
    for (int i = 0; i < 5; i++)
        assert_true(str_is(record.entries[i].channel, expected[i]));
    assert_int_equal(record.entries[1].purpose.len, 0);
    assert_true(str_is(record.entries[2].purpose, "service"));
}

static void
a_purpose_that_is_no_word_is_none(void **state)
{
    char longest[CHANNEL_BYTES_MAX + 2];
    struct tl_attribute purpose = {str("purpose"), str("Some Words")};
    struct tl_event ev = event("email.sent", "email", "", T);

    (void)state;
    ev.attributes = &purpose;
    ev.attributes_count = 1;
    fold(&ev);
    assert_int_equal(kept().entries[0].purpose.len, 0);
    memset(longest, 'p', sizeof longest);
    purpose.value = (struct tl_str){longest, CHANNEL_BYTES_MAX + 1};
    fold(&ev);
    assert_int_equal(kept().entries[1].purpose.len, 0);
    purpose.value.len--;
    fold(&ev);
    assert_int_equal(kept().entries[2].purpose.len, CHANNEL_BYTES_MAX);
}

static void
as_many_lists_as_the_limit_are_kept_and_no_more(void **state)
{
    char word[16];
    struct tl_attribute purpose = {str("purpose"), {word, 0}};
    struct tl_event ev = event("email.sent", "email", "", T);

    (void)state;
    ev.attributes = &purpose;
    ev.attributes_count = 1;
    for (int i = 0; i < CONTACT_PARTS_MAX + 3; i++) {
        snprintf(word, sizeof word, "p%d", i * 7 % 64);
        purpose.value.len = strlen(word);
        fold(&ev);
        assert_int_equal(kept().count, i < CONTACT_PARTS_MAX ? i + 1 : CONTACT_PARTS_MAX);
    }
    snprintf(word, sizeof word, "p0");
    purpose.value.len = 2;
    fold(&ev);
    assert_int_equal(kept().count, CONTACT_PARTS_MAX + 1);
}

/* -------------------------------------------------------------- reservations */

static void
reserve(const char *name, int64_t time, int64_t until)
{
    char text[CLOCK_TEXT_BYTES];
    struct tl_attribute attributes[] = {
        {str(CONTACT_PURPOSE), str("marketing")},
        {str(CONTACT_RESERVATION), str(name)},
        {str(CONTACT_UNTIL), str(clock_format(text, until))},
    };
    struct tl_event ev = event(CONTACT_RESERVED, "email", "internal", time);

    ev.attributes = attributes;
    ev.attributes_count = 3;
    fold_as(&ev, 1, FRAME_BUS | FRAME_HIDDEN);
}

static void
only_the_bus_reserves(void **state)
{
    struct tl_event ev = event(CONTACT_RESERVED, "email", "", T);

    (void)state;
    fold(&ev);
    assert_int_equal(kept().count, 0);
    reserve("r1", T, T + HOUR);
    assert_int_equal(kept().count, 1);
    assert_true(kept().entries[0].contact.until == T + HOUR);
    assert_true(kept().entries[0].contact.key == contact_name(str("r1")));
}

static void
a_reservation_that_is_over_makes_room_for_the_next(void **state)
{
    char name[16];

    (void)state;
    reserve("r1", T, T + HOUR);
    reserve("r2", T + HOUR - 1, T + 2 * HOUR);
    assert_int_equal(kept().count, 2);
    reserve("r3", T + HOUR, T + 3 * HOUR);
    assert_int_equal(kept().count, 2);
    for (int i = 0; i < CONTACTS_KEPT_MAX + 1; i++) {
        snprintf(name, sizeof name, "s%d", i);
        reserve(name, T + HOUR + 1 + i, T + 3 * HOUR);
    }
    assert_int_equal(kept().count, CONTACTS_KEPT_MAX);
}

static void
an_erased_event_says_nothing(void **state)
{
    struct tl_event ev = event(CONTACT_RESERVED, "email", "", T);

    (void)state;
    fold_as(&ev, 1, FRAME_BUS | FRAME_HIDDEN | FRAME_ERASED);
    ev.type = str("email.sent");
    fold_as(&ev, 1, FRAME_ERASED);
    assert_int_equal(kept().count, 0);
}

/* ------------------------------------------------------ declines, complaints */

static void
the_last_decline_is_kept(void **state)
{
    struct tl_offer_touch touch = {.offer = str("o1"), .outcome = str("declined")};
    struct tl_event ev = event("offer.declined", "call", "inbound", T + 5);

    (void)state;
    ev.offers = &touch;
    ev.offers_count = 1;
    fold(&ev);
    ev.time = T;
    fold(&ev);
    assert_true(kept().declined.time == T + 5 && kept().declined.number == 1);
    touch.outcome = str("accepted");
    ev.time = T + 9;
    fold(&ev);
    assert_true(kept().declined.time == T + 5);
}

static void
complain(const char *type, const char *id, const char *kind, const char *state, int64_t time)
{
    struct tl_feedback feedback = {.id = str(id), .kind = str(kind), .state = str(state)};
    struct tl_event ev = event(type, "web", "inbound", time);

    ev.feedback = &feedback;
    fold(&ev);
}

static size_t
open_complaints(void)
{
    struct contact_record record = kept();
    size_t open = 0;

    for (size_t i = 0; i < record.complaints.count; i++)
        open += record.complaints.items[i].open;
    return open;
}

static void
the_last_word_on_a_complaint_counts(void **state)
{
    (void)state;
    complain("feedback.resolved", "c1", "", "", T + 5);
    complain("feedback.complaint", "c1", "", "", T);
    assert_int_equal(open_complaints(), 0);
    complain("feedback.received", "c1", "complaint", "", T + 6);
    assert_int_equal(open_complaints(), 1);
    complain("feedback.answered", "c1", "complaint", "answered", T + 7);
    assert_int_equal(open_complaints(), 1);
    complain("feedback.updated", "c1", "complaint", "resolved", T + 8);
    assert_int_equal(open_complaints(), 0);
    complain("feedback.review", "c2", "review", "", T + 9);
    assert_int_equal(open_complaints(), 0);
}

static void
the_newest_complaints_are_kept(void **state)
{
    char id[16];

    (void)state;
    for (int i = 0; i < COMPLAINTS_KEPT_MAX + 1; i++) {
        snprintf(id, sizeof id, "c%d", i);
        complain("feedback.complaint", id, "", "", T + i);
    }
    assert_int_equal(open_complaints(), COMPLAINTS_KEPT_MAX);
    assert_true(kept().complaints.items[0].time == T + COMPLAINTS_KEPT_MAX);
    complain("feedback.resolved", id, "", "", T + 100);
    assert_int_equal(open_complaints(), COMPLAINTS_KEPT_MAX - 1);
}

static void
a_torn_record_is_damage(void **state)
{
    struct tl_event ev = event("email.sent", "email", "", T);
    struct frame f = {.number = 9, .time = T, .profile = 1, .type = ev.type,
                      .channel = ev.channel};
    struct contact_record record = {.count = 0};
    unsigned char bytes[256], key[10] = {'P', 0, 0, 0, 0, 0, 0, 0, 1, 'k'};
    struct tl_str value;
    size_t len;

    (void)state;
    fold(&ev);
    complain("feedback.complaint", "c1", "", "", T);
    assert_true(views_get(views, key, sizeof key, &value));
    len = value.len;
    assert_in_range(len, 20, sizeof bytes);
    memcpy(bytes, value.ptr, len);
    for (size_t cut = 1; cut < len; cut++) {
        struct contact_record none = {.count = 0};

        views_put(views, key, sizeof key, bytes, cut);
        if (contact_read(views, 1, &none, &arena) == 0)
            assert_true(none.count == 0);       /* between two parts */
    }
    views_put(views, key, sizeof key, bytes, len - 1);
    assert_int_equal(contact_read(views, 1, &record, &arena), TL_EDAMAGED);
    assert_int_equal(contact_fold(&folding, &card, &f, &ev), TL_EDAMAGED);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_reaches_out_is_a_contact_and_what_comes_in_is_none),
        TEST(nothing_is_written_for_an_event_that_says_nothing_of_it),
        TEST(one_message_is_one_contact_at_its_latest_time),
        TEST(the_newest_are_kept_in_whatever_order_they_come),
        TEST(channels_and_purposes_are_apart_and_in_order),
        TEST(a_purpose_that_is_no_word_is_none),
        TEST(as_many_lists_as_the_limit_are_kept_and_no_more),
        TEST(only_the_bus_reserves),
        TEST(a_reservation_that_is_over_makes_room_for_the_next),
        TEST(an_erased_event_says_nothing),
        TEST(the_last_decline_is_kept),
        TEST(the_last_word_on_a_complaint_counts),
        TEST(the_newest_complaints_are_kept),
        TEST(a_torn_record_is_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
