/* code.c -- one table: code, name, sentence. */

#include "proto/code.h"

#include <stddef.h>

struct code {
    int code;
    const char *name;
    const char *sentence;
};

static const struct code codes[] = {
    {TL_OK, "OK", "fine"},
    {TL_MALFORMED, "MALFORMED", "this cannot be read as the message it should be"},
    {TL_BAD_UTF8, "BAD_UTF8",
     "text must be UTF-8 without NUL and without control characters other than tab and newline"},
    {TL_TOO_LARGE, "TOO_LARGE", "this is longer than the limit"},
    {TL_TOO_MANY, "TOO_MANY", "there are more of these than the limit"},
    {TL_MISSING_ID, "MISSING_ID", "an event needs an id, unique for ever within its source"},
    {TL_MISSING_SOURCE, "MISSING_SOURCE", "an event needs the name of its source"},
    {TL_MISSING_TYPE, "MISSING_TYPE", "an event needs a type such as email.opened"},
    {TL_MISSING_IDENTIFIER, "MISSING_IDENTIFIER",
     "an event about a customer needs at least one identifier"},
    {TL_BAD_IDENTIFIER, "BAD_IDENTIFIER",
     "an identifier needs a known type, or one beginning with x-, and a value that can be used"},
    {TL_BAD_TIME, "BAD_TIME", "times must be valid and within the years 1970 to 2100"},
    {TL_BAD_FACET, "BAD_FACET", "what an event of this type must tell is missing or wrong"},
    {TL_DUPLICATE_DIFFERS, "DUPLICATE_DIFFERS",
     "an event with this source and id is stored already and says something else"},
    {TL_FORBIDDEN, "FORBIDDEN", "this key does not have the role for that"},
    {TL_UNSUPPORTED, "UNSUPPORTED", "this broker does not know that request or version"},
    {TL_BUSY, "BUSY", "the broker has as much work as it can hold; try again in a moment"},
    {TL_NO_SPACE, "NO_SPACE",
     "the broker's disk is full; nothing was stored, try again when there is space"},
    {TL_NO_SESSION, "NO_SESSION", "the broker does not know this session; say hello first"},
    {TL_NOT_FOUND, "NOT_FOUND", "nothing is known under that name"},
    {TL_BAD_REQUEST, "BAD_REQUEST", "the request lacks something or asks for what cannot be"},
    {TL_BAD_POSITION, "BAD_POSITION", "this is no position of this log"},
    {TL_STALE_GROUP, "STALE_GROUP", "another reader holds this group now"},

    {TL_ENOMEM, "ENOMEM", "out of memory"},
    {TL_EIO, "EIO", "the disk failed"},
    {TL_EAWAY, "EAWAY", "the broker does not answer"},
    {TL_EDAMAGED, "EDAMAGED", "stored bytes are not what was written"},
    {TL_ELOCKED, "ELOCKED", "another process has the data"},
    {TL_EFORMAT, "EFORMAT", "this program does not know the format of the data"},
    {TL_EARGUMENT, "EARGUMENT", "the call was made with a wrong argument"},
    {TL_ECLOSED, "ECLOSED", "it was closed meanwhile"},
};

static const struct code *
find(int code)
{
    static const struct code unknown = {0, "UNKNOWN", "a code this program does not know"};

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (codes[i].code == code)
            return &codes[i];
    }
    return &unknown;
}

const char *
tl_code_name(int code)
{
    return find(code)->name;
}

const char *
tl_code_sentence(int code)
{
    return find(code)->sentence;
}
