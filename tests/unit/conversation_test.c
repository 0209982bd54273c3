/* Who spoke, who waits, and what all of it comes to, whatever was told first. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/company.h"
#include "store/conversation.h"
#include "store/fold.h"
#include "store/key.h"
#include "tests/unit/own_views.h"

#define MINUTE (60 * CLOCK_SECOND)
#define DAY (24 * 60 * MINUTE)
#define NOW (400 * DAY)
#define WHO 1

static struct fold fold;
static struct arena arena;
static uint64_t number;

static void
start(void)
{
    own_views_open();
    assert_int_equal(fold_init(&fold, views), 0);
    arena_init(&arena, 4u << 20);
    number = 0;
}

static void
stop(void)
{
    fold_fini(&fold);
    arena_fini(&arena);
    own_views_close();
}

static int
set_up(void **state)
{
    (void)state;
    start();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    stop();
    return 0;
}

/* ---------------------------------------------------------------- the play */

/* One event, times in minutes. */
struct told {
    const char *type;
    int64_t at;
    const char *conversation;
    const char *direction;
    const char *call;
};

static struct tl_str
str(const char *text)
{
    return (struct tl_str){text != NULL ? text : "", text != NULL ? strlen(text) : 0};
}

static int
fold_as(const struct told *t, uint64_t as, uint64_t profile)
{
    char id[32] = "";
    struct tl_feedback said = {.id = str("f")};
    struct tl_commitment promise = {.id = str("p"), .text = str("call back")};
    struct tl_event ev = {.id = str(id), .source = str("test"), .type = str(t->type),
                          .channel = str("email"), .direction = str(t->direction),
                          .conversation = str(t->conversation), .subject = str(t->call)};
    struct frame f = {.number = as, .time = t->at * MINUTE, .profile = profile,
                      .type = ev.type, .channel = ev.channel};

    snprintf(id, sizeof id, "%llu", (unsigned long long)as);
    ev.id = str(id);
    if (strncmp(t->type, "feedback.", 9) == 0)
        ev.feedback = &said;
    if (strncmp(t->type, "commitment.", 11) == 0) {
        ev.commitments = &promise;
        ev.commitments_count = 1;
    }
    return fold_event(&fold, &f, &ev);
}

static void
tell(const struct told *t)
{
    assert_int_equal(fold_as(t, ++number, WHO), 0);
}

static void
say(const char *type, int64_t at, const char *conversation)
{
    tell(&(struct told){type, at, conversation, NULL, NULL});
}

static struct relationship_sums joined;

static size_t
ask(int64_t now, struct conversation_listed **out)
{
    static const uint64_t who[] = {WHO};
    const struct conversation_query query = {views, who, 1, now, &arena};
    size_t count;

    joined = (struct relationship_sums){{0}};
    assert_int_equal(conversation_list(&query, out, &count, &joined), 0);
    return count;
}

static struct tl_conversation
only(int64_t now)
{
    struct conversation_listed *listed;

    assert_int_equal(ask(now, &listed), 1);
    return listed[0].shown;
}

static const struct tl_relationship *
company(void)
{
    struct relationship all;
    struct tl_relationship *out;

    company_read(&fold.counters, &all);
    out = relationship_answer(&all, &arena);
    assert_non_null(out);
    return out;
}

/* ------------------------------------------------------------ conversations */

static void
the_first_answer_is_our_first_word_after_his(void **state)
{
    (void)state;
    say("email.sent", 9, "c");
    say("email.received", 5, "c");
    say("email.sent", 7, "c");
    assert_int_equal(only(NOW).asked, 5 * MINUTE);
    assert_int_equal(only(NOW).answered, 7 * MINUTE);
    assert_int_equal(only(NOW).response_ms, 120000);
    say("email.received", 3, "c");      /* told late */
    assert_int_equal(only(NOW).response_ms, 240000);
}

