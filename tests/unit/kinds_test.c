#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/kinds.h"
#include "proto/str.h"

static char path[] = "/tmp/kinds-test-XXXXXX";
static char error[CONF_ERROR_BYTES];

static int
set_up(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int
tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

static int
read_text(struct kinds **k, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return kinds_read(k, path, error);
}

static const struct kind *
find(struct kinds *k, const char *type)
{
    return kinds_find(k, (struct tl_str){type, strlen(type)});
}

static bool
blocked(struct kinds *k, const char *type, const char *value)
{
    return kinds_blocked(k, find(k, type), (struct tl_str){value, strlen(value)});
}

/* The sentence about what is wrong in line 2. */
static void
refused(const char *lines, const char *sentence)
{
    struct kinds *k = NULL;

    assert_int_equal(read_text(&k, lines), -1);
    assert_null(k);
    assert_non_null(strstr(error, path));
    assert_non_null(strstr(error, " line 2: "));
    if (strstr(error, sentence) == NULL)
        fail_msg("%s: not %s", error, sentence);
}

static void
without_a_file_the_table_is_the_one_of_the_design(void **state)
{
    static const char *const strong[] = {"crm", "user", "account", "loyalty", "email", "payment"};
    static const char *const weak[] = {"phone", "social", "device", "cookie", "anonymous",
                                       "receipt", "x-app"};
    struct kinds *k;

    (void)state;
    assert_int_equal(kinds_read(&k, NULL, error), 0);
    for (size_t i = 0; i < 6; i++) {
        assert_true(find(k, strong[i])->strong);
        assert_int_equal(find(k, strong[i])->single, i < 4);
        assert_true(i == 0 || find(k, strong[i - 1])->rank < find(k, strong[i])->rank);
    }
    for (size_t i = 0; i < 7; i++) {
        assert_false(find(k, weak[i])->strong);
        assert_int_equal(find(k, weak[i])->follows_login, i >= 2 && i <= 4);
        assert_true(find(k, "payment")->rank < find(k, weak[i])->rank);
    }
    assert_null(find(k, "shoe"));
    assert_null(find(k, "x-"));
    kinds_free(&k);
    assert_null(k);
}

static void
a_file_says_what_is_strong_and_of_what_there_is_one(void **state)
{
    struct kinds *k;

    (void)state;
    assert_int_equal(read_text(&k, "[types]\n"
                                   "x-member = strong, one\n"
                                   "x-tablet = follows login\n"
                                   "payment = weak\n"
                                   "cookie = strong\n"
                                   "user = several\n"
                                   "email = keeps case\n"), 0);
    assert_true(find(k, "x-member")->strong && find(k, "x-member")->single);
    assert_true(!find(k, "x-tablet")->strong && find(k, "x-tablet")->follows_login);
    assert_false(find(k, "payment")->strong);
    assert_true(find(k, "cookie")->strong && !find(k, "cookie")->follows_login);
    assert_true(find(k, "user")->strong && !find(k, "user")->single);
    assert_true(find(k, "email")->keeps_case);
    assert_false(find(k, "x-other")->strong);
    /* Strong before weak, whatever stands where in the table. */
    assert_true(find(k, "x-member")->rank < find(k, "payment")->rank);
    assert_true(find(k, "x-member")->rank < find(k, "phone")->rank);
    assert_true(find(k, "x-member")->rank > find(k, "email")->rank);
    kinds_free(&k);
}

static void
values_are_blocked_for_a_type_or_for_all(void **state)
{
    struct kinds *k;

    (void)state;
    assert_int_equal(read_text(&k, "[blocked]\nloyalty = 9999999, Test Card\n* = tbd\n"), 0);
    assert_true(blocked(k, "loyalty", "9999999"));
    assert_true(blocked(k, "loyalty", "TEST CARD"));
    assert_false(blocked(k, "user", "9999999"));
    assert_true(blocked(k, "user", "TBD"));
    assert_true(blocked(k, "x-app", "tbd"));
    assert_true(blocked(k, "user", "null"));
    assert_true(blocked(k, "phone", "anonymous"));
    kinds_free(&k);
}

static void
a_source_has_a_region(void **state)
{
    struct kinds *k;

    (void)state;
    assert_int_equal(read_text(&k, "[regions]\ntill-4 = DE\n* = GB\n"), 0);
    assert_true(str_is(kinds_region(k, TL_STR("till-4")), "DE"));
    assert_true(str_is(kinds_region(k, TL_STR("till-5")), "GB"));
    kinds_free(&k);
    assert_int_equal(kinds_read(&k, NULL, error), 0);
    assert_int_equal(kinds_region(k, TL_STR("till-4")).len, 0);
    kinds_free(&k);
}

static void
a_mistake_is_named_with_its_line(void **state)
{
    (void)state;
    refused("[types]\nshoe = strong\n", "`shoe` is neither a known type");
    refused("[types]\nx-UPPER = strong\n", "`x-UPPER` is neither");
    refused("[types]\nphone = mighty\n", "`mighty` is none of strong, weak");
    refused("[types]\nphone = one\n", "only of a strong type");
    refused("[types]\nx-tablet = strong, follows login\n", "what follows the login is weak");
    refused("[types]\nemail = follows login\n", "what follows the login is weak");
    refused("[types]\nphone = strong, weak\n", "either strong or weak");
    refused("[types]\nloyalty = keeps case\n", "only email can keep the case");
    refused("[blocked]\nshoe = 1\n", "`shoe` is neither");
    refused("[blocked]\nloyalty = 1, , 2\n", "a value is empty");
    refused("[regions]\ntill-4 = Germany\n", "`Germany` is no region");
    refused("[regions]\ntill-4 = de\n", "`de` is no region");
    refused("[shoes]\ntill-4 = DE\n", "there is no section [shoes]");
}

static void
the_table_has_room_for_64_own_types_and_says_so_at_the_next(void **state)
{
    char text[8192] = "[types]\n";
    struct kinds *k = NULL;
    size_t len = strlen(text);

    (void)state;
    for (int i = 0; i < KINDS_OWN_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "x-t%d = strong\n", i);
    assert_int_equal(read_text(&k, text), 0);
    assert_true(find(k, "x-t63")->strong);
    kinds_free(&k);
    snprintf(text + len, sizeof text - len, "x-more = strong\n");
    assert_int_equal(read_text(&k, text), -1);
    assert_non_null(strstr(error, "line 66: `x-more` is one too many"));
}

static void
the_sample_changes_nothing(void **state)
{
    struct kinds *k;

    (void)state;
    assert_int_equal(kinds_read(&k, "broker/identifiers.conf", error), 0);
    assert_false(find(k, "x-member")->strong);
    assert_false(blocked(k, "loyalty", "9999999"));
    kinds_free(&k);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_file_the_table_is_the_one_of_the_design),
        cmocka_unit_test(a_file_says_what_is_strong_and_of_what_there_is_one),
        cmocka_unit_test(values_are_blocked_for_a_type_or_for_all),
        cmocka_unit_test(a_source_has_a_region),
        cmocka_unit_test(a_mistake_is_named_with_its_line),
        cmocka_unit_test(the_table_has_room_for_64_own_types_and_says_so_at_the_next),
        cmocka_unit_test(the_sample_changes_nothing),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
