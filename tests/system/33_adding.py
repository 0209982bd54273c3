"""adapters/ADDING.md, followed to the letter in a copy of the tree."""

import os
import re
import shutil
import subprocess
import unittest

from harness import BUILD, PARTLY, ROOT, SANITIZED, Case

STEP = re.compile(r"^(?:File `(?P<file>[^`]+)`|Into `(?P<into>[^`]+)`, before `(?P<before>[^`]+)`):"
                  r"\n\n```\w*\n(?P<text>.*?)^```$", re.M | re.S)
BUILT = (".o", ".a", ".h", ".c")


class Adding(Case):

    def copy(self):
        """The tree without the large data, and what is built of it, with their times."""
        tree = self.dir / "tree"
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True,
                                check=True).stdout.decode().split("\0")
        for name in listed:
            if name and not name.startswith(("tests/data/", "tests/fuzz/corpus/", "demo/")):
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, tree / name)
        for path in BUILD.rglob("*"):
            name = path.relative_to(BUILD)
            if path.is_file() and path.suffix in BUILT and name.parts[0] != "tests":
                (tree / "build" / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, tree / "build" / name)
        return tree

    def follow(self, tree):
        steps = list(STEP.finditer((ROOT / "adapters/ADDING.md").read_text()))
        for step in steps:
            if step["file"]:
                (tree / step["file"]).parent.mkdir(parents=True, exist_ok=True)
                (tree / step["file"]).write_text(step["text"])
                continue
            path = tree / step["into"]
            text = path.read_text()
            self.assertEqual(text.count(step["before"]), 1, step["before"])
            path.write_text(text.replace(step["before"], step["text"] + step["before"]))
        return len(steps)

    def test_the_page_is_followed_and_its_format_works(self):
        if SANITIZED:
            self.skipTest("it builds without")
        tree = self.copy()
        self.assertEqual(self.follow(tree), 8)
        done = subprocess.run(["make", "CI=true", "-j2", "build/touchline", "build/touchline-pos",
                               "build/tests/unit/door_test"], cwd=tree, capture_output=True,
                              text=True, env={k: v for k, v in os.environ.items()
                                              if k not in ("MAKEFLAGS", "SAN")})
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-4000:])
        done = subprocess.run([tree / "build/tests/unit/door_test"], cwd=tree, capture_output=True,
                              text=True)
        self.assertEqual(done.returncode, 0, done.stdout[-4000:] + done.stderr[-4000:])
        broker = self.broker()
        done = subprocess.run([tree / "build/touchline", "--broker", broker.endpoint, "ingest",
                               "--format", "door", tree / "tests/data/door/north.txt"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, PARTLY, done.stderr)
        [seen] = broker.timeline("loyalty:0042")
        self.assertEqual(seen["type"], "loyalty.card_presented")


if __name__ == "__main__":
    unittest.main()
