#include "broker/kinds.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "proto/str.h"
#include "proto/valid.h"

#define WEAK_RANK 1000

/* Strongest first.  Numbers of customers, accounts and cards are text: their
 * zeros in front count. */
static const struct kind built_in[] = {
    {.name = "crm", .strong = true, .single = true},
    {.name = "user", .strong = true, .single = true},
    {.name = "account", .strong = true, .single = true},
    {.name = "loyalty", .strong = true, .single = true},
    {.name = "email", .strong = true, .spelling = SPELL_EMAIL},
    {.name = "payment", .strong = true},
    {.name = "phone", .spelling = SPELL_PHONE},
    {.name = "social"},
    {.name = "device", .follows_login = true},
    {.name = "cookie", .follows_login = true},
    {.name = "anonymous", .follows_login = true},
    {.name = "receipt"},
};

#define BUILT_IN (sizeof built_in / sizeof built_in[0])

/* What systems send when they mean nobody.  Of any type, in any case. */
static const struct tl_str nobody[] = {
    TL_STR("null"), TL_STR("(null)"), TL_STR("nil"), TL_STR("none"), TL_STR("undefined"),
    TL_STR("anonymous"), TL_STR("unknown"), TL_STR("guest"), TL_STR("n/a"), TL_STR("?"),
    TL_STR("1234567890"),
};

/* As nobody[], for telephones: what exchanges hand over for a withheld number,
 * some of them spelled on a keypad. */
static const struct tl_str nobody_calls[] = {
    TL_STR("restricted"), TL_STR("private"), TL_STR("unavailable"), TL_STR("blocked"),
    TL_STR("withheld"), TL_STR("+266696687"), TL_STR("+7378742833"), TL_STR("+2562533"),
    TL_STR("+8656696"), TL_STR("+86282452253"), TL_STR("+11234567890"), TL_STR("+1234567890"),
    TL_STR("0123456789"), TL_STR("123456789"), TL_STR("12345678"),
};

struct pair {
    char *name;         /* a type or a source; "*": any */
    char *value;
};

struct kinds {
    struct kind items[BUILT_IN + KINDS_OWN_MAX + 1];    /* the last is any other x-... */
    size_t count;
    size_t lengths[BUILT_IN + KINDS_OWN_MAX + 1];       /* of their names */
    struct pair blocked[BLOCKED_VALUES_MAX];
    size_t blocked_count;
    struct pair regions[REGIONS_MAX];
    size_t regions_count;
};

/* ---------------------------------------------------------------- the file */

__attribute__((format(printf, 2, 3))) static int
wrong(char why[CONF_WHY_BYTES], const char *sentence, ...)
{
    va_list args;

    va_start(args, sentence);
    vsnprintf(why, CONF_WHY_BYTES, sentence, args);
    va_end(args);
    return -1;
}

static char *
copy(const char *text)
{
    char *made = strdup(text);

    must(made != NULL);
    return made;
}

/* The next word of a list of words with commas between them, without the blanks
 * around it; NULL: the list is over. */
static char *
next_word(char **list)
{
    char *word = *list, *end;

    if (word == NULL)
        return NULL;
    if ((*list = strchr(word, ',')) != NULL)
        *(*list)++ = '\0';
    word += strspn(word, " \t");
    for (end = word + strlen(word); end > word && strchr(" \t", end[-1]) != NULL; end--)
        end[-1] = '\0';
    return word;
}

static bool
is_own(const char *name)
{
    return strncmp(name, "x-", 2) == 0 && strlen(name) > 2 &&
           strlen(name) <= IDENTIFIER_TYPE_BYTES_MAX &&
           valid_word((struct tl_str){name, strlen(name)});
}

static struct kind *
find(struct kinds *k, const char *name)
{
    for (size_t i = 0; i < k->count; i++)
        if (strcmp(k->items[i].name, name) == 0)
            return &k->items[i];
    return NULL;
}

/* The kind of that name; one of somebody's own begins as weak. */
static struct kind *
find_or_add(struct kinds *k, const char *name, char why[CONF_WHY_BYTES])
{
    struct kind *kind = find(k, name);

    if (kind != NULL)
        return kind;
    if (!is_own(name)) {
        wrong(why, "`%s` is neither a known type of identifiers nor x-WORD", name);
        return NULL;
    }
    if (k->count == BUILT_IN + KINDS_OWN_MAX) {
        wrong(why, "`%s` is one too many: at most 64 types are named", name);
        return NULL;
    }
    k->items[k->count] = (struct kind){.name = copy(name)};
    return &k->items[k->count++];
}

static bool
take_word(struct kind *kind, const char *word)
{
    if (strcmp(word, "strong") == 0)
        kind->strong = true;
    else if (strcmp(word, "weak") == 0)
        kind->strong = kind->single = false;
    else if (strcmp(word, "one") == 0)
        kind->single = true;
    else if (strcmp(word, "several") == 0)
        kind->single = false;
    else if (strcmp(word, "follows login") == 0)
        kind->follows_login = true;
    else if (strcmp(word, "keeps case") == 0)
        kind->keeps_case = true;
    else
        return false;
    return true;
}

static int
take_type(struct kinds *k, const char *name, char *words, char why[CONF_WHY_BYTES])
{
    struct kind *kind = find_or_add(k, name, why);
    bool strong = false, weak = false, follows = false;
    const char *word;

    if (kind == NULL)
        return -1;
    while ((word = next_word(&words)) != NULL) {
        if (!take_word(kind, word))
            return wrong(why, "`%s` is none of strong, weak, one, several, follows login, "
                              "keeps case", word);
        strong = strong || strcmp(word, "strong") == 0;
        weak = weak || strcmp(word, "weak") == 0;
        follows = follows || strcmp(word, "follows login") == 0;
    }
    if (strong && weak)
        return wrong(why, "`%s` is either strong or weak", name);
    if (kind->strong && follows)
        return wrong(why, "`%s`: what follows the login is weak", name);
    if (kind->strong)
        kind->follows_login = false;
    if (kind->single && !kind->strong)
        return wrong(why, "`%s`: only of a strong type each person has one", name);
    if (kind->keeps_case && kind->spelling != SPELL_EMAIL)
        return wrong(why, "`%s`: only email can keep the case; others do anyway", name);
    return 0;
}

