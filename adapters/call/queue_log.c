#include "adapters/call/queue_log.h"

#include <string.h>

#include "adapters/call/calls.h"
#include "adapters/call/facts.h"
#include "adapters/reading.h"
#include "adapters/text.h"

#define FIELDS_MIN 5
#define FIELDS_MAX 16

enum { TIME, CALLID, QUEUE, AGENT, EVENT, DATA };

struct line {
    struct decoder *d;
    struct draft *draft;
    struct tl_str fields[FIELDS_MAX];
    size_t count;
    struct call *call;
};

static struct tl_str
data(const struct line *l, size_t i)
{
    return l->fields[DATA + i];
}

static void
enter(struct line *l)
{
    l->call = calls_get(l->d->state, l->fields[CALLID]);
    l->draft->call.caller = data(l, 1);
    if (l->call != NULL)
        call_keep(l->call->customer, data(l, 1));
    else
        fact_customer(l->draft, data(l, 1), l->fields[CALLID]);
    draft_attribute(l->draft, TL_STR("url"), data(l, 0));
    draft_attribute(l->draft, TL_STR("position"), data(l, 2));
    if (l->fields[QUEUE].len <= DRAFT_NAME_BYTES_MAX)
        l->draft->event.touchpoint = draft_printf(l->draft, "queue:%.*s",
                                                  (int)l->fields[QUEUE].len,
                                                  l->fields[QUEUE].ptr);
}

static void
answered(struct line *l)
{
    l->draft->call.wait_ms = fact_ms(data(l, 0));
    draft_attribute(l->draft, TL_STR("bridged_channel"), data(l, 1));
    draft_attribute(l->draft, TL_STR("ring_time"), data(l, 2));
}

static void
completed(struct line *l)
{
    struct tl_call *call = &l->draft->call;

    call->wait_ms = fact_ms(data(l, 0));
    call->talk_ms = fact_ms(data(l, 1));
    call->total_ms = call->wait_ms + call->talk_ms;
    draft_attribute(l->draft, TL_STR("original_position"), data(l, 2));
}

static void
gave_up(struct line *l)
{
    draft_attribute(l->draft, TL_STR("position"), data(l, 0));
    draft_attribute(l->draft, TL_STR("original_position"), data(l, 1));
    l->draft->call.wait_ms = l->draft->call.total_ms = fact_ms(data(l, 2));
}

static void
missed(struct line *l)
{
    l->draft->call.wait_ms = fact_ms(data(l, 0)) / 1000;        /* milliseconds already */
}

static void
transferred(struct line *l)
{
    struct tl_call *call = &l->draft->call;

    call->callee = data(l, 0);
    draft_attribute(l->draft, TL_STR("context"), data(l, 1));
    call->wait_ms = fact_ms(data(l, 2));
    call->talk_ms = fact_ms(data(l, 3));
}

static const struct kind {
    const char *event;
    const char *type;
    const char *disposition;
    void (*read)(struct line *l);
} kinds[] = {
    {"ENTERQUEUE", "call.offered", NULL, enter},
    {"CONNECT", "call.answered", NULL, answered},
    {"COMPLETEAGENT", "call.ended", "agent", completed},
    {"COMPLETECALLER", "call.ended", "caller", completed},
    {"ABANDON", "call.abandoned", NULL, gave_up},
    {"EXITWITHTIMEOUT", "call.left_queue", "timeout", gave_up},
    {"EXITEMPTY", "call.left_queue", "empty", gave_up},
    {"EXITWITHKEY", "call.left_queue", "key", NULL},
    {"RINGNOANSWER", "call.missed", NULL, missed},
    {"TRANSFER", "call.transferred", NULL, transferred},
    {"BLINDTRANSFER", "call.transferred", NULL, transferred},
    {"ATTENDEDTRANSFER", "call.transferred", NULL, NULL},
};

static void
split(struct line *l, struct tl_str text)
{
    while (l->count < FIELDS_MAX) {
        const char *bar = text.len > 0 ? memchr(text.ptr, '|', text.len) : NULL;
        size_t len = bar != NULL ? (size_t)(bar - text.ptr) : text.len;

        l->fields[l->count++] = text_trim((struct tl_str){text.ptr, len});
        if (bar == NULL)
            break;
        text.ptr += len + 1;
        text.len -= len + 1;
    }
}

/* What no handler names by a name of its own. */
static void
keep_data(struct line *l, const struct kind *kind)
{
    size_t from = kind->read == transferred ? 4 : kind->read != NULL ? 3 : 0;

    if (kind->read == missed)
        from = 1;
    for (size_t i = from; DATA + i < l->count; i++)
        draft_attribute(l->draft, draft_printf(l->draft, "data%zu", i + 1), data(l, i));
}

static void
build(struct line *l, const struct kind *kind, struct tl_str record)
{
    struct tl_event *ev = &l->draft->event;
    struct tl_str callid = l->fields[CALLID];

    reader_set_id(l->d, callid, l->fields[EVENT], record);
    ev->type = text_of(kind->type);
    ev->channel = TL_STR("call");
    ev->direction = TL_STR("inbound");
    fact_call(l->draft, callid, callid);
    l->draft->call.queue = l->fields[QUEUE];
    l->draft->call.disposition = text_of(kind->disposition);
    l->call = calls_find(l->d->state, callid);
    if (!text_is(l->fields[AGENT], "NONE"))
        fact_desk(l->draft, fact_agent(l->fields[AGENT]));
    if (kind->read != NULL)
        kind->read(l);
    if (l->call != NULL)
        fact_customer(l->draft, text_of(l->call->customer), callid);
    fact_customer(l->draft, (struct tl_str){0}, callid);
    keep_data(l, kind);
}

static const struct kind *
find_kind(struct tl_str event)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (text_is(event, kinds[i].event))
            return &kinds[i];
    return NULL;
}

static void
read_line(struct decoder *d, struct tl_str record)
{
    struct line l = {.d = d, .draft = &d->draft};
    const struct kind *kind;

    reader_begin(d);
    split(&l, draft_copy(&d->draft, text_trim(record)));
    if (l.count < FIELDS_MIN || (d->draft.event.time = fact_time(l.fields[TIME], d->zone)) == 0) {
        reader_reject(d, text_trim(record),
                      "no queue_log line: epoch|callid|queue|agent|EVENT|...");
        return;
    }
    if ((kind = find_kind(l.fields[EVENT])) == NULL) {
        reader_ignore(d, l.fields[EVENT]);
        return;
    }
    if (l.fields[CALLID].len == 0 || text_is(l.fields[CALLID], "NONE")) {
        reader_reject(d, text_trim(record), "without the call's id");
        return;
    }
    build(&l, kind, record);
    reader_emit(d, text_trim(record));
}

static void *
begin_state(void)
{
    return calls_new();
}

static void
end_state(void *state)
{
    calls_free(state);
}

int
queue_log_open(struct decoder **out, const struct format_options *o,
               const struct format_sink *sink, char *why)
{
    static const struct reader_kind kind = {"asterisk-queue-log", reader_line, read_line, true,
                                            NULL, begin_state, end_state};

    return reader_open(out, &kind, o, sink, why);
}
