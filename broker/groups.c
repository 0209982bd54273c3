#include "broker/groups.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "broker/broker.h"
#include "proto/code.h"
#include "proto/position.h"
#include "proto/str.h"

/* One share of one group; with shares 0 the whole. */
struct group_share {
    char name[GROUP_NAME_BYTES_MAX + 1];
    uint32_t share;
    uint32_t shares;
    uint64_t generation;
    uint64_t at;
};

/* -------------------------------------------------------------------- names */

struct share_key {
    char name[GROUP_NAME_BYTES_MAX + 1];
    uint32_t share;
};

static struct share_key
make_key(struct tl_str name, uint32_t share)
{
    struct share_key key;

    memset(&key, 0, sizeof key);
    memcpy(key.name, name.ptr, name.len);
    key.share = share;
    return key;
}

static struct group_share *
find(const struct groups *g, struct tl_str name, uint32_t share)
{
    struct share_key key = make_key(name, share);

    return map_get(&g->by_name, &key, sizeof key);
}

static struct group_share *
add(struct groups *g, struct tl_str name, uint32_t share, uint32_t shares)
{
    struct share_key key = make_key(name, share);
    struct group_share *s = calloc(1, sizeof *s);

    must(s != NULL);
    memcpy(s->name, name.ptr, name.len);
    s->share = share;
    s->shares = shares;
    *map_put(&g->by_name, &key, sizeof key) = s;
    return s;
}

/* Words a user types, and that fit a line of the file. */
static bool
good_name(struct tl_str name)
{
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] <= ' ')
            return false;
    return name.len > 0 && name.len <= GROUP_NAME_BYTES_MAX;
}

/* ----------------------------------------------------------------- the file */

static void
put_line(struct buf *text, const struct group_share *s)
{
    buf_printf(text, "%s %" PRIu32 " %" PRIu32 " %" PRIu64 " %" PRIu64 "\n", s->name, s->share,
               s->shares, s->generation, s->at);
}

static int
add_line(struct groups *g, const struct group_share *s)
{
    struct buf line = {0};
    int err;

    put_line(&line, s);
    err = lines_add(&g->file, &line);
    buf_free(&line);
    return err;
}

static void
read_line(void *arg, char *line)
{
    struct group_share *s, read = {0};
    struct groups *g = arg;
    struct tl_str name;

    if (sscanf(line, "%128s %" SCNu32 " %" SCNu32 " %" SCNu64 " %" SCNu64, read.name, &read.share,
               &read.shares, &read.generation, &read.at) != 5)
        return;
    name = (struct tl_str){read.name, strlen(read.name)};
    s = find(g, name, read.share);
    if (s == NULL)
        s = add(g, name, read.share, read.shares);
    s->generation = read.generation;
    s->at = read.at;
    if (read.generation > g->generation)
        g->generation = read.generation;
}

/* A line a share. */
static int
write_anew(struct groups *g)
{
    struct map_entry *entry;
    struct buf text = {0};
    size_t i = 0;
    int err;

    while ((entry = map_next(&g->by_name, &i)) != NULL)
        put_line(&text, entry->value);
    err = lines_write_anew(&g->file, &text);
    buf_free(&text);
    return err;
}

/* A line was added; what it says is known by now. */
static int
shorten(struct groups *g)
{
    int err = lines_grown(&g->file) ? write_anew(g) : 0;

    return err == TL_NO_SPACE ? 0 : err;
}

int
groups_open(struct groups *g, const char *dir)
{
    int err;

    *g = (struct groups){0};
    if ((err = lines_open(&g->file, dir, "groups", read_line, g)) != 0)
        return err;
    err = write_anew(g);
    return err == 0 || err == TL_NO_SPACE ? 0 : EIO;
}

void
groups_close(struct groups *g)
{
    struct map_entry *entry;
    size_t i = 0;

    while ((entry = map_next(&g->by_name, &i)) != NULL)
        free(entry->value);
    map_fini(&g->by_name);
    lines_close(&g->file);
}

/* ------------------------------------------------------------ holders, acks */

/* The number of shares of a group never changes: work would be done twice or
 * not at all. */
static bool
shares_fit(const struct groups *g, struct tl_str name, uint32_t shares)
{
    struct map_entry *entry;
    size_t i = 0;

    while ((entry = map_next(&g->by_name, &i)) != NULL) {
        const struct group_share *s = entry->value;

        if (str_is(name, s->name))
            return s->shares == shares;
    }
    return true;
}

int
groups_hold(struct groups *g, struct tl_str name, uint32_t share, uint32_t shares,
            uint64_t *generation, uint64_t *at, const char **detail)
{
    struct group_share *s, taken;
    int err;

    *detail = "a group's name has 1 to 128 bytes without blanks";
    if (!good_name(name))
        return TL_BAD_REQUEST;
    *detail = "a group has at most 1024 shares";
    if (shares > GROUP_SHARES_MAX)
        return TL_TOO_MANY;
    *detail = "this group reads in another number of shares; it is fixed";
    if (!shares_fit(g, name, shares))
        return TL_BAD_REQUEST;
    *detail = "the broker keeps at most 10000 groups and shares";
    s = find(g, name, share);
    if (s == NULL && g->by_name.count >= GROUPS_MAX)
        return TL_TOO_MANY;
    if (s == NULL)
        s = add(g, name, share, shares);
    taken = *s;
    taken.generation = g->generation + 1;
    *detail = "the group's holder cannot be written down";
    if ((err = add_line(g, &taken)) != 0)
        return err;
    *s = taken;
    g->generation = taken.generation;
    *generation = s->generation;
    *at = s->at;
    if ((err = shorten(g)) == 0)
        *detail = NULL;
    return err;
}

static struct group_share *
held_by(const struct groups *g, struct tl_str name, uint64_t generation)
{
    struct map_entry *entry;
    size_t i = 0;

    while ((entry = map_next(&g->by_name, &i)) != NULL) {
        struct group_share *s = entry->value;

        if (s->generation == generation && str_is(name, s->name))
            return s;
    }
    return NULL;
}

static int
commit(struct broker *b, const struct wire_group_commit *asked, const char **detail)
{
    struct group_share *s = held_by(&b->groups, asked->group, asked->generation), moved;
    struct position p;
    int err;

    *detail = "the group has a newer holder, or there is no such group";
    if (s == NULL)
        return TL_STALE_GROUP;
    *detail = "no position of this log";
    if (position_parse(&p, asked->position) != 0 || p.log != store_log_id(b->store) ||
        p.number > store_head(b->store))
        return TL_BAD_POSITION;
    *detail = NULL;
    if (p.number <= s->at)
        return 0;
    moved = *s;
    moved.at = p.number;
    *detail = "the position cannot be written down";
    if ((err = add_line(&b->groups, &moved)) != 0)
        return err;
    *s = moved;
    return shorten(&b->groups);
}

void
groups_take_commit(struct broker *b, struct asked *q)
{
    const struct wire_group_commit *asked = q->request->group_commit;
    const char *detail;
    int err = commit(b, asked, &detail);

    if (err == TL_EIO)
        broker_fail(b, detail);
    if (err != 0)
        session_refuse(b, q->session, q->request->id, err, detail);
    else
        session_reply(b, q->session,
                      &(struct wire_reply){.id = q->request->id,
                                           .group_commit = &(struct wire_group_committed){
                                               asked->group, asked->position}});
}
