#include "store/spoken.h"

#include <string.h>

#include "base/clock.h"
#include "proto/str.h"
#include "proto/valid.h"

#define SENT_BY_MACHINE "Auto-Submitted"        /* RFC 3834 */

/* Is it a type of this object?  `word` is what follows. */
static inline bool
is_of(struct tl_str type, struct tl_str object, struct tl_str *word)
{
    if (type.len <= object.len || memcmp(type.ptr, object.ptr, object.len) != 0)
        return false;
    *word = (struct tl_str){type.ptr + object.len, type.len - object.len};
    return true;
}

static enum spoken_by
way_of(struct tl_str channel)
{
    static const char *const names[] = {"email", "sms", "push", "mail", "chat", "social"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_is(channel, names[i]))
            return (enum spoken_by)i;
    return SPOKEN_OTHERWISE;
}

/* What can name a conversation: an id of a length that one may have. */
static struct tl_str
first_id(struct tl_str a, struct tl_str b, struct tl_str c)
{
    if (a.len > 0 && a.len <= ID_BYTES_MAX)
        return a;
    return b.len > 0 && b.len <= ID_BYTES_MAX ? b : c;
}

/* ----------------------------------------------------------------- messages */

static const struct saying {
    struct tl_str word;
    unsigned who;           /* when no direction says it */
    enum spoken_word ours;
    enum spoken_word his;
} sayings[] = {
    {{"sent", 4}, SPOKEN_WE, SPOKEN_OURS, SPOKEN_HIS},
    {{"delivered", 9}, SPOKEN_WE, SPOKEN_OURS_DELIVERED, SPOKEN_NO_WORD},
    {{"received", 8}, SPOKEN_HE, SPOKEN_OURS, SPOKEN_HIS},
    {{"replied", 7}, SPOKEN_HE, SPOKEN_OURS, SPOKEN_HIS},
    /* A live chat's words are those of its visitor. */
    {{"message_sent", 12}, SPOKEN_HE, SPOKEN_OURS, SPOKEN_HIS},
    {{"message_received", 16}, SPOKEN_WE, SPOKEN_OURS, SPOKEN_HIS},
};

static const struct saying *
saying_of(enum spoken_by by, struct tl_str word)
{
    if (by == SPOKEN_PUSH && str_is(word, "received"))
        return &sayings[1];     /* by his telephone */
    for (size_t i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++)
        if (str_equal(word, sayings[i].word))
            return &sayings[i];
    return NULL;
}

static bool
is_by_machine(const struct tl_event *ev)
{
    for (size_t i = 0; i < ev->attributes_count; i++)
        if (str_is(ev->attributes[i].key, SENT_BY_MACHINE))
            return !str_is(ev->attributes[i].value, "no");
    return false;
}

static void
speak(struct spoken *s, const struct saying *said, const struct tl_event *ev, bool reply)
{
    struct tl_str none = {"", 0};
    struct tl_str id = ev->message != NULL ? ev->message->id : none;
    struct tl_str answered = ev->message != NULL ? ev->message->in_reply_to : none;

    s->who = said->who;
    if (str_is(ev->direction, "inbound"))
        s->who = SPOKEN_HE;
    else if (str_is(ev->direction, "outbound"))
        s->who = SPOKEN_WE;
    else if (str_is(ev->direction, "internal"))
        s->who = 0;
    if (s->who == SPOKEN_HE && is_by_machine(ev))
        s->who = 0;
    if (s->who == 0)
        return;
    s->word = s->who == SPOKEN_WE ? said->ours : said->his;
    s->reply = s->who == SPOKEN_HE && reply;
    if (s->conversation.len == 0)
        s->conversation = s->who == SPOKEN_WE ? first_id(answered, none, none)
                                              : first_id(answered, id, ev->id);
}

static void
speak_by_message(struct spoken *s, enum spoken_by by, const struct tl_event *ev,
                 struct tl_str word)
{
    const struct saying *said = saying_of(by, word);

    s->by = by;
    if (said != NULL)
        speak(s, said, ev, str_is(word, "replied"));
    else if (str_is(word, "opened") || str_is(word, "read"))
        s->word = SPOKEN_OPENED;
    else if (str_is(word, "link_clicked") || str_is(word, "clicked") || str_is(word, "tapped"))
        s->word = SPOKEN_CLICKED;
    else if (by == SPOKEN_CHAT && str_is(word, "ended"))
        s->closes = true;
}

/* -------------------------------------------------------------------- calls */

static int64_t
before(int64_t time, int64_t ms)
{
    return ms > 0 && ms < time / CLOCK_MS ? time - ms * CLOCK_MS : time;
}

/* What is told of a call at its end: nobody talked, or how long they did.  Without
 * either it says nothing. */
static void
speak_before(struct spoken *s, const struct tl_call *call, int64_t end, unsigned caller)
{
    bool talked = call->talk_ms > 0;
    int64_t total = call->total_ms > call->talk_ms ? call->total_ms : call->talk_ms;
    int64_t begun = before(end, total), answered = before(end, call->talk_ms);

    if (total <= 0)
        return;
    s->who = talked ? SPOKEN_HE | SPOKEN_WE : caller;
    s->he_at = caller == SPOKEN_HE ? begun : answered;
    s->we_at = caller == SPOKEN_WE ? begun : answered;
}

