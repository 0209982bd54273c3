#include "adapters/call/calls.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/must.h"

struct calls {
    struct map by_id;
    struct call *all;           /* CALLS_MAX, used in a ring */
    size_t next;
};

struct calls *
calls_new(void)
{
    struct calls *c = calloc(1, sizeof *c);

    must(c != NULL && (c->all = calloc(CALLS_MAX, sizeof *c->all)) != NULL);
    return c;
}

void
calls_free(struct calls *c)
{
    map_fini(&c->by_id);
    free(c->all);
    free(c);
}

struct call *
calls_find(struct calls *c, struct tl_str id)
{
    return id.len > 0 ? map_get(&c->by_id, id.ptr, id.len) : NULL;
}

struct call *
calls_get(struct calls *c, struct tl_str id)
{
    struct call *call = calls_find(c, id);

    if (call != NULL || id.len == 0 || id.len >= CALL_TEXT_BYTES)
        return call;
    call = &c->all[c->next];
    c->next = (c->next + 1) % CALLS_MAX;
    if (call->id[0] != '\0')
        map_remove(&c->by_id, call->id, strlen(call->id));
    *call = (struct call){0};
    call_keep(call->id, id);
    *map_put(&c->by_id, call->id, strlen(call->id)) = call;
    return call;
}

struct call *
calls_of_agent(struct calls *c, struct tl_str agent)
{
    for (size_t i = 0; i < CALLS_MAX && agent.len > 0; i++) {
        struct call *call = &c->all[(c->next + CALLS_MAX - 1 - i) % CALLS_MAX];

        if (call->id[0] == '\0')
            break;
        if (call->answered && !call->ended && strlen(call->agent) == agent.len
            && memcmp(call->agent, agent.ptr, agent.len) == 0)
            return call;
    }
    return NULL;
}

void
call_keep(char field[CALL_TEXT_BYTES], struct tl_str text)
{
    if (text.len == 0 || text.len >= CALL_TEXT_BYTES)
        return;
    memcpy(field, text.ptr, text.len);
    field[text.len] = '\0';
}
