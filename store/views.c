#include "store/views.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/must.h"
#include "proto/code.h"
#include "store/generation.h"
#include "store/known.h"
#include "store/layers.h"
#include "store/scrub.h"
#include "store/txn.h"
#include "store/walk.h"

/* Address space costs nothing until it is used, and growing a map throws its
 * page tables away: it doubles, so that happens a few times in its life. */
#define MAP_BYTES_MIN ((size_t)64 << 20)
#define MAP_SLACK_BYTES ((size_t)64 << 20)

#define PAGE_BYTES 4096

/* In one transaction, about.  What it writes stands before the sync that an event waits
 * for, and the disk's queue (256 with Linux) lets nobody in when it is full: 80 MB/s in
 * transactions of 6144 pages make one sync in a hundred take 8 ms, of 128 none. */
#define FLUSH_PAGES_MAX 32

/* A patient flush rests four times as long as each of them took. */
#define PATIENT_RESTS 4
#define REST_NS_MAX (100 * CLOCK_MS)

/* Identifiers read at the end of a flush, which must not keep the next waiting. */
#define LEARNED_A_FLUSH_MAX 1000000

/* Two bytes for 256 of records: most words then speak of one record. */
#define LAYERS_SHARE 128

/* Of the memory, what is left for blocks that no generation has at the moment. */
#define SPARE_SHARE 8

#define LINE_BYTES 64                   /* of the processor's cache */
#define FETCHED_BYTES_MAX 1024

#define META_BYTES 12
static const unsigned char META_KEY[] = {0};

struct views {
    struct txn_env *env;                /* NULL: a part, in memory alone */
    struct views_part part;
    struct txn reader;
    struct scrub *scrub;
    struct generation *active;
    struct generation *flushing;        /* NULL, being flushed, or waiting for the next try */
    /* Those two, and before them the flushed ones that are kept to read from: as
     * many as there is memory for, since a look into LMDB costs ten times one into
     * memory.  A ring: the oldest goes first. */
    struct generation *generations[LAYERS_MAX];
    unsigned newest;                    /* the active one's number */
    unsigned count;
    struct layers layers;
    size_t room_until;                  /* bytes of `active` at which one of those must go */
    struct known *known;                /* identifiers LMDB may have; NULL: not known yet */
    struct slab_block *spare;
    size_t memory_bytes;
    uint64_t checkpoint;
    unsigned walks;                     /* open ones */

    atomic_bool hurry;
    bool running;                       /* the flusher; what follows is its until it is joined */
    pthread_t flusher;
    struct slab_block *surplus;
    size_t wanted_bytes;                /* the generations to come need so much more memory */
    struct slab_block *ready;           /* which is made ready for them */
    struct known *learning;             /* as far as learned_to; or NULL */
    unsigned char learned_to[GENERATION_KEY_BYTES_MAX];
    size_t learned_to_len;
    struct known *learned;              /* whole: takes the place of `known`; or NULL */
    uint64_t number;
    int result;
    void (*done)(void *arg);
    void *arg;
};

/* ------------------------------------------------------- format and number */

static void
put_meta(struct txn *t, uint64_t number)
{
    struct buf meta = {0};

    buf_u32(&meta, VIEWS_FORMAT);
    buf_u64(&meta, number);
    must(!meta.failed && meta.len == META_BYTES);
    txn_put(t, META_KEY, sizeof META_KEY, meta.ptr, meta.len);
    buf_free(&meta);
}

static uint64_t
read_little(const char *bytes, size_t len)
{
    uint64_t v = 0;

    while (len-- > 0)
        v = v << 8 | (unsigned char)bytes[len];
    return v;
}

static int
make_meta(struct views *v)
{
    struct txn_cursor c;
    struct txn t;
    bool empty;

    txn_cursor_open(&c, &v->reader);
    empty = !txn_cursor_last(&c);
    txn_cursor_close(&c);
    txn_reader_end(&v->reader);
    if (v->reader.error != 0)
        return v->reader.error;
    if (!empty)
        return TL_EDAMAGED;
    v->known = known_new(0);
    txn_begin(&t, v->env);
    put_meta(&t, 0);
    return txn_commit(&t);
}

