#include "tests/unit/stand_in.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/connection.h"
#include "proto/valid.h"

struct test {
    struct stand_in broker;
    struct tl_client *client;
    struct tl_answer last;
    char last_position[64], last_detail[64];
    uint64_t tags[8192];
    int codes[8192];
    size_t answers;
};

static void
answered(void *arg, const struct tl_answer *a)
{
    struct test *t = arg;

    t->last = *a;
    snprintf(t->last_position, sizeof t->last_position, "%.*s", (int)a->position.len,
             a->position.len > 0 ? a->position.ptr : "");
    snprintf(t->last_detail, sizeof t->last_detail, "%.*s", (int)a->detail.len,
             a->detail.len > 0 ? a->detail.ptr : "");
    if (t->answers < 8192) {
        t->tags[t->answers] = a->tag;
        t->codes[t->answers] = a->code;
    }
    t->answers++;
}

static void
connect_to(struct test *t, int timeout_ms)
{
    struct tl_options options = {
        .endpoint = t->broker.endpoint,
        .name = "test",
        .timeout_ms = timeout_ms,
        .answered = answered,
        .arg = t,
    };

    assert_int_equal(tl_open(&t->client, &options), 0);
    t->broker.client = t->client;
}

static int
setup(void **state)
{
    static struct test t;

    t = (struct test){0};
    stand_in_open(&t.broker);
    *state = &t;
    return 0;
}

static int
teardown(void **state)
{
    struct test *t = *state;

    tl_close(&t->client);
    stand_in_close(&t->broker);
    return 0;
}

static void
publish_text(struct test *t, const char *text, uint64_t tag)
{
    struct tl_str event = {text, strlen(text)};

    assert_int_equal(tl_publish_bytes(t->client, event, tag), 0);
}

/* Acknowledges the publish request taken last, from event number `first` on. */
static void
ack(struct test *t, uint64_t first)
{
    struct wire_event_answer answers[2048] = {0};
    struct wire_publish_ack body = {TL_STR(LOG_ID), answers,
                                    t->broker.request.publish->events_count};
    struct wire_reply reply = {.publish = &body};

    for (size_t i = 0; i < body.answers_count; i++)
        answers[i].number = first + i;
    stand_in_say(&t->broker, &reply);
}

static void
assert_event(const struct test *t, size_t i, const char *text)
{
    const struct wire_publish *publish = t->broker.request.publish;

    assert_non_null(publish);
    assert_true(i < publish->events_count);
    assert_int_equal(publish->events[i].len, strlen(text));
    assert_memory_equal(publish->events[i].ptr, text, strlen(text));
}

/* ----------------------------------------------------------------- publish */

static void
an_event_is_published_after_the_welcome_and_answered_with_its_tag(void **state)
{
    struct test *t = *state;

    connect_to(t, 1000);
    publish_text(t, "one", 77);
    stand_in_take(&t->broker);
    assert_non_null(t->broker.request.hello);
    assert_int_equal(t->broker.request.hello->version, WIRE_VERSION);
    assert_false(stand_in_has(&t->broker, 3, NOT_MS / 3));

    {
        struct wire_welcome welcome = {.version = 1};
        struct wire_reply reply = {.welcome = &welcome};

        stand_in_say(&t->broker, &reply);
    }
    stand_in_take(&t->broker);
    assert_event(t, 0, "one");
    assert_int_equal(tl_unanswered(t->client), 1);
    ack(t, 5);
    settle(&t->broker, t->answers == 1);
    assert_int_equal(t->last.tag, 77);
    assert_int_equal(t->last.code, 0);
    assert_string_equal(t->last_position, LOG_ID "-0000000000000005");
    assert_int_equal(tl_unanswered(t->client), 0);
}

static void
events_published_without_a_pause_travel_together(void **state)
{
    struct test *t = *state;

    connect_to(t, 1000);
    stand_in_welcome(&t->broker, 8);
    tl_poll(t->client, -1, 100);
    publish_text(t, "one", 1);
    publish_text(t, "two", 2);
    publish_text(t, "three", 3);
    stand_in_take(&t->broker);
    assert_int_equal(t->broker.request.publish->events_count, 3);
    assert_event(t, 2, "three");
}

static void
a_batch_holds_1000_events_and_not_one_more(void **state)
{
    struct test *t = *state;

    connect_to(t, 1000);
    stand_in_welcome(&t->broker, 8);
    for (uint64_t i = 0; i < 1001; i++)
        publish_text(t, "e", i);
    stand_in_take(&t->broker);
    assert_int_equal(t->broker.request.publish->events_count, 1000);
    ack(t, 1);
    stand_in_take(&t->broker);
    assert_int_equal(t->broker.request.publish->events_count, 1);
    ack(t, 1001);
    settle(&t->broker, t->answers == 1001);
    for (uint64_t i = 0; i < 1001; i++)
        assert_int_equal(t->tags[i], i);
}

