"""No space: a clear refusal, reads go on, and when there is space again all goes on."""

import pathlib
import subprocess

import touchline_pb2 as pb
from harness import Case, event, until

CONFIG = """
[store]
segment_size = 4 MiB
flush_events = 2000
flush_interval = 100 ms
"""


class FullDisk(Case):

    def setUp(self):
        super().setUp()
        self.mount = self.dir / "small"
        self.mount.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "none", self.mount],
                              capture_output=True, text=True)
        if done.returncode:
            self.skipTest("cannot mount a small file system here: " + done.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", "-l", self.mount])

    def full_broker(self):
        broker = self.broker("small/data", config=CONFIG, start=False)
        broker.log_path = self.dir / "broker.log"
        broker.start()
        return broker

    def fill(self):
        """Takes every byte that is left."""
        filler = pathlib.Path(self.mount / "filler")
        with open(filler, "ab", buffering=0) as f:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while True:
                        f.write(b"x" * size)
                except OSError:
                    pass
        return filler

    def publish_until_refused(self, wire):
        stored = 0
        for batch in range(2000):
            answers = wire.publish([event(id=f"{batch}-{i}", customer=f"loyalty:{i + 1}",
                                          touchpoint="x" * 200) for i in range(100)])
            stored += sum(a.code == 0 for a in answers)
            codes = {pb.Code.Name(a.code) for a in answers if a.code}
            if codes:
                self.assertEqual(codes, {"NO_SPACE"})
                refused = next(a for a in answers if a.code)
                return stored, refused
        self.fail("the disk was never full")

    def fill_for_good(self, wire):
        """A segment made ahead that does not fit is given back, and leaves room once more."""
        for _ in range(2):
            filler = self.fill()
            self.publish_until_refused(wire)
        return filler

    def test_publishing_is_refused_reading_goes_on_and_it_recovers(self):
        broker = self.full_broker()
        with broker.wire() as wire:
            wire.publish([event(id="before", customer="loyalty:reader")])
            filler = self.fill()
            stored, refused = self.publish_until_refused(wire)
            self.assertGreater(len(refused.detail), 10)
            self.assertGreater(refused.retry_after_ms, 0)

            stat = broker.stat()
            self.assertEqual((stat["state"], stat["events"]), ("no_space", stored + 1))
            self.assertEqual([e["id"] for e in broker.timeline("loyalty:reader")], ["before"])
            self.assertEqual(len(broker.replay()), stored + 1)
            self.assertRegex(broker.log(), "(?i)space")

            filler.unlink()
            until(lambda: wire.code(event(id="after", customer="loyalty:reader")) == "OK")
            until(lambda: broker.stat()["state"] == "ready")
            self.assertEqual([e["id"] for e in broker.timeline("loyalty:reader")],
                             ["after", "before"])
        self.assertTrue(broker.ask("verify")["ok"])
        broker.restart()
        self.assertEqual(broker.stat()["events"], stored + 2)
        self.assertTrue(broker.ask("verify")["ok"])

    def test_what_was_refused_can_be_sent_again(self):
        broker = self.full_broker()
        with broker.wire() as wire:
            filler = self.fill_for_good(wire)
            self.assertEqual(wire.code(event(id="again")), "NO_SPACE")
            filler.unlink()
            until(lambda: wire.code(event(id="again")) == "OK")
            answer, = wire.publish([event(id="again")])
            self.assertTrue(answer.duplicate)
        self.assertIn("again", [e["id"] for e in broker.timeline("loyalty:1")])

    def test_what_cannot_be_stored_is_not_reserved(self):
        broker = self.full_broker()
        query = pb.ContactQuery(customer="loyalty:reserved", channel="email", purpose="marketing",
                                reserve=True, reservation="r1")
        with broker.wire() as wire:
            filler = self.fill_for_good(wire)
            reply = wire.ask(may_contact=query)
            self.assertEqual(pb.Code.Name(reply.refusal.code), "NO_SPACE")
            filler.unlink()
            verdicts = []
            for name in ("r1", "r2"):
                query.reservation = name
                verdicts.append(until(lambda: wire.ask(may_contact=query).may_contact.verdict))
            self.assertEqual(verdicts, ["allow", "allow"])
            self.assertEqual(len(broker.replay("--type", "contact.reserved")), 2)
            self.assertEqual(broker.stat()["state"], "ready")
        self.assertTrue(broker.ask("verify")["ok"])

    def test_killed_while_full_it_starts_again_with_all_that_was_acknowledged(self):
        broker = self.full_broker()
        with broker.wire() as wire:
            filler = self.fill()
            stored, _ = self.publish_until_refused(wire)
        broker.kill()
        filler.unlink()
        broker.start()
        self.assertEqual(broker.stat()["events"], stored)
        self.assertTrue(broker.ask("verify")["ok"])
