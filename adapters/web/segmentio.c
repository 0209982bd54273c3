#include "adapters/web/segmentio.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "adapters/member.h"
#include "adapters/text.h"
#include "adapters/timeformat.h"
#include "adapters/web/eventtype.h"
#include "adapters/web/intake.h"
#include "adapters/web/shop.h"
#include "adapters/web/visit.h"

#define ID_BYTES_MAX 256

/* A call being read, and the objects in it. */
struct call {
    struct decoder *d;
    struct draft *draft;
    struct value *message, *context, *properties, *traits;
    const struct kind *kind;    /* of a track; NULL: none we know */
    int64_t sent;
};

struct kind {
    const char *event;          /* as the spec writes it */
    const char *type;           /* NULL: by its name */
    const char *channel;
    const char *outcome;        /* of the offers it is about */
    void (*read)(struct call *c);
};

static const struct shop_names product_names = {
    {"product_id", "sku", NULL}, "name", "price", "category", "coupon"};

/* --------------------------------------------------------- kinds of a track */

static struct tl_str
property(struct call *c, const char *name)
{
    return member_take(c->draft, c->properties, name);
}

static void
put_touch(struct call *c, const char *const *names)
{
    struct tl_str offer = member_take_first(c->draft, c->properties, names, DRAFT_NAME_BYTES_MAX);
    struct tl_offer_touch *touch = draft_offer(c->draft, offer, (struct tl_str){0},
                                               c->kind->outcome);

    if (touch == NULL)
        return;
    touch->campaign = member_take_id(c->draft, c->properties, "campaign_id", DRAFT_NAME_BYTES_MAX);
    touch->reason = property(c, "reason");
}

static void
read_promotion(struct call *c)
{
    static const char *const ids[] = {"promotion_id", "id", "promotion_name", "name", NULL};
    struct tl_offer_touch *touch;

    put_touch(c, ids);
    if (c->draft->event.offers_count == 0)
        return;
    touch = &c->draft->offers[0];
    touch->treatment = member_take_id(c->draft, c->properties, "creative", DRAFT_NAME_BYTES_MAX);
    touch->terms = property(c, "name");
}

static void
read_coupon(struct call *c)
{
    static const char *const ids[] = {"coupon_id", "coupon", "coupon_name", NULL};

    put_touch(c, ids);
    if (c->draft->event.offers_count > 0)
        c->draft->offers[0].terms = property(c, "coupon_name");
    c->draft->event.subject = member_take_id(c->draft, c->properties, "order_id", ID_BYTES_MAX);
}

static void
read_product(struct call *c)
{
    static const char *const ids[] = {"product_id", "sku", NULL};

    c->draft->page.product = member_take_first(c->draft, c->properties, ids, SIZE_MAX);
}

static void
read_search(struct call *c)
{
    c->draft->page.search = property(c, "query");
}

/* Without a currency it is US dollars: spec, common fields, `currency`. */
static struct tl_str
take_currency(struct call *c)
{
    struct tl_str code = shop_currency(c->draft,
                                       member_text(c->draft, c->properties, "currency"));

    if (code.len == 0)
        return TL_STR("USD");
    value_drop(c->properties, "currency");
    return code;
}

static void
read_sale(struct call *c)
{
    static const char *const totals[] = {"total", "revenue", "value"};
    struct tl_sale *sale = &c->draft->sale;
    bool sold = strcmp(c->kind->type, "order.completed") == 0;
    struct tl_str coupon = member_text(c->draft, c->properties, "coupon");

    sale->currency = take_currency(c);
    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++)
        if (member_take_minor(c->draft, c->properties, totals[i], sale->currency,
                              &sale->total_minor))
            break;
    if (!sold && sale->total_minor > 0)
        sale->total_minor = -sale->total_minor;
    member_take_minor(c->draft, c->properties, "tax", sale->currency, &sale->tax_minor);
    member_take_minor(c->draft, c->properties, "discount", sale->currency, &sale->discount_minor);
    sale->receipt = member_take_id(c->draft, c->properties, "order_id", ID_BYTES_MAX);
    c->draft->event.subject = sale->receipt;
    c->draft->event.sale = sale;
    if (sold && draft_offer(c->draft, coupon, (struct tl_str){0}, c->kind->outcome) != NULL)
        value_drop(c->properties, "coupon");
    shop_lines(c->d, c->properties, "products", &product_names, sale->currency, sold);
}

