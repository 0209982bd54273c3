"""A stranger's C program against what `make install` leaves behind."""

import os
import subprocess

from harness import BUILD, Case, ROOT

PROGRAM = r"""
#include <touchline.h>

#include <stdio.h>
#include <string.h>

static int stored;

static void
answered(void *arg, const struct tl_answer *a)
{
    (void)arg;
    if (a->code == 0)
        stored++;
    else
        printf("refused %s %.*s\n", tl_code_name(a->code), (int)a->detail.len, a->detail.ptr);
}

static struct tl_str
text(const char *s)
{
    struct tl_str str = {s, strlen(s)};

    return str;
}

int
main(int argc, char **argv)
{
    struct tl_options options = {.endpoint = argv[argc - 1], .answered = answered};
    struct tl_identifier joe = {.type = text("email"), .value = text("joe@example.com")};
    struct tl_offer_touch touch = {.offer = text("shoes"), .outcome = text("made")};
    struct tl_event ev = {.id = text("1"), .source = text("c"), .type = text("offer.made"),
                          .channel = text("email"), .identifiers = &joe, .identifiers_count = 1,
                          .offers = &touch, .offers_count = 1};
    const struct tl_stream_event *seen;
    struct tl_client *client;
    struct tl_stream *stream;
    struct tl_reply *reply;

    if (tl_open(&client, &options) != 0)
        return 1;
    if (tl_publish(client, &ev, 1) != 0 || tl_publish(client, &ev, 2) != 0)
        return 2;
    ev.type.len = 0;
    ev.id = text("2");
    tl_publish(client, &ev, 3);
    if (tl_flush(client, 10000) != 0)
        return 3;
    printf("stored %d\n", stored);

    if (tl_context(client, "email:joe@example.com", NULL, &reply) != 0)
        return 4;
    const struct tl_context *context = tl_reply_context(reply);
    printf("offer %.*s is %.*s\n", (int)context->offers[0].offer.len, context->offers[0].offer.ptr,
           (int)context->offers[0].state.len, context->offers[0].state.ptr);
    tl_reply_free(&reply);

    printf("nobody: %s\n", tl_code_name(tl_context(client, "email:x@y.z", NULL, &reply)));
    tl_reply_free(&reply);

    if (tl_stream_open(client, NULL, &stream) != 0)
        return 5;
    if (tl_stream_next(stream, 10000, &seen) != 0)
        return 6;
    printf("streamed %llu\n", (unsigned long long)seen->number);
    tl_stream_close(&stream);
    tl_close(&client);
    return 0;
}
"""


class Library(Case):

    def installed(self):
        root = self.dir / "root"
        subprocess.run(["make", "-s", "install", f"BUILD={BUILD}", f"DESTDIR={root}",
                        "PREFIX=/usr"], cwd=ROOT, check=True, capture_output=True)
        return root / "usr"

    def test_a_program_of_a_strangers_builds_and_works(self):
        usr = self.installed()
        source = self.file("stranger.c", PROGRAM)
        sanitize = [f"-fsanitize={s}" for s in ("address", "undefined", "thread")
                    if s in BUILD.name]
        subprocess.run(["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", *sanitize, source,
                        f"-I{usr}/include", f"-L{usr}/lib", "-ltouchline",
                        "-o", self.dir / "stranger"], check=True)
        broker = self.broker()
        done = subprocess.run([self.dir / "stranger", broker.endpoint], capture_output=True,
                              text=True, env=dict(os.environ, LD_LIBRARY_PATH=f"{usr}/lib"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        out = done.stdout.splitlines()
        self.assertTrue(out[0].startswith("refused MISSING_TYPE"), out)
        self.assertEqual(out[1:], ["stored 2", "offer shoes is made", "nobody: NOT_FOUND",
                                   "streamed 1"])

    def test_the_programs_installed_run_and_have_manual_pages(self):
        usr = self.installed()
        done = subprocess.run([usr / "bin/touchline", "--version"], capture_output=True)
        self.assertEqual(done.returncode, 0)
        self.assertTrue((usr / "share/man/man1/touchline.1").is_file())
        self.assertTrue(list((usr / "share/touchline/maps").glob("*.map")))
        pc = (usr / "lib/pkgconfig/touchline.pc").read_text()
        self.assertIn("prefix=/usr\n", pc)
        self.assertNotIn("@", pc.replace("@example", ""))
