#include "tests/unit/golden.h"

static const struct format_options plain = {0};

#define GET(query) "GET /matomo.php?" query " HTTP/1.1\r\n\r\n"

static void
a_content_block_is_an_offer(void **state)
{
    (void)state;
    expect_said("matomo", &plain, GET("_id=c&c_n=P&c_p=b"),
                "{\"offer\":\"P\",\"treatment\":\"b\",\"outcome\":\"presented\",\"count\":1}",
                true);
    expect_said("matomo", &plain, GET("_id=c&c_n=P&c_i=click"), "\"type\":\"offer.clicked\"", true);
}

static void
an_order_has_a_number_and_a_cart_has_none(void **state)
{
    (void)state;
    expect_said("matomo", &plain,
                GET("uid=7&idgoal=0&ec_id=o1&revenue=10.50&currency=chf"
                    "&ec_items=[[%22s%22,%22n%22,[%22a%22,%22b%22],3.5,3]]"),
                "\"sale\":{\"lines\":[{\"item\":\"s\",\"description\":\"n\",\"quantity\":\"3\","
                "\"amount_minor\":\"1050\",\"department\":\"[\\\"a\\\",\\\"b\\\"]\"}],"
                "\"total_minor\":\"1050\",\"currency\":\"CHF\",\"receipt\":\"o1\"}",
                true);
    expect_said("matomo", &plain, GET("uid=7&idgoal=0&revenue=1&ec_items=[]"),
                "\"type\":\"cart.updated\"", true);
    expect_said("matomo", &plain, GET("uid=7&idgoal=3"), "\"type\":\"goal.reached\"", true);
}

static void
a_rating_is_feedback_and_other_events_are_themselves(void **state)
{
    (void)state;
    expect_said("matomo", &plain, GET("uid=7&e_c=feedback&e_a=rating&e_v=4"),
                "\"kind\":\"rating\",\"rating\":\"4\",\"state\":\"heard\"", true);
    expect_said("matomo", &plain, GET("uid=7&e_c=feedback&e_a=rating&e_v=1e3"),
                "\"type\":\"track.feedback.rating\"", true);
    expect_said("matomo", &plain, GET("uid=7&e_c=Videos&e_a=Play"), "\"type\":\"videos.play\"",
                true);
}

static void
the_password_is_neither_kept_nor_part_of_the_id(void **state)
{
    struct decoded a, b;

    (void)state;
    decode(&a, "matomo", &plain, text(GET("uid=7&url=https://x.ch/&token_auth=secret")));
    decode(&b, "matomo", &plain,
           text("{\"requests\":[\"?url=https://x.ch/&uid=7\"],\"token_auth\":\"secret\"}"));
    assert_same_decoded(&a, &b);
    assert_null(strstr(text_of_buf(&a.events), "secret"));
    decoded_free(&a);
    decoded_free(&b);
}

static void
what_is_no_action_goes_aside(void **state)
{
    (void)state;
    expect_rejected("matomo", &plain, GET("uid=7&rec=1"), "no action");
    expect_rejected("matomo", &plain, GET("url=x"), "names nobody");
    expect_rejected("matomo", &plain, GET("url=x&uid=7&cdt=noon"), "`cdt`");
    expect_rejected("matomo", &plain, GET("url=%ff&uid=7"), "not UTF-8");
    expect_rejected("matomo", &plain, "{\"requests\":7}", "no array");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_content_block_is_an_offer),
        cmocka_unit_test(an_order_has_a_number_and_a_cart_has_none),
        cmocka_unit_test(a_rating_is_feedback_and_other_events_are_themselves),
        cmocka_unit_test(the_password_is_neither_kept_nor_part_of_the_id),
        cmocka_unit_test(what_is_no_action_goes_aside),
    };

    return cmocka_run_group_tests_name("matomo", tests, NULL, NULL);
}
