/* What would have been answered at an earlier head: views of a few customers, made
 * anew from their own events.
 *
 * Every event that changes a record of a profile is in its timeline, and whoever an
 * identifier ever found, spoke of a household or defined an offer is remembered with
 * it; so today's views tell which events are needed, and the log says what they
 * were.  They are folded by the ordinary fold into views that hold only what they
 * are all known of, and the ordinary answer is made from these.  What it misses is
 * folded too before it is asked again: an answer that missed nothing is the one of
 * then. */

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/must.h"
#include "base/sort.h"
#include "proto/code.h"
#include "proto/codec.h"
#include "proto/str.h"
#include "store/catalogue.h"
#include "store/context.h"
#include "store/household.h"
#include "store/identity.h"
#include "store/key.h"
#include "store/policy.h"
#include "store/sequence.h"
#include "store/state.h"
#include "store/subject.h"
#include "store/timeline.h"

#define CHUNKS_A_CALL 64            /* of timelines: 4,096 events */
#define PROFILES_A_CALL 64
#define NAMES_A_CALL 256
#define EVENTS_PER_LOOK 256         /* between two looks at the limits */

struct set {
    uint64_t items[STORE_AS_OF_PROFILES_MAX];   /* ascending */
    size_t count;
};

/* In the order in which they were asked for. */
struct names {
    struct map index;               /* -> number in that order, from 1 on */
    struct tl_str *items;           /* theirs is the memory */
    size_t count;
    size_t known;                   /* all events about the first of them are gathered */
    size_t folded;                  /* and folded, of the catalogue's */
};

struct store_as_of {
    struct store then;
    struct views_part part;
    char *customer_text;
    struct store_identifier customer;
    struct key identifier;          /* its key */

    char rules[RULES_PATH_BYTES];   /* the contact policy's file */
    bool rules_known;

    struct set known;               /* profiles folded */
    struct set wanted;              /* being gathered, or folded */
    size_t gathered;                /* of those wanted */
    struct key from;                /* of the one being gathered */
    struct names households;
    struct names offers;            /* of the catalogue */
    struct names subjects;          /* told of by revisions */
    bool defined;                   /* there are some today */
    struct buf numbers;             /* of the events, all there were */
    size_t folded;                  /* of those, in bytes */

    enum { ANSWERING, FOLDING, FOLDING_ALL } doing;
    bool first;                     /* with the identifier's own record */
    bool defining;                  /* an event of the catalogue and of no customer */
    bool again;                     /* a fold looked at what must be folded with it */
    bool too_many;
    bool stranger;                  /* a record was asked for that nobody can fold */
    atomic_bool cancelled;
};

/* ------------------------------------------------------------------- sets */

