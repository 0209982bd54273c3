#include "tools/manager.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 60000
#define LOGIN_BYTES_MAX 4096

static const char greeting[] = "Asterisk Call Manager/7.0.3\r\n";
static const char welcome[] = "Response: Success\r\nMessage: Authentication accepted\r\n\r\n";

static int
parse(struct sockaddr_in *out, const char *address)
{
    const char *colon = strrchr(address, ':');
    char host[INET_ADDRSTRLEN] = "", *end = NULL;
    unsigned long port = colon != NULL ? strtoul(colon + 1, &end, 10) : 0;

    if (colon == NULL || (size_t)(colon - address) >= sizeof host || port == 0 || port > 65535
        || *end != '\0') {
        errno = EINVAL;
        return -1;
    }
    memcpy(host, address, (size_t)(colon - address));
    *out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &out->sin_addr) == 1)
        return 0;
    errno = EINVAL;
    return -1;
}

int
manager_open(struct manager *m, const char *address)
{
    struct sockaddr_in at;
    int one = 1;

    *m = (struct manager){-1, -1};
    if (parse(&at, address) != 0)
        return -1;
    m->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (m->listening < 0
        || setsockopt(m->listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0
        || bind(m->listening, (struct sockaddr *)&at, sizeof at) != 0)
        return -1;
    return listen(m->listening, 1);
}

static int
await(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int got = poll(&p, 1, WAIT_MS);

    if (got == 0)
        errno = ETIMEDOUT;
    return got == 1 ? 0 : -1;
}

static int
send_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return -1;
        at += sent;
        len -= (size_t)sent;
    }
    return 0;
}

/* An action ends with an empty line. */
static bool
is_whole(const char *action)
{
    return strstr(action, "\n\n") != NULL || strstr(action, "\r\n\r\n") != NULL;
}

static int
read_action(int fd)
{
    char action[LOGIN_BYTES_MAX + 1] = "";
    size_t len = 0;

    while (!is_whole(action)) {
        ssize_t got;

        if (len == LOGIN_BYTES_MAX) {
            errno = EMSGSIZE;
            return -1;
        }
        if (await(fd) != 0 || (got = recv(fd, action + len, LOGIN_BYTES_MAX - len, 0)) < 0)
            return -1;
        if (got == 0) {
            errno = ECONNRESET;
            return -1;
        }
        len += (size_t)got;
        action[len] = '\0';
    }
    return 0;
}

int
manager_login(struct manager *m)
{
    if (await(m->listening) != 0 || (m->link = accept(m->listening, NULL, NULL)) < 0
        || send_all(m->link, greeting, sizeof greeting - 1) != 0 || read_action(m->link) != 0)
        return -1;
    return send_all(m->link, welcome, sizeof welcome - 1);
}

int
manager_tell(struct manager *m, const struct buf *text)
{
    return send_all(m->link, text->ptr, text->len);
}

int
manager_end(struct manager *m)
{
    char rest[512];
    ssize_t got = 1;

    /* Nobody is to come again. */
    close(m->listening);
    m->listening = -1;
    if (shutdown(m->link, SHUT_WR) != 0)
        return -1;
    while (got > 0)
        got = await(m->link) != 0 ? -1 : recv(m->link, rest, sizeof rest, 0);
    return got == 0 ? 0 : -1;
}

void
manager_close(struct manager *m)
{
    if (m->link >= 0)
        close(m->link);
    if (m->listening >= 0)
        close(m->listening);
    *m = (struct manager){-1, -1};
}
