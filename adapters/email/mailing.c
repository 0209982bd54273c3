#include "adapters/email/mailing.h"

#include <string.h>
#include <strings.h>

#include "adapters/text.h"

/* Of a text that is NULL only nothing can be a part, and NULL + 0 is not C. */
static struct tl_str
part(struct tl_str s, size_t from, size_t to)
{
    return (struct tl_str){from > 0 ? s.ptr + from : s.ptr, to - from};
}

/* The position of the first or the last `c`; s.len when there is none. */
static size_t
first(struct tl_str s, char c)
{
    const char *at = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;

    return at != NULL ? (size_t)(at - s.ptr) : s.len;
}

static size_t
last(struct tl_str s, char c)
{
    const char *at = s.len > 0 ? memrchr(s.ptr, c, s.len) : NULL;

    return at != NULL ? (size_t)(at - s.ptr) : s.len;
}

static void
add_token(struct mailing *m, struct tl_str token)
{
    if (token.len == 0 || token.len > DRAFT_IDENTIFIER_BYTES_MAX)
        return;
    for (size_t i = 0; i < m->tokens_count; i++)
        if (text_equal(m->tokens[i], token))
            return;
    if (m->tokens_count < MAILING_TOKENS_MAX)
        m->tokens[m->tokens_count++] = token;
}

/* CAMPAIGN of CAMPAIGN.CUSTOMER.SECRET. */
static void
name_campaign(struct mailing *m)
{
    for (size_t i = 0; m->campaign.len == 0 && i < m->tokens_count; i++) {
        struct tl_str token = m->tokens[i], rest;
        size_t one = first(token, '.');

        rest = part(token, one < token.len ? one + 1 : one, token.len);
        if (one < token.len && first(rest, '.') == last(rest, '.') && last(rest, '.') < rest.len)
            m->campaign = part(token, 0, one);
    }
}

void
mailing_token(struct mailing *m, struct tl_str token)
{
    add_token(m, token);
    name_campaign(m);
}

/* A sender of `bounce...+TOKEN@` or `...bounce...+user=domain@`. */
void
mailing_verp(struct mailing *m, struct tl_str address)
{
    struct tl_str local = part(address, 0, last(address, '@')), token;
    size_t plus = first(local, '+'), equals;
    char prefix[64] = "";

    if (plus == local.len || last(address, '@') == address.len || plus >= sizeof prefix)
        return;
    memcpy(prefix, local.ptr, plus);
    if (strcasestr(prefix, "bounce") == NULL && strcasestr(prefix, "return") == NULL
        && strcasestr(prefix, "verp") == NULL)
        return;
    token = part(local, plus + 1, local.len);
    add_token(m, token);
    equals = last(token, '=');
    if (equals + 1 < token.len && equals > 0)
        m->returned = token;
    name_campaign(m);
}

/* Of one <...> of List-Unsubscribe. */
static void
read_unsubscribe(struct mailing *m, struct tl_str uri)
{
    static const char mailto[] = "mailto:";

    if (uri.len > sizeof mailto && strncasecmp(uri.ptr, mailto, sizeof mailto - 1) == 0) {
        struct tl_str address = part(uri, sizeof mailto - 1, first(uri, '?'));
        struct tl_str local = part(address, 0, first(address, '@'));
        size_t plus = first(local, '+');

        if (plus < local.len)
            add_token(m, part(local, plus + 1, local.len));
    } else {
        struct tl_str path = part(uri, 0, first(uri, '?'));
        size_t slash = last(path, '/');

        if (slash + 1 < path.len)
            add_token(m, part(path, slash + 1, path.len));
    }
}

static void
read_unsubscribes(struct mailing *m, struct tl_str list)
{
    while (list.len > 0) {
        size_t open = first(list, '<'), close;

        if (open == list.len)
            return;
        list = part(list, open + 1, list.len);
        close = first(list, '>');
        if (close == list.len)
            return;
        read_unsubscribe(m, text_trim(part(list, 0, close)));
        list = part(list, close + 1, list.len);
    }
}

void
mailing_read(struct mailing *out, struct mime *m)
{
    struct tl_str feedback = mime_header(m, "Feedback-ID");

    *out = (struct mailing){
        .campaign = mime_header(m, "X-Campaign-ID"),
        .offer = mime_header(m, "X-Offer-ID"),
        .terms = mime_header(m, "X-Offer-Terms"),
        .message = text_unbracket(mime_header(m, "Message-ID")),
        .subject = mime_header(m, "Subject"),
        .sender = mime_header(m, "From"),
    };
    if (out->campaign.len == 0 && first(feedback, ':') < feedback.len)
        out->campaign = text_trim(part(feedback, 0, first(feedback, ':')));
    mailing_verp(out, text_unbracket(mime_header(m, "X-Mail-Args")));
    mailing_verp(out, text_unbracket(mime_header(m, "Return-Path")));
    read_unsubscribes(out, mime_header(m, "List-Unsubscribe"));
    name_campaign(out);
}

void
mailing_put(const struct mailing *m, struct draft *d, const char *outcome)
{
    struct tl_str offer = m->offer.len > 0 ? m->offer : m->campaign;
    struct tl_offer_touch *touch;

    if (m->campaign.len <= DRAFT_NAME_BYTES_MAX)
        d->event.campaign = draft_copy(d, m->campaign);
    if (outcome != NULL
        && (touch = draft_offer(d, draft_copy(d, offer), d->event.campaign, outcome)) != NULL
        && strcmp(outcome, "made") == 0)
        touch->terms = draft_copy(d, m->terms.len > 0 ? m->terms : m->subject);
    d->message.id = draft_copy(d, m->message);
    d->message.subject = draft_copy(d, m->subject);
    d->message.sender = draft_copy(d, m->sender);
    d->event.message = &d->message;
}

struct tl_str
mailing_recipient(const struct mailing *m, struct draft *d)
{
    size_t equals = last(m->returned, '=');

    return m->returned.len > 0 ? draft_printf(d, "%.*s@%.*s", (int)equals, m->returned.ptr,
                                              (int)(m->returned.len - equals - 1),
                                              m->returned.ptr + equals + 1)
                               : m->returned;
}

void
mailing_identify(const struct mailing *m, struct draft *d)
{
    for (size_t i = 0; i < m->tokens_count; i++)
        draft_identifier(d, TL_STR("x-mailing"), draft_copy(d, m->tokens[i]));
    draft_identifier(d, TL_STR("x-message-id"), draft_copy(d, m->message));
}
