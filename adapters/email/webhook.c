#include "adapters/email/webhook.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/member.h"
#include "adapters/parse.h"
#include "adapters/text.h"
#include "base/buf.h"
#include "base/clock.h"

#define WHY_BYTES 512
#define TIME_MAX_NS 4133980799999999999LL       /* the end of 2100 */
#define ID_BYTES_MAX 256

struct decoder {
    const struct webhook_service *service;
    struct format_sink sink;
    struct tl_str source;
    struct tl_str region;
    struct buf body;
    bool too_long;
    struct draft draft;
    struct value *element;            /* being read; */
    struct tl_str record;       /* its text, empty when it is inside of another, */
    uint64_t at;                /* and where that begins */
};

static const struct {
    const char *member;
    const char *type;
} identities[] = {
    {"user_id", "user"},       {"userid", "user"},        {"customer_id", "crm"},
    {"account_id", "account"}, {"loyalty_id", "loyalty"},
};

/* ----------------------------------------------------------------- values */

struct tl_str
webhook_text(struct decoder *d, const struct value *value)
{
    return value_is_boolean(value) ? (struct tl_str){0} : member_value(&d->draft, value);
}

struct tl_str
webhook_member(struct decoder *d, const struct value *object, const char *name)
{
    return webhook_text(d, value_get(object, name));
}

const char *
webhook_word(const struct value *object, const char *name)
{
    return value_text(value_get(object, name));
}

struct tl_str
webhook_labelled(struct decoder *d, const char *label, struct tl_str text)
{
    return text.len > 0 ? draft_printf(&d->draft, "%s %.*s", label, (int)text.len, text.ptr) : text;
}

struct value *
webhook_parsed(struct decoder *d, const struct value *text)
{
    return value_is_string(text) ? parse_json(&d->draft.json, text->text, NULL) : NULL;
}

struct values *
webhook_values(struct decoder *d)
{
    return &d->draft.json;
}

struct tl_str
webhook_hash(struct decoder *d, const struct value *element)
{
    return member_hash(&d->draft, d->service->name, element);
}

/* ------------------------------------------------------------------- time */

/* Numbers with a fraction are good for microseconds: a double holds no more. */
static bool
time_of_number(int64_t *ns, double number, int64_t unit)
{
    double us = round(number * (double)(unit / 1000));

    if (!(us >= 1 && us <= (double)(TIME_MAX_NS / 1000)))
        return false;
    *ns = (int64_t)us * 1000;
    return *ns <= TIME_MAX_NS;
}

static bool
time_of_text(int64_t *ns, const char *text, int64_t unit)
{
    char *end;
    double number = strtod(text, &end);

    if (end != text && *end == '\0')
        return time_of_number(ns, number, unit);
    return clock_parse(ns, text, strlen(text)) == 0 && *ns >= 1 && *ns <= TIME_MAX_NS;
}

void
webhook_time(struct webhook_facts *f, const struct value *value, int64_t unit)
{
    bool ok;

    if (value == NULL || value_is_null(value))
        return;
    ok = value_is_string(value)   ? time_of_text(&f->time, value_text(value), unit)
         : value_is_number(value) ? time_of_number(&f->time, value_number(value), unit)
                                 : false;
    f->time_wrong = !ok;
}

/* ------------------------------------------------------------- attributes */

static bool
is_held(const struct webhook_service *service, struct tl_str name)
{
    for (const char *const *held = service->held; *held != NULL; held++)
        if (text_is(name, *held))
            return true;
    return false;
}

static void
put_attributes(struct decoder *d, struct value *element)
{
    struct value *value;

    value_each_member(element, value) {
        if (is_held(d->service, value->name) || value_is_null(value))
            continue;
        draft_attribute(&d->draft, draft_lent(&d->draft, value->name),
                        value_is_string(value) ? webhook_text(d, value)
                                               : member_json(&d->draft, value));
    }
}

/* ----------------------------------------------------------------- facets */

static struct tl_str
argument(struct decoder *d, const struct webhook_facts *f, const char *name)
{
    struct tl_str value = {0};

    for (size_t i = 0; value.len == 0 && i < WEBHOOK_ARGUMENTS_MAX; i++)
        value = webhook_member(d, f->arguments[i], name);
    return value;
}

static struct tl_str
first_argument(struct decoder *d, const struct webhook_facts *f, const char *const *names)
{
    struct tl_str value = {0};

    while (value.len == 0 && *names != NULL)
        value = argument(d, f, *names++);
    return value;
}

