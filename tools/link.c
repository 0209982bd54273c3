/* What a person decides: these two are one customer, or they are not. */

#include "tools/say.h"

static int
run(struct verb_call *call, const char *type, const char *done)
{
    const char *evidence = NULL, *by = say_by();
    const struct verb_option options[] = {
        {"--evidence", VERB_TEXT, &evidence},
        {"--by", VERB_TEXT, &by},
        {0},
    };
    struct tl_identifier a, b;
    struct tl_identity_link link = {.a = &a, .b = &b};
    struct tl_event ev = {.type = say_text(type), .link = &link};
    struct said said;
    int code;

    if ((code = verb_options(call, options, 2, 2)) != 0
        || (code = verb_customer(call, call->argv[0])) != 0
        || (code = verb_customer(call, call->argv[1])) != 0)
        return code;
    if (evidence == NULL || evidence[0] == '\0')
        return verb_misused(call, "say --evidence: how is that known?");
    a = say_identifier(call->argv[0]);
    b = say_identifier(call->argv[1]);
    link.evidence = say_text(evidence);
    link.by = say_text(by);
    if ((code = say_event(call, &ev, &said)) != 0)
        return code;
    return say_stored(&said, "%s: %s and %s", done, call->argv[0], call->argv[1]);
}

int
verb_link(struct verb_call *call)
{
    return run(call, "identity.linked", "linked");
}

int
verb_unlink(struct verb_call *call)
{
    return run(call, "identity.unlinked", "unlinked");
}
