/* Bringing what is derived up to the log: after a start, for verify, for
 * rebuild. */

#include <stdio.h>

#include "base/must.h"
#include "proto/code.h"
#include "proto/codec.h"
#include "proto/str.h"
#include "store/state.h"

#define PROGRESS_EVENTS 50000
#define READ_EVENTS 1000        /* LMDB reuses no page a read transaction may still see */

void
store_seen_key(unsigned char out[SEEN_KEY_BYTES], const unsigned char key[HASH_KEY_BYTES],
               struct tl_str source, struct tl_str id)
{
    hash_pair96(out, key, source.ptr, source.len, id.ptr, id.len);
}

static void
flushed(void *arg)
{
    (void)arg;      /* the next checkpoint waits for it */
}

/* Without space for it the changes stay in memory, for the next one. */
static int
checkpoint(const struct catchup *c, uint64_t number)
{
    int err = views_settle(c->fold->views);

    if (err != 0 && err != TL_NO_SPACE)
        return err;
    if ((err = views_fault(c->fold->views)) != 0)
        return err;
    fold_store(c->fold);
    views_freeze(c->fold->views, number, flushed, NULL);
    views_hurry(c->fold->views);
    return 0;
}

/* Of an event that is folded already only the name is wanted, and there are as
 * many of them as a segment holds. */
static int
see(const struct catchup *c, const struct frame *f)
{
    unsigned char key[SEEN_KEY_BYTES];
    struct tl_str source, id;

    /* What is hidden of what the bus says has a number as its id: it is not looked for. */
    if (f->flags & FRAME_BUS && f->flags & FRAME_HIDDEN)
        return 0;
    if (codec_event_name(f->payload, &source, &id) != 0)
        return TL_EDAMAGED;
    store_seen_key(key, c->key, source, id);
    seen_add(c->seen, key, f->number);
    return 0;
}

static int
take(const struct catchup *c, const struct frame *f, bool fold_it, bool see_it,
     struct arena *arena)
{
    struct tl_event ev;
    int err = see_it ? see(c, f) : 0;

    if (err != 0 || !fold_it)
        return err;
    arena_reset(arena);
    if (codec_decode(CODEC_EVENT, &ev, f->payload, arena) != 0)
        return TL_EDAMAGED;
    return fold_event(c->fold, f, &ev);
}

int
catchup_run(const struct catchup *c, uint64_t to, char why[STORE_WHY_BYTES])
{
    uint64_t folded = views_checkpoint(c->fold->views);
    uint64_t sealed = c->seen != NULL ? seen_sealed(c->seen) : UINT64_MAX;
    uint64_t from = (folded < sealed ? folded : sealed) + 1, since = 0;
    struct arena arena;
    struct frame f;
    int err = 0;

    why[0] = '\0';
    if (folded > to) {
        snprintf(why, STORE_WHY_BYTES,
                 "the views are folded to event %llu but the log ends at %llu: it lost events; "
                 "restore it, or make the views anew with `touchline rebuild`",
                 (unsigned long long)folded, (unsigned long long)to);
        return TL_EDAMAGED;
    }
    arena_init(&arena, CODEC_BUDGET_BYTES);
    for (uint64_t number = from; number <= to && err == 0; number++) {
        if ((err = log_read(c->log, number, &f, why)) != 0)
            break;
        err = take(c, &f, number > folded, number > sealed, &arena);
        if (err != 0)
            snprintf(why, STORE_WHY_BYTES, "event %llu cannot be folded: %s",
                     (unsigned long long)number, tl_code_sentence(err));
        if (err == 0 && number > folded && ++since == c->flush_events) {
            since = 0;
            err = checkpoint(c, number);
        }
        if (number % READ_EVENTS == 0)
            views_end_read(c->fold->views);
        if (err == 0 && c->cancelled != NULL && atomic_load(c->cancelled)) {
            snprintf(why, STORE_WHY_BYTES, "too much arrives meanwhile; try when it is calmer");
            err = TL_BUSY;
        }
        if (c->progress != NULL && number % PROGRESS_EVENTS == 0)
            c->progress(c->progress_arg, number, to);
    }
    arena_fini(&arena);
    views_end_read(c->fold->views);
    if (err == 0 && (err = views_settle(c->fold->views)) == TL_NO_SPACE)
        err = 0;
    if (err == 0)
        err = views_fault(c->fold->views);
    if (err != 0 && why[0] == '\0')
        snprintf(why, STORE_WHY_BYTES,
                 "the views cannot be used: %s; make them anew with `touchline rebuild`",
                 tl_code_sentence(err));
    return err;
}