/* Without one of the vendor's: the same element has the same id, however it came. */
static struct tl_str
event_id(struct decoder *d, const struct value *element, const struct webhook_facts *f,
         struct tl_str address)
{
    struct tl_str id = f->id;

    if (id.len == 0)
        id = webhook_hash(d, element);
    if (f->one_of_several)
        id = draft_printf(&d->draft, "%.*s/%.*s", (int)id.len, id.ptr, (int)address.len,
                          address.ptr);
    return id.len > ID_BYTES_MAX ? draft_hash(&d->draft, d->service->name, id) : id;
}

static void
put_message(struct draft *d, const struct webhook_facts *f, struct tl_str address)
{
    d->message = (struct tl_message){
        .id = f->message,
        .subject = f->subject,
        .sender = f->sender,
        .recipient = address,
        .url = f->url,
        .status = f->status,
        .reason = f->reason,
        .user_agent = f->user_agent,
    };
    d->event.message = &d->message;
}

static void
put_identifiers(struct decoder *d, const struct webhook_facts *f, struct tl_str address)
{
    draft_identifier(&d->draft, TL_STR("email"), address);
    for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++)
        draft_identifier(&d->draft, text_of(identities[i].type),
                         argument(d, f, identities[i].member));
}

static void
put_offer(struct decoder *d, const struct webhook_facts *f, const char *outcome,
          struct tl_str offer, struct tl_str campaign)
{
    struct tl_str treatment = argument(d, f, "treatment");
    struct tl_str expires = argument(d, f, "offer_expires");
    struct tl_offer_touch *touch;

    if (outcome == NULL || (touch = draft_offer(&d->draft, offer, campaign, outcome)) == NULL)
        return;
    touch->terms = argument(d, f, "offer_terms");
    /* One that is no RFC 3339 time is still an attribute. */
    if (expires.len == 0 || clock_parse(&touch->expires, expires.ptr, expires.len) != 0
        || touch->expires < 1 || touch->expires > TIME_MAX_NS)
        touch->expires = 0;
    if (treatment.len <= DRAFT_NAME_BYTES_MAX)
        touch->treatment = treatment;
}

static void
put_tag(struct decoder *d, const struct webhook_facts *f, const char *outcome,
        const struct value *tag)
{
    struct tl_str name = webhook_text(d, tag);

    if (name.len > DRAFT_NAME_BYTES_MAX)
        return;     /* stays what it is, an attribute */
    if (d->draft.event.campaign.len == 0)
        d->draft.event.campaign = name;
    put_offer(d, f, outcome, name, name);
}

static void
put_tags(struct decoder *d, const struct webhook_facts *f, const char *outcome,
         const struct value *tags)
{
    const struct value *tag;

    if (!value_is_array(tags)) {
        put_tag(d, f, outcome, tags);
        return;
    }
    value_each(tags, tag)
        put_tag(d, f, outcome, tag);
}

static void
put_campaign(struct decoder *d, const struct webhook_facts *f, const char *outcome)
{
    static const char *const campaigns[] = {"campaign_id", "campaign", NULL};
    static const char *const offers[] = {"offer_id", "offer", NULL};
    struct tl_str campaign = first_argument(d, f, campaigns);
    struct tl_str offer = first_argument(d, f, offers);

    if (f->silent)
        outcome = NULL;
    if (campaign.len == 0)
        campaign = f->campaign;
    if (campaign.len > DRAFT_NAME_BYTES_MAX)
        campaign = (struct tl_str){0};
    if (campaign.len > 0 || offer.len > 0) {
        d->draft.event.campaign = campaign;
        put_offer(d, f, outcome, offer.len > 0 ? offer : campaign, campaign);
        return;
    }
    for (size_t i = 0; i < WEBHOOK_TAGS_MAX; i++)
        put_tags(d, f, outcome, f->tags[i]);
}

static void
put_consent(struct decoder *d, const struct webhook_facts *f, const struct webhook_kind *kind)
{
    struct tl_consent *consent;

    if (kind->consent == NULL || (consent = draft_consent(&d->draft)) == NULL)
        return;
    consent->purpose = TL_STR("marketing");
    consent->channel = TL_STR("email");
    consent->status = text_of(kind->consent);
    consent->evidence =
        draft_printf(&d->draft, "%s %s%s%.*s", d->service->name, kind->event,
                     f->evidence.len > 0 ? ", " : "", (int)f->evidence.len,
                     f->evidence.len > 0 ? f->evidence.ptr : "");
    if (d->draft.event.identifiers_count > 0)
        consent->identifier = &d->draft.identifiers[0];
}

