/* Rules and facts in, verdict out. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "proto/position.h"
#include "proto/str.h"
#include "store/verdict.h"

#define HOUR (3600 * CLOCK_SECOND)
#define DAY (24 * HOUR)
#define NOW (19797 * DAY + 12 * HOUR)   /* 2024-03-15T12:00:00Z, a Friday */
#define LOG_ID 0x68f0a1b20000
#define ENTRIES_MAX 64

static char path[] = "/tmp/verdict_test.XXXXXX";

static struct policy *policy;
static struct arena arena;
static struct contact_entry entries[ENTRIES_MAX];
static struct contact_record record;
static struct verdict_facts facts;
static struct verdict verdict;

static struct tl_str
str(const char *text)
{
    return (struct tl_str){text, strlen(text)};
}

static void
rules(const char *text)
{
    char error[CONF_ERROR_BYTES];
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    policy_free(&policy);
    if (policy_read(&policy, path, error) != 0)
        fail_msg("%s", error);
}

static int
set_up(void **state)
{
    (void)state;
    arena_init(&arena, 1u << 20);
    memset(entries, 0, sizeof entries);
    record = (struct contact_record){.entries = entries};
    facts = (struct verdict_facts){.now = NOW, .purpose = str("marketing")};
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    policy_free(&policy);
    return 0;
}

static struct contact *
add(const char *channel, const char *purpose, int64_t time)
{
    struct contact_entry *e = &entries[record.count++];

    assert_true(record.count <= ENTRIES_MAX);
    *e = (struct contact_entry){
        str(channel), str(purpose), {.time = time, .number = record.count}};
    return &e->contact;
}

static struct contact *
add_reserved(const char *channel, int64_t time, int64_t until)
{
    struct contact *c = add(channel, "marketing", time);

    c->until = until;
    c->key = contact_name(str("r1"));
    return c;
}

static size_t
counted(void)
{
    struct contact_entry *out;
    size_t count;

    assert_int_equal(verdict_count(&record, facts.purpose, facts.now, LOG_ID, &out, &count,
                                   &arena), 0);
    facts.counted = out;
    facts.counted_count = count;
    return count;
}

static enum verdict_what
decide(const char *channel)
{
    counted();
    facts.complaint = verdict_complaint(&record);
    facts.declined = record.declined;
    facts.zone = policy_zone(policy, str(""));
    verdict_decide(policy, &facts, str(channel), &verdict);
    return verdict.what;
}

/* ------------------------------------------------------------- what counts */

static void
events_of_one_message_count_once_with_what_any_of_them_says(void **state)
{
    struct contact *sent, *delivered;

    (void)state;
    sent = add("email", "transactional", NOW - DAY);
    delivered = add("email", "", NOW - HOUR);
    sent->key = delivered->key = 7;
    add("email", "", NOW - DAY);
    add("email", "", NOW - DAY);
    assert_int_equal(counted(), 2);
    facts.purpose = str("transactional");
    assert_int_equal(counted(), 1);
    assert_true(facts.counted[0].contact.time == NOW - HOUR);
}

static void
a_reservation_counts_while_its_lease_runs(void **state)
{
    (void)state;
    add_reserved("email", NOW - HOUR, NOW + 1);
    assert_int_equal(counted(), 1);
    facts.now = NOW + 1;
    assert_int_equal(counted(), 0);
}

static void
a_message_uses_the_reservation_it_names(void **state)
{
    char position[POSITION_BYTES + 1];
    struct contact *sent;

    (void)state;
    add_reserved("email", NOW - HOUR, NOW + HOUR);
    sent = add("email", "", NOW - 1);
    sent->names = contact_name(str("other"));
    assert_int_equal(counted(), 2);
    sent->names = contact_name(str("r1"));
    assert_int_equal(counted(), 1);
    position_format(position, (struct position){LOG_ID, 1});
    sent->names = contact_name(str(position));
    assert_int_equal(counted(), 1);
    assert_true(facts.counted[0].contact.until == 0);
}

