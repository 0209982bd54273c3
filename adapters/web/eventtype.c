#include "adapters/web/eventtype.h"

#include <string.h>

#define TYPE_BYTES_MAX 64
#define OTHER TL_STR("track.other")
#define PREFIX "track."

struct slug {
    char text[TYPE_BYTES_MAX + 1];
    size_t len;
};

/* Letters and digits in lower case, an underscore for anything between them.
 * False when nothing is left or it is too long. */
static bool
make(struct slug *s, struct tl_str name)
{
    size_t bytes_max = sizeof s->text - sizeof PREFIX;

    s->len = 0;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        unsigned char lower = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
        bool letter = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');

        if (s->len == bytes_max)
            return false;
        if (letter)
            s->text[s->len++] = (char)lower;
        else if (s->len > 0 && s->text[s->len - 1] != '_')
            s->text[s->len++] = '_';
    }
    while (s->len > 0 && s->text[s->len - 1] == '_')
        s->len--;
    s->text[s->len] = '\0';
    return s->len > 0;
}

static bool
has_facet(const char *type)
{
    static const char *const words[] = {"offer", "coupon", "sale", "feedback", "commitment",
                                        "consent", "identity", "household", "conversation",
                                        "customer", "source", "privacy"};
    size_t len = strcspn(type, "._");

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i]) == len && memcmp(words[i], type, len) == 0)
            return true;
    return false;
}

struct tl_str
eventtype_name(struct draft *d, struct tl_str name)
{
    struct slug s;
    char *last;

    if (!make(&s, name))
        return OTHER;
    last = strrchr(s.text, '_');
    if (last == NULL || has_facet(s.text))
        return draft_printf(d, PREFIX "%s", s.text);
    *last = '.';
    return draft_printf(d, "%s", s.text);
}

struct tl_str
eventtype_pair(struct draft *d, struct tl_str object, struct tl_str action)
{
    struct slug first, second;

    if (!make(&first, object) || !make(&second, action)
        || first.len + second.len > sizeof first.text - sizeof PREFIX - 1)
        return OTHER;
    return draft_printf(d, "%s%s.%s", has_facet(first.text) ? PREFIX : "", first.text,
                        second.text);
}
