#include "store/company.h"

#include "proto/code.h"
#include "proto/str.h"
#include "store/key.h"

#define NAME_BYTES 2

/* A counter's name: what it counts, as two letters. */
struct name {
    char text[NAME_BYTES + 1];
};

static struct name
name_of(unsigned first, unsigned second)
{
    return (struct name){{(char)('a' + first), (char)('a' + second), '\0'}};
}

static struct name
name_of_word(unsigned by, unsigned word)
{
    return name_of(by, word);
}

static struct name
name_of_sum(unsigned sum)
{
    return name_of(SPOKEN_WAYS, sum);
}

_Static_assert(SPOKEN_WAYS < 26 && RELATIONSHIP_SUMS <= 26, "letters");

void
company_said(struct counters *c, const struct spoken *said)
{
    struct name name;

    if (said->word == SPOKEN_NO_WORD)
        return;
    name = name_of_word((unsigned)said->by, (unsigned)said->word);
    counter_add(c, COUNTER_RELATIONSHIP, (struct tl_str){name.text, NAME_BYTES}, 1);
}

static int
count_difference(struct counters *c, struct tl_str before, struct tl_str now)
{
    struct relationship was = {0}, is = {0};

    if (relationship_read(&was, before) != 0 || relationship_read(&is, now) != 0)
        return TL_EDAMAGED;
    for (unsigned i = 0; i < RELATIONSHIP_SUMS; i++) {
        struct name name = name_of_sum(i);

        if (is.sums.of[i] != was.sums.of[i])
            counter_add(c, COUNTER_RELATIONSHIP, (struct tl_str){name.text, NAME_BYTES},
                        is.sums.of[i] - was.sums.of[i]);
    }
    return 0;
}

int
company_moved(struct counters *c, struct views *v, uint64_t profile, struct tl_str kept)
{
    struct tl_str now = relationship_sums_of(kept), counted = {"", 0};
    struct key k;
    int err;

    key_global(&k, KEY_COUNTED);
    key_add_number(&k, profile);
    views_get(v, k.bytes, k.len, &counted);
    if (str_equal(counted, now))
        return 0;
    err = count_difference(c, counted, now);
    if (now.len > 0)
        views_put(v, k.bytes, k.len, now.ptr, now.len);
    else
        views_delete(v, k.bytes, k.len);
    return err;
}

void
company_read(const struct counters *c, struct relationship *out)
{
    *out = (struct relationship){0};
    for (unsigned by = 0; by < SPOKEN_WAYS; by++)
        for (unsigned word = 0; word < SPOKEN_WORDS; word++)
            out->words[by][word] =
                counter_get(c, COUNTER_RELATIONSHIP, name_of_word(by, word).text);
    for (unsigned i = 0; i < RELATIONSHIP_SUMS; i++)
        out->sums.of[i] = (int64_t)counter_get(c, COUNTER_RELATIONSHIP, name_of_sum(i).text);
}
