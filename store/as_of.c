/* What would have been answered at an earlier head: views of a few customers, made
 * anew from their own events.
 *
 * Every event that changes a record of a profile is in its timeline, and whoever
 * an identifier ever found is remembered with it; so today's views tell which
 * events are needed, and the log says what they were.  They are folded by the
 * ordinary fold into views that hold only those profiles, and the ordinary answer
 * is made from these.  What it misses is another profile, which is folded too
 * before it is asked again: an answer that missed nothing is the one of then. */

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "proto/code.h"
#include "proto/codec.h"
#include "proto/str.h"
#include "store/household.h"
#include "store/identity.h"
#include "store/key.h"
#include "store/policy.h"
#include "store/state.h"
#include "store/timeline.h"

#define CHUNKS_A_CALL 64            /* of timelines: 4,096 events */
#define PROFILES_A_CALL 64
#define EVENTS_PER_LOOK 256         /* between two looks at the limits */
#define HOUSEHOLDS_WANTED_MAX 64    /* of a customer 8 are looked at */

struct set {
    uint64_t items[STORE_AS_OF_PROFILES_MAX];   /* ascending */
    size_t count;
};

struct store_as_of {
    struct store then;
    struct views_part part;
    char *customer_text;
    struct store_identifier customer;
    struct key identifier;          /* its key */

    char rules[RULES_PATH_BYTES];   /* the contact policy's file */
    bool rules_known;

    struct set known;               /* folded */
    struct set wanted;              /* being gathered, or folded */
    size_t gathered;                /* of those wanted */
    char *households[HOUSEHOLDS_WANTED_MAX];    /* whose members are looked at */
    size_t households_count;
    size_t households_known;        /* all who ever spoke of the first of them are wanted */
    struct key from;                /* of the one being gathered */
    struct buf numbers;

