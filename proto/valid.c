/* valid.c -- what makes an event acceptable.
 *
 * A check returns 0 or a code, and then says in `*detail` which field and what
 * is allowed.  What the broker sets itself is not looked at. */

#include "proto/valid.h"

#include <string.h>

#include "proto/code.h"
#include "proto/str.h"

/* ------------------------------------------------------------------- words */

static int
refuse(int code, const char *why, const char **detail)
{
    *detail = why;
    return code;
}

static bool
begins(struct tl_str s, const char *prefix)
{
    return str_starts(s, (struct tl_str){prefix, strlen(prefix)});
}

/* The list ends with an empty text. */
static bool
among(struct tl_str s, const struct tl_str *words)
{
    for (; words->len > 0; words++) {
        if (s.len == words->len && s.ptr[0] == words->ptr[0] && str_equal(s, *words))
            return true;
    }
    return false;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

enum { WORD = 1, DASH = 2, UNDERLINE = 4, DOT = 8 };

static const unsigned char classes[256] = {
    ['0'] = WORD, ['1'] = WORD, ['2'] = WORD, ['3'] = WORD, ['4'] = WORD, ['5'] = WORD,
    ['6'] = WORD, ['7'] = WORD, ['8'] = WORD, ['9'] = WORD, ['a'] = WORD, ['b'] = WORD,
    ['c'] = WORD, ['d'] = WORD, ['e'] = WORD, ['f'] = WORD, ['g'] = WORD, ['h'] = WORD,
    ['i'] = WORD, ['j'] = WORD, ['k'] = WORD, ['l'] = WORD, ['m'] = WORD, ['n'] = WORD,
    ['o'] = WORD, ['p'] = WORD, ['q'] = WORD, ['r'] = WORD, ['s'] = WORD, ['t'] = WORD,
    ['u'] = WORD, ['v'] = WORD, ['w'] = WORD, ['x'] = WORD, ['y'] = WORD, ['z'] = WORD,
    ['-'] = DASH, ['_'] = UNDERLINE, ['.'] = DOT,
};

static unsigned
class_of(char c)
{
    return classes[(unsigned char)c];
}

static bool
is_made_of(struct tl_str s, unsigned allowed)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((class_of(s.ptr[i]) & allowed) == 0)
            return false;
    }
    return s.len > 0;
}

bool
valid_word(struct tl_str s)
{
    return s.len <= CHANNEL_BYTES_MAX && is_made_of(s, WORD | DASH | UNDERLINE);
}

/* Words joined by single dots. */
static bool
is_type(struct tl_str s)
{
    char before = '.';

    for (size_t i = 0; i < s.len; i++) {
        if (class_of(s.ptr[i]) == 0 || (s.ptr[i] == '.' && before == '.'))
            return false;
        before = s.ptr[i];
    }
    return before != '.';
}

static bool
is_decimal(struct tl_str s)
{
    size_t i = s.len > 0 && s.ptr[0] == '-', digits = 0, points = 0;

    for (; i < s.len; i++) {
        if (is_digit(s.ptr[i]))
            digits++;
        else if (s.ptr[i] != '.' || points++ > 0)
            return false;
    }
    return digits > 0;
}

static bool
is_currency(struct tl_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < 'A' || s.ptr[i] > 'Z')
            return false;
    }
    return s.len == 3;
}

static bool
is_time(int64_t ns)
{
    return ns == 0 || (ns >= TIME_MIN && ns <= TIME_MAX);
}

/* ---------------------------------------------------------------- envelope */

struct length {
    size_t offset;      /* of the text in the event */
    size_t bytes_max;
    const char *why;
};

#define LENGTH(field, max, text) {offsetof(struct tl_event, field), max, #field ": at most " text}

