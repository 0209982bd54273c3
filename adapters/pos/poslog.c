#include "adapters/pos/poslog.h"

#include <expat.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/draft.h"
#include "adapters/pos/node.h"
#include "adapters/pos/retail.h"
#include "adapters/text.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/zone.h"

#define WHY_BYTES 512
#define DEPTH_MAX 32                        /* a real one has eight levels */
#define TREE_BYTES_MAX (32u << 20)
#define PIECE_BYTES 65536
#define IXRETAIL "http://www.nrf-arts.org/IXRetail/namespace/"
#define ACS "http://www.ncr.com/rsd/acs/tlog/markup/poslog/"
#define SEPARATOR '\n'                      /* in no namespace's name */

struct decoder {
    struct format_sink sink;
    struct tl_str source, region, timezone;
    struct zone *zone;
    XML_Parser parser;
    bool broken;                /* nothing more can be read */
    char refusal[WHY_BYTES];    /* why */

    struct buf raw;             /* input from where the transaction, if any, begins */
    uint64_t raw_at;            /* its offset in the input */
    uint64_t done;              /* what is before it is not needed any more */

    int depth;
    int transaction_depth;      /* of the one being read; 0: none is */
    struct node *root;
    struct node *node;
    struct arena tree;
    struct buf text;
    const char *spoilt;         /* why this transaction goes aside */
    struct draft draft;
};

static uint64_t
here(const struct decoder *d)
{
    return (uint64_t)XML_GetCurrentByteIndex(d->parser);
}

__attribute__((format(printf, 2, 3))) static void
stop(struct decoder *d, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(d->refusal, sizeof d->refusal, fmt, args);
    va_end(args);
    XML_StopParser(d->parser, XML_FALSE);
}

/* Gives back the input from `from` up to `to`. */
static void
reject(struct decoder *d, uint64_t from, uint64_t to, const char *reason)
{
    struct tl_str record = {0};
    uint64_t end = d->raw_at + d->raw.len;

    if (from < d->raw_at)
        from = d->raw_at;
    if (to > end)
        to = end;
    if (from < to)
        record = (struct tl_str){(const char *)d->raw.ptr + (from - d->raw_at), to - from};
    d->sink.reject(d->sink.arg, record, from, reason);
}

/* ------------------------------------------------------------------ tree */

static bool
begins(const char *name, size_t len, const char *with)
{
    return len >= strlen(with) && memcmp(name, with, strlen(with)) == 0;
}

/* `http://www.nrf-arts.org/IXRetail/namespace/\nSale` is Sale. */
static struct tl_str
short_name(struct decoder *d, const char *name)
{
    const char *separator = strchr(name, SEPARATOR);
    const char *local = separator != NULL ? separator + 1 : name;
    size_t uri = separator != NULL ? (size_t)(separator - name) : 0, len = strlen(local);
    const char *prefix = uri == 0 || (uri == strlen(IXRETAIL) && begins(name, uri, IXRETAIL)) ? ""
                         : begins(name, uri, ACS) ? "acs:" : "other:";
    size_t prefix_len = strlen(prefix);
    char *to = arena_alloc(&d->tree, prefix_len + len);

    if (to == NULL) {
        d->spoilt = "too large a transaction";
        return (struct tl_str){0};
    }
    memcpy(to, prefix, prefix_len);
    memcpy(to + prefix_len, local, len);
    return (struct tl_str){to, prefix_len + len};
}

static struct tl_str
keep(struct decoder *d, struct tl_str text)
{
    char *copy;

    text = text_trim(text);
    if (text.len == 0)
        return (struct tl_str){0};
    if ((copy = arena_copy(&d->tree, text.ptr, text.len)) == NULL) {
        d->spoilt = "too large a transaction";
        return (struct tl_str){0};
    }
    /* `&#13;` is the one control character XML lets through that an event may
     * not hold. */
    for (char *cr = copy; (cr = memchr(cr, '\r', (size_t)(copy + text.len - cr))) != NULL;)
        *cr = ' ';
    return (struct tl_str){copy, text.len};
}

