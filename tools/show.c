#include "tools/show.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TERMS_COLUMNS 44

static bool
is(struct tl_str text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

static struct tl_str
in(const struct buf *b)
{
    return (struct tl_str){(const char *)b->ptr, b->len};
}

static void
add(struct buf *b, struct tl_str text)
{
    buf_append(b, text.ptr, text.len);
}

static bool
empty(const struct tl_reply *reply)
{
    const struct tl_timeline *timeline = tl_reply_timeline(reply);
    const struct tl_offers *offers = tl_reply_offers(reply);
    const struct tl_campaigns *campaigns = tl_reply_campaign(reply);
    const struct tl_verification *verified = tl_reply_verify(reply);

    return (timeline != NULL && timeline->events_count == 0)
           || (offers != NULL && offers->offers_count == 0)
           || (campaigns != NULL && campaigns->counts_count == 0)
           || (verified != NULL && !verified->ok);
}

int
show_reply(const struct verb_call *call, int err, struct tl_reply **reply,
           int (*table)(const struct tl_reply *reply))
{
    int code;

    if (err == 0)
        err = call->output == OUTPUT_JSON ? print_reply(*reply) : table(*reply);
    if (err == 0)
        code = empty(*reply) ? VERB_NO : VERB_FINE;
    else
        code = verb_failed(call, err,
                           *reply != NULL ? tl_reply_detail(*reply) : (struct tl_str){0});
    tl_reply_free(reply);
    return code;
}

void
show_heading(const char *title, const char *fmt, ...)
{
    bool bold = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
    va_list args;

    printf(bold ? "\n\033[1m%s\033[0m  " : "\n%s  ", title);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}

const char *
show_by(struct tl_str channel, char out[48])
{
    static const struct {
        const char *channel, *by;
    } ways[] = {
        {"email", " by e-mail"}, {"web", " on the web"}, {"call", " by phone"},
        {"pos", " at the till"}, {"mail", " by mail"},   {"sms", " by SMS"},
        {"push", " by push"},    {"chat", " in chat"},   {"social", " in public"},
    };

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (is(channel, ways[i].channel))
            return ways[i].by;
    snprintf(out, 48, channel.len > 0 ? " by %.*s" : "%.*s", (int)channel.len,
             channel.len > 0 ? channel.ptr : "");
    return out;
}

/* ------------------------------------------------------------------ offers */

size_t
show_live(const struct tl_offer *offers, size_t count)
{
    size_t live = 0;

    for (size_t i = 0; i < count; i++)
        live += offers[i].live;
    return live;
}

static int
earlier(const void *a, const void *b)
{
    const struct tl_outcome_seen *x = a, *y = b;

    return (x->time > y->time) - (x->time < y->time);
}

/* "made 20 Apr by mail, redeemed 2 May at the till" */
static int
history(struct buf *out, const struct tl_offer *o, int64_t now)
{
    struct tl_outcome_seen *seen = malloc((o->outcomes_count + 1) * sizeof *seen);
    char when[PRINT_WHEN_BYTES], by[48];

    if (seen == NULL)
        return TL_ENOMEM;
    if (o->outcomes_count > 0)
        memcpy(seen, o->outcomes, o->outcomes_count * sizeof *seen);
    qsort(seen, o->outcomes_count, sizeof *seen, earlier);
    for (size_t i = 0; i < o->outcomes_count; i++) {
        const struct tl_outcome_seen *s = &seen[i];

        buf_text(out, i > 0 ? ", " : "");
        add(out, s->outcome);
        if (s->count > 1)
            buf_printf(out, " %u times, last", s->count);
        buf_printf(out, "%s%s%s", s->time != 0 ? " " : "", print_when(when, s->time, now),
                   show_by(s->channel, by));
        if (s->reason.len > 0)
            buf_printf(out, " (%.*s)", (int)s->reason.len, s->reason.ptr);
    }
    free(seen);
    return 0;
}

static void
name(struct buf *out, const struct tl_offer *o)
{
    bool own_name = o->campaign.len > 0
                    && !(o->campaign.len == o->offer.len
                         && memcmp(o->campaign.ptr, o->offer.ptr, o->offer.len) == 0);

    add(out, o->title.len > 0 ? o->title : o->offer);
    if (own_name)
        buf_printf(out, " (campaign %.*s)", (int)o->campaign.len, o->campaign.ptr);
}

/* The words shown and the price, as far as a line bears them. */
static void
terms(struct buf *out, const struct tl_offer *o)
{
    char money[PRINT_MONEY_BYTES];
    size_t at = out->len;

    add(out, o->terms);
    if (print_width(o->terms) > TERMS_COLUMNS) {
        out->len = at;
        for (size_t i = 0; i < o->terms.len && i < TERMS_COLUMNS - 3; i++)
            buf_byte(out, (unsigned char)o->terms.ptr[i]);
        while (out->len > at && (out->ptr[out->len - 1] & 0xc0) == 0x80)
            out->len--;
        if (out->len > at && out->ptr[out->len - 1] >= 0xc0)
            out->len--;
        buf_text(out, "...");
    }
    if (o->price_minor != 0)
        buf_printf(out, "%s%s", out->len > at ? ", " : "",
                   print_money(money, o->price_minor, o->currency));
}

static void
state(struct buf *out, const struct tl_offer *o)
{
    if (o->live)
        buf_text(out, "LIVE ");
    add(out, o->state);
    if (o->disputed && !is(o->state, "disputed"))
        buf_text(out, ", disputed");
    if (o->orphan)
        buf_text(out, ", offer unknown");
}

static void
remark(struct buf *out, const struct tl_offer *o, int64_t now)
{
    char when[PRINT_WHEN_BYTES];

    if (o->conflict.len > 0)
        buf_printf(out, "CONFLICT: %.*s", (int)o->conflict.len, o->conflict.ptr);
    else if (o->expires != 0)
        buf_printf(out, "%s %s", o->expires > now ? "until" : "ended",
                   print_when(when, o->expires, now));
}

int
show_offers(const struct tl_offer *offers, size_t count, int64_t now)
{
    struct print_table t = {.columns = 5};
    struct buf cell = {0};
    int err = 0;

    for (size_t i = 0; i < count && err == 0; i++) {
        const struct tl_offer *o = &offers[i];

        state(&cell, o);
        print_cell(&t, in(&cell));
        buf_clear(&cell);
        name(&cell, o);
        print_cell(&t, in(&cell));
        buf_clear(&cell);
        err = history(&cell, o, now);
        print_cell(&t, in(&cell));
        buf_clear(&cell);
        remark(&cell, o, now);
        print_cell(&t, in(&cell));
        buf_clear(&cell);
        terms(&cell, o);
        print_cell(&t, in(&cell));
        buf_clear(&cell);
    }
    if (cell.failed)
        err = TL_ENOMEM;
    buf_free(&cell);
    if (err != 0) {
        buf_free(&t.cells);
        return err;
    }
    return print_rows(&t, 2, stdout);
}

/* ------------------------------------------------------------------ events */

void
show_customer(struct buf *out, const struct tl_event *ev)
{
    if (ev->identifiers_count == 0)
        return;
    add(out, ev->identifiers[0].type);
    buf_byte(out, ':');
    add(out, ev->identifiers[0].value);
}

/* Sets the next part off from the one before. */
static void
part(struct buf *out, size_t start, struct tl_str text)
{
    if (text.len == 0)
        return;
    if (out->len > start)
        buf_text(out, ", ");
    add(out, text);
}

static void
gist_offers(struct buf *out, size_t start, const struct tl_event *ev)
{
    for (size_t i = 0; i < ev->offers_count && i < 3; i++) {
        const struct tl_offer_touch *o = &ev->offers[i];

        part(out, start, o->offer.len > 0 ? o->offer : o->campaign);
        if (o->outcome.len > 0)
            buf_printf(out, " %.*s", (int)o->outcome.len, o->outcome.ptr);
        if (o->reason.len > 0)
            buf_printf(out, " (%.*s)", (int)o->reason.len, o->reason.ptr);
    }
    if (ev->offers_count > 3)
        buf_printf(out, " and %zu more", ev->offers_count - 3);
}

static void
gist_sale(struct buf *out, size_t start, const struct tl_sale *sale)
{
    size_t lines = sale->lines_count + sale->lines_more;
    char money[PRINT_MONEY_BYTES];

    print_money(money, sale->total_minor, sale->currency);
    part(out, start, (struct tl_str){money, strlen(money)});
    if (lines > 0)
        buf_printf(out, " for %zu %s", lines, lines == 1 ? "item" : "items");
}

void
show_gist(struct buf *out, const struct tl_event *ev)
{
    size_t start = out->len;

    if (ev->sale != NULL)
        gist_sale(out, start, ev->sale);
    gist_offers(out, start, ev);
    if (ev->message != NULL) {
        part(out, start, ev->message->subject);
        part(out, start, ev->message->text);
        part(out, start, ev->message->url);
        part(out, start, ev->message->reason);
    }
    if (ev->page != NULL)
        part(out, start, ev->page->title.len > 0 ? ev->page->title
                         : ev->page->path.len > 0 ? ev->page->path : ev->page->url);
    if (ev->call != NULL) {
        part(out, start, ev->call->queue);
        part(out, start, ev->call->disposition);
    }
    if (ev->feedback != NULL) {
        part(out, start, ev->feedback->rating);
        part(out, start, ev->feedback->title.len > 0 ? ev->feedback->title : ev->feedback->text);
    }
    for (size_t i = 0; i < ev->commitments_count && i < 3; i++)
        part(out, start, ev->commitments[i].text);
    for (size_t i = 0; i < ev->consents_count && i < 3; i++) {
        part(out, start, ev->consents[i].purpose);
        buf_printf(out, " %.*s", (int)ev->consents[i].status.len, ev->consents[i].status.ptr);
    }
    if (out->len == start && ev->campaign.len > 0)
        buf_printf(out, "campaign %.*s", (int)ev->campaign.len, ev->campaign.ptr);
}