static int
read_meta(struct views *v, const char *dir, char why[VIEWS_WHY_BYTES])
{
    struct tl_str meta;
    int err = 0;

    if (!txn_get(&v->reader, META_KEY, sizeof META_KEY, &meta)) {
        if ((err = v->reader.error) == 0)
            err = make_meta(v);
        if (err == 0)
            return 0;
        snprintf(why, VIEWS_WHY_BYTES, "%s: %s", dir,
                 err == TL_EDAMAGED ? "the views do not say their format; make them anew with "
                                      "`touchline rebuild`"
                                    : tl_code_sentence(err));
        return err;
    }
    if (meta.len < 4 || read_little(meta.ptr, 4) != VIEWS_FORMAT) {
        snprintf(why, VIEWS_WHY_BYTES,
                 "%s: the views are of format %u and this program knows format %d; "
                 "use the program that made them, or `touchline rebuild`",
                 dir, meta.len < 4 ? 0 : (unsigned)read_little(meta.ptr, 4), VIEWS_FORMAT);
        return TL_EFORMAT;
    }
    if (meta.len != META_BYTES) {
        snprintf(why, VIEWS_WHY_BYTES, "%s: the views' checkpoint is damaged", dir);
        return TL_EDAMAGED;
    }
    v->checkpoint = read_little(meta.ptr + 4, 8);
    txn_reader_end(&v->reader);
    return 0;
}

/* ------------------------------------------------------------- generations */

static unsigned
clean_count(const struct views *v)
{
    return v->count - (v->flushing != NULL ? 2 : 1);
}

static unsigned
oldest(const struct views *v)
{
    return (v->newest - v->count + 1) % LAYERS_MAX;
}

static void
drop_oldest(struct views *v)
{
    unsigned layer = oldest(v);

    must(clean_count(v) > 0);
    layers_forget(&v->layers, layer);
    generation_free(&v->generations[layer]);
    v->count--;
}

static void
add_active(struct views *v, const struct generation *like)
{
    if (v->count == LAYERS_MAX)
        drop_oldest(v);
    v->newest = (v->newest + 1) % LAYERS_MAX;
    v->count++;
    v->generations[v->newest] = v->active = generation_new(&v->spare, like);
}

/* What was not flushed is flushed together with what came since, as one. */
static void
merge_into_flushing(struct views *v)
{
    unsigned from = v->newest, to = (from - 1) % LAYERS_MAX;

    v->generations[to] = v->flushing = generation_merge(&v->flushing, &v->active);
    v->generations[from] = NULL;
    layers_move(&v->layers, from, to);
    v->newest = to;
    v->count--;
}

#define ACTIVE (1u << (LAYERS_MAX - 1))

/* Which may have it, as bits: the active one's is the highest, that of the one
 * before it the next. */
static unsigned
where(const struct views *v, uint64_t hash)
{
    unsigned layers = layers_of(&v->layers, hash);

    return (layers << (LAYERS_MAX - 1 - v->newest) | layers >> (v->newest + 1)) &
           (ACTIVE | (ACTIVE - 1));
}

static const struct generation *
take_newest(const struct views *v, unsigned *where)
{
    unsigned age = (unsigned)__builtin_clz(*where) - (32 - LAYERS_MAX);

    *where &= ~(ACTIVE >> age);
    return v->generations[(v->newest - age) % LAYERS_MAX];
}

/* ---------------------------------------------------------- open and close */

static int
open_file(struct views *v, const char *dir, char why[VIEWS_WHY_BYTES])
{
    bool whole;
    int err;

    if ((err = txn_env_open(&v->env, dir, MAP_BYTES_MIN, why)) != 0)
        return err;
    txn_reader_init(&v->reader, v->env);
    v->scrub = scrub_new(v->env);
    if ((err = scrub_look(v->scrub, VIEWS_SCRUB_NS, &whole, why)) != 0 ||
        (err = read_meta(v, dir, why)) != 0)
        return err;
    scrub_start(v->scrub);
    return 0;
}

int
views_open(struct views **out, const char *dir, size_t memory_bytes, char why[VIEWS_WHY_BYTES])
{
    struct views *v = calloc(1, sizeof *v);
    int err;

    _Static_assert(VIEWS_WHY_BYTES >= TXN_WHY_BYTES, "one sentence");
    must(v != NULL);
    *out = NULL;
    v->memory_bytes = memory_bytes;
    add_active(v, NULL);
    if (memory_bytes < VIEWS_MEMORY_MIN) {
        snprintf(why, VIEWS_WHY_BYTES, "views take %u bytes of memory or more, not %zu",
                 VIEWS_MEMORY_MIN, memory_bytes);
        err = TL_EARGUMENT;
    } else if (!layers_init(&v->layers, memory_bytes / LAYERS_SHARE)) {
        snprintf(why, VIEWS_WHY_BYTES, "views shall take %zu bytes of memory, which this machine "
                 "does not have", memory_bytes);
        err = TL_EARGUMENT;
    } else {
        err = open_file(v, dir, why);
    }
    if (err == 0)
        *out = v;
    else
        views_close(&v);
    return err;
}