static const struct length lengths[] = {
    LENGTH(id, ID_BYTES_MAX, "256 bytes"),
    LENGTH(source, ID_BYTES_MAX, "256 bytes"),
    LENGTH(type, TYPE_BYTES_MAX, "64 bytes"),
    LENGTH(channel, CHANNEL_BYTES_MAX, "32 bytes"),
    LENGTH(direction, CHANNEL_BYTES_MAX, "32 bytes"),
    LENGTH(touchpoint, ID_BYTES_MAX, "256 bytes"),
    LENGTH(region, CHANNEL_BYTES_MAX, "32 bytes"),
    LENGTH(timezone, NAME_BYTES_MAX, "128 bytes"),
    LENGTH(subject, ID_BYTES_MAX, "256 bytes"),
    LENGTH(conversation, ID_BYTES_MAX, "256 bytes"),
    LENGTH(causation_id, ID_BYTES_MAX, "256 bytes"),
    LENGTH(session, ID_BYTES_MAX, "256 bytes"),
    LENGTH(campaign, NAME_BYTES_MAX, "128 bytes"),
    LENGTH(locale, NAME_BYTES_MAX, "128 bytes"),
};

static int
check_lengths(const struct tl_event *ev, const char **detail)
{
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const struct tl_str *s =
            (const struct tl_str *)(const void *)((const char *)ev + lengths[i].offset);

        if (s->len > lengths[i].bytes_max)
            return refuse(TL_TOO_LARGE, lengths[i].why, detail);
    }
    return 0;
}

static int
check_counts(const struct tl_event *ev, const char **detail)
{
    if (ev->identifiers_count > IDENTIFIERS_MAX)
        return refuse(TL_TOO_MANY, "identifiers: at most 32", detail);
    if (ev->attributes_count > ATTRIBUTES_MAX)
        return refuse(TL_TOO_MANY, "attributes: at most 64", detail);
    if (ev->offers_count > OFFERS_MAX)
        return refuse(TL_TOO_MANY, "offers: at most 100; count repeats with `count`", detail);
    if (ev->commitments_count > COMMITMENTS_MAX)
        return refuse(TL_TOO_MANY, "commitments: at most 16", detail);
    if (ev->consents_count > CONSENTS_MAX)
        return refuse(TL_TOO_MANY, "consents: at most 32", detail);
    if (ev->sale != NULL && ev->sale->lines_count > SALE_LINES_MAX)
        return refuse(TL_TOO_MANY, "sale.lines: at most 1000; the rest is lines_more", detail);
    return 0;
}

static int
check_envelope(const struct tl_event *ev, const char **detail)
{
    if (ev->id.len == 0)
        return refuse(TL_MISSING_ID, "id: must be given", detail);
    if (ev->source.len == 0)
        return refuse(TL_MISSING_SOURCE, "source: must be given", detail);
    if (str_is(ev->source, SOURCE_BUS))
        return refuse(TL_FORBIDDEN, "source: `touchline` is the bus itself", detail);
    if (ev->type.len == 0)
        return refuse(TL_MISSING_TYPE, "type: must be given", detail);
    if (!is_type(ev->type))
        return refuse(TL_MISSING_TYPE, "type: lower-case words joined by dots", detail);
    if (ev->channel.len > 0 && !valid_word(ev->channel))
        return refuse(TL_BAD_FACET, "channel: a lower-case word", detail);
    if (ev->direction.len > 0 && !valid_word(ev->direction))
        return refuse(TL_BAD_FACET, "direction: a lower-case word", detail);
    if (!is_time(ev->time))
        return refuse(TL_BAD_TIME, "time: within 1970 to 2100", detail);
    if (ev->sequence > SEQUENCE_MAX)
        return refuse(TL_BAD_FACET, "sequence: at most 9223372036854775807", detail);
    if (!is_time(ev->recorded_time))
        return refuse(TL_BAD_TIME, "recorded_time: within 1970 to 2100", detail);
    return 0;
}

/* ------------------------------------------------------------- identifiers */

static const struct tl_str identifier_types[] = {
    TL_STR("crm"), TL_STR("user"), TL_STR("account"), TL_STR("loyalty"), TL_STR("email"),
    TL_STR("payment"), TL_STR("phone"), TL_STR("social"), TL_STR("device"), TL_STR("cookie"),
    TL_STR("anonymous"), TL_STR("receipt"), {0},
};

static bool
is_open_type(struct tl_str type)
{
    return begins(type, "x-") && type.len > 2 && type.len <= IDENTIFIER_TYPE_BYTES_MAX &&
           is_made_of(type, WORD | DASH);
}

