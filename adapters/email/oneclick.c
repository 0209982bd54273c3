#include "adapters/email/oneclick.h"

#include <string.h>

#include "adapters/email/mailing.h"
#include "adapters/text.h"
#include "adapters/web/intake.h"
#include "base/clock.h"

/* As a form, or as multipart/form-data; RFC 8058, 3.1 asks for either. */
static bool
is_one_click(struct tl_str body)
{
    return text_find(body, "List-Unsubscribe=One-Click") != NULL
           || (text_find(body, "name=\"List-Unsubscribe\"") != NULL
               && text_find(body, "One-Click") != NULL);
}

static struct tl_str
last_segment(struct tl_str path)
{
    const char *slash = path.len > 0 ? memrchr(path.ptr, '/', path.len) : NULL;
    struct tl_str segment = {0};

    if (slash != NULL) {
        segment.ptr = slash + 1;
        segment.len = (size_t)(path.ptr + path.len - segment.ptr);
    }
    return segment;
}

static void
put_consent(struct draft *d)
{
    struct tl_consent *consent = draft_consent(d);

    if (consent == NULL)
        return;
    consent->purpose = TL_STR("marketing");
    consent->channel = TL_STR("email");
    consent->status = TL_STR("revoked");
    consent->evidence = TL_STR("one-click unsubscribe (RFC 8058)");
    if (text_is(d->identifiers[0].type, "email"))
        consent->identifier = &d->identifiers[0];
}

static void
read_request(struct decoder *d, const struct capture_request *r)
{
    struct draft *draft = &d->draft;
    struct tl_event *ev = &draft->event;
    struct mailing mailing = {0};
    struct tl_str token = last_segment(r->path);
    bool address = text_find(token, "@") != NULL;

    if (!is_one_click(r->body)) {
        intake_reject(d, r->body, "no List-Unsubscribe=One-Click (RFC 8058) in it");
        return;
    }
    if (token.len == 0 || token.len > DRAFT_IDENTIFIER_BYTES_MAX) {
        intake_reject(d, r->path, "a path that does not end in a mailing's token");
        return;
    }
    draft_begin(draft);
    token = draft_copy(draft, token);
    if (!address)
        mailing_token(&mailing, token);
    /* Who subscribes again can unsubscribe again. */
    ev->id = draft_hash(draft, "one-click",
                        draft_printf(draft, "%.*s/%lld", (int)token.len, token.ptr,
                                     (long long)(d->received / CLOCK_SECOND)));
    ev->source = d->source;
    ev->type = TL_STR("email.unsubscribed");
    ev->time = d->received;
    ev->channel = TL_STR("email");
    ev->direction = TL_STR("inbound");
    ev->region = d->region;
    ev->campaign = mailing.campaign.len <= DRAFT_NAME_BYTES_MAX ? mailing.campaign
                                                                 : (struct tl_str){0};
    draft_identifier(draft, address ? TL_STR("email") : TL_STR("x-mailing"), token);
    put_consent(draft);
    draft_end(draft);
    d->sink.event(d->sink.arg, ev);
}

int
oneclick_open(struct decoder **out, const struct format_options *o,
              const struct format_sink *sink, char *why)
{
    return intake_open(out, o, sink, why, "one-click", read_request);
}
