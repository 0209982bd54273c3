#include "tests/unit/decode.h"

#include "adapters/csv/csvmap.h"

#define MAP "[map]\ntime_format = %Y-%m-%d\n"
#define EVENT "[event]\nid = {a}\ntype = x.y\nchannel = pos\ntime = {t}\n"
#define WHO "[identifiers]\nloyalty = {a}\n"

static void
expect_error(const char *map, const char *error)
{
    struct csvmap *m = NULL;
    char why[CSVMAP_WHY_BYTES] = "";

    if (csvmap_parse(&m, "my.map", map, why) == 0)
        fail_msg("was taken: %s", map);
    assert_null(m);
    if (strncmp(why, error, strlen(error)) != 0)
        fail_msg("expected %s\n     got %s", error, why);
}

static struct csvmap *
parse(const char *map)
{
    struct csvmap *m = NULL;
    char why[CSVMAP_WHY_BYTES] = "";

    if (csvmap_parse(&m, "maps/my.map", map, why) != 0)
        fail_msg("%s", why);
    return m;
}

static void
a_small_map_is_enough(void **state)
{
    struct csvmap *m = parse("# a remark\r\n\n  " MAP EVENT WHO);

    (void)state;
    assert_int_equal(m->source.len, 2);
    assert_memory_equal(m->source.ptr, "my", 2);
    assert_int_equal(m->delimiter, ',');
    assert_int_equal(m->group, -1);
    assert_false(m->number_repeats);
    assert_int_equal(m->event.count, 4);
    assert_int_equal(m->refs_count, 2);
    csvmap_free(&m);
    assert_null(m);
}

static void
values_are_texts_and_columns(void **state)
{
    struct csvmap *m = parse(MAP "[join j]\nkey = k\n" EVENT WHO
                             "[attributes]\nx = a{ a }b{j.c}{x.y}\n");
    const struct csvmap_set *set = &m->attributes.sets[0];

    (void)state;
    assert_int_equal(set->pieces_count, 5);
    assert_memory_equal(set->pieces[0].text.ptr, "a", 1);
    assert_int_equal(set->pieces[2].ref, -1);
    assert_int_equal(m->refs[set->pieces[1].ref].join, -1);
    assert_int_equal(m->refs[set->pieces[3].ref].join, 0);
    assert_memory_equal(m->refs[set->pieces[3].ref].column.ptr, "c", 1);
    /* A dot after what is no joined table is part of the column's name. */
    assert_int_equal(m->refs[set->pieces[4].ref].join, -1);
    assert_int_equal(m->refs[set->pieces[4].ref].column.len, 3);
    csvmap_free(&m);
}

static void
amounts_are_columns_added_and_taken_off(void **state)
{
    struct csvmap *m = parse(MAP EVENT WHO
                             "[sale]\ncurrency = USD\ntotal = {a} - {b}+{c}\n");
    const struct csvmap_set *set = &m->sale.sets[1];

    (void)state;
    assert_int_equal(set->kind, CSVMAP_AMOUNT);
    assert_int_equal(set->pieces_count, 3);
    assert_false(set->pieces[0].minus);
    assert_true(set->pieces[1].minus);
    assert_false(set->pieces[2].minus);
    csvmap_free(&m);
}

static void
a_time_may_be_the_end_of_a_day(void **state)
{
    struct csvmap *m = parse(MAP EVENT WHO
                             "[offer]\noffer = o\noutcome = made\nexpires = end of {t}\n");

    (void)state;
    assert_true(m->offers[0].sets[2].end_of_day);
    assert_false(m->event.sets[3].end_of_day);
    csvmap_free(&m);
}

static void
settings_of_a_map_are_read(void **state)
{
    struct csvmap *m = parse(MAP "source = shop\ntimezone = Europe/Zurich\ndelimiter = tab\n"
                             "repeats = numbered\ngroup = basket\nignore = x, y ,z\n" EVENT WHO);

    (void)state;
    assert_memory_equal(m->source.ptr, "shop", 4);
    assert_int_equal(m->delimiter, '\t');
    assert_true(m->number_repeats);
    assert_int_equal(m->group, 0);
    assert_int_equal(m->ignored_count, 3);
    assert_int_equal(m->ignored[1].len, 1);
    csvmap_free(&m);
}