    bool folding;
    bool first;                     /* with the identifier's own record */
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

/* ---------------------------------------------------- which records there are */

static bool
has_profile(struct store_as_of *a, uint64_t profile)
{
    if (a->folding)
        return set_has(&a->wanted, profile);
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
    size_t i = 0;

    if (a->folding)
        return profile != 0 && set_has(&a->wanted, profile);
    while (i < a->households_count && !str_is(id, a->households[i]))
        i++;
    if (i < a->households_count)
        return i < a->households_known;
    if (i == HOUSEHOLDS_WANTED_MAX) {
        a->too_many = true;
        return false;
    }
    must((a->households[i] = strndup(id.ptr, id.len)) != NULL);
    a->households_count++;
    return false;
}

static bool
has_record(void *arg, const void *key, size_t key_len)
{
    struct store_as_of *a = arg;
    struct tl_str k = {key, key_len}, household;
    uint64_t profile;

    if (key_is_profile(k))
        return has_profile(a, key_read_profile(k));
    if (household_of_key(k, &household, &profile))
        return has_household(a, household, profile);
    if (str_equal(k, (struct tl_str){(const char *)a->identifier.bytes, a->identifier.len}))
        return !a->folding || a->first;
    if (!a->folding)
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

int
store_as_of_begin(struct store *st, const struct store_identifier *customer, uint64_t number,
                  struct store_as_of **out)
{
    struct store_as_of *a = calloc(1, sizeof(*a));
    int err;

    must(a != NULL);
    copy_customer(a, customer);
    a->first = true;
    a->part = (struct views_part){has_record, a};
    a->then.settings = st->settings;
    a->then.lock_fd = -1;
    a->then.log = st->log;
    a->rules_known = rules_find(st->rules, number, a->rules);
    a->then.as_of = a->then.admitted = number;
    a->folding = true;
    views_open_part(&a->then.views, &a->part);
    must(fold_init(&a->then.fold, a->then.views) == 0);
    err = store_sound(st, want_named(a, st->views));
    if (err != 0)
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
    fold_fini(&gone->then.fold);
    views_close(&gone->then.views);
    policy_free(&gone->then.policy);
    for (size_t i = 0; i < gone->households_count; i++)
        free(gone->households[i]);
    buf_free(&gone->numbers);
    free(gone->customer_text);
    free(gone);
}

void
store_as_of_cancel(struct store_as_of *a)
{
    atomic_store(&a->cancelled, true);
}

/* ---------------------------------------------------------------- gathering */

static int
want_household(struct store_as_of *a, struct views *v, const char *id)
{
    uint64_t *profiles = calloc(STORE_AS_OF_PROFILES_MAX, sizeof(*profiles));
    size_t count;
    int err;

    must(profiles != NULL);
    err = household_speakers(v, (struct tl_str){id, strlen(id)}, profiles,
                             STORE_AS_OF_PROFILES_MAX, &count);
    for (size_t i = 0; i < count && err == 0; i++)
        if (!set_has(&a->known, profiles[i]) && !set_add(&a->wanted, profiles[i]))
            err = TL_TOO_MANY;
    free(profiles);
    return err;
}

static int
want_households(struct store_as_of *a, struct views *v)
{
    int err = 0;

    while (a->households_known < a->households_count && err == 0)
        err = want_household(a, v, a->households[a->households_known++]);
    return err;
}

int
store_as_of_gather(struct store *st, struct store_as_of *a, bool *more)
{
    bool rest = false;
    int err = want_households(a, st->views);

    for (size_t i = 0; i < PROFILES_A_CALL && a->gathered < a->wanted.count && err == 0; i++) {
        err = timeline_numbers(st->views, a->wanted.items[a->gathered], a->then.as_of,
                               CHUNKS_A_CALL, &a->from, &a->numbers, &rest);
        if (rest)
            break;
        a->gathered++;
        a->from.len = 0;
    }
    must(!a->numbers.failed);
    if (err == 0 && a->numbers.len / sizeof(uint64_t) > STORE_AS_OF_EVENTS_MAX)
        err = TL_TOO_MANY;
    *more = a->gathered < a->wanted.count;
    return store_sound(st, err);
}

/* ------------------------------------------------------------------ folding */

static int
ascending(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

    return (a > b) - (a < b);
}

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
    return fold_event(&a->then.fold, &f, &ev);
}

/* In the order of their numbers, each once. */
static int
fold_gathered(struct store_as_of *a)
{
    uint64_t *numbers = (uint64_t *)(void *)a->numbers.ptr;
    size_t count = a->numbers.len / sizeof(*numbers);
    struct arena arena;
    int err = 0;

    if (count > 1)
        qsort(numbers, count, sizeof(*numbers), ascending);
    arena_init(&arena, CODEC_BUDGET_BYTES);
    for (size_t i = 0; i < count && err == 0; i++) {
        if (i % EVENTS_PER_LOOK == 0)
            err = check_limits(a);
        if (err == 0 && (i == 0 || numbers[i] != numbers[i - 1]))
            err = fold_one(a, numbers[i], &arena);
    }
    arena_fini(&arena);
    return err;
}

/* A policy that cannot be read any more is one that is not known. */
static void
read_rules(struct store_as_of *a)
{
    char why[CONF_ERROR_BYTES];

    if (a->rules_known && a->then.policy == NULL)
        a->rules_known = policy_read(&a->then.policy, a->rules, why) == 0;
}

/* What was wanted is known now. */
static void
settle(struct store_as_of *a)
{
    for (size_t i = 0; i < a->wanted.count; i++)
        if (!set_add(&a->known, a->wanted.items[i]))
            a->too_many = true;
    a->wanted.count = a->gathered = 0;
    buf_clear(&a->numbers);
    a->first = false;
}

int
store_as_of_run(struct store_as_of *a, int (*ask)(struct store *then, void *arg), void *arg,
                bool *more)
{
    int err;

    *more = false;
    must(a->gathered == a->wanted.count);
    a->folding = true;
    if ((err = fold_gathered(a)) != 0)
        return err;
    settle(a);
    read_rules(a);
    a->folding = false;
    err = ask(&a->then, arg);
    if (a->too_many)
        return TL_TOO_MANY;
    *more = a->wanted.count > 0 || a->households_known < a->households_count;
    if (!*more && a->stranger)
        return TL_UNSUPPORTED;
    return *more ? 0 : err;
}