static void
a_batch_stays_within_a_mebibyte(void **state)
{
    static char event[EVENT_BYTES_MAX];
    struct test *t = *state;
    size_t taken = 0;

    memset(event, 'x', sizeof event);
    connect_to(t, 1000);
    stand_in_welcome(&t->broker, 8);
    for (uint64_t i = 0; i < 40; i++)
        assert_int_equal(tl_publish_bytes(t->client, (struct tl_str){event, sizeof event}, i), 0);
    while (taken < 40) {
        stand_in_take(&t->broker);
        assert_true(zmq_msg_size(&t->broker.msg) <= BATCH_BYTES_MAX);
        taken += t->broker.request.publish->events_count;
        ack(t, taken);
    }
    settle(&t->broker, t->answers == 40);
}

static void
an_event_that_fits_no_batch_is_not_taken(void **state)
{
    static char event[BATCH_BYTES_MAX];
    struct test *t = *state;
    struct tl_str fits = {event, BATCH_BYTES_MAX - 16}, one_more = {event, fits.len + 1};

    connect_to(t, 1000);
    assert_int_equal(tl_publish_bytes(t->client, one_more, 1), TL_TOO_LARGE);
    assert_int_equal(tl_unanswered(t->client), 0);
    assert_int_equal(tl_publish_bytes(t->client, fits, 2), 0);
    stand_in_welcome(&t->broker, 8);
    stand_in_take(&t->broker);
    assert_true(zmq_msg_size(&t->broker.msg) <= BATCH_BYTES_MAX);
}

static void
a_full_window_takes_no_more_and_says_so_in_time(void **state)
{
    struct test *t = *state;

    connect_to(t, 50);
    stand_in_welcome(&t->broker, 2);
    tl_poll(t->client, -1, 100);
    publish_text(t, "one", 1);
    stand_in_take(&t->broker);
    publish_text(t, "two", 2);
    stand_in_take(&t->broker);
    assert_int_equal(tl_publish_bytes(t->client, TL_STR("three"), 3), TL_EAWAY);
    assert_int_equal(tl_unanswered(t->client), 2);
    ack(t, 2);
    settle(&t->broker, t->answers == 1);
    publish_text(t, "three", 3);
    stand_in_take(&t->broker);
    assert_event(t, 0, "three");
}

static void
without_a_broker_publishing_ends_at_the_window(void **state)
{
    struct test *t = *state;
    int err = 0;

    stand_in_unbind(&t->broker);
    connect_to(t, 50);
    for (uint64_t i = 0; i < 9000 && err == 0; i++)
        err = tl_publish_bytes(t->client, TL_STR("e"), i);
    assert_int_equal(err, TL_EAWAY);
    assert_int_equal(tl_unanswered(t->client), 8000);
    assert_int_equal(tl_flush(t->client, 20), TL_EAWAY);
    stand_in_bind(&t->broker);
    tl_close(&t->client);
    t->broker.client = NULL;
    assert_int_equal(t->answers, 8000);
    assert_int_equal(t->last.code, TL_ECLOSED);
}

static void
what_was_not_answered_is_sent_again_in_order_to_a_broker_that_forgot_us(void **state)
{
    struct test *t = *state;
    uint64_t first, second;

    connect_to(t, 1000);
    stand_in_welcome(&t->broker, 8);
    tl_poll(t->client, -1, 100);
    publish_text(t, "one", 1);
    stand_in_take(&t->broker);
    first = t->broker.request.id;
    publish_text(t, "two", 2);
    stand_in_take(&t->broker);
    second = t->broker.request.id;
    stand_in_refuse(&t->broker, first, TL_NO_SESSION, 0);
    stand_in_refuse(&t->broker, second, TL_NO_SESSION, 0);
    stand_in_welcome(&t->broker, 8);
    stand_in_take(&t->broker);
    assert_event(t, 0, "one");
    ack(t, 1);
    stand_in_take(&t->broker);
    assert_event(t, 0, "two");
    ack(t, 2);
    settle(&t->broker, t->answers == 2);
    assert_int_equal(t->tags[0], 1);
    assert_int_equal(t->tags[1], 2);
}