void
views_open_part(struct views **out, const struct views_part *part)
{
    struct views *v = calloc(1, sizeof *v);

    must(v != NULL);
    must(layers_init(&v->layers, 0));
    v->part = *part;
    add_active(v, NULL);
    *out = v;
}

void
views_close(struct views **v)
{
    if (*v == NULL)
        return;
    scrub_free(&(*v)->scrub);
    views_hurry(*v);
    if ((*v)->running)
        must(pthread_join((*v)->flusher, NULL) == 0);
    for (size_t i = 0; i < LAYERS_MAX; i++)
        generation_free(&(*v)->generations[i]);
    layers_fini(&(*v)->layers);
    known_free(&(*v)->known);
    known_free(&(*v)->learning);
    known_free(&(*v)->learned);
    slab_free_blocks((*v)->spare);
    slab_free_blocks((*v)->ready);
    txn_reader_fini(&(*v)->reader);
    txn_env_close(&(*v)->env);
    free(*v);
    *v = NULL;
}

uint64_t
views_checkpoint(const struct views *v)
{
    return v->checkpoint;
}

int
views_error(const struct views *v)
{
    return v->reader.error;
}

int
views_fault(struct views *v)
{
    bool damaged = v->reader.damaged || v->reader.error != 0;

    v->reader.damaged = false;
    return damaged ? TL_EDAMAGED : 0;
}

uint64_t
views_bytes(const struct views *v)
{
    return txn_env_bytes(v->env);
}

/* ---------------------------------------------------------------- records */

static bool
is_identifier(const unsigned char *key)
{
    return key[0] == GENERATION_IDENTIFIER;
}

static bool
has(const struct views *v, const void *key, size_t key_len)
{
    return v->env != NULL || v->part.has(v->part.arg, key, key_len);
}

static bool
may_be_in_lmdb(const struct views *v, uint64_t hash, const void *key)
{
    return v->known == NULL || !is_identifier(key) || known_may_have(v->known, hash);
}

bool
views_get(struct views *v, const void *key, size_t key_len, struct tl_str *value)
{
    return views_get_hashed(v, generation_hash(key, key_len), key, key_len, value);
}

/* In the generations of `where`, or in LMDB, which has what was flushed, too. */
static bool
get_from(struct views *v, unsigned where, uint64_t hash, const void *key, size_t key_len,
         struct tl_str *value)
{
    const struct entry *e = NULL;

    while (where != 0 && e == NULL)
        e = generation_get(take_newest(v, &where), hash, key, key_len);
    if (e == NULL && v->env == NULL) {
        has(v, key, key_len);
        return false;
    }
    if (e == NULL)
        return may_be_in_lmdb(v, hash, key) && txn_get(&v->reader, key, key_len, value);
    *value = entry_value(e);
    return e->len != ENTRY_DELETED;
}

bool
views_get_hashed(struct views *v, uint64_t hash, const void *key, size_t key_len,
                 struct tl_str *value)
{
    return get_from(v, where(v, hash), hash, key, key_len, value);
}

/* What is in the active generation is moved by nothing but its own next put. */
bool
views_get_lasting(struct views *v, const void *key, size_t key_len, struct tl_str *value,
                  bool *lasts)
{
    uint64_t hash = generation_hash(key, key_len);
    unsigned layers = where(v, hash);
    const struct entry *e = NULL;

    if (layers & ACTIVE)
        e = generation_get(v->active, hash, key, key_len);
    if (!(*lasts = e != NULL))
        return get_from(v, layers & ~ACTIVE, hash, key, key_len, value);
    *value = entry_value(e);
    /* All of it at once: what reads it jumps from place to place. */
    for (size_t at = 0; at < value->len; at += LINE_BYTES)
        __builtin_prefetch(value->ptr + at);
    return e->len != ENTRY_DELETED;
}

/* ------------------------------------------------------- fetched ahead */

uint64_t
views_hash(const void *key, size_t key_len)
{
    return generation_hash(key, key_len);
}

