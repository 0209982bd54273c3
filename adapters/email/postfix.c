#include "adapters/email/postfix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/draft.h"
#include "adapters/email/mailing.h"
#include "adapters/email/report.h"
#include "adapters/email/syslog.h"
#include "adapters/text.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/zone.h"

#define WHY_BYTES 512
#define IGNORED_BYTES 64
#define QUEUE_ID_BYTES_MIN 6
#define QUEUE_ID_BYTES_MAX 32

/* A message under way, by its queue id. */
struct mail {
    struct mail *older, *newer;
    char *from;                 /* NULL: not seen; empty: the null sender of a report */
    char *message;
    char *waiting[POSTFIX_WAITING_MAX];     /* recipients deferred */
    size_t waiting_count;
    size_t id_len;
    char id[QUEUE_ID_BYTES_MAX];
};

struct decoder {
    struct format_sink sink;
    struct tl_str source;
    struct tl_str region;
    struct zone *zone;
    int64_t latest;
    struct draft draft;
    struct buf line;            /* begun, not ended yet */
    uint64_t number;            /* of the line being read, from 1 */
    struct map queue;           /* id -> struct mail */
    struct mail *oldest, *newest;
};

/* What became of a recipient. */
static const struct status {
    const char *status, *type, *outcome;
} statuses[] = {
    {"sent", "email.delivered", "delivered"},
    {"deferred", "email.deferred", NULL},
    {"bounced", "email.bounced", "undelivered"},
    {"expired", "email.dropped", "undelivered"},
};

/* ------------------------------------------------------------------- queue */

static void
forget(struct decoder *d, struct mail *m)
{
    *(m->older != NULL ? &m->older->newer : &d->oldest) = m->newer;
    *(m->newer != NULL ? &m->newer->older : &d->newest) = m->older;
    map_remove(&d->queue, m->id, m->id_len);
    for (size_t i = 0; i < m->waiting_count; i++)
        free(m->waiting[i]);
    free(m->from);
    free(m->message);
    free(m);
}

/* NULL when out of memory. */
static struct mail *
mail_of(struct decoder *d, struct tl_str id)
{
    struct mail *m = map_get(&d->queue, id.ptr, id.len);

    if (m != NULL)
        return m;
    if (d->queue.count == POSTFIX_QUEUE_MAX)
        forget(d, d->oldest);
    if ((m = calloc(1, sizeof *m)) == NULL)
        return NULL;
    memcpy(m->id, id.ptr, id.len);
    m->id_len = id.len;
    m->older = d->newest;
    *(d->newest != NULL ? &d->newest->newer : &d->oldest) = m;
    d->newest = m;
    *map_put(&d->queue, m->id, m->id_len) = m;
    return m;
}

static void
remember(char **to, struct tl_str text)
{
    free(*to);
    *to = strndup(text.ptr, text.len);
}

static bool
is(const char *text, struct tl_str s)
{
    return strlen(text) == s.len && memcmp(text, s.ptr, s.len) == 0;
}

static void
wait_for(struct mail *m, struct tl_str recipient)
{
    for (size_t i = 0; i < m->waiting_count; i++)
        if (is(m->waiting[i], recipient))
            return;
    if (m->waiting_count == POSTFIX_WAITING_MAX)
        return;
    m->waiting[m->waiting_count] = strndup(recipient.ptr, recipient.len);
    m->waiting_count += m->waiting[m->waiting_count] != NULL;
}

static void
stop_waiting(struct mail *m, struct tl_str recipient)
{
    for (size_t i = 0; i < m->waiting_count; i++) {
        if (is(m->waiting[i], recipient)) {
            free(m->waiting[i]);
            m->waiting[i] = m->waiting[--m->waiting_count];
            return;
        }
    }
}

/* ------------------------------------------------------------------- lines */

static void
refuse(struct decoder *d, struct tl_str line, const char *reason)
{
    d->sink.reject(d->sink.arg, line, d->number, reason);
}

static void
ignore(struct decoder *d, struct tl_str program)
{
    char name[IGNORED_BYTES];

    snprintf(name, sizeof name, "%.*s", (int)program.len, program.ptr);
    d->sink.ignored(d->sink.arg, name);
}

static bool
begins(struct tl_str s, const char *word)
{
    return s.len >= strlen(word) && memcmp(s.ptr, word, strlen(word)) == 0;
}

/* The queue id a text begins with, taken off with its colon: hexadecimal, or the long
 * ones of letters and digits. */