static void
what_was_not_answered_is_sent_again_to_a_broker_that_restarted(void **state)
{
    struct test *t = *state;

    connect_to(t, 1000);
    stand_in_welcome(&t->broker, 8);
    publish_text(t, "one", 1);
    stand_in_take(&t->broker);
    assert_event(t, 0, "one");
    stand_in_unbind(&t->broker);
    publish_text(t, "two", 2);
    tl_poll(t->client, -1, 20);
    stand_in_bind(&t->broker);
    stand_in_welcome(&t->broker, 8);
    stand_in_take(&t->broker);
    assert_event(t, 0, "one");
    ack(t, 1);
    stand_in_take(&t->broker);
    assert_event(t, 0, "two");
    ack(t, 2);
    settle(&t->broker, t->answers == 2);
}

static void
a_late_answer_to_an_earlier_sending_is_nobodys(void **state)
{
    struct test *t = *state;
    struct wire_event_answer late = {.number = 99};
    struct wire_publish_ack body = {TL_STR(LOG_ID), &late, 1};
    struct wire_reply reply = {.publish = &body};

    connect_to(t, 1000);
    stand_in_welcome(&t->broker, 8);
    publish_text(t, "one", 1);
    stand_in_take(&t->broker);
    reply.id = t->broker.request.id;
    stand_in_refuse(&t->broker, reply.id, TL_NO_SESSION, 0);
    stand_in_welcome(&t->broker, 8);
    stand_in_take(&t->broker);
    assert_event(t, 0, "one");
    stand_in_say(&t->broker, &reply);
    tl_poll(t->client, -1, NOT_MS);
    assert_int_equal(t->answers, 0);
    ack(t, 1);
    settle(&t->broker, t->answers == 1);
}

static void
busy_events_are_sent_again_before_later_ones_after_the_time_asked_for(void **state)
{
    struct wire_event_answer answers[3] = {
        {.number = 1}, {.code = TL_BUSY, .retry_after_ms = 80}, {.number = 2}};
    struct wire_publish_ack body = {TL_STR(LOG_ID), answers, 3};
    struct wire_reply reply = {.publish = &body};
    struct test *t = *state;

    connect_to(t, 1000);
    stand_in_welcome(&t->broker, 8);
    tl_poll(t->client, -1, 100);
    publish_text(t, "one", 1);
    publish_text(t, "busy", 2);
    publish_text(t, "three", 3);
    stand_in_take(&t->broker);
    stand_in_say(&t->broker, &reply);
    settle(&t->broker, t->answers == 2);
    assert_int_equal(t->tags[0], 1);
    assert_int_equal(t->tags[1], 3);
    publish_text(t, "four", 4);
    assert_false(stand_in_has(&t->broker, 3, 10));
    stand_in_take(&t->broker);
    assert_int_equal(t->broker.request.publish->events_count, 1);
    assert_event(t, 0, "busy");
    ack(t, 3);
    stand_in_take(&t->broker);
    assert_event(t, 0, "four");
    ack(t, 4);
    settle(&t->broker, t->answers == 4);
    assert_int_equal(t->tags[2], 2);
}

static void
a_busy_broker_gets_the_whole_batch_again(void **state)
{
    struct test *t = *state;

    connect_to(t, 1000);
    stand_in_welcome(&t->broker, 8);
    publish_text(t, "one", 1);
    stand_in_take(&t->broker);
    stand_in_refuse(&t->broker, t->broker.request.id, TL_BUSY, 30);
    assert_false(stand_in_has(&t->broker, 2, 10));
    stand_in_take(&t->broker);
    assert_event(t, 0, "one");
    assert_int_equal(t->answers, 0);
}

static void
a_refused_batch_refuses_each_event_with_the_sentence(void **state)
{
    struct test *t = *state;

    connect_to(t, 1000);
    stand_in_welcome(&t->broker, 8);
    publish_text(t, "one", 1);
    publish_text(t, "two", 2);
    stand_in_take(&t->broker);
    stand_in_refuse(&t->broker, t->broker.request.id, TL_FORBIDDEN, 0);
    settle(&t->broker, t->answers == 2);
    assert_int_equal(t->codes[0], TL_FORBIDDEN);
    assert_int_equal(t->codes[1], TL_FORBIDDEN);
    assert_string_equal(t->last_detail, "no");
    assert_string_equal(t->last_position, "");
    assert_int_equal(tl_flush(t->client, 100), 0);
}

