#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "broker/filter.h"
#include "proto/code.h"

static struct filter
made(const struct wire_filter *asked)
{
    const char *detail = NULL;
    struct filter f;

    assert_int_equal(filter_init(&f, asked, &detail), 0);
    return f;
}

static int
refused(const struct wire_filter *asked)
{
    const char *detail = NULL;
    struct filter f;
    int err = filter_init(&f, asked, &detail);

    assert_true(err != 0 && detail != NULL);
    filter_fini(&f);
    return err;
}

static struct frame
frame(struct tl_str type, struct tl_str channel, uint64_t profile)
{
    return (struct frame){.type = type, .channel = channel, .profile = profile};
}

static void
an_empty_filter_wants_everything(void **state)
{
    struct frame f = frame(TL_STR("page.viewed"), TL_STR("web"), 7);
    struct filter none = made(NULL), empty = made(&(struct wire_filter){0});

    (void)state;
    assert_true(filter_header(&none, &f) && filter_header(&empty, &f));
    assert_false(filter_reads_header(&none) || filter_reads_event(&none));
    assert_true(filter_event(&none, &(struct tl_event){0}));
}

static void
a_type_is_exact_or_a_prefix_with_a_star(void **state)
{
    struct tl_str types[] = {TL_STR("email.opened"), TL_STR("offer.*")};
    struct filter f = made(&(struct wire_filter){.types = types, .types_count = 2});
    struct frame opened = frame(TL_STR("email.opened"), TL_STR(""), 1);
    struct frame longer = frame(TL_STR("email.opened2"), TL_STR(""), 1);
    struct frame offer = frame(TL_STR("offer.made"), TL_STR(""), 1);
    struct frame other = frame(TL_STR("offers"), TL_STR(""), 1);

    (void)state;
    assert_true(filter_reads_header(&f));
    assert_true(filter_header(&f, &opened) && filter_header(&f, &offer));
    assert_false(filter_header(&f, &longer) || filter_header(&f, &other));
    filter_fini(&f);
}

static void
all_kinds_must_hold(void **state)
{
    struct tl_str types[] = {TL_STR("sale.*")}, channels[] = {TL_STR("pos"), TL_STR("web")};
    struct filter f = made(&(struct wire_filter){
        .types = types, .types_count = 1, .channels = channels, .channels_count = 2});
    struct frame yes = frame(TL_STR("sale.completed"), TL_STR("web"), 1);
    struct frame no = frame(TL_STR("sale.completed"), TL_STR("mail"), 1);

    (void)state;
    assert_true(filter_header(&f, &yes));
    assert_false(filter_header(&f, &no));
    filter_fini(&f);
}

static void
a_campaign_is_the_events_or_one_of_its_offers(void **state)
{
    struct tl_str campaigns[] = {TL_STR("spring")}, offers[] = {TL_STR("shoes")};
    struct filter f = made(&(struct wire_filter){.campaigns = campaigns, .campaigns_count = 1});
    struct filter both = made(&(struct wire_filter){
        .campaigns = campaigns, .campaigns_count = 1, .offers = offers, .offers_count = 1});
    struct tl_offer_touch touches[] = {{.offer = TL_STR("hats"), .campaign = TL_STR("autumn")},
                                       {.offer = TL_STR("shoes"), .campaign = TL_STR("spring")}};
    struct tl_event by_offer = {.offers = touches, .offers_count = 2};
    struct tl_event by_name = {.campaign = TL_STR("spring")};

    (void)state;
    assert_true(filter_reads_event(&f));
    assert_true(filter_event(&f, &by_offer) && filter_event(&f, &by_name));
    assert_true(filter_event(&both, &by_offer));
    assert_false(filter_event(&both, &by_name));
    by_offer.offers_count = 1;
    assert_false(filter_event(&f, &by_offer));
    filter_fini(&f);
    filter_fini(&both);
}

static void
each_profile_is_of_exactly_one_share(void **state)
{
    struct filter shares[7];
    unsigned counts[7] = {0};

    (void)state;
    for (uint32_t i = 0; i < 7; i++)
        shares[i] = made(&(struct wire_filter){.share = i + 1, .shares = 7});
    for (uint64_t profile = 0; profile < 7000; profile++) {
        struct frame f = frame(TL_STR("t"), TL_STR(""), profile);
        unsigned taken = 0;

        for (uint32_t i = 0; i < 7; i++)
            if (filter_header(&shares[i], &f)) {
                counts[i]++;
                taken++;
            }
        assert_int_equal(taken, 1);
    }
    for (uint32_t i = 0; i < 7; i++)
        assert_in_range(counts[i], 850, 1150);
}

/* Worked out apart from the code, with the constants of splitmix64. */
static void
the_share_of_a_profile_never_changes(void **state)
{
    static const struct {
        uint64_t profile;
        uint32_t share;
    } frozen[] = {
        {0, 1}, {1, 6}, {2, 11}, {3, 1}, {718, 8}, {65536, 6}, {1000000, 7}, {1099511640121, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof frozen / sizeof frozen[0]; i++) {
        struct filter f = made(&(struct wire_filter){.share = frozen[i].share, .shares = 16});
        struct frame of = frame(TL_STR("t"), TL_STR(""), frozen[i].profile);

        assert_true(filter_header(&f, &of));
    }
}

static void
a_share_is_from_one_to_shares(void **state)
{
    struct filter f = made(&(struct wire_filter){.share = 3, .shares = 3});

    (void)state;
    filter_fini(&f);
    assert_int_equal(refused(&(struct wire_filter){.share = 4, .shares = 3}), TL_BAD_REQUEST);
    assert_int_equal(refused(&(struct wire_filter){.share = 0, .shares = 3}), TL_BAD_REQUEST);
}

static void
a_filter_has_at_most_64_values_of_a_kind(void **state)
{
    struct tl_str values[FILTER_TEXTS_MAX + 1];
    struct filter f;

    (void)state;
    for (size_t i = 0; i <= FILTER_TEXTS_MAX; i++)
        values[i] = TL_STR("v");
    f = made(&(struct wire_filter){.types = values, .types_count = FILTER_TEXTS_MAX});
    filter_fini(&f);
    assert_int_equal(refused(&(struct wire_filter){.types = values, .types_count = 65}),
                     TL_TOO_MANY);
    assert_int_equal(refused(&(struct wire_filter){.customers = values, .customers_count = 65}),
                     TL_TOO_MANY);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_filter_wants_everything),
        cmocka_unit_test(a_type_is_exact_or_a_prefix_with_a_star),
        cmocka_unit_test(all_kinds_must_hold),
        cmocka_unit_test(a_campaign_is_the_events_or_one_of_its_offers),
        cmocka_unit_test(each_profile_is_of_exactly_one_share),
        cmocka_unit_test(the_share_of_a_profile_never_changes),
        cmocka_unit_test(a_share_is_from_one_to_shares),
        cmocka_unit_test(a_filter_has_at_most_64_values_of_a_kind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
