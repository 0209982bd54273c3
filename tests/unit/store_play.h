/* store_play.h -- a store in a directory of the test's own, told events through its
 * own door and asked through it. */

#ifndef STORE_PLAY_H
#define STORE_PLAY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "proto/codec.h"
#include "proto/str.h"
#include "store/store.h"

#define DAY (86400LL * 1000000000LL)
#define NOW (17500 * DAY)

static char dir[64];
static struct store *store;
static struct arena arena;
static char why[STORE_WHY_BYTES];

static inline void
open_store(void)
{
    struct store_settings s = {.dir = dir, .segment_bytes = 4u << 20};

    assert_int_equal(store_open(&store, &s, why), 0);
}

static inline int
set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/store-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    arena_init(&arena, 8u << 20);
    open_store();
    return 0;
}

static inline int
tear_down(void **state)
{
    char command[100];

    (void)state;
    store_close(&store);
    arena_fini(&arena);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

static inline void
reopen(void)
{
    assert_int_equal(store_close(&store), 0);
    open_store();
}

/* As after a crash: only what is on disk remains, no checkpoint is written. */
static inline void
crash_and_reopen(void)
{
    char command[300];

    snprintf(command, sizeof(command), "cp -r %s %s.crash", dir, dir);
    assert_int_equal(system(command), 0);
    store_close(&store);
    snprintf(command, sizeof(command), "rm -rf %s && mv %s.crash %s", dir, dir, dir);
    assert_int_equal(system(command), 0);
    open_store();
}

static inline void
sync_all(void)
{
    while (store_batch_take(store)) {
        int written = store_batch_write(store);

        assert_int_equal(store_batch_done(store, written, why), 0);
    }
    assert_int_equal(store_tick(store), 0);
}

static inline struct store_identifier
identifier(const char *text)
{
    static const struct {
        const char *type;
        bool strong, single, follows;
    } kinds[] = {
        {"crm", true, true, false},     {"user", true, true, false},
        {"account", true, true, false}, {"loyalty", true, true, false},
        {"email", true, false, false},  {"payment", true, false, false},
        {"phone", false, false, false}, {"social", false, false, false},
        {"device", false, false, true}, {"cookie", false, false, true},
        {"receipt", false, false, false},
    };
    const char *colon = strchr(text, ':');
    struct store_identifier id = {.type = {text, (size_t)(colon - text)},
                                  .value = {colon + 1, strlen(colon + 1)}};

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (str_is(id.type, kinds[i].type)) {
            id.rank = i;
            id.strong = kinds[i].strong;
            id.single = kinds[i].single;
            id.follows_login = kinds[i].follows;
        }
    return id;
}

static inline struct tl_str
str(const char *text)
{
    return (struct tl_str){text, strlen(text)};
}

/* Admits an event that names up to three identifiers, strongest first. */
static inline struct store_verdict
admit(struct tl_event *ev, const char *a, const char *b, const char *c)
{
    const char *names[] = {a, b, c};
    struct store_identifier ids[3];
    struct store_event in = {.event = ev, .identifiers = ids, .received = NOW};
    struct store_verdict out;
    struct buf bytes = {0};

    for (int i = 0; i < 3; i++)
        if (names[i] != NULL)
            ids[in.identifiers_count++] = identifier(names[i]);
    codec_encode(CODEC_EVENT, ev, &bytes);
    in.bytes = (struct tl_str){(const char *)bytes.ptr, bytes.len};
    if (!store_has_room(store))
        sync_all();
    store_admit(store, &in, &out);
    buf_free(&bytes);
    return out;
}

static int next_id;

static inline struct tl_event
event(const char *type, const char *channel, int64_t time)
{
    static char ids[65536][12];
    char *id = ids[next_id % 65536];

    snprintf(id, sizeof(ids[0]), "%d", next_id++);
    return (struct tl_event){
        .id = str(id), .source = str("test"), .type = str(type), .channel = str(channel),
        .time = time};
}

static inline uint64_t
say(const char *type, int64_t time, const char *a, const char *b)
{
    struct tl_event ev = event(type, "web", time);
    struct store_verdict v = admit(&ev, a, b, NULL);

    assert_int_equal(v.code, 0);
    assert_false(v.duplicate);
    return v.number;
}

static inline void
touch(const char *offer, const char *campaign, const char *outcome, int64_t time, const char *whom)
{
    struct tl_offer_touch o = {.offer = str(offer), .campaign = str(campaign),
                               .outcome = str(outcome)};
    struct tl_event ev = event("offer.touched", "web", time);

    ev.offers = &o;
    ev.offers_count = 1;
    assert_int_equal(admit(&ev, whom, NULL, NULL).code, 0);
}

static inline struct tl_context
context(const char *whom)
{
    struct store_question q = {.customer = identifier(whom), .now = NOW};
    struct tl_context c;
    uint64_t depends;

    arena_reset(&arena);
    assert_int_equal(store_context(store, &q, 4096, &c, &arena, &depends), 0);
    return c;
}

static inline bool
knows(const struct tl_context *c, const char *whom)
{
    struct store_identifier id = identifier(whom);

    for (size_t i = 0; i < c->who->identifiers_count; i++)
        if (str_equal(c->who->identifiers[i].type, id.type) &&
            str_equal(c->who->identifiers[i].value, id.value))
            return true;
    return false;
}

static inline const char *
state_of(const char *whom, const char *offer)
{
    static char state[32];
    struct tl_context c = context(whom);

    for (size_t i = 0; i < c.offers_count; i++)
        if (str_is(c.offers[i].offer, offer)) {
            snprintf(state, sizeof(state), "%.*s", (int)c.offers[i].state.len,
                     c.offers[i].state.ptr);
            return state;
        }
    return "none";
}

#endif
