/* store.h -- the memory of the bus.
 *
 * Keeps each accepted event once, in order, knows whose it is, and answers what
 * was offered and how the customer reacted.  Knows nothing of sockets.
 *
 * The loop thread owns the store and calls everything here, except
 * store_batch_write, which one other thread may run.  An event's road:
 * store_admit (decided, folded in memory) -> store_batch_take ->
 * store_batch_write (durable) -> store_batch_done (visible). */

#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "proto/answer.h"
#include "proto/position.h"
#include "store/frame.h"

#define STORE_WHY_BYTES 512
#define STORE_BATCH_BYTES_MAX (2u << 20)
#define STORE_PROFILES_MAX 64       /* profiles in one customer */

struct policy;
struct store;

struct store_settings {
    const char *dir;
    size_t segment_bytes;           /* 0: 256 MiB */
    size_t views_bytes;             /* memory for changed records; 0: 1 GiB */
    size_t flush_events;            /* a checkpoint about every so many; 0: 250,000 */
    int64_t flush_ns;               /* or so often, when something changed; 0: 30 s */
    int64_t grace_ns;               /* a commitment is overdue so long after it is due */
    void (*wake)(void *arg);        /* any thread: call store_tick soon */
    void *wake_arg;
};

/* Opens, or makes, the data in s->dir: takes its lock, recovers the log, and
 * folds what the views do not have yet.  `why` says what went wrong, or what
 * recovery did (or "").
 * Returns 0, TL_ELOCKED, TL_EDAMAGED, TL_EFORMAT, TL_EIO, TL_NO_SPACE. */
int store_open(struct store **out, const struct store_settings *s, char why[STORE_WHY_BYTES]);

/* Writes a checkpoint and lets go.  Returns 0 or what the checkpoint said. */
int store_close(struct store **st);

/* ------------------------------------------------------------- admission */

/* A canonical identifier, as the broker's normaliser made it.  The table of
 * types lives there; the store is told what it needs. */
struct store_identifier {
    struct tl_str type;
    struct tl_str value;
    unsigned rank;          /* smaller is stronger; unique per type */
    bool strong;
    bool single;            /* a person has one value of this type */
    bool follows_login;     /* cookie, device, anonymous: its events follow the latest login */
    uint64_t hash;          /* store_hash's of type and value; 0: not computed yet */
};

uint64_t store_hash(struct tl_str type, struct tl_str value);

struct store_event {
    const struct tl_event *event;
    struct tl_str bytes;                            /* as received */
    const struct store_identifier *identifiers;     /* strongest first; of a link its a and b */
    size_t identifiers_count;                       /* 0: an operational event */
    int64_t received;
    bool expected;                                  /* store_expect's own, as what follows */
    unsigned char seen[12];
};

struct store_verdict {
    int code;               /* 0, or TL_DUPLICATE_DIFFERS, TL_NO_SPACE, TL_EIO; of a link also
                             * TL_BAD_FACET, TL_TOO_MANY */
    bool duplicate;
    uint64_t number;        /* the event's, or of the first when a duplicate */
    const char *detail;     /* static text, with a code */
};

/* Is there room in the open batch?  If not, take and write it first. */
bool store_has_room(const struct store *st);

/* Fetches from memory what admitting a few events will look at, before the first
 * of them is admitted: together they wait once for what each would wait for by
 * itself.  Expect each, as soon as it is read; then fetch; then admit.  At most
 * STORE_EXPECT_MAX.  Need not be called: only hints are kept. */
#define STORE_EXPECT_MAX 16

void store_expect(struct store *st, struct store_event *in);
void store_fetch(struct store *st);

/* Decides about one valid event and, when it is new, numbers it, folds it, and
 * adds it (and what the bus itself has to say about it) to the open batch.  Tell
 * nobody before store_head has reached the number. */
void store_admit(struct store *st, const struct store_event *in, struct store_verdict *out);

/* Closes the open batch for writing.  false: there is none, or one is being
 * written. */
bool store_batch_take(struct store *st);
size_t store_batch_bytes(const struct store *st);       /* of the batch taken */

/* Writes and syncs the batch taken.  Returns 0, TL_NO_SPACE, TL_EIO. */
int store_batch_write(struct store *st);

/* After the write.  With 0 the head moves.  With TL_NO_SPACE everything
 * admitted and not durable is forgotten again, as after a crash: the caller
 * refuses those events. */
int store_batch_done(struct store *st, int written, char why[STORE_WHY_BYTES]);

uint64_t store_log_id(const struct store *st);
uint64_t store_tail(const struct store *st);
uint64_t store_head(const struct store *st);            /* the last durable number */
uint64_t store_admitted(const struct store *st);        /* the last number given out */

