"""Bits flipped, sectors zeroed and files cut at random: a right answer, or a refusal
that says which file and what to do.  Never a wrong answer, never a crash."""

import os
import pathlib
import random
import re
import shutil
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from google.protobuf.message import DecodeError

import touchline_pb2 as pb
from harness import run
from faults import FaultCase, large, points, prepared, small

CUSTOMERS = [f"loyalty:{n}" for n in range(1, 18)] + [f"email:{n}@x.com" for n in range(5)]
SECTOR = 512
PAGE = 4096
LEAF = 2                # of LMDB's page flags


def fill(broker, ledger):
    """Three segments, a run for each that is full, views, and a batch in the open one."""
    for segment in range(2):
        assert ledger.publish(broker, (small(n) for n in range(segment * 150, segment * 150 + 150)),
                              size=10)
        assert ledger.publish(broker, (large(n) for n in range(segment * 72, segment * 72 + 72)),
                              size=8)
    assert ledger.publish(broker, (small(n) for n in range(300, 400)), size=10)


def answers(wire):
    """All there is to know, by question; a refusal as None."""
    got = {}
    for who in CUSTOMERS:
        for name, query in (("context", pb.ContextQuery(customer=who)),
                            ("offers", pb.OffersQuery(customer=who)),
                            ("timeline", pb.TimelineQuery(customer=who, limit=100))):
            reply = wire.ask(**{name: query})
            if reply.HasField("refusal"):
                got[who, name] = (pb.Code.Name(reply.refusal.code), reply.refusal.detail)
                continue
            answer = getattr(reply, name)
            if name == "context":
                answer.ClearField("now")
            if name == "timeline":
                for e in answer.events:
                    e.attributes.clear()
            got[who, name] = answer.SerializeToString(deterministic=True)
    return got