static bool
take_id(struct tl_str *text, struct tl_str *id)
{
    size_t len = 0;
    bool digit = false;

    while (len < text->len && ((text->ptr[len] >= '0' && text->ptr[len] <= '9')
                               || (text->ptr[len] >= 'A' && text->ptr[len] <= 'Z')
                               || (text->ptr[len] >= 'a' && text->ptr[len] <= 'z'))) {
        digit |= text->ptr[len] <= '9';
        len++;
    }
    if (len < QUEUE_ID_BYTES_MIN || len > QUEUE_ID_BYTES_MAX || !digit || text->len < len + 2
        || text->ptr[len] != ':' || text->ptr[len + 1] != ' ')
        return false;
    *id = (struct tl_str){text->ptr, len};
    text->ptr += len + 2;
    text->len -= len + 2;
    return true;
}

/* The value of ` name=`, up to a comma or the end; <> around it are taken off. */
static bool
value_of(struct tl_str text, const char *name, struct tl_str *out)
{
    const char *at, *end = text.ptr + text.len, *stop;
    size_t len = strlen(name);

    for (at = text.ptr; at + len <= end; at++)
        if (memcmp(at, name, len) == 0 && (at == text.ptr || at[-1] == ' '))
            break;
    if (at + len > end)
        return false;
    at += len;
    if (at < end && *at == '<') {
        stop = memchr(at, '>', (size_t)(end - at));
        if (stop != NULL) {
            *out = (struct tl_str){at + 1, (size_t)(stop - at - 1)};
            return true;
        }
    }
    stop = memchr(at, ',', (size_t)(end - at));
    *out = (struct tl_str){at, (size_t)((stop != NULL ? stop : end) - at)};
    return true;
}

/* ------------------------------------------------------------------ events */

struct delivery {
    const struct syslog_line *line;
    struct tl_str raw;              /* the whole line */
    struct tl_str id;
    const struct status *status;
    struct tl_str recipient;
    struct tl_str reason;
};

static void
put_attributes(struct draft *d, const struct delivery *what)
{
    static const struct {
        const char *field, *name;
    } fields[] = {{"relay=", "relay"},   {"delay=", "delay"},       {"delays=", "delays"},
                  {"tls=", "tls"},       {"conn_use=", "conn_use"}, {"to=", "to"},
                  {"orig_to=", "orig_to"}};
    struct tl_str value;

    draft_attribute(d, TL_STR("queue_id"), draft_copy(d, what->id));
    draft_attribute(d, TL_STR("host"), draft_copy(d, what->line->host));
    draft_attribute(d, TL_STR("program"), draft_copy(d, what->line->program));
    if (what->line->time == 0)
        draft_attribute(d, TL_STR("logged"), draft_copy(d, what->line->stamp));
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (value_of(what->line->text, fields[i].field, &value))
            draft_attribute(d, text_of(fields[i].name), draft_copy(d, value));
}

static void
put_event(struct decoder *d, const struct mail *m, const struct delivery *what)
{
    struct mailing mailing = {.message = text_of(m->message)};
    struct draft *draft = &d->draft;
    struct tl_event *ev = &draft->event;
    struct tl_str code = {0};

    draft_begin(draft);
    if (m->from != NULL)
        mailing_verp(&mailing, text_of(m->from));
    ev->id = draft_hash(draft, "postfix",
                        draft_printf(draft, "%.*s\n%.*s", (int)what->raw.len, what->raw.ptr,
                                     (int)what->recipient.len, what->recipient.ptr));
    ev->source = d->source;
    ev->type = text_of(what->status->type);
    ev->time = what->line->time;
    ev->channel = TL_STR("email");
    ev->direction = TL_STR("outbound");
    ev->region = d->region;
    draft_identifier(draft, TL_STR("email"), draft_copy(draft, what->recipient));
    mailing_put(&mailing, draft, what->status->outcome);
    draft->message.sender = draft_copy(draft, text_of(m->from));
    draft->message.recipient = draft_copy(draft, what->recipient);
    if (value_of(what->line->text, "dsn=", &code))
        draft->message.status = draft_copy(draft, code);
    if (strcmp(what->status->status, "sent") != 0)
        draft->message.reason = report_line(draft, what->reason);
    put_attributes(draft, what);
    draft_end(draft);
    d->sink.event(d->sink.arg, ev);
}

/* The words in parentheses at the end. */
static struct tl_str
reason_of(struct tl_str text)
{
    const char *open = text_find(text, " (");

    if (open == NULL || text.ptr[text.len - 1] != ')')
        return (struct tl_str){0};
    return (struct tl_str){open + 2, (size_t)(text.ptr + text.len - 1 - (open + 2))};
}

static const struct status *
status_of(struct tl_str text)
{
    struct tl_str word;

    if (!value_of(text, "status=", &word))
        return NULL;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        size_t len = strlen(statuses[i].status);

        if (begins(word, statuses[i].status) && (word.len == len || word.ptr[len] == ' '))
            return &statuses[i];
    }
    return NULL;
}