static void
an_acknowledgement_of_another_length_is_none(void **state)
{
    struct wire_event_answer answers[2] = {{.number = 1}, {.number = 2}};
    struct wire_publish_ack body = {TL_STR(LOG_ID), answers, 2};
    struct wire_reply reply = {.publish = &body};
    struct test *t = *state;

    connect_to(t, 1000);
    stand_in_welcome(&t->broker, 8);
    publish_text(t, "one", 1);
    stand_in_take(&t->broker);
    stand_in_say(&t->broker, &reply);
    assert_int_equal(tl_flush(t->client, 1000), TL_EFORMAT);
    assert_int_equal(t->answers, 0);
}

static void
a_broker_of_another_version_refuses_everything(void **state)
{
    struct test *t = *state;

    connect_to(t, 1000);
    publish_text(t, "one", 1);
    stand_in_take(&t->broker);
    assert_non_null(t->broker.request.hello);
    stand_in_refuse(&t->broker, t->broker.request.id, TL_UNSUPPORTED, 0);
    assert_int_equal(tl_flush(t->client, 1000), TL_UNSUPPORTED);
}

/* ----------------------------------------------------------------- queries */

struct asked {
    int replies;
    int code;
    uint64_t events;
};

static void
replied(void *arg, struct tl_reply *reply)
{
    struct asked *a = arg;

    a->replies++;
    a->code = tl_reply_code(reply);
    if (tl_reply_stat(reply) != NULL)
        a->events = tl_reply_stat(reply)->events;
    tl_reply_free(&reply);
}

static void
answer_stat(struct test *t, uint64_t id, uint64_t events)
{
    struct tl_stat stat = {.events = events};
    struct wire_reply reply = {.id = id, .stat = &stat};

    stand_in_say(&t->broker, &reply);
}

static void
questions_in_flight_are_answered_in_any_order(void **state)
{
    struct test *t = *state;
    struct asked asked[32] = {0};
    uint64_t ids[32];

    connect_to(t, 1000);
    for (size_t i = 0; i < 32; i++)
        assert_int_equal(tl_ask(t->client, TL_ASK_STAT, NULL, NULL, replied, &asked[i]), 0);
    stand_in_welcome(&t->broker, 8);
    for (size_t i = 0; i < 32; i++) {
        stand_in_take(&t->broker);
        assert_non_null(t->broker.request.stat);
        ids[i] = t->broker.request.id;
    }
    for (size_t i = 32; i-- > 0;)
        answer_stat(t, ids[i], i);
    for (size_t i = 0; i < 32; i++) {
        settle(&t->broker, asked[i].replies == 1);
        assert_int_equal(asked[i].events, i);
    }
}

static void
a_question_is_asked_again_after_a_restart(void **state)
{
    struct test *t = *state;
    struct asked asked = {0};

    connect_to(t, 5000);
    assert_int_equal(tl_ask(t->client, TL_ASK_STAT, NULL, NULL, replied, &asked), 0);
    stand_in_welcome(&t->broker, 8);
    stand_in_take(&t->broker);
    stand_in_unbind(&t->broker);
    stand_in_bind(&t->broker);
    stand_in_welcome(&t->broker, 8);
    stand_in_take(&t->broker);
    answer_stat(t, t->broker.request.id, 3);
    settle(&t->broker, asked.replies == 1);
    assert_int_equal(asked.events, 3);
}

/* What was asked may have been reserved, and its answer lost. */
static void
a_reservation_is_asked_for_again_by_the_same_name(void **state)
{
    struct test *t = *state;
    struct tl_query query = {.channel = "email", .purpose = "marketing", .reserve = true};
    struct asked asked[2] = {0};
    char names[2][64];

    connect_to(t, 5000);
    for (int i = 0; i < 2; i++)
        assert_int_equal(tl_ask(t->client, TL_ASK_MAY_CONTACT, "loyalty:1", &query, replied,
                                &asked[i]), 0);
    stand_in_welcome(&t->broker, 8);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 2; i++) {
            struct tl_str name;

            stand_in_take(&t->broker);
            name = t->broker.request.may_contact->reservation;
            assert_in_range(name.len, 16, 63);
            if (round == 0) {
                snprintf(names[i], sizeof names[i], "%.*s", (int)name.len, name.ptr);
                continue;
            }
            assert_memory_equal(names[i], name.ptr, name.len);
            stand_in_refuse(&t->broker, t->broker.request.id, TL_BAD_REQUEST, 0);
        }
        if (round == 0) {
            stand_in_unbind(&t->broker);
            stand_in_bind(&t->broker);
            stand_in_welcome(&t->broker, 8);
        }
    }
    assert_string_not_equal(names[0], names[1]);
    settle(&t->broker, asked[0].replies == 1 && asked[1].replies == 1);
}