static void
errors_name_the_map_and_the_line(void **state)
{
    (void)state;
    expect_error("x = y\n", "my.map:1: a setting before the first [section]");
    expect_error("[map\n", "my.map:1: a [ without its ]");
    expect_error("[mapp]\n", "my.map:1: there is no section [mapp]; there are map, join,");
    expect_error("[map x]\n", "my.map:1: [map] stands alone");
    expect_error(MAP "hello\n", "my.map:3: neither [section] nor name = value");
    expect_error(MAP "source =\n", "my.map:3: neither the name nor the value may be empty");
    expect_error(MAP "sauce = x\n", "my.map:3: [map] knows source, timezone, time_format,");
    expect_error(MAP "timezone = Mars\n", "my.map:3: no time zone `Mars`");
    expect_error("[map]\ntime_format = %H\n", "my.map:2: a time format needs %Y, %m and %d, or %s");
    expect_error(MAP "delimiter = ab\n", "my.map:3: delimiter is one character, or tab");
    expect_error(MAP "repeats = no\n", "my.map:3: repeats is `same`");
    expect_error("[event]\nid = {a\n", "my.map:2: a { without its }");
    expect_error("[event]\nid = {}\n", "my.map:2: {} names no column");
    expect_error("[event]\ntme = {a}\n", "my.map:2: [event] knows id type time channel");
    expect_error("[event]\nid = {a}\nid = {b}\n", "my.map:3: `id` is set twice");
    expect_error("[identifiers]\nLoyalty = {a}\n", "my.map:2: `Loyalty` is no identifier type");
    expect_error("[sale]\ntotal = 5\n", "my.map:2: an amount is columns joined by + and -");
    expect_error("[sale]\ntotal = {a} {b}\n", "my.map:2: between two columns of an amount");
    expect_error("[sale]\ntotal = {a} -\n", "my.map:2: an amount is columns joined by + and -");
    expect_error("[join ../x]\n", "my.map:1: [join TABLE] names a table beside the input");
    expect_error("[join]\n", "my.map:1: [join TABLE] names a table beside the input");
    expect_error("[join x]\nkey = a\n[join x]\n", "my.map:3: a table is joined once");
    expect_error("[map]\nsource = \xe9\n", "my.map:2: not UTF-8 text");
    expect_error("[join x]\nkeys = a\n", "my.map:2: [join] knows key, not `keys`");
}

static void
a_map_that_lacks_something_is_refused(void **state)
{
    (void)state;
    expect_error("", "my.map:0: [event] needs id, type, time and channel");
    expect_error(MAP EVENT, "my.map:7: [identifiers] says whose an event is");
    expect_error(EVENT WHO, "my.map:7: [map] needs time_format");
    expect_error(MAP EVENT WHO "[line]\nitem = {a}\n", "my.map:11: a [line] is part of a [sale]");
    expect_error(MAP EVENT WHO "[sale]\ncurrency = USD\n",
                 "my.map:11: a [sale] needs currency and total");
    expect_error(MAP EVENT WHO "[offer]\noffer = x\n",
                 "my.map:11: an [offer] needs offer and outcome");
    expect_error(MAP EVENT WHO "[offer]\noffer = x\noutcome = made\nprice = {p}\n",
                 "my.map:13: an [offer] with a price needs currency");
    expect_error(MAP EVENT WHO "[join j]\n", "my.map:10: [join j] needs key");
}

/* A map of `columns` different columns, `attributes` of them as attributes. */
static void
expect_limit(int attributes, const char *error)
{
    struct buf map = {0};
    struct csvmap *m = NULL;
    char why[CSVMAP_WHY_BYTES] = "";

    buf_text(&map, MAP EVENT WHO "[attributes]\n");
    for (int i = 0; i < attributes; i++)
        buf_printf(&map, "a%d = {c%d}\n", i, i);
    buf_byte(&map, 0);
    if (error != NULL)
        expect_error((char *)map.ptr, error);
    else if (csvmap_parse(&m, "my.map", (char *)map.ptr, why) != 0)
        fail_msg("%s", why);
    csvmap_free(&m);
    buf_free(&map);
}

static void
a_section_has_at_most_63_names(void **state)
{
    (void)state;
    expect_limit(63, NULL);
    expect_limit(64, "my.map:74: at most 63 names in a section");
}