static void
add_attributes(struct decoder *d, struct node *node, const char **pairs)
{
    struct node_attribute **last = &node->attributes;

    for (; pairs[0] != NULL && d->spoilt == NULL; pairs += 2) {
        struct node_attribute *a = arena_alloc(&d->tree, sizeof *a);

        if (a == NULL) {
            d->spoilt = "too large a transaction";
            return;
        }
        a->name = short_name(d, pairs[0]);
        a->value = keep(d, text_of(pairs[1]));
        *last = a;
        last = &a->next;
    }
}

/* What was read between two tags belongs to the element it is in. */
static void
take_text(struct decoder *d)
{
    struct tl_str text = {(const char *)d->text.ptr, d->text.len};

    if (d->node != NULL && d->node->text.len == 0 && d->spoilt == NULL)
        d->node->text = keep(d, text);
    buf_clear(&d->text);
}

static void
add_node(struct decoder *d, const char *name, const char **attributes)
{
    struct node *node = arena_alloc(&d->tree, sizeof *node);

    if (node == NULL) {
        d->spoilt = "too large a transaction";
        return;
    }
    node->name = short_name(d, name);
    add_attributes(d, node, attributes);
    node->parent = d->node;
    if (d->node == NULL)
        d->root = node;
    else if (d->node->first == NULL)
        d->node->first = node;
    else
        d->node->last->next = node;
    if (d->node != NULL)
        d->node->last = node;
    d->node = node;
}

/* --------------------------------------------------------------- handlers */

static bool
is_ixretail(const char *name, const char *local)
{
    size_t uri = strlen(IXRETAIL);

    return strncmp(name, IXRETAIL, uri) == 0 && name[uri] == SEPARATOR
           && strcmp(name + uri + 1, local) == 0;
}

static void
begin_outside(struct decoder *d, const char *name, const char **attributes)
{
    const char *local = strchr(name, SEPARATOR) != NULL ? strchr(name, SEPARATOR) + 1 : name;

    d->done = here(d);
    if (is_ixretail(name, "Transaction")) {
        arena_reset(&d->tree);
        d->spoilt = NULL;
        buf_clear(&d->text);
        d->transaction_depth = d->depth;
        d->root = d->node = NULL;
        add_node(d, name, attributes);
    } else if (d->depth == 1 && !is_ixretail(name, "POSLog")) {
        stop(d, "the outermost element is %.80s, not POSLog of " IXRETAIL, local);
    } else if (d->depth == 2) {
        d->sink.ignored(d->sink.arg, local);
    }
}

static void XMLCALL
begin_element(void *arg, const char *name, const char **attributes)
{
    struct decoder *d = arg;

    d->depth++;
    if (d->transaction_depth == 0) {
        begin_outside(d, name, attributes);
        return;
    }
    take_text(d);
    if (d->depth > DEPTH_MAX)
        d->spoilt = "elements nested too deeply";
    if (d->spoilt == NULL)
        add_node(d, name, attributes);
}

static void
end_transaction(struct decoder *d, uint64_t end)
{
    char why[RETAIL_WHY_BYTES];

    if (d->spoilt != NULL) {
        reject(d, d->done, end, d->spoilt);
        return;
    }
    switch (retail_read(&d->draft, d->root, d->zone, d->timezone, why)) {
    case RETAIL_EVENT:
        d->draft.event.source = d->source;
        d->draft.event.region = d->region;
        d->sink.event(d->sink.arg, &d->draft.event);
        break;
    case RETAIL_IGNORED:
        d->sink.ignored(d->sink.arg, why);
        break;
    case RETAIL_WRONG:
        reject(d, d->done, end, why);
        break;
    }
}

static void XMLCALL
end_element(void *arg, const char *name)
{
    struct decoder *d = arg;

    (void)name;
    if (d->transaction_depth != 0)
        take_text(d);
    if (d->depth == d->transaction_depth) {
        uint64_t end = here(d) + (uint64_t)XML_GetCurrentByteCount(d->parser);

        end_transaction(d, end);
        d->transaction_depth = 0;
        d->done = end;
    } else if (d->transaction_depth != 0 && d->spoilt == NULL) {
        d->node = d->node->parent;
    }
    d->depth--;
}

static void XMLCALL
add_text(void *arg, const char *text, int len)
{
    struct decoder *d = arg;

    if (d->transaction_depth == 0 || d->spoilt != NULL)
        return;
    buf_append(&d->text, text, (size_t)len);
    if (d->text.failed)
        d->spoilt = "out of memory";
}

