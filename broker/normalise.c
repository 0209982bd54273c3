#include "broker/normalise.h"

#include <ctype.h>
#include <idn2.h>
#include <string.h>

#include "broker/phone.h"
#include "proto/code.h"
#include "proto/str.h"
#include "proto/valid.h"

#define LABEL_BYTES_MAX 63      /* RFC 1035 */
#define DOMAIN_BYTES_MAX 253
#define PHONE_DIGITS_MIN 8
#define PHONE_DIGITS_MAX 15     /* E.164 */

enum { VALUE_BLOCKED = -1000 };     /* it stands for nobody; no code of code.h */

/* How a value is made canonical. */
struct spelling {
    const struct kinds *kinds;
    const struct kind *kind;
    struct tl_str region;
    struct arena *arena;
};

/* Makes a trimmed value canonical: 0, VALUE_BLOCKED, or an error code. */
typedef int normaliser(struct tl_str *value, const struct spelling *s);

static normaliser keep, normalise_email, normalise_phone;

static normaliser *const spellings[] = {
    [SPELL_TEXT] = keep, [SPELL_EMAIL] = normalise_email, [SPELL_PHONE] = normalise_phone,
};

static bool
ascii_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct tl_str
trim(struct tl_str s)
{
    while (s.len > 0 && ascii_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && ascii_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* 0, 0000, 00000000-0000-0000-0000-000000000000 */
static bool
only_zeros(struct tl_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] != '0' && s.ptr[i] != '-')
            return false;
    return true;
}

static int
keep(struct tl_str *value, const struct spelling *s)
{
    (void)value;
    (void)s;
    return 0;
}

/* ------------------------------------------------------------------- e-mail */

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static void
lower_all(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        text[i] = lower(text[i]);
}

static bool
plain_label(const char *p, size_t len)
{
    if (p[0] == '-' || p[len - 1] == '-' || (len >= 4 && p[2] == '-' && p[3] == '-'))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!(lower(p[i]) >= 'a' && lower(p[i]) <= 'z') && !(p[i] >= '0' && p[i] <= '9')
            && p[i] != '-' && p[i] != '_')
            return false;
    return true;
}

/* Is each label of a sane length, and `plain` when asked for? */
static bool
good_domain(struct tl_str d, bool plain)
{
    size_t start = 0;

    for (size_t i = 0; i <= d.len; i++) {
        if (i < d.len && d.ptr[i] != '.')
            continue;
        if (i == start || i - start > LABEL_BYTES_MAX
            || (plain && !plain_label(d.ptr + start, i - start)))
            return false;
        start = i + 1;
    }
    return d.len <= DOMAIN_BYTES_MAX;
}

/* `d` ends in NUL. */
static int
domain_by_idna(struct tl_str *d, struct arena *arena)
{
    uint8_t *name = NULL;
    size_t len;
    char *copy;

    if (idn2_lookup_u8((const uint8_t *)d->ptr, &name, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL)
        != IDN2_OK)
        return TL_BAD_IDENTIFIER;
    len = strlen((const char *)name);
    copy = arena_copy(arena, name, len);
    idn2_free(name);
    if (copy == NULL)
        return TL_TOO_MANY;
    *d = (struct tl_str){copy, len};
    return good_domain(*d, false) ? 0 : TL_BAD_IDENTIFIER;
}

static int
join_email(struct tl_str local, struct tl_str domain, struct tl_str *out, struct arena *arena)
{
    char *text = arena_alloc(arena, local.len + 1 + domain.len);

    if (text == NULL)
        return TL_TOO_MANY;
    memcpy(text, local.ptr, local.len);
    text[local.len] = '@';
    memcpy(text + local.len + 1, domain.ptr, domain.len);
    *out = (struct tl_str){text, local.len + 1 + domain.len};
    return 0;
}

static bool
spaces_in(struct tl_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (ascii_space(s.ptr[i]))
            return true;
    return false;
}

/* Nearly all addresses are such that nothing would be changed: c@example.com.
 * Others may be so, too. */
static bool
is_canonical_email(struct tl_str s)
{
    size_t at = SIZE_MAX;
    char before = '.';

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (c == '@' && at == SIZE_MAX)
            at = i;
        else if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
                 (at == SIZE_MAX ? c != '.' && c != '-' && c != '_' && c != '+'
                                 : c != '.' || before == '.' || before == '@'))
            return false;
        before = c;
    }
    return at != SIZE_MAX && at > 0 && before != '.' && before != '@' &&
           s.len - at - 1 <= LABEL_BYTES_MAX;
}

