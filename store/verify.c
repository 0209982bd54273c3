/* Proof that the views are a fold of the log, and making them anew. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "proto/code.h"
#include "proto/codec.h"
#include "proto/str.h"
#include "store/file.h"
#include "store/key.h"
#include "store/state.h"

#define PATH_BYTES 4096
#define EXAMPLES_MAX 10

/* ------------------------------------------------------------ directories */

static void
remove_dir(const char *path)
{
    char name[PATH_BYTES + 300];
    DIR *dir = opendir(path);
    struct dirent *entry;

    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL) {
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.')
            unlink(name);
    }
    closedir(dir);
    rmdir(path);
}

static int
fresh_dir(const char *path, char *why)
{
    remove_dir(path);
    if (mkdir(path, 0700) == 0)
        return 0;
    snprintf(why, STORE_WHY_BYTES, "cannot make %.300s: %s", path, strerror(errno));
    return file_code(errno);
}

/* -------------------------------------------------------- folding it anew */

static void
flushed(void *arg)
{
    (void)arg;      /* settled for below */
}

/* Folds the log up to `to` into fresh views in `dir`. */
static int
fold_anew(const struct catchup *with, const char *dir, uint64_t to, size_t memory_bytes,
          struct views **out, char why[STORE_WHY_BYTES])
{
    struct catchup c = *with;
    struct fold fold;
    int err = views_open(out, dir, memory_bytes, why);

    if (err != 0)
        return err;
    err = fold_init(&fold, *out);
    c.fold = &fold;
    if (err == 0)
        err = catchup_run(&c, to, why);
    if (err == 0)
        err = views_settle(*out);
    if (err == 0 && to > views_checkpoint(*out)) {
        fold_store(&fold);
        views_freeze(*out, to, flushed, NULL);
        err = views_settle(*out);
    }
    if (err != 0 && why[0] == '\0')
        snprintf(why, STORE_WHY_BYTES, "the views cannot be written: %s", tl_code_sentence(err));
    fold_fini(&fold);
    return err;
}

/* -------------------------------------------------------------- comparing */

static const char *
section_name(unsigned char section)
{
    switch (section) {
    case KEY_CARD: return "card";
    case KEY_ATTRIBUTE: return "attribute";
    case KEY_CONSENT: return "consent";
    case KEY_FEEDBACK: return "feedback";
    case KEY_FEEDBACK_ORDER: return "order of feedback";
    case KEY_HOUSEHOLD: return "household";
    case KEY_LINKS: return "links";
    case KEY_CONVERSATION: return "conversation";
    case KEY_CONVERSATION_ORDER: return "order of conversations";
    case KEY_COMMITMENT: return "commitment";
    case KEY_OFFER: return "offer";
    case KEY_TIMELINE: return "timeline";
    case KEY_OFFER_ORDER: return "order of offers";
    default: return "unknown section";
    }
}

static void
describe(struct tl_str key, const char *what, char *out, size_t out_bytes)
{
    if (key.len >= KEY_PROFILE_BYTES && key.ptr[0] == 'P')
        snprintf(out, out_bytes, "profile %llu, %s: %s",
                 (unsigned long long)key_read_profile(key),
                 section_name((unsigned char)key.ptr[KEY_PROFILE_BYTES - 1]), what);
    else if (key.len > 0 && key.ptr[0] == 'I')
        snprintf(out, out_bytes, "identifier %.40s: %s", key.ptr + 1, what);
    else if (key.len > 1 && (key.ptr[1] == KEY_DUE || key.ptr[1] == KEY_DUE_OF))
        snprintf(out, out_bytes, "due times: %s", what);
    else if (key.len > 1 && (key.ptr[1] == KEY_MEMBER || key.ptr[1] == KEY_MEMBER_PAST))
        snprintf(out, out_bytes, "members of households: %s", what);
    else if (key.len > 1 && key.ptr[1] == KEY_COUNTED)
        snprintf(out, out_bytes, "what is counted of a profile: %s", what);
    else
        snprintf(out, out_bytes, "counters: %s", what);
}

static int
add_example(struct tl_verification *out, const char *text, struct arena *arena)
{
    void *copy;

    out->differences++;
    if (out->examples_count == EXAMPLES_MAX)
        return 0;
    copy = arena_copy(arena, text, strlen(text));
    if (copy == NULL)
        return TL_TOO_MANY;
    out->examples[out->examples_count++] = (struct tl_str){copy, strlen(text)};
    return 0;
}

