#include "tests/unit/golden.h"

static const struct format_options plain = {0};

#define HEADER                                                                                    \
    "Date received,Product,Issue,Submitted via,Company response to consumer,Complaint ID\n"

static void
both_headers_and_json_say_the_same(void **state)
{
    static const char *const documents[] = {
        HEADER "9/24/19,Mortgage,Fees,Phone,Closed with relief,77\n",
        "date_received,product,issue,submitted_via,company_response,complaint_id\n"
        "2019-09-24,Mortgage,Fees,Phone,Closed with relief,77\n",
        "{\"date_received\":\"2019-09-24T00:00:00Z\",\"product\":\"Mortgage\",\"issue\":\"Fees\","
        "\"submitted_via\":\"Phone\",\"company_response\":\"Closed with relief\","
        "\"complaint_id\":77,\":updated_at\":1}\n",
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        expect_said("complaints", &plain, documents[i],
                    "\"type\":\"feedback.complaint\",\"time\":\"2019-09-24T00:00:00Z\","
                    "\"channel\":\"call\",\"direction\":\"inbound\",\"identifiers\":[{"
                    "\"type\":\"x-complaint\",\"value\":\"77\"}],\"subject\":\"77\"",
                    true);
        expect_said("complaints", &plain, documents[i],
                    "\"feedback\":{\"id\":\"77\",\"kind\":\"complaint\",\"title\":\"Fees\","
                    "\"public\":true,\"product\":\"Mortgage\",\"state\":\"resolved\"}",
                    true);
    }
}

static void
equal_rows_without_a_number_are_told_apart_by_their_turn(void **state)
{
    struct decoded d;

    (void)state;
    decode(&d, "complaints", &plain,
           text("date_received,product,issue\n2016-10-03,Debt,Fees\n2016-10-03,Debt,Fees\n"));
    assert_int_equal(d.events_count, 2);
    assert_non_null(strstr(text_of_buf(&d.events), "-1\""));
    assert_non_null(strstr(text_of_buf(&d.events), "-2\""));
    decoded_free(&d);
}

static void
another_answer_is_another_event_of_the_same_complaint(void **state)
{
    struct decoded a, b;

    (void)state;
    decode(&a, "complaints", &plain, text(HEADER "9/24/19,M,F,Web,In progress,77\n"));
    decode(&b, "complaints", &plain, text(HEADER "9/24/19,M,F,Web,Closed,77\n"));
    assert_memory_not_equal(text_of_buf(&a.events), text_of_buf(&b.events), 30);
    assert_non_null(strstr(text_of_buf(&a.events), "\"state\":\"heard\""));
    decoded_free(&a);
    decoded_free(&b);
}

static void
what_is_no_complaint_goes_aside(void **state)
{
    (void)state;
    expect_rejected("complaints", &plain, HEADER "soon,M,F,Web,,77\n", "no date");
    expect_rejected("complaints", &plain, HEADER "9/24/19,,,Web,,77\n", "neither");
    expect_rejected("complaints", &plain, HEADER "9/24/19,M\n", "not as many fields");
    expect_rejected("complaints", &plain, "{\"date_received\":7\n", "no JSON object");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_headers_and_json_say_the_same),
        cmocka_unit_test(equal_rows_without_a_number_are_told_apart_by_their_turn),
        cmocka_unit_test(another_answer_is_another_event_of_the_same_complaint),
        cmocka_unit_test(what_is_no_complaint_goes_aside),
    };

    return cmocka_run_group_tests_name("complaints", tests, NULL, NULL);
}
