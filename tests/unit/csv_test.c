#include "tests/unit/decode.h"

#include "adapters/csv/csv.h"
#include "adapters/csv/mapped.h"

#define MAPS "adapters/csv/maps/completejourney-"
#define MAP "[map]\ntime_format = %Y-%m-%d\n"
#define EVENT "[event]\nid = {id}\ntype = note.added\nchannel = web\ntime = {day}\n"
#define WHO "[identifiers]\nuser = {who}\n"
#define BASKETS                                                                                   \
    MAP "group = id\n"                                                                            \
    "[event]\nid = {id}\ntype = sale.completed\nchannel = pos\ntime = {day}\n" WHO                \
    "[sale]\ncurrency = USD\ntotal = {paid} - {off}\n"                                            \
    "[line]\nitem = {item}\namount = {paid} - {off}\n"

static struct tl_str
load_packed_or_not(const char *folder, const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return load(path);
}

static struct tl_str joined;

static const char *
give_table(void *arg, const char *name, size_t *len)
{
    (void)arg;
    assert_string_equal(name, "campaign_descriptions");
    *len = joined.len;
    return joined.ptr;
}

static int
load_joined(void **state)
{
    (void)state;
    joined = load("tests/data/completejourney/campaign_descriptions.csv");
    return 0;
}

static int
free_joined(void **state)
{
    (void)state;
    free((char *)(uintptr_t)joined.ptr);
    return 0;
}

/* Decodes a table by one of the shipped maps. */
static void
decode_shipped(struct decoded *d, const char *map, struct tl_str table, const char *timezone,
               enum pieces pieces)
{
    char path[256];
    struct tl_str text;
    struct format_options options = {.table = give_table, .timezone = timezone};

    snprintf(path, sizeof path, MAPS "%s.map", map);
    text = load(path);
    options.map_text = text.ptr;
    options.map_name = path;
    if (pieces == WHOLE)
        decode(d, "csv", &options, table);
    else
        decode_truncated("csv", &options, table);
    free((char *)(uintptr_t)text.ptr);
}

static const struct {
    const char *map, *table, *whole;
} tables[] = {
    {"campaigns", "campaigns.csv", "campaigns.csv.gz"},
    {"redemptions", "coupon_redemptions.csv", "coupon_redemptions.csv.gz"},
    {"transactions", "transactions.csv", "transactions_sample.csv.gz"},
};

static void
shipped_maps_make_what_was_checked_by_reading(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct tl_str table = load_packed_or_not("tests/data/completejourney", tables[i].table);
        struct decoded d;
        char path[256];

        decode_shipped(&d, tables[i].map, table, NULL, WHOLE);
        snprintf(path, sizeof path, "tests/data/completejourney/%s.jsonl", tables[i].map);
        assert_expected(&d, path);
        assert_int_equal(d.rejects_count + d.ignored_count, 0);
        decoded_free(&d);
        free((char *)(uintptr_t)table.ptr);
    }
}

/* The tallies were counted from the tables by other means. */
static void
whole_tables_add_up(void **state)
{
    static const size_t counts[] = {4380, 1373, 30988};
    static const int64_t totals[] = {0, 0, 15329385};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct tl_str table = load_packed_or_not("demo/data", tables[i].whole);
        struct decoded d;

        decode_shipped(&d, tables[i].map, table, NULL, WHOLE);
        assert_int_equal(d.events_count, counts[i]);
        assert_int_equal(d.total_minor, totals[i]);
        assert_int_equal(d.rejects_count + d.ignored_count, 0);
        decoded_free(&d);
        free((char *)(uintptr_t)table.ptr);
    }
}

static void
no_length_of_a_table_does_harm(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct tl_str table = load_packed_or_not("tests/data/completejourney", tables[i].table);

        decode_shipped(NULL, tables[i].map,
                       (struct tl_str){table.ptr, table.len < 1200 ? table.len : 1200}, NULL,
                       RANDOM);
        free((char *)(uintptr_t)table.ptr);
    }
}

