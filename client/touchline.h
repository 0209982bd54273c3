/* touchline.h -- talk to a Touchline broker: publish what happened, ask what is
 * known about a customer, follow what comes.
 *
 * A client is one conversation with one broker.  It connects and reconnects by
 * itself; what was published and not answered is sent again after a reconnect
 * (the broker counts an event once, so that is safe), and a stream goes on
 * where it was.  Work is done only inside of calls; one thread of ZeroMQ's, which
 * begins with the first client of a process and ends with the last, moves the
 * bytes of all of them.  Use a client, its replies and its streams from one
 * thread at a time; several clients are independent.  After a fork the child
 * opens clients of its own, and leaves those of its parent alone.
 *
 * Every `int` is 0, a positive code of the broker's (a refusal), or a negative
 * one of this machine's; tl_code_sentence says what it means.  TL_ENOMEM can
 * come from every call that makes something and changes nothing else.  Times
 * are nanoseconds since 1970-01-01T00:00:00Z, timeouts milliseconds (-1: none).
 * Every close and free accepts a pointer to NULL, and nulls its pointer. */

#ifndef TOUCHLINE_H
#define TOUCHLINE_H

#include "proto/code.h"
#include "proto/event.h"
#include "proto/answer.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TL_POSITION_BYTES 29        /* of a position's text, without a NUL */

/* ------------------------------------------------------------------ client */

struct tl_client;

/* The answer to one published event.  Borrowed for the call. */
struct tl_answer {
    uint64_t tag;                   /* as given to tl_publish */
    int code;                       /* 0: stored, or stored before; else why it was not */
    bool duplicate;                 /* `position` is then that of the first: which may be this
                                     * one, sent again because its answer was lost */
    struct tl_str position;         /* empty when refused */
    struct tl_str detail;           /* a sentence, when refused */
};

struct tl_options {
    const char *endpoint;           /* NULL: $TOUCHLINE_BROKER, else tcp://127.0.0.1:7700 */
    const char *name;               /* for the broker's log; NULL: the program's name */
    int timeout_ms;                 /* how long a call waits for the broker; 0: 10 seconds */
    /* Called from inside of tl_publish, tl_poll, tl_flush, tl_close and every
     * call that waits, once per event taken, in the order of publishing except
     * where the broker asked to send some again.  Must not call the client.
     * May be NULL. */
    void (*answered)(void *arg, const struct tl_answer *answer);
    void *arg;
};

/* Returns at once; the broker need not be there yet.  `options` may be NULL and
 * is copied.  Returns 0, TL_EARGUMENT (no such endpoint), TL_ENOMEM (also for
 * want of descriptors, and for one more than 4096 clients of a process). */
int tl_open(struct tl_client **out, const struct tl_options *options);

/* Gives up what is unanswered (see tl_flush): each event is answered TL_ECLOSED.
 * The client's streams end; close them before or after. */
void tl_close(struct tl_client **client);

/* Works for up to timeout_ms: sends what was gathered, takes answers, calls
 * back.  Comes back early when it did something, or when `fd` (-1: none) has
 * something to read, which poll(2) then tells.
 * Returns 0, TL_ENOMEM, TL_EFORMAT (what came is no answer of a broker), or why
 * the broker will not talk to us: TL_UNSUPPORTED, TL_FORBIDDEN. */
int tl_poll(struct tl_client *client, int fd, int timeout_ms);

/* ----------------------------------------------------------------- publish */

/* Takes a copy of the event.  Events are gathered, and sent when a batch is
 * full (1 MiB or 1000 events) and by tl_poll, tl_flush and every call that
 * waits.  When the window of batches is full it works until there is room, for
 * as long as the options' timeout.
 * Returns 0, or a code and then the event was not taken: TL_EAWAY (no room in
 * time), TL_TOO_LARGE (fits no batch), TL_ENOMEM. */
int tl_publish(struct tl_client *client, const struct tl_event *event, uint64_t tag);

/* The same with an event already encoded. */
int tl_publish_bytes(struct tl_client *client, struct tl_str event, uint64_t tag);

/* Works until every event is answered.
 * Returns 0, TL_EAWAY (not all, in that time; they stay), TL_ENOMEM. */
int tl_flush(struct tl_client *client, int timeout_ms);

/* Events taken and not answered. */
size_t tl_unanswered(const struct tl_client *client);

/* ------------------------------------------------------------------ events */

/* The protobuf bytes of an event; free(*bytes).  Returns 0, TL_ENOMEM. */
int tl_event_encode(const struct tl_event *event, char **bytes, size_t *len);

/* Reads an event's bytes.  Its text borrows from `bytes`; tl_event_free the
 * rest.  Returns 0, TL_MALFORMED, TL_BAD_UTF8, TL_BAD_TIME, TL_TOO_MANY,
 * TL_ENOMEM. */
int tl_event_decode(struct tl_str bytes, struct tl_event **out);
void tl_event_free(struct tl_event **event);

/* The bytes of an event given as JSON (proto3 mapping, original field names);
 * free(*bytes).  `why` (why_bytes long, may be NULL) says what is wrong with it.
 * Returns 0, TL_MALFORMED, TL_BAD_UTF8, TL_BAD_TIME, TL_ENOMEM. */
