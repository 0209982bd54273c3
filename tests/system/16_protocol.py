"""PROTOCOL.md is right: its example runs, and its golden bytes are what they say."""

import os
import pathlib
import signal
import subprocess
import sys
import time

from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp
import zmq

import touchline_pb2 as pb
from harness import BUILD, DATA, ROOT, Case, event

KINDS = {"event": pb.Event, "request": pb.Request, "reply": pb.Reply}


class Protocol(Case):

    def example(self, broker):
        env = dict(os.environ, PYTHONPATH=str(BUILD / "tests/python"))
        done = subprocess.run([sys.executable, "-B", ROOT / "tests/examples/publish.py",
                               broker.endpoint], env=env, capture_output=True, text=True,
                              timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def test_the_example_publishes_asks_and_follows(self):
        broker = self.broker()
        with broker.wire() as wire:
            wire.publish([event(id="before")])
            first, second = wire.position(2), wire.position(3)
        out = self.example(broker)
        self.assertEqual(out[0], f"stored at {first}")
        self.assertTrue(out[1].startswith("refused MALFORMED "), out)
        self.assertEqual(out[2], f"stored at {second}")
        self.assertEqual(out[3], f"duplicate of {first}")
        self.assertEqual(out[5], f"duplicate of {second}")
        self.assertEqual(out[6], f"offer spring-20 made as of {second}")
        self.assertEqual(out[7:10], ["event 1 before", "event 2 mail-1", "event 3 mail-2"])
        self.assertEqual(out[10:], [f"read up to {second}", f"go on from {second}"])

    def test_the_document_shows_the_example(self):
        page = (ROOT / "proto/PROTOCOL.md").read_text()
        example = (ROOT / "tests/examples/publish.py").read_text()
        self.assertIn(f"```python\n{example}```\n", page)

    def test_another_library_reads_and_writes_the_golden_bytes(self):
        files = sorted(DATA.glob("wire/*.json"))
        self.assertGreaterEqual(len(files), 18)
        for path in files:
            with self.subTest(name=path.name):
                kind = KINDS[path.stem.partition("-")[0]]
                said = json_format.Parse(path.read_text(), kind())
                golden = pathlib.Path(path.with_suffix(".bin")).read_bytes()
                self.assertEqual(said, kind.FromString(golden))
                self.assertEqual(said.SerializeToString(deterministic=True), golden)

    def test_a_golden_request_is_answered_as_it_should_be(self):
        broker = self.broker()
        with broker.wire(hello=False) as wire:
            for name, answer in (("request-stat", "refusal"), ("request-hello", "welcome"),
                                 ("request-publish", "publish"), ("request-stat", "stat")):
                wire.socket.send((DATA / f"wire/{name}.bin").read_bytes())
                self.assertEqual(wire.receive().WhichOneof("body"), answer)

    def test_what_was_asked_before_another_hello_is_answered_before_its_welcome(self):
        broker = self.broker()
        with broker.wire() as wire:
            wire.publish([event(id="1")])
            for _ in range(40):     # more than the broker lets out at a time
                wire.send(context=pb.ContextQuery(customer="loyalty:1"))
            wire.send(hello=pb.Hello(version=1))
            wire.send(context=pb.ContextQuery(customer="loyalty:1"))
            replies = [wire.receive().WhichOneof("body") for _ in range(42)]
            self.assertEqual(replies, 40 * ["context"] + ["welcome", "context"])

    def test_that_is_so_also_when_nothing_more_goes_out(self):
        broker = self.broker()
        with broker.wire(RCVHWM=1, RCVBUF=4096) as wire:
            wire.publish([event(id=str(n), attributes={"a": "x" * 2000}) for n in range(20)])
            broker.process.send_signal(signal.SIGSTOP)
            for _ in range(120):    # of 40 KB each: more than pipe and sockets hold
                wire.send(timeline=pb.TimelineQuery(customer="loyalty:1"))
            wire.send(hello=pb.Hello(version=1))
            broker.process.send_signal(signal.SIGCONT)
            time.sleep(0.5)
            replies = [wire.receive().WhichOneof("body") for _ in range(121)]
            self.assertEqual(replies, 120 * ["timeline"] + ["welcome"])

    def ask_at_once(self, broker, bundles, count):
        """So many questions that lie there when the broker looks; the messages of its answers."""
        now = Timestamp(seconds=1500000000)
        with broker.wire(hello=False) as wire:
            wire.ask(hello=pb.Hello(version=1, bundles=bundles))
            wire.socket.rcvtimeo = 10000
            broker.process.send_signal(signal.SIGSTOP)
            for id in range(1, count + 1):
                wire.socket.send(pb.Request(id=id, context=pb.ContextQuery(
                    customer="loyalty:1", now=now)).SerializeToString())
            broker.process.send_signal(signal.SIGCONT)
            replies, messages = [], []
            while len(replies) < count:
                messages.append(pb.Reply.FromString(wire.socket.recv()))
                replies += list(messages[-1].bundle) or [messages[-1].SerializeToString()]
        return replies, messages

    def test_who_takes_bundles_gets_the_same_replies_in_fewer_messages(self):
        broker = self.broker()
        with broker.wire() as wire:
            wire.publish([event(id="1")])
        one_by_one, messages = self.ask_at_once(broker, False, 100)
        self.assertFalse(any(m.bundle for m in messages))
        self.assertEqual([pb.Reply.FromString(r).id for r in one_by_one], list(range(1, 101)))
        together, messages = self.ask_at_once(broker, True, 100)
        self.assertEqual(together, one_by_one)
        self.assertLess(len(messages), 50)
