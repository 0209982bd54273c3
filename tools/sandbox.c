#include "tools/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/touchline.h"

#define READY_MS 10000
#define BROKER "touchlined"
#define PARENT_DEFAULT "/var/tmp"

static int
complain(char why[SANDBOX_WHY_BYTES], const char *what, const char *about)
{
    snprintf(why, SANDBOX_WHY_BYTES, "%s %.400s: %s", what, about, strerror(errno));
    return -1;
}

static int
make_dir(struct sandbox *s, const char *parent, char why[SANDBOX_WHY_BYTES])
{
    if (parent == NULL && ((parent = getenv("TMPDIR")) == NULL || parent[0] == '\0'))
        parent = PARENT_DEFAULT;
    if (snprintf(s->dir, sizeof s->dir, "%s/touchline-bench.XXXXXX", parent)
        >= (int)sizeof s->dir) {
        errno = ENAMETOOLONG;
        return complain(why, "cannot make a directory in", parent);
    }
    return mkdtemp(s->dir) != NULL ? 0 : complain(why, "cannot make the directory", s->dir);
}

/* Whoever takes the port between this and the broker's bind makes it fail to
 * start, which is noticed. */
static int
pick_endpoint(struct sandbox *s, char why[SANDBOX_WHY_BYTES])
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int err = fd < 0 || bind(fd, (struct sockaddr *)&addr, len) != 0
              || getsockname(fd, (struct sockaddr *)&addr, &len) != 0;

    if (err)
        complain(why, "cannot find a free port on", "127.0.0.1");
    snprintf(s->endpoint, sizeof s->endpoint, "tcp://127.0.0.1:%u", ntohs(addr.sin_port));
    if (fd >= 0)
        close(fd);
    return err ? -1 : 0;
}

static int
find_broker(char *out, size_t size, char why[SANDBOX_WHY_BYTES])
{
    ssize_t len = readlink("/proc/self/exe", out, size - sizeof BROKER);
    char *slash;

    if (len < 0)
        return complain(why, "cannot read", "/proc/self/exe");
    out[len] = '\0';
    if ((slash = strrchr(out, '/')) == NULL)
        slash = out;
    memcpy(slash + 1, BROKER, sizeof BROKER);
    return access(out, X_OK) == 0 ? 0 : complain(why, "cannot run", out);
}

static _Noreturn void
become_broker(const struct sandbox *s, const char *program)
{
    char data[sizeof s->dir + 8], log[sizeof s->dir + 8];
    int fd;

    snprintf(data, sizeof data, "%s/data", s->dir);
    snprintf(log, sizeof log, "%s/log", s->dir);
    if ((fd = open(log, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) >= 0)
        dup2(fd, STDERR_FILENO);
    execl(program, program, "--data", data, "--listen", s->endpoint, (char *)NULL);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", program, strerror(errno));
    _exit(127);
}

static int
remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static int
wait_for(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* Out of the terminal's group: who interrupts the bench must not interrupt this. */
static _Noreturn void
become_keeper(const struct sandbox *s, const char *program, int lifeline)
{
    pid_t broker;
    char byte;
    int err = -1;

    setpgid(0, 0);
    if ((broker = fork()) == 0)
        become_broker(s, program);
    while (read(lifeline, &byte, 1) < 0 && errno == EINTR)
        continue;
    if (broker > 0) {
        kill(broker, SIGTERM);
        err = wait_for(broker);
    }
    if (nftw(s->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0)
        err = -1;
    _exit(err == 0 ? 0 : 1);
}

static int
start_keeper(struct sandbox *s, const char *program, char why[SANDBOX_WHY_BYTES])
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return complain(why, "cannot start", program);
    if ((s->keeper = fork()) == 0) {
        close(ends[1]);
        become_keeper(s, program, ends[0]);
    }
    close(ends[0]);
    s->lifeline = ends[1];
    if (s->keeper > 0)
        return 0;
    close(s->lifeline);
    return complain(why, "cannot start", program);
}

/* The last thing the broker said is the best reason there is. */
static void
quote_log(const struct sandbox *s, char why[SANDBOX_WHY_BYTES])
{
    char path[sizeof s->dir + 8], line[256];
    FILE *f;

    snprintf(path, sizeof path, "%s/log", s->dir);
    if ((f = fopen(path, "r")) == NULL)
        return;
    while (fgets(line, sizeof line, f) != NULL)
        snprintf(why, SANDBOX_WHY_BYTES, "the broker did not start: %.*s",
                 (int)strcspn(line, "\n"), line);
    fclose(f);
}

static int
wait_until_ready(const struct sandbox *s, char why[SANDBOX_WHY_BYTES])
{
    struct tl_options options = {.endpoint = s->endpoint, .timeout_ms = READY_MS};
    struct tl_client *client;
    struct tl_reply *reply = NULL;
    int err;

    if ((err = tl_open(&client, &options)) == 0)
        err = tl_stat(client, &reply);
    tl_reply_free(&reply);
    tl_close(&client);
    if (err == 0)
        return 0;
    snprintf(why, SANDBOX_WHY_BYTES, "the broker did not start: %s", tl_code_sentence(err));
    quote_log(s, why);
    return -1;
}

int
sandbox_start(struct sandbox *s, const char *parent, char why[SANDBOX_WHY_BYTES])
{
    char program[4096];

    *s = (struct sandbox){0};
    if (find_broker(program, sizeof program, why) != 0 || make_dir(s, parent, why) != 0)
        return -1;
    if (pick_endpoint(s, why) != 0 || start_keeper(s, program, why) != 0) {
        rmdir(s->dir);
        return -1;
    }
    if (wait_until_ready(s, why) != 0) {
        sandbox_stop(s);
        return -1;
    }
    return 0;
}

int
sandbox_stop(struct sandbox *s)
{
    close(s->lifeline);
    return wait_for(s->keeper);
}