static void
a_message_of_the_campaign_uses_it_within_the_lease_and_channel(void **state)
{
    struct contact *sent;

    (void)state;
    add_reserved("email", NOW - HOUR, NOW + HOUR)->campaign = 9;
    sent = add("email", "", NOW - HOUR);
    sent->campaign = 9;
    assert_int_equal(counted(), 1);
    sent->time = NOW - HOUR - 1;
    assert_int_equal(counted(), 2);
    sent->time = NOW;
    entries[1].channel = str("sms");
    assert_int_equal(counted(), 2);
}

static void
one_message_uses_one_reservation(void **state)
{
    (void)state;
    add_reserved("email", NOW - HOUR, NOW + HOUR)->offer = 9;
    add_reserved("email", NOW - HOUR, NOW + HOUR)->offer = 9;
    add("email", "", NOW - 1)->offer = 9;
    assert_int_equal(counted(), 2);
    add("email", "", NOW - 1)->offer = 9;
    assert_int_equal(counted(), 2);
}

/* -------------------------------------------------------------------- caps */

static void
a_cap_defers_until_a_place_is_free(void **state)
{
    (void)state;
    rules("[caps]\nmarketing email = 2 in 7 d\n");
    add("email", "", NOW - 6 * DAY);
    assert_int_equal(decide("email"), VERDICT_ALLOW);
    add("email", "", NOW - 2 * DAY);
    assert_int_equal(decide("email"), VERDICT_DEFER);
    assert_true(verdict.until == NOW + DAY);
    assert_int_equal(verdict.counted_count, 2);
    add("email", "", NOW - 3 * DAY);
    decide("email");
    assert_true(verdict.until == NOW + 4 * DAY);
    facts.now = NOW + 4 * DAY;
    assert_int_equal(decide("email"), VERDICT_ALLOW);
    facts.now--;
    assert_int_equal(decide("email"), VERDICT_DEFER);
    assert_int_equal(decide("sms"), VERDICT_ALLOW);
}

static void
a_cap_full_of_reservations_defers_until_the_first_lease_ends(void **state)
{
    (void)state;
    rules("[caps]\nmarketing = 2 in 7 d\n");
    add("email", "", NOW - DAY);
    add_reserved("sms", NOW - 1, NOW + HOUR);
    assert_int_equal(decide("push"), VERDICT_DEFER);
    assert_true(verdict.until == NOW + HOUR);
}

static void
of_several_caps_the_longest_wait_counts(void **state)
{
    (void)state;
    rules("[caps]\nmarketing email = 1 in 1 d\nmarketing email = 2 in 7 d\n");
    add("email", "", NOW - HOUR);
    assert_int_equal(decide("email"), VERDICT_DEFER);
    assert_string_equal(verdict.rule, "caps: marketing email = 1 in 1 d");
    add("email", "", NOW - HOUR);
    assert_int_equal(decide("email"), VERDICT_DEFER);
    assert_string_equal(verdict.rule, "caps: marketing email = 2 in 7 d");
    assert_true(verdict.until == NOW - HOUR + 7 * DAY);
}

static void
a_cap_per_household_counts_what_the_others_got_too(void **state)
{
    struct contact_entry all[] = {
        {str("email"), str(""), {.time = NOW - DAY, .number = 7}},
        {str("email"), str(""), {.time = NOW - 2 * DAY, .number = 8}},
        {str("sms"), str(""), {.time = NOW - DAY, .number = 9}},
    };

    (void)state;
    rules("[caps]\nmarketing email = 2 in 7 d per household\nmarketing = 2 in 7 d\n");
    add("email", "", NOW - DAY);
    facts.household = all;
    facts.household_count = 3;
    assert_int_equal(decide("email"), VERDICT_DEFER);
    assert_string_equal(verdict.rule, "caps: marketing email = 2 in 7 d per household");
    assert_int_equal(verdict.counted_count, 2);
    assert_int_equal(verdict.counted[0], 7);
    assert_int_equal(verdict.counted[1], 8);
    assert_true(verdict.until == NOW + 5 * DAY);
    assert_int_equal(decide("sms"), VERDICT_ALLOW);
    assert_string_equal(verdict.rule, "caps: marketing = 2 in 7 d");
    assert_int_equal(verdict.counted_count, 1);
}

