/* Events, one a line of JSON, published as they arrive.  Each line is answered
 * in its turn, so an answer waits for those before it. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/outlet.h"
#include "tools/print.h"

#define LINE_BYTES_MAX (1u << 20)
#define READ_BYTES 65536
#define PENDING_MAX 100000      /* lines whose answer waits for one before it */

enum status { WAITING, STORED, DUPLICATE, REFUSED };

static const char *const status_names[] = {"", "stored", "duplicate", "refused"};

/* A line whose answer is not printed yet. */
struct line {
    struct line *next;
    uint64_t number;
    enum status status;
    int code;
    char position[TL_POSITION_BYTES + 1];
    char *detail;
    char *id, *source;
};

struct publishing {
    struct verb_call *call;
    struct outlet outlet;
    int fd;
    struct line *first, **end;
    size_t pending;
    uint64_t counts[4];         /* by status */
    uint64_t lines;
    bool skipping;              /* the rest of a line that is too long */
    struct buf in, out;
    int err;                    /* of the output, or out of memory */
};

/* ----------------------------------------------------------------- answers */

static void
print_answer(struct publishing *p, const struct line *l)
{
    struct buf *out = &p->out;
    const struct {
        const char *name, *value;
    } members[] = {
        {"{\"id\":", l->id},
        {",\"source\":", l->source},
        {",\"status\":", status_names[l->status]},
        {",\"position\":", l->position},
        {",\"code\":", l->code != 0 ? tl_code_name(l->code) : ""},
        {",\"detail\":", l->detail},
    };

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const char *value = members[i].value != NULL ? members[i].value : "";

        buf_text(out, members[i].name);
        print_json_text(out, (struct tl_str){value, strlen(value)});
    }
    buf_byte(out, '}');
    p->err = print_line(out, true);
}

static void
tell(struct publishing *p, const struct line *l)
{
    if (p->call->output == OUTPUT_JSONL)
        print_answer(p, l);
    else if (l->status == REFUSED)
        fprintf(stderr, "touchline: line %llu, %s: %s\n", (unsigned long long)l->number,
                tl_code_name(l->code), l->detail != NULL ? l->detail : "");
}

static void
drop(struct line *l)
{
    free(l->detail);
    free(l->id);
    free(l->source);
    free(l);
}

/* Prints what is answered, as far as the first that is not. */
static void
advance(struct publishing *p)
{
    while (p->first != NULL && p->first->status != WAITING) {
        struct line *l = p->first;

        if (p->err == 0)
            tell(p, l);
        p->counts[l->status]++;
        if ((p->first = l->next) == NULL)
            p->end = &p->first;
        p->pending--;
        drop(l);
    }
}

static void
answered(void *arg, const struct tl_answer *a)
{
    struct publishing *p = arg;
    struct line *l = (struct line *)(uintptr_t)a->tag;

    if (a->code == TL_ECLOSED)
        return;
    outlet_heard(&p->outlet);
    l->status = a->code != 0 ? REFUSED : a->duplicate ? DUPLICATE : STORED;
    l->code = a->code;
    if (a->position.len < sizeof l->position)
        memcpy(l->position, a->position.ptr, a->position.len);
    if (a->detail.len > 0 && (l->detail = strndup(a->detail.ptr, a->detail.len)) == NULL)
        p->err = TL_ENOMEM;
    advance(p);
}

/* ------------------------------------------------------------------- lines */

static struct line *
pend(struct publishing *p)
{
    struct line *l = calloc(1, sizeof *l);

    if (l == NULL) {
        p->err = TL_ENOMEM;
        return NULL;
    }
    l->number = p->lines;
    *p->end = l;
    p->end = &l->next;
    p->pending++;
    return l;
}

__attribute__((format(printf, 4, 5))) static void
refuse(struct publishing *p, struct line *l, int code, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    if (vasprintf(&l->detail, fmt, args) < 0) {
        l->detail = NULL;
        p->err = TL_ENOMEM;
    }
    va_end(args);
    l->code = code;
    l->status = REFUSED;
    advance(p);
}

/* No event, so its line is all there is to name it by. */
static void
refuse_line(struct publishing *p, struct line *l, int code, const char *why)
{
    static const char only[] = "line 1: ";  /* a line is the whole text to who reads it */

    if (strncmp(why, only, sizeof only - 1) == 0)
        why += sizeof only - 1;
    refuse(p, l, code, "line %llu: %s", (unsigned long long)l->number,
           why[0] != '\0' ? why : tl_code_sentence(code));
}

/* Who the event is, for its answer. */
static int
name(struct line *l, struct tl_str bytes)
{
    struct tl_event *ev;
    int err;

    if ((err = tl_event_decode(bytes, &ev)) != 0)
        return err;
    l->id = strndup(ev->id.len > 0 ? ev->id.ptr : "", ev->id.len);
    l->source = strndup(ev->source.len > 0 ? ev->source.ptr : "", ev->source.len);
    tl_event_free(&ev);
    return l->id != NULL && l->source != NULL ? 0 : TL_ENOMEM;
}

static void
publish(struct publishing *p, struct line *l, struct tl_str bytes)
{
    int err = outlet_publish(&p->outlet, bytes, (uint64_t)(uintptr_t)l);

    if (err > 0)
        refuse(p, l, err, "%s", tl_code_sentence(err));
    else if (err < 0)
        p->err = err;
}