static int
check_identifier(const struct tl_identifier *id, const char **detail)
{
    if (!among(id->type, identifier_types) && !is_open_type(id->type))
        return refuse(TL_BAD_IDENTIFIER,
                      "identifier type: crm user account loyalty email payment phone social device "
                      "cookie anonymous receipt, or x- and a word",
                      detail);
    if (id->value.len == 0)
        return refuse(TL_BAD_IDENTIFIER, "identifier value: must be given", detail);
    if (id->value.len > IDENTIFIER_BYTES_MAX)
        return refuse(TL_BAD_IDENTIFIER, "identifier value: at most 320 bytes", detail);
    return 0;
}

/* Some events are about no customer: a till signs on, an offer is defined. */
static bool
is_operational(const struct tl_event *ev)
{
    return begins(ev->type, "source.") || str_is(ev->type, "offer.defined") ||
           str_is(ev->channel, "system");
}

bool
valid_is_link(struct tl_str type)
{
    return str_is(type, "identity.linked") || str_is(type, "identity.unlinked");
}

static int
check_identifiers(const struct tl_event *ev, const char **detail)
{
    int err;

    if (ev->identifiers_count == 0 && !is_operational(ev) && !valid_is_link(ev->type))
        return refuse(TL_MISSING_IDENTIFIER, "identifiers: at least one", detail);
    for (size_t i = 0; i < ev->identifiers_count; i++) {
        if ((err = check_identifier(&ev->identifiers[i], detail)) != 0)
            return err;
    }
    return 0;
}

/* ------------------------------------------------------ facets that are there */

static const struct tl_str outcomes[] = {
    TL_STR("made"), TL_STR("delivered"), TL_STR("presented"), TL_STR("clicked"),
    TL_STR("accepted"), TL_STR("redeemed"), TL_STR("fulfilled"), TL_STR("undelivered"),
    TL_STR("dismissed"), TL_STR("declined"), TL_STR("no_response"), TL_STR("expired"),
    TL_STR("withdrawn"), TL_STR("superseded"), TL_STR("disputed"), {0},
};

/* `redeemed` of coupon.redeemed. */
static struct tl_str
last_word(struct tl_str type)
{
    size_t at = type.len;

    while (at > 0 && type.ptr[at - 1] != '.')
        at--;
    return (struct tl_str){type.ptr + at, type.len - at};
}

static int
check_money(int64_t minor, struct tl_str currency, const char *why, const char **detail)
{
    bool ok = currency.len == 0 ? minor == 0 : is_currency(currency);

    return ok ? 0 : refuse(TL_BAD_FACET, why, detail);
}

static int
check_offer(const struct tl_event *ev, const struct tl_offer_touch *o, const char **detail)
{
    if (o->offer.len > NAME_BYTES_MAX || o->campaign.len > NAME_BYTES_MAX ||
        o->treatment.len > NAME_BYTES_MAX || o->instance.len > NAME_BYTES_MAX ||
        o->exclusivity_group.len > NAME_BYTES_MAX)
        return refuse(TL_TOO_LARGE,
                      "offers: offer, campaign, treatment, instance and exclusivity_group are at "
                      "most 128 bytes",
                      detail);
    if (o->terms.len > TERMS_BYTES_MAX)
        return refuse(TL_TOO_LARGE, "offers.terms: at most 8192 bytes", detail);
    if (o->title.len > OFFER_TEXT_BYTES_MAX || o->reason.len > OFFER_TEXT_BYTES_MAX)
        return refuse(TL_TOO_LARGE, "offers: title and reason are at most 1024 bytes", detail);
    if (o->offer.len == 0 && o->campaign.len == 0 && ev->campaign.len == 0)
        return refuse(TL_BAD_FACET, "offers.offer: an offer or a campaign", detail);
    if (o->outcome.len > 0 && !among(o->outcome, outcomes))
        return refuse(TL_BAD_FACET,
                      "offers.outcome: made delivered presented clicked accepted redeemed "
                      "fulfilled undelivered dismissed declined no_response expired withdrawn "
                      "superseded disputed",
                      detail);
    if (!is_time(o->expires) || !is_time(o->valid_from))
        return refuse(TL_BAD_TIME, "offers: expires and valid_from within 1970 to 2100", detail);
    if (o->expires != 0 && o->expires < o->valid_from)
        return refuse(TL_BAD_FACET, "offers.expires: before valid_from", detail);
    return check_money(o->price_minor, o->currency,
                       "offers.currency: three capital letters (ISO 4217), with a price", detail);
}

