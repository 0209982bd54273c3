"""What strangers see of us: the names the library exports, and the header that is installed."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("TOUCHLINE_BUILD", ROOT / "build"))


def exported():
    out = subprocess.run(["nm", "-D", "--defined-only", BUILD / "libtouchline.so"],
                         check=True, capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in out.splitlines() if " T " in line}


def install(into):
    subprocess.run(["make", "-s", "install", f"BUILD={BUILD}", f"DESTDIR={into}", "PREFIX=/usr"],
                   cwd=ROOT, check=True, capture_output=True, text=True)
    return pathlib.Path(into) / "usr"


class Names(unittest.TestCase):

    def test_every_exported_name_begins_with_tl(self):
        names = exported()
        self.assertTrue(names)
        self.assertEqual([n for n in sorted(names) if not n.startswith("tl_")], [])

    def test_what_the_header_declares_is_exported(self):
        header = (ROOT / "client/touchline.h").read_text() + (ROOT / "proto/code.h").read_text()
        header = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
        header = re.sub(r"^typedef.*?;", "", header, flags=re.S | re.M)
        declared = set(re.findall(r"^[\w *]*?\b(tl_\w+)\(", header, re.M))
        self.assertTrue(declared)
        self.assertEqual(sorted(declared - exported()), [])

    def test_what_is_exported_is_declared_for_strangers(self):
        with tempfile.TemporaryDirectory() as into:
            header = (install(into) / "include/touchline.h").read_text()
        self.assertEqual([n for n in sorted(exported()) if not re.search(rf"\b{n}\(", header)], [])

    def test_the_installed_header_needs_no_other_of_ours(self):
        with tempfile.TemporaryDirectory() as into:
            header = install(into) / "include/touchline.h"
            self.assertNotRegex(header.read_text(), r'#\s*include\s*"')
            for language, standard in (("c", "c11"), ("c++", "c++17")):
                done = subprocess.run(["g++" if language == "c++" else "gcc", "-x", language,
                                       f"-std={standard}", "-Wall", "-Wextra", "-fsyntax-only",
                                       header], capture_output=True, text=True)
                self.assertEqual((language, done.returncode), (language, 0), done.stderr[:2000])


if __name__ == "__main__":
    unittest.main()
