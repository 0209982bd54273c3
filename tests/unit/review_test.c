#include "tests/unit/golden.h"

static const struct format_options plain = {0};

static void
samples_decode_to_what_was_checked_by_reading(void **state)
{
    static const char *const endings[] = {".jsonld", NULL};

    (void)state;
    expect_golden("review", &plain, "tests/data/review", endings, 0);
}

#define REVIEW(more) "{\"@type\":\"Review\",\"reviewBody\":\"b\"" more "}"

static void
a_review_is_found_wherever_it_is(void **state)
{
    static const char *const documents[] = {
        REVIEW(""),
        "[[" REVIEW("") "]]",
        "{\"@graph\":[{\"@type\":\"WebPage\"}," REVIEW("") "]}",
        "{\"@type\":\"Product\",\"sku\":\"7\",\"review\":" REVIEW("") "}",
        "{\"@type\":[\"Thing\",\"http://schema.org/Review\"],\"reviewBody\":\"b\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++)
        expect_said("review", &plain, documents[i], "\"kind\":\"review\",\"text\":\"b\"", true);
    expect_said("review", &plain, documents[3], "\"product\":\"7\"", true);
}

static void
ratings_are_decimals_on_a_scale(void **state)
{
    (void)state;
    expect_said("review", &plain,
                REVIEW(",\"reviewRating\":{\"ratingValue\":\"4,5\",\"bestRating\":10}"),
                "\"rating\":\"4.5\",\"rating_max\":\"10\"", true);
    expect_said("review", &plain, REVIEW(",\"reviewRating\":{\"ratingValue\":3}"),
                "\"rating\":\"3\",\"rating_max\":\"5\"", true);
    expect_said("review", &plain, REVIEW(",\"reviewRating\":{\"ratingValue\":\"good\"}"),
                "\"reviewRating.ratingValue\":\"good\"", true);
}

static void
a_name_is_a_person_only_where_it_was_written(void **state)
{
    (void)state;
    expect_said("review", &plain,
                REVIEW(",\"@id\":\"https://a.example/1\",\"author\":[{\"name\":\"Ellie\"}]"),
                "{\"type\":\"x-author\",\"value\":\"a.example/Ellie\"}", true);
    expect_said("review", &plain,
                REVIEW(",\"author\":{\"name\":\"E\",\"sameAs\":\"https://e.example/\"}"),
                "{\"type\":\"social\",\"value\":\"https://e.example/\"}", true);
    expect_said("review", &plain, REVIEW(""), "{\"type\":\"x-place\",\"value\":\"review\"}", true);
}

static void
what_is_no_review_goes_aside(void **state)
{
    (void)state;
    expect_rejected("review", &plain, "{\"@type\":\"Product\"}", "without a schema.org Review");
    expect_rejected("review", &plain, "{", "not JSON");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_decode_to_what_was_checked_by_reading),
        cmocka_unit_test(a_review_is_found_wherever_it_is),
        cmocka_unit_test(ratings_are_decimals_on_a_scale),
        cmocka_unit_test(a_name_is_a_person_only_where_it_was_written),
        cmocka_unit_test(what_is_no_review_goes_aside),
    };

    return cmocka_run_group_tests_name("review", tests, NULL, NULL);
}