static int
add_record(struct tl_verification *out, struct tl_str key, const char *what, struct arena *arena)
{
    char text[200];

    describe(key, what, text, sizeof(text));
    return add_example(out, text, arena);
}

static int
compare_table(struct views_rest *kept, struct views_rest *folded, const char *table,
              struct tl_verification *out, struct arena *arena)
{
    struct views_walk a, b;
    bool a_more = views_rest_first(kept, &a, table, 1);
    bool b_more = views_rest_first(folded, &b, table, 1);
    int err = 0;

    while ((a_more || b_more) && err == 0) {
        int order = !a_more ? 1 : !b_more ? -1 : str_compare(a.key, b.key);

        out->records++;
        if (order < 0)
            err = add_record(out, a.key, "is in the views and not in the log", arena);
        else if (order > 0)
            err = add_record(out, b.key, "is missing", arena);
        else if (!str_equal(a.value, b.value))
            err = add_record(out, a.key, "differs", arena);
        if (order <= 0)
            a_more = views_next(&a);
        if (order >= 0)
            b_more = views_next(&b);
    }
    views_end(&a);
    views_end(&b);
    if (err == 0)
        err = views_rest_error(kept);
    return err != 0 ? err : views_rest_error(folded);
}

static int
compare(struct views_rest *kept, struct views *folded_views, struct tl_verification *out,
        struct arena *arena)
{
    struct views_rest *folded = views_rest_new(folded_views);
    int err = 0;

    for (const char *table = "PIG"; *table != '\0' && err == 0; table++)
        err = compare_table(kept, folded, table, out, arena);
    views_rest_free(&folded);
    return err;
}

/* ------------------------------------------------------------------ the job */

struct store_verify {
    struct store *store;        /* its log, key and settings do not change */
    struct views_rest *kept;
    uint64_t number;
    atomic_bool cancelled;
    pthread_mutex_t running;    /* held while it runs */
};

int
store_verify_begin(struct store *st, uint64_t from, struct store_verify **out)
{
    struct store_verify *v;

    if (from > st->wanted)
        st->wanted = from;
    if (st->flushing || !views_idle(st->views) || st->verifying != NULL ||
        views_checkpoint(st->views) < from)
        return TL_BUSY;
    v = calloc(1, sizeof(*v));
    must(v != NULL);
    v->store = st;
    v->kept = views_rest_new(st->views);
    v->number = views_checkpoint(st->views);
    must(pthread_mutex_init(&v->running, NULL) == 0);
    st->verifying = *out = v;
    return 0;
}

void
store_verify_cancel(struct store_verify *v)
{
    atomic_store(&v->cancelled, true);
}

void
store_verify_stop(struct store_verify *v)
{
    store_verify_cancel(v);
    pthread_mutex_lock(&v->running);
    views_rest_free(&v->kept);
    pthread_mutex_unlock(&v->running);
}

void
store_verify_end(struct store *st, struct store_verify **v)
{
    views_rest_free(&(*v)->kept);
    pthread_mutex_destroy(&(*v)->running);
    free(*v);
    *v = NULL;
    st->verifying = NULL;
}

/* Their file first: what is damaged there may lead LMDB astray. */
static int
scrub(struct store_verify *v, char *why)
{
    bool whole = false;
    int err = 0;

    while (err == 0 && !whole && !atomic_load(&v->cancelled))
        err = views_rest_scrub(v->kept, &whole, why);
    return err;
}

static int
run(struct store_verify *v, struct tl_verification *out, struct arena *arena,
    char why[STORE_WHY_BYTES])
{
    struct store *st = v->store;
    struct catchup c = {.log = st->log,
                        .key = st->key,
                        .flush_events = st->settings.flush_events,
                        .cancelled = &v->cancelled};
    char dir[PATH_BYTES], position[POSITION_BYTES + 1];
    struct views *folded = NULL;
    int err;

    why[0] = '\0';
    *out = (struct tl_verification){.events = v->number};
    store_path(&st->settings, "verify.tmp", dir, sizeof(dir));
    position_format(position, (struct position){store_log_id(st), v->number});
    out->position = (struct tl_str){arena_copy(arena, position, POSITION_BYTES), POSITION_BYTES};
    out->examples = arena_alloc(arena, EXAMPLES_MAX * sizeof(out->examples[0]));
    if (out->position.ptr == NULL || out->examples == NULL)
        return TL_TOO_MANY;
    if ((err = scrub(v, why)) == TL_EDAMAGED)
        return add_example(out, why, arena);
    if (err != 0 || (err = fresh_dir(dir, why)) != 0)
        return err;
    err = fold_anew(&c, dir, v->number, st->settings.views_bytes, &folded, why);
    if (err == 0 && (err = compare(v->kept, folded, out, arena)) != 0)
        snprintf(why, STORE_WHY_BYTES, "the views cannot be read: %s; run `touchline rebuild`",
                 tl_code_sentence(err));
    views_close(&folded);
    remove_dir(dir);
    out->ok = err == 0 && out->differences == 0;
    return err;
}