static void
expect_columns(int columns, const char *error)
{
    struct buf map = {0};
    struct csvmap *m = NULL;
    char why[CSVMAP_WHY_BYTES] = "";

    buf_text(&map, MAP EVENT WHO "[attributes]\nall = ");
    for (int i = 2; i < columns; i++)
        buf_printf(&map, "{c%d}", i);
    buf_byte(&map, 0);
    if (error != NULL)
        expect_error((char *)map.ptr, error);
    else if (csvmap_parse(&m, "my.map", (char *)map.ptr, why) != 0)
        fail_msg("%s", why);
    csvmap_free(&m);
    buf_free(&map);
}

static void
a_map_names_at_most_256_columns(void **state)
{
    (void)state;
    expect_columns(256, NULL);
    expect_columns(257, "my.map:11: a map names at most 256 columns");
}

static void
eight_offers_and_eight_joins_are_enough(void **state)
{
    struct buf map = {0};
    struct csvmap *m = NULL;
    char why[CSVMAP_WHY_BYTES] = "";

    (void)state;
    buf_text(&map, MAP EVENT WHO);
    for (int i = 0; i < 8; i++)
        buf_printf(&map, "[offer]\noffer = x\noutcome = made\n[join j%d]\nkey = a\n", i);
    buf_byte(&map, 0);
    if (csvmap_parse(&m, "my.map", (char *)map.ptr, why) != 0)
        fail_msg("%s", why);
    csvmap_free(&m);
    map.len--;
    buf_text(&map, "[offer]\n");
    buf_byte(&map, 0);
    expect_error((char *)map.ptr, "my.map:50: at most 8 [offer] sections");
    map.len -= strlen("[offer]\n") + 1;
    buf_text(&map, "[join j8]\n");
    buf_byte(&map, 0);
    expect_error((char *)map.ptr, "my.map:50: a table is joined once, and at most 8 are");
    buf_free(&map);
}

static void
a_map_has_at_most_64_kib(void **state)
{
    size_t len = CSVMAP_BYTES_MAX, begin = strlen(MAP EVENT WHO "#");
    char *map = malloc(len + 2);
    struct csvmap *m = NULL;
    char why[CSVMAP_WHY_BYTES] = "";

    (void)state;
    assert_non_null(map);
    memset(map, 'x', len + 1);
    memcpy(map, MAP EVENT WHO "#", begin);
    map[len] = '\0';
    if (csvmap_parse(&m, "my.map", map, why) != 0)
        fail_msg("%s", why);
    csvmap_free(&m);
    map[len] = 'x';
    map[len + 1] = '\0';
    expect_error(map, "my.map:0: more than 64 KiB are no map");
    free(map);
}

static void
no_length_of_a_map_does_harm(void **state)
{
    struct tl_str map = load("adapters/csv/maps/completejourney-transactions.map");
    char *copy = malloc(map.len + 1), why[CSVMAP_WHY_BYTES];
    struct csvmap *m;

    (void)state;
    assert_non_null(copy);
    for (size_t len = 0; len <= map.len; len++) {
        memcpy(copy, map.ptr, len);
        copy[len] = '\0';
        if (csvmap_parse(&m, "x", copy, why) == 0)
            csvmap_free(&m);
    }
    free(copy);
    free((char *)(uintptr_t)map.ptr);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_map_is_enough),
        cmocka_unit_test(values_are_texts_and_columns),
        cmocka_unit_test(amounts_are_columns_added_and_taken_off),
        cmocka_unit_test(a_time_may_be_the_end_of_a_day),
        cmocka_unit_test(settings_of_a_map_are_read),
        cmocka_unit_test(errors_name_the_map_and_the_line),
        cmocka_unit_test(a_map_that_lacks_something_is_refused),
        cmocka_unit_test(a_section_has_at_most_63_names),
        cmocka_unit_test(a_map_names_at_most_256_columns),
        cmocka_unit_test(eight_offers_and_eight_joins_are_enough),
        cmocka_unit_test(a_map_has_at_most_64_kib),
        cmocka_unit_test(no_length_of_a_map_does_harm),
    };

    return cmocka_run_group_tests_name("csvmap", tests, NULL, NULL);
}
