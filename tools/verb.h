/* verb.h -- what a verb of the `touchline` command is given, and its options. */

#ifndef TOOLS_VERB_H
#define TOOLS_VERB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/touchline.h"

enum verb_exit {
    VERB_FINE = 0,
    VERB_NO = 1,            /* nothing found, verify failed */
    VERB_USAGE = 2,         /* called wrongly */
    VERB_POLICY = 3,        /* refused by policy */
    VERB_AWAY = 4,          /* the broker is away, or timed out */
    VERB_PARTLY = 5,        /* partly done */
};

enum output {
    OUTPUT_TABLE,           /* for people, when -o is not given */
    OUTPUT_JSON,
    OUTPUT_JSONL,
    OUTPUT_CSV,
    OUTPUT_PROTO,
};

/* One call of a verb: the global options, and the words after the verb's name
 * without them. */
struct verb_call {
    const struct verb *verb;
    const char *broker;     /* NULL: $TOUCHLINE_BROKER, else the default */
    enum output output;
    int argc;
    char **argv;
};

struct verb {
    const char *name;
    const char *usage;      /* after the name: `CUSTOMER [--limit N]` */
    const char *what;       /* one line */
    unsigned outputs;       /* that -o may ask for: 1u << OUTPUT_JSON | ...; table always */
    int (*run)(struct verb_call *call);     /* returns the exit code */
};

#define VERB_LIST_MAX 64

/* Text options that may be given several times. */
struct verb_list {
    const char *items[VERB_LIST_MAX];
    size_t count;
};

enum verb_option_kind {
    VERB_FLAG,              /* bool: --follow */
    VERB_TEXT,              /* const char *: --from TEXT */
    VERB_COUNT,             /* uint64_t: --limit N */
    VERB_LIST,              /* struct verb_list: --type TEXT, any number of times */
};

struct verb_option {
    const char *name;       /* `--limit`; NULL ends the table */
    enum verb_option_kind kind;
    void *where;            /* set when the option is there */
};

/* Takes the options (`--name VALUE`, `--name=VALUE`, `--` ends them) out of
 * call->argv, so that argc and argv are the arguments left: at least `min`, at
 * most `max`.  Otherwise says so with the verb's usage.
 * Returns 0, or VERB_USAGE. */
int verb_options(struct verb_call *call, const struct verb_option *options, int min, int max);

/* The same for the options before the verb's name, which every verb has. */
int verb_globals(struct verb_call *call);

/* Says on stderr what is wrong with the call, and the verb's usage.  Returns
 * VERB_USAGE. */
__attribute__((format(printf, 2, 3))) int verb_misused(const struct verb_call *call,
                                                       const char *fmt, ...);

/* Is this TYPE:VALUE?  Returns 0 or VERB_USAGE. */
int verb_customer(const struct verb_call *call, const char *customer);

/* Is there such a directory?  Returns 0 or VERB_USAGE. */
int verb_directory(const char *path);

/* Does a broker keep its events there?  Who opens a store where there is none
 * makes one.  Returns 0 or VERB_USAGE. */
int verb_data(const char *path);

/* Says that a file cannot be used, with errno.  Returns VERB_USAGE. */
int verb_cannot(const char *what);

/* Says on stderr what went wrong (`detail` is a sentence, or empty), and where the broker
 * was looked for when it is away.  Returns the exit code for it. */
int verb_failed(const struct verb_call *call, int code, struct tl_str detail);

/* Opens a client to the call's broker.  `answered` may be NULL.  Returns 0, or
 * the exit code after saying why. */
int verb_open(const struct verb_call *call, struct tl_client **out,
              void (*answered)(void *arg, const struct tl_answer *answer), void *arg);

/* The verbs. */
int verb_bench(struct verb_call *call);
int verb_campaign(struct verb_call *call);
int verb_context(struct verb_call *call);
int verb_deadletters(struct verb_call *call);
int verb_formats(struct verb_call *call);
int verb_household(struct verb_call *call);
int verb_ingest(struct verb_call *call);
int verb_link(struct verb_call *call);
int verb_may_contact(struct verb_call *call);
int verb_offers(struct verb_call *call);
int verb_play(struct verb_call *call);
int verb_publish(struct verb_call *call);
int verb_rebuild(struct verb_call *call);
int verb_replay(struct verb_call *call);
int verb_stat(struct verb_call *call);
int verb_timeline(struct verb_call *call);
int verb_unlink(struct verb_call *call);
int verb_verify(struct verb_call *call);
int verb_watch(struct verb_call *call);

#endif
