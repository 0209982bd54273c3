/* accesslog.h -- web servers' logs in the combined format, a line each.
 *
 * https://httpd.apache.org/docs/2.4/logs.html#combined
 * https://nginx.org/en/docs/http/ngx_http_log_module.html (combined)
 *
 * A GET of a page that was answered with 2xx or 304 is a visit; robots, parts of
 * pages (images, styles, scripts), other methods and answers are counted as
 * ignored.  The log's user is a `user`; else the visitor is `anonymous`, a hash of
 * address and browser, which several people may share.  A line has no id, so it
 * is hashed: the same line twice is one event. */

#ifndef ADAPTERS_WEB_ACCESSLOG_H
#define ADAPTERS_WEB_ACCESSLOG_H

#include "adapters/formats.h"

int accesslog_open(struct decoder **out, const struct format_options *o,
                   const struct format_sink *sink, char *why);

#endif