void
views_ahead(struct views_ahead *a, const struct views *v, uint64_t hash)
{
    *a = (struct views_ahead){.hash = hash};
    layers_fetch(&v->layers, hash);
}

void
views_ahead_slot(const struct views_ahead *a, const struct views *v)
{
    unsigned layers = where(v, a->hash);

    if (v->known != NULL && layers == 0)
        known_fetch(v->known, a->hash);
    while (layers != 0)
        generation_fetch(take_newest(v, &layers), a->hash);
}

/* What a put of it will look at besides, when it is the first of its group. */
void
views_ahead_put(const struct views *v, const void *key, size_t key_len)
{
    generation_fetch_group(v->active, key, key_len);
}

void
views_ahead_entry(struct views_ahead *a, const struct views *v)
{
    unsigned layers = where(v, a->hash);

    while (layers != 0 && a->entry == NULL)
        a->entry = generation_fetch_entry(take_newest(v, &layers), a->hash);
}

/* The first lines of a long record are enough: then the processor sees where the
 * copy of it goes. */
void
views_ahead_bytes(const struct views_ahead *a)
{
    struct tl_str value = views_ahead_value(a);

    for (size_t at = 0; at < value.len && at < FETCHED_BYTES_MAX; at += LINE_BYTES)
        __builtin_prefetch(value.ptr + at);
}

struct tl_str
views_ahead_value(const struct views_ahead *a)
{
    return a->entry != NULL ? entry_value(a->entry) : TL_STR("");
}

/* ---------------------------------------------------------------- changing */

size_t
views_kept_bytes(const struct views *v)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < clean_count(v); i++)
        bytes += generation_bytes(v->generations[(oldest(v) + i) % LAYERS_MAX]);
    return bytes;
}

/* Lets the oldest of what is only kept go, until all fits. */
static void
make_room_in_memory(struct views *v)
{
    size_t most = v->memory_bytes - v->memory_bytes / SPARE_SHARE, others;

    while (clean_count(v) > 0 && views_dirty_bytes(v) + views_kept_bytes(v) > most)
        drop_oldest(v);
    others = views_kept_bytes(v) + (v->flushing != NULL ? generation_bytes(v->flushing) : 0);
    v->room_until = clean_count(v) == 0 ? SIZE_MAX : most > others ? most - others : 0;
}

void
views_put(struct views *v, const void *key, size_t key_len, const void *value, size_t len)
{
    views_put_hashed(v, generation_hash(key, key_len), key, key_len, value, len);
}

void
views_put_hashed(struct views *v, uint64_t hash, const void *key, size_t key_len,
                 const void *value, size_t len)
{
    must(v->walks == 0);
    if (!has(v, key, key_len))
        return;
    layers_add(&v->layers, hash, v->newest);
    generation_put(v->active, hash, key, key_len, value, len);
    if (generation_bytes(v->active) > v->room_until)
        make_room_in_memory(v);
}

void
views_delete(struct views *v, const void *key, size_t key_len)
{
    uint64_t hash = generation_hash(key, key_len);

    must(v->walks == 0);
    if (!has(v, key, key_len))
        return;
    layers_add(&v->layers, hash, v->newest);
    generation_delete(v->active, hash, key, key_len);
}

bool
views_first(struct views_walk *w, struct views *v, const void *prefix, size_t prefix_len,
            const void *from, size_t from_len, bool backward)
{
    *w = (struct views_walk){.views = v, .backward = backward, .prefix = {prefix, prefix_len}};
    has(v, prefix, prefix_len);
    w->state = walk_new(v->active, v->flushing, v->env != NULL ? &v->reader : NULL, w->prefix,
                        (struct tl_str){from, from_len}, backward);
    v->walks++;
    return views_next(w);
}

bool
views_next(struct views_walk *w)
{
    return walk_next(w->state, &w->key, &w->value);
}

void
views_end(struct views_walk *w)
{
    struct walk *walk = w->state;

    if (walk == NULL)
        return;
    walk_free(&walk);
    w->state = NULL;
    if (w->views != NULL)
        w->views->walks--;
}

struct views_rest {
    struct txn reader;
    struct scrub *scrub;
};

struct views_rest *
views_rest_new(struct views *v)
{
    struct views_rest *r = calloc(1, sizeof *r);

    must(r != NULL && !v->running);
    txn_reader_init(&r->reader, v->env);
    r->scrub = scrub_new(v->env);
    return r;
}