static void
local_dates_are_by_the_zone_asked_for(void **state)
{
    struct decoded d;

    (void)state;
    decode_shipped(&d, "campaigns", text("campaign_id,household_id\n18,1\n"), "America/Chicago",
                   WHOLE);
    assert_non_null(strstr(text_of_buf(&d.events), "\"time\":\"2017-10-30T05:00:00Z\""));
    assert_non_null(strstr(text_of_buf(&d.events), "\"expires\":\"2017-12-25T05:59:59Z\""));
    assert_non_null(strstr(text_of_buf(&d.events), "\"timezone\":\"America/Chicago\""));
    decoded_free(&d);
}

static void
decode_by(struct decoded *d, const char *map, const char *table)
{
    const struct format_options options = {.map_text = map, .map_name = "my.map"};

    decode(d, "csv", &options, text(table));
}

/* Decodes, and expects these events' ids and these rejects. */
static void
expect(const char *map, const char *table, const char *ids, const char *rejects)
{
    struct buf found = {0};
    struct decoded d;

    decode_by(&d, map, table);
    for (const char *at = text_of_buf(&d.events); (at = strstr(at, "{\"id\":\"")) != NULL;) {
        at += strlen("{\"id\":\"");
        buf_printf(&found, "%.*s ", (int)strcspn(at, "\""), at);
    }
    buf_byte(&found, 0);
    assert_string_equal(text_of_buf(&found), ids);
    assert_string_equal(text_of_buf(&d.rejects), rejects);
    buf_free(&found);
    decoded_free(&d);
}

static void
rows_are_read_as_rfc_4180_says(void **state)
{
    (void)state;
    expect(MAP EVENT WHO, "id,day,who\n1,2017-01-01,a\n2,2017-01-01,b\n", "1 2 ", "");
    expect(MAP EVENT WHO, "id,day,who\r\n1,2017-01-01,a\r\n2,2017-01-01,b", "1 2 ", "");
    expect(MAP EVENT WHO, "\xef\xbb\xbfid,day,who\n1,2017-01-01,a\n", "1 ", "");
    expect(MAP EVENT WHO, "\n\r\nid,day,who\n\n1,2017-01-01,a\n\r\n\n", "1 ", "");
    expect(MAP EVENT WHO, "id,day,who\n\"1,\"\"2\"\"\",2017-01-01,a\n", "1,\\ ", "");
    expect(MAP EVENT WHO, "id,day,who\n\"1\r\n2\",\"2017-01-01\",\"a\"\r\n", "1\\n2 ", "");
    expect(MAP EVENT WHO, "who,id,x,day\na, 1 ,,2017-01-01\n", "1 ", "");
    expect(MAP EVENT WHO, "", "", "");
    expect(MAP EVENT WHO, "id,day,who\n", "", "");
    expect(MAP "delimiter = ;\n" EVENT WHO, "id;day;who\n1,5;2017-01-01;a\n", "1,5 ", "");
    expect(MAP "delimiter = tab\n" EVENT WHO, "id\tday\twho\n1\t2017-01-01\ta\n", "1 ", "");
}

static void
a_row_that_is_no_csv_goes_aside_and_reading_goes_on(void **state)
{
    (void)state;
    expect(MAP EVENT WHO, "id,day,who\n1,2017-01-01\n2,2017-01-01,b\n3,2017-01-01,c,d\n", "2 ",
           "2: a row of 2 columns where the header has 3: 1,2017-01-01\n"
           "4: a row of 4 columns where the header has 3: 3,2017-01-01,c,d\n");
    expect(MAP EVENT WHO, "id,day,who\n1\",2017-01-01,a\n2,2017-01-01,b\n", "2 ",
           "2: a quote where CSV allows none: 1\",2017-01-01,a\n");
    expect(MAP EVENT WHO, "id,day,who\n\"1\"x,2017-01-01,a\r\n2,2017-01-01,b\n", "2 ",
           "2: a quote where CSV allows none: \"1\"x,2017-01-01,a\n");
    /* A quote that is opened and never closed costs its own line. */
    expect(MAP EVENT WHO, "id,day,who\n\"1,2017-01-01,a\n2,2017-01-01,b\n3,2017-01-01,c\n", "2 3 ",
           "2: a quote that is not closed: \"1,2017-01-01,a\n");
    expect(MAP EVENT WHO, "id,day,who\n1,2017-01-01,a\n2,2017-01-01,\"b", "1 ",
           "3: a quote that is not closed: 2,2017-01-01,\"b\n");
    expect(MAP EVENT WHO, "id,day,who\n1,2017-01-01,\xe9\n2,2017-01-01,b\rc\n3,2017-01-01,c\n",
           "3 ",
           "2: not UTF-8 text, or control characters in it: 1,2017-01-01,\xe9\n"
           "3: not UTF-8 text, or control characters in it: 2,2017-01-01,b\rc\n");
}

