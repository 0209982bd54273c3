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
#include "store/contact.h"
#include "store/policy.h"

#define DAY (86400 * CLOCK_SECOND)

static char path[] = "/tmp/policy_test.XXXXXX";
static char error[CONF_ERROR_BYTES];

static struct policy *
read_text(const char *text)
{
    struct policy *p = NULL;
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    if (policy_read(&p, path, error) != 0)
        assert_null(p);
    return p;
}

static struct policy *
taken(const char *text)
{
    struct policy *p = read_text(text);

    if (p == NULL)
        fail_msg("%s: %s", text, error);
    return p;
}

static void
refused(const char *text, const char *sentence)
{
    if (read_text(text) != NULL)
        fail_msg("taken: %s", text);
    if (strstr(error, path) == NULL || strstr(error, sentence) == NULL)
        fail_msg("%s: not in the sentence: %s", sentence, error);
}

static struct tl_str
str(const char *text)
{
    return (struct tl_str){text, strlen(text)};
}

static const struct policy_rule *
rule(const struct policy *p, enum policy_kind kind, const char *purpose, const char *channel)
{
    struct policy_lines lines;

    policy_find(p, str(purpose), str(channel), &lines);
    if (kind == POLICY_CAP)
        return lines.caps_count > 0 ? lines.caps[0] : NULL;
    return lines.one[kind];
}

static void
the_sample_says_what_is_built_in(void **state)
{
    struct policy *built_in, *sample;

    (void)state;
    assert_int_equal(policy_read(&built_in, NULL, error), 0);
    if (policy_read(&sample, "broker/policy.conf", error) != 0)
        fail_msg("%s", error);
    assert_int_equal(sample->rules_count, built_in->rules_count);
    assert_int_equal(sample->lease_ms, built_in->lease_ms);
    assert_string_equal(sample->timezone, built_in->timezone);
    for (size_t i = 0; i < sample->rules_count; i++) {
        const struct policy_rule *a = &sample->rules[i], *b = &built_in->rules[i];

        assert_string_equal(a->text, b->text);
        assert_true(a->kind == b->kind && a->flag == b->flag && a->count == b->count &&
                    a->within_ns == b->within_ns && a->from_min == b->from_min &&
                    a->to_min == b->to_min);
    }
    policy_free(&sample);
    policy_free(&built_in);
}

static void
what_is_built_in_caps_marketing_by_e_mail(void **state)
{
    struct policy_lines lines;
    struct policy *p;

    (void)state;
    assert_int_equal(policy_read(&p, NULL, error), 0);
    policy_find(p, str("marketing"), str("email"), &lines);
    assert_int_equal(lines.caps_count, 2);
    assert_string_equal(lines.caps[0]->text, "caps: marketing email = 3 in 7 d");
    assert_string_equal(lines.caps[1]->text, "caps: marketing = 6 in 7 d");
    policy_free(&p);
}

static void
every_kind_of_line_is_read(void **state)
{
    struct policy *p = taken("[policy]\nlease = 90 s\ntimezone = Europe/Zurich\n"
                             "[exempt]\ntransactional = yes\n"
                             "[consent]\nmarketing = required\n"
                             "[complaint]\nmarketing = pause\n"
                             "[cool-off]\nmarketing = 36 h\n"
                             "[caps]\nmarketing   email = 2 in 1 d\n"
                             "[quiet hours]\nmarketing call = 20:30-07:05\n");

    (void)state;
    assert_int_equal(p->lease_ms, 90000);
    assert_string_equal(p->timezone, "Europe/Zurich");
    assert_non_null(rule(p, POLICY_EXEMPT, "transactional", "email"));
    assert_true(rule(p, POLICY_CONSENT, "marketing", "mail")->flag);
    assert_true(rule(p, POLICY_COMPLAINT, "marketing", "mail")->flag);
    assert_true(rule(p, POLICY_COOL_OFF, "marketing", "mail")->within_ns == DAY * 3 / 2);
    assert_int_equal(rule(p, POLICY_CAP, "marketing", "email")->count, 2);
    assert_true(rule(p, POLICY_CAP, "marketing", "email")->within_ns == DAY);
    assert_null(rule(p, POLICY_CAP, "marketing", "sms"));
    assert_int_equal(rule(p, POLICY_QUIET, "marketing", "call")->from_min, 20 * 60 + 30);
    assert_int_equal(rule(p, POLICY_QUIET, "marketing", "call")->to_min, 7 * 60 + 5);
    assert_true(policy_knows(p, str("transactional")));
    assert_false(policy_knows(p, str("service")));
    policy_free(&p);
}

