#include "adapters/parse.h"

#include <string_view>

#include <simdjson.h>

namespace dom = simdjson::dom;

static json_t *made(dom::element from);

/* jansson says what is wrong with a name that comes twice or holds NUL. */
static json_t *
made_object(dom::object from)
{
    json_t *object = json_object();
    size_t count = 0;

    for (dom::key_value_pair field : from)
        if (field.key.find('\0') != std::string_view::npos
            || json_object_setn_new_nocheck(object, field.key.data(), field.key.size(),
                                            made(field.value)) != 0
            || json_object_size(object) != ++count) {
            json_decref(object);
            return nullptr;
        }
    return object;
}

static json_t *
made_array(dom::array from)
{
    json_t *array = json_array();

    for (dom::element value : from)
        if (json_array_append_new(array, made(value)) != 0) {
            json_decref(array);
            return nullptr;
        }
    return array;
}

static json_t *
made_string(std::string_view text)
{
    return json_stringn_nocheck(text.data(), text.size());
}

static json_t *
made(dom::element from)
{
    switch (from.type()) {
    case dom::element_type::OBJECT:
        return made_object(from.get_object().value_unsafe());
    case dom::element_type::ARRAY:
        return made_array(from.get_array().value_unsafe());
    case dom::element_type::STRING:
        return made_string(from.get_string().value_unsafe());
    case dom::element_type::INT64:
        return json_integer(from.get_int64().value_unsafe());
    case dom::element_type::DOUBLE:
        return json_real(from.get_double().value_unsafe());
    case dom::element_type::BOOL:
        return json_boolean(from.get_bool().value_unsafe());
    case dom::element_type::NULL_VALUE:
        return json_null();
    case dom::element_type::UINT64:
        break;          /* above what jansson holds */
    }
    return nullptr;
}

static json_t *
read_fast(const char *text, size_t len)
{
    static thread_local dom::parser parser(PARSE_BYTES_MAX);
    dom::element value;

    /* simdjson skips a byte order mark, which is no JSON. */
    if (len == 0 || text[0] == '\xef' || parser.parse(text, len).get(value) != simdjson::SUCCESS
        || !(value.is_object() || value.is_array()))
        return nullptr;
    return made(value);
}

/* Where the first array or object ends, if that is what it is. */
static size_t
first_end(const char *text, size_t len)
{
    bool quoted = false;
    size_t depth = 0;

    for (size_t at = 0; at < len; at++) {
        char c = text[at];

        if (quoted && c == '\\')
            at++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']') && (depth == 0 || --depth == 0))
            return at + 1;
    }
    return len;
}

json_t *
parse_json(const char *text, size_t len, size_t *taken, json_error_t *error)
{
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
    size_t end = taken != nullptr ? first_end(text, len) : len;
    json_t *value = read_fast(text, end);
    json_error_t why;

    if (value == nullptr) {
        value = json_loadb(len > 0 ? text : "", len,
                           flags | (taken != nullptr ? JSON_DISABLE_EOF_CHECK : 0), &why);
        end = (size_t)why.position;
        if (error != nullptr)
            *error = why;
    }
    if (value != nullptr && taken != nullptr)
        *taken = end;
    return value;
}
