#include "adapters/web/feed.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/member.h"
#include "adapters/parse.h"
#include "adapters/text.h"
#include "adapters/web/beacon.h"

#define DEPTH_MAX 64
#define NAME_BYTES 64

/* The parts of an item that are a text of their own. */
enum part {
    PART_ID, PART_LINK, PART_TITLE, PART_TEXT, PART_SUMMARY, PART_AUTHOR, PART_URI,
    PART_PUBLISHED, PART_UPDATED, PART_LANGUAGE, PART_CATEGORY, PART_COMMENTS, PART_COUNT
};

static const struct {
    const char *element;
    enum part part;
} elements[] = {
    {"guid", PART_ID},              {"id", PART_ID},
    {"link", PART_LINK},            {"title", PART_TITLE},
    {"content:encoded", PART_TEXT}, {"content", PART_TEXT},
    {"description", PART_SUMMARY},  {"summary", PART_SUMMARY},
    {"author", PART_AUTHOR},        {"dc:creator", PART_AUTHOR},
    {"itunes:author", PART_AUTHOR}, {"itunes:summary", PART_SUMMARY},
    {"pubDate", PART_PUBLISHED},    {"published", PART_PUBLISHED},
    {"issued", PART_PUBLISHED},     {"dc:date", PART_PUBLISHED},
    {"updated", PART_UPDATED},      {"modified", PART_UPDATED},
    {"a10:updated", PART_UPDATED},  {"dc:language", PART_LANGUAGE},
    {"category", PART_CATEGORY},    {"dc:subject", PART_CATEGORY},
    {"comments", PART_COMMENTS},
};

/* A document in XML being read. */
struct document {
    struct decoder *d;
    XML_Parser parser;
    struct tl_str input;
    const char *refusal;
    int depth, item_depth;          /* 0: in no item */
    char names[DEPTH_MAX + 1][NAME_BYTES];
    int text_depth;                 /* of the part whose text is being gathered; 0: none */
    struct buf text;
    struct buf parts[PART_COUNT];   /* of the item */
    struct buf place, place_title, author, language;    /* of the feed */
    long item_at;
    size_t items;
};

/* -------------------------------------------------------------------- text */

static struct tl_str
text_in(const struct buf *b)
{
    return text_trim((struct tl_str){(const char *)b->ptr, b->len});
}

/* Control characters become blanks, as in everything a draft holds. */
static struct tl_str
copy_of(struct document *doc, const struct buf *b)
{
    return text_trim(draft_copy(&doc->d->draft, text_in(b)));
}

static void
keep(struct buf *b, struct tl_str text)
{
    if (b->len == 0)
        buf_append(b, text.ptr, text.len);
}

/* ------------------------------------------------------------------- items */

static void
begin_item(struct document *doc)
{
    for (size_t i = 0; i < PART_COUNT; i++)
        buf_clear(&doc->parts[i]);
    buf_clear(&doc->text);
    doc->item_depth = doc->depth;
    doc->item_at = XML_GetCurrentByteIndex(doc->parser);
    reader_begin(doc->d);
}

/* `mail@example.com (Name)`, as RSS has it, is Name. */
static struct tl_str
author_name(struct tl_str author)
{
    const char *open = author.len > 0 ? memrchr(author.ptr, '(', author.len) : NULL;

    if (open == NULL || author.ptr[author.len - 1] != ')')
        return author;
    return text_trim((struct tl_str){open + 1,
                                     (size_t)(author.ptr + author.len - 1 - (open + 1))});
}

static struct tl_str
raw_item(const struct document *doc)
{
    long end = XML_GetCurrentByteIndex(doc->parser) + XML_GetCurrentByteCount(doc->parser);

    return (struct tl_str){doc->input.ptr + doc->item_at, (size_t)(end - doc->item_at)};
}

static void
end_item(struct document *doc)
{
    struct draft *draft = &doc->d->draft;
    bool whole = doc->parts[PART_TEXT].len > 0;
    struct beacon b = {
        .place = copy_of(doc, doc->place.len > 0 ? &doc->place : &doc->place_title),
        .id = copy_of(doc, &doc->parts[PART_ID]),
        .link = copy_of(doc, &doc->parts[PART_LINK]),
        .title = copy_of(doc, &doc->parts[PART_TITLE]),
        .text = copy_of(doc, &doc->parts[whole ? PART_TEXT : PART_SUMMARY]),
        .author = copy_of(doc, &doc->parts[PART_AUTHOR]),
        .author_uri = copy_of(doc, &doc->parts[PART_URI]),
        .published = copy_of(doc, &doc->parts[PART_PUBLISHED]),
        .updated = copy_of(doc, &doc->parts[PART_UPDATED]),
        .language = copy_of(doc, doc->parts[PART_LANGUAGE].len > 0 ? &doc->parts[PART_LANGUAGE]
                                                                   : &doc->language),
    };

    doc->item_depth = 0;
    doc->items++;
    if (b.author.len + b.author_uri.len == 0)
        b.author = copy_of(doc, &doc->author);
    if (whole)
        draft_attribute(draft, TL_STR("summary"), copy_of(doc, &doc->parts[PART_SUMMARY]));
    draft_attribute(draft, TL_STR("category"), copy_of(doc, &doc->parts[PART_CATEGORY]));
    draft_attribute(draft, TL_STR("comments"), copy_of(doc, &doc->parts[PART_COMMENTS]));
    b.author = author_name(b.author);
    beacon_emit(doc->d, &b, raw_item(doc));
}

