/* What a person decided: two identifiers are one customer, or they are not. */

#include "proto/code.h"
#include "store/binding.h"
#include "store/identity.h"
#include "store/identity_decide.h"
#include "store/link.h"

/* The two, while it is decided whom they mean. */
struct meaning {
    struct views *v;
    const struct store_identifier *ids;
    struct binding bindings[2];
    bool known[2];
    struct identity_decision *out;
};

/* Whom an identifier finds by itself; 0: nobody. */
static int
points_at(const struct meaning *m, size_t i, uint64_t *profile)
{
    enum weak_says says;

    *profile = 0;
    if (!m->known[i])
        return 0;
    if (!m->ids[i].strong)
        return identity_weak(m->v, &m->ids[i], &m->bindings[i], &says, profile);
    *profile = m->bindings[i].home;
    return 0;
}

static int
are_one(struct views *v, uint64_t a, uint64_t b, bool *one)
{
    uint64_t profiles[STORE_PROFILES_MAX];
    size_t count;

    if (identity_customer(v, a, profiles, &count) != 0)
        return TL_EDAMAGED;
    *one = identity_among(b, profiles, count);
    return 0;
}

/* Beside a name of somebody to whom a weak identifier leads, or led once, what is
 * meant by it is what it brought him: its own profile. */
static int
mean_own(const struct meaning *m, size_t i, uint64_t other, uint64_t *profile)
{
    uint64_t own = m->bindings[i].home;
    bool linked, finds = false, strong;
    int err;

    if (!m->known[i] || m->ids[i].strong || own == 0 || other == 0 || own == other)
        return 0;
    if ((err = are_one(m->v, own, other, &linked)) != 0 ||
        (*profile != 0 && (err = are_one(m->v, *profile, other, &finds)) != 0) ||
        (err = identity_has_strong(m->v, own, &strong)) != 0)
        return err;
    if (linked || (finds && !strong))
        *profile = own;
    return 0;
}

static void
act(struct meaning *m, size_t i, unsigned action)
{
    m->out->actions[i] = identity_action(&m->ids[i], action);
}

/* Whom a person means by two identifiers; whoever is nobody yet begins. */
static int
mean(struct meaning *m, uint64_t meant[2], bool begins[2])
{
    uint64_t found[2], other[2];
    int err = 0;

    for (size_t i = 0; i < 2 && err == 0; i++)
        err = points_at(m, i, &found[i]);
    for (size_t i = 0; i < 2; i++) {
        meant[i] = found[i];
        other[i] = found[1 - i] != 0 ? found[1 - i] : m->bindings[1 - i].home;
    }
    for (size_t i = 0; i < 2 && err == 0; i++) {
        err = mean_own(m, i, other[i], &meant[i]);
        begins[i] = meant[i] == 0;
        if (begins[i])
            meant[i] = m->out->next_profile++;
        act(m, i, !begins[i] ? FRAME_KEEP : m->ids[i].strong ? FRAME_BIND : FRAME_OWN);
    }
    return err;
}

static int
refuse(int code, const char *sentence, const char **detail)
{
    *detail = sentence;
    return code;
}

static int
may_join(struct views *v, struct identity_say *said, const char **detail)
{
    uint64_t a[STORE_PROFILES_MAX], b[STORE_PROFILES_MAX];
    size_t a_count, b_count;

    if (identity_customer(v, said->a, a, &a_count) != 0 ||
        identity_customer(v, said->b, b, &b_count) != 0)
        return TL_EDAMAGED;
    said->moves = !identity_among(said->b, a, a_count);
    if (said->moves && a_count + b_count > STORE_PROFILES_MAX)
        return refuse(TL_TOO_MANY, "link: a customer has at most 64 profiles", detail);
    return 0;
}

static int
may_remember(struct views *v, uint64_t profile, uint64_t other, const char **detail)
{
    const struct link *known;
    struct links l;

    if (link_get(v, profile, &l) != 0)
        return TL_EDAMAGED;
    known = link_find(&l, other);
    if ((known == NULL || !link_refused(known)) && link_refusals(&l) == LINK_REFUSALS_MAX)
        return refuse(TL_TOO_MANY, "link: at most 64 profiles are unlinked from one", detail);
    return 0;
}

static int
may_part(struct views *v, struct identity_say *said, const char **detail)
{
    uint64_t profiles[STORE_PROFILES_MAX];
    size_t count;
    int err;

    if (identity_without(v, said->a, said->b, profiles, &count) != 0)
        return TL_EDAMAGED;
    if (identity_among(said->b, profiles, count))
        return refuse(TL_BAD_FACET, "link: a and b are also joined by way of other identifiers; "
                                    "unlink those from one of the two first", detail);
    if (identity_customer(v, said->a, profiles, &count) != 0)
        return TL_EDAMAGED;
    said->moves = identity_among(said->b, profiles, count);
    if ((err = may_remember(v, said->a, said->b, detail)) != 0)
        return err;
    return may_remember(v, said->b, said->a, detail);
}

/* Was something said of the two that is later than `time`? */
static int
is_outdated(struct views *v, const struct identity_say *said, int64_t time, bool *outdated)
{
    const struct link *known;
    struct links l;

    if (link_get(v, said->a, &l) != 0)
        return TL_EDAMAGED;
    known = link_find(&l, said->b);
    *outdated = known != NULL && known->said && known->time > time;
    return 0;
}

int
identity_decide_link(struct views *v, const struct store_identifier ids[2], bool joined,
                     int64_t time, uint64_t next_profile, struct identity_decision *out,
                     const char **detail)
{
    struct meaning m = {.v = v, .ids = ids, .out = out};
    struct identity_say *said = &out->says[0];
    bool begins[2], outdated;
    uint64_t meant[2];
    int err;

    identity_begin(out, next_profile);
    *said = (struct identity_say){.what = joined ? IDENTITY_LINKED : IDENTITY_UNLINKED,
                                  .said = true,
                                  .id_a = {ids[0].type, ids[0].value},
                                  .id_b = {ids[1].type, ids[1].value}};
    if ((err = binding_get_all(v, ids, 2, m.bindings, m.known)) != 0 ||
        (err = mean(&m, meant, begins)) != 0)
        return err;
    said->a = meant[0];
    said->b = meant[1];
    out->profile = said->a;
    act(&m, 1, FRAME_ELSEWHERE);
    if (said->a == said->b)
        return refuse(TL_BAD_FACET, joined ? "link: a and b are one profile already"
                                           : "link: a and b are one profile, which has no parts",
                      detail);
    said->bind = begins[1] ? &ids[1] : NULL;
    if ((err = is_outdated(v, said, time, &outdated)) != 0 || outdated)
        return err;
    out->says_count = 1;
    return joined ? may_join(v, said, detail) : may_part(v, said, detail);
}