static void
put_complaint(struct draft *d)
{
    d->feedback = (struct tl_feedback){
        .id = d->event.id, .kind = TL_STR("complaint"), .state = TL_STR("heard")};
    d->event.feedback = &d->feedback;
}

/* ----------------------------------------------------------------- events */

static const struct webhook_kind *
find_kind(const struct webhook_service *service, const char *event)
{
    for (const struct webhook_kind *k = service->kinds; k->event != NULL; k++)
        if (strcmp(k->event, event) == 0)
            return k;
    return NULL;
}

/* The text of an element that is inside of another is made again. */
void
webhook_refuse(struct decoder *d, const char *reason)
{
    struct buf text = {0};
    struct tl_str record = d->record;

    if (record.len == 0 && d->element != NULL) {
        value_write(&text, d->element, VALUE_AS_IT_IS);
        record = (struct tl_str){(const char *)text.ptr, text.len};
    }
    d->sink.reject(d->sink.arg, record, d->at, reason);
    buf_free(&text);
}

static void
refuse_naming(struct decoder *d, const char *before, const char *member, const char *behind)
{
    char why[WHY_BYTES];

    snprintf(why, sizeof why, "%s `%s`%s", before, member, behind);
    webhook_refuse(d, why);
}

void
webhook_ignored(struct decoder *d, const char *name)
{
    d->sink.ignored(d->sink.arg, name);
}

static void
build(struct decoder *d, struct value *element, const struct webhook_facts *f,
      const struct webhook_kind *kind)
{
    struct draft *draft = &d->draft;
    struct tl_event *ev = &draft->event;
    struct tl_str address = text_unbracket(f->recipient);

    ev->id = event_id(d, element, f, address);
    ev->source = d->source;
    ev->type = text_of(kind->type);
    ev->time = f->time;
    ev->channel = TL_STR("email");
    ev->direction = kind->inbound ? TL_STR("inbound") : TL_STR("outbound");
    ev->region = d->region;
    put_identifiers(d, f, address);
    put_message(draft, f, address);
    put_campaign(d, f, kind->outcome);
    put_consent(d, f, kind);
    if (strcmp(kind->type, "email.marked_as_spam") == 0)
        put_complaint(draft);
    /* The services tell only of answers that his machine gave, and not he. */
    if (strcmp(kind->type, "email.replied") == 0)
        draft_attribute(draft, TL_STR("Auto-Submitted"), TL_STR("auto-replied"));
    put_attributes(d, element);
}

void
webhook_event(struct decoder *d, struct value *element, const struct webhook_facts *f)
{
    const struct webhook_service *s = d->service;
    const struct webhook_kind *kind = f->event != NULL ? find_kind(s, f->event) : NULL;
    char not_ours[WHY_BYTES / 2];

    snprintf(not_ours, sizeof not_ours, ": not of %s", s->title);
    if (f->event == NULL)
        refuse_naming(d, "no", s->event, not_ours);
    else if (kind == NULL)
        refuse_naming(d, "an", s->event, " this decoder does not know");
    else if (kind->type == NULL)
        webhook_ignored(d, kind->event);
    else if (text_unbracket(f->recipient).len == 0)
        refuse_naming(d, "no", s->address, "");
    else if (f->time_wrong || (f->time == 0 && s->time != NULL))
        refuse_naming(d, "no", s->time != NULL ? s->time : "time", " between 1970 and 2100");
    else {
        build(d, element, f, kind);
        draft_end(&d->draft);
        if (d->draft.failed)
            webhook_refuse(d, "an element of more than a MiB");
        else
            d->sink.event(d->sink.arg, &d->draft.event);
    }
    draft_begin(&d->draft);
}

/* --------------------------------------------------------------- elements */

static void
read_element(struct decoder *d, struct value *element, struct tl_str record, uint64_t at)
{
    d->element = element;
    d->record = record;
    d->at = at;
    draft_begin(&d->draft);
    if (value_is_object(element))
        d->service->element(d, element);
    else
        webhook_refuse(d, "an element of the array is no object");
    d->element = NULL;
    d->record = (struct tl_str){0};
}

void
webhook_each(struct decoder *d, struct value *array)
{
    struct value *outer = d->element, *element;
    struct tl_str record = d->record;

    value_each(array, element)
        read_element(d, element, (struct tl_str){0}, d->at);
    d->element = outer;
    d->record = record;
}