static bool
is_decimal(struct tl_str s)
{
    size_t points = 0;

    for (size_t i = 0; i < s.len; i++) {
        points += s.ptr[i] == '.';
        if (s.ptr[i] != '.' && (s.ptr[i] < '0' || s.ptr[i] > '9'))
            return false;
    }
    return s.len > points && points <= 1;
}

static void
read_review(struct call *c)
{
    struct tl_feedback *f = &c->draft->feedback;
    struct tl_str rating = member_text(c->draft, c->properties, "rating");

    read_product(c);
    f->id = member_take_id(c->draft, c->properties, "review_id", ID_BYTES_MAX);
    f->kind = TL_STR("review");
    f->text = property(c, "review_body");
    f->product = c->draft->page.product;
    f->is_public = true;
    f->state = TL_STR("heard");
    if (f->id.len == 0)
        f->id = c->draft->event.id;
    if (is_decimal(rating))
        f->rating = property(c, "rating");
    c->draft->event.feedback = f;
}

/* The offer of a message is its campaign. */
static void
read_email(struct call *c)
{
    struct tl_message *m = &c->draft->message;
    struct tl_str campaign = member_take_id(c->draft, c->properties, "campaign_id",
                                            DRAFT_NAME_BYTES_MAX);

    m->id = property(c, "email_id");
    m->subject = property(c, "email_subject");
    m->url = property(c, "link_url");
    m->recipient = member_text(c->draft, c->traits, "email");
    c->draft->event.message = m;
    c->draft->event.campaign = campaign;
    if (c->kind->outcome != NULL)
        draft_offer(c->draft, campaign, campaign, c->kind->outcome);
}

static void
read_push(struct call *c)
{
    struct value *campaign = value_get(c->properties, "campaign");
    struct tl_str name = member_take_id(c->draft, campaign, "name", DRAFT_NAME_BYTES_MAX);

    c->draft->event.campaign = name;
    draft_offer(c->draft, name, name, c->kind->outcome);
}

static void
put_consent(struct call *c, const char *channel, bool granted, const char *evidence)
{
    struct tl_consent *consent = draft_consent(c->draft);

    if (consent == NULL)
        return;
    consent->purpose = TL_STR("marketing");
    consent->channel = text_of(channel);
    consent->status = granted ? TL_STR("granted") : TL_STR("revoked");
    consent->evidence = text_of(evidence);
}

static void
read_unsubscribed(struct call *c)
{
    read_email(c);
    put_consent(c, "email", false, "segment Unsubscribed");
}

static void
read_spam(struct call *c)
{
    read_email(c);
    put_consent(c, "email", false, "segment Email Marked as Spam");
}

static void
read_chat(struct call *c)
{
    struct tl_message *m = &c->draft->message;

    m->id = property(c, "message_id");
    m->text = property(c, "message_body");
    c->draft->event.message = m;
    c->draft->event.conversation = member_take_id(c->draft, c->properties, "conversation_id",
                                                  ID_BYTES_MAX);
    c->draft->event.touchpoint = member_take_id(c->draft, c->properties, "agent_name",
                                                ID_BYTES_MAX);
}

