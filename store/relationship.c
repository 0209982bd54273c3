#include "store/relationship.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/must.h"
#include "proto/code.h"
#include "store/record.h"

#define MINUTE_NS (60 * CLOCK_SECOND)
#define HOUR_NS (60 * MINUTE_NS)
#define DAY_NS (24 * HOUR_NS)

/* Codes of what is kept, in this order: words by way, then sums. */
#define WORD_CODES (SPOKEN_WAYS * SPOKEN_WORDS)
#define CODES (WORD_CODES + RELATIONSHIP_SUMS)

_Static_assert(CODES <= 255, "a byte is a code");

/* The last class has no end. */
static const struct {
    int64_t end_ns;
    struct tl_str name;
} within[RELATIONSHIP_WITHIN_COUNT] = {
    {MINUTE_NS, {"1 min", 5}}, {15 * MINUTE_NS, {"15 min", 6}}, {HOUR_NS, {"1 h", 3}},
    {4 * HOUR_NS, {"4 h", 3}}, {DAY_NS, {"1 d", 3}},            {3 * DAY_NS, {"3 d", 3}},
    {7 * DAY_NS, {"7 d", 3}},  {INT64_MAX, {"longer", 6}},
};

void
relationship_response(struct relationship_sums *sums, int64_t asked, int64_t answered)
{
    int64_t took = answered > asked ? answered - asked : 0;
    size_t class = 0;

    if (asked == 0 || answered == 0)
        return;
    while (took > within[class].end_ns)
        class++;
    sums->of[RELATIONSHIP_RESPONSES]++;
    sums->of[RELATIONSHIP_RESPONSE_MS] += took / CLOCK_MS;
    sums->of[RELATIONSHIP_WITHIN + class]++;
}

void
relationship_move(struct relationship_sums *moved, const struct relationship_sums *before,
                  const struct relationship_sums *now)
{
    for (size_t i = 0; i < RELATIONSHIP_SUMS; i++)
        moved->of[i] += now->of[i] - before->of[i];
}

/* ------------------------------------------------------------------ as kept */

static bool
next_kept(struct record *r, unsigned *code, uint64_t *count)
{
    if (r->at == r->end || r->bad)
        return false;
    *code = record_byte(r);
    *count = record_varint(r);
    return *code < CODES ? !r->bad : record_fault(r) != 0;
}

static int64_t
change_of(unsigned code, unsigned word, const struct relationship_sums *moved)
{
    if (code < WORD_CODES)
        return code == word;
    return moved != NULL ? moved->of[code - WORD_CODES] : 0;
}

static unsigned char *
write_kept(unsigned char *at, unsigned code, uint64_t count)
{
    if (count == 0)
        return at;
    *at++ = (unsigned char)code;
    return record_write_varint(at, count);
}

/* What comes with codes from *from up to `to`, of what changes and was not there. */
static unsigned char *
write_new(unsigned char *at, unsigned *from, unsigned to, unsigned word,
          const struct relationship_sums *moved)
{
    if (moved == NULL) {
        if (word >= *from && word < to)
            at = write_kept(at, word, 1);
        *from = to;
    }
    for (; *from < to; ++*from)
        at = write_kept(at, *from, (uint64_t)change_of(*from, word, moved));
    return at;
}

int
relationship_change(struct tl_str *kept, const struct spoken *said,
                    const struct relationship_sums *moved, struct arena *arena)
{
    unsigned word = said->word == SPOKEN_NO_WORD
                        ? CODES
                        : (unsigned)said->by * SPOKEN_WORDS + (unsigned)said->word;
    size_t changes = moved != NULL ? RELATIONSHIP_SUMS + 1 : 1;
    size_t room = kept->len + (RECORD_VARINT_MAX + 1) * changes;
    unsigned char *start = arena_take(arena, room), *at = start;
    struct record r = record_open(*kept);
    unsigned code, from = 0;
    uint64_t count;

    if (start == NULL)
        return TL_TOO_MANY;
    while (next_kept(&r, &code, &count)) {
        if (code < from)
            return TL_EDAMAGED;
        at = write_new(at, &from, code, word, moved);
        at = write_kept(at, code, count + (uint64_t)change_of(code, word, moved));
        from = code + 1;
    }
    at = write_new(at, &from, CODES, word, moved);
    must((size_t)(at - start) <= room);
    *kept = (struct tl_str){(const char *)start, (size_t)(at - start)};
    return r.bad ? TL_EDAMAGED : 0;
}