/* Where the value at `at` ends, in text known to be JSON. */
static size_t
value_end(const char *text, size_t at, size_t len)
{
    bool quoted = false;
    size_t depth = 0;

    for (; at < len; at++) {
        char c = text[at];

        if (quoted) {
            at += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            depth++;
        } else if ((c == ',' || c == ']' || c == '}') && depth == 0) {
            break;
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return at < len ? at : len;
}

/* The elements of an array whose text is `value`, which begins at `at`. */
static void
read_array(struct decoder *d, struct value *array, struct tl_str value, uint64_t at)
{
    struct value *element;
    size_t from = 1;

    value_each(array, element) {
        size_t end = value_end(value.ptr, from, value.len);
        struct tl_str record = text_trim((struct tl_str){value.ptr + from, end - from});

        read_element(d, element, record, at + (uint64_t)(record.ptr - value.ptr));
        from = end + 1;
    }
}

/* ------------------------------------------------------------------ bodies */

static void
refuse_text(struct decoder *d, struct tl_str record, uint64_t at, const char *reason)
{
    d->sink.reject(d->sink.arg, record, at, reason);
}

static void
read_form(struct decoder *d, struct tl_str body)
{
    struct form form;
    struct value *value = NULL;
    char why[WHY_BYTES];

    if (form_read(&form, body) == 0)
        value = d->service->form(&d->draft.json, &form);
    form_free(&form);
    snprintf(why, sizeof why, "neither JSON nor a form of %s", d->service->title);
    if (value == NULL) {
        refuse_text(d, body, 0, why);
    } else if (value_is_array(value)) {
        webhook_each(d, value);
    } else {
        read_element(d, value, body, 0);
    }
}

/* One body of perhaps several; returns what it took. */
static size_t
read_json(struct decoder *d, struct tl_str rest, uint64_t at)
{
    char why[WHY_BYTES];
    struct parse_error error;
    size_t taken = rest.len;
    struct value *value;

    values_clear(&d->draft.json);
    value = parse_json_first(&d->draft.json, rest, &taken, &error);

    if (value == NULL) {
        snprintf(why, sizeof why, "not JSON: %s (line %d)", error.text, error.line);
        refuse_text(d, rest, at, why);
        return taken;
    }
    if (value_is_array(value))
        read_array(d, value, (struct tl_str){rest.ptr, taken}, at);
    else
        read_element(d, value, (struct tl_str){rest.ptr, taken}, at);
    return taken;
}

static void
read_body(struct decoder *d)
{
    struct tl_str whole = {(const char *)d->body.ptr, d->body.len};
    struct tl_str rest = text_trim(whole);

    if (d->service->form != NULL && rest.len > 0 && rest.ptr[0] != '{' && rest.ptr[0] != '[') {
        read_form(d, rest);
        return;
    }
    while (rest.len > 0) {
        size_t taken = read_json(d, rest, (uint64_t)(rest.ptr - whole.ptr));

        rest = text_trim((struct tl_str){rest.ptr + taken, rest.len - taken});
    }
}

int
webhook_open(struct decoder **out, const struct webhook_service *service,
             const struct format_options *o, const struct format_sink *sink, char *why)
{
    struct decoder *d = calloc(1, sizeof *d);

    if (d == NULL) {
        snprintf(why, WHY_BYTES, "out of memory");
        return TL_EARGUMENT;
    }
    d->service = service;
    d->sink = *sink;
    d->source = text_of(o->source != NULL ? o->source : service->name);
    d->region = text_of(o->region);
    draft_init(&d->draft);
    *out = d;
    return 0;
}

void
webhook_feed(struct decoder *d, const void *bytes, size_t len)
{
    if (d->body.len + len > WEBHOOK_BODY_BYTES_MAX)
        d->too_long = true;
    if (!d->too_long)
        buf_append(&d->body, bytes, len);
}

void
webhook_end(struct decoder *d)
{
    struct tl_str body = {(const char *)d->body.ptr, d->body.len};

    if (d->too_long)
        refuse_text(d, body, 0, "a body of more than 32 MiB");
    else if (d->body.failed)
        refuse_text(d, (struct tl_str){0}, 0, "out of memory");
    else if (d->body.len > 0)
        read_body(d);
    values_clear(&d->draft.json);
    buf_clear(&d->body);
    d->too_long = false;
}

void
webhook_close(struct decoder **d)
{
    if (*d == NULL)
        return;
    draft_fini(&(*d)->draft);
    buf_free(&(*d)->body);
    free(*d);
    *d = NULL;
}