int tl_event_from_json(struct tl_str json, char **bytes, size_t *len, char *why, size_t why_bytes);

/* One line of JSON, without a newline; free(*json).
 * Returns 0, TL_MALFORMED, TL_BAD_UTF8, TL_BAD_TIME, TL_TOO_MANY, TL_ENOMEM. */
int tl_event_to_json(struct tl_str bytes, char **json);

/* How many digits of an amount in minor units come after the point, by ISO 4217:
 * 2 for USD, 0 for JPY; 2 for a currency not known. */
int tl_currency_decimals(struct tl_str currency);

/* ----------------------------------------------------------------- queries */

struct tl_reply;

enum tl_question {
    TL_ASK_CONTEXT,                 /* of customer `about` */
    TL_ASK_TIMELINE,                /* of customer `about` */
    TL_ASK_OFFERS,                  /* of customer `about` */
    TL_ASK_MAY_CONTACT,             /* customer `about` */
    TL_ASK_CAMPAIGN,                /* `about`; NULL: all */
    TL_ASK_STAT,
    TL_ASK_VERIFY,                  /* takes as long as it takes */
    TL_ASK_COMMIT,                  /* of group `about`: at_least is what it has done */
    TL_ASK_REPORT,                  /* of reporter `about` */
};

/* What the questions take; zeroed is fine, and only what applies is read. */
struct tl_query {
    const char *at_least;           /* answer at or after this position; NULL: now */
    const char *const *sections;    /* context: these; none: all */
    size_t sections_count;
    const char *as_of;              /* context, offers, timeline: as it was at a position or
                                     * RFC 3339 time; NULL: now */
    int64_t now;                    /* context, offers, may_contact: 0: the broker's clock */
    uint32_t bytes_max;             /* context: 0: 4096 */
    uint64_t generation;            /* commit: of the holder */
    uint64_t sequence;              /* report: 1, 2, ... */
    const struct tl_ignored *ignored;       /* report: what came since the last, */
    size_t ignored_count;                   /* at most 1000 */
    uint32_t limit;                 /* timeline, offers: 0: the broker's */
    int64_t before;                 /* timeline: 0: from the newest */
    const char *cursor;             /* timeline: an answer's next, to go on behind it */
    const char *const *types;       /* timeline: exact, or a prefix ending in '*' */
    size_t types_count;
    const char *const *channels;    /* timeline */
    size_t channels_count;
    const char *channel;            /* may_contact */
    const char *purpose;            /* may_contact */
    bool reserve;                   /* may_contact: take the place, when he may be contacted */
    const char *reservation;        /* reserve: its name, at most 256 bytes; NULL: a random one */
    const char *campaign;           /* reserve: what it is for; may be NULL */
    const char *offer;              /* reserve; catalogue: this one, NULL: all */
    bool catalogue;                 /* offers: what the offers are, of no customer (NULL) */
    const char *after;              /* catalogue: those behind this offer id */
};

/* A customer is TYPE:VALUE, `email:joe@example.com`.  `query` may be NULL.
 * Each waits for the answer, up to the options' timeout (tl_verify: up to that
 * without a broker), while the client does its other work.
 * Returns 0; a refusal (`*out` then has its detail): TL_NOT_FOUND,
 * TL_BAD_IDENTIFIER, TL_BAD_POSITION, TL_BAD_REQUEST, TL_FORBIDDEN,
 * TL_UNSUPPORTED, TL_BUSY, TL_NO_SPACE (of a reservation); or with `*out` NULL:
 * TL_EAWAY, TL_ENOMEM. */
int tl_context(struct tl_client *client, const char *customer, const struct tl_query *query,
               struct tl_reply **out);
/* Asks on until there are as many events as `limit` (0: 50), or no more; its `next`
 * is what to go on with.  A question of tl_ask is answered by one page, in which
 * there may be fewer or none although there are more. */
int tl_timeline(struct tl_client *client, const char *customer, const struct tl_query *query,
                struct tl_reply **out);
int tl_offers(struct tl_client *client, const char *customer, const struct tl_query *query,
              struct tl_reply **out);
/* By query's channel for its purpose?  With `reserve`, when the verdict is allow,
 * the place is taken until the reply's reserved_until, or until a message is
 * published that says it uses the reservation (its attribute `reservation`). */
int tl_may_contact(struct tl_client *client, const char *customer, const struct tl_query *query,
                   struct tl_reply **out);
int tl_campaign(struct tl_client *client, const char *name, struct tl_reply **out);
int tl_stat(struct tl_client *client, struct tl_reply **out);
int tl_verify(struct tl_client *client, struct tl_reply **out);

/* Tells what was heard and not taken since the last report of this reporter, a
 * name of up to 128 bytes for one run of a program: `touchline stat` shows the sums.
 * A sequence that was taken is not taken again.  Returns 0, TL_BAD_REQUEST,
 * TL_TOO_MANY, TL_NO_SPACE, TL_UNSUPPORTED, TL_EAWAY, TL_ENOMEM. */
