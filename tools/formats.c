#include "adapters/formats.h"

#include "tools/print.h"
#include "tools/verb.h"

static int
json(void)
{
    struct buf out = {0};
    int err;

    buf_byte(&out, '[');
    for (const struct format *f = formats; f->name != NULL; f++)
        buf_printf(&out, "%s{\"name\":\"%s\",\"channel\":\"%s\",\"needs_map\":%s,\"what\":\"%s\"}",
                   f != formats ? "," : "", f->name, f->channel != NULL ? f->channel : "",
                   f->needs_map ? "true" : "false", f->what);
    buf_byte(&out, ']');
    err = print_line(&out, false);
    buf_free(&out);
    return err;
}

static int
table(void)
{
    struct print_table t = {.columns = 3};

    for (const struct format *f = formats; f->name != NULL; f++) {
        print_cellf(&t, "%s", f->name);
        print_cellf(&t, "%s", f->channel != NULL ? f->channel : "");
        print_cellf(&t, "%s%s", f->what, f->needs_map ? " (with --map)" : "");
    }
    return print_rows(&t, 0, stdout);
}

int
verb_formats(struct verb_call *call)
{
    static const struct verb_option options[] = {{0}};
    int code, err;

    if ((code = verb_options(call, options, 0, 0)) != 0)
        return code;
    err = call->output == OUTPUT_JSON ? json() : table();
    return err != 0 ? verb_failed(call, err, (struct tl_str){0}) : VERB_FINE;
}