static void
a_question_nobody_answers_ends_in_time(void **state)
{
    struct test *t = *state;
    struct tl_reply *reply;
    int64_t began = clock_monotonic();

    stand_in_unbind(&t->broker);
    connect_to(t, 60);
    assert_int_equal(tl_stat(t->client, &reply), TL_EAWAY);
    assert_null(reply);
    assert_true(clock_monotonic() - began >= 60 * CLOCK_MS);
    assert_true(clock_monotonic() - began < 2 * CLOCK_SECOND);
    stand_in_bind(&t->broker);
}

static void
a_refusal_has_its_code_and_sentence(void **state)
{
    struct test *t = *state;
    struct asked asked = {0};

    connect_to(t, 1000);
    assert_int_equal(tl_ask(t->client, TL_ASK_CONTEXT, "loyalty:1", NULL, replied, &asked), 0);
    stand_in_welcome(&t->broker, 8);
    stand_in_take(&t->broker);
    assert_non_null(t->broker.request.context);
    assert_memory_equal(t->broker.request.context->customer.ptr, "loyalty:1", 9);
    stand_in_refuse(&t->broker, t->broker.request.id, TL_NOT_FOUND, 0);
    settle(&t->broker, asked.replies == 1);
    assert_int_equal(asked.code, TL_NOT_FOUND);
}

static void
closing_answers_what_was_asked(void **state)
{
    struct test *t = *state;
    struct asked asked = {0};

    connect_to(t, 1000);
    assert_int_equal(tl_ask(t->client, TL_ASK_STAT, NULL, NULL, replied, &asked), 0);
    tl_close(&t->client);
    t->broker.client = NULL;
    assert_int_equal(asked.replies, 1);
    assert_int_equal(asked.code, TL_ECLOSED);
}

/* ----------------------------------------------------------------- streams */

static void
open_stream(struct test *t, struct tl_stream **stream, bool follow)
{
    static const char *const types[] = {"offer.*"};
    struct tl_stream_options options = {.follow = follow, .types = types, .types_count = 1};

    connect_to(t, 1000);
    assert_int_equal(tl_stream_open(t->client, &options, stream), 0);
    stand_in_welcome(&t->broker, 8);
    stand_in_take(&t->broker);
    assert_non_null(t->broker.request.stream);
}

/* Delivers events first..last and says that all up to `seen` was looked at. */
static void
deliver(struct test *t, uint64_t stream, uint64_t first, uint64_t last, const char *seen)
{
    struct wire_stream_event events[600];
    struct wire_stream_batch batch = {.stream = stream, .log = TL_STR(LOG_ID), .events = events,
                                      .position = {seen, strlen(seen)}};
    struct wire_reply reply = {.stream = &batch};

    for (uint64_t n = first; n <= last; n++)
        events[batch.events_count++] = (struct wire_stream_event){n, 1000, 7, TL_STR("")};
    stand_in_say(&t->broker, &reply);
}

static void
assert_next(struct tl_stream *stream, uint64_t number)
{
    const struct tl_stream_event *ev;

    assert_int_equal(tl_stream_next(stream, 2000, &ev), 0);
    assert_non_null(ev);
    assert_int_equal(ev->number, number);
}

static void
a_stream_delivers_in_order_and_knows_its_position(void **state)
{
    struct test *t = *state;
    struct tl_stream *stream;
    const struct tl_stream_event *ev;
    char position[TL_POSITION_BYTES + 1];

    open_stream(t, &stream, true);
    assert_true(t->broker.request.stream->follow);
    assert_int_equal(t->broker.request.stream->filter->types_count, 1);
    tl_stream_position(stream, position);
    assert_string_equal(position, "");
    deliver(t, t->broker.request.stream->stream, 1, 2, LOG_ID "-0000000000000009");
    assert_next(stream, 1);
    tl_stream_position(stream, position);
    assert_string_equal(position, LOG_ID "-0000000000000001");
    assert_next(stream, 2);
    assert_int_equal(tl_stream_next(stream, 0, &ev), 0);
    assert_null(ev);
    tl_stream_position(stream, position);
    assert_string_equal(position, LOG_ID "-0000000000000009");
    tl_stream_close(&stream);
    stand_in_take(&t->broker);
    assert_non_null(t->broker.request.stream_close);
}