static void
an_allowed_contact_names_the_cap_with_fewest_places_left(void **state)
{
    (void)state;
    rules("[caps]\nmarketing = 5 in 7 d\nmarketing email = 2 in 7 d\n"
          "marketing email = 9 in 30 d\n");
    assert_int_equal(decide("email"), VERDICT_ALLOW);
    assert_string_equal(verdict.rule, "caps: marketing email = 2 in 7 d");
    assert_int_equal(decide("sms"), VERDICT_ALLOW);
    assert_string_equal(verdict.rule, "caps: marketing = 5 in 7 d");
    facts.purpose = str("research");
    assert_int_equal(decide("sms"), VERDICT_ALLOW);
    assert_string_equal(verdict.rule, "caps: none for research by sms");
}

static void
the_highest_cap_is_reached_and_not_passed(void **state)
{
    (void)state;
    rules("[caps]\nmarketing = 32 in 7 d\n");
    for (int i = 0; i < CONTACTS_KEPT_MAX - 1; i++)
        add("email", "", NOW - i);
    assert_int_equal(decide("email"), VERDICT_ALLOW);
    add("sms", "", NOW - DAY);
    assert_int_equal(decide("email"), VERDICT_DEFER);
    assert_int_equal(verdict.counted_count, CONTACTS_KEPT_MAX);
    add("sms", "", NOW - DAY);
    assert_int_equal(decide("email"), VERDICT_DEFER);
}

static void
of_contacts_at_one_time_the_last_to_arrive_are_named(void **state)
{
    (void)state;
    rules("[caps]\nmarketing = 2 in 7 d\n");
    add("email", "", NOW - HOUR)->key = 9;
    add("email", "", NOW - HOUR)->key = 3;
    add("email", "", NOW - HOUR)->key = 6;
    assert_int_equal(decide("email"), VERDICT_DEFER);
    assert_int_equal(verdict.counted_count, 2);
    assert_true(verdict.counted[0] == 3 && verdict.counted[1] == 2);
}

/* ------------------------------------------------------------- other rules */

static void
a_refusal_outweighs_a_wait(void **state)
{
    const struct tl_identifier none = {{"", 0}, {"", 0}};
    const struct tl_consent_state refused = {.purpose = str("marketing"),
                                             .status = str("revoked"),
                                             .identifier = (struct tl_identifier *)&none};

    (void)state;
    rules("[caps]\nmarketing email = 1 in 7 d\n");
    add("email", "", NOW - HOUR);
    facts.consents = &refused;
    facts.consents_count = 1;
    assert_int_equal(decide("email"), VERDICT_DENY);
    assert_string_equal(verdict.rule, "consent: revoked for every channel");
    assert_true(verdict.until == 0);
    assert_int_equal(verdict.counted_count, 0);
}

static void
of_several_refusals_the_channels_own_is_named_whichever_came_first(void **state)
{
    const struct tl_identifier none = {{"", 0}, {"", 0}};
    struct tl_identifier *nobody = (struct tl_identifier *)&none;
    const struct tl_consent_state refused[] = {
        {.purpose = str("marketing"), .status = str("denied"), .identifier = nobody},
        {.purpose = str("marketing"),
         .channel = str("email"),
         .status = str("revoked"),
         .identifier = nobody},
        {.purpose = str("marketing"),
         .channel = str("email"),
         .status = str("denied"),
         .identifier = nobody},
        {.purpose = str("marketing"), .status = str("denied"), .identifier = nobody},
    };

    (void)state;
    rules("");
    for (size_t first = 0; first < 2; first++) {
        facts.consents = &refused[first];
        facts.consents_count = 3;
        assert_int_equal(decide("email"), VERDICT_DENY);
        assert_string_equal(verdict.rule, "consent: denied for email");
        assert_int_equal(decide("sms"), VERDICT_DENY);
        assert_string_equal(verdict.rule, "consent: denied for every channel");
    }
}

static void
what_is_exempt_is_held_back_by_its_own_refusal_only(void **state)
{
    const struct tl_identifier none = {{"", 0}, {"", 0}};
    struct tl_consent_state consent = {.purpose = str("marketing"),
                                       .status = str("denied"),
                                       .identifier = (struct tl_identifier *)&none};

    (void)state;
    rules("[exempt]\ntransactional = yes\n[caps]\nmarketing = 1 in 7 d\n");
    facts.consents = &consent;
    facts.consents_count = 1;
    facts.purpose = str("transactional");
    record.complaints.items[0] = (struct contact_complaint){NOW - DAY, 3, 1, true};
    record.complaints.count = 1;
    assert_int_equal(decide("email"), VERDICT_ALLOW);
    consent.purpose = str("transactional");
    assert_int_equal(decide("email"), VERDICT_DENY);
}

