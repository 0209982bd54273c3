"""kill -9 under load, again and again: what was acknowledged is there, once, in order."""

import os
import random
import threading
import time

import touchline_pb2 as pb
from harness import SANITIZED, Case, Wire, encoded, event

ROUNDS = int(os.environ.get("TOUCHLINE_ROUNDS", "20"))
READY_S = 2.0
PUBLISHERS = 4
WINDOW = 4

# Checkpoints, new segments and merges happen between two kills.
CONFIG = """
[store]
segment_size = 4 MiB
flush_events = 3000
flush_interval = 200 ms
"""


class Publisher(threading.Thread):
    """Numbers its events; sends what was not answered again, as a client would."""

    def __init__(self, endpoint, name, acked, first):
        super().__init__()
        self.endpoint, self.name_, self.acked, self.next = endpoint, name, acked, first
        self.stopped = threading.Event()
        self.unanswered = []

    def run(self):
        wire = Wire(self.endpoint, hello=False)
        try:
            wire.send(hello=pb.Hello(version=1))
            if wire.receive(10) is None:
                return
            self.pump(wire)
        finally:
            wire.close()

    def pump(self, wire):
        pending = {}
        while not self.stopped.is_set():
            while len(pending) < WINDOW:
                numbers = list(range(self.next, self.next + random.choice((1, 5, 40, 200))))
                self.next = numbers[-1] + 1
                body = pb.Publish(events=[encoded(self.event(n)) for n in numbers])
                pending[wire.send(publish=body)] = numbers
            reply = wire.receive(0.05)
            if reply is not None:
                for n, answer in zip(pending.pop(reply.id), reply.publish.answers):
                    if answer.code == 0:
                        self.acked.append((self.name_, n, answer.number))
        self.unanswered = [n for numbers in pending.values() for n in numbers]

    def event(self, n):
        offers = {}
        if n % 5 == 0:
            offers = {"type": "offer.made", "offers": [{"offer": f"o{n % 7}", "outcome": "made"}]}
        return event(**{"id": f"{self.name_}-{n}", "source": self.name_, "time": None,
                        "customer": [f"loyalty:{n % 97 + 1}"]
                        + ([f"email:{n % 41}@x.com"] if n % 11 == 0 else []), **offers})


class Kill(Case):

    def test_what_was_acknowledged_survives_every_kill(self):
        seed = int(os.environ.get("TOUCHLINE_SEED", time.time_ns() % 1_000_000))
        random.seed(seed)
        broker = self.broker(config=CONFIG)
        acked, names, slowest = [], [f"p{i}" for i in range(PUBLISHERS)], 0.0
        next_number = dict.fromkeys(names, 1)
        self.from_the_start()
        for round in range(ROUNDS):
            threads = [Publisher(broker.endpoint, n, acked, next_number[n]) for n in names]
            for t in threads:
                t.start()
            time.sleep(random.uniform(0.05, 0.8))
            self.assertTrue(broker.running(), f"ended by itself: {broker.log()[-500:]}")
            broker.kill()
            for t in threads:
                t.stopped.set()
            for t in threads:
                t.join()
                # In order again: go on with the first that was not answered.
                next_number[t.name_] = min(t.unanswered, default=t.next)
            ready = broker.start()
            slowest = max(slowest, ready)
            if not SANITIZED:
                self.assertLess(ready, READY_S, f"round {round}, seed {seed}")
            if round == ROUNDS - 1:
                self.from_the_start()
            self.check(broker, acked, f"round {round}, seed {seed}",
                       verify=round % 5 == 4 or round == ROUNDS - 1)
        print(f"           {ROUNDS} kills, {len(acked)} acknowledged, seed {seed}, "
              f"ready after {slowest:.2f} s at worst")
        self.assertGreater(len(acked), ROUNDS)

    def check(self, broker, acked, about, verify):
        """Reads on from where it has looked already; the last time, everything."""
        with broker.wire() as wire:
            wire.stream(**{"from": self.position})
            for e in wire.collect(seconds=120 + len(acked) / 2000):
                one = pb.Event.FromString(e.event)
                if one.source == "touchline":
                    continue
                self.assertNotIn((one.source, one.id), self.stored, about)
                self.stored[one.source, one.id] = e.number
                self.order.setdefault(one.source, []).append(int(one.id.split("-")[1]))
            self.position = wire.end.position
        lost = [a for a in acked if self.stored.get((a[0], f"{a[0]}-{a[1]}")) != a[2]]
        self.assertEqual(lost[:5], [], about)
        for source, numbers in self.order.items():
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)), (source, about))
        if verify:
            self.assertTrue(broker.ask("verify")["ok"], about)

    def from_the_start(self):
        self.position, self.stored, self.order = "start", {}, {}