static size_t
place(const struct set *s, uint64_t item)
{
    size_t low = 0, high = s->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (s->items[middle] < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool
set_has(const struct set *s, uint64_t item)
{
    size_t at = place(s, item);

    return at < s->count && s->items[at] == item;
}

static bool
set_add(struct set *s, uint64_t item)
{
    size_t at = place(s, item);

    if (at < s->count && s->items[at] == item)
        return true;
    if (s->count == STORE_AS_OF_PROFILES_MAX)
        return false;
    memmove(&s->items[at + 1], &s->items[at], (s->count - at) * sizeof(s->items[0]));
    s->items[at] = item;
    s->count++;
    return true;
}

/* Where it is, from 0 on; SIZE_MAX: nowhere. */
static size_t
names_find(const struct names *n, struct tl_str name)
{
    return (size_t)(uintptr_t)map_get(&n->index, name.ptr, name.len) - 1;
}

static bool
names_add(struct names *n, struct tl_str name)
{
    char *text;

    if (names_find(n, name) != SIZE_MAX)
        return true;
    if (n->count == STORE_AS_OF_NAMES_MAX)
        return false;
    if ((n->count & (n->count - 1)) == 0)
        n->items = realloc(n->items, (n->count * 2 + 1) * sizeof(n->items[0]));
    must(n->items != NULL && (text = malloc(name.len + 1)) != NULL);
    memcpy(text, name.ptr, name.len);
    n->items[n->count++] = (struct tl_str){text, name.len};
    *map_put(&n->index, name.ptr, name.len) = (void *)(uintptr_t)n->count;
    return true;
}

static void
names_free(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free((char *)(uintptr_t)n->items[i].ptr);
    free(n->items);
    map_fini(&n->index);
}

/* ---------------------------------------------------- which records there are */

static bool
is_folding(const struct store_as_of *a, uint64_t profile)
{
    return set_has(&a->wanted, profile) ||
           (a->doing == FOLDING_ALL && set_has(&a->known, profile));
}

static bool
has_profile(struct store_as_of *a, uint64_t profile)
{
    if (a->doing != ANSWERING)
        return is_folding(a, profile);
    if (set_has(&a->known, profile))
        return true;
    if (!set_add(&a->wanted, profile))
        a->too_many = true;
    return false;
}

/* A household's members are made from their own records, so they come with these. */
static bool
has_household(struct store_as_of *a, struct tl_str id, uint64_t profile)
{
    size_t at = names_find(&a->households, id);

    if (a->doing != ANSWERING)
        return profile != 0 && is_folding(a, profile);
    if (at < a->households.known)
        return true;
    if (!names_add(&a->households, id))
        a->too_many = true;
    return false;
}

/* A record over everybody.  What a customer's events did may have hung on what it was
 * then: if a fold looks at it, all is folded again together with what it is made of. */
static bool
has_named(struct store_as_of *a, struct names *n, struct tl_str name)
{
    size_t at = names_find(n, name);

    if (at < n->known && a->doing != FOLDING)
        return true;
    if (a->doing != ANSWERING)
        a->again = true;
    if (!names_add(n, name))
        a->too_many = true;
    return false;
}

/* Events that define it, and are nobody's, change nothing else. */
static bool
has_definition(struct store_as_of *a, struct tl_str offer)
{
    size_t at = names_find(&a->offers, offer);

    if (a->defining && a->doing != ANSWERING)
        return at < a->offers.known && (a->doing == FOLDING_ALL || at >= a->offers.folded);
    return has_named(a, &a->offers, offer);
}

static bool
has_record(void *arg, const void *key, size_t key_len)
{
    struct store_as_of *a = arg;
    struct tl_str k = {key, key_len}, name;
    uint64_t profile;

    if (key_is_profile(k))
        return has_profile(a, key_read_profile(k));
    if (str_equal(k, (struct tl_str){(const char *)a->identifier.bytes, a->identifier.len}))
        return a->doing != FOLDING || a->first;
    if (household_of_key(k, &name, &profile))
        return has_household(a, name, profile);
    if (subject_of_key(k, &name))
        return has_named(a, &a->subjects, name);
    switch (catalogue_of_key(k, &name)) {
    case CATALOGUE_DEFINED:
        return has_definition(a, name);
    case CATALOGUE_OTHER:
        return true;        /* those of all offers that may be there are wanted from the start */
    case CATALOGUE_NONE:
        break;
    }
    if (a->doing == ANSWERING)
        a->stranger = true;
    return false;
}

/* ------------------------------------------------------------ begin and end */

static void
copy_customer(struct store_as_of *a, const struct store_identifier *customer)
{
    char *text = malloc(customer->type.len + customer->value.len + 1);

    must(text != NULL);
    memcpy(text, customer->type.ptr, customer->type.len);
    memcpy(text + customer->type.len, customer->value.ptr, customer->value.len);
    a->customer_text = text;
    a->customer = *customer;
    a->customer.type.ptr = text;
    a->customer.value.ptr = text + customer->type.len;
    key_identifier(&a->identifier, a->customer.type, a->customer.value);
}

/* Whom it ever found, and who they are today: most of them were the same people
 * then. */
static int
want_named(struct store_as_of *a, struct views *v)
{
    uint64_t named[IDENTITY_NAMED_MAX], profiles[STORE_PROFILES_MAX];
    size_t named_count, count;
    int err = identity_named(v, a->customer.type, a->customer.value, named, &named_count);

    for (size_t i = 0; i < named_count && err == 0; i++) {
        if ((err = identity_customer(v, named[i], profiles, &count)) != 0)
            break;
        for (size_t j = 0; j < count && err == 0; j++)
            err = set_add(&a->wanted, profiles[j]) ? 0 : TL_TOO_MANY;
    }
    return err;
}

static int
want_offer(void *arg, struct tl_str offer)
{
    struct store_as_of *a = arg;

    return names_add(&a->offers, offer) ? 0 : TL_TOO_MANY;
}

static void
open_views(struct store_as_of *a)
{
    views_open_part(&a->then.views, &a->part);
    must(fold_init(&a->then.fold, a->then.views) == 0);
    if (a->defined)     /* so that it is looked for */
        counter_add(&a->then.fold.counters, COUNTER_TOTAL, TL_STR(COUNTER_DEFINED), 1);
}

static void
close_views(struct store_as_of *a)
{
    fold_fini(&a->then.fold);
    views_close(&a->then.views);
}

int
store_as_of_begin(struct store *st, const struct store_identifier *customer, uint64_t number,
                  struct store_as_of **out)
{
    struct store_as_of *a = calloc(1, sizeof(*a));
    int err;

    must(a != NULL);
    copy_customer(a, customer);
    a->first = true;
    a->doing = FOLDING;
    a->part = (struct views_part){has_record, a};
    a->then.settings = st->settings;
    a->then.lock_fd = -1;
    a->then.log = st->log;
    a->then.as_of = a->then.admitted = number;
    a->rules_known = rules_find(st->rules, number, a->rules);
    a->defined = !catalogue_is_empty(&st->fold.counters);
    open_views(a);
    if ((err = want_named(a, st->views)) == 0 && a->defined)
        err = catalogue_each_raised(st->views, want_offer, a);
    if ((err = store_sound(st, err)) != 0)
        store_as_of_end(&a);
    *out = a;
    return err;
}

void
store_as_of_end(struct store_as_of **a)
{
    struct store_as_of *gone = *a;

    *a = NULL;
    if (gone == NULL)
        return;
    close_views(gone);
    policy_free(&gone->then.policy);
    names_free(&gone->households);
    names_free(&gone->offers);
    names_free(&gone->subjects);
    buf_free(&gone->numbers);
    free(gone->customer_text);
    free(gone);
}

void
store_as_of_cancel(struct store_as_of *a)
{
    atomic_store(&a->cancelled, true);
}

/* What is missing of a source that numbers its events is the same since the event that
 * changed it last.  If that came later nobody knows what it was, and the section is
 * not filled. */
int
store_as_of_freshness(struct store *st, const struct store_as_of *a, struct tl_context *c,
                      struct arena *arena)
{
    const struct counters *counters = &st->fold.counters;
    uint64_t since = 0, gaps;

    for (size_t i = 0; i < c->freshness_count && since <= a->then.as_of; i++) {
        gaps = sequence_gaps(counters, c->freshness[i].source, &since);
        c->freshness[i].gaps = gaps < UINT32_MAX ? (uint32_t)gaps : UINT32_MAX;
    }
    if (since <= a->then.as_of)
        return 0;
    c->freshness_count = 0;
    return context_omit(c, TL_STR("freshness"), arena);
}

/* ---------------------------------------------------------------- gathering */

static int
want_household(struct store_as_of *a, struct views *v, struct tl_str id)
{
    uint64_t *profiles = calloc(STORE_AS_OF_PROFILES_MAX, sizeof(*profiles));
    size_t count;
    int err;

    must(profiles != NULL);
    err = household_speakers(v, id, profiles, STORE_AS_OF_PROFILES_MAX, &count);
    for (size_t i = 0; i < count && err == 0; i++)
        if (!set_has(&a->known, profiles[i]) && !set_add(&a->wanted, profiles[i]))
            err = TL_TOO_MANY;
    free(profiles);
    return err;
}

static int
want_households(struct store_as_of *a, struct views *v)
{
    struct names *n = &a->households;
    int err = 0;

    while (n->known < n->count && err == 0)
        err = want_household(a, v, n->items[n->known++]);
    return err;
}

static bool
has_unknown(const struct names *n)
{
    return n->known < n->count;
}

static void
gather_names(struct store_as_of *a, struct views *v, struct names *n,
             void (*numbers)(struct views *v, struct tl_str name, uint64_t to, struct buf *out))
{
    for (size_t i = 0; i < NAMES_A_CALL && has_unknown(n); i++)
        numbers(v, n->items[n->known++], a->then.as_of, &a->numbers);
}

static int
gather_profiles(struct store_as_of *a, struct views *v)
{
    const struct timeline_range range = {.to = a->then.as_of, .others = true};
    bool more = false;
    int err = 0;

    for (size_t i = 0; i < PROFILES_A_CALL && a->gathered < a->wanted.count && err == 0; i++) {
        err = timeline_numbers(v, a->wanted.items[a->gathered], &range, CHUNKS_A_CALL,
                               &a->from, &a->numbers, &more);
        if (more)
            break;
        a->gathered++;
        a->from.len = 0;
    }
    return err;
}

static bool
wants_more(const struct store_as_of *a)
{
    return a->gathered < a->wanted.count || has_unknown(&a->offers) ||
           has_unknown(&a->subjects) || has_unknown(&a->households);
}

int
store_as_of_gather(struct store *st, struct store_as_of *a, bool *more)
{
    int err = want_households(a, st->views);

    if (err == 0 && has_unknown(&a->offers))
        gather_names(a, st->views, &a->offers, catalogue_numbers);
    else if (err == 0 && has_unknown(&a->subjects))
        gather_names(a, st->views, &a->subjects, subject_numbers);
    else if (err == 0)
        err = gather_profiles(a, st->views);
    must(!a->numbers.failed);
    if (err == 0 && a->numbers.len / sizeof(uint64_t) > STORE_AS_OF_EVENTS_MAX)
        err = TL_TOO_MANY;
    *more = wants_more(a);
    return store_sound(st, err);
}

/* ------------------------------------------------------------------ folding */

static int
check_limits(struct store_as_of *a)
{
    if (atomic_load_explicit(&a->cancelled, memory_order_relaxed))
        return TL_BUSY;
    return views_dirty_bytes(a->then.views) > STORE_AS_OF_VIEWS_BYTES ? TL_TOO_MANY : 0;
}

static int
fold_one(struct store_as_of *a, uint64_t number, struct arena *arena)
{
    char why[LOG_WHY_BYTES];
    struct tl_event ev;
    struct frame f;
    int err = log_read(a->then.log, number, &f, why);

    if (err != 0)
        return err;
    arena_reset(arena);
    if (codec_decode(CODEC_EVENT, &ev, f.payload, arena) != 0)
        return TL_EDAMAGED;
    a->defining = f.profile == 0 && str_is(f.type, "offer.defined");
    return fold_event(&a->then.fold, &f, &ev);
}

/* In the order of their numbers, each once. */
static int
fold_numbers(struct store_as_of *a, uint64_t *numbers, size_t count)
{
    struct arena arena;
    int err = 0;

    count = sort_numbers(numbers, count);
    arena_init(&arena, CODEC_BUDGET_BYTES);
    for (size_t i = 0; i < count && err == 0; i++) {
        if (i % EVENTS_PER_LOOK == 0)
            err = check_limits(a);
        if (err == 0)
            err = fold_one(a, numbers[i], &arena);
    }
    arena_fini(&arena);
    return err;
}

/* What is new, or if that does not do, everything together. */
static int
fold_gathered(struct store_as_of *a)
{
    a->doing = a->again ? FOLDING_ALL : FOLDING;
    if (a->again) {
        close_views(a);
        open_views(a);
        a->folded = 0;
    }
    a->again = false;
    if (a->numbers.len == a->folded)
        return 0;
    return fold_numbers(a, (uint64_t *)(void *)(a->numbers.ptr + a->folded),
                        (a->numbers.len - a->folded) / sizeof(uint64_t));
}

/* What was wanted is known now. */
static void
settle(struct store_as_of *a)
{
    for (size_t i = 0; i < a->wanted.count; i++)
        if (!set_add(&a->known, a->wanted.items[i]))
            a->too_many = true;
    a->wanted.count = a->gathered = 0;
    a->offers.folded = a->offers.known;
    a->folded = a->numbers.len;
    a->first = false;
}

/* A policy that cannot be read any more is one that is not known. */
static void
read_rules(struct store_as_of *a)
{
    char why[CONF_ERROR_BYTES];

    if (a->rules_known && a->then.policy == NULL)
        a->rules_known = policy_read(&a->then.policy, a->rules, why) == 0;
}

int
store_as_of_run(struct store_as_of *a, int (*ask)(struct store *then, void *arg), void *arg,
                bool *more)
{
    int err;

    *more = false;
    must(!wants_more(a));
    if ((err = fold_gathered(a)) != 0)
        return err;
    settle(a);
    read_rules(a);
    a->doing = ANSWERING;
    err = ask(&a->then, arg);
    if (a->too_many)
        return TL_TOO_MANY;
    *more = a->again || wants_more(a);
    if (!*more && a->stranger)
        return TL_UNSUPPORTED;
    return *more ? 0 : err;
}
