"""Who may include whom.  A layer sees what is below it; a library has one home."""

import fnmatch
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# A folder sees itself and these.  A file name stands for that header alone.
SEES = {
    "base": [],
    "proto": ["base"],
    "store": ["base", "proto"],
    "client": ["base", "proto"],
    "broker": ["base", "proto", "store"],
    "adapters": ["base", "client/touchline.h"],
    "tools": ["base", "client/touchline.h", "adapters/formats.h", "adapters/letter.h"],
}

# The verbs that work on the data without a broker.
ALSO = {
    "tools/verify.c": ["store/store.h"],
    "tools/rebuild.c": ["store/store.h"],
}

# Each outside library, by the headers it brings, and where it lives.
HOMES = {
    "uv.h": ["base/loop.[ch]", "broker/*", "adapters/http.[ch]", "adapters/service.h",
             "adapters/dial.[ch]", "adapters/poll.[ch]"],
    "zmq.h": ["base/loop.[ch]", "client/*", "broker/*"],
    "lmdb.h": ["store/txn.c"],
    "sodium.h": ["base/hash.c"],
    "ini.h": ["base/conf.c"],
    "jansson.h": ["proto/json.c", "adapters/parse.cc"],
    "openssl/*": ["adapters/signature.c"],
    "gmime/*": ["adapters/email/mime.c"],
    "expat.h": ["adapters/pos/poslog.c", "adapters/web/feed.c"],
    "csv.h": ["adapters/csv/csv.c"],
    "idn2.h": ["broker/normalise.c"],
    "phonenumbers/*": ["broker/phone.cc"],
    "simdjson.h": ["adapters/parse.cc"],
    "zlib.h": ["tools/*", "adapters/inflate.c"],
    "curl/curl.h": ["adapters/poll.c", "tools/post.c"],
    "microhttpd.h": ["adapters/http.c"],
    "protobuf-c/*": ["proto/table.c"],
    "*.pb-c.h": ["proto/table.c"],
}

LIBC = re.compile(r"(sys|linux|netinet|arpa)/\w+\.h|nmmintrin\.h|\w+")   # the last: C++
LIBC_HEADERS = """assert cpuid ctype dirent endian errno fcntl float fnmatch ftw getopt glob grp
    inttypes libgen limits locale malloc math netdb poll pthread sched setjmp signal stdalign
    stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string strings sysexits
    termios time unistd wchar""".split()


def sources():
    for layer in SEES:
        for path in sorted((ROOT / layer).rglob("*")):
            if path.suffix in (".c", ".h", ".cc"):
                yield layer, path.relative_to(ROOT).as_posix()


def includes(name):
    text = (ROOT / name).read_text()
    for match in re.finditer(r'^\s*#\s*include\s*([<"])([^">]+)[">]', text, re.M):
        yield match[1] == '"', match[2]


def ours(header):
    return header.split("/")[0] in SEES


def allowed(layer, name, header):
    if header.startswith(layer + "/"):
        return True
    seen = SEES[layer] + ALSO.get(name, [])
    return any(header == s or header.startswith(s + "/") for s in seen)


def home_ok(name, header):
    for pattern, homes in HOMES.items():
        if fnmatch.fnmatch(header, pattern):
            return any(fnmatch.fnmatch(name, home) for home in homes)
    return False


def known(header):
    return LIBC.fullmatch(header) or header.removesuffix(".h") in LIBC_HEADERS


class Layers(unittest.TestCase):

    def test_a_layer_includes_only_what_is_below_it(self):
        wrong = [f"{name} includes {header}"
                 for layer, name in sources() for _, header in includes(name)
                 if ours(header) and not allowed(layer, name, header)]
        self.assertEqual(wrong, [])

    def test_an_outside_library_is_used_from_its_home_only(self):
        wrong = [f"{name} includes {header}"
                 for _, name in sources() for _, header in includes(name)
                 if not ours(header) and not known(header) and not home_ok(name, header)]
        self.assertEqual(wrong, [])

    def test_our_includes_are_written_from_the_root(self):
        wrong = [f"{name} includes {header}"
                 for _, name in sources() for quoted, header in includes(name)
                 if quoted and not header.endswith(".pb-c.h") and not (ROOT / header).is_file()]
        self.assertEqual(wrong, [])

    def test_every_layer_has_sources(self):
        self.assertEqual({layer for layer, _ in sources()}, set(SEES))


if __name__ == "__main__":
    unittest.main()
