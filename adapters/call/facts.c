#include "adapters/call/facts.h"

#include <string.h>

#include "adapters/text.h"
#include "adapters/timeformat.h"
#include "base/clock.h"

#define PHONE_DIGITS_MIN 7
#define ID_BYTES_MAX 256            /* as in proto/valid.h */
#define SECONDS_MAX 1000000000LL
#define WORD_BYTES 32

bool
fact_is_phone(struct tl_str number)
{
    size_t digits = 0;

    for (size_t i = 0; i < number.len; i++) {
        char c = number.ptr[i];

        if (c >= '0' && c <= '9')
            digits++;
        else if (c == '\0' || strchr("+-.() /", c) == NULL)
            return false;
    }
    return digits >= PHONE_DIGITS_MIN;
}

static bool
is_number(struct tl_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return s.len > 0;
}

bool
fact_is_outbound(struct tl_str caller, struct tl_str callee, struct tl_str context)
{
    static const char *const words[] = {"outbound", "outgoing", "campaign", "dialout",
                                        "from-internal", NULL};

    if (!fact_is_phone(callee))
        return false;
    if (caller.len < PHONE_DIGITS_MIN && is_number(caller))
        return true;
    for (size_t i = 0; context.len > 0 && words[i] != NULL; i++)
        if (text_find(context, words[i]) != NULL)
            return true;
    return false;
}

void
fact_customer(struct draft *d, struct tl_str number, struct tl_str call)
{
    if (fact_is_phone(number))
        draft_identifier(d, TL_STR("phone"), number);
    if (d->event.identifiers_count == 0)
        draft_identifier(d, TL_STR("x-call"), call);
}

static struct tl_str
up_to(struct tl_str s, char stop)
{
    const char *at = s.len > 0 ? memchr(s.ptr, stop, s.len) : NULL;

    return at != NULL ? (struct tl_str){s.ptr, (size_t)(at - s.ptr)} : s;
}

struct tl_str
fact_agent(struct tl_str said)
{
    const char *slash = said.len > 0 ? memchr(said.ptr, '/', said.len) : NULL;

    if (slash == NULL)
        return said;
    said.len -= (size_t)(slash + 1 - said.ptr);
    said.ptr = slash + 1;
    return up_to(up_to(up_to(said, '@'), '/'), '-');
}

void
fact_desk(struct draft *d, struct tl_str agent)
{
    if (agent.len == 0 || agent.len > DRAFT_NAME_BYTES_MAX)
        return;
    d->call.agent = agent;
    d->event.call = &d->call;
    d->event.touchpoint = draft_printf(d, "agent:%.*s", (int)agent.len, agent.ptr);
}

void
fact_call(struct draft *d, struct tl_str call, struct tl_str leg)
{
    if (call.len == 0)
        return;
    d->event.call = &d->call;
    d->call.id = leg.len > 0 && leg.len <= ID_BYTES_MAX ? leg : call;
    if (call.len > ID_BYTES_MAX) {
        draft_attribute(d, TL_STR("conversation"), call);
        return;
    }
    d->event.subject = d->event.conversation = call;
}

/* --------------------------------------------------------------- responses */

struct response {
    const char *word;           /* lower case, without blanks and punctuation */
    const char *type;
    const char *outcome;
    const char *reason;         /* when none is given */
};

static const struct response responses[] = {
    {"presented", "offer.presented", "presented", NULL},
    {"offered", "offer.presented", "presented", NULL},
    {"accepted", "offer.accepted", "accepted", NULL},
    {"accept", "offer.accepted", "accepted", NULL},
    {"yes", "offer.accepted", "accepted", NULL},
    {"declined", "offer.declined", "declined", NULL},
    {"decline", "offer.declined", "declined", NULL},
    {"refused", "offer.declined", "declined", NULL},
    {"rejected", "offer.declined", "declined", NULL},
    {"no", "offer.declined", "declined", NULL},
    {"later", "offer.declined", "declined", "later"},
    {"notnow", "offer.declined", "declined", "later"},
    {"callback", "callback.requested", "dismissed", "callback"},
    {"donotcall", "offer.declined", "declined", "do not call"},
    {"noresponse", "offer.no_response", "no_response", NULL},
    {"noanswer", "offer.no_response", "no_response", NULL},
};

static const struct response *
find_response(struct tl_str said)
{
    char word[WORD_BYTES];
    size_t len = 0;

    for (size_t i = 0; i < said.len && len < sizeof word - 1; i++) {
        char c = said.ptr[i];

        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c >= 'a' && c <= 'z')
            word[len++] = c;
    }
    word[len] = '\0';
    for (size_t i = 0; i < sizeof responses / sizeof responses[0]; i++)
        if (strcmp(responses[i].word, word) == 0)
            return &responses[i];
    return NULL;
}

static void
revoke_calls(struct draft *d)
{
    struct tl_consent *consent = draft_consent(d);

    if (consent == NULL)
        return;
    consent->purpose = TL_STR("marketing");
    consent->channel = TL_STR("call");
    consent->status = TL_STR("revoked");
    consent->evidence = TL_STR("said to an agent");
}

bool
fact_response(struct draft *d, struct tl_str offer, struct tl_str said, struct tl_str reason)
{
    const struct response *r = find_response(said);
    struct tl_offer_touch *touch;

    if (r == NULL || (touch = draft_offer(d, offer, (struct tl_str){0}, r->outcome)) == NULL)
        return false;
    d->event.type = text_of(r->type);
    touch->reason = reason.len > 0 ? reason : text_of(r->reason);
    if (strcmp(r->word, "donotcall") == 0)
        revoke_calls(d);
    if (strcmp(r->word, "callback") == 0) {
        fact_promise(d, "made", (struct tl_str){0},
                     draft_printf(d, "call back about %.*s", (int)offer.len, offer.ptr), 0);
        d->event.type = text_of(r->type);
    }
    return true;
}

/* ---------------------------------------------------------------- promises */

int64_t
fact_time(struct tl_str text, const struct zone *zone)
{
    static const char *const forms[] = {"%s", "%s.%f", "%Y-%m-%dT%H:%M:%S%z",
                                        "%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%d %H:%M:%S",
                                        "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S",
                                        "%Y-%m-%d %H:%M", "%Y-%m-%d", NULL};
    struct timeformat_time t;

    for (size_t i = 0; text.len > 0 && forms[i] != NULL; i++)
        if (timeformat_read(&t, text, text_of(forms[i]), zone, false))
            return t.ns;
    return 0;
}

bool
fact_promise(struct draft *d, const char *state, struct tl_str id, struct tl_str text, int64_t due)
{
    struct tl_commitment *promise;

    if ((text.len == 0 && strcmp(state, "made") == 0) || (promise = draft_commitment(d)) == NULL)
        return false;
    promise->id = id.len > 0 && id.len <= ID_BYTES_MAX ? id : d->event.id;
    promise->text = text;
    promise->by = d->call.agent;
    promise->due = due;
    promise->state = text_of(state);
    d->event.type = draft_printf(d, "commitment.%s", state);
    return true;
}

int64_t
fact_ms(struct tl_str seconds)
{
    int64_t n = 0;

    for (size_t i = 0; i < seconds.len; i++) {
        if (seconds.ptr[i] < '0' || seconds.ptr[i] > '9' || n > SECONDS_MAX)
            return 0;
        n = n * 10 + (seconds.ptr[i] - '0');
    }
    return n * (CLOCK_SECOND / CLOCK_MS);
}
