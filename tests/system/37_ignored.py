"""What adapters hear and do not take is counted by source and name, each report once."""

import os
import unittest

import touchline_pb2 as pb
from harness import DATA, Case, until


class Ignored(Case):

    def setUp(self):
        super().setUp()
        self.bus = self.broker()

    def report(self, sequence, sums, reporter="r"):
        with self.bus.wire() as wire:
            return wire.ask(report=pb.Report(reporter=reporter, sequence=sequence, ignored=[
                pb.Ignored(source=s, name=n, count=c) for s, n, c in sums]))

    def counted(self):
        return self.bus.stat()["ignored"]

    def test_reports_add_up_by_source_and_name(self):
        first = self.report(1, [("till", "a b", 2), ("till", "%", 1)])
        self.assertEqual((first.reported.reporter, first.reported.sequence), ("r", 1))
        self.report(2, [("till", "a b", 3)])
        self.report(1, [("till", "a b", 4), ("web", "ä", 5)], reporter="another")
        self.assertEqual(self.counted(), {"till": {"a b": 9, "%": 1}, "web": {"ä": 5}})
        self.assertEqual(self.bus.stat()["events"], 0)

    def test_a_report_sent_again_counts_once_also_after_a_kill(self):
        for kill in (False, True, True):
            self.assertEqual(self.report(7, [("till", "a", 2)]).reported.sequence, 7)
            self.report(6, [("till", "a", 100)])
            if kill:
                self.bus.kill()
                self.bus.start()
            self.assertEqual(self.counted(), {"till": {"a": 2}})
        self.report(8, [("till", "a", 1)])
        self.assertEqual(self.counted(), {"till": {"a": 3}})

    def test_a_line_cut_off_by_a_crash_was_never_confirmed_and_does_no_harm(self):
        self.report(1, [("till", "a", 2)])
        self.bus.kill()
        with open(self.bus.data / "ignored", "a") as file:
            file.write("r 2 till a 1")
        self.bus.start()
        self.assertEqual(self.counted(), {"till": {"a": 2}})
        self.report(2, [("till", "a", 1)])
        self.bus.kill()
        self.bus.start()
        self.assertEqual(self.counted(), {"till": {"a": 3}})

    def test_the_1001st_name_is_other(self):
        self.report(1, [("till", f"n{i}", 1) for i in range(999)])
        self.report(2, [("till", "n999", 1)])
        self.assertEqual(len(self.counted()["till"]), 1000)
        self.report(3, [("till", "n1000", 2), ("till", "n5", 1), ("web", "x", 3)])
        sums = self.counted()
        self.assertEqual((sums["till"]["other"], sums["till"]["n5"], sums["web"]),
                         (2, 2, {"other": 3}))
        self.assertEqual(len(sums["till"]), 1001)

    def test_a_report_of_1000_sums_is_taken_and_of_1001_refused(self):
        sums = [("till", f"n{i}", 1) for i in range(1001)]
        self.assertEqual(self.report(1, sums).refusal.code, pb.TOO_MANY)
        self.assertEqual(self.counted(), {})
        self.assertTrue(self.report(1, sums[:1000]).HasField("reported"))

    def test_a_word_of_128_bytes_is_taken_and_of_129_or_none_refused(self):
        self.assertTrue(self.report(1, [("s" * 128, "n" * 128, 1)], "r" * 128).HasField("reported"))
        for sequence, source, name, reporter in (
                (1, "s" * 129, "n", "x"), (1, "s", "n" * 129, "x"), (1, "s", "n", "x" * 129),
                (1, "", "n", "x"), (1, "s", "", "x"), (1, "s", "n", ""), (0, "s", "n", "x"),
                (1, "s", "n", "-")):
            with self.subTest(source=source, name=name, reporter=reporter):
                self.assertEqual(self.report(sequence, [(source, name, 1)], reporter).refusal.code,
                                 pb.BAD_REQUEST)
        self.assertEqual(len(self.counted()), 1)

    def test_the_file_is_written_anew_before_it_grows_without_end(self):
        name = "n" * 100
        for i in range(1, 12):
            self.report(i, [("s" * 100, name + str(n), 1) for n in range(900)])
        self.assertLess(os.path.getsize(self.bus.data / "ignored"), 2 << 20)
        self.bus.kill()
        self.bus.start()
        self.assertEqual(set(self.counted()["s" * 100].values()), {11})

    def test_a_long_file_of_sums_is_not_written_anew_for_each_report(self):
        def name(kind, n):
            return f"{kind}{n:04}".ljust(127) + "x"        # blanks are three bytes there

        for sequence, kind in enumerate("ab", 1):
            self.report(sequence, [(name("s", n), name(kind, n), 1) for n in range(1000)])
        path = self.bus.data / "ignored"
        self.assertGreater(path.stat().st_size, 1 << 20)
        file = path.stat().st_ino
        for sequence in range(3, 6):
            self.report(sequence, [("till", "one more", 1)])
        self.assertEqual(path.stat().st_ino, file)
        before = self.counted()
        self.bus.kill()
        self.bus.start()
        self.assertEqual(self.counted(), before)

    def test_what_an_adapter_ignored_is_in_stat_also_when_the_broker_was_away(self):
        pos = self.adapter("pos", self.bus)
        body = (DATA / "poslog/constructed.xml").read_bytes()
        pos.post("/poslog", body)
        until(lambda: self.counted().get("poslog"), every=0.2)
        once = self.counted()["poslog"]
        self.bus.kill()
        pos.post("/poslog", body)
        self.bus.start()
        until(lambda: self.counted()["poslog"] == {n: 2 * c for n, c in once.items()}, every=0.2)
        pos.post("/poslog", body)
        pos.term()
        self.assertEqual(self.counted()["poslog"], {n: 3 * c for n, c in once.items()})

    def test_what_ingest_ignored_is_counted_under_the_source(self):
        file = DATA / "poslog/constructed.xml"
        self.bus.run("ingest", "--format", "poslog", "--dry-run", file)
        self.assertEqual(self.counted(), {})
        self.bus.run("ingest", "--format", "poslog", "--source", "till 4", file)
        self.assertEqual(set(self.counted()), {"till 4"})
        shown = self.bus.run("stat").out
        self.assertIn("Heard and not taken", shown)
        self.assertIn("till 4", shown)


if __name__ == "__main__":
    unittest.main()
