/* csvmap.h -- a map file's text, parsed: which column is what.
 *
 * The language is described in touchline-map(5).  A parsed map names columns;
 * where they are in a table is found out when the table's header is read. */

#ifndef ADAPTERS_CSVMAP_H
#define ADAPTERS_CSVMAP_H

#include "base/arena.h"
#include "client/touchline.h"

#define CSVMAP_WHY_BYTES 512
#define CSVMAP_LIST_MAX 64
#define CSVMAP_REFS_MAX 256
#define CSVMAP_JOINS_MAX 8
#define CSVMAP_OFFERS_MAX 8
#define CSVMAP_BYTES_MAX (64u << 10)

/* A column of the table, or of a joined one. */
struct csvmap_ref {
    int join;                   /* index, or -1 */
    struct tl_str column;
    int line;                   /* of the map, for messages */
};

/* `campaign-{campaign_id}` is a text and a column; an amount has columns only,
 * some of them taken off. */
struct csvmap_piece {
    struct tl_str text;
    int ref;                    /* -1: a text */
    bool minus;
};

enum csvmap_kind {
    CSVMAP_TEXT,
    CSVMAP_TIME,
    CSVMAP_AMOUNT,
    CSVMAP_COUNT,
};

/* `name = value` */
struct csvmap_set {
    struct tl_str name;
    enum csvmap_kind kind;
    size_t offset;              /* of the field, in the struct its section fills */
    struct csvmap_piece *pieces;
    size_t pieces_count;
    bool end_of_day;
    int line;
};

struct csvmap_list {
    struct csvmap_set sets[CSVMAP_LIST_MAX];
    size_t count;
};

struct csvmap_join {
    struct tl_str table;
    int key;                    /* ref to the table's own column */
};

struct csvmap {
    struct tl_str name;
    struct tl_str source;
    struct tl_str timezone;
    struct tl_str time_format;
    char delimiter;
    bool number_repeats;
    int group;                  /* ref, or -1: each row is an event */
    struct tl_str ignored[CSVMAP_LIST_MAX];
    size_t ignored_count;

    struct csvmap_list event;
    struct csvmap_list identifiers;     /* names are types */
    struct csvmap_list anonymous;       /* when none of those has a value */
    struct csvmap_list attributes;
    struct csvmap_list offers[CSVMAP_OFFERS_MAX];
    size_t offers_count;
    struct csvmap_list sale;            /* amounts are summed over a group */
    struct csvmap_list line;

    struct csvmap_join joins[CSVMAP_JOINS_MAX];
    size_t joins_count;
    struct csvmap_ref refs[CSVMAP_REFS_MAX];
    size_t refs_count;
    struct arena text;
};

/* Returns 0, or -1 with a sentence naming the map and the line. */
int csvmap_parse(struct csvmap **out, const char *name, const char *text,
                 char why[CSVMAP_WHY_BYTES]);
void csvmap_free(struct csvmap **map);

#endif