static void
a_cool_off_ends_when_it_is_over(void **state)
{
    (void)state;
    rules("[cool-off]\nmarketing = 3 d\nmarketing mail = none\n");
    record.declined = (struct contact_word){NOW - 3 * DAY + 1, 8};
    assert_int_equal(decide("email"), VERDICT_DEFER);
    assert_true(verdict.until == NOW + 1 && verdict.counted[0] == 8);
    assert_int_equal(decide("mail"), VERDICT_ALLOW);
    facts.now++;
    assert_int_equal(decide("email"), VERDICT_ALLOW);
}

static int64_t
quiet(const char *hours, int hour, int minute)
{
    char text[100];

    snprintf(text, sizeof text, "[quiet hours]\nmarketing = %s\n", hours);
    rules(text);
    facts.now = NOW - 12 * HOUR + hour * HOUR + minute * 60 * CLOCK_SECOND;
    return decide("call") == VERDICT_DEFER ? verdict.until - (NOW - 12 * HOUR) : 0;
}

static void
quiet_hours_begin_and_end_to_the_minute(void **state)
{
    (void)state;
    assert_true(quiet("20:00-08:00", 19, 59) == 0);
    assert_true(quiet("20:00-08:00", 20, 0) == 32 * HOUR);
    assert_true(quiet("20:00-08:00", 0, 0) == 8 * HOUR);
    assert_true(quiet("20:00-08:00", 7, 59) == 8 * HOUR);
    assert_true(quiet("20:00-08:00", 8, 0) == 0);
    assert_true(quiet("12:00-14:30", 11, 59) == 0);
    assert_true(quiet("12:00-14:30", 12, 0) == 14 * HOUR + HOUR / 2);
    assert_true(quiet("12:00-14:30", 14, 30) == 0);
    assert_true(quiet("none", 3, 0) == 0);
}

/* On 2024-03-31 clocks in Zurich go from 2:00 to 3:00. */
static void
quiet_hours_end_by_the_clock_also_when_it_is_changed(void **state)
{
    (void)state;
    rules("[policy]\ntimezone = Europe/Zurich\n[quiet hours]\nmarketing = 20:00-08:00\n");
    facts.now = clock_days(2024, 3, 30) * DAY + 22 * HOUR;
    assert_int_equal(decide("call"), VERDICT_DEFER);
    assert_true(verdict.until == clock_days(2024, 3, 31) * DAY + 6 * HOUR);
    assert_string_equal(verdict.rule, "quiet hours: marketing = 20:00-08:00, Europe/Zurich");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(events_of_one_message_count_once_with_what_any_of_them_says),
        TEST(a_reservation_counts_while_its_lease_runs),
        TEST(a_message_uses_the_reservation_it_names),
        TEST(a_message_of_the_campaign_uses_it_within_the_lease_and_channel),
        TEST(one_message_uses_one_reservation),
        TEST(a_cap_defers_until_a_place_is_free),
        TEST(a_cap_full_of_reservations_defers_until_the_first_lease_ends),
        TEST(of_several_caps_the_longest_wait_counts),
        TEST(a_cap_per_household_counts_what_the_others_got_too),
        TEST(an_allowed_contact_names_the_cap_with_fewest_places_left),
        TEST(the_highest_cap_is_reached_and_not_passed),
        TEST(of_contacts_at_one_time_the_last_to_arrive_are_named),
        TEST(a_refusal_outweighs_a_wait),
        TEST(of_several_refusals_the_channels_own_is_named_whichever_came_first),
        TEST(what_is_exempt_is_held_back_by_its_own_refusal_only),
        TEST(a_cool_off_ends_when_it_is_over),
        TEST(quiet_hours_begin_and_end_to_the_minute),
        TEST(quiet_hours_end_by_the_clock_also_when_it_is_changed),
    };
    int fd = mkstemp(path), failed;

    if (fd < 0)
        return 1;
    close(fd);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