static void
the_whole_event_has_what_the_broker_set(void **state)
{
    struct test *t = *state;
    struct tl_stream *stream;
    struct tl_event *ev;
    struct tl_str bytes;

    open_stream(t, &stream, true);
    assert_int_equal(tl_stream_whole(stream, &bytes), TL_EARGUMENT);
    deliver(t, t->broker.request.stream->stream, 1, 1, LOG_ID "-0000000000000001");
    assert_next(stream, 1);
    assert_int_equal(tl_stream_whole(stream, &bytes), 0);
    assert_int_equal(tl_event_decode(bytes, &ev), 0);
    assert_memory_equal(ev->position.ptr, LOG_ID "-0000000000000001", TL_POSITION_BYTES);
    assert_int_equal(ev->received_time, 1000);
    assert_memory_equal(ev->profile.ptr, "7", 1);
    tl_event_free(&ev);
    tl_stream_close(&stream);
}

static void
a_stream_goes_on_after_a_restart_where_it_was(void **state)
{
    struct test *t = *state;
    struct tl_stream *stream;

    open_stream(t, &stream, true);
    deliver(t, t->broker.request.stream->stream, 1, 2, LOG_ID "-0000000000000005");
    assert_next(stream, 1);
    stand_in_unbind(&t->broker);
    stand_in_bind(&t->broker);
    stand_in_welcome(&t->broker, 8);
    stand_in_take(&t->broker);
    assert_non_null(t->broker.request.stream);
    assert_memory_equal(t->broker.request.stream->from.ptr, LOG_ID "-0000000000000005",
                        TL_POSITION_BYTES);
    deliver(t, t->broker.request.stream->stream, 6, 6, LOG_ID "-0000000000000006");
    assert_next(stream, 2);
    assert_next(stream, 6);
    tl_stream_close(&stream);
}

static void
batches_of_an_earlier_opening_are_dropped(void **state)
{
    struct test *t = *state;
    struct tl_stream *stream;
    uint64_t earlier;

    open_stream(t, &stream, true);
    earlier = t->broker.request.stream->stream;
    stand_in_refuse(&t->broker, 12345, TL_NO_SESSION, 0);
    stand_in_welcome(&t->broker, 8);
    stand_in_take(&t->broker);
    assert_int_not_equal(t->broker.request.stream->stream, earlier);
    deliver(t, earlier, 1, 5, LOG_ID "-0000000000000005");
    deliver(t, t->broker.request.stream->stream, 1, 1, LOG_ID "-0000000000000001");
    assert_next(stream, 1);
    deliver(t, t->broker.request.stream->stream, 2, 2, LOG_ID "-0000000000000002");
    assert_next(stream, 2);
    tl_stream_close(&stream);
}

static void
a_silent_broker_is_asked_again_after_three_seconds(void **state)
{
    struct test *t = *state;
    struct tl_stream *stream;
    const struct tl_stream_event *ev;
    int64_t began = clock_monotonic();

    open_stream(t, &stream, true);
    for (int i = 0; i < 6 && !stand_in_has(&t->broker, 1, 0); i++)
        assert_int_equal(tl_stream_next(stream, 700, &ev), 0);
    assert_true(clock_monotonic() - began >= 3 * CLOCK_SECOND);
    stand_in_take(&t->broker);
    assert_non_null(t->broker.request.stream_close);
    stand_in_take(&t->broker);
    assert_non_null(t->broker.request.stream);
    tl_stream_close(&stream);
}

static void
credit_is_given_back_as_events_are_taken(void **state)
{
    struct test *t = *state;
    struct tl_stream *stream;
    uint64_t id, given = 0, number = 0;
    uint32_t credit;

    open_stream(t, &stream, true);
    id = t->broker.request.stream->stream;
    credit = t->broker.request.stream->credit_events;
    assert_true(credit >= 600 && t->broker.request.stream->credit_bytes >= 65536);
    while (given == 0 && number < credit) {
        deliver(t, id, number + 1, number + 500, LOG_ID "-0000000000000001");
        for (int i = 0; i < 500; i++)
            assert_next(stream, ++number);
        if (stand_in_has(&t->broker, 1, 0)) {
            stand_in_take(&t->broker);
            assert_non_null(t->broker.request.credit);
            assert_int_equal(t->broker.request.credit->stream, id);
            given = t->broker.request.credit->events;
        }
    }
    assert_true(given > 0 && given <= number);
    tl_stream_close(&stream);
}

static void
a_replay_ends_with_the_position_of_its_end(void **state)
{
    struct wire_stream_end over = {.position = TL_STR(LOG_ID "-0000000000000004")};
    struct wire_reply reply = {.stream_end = &over};
    struct test *t = *state;
    struct tl_stream *stream;
    const struct tl_stream_event *ev;
    char position[TL_POSITION_BYTES + 1];

    open_stream(t, &stream, false);
    over.stream = t->broker.request.stream->stream;
    deliver(t, over.stream, 3, 3, LOG_ID "-0000000000000003");
    stand_in_say(&t->broker, &reply);
    assert_next(stream, 3);
    assert_int_equal(tl_stream_next(stream, 1000, &ev), TL_ECLOSED);
    assert_int_equal(tl_stream_next(stream, 1000, &ev), TL_ECLOSED);
    tl_stream_position(stream, position);
    assert_string_equal(position, LOG_ID "-0000000000000004");
    tl_stream_close(&stream);
}

