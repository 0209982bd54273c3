#include "adapters/call/cdr.h"

#include <string.h>

#include "adapters/call/facts.h"
#include "adapters/call/rows.h"
#include "adapters/text.h"

enum {
    ACCOUNTCODE, SRC, DST, DCONTEXT, CLID, CHANNEL, DSTCHANNEL, LASTAPP, LASTDATA, START, ANSWER,
    END, DURATION, BILLSEC, DISPOSITION, AMAFLAGS, UNIQUEID, USERFIELD, PEERACCOUNT, LINKEDID,
    SEQUENCE, COLUMNS,
};

static const struct rows_attribute attributes[] = {
    {"accountcode", ACCOUNTCODE}, {"dcontext", DCONTEXT},       {"clid", CLID},
    {"channel", CHANNEL},         {"dstchannel", DSTCHANNEL},   {"lastapp", LASTAPP},
    {"lastdata", LASTDATA},       {"start", START},             {"answer", ANSWER},
    {"amaflags", AMAFLAGS},       {"userfield", USERFIELD},     {"peeraccount", PEERACCOUNT},
    {"sequence", SEQUENCE},       {NULL, 0},
};

static struct tl_str
lower(struct row *r, struct tl_str word)
{
    char *text = (char *)(uintptr_t)draft_copy(r->draft, word).ptr;

    for (size_t i = 0; text != NULL && i < word.len; i++)
        text[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a')
                  : text[i] == ' ' ? '_' : text[i];
    return (struct tl_str){text, text != NULL ? word.len : 0};
}

static void
put_call(struct row *r, struct tl_str call)
{
    const struct tl_str *c = r->columns;
    struct tl_call *facet = &r->draft->call;
    struct tl_str agent = fact_agent(c[DSTCHANNEL]);
    const char *comma;

    fact_call(r->draft, call, c[UNIQUEID]);
    facet->caller = c[SRC];
    facet->callee = c[DST];
    facet->disposition = lower(r, c[DISPOSITION]);
    facet->total_ms = fact_ms(c[DURATION]);
    facet->talk_ms = fact_ms(c[BILLSEC]);
    if (facet->total_ms > facet->talk_ms)
        facet->wait_ms = facet->total_ms - facet->talk_ms;
    if (text_is(c[LASTAPP], "Queue")) {
        comma = c[LASTDATA].len > 0 ? memchr(c[LASTDATA].ptr, ',', c[LASTDATA].len) : NULL;
        facet->queue = c[LASTDATA];
        if (comma != NULL)
            facet->queue.len = (size_t)(comma - c[LASTDATA].ptr);
    }
    if (!fact_is_phone(agent))
        fact_desk(r->draft, agent);
}

static void
put_campaign(struct row *r)
{
    static const char name[] = "campaign=";
    size_t len = strlen(name);
    struct tl_str field = r->columns[USERFIELD];

    if (field.len > len && memcmp(field.ptr, name, len) == 0
        && field.len - len <= DRAFT_NAME_BYTES_MAX)
        r->draft->event.campaign = (struct tl_str){field.ptr + len, field.len - len};
}

/* A channel has one record, except where the dialplan forks it: then they are
 * told apart by their sequence. */
static struct tl_str
row_id(struct row *r)
{
    const struct tl_str *c = r->columns;

    if (c[UNIQUEID].len == 0 || c[UNIQUEID].len > 100 || c[SEQUENCE].len > 20)
        return draft_hash(r->draft, "asterisk", text_trim(r->raw));
    return draft_printf(r->draft, "%.*s%s%.*s", (int)c[UNIQUEID].len, c[UNIQUEID].ptr,
                        c[SEQUENCE].len > 0 ? "-" : "", (int)c[SEQUENCE].len, c[SEQUENCE].ptr);
}

static void
read_row(struct row *r)
{
    const struct tl_str *c = r->columns;
    struct tl_event *ev = &r->draft->event;
    struct tl_str call = c[LINKEDID].len > 0 ? c[LINKEDID] : c[UNIQUEID];
    bool outbound = fact_is_outbound(c[SRC], c[DST], c[DCONTEXT]);
    bool leg = c[LINKEDID].len > 0
               && (c[LINKEDID].len != c[UNIQUEID].len
                   || memcmp(c[LINKEDID].ptr, c[UNIQUEID].ptr, c[UNIQUEID].len) != 0);

    if (r->count != AMAFLAGS + 1 && r->count != UNIQUEID + 1 && r->count != USERFIELD + 1
        && r->count < COLUMNS) {
        reader_reject(r->d, r->raw, "a call detail record has 16, 17, 18 or 21 columns");
        return;
    }
    if ((ev->time = fact_time(c[END], r->d->zone)) == 0) {
        reader_reject(r->d, r->raw, "the 12th column is no end: 2024-05-07 10:00:00");
        return;
    }
    ev->id = row_id(r);
    ev->type = leg ? TL_STR("call.leg_ended") : TL_STR("call.ended");
    ev->channel = TL_STR("call");
    ev->direction = outbound ? TL_STR("outbound") : TL_STR("inbound");
    ev->timezone = r->d->timezone;
    put_call(r, call.len > 0 ? call : ev->id);
    put_campaign(r);
    fact_customer(r->draft, outbound ? c[DST] : c[SRC], call.len > 0 ? call : ev->id);
    rows_keep(r, attributes, COLUMNS);
    reader_emit(r->d, r->raw);
}

int
cdr_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
         char *why)
{
    static const struct rows_kind kind = {
        {"asterisk-cdr", NULL, NULL, true, rows_feed, rows_begin, rows_finish}, read_row};

    return rows_open(out, &kind, o, sink, why);
}