/* Housekeeping: starts and ends checkpoints.  Call when woken and each second.
 * Returns 0, TL_NO_SPACE (goes on, tries again), TL_EIO (stop). */
int store_tick(struct store *st);

/* Admits commitment.due and commitment.overdue events of the bus itself for what
 * is due by `now`, which is the received time: each once, for ever.  Looks at
 * `max` commitments at most; `*more`: go on when there is room.
 * Returns 0, TL_NO_SPACE, TL_EIO, TL_EDAMAGED. */
int store_announce_due(struct store *st, int64_t now, size_t max, bool *more);

/* -------------------------------------------------------------- questions */

/* Each answer borrows from `arena` and from the store; copy or encode it before
 * the next call that changes the store.  `*depends` is the last number the
 * answer depends on: hold it until store_head has reached that.  All return 0,
 * TL_NOT_FOUND (an identifier never seen), TL_TOO_MANY (arena), TL_EDAMAGED. */

struct store_question {
    struct store_identifier customer;
    int64_t now;
    uint64_t at_least;      /* an event admitted: the position named is not before it */
};

int store_context(struct store *st, const struct store_question *q, size_t bytes_max,
                  struct tl_context *out, struct arena *arena, uint64_t *depends);

int store_offers(struct store *st, const struct store_question *q, size_t limit,
                 struct tl_offers *out, struct arena *arena, uint64_t *depends);

/* What the offers are: `offer` alone, or if it is empty those whose ids come after
 * `after`, by id. */
struct store_catalogue_question {
    struct tl_str offer;
    struct tl_str after;
    size_t limit;
    int64_t now;
};

int store_catalogue(struct store *st, const struct store_catalogue_question *q,
                    struct tl_offers *out, struct arena *arena, uint64_t *depends);

/* May we contact him?  By the policy (the built-in one, or that of
 * store_set_policy), which must know the purpose.  A customer never seen is one
 * of whom nothing is known. */
struct store_contact_question {
    struct store_question who;
    struct tl_str channel;
    struct tl_str purpose;
    struct tl_str reservation;          /* its name, for store_reserve */
    struct tl_str campaign;             /* what it is for, may be empty */
    struct tl_str offer;
};

int store_may_contact(struct store *st, const struct store_contact_question *q,
                      struct tl_contact_verdict *out, struct arena *arena, uint64_t *depends);

/* The same, and if he may be contacted the place is taken at once, by an event of
 * the bus: until the lease is over or a message uses it.  Asked again under the
 * same name it answers the same.  `now` is the received time, there is room.
 * Also returns TL_BAD_REQUEST (the reservation of that name is over, or another
 * one; `*detail` is static text), TL_NO_SPACE, TL_EIO. */
int store_reserve(struct store *st, const struct store_contact_question *q,
                  struct tl_contact_verdict *out, struct arena *arena, uint64_t *depends,
                  const char **detail);

/* Takes the rules that hold from now on, and keeps them for answers as of then.
 * Returns 0, TL_NO_SPACE, TL_EIO: those before stay in force. */
int store_set_policy(struct store *st, struct policy **p);
const struct policy *store_policy(const struct store *st);

struct store_timeline_filter {
    size_t limit;
    int64_t before;                     /* 0: from the newest */
    uint64_t cursor;                    /* 0, or an event's number: from behind it */
    const struct tl_str *types;         /* exact, or a prefix ending in '*' */
    size_t types_count;
    const struct tl_str *channels;
    size_t channels_count;
};

/* So many of his events are looked at for one answer, however few pass. */
#define STORE_TIMELINE_LOOKED_MAX 4096

/* The customer's frames in event time, newest first; of one time the last to arrive
 * first.  `*next`: the cursor with which to go on, 0: there are no more.  It is also
 * set when there was a look at STORE_TIMELINE_LOOKED_MAX events. */
int store_timeline(struct store *st, const struct store_question *q,
                   const struct store_timeline_filter *filter, struct frame *frames,
                   size_t *frames_count, uint64_t *next, uint64_t *depends);

/* Does a higher revision of the event's subject count instead?  0, TL_EDAMAGED. */
int store_is_superseded(struct store *st, const struct tl_event *ev, uint64_t number,
                        bool *superseded);

/* The profiles of a customer, `profiles` with room for STORE_PROFILES_MAX. */
int store_profiles(struct store *st, const struct store_identifier *customer, uint64_t *profiles,
                   size_t *count);

/* The numbers (uint64_t) of these profiles' events above `after` and up to `*to`,
 * ascending and each once, identity events included.  When there are more than
 * `max` these are the smallest, and `*to` is the last of them. */
