#include "adapters/pos/order.h"

#include "adapters/text.h"
#include "adapters/timeformat.h"
#include "base/clock.h"

struct tl_event *
order_begin(struct decoder *d)
{
    struct tl_event *ev = intake_begin(d);

    ev->channel = TL_STR("pos");
    return ev;
}

int64_t
order_time(const struct decoder *d, struct tl_str text)
{
    struct timeformat_time t;

    return text.len > 0 && timeformat_iso(&t, text, d->zone) ? t.ns : 0;
}

int64_t
order_take_time(struct decoder *d, struct value *object, const char *name)
{
    int64_t time = order_time(d, member_text(&d->draft, object, name));

    if (time != 0)
        value_drop(object, name);
    return time;
}

bool
order_subject(struct decoder *d, const char *what, struct tl_str id, int64_t changed)
{
    struct tl_event *ev = &d->draft.event;

    if (id.len == 0 || id.len > ORDER_NAME_BYTES_MAX)
        return false;
    ev->subject = draft_printf(&d->draft, "%s:%.*s", what, (int)id.len, id.ptr);
    ev->revision = (uint64_t)(changed / CLOCK_MS);
    ev->id = draft_printf(&d->draft, "%s-%.*s-%lld", what, (int)id.len, id.ptr,
                          (long long)(changed / CLOCK_MS));
    return true;
}

int64_t
order_take_minor(struct decoder *d, struct value *object, const char *name, struct tl_str currency)
{
    int64_t minor = 0;

    return member_take_minor(&d->draft, object, name, currency, &minor) ? minor : 0;
}

void
order_customer(struct decoder *d, struct tl_str email, struct tl_str phone,
               const char *number_type, struct tl_str number)
{
    draft_identifier(&d->draft, TL_STR("email"), email);
    draft_identifier(&d->draft, TL_STR("phone"), phone);
    if (!text_is(number, "0"))
        draft_identifier(&d->draft, text_of(number_type), number);
}

void
order_consent(struct decoder *d, const char *channel, const char *status, const char *evidence)
{
    struct tl_consent *consent = draft_consent(&d->draft);

    if (consent == NULL)
        return;
    consent->purpose = TL_STR("marketing");
    consent->channel = text_of(channel);
    consent->status = text_of(status);
    consent->evidence = text_of(evidence);
}

void
order_receipt(struct decoder *d, struct tl_str id)
{
    draft_identifier(&d->draft, TL_STR("receipt"), id);
}

void
order_finish(struct decoder *d, struct value *json, struct tl_str whole)
{
    member_attributes(&d->draft, json, "");
    intake_finish(d, whole);
}
