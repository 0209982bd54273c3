#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/endpoint.h"

static void
an_endpoint_has_a_protocol_a_host_and_a_port(void **state)
{
    static const char *const good[] = {"tcp://127.0.0.1:7700", "tcp://[::1]:0", "tcp://*:65535",
                                       "ipc:///run/t"};
    static const char *const bad[] = {"", "nonsense", "tcp://", "tcp://:1", "tcp://127.0.0.1",
                                      "tcp://127.0.0.1:", "tcp://127.0.0.1:x", "tcp://h:-1",
                                      "tcp://127.0.0.1:65536", "tcp://127.0.0.1:4294967297",
                                      "udp://127.0.0.1:1", "ipc://", "inproc://x"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(endpoint_is(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(endpoint_is(bad[i]));
}

static void
a_port_is_a_number_of_16_bits(void **state)
{
    (void)state;
    assert_true(endpoint_is_port("0"));
    assert_true(endpoint_is_port("65535"));
    assert_false(endpoint_is_port("65536"));
    assert_false(endpoint_is_port("099999"));
    assert_false(endpoint_is_port(""));
    assert_false(endpoint_is_port("http"));
    assert_false(endpoint_is_port("80 "));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_endpoint_has_a_protocol_a_host_and_a_port),
        cmocka_unit_test(a_port_is_a_number_of_16_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
