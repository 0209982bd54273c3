#include "tools/post.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define URL_BYTES 1024
#define ANSWER_BYTES_MAX (1u << 20)
#define TIMEOUT_S 60
#define PATIENCE_NS (60 * CLOCK_SECOND)
#define AGAIN_US 200000

struct post {
    CURL *curl;
    struct buf answer;
    char error[CURL_ERROR_SIZE];
};

static size_t
take(char *bytes, size_t size, size_t count, void *arg)
{
    struct post *p = arg;

    if (p->answer.len + size * count > ANSWER_BYTES_MAX)
        return 0;
    buf_append(&p->answer, bytes, size * count);
    return p->answer.failed ? 0 : size * count;
}

struct post *
post_open(void)
{
    struct post *p = calloc(1, sizeof *p);

    if (p == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(p);
        return NULL;
    }
    if ((p->curl = curl_easy_init()) == NULL)
        post_close(&p);
    return p;
}

void
post_close(struct post **post)
{
    struct post *p = *post;

    *post = NULL;
    if (p == NULL)
        return;
    curl_easy_cleanup(p->curl);
    buf_free(&p->answer);
    free(p);
    curl_global_cleanup();
}

/* Returns the status; 0 with a sentence when there is none.  `headers` and
 * `body` of NULL: a GET. */
static long
request(struct post *p, const char *url, struct curl_slist *headers, const struct buf *body,
        char why[POST_WHY_BYTES])
{
    CURLcode err;
    long status = 0;

    /* Keeps its connections. */
    curl_easy_reset(p->curl);
    buf_clear(&p->answer);
    p->error[0] = '\0';
    curl_easy_setopt(p->curl, CURLOPT_URL, url);
    curl_easy_setopt(p->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(p->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(p->curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    curl_easy_setopt(p->curl, CURLOPT_ERRORBUFFER, p->error);
    curl_easy_setopt(p->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(p->curl, CURLOPT_WRITEDATA, p);
    if (body != NULL) {
        curl_easy_setopt(p->curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(p->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
        curl_easy_setopt(p->curl, CURLOPT_POSTFIELDS, body->ptr);
    }
    err = curl_easy_perform(p->curl);
    if (err == CURLE_OK)
        err = curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, &status);
    if (err == CURLE_OK)
        return status;
    snprintf(why, POST_WHY_BYTES, "%s: %s", url,
             p->error[0] != '\0' ? p->error : curl_easy_strerror(err));
    return 0;
}

static int
refused(const struct post *p, const char *url, long status, char why[POST_WHY_BYTES])
{
    size_t len = p->answer.len < 300 ? p->answer.len : 300;

    if (status != 0)
        snprintf(why, POST_WHY_BYTES, "%.150s: it is answered with %ld: %.*s", url, status,
                 (int)len, len > 0 ? (const char *)p->answer.ptr : "");
    return -1;
}

int
post_send(struct post *p, const char *base, const char *path, const char *type,
          const struct buf *body, char why[POST_WHY_BYTES])
{
    int64_t until = clock_monotonic() + PATIENCE_NS;
    char url[URL_BYTES], header[128];
    struct curl_slist *headers;
    long status;

    snprintf(url, sizeof url, "%s%s", base, path);
    snprintf(header, sizeof header, "Content-Type: %s", type);
    if ((headers = curl_slist_append(NULL, header)) == NULL) {
        snprintf(why, POST_WHY_BYTES, "out of memory");
        return -1;
    }
    while ((status = request(p, url, headers, body, why)) == 503 && clock_monotonic() < until)
        usleep(AGAIN_US);
    curl_slist_free_all(headers);
    return status == 200 ? 0 : refused(p, url, status, why);
}

int
post_metric(struct post *p, const char *base, const char *name, long long *value,
            char why[POST_WHY_BYTES])
{
    char url[URL_BYTES], wanted[128];
    const char *at;
    long status;

    snprintf(url, sizeof url, "%s/metrics", base);
    if ((status = request(p, url, NULL, NULL, why)) != 200)
        return refused(p, url, status, why);
    buf_byte(&p->answer, '\0');
    snprintf(wanted, sizeof wanted, "\n%s ", name);
    if (p->answer.failed || (at = strstr((char *)p->answer.ptr, wanted)) == NULL) {
        snprintf(why, POST_WHY_BYTES, "%.150s: it does not say %s", url, name);
        return -1;
    }
    *value = strtoll(at + strlen(wanted), NULL, 10);
    return 0;
}
