/* Who lives with a customer, and what is told of it. */

#include <string.h>

#include "base/clock.h"
#include "tools/say.h"
#include "tools/show.h"

#define TEXT(s) (int)(s).len, (s).len > 0 ? (s).ptr : ""

/* ------------------------------------------------------------------- asked */

static int
table(const struct tl_reply *reply)
{
    const struct tl_context *c = tl_reply_context(reply);

    printf("%.*s\n", TEXT(c->customer));
    if (c->who->households_count == 0) {
        printf("  is in no household\n");
        return 0;
    }
    return show_household(c);
}

static int
ask(struct verb_call *call, const char *customer)
{
    const char *const sections[] = {"who", "household"};
    struct tl_query query = {.sections = sections, .sections_count = 2};
    struct tl_client *client;
    struct tl_reply *reply;
    bool none;
    int code;

    if ((code = verb_open(call, &client, NULL, NULL)) != 0)
        return code;
    code = tl_context(client, customer, &query, &reply);
    none = code == 0 && tl_reply_context(reply)->who->households_count == 0;
    code = show_reply(call, code, &reply, table);
    tl_close(&client);
    return code == VERB_FINE && none ? VERB_NO : code;
}

/* -------------------------------------------------------------------- told */

static const struct word {
    const char *word;
    const char *type;
    const char *done;       /* `loyalty:1 has joined smith' */
} words[] = {
    {"form", "household.formed", "has formed"},
    {"join", "household.joined", "has joined"},
    {"leave", "household.left", "has left"},
    {"role", "household.role_changed", "has another role in"},
    {"visibility", "household.visibility_set", "has decided what is shown of him in"},
};

static const struct word *
find_word(const char *word)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].word, word) == 0)
            return &words[i];
    return NULL;
}

/* What is said of the membership, as options. */
struct told {
    const char *household, *role, *visibility, *since, *evidence, *by;
};

static int
misused(const struct verb_call *call, const struct word *w, const struct told *t,
        struct tl_household *out)
{
    if (t->household == NULL || t->household[0] == '\0')
        return verb_misused(call, "say --household: which one?");
    if (strcmp(w->word, "role") == 0 && t->role == NULL)
        return verb_misused(call, "say --role: which one?");
    if (strcmp(w->word, "visibility") == 0 && t->visibility == NULL)
        return verb_misused(call, "say --visibility: none, offers or all");
    if (t->since != NULL && clock_parse(&out->since, t->since, strlen(t->since)) != 0)
        return verb_misused(call, "--since is a time such as 2024-03-01T00:00:00Z, not `%s'",
                            t->since);
    return 0;
}

static int
tell(struct verb_call *call, const struct word *w, const struct told *t)
{
    struct tl_identifier customer = say_identifier(call->argv[1]);
    struct tl_household household = {
        .id = say_text(t->household),
        .role = say_text(t->role),
        .visibility = say_text(t->visibility),
        .evidence = say_text(t->evidence),
        .by = say_text(t->by),
    };
    struct tl_event ev = {
        .type = say_text(w->type),
        .identifiers = &customer,
        .identifiers_count = 1,
        .household = &household,
    };
    struct said said;
    int code;

    if ((code = misused(call, w, t, &household)) != 0 ||
        (code = say_event(call, &ev, &said)) != 0)
        return code;
    return say_stored(&said, "%s %s household %s", call->argv[1], w->done, t->household);
}

int
verb_household(struct verb_call *call)
{
    struct told t = {.by = say_by()};
    const struct verb_option options[] = {
        {"--household", VERB_TEXT, &t.household}, {"--role", VERB_TEXT, &t.role},
        {"--visibility", VERB_TEXT, &t.visibility}, {"--since", VERB_TEXT, &t.since},
        {"--evidence", VERB_TEXT, &t.evidence}, {"--by", VERB_TEXT, &t.by},
        {0},
    };
    const struct word *w;
    int code;

    if ((code = verb_options(call, options, 1, 2)) != 0 ||
        (code = verb_customer(call, call->argv[call->argc - 1])) != 0)
        return code;
    if (call->argc == 1)
        return ask(call, call->argv[0]);
    if ((w = find_word(call->argv[0])) == NULL)
        return verb_misused(call, "form, join, leave, role or visibility, not `%s'",
                            call->argv[0]);
    return tell(call, w, &t);
}