static void
a_value_that_cannot_be_goes_aside_with_its_column(void **state)
{
    (void)state;
    expect(MAP EVENT WHO, "id,day,who\n1,yesterday,a\n,2017-01-01,b\n3,,c\n4,2017-01-01,\n", "",
           "2: time: `yesterday` is no time of the form %Y-%m-%d: 1,yesterday,a\n"
           "3: id needs the column id, which is empty: ,2017-01-01,b\n"
           "4: the column of time is empty: 3,,c\n"
           "5: every column of an identifier is empty: 4,2017-01-01,\n");
    expect(BASKETS, "id,day,who,item,paid,off\n1,2017-01-01,a,x,NA,0\n", "",
           "2: total: `NA` in column paid is no decimal number: 1,2017-01-01,a,x,NA,0\n");
    expect(BASKETS, "id,day,who,item,paid,off\n1,2017-01-01,a,x,92233720368547758.08,0\n", "",
           "2: amount: too large an amount: 1,2017-01-01,a,x,92233720368547758.08,0\n");
}

static void
a_header_that_does_not_fit_the_map_puts_every_row_aside(void **state)
{
    (void)state;
    expect(MAP EVENT WHO, "id,day\n1,2017-01-01\n", "",
           "1: the table read has no column `who`, which line 9 of the map my.map uses: id,day\n"
           "2: the table read has no column `who`, which line 9 of the map my.map uses: "
           "1,2017-01-01\n");
    expect(MAP EVENT WHO, "id,day,who,id\n1,2017-01-01,a,1\n", "",
           "1: two columns are named `id`: id,day,who,id\n"
           "2: two columns are named `id`: 1,2017-01-01,a,1\n");
}

static void
columns_the_map_does_not_name_become_attributes(void **state)
{
    struct decoded d;

    (void)state;
    decode_by(&d, MAP "ignore = z\n" EVENT WHO, "id,x,day,who,z,y\n1,5,2017-01-01,a,6,\n");
    assert_non_null(strstr(text_of_buf(&d.events), "\"attributes\":{\"x\":\"5\"}"));
    decoded_free(&d);
}

static void
too_many_columns_for_attributes_are_to_be_ignored(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct buf table = {0};
        struct decoded d;

        buf_text(&table, "id,day,who");
        for (int i = 0; i < 63 + more; i++)
            buf_printf(&table, ",c%d", i);
        buf_text(&table, "\n1,2017-01-01,a");
        for (int i = 0; i < 63 + more; i++)
            buf_text(&table, ",v");
        buf_byte(&table, 0);
        decode_by(&d, MAP EVENT WHO, text_of_buf(&table));
        assert_int_equal(d.events_count, !more);
        assert_int_equal(d.rejects_count, 2 * more);
        decoded_free(&d);
        buf_free(&table);
    }
}

