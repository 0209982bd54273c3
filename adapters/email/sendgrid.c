#include "adapters/email/sendgrid.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/draft.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"

#define WHY_BYTES 512
#define TIME_MAX_S 4133980799LL     /* 2100-12-31T23:59:59Z */

struct decoder {
    struct format_sink sink;
    struct tl_str source;
    struct tl_str region;
    struct buf body;
    bool too_long;
    struct draft draft;
};

/* What an event of SendGrid's is here. */
struct kind {
    const char *event;
    const char *type;
    bool inbound;               /* the customer did it */
    const char *outcome;        /* of the offers in the message; NULL: says nothing about them */
    const char *consent;        /* status of marketing by e-mail to this address; NULL: unchanged */
};

static const struct kind kinds[] = {
    {"processed", "email.queued", false, "made", NULL},
    {"deferred", "email.deferred", false, NULL, NULL},
    {"delivered", "email.delivered", false, "delivered", NULL},
    {"bounce", "email.bounced", false, "undelivered", NULL},
    {"dropped", "email.dropped", false, "undelivered", NULL},
    {"open", "email.opened", true, "presented", NULL},
    {"click", "email.link_clicked", true, "clicked", NULL},
    {"spamreport", "email.marked_as_spam", true, NULL, "revoked"},
    {"unsubscribe", "email.unsubscribed", true, NULL, "revoked"},
    {"group_unsubscribe", "email.unsubscribed", true, NULL, "revoked"},
    {"group_resubscribe", "consent.granted", true, NULL, "granted"},
};

/* Members that a field of the event holds whole. */
static const char *const held[] = {
    "email", "event", "timestamp", "sg_event_id", "status", "reason", "url", "useragent",
};

static const struct {
    const char *member;
    const char *type;
} identities[] = {
    {"user_id", "user"},       {"userid", "user"},        {"customer_id", "crm"},
    {"account_id", "account"}, {"loyalty_id", "loyalty"},
};

/* --------------------------------------------------------------- members */

/* A string, or a number written out; else empty. */
static struct tl_str
scalar(struct draft *d, const json_t *value)
{
    if (json_is_string(value))
        return text_trim(draft_copy(
            d, (struct tl_str){json_string_value(value), json_string_length(value)}));
    if (json_is_integer(value))
        return draft_printf(d, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    if (json_is_real(value))
        return draft_printf(d, "%.15g", json_real_value(value));
    return (struct tl_str){0};
}

static struct tl_str
member(struct draft *d, const json_t *element, const char *name)
{
    return scalar(d, json_object_get(element, name));
}

/* A custom argument: beside the others, or where older accounts send them. */
static struct tl_str
argument(struct draft *d, const json_t *element, const char *name)
{
    struct tl_str value = member(d, element, name);

    return value.len > 0 ? value : member(d, json_object_get(element, "unique_args"), name);
}

static struct tl_str
first_argument(struct draft *d, const json_t *element, const char *const *names)
{
    struct tl_str value = {0};

    while (value.len == 0 && *names != NULL)
        value = argument(d, element, *names++);
    return value;
}

static struct tl_str
compact(struct draft *d, const json_t *value, size_t flags)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | flags);
    struct tl_str copy = {0};

    if (text == NULL)
        d->failed = true;
    else
        copy = draft_copy(d, text_of(text));
    free(text);
    return copy;
}

static bool
is_held(const char *name)
{
    for (size_t i = 0; i < sizeof held / sizeof held[0]; i++)
        if (strcmp(held[i], name) == 0)
            return true;
    return false;
}

static void
put_attributes(struct draft *d, json_t *element)
{
    const char *name;
    json_t *value;

    json_object_foreach(element, name, value) {
        struct tl_str text;

        if (is_held(name) || json_is_null(value))
            continue;
        text = json_is_string(value) ? scalar(d, value) : compact(d, value, 0);
        draft_attribute(d, draft_copy(d, text_of(name)), text);
    }
}

