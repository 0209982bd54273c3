#include "tools/show.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

    return (timeline != NULL && timeline->events_count == 0)
           || (offers != NULL && offers->offers_count == 0)
           || (campaigns != NULL && campaigns->counts_count == 0);
}

int
show_reply(const struct verb_call *call, int err, struct tl_reply **reply,
           int (*table)(const struct tl_reply *reply))
{
    int code = VERB_FINE;
    bool none = err == 0 && empty(*reply);

    if (none && call->output == OUTPUT_TABLE)
        fprintf(stderr, "touchline: there is none\n");
    else if (err == 0)
        err = call->output == OUTPUT_JSON ? print_reply(*reply) : table(*reply);
    if (err == 0)
        code = none ? VERB_NO : VERB_FINE;
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
    char note[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(note, sizeof note, fmt, args);
    va_end(args);
    printf(bold ? "\n\033[1m%s\033[0m%s%s\n" : "\n%s%s%s\n", title, note[0] != '\0' ? "  " : "",
           note);
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
newest_first(const void *a, const void *b)
{
    const struct tl_outcome_seen *x = a, *y = b;

    return (x->time < y->time) - (x->time > y->time);
}

static void
outcome(struct buf *out, const struct tl_outcome_seen *s, int64_t now)
{
    char when[PRINT_WHEN_BYTES], by[48];

    add(out, s->outcome);
    if (s->count > 1)
        buf_printf(out, " %u times, last", s->count);
    buf_printf(out, "%s%s%s", s->time != 0 ? " " : "", print_when(when, s->time, now),
               show_by(s->channel, by));
    if (s->reason.len > 0)
        buf_printf(out, " (%.*s)", (int)s->reason.len, s->reason.ptr);
}

/* The last word first: "redeemed 2 May 2017 at the till, made 20 Apr 2017 by mail". */
static int
history(struct buf *out, const struct tl_offer *o, int64_t now)
{
    struct tl_outcome_seen *seen = malloc((o->outcomes_count + 1) * sizeof *seen);

    if (seen == NULL)
        return TL_ENOMEM;
    if (o->outcomes_count > 0)
        memcpy(seen, o->outcomes, o->outcomes_count * sizeof *seen);
    qsort(seen, o->outcomes_count, sizeof *seen, newest_first);
    for (size_t i = 0; i < o->outcomes_count; i++) {
        buf_text(out, i > 0 ? ", " : "");
        outcome(out, &seen[i], now);
    }
    free(seen);
    return 0;
}

static void
name(struct buf *out, const struct tl_offer *o)
{
    bool of_its_own = o->campaign.len != o->offer.len
                      || memcmp(o->campaign.ptr, o->offer.ptr, o->offer.len) != 0;

    if (o->title.len > 0)
        add(out, o->title);
    else if (of_its_own)
        buf_printf(out, "offer %.*s", (int)o->offer.len, o->offer.len > 0 ? o->offer.ptr : "");
    if (o->campaign.len > 0 && (of_its_own || o->title.len == 0))
        buf_printf(out, "%scampaign %.*s", out->len > 0 ? ", " : "", (int)o->campaign.len,
                   o->campaign.ptr);
}

static bool
is_of_catalogue(const struct tl_offer *o, const char *what)
{
    for (size_t i = 0; i < o->of_catalogue_count; i++)
        if (is(o->of_catalogue[i], what))
            return true;
    return false;
}

/* The words shown and the price.  What nobody showed him is said to be none of his. */
static void
terms(struct buf *out, const struct tl_offer *o)
{
    char money[PRINT_MONEY_BYTES];

    add(out, o->terms);
    if (o->price_minor != 0)
        buf_printf(out, "%s%s", o->terms.len > 0 ? ", " : "",
                   print_money(money, o->price_minor, o->currency));
    if ((o->terms.len > 0 && is_of_catalogue(o, "terms")) ||
        (o->price_minor != 0 && is_of_catalogue(o, "price")))
        buf_text(out, " (as the catalogue has it)");
}

static void
state(struct buf *out, const struct tl_offer *o)
{
    add(out, o->state);
    if (o->disputed && !is(o->state, "disputed"))
        buf_text(out, ", disputed");
    if (o->orphan)
        buf_text(out, ", offer unknown");
}

static void
until(struct buf *out, const struct tl_offer *o, int64_t now)
{
    char when[PRINT_WHEN_BYTES];

    if (o->expires != 0)
        buf_printf(out, "%s %s", o->expires > now ? "until" : "ended",
                   print_when(when, o->expires, now));
}

/* Prints a line of what a customer may still have, and empties it. */
static void
live_line(struct buf *line, const char *before)
{
    struct buf clean = {0};

    print_clean(&clean, in(line));
    if (clean.len > 0)
        printf("%s%.*s\n", before, (int)clean.len, (const char *)clean.ptr);
    line->failed = line->failed || clean.failed;
    line->len = 0;
    buf_free(&clean);
}

/* What he may still have is told in full. */
static int
show_live_offer(const struct tl_offer *o, int64_t now)
{
    char when[PRINT_WHEN_BYTES];
    struct buf line = {0};
    int err;

    name(&line, o);
    buf_text(&line, ": ");
    state(&line, o);
    if (o->valid_from > now)
        buf_printf(&line, ", from %s", print_when(when, o->valid_from, now));
    if (o->expires != 0)
        buf_text(&line, ", ");
    until(&line, o, now);
    live_line(&line, "  LIVE  ");
    terms(&line, o);
    live_line(&line, "        ");
    err = history(&line, o, now);
    live_line(&line, "        ");
    if (o->conflict.len > 0) {
        buf_printf(&line, "CONFLICT: %.*s", (int)o->conflict.len, o->conflict.ptr);
        live_line(&line, "        ");
    }
    if (line.failed)
        err = TL_ENOMEM;
    buf_free(&line);
    return err;
}

static void
cell_of(struct print_table *t, struct buf *cell)
{
    print_cell(t, in(cell));
    t->cells.failed = t->cells.failed || cell->failed;
    buf_clear(cell);
}

static int
closed_row(struct print_table *t, const struct tl_offer *o, int64_t now)
{
    struct buf cell = {0};
    int err;

    state(&cell, o);
    cell_of(t, &cell);
    name(&cell, o);
    cell_of(t, &cell);
    err = history(&cell, o, now);
    cell_of(t, &cell);
    until(&cell, o, now);
    cell_of(t, &cell);
    terms(&cell, o);
    cell_of(t, &cell);
    buf_free(&cell);
    return err;
}

int
show_offers(const struct tl_offer *offers, size_t count, int64_t now)
{
    struct print_table t = {.columns = 5};
    int err = 0;

    for (size_t i = 0; i < count && err == 0; i++)
        if (offers[i].live)
            err = show_live_offer(&offers[i], now);
    for (size_t i = 0; i < count && err == 0; i++)
        if (!offers[i].live)
            err = closed_row(&t, &offers[i], now);
    if (err != 0) {
        buf_free(&t.cells);
        return err;
    }
    return print_rows(&t, 2, stdout);
}

/* --------------------------------------------------------------- household */

/* "father in household smith, shows offers" */
static void
show_membership(const struct tl_household *h)
{
    struct buf line = {0};

    buf_printf(&line, "%.*s%shousehold ", (int)h->role.len, h->role.len > 0 ? h->role.ptr : "",
               h->role.len > 0 ? " in " : "");
    add(&line, h->id);
    if (is(h->visibility, "none"))
        buf_text(&line, ", shows the others nothing");
    else if (h->visibility.len == 0)
        buf_text(&line, ", has not said what the others may see");
    else
        buf_printf(&line, ", shows the others %s",
                   is(h->visibility, "all") ? "everything" : "his offers");
    live_line(&line, "  ");
    buf_free(&line);
}

/* A row for each offer, who he is on the first. */
static void
member_row(struct print_table *t, const struct tl_household_member *m, const struct tl_offer *o,
           int64_t now)
{
    bool first = o == NULL || o == m->offers;
    struct buf cell = {0};

    print_cell(t, first ? m->role : (struct tl_str){"", 0});
    print_cell(t, first ? m->customer : (struct tl_str){"", 0});
    if (o != NULL) {
        buf_text(&cell, o->live ? "LIVE " : "");
        state(&cell, o);
    }
    cell_of(t, &cell);
    if (o == NULL) {
        buf_text(&cell, !m->shows_offers ? "offers are not shown"
                        : m->offers_more.len > 0 ? "has offers; `touchline offers' shows them"
                                                 : "was offered nothing");
    } else {
        name(&cell, o);
        buf_text(&cell, o->terms.len > 0 || o->price_minor != 0 ? ": " : "");
        terms(&cell, o);
        buf_text(&cell, o->expires != 0 ? ", " : "");
        until(&cell, o, now);
    }
    cell_of(t, &cell);
    buf_free(&cell);
}

int
show_household(const struct tl_context *c)
{
    struct print_table t = {.columns = 4};

    if (c->household_count == 0 && (c->who == NULL || c->who->households_count == 0))
        return 0;
    show_heading("HOUSEHOLD", "%zu %s%s%.*s%s", c->household_count,
                 c->household_count == 1 ? "other" : "others",
                 c->household_more.len > 0 ? ", " : "", (int)c->household_more.len,
                 c->household_more.len > 0 ? c->household_more.ptr : "",
                 c->household_more.len > 0 ? " more" : "");
    for (size_t i = 0; c->who != NULL && i < c->who->households_count; i++)
        show_membership(&c->who->households[i]);
    for (size_t i = 0; i < c->household_count; i++) {
        const struct tl_household_member *m = &c->household[i];

        if (m->offers_count == 0)
            member_row(&t, m, NULL, c->now);
        for (size_t n = 0; n < m->offers_count; n++)
            member_row(&t, m, &m->offers[n], c->now);
        if (m->offers_count > 0 && m->offers_more.len > 0) {
            print_cellf(&t, "%s", "");
            print_cellf(&t, "%s", "");
            print_cellf(&t, "%s", "");
            print_cellf(&t, "and %.*s more", (int)m->offers_more.len, m->offers_more.ptr);
        }
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
    if (ev->household != NULL) {
        part(out, start, ev->household->id);
        part(out, start, ev->household->role);
        part(out, start, ev->household->visibility);
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