static void
a_refused_stream_says_why(void **state)
{
    struct test *t = *state;
    struct tl_stream *stream;
    const struct tl_stream_event *ev;

    open_stream(t, &stream, true);
    stand_in_refuse(&t->broker, t->broker.request.id, TL_BAD_POSITION, 0);
    assert_int_equal(tl_stream_next(stream, 1000, &ev), TL_BAD_POSITION);
    assert_string_equal(tl_stream_detail(stream), "no");
    tl_stream_close(&stream);
}

static void
a_stream_without_a_broker_says_so_and_lives_on(void **state)
{
    struct test *t = *state;
    struct tl_stream *stream;
    const struct tl_stream_event *ev;

    stand_in_unbind(&t->broker);
    connect_to(t, 1000);
    assert_int_equal(tl_stream_open(t->client, NULL, &stream), 0);
    assert_int_equal(tl_stream_next(stream, 30, &ev), TL_EAWAY);
    stand_in_bind(&t->broker);
    stand_in_welcome(&t->broker, 8);
    stand_in_take(&t->broker);
    assert_non_null(t->broker.request.stream);
    deliver(t, t->broker.request.stream->stream, 1, 1, LOG_ID "-0000000000000001");
    assert_next(stream, 1);
    tl_stream_close(&stream);
}

static void
a_stream_may_outlive_its_client(void **state)
{
    struct test *t = *state;
    struct tl_stream *stream;
    const struct tl_stream_event *ev;

    open_stream(t, &stream, true);
    tl_close(&t->client);
    t->broker.client = NULL;
    assert_int_equal(tl_stream_next(stream, 1000, &ev), TL_ECLOSED);
    tl_stream_close(&stream);
    assert_null(stream);
}

/* ------------------------------------------------------------------ events */

static void
no_endpoint_is_the_callers_mistake(void **state)
{
    struct tl_options options = {.endpoint = "nonsense"};
    struct tl_client *client;

    (void)state;
    assert_int_equal(tl_open(&client, &options), TL_EARGUMENT);
    assert_null(client);
    tl_close(&client);
}

static void
an_event_goes_through_json_and_back(void **state)
{
    struct tl_str json = TL_STR("{\"id\":\"1\",\"source\":\"s\",\"type\":\"page.viewed\"}");
    char *bytes, *again, why[64];
    struct tl_event *ev;
    size_t len;

    (void)state;
    assert_int_equal(tl_event_from_json(json, &bytes, &len, why, sizeof why), 0);
    assert_int_equal(tl_event_decode((struct tl_str){bytes, len}, &ev), 0);
    assert_int_equal(ev->type.len, 11);
    assert_int_equal(tl_event_to_json((struct tl_str){bytes, len}, &again), 0);
    assert_string_equal(again, json.ptr);
    tl_event_free(&ev);
    assert_null(ev);
    free(again);
    free(bytes);
    assert_int_equal(tl_event_from_json(TL_STR("{"), &bytes, &len, NULL, 0), TL_MALFORMED);
    assert_null(bytes);
}

/* -------------------------------------------------- clients of one process */

static size_t
threads(void)
{
    struct dirent *entry;
    size_t count = 0;
    DIR *dir = opendir("/proc/self/task");

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static const struct tl_options nobody = {.endpoint = "tcp://127.0.0.1:1"};

static void
all_clients_share_one_thread_that_ends_with_the_last(void **state)
{
    struct tl_client *clients[8];
    size_t before = threads(), with_one;

    (void)state;
    assert_int_equal(tl_open(&clients[0], &nobody), 0);
    with_one = threads();
    assert_true(with_one > before);
    for (size_t i = 1; i < 8; i++)
        assert_int_equal(tl_open(&clients[i], &nobody), 0);
    assert_int_equal(threads(), with_one);
    for (size_t i = 0; i < 8; i++)
        tl_close(&clients[i]);
    assert_int_equal(threads(), before);
}

static void *
open_and_close(void *arg)
{
    struct tl_client *client = NULL;
    intptr_t failed = 0;

    (void)arg;
    for (size_t i = 0; i < 50; i++) {
        failed += tl_open(&client, &nobody) != 0;
        tl_close(&client);
    }
    return (void *)failed;
}

static void
clients_are_opened_and_closed_by_many_threads(void **state)
{
    pthread_t ids[8];
    void *failed;

    (void)state;
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&ids[i], NULL, open_and_close, NULL), 0);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(ids[i], &failed), 0);
        assert_null(failed);
    }
}

