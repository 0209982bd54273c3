#include "tools/follow.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tools/show.h"

#define PATIENCE_FIRST_NS (5 * CLOCK_SECOND)
#define PATIENCE_NS (120 * CLOCK_SECOND)
#define ROUND_MS 1000
#define COMMIT_NS CLOCK_SECOND
#define CSV_HEADING "position,time,channel,type,customer,id,source,offer,campaign,outcome"

struct following {
    struct verb_call *call;
    bool live;
    struct tl_client *client;
    struct tl_stream *stream;
    const char *group;      /* NULL: none */
    int64_t committed_at;
    char committed[TL_POSITION_BYTES + 1];
    struct buf out;
    bool heard;             /* there was a broker */
    bool said;              /* that we wait */
    int64_t since;          /* of its last sign of life */
};

/* ----------------------------------------------------------------- options */

static int
take_share(const struct verb_call *call, const char *text, struct tl_stream_options *o)
{
    char *end, *stop;
    unsigned long share, shares = 0;

    if (text == NULL)
        return 0;
    share = strtoul(text, &end, 10);
    stop = end;
    if (*end == '/')
        shares = strtoul(end + 1, &stop, 10);
    if (share < 1 || share > shares || shares > 65536 || *stop != '\0' || text[0] == '-')
        return verb_misused(call, "--share takes I/N with I from 1 to N, N at most 65536, not `%s'",
                            text);
    o->share = (uint32_t)share;
    o->shares = (uint32_t)shares;
    return 0;
}

int
follow_options(struct verb_call *call, const struct follow *f, struct tl_stream_options *out)
{
    int code;

    *out = (struct tl_stream_options){
        .from = f->from,
        .to = f->to,
        .follow = f->live,
        .customers = (const char *const *)call->argv,
        .customers_count = (size_t)call->argc,
        .types = f->types.items,
        .types_count = f->types.count,
        .channels = f->channels.items,
        .channels_count = f->channels.count,
        .campaigns = f->campaigns.items,
        .campaigns_count = f->campaigns.count,
        .offers = f->offers.items,
        .offers_count = f->offers.count,
        .group = f->group,
    };
    for (int i = 0; i < call->argc; i++)
        if ((code = verb_customer(call, call->argv[i])) != 0)
            return code;
    return take_share(call, f->share, out);
}

/* ------------------------------------------------------------------ output */

static int
put_json(struct following *f, struct tl_str whole)
{
    char *json;
    int err;

    if ((err = tl_event_to_json(whole, &json)) != 0)
        return err;
    buf_text(&f->out, json);
    free(json);
    return print_line(&f->out, false);
}

/* As protobuf libraries write and read "delimited" messages. */
static int
put_proto(struct following *f, struct tl_str whole)
{
    size_t len;

    buf_varint(&f->out, whole.len);
    buf_append(&f->out, whole.ptr, whole.len);
    if (f->out.failed)
        return TL_ENOMEM;
    len = f->out.len;
    buf_clear(&f->out);
    return fwrite(f->out.ptr, 1, len, stdout) == len ? 0 : TL_EIO;
}

static void
csv_fields(struct buf *out, const struct tl_event *ev)
{
    static const struct tl_offer_touch none;
    const struct tl_offer_touch *o = ev->offers_count > 0 ? &ev->offers[0] : &none;
    const struct tl_str columns[] = {
        ev->id, ev->source, o->offer, o->campaign.len > 0 ? o->campaign : ev->campaign, o->outcome,
    };

    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        buf_byte(out, ',');
        print_csv_text(out, columns[i]);
    }
}

static int
put_csv(struct following *f, struct tl_str whole)
{
    struct buf *out = &f->out, customer = {0};
    char time[CLOCK_TEXT_BYTES];
    struct tl_event *ev;
    int err;

    if ((err = tl_event_decode(whole, &ev)) != 0)
        return err;
    show_customer(&customer, ev);
    buf_append(out, ev->position.ptr, ev->position.len);
    buf_printf(out, ",%s,", ev->time != 0 ? clock_format(time, ev->time) : "");
    print_csv_text(out, ev->channel);
    buf_byte(out, ',');
    print_csv_text(out, ev->type);
    buf_byte(out, ',');
    print_csv_text(out, (struct tl_str){(char *)customer.ptr, customer.len});
    csv_fields(out, ev);
    buf_free(&customer);
    tl_event_free(&ev);
    return print_line(out, false);
}

