/* touchline-web -- what visitors do on web sites. */

#include "adapters/adapter.h"

static const struct adapter_path paths[] = {
    {"POST", "/v1/track", "segment", "shared_secret_file", .whole = true, .browser = true},
    {"POST", "/v1/page", "segment", "shared_secret_file", .whole = true, .browser = true},
    {"POST", "/v1/screen", "segment", "shared_secret_file", .whole = true, .browser = true},
    {"POST", "/v1/identify", "segment", "shared_secret_file", .whole = true, .browser = true},
    {"POST", "/v1/alias", "segment", "shared_secret_file", .whole = true, .browser = true},
    {"POST", "/v1/group", "segment", "shared_secret_file", .whole = true, .browser = true},
    {"POST", "/v1/batch", "segment", "shared_secret_file", .whole = true, .browser = true},
    /* What navigator.sendBeacon brings: a call that says its type, or a batch. */
    {"POST", "/collect", "segment", .whole = true, .browser = true},
    {"POST", "/v1/events", "cloudevents", .whole = true, .browser = true},
    {"GET", "/i", "snowplow", .whole = true, .pixel = true, .browser = true},
    {"POST", "/com.snowplowanalytics.snowplow/tp2", "snowplow", .whole = true, .browser = true},
    {"GET", "/matomo.php", "matomo", .whole = true, .pixel = true, .browser = true},
    /* The same parameters in an image's address: in mails, on pages without scripts. */
    {"GET", "/pixel.gif", "matomo", .whole = true, .pixel = true, .browser = true},
    {"POST", "/matomo.php", "matomo", .whole = true, .browser = true},
    {"POST", "/mp/collect", "ga4", .whole = true, .browser = true},
    {0},
};

static const struct adapter_file files[] = {
    {"access-log", ADAPTER_FOLLOW | ADAPTER_DROP},
    {"feed", ADAPTER_DROP | ADAPTER_POLL},
    {"review", ADAPTER_DROP},
    {"complaints", ADAPTER_DROP},
    {0},
};

int
main(int argc, char **argv)
{
    const struct adapter web = {
        .program = "touchline-web",
        .listen = "127.0.0.1:7710",
        .paths = paths,
        .files = files,
    };

    return adapter_main(&web, argc, argv);
}
