#include "adapters/call/agent.h"

#include <stdio.h>
#include <string.h>

#include "adapters/call/facts.h"
#include "adapters/text.h"

#define WHY_BYTES 512

struct said {
    struct draft *draft;
    struct fields *fields;
    const struct zone *zone;
    const char *argument;       /* of the table */
    char *why;
};

static const char *const texts[] = {"Text", "Note", "Message", "Promise", NULL};
static const char *const dues[] = {"Due", "CallbackTime", "At", NULL};
static const char *const promises[] = {"PromiseId", "CommitmentId", NULL};

void
agent_customer(struct draft *d, struct fields *f, struct tl_str number, struct tl_str call)
{
    static const struct {
        const char *field;
        const char *type;
    } others[] = {
        {"CustomerId", "crm"},        {"AccountNumber", "account"}, {"LoyaltyNumber", "loyalty"},
        {"LoyaltyId", "loyalty"},     {"Email", "email"},
    };

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        draft_identifier(d, text_of(others[i].type), fields_get(f, others[i].field));
    fact_customer(d, number, call);
}

static bool
wrong(struct said *s, const char *sentence)
{
    snprintf(s->why, WHY_BYTES, "%s", sentence);
    return false;
}

static bool
read_offer(struct said *s)
{
    static const char *const codes[] = {"OfferCode", "OfferId", "Offer", NULL};
    struct tl_str said = s->argument != NULL ? text_of(s->argument)
                                             : fields_get(s->fields, "Response");
    struct tl_str terms = fields_get(s->fields, "OfferTerms");
    struct tl_str campaign = fields_get(s->fields, "Campaign");

    if (!fact_response(s->draft, fields_first(s->fields, codes), said,
                       fields_get(s->fields, "Reason")))
        return wrong(s, "without an OfferCode, or with a Response that is none of accepted, "
                        "declined, later, callback, donotcall");
    s->draft->offers[0].terms = terms;
    if (campaign.len <= DRAFT_NAME_BYTES_MAX)
        s->draft->offers[0].campaign = s->draft->event.campaign = campaign;
    return true;
}

static void
take_message(struct said *s)
{
    s->draft->message.text = fields_first(s->fields, texts);
    s->draft->event.message = &s->draft->message;
}

static bool
read_note(struct said *s)
{
    s->draft->event.type = TL_STR("note.added");
    take_message(s);
    return s->draft->message.text.len > 0 || wrong(s, "a Note without its Text");
}

static bool
read_promise(struct said *s)
{
    struct tl_str id = fields_first(s->fields, promises);
    struct tl_str due = fields_first(s->fields, dues);
    int64_t time = fact_time(due, s->zone);

    if (due.len > 0 && time == 0)
        return wrong(s, "a Due that is no time: 2024-05-07T10:00:00Z, or seconds since 1970");
    if (!fact_promise(s->draft, s->argument, id, fields_first(s->fields, texts), time))
        return wrong(s, "a Promise without its Text");
    return id.len > 0 || strcmp(s->argument, "made") == 0
           || wrong(s, "without the PromiseId of what is kept or broken");
}

static bool
read_callback(struct said *s)
{
    struct tl_str text = fields_first(s->fields, texts);
    struct tl_str due = fields_first(s->fields, dues);
    int64_t time = fact_time(due, s->zone);

    if (due.len > 0 && time == 0)
        return wrong(s, "a Due that is no time: 2024-05-07T10:00:00Z, or seconds since 1970");
    fact_promise(s->draft, "made", fields_first(s->fields, promises),
                 text.len > 0 ? text : TL_STR("call back"), time);
    s->draft->event.type = TL_STR("callback.requested");
    return true;
}

static bool
read_disposition(struct said *s)
{
    static const char *const names[] = {"Disposition", "Code", NULL};

    s->draft->event.type = TL_STR("disposition.set");
    s->draft->event.call = &s->draft->call;
    s->draft->call.disposition = fields_first(s->fields, names);
    return s->draft->call.disposition.len > 0
           || wrong(s, "a Disposition that does not say which");
}

static bool
read_feedback(struct said *s)
{
    s->draft->event.type = draft_printf(s->draft, "feedback.%s", s->argument);
    s->draft->feedback = (struct tl_feedback){.id = s->draft->event.id,
                                              .kind = text_of(s->argument),
                                              .text = fields_first(s->fields, texts),
                                              .state = TL_STR("heard")};
    s->draft->event.feedback = &s->draft->feedback;
    return s->draft->feedback.text.len > 0 || wrong(s, "feedback without its Text");
}

static bool
read_screen_pop(struct said *s)
{
    s->draft->event.type = TL_STR("screen.popped");
    return true;
}

static const struct {
    const char *name;
    bool (*read)(struct said *s);
    const char *argument;
} kinds[] = {
    {"OfferPresented", read_offer, "presented"},
    {"OfferAccepted", read_offer, "accepted"},
    {"OfferDeclined", read_offer, "declined"},
    {"OfferLater", read_offer, "later"},
    {"OfferResponse", read_offer, NULL},
    {"Note", read_note, NULL},
    {"NoteAdded", read_note, NULL},
    {"Promise", read_promise, "made"},
    {"PromiseMade", read_promise, "made"},
    {"PromiseKept", read_promise, "kept"},
    {"PromiseBroken", read_promise, "broken"},
    {"Callback", read_callback, NULL},
    {"CallbackRequested", read_callback, NULL},
    {"Disposition", read_disposition, NULL},
    {"Complaint", read_feedback, "complaint"},
    {"Praise", read_feedback, "praise"},
    {"ScreenPop", read_screen_pop, NULL},
};

enum agent_result
agent_read(struct draft *d, struct fields *f, struct tl_str name, const struct zone *zone,
           char *why)
{
    struct said s = {.draft = d, .fields = f, .zone = zone, .why = why};

    fact_desk(d, fact_agent(fields_get(f, "Agent")));
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (name.len != strlen(kinds[i].name)
            || strncasecmp(name.ptr, kinds[i].name, name.len) != 0)
            continue;
        s.argument = kinds[i].argument;
        return kinds[i].read(&s) ? AGENT_EVENT : AGENT_WRONG;
    }
    snprintf(why, WHY_BYTES, "%.*s", (int)(name.len < 80 ? name.len : 80), name.ptr);
    return AGENT_IGNORED;
}