int store_numbers(struct store *st, const uint64_t *profiles, size_t profiles_count, uint64_t after,
                  uint64_t *to, size_t max, struct buf *numbers);

/* A durable frame (tail..head). */
int store_read(struct store *st, uint64_t number, struct frame *f, char why[STORE_WHY_BYTES]);
int store_read_header(struct store *st, uint64_t number, struct frame *f,
                      char why[STORE_WHY_BYTES]);
uint64_t store_number_at(struct store *st, int64_t received);

/* ------------------------------------------------------------------ as of */

/* The questions above as they would have been answered when `number` was the head.
 * What was known then is folded anew, from the events of whoever the answer is
 * made of: it costs in proportion to those.
 *
 * Begin, gather and end on the loop; run, on any one thread while the loop goes
 * on, asks `ask` for the answer, of a store that knows those customers as of then
 * and borrows nothing else.  What turns out to be missing must be gathered, and
 * then it is run, and asked, again. */

#define STORE_AS_OF_PROFILES_MAX 4096
#define STORE_AS_OF_NAMES_MAX 65536         /* households; offers defined */
#define STORE_AS_OF_EVENTS_MAX 8000000u
#define STORE_AS_OF_VIEWS_BYTES (512ull << 20)

struct store_as_of;

/* `number` is tail..head; `customer` is copied.
 * Returns 0, TL_NOT_FOUND (never seen, today either), TL_TOO_MANY (whom the
 * identifier found once is not remembered: it had too many), TL_EDAMAGED. */
int store_as_of_begin(struct store *st, const struct store_identifier *customer, uint64_t number,
                      struct store_as_of **out);

/* Notes which events are needed: some thousands a call.  `*more`: go on.
 * Returns 0, TL_TOO_MANY (STORE_AS_OF_EVENTS_MAX), TL_EDAMAGED. */
int store_as_of_gather(struct store *st, struct store_as_of *a, bool *more);

/* `*more`: gather, then run again.  Returns what `ask` did, or TL_TOO_MANY
 * (STORE_AS_OF_...), TL_BUSY (cancelled), TL_EDAMAGED, TL_NOT_FOUND. */
int store_as_of_run(struct store_as_of *a, int (*ask)(struct store *then, void *arg), void *arg,
                    bool *more);

/* What a context says of sources is not known from its customer alone: completes it, on
 * the loop.  0 or TL_TOO_MANY (arena). */
int store_as_of_freshness(struct store *st, const struct store_as_of *a, struct tl_context *c,
                          struct arena *arena);

/* Ends a run soon.  Any thread. */
void store_as_of_cancel(struct store_as_of *a);
void store_as_of_end(struct store_as_of **a);

/* The number of the last event received at or before a time; 0: there is none. */
uint64_t store_number_by(struct store *st, int64_t received);

/* Fills in what the store knows of tl_stat. */
int store_stat(struct store *st, struct tl_stat *out, struct arena *arena);

int store_campaigns(struct store *st, struct tl_str campaign, struct tl_campaigns *out,
                    struct arena *arena);

/* ------------------------------------------------------------------- proof */

/* Compares the views with a fold of the log made beside them in a temporary
 * directory, as of the latest checkpoint; no other is written meanwhile.  Begin
 * and end on the loop; run, which takes seconds, on any one thread.
 * Begin returns 0, or TL_BUSY: a checkpoint is being written, or everything up
 * to event `from` is not in one yet (it then is with one of the next ticks). */
struct store_verify;

int store_verify_begin(struct store *st, uint64_t from, struct store_verify **out);

/* Ends the run soon, with TL_BUSY.  Any thread. */
void store_verify_cancel(struct store_verify *v);

/* `why` says what went wrong.  Returns 0, TL_BUSY (more arrived meanwhile than
 * memory may hold: given up), TL_EDAMAGED, TL_NO_SPACE, TL_EIO. */
int store_verify_run(struct store_verify *v, struct tl_verification *out, struct arena *arena,
                     char why[STORE_WHY_BYTES]);
void store_verify_end(struct store *st, struct store_verify **v);

/* All of it at once, everything admitted included, when nobody else is served. */
int store_verify(struct store *st, struct tl_verification *out, struct arena *arena,
                 char why[STORE_WHY_BYTES]);

/* ---------------------------------------------------------------- offline */

/* Makes the views (and `seen`) anew from the log beside the old ones and swaps.
 * The data must not be open.  `progress` may be NULL. */
int store_rebuild(const struct store_settings *s,
                  void (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                  char why[STORE_WHY_BYTES]);

#endif
