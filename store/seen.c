#include "store/seen.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "proto/code.h"
#include "store/file.h"
#include "store/fresh.h"
#include "store/run.h"

#define WHY_BYTES 512
#define MERGE_STEP 65536        /* entries between two looks at what else is to do */

struct runs {
    struct run **run;           /* oldest first: each begins behind the one before */
    size_t count;
};

struct seen {
    int dir;
    char *path;
    struct fresh *active;
    struct fresh *sealing;      /* newest first; the loop changes the list, under the lock */
    struct runs runs;           /* the loop's */
    struct runs disk;           /* the background thread's: ahead of `runs` until there is news */

    pthread_t thread;
    bool thread_runs;
    pthread_mutex_t lock;       /* of all below, and of `written` in the tables */
    pthread_cond_t changed;
    _Atomic bool news;          /* `made` is newer than `runs` */
    struct runs made;
    struct run *merged;         /* not in `made` any more, perhaps still in `runs` */
    struct run *old_runs;       /* nobody's: to be freed in the background */
    struct fresh *old_tables;
    bool busy;
    bool stop;
    int err;                    /* of the last try; the next seal tries again */
};

static void
insert(struct runs *runs, size_t at, struct run *r)
{
    runs->run = realloc(runs->run, (runs->count + 1) * sizeof *runs->run);
    must(runs->run != NULL);
    memmove(runs->run + at + 1, runs->run + at, (runs->count - at) * sizeof *runs->run);
    runs->run[at] = r;
    runs->count++;
}

static void
copy(struct runs *to, const struct runs *from)
{
    free(to->run);
    to->run = malloc((from->count + 1) * sizeof *to->run);
    must(to->run != NULL);
    if (from->count > 0)
        memcpy(to->run, from->run, from->count * sizeof *to->run);
    to->count = from->count;
}

static void
push_run(struct run **list, struct run *r)
{
    r->next = *list;
    *list = r;
}

static void
free_runs(struct run *list)
{
    while (list != NULL) {
        struct run *r = list;

        list = r->next;
        run_close(&r);
    }
}

static void
free_tables(struct fresh *list)
{
    while (list != NULL) {
        struct fresh *f = list;

        list = f->next;
        fresh_free(&f);
    }
}

/* ------------------------------------------------------------- background */

/* What follows is called with the lock held and leaves it while it works. */

static void
free_old(struct seen *s)
{
    struct run *runs = s->old_runs;
    struct fresh *tables = s->old_tables;

    s->old_runs = NULL;
    s->old_tables = NULL;
    pthread_mutex_unlock(&s->lock);
    free_runs(runs);
    free_tables(tables);
    pthread_mutex_lock(&s->lock);
}

static struct fresh *
oldest_unwritten(const struct seen *s)
{
    struct fresh *found = NULL;

    for (struct fresh *f = s->sealing; f != NULL; f = f->next)
        if (!f->written)
            found = f;
    return found;
}

static int
write_table(const struct seen *s, const struct fresh *f, struct run **out)
{
    struct fresh_slot *slots = NULL;
    struct run_writer w;
    size_t most = 1, all = 0;

    for (size_t part = 0; part < FRESH_PARTS; part++) {
        all += f->parts[part].count;
        if (most < f->parts[part].count)
            most = f->parts[part].count;
    }
    slots = malloc(most * sizeof *slots);
    must(slots != NULL);
    run_start(&w, s->dir, f->first, f->last, all);
    for (size_t part = 0; part < FRESH_PARTS; part++) {
        size_t count = fresh_sorted(f, part, slots);

        for (size_t i = 0; i < count; i++)
            run_add(&w, slots[i].key, fresh_number(&slots[i]));
    }
    free(slots);
    return run_finish(&w, out);
}

static void
publish(struct seen *s)
{
    copy(&s->made, &s->disk);
    atomic_store_explicit(&s->news, true, memory_order_release);
}

