#include <locale.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "base/standard.h"
#include "tools/verb.h"

#define JSON (1u << OUTPUT_JSON)
#define JSONL (1u << OUTPUT_JSONL)
#define CSV (1u << OUTPUT_CSV)
#define PROTO (1u << OUTPUT_PROTO)

#define FILTERS "[--type T] [--channel C] [--campaign NAME] [--offer NAME] [--from PLACE]"

static const struct verb verbs[] = {
    {"publish", "[FILE|-]", "publish events, one a line of JSON", JSON | JSONL, verb_publish},
    {"ingest",
     "--format NAME [--map FILE] [--dry-run] [--source NAME] [--default-region CC]\n"
     "                        [--timezone ZONE] [--rejects FILE] [FILE|DIR|-]",
     "publish what a channel's own system wrote", JSON, verb_ingest},
    {"play",
     "[--email URL] [--web URL] [--call URL] [--pos URL] [--ami HOST:PORT]\n"
     "                      [--speed N] [FILE|-]",
     "events, one a line of JSON, through the channels' adapters", JSON, verb_play},
    {"formats", "", "list the formats ingest reads", JSON, verb_formats},
    {"context", "CUSTOMER [--as-of T] [--section NAME]",
     "what to know about a customer while he is there", JSON, verb_context},
    {"timeline", "CUSTOMER [--as-of T] [--limit N] [--before T | --cursor C] [--type T] "
     "[--channel C]",
     "a customer's events, newest first", JSON | JSONL, verb_timeline},
    {"offers", "CUSTOMER [--as-of T] [--limit N] | --catalogue [OFFER] [--limit N] [--after OFFER]",
     "what a customer was offered, and how he reacted; what the offers are",
     JSON | CSV, verb_offers},
    {"may-contact",
     "CUSTOMER --channel C --purpose P [--reserve] [--reservation NAME]\n"
     "                             [--campaign NAME] [--offer NAME]",
     "whether a customer may be written to or called now", JSON, verb_may_contact},
    {"link", "A B --evidence TEXT [--by WHO]", "say that two identifiers are one customer", JSON,
     verb_link},
    {"unlink", "A B --evidence TEXT [--by WHO]", "say that they are not", JSON, verb_unlink},
    {"household",
     "CUSTOMER\n"
     "       touchline household form|join|leave|role|visibility CUSTOMER --household ID\n"
     "                           [--role ROLE] [--visibility none|offers|all] [--since TIME]\n"
     "                           [--evidence TEXT] [--by WHO]",
     "who lives with a customer, or tell of it", JSON, verb_household},
    {"campaign", "[NAME]", "offers by outcome, channel and day", JSON | CSV, verb_campaign},
    {"watch", "[CUSTOMER...] " FILTERS "\n                       [--share I/N] [--group NAME]",
     "follow events as they come", JSON | JSONL | CSV | PROTO, verb_watch},
    {"replay",
     "[CUSTOMER...] " FILTERS "\n                        [--to PLACE] [--share I/N] [--group NAME]",
     "events again, up to now", JSON | JSONL | CSV | PROTO, verb_replay},
    {"deadletters", "list|show|retry [NAME...] --data DIR",
     "what an adapter could not understand, or the bus refused", JSON, verb_deadletters},
    {"stat", "", "the state of the bus", JSON, verb_stat},
    {"verify", "[--data DIR]", "prove that the answers follow from the log", JSON, verb_verify},
    {"rebuild", "--data DIR", "make the answers anew from the log, offline", JSON, verb_rebuild},
    {"bench",
     "[--customers N] [--events N] [--data DIR] [--peers] [--long]\n"
     "                        [--sustain SECONDS] | --decode [FORMAT…]",
     "measure", JSON, verb_bench},
};

#define VERBS (sizeof verbs / sizeof verbs[0])

static int
help(void)
{
    printf("usage: touchline [--broker ENDPOINT] [-o table|json|jsonl|csv|proto] VERB ...\n\n");
    for (size_t i = 0; i < VERBS; i++)
        printf("  %-11s %s\n", verbs[i].name, verbs[i].what);
    printf("\n`touchline VERB --help` says how a verb is called.  The broker is looked for at\n"
           "--broker, $TOUCHLINE_BROKER, or tcp://127.0.0.1:7700.  CUSTOMER is TYPE:VALUE,\n"
           "for example email:joe@example.com.\n");
    return VERB_FINE;
}

static const struct verb *
find(const char *name)
{
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static bool
asks_for_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Batches and replays take and give back messages of 64 KiB to 1 MiB all the
 * time; their pages need not go back to the system in between. */
static void
keep_heap(void)
{
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_MMAP_THRESHOLD, 8 << 20);
}

static int
call_verb(int argc, char **argv)
{
    struct verb_call call = {.argc = argc - 1, .argv = argv + 1};
    const char *name;
    int err;

    if (call.argc > 0 && asks_for_help(call.argv[0]))
        return help();
    if (call.argc > 0 && strcmp(call.argv[0], "--version") == 0) {
        printf("touchline " TL_VERSION "\n");
        return VERB_FINE;
    }
    if ((err = verb_globals(&call)) != 0)
        return err;
    if (call.argc == 0)
        return verb_misused(&call, "what shall be done?");
    name = call.argv[0];
    if ((call.verb = find(name)) == NULL)
        return verb_misused(&call, "unknown verb `%s'", name);
    call.argc--;
    call.argv++;
    return call.verb->run(&call);
}

/* What nobody could read was not answered. */
static int
finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    if (code == VERB_FINE) {
        perror("touchline: the answer cannot be written");
        code = VERB_NO;
    }
    return code;
}

int
main(int argc, char **argv)
{
    standard_open();
    keep_heap();
    setlocale(LC_CTYPE, "C.UTF-8");     /* for the width of what we print */
    return finish(call_verb(argc, argv));
}