static void
take_line(struct publishing *p, struct tl_str text)
{
    char why[256] = "", *bytes;
    struct line *l;
    size_t len;
    int err;

    p->lines++;
    if ((l = pend(p)) == NULL)
        return;
    if ((err = tl_event_from_json(text, &bytes, &len, why, sizeof why)) > 0) {
        refuse_line(p, l, err, why);
        return;
    }
    if (err == 0 && (err = name(l, (struct tl_str){bytes, len})) == 0)
        publish(p, l, (struct tl_str){bytes, len});
    else
        p->err = err;
    free(bytes);
    if (p->pending >= PENDING_MAX && p->err == 0)
        p->err = outlet_flush(&p->outlet);
}

static void
take_too_long(struct publishing *p)
{
    struct line *l;

    p->lines++;
    if ((l = pend(p)) != NULL)
        refuse(p, l, TL_TOO_LARGE, "line %llu is longer than %u bytes",
               (unsigned long long)l->number, LINE_BYTES_MAX);
}

/* Takes the complete lines out of what was read. */
static void
take_lines(struct publishing *p)
{
    char *at = (char *)p->in.ptr, *end = at + p->in.len, *newline;

    while (p->err == 0 && at < end && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        if (!p->skipping)
            take_line(p, (struct tl_str){at, (size_t)(newline - at)});
        p->skipping = false;
        at = newline + 1;
    }
    buf_drop_front(&p->in, (size_t)(at - (char *)p->in.ptr));
    if (p->in.len > LINE_BYTES_MAX || p->skipping) {
        if (!p->skipping)
            take_too_long(p);
        p->skipping = true;
        buf_clear(&p->in);
    }
}

/* ------------------------------------------------------------------- input */

/* Returns 0 or -1 with errno. */
static int
open_file(struct publishing *p, const char *path)
{
    struct stat st;

    if ((p->fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return -1;
    if (fstat(p->fd, &st) != 0 || !S_ISDIR(st.st_mode))
        return 0;
    close(p->fd);
    errno = EISDIR;
    return -1;
}

/* Returns how much was read; -1 and says so when it cannot be. */
static ssize_t
read_some(struct publishing *p)
{
    size_t had = p->in.len;
    void *at = buf_grow(&p->in, READ_BYTES);
    ssize_t got;

    if (at == NULL) {
        p->err = TL_ENOMEM;
        return -1;
    }
    while ((got = read(p->fd, at, READ_BYTES)) < 0 && errno == EINTR)
        continue;
    p->in.len = had + (got > 0 ? (size_t)got : 0);
    if (got < 0) {
        perror("touchline: reading events");
        p->err = TL_EIO;
    }
    return got;
}

static bool
readable(int fd)
{
    struct pollfd at = {.fd = fd, .events = POLLIN};

    return poll(&at, 1, 0) > 0;
}

static void
pump(struct publishing *p)
{
    ssize_t got = 1;
    int err;

    while (p->err == 0 && got > 0) {
        if ((err = tl_poll(p->outlet.client, p->fd, -1)) != 0)
            p->err = err;
        else if (readable(p->fd) && (got = read_some(p)) > 0)
            take_lines(p);
    }
    if (p->err == 0 && p->in.len > 0 && !p->skipping)
        take_line(p, (struct tl_str){(char *)p->in.ptr, p->in.len});
    if (p->err == 0)
        p->err = outlet_flush(&p->outlet);
}

static void
summarise(const struct publishing *p)
{
    unsigned long long stored = p->counts[STORED], duplicates = p->counts[DUPLICATE],
                       refused = p->counts[REFUSED];

    if (p->call->output == OUTPUT_JSON)
        printf("{\"read\":%llu,\"stored\":%llu,\"duplicates\":%llu,\"refused\":%llu}\n",
               (unsigned long long)p->lines, stored, duplicates, refused);
    else if (p->call->output == OUTPUT_TABLE)
        printf("%llu stored, %llu stored before, %llu refused\n", stored, duplicates, refused);
}

static int
run(struct publishing *p)
{
    int code;

    p->end = &p->first;
    if ((code = outlet_open(&p->outlet, p->call, answered, p)) != 0)
        return code;
    pump(p);
    tl_close(&p->outlet.client);
    while (p->first != NULL) {
        struct line *next = p->first->next;

        drop(p->first);
        p->first = next;
    }
    buf_free(&p->in);
    buf_free(&p->out);
    if (p->err != 0)
        return verb_failed(p->call, p->err, (struct tl_str){0});
    summarise(p);
    return p->counts[REFUSED] > 0 ? VERB_PARTLY : VERB_FINE;
}

int
verb_publish(struct verb_call *call)
{
    static const struct verb_option options[] = {{0}};
    struct publishing p = {.call = call, .fd = STDIN_FILENO};
    int code;

    if ((code = verb_options(call, options, 0, 1)) != 0)
        return code;
    if (call->argc == 1 && strcmp(call->argv[0], "-") != 0
        && open_file(&p, call->argv[0]) != 0)
        return verb_cannot(call->argv[0]);
    code = run(&p);
    if (p.fd != STDIN_FILENO)
        close(p.fd);
    return code;
}