void
views_rest_free(struct views_rest **r)
{
    if (*r == NULL)
        return;
    scrub_free(&(*r)->scrub);
    txn_reader_fini(&(*r)->reader);
    free(*r);
    *r = NULL;
}

bool
views_rest_first(struct views_rest *r, struct views_walk *w, const void *prefix, size_t prefix_len)
{
    *w = (struct views_walk){.prefix = {prefix, prefix_len}};
    w->state = walk_new(NULL, NULL, &r->reader, w->prefix, (struct tl_str){"", 0}, false);
    return views_next(w);
}

int
views_rest_error(const struct views_rest *r)
{
    return r->reader.error;
}

int
views_rest_scrub(struct views_rest *r, bool *whole, char why[VIEWS_WHY_BYTES])
{
    return scrub_look(r->scrub, VIEWS_SCRUB_NS, whole, why);
}

void
views_end_read(struct views *v)
{
    must(v->walks == 0);
    txn_reader_end(&v->reader);
}

size_t
views_dirty_bytes(const struct views *v)
{
    return generation_bytes(v->active) + (v->flushing != NULL ? generation_bytes(v->flushing) : 0);
}

size_t
views_dirty_records(const struct views *v)
{
    return generation_count(v->active) + (v->flushing != NULL ? generation_count(v->flushing) : 0);
}

bool
views_full(const struct views *v)
{
    return views_dirty_bytes(v) >= v->memory_bytes / 4 * 3;
}

/* ----------------------------------------------------- the flusher's thread */

struct flush {
    struct txn_env *env;
    const atomic_bool *hurry;
    struct known *known, *learning;     /* both hear of each identifier written */
    struct txn txn;
};

static void
rest(int64_t ns)
{
    const struct timespec t = {.tv_nsec = ns < REST_NS_MAX ? ns : REST_NS_MAX};

    nanosleep(&t, NULL);
}

/* What is written next stays in one transaction: commits before it when that has
 * grown.  A failure sticks to f->txn. */
static void
make_room(struct flush *f)
{
    int64_t began;

    if (f->txn.pages < FLUSH_PAGES_MAX)
        return;
    began = clock_monotonic();
    if (txn_commit_part(&f->txn) != 0)
        return;
    if (!atomic_load_explicit(f->hurry, memory_order_relaxed))
        rest(PATIENT_RESTS * (clock_monotonic() - began));
    txn_begin(&f->txn, f->env);
}

static void
write_entry(struct flush *f, const struct omap_key *key)
{
    const struct entry *e = entry_of(key);
    struct tl_str value = entry_value(e);

    if (e->len == ENTRY_DELETED)
        txn_delete(&f->txn, key->bytes, key->len);
    else
        txn_put(&f->txn, key->bytes, key->len, value.ptr, value.len);
}

static void
write_group(struct flush *f, const struct omap_key *group)
{
    const struct omap *keys = &group_of(group)->keys;
    const struct omap_key *key;
    struct omap_at at;

    make_room(f);
    for (at = omap_seek(keys, "", 0); (key = omap_get(&at)) != NULL; omap_next(&at))
        write_entry(f, key);
}

static void
tell(struct flush *f, uint64_t identifier)
{
    if (f->known != NULL)
        known_add(f->known, identifier);
    if (f->learning != NULL)
        known_add(f->learning, identifier);
}

static void
write_loose(struct flush *f, const struct generation *g)
{
    size_t count;
    const struct omap_key **keys = generation_loose(g, &count);

    for (size_t i = 0; i < count; i++) {
        make_room(f);
        write_entry(f, keys[i]);
        if (is_identifier(keys[i]->bytes))
            tell(f, generation_hash(keys[i]->bytes, keys[i]->len));
    }
    free(keys);
}

/* The sums are not idempotent: they change together with the number they are
 * folded to, after everything else. */
static int
write_generation(struct views *v)
{
    const struct generation *g = v->flushing;
    size_t count;
    const struct omap_key **groups = generation_groups(g, &count), *sums = NULL;
    struct flush f = {
        .env = v->env, .hurry = &v->hurry, .known = v->known, .learning = v->learning};

    txn_begin(&f.txn, v->env);
    write_loose(&f, g);
    for (size_t i = 0; i < count; i++)
        if (groups[i]->bytes[0] == GENERATION_GLOBAL)
            sums = groups[i];
        else
            write_group(&f, groups[i]);
    if (sums != NULL)
        write_group(&f, sums);
    put_meta(&f.txn, v->number);
    free(groups);
    return txn_commit(&f.txn);
}

