#include "adapters/parse.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include <jansson.h>
#include <simdjson.h>

namespace dom = simdjson::dom;

/* Nothing stands behind most: so short a text is tried as it is before it is looked
 * through for an end. */
#define ALONE_BYTES_MAX (16u << 10)

/* Names of so many members are looked up one among the others. */
#define NAMES_FEW 64

/* ---------------------------------------------------------------- the tree */

/* Strings stand one behind the other in `room`, which is as long as the text they are
 * in: without its quotes none is longer than it is written. */
struct tree {
    struct values *in;
    char *room;

    struct tl_str str(std::string_view text);
    struct value *object(dom::object from);
    struct value *array(dom::array from);
    struct value *value(dom::element from);
};

struct tl_str
tree::str(std::string_view text)
{
    struct tl_str copy = {room, text.size()};

    memcpy(room, text.data(), text.size());
    room[text.size()] = '\0';
    room += text.size() + 1;
    return copy;
}

static uint64_t
name_hash(struct tl_str name)
{
    uint64_t hash = name.len, word;

    for (size_t i = 0; i < name.len; i += sizeof word) {
        word = 0;
        memcpy(&word, name.ptr + i, std::min(sizeof word, name.len - i));
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return hash >> 32;
}

static bool
name_is_before(const struct value *a, const struct value *b)
{
    return std::string_view(a->name.ptr, a->name.len) < std::string_view(b->name.ptr, b->name.len);
}

static bool
same_name(const struct value *a, const struct value *b)
{
    return a->name.len == b->name.len && memcmp(a->name.ptr, b->name.ptr, a->name.len) == 0;
}

/* The members before one are looked at when a bit says that it may be among them. */
static bool
few_names_differ(const struct value *object)
{
    uint64_t seen[4] = {};

    for (const struct value *v = object->in.first; v != nullptr; v = v->next) {
        uint64_t hash = name_hash(v->name), bit = (uint64_t)1 << (hash & 63);
        uint64_t *word = &seen[hash >> 6 & 3];

        if ((*word & bit) != 0)
            for (const struct value *o = object->in.first; o != v; o = o->next)
                if (same_name(o, v))
                    return false;
        *word |= bit;
    }
    return true;
}

static bool
many_names_differ(struct values *in, const struct value *object)
{
    size_t bytes = object->count * sizeof(const struct value *), n = 0;
    const struct value **all = static_cast<const struct value **>(values_room(in, bytes));

    if (all == nullptr)
        return false;
    for (const struct value *v = object->in.first; v != nullptr; v = v->next)
        all[n++] = v;
    std::sort(all, all + n, name_is_before);
    return std::adjacent_find(all, all + n, same_name) == all + n;
}

struct value *
tree::object(dom::object from)
{
    struct value *v = values_object(in);

    if (v == nullptr)
        return nullptr;
    for (dom::key_value_pair field : from) {
        struct value *member = value(field.value);

        if (member == nullptr || field.key.find('\0') != std::string_view::npos)
            return nullptr;
        member->name = str(field.key);
        value_append(v, member);
    }
    return (v->count <= NAMES_FEW ? few_names_differ(v) : many_names_differ(in, v)) ? v : nullptr;
}

struct value *
tree::array(dom::array from)
{
    struct value *v = values_array(in);

    for (dom::element element : from)
        if (!value_append(v, value(element)))
            return nullptr;
    return v;
}

struct value *
tree::value(dom::element from)
{
    struct value *v;

    switch (from.type()) {
    case dom::element_type::OBJECT:
        return object(from.get_object().value_unsafe());
    case dom::element_type::ARRAY:
        return array(from.get_array().value_unsafe());
    case dom::element_type::STRING:
        if ((v = values_make(in, VALUE_STRING)) != nullptr)
            v->text = str(from.get_string().value_unsafe());
        return v;
    case dom::element_type::INT64:
        return values_integer(in, from.get_int64().value_unsafe());
    case dom::element_type::DOUBLE:
        return values_real(in, from.get_double().value_unsafe());
    case dom::element_type::BOOL:
        return values_boolean(in, from.get_bool().value_unsafe());
    case dom::element_type::NULL_VALUE:
        return values_null(in);
    case dom::element_type::UINT64:
        break;          /* above 64 bits with a sign */
    }
    return nullptr;
}

/* -------------------------------------------------------------- simdjson's */

static struct value *
read_with(dom::parser &parser, struct values *in, struct tl_str text, bool any)
{
    struct tree tree = {in, nullptr};
    dom::element root;

    if (parser.max_depth() != VALUE_DEPTH_MAX
        && parser.allocate(std::max<size_t>(text.len, PARSE_BYTES_KEPT), VALUE_DEPTH_MAX)
               != simdjson::SUCCESS)
        return nullptr;
    if (parser.parse(text.ptr, text.len).get(root) != simdjson::SUCCESS
        || !(any || root.is_object() || root.is_array())
        || (tree.room = static_cast<char *>(values_room(in, text.len + 1))) == nullptr)
        return nullptr;
    return tree.value(root);
}

static struct value *
read(struct values *in, struct tl_str text, bool any)
{
    static thread_local dom::parser kept;

    /* simdjson skips a byte order mark, which is no JSON. */
    if (text.len == 0 || text.ptr[0] == '\xef')
        return nullptr;
    if (text.len <= PARSE_BYTES_KEPT)
        return read_with(kept, in, text, any);

    dom::parser large;
    return read_with(large, in, text, any);
}

/* --------------------------------------------------------------- jansson's */

/* jansson takes a NUL behind a number; that is no JSON all the same. */
static struct value *
judge(struct tl_str text, bool more_behind, struct parse_error *error)
{
    json_error_t why;
    json_t *value;

    if (error == nullptr)
        return nullptr;
    value = json_loadb(text.len > 0 ? text.ptr : "", text.len,
                       JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL
                           | (more_behind ? JSON_DISABLE_EOF_CHECK : 0), &why);
    error->line = value == nullptr ? why.line : 1;
    snprintf(error->text, sizeof error->text, "%s",
             value == nullptr ? why.text : "not as RFC 8259 has it, or too much of it");
    json_decref(value);
    return nullptr;
}

/* ------------------------------------------------------------------- texts */

struct value *
parse_json(struct values *in, struct tl_str text, struct parse_error *error)
{
    struct value *value = read(in, text, false);

    return value != nullptr ? value : judge(text, false, error);
}

struct value *
parse_json_any(struct values *in, struct tl_str text)
{
    return read(in, text, true);
}

/* Where the first array or object ends; 0 when it does not, or is none: then no more is
 * looked at than it takes to see that, for what follows is looked at again. */
static size_t
first_end(struct tl_str text)
{
    bool quoted = false;
    size_t depth = 0;

    for (size_t at = 0; at < text.len; at++) {
        unsigned char c = (unsigned char)text.ptr[at];

        if (quoted) {
            at += c == '\\';
            quoted = c != '"';
            if (c < ' ')
                break;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > VALUE_DEPTH_MAX)
                break;
        } else if ((c == '}' || c == ']') && depth > 0 && --depth == 0) {
            return at + 1;
        }
        if (depth == 0 && c > ' ')
            break;
    }
    return 0;
}

struct value *
parse_json_first(struct values *in, struct tl_str text, size_t *taken, struct parse_error *error)
{
    struct value *value = text.len <= ALONE_BYTES_MAX ? read(in, text, false) : nullptr;
    size_t end = text.len;

    if (value == nullptr)
        value = read(in, (struct tl_str){text.ptr, end = first_end(text)}, false);
    if (value == nullptr)
        return judge(text, true, error);
    *taken = end;
    return value;
}