static void
read_delivery(struct decoder *d, struct mail *m, struct delivery *what)
{
    struct tl_str text = what->line->text, original;

    if (value_of(text, "orig_to=", &original) && original.len > 0)
        what->recipient = original;         /* whom it was sent to, before aliases */
    what->reason = reason_of(text);
    if (what->recipient.len == 0 || what->recipient.len > DRAFT_IDENTIFIER_BYTES_MAX) {
        refuse(d, what->raw, "a delivery to nobody");
        return;
    }
    put_event(d, m, what);
    if (strcmp(what->status->status, "deferred") == 0)
        wait_for(m, what->recipient);
    else
        stop_waiting(m, what->recipient);
}

/* Who was still waiting gets it no more. */
static void
read_expired(struct decoder *d, struct mail *m, struct delivery *what)
{
    what->reason = TL_STR("expired, returned to sender");
    for (size_t i = 0; i < m->waiting_count; i++) {
        what->recipient = text_of(m->waiting[i]);
        put_event(d, m, what);
    }
    while (m->waiting_count > 0)
        free(m->waiting[--m->waiting_count]);
}

/* ------------------------------------------------------------------- lines */

/* What a line says of a message; false when nothing that matters. */
static bool
read_mail(struct decoder *d, struct mail *m, struct delivery *what)
{
    struct tl_str text = what->line->text, value;

    what->status = status_of(text);
    if (begins(text, "message-id=")) {
        if (value_of(text, "message-id=", &value))
            remember(&m->message, value);
    } else if (begins(text, "from=")) {
        if (value_of(text, "from=", &value))
            remember(&m->from, value);
        if (what->status != NULL && strcmp(what->status->status, "expired") == 0)
            read_expired(d, m, what);
    } else if (begins(text, "to=") && what->status != NULL) {
        value_of(text, "to=", &what->recipient);
        read_delivery(d, m, what);
    } else if (begins(text, "removed")) {
        forget(d, m);
    } else {
        return false;
    }
    return true;
}

static void
read_line(struct decoder *d, struct tl_str raw)
{
    struct syslog_line line;
    struct delivery what = {.line = &line, .raw = raw};
    struct mail *m;

    if (text_trim(raw).len == 0)
        return;
    if (!syslog_read(&line, raw, d->latest, d->zone)) {
        refuse(d, raw, "no line of a syslog");
        return;
    }
    if (!begins(line.program, "postfix") || !take_id(&line.text, &what.id)) {
        ignore(d, line.program);
        return;
    }
    if ((m = mail_of(d, what.id)) == NULL)
        refuse(d, raw, "out of memory");
    else if (!read_mail(d, m, &what))
        ignore(d, line.program);
}

/* -------------------------------------------------------------- the decoder */

int
postfix_open(struct decoder **out, const struct format_options *o,
             const struct format_sink *sink, char *why)
{
    struct decoder *d = calloc(1, sizeof *d);
    char zone_why[ZONE_WHY_BYTES];

    if (d == NULL
        || zone_open(&d->zone, o->timezone != NULL ? o->timezone : "UTC", zone_why) != 0) {
        snprintf(why, WHY_BYTES, "%s", d != NULL ? zone_why : "out of memory");
        free(d);
        return TL_EARGUMENT;
    }
    d->sink = *sink;
    d->source = text_of(o->source != NULL ? o->source : "postfix");
    d->region = text_of(o->region);
    d->latest = o->received != 0 ? o->received : o->written;
    draft_init(&d->draft);
    *out = d;
    return 0;
}

static void
end_line(struct decoder *d)
{
    struct tl_str line = {(const char *)d->line.ptr, d->line.len};

    d->number++;
    while (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (line.len > POSTFIX_LINE_BYTES_MAX)
        refuse(d, line, "a line of more than 64 KiB");
    else if (d->line.failed)
        refuse(d, (struct tl_str){0}, "out of memory");
    else if (line.len > 0)
        read_line(d, line);
    buf_clear(&d->line);
}

/* Of a line too long only the beginning. */
static void
append(struct decoder *d, const char *bytes, size_t len)
{
    size_t room = POSTFIX_LINE_BYTES_MAX + 1 - d->line.len;

    buf_append(&d->line, bytes, len < room ? len : room);
}

void
postfix_feed(struct decoder *d, const void *bytes, size_t len)
{
    const char *at = bytes, *end = at + len, *stop;

    while (at < end) {
        stop = memchr(at, '\n', (size_t)(end - at));
        append(d, at, (size_t)((stop != NULL ? stop : end) - at));
        if (stop == NULL)
            return;
        end_line(d);
        at = stop + 1;
    }
}

void
postfix_end(struct decoder *d)
{
    if (d->line.len > 0)
        end_line(d);
    d->number = 0;
}

void
postfix_close(struct decoder **d)
{
    if (*d == NULL)
        return;
    while ((*d)->oldest != NULL)
        forget(*d, (*d)->oldest);
    map_fini(&(*d)->queue);
    zone_close(&(*d)->zone);
    draft_fini(&(*d)->draft);
    buf_free(&(*d)->line);
    free(*d);
    *d = NULL;
}
