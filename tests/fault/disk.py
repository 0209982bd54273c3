"""No space at any moment: refused, read on, recovered.  A broken disk: it stops."""

import os
import pathlib
import random
import shutil
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import touchline_pb2 as pb
from faults import DIED, WAIT_S, FaultCase, Ledger, large, points, prepared, small

TICK_S = 1.1        # a checkpoint is due once a second


def load():
    """Single events, a checkpoint's worth, a new segment."""
    for n in range(12):
        yield [small(n)]
    for n in range(100, 300, 50):
        yield [small(n + i) for i in range(50)]
    yield None
    for n in range(0, 96, 8):
        yield [large(n + i) for i in range(8)]
    yield None
    yield [small(500 + n) for n in range(50)]


def fill(broker, ledger):
    """Something in each file that a start reads: a dead letter, too."""
    assert ledger.publish(broker, [small(n) for n in range(600, 630)], size=10)
    with broker.wire() as wire:
        assert wire.code(dict(small(601), locale="fr")) == "DUPLICATE_DIFFERS"


class Disk(FaultCase):

    lengths = {}
    base, letters = None, 0     # what is there before

    def setUp(self):
        super().setUp()
        seed = int(os.environ.get("TOUCHLINE_SEED", time.time_ns() % 1_000_000))
        random.seed(seed)
        print(f"           seed {seed}")
        self.before = Ledger()

    def play(self, broker, ledger, each):
        """Publishes the load; `each` looks at what was refused.  Whether the broker lives."""
        for batch in load():
            if batch is None:
                end = time.monotonic() + TICK_S
                while broker.running() and time.monotonic() < end:
                    time.sleep(0.05)
            elif not ledger.publish(broker, batch):
                return False
            elif any(e["id"] not in ledger.acked for e in batch):
                each([e for e in batch if e["id"] not in ledger.acked])
        return broker.running()

    def calls(self, kind=None):
        """Of the load alone, or of its whole run by kind: (first, last)."""
        if self.base not in self.lengths:
            broker = self.faulty("count", words="eio=1000000000:read", base=self.base)
            self.assertTrue(broker.up(), broker.log())
            ready = broker.counts()
            self.assertTrue(self.play(broker, Ledger(), self.fail))
            loaded = broker.counts()
            self.assertEqual(broker.term(), 0)
            self.lengths[self.base] = ready, loaded, broker.counts()
            self.discard(broker)
        ready, loaded, ended = self.lengths[self.base]
        return (ready.all + 1, loaded.all) if kind is None else (1, getattr(ended, kind))

    # -------------------------------------------------------------- no space

    def state(self, wire):
        return wire.ask(stat=pb.StatQuery()).stat.state

    def reads_go_on(self, broker, ledger, about):
        stored = self.stored(broker, about)
        for id, number in ledger.acked.items():
            self.assertEqual(stored.get(id), number, (about, id))
        with broker.wire() as wire:
            reply = wire.ask(context=pb.ContextQuery(customer="loyalty:2"))
            self.assertIn(reply.WhichOneof("body"), ("context", "refusal"), about)
            if reply.HasField("refusal"):
                self.assertEqual(pb.Code.Name(reply.refusal.code), "NOT_FOUND", about)

    def full(self, k):
        about = f"enospc={k}"
        broker, ledger = self.faulty(words=about), Ledger()
        self.assertTrue(broker.up(), broker.log()[-2000:])
        refusals = 0

        def refused(events):
            nonlocal refusals
            refusals += 1
            with broker.wire() as wire:
                answers = wire.publish(events)
                self.assertEqual({pb.Code.Name(a.code) for a in answers}, {"NO_SPACE"}, about)
                self.assertEqual(self.state(wire), "no_space", about)
            self.reads_go_on(broker, ledger, about)
            broker.beside("clear").touch()
            self.recovers(broker, ledger, events, about)

        alive = self.play(broker, ledger, refused)
        self.assertTrue(alive, f"{about}: {broker.log()[-2000:]}")
        broker.beside("clear").touch()
        self.recovers(broker, ledger, [small(9000)], about)
        self.assertEqual(broker.term(), 0, f"{about}: {broker.log()[-2000:]}")
        self.keeps_its_promises(broker, ledger, about)
        self.discard(broker)
        return refusals

    def recovers(self, broker, ledger, events, about):
        """By itself, when there is space again."""
        end = time.monotonic() + WAIT_S
        while any(e["id"] not in ledger.acked for e in events):
            self.assertTrue(ledger.publish(broker, events), f"{about}: {broker.log()[-2000:]}")
            self.assertLess(time.monotonic(), end, f"{about}: still full")
            time.sleep(0.02)
        with broker.wire() as wire:
            while self.state(wire) != "ready":
                self.assertLess(time.monotonic(), end, f"{about}: still full")
                time.sleep(0.05)

    def test_no_space_is_refused_read_through_and_recovered_from(self):
        first, last = self.calls()
        wanted, refusals = points(2, 100), 0
        for n in range(wanted):
            refusals += self.full(first + int((n + random.random()) * (last - first) / wanted))
            self.row = ("no space from the k-th call on", n + 1)
        self.assertGreater(refusals, 0)

    # ---------------------------------------------------------- a broken disk

    def broken(self, kind, k):
        """Either it stops, or what failed can be done without; then the power goes
        as well, so that a sync that failed cannot be taken for one that did not."""
        about = f"forget eio={k}:{kind}"
        broker, ledger = self.faulty(words=about, base=self.base), self.before.copy()
        if broker.up() and self.play(broker, ledger, lambda events: self.fail(f"{about} refused")):
            with broker.wire() as wire:
                self.assertEqual(wire.ask(stat=pb.StatQuery()).stat.dead_letters, self.letters,
                                 about)
            broker.process.send_signal(signal.SIGUSR2)
            self.assertEqual(broker.process.wait(), DIED, about)
            stopped = False
        else:
            self.assertEqual(broker.process.wait(), 1, f"{about}: {broker.log()[-2000:]}")
            self.assertRegex(broker.log().splitlines()[-1], r"^(error|touchlined:) .{20}", about)
            stopped = True
        self.keeps_its_promises(broker, ledger, about)
        self.discard(broker)
        return stopped

    def broken_at(self, kind, short):
        first, last = self.calls(kind)
        every = range(first, last + 1)
        wanted = points(short, len(every))
        stopped = 0
        for n, k in enumerate(random.sample(every, wanted) if wanted < len(every) else every):
            stopped += self.broken(kind, k)
            self.row = (f"EIO at the k-th {kind}", n + 1)
        print(f"           stopped {stopped} times of {n + 1}")

    def test_a_write_that_fails_stops_it(self):
        self.broken_at("write", 1)

    def test_a_sync_that_fails_stops_it(self):
        self.broken_at("sync", 1)

    def test_a_read_that_fails_stops_it(self):
        self.base, self.before = prepared(fill)
        self.letters = 1
        self.addCleanup(shutil.rmtree, self.base.parent)
        self.broken_at("read", 2)
