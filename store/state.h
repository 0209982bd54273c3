/* state.h -- the inside of a store, for the files that make it up. */

#ifndef STORE_STATE_H
#define STORE_STATE_H

#include <stdatomic.h>

#include "base/hash.h"
#include "proto/valid.h"
#include "store/fold.h"
#include "store/log.h"
#include "store/rules.h"
#include "store/seen.h"
#include "store/store.h"
#include "store/views.h"

#define STORE_FLUSH_EVENTS 250000
#define STORE_FLUSH_NS (30 * 1000000000LL)
#define STORE_VIEWS_BYTES (1024ULL << 20)
#define STORE_BATCH_FRAMES_MAX 16384

/* Frames admitted and not yet durable, as they will lie in the log. */
struct store_batch {
    struct buf bytes;
    uint64_t first;             /* number of its first frame */
    uint32_t count;
    uint32_t offsets[STORE_BATCH_FRAMES_MAX];
};

/* What an event that is expected will look at (expect.c). */
#define EXPECT_NAMES_MAX 3      /* of its identifiers */
#define EXPECT_RECORDS_MAX 2    /* of its profile */

struct store_expected {
    bool reaches_out;
    size_t names_count;
    struct views_ahead names[EXPECT_NAMES_MAX];
    size_t records_count;
    struct views_ahead records[EXPECT_RECORDS_MAX];
};

/* The source of the event before, hashed: most have the same as that. */
struct store_source {
    char text[ID_BYTES_MAX];
    size_t len;                 /* 0: none */
    unsigned char part[HASH_PART_BYTES];
};

struct store {
    struct store_settings settings;
    int lock_fd;
    unsigned char key[HASH_KEY_BYTES];
    struct log *log;
    struct seen *seen;
    struct views *views;
    struct fold fold;
    struct policy *policy;      /* NULL: what it was then is not known (as_of.c) */
    struct rules *rules;
    uint64_t as_of;             /* not 0: what is known of some as of this event (as_of.c) */

    uint64_t admitted;
    uint64_t segment_first;     /* of the log's open segment, when last looked */
    struct store_batch *open;   /* being filled */
    struct store_batch *taken;  /* being written; count 0: none */
    int failed;                 /* once not 0, nothing is admitted any more */

    uint64_t frozen;            /* the number the latest checkpoint was started at */
    int64_t frozen_at;          /* clock_monotonic */
    uint64_t wanted;            /* somebody waits for a checkpoint of this event */
    int64_t not_before;         /* the next try, after the disk was full */
    struct store_verify *verifying;     /* no checkpoint while not NULL */
    bool flushing;
    atomic_bool flushed;        /* set by the flusher's thread when it is through */
    bool wants_freeze;          /* admit nothing until all is durable, then freeze */
    struct arena arena;
    struct buf scratch;
    struct store_expected expected[STORE_EXPECT_MAX];
    size_t expected_count;
    struct store_source source;
};

/* `err`, unless what it was found by was damaged. */
static inline int
store_sound(struct store *st, int err)
{
    int fault = views_fault(st->views);

    return fault != 0 ? fault : err;
}

/* Folds what the views of `fold` lack, up to `to`, and adds to `seen` (unless
 * NULL) what it lacks.  Returns 0 or an error with a sentence in `why`. */
struct catchup {
    struct log *log;
    struct seen *seen;
    const unsigned char *key;
    struct fold *fold;
    size_t flush_events;
    void (*progress)(void *arg, uint64_t done, uint64_t total);
    void *progress_arg;
    const atomic_bool *cancelled;       /* NULL, or ends it with TL_BUSY */
};

int catchup_run(const struct catchup *c, uint64_t to, char why[STORE_WHY_BYTES]);

/* `seen`'s key of an event. */
void store_seen_key(unsigned char out[SEEN_KEY_BYTES], const unsigned char key[HASH_KEY_BYTES],
                    struct tl_str source, struct tl_str id);

/* A frame, durable or not yet.  Borrows until the next call that admits. */
int store_find_frame(struct store *st, uint64_t number, struct frame *f);

/* Admits an event of the bus itself about a customer: of `profile`, or if that is
 * 0 of whoever the identifier finds or begins.  Gives it an id.  There is room.
 * Returns 0, TL_NO_SPACE, TL_EIO, TL_EDAMAGED. */
int store_say(struct store *st, struct tl_event *ev, const struct store_identifier *customer,
              uint64_t profile, int64_t received, uint64_t *number);

/* Admits an event of the bus itself about a profile, part of its timeline, unless
 * one of this id was said before.  There is room.
 * Returns 0, TL_NO_SPACE, TL_EIO, TL_EDAMAGED. */
int store_say_once(struct store *st, struct tl_event *ev, uint64_t profile, int64_t received);

/* A path below the store's directory. */
void store_path(const struct store_settings *s, const char *name, char *out, size_t out_bytes);

/* Waits until it touches the views no more. */
void store_verify_stop(struct store_verify *v);

/* The directory's lock, key and log only. */
int store_open_log(struct store **out, const struct store_settings *s, char why[STORE_WHY_BYTES]);
void store_let_go(struct store **st);

/* Writes everything folded into the views, and waits.  All that was admitted is
 * durable. */
int store_checkpoint(struct store *st);

/* Opens views, seen and fold, and catches up; the log is open.  Closes them. */
int store_open_views(struct store *st, char why[STORE_WHY_BYTES]);
void store_close_views(struct store *st);

#endif