/* Events come one by one, so the columns are as wide as they usually are. */
static int
put_row(struct following *f, struct tl_str whole)
{
    struct buf line = {0}, customer = {0};
    char when[PRINT_WHEN_BYTES];
    struct tl_event *ev;
    int err;

    if ((err = tl_event_decode(whole, &ev)) != 0)
        return err;
    show_customer(&customer, ev);
    buf_printf(&line, "%-20s  %-6.*s  %-22.*s  %-28.*s  ",
               print_moment(when, ev->time != 0 ? ev->time : ev->received_time),
               (int)ev->channel.len, ev->channel.len > 0 ? ev->channel.ptr : "", (int)ev->type.len,
               ev->type.len > 0 ? ev->type.ptr : "", (int)customer.len,
               customer.len > 0 ? (char *)customer.ptr : "");
    show_gist(&line, ev);
    print_clean(&f->out, (struct tl_str){(char *)line.ptr, line.len});
    if (line.failed || customer.failed)
        f->out.failed = true;
    buf_free(&line);
    buf_free(&customer);
    tl_event_free(&ev);
    return print_line(&f->out, false);
}

static int
put(struct following *f)
{
    static int (*const outputs[])(struct following *, struct tl_str) = {
        [OUTPUT_TABLE] = put_row, [OUTPUT_JSON] = put_json,   [OUTPUT_JSONL] = put_json,
        [OUTPUT_CSV] = put_csv,   [OUTPUT_PROTO] = put_proto,
    };
    struct tl_str whole;
    int err;

    if ((err = tl_stream_whole(f->stream, &whole)) != 0)
        return err;
    return outputs[f->call->output](f, whole);
}

/* ------------------------------------------------------------------ stream */

/* Is it worth waiting on for a broker that is away?  watch waits for ever, once
 * there was one. */
static bool
hopeless(struct following *f)
{
    int64_t silence = clock_monotonic() - f->since;

    if (!f->heard)
        return silence > PATIENCE_FIRST_NS;
    if (!f->said && silence > PATIENCE_FIRST_NS) {
        fprintf(stderr, "touchline: the broker is away; waiting for it\n");
        f->said = true;
    }
    return !f->live && silence > PATIENCE_NS;
}

static void
heard(struct following *f)
{
    f->heard = true;
    f->said = false;
    f->since = clock_monotonic();
}

/* What was printed is handed on before the group is said to have done with it. */
static int
commit(struct following *f)
{
    char position[TL_POSITION_BYTES + 1];
    int err;

    if (f->group == NULL || tl_stream_generation(f->stream) == 0)
        return 0;
    tl_stream_position(f->stream, position);
    f->committed_at = clock_monotonic();
    if (position[0] == '\0' || strcmp(position, f->committed) == 0)
        return 0;
    if (fflush(stdout) != 0)
        return TL_EIO;
    err = tl_commit(f->client, f->group, position, tl_stream_generation(f->stream));
    if (err == 0)
        memcpy(f->committed, position, sizeof position);
    return err == TL_EAWAY ? 0 : err;
}

/* The next event, or NULL and 0 when it is to be tried again. */
static int
next(struct following *f, const struct tl_stream_event **ev)
{
    int err = 0;

    if (clock_monotonic() - f->committed_at > COMMIT_NS)
        err = commit(f);
    if (err == 0)
        err = tl_stream_next(f->stream, 0, ev);

    if (err != 0 && err != TL_EAWAY)
        return err;
    if (*ev != NULL)
        return 0;
    /* Nothing at hand: who reads us sees all there is. */
    if (fflush(stdout) != 0)
        return TL_EIO;
    if ((err = tl_stream_next(f->stream, ROUND_MS, ev)) == 0)
        heard(f);
    else if (err == TL_EAWAY && !hopeless(f))
        err = 0;
    return err;
}

static int
pump(struct following *f)
{
    const struct tl_stream_event *ev;
    int err;

    f->since = clock_monotonic();
    if (f->call->output == OUTPUT_CSV && puts(CSV_HEADING) < 0)
        return TL_EIO;
    while ((err = next(f, &ev)) == 0)
        if (ev != NULL && (err = put(f)) != 0)
            return err;
    if (err != TL_ECLOSED)
        return err;
    return fflush(stdout) != 0 ? TL_EIO : commit(f);
}

int
follow_run(struct verb_call *call, const struct follow *how, const struct tl_stream_options *o)
{
    struct following f = {.call = call, .live = how->live, .group = how->group};
    int code, err;

    if ((code = verb_open(call, &f.client, NULL, NULL)) != 0)
        return code;
    if ((err = tl_stream_open(f.client, o, &f.stream)) == 0)
        err = pump(&f);
    if (err != 0) {
        const char *detail = f.stream != NULL ? tl_stream_detail(f.stream) : "";

        code = verb_failed(call, err, (struct tl_str){detail, strlen(detail)});
    }
    tl_stream_close(&f.stream);
    tl_close(&f.client);
    buf_free(&f.out);
    return code;
}
