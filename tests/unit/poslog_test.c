#include "tests/unit/decode.h"

#include "adapters/pos/poslog.h"

static const struct format_options plain = {0};

#define HEAD "<POSLog xmlns=\"http://www.nrf-arts.org/IXRetail/namespace/\">"
#define SALE                                                                                      \
    "<Transaction><RetailStoreID>9</RetailStoreID><WorkstationID>2</WorkstationID>"               \
    "<SequenceNumber>1</SequenceNumber><BusinessDayDate>2017-10-01</BusinessDayDate>"             \
    "<EndDateTime>2017-10-01T10:00:00</EndDateTime><CurrencyCode>USD</CurrencyCode>"              \
    "<RetailTransaction>"
#define END_SALE "</RetailTransaction></Transaction>"
#define TAIL "</POSLog>"
#define ITEM(amount) "<LineItem><Sale><ItemID>1</ItemID><ExtendedAmount>" amount                  \
                     "</ExtendedAmount></Sale></LineItem>"
#define TOTAL(amount) "<Total TotalType=\"TransactionGrandAmount\">" amount "</Total>"

static void
expect(const char *xml, const char *found)
{
    struct decoded d;

    decode(&d, "poslog", &plain, text(xml));
    if (strstr(text_of_buf(&d.events), found) == NULL)
        fail_msg("no %s in %s%s", found, text_of_buf(&d.events), text_of_buf(&d.rejects));
    decoded_free(&d);
}

static void
expect_reject(const char *xml, size_t events, const char *reject)
{
    struct decoded d;

    decode(&d, "poslog", &plain, text(xml));
    assert_int_equal(d.events_count, events);
    assert_int_equal(d.rejects_count, 1);
    if (strncmp(text_of_buf(&d.rejects), reject, strlen(reject)) != 0)
        fail_msg("rejected with: %s", text_of_buf(&d.rejects));
    decoded_free(&d);
}

static void
decode_file(struct decoded *d, const char *path)
{
    struct tl_str xml = load(path);

    decode(d, "poslog", &plain, xml);
    free((char *)(uintptr_t)xml.ptr);
}

