"""The broker dies at the k-th write, sync or change of a name, for every k of ten runs."""

import os
import pathlib
import random
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import touchline_pb2 as pb
from faults import DIED, FaultCase, Ledger, large, points, prepared, small
from harness import BUILD


def fill(broker, ledger, events):
    assert ledger.publish(broker, events, size=10), broker.log()


def fill_and_kill(broker, ledger):
    fill(broker, ledger, [small(n) for n in range(400)])
    broker.kill()


def fill_segments(broker, ledger, count):
    for segment in range(count):
        fill(broker, ledger, [large(n) for n in range(segment * 72, segment * 72 + 72)])
    fill(broker, ledger, [small(n) for n in range(100)])


def tear(data):
    """The last batch never arrived as a whole."""
    log = max((data / "log").glob("*.log"))
    bytes = log.read_bytes()
    at = bytes.rfind(b"small-399")
    with open(log, "r+b") as f:
        f.seek(at)
        f.write(b"\0" * 64)


# ------------------------------------------------- what is done on that disk

def fresh_start(broker, ledger):
    broker.up()


def one_by_one(broker, ledger):
    if broker.up():
        ledger.publish(broker, (small(n) for n in range(15)))


def batches(broker, ledger):
    if broker.up():
        ledger.publish(broker, (small(n) for n in range(1000)), size=100, window=4)


def checkpoints(broker, ledger):
    if broker.up():
        ledger.publish(broker, (small(n) for n in range(200)), size=50)
        # Due once a second.
        end = time.monotonic() + 1.1
        while broker.running() and time.monotonic() < end:
            ledger.publish(broker, [small(200 + len(ledger.sent))])
            time.sleep(0.05)


def new_segment(broker, ledger):
    if broker.up():
        ledger.publish(broker, (large(n) for n in range(96)), size=8, window=2)


def start_on_it(broker, ledger):
    broker.up()


def seal_and_merge(broker, ledger):
    if broker.up():
        ledger.publish(broker, (large(n) for n in range(1000, 1080)), size=8, window=2)


def rebuild(broker, ledger):
    broker.process = subprocess.Popen([BUILD / "touchline", "rebuild", "--data", broker.data],
                                      env=broker.around(), stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    broker.process.wait()


def verify(broker, ledger):
    if broker.up():
        with broker.wire(hello=False) as wire:
            wire.send(hello=pb.Hello(version=1))
            id = wire.send(verify=pb.VerifyQuery())
            while broker.running():
                reply = wire.receive(0.02)
                if reply is not None and reply.id == id:
                    break


def stop_under_load(broker, ledger):
    if broker.up():
        timer = threading.Timer(0.1, broker.process.terminate)
        timer.start()
        ledger.publish(broker, (small(n) for n in range(5000)), size=20, window=4)
        timer.join()


# What is done, and what is there before; by name.
SCRIPTS = [(fresh_start, None), (one_by_one, None), (batches, None), (checkpoints, None),
           (new_segment, None), (stop_under_load, None), (start_on_it, "killed"),
           (start_on_it, "torn"), (rebuild, "whole"), (verify, "whole"), (seal_and_merge, "many")]


class Die(FaultCase):

    @classmethod
    def setUpClass(cls):
        cls.bases, cls.lengths = {}, {}

    @classmethod
    def tearDownClass(cls):
        for folder, _ in cls.bases.values():
            shutil.rmtree(folder.parent, ignore_errors=True)

    def base(self, name):
        if name is not None and name not in self.bases:
            self.bases[name] = getattr(self, "make_" + name)()
        return self.bases.get(name)

    def make_killed(self):
        return prepared(fill_and_kill)

    def make_torn(self):
        folder, ledger = prepared(fill_and_kill)
        tear(folder)
        ledger.acked = {id: n for id, n in ledger.acked.items() if n <= 390}
        return folder, ledger

    def make_whole(self):
        return prepared(lambda broker, ledger: fill_segments(broker, ledger, 1))

    def make_many(self):
        return prepared(lambda broker, ledger: fill_segments(broker, ledger, 9))

    def play(self, script, base, words):
        folder, ledger = self.base(base) or (None, Ledger())
        broker, ledger = self.faulty(words=words, base=folder), ledger.copy()
        script(broker, ledger)
        return broker, ledger, broker.ended()

    def calls(self, script, base):
        """How many calls the run makes when nothing happens."""
        if (script, base) in self.lengths:
            return self.lengths[script, base]
        broker, _, code = self.play(script, base, "")
        self.assertEqual(code, 0, f"{script.__name__}: {broker.log()[-2000:]}")
        self.lengths[script, base] = broker.counts().all
        self.discard(broker)
        return self.lengths[script, base]

    def die(self, script, base, words):
        about = f"{script.__name__} with {words}"
        broker, ledger, code = self.play(script, base, words)
        # Two runs are not alike to the last call: it may have come to its end.
        self.assertIn(code, (DIED, 0), f"{about}: {broker.log()[-2000:]}")
        self.keeps_its_promises(broker, ledger, about)
        self.discard(broker)
        return code == DIED

    def plays(self, short):
        """Script, base and k: a short run takes some, a long one each."""
        wanted = points(short, 0)
        for script, base in random.choices(SCRIPTS, k=wanted) if wanted else SCRIPTS:
            calls = self.calls(script, base)
            for k in [random.randint(1, calls)] if wanted else range(1, calls + 1):
                yield script, base, k

    def every(self, what, short, more):
        seed = int(os.environ.get("TOUCHLINE_SEED", time.time_ns() % 1_000_000))
        random.seed(seed)
        print(f"           seed {seed}")
        tried = died = 0
        for script, base, k in self.plays(short):
            self.row = (what, tried)
            died += self.die(script, base, f"die={k} {more()}")
            tried += 1
        self.row = (what, tried)
        self.assertGreater(died, tried / 2)

    def test_dead_before_the_kth_call_nothing_is_lost(self):
        self.every("dies before the k-th call of eleven runs", 6, lambda: "")

    def test_dead_within_the_kth_call_nothing_is_lost(self):
        self.every("dies within or behind the k-th call", 6, lambda: "behind")

    def test_power_lost_at_the_kth_call_nothing_is_lost(self):
        self.every("power lost at the k-th call, nothing unsynced kept", 6,
                   lambda: random.choice(("forget", "behind forget")))

    def test_power_lost_at_the_kth_call_and_some_pages_written_nothing_is_lost(self):
        self.every("power lost at the k-th call, unsynced pages at random", 6,
                   lambda: f"some={random.randrange(1 << 32)} {random.choice(('', 'behind'))}")