static int
normalise_email(struct tl_str *value, const struct spelling *s)
{
    char *copy;
    char *at;
    struct tl_str local, domain;
    int err;

    if (is_canonical_email(*value))
        return 0;
    if ((copy = arena_copy(s->arena, value->ptr, value->len)) == NULL)
        return TL_TOO_MANY;
    at = memchr(copy, '@', value->len);
    if (at == NULL || strchr(at + 1, '@') != NULL || spaces_in(*value))
        return TL_BAD_IDENTIFIER;
    local = (struct tl_str){copy, (size_t)(at - copy)};
    domain = (struct tl_str){at + 1, value->len - local.len - 1};
    if (domain.len > 0 && domain.ptr[domain.len - 1] == '.') {
        domain.len--;
        at[1 + domain.len] = '\0';
    }
    if (local.len == 0 || domain.len == 0)
        return TL_BAD_IDENTIFIER;

    if (!s->kind->keeps_case)
        lower_all(copy, local.len);
    /* Nearly all domains are such that IDNA would only put them in lower case. */
    if (good_domain(domain, true))
        lower_all(at + 1, domain.len);
    else if ((err = domain_by_idna(&domain, s->arena)) != 0)
        return err;
    return join_email(local, domain, value, s->arena);
}

/* ---------------------------------------------------------------- telephone */

static bool
one_digit_only(const char *digits, size_t len)
{
    for (size_t i = 1; i < len; i++)
        if (digits[i] != digits[0])
            return false;
    return true;
}

/* +1 555 555 5555, 999999999: everything behind a country code is one digit. */
static bool
nobody_called(const struct spelling *s, struct tl_str number)
{
    size_t skip = number.len > 0 && number.ptr[0] == '+' ? 1 : 0;
    size_t len = number.len - skip;

    if (kinds_blocked(s->kinds, s->kind, number))
        return true;
    if (len >= 10 && skip == 1) {
        skip += len - 9;
        len = 9;
    }
    return len >= 5 && isdigit((unsigned char)number.ptr[skip])
           && one_digit_only(number.ptr + skip, len);
}

/* Writes the number without what people put between digits; its length, or 0
 * when something else is in there. */
static size_t
strip_phone(char *out, struct tl_str number)
{
    size_t len = 0;

    for (size_t i = 0; i < number.len; i++) {
        char c = number.ptr[i];

        if (c == ' ' || c == '.' || c == '-' || c == '(' || c == ')')
            continue;
        if (!isdigit((unsigned char)c) && !(c == '+' && len == 0))
            return 0;
        out[len++] = c;
    }
    return len;
}

/* Does it read as E.164?  Not with a trunk zero: +49 (0)30 12345. */
static bool
international(struct tl_str raw, struct tl_str bare)
{
    return bare.len > PHONE_DIGITS_MIN && bare.len <= PHONE_DIGITS_MAX + 1 && bare.ptr[0] == '+'
           && bare.ptr[1] != '0' && memmem(raw.ptr, raw.len, "(0)", 3) == NULL;
}

static void
region_code(struct tl_str region, char code[3])
{
    memcpy(code, "ZZ", 3);
    if (region.len != 2 || !isalpha((unsigned char)region.ptr[0])
        || !isalpha((unsigned char)region.ptr[1]))
        return;
    code[0] = (char)toupper((unsigned char)region.ptr[0]);
    code[1] = (char)toupper((unsigned char)region.ptr[1]);
}

/* What cannot be told for sure stays as it came: a wrong number is worse than
 * one not found. */
static int
normalise_phone(struct tl_str *value, const struct spelling *s)
{
    char *digits = arena_alloc(s->arena, value->len + 1);
    char e164[PHONE_BYTES], code[3];
    struct tl_str bare;

    if (digits == NULL)
        return TL_TOO_MANY;
    bare = (struct tl_str){digits, strip_phone(digits, *value)};
    if (nobody_called(s, *value) || nobody_called(s, bare))
        return VALUE_BLOCKED;
    if (international(*value, bare)) {
        *value = bare;
        return 0;
    }
    region_code(s->region, code);
    if (!phone_e164(e164, value->ptr, value->len, code))
        return 0;
    *value = (struct tl_str){arena_copy(s->arena, e164, strlen(e164)), strlen(e164)};
    if (value->ptr == NULL)
        return TL_TOO_MANY;
    return nobody_called(s, *value) ? VALUE_BLOCKED : 0;
}

/* -------------------------------------------------------------- identifiers */

static const char *
say_what_is_wrong(const struct kind *k)
{
    if (k == NULL)
        return "identifiers: a type is one of the known ones or begins with x-";
    if (k->spelling == SPELL_EMAIL)
        return "identifiers: an email is a mailbox, one @, and a domain name";
    return "identifiers: a value has at most 320 bytes";
}

