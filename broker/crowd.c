#include "broker/crowd.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/must.h"
#include "base/sort.h"
#include "broker/normalise.h"
#include "proto/code.h"
#include "proto/str.h"

#define NUMBERS_MAX 65536           /* looked up at a time: half a MiB */
#define NEAR 1024                   /* this close to the head, reading headers is cheaper */

struct crowd {
    struct store *store;
    struct store_identifier *names;
    size_t names_count;
    uint64_t *profiles;             /* ascending, each once */
    size_t profiles_count;
    bool stale;
    struct buf numbers;             /* of uint64_t, ascending; everything up to `upto` */
    size_t next;
    uint64_t upto;
};

static void
copy_identifier(struct store_identifier *out, const struct store_identifier *in)
{
    char *text = malloc(in->type.len + in->value.len + 1);

    must(text != NULL);
    memcpy(text, in->type.ptr, in->type.len);
    memcpy(text + in->type.len, in->value.ptr, in->value.len);
    *out = *in;
    out->type.ptr = text;
    out->value.ptr = text + in->type.len;
}

int
crowd_new(struct crowd **out, struct store *st, const struct kinds *kinds,
          const struct tl_str *names, size_t count, struct arena *scratch, const char **detail)
{
    struct store_identifier id;
    struct crowd *c;
    int err;

    *out = NULL;
    if (count == 0)
        return 0;
    must((c = calloc(1, sizeof *c)) != NULL);
    must((c->names = calloc(count, sizeof *c->names)) != NULL);
    c->store = st;
    c->stale = true;
    for (; c->names_count < count; c->names_count++) {
        if ((err = normalise_customer(kinds, names[c->names_count], scratch, &id, detail)) != 0) {
            crowd_free(&c);
            return err;
        }
        copy_identifier(&c->names[c->names_count], &id);
    }
    *out = c;
    return 0;
}

void
crowd_free(struct crowd **c)
{
    struct crowd *gone = *c;

    *c = NULL;
    if (gone == NULL)
        return;
    for (size_t i = 0; i < gone->names_count; i++)
        free((char *)gone->names[i].type.ptr);
    free(gone->names);
    free(gone->profiles);
    buf_free(&gone->numbers);
    free(gone);
}

void
crowd_stale(struct crowd *c)
{
    if (c != NULL)
        c->stale = true;
}

static bool
same_profiles(const struct crowd *c, const uint64_t *profiles, size_t count)
{
    return count == c->profiles_count
           && (count == 0 || memcmp(profiles, c->profiles, count * sizeof *profiles) == 0);
}

/* Looks up the profiles.  A customer never seen has none yet.  When they are the
 * same as before, so are the numbers of their events: finding them is the dear
 * part, and nearly every event that might have changed something has not. */
static int
take_set(struct crowd *c, bool *changed)
{
    uint64_t *profiles = calloc(c->names_count * STORE_PROFILES_MAX, sizeof *profiles);
    size_t total = 0;
    int err = 0;

    must(profiles != NULL);
    for (size_t i = 0; i < c->names_count && err == 0; i++) {
        size_t count = 0;

        err = store_profiles(c->store, &c->names[i], profiles + total, &count);
        if (err == TL_NOT_FOUND)
            err = 0;
        else
            total += count;
    }
    total = sort_numbers(profiles, total);
    *changed = !same_profiles(c, profiles, total);
    free(c->profiles);
    c->profiles = profiles;
    c->profiles_count = total;
    if (*changed || c->stale || err != 0) {
        buf_clear(&c->numbers);
        c->upto = c->next = 0;
    }
    c->stale = err != 0;
    return err;
}

/* ----------------------------------------------------------- what lies behind */

int
crowd_next(struct crowd *c, uint64_t at, uint64_t head, uint64_t *number)
{
    bool changed;
    int err;

    if (c->stale && (err = take_set(c, &changed)) != 0)
        return err;
    for (;;) {
        const uint64_t *numbers = (const uint64_t *)(void *)c->numbers.ptr;
        size_t count = c->numbers.len / sizeof *numbers;

        while (c->next < count && numbers[c->next] <= at)
            c->next++;
        if (c->next < count) {
            *number = numbers[c->next];
            return 0;
        }
        if (c->upto > at)
            at = c->upto;
        if (at >= head || head - at <= NEAR) {
            *number = at + 1;
            return 0;
        }
        c->next = 0;
        c->upto = head;
        err = store_numbers(c->store, c->profiles, c->profiles_count, at, &c->upto, NUMBERS_MAX,
                            &c->numbers);
        if (err != 0)
            return err;
    }
}

/* ------------------------------------------------------------------ who is it */

static bool
has_profile(const struct crowd *c, uint64_t profile)
{
    return sort_has_number(c->profiles, c->profiles_count, profile);
}

/* Does the event say something new of who these customers are? */
static bool
tells(const struct crowd *c, const struct frame *f)
{
    struct frame_identifier id;
    size_t at = 0;

    if ((f->flags & FRAME_HIDDEN) != 0)
        return true;
    while (frame_next_identifier(f, &at, &id)) {
        unsigned action = id.action & FRAME_ACTION_MASK;

        if (action == FRAME_KEEP || action == FRAME_ELSEWHERE)
            continue;
        for (size_t i = 0; i < c->names_count; i++)
            if (str_equal(id.type, c->names[i].type) && str_equal(id.value, c->names[i].value))
                return true;
    }
    return false;
}

int
crowd_meet(struct crowd *c, const struct frame *f, bool *theirs)
{
    bool changed;
    int err;

    *theirs = has_profile(c, f->profile);
    if (!tells(c, f))
        return 0;
    err = take_set(c, &changed);
    *theirs = *theirs || changed || has_profile(c, f->profile);
    return err;
}

int
crowd_last(struct crowd *c, uint64_t count, uint64_t *at)
{
    uint64_t head = store_head(c->store), window = count;
    struct buf found = {0};
    bool changed;
    int err = c->stale ? take_set(c, &changed) : 0;

    *at = head;
    while (err == 0 && *at > 0 && count > 0) {
        uint64_t to = head;

        window = window < head / 8 ? window * 8 : head;
        *at = head - window;
        err = store_numbers(c->store, c->profiles, c->profiles_count, *at, &to, SIZE_MAX, &found);
        if (err == 0 && found.len / sizeof(uint64_t) >= count) {
            const uint64_t *end = (const uint64_t *)(void *)(found.ptr + found.len);

            *at = *(end - count) - 1;
            break;
        }
    }
    buf_free(&found);
    return err;
}
