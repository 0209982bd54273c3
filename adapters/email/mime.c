#include "adapters/email/mime.h"

#include <gmime/gmime.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define DEPTH_MAX 16            /* multiparts in multiparts */
#define TIME_MAX_S 4133980799LL /* 2100-12-31T23:59:59Z */

struct mime {
    GMimeMessage *message;
    GPtrArray *texts;           /* what was handed out */
    struct mime *attached;
};

/* Takes the text. */
static struct tl_str
keep(struct mime *m, char *text)
{
    if (text == NULL)
        return (struct tl_str){0};
    g_ptr_array_add(m->texts, text);
    return (struct tl_str){text, strlen(text)};
}

static struct mime *
wrap(GMimeMessage *message)
{
    struct mime *m;

    if (message == NULL)
        return NULL;
    m = calloc(1, sizeof *m);
    if (m == NULL) {
        g_object_unref(message);
        return NULL;
    }
    m->message = message;
    m->texts = g_ptr_array_new_with_free_func(g_free);
    return m;
}

struct mime *
mime_open(struct tl_str bytes)
{
    GMimeStream *stream;
    GMimeParser *parser;
    GMimeMessage *message;

    g_mime_init();
    stream = g_mime_stream_mem_new_with_buffer(bytes.len > 0 ? bytes.ptr : "", bytes.len);
    parser = g_mime_parser_new_with_stream(stream);
    message = g_mime_parser_construct_message(parser, NULL);
    g_object_unref(parser);
    g_object_unref(stream);
    /* No header at all: an empty one has no fields either. */
    return wrap(message != NULL ? message : g_mime_message_new(FALSE));
}

void
mime_close(struct mime **m)
{
    if (*m == NULL)
        return;
    mime_close(&(*m)->attached);
    g_ptr_array_free((*m)->texts, TRUE);
    g_object_unref((*m)->message);
    free(*m);
    *m = NULL;
}

/* ----------------------------------------------------------------- headers */

struct tl_str
mime_header(struct mime *m, const char *name)
{
    GMimeHeaderList *list = g_mime_object_get_header_list(GMIME_OBJECT(m->message));
    GMimeHeader *header = g_mime_header_list_get_header(list, name);
    const char *value = header != NULL ? g_mime_header_get_value(header) : NULL;

    return value != NULL ? keep(m, g_strstrip(g_utf8_make_valid(value, -1))) : (struct tl_str){0};
}

bool
mime_field(struct mime *m, size_t i, struct tl_str *name, struct tl_str *value)
{
    GMimeHeaderList *list = g_mime_object_get_header_list(GMIME_OBJECT(m->message));
    GMimeHeader *header;
    const char *text;

    if (i >= (size_t)g_mime_header_list_get_count(list))
        return false;
    header = g_mime_header_list_get_header_at(list, (int)i);
    text = g_mime_header_get_name(header);
    *name = (struct tl_str){text, strlen(text)};
    text = g_mime_header_get_value(header);
    *value = text != NULL ? keep(m, g_strstrip(g_utf8_make_valid(text, -1))) : (struct tl_str){0};
    return true;
}

static size_t
list_addresses(struct mime *m, InternetAddressList *list, struct tl_str *out, size_t max,
               size_t count, int depth)
{
    for (int i = 0; i < internet_address_list_length(list); i++) {
        InternetAddress *address = internet_address_list_get_address(list, i);

        if (INTERNET_ADDRESS_IS_GROUP(address)) {
            InternetAddressGroup *group = INTERNET_ADDRESS_GROUP(address);

            if (depth < DEPTH_MAX)
                count = list_addresses(m, internet_address_group_get_members(group), out, max,
                                       count, depth + 1);
        } else {
            const char *text =
                internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(address));

            if (text == NULL || strchr(text, '@') == NULL)
                continue;
            if (count < max)
                out[count] = keep(m, g_utf8_make_valid(text, -1));
            count++;
        }
    }
    return count;
}