static const struct kind kinds[] = {
    {"Promotion Viewed", "offer.presented", "web", "presented", read_promotion},
    {"Promotion Clicked", "offer.clicked", "web", "clicked", read_promotion},
    {"Coupon Entered", "coupon.presented", "web", "clicked", read_coupon},
    {"Coupon Applied", "coupon.accepted", "web", "accepted", read_coupon},
    /* The shop refused it, not the customer: he wanted it. */
    {"Coupon Denied", "coupon.refused", "web", "clicked", read_coupon},
    {"Coupon Removed", "coupon.removed", "web", "dismissed", read_coupon},
    {"Product Viewed", "product.viewed", "web", NULL, read_product},
    {"Product Clicked", "product.clicked", "web", NULL, read_product},
    {"Product Added", "cart.updated", "web", NULL, read_product},
    {"Product Removed", "cart.updated", "web", NULL, read_product},
    {"Products Searched", "search.performed", "web", NULL, read_search},
    {"Order Completed", "order.completed", "web", "redeemed", read_sale},
    {"Order Refunded", "sale.returned", "web", NULL, read_sale},
    {"Product Reviewed", "feedback.review", "web", NULL, read_review},
    {"Email Delivered", "email.delivered", "email", "delivered", read_email},
    {"Email Opened", "email.opened", "email", "presented", read_email},
    {"Email Link Clicked", "email.link_clicked", "email", "clicked", read_email},
    {"Email Bounced", "email.bounced", "email", "undelivered", read_email},
    {"Email Marked as Spam", "email.marked_as_spam", "email", NULL, read_spam},
    {"Unsubscribed", "email.unsubscribed", "email", NULL, read_unsubscribed},
    {"Live Chat Conversation Started", "chat.started", "chat", NULL, read_chat},
    {"Live Chat Conversation Ended", "chat.ended", "chat", NULL, read_chat},
    {"Live Chat Message Sent", "chat.message_sent", "chat", NULL, read_chat},
    {"Live Chat Message Received", "chat.message_received", "chat", NULL, read_chat},
    {"Push Notification Received", "push.received", "push", "delivered", read_push},
    {"Push Notification Tapped", "push.tapped", "push", "clicked", read_push},
    {"Push Notification Bounced", "push.bounced", "push", "undelivered", read_push},
};

static const struct kind *
find_kind(struct tl_str event)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strlen(kinds[i].event) == event.len
            && strncasecmp(kinds[i].event, event.ptr, event.len) == 0)
            return &kinds[i];
    return NULL;
}

/* ------------------------------------------------------- what all calls have */

static void
put_identifiers(struct call *c)
{
    static const struct {
        const char *names[3];
        const char *type;
    } ids[] = {
        {{"userId", "user_id", NULL}, "user"},
        {{"anonymousId", "anonymous_id", NULL}, "cookie"},
        {{"previousId", "previous_id", NULL}, "cookie"},
    };
    static const char *const same[] = {"email", "phone"};
    struct value *known = value_get(c->context, "traits");

    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        draft_identifier(c->draft, text_of(ids[i].type),
                         member_take_first(c->draft, c->message, ids[i].names, SIZE_MAX));
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        struct tl_str value = member_take(c->draft, c->traits, same[i]);

        if (value.len == 0)
            value = member_take(c->draft, known, same[i]);
        draft_identifier(c->draft, text_of(same[i]), value);
    }
    draft_identifier(c->draft, TL_STR("device"),
                     member_take(c->draft, value_get(c->context, "device"), "id"));
}

static struct tl_str
page_member(struct call *c, bool is_page, const char *name)
{
    struct value *page = value_get(c->context, "page");
    struct tl_str value = {0};

    if (is_page)
        value = member_take(c->draft, c->properties, name);
    return value.len > 0 ? value : member_take(c->draft, page, name);
}

static void
put_page(struct call *c, bool is_page)
{
    static const char *const agents[] = {"userAgent", "user_agent", NULL};
    struct tl_page *page = &c->draft->page;

    page->url = page_member(c, is_page, "url");
    page->path = page_member(c, is_page, "path");
    page->title = page_member(c, is_page, "title");
    page->referrer = page_member(c, is_page, "referrer");
    page->user_agent = member_take_first(c->draft, c->context, agents, SIZE_MAX);
    if (is_page && page->title.len == 0)
        page->title = member_take(c->draft, c->message, "name");
    visit_put(c->draft);
}

static void
put_envelope(struct call *c)
{
    struct tl_event *ev = &c->draft->event;
    static const char *const sessions[] = {"sessionId", "session_id", NULL};

    ev->locale = member_take_id(c->draft, c->context, "locale", DRAFT_NAME_BYTES_MAX);
    ev->timezone = member_take_id(c->draft, c->context, "timezone", DRAFT_NAME_BYTES_MAX);
    ev->session = member_take_first(c->draft, c->context, sessions, ID_BYTES_MAX);
    if (ev->offers_count == 0 && ev->campaign.len == 0)
        ev->campaign = member_take_id(c->draft, value_get(c->context, "campaign"), "name",
                                      DRAFT_NAME_BYTES_MAX);
}