/* ---------------------------------------------------------------- facets */

/* Without sg_event_id: the same element has the same id, however it came. */
static struct tl_str
event_id(struct draft *d, const json_t *element)
{
    static const unsigned char key[HASH_KEY_BYTES];
    struct tl_str id = member(d, element, "sg_event_id"), whole;
    unsigned char h[12];

    if (id.len > 0)
        return id;
    whole = compact(d, element, JSON_SORT_KEYS);
    hash_pair96(h, key, "sendgrid", strlen("sendgrid"), whole.ptr, whole.len);
    return draft_printf(d, "%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x", h[0], h[1], h[2],
                        h[3], h[4], h[5], h[6], h[7], h[8], h[9], h[10], h[11]);
}

static struct tl_str
up_to(struct tl_str s, char stop)
{
    const char *at = s.len > 0 ? memchr(s.ptr, stop, s.len) : NULL;

    return at != NULL ? (struct tl_str){s.ptr, (size_t)(at - s.ptr)} : s;
}

/* What the call that sent it answered: sg_message_id up to the first dot.  A
 * dropped message has a filter's name there; its smtp-id still begins with it. */
static struct tl_str
message_id(struct draft *d, const json_t *element)
{
    struct tl_str id = up_to(member(d, element, "sg_message_id"), '.');
    struct tl_str smtp = member(d, element, "smtp-id");

    if (id.len > 0 && (id.len < 6 || memcmp(id.ptr, "filter", 6) != 0))
        return id;
    if (smtp.len == 0)
        return id;
    if (smtp.ptr[0] == '<') {
        smtp.ptr++;
        smtp.len--;
    }
    smtp = up_to(smtp, '>');
    return memmem(smtp.ptr, smtp.len, "@ismtpd", 7) != NULL ? up_to(smtp, '@') : smtp;
}

static void
put_message(struct draft *d, const json_t *element, struct tl_str email)
{
    static const char *const reasons[] = {"reason", "response", NULL};
    bool failed = json_object_get(element, "reason") != NULL
                  || strcmp(json_string_value(json_object_get(element, "event")), "deferred") == 0;

    d->message = (struct tl_message){
        .id = message_id(d, element),
        .recipient = email,
        .url = member(d, element, "url"),
        .status = member(d, element, "status"),
        .user_agent = member(d, element, "useragent"),
    };
    if (failed)
        d->message.reason = first_argument(d, element, reasons);
    d->event.message = &d->message;
}

static void
put_identifiers(struct draft *d, const json_t *element, struct tl_str email)
{
    draft_identifier(d, TL_STR("email"), email);
    for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++)
        draft_identifier(d, text_of(identities[i].type),
                         argument(d, element, identities[i].member));
}

static void
put_offer(struct draft *d, const json_t *element, const char *outcome, struct tl_str offer,
          struct tl_str campaign)
{
    struct tl_str treatment = argument(d, element, "treatment");
    struct tl_offer_touch *touch;

    if (outcome == NULL || (touch = draft_offer(d, offer, campaign, outcome)) == NULL)
        return;
    touch->terms = argument(d, element, "offer_terms");
    if (treatment.len <= DRAFT_NAME_BYTES_MAX)
        touch->treatment = treatment;
}

static void
put_category(struct draft *d, const json_t *element, const char *outcome, const json_t *category)
{
    struct tl_str name = scalar(d, category);

    if (name.len > DRAFT_NAME_BYTES_MAX)
        return;     /* stays what it is, an attribute */
    if (d->event.campaign.len == 0)
        d->event.campaign = name;
    put_offer(d, element, outcome, name, name);
}

static void
put_categories(struct draft *d, const json_t *element, const char *outcome)
{
    const json_t *category = json_object_get(element, "category");

    if (!json_is_array(category)) {
        put_category(d, element, outcome, category);
        return;
    }
    for (size_t i = 0; i < json_array_size(category); i++)
        put_category(d, element, outcome, json_array_get(category, i));
}