static void
speak_by_call(struct spoken *s, const struct tl_event *ev, struct tl_str word)
{
    struct tl_str leg = ev->call != NULL ? ev->call->id : (struct tl_str){"", 0};
    struct tl_str call = first_id(ev->subject, leg, ev->id);
    unsigned caller = str_is(ev->direction, "inbound")    ? SPOKEN_HE
                      : str_is(ev->direction, "outbound") ? SPOKEN_WE
                                                          : 0;
    bool begins = str_is(word, "offered") || str_is(word, "queued");
    bool ended = str_is(word, "ended") || str_is(word, "completed");
    bool answered = str_is(word, "answered"), abandoned = str_is(word, "abandoned");

    if (caller == 0 || !(begins || answered || ended || abandoned))
        return;
    s->caller = caller;
    s->call = call;
    if (s->conversation.len == 0)
        s->conversation = call;
    if (begins || abandoned)
        s->who = caller;
    else if (answered)
        s->who = SPOKEN_HE | SPOKEN_WE;
    else if (ev->call != NULL)
        speak_before(s, ev->call, s->he_at, caller);
    /* What a call was about may go on; the call itself does not. */
    s->closes = (ended || abandoned) &&
                (str_equal(s->conversation, call) || str_equal(s->conversation, leg));
}

/* ------------------------------------------------------------------- others */

bool
spoken_kind(struct tl_str kind)
{
    return str_is(kind, "complaint") || str_is(kind, "review") || str_is(kind, "praise");
}

/* What he says of us has a record and a clock of its own: it is part of a
 * conversation only when that is named. */
static void
speak_by_feedback(struct spoken *s, const struct tl_event *ev, struct tl_str word)
{
    struct tl_str kind = ev->feedback != NULL ? ev->feedback->kind : (struct tl_str){"", 0};

    s->by = SPOKEN_FEEDBACK;
    if (str_is(word, "answered")) {
        s->who = SPOKEN_WE;
        s->word = SPOKEN_OURS;
    } else if (!str_is(word, "resolved") && spoken_kind(kind.len > 0 ? kind : word)) {
        s->who = SPOKEN_HE;
        s->word = SPOKEN_HIS;
    }
}

static void
ask_for_call(struct spoken *s, const struct tl_event *ev)
{
    s->who = SPOKEN_HE;
    s->word = SPOKEN_HIS;
    if (s->conversation.len == 0)
        s->conversation = first_id(ev->subject, ev->id, ev->id);
}

/* Most forms are no message; one that is part of a conversation is. */
static void
fill_in_form(struct spoken *s)
{
    if (s->conversation.len == 0)
        return;
    s->who = SPOKEN_HE;
    s->word = SPOKEN_HIS;
}

static void
speak_of_conversation(struct spoken *s, struct tl_str word)
{
    s->opens = str_is(word, "opened") || str_is(word, "reopened") || str_is(word, "started");
    s->closes = str_is(word, "closed") || str_is(word, "ended");
}

struct spoken
spoken_of(const struct frame *f, const struct tl_event *ev)
{
    struct spoken s = {
        .he_at = f->time,
        .we_at = f->time,
        .by = SPOKEN_OTHERWISE,
        .word = SPOKEN_NO_WORD,
        .conversation = ev->conversation,
    };
    struct tl_str type = f->type, word;

    /* Most events are none of these: their first letter tells. */
    switch (type.len > 0 ? type.ptr[0] : '\0') {
    case 'e':
        if (is_of(type, TL_STR("email."), &word))
            speak_by_message(&s, SPOKEN_EMAIL, ev, word);
        break;
    case 's':
        if (is_of(type, TL_STR("sms."), &word))
            speak_by_message(&s, SPOKEN_SMS, ev, word);
        else if (is_of(type, TL_STR("social."), &word))
            speak_by_message(&s, SPOKEN_SOCIAL, ev, word);
        break;
    case 'p':
        if (is_of(type, TL_STR("push."), &word))
            speak_by_message(&s, SPOKEN_PUSH, ev, word);
        break;
    case 'm':
        if (is_of(type, TL_STR("mail."), &word))
            speak_by_message(&s, SPOKEN_MAIL, ev, word);
        else if (is_of(type, TL_STR("message."), &word))
            speak_by_message(&s, way_of(f->channel), ev, word);
        break;
    case 'o':
        if (str_is(type, "offer.made") && way_of(f->channel) != SPOKEN_OTHERWISE)
            speak_by_message(&s, way_of(f->channel), ev, TL_STR("sent"));
        break;
    case 'c':
        if (is_of(type, TL_STR("call."), &word))
            speak_by_call(&s, ev, word);
        else if (is_of(type, TL_STR("chat."), &word))
            speak_by_message(&s, SPOKEN_CHAT, ev, word);
        else if (is_of(type, TL_STR("conversation."), &word))
            speak_of_conversation(&s, word);
        else if (str_is(type, "callback.requested"))
            ask_for_call(&s, ev);
        break;
    case 'f':
        if (is_of(type, TL_STR("feedback."), &word))
            speak_by_feedback(&s, ev, word);
        else if (str_is(type, "form.submitted"))
            fill_in_form(&s);
        break;
    default: break;
    }
    return s;
}