struct tl_str
relationship_sums_of(struct tl_str kept)
{
    struct record r = record_open(kept);
    const unsigned char *from = r.at;
    unsigned code = 0;
    uint64_t count;

    while (next_kept(&r, &code, &count) && code < WORD_CODES)
        from = r.at;
    return (struct tl_str){(const char *)from, (size_t)(r.end - from)};
}

int
relationship_read(struct relationship *into, struct tl_str kept)
{
    struct record r = record_open(kept);
    unsigned code;
    uint64_t count;

    while (next_kept(&r, &code, &count)) {
        if (code < WORD_CODES)
            into->words[code / SPOKEN_WORDS][code % SPOKEN_WORDS] += count;
        else
            into->sums.of[code - WORD_CODES] += (int64_t)count;
    }
    return r.bad ? TL_EDAMAGED : 0;
}

/* ----------------------------------------------------------------- in words */

static uint64_t
messages(const struct relationship *r, bool ours)
{
    uint64_t count = 0;

    for (size_t by = 0; by < SPOKEN_WAYS; by++) {
        const uint64_t *words = r->words[by];

        if (!ours)
            count += words[SPOKEN_HIS];
        else
            count += words[SPOKEN_OURS] > words[SPOKEN_OURS_DELIVERED]
                         ? words[SPOKEN_OURS]
                         : words[SPOKEN_OURS_DELIVERED];
    }
    return count;
}

static uint64_t
words_of(const struct relationship *r, enum spoken_word word)
{
    uint64_t count = 0;

    for (size_t by = 0; by < SPOKEN_WAYS; by++)
        count += r->words[by][word];
    return count;
}

/* Rounded; 0 of 0 is 0. */
static uint32_t
percent(uint64_t part, uint64_t of)
{
    return of > 0 ? (uint32_t)((part * 200 + of) / (2 * of)) : 0;
}

static void
fill_counts(const struct relationship *r, struct tl_relationship *out)
{
    const int64_t *sums = r->sums.of;

    out->ours = messages(r, true) + (uint64_t)sums[RELATIONSHIP_OUR_CALLS];
    out->his = messages(r, false) + (uint64_t)sums[RELATIONSHIP_HIS_CALLS];
    out->ours_percent = percent(out->ours, out->ours + out->his);
    out->opened = words_of(r, SPOKEN_OPENED);
    out->clicked = words_of(r, SPOKEN_CLICKED);
    out->conversations = (uint64_t)sums[RELATIONSHIP_CONVERSATIONS];
    out->begun = (uint64_t)sums[RELATIONSHIP_BEGUN];
    out->replied = (uint64_t)sums[RELATIONSHIP_REPLIED];
    out->heard = (uint64_t)sums[RELATIONSHIP_HEARD];
    out->answered = (uint64_t)sums[RELATIONSHIP_ANSWERED];
    out->unanswered = (uint64_t)sums[RELATIONSHIP_UNANSWERED];
}

static void
fill_promises(const struct relationship *r, struct tl_relationship *out)
{
    out->promises_kept = (uint64_t)r->sums.of[RELATIONSHIP_KEPT];
    out->promises_broken = (uint64_t)r->sums.of[RELATIONSHIP_BROKEN];
    out->promises_overdue = (uint64_t)r->sums.of[RELATIONSHIP_OVERDUE];
    out->kept_percent = percent(out->promises_kept, out->promises_kept + out->promises_broken +
                                                        out->promises_overdue);
}

static bool
fill_responses(const struct relationship *r, struct tl_relationship *out, struct arena *arena)
{
    out->responses = (uint64_t)r->sums.of[RELATIONSHIP_RESPONSES];
    if (out->responses == 0)
        return true;
    out->response_mean_ms = r->sums.of[RELATIONSHIP_RESPONSE_MS] / (int64_t)out->responses;
    out->response_within = arena_alloc(arena, RELATIONSHIP_WITHIN_COUNT *
                                                  sizeof(out->response_within[0]));
    if (out->response_within == NULL)
        return false;
    for (size_t i = 0; i < RELATIONSHIP_WITHIN_COUNT; i++)
        if (r->sums.of[RELATIONSHIP_WITHIN + i] > 0)
            out->response_within[out->response_within_count++] = (struct tl_count){
                within[i].name, (uint64_t)r->sums.of[RELATIONSHIP_WITHIN + i]};
    return true;
}

struct tl_relationship *
relationship_answer(const struct relationship *r, struct arena *arena)
{
    struct tl_relationship *out = arena_alloc(arena, sizeof(*out));

    if (out == NULL)
        return NULL;
    fill_counts(r, out);
    fill_promises(r, out);
    return fill_responses(r, out, arena) ? out : NULL;
}
