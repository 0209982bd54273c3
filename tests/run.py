"""Runs the tests and counts them.

    run.py --build build [unit] [replay] [system] [fault] [lint] [-k PART_OF_A_NAME]

Unit tests are cmocka programs; replay gives each fuzz target its corpus; the
others are Python files with unittest cases, run in the order of their names.
The last line is the sum of all.
"""

import argparse
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNIT_SECONDS_MAX = 600


class Sum:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def ok(self, name, seconds):
        self.passed += 1
        print(f"  ok       {name}  {seconds:.1f} s", flush=True)

    def fail(self, name, why):
        # A test may fail, and its end as well.
        if name not in self.failed:
            self.failed.append(name)
        print(f"  FAILED   {name}\n{indent(why)}", flush=True)

    def skip(self, name, why):
        self.skipped.append(name)
        print(f"  skipped  {name}: {why}", flush=True)


def indent(text):
    return "\n".join("      | " + line for line in text.rstrip().splitlines())


def read(name):
    """test_an_event_sent_twice -> an event sent twice"""
    return re.sub(r"^test_", "", name).replace("_", " ")


# ------------------------------------------------------------------- unit

def run_unit(args, total):
    for source in sorted((ROOT / "tests/unit").glob("*_test.c")):
        if args.k and args.k not in source.stem:
            continue
        run_unit_program(args.build / "tests/unit" / source.stem, total)


def run_unit_program(program, total):
    began = time.monotonic()
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")
    try:
        done = subprocess.run([program], env=env, cwd=ROOT, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=UNIT_SECONDS_MAX)
        out, code = done.stdout.decode(errors="replace"), done.returncode
    except subprocess.TimeoutExpired as late:
        out, code = (late.stdout or b"").decode(errors="replace"), "too slow"
    except OSError as missing:
        out, code = str(missing), "nothing"
    passed, failed = count_tap(out)
    total.passed += passed
    for name in failed:
        total.fail(f"{program.name}: {name}", out[-6000:])
    # A program that dies has not said which test it was in.
    if code != 0 and not failed:
        total.fail(f"{program.name}: ended with {code}", out[-6000:])
    if code == 0 and passed == 0:
        total.fail(f"{program.name}: ran no test", out[-6000:])
    print(f"  {passed:4} ok  {program.name}  {time.monotonic() - began:.1f} s", flush=True)


def count_tap(out):
    passed, failed = 0, []
    for line in out.splitlines():
        match = re.match(r"(not )?ok \d+ - (\S+)(.*# SKIP)?", line)
        if match and match[1]:
            failed.append(match[2])
        elif match and not match[3]:
            passed += 1
    return passed, failed


# ----------------------------------------------------------------- replay

def run_replay(args, total):
    for corpus in sorted((ROOT / "tests/fuzz/corpus").iterdir()):
        if args.k and args.k not in corpus.name:
            continue
        began, name = time.monotonic(), f"replay/{corpus.name}: no input kept does harm"
        try:
            done = subprocess.run([args.build / f"tests/fuzz/{corpus.name}_replay", corpus],
                                  cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=UNIT_SECONDS_MAX)
        except (subprocess.TimeoutExpired, OSError) as why:
            total.fail(name, str(why))
            continue
        if done.returncode == 0:
            total.ok(name, time.monotonic() - began)
        else:
            total.fail(name, f"ended with {done.returncode}\n"
                             + done.stdout.decode(errors="replace")[-6000:])


# ----------------------------------------------------------------- python

class Result(unittest.TestResult):
    def __init__(self, total, place):
        super().__init__()
        self.total = total
        self.place = place

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def label(self, test):
        return f"{self.place}: {read(getattr(test, '_testMethodName', str(test)))}"

    def addSuccess(self, test):
        self.total.ok(self.label(test), time.monotonic() - self.began)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.total.fail(self.label(test), self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.total.fail(self.label(test), self.errors[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.total.skip(self.label(test), reason)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        super().addSubTest(test, subtest, err)
        if err is not None:
            text = self._exc_info_to_string(err, test)
            self.total.fail(f"{self.label(test)} {subtest._subDescription()}", text)


def run_python(args, folder, total):
    for path in sorted((ROOT / "tests" / folder).glob("*.py")):
        if path.stem == "harness":
            continue
        spec = importlib.util.spec_from_file_location("t_" + path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        suite = unittest.defaultTestLoader.loadTestsFromModule(module)
        suite = unittest.TestSuite(t for t in flat(suite) if wanted(args, path, t))
        if suite.countTestCases():
            suite.run(Result(total, f"{folder}/{path.stem}"))


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


def wanted(args, path, test):
    if not args.k:
        return True
    return args.k in path.stem or args.k in getattr(test, "_testMethodName", "")


def main():
    parser = argparse.ArgumentParser(description="Runs the tests and counts them.")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--rounds", type=int, default=20, help="of tests/fault/kill.py")
    parser.add_argument("-k", help="only what has this in its name")
    parser.add_argument("kinds", nargs="*", default=["unit", "replay", "system", "fault", "lint"])
    args = parser.parse_args()
    args.build = args.build.resolve()

    os.environ["TOUCHLINE_BUILD"] = str(args.build)
    os.environ["TOUCHLINE_ROUNDS"] = str(args.rounds)
    # A test forks, and the child opens a client, which starts a thread.
    os.environ["TSAN_OPTIONS"] = f"suppressions={ROOT}/tests/tsan.supp:die_after_fork=0"
    os.environ.pop("TOUCHLINE_BROKER", None)
    sys.path[:0] = [str(ROOT / "tests/system"), str(args.build / "tests/python")]

    total, began = Sum(), time.monotonic()
    for kind in args.kinds:
        print(f"-- {kind}", flush=True)
        if kind == "unit":
            run_unit(args, total)
        elif kind == "replay":
            run_replay(args, total)
        else:
            run_python(args, kind, total)
    print(f"-- {time.monotonic() - began:.0f} s, {len(total.skipped)} skipped")
    for name in total.failed:
        print(f"   failed: {name}")
    print(f"{total.passed} passed, {len(total.failed)} failed")
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