static void
a_child_talks_to_the_broker_beside_its_parent(void **state)
{
    struct test *t = *state;
    struct tl_stat stat = {.events = 1};
    int status;
    pid_t child;

    connect_to(t, 1000);
    stand_in_welcome(&t->broker, 8);
    if ((child = fork()) == 0) {
        struct tl_options options = {.endpoint = t->broker.endpoint, .timeout_ms = 5000};
        struct tl_client *client;
        struct tl_reply *reply;

        _exit(tl_open(&client, &options) == 0 && tl_stat(client, &reply) == 0 ? 0 : 1);
    }
    stand_in_welcome(&t->broker, 8);
    stand_in_take(&t->broker);
    assert_non_null(t->broker.request.stat);
    stand_in_say(&t->broker, &(struct wire_reply){.stat = &stat});
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void
a_process_has_4096_clients_and_not_one_more(void **state)
{
    struct tl_client **clients = calloc(CONNECTIONS_MAX, sizeof *clients), *more;
    struct rlimit files, wanted;

    (void)state;
    assert_int_equal(CONNECTIONS_MAX, 4096);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    wanted = (struct rlimit){files.rlim_max, files.rlim_max};
    if (files.rlim_max < 4 * CONNECTIONS_MAX + 100
        || setrlimit(RLIMIT_NOFILE, &wanted) != 0) {
        free(clients);
        skip();
    }
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        assert_int_equal(tl_open(&clients[i], &nobody), 0);
    assert_int_equal(tl_open(&more, &nobody), TL_ENOMEM);
    assert_null(more);
    tl_close(&clients[0]);
    assert_int_equal(tl_open(&clients[0], &nobody), 0);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        tl_close(&clients[i]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    free(clients);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_event_is_published_after_the_welcome_and_answered_with_its_tag),
        TEST(events_published_without_a_pause_travel_together),
        TEST(a_batch_holds_1000_events_and_not_one_more),
        TEST(a_batch_stays_within_a_mebibyte),
        TEST(an_event_that_fits_no_batch_is_not_taken),
        TEST(a_full_window_takes_no_more_and_says_so_in_time),
        TEST(without_a_broker_publishing_ends_at_the_window),
        TEST(what_was_not_answered_is_sent_again_in_order_to_a_broker_that_forgot_us),
        TEST(what_was_not_answered_is_sent_again_to_a_broker_that_restarted),
        TEST(a_late_answer_to_an_earlier_sending_is_nobodys),
        TEST(busy_events_are_sent_again_before_later_ones_after_the_time_asked_for),
        TEST(a_busy_broker_gets_the_whole_batch_again),
        TEST(a_refused_batch_refuses_each_event_with_the_sentence),
        TEST(an_acknowledgement_of_another_length_is_none),
        TEST(a_broker_of_another_version_refuses_everything),
        TEST(questions_in_flight_are_answered_in_any_order),
        TEST(a_question_is_asked_again_after_a_restart),
        TEST(a_reservation_is_asked_for_again_by_the_same_name),
        TEST(a_question_nobody_answers_ends_in_time),
        TEST(a_refusal_has_its_code_and_sentence),
        TEST(closing_answers_what_was_asked),
        TEST(a_stream_delivers_in_order_and_knows_its_position),
        TEST(the_whole_event_has_what_the_broker_set),
        TEST(a_stream_goes_on_after_a_restart_where_it_was),
        TEST(batches_of_an_earlier_opening_are_dropped),
        TEST(a_silent_broker_is_asked_again_after_three_seconds),
        TEST(credit_is_given_back_as_events_are_taken),
        TEST(a_replay_ends_with_the_position_of_its_end),
        TEST(a_refused_stream_says_why),
        TEST(a_stream_without_a_broker_says_so_and_lives_on),
        TEST(a_stream_may_outlive_its_client),
        cmocka_unit_test(all_clients_share_one_thread_that_ends_with_the_last),
        cmocka_unit_test(clients_are_opened_and_closed_by_many_threads),
        TEST(a_child_talks_to_the_broker_beside_its_parent),
        cmocka_unit_test(a_process_has_4096_clients_and_not_one_more),
        cmocka_unit_test(no_endpoint_is_the_callers_mistake),
        cmocka_unit_test(an_event_goes_through_json_and_back),
    };

    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