size_t
mime_addresses(struct mime *m, const char *name, struct tl_str *out, size_t max)
{
    const char *raw = g_mime_object_get_header(GMIME_OBJECT(m->message), name);
    InternetAddressList *list = raw != NULL ? internet_address_list_parse(NULL, raw) : NULL;
    size_t count;

    if (list == NULL)
        return 0;
    count = list_addresses(m, list, out, max, 0, 0);
    g_object_unref(list);
    return count;
}

/* ------------------------------------------------------------------- parts */

struct search {
    const char *type, *subtype;
    GMimeObject *found;
};

static void
search(struct search *s, GMimeObject *object, int depth)
{
    if (object == NULL || s->found != NULL || depth == DEPTH_MAX)
        return;
    if (g_mime_content_type_is_type(g_mime_object_get_content_type(object), s->type, s->subtype)) {
        s->found = object;
    } else if (GMIME_IS_MULTIPART(object)) {
        GMimeMultipart *parts = GMIME_MULTIPART(object);

        for (int i = 0; i < g_mime_multipart_get_count(parts); i++)
            search(s, g_mime_multipart_get_part(parts, i), depth + 1);
    }
}

static GMimeObject *
find(struct mime *m, const char *type, const char *subtype)
{
    struct search s = {.type = type, .subtype = subtype};

    search(&s, g_mime_message_get_mime_part(m->message), 0);
    return s.found;
}

static struct tl_str
content(struct mime *m, GMimeObject *part)
{
    GMimeDataWrapper *wrapper = GMIME_IS_PART(part) ? g_mime_part_get_content(GMIME_PART(part))
                                                    : NULL;
    GMimeStream *stream;
    GByteArray *bytes;
    char *text;

    if (wrapper == NULL)
        return (struct tl_str){0};
    stream = g_mime_stream_mem_new();
    g_mime_data_wrapper_write_to_stream(wrapper, stream);
    bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
    text = bytes->len > 0 ? g_utf8_make_valid((const char *)bytes->data, bytes->len) : NULL;
    g_object_unref(stream);
    return keep(m, text);
}

struct tl_str
mime_part(struct mime *m, const char *type, const char *subtype)
{
    GMimeObject *part = find(m, type, subtype);

    return part != NULL ? content(m, part) : (struct tl_str){0};
}

struct tl_str
mime_text(struct mime *m)
{
    GMimeObject *part = find(m, "text", "plain");

    if (part == NULL)
        part = find(m, "text", "html");
    if (part == NULL || !GMIME_IS_TEXT_PART(part))
        return part != NULL ? content(m, part) : (struct tl_str){0};
    return keep(m, g_mime_text_part_get_text(GMIME_TEXT_PART(part)));
}

/* ---------------------------------------------------------------- attached */

static struct mime *
attached_header(struct mime *m)
{
    static const char *const names[] = {"rfc822-headers", "rfc822-header"};
    struct tl_str text = {0};

    for (size_t i = 0; text.len == 0 && i < sizeof names / sizeof names[0]; i++)
        text = mime_part(m, "text", names[i]);
    return text.len > 0 ? mime_open(text) : NULL;
}

struct mime *
mime_attached(struct mime *m)
{
    GMimeObject *part;
    GMimeMessage *message;

    if (m->attached != NULL)
        return m->attached;
    part = find(m, "message", "rfc822");
    if (part == NULL)
        part = find(m, "message", "global");
    message = part != NULL && GMIME_IS_MESSAGE_PART(part)
                  ? g_mime_message_part_get_message(GMIME_MESSAGE_PART(part)) : NULL;
    if (message != NULL)
        m->attached = wrap(g_object_ref(message));
    else
        m->attached = attached_header(m);
    return m->attached;
}

/* -------------------------------------------------------------------- date */

int64_t
mime_date(struct tl_str text)
{
    char copy[128];
    GDateTime *date;
    int64_t seconds;

    if (text.len == 0 || text.len >= sizeof copy)
        return 0;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    date = g_mime_utils_header_decode_date(copy);
    if (date == NULL)
        return 0;
    seconds = g_date_time_to_unix(date);
    g_date_time_unref(date);
    return seconds >= 1 && seconds <= TIME_MAX_S ? seconds * CLOCK_SECOND : 0;
}