/* 0, VALUE_BLOCKED, or an error code. */
static int
normalise_one(const struct kinds *kinds, struct tl_identifier id, struct tl_str region,
              struct arena *arena, struct store_identifier *out, const char **detail)
{
    const struct kind *k = kinds_find(kinds, id.type);
    const struct spelling s = {kinds, k, region, arena};
    struct tl_str value = trim(id.value);
    int err = TL_BAD_IDENTIFIER;

    *detail = say_what_is_wrong(k);
    if (k == NULL || value.len > IDENTIFIER_BYTES_MAX)
        return err;
    if (only_zeros(value) || kinds_blocked(kinds, k, value))
        return VALUE_BLOCKED;
    if ((err = spellings[k->spelling](&value, &s)) != 0)
        return err;
    if (value.len > IDENTIFIER_BYTES_MAX)
        return TL_BAD_IDENTIFIER;
    if (k->spelling == SPELL_EMAIL && kinds_blocked(kinds, k, value))
        return VALUE_BLOCKED;
    *out = (struct store_identifier){
        .type = id.type,
        .value = value,
        .rank = k->rank,
        .strong = k->strong,
        .single = k->single,
        .follows_login = k->follows_login,
        .hash = store_hash(id.type, value),
    };
    return 0;
}

static int
compare(const struct store_identifier *a, const struct store_identifier *b)
{
    int order = (a->rank > b->rank) - (a->rank < b->rank);

    if (order == 0)
        order = str_compare(a->type, b->type);
    return order != 0 ? order : str_compare(a->value, b->value);
}

/* Puts it where it belongs among those there are, once. */
static size_t
insert(struct store_identifier *ids, size_t count, const struct store_identifier *id)
{
    size_t at = count;

    while (at > 0 && compare(id, &ids[at - 1]) < 0)
        at--;
    if (at > 0 && compare(id, &ids[at - 1]) == 0)
        return count;
    memmove(&ids[at + 1], &ids[at], (count - at) * sizeof ids[0]);
    ids[at] = *id;
    return count + 1;
}

static struct tl_str
region_of(const struct kinds *kinds, const struct tl_event *ev)
{
    return ev->region.len > 0 ? ev->region : kinds_region(kinds, ev->source);
}

int
normalise_identifiers(const struct kinds *kinds, const struct tl_event *ev, struct arena *arena,
                      struct store_identifier **out, size_t *out_count, const char **detail)
{
    struct tl_str region = region_of(kinds, ev);
    size_t count = ev->identifiers_count;
    struct store_identifier id;
    int err;

    *out_count = 0;
    if ((*out = arena_alloc(arena, count * sizeof **out)) == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < count; i++) {
        err = normalise_one(kinds, ev->identifiers[i], region, arena, &id, detail);
        if (err == 0)
            *out_count = insert(*out, *out_count, &id);
        else if (err != VALUE_BLOCKED)
            return err;
    }
    if (count > 0 && *out_count == 0) {
        *detail = "identifiers: none of them stands for a customer";
        return TL_BAD_IDENTIFIER;
    }
    return 0;
}

int
normalise_link(const struct kinds *kinds, const struct tl_event *ev, struct arena *arena,
               struct store_identifier out[2], const char **detail)
{
    const struct tl_identifier *sides[2] = {ev->link->a, ev->link->b};

    for (int i = 0; i < 2; i++) {
        int err = normalise_one(kinds, *sides[i], region_of(kinds, ev), arena, &out[i], detail);

        if (err == VALUE_BLOCKED) {
            *detail = "link: a value that stands for nobody";
            return TL_BAD_IDENTIFIER;
        }
        if (err != 0)
            return err;
    }
    if (compare(&out[0], &out[1]) != 0)
        return 0;
    *detail = "link: a and b are the same";
    return TL_BAD_FACET;
}

int
normalise_customer(const struct kinds *kinds, struct tl_str text, struct arena *arena,
                   struct store_identifier *out, const char **detail)
{
    const char *colon = text.len > 0 ? memchr(text.ptr, ':', text.len) : NULL;
    struct tl_identifier id;
    int err;

    if (colon == NULL) {
        *detail = "a customer is named TYPE:VALUE, as in email:joe@example.com";
        return TL_BAD_IDENTIFIER;
    }
    id.type = (struct tl_str){text.ptr, (size_t)(colon - text.ptr)};
    id.value = (struct tl_str){colon + 1, text.len - id.type.len - 1};
    err = normalise_one(kinds, id, kinds_region(kinds, (struct tl_str){"", 0}), arena, out,
                        detail);
    if (err == VALUE_BLOCKED) {
        *detail = "this value stands for nobody";
        return TL_BAD_IDENTIFIER;
    }
    return err;
}