static void
rows_of_a_group_are_one_event(void **state)
{
    struct decoded d;

    (void)state;
    decode_by(&d, BASKETS, "id,day,who,item,paid,off\n"
                           "1,2017-01-01,a,x,3.55,0.55\n"
                           "1,2017-01-01,a,y,1.00,\n"
                           "2,2017-01-01,b,x,1,2.79\n");
    assert_int_equal(d.events_count, 2);
    assert_non_null(strstr(text_of_buf(&d.events),
                           "\"lines\":[{\"item\":\"x\",\"amount_minor\":\"300\"},"
                           "{\"item\":\"y\",\"amount_minor\":\"100\"}],\"total_minor\":\"400\""));
    /* A coupon worth more than the goods: the total is below zero and stays there. */
    assert_non_null(strstr(text_of_buf(&d.events), "\"total_minor\":\"-179\""));
    assert_int_equal(d.total_minor, 221);
    decoded_free(&d);
}

static void
a_total_is_rounded_once_and_half_away_from_zero(void **state)
{
    struct decoded d;

    (void)state;
    decode_by(&d, BASKETS, "id,day,who,item,paid,off\n"
                           "1,2017-01-01,a,x,0.004,0\n"
                           "1,2017-01-01,a,y,0.001,0\n"
                           "2,2017-01-01,a,x,0,0.005\n"
                           "3,2017-01-01,a,x,4.440892e-16,0\n");
    assert_non_null(strstr(text_of_buf(&d.events), "\"total_minor\":\"1\""));
    assert_non_null(strstr(text_of_buf(&d.events), "\"total_minor\":\"-1\""));
    assert_int_equal(d.total_minor, 0);
    decoded_free(&d);
}

static void
a_bad_row_puts_its_whole_basket_aside(void **state)
{
    (void)state;
    expect(BASKETS, "id,day,who,item,paid,off\n"
                    "1,2017-01-01,a,x,1,0\n"
                    "2,2017-01-01,a,x,1,0\n"
                    "2,2017-01-01,a,y,?,0\n"
                    "2,2017-01-01,a,z,1,0\n"
                    "3,2017-01-01,a,x,1,0\n", "1 3 ",
           "3: total: `?` in column paid is no decimal number: 2,2017-01-01,a,x,1,0\n"
           "2,2017-01-01,a,y,?,0\n2,2017-01-01,a,z,1,0\n");
}

static void
decode_basket_of(struct decoded *d, size_t lines)
{
    struct buf table = {0};

    buf_text(&table, "id,day,who,item,paid,off\n");
    for (size_t i = 0; i < lines; i++)
        buf_text(&table, "1,2017-01-01,a,x,0.01,0\n");
    buf_byte(&table, 0);
    decode_by(d, BASKETS, text_of_buf(&table));
    buf_free(&table);
}

static void
a_large_basket_keeps_its_total_and_counts_its_lines(void **state)
{
    struct decoded d;

    (void)state;
    decode_basket_of(&d, 5000);
    assert_int_equal(d.events_count, 1);
    assert_int_equal(d.total_minor, 5000);
    assert_non_null(strstr(text_of_buf(&d.events), "\"lines_more\":"));
    decoded_free(&d);
    decode_basket_of(&d, MAPPED_GROUP_BYTES_MAX / 20);
    assert_int_equal(d.events_count, 0);
    assert_int_equal(d.rejects_count, 1);
    assert_non_null(strstr(text_of_buf(&d.rejects), "more than a MiB of rows for one event"));
    decoded_free(&d);
}

static void
rows_with_one_id_are_the_same_event_or_numbered(void **state)
{
    static const char table[] = "id,day,who\n1,2017-01-01,a\n1,2017-01-01,a\n2,2017-01-01,b\n"
                                "1,2017-01-01,a\n";

    (void)state;
    expect(MAP EVENT WHO, table, "1 1 2 1 ", "");
    expect(MAP "repeats = numbered\n" EVENT WHO, table, "1 1-2 2 1-3 ", "");
}

static void
whom_nobody_knows_gets_the_other_identifiers(void **state)
{
    struct decoded d;

    (void)state;
    decode_by(&d, MAP EVENT "[identifiers]\nuser = u-{who}\nx-shop = {shop}\n"
                            "[anonymous]\nreceipt = {id}\n",
              "id,day,who,shop\n1,2017-01-01,a,\n2,2017-01-01,,\n");
    assert_non_null(strstr(text_of_buf(&d.events),
                           "\"identifiers\":[{\"type\":\"user\",\"value\":\"u-a\"}]"));
    assert_non_null(strstr(text_of_buf(&d.events),
                           "\"identifiers\":[{\"type\":\"receipt\",\"value\":\"2\"}]"));
    decoded_free(&d);
}