static void
he_waits_until_we_speak_or_it_is_closed(void **state)
{
    (void)state;
    say("email.sent", 1, "c");
    say("email.received", 5, "c");
    assert_int_equal(only(NOW).unanswered, 5 * MINUTE);
    say("email.sent", 5, "c");
    assert_int_equal(only(NOW).unanswered, 0);
    say("email.received", 6, "c");
    assert_int_equal(only(NOW).unanswered, 6 * MINUTE);
    say("conversation.closed", 7, "c");
    assert_int_equal(only(NOW).unanswered, 0);
    assert_false(only(NOW).open);
    say("email.received", 8, "c");
    assert_int_equal(only(NOW).unanswered, 8 * MINUTE);
    assert_true(only(NOW).open);
}

static void
what_was_closed_is_opened_by_a_later_word_and_not_by_a_late_one(void **state)
{
    (void)state;
    say("email.sent", 10, "c");
    say("conversation.closed", 20, "c");
    say("email.sent", 15, "c");
    say("note.added", 30, "c");
    assert_false(only(30 * MINUTE).open);
    assert_int_equal(only(30 * MINUTE).last_time, 30 * MINUTE);
    say("conversation.opened", 25, "c");
    assert_true(only(30 * MINUTE).open);
}

static void
after_thirty_days_of_silence_it_is_over_unless_he_waits(void **state)
{
    (void)state;
    say("email.sent", 10, "c");
    assert_true(only(10 * MINUTE + CONVERSATION_SILENT_DAYS * DAY).open);
    assert_false(only(10 * MINUTE + CONVERSATION_SILENT_DAYS * DAY + 1).open);
    say("email.received", 11, "c");
    assert_true(only(NOW).open);
}

static void
those_in_which_he_waits_lead_then_what_is_open(void **state)
{
    static const char *const order[] = {"waits", "open", "later", "closed"};
    struct conversation_listed *listed;

    (void)state;
    say("email.sent", 90, "closed");
    say("conversation.closed", 91, "closed");
    say("email.sent", 50, "later");
    say("email.sent", 60, "open");
    say("email.received", 10, "waits");
    assert_int_equal(ask(NOW, &listed), 4);
    for (size_t i = 0; i < 4; i++)
        assert_true(str_is(listed[i].shown.id, order[i]));
}

static void
of_a_thousand_the_first_of_each_kind_are_listed(void **state)
{
    struct conversation_listed *listed;
    char id[16];

    (void)state;
    say("email.received", 1, "waits");
    for (int i = 0; i < 1000; i++) {
        snprintf(id, sizeof id, "c%d", i);
        say("email.sent", 10 + i, id);
    }
    assert_int_equal(ask(NOW, &listed), 1 + CONVERSATIONS_LISTED_MAX);
    assert_true(str_is(listed[0].shown.id, "waits"));
    assert_true(str_is(listed[1].shown.id, "c999"));
    assert_int_equal(company()->conversations, 1001);
}

static void
of_our_words_the_first_are_looked_through_and_the_last(void **state)
{
    (void)state;
    say("conversation.opened", 1, "c");
    for (int i = 0; i < CONVERSATION_WORDS_MAX - 1; i++)
        say("email.sent", 10 + i, "c");
    say("email.received", 9, "c");
    say("email.sent", 90, "c");         /* the last that is kept among the first */
    assert_int_equal(only(NOW).answered, 10 * MINUTE);
    say("email.sent", 91, "c");
    say("email.sent", 92, "c");
    say("email.received", 2, "c");
    assert_int_equal(only(NOW).response_ms, 8 * 60000);
}

static void
channels_and_calls_are_bounded(void **state)
{
    char call[16];

    (void)state;
    for (int i = 0; i <= CONVERSATION_CALLS_MAX; i++) {
        snprintf(call, sizeof call, "l%d", i);
        for (int twice = 0; twice < 2; twice++)
            tell(&(struct told){"call.offered", 1, "c", "inbound", call});
        assert_int_equal(company()->his, i < CONVERSATION_CALLS_MAX ? i + 1 : i);
    }
}

static void
a_call_is_one_however_often_it_is_told_of(void **state)
{
    static const char *const words[] = {"call.ended", "call.answered", "call.offered",
                                        "call.ended"};

    (void)state;
    for (int i = 0; i < 4; i++)
        tell(&(struct told){words[i], 9 - 2 * i, NULL, "inbound", "l"});
    assert_int_equal(company()->his, 1);
    assert_int_equal(company()->heard, 1);
    assert_int_equal(company()->answered, 1);
    assert_int_equal(only(NOW).events, 4);
    assert_false(only(NOW).open);
}