static void
write_oldest(struct seen *s, struct fresh *f)
{
    struct run *r;
    int err;

    pthread_mutex_unlock(&s->lock);
    err = write_table(s, f, &r);
    pthread_mutex_lock(&s->lock);
    s->err = err;
    if (err != 0)
        return;
    insert(&s->disk, s->disk.count, r);
    f->written = true;
    publish(s);
}

/* Two neighbours, the smallest together. */
static size_t
choose_pair(const struct runs *runs)
{
    size_t best = 0;

    for (size_t i = 1; i + 1 < runs->count; i++)
        if (runs->run[i]->count + runs->run[i + 1]->count
            < runs->run[best]->count + runs->run[best + 1]->count)
            best = i;
    return best;
}

/* Events go on while a large merge runs: their tables are written, and let go, in
 * between. */
static bool
merge_may_go_on(struct seen *s)
{
    struct fresh *f;
    bool stop;

    pthread_mutex_lock(&s->lock);
    free_old(s);
    while (!s->stop && s->err == 0 && (f = oldest_unwritten(s)) != NULL)
        write_oldest(s, f);
    stop = s->stop;
    pthread_mutex_unlock(&s->lock);
    return !stop;
}

static bool
comes_first(const struct run *a, uint64_t i, const struct run *b, uint64_t j)
{
    if (i == a->count || j == b->count)
        return j == b->count;
    return memcmp(run_entry(a, i), run_entry(b, j), SEEN_KEY_BYTES) < 0;
}

static bool
merge_entries(struct seen *s, struct run_writer *w, const struct run *a, const struct run *b)
{
    uint64_t i = 0, j = 0;

    while (i < a->count || j < b->count) {
        const unsigned char *entry =
            comes_first(a, i, b, j) ? run_entry(a, i++) : run_entry(b, j++);

        run_add(w, entry, run_number(entry));
        if ((i + j) % MERGE_STEP == 0 && !merge_may_go_on(s))
            return false;
    }
    return true;
}

static int
remove_run(const struct seen *s, const struct run *r)
{
    char name[RUN_NAME_BYTES];

    run_name(name, r->first, r->last);
    return unlinkat(s->dir, name, 0) == 0 ? 0 : TL_EIO;
}

/* Until the merged run has its name the old ones are there; after that they are
 * covered by it, and a start removes them if we do not come to it. */
static int
merge_pair(struct seen *s, const struct run *a, const struct run *b, struct run **out)
{
    struct run_writer w;
    int err;

    run_read_through(a);
    run_read_through(b);
    run_start(&w, s->dir, a->first, b->last, a->count + b->count);
    if (!merge_entries(s, &w, a, b)) {
        run_give_up(&w);
        return TL_ECLOSED;
    }
    if ((err = run_finish(&w, out)) == 0 && (err = remove_run(s, a)) == 0)
        err = remove_run(s, b);
    return err;
}

static void
merge(struct seen *s)
{
    size_t at = choose_pair(&s->disk);
    struct run *a = s->disk.run[at], *b = s->disk.run[at + 1], *both = NULL;
    int err;

    pthread_mutex_unlock(&s->lock);
    err = merge_pair(s, a, b, &both);
    pthread_mutex_lock(&s->lock);
    if (err != TL_ECLOSED && err != 0)
        s->err = err;
    if (both == NULL)
        return;
    s->disk.run[at] = both;
    s->disk.count--;
    memmove(s->disk.run + at + 1, s->disk.run + at + 2,
            (s->disk.count - at - 1) * sizeof(struct run *));
    push_run(&s->merged, a);
    push_run(&s->merged, b);
    publish(s);
}

