#include "store/household.h"

#include <string.h>

#include "proto/code.h"
#include "proto/str.h"
#include "store/key.h"
#include "store/part.h"

#define CLASS_BYTES (KEY_PROFILE_BYTES + 1)     /* what keys of one class begin with */

enum class { MEMBER, NO_MEMBER, CLASSES };

/* Of a word that says only that something happened, the text is empty. */
struct state {
    struct part joined;
    int64_t since;          /* as he last joined */
    struct part left;
    struct part role;
    struct part visibility;
};

static void
merge_state(struct state *s, const struct state *more)
{
    if (part_supersedes(&more->joined, &s->joined))
        s->since = more->since;
    part_merge(&s->joined, &more->joined);
    part_merge(&s->left, &more->left);
    part_merge(&s->role, &more->role);
    part_merge(&s->visibility, &more->visibility);
}

static int
read_state(struct state *s, struct tl_str bytes)
{
    struct record r = record_open(bytes);

    *s = (struct state){0};
    part_read(&s->joined, &r);
    s->since = record_time(&r);
    part_read(&s->left, &r);
    part_read(&s->role, &r);
    part_read(&s->visibility, &r);
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

static void
write_state(const struct state *s, struct buf *out)
{
    part_write(&s->joined, out);
    record_put_time(out, s->since);
    part_write(&s->left, out);
    part_write(&s->role, out);
    part_write(&s->visibility, out);
}

static bool
is_member(const struct state *s)
{
    return part_supersedes(&s->joined, &s->left);
}

/* A word from before he left gave nobody anything for when he is back. */
static struct tl_str
standing(const struct state *s, const struct part *word)
{
    return part_supersedes(word, &s->left) ? word->text : (struct tl_str){"", 0};
}

/* ---------------------------------------------------------- what is said */

static bool
says_joined(struct tl_str type)
{
    return str_is(type, "household.joined") || str_is(type, "household.formed");
}

/* Does the event say something of his household? */
static bool
speaks(const struct frame *f, const struct tl_event *ev)
{
    return ev->household != NULL &&
           (says_joined(f->type) || str_is(f->type, "household.left") ||
            str_is(f->type, "household.role_changed") ||
            str_is(f->type, "household.visibility_set"));
}

static struct state
state_of(const struct frame *f, const struct tl_household *said)
{
    const struct part now = {f->time, f->number, {"", 0}};

    if (str_is(f->type, "household.left"))
        return (struct state){.left = now};
    return (struct state){
        .joined = says_joined(f->type) ? now : (struct part){0},
        .since = said->since != 0 ? said->since : f->time,
        .role = part_of(f, said->role),
        .visibility = part_of(f, said->visibility),
    };
}

/* --------------------------------------------------------------- records */

static void
record_key(struct key *k, uint64_t profile, enum class class, struct tl_str id)
{
    key_profile(k, profile, KEY_HOUSEHOLD);
    key_add_byte(k, (unsigned char)class);
    key_add(k, id);
}

/* The text of `s` borrows from the views.  Returns whether there is one; `*err`
 * is set when it is damaged. */
static bool
get_state(struct views *v, uint64_t profile, struct tl_str id, struct key *k, struct state *s,
          int *err)
{
    struct tl_str bytes;

    for (int class = MEMBER; class < CLASSES; class++) {
        record_key(k, profile, (enum class)class, id);
        if (views_get(v, k->bytes, k->len, &bytes)) {
            *err = read_state(s, bytes);
            return true;
        }
    }
    *s = (struct state){0};
    return false;
}

int
household_fold(struct views *v, struct card *c, const struct frame *f, const struct tl_event *ev)
{
    struct state s, more;
    struct key old, k;
    struct buf out = {0};
    bool is_known;
    int err = 0;

    if (!speaks(f, ev))
        return 0;
    is_known = get_state(v, f->profile, ev->household->id, &old, &s, &err);
    if (err != 0)
        return err;
    more = state_of(f, ev->household);
    merge_state(&s, &more);
    write_state(&s, &out);
    record_key(&k, f->profile, is_member(&s) ? MEMBER : NO_MEMBER, ev->household->id);
    if (is_known && memcmp(old.bytes, k.bytes, CLASS_BYTES) != 0)
        views_delete(v, old.bytes, old.len);
    views_put(v, k.bytes, k.len, out.ptr, out.len);
    buf_free(&out);
    c->has |= CARD_HOUSEHOLDS;
    return 0;
}

/* --------------------------------------------------------------- members */

/* What the keys of all its members begin with, and the key of its last number. */
static void
household_key(struct key *k, enum key_global kind, struct tl_str id)
{
    key_global(k, kind);
    key_add_end(k, id);
}

static void
member_key(struct key *k, enum key_global kind, struct tl_str id, uint64_t profile)
{
    household_key(k, kind, id);
    key_add_number(k, profile);
}

int
household_index(struct views *v, const struct frame *f, const struct tl_event *ev)
{
    struct tl_str id = ev->household != NULL ? ev->household->id : (struct tl_str){"", 0};
    struct key k, number;
    struct buf out = {0};
    struct state s;
    int err = 0;

    if (!speaks(f, ev))
        return 0;
    get_state(v, f->profile, id, &k, &s, &err);
    if (err != 0)
        return err;
    household_key(&number, KEY_MEMBER, id);
    member_key(&k, is_member(&s) ? KEY_MEMBER_PAST : KEY_MEMBER, id, f->profile);
    views_delete(v, k.bytes, k.len);
    member_key(&k, is_member(&s) ? KEY_MEMBER : KEY_MEMBER_PAST, id, f->profile);
    views_put(v, k.bytes, k.len, "", 0);
    buf_varint(&out, f->number);
    views_put(v, number.bytes, number.len, out.ptr, out.len);
    buf_free(&out);
    return 0;
}

int
household_members(struct views *v, struct tl_str id, uint64_t profiles[HOUSEHOLD_MEMBERS_MAX],
                  size_t *count, uint64_t *last_number)
{
    struct views_walk w;
    struct key prefix;
    struct record r;
    int err = 0;
    bool more;

    *count = 0;
    *last_number = 0;
    household_key(&prefix, KEY_MEMBER, id);
    more = views_first(&w, v, prefix.bytes, prefix.len, NULL, 0, false);
    for (; more && *count < HOUSEHOLD_MEMBERS_MAX && err == 0; more = views_next(&w)) {
        if (w.key.len == prefix.len) {
            r = record_open(w.value);
            *last_number = record_varint(&r);
            err = r.bad || r.at != r.end ? TL_EDAMAGED : 0;
        } else if (w.key.len == prefix.len + 8) {
            profiles[(*count)++] = key_read_number(w.key, prefix.len);
        } else {
            err = TL_EDAMAGED;
        }
    }
    views_end(&w);
    return err;
}

static int
add_speakers(struct views *v, enum key_global kind, struct tl_str id, uint64_t *profiles,
             size_t max, size_t *count)
{
    struct views_walk w;
    struct key prefix;
    int err = 0;
    bool more;

    household_key(&prefix, kind, id);
    more = views_first(&w, v, prefix.bytes, prefix.len, NULL, 0, false);
    for (; more && err == 0; more = views_next(&w))
        if (w.key.len != prefix.len + 8)
            continue;
        else if (*count == max)
            err = TL_TOO_MANY;
        else
            profiles[(*count)++] = key_read_number(w.key, prefix.len);
    views_end(&w);
    return err;
}

int
household_speakers(struct views *v, struct tl_str id, uint64_t *profiles, size_t max,
                   size_t *count)
{
    int err;

    *count = 0;
    err = add_speakers(v, KEY_MEMBER, id, profiles, max, count);
    return err != 0 ? err : add_speakers(v, KEY_MEMBER_PAST, id, profiles, max, count);
}

bool
household_of_key(struct tl_str key, struct tl_str *id, uint64_t *profile)
{
    size_t at = 2;

    if (key.len < at || key.ptr[0] != 'G' ||
        (key.ptr[1] != KEY_MEMBER && key.ptr[1] != KEY_MEMBER_PAST))
        return false;
    *id = key_read_text(key, &at);
    *profile = at < key.len ? key_read_number(key, at) : 0;
    return true;
}

/* --------------------------------------------------------------- reading */

static int
copy(struct tl_str *text, struct arena *arena)
{
    if (text->len == 0)
        return 0;
    text->ptr = arena_copy(arena, text->ptr, text->len);
    return text->ptr == NULL ? TL_TOO_MANY : 0;
}

int
household_find(struct views *v, const uint64_t *profiles, size_t profiles_count,
               struct tl_str id, bool *is_one, struct tl_household *out, struct arena *arena)
{
    struct state all = {0};
    int err = 0;

    for (size_t i = 0; i < profiles_count && err == 0; i++) {
        struct state s;
        struct key k;

        if (!get_state(v, profiles[i], id, &k, &s, &err) || err != 0)
            continue;
        if ((err = copy(&s.role.text, arena)) == 0 && (err = copy(&s.visibility.text, arena)) == 0)
            merge_state(&all, &s);
    }
    *is_one = is_member(&all);
    *out = (struct tl_household){
        .id = id,
        .role = standing(&all, &all.role),
        .visibility = standing(&all, &all.visibility),
        .since = all.since,
    };
    return err;
}

/* Adds the ids of the households one profile is a member of, kept in order; of too
 * many the first by id stay. */
static int
add_ids(struct views *v, uint64_t profile, struct tl_str *ids, size_t *count,
        struct arena *arena)
{
    struct views_walk w;
    struct key prefix;
    int err = 0;
    size_t looked = 0;
    bool more;

    record_key(&prefix, profile, MEMBER, TL_STR(""));
    more = views_first(&w, v, prefix.bytes, prefix.len, NULL, 0, false);
    for (; more && looked < HOUSEHOLDS_MAX && err == 0; more = views_next(&w), looked++) {
        struct tl_str id = {w.key.ptr + prefix.len, w.key.len - prefix.len};
        size_t at = *count;

        while (at > 0 && str_compare(ids[at - 1], id) > 0)
            at--;
        if ((at > 0 && str_equal(ids[at - 1], id)) || at == HOUSEHOLDS_MAX)
            continue;
        if ((err = copy(&id, arena)) != 0)
            break;
        memmove(&ids[at + 1], &ids[at], (*count - at) * sizeof(ids[0]));
        ids[at] = id;
        if (*count < HOUSEHOLDS_MAX)
            ++*count;
    }
    views_end(&w);
    return err;
}

int
household_list(struct views *v, const uint64_t *profiles, size_t profiles_count,
               struct tl_household *out, size_t *count, struct arena *arena)
{
    struct tl_str ids[HOUSEHOLDS_MAX + 1];
    size_t ids_count = 0;
    int err = 0;

    *count = 0;
    for (size_t i = 0; i < profiles_count && err == 0; i++)
        err = add_ids(v, profiles[i], ids, &ids_count, arena);
    for (size_t i = 0; i < ids_count && err == 0; i++) {
        bool is_one;

        err = household_find(v, profiles, profiles_count, ids[i], &is_one, &out[*count], arena);
        *count += is_one;
    }
    return err;
}