static void
a_call_about_a_conversation_does_not_close_it(void **state)
{
    (void)state;
    say("email.received", 1, "c");
    tell(&(struct told){"call.answered", 5, "c", "outbound", "l"});
    tell(&(struct told){"call.ended", 9, "c", "outbound", "l"});
    assert_int_equal(only(9 * MINUTE).unanswered, 0);
    assert_true(only(9 * MINUTE).open);
    assert_int_equal(only(NOW).response_ms, 240000);
}

/* ------------------------------------------------------ the sum of all of it */

static const struct told story[] = {
    {"email.sent", 1, NULL, NULL, NULL},
    {"email.delivered", 2, NULL, NULL, NULL},
    {"email.opened", 3, NULL, "inbound", NULL},
    {"email.received", 10, "c", NULL, NULL},
    {"email.sent", 40, "c", NULL, NULL},
    {"email.received", 50, "c", NULL, NULL},
    {"call.offered", 60, NULL, "inbound", "l"},
    {"call.answered", 61, NULL, "inbound", "l"},
    {"call.ended", 69, NULL, "inbound", "l"},
    {"conversation.closed", 70, "c", NULL, NULL},
    {"feedback.complaint", 80, NULL, NULL, NULL},
    {"feedback.answered", 95, NULL, NULL, NULL},
    {"commitment.made", 5, NULL, NULL, NULL},
    {"commitment.kept", 6, NULL, NULL, NULL},
};

#define STORY (sizeof(story) / sizeof(story[0]))

static void
expect_story(const struct tl_relationship *r)
{
    assert_int_equal(r->ours, 3);               /* two sent, and the answered complaint */
    assert_int_equal(r->his, 4);                /* two messages, a call, a complaint */
    assert_int_equal(r->ours_percent, 43);
    assert_int_equal(r->opened, 1);
    assert_int_equal(r->conversations, 2);
    assert_int_equal(r->begun, 0);
    assert_int_equal(r->heard, 3);
    assert_int_equal(r->answered, 3);
    assert_int_equal(r->unanswered, 0);
    assert_int_equal(r->promises_kept, 1);
    assert_int_equal(r->kept_percent, 100);
    assert_int_equal(r->responses, 3);
    assert_int_equal(r->response_mean_ms, (30 + 1 + 15) * 60000 / 3);
    assert_int_equal(r->response_within_count, 3);
}

static void
in_whatever_order_it_is_told_it_comes_to_the_same(void **state)
{
    uint64_t dice = 1;

    (void)state;
    for (int round = 0; round < 50; round++) {
        size_t order[STORY];

        for (size_t i = 0; i < STORY; i++)
            order[i] = i;
        for (size_t i = STORY - 1; i > 0 && round > 0; i--) {
            size_t other, one = order[i];

            dice = dice * 6364136223846793005u + 1442695040888963407u;
            other = (size_t)(dice >> 33) % (i + 1);
            order[i] = order[other];
            order[other] = one;
        }
        for (size_t i = 0; i < STORY; i++)
            tell(&story[order[i]]);
        expect_story(company());
        stop();
        start();
    }
}

/* What lies under 'G' and not in the counters' memory, as text. */
static size_t
sums(unsigned char *out, size_t room, bool restore, const unsigned char *kept, size_t kept_len)
{
    struct views_walk w;
    size_t len = 0;
    bool more;

    if (!restore) {
        fold_store(&fold);
        for (more = views_first(&w, views, "G", 1, NULL, 0, false); more; more = views_next(&w)) {
            uint16_t lens[2] = {(uint16_t)w.key.len, (uint16_t)w.value.len};

            assert_true(len + sizeof lens + w.key.len + w.value.len <= room);
            memcpy(out + len, lens, sizeof lens);
            memcpy(out + len + sizeof lens, w.key.ptr, w.key.len);
            memcpy(out + len + sizeof lens + w.key.len, w.value.ptr, w.value.len);
            len += sizeof lens + w.key.len + w.value.len;
        }
        views_end(&w);
        return len;
    }
    for (;;) {
        unsigned char key[KEY_BYTES_MAX];
        size_t key_len = 0;

        if (views_first(&w, views, "G", 1, NULL, 0, false)) {
            key_len = w.key.len;
            memcpy(key, w.key.ptr, key_len);
        }
        views_end(&w);
        if (key_len == 0)
            break;
        views_delete(views, key, key_len);
    }
    for (size_t at = 0; at < kept_len;) {
        uint16_t lens[2];

        memcpy(lens, kept + at, sizeof lens);
        at += sizeof lens;
        views_put(views, kept + at, lens[0], kept + at + lens[0], lens[1]);
        at += (size_t)lens[0] + lens[1];
    }
    return 0;
}

