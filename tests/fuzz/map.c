/* A map's text; one that is a map decodes a table that has every column. */

#include "tests/fuzz/feed.h"

static const char table[] =
    "household_id,store_id,basket_id,product_id,quantity,sales_value,retail_disc,coupon_disc,"
    "coupon_match_disc,week,transaction_timestamp,campaign_id,coupon_upc,redemption_date\n"
    "718,406,31198570044,833118,1,1.01,0.01,0,0,1,2017-01-01T11:53:26,1,51380041013,2017-01-07\n"
    "718,406,31198570044,833118,2,-5.00,0,0.5,4.440892e-16,1,2017-01-01T11:53:26,2,\"5,1\",\n"
    ",406,31198570045,,,,,,,1,2017-01-02T00:00:00,9,51380041013,2017-13-07\n";

static const char joined[] = "campaign_id,campaign_type,start_date,end_date\n"
                             "1,Type B,2017-03-03,2017-04-09\n"
                             "2,Type A,2017-03-08,2017-04-09\n";

static const char *
give_table(void *arg, const char *name, size_t *len)
{
    (void)arg;
    (void)name;
    *len = sizeof joined - 1;
    return joined;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct format_options options = {.table = give_table, .map_name = "fuzz.map"};
    char *text = malloc(size + 1);

    must(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    options.map_text = text;
    feed_both("csv", &options, (struct tl_str){table, sizeof table - 1}, 7);
    free(text);
    return 0;
}