/* ---------------------------------------------------------------- elements */

static const char *
attribute(const char **attributes, const char *name)
{
    for (; *attributes != NULL; attributes += 2)
        if (strcmp(attributes[0], name) == 0)
            return attributes[1];
    return NULL;
}

/* Of several categories a list. */
static void
add_category(struct document *doc, struct tl_str category)
{
    struct buf *b = &doc->parts[PART_CATEGORY];

    if (category.len > 0 && b->len > 0)
        buf_text(b, ", ");
    buf_append(b, category.ptr, category.len);
}

/* Atom's: without rel, or alternate, it is the item's page; else an attribute. */
static void
read_link(struct document *doc, const char *href, const char *rel)
{
    struct draft *d = &doc->d->draft;

    if (rel == NULL || strcmp(rel, "alternate") == 0)
        keep(&doc->parts[PART_LINK], text_of(href));
    else
        draft_attribute(d, draft_copy(d, draft_printf(d, "link.%s", rel)),
                        draft_copy(d, text_of(href)));
}

static void
read_attributes(struct document *doc, const char *name, const char **attributes)
{
    struct draft *d = &doc->d->draft;
    const char *href = attribute(attributes, "href"), *term = attribute(attributes, "term");
    const char *url = attribute(attributes, "url");

    if (strcmp(name, "link") == 0 && href != NULL)
        read_link(doc, href, attribute(attributes, "rel"));
    if (strcmp(name, "category") == 0 && term != NULL)
        add_category(doc, text_of(term));
    if (strcmp(name, "enclosure") == 0 && url != NULL)
        draft_attribute(d, TL_STR("enclosure"), draft_copy(d, text_of(url)));
}

static int
find_part(const char *name)
{
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++)
        if (strcmp(elements[i].element, name) == 0)
            return (int)elements[i].part;
    return -1;
}

static void
begin_part(struct document *doc, const char *name, const char **attributes)
{
    bool known = find_part(name) >= 0 || strcmp(name, "enclosure") == 0;

    if (!known) {
        reader_ignore(doc->d, text_of(name));
        return;
    }
    read_attributes(doc, name, attributes);
    doc->text_depth = doc->depth;
    buf_clear(&doc->text);
}

static void
end_part(struct document *doc, const char *name)
{
    int part = find_part(name);
    struct tl_str text = text_in(&doc->text);

    doc->text_depth = 0;
    if (part < 0 || text.len == 0)
        return;
    if (part == PART_CATEGORY)
        add_category(doc, text);
    else
        keep(&doc->parts[part], text);
}

/* Of Atom's <author>: its parts are no part of a text. */
static void
end_author_part(struct document *doc, const char *name)
{
    if (strcmp(name, "name") == 0)
        keep(&doc->parts[PART_AUTHOR], text_in(&doc->text));
    else if (strcmp(name, "uri") == 0 || strcmp(name, "url") == 0)
        keep(&doc->parts[PART_URI], text_in(&doc->text));
    buf_clear(&doc->text);
}

/* What the feed says of itself, before or behind its items. */
static void
end_of_feed(struct document *doc, const char *name)
{
    const char *parent = doc->names[doc->depth - 1];
    bool top = strcmp(parent, "channel") == 0 || strcmp(parent, "feed") == 0;

    if (top && strcmp(name, "link") == 0)
        keep(&doc->place, text_in(&doc->text));
    else if (top && strcmp(name, "title") == 0)
        keep(&doc->place_title, text_in(&doc->text));
    else if (top && strcmp(name, "language") == 0)
        keep(&doc->language, text_in(&doc->text));
    else if (strcmp(parent, "author") == 0 && strcmp(name, "name") == 0)
        keep(&doc->author, text_in(&doc->text));
}

static void
start_of_feed(struct document *doc, const char *name, const char **attributes)
{
    const char *href = attribute(attributes, "href"), *rel = attribute(attributes, "rel");

    buf_clear(&doc->text);
    if (strcmp(name, "link") == 0 && href != NULL && (rel == NULL || strcmp(rel, "self") != 0))
        keep(&doc->place, text_of(href));
}

static void
stop(struct document *doc, const char *why)
{
    doc->refusal = why;
    XML_StopParser(doc->parser, XML_FALSE);
}

static void XMLCALL
on_start(void *arg, const char *name, const char **attributes)
{
    struct document *doc = arg;

    if (++doc->depth > DEPTH_MAX) {
        stop(doc, "more than 64 elements in each other");
        return;
    }
    snprintf(doc->names[doc->depth], NAME_BYTES, "%s", name);
    if (doc->item_depth == 0 && (strcmp(name, "item") == 0 || strcmp(name, "entry") == 0))
        begin_item(doc);
    else if (doc->item_depth == 0)
        start_of_feed(doc, name, attributes);
    else if (doc->depth == doc->item_depth + 1)
        begin_part(doc, name, attributes);
}