class Bits(FaultCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = None

    @classmethod
    def tearDownClass(cls):
        if cls.folder is not None:
            shutil.rmtree(cls.folder.parent, ignore_errors=True)

    def setUp(self):
        super().setUp()
        seed = int(os.environ.get("TOUCHLINE_SEED", time.time_ns() % 1_000_000))
        random.seed(seed)
        print(f"           seed {seed}")
        if Bits.folder is None:
            Bits.folder, Bits.ledger = prepared(fill)
            broker = self.faulty("whole", base=self.folder)
            self.assertTrue(broker.up(), broker.log())
            Bits.reference = self.read(broker)
            self.assertGreaterEqual(len(self.reference[0]), len(self.ledger.sent))
            self.assertEqual(broker.term(), 0)
            self.discard(broker)

    def read(self, broker):
        """Every event, and every answer.  What a refused stream has given counts."""
        events = {}
        with broker.wire() as wire:
            wire.stream()
            for e in wire.collect(seconds=20):
                events[e.number] = e.event
            return events, answers(wire), wire.end if wire.end.code else None

    def known(self, broker, events, about):
        """What is stored is not stored again; to be asked last."""
        ids = [id for id in self.ledger.acked if id.startswith("small")]
        with broker.wire() as wire:
            for id, answer in zip(ids, wire.publish([self.ledger.sent[id] for id in ids])):
                if answer.code:
                    self.assertTrue(self.is_clear(answer.detail), f"{about}: {answer}")
                elif self.ledger.acked[id] in events:
                    self.assertEqual((answer.duplicate, answer.number),
                                     (True, self.ledger.acked[id]), f"{about}: {id}")

    # --------------------------------------------------------------- damage

    def damage(self, data, kind):
        """One place in one file; says what it did."""
        files = [f for f in sorted(data.rglob(kind)) if f.stat().st_size > 0]
        path = random.choice(files)
        size = self.used(path)
        at = random.randrange(size)
        how = random.choices(("flip", "zero", "cut"), (6, 3, 1))[0]
        with open(path, "r+b") as f:
            if how == "flip":
                f.seek(at)
                byte = f.read(1)[0]
                f.seek(at)
                f.write(bytes([byte ^ 1 << random.randrange(8)]))
            elif how == "zero":
                at -= at % SECTOR
                f.seek(at)
                f.write(b"\0" * min(SECTOR, path.stat().st_size - at))
            else:
                f.truncate(at)
        return f"{how} {path.relative_to(data)} at {at} of {size}"

    def flip_a_value(self, data):
        """A bit of a record, and not of what LMDB needs to find it."""
        path, = data.rglob("data.mdb")
        bytes, places = bytearray(path.read_bytes()), []
        for page in range(2 * PAGE, len(bytes), PAGE):
            flags, lower, _ = struct.unpack_from("<3H", bytes, page + 10)
            if flags != LEAF:
                continue
            for pointer in range(page + 16, page + lower, 2):
                node = page + struct.unpack_from("<H", bytes, pointer)[0]
                low, high, _, key = struct.unpack_from("<4H", bytes, node)
                places += range(node + 8 + key,
                                min(node + 8 + key + low + (high << 16), page + PAGE))
        at = random.choice(places)
        bytes[at] ^= 1 << random.randrange(8)
        path.write_bytes(bytes)
        return f"flip a value in data.mdb at {at}"

    def used(self, path):
        """Behind the last byte there is only room."""
        if path.suffix != ".log":
            return path.stat().st_size
        return max(1, len(path.read_bytes().rstrip(b"\0")))

    def judged(self, broker, about):
        """What came of it: refused at the start, wrong never, partly refused, or unharmed."""
        if not broker.up():
            code = broker.process.wait()
            said = broker.log().splitlines()[-1:]
            self.assertGreaterEqual(code, 0, f"{about}: crashed by signal {-code}\n{said}")
            self.assertTrue(said and self.is_clear(said[0]), f"{about}: {said}")
            return "refused at the start"
        try:
            events, got, refusal = self.read(broker)
        except DecodeError as none:
            self.fail(f"{about}: something is answered wrongly: {none}")
        except AssertionError as none:
            self.assertFalse(broker.running(), f"{about}: {none}")
            said = broker.log().splitlines()[-1]
            self.assertEqual((broker.process.wait(), self.is_clear(said)), (1, True),
                             f"{about}: ended with {broker.process.poll()}: {said}")
            return "stopped when read"
        self.known(broker, events, about)
        wrong = [n for n, e in events.items() if self.reference[0].get(n) != e]
        self.assertEqual(wrong, [], about)
        missing = set(self.reference[0]) - set(events)
        if missing and refusal is None:
            # A last batch that is torn was never acknowledged for all we can tell.
            self.assertGreater(min(missing), max(events), about)
            self.assertRegex(broker.log(), "dropped a batch at offset", about)
            return "last batch put aside"
        if refusal is not None:
            self.assertIn("run touchline verify", refusal.detail, about)
            self.named(broker, about)
        outcome = "refused when read" if refusal is not None else "unharmed"
        for question, answer in got.items():
            if isinstance(answer, tuple) and answer != self.reference[1][question]:
                self.assertTrue(self.is_clear(answer[1]), f"{about} {question}: {answer}")
                outcome = "refused when read"
            elif answer != self.reference[1][question]:
                self.fail(f"{about}: {question} is answered wrongly")
        return outcome

    def is_clear(self, sentence):
        """Says which file, and what to do; or who will."""
        return bool(re.search(r"/[0-9a-z./-]+|the log ends at|the views", sentence)
                    and re.search(r"restore|move it away|rebuild|anew", sentence)
                    or "run touchline verify" in sentence)

    def named(self, broker, about):
        """The proof says which file, where, and what to do."""
        broker.term()
        done = run("verify", "--data", broker.data)
        self.assertNotIn(done.code, (0, None), about)
        self.assertRegex(done.out + done.err, r"[0-9a-f]{16}\.log: .*offset \d+.*restore", about)

    def campaign(self, what, damage, short, long):
        """How often came what of it."""
        outcomes, wrong = {}, []
        for n in range(points(short, long)):
            broker = self.faulty(base=self.folder)
            about = damage(broker.data)
            try:
                outcome = self.judged(broker, about)
            except AssertionError as failed:
                outcome = "WRONG"
                wrong.append(str(failed))
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            self.discard(broker)
            self.row = (what, n + 1)
        print("           " + ", ".join(f"{n} {what}" for what, n in sorted(outcomes.items())))
        self.assertEqual(len(wrong), 0, "\n".join(wrong[:20]))
        return outcomes

    def test_a_damaged_log_gives_no_wrong_answer(self):
        self.campaign("bits, sectors, ends of the log", lambda d: self.damage(d, "log/*.log"),
                      20, 2000)

    def test_a_damaged_offset_table_gives_no_wrong_answer(self):
        self.campaign("of the tables of offsets", lambda d: self.damage(d, "*.off"), 10, 500)

    def test_damaged_runs_of_seen_give_no_wrong_answer(self):
        self.campaign("of the runs of seen", lambda d: self.damage(d, "*.run"), 10, 500)

    def test_a_damaged_key_gives_no_wrong_answer(self):
        self.campaign("of the key", lambda d: self.damage(d, "key"), 5, 200)

    # LMDB has no sums over its pages: what hits its keys and pointers would mislead it.
    # Views as small as these are looked at whole before they are used.

    def views(self, what, damage):
        self.is_clear = lambda said: bool(re.search(
            r"/views/data\.mdb is damaged \(offset \d+: .*rebuild", said))
        outcomes = self.campaign(what, damage, 15, 900)
        self.assertLessEqual(set(outcomes), {"refused at the start", "unharmed"})

    def test_a_damaged_value_in_the_views_is_found_at_the_start(self):
        self.views("bits of the records in the views", self.flip_a_value)

    def test_damage_anywhere_in_the_views_is_found_at_the_start(self):
        self.views("of the views anywhere", lambda d: self.damage(d, "data.mdb"))
