#include "tools/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/touchline.h"

#define READY_MS 60000
#define ATTEMPT_MS 100

/* A port of the loopback that nobody listens at; -1 when there is none.  Whoever
 * takes it between this and the server's bind makes it fail to start, which is
 * noticed. */
static int
free_port(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int err = fd < 0 || bind(fd, (struct sockaddr *)&addr, len) != 0
              || getsockname(fd, (struct sockaddr *)&addr, &len) != 0;

    if (fd >= 0)
        close(fd);
    return err ? -1 : ntohs(addr.sin_port);
}

int
sandbox_beside(const char *name, char *out, size_t size, char why[SANDBOX_WHY_BYTES])
{
    ssize_t len = readlink("/proc/self/exe", out, size - 1);
    char *slash;

    if (len < 0)
        return keeper_complain(why, "cannot read", "/proc/self/exe");
    out[len] = '\0';
    slash = strrchr(out, '/');
    if (slash == NULL || (size_t)(slash + 1 - out) + strlen(name) >= size) {
        errno = ENAMETOOLONG;
        return keeper_complain(why, "cannot run", name);
    }
    memcpy(slash + 1, name, strlen(name) + 1);
    return access(out, X_OK) == 0 ? 0 : keeper_complain(why, "cannot run", out);
}

/* A client of its own each time: one that waits to connect again would wait
 * longer than the broker takes. */
static int
ask_once(const struct sandbox *s)
{
    struct tl_options options = {.endpoint = s->endpoint, .timeout_ms = ATTEMPT_MS};
    struct tl_client *client;
    struct tl_reply *reply = NULL;
    int err;

    if ((err = tl_open(&client, &options)) == 0)
        err = tl_stat(client, &reply);
    tl_reply_free(&reply);
    tl_close(&client);
    return err;
}

/* A broker that ended is a child of the keeper's nobody has asked about yet. */
static bool
has_ended(const struct sandbox *s)
{
    char path[64], state = 'Z';
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)s->keeper.program);
    if ((f = fopen(path, "r")) == NULL)
        return true;
    if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
        state = 'Z';
    fclose(f);
    return state == 'Z';
}

static int
wait_until_ready(const struct sandbox *s, char why[SANDBOX_WHY_BYTES])
{
    int64_t deadline = clock_monotonic() + READY_MS * CLOCK_MS;
    int err;

    while ((err = ask_once(s)) == TL_EAWAY && clock_monotonic() < deadline && !has_ended(s))
        continue;
    if (err == 0)
        return 0;
    snprintf(why, SANDBOX_WHY_BYTES, "the broker did not start: %s", tl_code_sentence(err));
    keeper_quote_log(&s->keeper, "the broker did not start", why);
    return -1;
}

int
sandbox_views_memory(const struct sandbox *s, uint64_t bytes)
{
    char path[sizeof s->keeper.dir + 8];
    FILE *f;
    int err;

    snprintf(path, sizeof path, "%s/conf", s->keeper.dir);
    if ((f = fopen(path, "w")) == NULL)
        return -1;
    err = bytes != 0
          && fprintf(f, "[store]\nviews_memory = %llu B\n", (unsigned long long)bytes) < 0;
    return fclose(f) != 0 || err ? -1 : 0;
}

static int
start(struct sandbox *s, const char *program, char why[SANDBOX_WHY_BYTES])
{
    char config[sizeof s->keeper.dir + 8];
    const char *argv[] = {program,    "--data",   s->data, "--listen", s->endpoint,
                          "--config", config, NULL};
    const struct keeper_program broker = {.argv = argv, .stop = SIGTERM, .crash = SIGKILL};

    snprintf(s->data, sizeof s->data, "%s/data", s->keeper.dir);
    snprintf(config, sizeof config, "%s/conf", s->keeper.dir);
    if (sandbox_views_memory(s, 0) != 0) {
        keeper_complain(why, "cannot write", config);
        rmdir(s->keeper.dir);
        return -1;
    }
    return keeper_start(&s->keeper, &broker, why);
}

int
sandbox_start(struct sandbox *s, const char *parent, char why[SANDBOX_WHY_BYTES])
{
    char program[4096];
    int port = free_port();

    *s = (struct sandbox){0};
    if (port < 0)
        return keeper_complain(why, "cannot find a free port on", "127.0.0.1");
    snprintf(s->endpoint, sizeof s->endpoint, "tcp://127.0.0.1:%d", port);
    if (sandbox_beside("touchlined", program, sizeof program, why) != 0
        || keeper_make_dir(&s->keeper, parent, "bench", why) != 0 || start(s, program, why) != 0)
        return -1;
    if (wait_until_ready(s, why) != 0) {
        sandbox_stop(s);
        return -1;
    }
    return 0;
}

int
sandbox_again(struct sandbox *s, enum keeper_end how, int64_t *ready_ns,
              char why[SANDBOX_WHY_BYTES])
{
    int64_t began;

    if (keeper_again(&s->keeper, how) != 0) {
        snprintf(why, SANDBOX_WHY_BYTES, "the broker cannot be started again");
        return -1;
    }
    began = clock_monotonic();
    if (wait_until_ready(s, why) != 0)
        return -1;
    *ready_ns = clock_monotonic() - began;
    return 0;
}

int
sandbox_stop(struct sandbox *s)
{
    return keeper_stop(&s->keeper);
}