/* Goes on reading which identifiers there are, where the flush before left off;
 * those written meanwhile are added as they are written. */
static void
learn_identifiers(struct views *v)
{
    struct txn_cursor c;
    struct txn reader;
    size_t count = 0;
    bool more;

    if (v->learning == NULL) {
        v->learning = known_new(txn_env_records(v->env));
        v->learned_to[0] = GENERATION_IDENTIFIER;
        v->learned_to_len = 1;
    }
    txn_reader_init(&reader, v->env);
    txn_cursor_open(&c, &reader);
    more = txn_cursor_seek(&c, v->learned_to, v->learned_to_len);
    for (; more && is_identifier((const unsigned char *)c.key.ptr) && count < LEARNED_A_FLUSH_MAX;
         more = txn_cursor_next(&c), count++)
        known_add(v->learning, generation_hash(c.key.ptr, c.key.len));
    if (more && is_identifier((const unsigned char *)c.key.ptr)) {
        v->learned_to_len = c.key.len;
        memcpy(v->learned_to, c.key.ptr, c.key.len);
    } else if (reader.error == 0 && !reader.damaged) {
        v->learned = v->learning;
        v->learning = NULL;
    }
    txn_cursor_close(&c);
    txn_reader_fini(&reader);
}

static void *
flush(void *arg)
{
    struct views *v = arg;

    slab_free_blocks(v->surplus);
    if (v->result == 0)
        v->result = write_generation(v);
    if (v->result == 0 && (v->known == NULL || known_full(v->known)))
        learn_identifiers(v);
    slab_ready(&v->ready, v->wanted_bytes);
    v->done(v->arg);
    return NULL;
}

/* ------------------------------------------------------ freeze and release */

bool
views_idle(const struct views *v)
{
    return !v->running;
}

/* The map is grown here, where no transaction is open: by what a flush can need
 * when each record dirties its page and that of a split, and no page it frees
 * can be used again because a reader still sees it. */
static int
fit_map(struct views *v)
{
    uint64_t bytes = txn_env_bytes(v->env) + MAP_SLACK_BYTES + generation_bytes(v->flushing) * 2 +
                     generation_count(v->flushing) * 2 * PAGE_BYTES;

    return txn_env_fit(v->env, bytes);
}

/* As much as the generation before took, less what is spare, if there is memory
 * for it without letting anything go: the kernel clears what it gives, and the
 * loop need not wait for that. */
static size_t
wanted_bytes(const struct views *v)
{
    size_t like = generation_bytes(v->flushing), spare = slab_blocks_bytes(v->spare);
    size_t held = views_dirty_bytes(v) + views_kept_bytes(v) + spare;

    if (like <= spare || held + like > v->memory_bytes)
        return 0;
    return like - spare;
}

void
views_freeze(struct views *v, uint64_t number, void (*done)(void *arg), void *arg)
{
    must(!v->running && v->walks == 0);
    txn_reader_end(&v->reader);
    if (v->flushing != NULL)
        merge_into_flushing(v);
    v->flushing = v->generations[v->newest];
    add_active(v, v->flushing);
    v->surplus = slab_cut(&v->spare, generation_bytes(v->flushing));
    atomic_store(&v->hurry, false);
    make_room_in_memory(v);
    v->wanted_bytes = wanted_bytes(v);
    v->number = number;
    v->done = done;
    v->arg = arg;
    if (v->reader.error == 0)
        v->reader.error = fit_map(v);
    v->result = v->reader.error;
    must(pthread_create(&v->flusher, NULL, flush, v) == 0);
    pthread_setname_np(v->flusher, "views flush");
    v->running = true;
}

void
views_hurry(struct views *v)
{
    atomic_store(&v->hurry, true);
}

int
views_release(struct views *v)
{
    must(v->walks == 0);
    views_hurry(v);
    if (!v->running)
        return 0;
    must(pthread_join(v->flusher, NULL) == 0);
    v->running = false;
    slab_join(&v->spare, &v->ready);
    if (v->result != 0)
        return v->result;
    if (v->learned != NULL) {
        known_free(&v->known);
        v->known = v->learned;
        v->learned = NULL;
    }
    /* What is dropped here is seen in LMDB from the next read on. */
    txn_reader_end(&v->reader);
    v->flushing = NULL;
    make_room_in_memory(v);
    v->checkpoint = v->number;
    return 0;
}

int
views_settle(struct views *v)
{
    return views_release(v);
}