static void XMLCALL
on_end(void *arg, const char *name)
{
    struct document *doc = arg;

    if (doc->item_depth == 0)
        end_of_feed(doc, name);
    else if (doc->depth == doc->item_depth)
        end_item(doc);
    else if (doc->depth == doc->text_depth)
        end_part(doc, name);
    else if (doc->depth == doc->text_depth + 1
             && strcmp(doc->names[doc->text_depth], "author") == 0)
        end_author_part(doc, name);
    doc->depth--;
}

static void XMLCALL
on_text(void *arg, const char *text, int len)
{
    struct document *doc = arg;

    if (doc->item_depth == 0 || doc->text_depth > 0)
        buf_append(&doc->text, text, (size_t)len);
}

static void XMLCALL
on_doctype(void *arg, const char *name, const char *system, const char *public, int internal)
{
    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    stop(arg, "a DOCTYPE, which no feed needs: the whole document is refused");
}

/* --------------------------------------------------------------- documents */

static void
document_fini(struct document *doc)
{
    for (size_t i = 0; i < PART_COUNT; i++)
        buf_free(&doc->parts[i]);
    buf_free(&doc->text);
    buf_free(&doc->place);
    buf_free(&doc->place_title);
    buf_free(&doc->author);
    buf_free(&doc->language);
    XML_ParserFree(doc->parser);
}

static void
read_xml(struct decoder *d, struct tl_str record)
{
    struct document doc = {.d = d, .parser = XML_ParserCreate(NULL), .input = record};
    char why[READER_WHY_BYTES];

    if (doc.parser == NULL) {
        reader_reject(d, record, "out of memory");
        return;
    }
    XML_SetUserData(doc.parser, &doc);
    XML_SetElementHandler(doc.parser, on_start, on_end);
    XML_SetCharacterDataHandler(doc.parser, on_text);
    XML_SetStartDoctypeDeclHandler(doc.parser, on_doctype);
    if (XML_Parse(doc.parser, record.ptr, (int)record.len, XML_TRUE) != XML_STATUS_OK) {
        snprintf(why, sizeof why, "%s (line %lu)",
                 doc.refusal != NULL ? doc.refusal
                                     : XML_ErrorString(XML_GetErrorCode(doc.parser)),
                 (unsigned long)XML_GetCurrentLineNumber(doc.parser));
        reader_reject(d, record, why);
    } else if (doc.items == 0) {
        reader_ignore(d, TL_STR("feed without items"));
    }
    document_fini(&doc);
}

static void
read_json_item(struct decoder *d, struct tl_str place, const struct value *author,
               struct value *item, struct tl_str record)
{
    static const char *const texts[] = {"content_text", "content_html", "summary", NULL};
    struct draft *draft = &d->draft;
    const struct value *own = value_at(value_get(item, "authors"), 0);
    struct beacon b;

    reader_begin(d);
    own = own != NULL ? own : value_get(item, "author");
    author = own != NULL ? own : author;
    b = (struct beacon){
        .place = place,
        .id = member_take(draft, item, "id"),
        .link = member_take(draft, item, "url"),
        .title = member_take(draft, item, "title"),
        .text = member_take_first(draft, item, texts, SIZE_MAX),
        .author = member_text(draft, author, "name"),
        .author_uri = member_text(draft, author, "url"),
        .published = member_take(draft, item, "date_published"),
        .updated = member_take(draft, item, "date_modified"),
        .language = member_take(draft, item, "language"),
    };
    member_attributes(draft, item, "");
    beacon_emit(d, &b, record);
}

static void
read_json(struct decoder *d, struct tl_str record)
{
    static const char *const places[] = {"home_page_url", "feed_url", "title"};
    struct parse_error error;
    struct value *feed = parse_json(&d->draft.json, record, &error);
    const struct value *author;
    const char *place = NULL;
    char why[READER_WHY_BYTES];
    struct value *item;

    if (feed == NULL) {
        snprintf(why, sizeof why, "not JSON: %s (line %d)", error.text, error.line);
        reader_reject(d, record, why);
    } else if (!value_is_array(value_get(feed, "items"))) {
        reader_reject(d, record, "no JSON Feed: `items` is no array");
    }
    for (size_t i = 0; place == NULL && i < sizeof places / sizeof places[0]; i++)
        place = value_text(value_get(feed, places[i]));
    author = value_at(value_get(feed, "authors"), 0);
    value_each(value_get(feed, "items"), item)
        read_json_item(d, text_of(place), author, item, record);
}

static void
read_document(struct decoder *d, struct tl_str record)
{
    if (text_trim(record).ptr[0] == '{')
        read_json(d, record);
    else
        read_xml(d, text_trim(record));
}

static const struct reader_kind kind = {
    .source = "feed", .next = reader_body, .read = read_document};

int
feed_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
          char *why)
{
    return reader_open(out, &kind, o, sink, why);
}