static void
put_campaign(struct draft *d, const json_t *element, const struct kind *kind)
{
    static const char *const campaigns[] = {"campaign_id", "campaign", "marketing_campaign_id",
                                            "singlesend_id", NULL};
    static const char *const offers[] = {"offer_id", "offer", NULL};
    struct tl_str campaign = first_argument(d, element, campaigns);
    struct tl_str offer = first_argument(d, element, offers);
    const char *outcome = kind->outcome;

    /* A machine that opens all mail has not shown it to anybody. */
    if (json_is_true(json_object_get(element, "sg_machine_open")))
        outcome = NULL;
    if (campaign.len > DRAFT_NAME_BYTES_MAX)
        campaign = (struct tl_str){0};
    if (campaign.len == 0 && offer.len == 0) {
        put_categories(d, element, outcome);
        return;
    }
    d->event.campaign = campaign;
    put_offer(d, element, outcome, offer.len > 0 ? offer : campaign, campaign);
}

static void
put_consent(struct draft *d, const json_t *element, const struct kind *kind)
{
    struct tl_str group = member(d, element, "asm_group_id");
    struct tl_consent *consent;

    if (kind->consent == NULL || (consent = draft_consent(d)) == NULL)
        return;
    consent->purpose = TL_STR("marketing");
    consent->channel = TL_STR("email");
    consent->status = text_of(kind->consent);
    consent->evidence = group.len > 0 ? draft_printf(d, "sendgrid %s, group %.*s", kind->event,
                                                     (int)group.len, group.ptr)
                                      : draft_printf(d, "sendgrid %s", kind->event);
    if (d->event.identifiers_count > 0)
        consent->identifier = &d->identifiers[0];
}

static void
put_complaint(struct draft *d)
{
    d->feedback = (struct tl_feedback){
        .id = d->event.id, .kind = TL_STR("complaint"), .state = TL_STR("heard")};
    d->event.feedback = &d->feedback;
}

/* -------------------------------------------------------------- elements */

static int64_t
timestamp(const json_t *element)
{
    const json_t *value = json_object_get(element, "timestamp");
    long long seconds = 0;
    char rest;

    if (json_is_number(value)) {
        double number = json_number_value(value);

        return number >= 1 && number <= (double)TIME_MAX_S ? (int64_t)number * CLOCK_SECOND : 0;
    }
    if (json_is_string(value) && sscanf(json_string_value(value), "%12lld%c", &seconds, &rest) == 1
        && seconds >= 1 && seconds <= TIME_MAX_S)
        return seconds * CLOCK_SECOND;
    return 0;
}

static const struct kind *
find_kind(const char *event)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].event, event) == 0)
            return &kinds[i];
    return NULL;
}

/* Why the element is no event, or NULL. */
static const char *
refusal(const json_t *element, const struct kind *kind)
{
    const char *email = json_string_value(json_object_get(element, "email"));

    if (!json_is_object(element))
        return "an element of the array is no object";
    if (!json_is_string(json_object_get(element, "event")))
        return "no `event`: not of SendGrid's Event Webhook";
    if (kind == NULL)
        return "an `event` this decoder does not know";
    if (email == NULL || text_trim(text_of(email)).len == 0)
        return "no `email`";
    if (timestamp(element) == 0)
        return "no `timestamp` in seconds between 1970 and 2100";
    return NULL;
}

static void
build(struct decoder *d, json_t *element, const struct kind *kind)
{
    struct draft *draft = &d->draft;
    struct tl_event *ev = &draft->event;
    struct tl_str email = member(draft, element, "email");

    ev->id = event_id(draft, element);
    ev->source = d->source;
    ev->type = text_of(kind->type);
    ev->time = timestamp(element);
    ev->channel = TL_STR("email");
    ev->direction = kind->inbound ? TL_STR("inbound") : TL_STR("outbound");
    ev->region = d->region;
    put_identifiers(draft, element, email);
    put_message(draft, element, email);
    put_campaign(draft, element, kind);
    put_consent(draft, element, kind);
    if (strcmp(kind->event, "spamreport") == 0)
        put_complaint(draft);
    put_attributes(draft, element);
}