int
store_verify_run(struct store_verify *v, struct tl_verification *out, struct arena *arena,
                 char why[STORE_WHY_BYTES])
{
    int err = TL_BUSY;

    pthread_mutex_lock(&v->running);
    if (v->kept != NULL)
        err = run(v, out, arena, why);
    else
        snprintf(why, STORE_WHY_BYTES, "the views were reopened meanwhile; try again");
    pthread_mutex_unlock(&v->running);
    return err;
}

int
store_verify(struct store *st, struct tl_verification *out, struct arena *arena,
             char why[STORE_WHY_BYTES])
{
    struct store_verify *v;
    int err = store_checkpoint(st);

    if (err != 0) {
        snprintf(why, STORE_WHY_BYTES, "a checkpoint failed: %s", tl_code_sentence(err));
        return err;
    }
    if ((err = store_verify_begin(st, st->admitted, &v)) != 0)
        return err;
    err = store_verify_run(v, out, arena, why);
    store_verify_end(st, &v);
    return err;
}

/* ---------------------------------------------------------------- rebuild */

static int
swap_in(const char *made, const char *kept, const char *old, char *why)
{
    remove_dir(old);
    if (rename(kept, old) != 0 && errno != ENOENT) {
        snprintf(why, STORE_WHY_BYTES, "cannot rename %.300s: %s", kept, strerror(errno));
        return TL_EIO;
    }
    if (rename(made, kept) != 0) {
        snprintf(why, STORE_WHY_BYTES, "cannot rename %.300s: %s", made, strerror(errno));
        return TL_EIO;
    }
    remove_dir(old);
    return 0;
}

static int
rebuild_parts(struct store *st, const struct catchup *c, char why[STORE_WHY_BYTES])
{
    char views[PATH_BYTES], views_new[PATH_BYTES], views_old[PATH_BYTES];
    char seen[PATH_BYTES], seen_new[PATH_BYTES], seen_old[PATH_BYTES];
    struct catchup with = *c;
    struct views *made = NULL;
    int err;

    store_path(&st->settings, "views", views, sizeof(views));
    store_path(&st->settings, "views.new", views_new, sizeof(views_new));
    store_path(&st->settings, "views.old", views_old, sizeof(views_old));
    store_path(&st->settings, "seen", seen, sizeof(seen));
    store_path(&st->settings, "seen.new", seen_new, sizeof(seen_new));
    store_path(&st->settings, "seen.old", seen_old, sizeof(seen_old));
    if ((err = fresh_dir(views_new, why)) != 0 || (err = fresh_dir(seen_new, why)) != 0 ||
        (err = seen_open(&st->seen, seen_new, why)) != 0)
        return err;
    with.seen = st->seen;
    err = fold_anew(&with, views_new, log_head(st->log), st->settings.views_bytes, &made, why);
    views_close(&made);
    if (err == 0 && log_segment_first(st->log) > 1) {
        seen_seal(st->seen, log_segment_first(st->log) - 1);
        err = seen_settle(st->seen);
    }
    seen_close(&st->seen);
    if (err == 0)
        err = swap_in(views_new, views, views_old, why);
    if (err == 0)
        err = swap_in(seen_new, seen, seen_old, why);
    return err;
}

int
store_rebuild(const struct store_settings *s,
              void (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
              char why[STORE_WHY_BYTES])
{
    struct store *st;
    struct catchup c = {.progress = progress, .progress_arg = arg};
    int err = store_open_log(&st, s, why);

    if (err != 0)
        return err;
    c.log = st->log;
    c.key = st->key;
    c.flush_events = st->settings.flush_events;
    err = rebuild_parts(st, &c, why);
    if (err != 0 && why[0] == '\0')
        snprintf(why, STORE_WHY_BYTES, "%s", tl_code_sentence(err));
    store_let_go(&st);
    return err;
}
