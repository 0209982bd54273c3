"""Sources, manual pages and documents: what a reader trips over."""

import pathlib
import re
import shutil
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDERS = ["base", "proto", "store", "client", "broker", "adapters", "tools", "tests", "demo"]
COLUMNS_MAX = 100

UNSAFE = ["strcpy", "strcat", "sprintf", "vsprintf", "gets", "strtok", "alloca", "atoi"]
UNFINISHED = ["TO" "DO", "FIX" "ME", "X" "XX"]


def files(*suffixes):
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file() and "tests/data" not in str(path):
                yield path


def numbered(*suffixes):
    for path in files(*suffixes):
        for number, line in enumerate(path.read_text().split("\n"), 1):
            yield f"{path.relative_to(ROOT)}:{number}", line


def without_strings_and_comments(text):
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"',
                  lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)


class Text(unittest.TestCase):

    def test_no_line_of_code_is_over_100_columns(self):
        wrong = [f"{at}: {len(line)}" for at, line in numbered(".c", ".h", ".cc", ".py")
                 if len(line) > COLUMNS_MAX and "://" not in line]
        self.assertEqual(wrong, [])

    def test_no_tabs_and_no_blanks_at_a_lines_end(self):
        wrong = [at for at, line in numbered(".c", ".h", ".cc", ".py", ".proto", ".map")
                 if "\t" in line or line != line.rstrip()]
        self.assertEqual(wrong, [])

    def test_nothing_is_marked_unfinished(self):
        wrong = [f"{at}: {word}" for at, line in numbered(".c", ".h", ".cc", ".py", ".proto", ".md")
                 for word in UNFINISHED if re.search(rf"\b{word}\b", line)]
        self.assertEqual(wrong, [])

    def test_no_function_that_cannot_be_used_safely(self):
        calls = re.compile(r"\b(" + "|".join(UNSAFE) + r")\s*\(")
        wrong = []
        for path in files(".c", ".h", ".cc"):
            if path.is_relative_to(ROOT / "tests"):
                continue
            text = without_strings_and_comments(path.read_text())
            for number, line in enumerate(text.split("\n"), 1):
                where = f"{path.relative_to(ROOT)}:{number}"
                wrong += [f"{where}: {m[1]}" for m in calls.finditer(line)]
        self.assertEqual(wrong, [])

    def test_a_functions_name_is_at_column_0(self):
        indented = re.compile(r"^[a-z_][\w ]* \**\w+\([^;{}]*\)\s*\n\{", re.M)
        wrong = []
        for path in files(".c"):
            text = without_strings_and_comments(path.read_text())
            wrong += [f"{path.relative_to(ROOT)}: {m[0].splitlines()[0]}"
                      for m in indented.finditer(text)]
        self.assertEqual(wrong, [])

    def test_manual_pages_are_well_formed(self):
        pages = list(files(".scd"))
        self.assertTrue(pages)
        for page in pages:
            with self.subTest(page=page.name), open(page) as source:
                done = subprocess.run(["scdoc"], stdin=source, capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)
                if shutil.which("mandoc"):
                    lint = subprocess.run(["mandoc", "-Tlint", "-W", "error"], input=done.stdout,
                                          capture_output=True, text=True)
                    self.assertEqual(lint.returncode, 0, lint.stdout)

    def test_the_protocols_document_names_every_code(self):
        schema = (ROOT / "proto/touchline.proto").read_text()
        codes = re.findall(r"^  ([A-Z_]+) = \d+;", schema, re.M)
        text = (ROOT / "proto/PROTOCOL.md").read_text()
        self.assertTrue(codes)
        self.assertEqual([c for c in codes if c not in text], [])

    def test_links_in_documents_lead_somewhere(self):
        wrong = []
        for page in [*ROOT.glob("*.md"), *files(".md")]:
            for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
                if "://" not in link and not (page.parent / link).exists():
                    wrong.append(f"{page.relative_to(ROOT)}: {link}")
        self.assertEqual(wrong, [])

    def test_the_readmes_map_names_every_folder(self):
        text = (ROOT / "README.md").read_text()
        self.assertEqual([f for f in FOLDERS if f"{f}/" not in text], [])


if __name__ == "__main__":
    unittest.main()