static int
check_sale(const struct tl_sale *s, const char **detail)
{
    if (s->receipt.len > ID_BYTES_MAX || s->store.len > ID_BYTES_MAX ||
        s->till.len > ID_BYTES_MAX || s->operator_id.len > ID_BYTES_MAX)
        return refuse(TL_TOO_LARGE, "sale: receipt, store, till and operator are at most 256 bytes",
                      detail);
    return check_money(s->total_minor, s->currency,
                       "sale.currency: three capital letters (ISO 4217)", detail);
}

static int
check_feedback(const struct tl_feedback *f, const char **detail)
{
    static const struct tl_str kinds[] = {
        TL_STR("review"), TL_STR("rating"), TL_STR("survey"), TL_STR("complaint"),
        TL_STR("praise"), TL_STR("beacon"), {0},
    };
    static const struct tl_str states[] = {
        TL_STR("heard"), TL_STR("answered"), TL_STR("resolved"), {0},
    };

    if (f->id.len > ID_BYTES_MAX)
        return refuse(TL_TOO_LARGE, "feedback.id: at most 256 bytes", detail);
    if (f->kind.len > 0 && !among(f->kind, kinds))
        return refuse(TL_BAD_FACET,
                      "feedback.kind: review rating survey complaint praise beacon", detail);
    if (f->state.len > 0 && !among(f->state, states))
        return refuse(TL_BAD_FACET, "feedback.state: heard answered resolved", detail);
    if ((f->rating.len > 0 && !is_decimal(f->rating)) ||
        (f->rating_max.len > 0 && !is_decimal(f->rating_max)))
        return refuse(TL_BAD_FACET, "feedback.rating, rating_max: decimal numbers", detail);
    return 0;
}

static int
check_commitment(const struct tl_commitment *c, const char **detail)
{
    static const struct tl_str states[] = {
        TL_STR("made"), TL_STR("kept"), TL_STR("broken"), TL_STR("waived"),
        TL_STR("renegotiated"), TL_STR("due"), TL_STR("overdue"), {0},
    };

    if (c->id.len > ID_BYTES_MAX)
        return refuse(TL_TOO_LARGE, "commitments.id: at most 256 bytes", detail);
    if (c->id.len == 0)
        return refuse(TL_BAD_FACET, "commitments.id: must be given", detail);
    if (c->state.len > 0 && !among(c->state, states))
        return refuse(TL_BAD_FACET,
                      "commitments.state: made kept broken waived renegotiated due overdue",
                      detail);
    if (!is_time(c->due))
        return refuse(TL_BAD_TIME, "commitments.due: within 1970 to 2100", detail);
    return 0;
}

static int
check_promise(const struct tl_event *ev, const struct tl_commitment *c, const char **detail)
{
    bool made = c->state.len > 0 ? str_is(c->state, "made")
                                 : str_is(ev->type, "commitment.made") ||
                                       !str_starts(ev->type, TL_STR("commitment."));

    if (made && c->due != 0 && ev->time != 0 && c->due < ev->time)
        return refuse(TL_BAD_FACET, "commitments.due: before the time it was made at", detail);
    return check_commitment(c, detail);
}

static int
check_consent(const struct tl_consent *c, const char **detail)
{
    static const struct tl_str statuses[] = {
        TL_STR("granted"), TL_STR("denied"), TL_STR("revoked"), TL_STR("expired"), {0},
    };

    if (!valid_word(c->purpose))
        return refuse(TL_BAD_FACET,
                      "consents.purpose: marketing service transactional research, or another "
                      "lower-case word",
                      detail);
    if (c->channel.len > 0 && !valid_word(c->channel))
        return refuse(TL_BAD_FACET, "consents.channel: a lower-case word, or none for all", detail);
    if (!among(c->status, statuses))
        return refuse(TL_BAD_FACET, "consents.status: granted denied revoked expired", detail);
    if (!is_time(c->expires))
        return refuse(TL_BAD_TIME, "consents.expires: within 1970 to 2100", detail);
    return c->identifier != NULL ? check_identifier(c->identifier, detail) : 0;
}

static bool
same_identifier(const struct tl_identifier *a, const struct tl_identifier *b)
{
    return str_equal(a->type, b->type) && str_equal(a->value, b->value);
}