static void *
work(void *arg)
{
    struct seen *s = arg;
    struct fresh *f;

    pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        s->busy = true;
        if (s->old_runs != NULL || s->old_tables != NULL) {
            free_old(s);
        } else if (s->err == 0 && (f = oldest_unwritten(s)) != NULL) {
            write_oldest(s, f);
        } else if (s->err == 0 && s->disk.count > SEEN_RUNS_MAX) {
            merge(s);
        } else {
            s->busy = false;
            pthread_cond_broadcast(&s->changed);
            pthread_cond_wait(&s->changed, &s->lock);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---------------------------------------------------------------- opening */

struct names {
    struct run_span {
        uint64_t first, last;
    } *span;
    size_t count;
};

static int
add_name(void *arg, const char *name)
{
    struct names *names = arg;
    struct run_span span;
    char again[RUN_NAME_BYTES];

    if (sscanf(name, "%16" SCNx64 "-%16" SCNx64 ".run", &span.first, &span.last) != 2)
        return 0;
    run_name(again, span.first, span.last);
    if (strcmp(name, again) != 0)
        return 0;
    names->span = realloc(names->span, (names->count + 1) * sizeof *names->span);
    must(names->span != NULL);
    names->span[names->count++] = span;
    return 0;
}

/* By where they begin; of those the longest first. */
static int
compare_spans(const void *a, const void *b)
{
    const struct run_span *x = a, *y = b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (x->last < y->last) - (x->last > y->last);
}

static int
open_run(struct seen *s, const struct run_span *span, char *why)
{
    char name[RUN_NAME_BYTES];
    struct run *r;
    int err = run_open(&r, s->dir, span->first, span->last);

    if (err == 0) {
        insert(&s->disk, s->disk.count, r);
        return 0;
    }
    run_name(name, span->first, span->last);
    if (err == TL_EIO)
        snprintf(why, WHY_BYTES, "%s/%s: %s", s->path, name, strerror(errno));
    else if (err == TL_EFORMAT)
        snprintf(why, WHY_BYTES, "%s/%s: it has a format this program does not know", s->path,
                 name);
    else
        snprintf(why, WHY_BYTES,
                 "%s/%s: it is damaged; move it away, and its part is made again from the log",
                 s->path, name);
    return err;
}

static int
remove_covered(const struct seen *s, const struct run_span *span)
{
    char name[RUN_NAME_BYTES];

    run_name(name, span->first, span->last);
    return unlinkat(s->dir, name, 0) == 0 ? 0 : TL_EIO;
}

/* A run that begins beyond a gap is of no use: what is before it will be read
 * from the log again, and so on to the end. */
static int
open_runs(struct seen *s, const struct names *names, char *why)
{
    uint64_t next = 1;
    int err = 0;

    for (size_t i = 0; i < names->count && err == 0; i++) {
        const struct run_span *span = &names->span[i];

        if (span->first == next && span->last >= next) {
            if ((err = open_run(s, span, why)) == 0)
                next = span->last + 1;
        } else if (span->last < next) {
            err = remove_covered(s, span);
        }
    }
    return err;
}

static int
start(struct seen *s, char *why)
{
    struct names names = {0};
    int err;

    if ((err = file_open_dir(s->path, &s->dir)) != 0
        || (err = file_remove_unfinished(s->dir)) != 0)
        return err;
    if ((err = file_list(s->dir, add_name, &names)) == 0) {
        if (names.count > 1)
            qsort(names.span, names.count, sizeof *names.span, compare_spans);
        err = open_runs(s, &names, why);
    }
    free(names.span);
    if (err != 0)
        return err;
    copy(&s->runs, &s->disk);
    if ((errno = pthread_create(&s->thread, NULL, work, s)) != 0)
        return TL_EIO;
    s->thread_runs = true;
    return 0;
}

int
seen_open(struct seen **out, const char *dir, char *why)
{
    struct seen *s = calloc(1, sizeof *s);
    int err;

    must(s != NULL);
    why[0] = '\0';
    s->dir = -1;
    s->path = strdup(dir);
    must(s->path != NULL);
    s->active = fresh_new();
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    if ((err = start(s, why)) != 0) {
        if (why[0] == '\0')
            snprintf(why, WHY_BYTES, "%s: %s", dir, strerror(errno));
        seen_close(&s);
    }
    *out = s;
    return err;
}

static void
stop(struct seen *s)
{
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
}

void
seen_close(struct seen **seen)
{
    struct seen *s = *seen;

    *seen = NULL;
    if (s == NULL)
        return;
    if (s->thread_runs)
        stop(s);
    for (size_t i = 0; i < s->disk.count; i++)
        run_close(&s->disk.run[i]);
    free_runs(s->merged);
    free_runs(s->old_runs);
    free_tables(s->sealing);
    free_tables(s->old_tables);
    fresh_free(&s->active);
    free(s->disk.run);
    free(s->made.run);
    free(s->runs.run);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    if (s->dir >= 0)
        close(s->dir);
    free(s->path);
    free(s);
}

/* --------------------------------------------------------------- the loop */

/* Tables that became runs are let go, together with runs that were merged. */
static void
take_news(struct seen *s)
{
    struct run *r;

    if (!atomic_load_explicit(&s->news, memory_order_acquire))
        return;
    pthread_mutex_lock(&s->lock);
    copy(&s->runs, &s->made);
    for (struct fresh **f = &s->sealing; *f != NULL;) {
        struct fresh *done = *f;

        if (!done->written) {
            f = &done->next;
            continue;
        }
        *f = done->next;
        done->next = s->old_tables;
        s->old_tables = done;
    }
    while ((r = s->merged) != NULL) {
        s->merged = r->next;
        push_run(&s->old_runs, r);
    }
    atomic_store_explicit(&s->news, false, memory_order_relaxed);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

uint64_t
seen_sealed(const struct seen *seen)
{
    return seen->runs.count > 0 ? seen->runs.run[seen->runs.count - 1]->last : 0;
}

void
seen_expect(const struct seen *seen, const unsigned char key[SEEN_KEY_BYTES])
{
    fresh_prefetch(seen->active, key);
    for (const struct fresh *f = seen->sealing; f != NULL; f = f->next)
        fresh_prefetch(f, key);
    for (size_t i = 0; i < seen->runs.count; i++)
        run_prefetch(seen->runs.run[i], key);
}

uint64_t
seen_find(const struct seen *seen, const unsigned char key[SEEN_KEY_BYTES])
{
    uint64_t number;

    for (size_t i = 0; i < seen->runs.count; i++)
        run_prefetch(seen->runs.run[i], key);
    if ((number = fresh_find(seen->active, key)) != 0)
        return number;
    for (const struct fresh *f = seen->sealing; f != NULL; f = f->next)
        if ((number = fresh_find(f, key)) != 0)
            return number;
    for (size_t i = seen->runs.count; i > 0; i--)
        if ((number = run_find(seen->runs.run[i - 1], key)) != 0)
            return number;
    return 0;
}

void
seen_add(struct seen *seen, const unsigned char key[SEEN_KEY_BYTES], uint64_t number)
{
    take_news(seen);
    fresh_add(seen->active, key, number);
}

/* The last number handed over. */
static uint64_t
handed(const struct seen *s)
{
    return s->sealing != NULL ? s->sealing->last : seen_sealed(s);
}

void
seen_seal(struct seen *seen, uint64_t last)
{
    struct fresh *full = seen->active;

    take_news(seen);
    pthread_mutex_lock(&seen->lock);
    if (last > handed(seen)) {
        seen->active = fresh_new();
        fresh_add_after(seen->active, full, last);
        full->first = handed(seen) + 1;
        full->last = last;
        full->next = seen->sealing;
        seen->sealing = full;
    }
    seen->err = 0;
    pthread_cond_broadcast(&seen->changed);
    pthread_mutex_unlock(&seen->lock);
}

static bool
settled(const struct seen *s)
{
    return !s->busy
           && (s->err != 0 || (oldest_unwritten(s) == NULL && s->disk.count <= SEEN_RUNS_MAX));
}

int
seen_settle(struct seen *seen)
{
    int err;

    pthread_mutex_lock(&seen->lock);
    while (!settled(seen))
        pthread_cond_wait(&seen->changed, &seen->lock);
    err = seen->err;
    pthread_mutex_unlock(&seen->lock);
    take_news(seen);
    return err;
}

uint64_t
seen_bytes(const struct seen *seen)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < seen->runs.count; i++)
        bytes += seen->runs.run[i]->bytes;
    return bytes;
}