static void
a_line_that_names_the_channel_counts_before_one_that_does_not(void **state)
{
    static const char *const texts[] = {
        "[consent]\nmarketing = required\nmarketing mail = unless refused\n",
        "[consent]\nmarketing mail = unless refused\nmarketing = required\n",
    };

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct policy *p = taken(texts[i]);

        assert_false(rule(p, POLICY_CONSENT, "marketing", "mail")->flag);
        assert_true(rule(p, POLICY_CONSENT, "marketing", "email")->flag);
        policy_free(&p);
    }
}

static void
limits_are_taken_and_one_past_them_is_not(void **state)
{
    static char text[16384];
    struct policy *p;
    int at;

    (void)state;
    p = taken("[caps]\nmarketing = 32 in 366 d\n[policy]\nlease = 24 h\n");
    assert_int_equal(p->rules[0].count, CONTACTS_KEPT_MAX);
    policy_free(&p);
    refused("[caps]\nmarketing = 33 in 366 d\n", "line 2: a cap is 1 to 32");
    refused("[caps]\nmarketing = 32 in 367 d\n", "line 2: `367 d`");
    refused("[policy]\nlease = 86401 s\n", "line 2: `lease`");
    for (int lines = POLICY_RULES_MAX; lines <= POLICY_RULES_MAX + 1; lines++) {
        at = snprintf(text, sizeof text, "[caps]\n");
        for (int i = 0; i < lines; i++)
            at += snprintf(text + at, sizeof text - (size_t)at, "p%d = 1 in 1 d\n", i);
        if (lines > POLICY_RULES_MAX) {
            refused(text, "line 130: a policy has at most 128 lines");
        } else {
            p = taken(text);
            assert_int_equal(p->rules_count, POLICY_RULES_MAX);
            policy_free(&p);
        }
    }
}

static void
bad_lines_are_refused_with_file_and_line(void **state)
{
    static const char *const values[][2] = {
        {"caps", "3"},          {"caps", "3 in"},        {"caps", "three in 7 d"},
        {"caps", "3 in 7"},     {"caps", "-3 in 7 d"},   {"caps", "3in 7 d"},
        {"caps", "3 in 0 d"},   {"caps", "99999999999999999999 in 7 d"},
        {"caps", "3 in 7 d per house"}, {"caps", "3 in per household"},
        {"caps", "3 in 367 d per household"}, {"caps", "3 in 7 d per household per household"},
        {"cool-off", "0 d"},    {"cool-off", "soon"},    {"consent", "yes"},
        {"complaint", "wait"},  {"exempt", "no"},        {"quiet hours", "20-08"},
        {"quiet hours", "24:00-08:00"}, {"quiet hours", "20:60-08:00"},
        {"quiet hours", "20:00-20:00"}, {"quiet hours", "20:00-08:00 UTC"},
        {"quiet hours", "20:00"},
    };
    char text[200];

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        snprintf(text, sizeof text, "[%s]\nmarketing = %s\n", values[i][0], values[i][1]);
        refused(text, " line 2: ");
    }
    refused("[caps]\n\nMarketing = 1 in 1 d\n", "line 3: `Marketing` is no purpose");
    refused("[caps]\nmarketing e/mail = 1 in 1 d\n", "line 2: `marketing e/mail`");
    refused("[exempt]\nmarketing email = yes\n", "leave out `email`");
    refused("[consent]\nmarketing = required\nmarketing = required\n", "line 3: ");
    refused("[policy]\ncolour = red\n", "no setting `colour`");
    refused("[policy]\ntimezone = Nowhere\n", "no time zone Nowhere");
    refused("marketing = 1 in 1 d\n", "no section []");
}