/* ------------------------------------------------------------------- calls */

static void
read_track(struct call *c)
{
    struct tl_event *ev = &c->draft->event;
    struct tl_str event = member_text(c->draft, c->message, "event");

    c->kind = find_kind(event);
    if (c->kind == NULL) {
        ev->type = eventtype_name(c->draft, event);
        return;
    }
    ev->type = text_of(c->kind->type);
    ev->channel = text_of(c->kind->channel);
    if (c->kind->outcome != NULL && strstr(c->kind->outcome, "delivered") != NULL)
        ev->direction = TL_STR("outbound");
    c->kind->read(c);
    /* An offer's event whose offer has no name we can hold. */
    if (c->kind->outcome != NULL && ev->offers_count == 0
        && (strncmp(c->kind->type, "offer.", 6) == 0 || strncmp(c->kind->type, "coupon.", 7) == 0))
        ev->type = TL_STR("track.other");
}

static void
read_page(struct call *c)
{
    c->draft->event.type = TL_STR("page.viewed");
}

static void
read_screen(struct call *c)
{
    c->draft->event.type = TL_STR("screen.viewed");
}

static void
read_identify(struct call *c)
{
    static const char *const traits[] = {"marketingOptIn", "marketing_opt_in"};

    c->draft->event.type = TL_STR("customer.attributes_set");
    for (size_t i = 0; i < sizeof traits / sizeof traits[0]; i++) {
        struct value *value = value_get(c->traits, traits[i]);

        if (value_is_boolean(value))
            put_consent(c, "", value_is_true(value), "segment identify, marketingOptIn");
    }
}

static void
read_alias(struct call *c)
{
    c->draft->event.type = TL_STR("customer.aliased");
}

static void
read_group(struct call *c)
{
    c->draft->event.type = TL_STR("group.joined");
}

static const struct {
    const char *name;
    void (*read)(struct call *c);
    bool is_page;
} calls[] = {
    {"track", read_track, false},   {"page", read_page, true},
    {"screen", read_screen, true},  {"identify", read_identify, false},
    {"alias", read_alias, false},   {"group", read_group, false},
};

#define CALLS (sizeof calls / sizeof calls[0])

static void
ignore_leaves(struct decoder *d, struct value *object, const char *prefix)
{
    struct value *value;

    value_each_member(object, value) {
        char path[INTAKE_NAME_BYTES];

        snprintf(path, sizeof path, "%s.%s", prefix, value->name.ptr);
        if (value_is_object(value))
            ignore_leaves(d, value, path);
        else
            intake_ignore(d, "%s", path);
    }
}

/* An identify's attributes are the customer's: only his traits. */
static void
put_traits(struct call *c)
{
    member_attributes(c->draft, c->traits, "");
    value_drop(c->message, "traits");
    ignore_leaves(c->d, c->message, "identify");
    if (c->draft->event.attributes_count == 0)
        c->draft->event.type = TL_STR("customer.identified");
}

static void
put_attributes(struct call *c)
{
    static const char *const not_kept[] = {"type", "action", "sentAt", "sent_at", "receivedAt",
                                           "received_at"};

    if (value_get(c->message, "writeKey") != NULL)
        intake_ignore(c->d, "writeKey");
    value_drop(c->message, "writeKey");
    for (size_t i = 0; i < sizeof not_kept / sizeof not_kept[0]; i++)
        value_drop(c->message, not_kept[i]);
    if (text_is(c->draft->event.type, "customer.attributes_set"))
        put_traits(c);
    else
        member_attributes(c->draft, c->message, "");
}

/* ---------------------------------------------------------------- messages */

/* 0 when it is not there or no time, and then it stays. */
static int64_t
take_time(struct call *c, struct value *object, const char *name)
{
    struct timeformat_time t = {0};

    if (timeformat_iso(&t, member_text(c->draft, object, name), c->d->zone))
        value_drop(object, name);
    return t.ns;
}

