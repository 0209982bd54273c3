#include <stddef.h>
#include <stdlib.h>

#include "client/client.h"
#include "proto/json.h"
#include "proto/money.h"

/* Hands the buffer's memory to the caller. */
static int
give(struct buf *b, int err, char **bytes)
{
    *bytes = NULL;
    if (err == 0 && b->failed)
        err = TL_ENOMEM;
    if (err == 0) {
        *bytes = (char *)b->ptr;
        b->ptr = NULL;
    }
    buf_free(b);
    return err;
}

int
tl_event_encode(const struct tl_event *event, char **bytes, size_t *len)
{
    struct buf b = {0};

    client_init();
    codec_encode(CODEC_EVENT, event, &b);
    *len = b.len;
    return give(&b, 0, bytes);
}

struct decoded {
    struct tl_event event;
    struct arena arena;
};

int
tl_event_decode(struct tl_str bytes, struct tl_event **out)
{
    struct decoded *d = calloc(1, sizeof *d);
    int err;

    client_init();
    *out = NULL;
    if (d == NULL)
        return TL_ENOMEM;
    arena_init(&d->arena, CODEC_BUDGET_BYTES);
    if ((err = codec_decode(CODEC_EVENT, &d->event, bytes, &d->arena)) != 0) {
        if (d->arena.failed)
            err = TL_ENOMEM;
        arena_fini(&d->arena);
        free(d);
        return err;
    }
    *out = &d->event;
    return 0;
}

void
tl_event_free(struct tl_event **event)
{
    struct decoded *d = (struct decoded *)(void *)*event;

    _Static_assert(offsetof(struct decoded, event) == 0, "the event is what we were given");
    if (d == NULL)
        return;
    arena_fini(&d->arena);
    free(d);
    *event = NULL;
}

int
tl_event_from_json(struct tl_str json, char **bytes, size_t *len, char *why, size_t why_bytes)
{
    struct buf b = {0};
    char unread[1];
    int err;

    client_init();
    if (why == NULL) {
        why = unread;
        why_bytes = sizeof unread;
    }
    err = json_to_bytes(CODEC_EVENT, json, &b, why, why_bytes);
    *len = b.len;
    return give(&b, err, bytes);
}

int
tl_event_to_json(struct tl_str bytes, char **json)
{
    struct buf b = {0};
    int err;

    client_init();
    err = json_from_bytes(CODEC_EVENT, bytes, false, &b);
    buf_byte(&b, '\0');
    return give(&b, err, json);
}

int
tl_currency_decimals(struct tl_str currency)
{
    return money_decimals(currency);
}