static int
check_link(const struct tl_identity_link *l, const char **detail)
{
    int err;

    if (l->a == NULL || l->b == NULL)
        return refuse(TL_BAD_FACET, "link: both a and b", detail);
    if ((err = check_identifier(l->a, detail)) != 0 || (err = check_identifier(l->b, detail)) != 0)
        return err;
    if (same_identifier(l->a, l->b))
        return refuse(TL_BAD_FACET, "link: a and b are the same", detail);
    return 0;
}

static int
check_household(const struct tl_household *h, const char **detail)
{
    static const struct tl_str visibilities[] = {
        TL_STR("none"), TL_STR("offers"), TL_STR("all"), {0},
    };

    if (h->id.len > NAME_BYTES_MAX || h->role.len > NAME_BYTES_MAX)
        return refuse(TL_TOO_LARGE, "household: id and role are at most 128 bytes", detail);
    if (h->id.len == 0)
        return refuse(TL_BAD_FACET, "household.id: must be given", detail);
    if (h->visibility.len > 0 && !among(h->visibility, visibilities))
        return refuse(TL_BAD_FACET, "household.visibility: none offers all", detail);
    if (!is_time(h->since))
        return refuse(TL_BAD_TIME, "household.since: within 1970 to 2100", detail);
    return 0;
}

static int
check_lists(const struct tl_event *ev, const char **detail)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < ev->offers_count; i++)
        err = check_offer(ev, &ev->offers[i], detail);
    for (size_t i = 0; err == 0 && i < ev->commitments_count; i++)
        err = check_promise(ev, &ev->commitments[i], detail);
    for (size_t i = 0; err == 0 && i < ev->consents_count; i++)
        err = check_consent(&ev->consents[i], detail);
    return err;
}

static int
check_facets(const struct tl_event *ev, const char **detail)
{
    int err = check_lists(ev, detail);

    if (err == 0 && ev->sale != NULL)
        err = check_sale(ev->sale, detail);
    if (err == 0 && ev->feedback != NULL)
        err = check_feedback(ev->feedback, detail);
    if (err == 0 && ev->link != NULL)
        err = check_link(ev->link, detail);
    if (err == 0 && ev->household != NULL)
        err = check_household(ev->household, detail);
    return err;
}

/* -------------------------------------------- facets that a type cannot lack */

static int
need_offer(const struct tl_event *ev, const char **detail)
{
    return ev->offers_count > 0 ? 0 : refuse(TL_BAD_FACET, "offers: at least one", detail);
}

static int
need_definition(const struct tl_event *ev, const char **detail)
{
    for (size_t i = 0; i < ev->offers_count; i++) {
        const struct tl_offer_touch *o = &ev->offers[i];

        if (o->offer.len == 0)
            return refuse(TL_BAD_FACET, "offers.offer: must be given", detail);
        if (o->outcome.len > 0 && !str_is(o->outcome, "withdrawn"))
            return refuse(TL_BAD_FACET,
                          "offers.outcome: a definition has none, or withdrawn when it ends",
                          detail);
        if (o->instance.len > 0 || o->treatment.len > 0)
            return refuse(TL_BAD_FACET,
                          "offers: a definition is of an offer, or of an offer in a campaign",
                          detail);
    }
    return need_offer(ev, detail);
}

/* The outcome, unless offer.<outcome> says it. */
static int
need_outcome(const struct tl_event *ev, const char **detail)
{
    bool said = among(last_word(ev->type), outcomes);

    for (size_t i = 0; i < ev->offers_count; i++) {
        if (ev->offers[i].outcome.len == 0 && !said)
            return refuse(TL_BAD_FACET, "offers.outcome: must be given", detail);
    }
    return need_offer(ev, detail);
}

static int
need_currency(const struct tl_event *ev, const char **detail)
{
    if (ev->sale == NULL)
        return refuse(TL_BAD_FACET, "sale: must be given", detail);
    if (ev->sale->currency.len == 0)
        return refuse(TL_BAD_FACET, "sale.currency: three capital letters (ISO 4217)", detail);
    return 0;
}

static int
need_feedback(const struct tl_event *ev, const char **detail)
{
    if (ev->feedback == NULL)
        return refuse(TL_BAD_FACET, "feedback: must be given", detail);
    return 0;
}

/* An answer closes the loop of what was said: it must name it. */
static int
need_feedback_id(const struct tl_event *ev, const char **detail)
{
    if (ev->feedback == NULL || ev->feedback->id.len == 0)
        return refuse(TL_BAD_FACET, "feedback.id: must be given", detail);
    return 0;
}

