"""The benchmark measures what it says, and leaves nothing behind."""

import os
import pathlib
import shutil
import subprocess
import unittest

from harness import BUILD, CALLED_WRONGLY, FINE, ROOT, SLOW, Case, run, until

PER_SECOND = ["ingest_batch100_pipelined", "ingest_batch1000_window8", "ingest_32_clients",
              "ack_1_client", "context_closed_loop", "context_32_inflight", "context_as_of", "live",
              "replay"]
UNITS = dict({name: "contexts/s" if "context" in name else "events/s" for name in PER_SECOND},
             bytes_per_event="bytes", bytes_per_profile="bytes", anonymous_bytes="bytes",
             context_hot_customer="x", context_64_profiles="x", recovery_s="s")
TIMED = [*PER_SECOND, "context_hot_customer", "context_64_profiles"]


def running_in(folder):
    """Processes that were started with this folder in their words."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if os.fsencode(folder) in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            pass                # it ended meanwhile
    return found


class Bench(Case):

    def bench(self, *args):
        return run("bench", "--events", "20000", "--customers", "5000", "--data", self.dir, *args,
                   timeout=300 * SLOW)

    def assertNothingLeft(self):
        self.assertEqual(list(self.dir.iterdir()), [])
        self.assertEqual(running_in(self.dir), [])

    def test_every_row_is_measured_and_nothing_is_left_behind(self):
        done = self.bench("-o", "json")
        self.assertEqual(done.code, FINE, done)
        rows = {row["name"]: row for row in done.json}
        self.assertEqual({name: row["unit"] for name, row in rows.items()}, UNITS)
        for name, row in rows.items():
            with self.subTest(row=name):
                self.assertEqual(list(row), ["name", "value", "unit", "p50", "p99"])
                if name in TIMED:
                    self.assertGreater(row["p50"], 0)
                    self.assertLessEqual(row["p50"], row["p99"])
                else:
                    self.assertEqual((row["p50"], row["p99"]), (None, None))
                self.assertGreater(row["value"], 0)
        # So few events share their pages with the profiles: how the two split is rough.
        self.assertLess(rows["bytes_per_event"]["value"], 8192)
        self.assertNothingLeft()

    def test_a_load_that_does_not_fit_is_sustained(self):
        done = self.bench("-o", "json", "--sustain", "5")
        self.assertEqual(done.code, FINE, done)
        row = done.json[-1]
        self.assertEqual((row["name"], row["unit"]), ("sustained", "events/s"))
        self.assertGreater(row["value"], 0)
        self.assertGreater(row["p50"], 0)
        self.assertLessEqual(row["p50"], row["p99"])
        self.assertNothingLeft()

    def test_for_people_it_says_what_the_cpu_did(self):
        done = self.bench()
        self.assertEqual(done.code, FINE, done)
        self.assertIn("broker CPU s", done.out)
        for name in UNITS:
            self.assertIn(name, done.out)

    def test_without_the_peers_it_says_what_to_install(self):
        alone = shutil.copy(BUILD / "touchline", self.dir)
        done = subprocess.run([alone, "bench", "--peers"], capture_output=True, text=True)
        self.assertEqual(done.returncode, CALLED_WRONGLY)
        for package in ("redis-server", "postgresql", "libhiredis-dev", "libpq-dev"):
            self.assertIn(package, done.stderr)

    def test_a_bench_that_is_killed_leaves_nothing_behind(self):
        command = [BUILD / "touchline", "bench", "--events", "1000000", "--data", self.dir]
        bench = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)
        until(lambda: list(self.dir.glob("*/data/*")))
        self.assertIsNone(bench.poll())
        bench.kill()
        bench.wait()
        until(lambda: list(self.dir.iterdir()) == [] and running_in(self.dir) == [])

    def test_the_decoder_of_every_format_is_measured(self):
        formats = [line.split()[0] for line in run("formats").out.splitlines()]
        done = run("bench", "--decode", "-o", "json", "--data", ROOT / "tests/data",
                   timeout=300 * SLOW)
        self.assertEqual(done.code, FINE, done)
        rows = {row["name"]: row for row in done.json}
        units = {"decode_" + name: "events/s" for name in formats}
        units.update({"decode_%s_bytes" % name: "MB/s" for name in formats})
        self.assertEqual({name: row["unit"] for name, row in rows.items()}, units)
        for name, row in rows.items():
            with self.subTest(row=name):
                self.assertGreater(row["value"], 0)

    def test_bodies_that_are_not_there_are_named(self):
        for args, word in (([self.dir / "none"], "none"), ([self.dir], "csv"),
                           ([ROOT / "tests/data", "carrier-pigeon"], "carrier-pigeon")):
            with self.subTest(args=args):
                done = run("bench", "--decode", "--data", *args)
                self.assertEqual(done.code, CALLED_WRONGLY)
                self.assertIn(word, done.err)
        self.assertEqual(run("bench", "sendgrid").code, CALLED_WRONGLY)

    def test_the_bench_has_its_limits(self):
        for args in (["--events", "999"], ["--customers", "0"], ["--customers", "100000001"],
                     ["--sustain", "86401"]):
            with self.subTest(args=args):
                self.assertEqual(run("bench", *args).code, CALLED_WRONGLY)


if __name__ == "__main__":
    unittest.main()
