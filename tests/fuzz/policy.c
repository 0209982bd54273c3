/* A contact policy; one that is taken answers for a customer with a bit of
 * everything. */

#include <string.h>

#include "base/clock.h"
#include "store/verdict.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memfile.h"

#define HOUR (3600 * CLOCK_SECOND)
#define NOW (19797LL * 24 * HOUR)
#define LOG_ID 1

static struct tl_consent_state consents[] = {
    {.purpose = {"marketing", 9}, .channel = {"sms", 3}, .status = {"revoked", 7}},
    {.purpose = {"research", 8}, .status = {"granted", 7}},
};

static struct contact_entry entries[] = {
    {{"email", 5}, {"", 0}, {.time = NOW - HOUR, .number = 1, .key = 7}},
    {{"email", 5}, {"service", 7}, {.time = NOW - 2 * HOUR, .number = 2, .key = 7}},
    {{"sms", 3}, {"", 0}, {.time = NOW - 30 * HOUR, .number = 3}},
    {{"call", 4}, {"research", 8}, {.time = NOW - 500 * HOUR, .number = 4}},
    {{"email", 5}, {"marketing", 9}, {.time = NOW - 1, .number = 5, .key = 9, .until = NOW + 1}},
};

static void
decide(struct policy *p, struct tl_str purpose, struct tl_str channel)
{
    struct contact_record record = {.entries = entries,
                                    .count = sizeof entries / sizeof entries[0],
                                    .declined = {NOW - HOUR, 6}};
    struct verdict_facts facts = {.now = NOW, .purpose = purpose, .consents = consents,
                                  .consents_count = 2, .declined = record.declined,
                                  .complaint = {NOW - HOUR, channel.len % 2 ? 8 : 0},
                                  .zone = policy_zone(p, channel)};
    struct contact_entry *counted;
    struct arena arena;
    struct verdict v;

    arena_init(&arena, 1u << 16);
    must(verdict_count(&record, purpose, NOW, LOG_ID, &counted, &facts.counted_count, &arena) == 0);
    facts.counted = counted;
    verdict_decide(p, &facts, channel, &v);
    must(v.rule != NULL && v.rule[0] != '\0' && strlen(v.rule) < VERDICT_RULE_BYTES);
    must(v.counted_count <= CONTACTS_KEPT_MAX);
    must(v.what == VERDICT_DEFER ? v.until > NOW : v.until == 0);
    arena_fini(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct tl_str channels[] = {{"email", 5}, {"sms", 3}, {"call", 4}};
    char error[CONF_ERROR_BYTES];
    struct policy *p;
    int err = policy_read(&p, memfile_put(data, size), error);

    must(memchr(error, '\0', sizeof error) != NULL);
    must((err == 0) == (error[0] == '\0') && (err == 0) == (p != NULL));
    for (size_t i = 0; p != NULL && i < p->rules_count; i++)
        for (size_t c = 0; c < sizeof channels / sizeof channels[0]; c++)
            decide(p, p->rules[i].purpose, channels[c]);
    policy_free(&p);
    return 0;
}
