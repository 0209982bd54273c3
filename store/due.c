#include "store/due.h"

#include <string.h>

#include "base/omap.h"
#include "proto/code.h"
#include "store/record.h"

#define STAGE_BYTES 3           /* table, kind, stage: what keys of a stage begin with */
#define ID_AT (STAGE_BYTES + 8 + 8)

static void
stage_key(struct key *k, enum due_stage stage)
{
    key_global(k, KEY_DUE);
    key_add_byte(k, (unsigned char)stage);
}

static void
entry_key(struct key *k, enum due_stage stage, int64_t due, uint64_t profile, struct tl_str id)
{
    stage_key(k, stage);
    key_add_time(k, due);
    key_add_number(k, profile);
    key_add(k, id);
}

/* Where the commitment's entry is. */
static void
where_key(struct key *k, uint64_t profile, struct tl_str id)
{
    key_global(k, KEY_DUE_OF);
    key_add_number(k, profile);
    key_add(k, id);
}

static int
read_where(struct tl_str bytes, enum due_stage *stage, int64_t *due)
{
    struct record r = record_open(bytes);
    unsigned read = record_byte(&r);

    *due = record_time(&r);
    if (r.bad || r.at != r.end || read >= DUE_STAGES)
        return TL_EDAMAGED;
    *stage = (enum due_stage)read;
    return 0;
}

static int
remove_entry(struct views *v, const struct key *where, struct tl_str bytes, uint64_t profile,
             struct tl_str id)
{
    enum due_stage stage;
    struct key k;
    int64_t due;

    if (read_where(bytes, &stage, &due) != 0)
        return TL_EDAMAGED;
    entry_key(&k, stage, due, profile, id);
    views_delete(v, k.bytes, k.len);
    views_delete(v, where->bytes, where->len);
    return 0;
}

static void
add_entry(struct views *v, struct due_reached *reached, const struct key *where,
          const unsigned char value[1 + 8], const struct key *entry)
{
    struct key *from = &reached->from[value[0]];

    views_put(v, where->bytes, where->len, value, 1 + 8);
    views_put(v, entry->bytes, entry->len, "", 0);
    if (omap_compare(entry->bytes, entry->len, from->bytes, from->len) < 0)
        *from = *entry;
    if (key_read_time((struct tl_str){(const char *)entry->bytes, entry->len}, STAGE_BYTES) <
        reached->next[value[0]])
        reached->next[value[0]] = 0;
}

int
due_set(struct views *v, struct due_reached *reached, uint64_t profile, struct tl_str id,
        enum due_stage stage, int64_t due)
{
    unsigned char value[1 + 8] = {(unsigned char)stage};
    struct key where, entry;
    struct tl_str old;
    bool is_there;
    int err = 0;

    record_write_time(value + 1, due);
    where_key(&where, profile, id);
    is_there = views_get(v, where.bytes, where.len, &old);
    if (is_there && stage != DUE_NOTHING && old.len == sizeof(value) &&
        memcmp(old.ptr, value, sizeof(value)) == 0)
        return 0;
    if (is_there)
        err = remove_entry(v, &where, old, profile, id);
    if (err != 0 || stage == DUE_NOTHING)
        return err;
    entry_key(&entry, stage, due, profile, id);
    add_entry(v, reached, &where, value, &entry);
    return 0;
}

bool
due_next(struct views *v, struct due_reached *reached, enum due_stage stage, int64_t until,
         struct due_entry *out)
{
    struct key *from = &reached->from[stage];
    struct views_walk w;
    struct key prefix;
    bool any, found;

    if (until < reached->next[stage])
        return false;
    stage_key(&prefix, stage);
    any = views_first(&w, v, prefix.bytes, prefix.len, from->bytes, from->len, false) &&
          w.key.len >= ID_AT;
    found = any && key_read_time(w.key, STAGE_BYTES) <= until;
    /* What is deleted ahead of the next is walked over once, not each second. */
    reached->next[stage] = any ? key_read_time(w.key, STAGE_BYTES) : INT64_MAX;
    if (found) {
        out->stage = stage;
        out->due = key_read_time(w.key, STAGE_BYTES);
        out->profile = key_read_number(w.key, STAGE_BYTES + 8);
        out->key.len = 0;
        key_add(&out->key, w.key);
        out->id = (struct tl_str){(const char *)out->key.bytes + ID_AT, out->key.len - ID_AT};
    }
    views_end(&w);
    if (!found) {
        /* What was deleted since the last flush is not walked over again. */
        key_add_time(&prefix, until);
        if (omap_compare(from->bytes, from->len, prefix.bytes, prefix.len) < 0)
            *from = prefix;
    }
    return found;
}

void
due_pass(struct due_reached *reached, const struct due_entry *entry)
{
    struct key *from = &reached->from[entry->stage];

    *from = entry->key;
    key_add_byte(from, 0);      /* the next key there can be */
}