static void
read_element(struct decoder *d, json_t *element, struct tl_str record, uint64_t at)
{
    const char *event = json_string_value(json_object_get(element, "event"));
    const struct kind *kind = event != NULL ? find_kind(event) : NULL;
    const char *reason;

    /* About the sender's own account. */
    if (event != NULL && strcmp(event, "account_status_change") == 0) {
        d->sink.ignored(d->sink.arg, event);
        return;
    }
    if ((reason = refusal(element, kind)) != NULL) {
        d->sink.reject(d->sink.arg, record, at, reason);
        return;
    }
    draft_begin(&d->draft);
    build(d, element, kind);
    draft_end(&d->draft);
    if (d->draft.failed)
        d->sink.reject(d->sink.arg, record, at, "an element of more than a MiB");
    else
        d->sink.event(d->sink.arg, &d->draft.event);
}

/* ------------------------------------------------------------------ body */

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

static void
read_elements(struct decoder *d, json_t *array)
{
    const char *text = (const char *)d->body.ptr;
    size_t len = d->body.len;
    size_t at = (size_t)((const char *)memchr(text, '[', len) - text) + 1;

    for (size_t i = 0; i < json_array_size(array); i++) {
        size_t end = value_end(text, at, len);
        struct tl_str record = text_trim((struct tl_str){text + at, end - at});

        read_element(d, json_array_get(array, i), record, (uint64_t)(record.ptr - text));
        at = end + 1;
    }
}

static void
reject_body(struct decoder *d, const char *reason)
{
    struct tl_str record = {(const char *)d->body.ptr, d->body.len};

    d->sink.reject(d->sink.arg, record, 0, reason);
}

static void
read_body(struct decoder *d)
{
    char why[WHY_BYTES];
    json_error_t error;
    json_t *body = json_loadb((const char *)d->body.ptr, d->body.len,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

    if (body == NULL) {
        snprintf(why, sizeof why, "not JSON: %s (line %d)", error.text, error.line);
        reject_body(d, why);
    } else if (!json_is_array(body)) {
        reject_body(d, "no JSON array, as SendGrid's Event Webhook posts it");
    } else {
        read_elements(d, body);
    }
    json_decref(body);
}

int
sendgrid_open(struct decoder **out, const struct format_options *o,
              const struct format_sink *sink, char *why)
{
    struct decoder *d = calloc(1, sizeof *d);

    if (d == NULL) {
        snprintf(why, WHY_BYTES, "out of memory");
        return TL_EARGUMENT;
    }
    d->sink = *sink;
    d->source = text_of(o->source != NULL ? o->source : "sendgrid");
    d->region = text_of(o->region);
    draft_init(&d->draft);
    *out = d;
    return 0;
}

void
sendgrid_feed(struct decoder *d, const void *bytes, size_t len)
{
    if (d->body.len + len > SENDGRID_BODY_BYTES_MAX)
        d->too_long = true;
    if (!d->too_long)
        buf_append(&d->body, bytes, len);
}

void
sendgrid_end(struct decoder *d)
{
    if (d->too_long)
        reject_body(d, "a body of more than 32 MiB");
    else if (d->body.failed)
        reject_body(d, "out of memory");
    else if (d->body.len > 0)
        read_body(d);
    buf_clear(&d->body);
    d->too_long = false;
}

void
sendgrid_close(struct decoder **d)
{
    if (*d == NULL)
        return;
    draft_fini(&(*d)->draft);
    buf_free(&(*d)->body);
    free(*d);
    *d = NULL;
}