static size_t
occurrences(const struct decoded *d, const char *what)
{
    size_t n = 0;

    for (const char *at = text_of_buf(&d->events); (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

static void
one_transaction_decodes_to_what_was_checked_by_reading(void **state)
{
    struct decoded d;

    (void)state;
    decode_file(&d, "tests/data/poslog/one-transaction.xml");
    assert_expected(&d, "tests/data/poslog/events.jsonl");
    decoded_free(&d);
}

static void
returns_voids_and_coupons_decode_under_any_prefix(void **state)
{
    struct decoded d;

    (void)state;
    decode_file(&d, "tests/data/poslog/constructed.xml");
    assert_expected(&d, "tests/data/poslog/constructed.jsonl");
    assert_string_equal(text_of_buf(&d.ignored), "BatchSummary\nsuspended\ntraining\nNoSale\n");
    assert_int_equal(d.rejects_count, 2);
    decoded_free(&d);
}

/* The tallies were counted from the file by other means. */
static void
a_shops_day_adds_up(void **state)
{
    struct decoded d;

    (void)state;
    decode_file(&d, "tests/data/poslog/ncr-acs-poslog.xml.gz");
    assert_int_equal(d.events_count + d.ignored_count, 33);
    assert_int_equal(d.events_count, 27);
    assert_int_equal(d.rejects_count, 0);
    assert_int_equal(d.total_minor, 204195);
    assert_int_equal(occurrences(&d, "{\"item\":"), 420);
    assert_int_equal(occurrences(&d, "{\"type\":\"loyalty\","), 3);
    assert_int_equal(occurrences(&d, "{\"type\":\"receipt\","), 24);
    /* A summary of rewards is no second discount. */
    assert_int_equal(occurrences(&d, "\"discount_minor\":\"2226\""), 1);
    decoded_free(&d);
}

static void
no_length_of_a_sample_does_harm(void **state)
{
    struct tl_str xml = load("tests/data/poslog/constructed.xml");

    (void)state;
    decode_truncated("poslog", &plain, xml);
    free((char *)(uintptr_t)xml.ptr);
    xml = load("tests/data/poslog/one-transaction.xml");
    decode_truncated("poslog", &plain, xml);
    free((char *)(uintptr_t)xml.ptr);
}

static void
a_doctype_is_refused_before_anything_is_read(void **state)
{
    (void)state;
    expect_reject("<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;\">]>" HEAD SALE
                  "&lol2;" END_SALE TAIL,
                  0, "0: a DOCTYPE, which no till writes: the whole input is refused: <!DOCTYPE");
    expect_reject("<!DOCTYPE POSLog SYSTEM \"file:///etc/passwd\">" HEAD SALE END_SALE TAIL, 0,
                  "0: a DOCTYPE");
}

static void
broken_xml_goes_aside_after_what_was_whole(void **state)
{
    (void)state;
    expect_reject(HEAD SALE END_SALE "\n" SALE "\n<oops", 1,
                  "348: no well-formed XML: unclosed token (line 3): <Transaction>");
    expect_reject(HEAD SALE END_SALE SALE "</Wrong>" END_SALE TAIL, 1,
                  "347: no well-formed XML: mismatched tag (line 1): <Transaction>");
    expect_reject(HEAD SALE END_SALE, 1, "347: no well-formed XML: no element found (line 1)");
    expect_reject("", 0, "0: no well-formed XML: no element found (line 1)");
    expect_reject("{\"json\": true}", 0, "0: no well-formed XML");
    expect_reject(HEAD SALE "<A>\xff</A>" END_SALE TAIL, 0, "60: no well-formed XML");
}

static void
xml_that_is_no_poslog_is_refused(void **state)
{
    (void)state;
    expect_reject("<html><body/></html>", 0,
                  "0: the outermost element is html, not POSLog of "
                  "http://www.nrf-arts.org/IXRetail/namespace/");
    expect_reject("<POSLog xmlns=\"urn:other\"><Transaction/></POSLog>", 0,
                  "0: the outermost element is POSLog, not");
}

static void
a_transaction_alone_is_read_too(void **state)
{
    (void)state;
    expect("<Transaction xmlns=\"http://www.nrf-arts.org/IXRetail/namespace/\">"
           "<RetailStoreID>9</RetailStoreID><WorkstationID>2</WorkstationID><SequenceNumber>1"
           "</SequenceNumber><BusinessDayDate>2017-10-01</BusinessDayDate><EndDateTime>"
           "2017-10-01T10:00:00</EndDateTime><RetailTransaction>" ITEM("1.00") END_SALE,
           "\"id\":\"9-2-1-2017-10-01\"");
}

static void
a_bad_transaction_goes_aside_alone(void **state)
{
    (void)state;
    expect_reject(HEAD SALE ITEM("1,50") END_SALE SALE END_SALE TAIL, 1,
                  "60: `1,50` is no amount: <Transaction>");
    expect_reject(HEAD "<Transaction/>" SALE END_SALE TAIL, 1,
                  "60: a Transaction without a RetailTransaction or any other kind: "
                  "<Transaction/>");
    expect_reject(HEAD SALE ITEM("92233720368547758.07") ITEM("0.01") END_SALE TAIL, 0,
                  "60: amounts too large to add up");
}

static void
amounts_are_rounded_half_away_from_zero(void **state)
{
    (void)state;
    expect(HEAD SALE TOTAL("1.005") END_SALE TAIL, "\"total_minor\":\"101\"");
    expect(HEAD SALE TOTAL("-1.005") END_SALE TAIL, "\"total_minor\":\"-101\"");
}

static void
without_a_grand_total_lines_and_tax_are_the_total(void **state)
{
    (void)state;
    expect(HEAD SALE ITEM("1.00") ITEM("2.00")
           "<LineItem><Tax><Amount>0.30</Amount></Tax></LineItem>" END_SALE TAIL,
           "\"total_minor\":\"330\"");
}

static void
what_comes_back_is_a_return(void **state)
{
    (void)state;
    expect(HEAD SALE ITEM("-2.00") TOTAL("-2.00") END_SALE TAIL, "\"sale.returned\"");
    expect(HEAD SALE ITEM("-2.00") ITEM("2.00") TOTAL("0.00") END_SALE TAIL, "\"sale.completed\"");
    expect(HEAD SALE "<LineItem><Return><ItemID>1</ItemID><ExtendedAmount>2.00</ExtendedAmount>"
           "</Return></LineItem>" TOTAL("2.00") END_SALE TAIL, "\"total_minor\":\"-200\"");
}

static void
a_carriage_return_in_a_text_becomes_a_blank(void **state)
{
    (void)state;
    expect(HEAD SALE "<LineItem><Sale><ItemID>1</ItemID><Description>&#13;a&#13;b&#13;&#13;"
           "</Description></Sale></LineItem>" END_SALE TAIL, "\"description\":\"a b\"");
}

static void
local_times_are_by_the_zone_asked_for(void **state)
{
    const struct format_options options = {
        .timezone = "America/Los_Angeles", .source = "store-9", .region = "US"};
    struct decoded d;

    (void)state;
    decode(&d, "poslog", &options, text(HEAD SALE END_SALE TAIL));
    assert_non_null(strstr(text_of_buf(&d.events), "\"time\":\"2017-10-01T17:00:00Z\""));
    assert_non_null(strstr(text_of_buf(&d.events), "\"timezone\":\"America/Los_Angeles\""));
    assert_non_null(strstr(text_of_buf(&d.events), "\"source\":\"store-9\""));
    assert_non_null(strstr(text_of_buf(&d.events), "\"region\":\"US\""));
    decoded_free(&d);
}

static void
a_zone_nobody_knows_is_refused_at_once(void **state)
{
    const struct format_options options = {.timezone = "Mars/Olympus"};
    const struct format_sink sink = {decoded_event, decoded_reject, decoded_ignored, NULL};
    struct decoder *d = NULL;
    char why[512] = "";

    (void)state;
    assert_int_equal(format_find("poslog")->open(&d, &options, &sink, why), TL_EARGUMENT);
    assert_null(d);
    assert_non_null(strstr(why, "Mars/Olympus"));
}

static void
a_basket_that_is_too_large_for_an_event_counts_its_rest(void **state)
{
    struct buf xml = {0};
    struct decoded d;

    (void)state;
    buf_text(&xml, HEAD SALE);
    for (int i = 0; i < 3000; i++)
        buf_text(&xml, ITEM("0.01"));
    buf_text(&xml, END_SALE TAIL);
    decode_as(&d, "poslog", &plain, (struct tl_str){(char *)xml.ptr, xml.len}, WHOLE);
    assert_int_equal(d.events_count, 1);
    assert_int_equal(d.total_minor, 3000);
    assert_non_null(strstr(text_of_buf(&d.events), "\"lines_more\":"));
    decoded_free(&d);
    buf_free(&xml);
}

static void
nested_elements(struct buf *xml, int depth)
{
    buf_clear(xml);
    buf_text(xml, HEAD SALE);
    for (int i = 0; i < depth; i++)
        buf_text(xml, "<A>");
    for (int i = 0; i < depth; i++)
        buf_text(xml, "</A>");
    buf_text(xml, END_SALE SALE END_SALE TAIL);
    buf_byte(xml, 0);
}

static void
elements_nested_too_deeply_spoil_their_transaction_only(void **state)
{
    struct buf xml = {0};
    struct decoded d;

    (void)state;
    nested_elements(&xml, 29);      /* POSLog, Transaction and RetailTransaction make 32 */
    decode(&d, "poslog", &plain, text(text_of_buf(&xml)));
    assert_int_equal(d.events_count, 2);
    decoded_free(&d);
    nested_elements(&xml, 30);
    expect_reject(text_of_buf(&xml), 1, "60: elements nested too deeply");
    nested_elements(&xml, 20000);
    expect_reject(text_of_buf(&xml), 1, "60: elements nested too deeply");
    buf_free(&xml);
}

static void
an_endless_transaction_ends_the_input(void **state)
{
    struct buf xml = {0};
    struct decoded d;

    (void)state;
    buf_text(&xml, HEAD SALE END_SALE SALE "<Note>");
    must(buf_grow(&xml, POSLOG_TRANSACTION_BYTES_MAX) != NULL);
    memset(xml.ptr + xml.len - POSLOG_TRANSACTION_BYTES_MAX, 'x', POSLOG_TRANSACTION_BYTES_MAX);
    decode_as(&d, "poslog", &plain, (struct tl_str){(char *)xml.ptr, xml.len}, WHOLE);
    assert_int_equal(d.events_count, 1);
    assert_int_equal(d.rejects_count, 1);
    assert_non_null(strstr(text_of_buf(&d.rejects), "more than 16 MiB without a whole"));
    decoded_free(&d);
    buf_free(&xml);
}

static void
one_decoder_reads_one_input_after_the_other(void **state)
{
    struct decoded d = {0};
    struct format_sink sink = {decoded_event, decoded_reject, decoded_ignored, &d};
    const struct format *format = format_find("poslog");
    struct decoder *decoder = NULL;
    char why[512];

    (void)state;
    assert_int_equal(format->open(&decoder, &plain, &sink, why), 0);
    format->feed(decoder, "<broken", 7);
    format->end(decoder);
    format->feed(decoder, HEAD SALE END_SALE TAIL, strlen(HEAD SALE END_SALE TAIL));
    format->end(decoder);
    format->close(&decoder);
    assert_int_equal(d.rejects_count, 1);
    assert_int_equal(d.events_count, 1);
    decoded_free(&d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_transaction_decodes_to_what_was_checked_by_reading),
        cmocka_unit_test(returns_voids_and_coupons_decode_under_any_prefix),
        cmocka_unit_test(a_shops_day_adds_up),
        cmocka_unit_test(no_length_of_a_sample_does_harm),
        cmocka_unit_test(a_doctype_is_refused_before_anything_is_read),
        cmocka_unit_test(broken_xml_goes_aside_after_what_was_whole),
        cmocka_unit_test(xml_that_is_no_poslog_is_refused),
        cmocka_unit_test(a_transaction_alone_is_read_too),
        cmocka_unit_test(a_bad_transaction_goes_aside_alone),
        cmocka_unit_test(amounts_are_rounded_half_away_from_zero),
        cmocka_unit_test(without_a_grand_total_lines_and_tax_are_the_total),
        cmocka_unit_test(what_comes_back_is_a_return),
        cmocka_unit_test(a_carriage_return_in_a_text_becomes_a_blank),
        cmocka_unit_test(local_times_are_by_the_zone_asked_for),
        cmocka_unit_test(a_zone_nobody_knows_is_refused_at_once),
        cmocka_unit_test(a_basket_that_is_too_large_for_an_event_counts_its_rest),
        cmocka_unit_test(elements_nested_too_deeply_spoil_their_transaction_only),
        cmocka_unit_test(an_endless_transaction_ends_the_input),
        cmocka_unit_test(one_decoder_reads_one_input_after_the_other),
    };

    return cmocka_run_group_tests_name("poslog", tests, NULL, NULL);
}
