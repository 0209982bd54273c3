#include "adapters/forward.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "client/touchline.h"

#define UNANSWERED_MAX 8000
#define POLL_MS 500
#define AGAIN_NS CLOCK_SECOND
#define TELL_NS (2 * CLOCK_SECOND)

struct forward {
    pthread_t thread;
    const char *program;
    struct spool *spool;
    struct letters *letters;
    struct forward_counts *counts;
    struct ignored *ignored;
    int64_t told;                       /* when the broker was told of what was ignored */
    struct tl_client *client;
    struct buf record;
    atomic_int_fast64_t stop_at;        /* clock_monotonic; 0: not yet */
    uint64_t generation;                /* counts the times we began again */
    int64_t again_at;                   /* what the broker could not take; 0: nothing */
    int later_code;                     /* why, to say it once */
    int64_t heard;
    int said;                           /* what tl_poll complained of */
};

/* ------------------------------------------------------------------ answers */

/* Will the same event never be taken? */
static bool
for_ever(int code)
{
    switch (code) {
    case TL_MALFORMED:
    case TL_BAD_UTF8:
    case TL_TOO_LARGE:
    case TL_TOO_MANY:
    case TL_MISSING_ID:
    case TL_MISSING_SOURCE:
    case TL_MISSING_TYPE:
    case TL_MISSING_IDENTIFIER:
    case TL_BAD_IDENTIFIER:
    case TL_BAD_TIME:
    case TL_BAD_FACET:
    case TL_DUPLICATE_DIFFERS:
        return true;
    default:
        return false;
    }
}

static void
later(struct forward *f, int code)
{
    if (f->again_at == 0 && f->later_code != code)
        log_warn("forward", "events cannot be got rid of now, they wait in the spool: %s",
                 tl_code_sentence(code));
    f->later_code = code;
    if (f->again_at == 0)
        f->again_at = clock_monotonic() + AGAIN_NS;
}

/* Was accepted: it stays in the spool until it can be kept as a letter. */
static int
keep_letter(struct forward *f, struct tl_str event, const char *reason)
{
    char *json = NULL;
    struct letter letter = {
        .received = clock_now(),
        .adapter = f->program,
        .format = "event",
        .where = "the broker refused it",
        .reason = reason,
    };
    int err = tl_event_to_json(event, &json);

    must(err != TL_ENOMEM);
    letter.bytes = err == 0 ? json : event.ptr;
    letter.bytes_len = err == 0 ? strlen(json) : event.len;
    err = letter_write(f->letters, &letter, false);
    free(json);
    return err;
}

/* An event in flight; its tag points at it. */
struct flight {
    uint64_t segment;
    uint64_t generation;
    size_t len;
    char bytes[];
};

static void
refused(struct forward *f, const struct flight *e, int code, struct tl_str detail)
{
    char reason[LETTER_FIELD_BYTES];
    int len = detail.len < 400 ? (int)detail.len : 400, err;

    snprintf(reason, sizeof reason, "%s: %.*s", tl_code_name(code), len,
             len > 0 ? detail.ptr : tl_code_sentence(code));
    if ((err = keep_letter(f, (struct tl_str){e->bytes, e->len}, reason)) != 0) {
        later(f, err);
        return;
    }
    atomic_fetch_add(&f->counts->refused, 1);
    spool_acknowledge(f->spool, e->segment);
}

static void
answered(void *arg, const struct tl_answer *a)
{
    struct forward *f = arg;
    struct flight *e = (struct flight *)(uintptr_t)a->tag;

    if (a->code != TL_ECLOSED)
        f->heard = clock_monotonic();
    if (a->code == TL_ECLOSED || e->generation != f->generation) {
        free(e);
        return;
    }
    if (a->code == 0) {
        atomic_fetch_add(a->duplicate ? &f->counts->duplicates : &f->counts->stored, 1);
        f->later_code = 0;
        spool_acknowledge(f->spool, e->segment);
    } else if (for_ever(a->code)) {
        refused(f, e, a->code, a->detail);
    } else {
        later(f, a->code);
    }
    free(e);
}

/* --------------------------------------------------------------------- work */