/* As after a crash between the profiles' transactions and the last one. */
static void
sums_catch_up_with_profiles_that_are_ahead(void **state)
{
    static unsigned char kept[1 << 16], all[1 << 16], again[1 << 16];

    (void)state;
    for (size_t checkpoint = 0; checkpoint <= STORY; checkpoint++) {
        size_t kept_len = 0, all_len;

        for (size_t i = 0; i < STORY; i++) {
            if (i == checkpoint)
                kept_len = sums(kept, sizeof kept, false, NULL, 0);
            tell(&story[i]);
        }
        all_len = sums(all, sizeof all, false, NULL, 0);
        if (checkpoint < STORY) {
            sums(NULL, 0, true, kept, kept_len);
            fold_fini(&fold);
            assert_int_equal(fold_init(&fold, views), 0);
            fold.ahead = STORY;
            for (size_t i = checkpoint; i < STORY; i++)
                assert_int_equal(fold_as(&story[i], i + 1, WHO), 0);
        }
        expect_story(company());
        assert_int_equal(sums(again, sizeof again, false, NULL, 0), all_len);
        assert_memory_equal(again, all, all_len);
        stop();
        start();
    }
}

static void
response_times_fall_into_classes_that_end_where_they_say(void **state)
{
    struct relationship_sums sum = {{0}};

    (void)state;
    relationship_response(&sum, 1, 1 + MINUTE);
    assert_int_equal(sum.of[RELATIONSHIP_WITHIN], 1);
    relationship_response(&sum, 1, 2 + MINUTE);
    assert_int_equal(sum.of[RELATIONSHIP_WITHIN + 1], 1);
    relationship_response(&sum, 1, 2 + 7 * DAY);
    assert_int_equal(sum.of[RELATIONSHIP_WITHIN + RELATIONSHIP_WITHIN_COUNT - 1], 1);
    relationship_response(&sum, 5 * MINUTE, MINUTE);    /* answered before it was heard */
    assert_int_equal(sum.of[RELATIONSHIP_WITHIN], 2);
    relationship_response(&sum, MINUTE, 0);
    relationship_response(&sum, 0, MINUTE);
    assert_int_equal(sum.of[RELATIONSHIP_RESPONSES], 4);
}

static void
what_lies_on_a_card_is_read_with_care(void **state)
{
    static const char *const bad[] = {"\xff\x01", "\x05", "\x05\x80", "\x05\x01\x04\x01"};
    struct spoken said = {.word = SPOKEN_HIS, .by = SPOKEN_EMAIL};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct tl_str kept = str(bad[i]);

        assert_int_equal(relationship_change(&kept, &said, NULL, &arena), TL_EDAMAGED);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(the_first_answer_is_our_first_word_after_his),
        TEST(he_waits_until_we_speak_or_it_is_closed),
        TEST(what_was_closed_is_opened_by_a_later_word_and_not_by_a_late_one),
        TEST(after_thirty_days_of_silence_it_is_over_unless_he_waits),
        TEST(those_in_which_he_waits_lead_then_what_is_open),
        TEST(of_a_thousand_the_first_of_each_kind_are_listed),
        TEST(of_our_words_the_first_are_looked_through_and_the_last),
        TEST(channels_and_calls_are_bounded),
        TEST(a_call_is_one_however_often_it_is_told_of),
        TEST(a_call_about_a_conversation_does_not_close_it),
        TEST(in_whatever_order_it_is_told_it_comes_to_the_same),
        TEST(sums_catch_up_with_profiles_that_are_ahead),
        TEST(response_times_fall_into_classes_that_end_where_they_say),
        TEST(what_lies_on_a_card_is_read_with_care),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