#define OFFER "[offer]\noffer = {what}\noutcome = made\ncurrency = KWD\nprice = {price}\n"         \
              "expires = end of {until}\n"

static void
an_offer_has_its_price_in_its_currency_and_may_have_no_end(void **state)
{
    struct decoded d;

    (void)state;
    decode_by(&d, MAP EVENT WHO OFFER, "id,day,who,what,price,until\n"
                                       "1,2017-01-01,a,x,1.2345,2017-02-01\n"
                                       "2,2017-01-01,a,x,1,\n"
                                       "3,2017-01-01,a,,1,\n");
    assert_int_equal(d.events_count, 2);
    assert_non_null(strstr(text_of_buf(&d.events),
                           "\"price_minor\":\"1235\",\"currency\":\"KWD\","
                           "\"expires\":\"2017-02-01T23:59:59Z\""));
    assert_non_null(strstr(text_of_buf(&d.rejects), "the column of the offer is empty"));
    decoded_free(&d);
}

/* ----------------------------------------------------------------- joins */

#define JOIN MAP "[join campaign_descriptions]\nkey = campaign_id\n"                              \
             "[event]\nid = {campaign_id}\ntype = x.y\nchannel = mail\n"                          \
             "time = {campaign_descriptions.start_date}\n[identifiers]\nuser = {campaign_id}\n"

static void
expect_join(const char *table, const char *why)
{
    struct format_options options = {
        .map_text = JOIN, .map_name = "my.map", .table = give_table};
    const struct format_sink sink = {decoded_event, decoded_reject, decoded_ignored, NULL};
    struct decoder *d = NULL;
    char got[512] = "";
    struct tl_str was = joined;

    joined = table != NULL ? text(table) : (struct tl_str){0};
    assert_int_equal(mapped_open(&d, &options, &sink, got), TL_EARGUMENT);
    assert_null(d);
    assert_string_equal(got, why);
    joined = was;
}

static void
a_table_that_cannot_be_joined_is_said_before_anything_is_read(void **state)
{
    (void)state;
    expect_join(NULL, "the map my.map joins the table campaign_descriptions, which is not beside "
                      "the input as campaign_descriptions.csv or .csv.gz");
    expect_join("", "table campaign_descriptions, line 1: no header row");
    expect_join("a,b\n1,2\n", "table campaign_descriptions, line 1: the header has no column of "
                              "the join's key");
    expect_join("campaign_id,b\n1\n", "table campaign_descriptions, line 2: not as many columns "
                                      "as the header");
    expect_join("campaign_id,b\n1,2\n1,3\n",
                "table campaign_descriptions, line 3: a second row with the same key");
    expect_join("campaign_id,b\n\"1,2\n", "table campaign_descriptions, line 2: a quote that is "
                                          "not closed");
}

static void
a_row_without_its_partner_goes_aside(void **state)
{
    struct format_options options = {
        .map_text = JOIN, .map_name = "my.map", .table = give_table};
    struct decoded d;

    (void)state;
    decode(&d, "csv", &options, text("campaign_id\n18\n99\n"));
    assert_int_equal(d.events_count, 1);
    assert_string_equal(text_of_buf(&d.rejects),
                        "3: no row of campaign_descriptions has the campaign_id `99`: 99\n");
    decoded_free(&d);
}

static void
the_callers_source_comes_before_the_maps(void **state)
{
    struct format_options options = {.map_text = MAP EVENT WHO, .map_name = "/etc/maps/my.map"};
    struct decoded d;

    (void)state;
    decode(&d, "csv", &options, text("id,day,who\n1,2017-01-01,a\n"));
    assert_non_null(strstr(text_of_buf(&d.events), "\"source\":\"my\""));
    decoded_free(&d);
    options.source = "nightly";
    decode(&d, "csv", &options, text("id,day,who\n1,2017-01-01,a\n"));
    assert_non_null(strstr(text_of_buf(&d.events), "\"source\":\"nightly\""));
    decoded_free(&d);
}

