#include "tools/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PARENT_DEFAULT "/var/tmp"

int
keeper_complain(char why[KEEPER_WHY_BYTES], const char *what, const char *about)
{
    snprintf(why, KEEPER_WHY_BYTES, "%s %.400s: %s", what, about, strerror(errno));
    return -1;
}

int
keeper_make_dir(struct keeper *k, const char *parent, const char *name, char why[KEEPER_WHY_BYTES])
{
    *k = (struct keeper){.line = -1};
    if (parent == NULL && ((parent = getenv("TMPDIR")) == NULL || parent[0] == '\0'))
        parent = PARENT_DEFAULT;
    if (snprintf(k->dir, sizeof k->dir, "%s/touchline-%s.XXXXXX", parent, name)
        >= (int)sizeof k->dir) {
        errno = ENAMETOOLONG;
        return keeper_complain(why, "cannot make a directory in", parent);
    }
    return mkdtemp(k->dir) != NULL ? 0 : keeper_complain(why, "cannot make the directory", k->dir);
}

/* -------------------------------------------------------------- the keeper */

static void
become(const struct keeper_program *p)
{
    if (p->uid == 0)
        return;
    if (setgroups(0, NULL) != 0 || setgid(p->gid) != 0 || setuid(p->uid) != 0)
        _exit(126);
}

static _Noreturn void
become_program(const struct keeper *k, const struct keeper_program *p)
{
    char log[sizeof k->dir + 8];
    int fd;

    snprintf(log, sizeof log, "%s/log", k->dir);
    become(p);
    if ((fd = open(log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600)) >= 0) {
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
    }
    /* Who started us may have a directory the program's user cannot read. */
    if (chdir(k->dir) == 0)
        execvp(p->argv[0], (char *const *)p->argv);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", p->argv[0], strerror(errno));
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

/* The number of the program goes up the line, what to do with it comes down. */
static pid_t
launch(const struct keeper *k, const struct keeper_program *p, int line)
{
    pid_t program = fork();

    if (program == 0)
        become_program(k, p);
    if (send(line, &program, sizeof program, MSG_NOSIGNAL) != sizeof program && program > 0)
        kill(program, p->stop);
    return program;
}

static ssize_t
hear(int line, char *word)
{
    ssize_t got;

    while ((got = read(line, word, 1)) < 0 && errno == EINTR)
        continue;
    return got;
}

static int
end(pid_t program, int with)
{
    if (program <= 0)
        return -1;
    kill(program, with);
    return wait_for(program);
}

/* Out of the terminal's group: who interrupts the bench must not interrupt this. */
static _Noreturn void
become_keeper(const struct keeper *k, const struct keeper_program *p, int line)
{
    pid_t program;
    char word;
    int err;

    setpgid(0, 0);
    program = launch(k, p, line);
    while (hear(line, &word) == 1) {
        end(program, word == KEEPER_CRASH ? p->crash : p->stop);
        program = launch(k, p, line);
    }
    err = end(program, p->stop);
    if (nftw(k->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0)
        err = -1;
    _exit(err == 0 ? 0 : 1);
}

/* --------------------------------------------------------------- this side */

static int
learn_program(struct keeper *k)
{
    ssize_t got;

    while ((got = recv(k->line, &k->program, sizeof k->program, MSG_WAITALL)) < 0
           && errno == EINTR)
        continue;
    return got == sizeof k->program && k->program > 0 ? 0 : -1;
}

int
keeper_start(struct keeper *k, const struct keeper_program *p, char why[KEEPER_WHY_BYTES])
{
    int ends[2];

    if ((p->uid != 0 && chown(k->dir, p->uid, p->gid) != 0)
        || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        keeper_complain(why, "cannot start", p->argv[0]);
        rmdir(k->dir);
        return -1;
    }
    if ((k->pid = fork()) == 0) {
        close(ends[1]);
        become_keeper(k, p, ends[0]);
    }
    close(ends[0]);
    k->line = ends[1];
    if (k->pid > 0 && learn_program(k) == 0)
        return 0;
    keeper_complain(why, "cannot start", p->argv[0]);
    if (k->pid > 0)
        keeper_stop(k);
    else
        rmdir(k->dir);
    return -1;
}

int
keeper_again(struct keeper *k, enum keeper_end how)
{
    char word = (char)how;

    return send(k->line, &word, 1, MSG_NOSIGNAL) == 1 ? learn_program(k) : -1;
}

/* Another keeper may hold a copy of the line, so closing is not enough. */
int
keeper_stop(struct keeper *k)
{
    shutdown(k->line, SHUT_RDWR);
    close(k->line);
    return wait_for(k->pid);
}

void
keeper_quote_log(const struct keeper *k, const char *what, char why[KEEPER_WHY_BYTES])
{
    char path[sizeof k->dir + 8], line[256];
    FILE *f;

    snprintf(path, sizeof path, "%s/log", k->dir);
    if ((f = fopen(path, "r")) == NULL)
        return;
    while (fgets(line, sizeof line, f) != NULL)
        snprintf(why, KEEPER_WHY_BYTES, "%s: %.*s", what, (int)strcspn(line, "\n"), line);
    fclose(f);
}
