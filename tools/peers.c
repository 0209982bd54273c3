#include "tools/peers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/print.h"
#include "tools/verb.h"

#define PROGRAM "tests/bench/peers"
#define LINE_BYTES 1024

/* -------------------------------------------------------------- the program */

static _Noreturn void
become_peers(char *const argv[], int out)
{
    if (out >= 0)
        dup2(out, STDOUT_FILENO);
    execv(argv[0], argv);
    fprintf(stderr, "touchline: cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(VERB_USAGE);
}

/* Returns the exit code; what is no exit at all has failed. */
static int
wait_for(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return VERB_NO;
    return WIFEXITED(status) ? WEXITSTATUS(status) : VERB_NO;
}

static int
find(char *program, size_t size)
{
    char why[SANDBOX_WHY_BYTES];

    if (sandbox_beside(PROGRAM, program, size, why) == 0)
        return 0;
    fprintf(stderr, "touchline: %s\n"
            "bench --peers is for a build folder: `make bench` installs redis-server, postgresql,\n"
            "libhiredis-dev and libpq-dev, builds what talks to them, and runs it\n", why);
    return VERB_USAGE;
}

int
peers_check(void)
{
    char program[4096], check[] = "--check";
    char *argv[] = {program, check, NULL};
    pid_t pid;

    if (find(program, sizeof program) != 0)
        return VERB_USAGE;
    if ((pid = fork()) == 0)
        become_peers(argv, -1);
    return pid > 0 ? wait_for(pid) : VERB_NO;
}

/* ------------------------------------------------------------- what it says */

static void
copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text != NULL ? text : "");
}

/* peer NAME ABOUT, or row NAME VALUE UNIT P50 P99, with tabs between.  Returns 0,
 * or -1 when it is neither. */
static int
take_line(struct peers *p, char *line)
{
    char *words[6] = {0};
    struct peer *peer = p->count > 0 ? &p->peers[p->count - 1] : NULL;
    size_t count = 0;
    struct row *row;

    line[strcspn(line, "\n")] = '\0';
    while (count < 6 && (words[count] = strsep(&line, "\t")) != NULL)
        count++;
    if (count == 3 && strcmp(words[0], "peer") == 0 && p->count < PEERS_MAX) {
        peer = &p->peers[p->count++];
        copy(peer->name, sizeof peer->name, words[1]);
        copy(peer->about, sizeof peer->about, words[2]);
        return 0;
    }
    if (count != 6 || strcmp(words[0], "row") != 0 || peer == NULL
        || peer->count == PEER_ROWS_MAX)
        return -1;
    row = &peer->rows[peer->count];
    copy(peer->names[peer->count], PEER_NAME_BYTES, words[1]);
    copy(peer->units[peer->count], PEER_NAME_BYTES, words[3]);
    *row = (struct row){.name = peer->names[peer->count],
                        .unit = peer->units[peer->count],
                        .value = strtod(words[2], NULL),
                        .timed = words[4][0] != '-',
                        .p50_us = strtod(words[4], NULL),
                        .p99_us = strtod(words[5], NULL)};
    peer->count++;
    return 0;
}

static int
take_lines(struct peers *p, int from)
{
    char line[LINE_BYTES];
    FILE *f = fdopen(from, "r");
    int err = 0;

    if (f == NULL) {
        close(from);
        return -1;
    }
    while (fgets(line, sizeof line, f) != NULL)
        if (take_line(p, line) != 0)
            err = -1;
    fclose(f);
    return err;
}

int
peers_measure(struct peers *p, const char *parent, uint64_t events, uint64_t customers)
{
    char program[4096], counts[2][24], here[] = "";
    char *argv[] = {program, counts[0], counts[1], parent != NULL ? (char *)parent : here, NULL};
    int ends[2], err, code;
    pid_t pid;

    *p = (struct peers){0};
    snprintf(counts[0], sizeof counts[0], "%llu", (unsigned long long)events);
    snprintf(counts[1], sizeof counts[1], "%llu", (unsigned long long)customers);
    if (find(program, sizeof program) != 0)
        return VERB_USAGE;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return VERB_NO;
    if ((pid = fork()) == 0)
        become_peers(argv, ends[1]);
    close(ends[1]);
    err = take_lines(p, ends[0]);
    code = pid > 0 ? wait_for(pid) : VERB_NO;
    return code != 0 ? code : err != 0 ? VERB_NO : VERB_FINE;
}

/* --------------------------------------------------------------- comparison */

/* Rows whose delay is the point, and rows whose value had better be small; of
 * all others more is better. */
static const char *const by_delay[] = {"ack_1_client", "context_closed_loop", "live"};
static const char *const by_less[] = {"bytes_per_event", "anonymous_bytes", "recovery_s"};

static bool
is_among(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static const struct row *
find_row(const struct peer *peer, const char *name)
{
    for (size_t i = 0; i < peer->count; i++)
        if (strcmp(peer->names[i], name) == 0)
            return &peer->rows[i];
    return NULL;
}

static void
print_beside(struct print_table *t, const struct row *ours, const struct row *theirs, bool delay)
{
    bool less = delay || is_among(by_less, sizeof by_less / sizeof by_less[0], ours->name);
    double a = delay ? ours->p50_us : ours->value, b;
    char text[32];

    if (theirs == NULL) {
        print_cellf(t, "%s", "");
        print_cellf(t, "%s", "");
        return;
    }
    b = delay ? theirs->p50_us : theirs->value;
    print_cellf(t, "%s", measure_text(text, b));
    if (a > 0 && b > 0)
        print_cellf(t, "%.2f", less ? b / a : a / b);
    else
        print_cellf(t, "%s", "");
}

static void
print_heads(const struct peers *p, struct print_table *t)
{
    print_cellf(t, "%s", "");
    print_cellf(t, "%s", "");
    print_cellf(t, "%s", "touchline");
    for (size_t i = 0; i < p->count; i++) {
        print_cellf(t, "%s", p->peers[i].name);
        print_cellf(t, "%s", "times");
    }
}

int
peers_print(const struct peers *p, const struct row *ours, size_t count, FILE *out)
{
    struct print_table t = {.columns = 3 + 2 * p->count, .right = ~3u};
    char text[32];

    fputs("\nTimes better than the peers, of the same run:\n", out);
    print_heads(p, &t);
    for (size_t i = 0; i < count; i++) {
        bool delay = is_among(by_delay, sizeof by_delay / sizeof by_delay[0], ours[i].name);

        print_cellf(&t, "%s", ours[i].name);
        print_cellf(&t, "%s", delay ? "p50 µs" : ours[i].unit);
        print_cellf(&t, "%s", measure_text(text, delay ? ours[i].p50_us : ours[i].value));
        for (size_t j = 0; j < p->count; j++)
            print_beside(&t, &ours[i], find_row(&p->peers[j], ours[i].name), delay);
    }
    if (print_rows(&t, 0, out) != 0)
        return TL_ENOMEM;
    for (size_t i = 0; i < p->count; i++)
        fprintf(out, "%s: %s\n", p->peers[i].name, p->peers[i].about);
    return 0;
}