/* ---------------------------------------------------------------- limits */

static void
a_row_has_at_most_64_kib(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct buf table = {0};
        struct decoded d;
        size_t begin;

        buf_text(&table, "id,day,who\n");
        begin = table.len;
        buf_text(&table, "1,2017-01-01,");
        while (table.len - begin < CSV_ROW_BYTES_MAX - 1 + more)
            buf_byte(&table, 'a');
        buf_text(&table, "\n2,2017-01-01,b\n");
        buf_byte(&table, 0);
        decode_as(&d, "csv", &(struct format_options){.map_text = MAP EVENT
                                                      "[identifiers]\nuser = {id}\n"},
                  text(text_of_buf(&table)), RANDOM);
        assert_int_equal(d.rejects_count, more);
        assert_non_null(strstr(text_of_buf(&d.events), "\"id\":\"2\""));
        decoded_free(&d);
        buf_free(&table);
    }
}

static void
take_width(void *arg, const struct csv_row *row)
{
    *(size_t *)arg = row->count;
}

static void
take_bad_row(void *arg, struct tl_str raw, uint64_t line, const char *reason)
{
    (void)raw;
    (void)line;
    (void)reason;
    *(size_t *)arg = 0;
}

static void
a_row_has_at_most_1024_columns(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        size_t width = 7;
        struct csv_sink sink = {take_width, take_bad_row, &width};
        struct csv *csv = csv_reader_new(',', &sink);

        assert_non_null(csv);
        for (size_t i = 1; i < CSV_FIELDS_MAX + more; i++)
            csv_reader_feed(csv, "a,", 2);
        csv_reader_feed(csv, "a\n", 2);
        csv_reader_end(csv);
        assert_int_equal(width, more ? 0 : CSV_FIELDS_MAX);
        csv_reader_free(&csv);
        assert_null(csv);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_maps_make_what_was_checked_by_reading),
        cmocka_unit_test(whole_tables_add_up),
        cmocka_unit_test(no_length_of_a_table_does_harm),
        cmocka_unit_test(local_dates_are_by_the_zone_asked_for),
        cmocka_unit_test(rows_are_read_as_rfc_4180_says),
        cmocka_unit_test(a_row_that_is_no_csv_goes_aside_and_reading_goes_on),
        cmocka_unit_test(a_value_that_cannot_be_goes_aside_with_its_column),
        cmocka_unit_test(a_header_that_does_not_fit_the_map_puts_every_row_aside),
        cmocka_unit_test(columns_the_map_does_not_name_become_attributes),
        cmocka_unit_test(too_many_columns_for_attributes_are_to_be_ignored),
        cmocka_unit_test(rows_of_a_group_are_one_event),
        cmocka_unit_test(a_total_is_rounded_once_and_half_away_from_zero),
        cmocka_unit_test(a_bad_row_puts_its_whole_basket_aside),
        cmocka_unit_test(a_large_basket_keeps_its_total_and_counts_its_lines),
        cmocka_unit_test(rows_with_one_id_are_the_same_event_or_numbered),
        cmocka_unit_test(whom_nobody_knows_gets_the_other_identifiers),
        cmocka_unit_test(an_offer_has_its_price_in_its_currency_and_may_have_no_end),
        cmocka_unit_test(a_table_that_cannot_be_joined_is_said_before_anything_is_read),
        cmocka_unit_test(a_row_without_its_partner_goes_aside),
        cmocka_unit_test(the_callers_source_comes_before_the_maps),
        cmocka_unit_test(a_row_has_at_most_64_kib),
        cmocka_unit_test(a_row_has_at_most_1024_columns),
    };

    return cmocka_run_group_tests_name("csv", tests, load_joined, free_joined);
}
