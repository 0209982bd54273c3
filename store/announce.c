/* What the bus itself has to say when a promise is due.  Said by the clock of the
 * running broker only: catching up and rebuilding find it in the log. */

#include <stdio.h>

#include "proto/code.h"
#include "proto/valid.h"
#include "store/card.h"
#include "store/commitment.h"
#include "store/identity.h"
#include "store/state.h"

/* The profile, the due time, the stage, and the commitment's own id. */
#define ANNOUNCEMENT_ID_BYTES (ID_BYTES_MAX + 64)

static struct tl_str
announcement_id(char out[ANNOUNCEMENT_ID_BYTES], const struct due_entry *entry)
{
    int len = snprintf(out, ANNOUNCEMENT_ID_BYTES, "%s:%llu:%lld:%.*s",
                       entry->stage == DUE_DUE ? "due" : "overdue",
                       (unsigned long long)entry->profile, (long long)entry->due,
                       (int)entry->id.len, entry->id.ptr);

    return (struct tl_str){out, (size_t)len};
}

/* Those of its card that are its own. */
static int
list_identifiers(struct store *st, uint64_t profile, struct tl_event *ev)
{
    struct tl_identifier *ids = arena_alloc(&st->arena, IDENTIFIERS_MAX * sizeof(ids[0]));
    struct card *c = arena_alloc(&st->arena, sizeof(*c));
    struct tl_str bytes;
    struct key k;

    if (ids == NULL || c == NULL)
        return TL_TOO_MANY;
    key_profile(&k, profile, KEY_CARD);
    if (!views_get(st->views, k.bytes, k.len, &bytes) || card_read(c, bytes) != 0)
        return TL_EDAMAGED;
    ev->identifiers = ids;
    for (size_t i = 0; i < c->identifiers_count && ev->identifiers_count < IDENTIFIERS_MAX; i++)
        if (!(c->identifiers[i].kind & CARD_ELSEWHERE))
            ids[ev->identifiers_count++] =
                (struct tl_identifier){c->identifiers[i].type, c->identifiers[i].value};
    return 0;
}

static int
announce(struct store *st, const struct due_entry *entry, struct tl_commitment *said,
         uint64_t cause, int64_t now)
{
    char id[ANNOUNCEMENT_ID_BYTES], cause_text[POSITION_BYTES + 1];
    struct tl_event ev = {
        .id = announcement_id(id, entry),
        .type = entry->stage == DUE_DUE ? TL_STR(COMMITMENT_DUE) : TL_STR(COMMITMENT_OVERDUE),
        .time = entry->due + (entry->stage == DUE_DUE ? 0 : st->settings.grace_ns),
        .channel = TL_STR("system"),
        .direction = TL_STR("internal"),
        .causation_id = {cause_text, POSITION_BYTES},
        .commitments = said,
        .commitments_count = 1,
    };
    int err = list_identifiers(st, entry->profile, &ev);

    position_format(cause_text, (struct position){store_log_id(st), cause});
    return err != 0 ? err : store_say_once(st, &ev, entry->profile, now);
}

static int
look_at(struct store *st, const struct due_entry *entry, int64_t now)
{
    uint64_t profiles[STORE_PROFILES_MAX], cause;
    struct commitment_query query = {.views = st->views, .profiles = profiles};
    struct tl_commitment said;
    int err;

    arena_reset(&st->arena);
    err = identity_customer(st->views, entry->profile, profiles, &query.profiles_count);
    if (err == 0)
        err = commitment_standing(&query, entry, &said, &cause);
    if (err == TL_NOT_FOUND)
        return 0;
    return err != 0 ? err : announce(st, entry, &said, cause, now);
}

int
store_announce_due(struct store *st, int64_t now, size_t max, bool *more)
{
    const int64_t until[DUE_STAGES] = {now, now - st->settings.grace_ns};
    enum due_stage stage = DUE_DUE;
    struct due_entry entry;
    int err = 0;

    *more = false;
    while (stage < DUE_STAGES && err == 0) {
        if (!due_next(st->views, &st->fold.due, stage, until[stage], &entry)) {
            stage++;
            continue;
        }
        if ((*more = max == 0 || !store_has_room(st)))
            return 0;
        max--;
        if ((err = look_at(st, &entry, now)) == 0)
            due_pass(&st->fold.due, &entry);
    }
    return store_sound(st, err);
}
