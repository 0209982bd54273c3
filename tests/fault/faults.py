"""A broker on a disk that fails when told to, and what must be true afterwards."""

import collections
import os
import pathlib
import shutil
import struct
import subprocess
import time

import zmq

import touchline_pb2 as pb
from harness import BUILD, SANITIZED, SLOW, WAIT_S, Broker, Case, Wire, encoded, event, run

SHIM = BUILD / "tests/fault/shim.so"
TABLE = BUILD / "tests/fault/table"
LONG = os.environ.get("TOUCHLINE_FAULT") == "long"
DIED = 99
REPLY_S = 0.02

# Segments, checkpoints, runs and merges come with few events.
SMALL = """
[store]
segment_size = 4 MiB
flush_events = 40
flush_interval = 20 ms
"""

# Where each of the two meta pages of LMDB has the number of its transaction.
META_AT = (144, 4096 + 144)

Counts = collections.namedtuple("Counts", "all write sync read name")


def points(short, long):
    """How often: POINTS in the environment overrides both."""
    return int(os.environ.get("POINTS", long if LONG else short))


def large(n):
    """Seventy of them fill a segment."""
    return event(id=f"large-{n}", customer=f"loyalty:{n % 7 + 1}", message={"text": "x" * 60000})


def small(n):
    more = {}
    if n % 5 == 0:
        more = {"type": "offer.made", "campaign": f"c{n % 3}",
                "offers": [{"offer": f"o{n % 7}", "campaign": f"c{n % 3}", "outcome": "made"}]}
    elif n % 7 == 0:
        more = {"type": "household.left" if n % 3 == 0 else "household.joined",
                "household": {"id": f"h{n % 2}"}}
    return event(**{"id": f"small-{n}", "customer": [f"loyalty:{n % 17 + 1}"]
                    + ([f"email:{n % 5}@x.com"] if n % 11 == 0 else []), **more})


def anonymous(broker):
    with open(f"/proc/{broker.process.pid}/status") as status:
        kib, = [int(line.split()[1]) for line in status if line.startswith("RssAnon")]
    return kib * 1024


def transactions(views):
    """How many there have been, of the views' file."""
    with open(views, "rb") as f:
        return max(struct.unpack("<Q", os.pread(f.fileno(), 8, at))[0] for at in META_AT)


class Faulty(Broker):
    """`words` is what the shim is told; None: an ordinary disk."""

    words = None

    def around(self):
        """The environment of a program on that disk."""
        if self.words is None:
            return dict(os.environ)
        return dict(os.environ, LD_PRELOAD=str(SHIM), TL_FAULT_DIR=str(self.data),
                    TL_FAULT=self.words, TL_FAULT_COUNT=str(self.beside("count")),
                    **({"TL_FAULT_CLEAR": str(self.beside("clear"))} if "enospc" in self.words
                       and "," not in self.words else {}))

    def beside(self, what):
        return self.data.with_name(f"{self.data.name}.{what}")

    def spawn(self):
        command = [self.program, "--data", self.data, "--listen", self.endpoint, *self.args]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=self.around())
        return self

    def up(self):
        """Starts; whether it answers.  False: it ended before."""
        self.spawn()
        end = time.monotonic() + WAIT_S
        while self.running():
            if self.answers(zmq.Context.instance()):
                return True
            assert time.monotonic() < end, "touchlined does not answer:\n" + self.log()[-3000:]
        return False

    def answers(self, context):
        """As soon as it does, and no longer than it lives."""
        with context.socket(zmq.DEALER) as probe:
            probe.linger = 0
            probe.reconnect_ivl = 2
            probe.connect(self.endpoint)
            probe.send(pb.Request(id=1, hello=pb.Hello(version=1)).SerializeToString())
            while self.running():
                if probe.poll(10):
                    return True
        return False

    def ended(self):
        """The code it ended with; it is stopped when it still runs."""
        return self.term() if self.running() else self.process.wait()

    def counts(self):
        bytes = self.beside("count").read_bytes() if self.beside("count").exists() else b""
        return Counts(*struct.unpack("5Q", bytes)) if bytes else Counts(0, 0, 0, 0, 0)


