#include "tests/unit/golden.h"

static const struct format_options plain = {0};

static void
samples_decode_to_what_was_checked_by_reading(void **state)
{
    static const char *const endings[] = {".xml", ".json", NULL};

    (void)state;
    /* An item with nothing in it, and a document that ends before its end. */
    expect_golden("feed", &plain, "tests/data/feed", endings, 2);
}

static void
no_length_of_a_sample_does_harm(void **state)
{
    struct tl_str bytes = load("tests/data/feed/constructed-atom.xml");

    (void)state;
    decode_truncated("feed", &plain, bytes);
    free((char *)(uintptr_t)bytes.ptr);
}

#define ITEM(more) "<rss><channel><item><title>t</title>" more "</item></channel></rss>"

static void
an_edited_item_is_another_event_of_the_same_feedback(void **state)
{
    struct decoded a, b, c;

    (void)state;
    decode(&a, "feed", &plain, text(ITEM("<guid>g</guid><description>one</description>")));
    decode(&b, "feed", &plain, text(ITEM("<guid>g</guid><description>two</description>")));
    decode(&c, "feed", &plain,
           text(ITEM("<guid>g</guid><slash:comments>9</slash:comments>"
                     "<description>one</description>")));
    assert_string_equal(text_of_buf(&a.events), text_of_buf(&c.events));
    assert_memory_not_equal(text_of_buf(&a.events), text_of_buf(&b.events), 30);
    assert_non_null(strstr(text_of_buf(&b.events), "\"feedback\":{\"id\":\"g\""));
    assert_string_equal(text_of_buf(&c.ignored), "slash:comments\n");
    decoded_free(&a);
    decoded_free(&b);
    decoded_free(&c);
}

static void
dates_are_read_as_sloppily_as_they_are_written(void **state)
{
    static const char *const dates[][2] = {
        {"Mon, 16 Oct 2017 15:10:00 +0200", "2017-10-16T13:10:00Z"},
        {"16 Oct 17 15:10 PDT", "2017-10-16T22:10:00Z"},
        {"Mon, 16 October 2017 15:10:00", "2017-10-16T15:10:00Z"},
        {"2017-10-16", "2017-10-16T00:00:00Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        char body[256];

        snprintf(body, sizeof body, ITEM("<pubDate>%s</pubDate>"), dates[i][0]);
        expect_said("feed", &plain, body, dates[i][1], true);
    }
    expect_said("feed", &plain, ITEM("<pubDate>next week</pubDate>"),
                "\"published\":\"next week\"", true);
}

static void
a_text_that_is_too_long_for_an_event_is_cut_and_says_so(void **state)
{
    struct buf b = {0};
    struct decoded d;

    (void)state;
    buf_text(&b, "<rss><channel><item><description>");
    while (b.len < 50000)
        buf_text(&b, "é");
    buf_text(&b, "</description></item></channel></rss>");
    decode_as(&d, "feed", &plain, (struct tl_str){(const char *)b.ptr, b.len}, WHOLE);
    assert_int_equal(d.events_count, 1);
    assert_non_null(strstr(text_of_buf(&d.events), "\"text_more\":\"9008\""));
    decoded_free(&d);
    buf_free(&b);
}

static void
what_is_no_feed_goes_aside(void **state)
{
    (void)state;
    expect_rejected("feed", &plain, "<!DOCTYPE rss><rss/>", "a DOCTYPE");
    expect_rejected("feed", &plain, "<rss><channel>", "line 1");
    expect_rejected("feed", &plain, "{\"version\":1}", "no JSON Feed");
    expect_rejected("feed", &plain, "hello", "line 1");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_decode_to_what_was_checked_by_reading),
        cmocka_unit_test(no_length_of_a_sample_does_harm),
        cmocka_unit_test(an_edited_item_is_another_event_of_the_same_feedback),
        cmocka_unit_test(dates_are_read_as_sloppily_as_they_are_written),
        cmocka_unit_test(a_text_that_is_too_long_for_an_event_is_cut_and_says_so),
        cmocka_unit_test(what_is_no_feed_goes_aside),
    };

    return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