static int
need_commitment(const struct tl_event *ev, const char **detail)
{
    if (ev->commitments_count == 0)
        return refuse(TL_BAD_FACET, "commitments: at least one", detail);
    return 0;
}

static int
need_promise(const struct tl_event *ev, const char **detail)
{
    for (size_t i = 0; i < ev->commitments_count; i++) {
        if (ev->commitments[i].text.len == 0)
            return refuse(TL_BAD_FACET, "commitments.text: must be given", detail);
    }
    return need_commitment(ev, detail);
}

static int
need_consent(const struct tl_event *ev, const char **detail)
{
    return ev->consents_count > 0 ? 0 : refuse(TL_BAD_FACET, "consents: at least one", detail);
}

static int
need_link(const struct tl_event *ev, const char **detail)
{
    return ev->link != NULL ? 0 : refuse(TL_BAD_FACET, "link: both a and b", detail);
}

static int
need_household(const struct tl_event *ev, const char **detail)
{
    return ev->household != NULL ? 0 : refuse(TL_BAD_FACET, "household: must be given", detail);
}

static int
need_role(const struct tl_event *ev, const char **detail)
{
    if (ev->household == NULL || ev->household->role.len == 0)
        return refuse(TL_BAD_FACET, "household.role: must be given", detail);
    return 0;
}

static int
need_visibility(const struct tl_event *ev, const char **detail)
{
    if (ev->household == NULL || ev->household->visibility.len == 0)
        return refuse(TL_BAD_FACET, "household.visibility: none offers all", detail);
    return 0;
}

static int
need_attributes(const struct tl_event *ev, const char **detail)
{
    if (ev->attributes_count == 0)
        return refuse(TL_BAD_FACET, "attributes: at least one", detail);
    return 0;
}

static int
need_conversation(const struct tl_event *ev, const char **detail)
{
    if (ev->conversation.len == 0)
        return refuse(TL_BAD_FACET, "conversation: must be given", detail);
    return 0;
}

struct need {
    struct tl_str type;     /* whole, or a prefix ending in a dot */
    int (*check)(const struct tl_event *ev, const char **detail);
};

/* The first that fits counts.  Types that are not here stand for themselves. */
static const struct need needs[] = {
    {TL_STR("offer.defined"), need_definition},
    {TL_STR("offer."), need_outcome},
    {TL_STR("coupon."), need_offer},
    {TL_STR("sale.completed"), need_currency},
    {TL_STR("sale.returned"), need_currency},
    {TL_STR("feedback.answered"), need_feedback_id},
    {TL_STR("feedback.resolved"), need_feedback_id},
    {TL_STR("feedback."), need_feedback},
    {TL_STR("commitment.made"), need_promise},
    {TL_STR("commitment."), need_commitment},
    {TL_STR("consent."), need_consent},
    {TL_STR("identity.linked"), need_link},
    {TL_STR("identity.unlinked"), need_link},
    {TL_STR("household.role_changed"), need_role},
    {TL_STR("household.visibility_set"), need_visibility},
    {TL_STR("household."), need_household},
    {TL_STR("conversation."), need_conversation},
    {TL_STR("customer.attributes_set"), need_attributes},
};

static int
check_needs(const struct tl_event *ev, const char **detail)
{
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        struct tl_str type = needs[i].type;
        bool prefix = type.ptr[type.len - 1] == '.';

        if (type.ptr[0] != ev->type.ptr[0])
            continue;
        if (prefix ? str_starts(ev->type, type) : str_equal(ev->type, type))
            return needs[i].check(ev, detail);
    }
    return 0;
}

int
valid_event(const struct tl_event *ev, size_t bytes, const char **detail)
{
    int err;

    if (bytes > EVENT_BYTES_MAX)
        return refuse(TL_TOO_LARGE, "event: at most 65536 bytes", detail);
    if ((err = check_lengths(ev, detail)) != 0 || (err = check_counts(ev, detail)) != 0 ||
        (err = check_envelope(ev, detail)) != 0 || (err = check_identifiers(ev, detail)) != 0 ||
        (err = check_facets(ev, detail)) != 0)
        return err;
    return check_needs(ev, detail);
}