class Ledger:
    """What was sent, and what was acknowledged."""

    def __init__(self):
        self.sent = {}
        self.acked = {}

    def copy(self):
        other = Ledger()
        other.sent, other.acked = dict(self.sent), dict(self.acked)
        return other

    def publish(self, broker, events, size=1, window=1):
        """Until all is answered or the broker is gone.  Whether it lives."""
        events, pending, heard = list(events), {}, time.monotonic()
        batches = [events[i:i + size] for i in range(0, len(events), size)]
        wire = Wire(broker.endpoint, hello=False)
        try:
            wire.send(hello=pb.Hello(version=1))
            while batches or pending:
                while batches and len(pending) < window:
                    self.send(wire, pending, batches.pop(0))
                alive = broker.running()
                reply = wire.receive(REPLY_S)
                if reply is None and not alive:
                    return False
                if reply is None:
                    assert time.monotonic() < heard + WAIT_S, f"no answer for {WAIT_S} s"
                    continue
                heard = time.monotonic()
                assert not reply.HasField("refusal"), reply
                if reply.HasField("publish"):
                    self.take(pending.pop(reply.id), reply.publish.answers)
            return True
        finally:
            wire.close()

    def send(self, wire, pending, batch):
        bodies = [encoded(e) for e in batch]
        for e, body in zip(batch, bodies):
            self.sent[e["id"]] = body
        pending[wire.send(publish=pb.Publish(events=bodies))] = [e["id"] for e in batch]

    def take(self, ids, answers):
        for id, answer in zip(ids, answers):
            if answer.code == 0:
                self.acked[id] = answer.number


class FaultCase(Case):
    """Rows of the table that `make fault` ends with."""

    row = None

    def setUp(self):
        if SANITIZED:
            self.skipTest("what is loaded before the sanitizer does not mix with it")
        super().setUp()

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if LONG and self.row is not None:
            failed = len(result.failures) + len(result.errors) - before
            with open(TABLE, "a") as table:
                table.write("{:<58} {:>6} {}\n".format(*self.row, "failed" if failed else "held"))
        return result

    def faulty(self, name="data", words=None, config=SMALL, base=None):
        """A broker on that disk, on a copy of `base` when there is one; not started."""
        path = self.dir / f"{name}.conf"
        path.write_text(config)
        broker = Faulty(self.dir / name, ["--config", path])
        if base is not None:
            subprocess.run(["cp", "-a", "--sparse=auto", base, broker.data], check=True)
        broker.words = words
        self.brokers.append(broker)
        return broker

    def discard(self, broker):
        """Makes room for the next."""
        if broker.running():
            broker.kill()
        self.brokers.remove(broker)
        for path in (broker.data, broker.beside("stash")):
            shutil.rmtree(path, ignore_errors=True)
        for path in (broker.log_path, broker.beside("count"), broker.beside("clear")):
            path.unlink(missing_ok=True)

    def stored(self, broker, about):
        """Everything, by id; nothing twice."""
        found = {}
        with broker.wire() as wire:
            wire.stream()
            for e in wire.collect(seconds=60 * SLOW):
                one = pb.Event.FromString(e.event)
                if one.source != "touchline":
                    self.assertNotIn(one.id, found, about)
                    found[one.id] = e.number
        return found

    def keeps_its_promises(self, broker, ledger, about):
        """An ordinary start, everything acknowledged there once, and all that was
        sent can be sent again; the views are the fold of the log."""
        broker.words = None
        began = time.monotonic()
        self.assertTrue(broker.up(), f"{about}: does not start\n{broker.log()[-1500:]}")
        self.assertLess(time.monotonic() - began, 5 * SLOW, about)
        stored = self.stored(broker, about)
        lost = [id for id, number in ledger.acked.items() if stored.get(id) != number]
        self.assertEqual(lost[:5], [], f"{about}: {len(lost)} lost of {len(ledger.acked)}")
        self.assertEqual(set(stored) - set(ledger.sent), set(), about)
        again = [id for id in ledger.sent if id not in ledger.acked][:10] + list(ledger.acked)[-5:]
        with broker.wire() as wire:
            answers = wire.publish([ledger.sent[id] for id in again]) if again else []
            for id, answer in zip(again, answers):
                self.assertEqual((answer.code, answer.duplicate), (0, id in stored), (about, id))
        self.assertEqual(broker.term(), 0, f"{about}: {broker.log()[-1500:]}")
        offline = run("verify", "--data", broker.data, "-o", "json")
        self.assertEqual((offline.code, offline.code or offline.json["ok"]), (0, True),
                         f"{about}: {offline}")


def prepared(fill, config=SMALL):
    """The data directory a broker left behind, with its ledger: (folder, Ledger)."""
    case = FaultCase()
    case.setUp()
    broker, ledger = case.faulty(config=config), Ledger()
    assert broker.up(), broker.log()
    fill(broker, ledger)
    broker.ended()
    return pathlib.Path(broker.data), ledger
