#include "client/reply.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "proto/json.h"
#include "proto/position.h"

_Static_assert(TL_POSITION_BYTES == POSITION_BYTES, "the public header says it too");

struct tl_reply *
reply_new(void)
{
    struct tl_reply *reply = calloc(1, sizeof *reply);

    if (reply == NULL)
        return NULL;
    must(zmq_msg_init(&reply->msg) == 0);
    arena_init(&reply->arena, CODEC_BUDGET_BYTES);
    return reply;
}

void
tl_reply_free(struct tl_reply **reply)
{
    if (*reply == NULL)
        return;
    for (struct tl_reply *page = (*reply)->pages, *next; page != NULL; page = next) {
        next = page->next;
        tl_reply_free(&page);
    }
    free((*reply)->events);
    zmq_msg_close(&(*reply)->msg);
    arena_fini(&(*reply)->arena);
    free(*reply);
    *reply = NULL;
}

int
reply_read(struct tl_reply *reply)
{
    enum delivery_step step = delivery_read(&reply->delivery, reply->bytes);

    arena_reset(&reply->arena);
    reply->wire = (struct wire_reply){0};
    reply->code = 0;
    reply->unread = false;
    reply->is_delivery = step == DELIVERY_YES;
    if (step == DELIVERY_MALFORMED)
        return TL_EFORMAT;
    if (step == DELIVERY_YES)
        return 0;
    if (codec_decode(CODEC_REPLY, &reply->wire, reply->bytes, &reply->arena) != 0) {
        reply->unread = reply->arena.failed;
        return reply->unread ? TL_ENOMEM : TL_EFORMAT;
    }
    if (reply->wire.refusal != NULL)
        reply->code = (int)reply->wire.refusal->code;
    return 0;
}

int
reply_add_page(struct tl_reply *reply, struct tl_reply *page)
{
    struct tl_timeline *all = reply->wire.timeline;
    const struct tl_timeline *more = page->wire.timeline;
    size_t count = all->events_count + more->events_count;
    struct tl_event *events = malloc((count + 1) * sizeof events[0]);

    page->next = reply->pages;
    reply->pages = page;
    if (events == NULL)
        return TL_ENOMEM;
    if (all->events_count > 0)
        memcpy(events, all->events, all->events_count * sizeof events[0]);
    if (more->events_count > 0)
        memcpy(events + all->events_count, more->events, more->events_count * sizeof events[0]);
    free(reply->events);
    reply->events = events;
    all->events = events;
    all->events_count = count;
    all->more = more->more;
    all->next = more->next;
    return 0;
}

void
reply_position(char out[TL_POSITION_BYTES + 1], struct tl_str log, uint64_t number)
{
    out[0] = '\0';
    if (log.len != LOG_ID_BYTES)
        return;
    position_format(out, (struct position){0, number});
    memcpy(out, log.ptr, LOG_ID_BYTES);
}

int
tl_reply_code(const struct tl_reply *reply)
{
    return reply->code;
}

struct tl_str
tl_reply_detail(const struct tl_reply *reply)
{
    return reply->wire.refusal != NULL ? reply->wire.refusal->detail : (struct tl_str){0};
}

const struct tl_context *
tl_reply_context(const struct tl_reply *reply)
{
    return reply->wire.context;
}

const struct tl_timeline *
tl_reply_timeline(const struct tl_reply *reply)
{
    return reply->wire.timeline;
}

const struct tl_offers *
tl_reply_offers(const struct tl_reply *reply)
{
    return reply->wire.offers;
}

const struct tl_contact_verdict *
tl_reply_may_contact(const struct tl_reply *reply)
{
    return reply->wire.may_contact;
}

const struct tl_campaigns *
tl_reply_campaign(const struct tl_reply *reply)
{
    return reply->wire.campaign;
}

const struct tl_stat *
tl_reply_stat(const struct tl_reply *reply)
{
    return reply->wire.stat;
}

const struct tl_verification *
tl_reply_verify(const struct tl_reply *reply)
{
    return reply->wire.verify;
}

static const void *
answer_of(const struct wire_reply *wire, enum codec_message *what)
{
    const struct {
        const void *answer;
        enum codec_message what;
    } kinds[] = {
        {wire->context, CODEC_CONTEXT},
        {wire->timeline, CODEC_TIMELINE},
        {wire->offers, CODEC_OFFERS},
        {wire->may_contact, CODEC_CONTACT_VERDICT},
        {wire->campaign, CODEC_CAMPAIGNS},
        {wire->stat, CODEC_STAT},
        {wire->verify, CODEC_VERIFICATION},
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].answer != NULL) {
            *what = kinds[i].what;
            return kinds[i].answer;
        }
    return NULL;
}

int
tl_reply_json(const struct tl_reply *reply, char **json)
{
    enum codec_message what;
    const void *answer = answer_of(&reply->wire, &what);
    const struct tl_timeline *timeline = reply->wire.timeline;
    /* Of every event each field would be too much of a good thing. */
    bool whole = timeline == NULL || timeline->events_count == 0;
    struct buf bytes = {0}, out = {0};
    int err = TL_ENOMEM;

    *json = NULL;
    if (answer == NULL)
        return TL_EARGUMENT;
    codec_encode(what, answer, &bytes);
    if (!bytes.failed)
        err = json_from_bytes(what, (struct tl_str){(char *)bytes.ptr, bytes.len}, whole, &out);
    buf_byte(&out, '\0');
    if (err == 0 && out.failed)
        err = TL_ENOMEM;
    if (err == 0) {
        *json = (char *)out.ptr;
        out.ptr = NULL;
    }
    buf_free(&out);
    buf_free(&bytes);
    return err;
}