static void
put_time(struct call *c)
{
    int64_t happened = take_time(c, c->message, "timestamp");
    int64_t original = take_time(c, c->message, "originalTimestamp");
    int64_t sent = take_time(c, c->message, "sentAt");

    if (sent != 0)
        c->sent = sent;
    if (happened == 0)
        happened = original != 0 ? original : c->sent;
    c->draft->event.time = intake_time(c->d, happened, c->sent);
}

/* The call a message is; CALLS when it is none. */
static size_t
find_call(const struct value *message, struct tl_str posted_to)
{
    static const char *const names[] = {"type", "action"};
    struct tl_str name = posted_to;
    size_t i = 0;

    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        const char *text = value_text(value_get(message, names[n]));

        if (text != NULL) {
            name = text_of(text);
            break;
        }
    }
    while (i < CALLS && !text_is(name, calls[i].name))
        i++;
    return i;
}

static void
put_id(struct call *c)
{
    struct tl_event *ev = &c->draft->event;
    static const char *const names[] = {"messageId", "message_id", NULL};

    ev->id = member_take_first(c->draft, c->message, names, ID_BYTES_MAX);
    if (ev->id.len == 0) {
        value_drop(c->message, "sentAt");
        ev->id = member_hash(c->draft, "segment", c->message);
    }
}

static bool
names_somebody(struct draft *d, const struct value *message)
{
    static const char *const names[] = {"userId", "user_id", "anonymousId", "anonymous_id",
                                        "previousId", "previous_id"};
    const struct value *traits = value_get(message, "traits");

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (member_text(d, message, names[i]).len > 0)
            return true;
    return member_text(d, traits, "email").len > 0 || member_text(d, traits, "phone").len > 0;
}

/* Why the message is no event, or NULL. */
static const char *
refusal(struct decoder *d, const struct value *message, size_t call)
{
    struct timeformat_time t;
    struct tl_str time;

    if (!value_is_object(message))
        return "a message that is no object";
    if (call == CALLS)
        return "no track, page, screen, identify, alias or group: `type` says which";
    if (calls[call].read == read_track && member_text(&d->draft, message, "event").len == 0)
        return "a track without `event`";
    time = member_text(&d->draft, message, "timestamp");
    if (time.len > 0 && !timeformat_iso(&t, time, d->zone))
        return "a `timestamp` that is no ISO 8601 time from 1970 to 2100";
    if (!names_somebody(&d->draft, message))
        return "names nobody: no userId and no anonymousId";
    return NULL;
}

static void
read_message(struct decoder *d, struct value *message, const struct call *posted, size_t call,
             struct tl_str record)
{
    struct call c = *posted;
    const char *reason;

    intake_begin(d);
    if ((reason = refusal(d, message, call)) != NULL) {
        intake_reject_json(d, message, reason);
        return;
    }
    c.message = message;
    c.context = value_get(message, "context");
    c.properties = value_get(message, "properties");
    c.traits = value_get(message, "traits");
    put_time(&c);
    put_id(&c);
    put_identifiers(&c);
    calls[call].read(&c);
    put_envelope(&c);
    put_page(&c, calls[call].is_page);
    put_attributes(&c);
    intake_finish(d, record);
}

/* `batch` of /v1/batch. */
static struct tl_str
last_segment(struct tl_str path)
{
    size_t at = path.len;

    while (at > 0 && path.ptr[at - 1] != '/')
        at--;
    return at > 0 ? (struct tl_str){path.ptr + at, path.len - at} : path;
}

static void
read_body(struct decoder *d, const struct capture_request *r)
{
    struct value *body = intake_json(d, r->body), *batch, *message;
    struct call posted = {.d = d, .draft = &d->draft};

    if (body == NULL)
        return;
    draft_begin(&d->draft);
    batch = value_get(body, "batch");
    if (value_is_array(batch)) {
        posted.sent = take_time(&posted, body, "sentAt");
        value_each(batch, message)
            read_message(d, message, &posted, find_call(message, (struct tl_str){0}), r->body);
    } else {
        read_message(d, body, &posted, find_call(body, last_segment(r->path)), r->body);
    }
}

int
segmentio_open(struct decoder **out, const struct format_options *o,
               const struct format_sink *sink, char *why)
{
    return intake_open(out, o, sink, why, "segment", read_body);
}