static void
spool_failed(int code)
{
    log_error("forward", "the spool cannot be read: %s; stopping",
              code == TL_EIO ? strerror(errno) : tl_code_sentence(code));
    _exit(1);
}

/* false: there is nothing more for now. */
static bool
send_one(struct forward *f)
{
    struct flight *e;
    uint64_t segment;
    int err;

    buf_clear(&f->record);
    if ((err = spool_next(f->spool, &f->record, &segment)) == TL_EAWAY)
        return false;
    if (err != 0)
        spool_failed(err);
    must((e = malloc(sizeof *e + f->record.len)) != NULL);
    *e = (struct flight){segment, f->generation, f->record.len};
    memcpy(e->bytes, f->record.ptr, f->record.len);
    err = tl_publish_bytes(f->client, (struct tl_str){e->bytes, e->len}, (uintptr_t)e);
    if (err == 0)
        return true;
    if (err == TL_TOO_LARGE)
        refused(f, e, err, (struct tl_str){0});
    else
        later(f, err);
    free(e);
    return err == TL_TOO_LARGE;
}

static void
work(struct forward *f)
{
    int err;

    while (tl_unanswered(f->client) < UNANSWERED_MAX && f->again_at == 0 && send_one(f))
        continue;
    err = tl_poll(f->client, spool_wake_fd(f->spool), POLL_MS);
    spool_woken(f->spool);
    must(err != TL_ENOMEM);
    if (err != 0 && err != f->said)
        log_warn("forward", "the broker does not talk to us: %s", tl_code_sentence(err));
    /* It said no at once, and would again. */
    if (err != 0)
        usleep(POLL_MS * 1000);
    f->said = err;
}

static void
begin_again(struct forward *f)
{
    f->generation++;
    f->again_at = 0;
    spool_rewind(f->spool);
}

/* Of counts less is lost than of events: what the broker will not hear is let go. */
static void
tell(struct forward *f)
{
    int err = ignored_tell(f->ignored, f->client);

    f->told = clock_monotonic();
    if (err != 0 && err != TL_EAWAY && err != TL_BUSY)
        log_warn("forward", "the broker does not count what was ignored: %s",
                 tl_code_sentence(err));
}

static bool
over(struct forward *f)
{
    int64_t stop_at = atomic_load(&f->stop_at);

    return stop_at != 0
           && (clock_monotonic() > stop_at || f->again_at != 0 || spool_records(f->spool) == 0);
}

static void *
run(void *arg)
{
    struct forward *f = arg;

    while (!over(f)) {
        int64_t now;

        work(f);
        now = clock_monotonic();
        if (f->again_at != 0 && now >= f->again_at)
            begin_again(f);
        if (f->said == 0 && now - f->told > TELL_NS)
            tell(f);
        atomic_store(&f->counts->connected,
                     f->said == 0 && (tl_unanswered(f->client) == 0
                                      || now - f->heard < 2 * CLOCK_SECOND));
    }
    tell(f);
    return NULL;
}

int
forward_start(struct forward **out, const char *program, const char *endpoint,
              struct spool *spool, struct letters *letters, struct forward_counts *counts,
              struct ignored *ignored)
{
    struct forward *f = calloc(1, sizeof *f);
    struct tl_options options = {
        .endpoint = endpoint,
        .name = program,
        .timeout_ms = POLL_MS,
        .answered = answered,
        .arg = f,
    };
    int err;

    must(f != NULL);
    f->program = program;
    f->spool = spool;
    f->letters = letters;
    f->counts = counts;
    f->ignored = ignored;
    if ((err = tl_open(&f->client, &options)) != 0) {
        free(f);
        return err;
    }
    must(pthread_create(&f->thread, NULL, run, f) == 0);
    *out = f;
    return 0;
}

void
forward_stop(struct forward **forward, int wait_ms)
{
    struct forward *f = *forward;

    if (f == NULL)
        return;
    atomic_store(&f->stop_at, clock_monotonic() + wait_ms * CLOCK_MS);
    spool_wake(f->spool);
    must(pthread_join(f->thread, NULL) == 0);
    tl_close(&f->client);
    buf_free(&f->record);
    free(f);
    *forward = NULL;
}