static void
a_cap_may_be_of_the_whole_household(void **state)
{
    struct policy *p = taken("[caps]\nmarketing = 32 in 366 d per household\n"
                             "research = 1 in 7 d\n");

    (void)state;
    assert_true(rule(p, POLICY_CAP, "marketing", "email")->household);
    assert_int_equal(rule(p, POLICY_CAP, "marketing", "email")->count, 32);
    assert_true(rule(p, POLICY_CAP, "marketing", "email")->within_ns == 366 * DAY);
    assert_string_equal(rule(p, POLICY_CAP, "marketing", "email")->text,
                        "caps: marketing = 32 in 366 d per household");
    assert_false(rule(p, POLICY_CAP, "research", "email")->household);
    assert_true(policy_counts_household(p, str("marketing")));
    assert_false(policy_counts_household(p, str("research")));
    policy_free(&p);
}

static void
zones_are_the_customers_or_the_policys(void **state)
{
    struct policy *p = taken("[policy]\ntimezone = Asia/Tokyo\n");

    (void)state;
    assert_string_equal(policy_zone(p, str("Europe/Zurich"))->name, "Europe/Zurich");
    assert_string_equal(policy_zone(p, str(""))->name, "Asia/Tokyo");
    assert_string_equal(policy_zone(p, str("../etc/passwd"))->name, "Asia/Tokyo");
    for (int i = 0; i < 3 * POLICY_ZONES_MAX; i++) {
        char name[8];

        snprintf(name, sizeof name, "+%02d:%02d", i / 60, i % 60);
        assert_string_equal(policy_zone(p, str(name))->name, name);
    }
    assert_true(p->zones_count <= POLICY_ZONES_MAX);
    policy_free(&p);
}

static void
what_is_written_is_read_as_the_same_rules(void **state)
{
    struct policy *p, *again;
    struct buf text = {0};

    (void)state;
    p = taken("[policy]\nlease = 90 s\ntimezone = Europe/Zurich\n[consent]\n"
              "marketing = required\n[caps]\nmarketing email = 3 in 7 d\n"
              "marketing = 32 in 366 d per household\n[quiet hours]\n"
              "marketing sms = 20:00-08:00\n[cool-off]\nmarketing = none\n");
    policy_write(p, &text);
    buf_byte(&text, 0);
    assert_false(text.failed);
    again = taken((const char *)text.ptr);
    assert_int_equal(again->lease_ms, p->lease_ms);
    assert_string_equal(again->timezone, p->timezone);
    assert_int_equal(again->rules_count, p->rules_count);
    for (size_t i = 0; i < p->rules_count; i++) {
        assert_string_equal(again->rules[i].text, p->rules[i].text);
        assert_int_equal(again->rules[i].count, p->rules[i].count);
        assert_int_equal(again->rules[i].within_ns, p->rules[i].within_ns);
        assert_int_equal(again->rules[i].household, p->rules[i].household);
    }
    buf_free(&text);
    policy_free(&again);
    policy_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_says_what_is_built_in),
        cmocka_unit_test(what_is_built_in_caps_marketing_by_e_mail),
        cmocka_unit_test(every_kind_of_line_is_read),
        cmocka_unit_test(a_line_that_names_the_channel_counts_before_one_that_does_not),
        cmocka_unit_test(limits_are_taken_and_one_past_them_is_not),
        cmocka_unit_test(bad_lines_are_refused_with_file_and_line),
        cmocka_unit_test(a_cap_may_be_of_the_whole_household),
        cmocka_unit_test(what_is_written_is_read_as_the_same_rules),
        cmocka_unit_test(zones_are_the_customers_or_the_policys),
    };
    int fd = mkstemp(path), failed;

    if (fd < 0)
        return 1;
    close(fd);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