int tl_report(struct tl_client *client, const char *reporter, uint64_t sequence,
              const struct tl_ignored *ignored, size_t count);

/* The same without waiting, any number in flight: `done` is called from inside
 * of a later call that works, owns the reply, and must not call the client
 * except with another tl_ask.  A reply's code is TL_EAWAY when there was no
 * answer in the options' timeout, TL_ECLOSED when the client is closed first.
 * Returns 0, TL_ENOMEM. */
int tl_ask(struct tl_client *client, enum tl_question question, const char *about,
           const struct tl_query *query, void (*done)(void *arg, struct tl_reply *reply),
           void *arg);

/* 0, or why there is no answer, with the broker's sentence (may be empty). */
int tl_reply_code(const struct tl_reply *reply);
struct tl_str tl_reply_detail(const struct tl_reply *reply);

/* The answer, which lives as long as the reply; NULL when it is not of that
 * kind. */
const struct tl_context *tl_reply_context(const struct tl_reply *reply);
const struct tl_timeline *tl_reply_timeline(const struct tl_reply *reply);
const struct tl_offers *tl_reply_offers(const struct tl_reply *reply);
const struct tl_contact_verdict *tl_reply_may_contact(const struct tl_reply *reply);
const struct tl_campaigns *tl_reply_campaign(const struct tl_reply *reply);
const struct tl_stat *tl_reply_stat(const struct tl_reply *reply);
const struct tl_verification *tl_reply_verify(const struct tl_reply *reply);

/* The whole answer as one line of JSON; free(*json).
 * Returns 0, TL_EARGUMENT (it is a refusal), TL_TOO_MANY, TL_ENOMEM. */
int tl_reply_json(const struct tl_reply *reply, char **json);

void tl_reply_free(struct tl_reply **reply);

/* ----------------------------------------------------------------- streams */

struct tl_stream;

/* What to deliver: an event passes when it is in every list that is not empty. */
struct tl_stream_options {
    const char *from;               /* start (or NULL), now, last:N, a time, or after a position */
    const char *to;                 /* a position or time (inclusive); NULL: no end */
    bool follow;                    /* go on with what arrives; else the head is the end */
    const char *const *customers;   /* TYPE:VALUE */
    size_t customers_count;
    const char *const *types;       /* exact, or a prefix ending in '*' */
    size_t types_count;
    const char *const *channels;
    size_t channels_count;
    const char *const *campaigns;
    size_t campaigns_count;
    const char *const *offers;
    size_t offers_count;
    uint32_t share;                 /* 1..shares of the customers */
    uint32_t shares;                /* 0: all */
    const char *group;              /* whose position the broker keeps; NULL: none */
};

struct tl_stream_event {
    uint64_t number;                /* in the log */
    int64_t received_time;
    uint64_t profile;
    struct tl_str bytes;            /* the Event as its producer sent it */
};

/* Begins to deliver; a refusal comes with tl_stream_next.  Copies the options.
 * Returns 0, TL_ENOMEM. */
int tl_stream_open(struct tl_client *client, const struct tl_stream_options *options,
                   struct tl_stream **out);

/* The next event, in the order of the log, without a gap across disconnects
 * and restarts.  `*out` is borrowed until the next call on this stream.
 * Returns 0, and `*out` is NULL when nothing came within timeout_ms; TL_ECLOSED
 * at the end (`to`, or the head without `follow`); TL_EAWAY when the broker was
 * away at the end of timeout_ms (call again to go on); or a refusal, which ends
 * the stream: TL_BAD_POSITION, TL_BAD_REQUEST, TL_NOT_FOUND, TL_UNSUPPORTED,
 * TL_FORBIDDEN, TL_STALE_GROUP; TL_ENOMEM. */
int tl_stream_next(struct tl_stream *stream, int timeout_ms, const struct tl_stream_event **out);

/* The broker's sentence for a refusal; lives as long as the stream. */
const char *tl_stream_detail(const struct tl_stream *stream);

/* Where to go on: everything up to it was delivered or did not pass.  As text
 * with a NUL; empty before the broker's first word.  Save it together with what
 * you made of the events. */
void tl_stream_position(const struct tl_stream *stream, char out[TL_POSITION_BYTES + 1]);

/* The generation of this reader as holder of its group's share; 0: of none, or
 * nothing was delivered yet. */
uint64_t tl_stream_generation(const struct tl_stream *stream);

/* Acknowledges: the group has done with everything up to `position`; the broker
 * keeps it, and the next holder goes on there.  Call when the output is safe.
 * Returns 0, TL_STALE_GROUP (another holder took over: stop), TL_BAD_POSITION,
 * TL_NO_SPACE, TL_EAWAY, TL_ENOMEM. */
int tl_commit(struct tl_client *client, const char *group, const char *position,
              uint64_t generation);

/* The bytes of the event just delivered with position, received_time and
 * profile in it.  Borrowed until the next call on this stream.
 * Returns 0, TL_EARGUMENT (none was), TL_ENOMEM. */
int tl_stream_whole(struct tl_stream *stream, struct tl_str *bytes);

void tl_stream_close(struct tl_stream **stream);

#ifdef __cplusplus
}
#endif

#endif