static int
add_pair(struct pair *pairs, size_t *count, size_t max, const char *name, const char *value,
         char why[CONF_WHY_BYTES])
{
    if (*count == max)
        return wrong(why, "`%s` is one too many: at most 1000 are named", value);
    pairs[(*count)++] = (struct pair){copy(name), copy(value)};
    return 0;
}

static int
take_blocked(struct kinds *k, const char *name, char *values, char why[CONF_WHY_BYTES])
{
    const char *value;
    int err = 0;

    if (strcmp(name, "*") != 0 && find_or_add(k, name, why) == NULL)
        return -1;
    while (err == 0 && (value = next_word(&values)) != NULL)
        err = value[0] != '\0'
                  ? add_pair(k->blocked, &k->blocked_count, BLOCKED_VALUES_MAX, name, value, why)
                  : wrong(why, "`%s`: a value is empty", name);
    return err;
}

static int
take_region(struct kinds *k, const char *name, const char *region, char why[CONF_WHY_BYTES])
{
    if (strlen(region) != 2 || !isupper((unsigned char)region[0]) ||
        !isupper((unsigned char)region[1]))
        return wrong(why, "`%s` is no region of two capitals, as in DE", region);
    for (size_t i = 0; i < k->regions_count; i++)
        if (strcmp(k->regions[i].name, name) == 0)
            return wrong(why, "`%s` is set a second time", name);
    return add_pair(k->regions, &k->regions_count, REGIONS_MAX, name, region, why);
}

static int
take(void *arg, const char *section, const char *name, const char *value,
     char why[CONF_WHY_BYTES])
{
    char *list = copy(value);
    int err;

    if (strcmp(section, "types") == 0)
        err = take_type(arg, name, list, why);
    else if (strcmp(section, "blocked") == 0)
        err = take_blocked(arg, name, list, why);
    else if (strcmp(section, "regions") == 0)
        err = take_region(arg, name, value, why);
    else
        err = wrong(why, "there is no section [%s]: types, blocked, regions", section);
    free(list);
    return err;
}

int
kinds_read(struct kinds **out, const char *path, char error[CONF_ERROR_BYTES])
{
    struct kinds *k = calloc(1, sizeof *k);

    must(k != NULL);
    memcpy(k->items, built_in, sizeof built_in);
    k->count = BUILT_IN;
    if (path != NULL && conf_walk(path, take, k, error) != 0) {
        kinds_free(&k);
        return -1;
    }
    k->items[k->count++] = (struct kind){.name = "x-*"};
    for (unsigned i = 0; i < k->count; i++) {
        k->items[i].rank = k->items[i].strong ? i : WEAK_RANK + i;
        k->lengths[i] = strlen(k->items[i].name);
    }
    *out = k;
    return 0;
}

static void
free_pairs(struct pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(pairs[i].name);
        free(pairs[i].value);
    }
}

void
kinds_free(struct kinds **k)
{
    if (*k == NULL)
        return;
    for (size_t i = BUILT_IN; i < (*k)->count; i++)
        if (strcmp((*k)->items[i].name, "x-*") != 0)
            free((void *)(uintptr_t)(*k)->items[i].name);
    free_pairs((*k)->blocked, (*k)->blocked_count);
    free_pairs((*k)->regions, (*k)->regions_count);
    free(*k);
    *k = NULL;
}

/* ----------------------------------------------------------------- asking */

const struct kind *
kinds_find(const struct kinds *k, struct tl_str type)
{
    for (size_t i = 0; i < k->count - 1; i++)
        if (type.len == k->lengths[i] && short_equal(type.ptr, k->items[i].name, type.len))
            return &k->items[i];
    return type.len > 2 && type.ptr[0] == 'x' && type.ptr[1] == '-' ? &k->items[k->count - 1]
                                                                    : NULL;
}

static bool
same_word(struct tl_str s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.ptr, word, s.len) == 0;
}

static bool
one_of(struct tl_str s, const struct tl_str *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (s.len == words[i].len && strncasecmp(s.ptr, words[i].ptr, s.len) == 0)
            return true;
    return false;
}

bool
kinds_blocked(const struct kinds *k, const struct kind *kind, struct tl_str value)
{
    if (one_of(value, nobody, sizeof nobody / sizeof nobody[0]))
        return true;
    if (kind->spelling == SPELL_PHONE &&
        one_of(value, nobody_calls, sizeof nobody_calls / sizeof nobody_calls[0]))
        return true;
    for (size_t i = 0; i < k->blocked_count; i++)
        if ((k->blocked[i].name[0] == '*' || strcmp(k->blocked[i].name, kind->name) == 0) &&
            same_word(value, k->blocked[i].value))
            return true;
    return false;
}

struct tl_str
kinds_region(const struct kinds *k, struct tl_str source)
{
    struct tl_str any = {"", 0};

    for (size_t i = 0; i < k->regions_count; i++) {
        const struct pair *p = &k->regions[i];

        if (str_is(source, p->name))
            return (struct tl_str){p->value, strlen(p->value)};
        if (strcmp(p->name, "*") == 0)
            any = (struct tl_str){p->value, strlen(p->value)};
    }
    return any;
}