/* A document type can define entities that unfold without end. */
static void XMLCALL
refuse_doctype(void *arg, const char *name, const char *system, const char *public, int internal)
{
    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    stop(arg, "a DOCTYPE, which no till writes: the whole input is refused");
}

/* ---------------------------------------------------------------- decoder */

/* For a new input. */
static void
prepare(struct decoder *d)
{
    XML_SetUserData(d->parser, d);
    XML_SetElementHandler(d->parser, begin_element, end_element);
    XML_SetCharacterDataHandler(d->parser, add_text);
    XML_SetStartDoctypeDeclHandler(d->parser, refuse_doctype);
    d->broken = false;
    d->refusal[0] = '\0';
    d->raw_at = d->done = 0;
    d->depth = d->transaction_depth = 0;
    buf_clear(&d->raw);
}

int
poslog_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
            char *why)
{
    struct decoder *d = calloc(1, sizeof *d);

    if (d == NULL) {
        snprintf(why, WHY_BYTES, "out of memory");
        return TL_EARGUMENT;
    }
    d->sink = *sink;
    d->source = text_of(o->source != NULL ? o->source : "poslog");
    d->region = text_of(o->region);
    d->timezone = text_of(o->timezone != NULL ? o->timezone : "UTC");
    draft_init(&d->draft);
    arena_init(&d->tree, TREE_BYTES_MAX);
    if (zone_open(&d->zone, d->timezone.ptr, why) != 0) {
        poslog_close(&d);
        return TL_EARGUMENT;
    }
    if ((d->parser = XML_ParserCreateNS(NULL, SEPARATOR)) == NULL) {
        snprintf(why, WHY_BYTES, "out of memory");
        poslog_close(&d);
        return TL_EARGUMENT;
    }
    prepare(d);
    *out = d;
    return 0;
}

/* What was whole before is out already; the rest goes aside at the end, in one
 * piece. */
static void
give_up(struct decoder *d)
{
    d->broken = true;
    if (d->refusal[0] == '\0')
        snprintf(d->refusal, sizeof d->refusal, "no well-formed XML: %s (line %lu)",
                 XML_ErrorString(XML_GetErrorCode(d->parser)),
                 (unsigned long)XML_GetCurrentLineNumber(d->parser));
}

static void
parse(struct decoder *d, const void *bytes, size_t len, bool final)
{
    if (!d->broken || d->raw.len < POSLOG_TRANSACTION_BYTES_MAX)
        buf_append(&d->raw, bytes, len);
    if (d->broken)
        return;
    if (d->raw.failed) {
        snprintf(d->refusal, sizeof d->refusal, "out of memory");
        give_up(d);
        return;
    }
    if (XML_Parse(d->parser, bytes, (int)len, final) != XML_STATUS_OK) {
        give_up(d);
        return;
    }
    if (d->done > d->raw_at) {
        buf_drop_front(&d->raw, (size_t)(d->done - d->raw_at));
        d->raw_at = d->done;
    }
    if (d->raw.len > POSLOG_TRANSACTION_BYTES_MAX) {
        snprintf(d->refusal, sizeof d->refusal, "more than 16 MiB without a whole transaction");
        give_up(d);
    }
}

void
poslog_feed(struct decoder *d, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        size_t piece = len < PIECE_BYTES ? len : PIECE_BYTES;

        parse(d, at, piece, false);
        at += piece;
        len -= piece;
    }
}

void
poslog_end(struct decoder *d)
{
    parse(d, "", 0, true);
    if (d->broken)
        reject(d, d->done, UINT64_MAX, d->refusal);
    XML_ParserReset(d->parser, NULL);
    prepare(d);
}

void
poslog_close(struct decoder **decoder)
{
    struct decoder *d = *decoder;

    if (d == NULL)
        return;
    if (d->parser != NULL)
        XML_ParserFree(d->parser);
    zone_close(&d->zone);
    draft_fini(&d->draft);
    arena_fini(&d->tree);
    buf_free(&d->raw);
    buf_free(&d->text);
    free(d);
    *decoder = NULL;
}
