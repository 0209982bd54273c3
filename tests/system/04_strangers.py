"""Whatever comes in at the port, the others are served."""

import os
import random
import socket
import threading
import time

import zmq

import touchline_pb2 as pb
from harness import SLOW, Case, Wire, encoded, event


class Strangers(Case):

    def served(self, broker):
        with broker.wire() as wire:
            self.assertEqual(wire.code(event()), "OK")

    def test_hello_comes_first(self):
        broker = self.broker()
        with broker.wire(hello=False) as wire:
            reply = wire.ask(stat=pb.StatQuery())
            self.assertEqual(pb.Code.Name(reply.refusal.code), "NO_SESSION")

    def test_after_a_restart_a_session_is_unknown(self):
        broker = self.broker()
        with broker.wire() as wire:
            broker.kill()
            broker.start()
            reply = wire.ask(publish=pb.Publish(events=[encoded(event())]))
            self.assertEqual(pb.Code.Name(reply.refusal.code), "NO_SESSION")
            self.assertEqual(wire.ask(hello=pb.Hello(version=1)).WhichOneof("body"), "welcome")
            self.assertEqual(wire.code(event()), "OK")

    def test_a_protocol_version_from_the_future_is_refused(self):
        broker = self.broker()
        with broker.wire(hello=False) as wire:
            for version in (0, 2, 4_000_000_000):
                reply = wire.ask(hello=pb.Hello(version=version))
                self.assertEqual(pb.Code.Name(reply.refusal.code), "UNSUPPORTED")
                self.assertIn("1", reply.refusal.detail)
            self.assertEqual(wire.ask(hello=pb.Hello(version=1)).welcome.version, 1)

    def test_a_request_nobody_knows_is_answered_with_its_id(self):
        broker = self.broker()
        with broker.wire() as wire:
            # Field 99, a message, and nothing else.
            wire.socket.send(pb.Request(id=77).SerializeToString() + b"\x9a\x06\x02\x08\x01")
            reply = wire.receive()
            self.assertEqual((reply.id, pb.Code.Name(reply.refusal.code)), (77, "UNSUPPORTED"))

    def test_a_req_socket_gets_its_empty_frame_back(self):
        broker = self.broker()
        with broker.wire(kind=zmq.REQ) as wire:
            self.assertEqual(wire.welcome.version, 1)
            self.assertEqual(wire.code(event(id="by-req")), "OK")
        self.assertEqual([e["id"] for e in broker.timeline()], ["by-req"])

    def test_garbage_in_a_message_hurts_nobody(self):
        broker = self.broker()
        random.seed(7)
        with broker.wire() as wire, broker.wire(hello=False) as stranger:
            for size in (0, 1, 2, 7, 100, 10_000, 1_000_000):
                for socket in (wire.socket, stranger.socket):
                    socket.send(random.randbytes(size))
            wire.socket.send_multipart([b"a", b"b", b"c"])
            wire.socket.send_multipart([b"", b"", b""])
            self.assertEqual(wire.code(event()), "OK")
        self.served(broker)

    def test_every_prefix_and_flip_of_a_real_request_hurts_nobody(self):
        broker = self.broker()
        request = pb.Request(id=5, publish=pb.Publish(events=[encoded(event(id="p"))]))
        bytes = request.SerializeToString()
        with broker.wire() as wire:
            for cut in range(len(bytes)):
                wire.socket.send(bytes[:cut])
                wire.socket.send(bytes[:cut] + b"\xff" + bytes[cut + 1:])
            self.assertEqual(wire.code(event()), "OK")

    def test_garbage_on_the_port_hurts_nobody(self):
        broker = self.broker()
        for text in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00", b"\xff" * 5000,
                     os.urandom(20_000), b""):
            with socket.create_connection(("127.0.0.1", broker.port)) as s:
                s.sendall(text)
        held = [socket.create_connection(("127.0.0.1", broker.port)) for _ in range(50)]
        self.served(broker)
        for s in held:
            s.close()

    def test_a_message_over_2_mib_cuts_the_connection_and_no_other(self):
        broker = self.broker()
        with broker.wire() as other:
            with broker.wire() as wire:
                wire.socket.send(b"\0" * ((2 << 20) + 1))
                self.assertIsNone(wire.receive(0.5))
            self.assertEqual(other.code(event()), "OK")

    def test_a_small_message_that_unfolds_is_refused(self):
        broker = self.broker()
        # A million empty sub-messages in one event, and in one request.
        with broker.wire() as wire:
            reply = wire.ask(publish=pb.Publish(events=[b"\xc2\x01\x00" * 20_000]))
            self.assertNotEqual(reply.publish.answers[0].code, 0)
            wire.socket.send(pb.Request(id=99).SerializeToString() +
                             b"\x1a" + varint(900_000) + b"\x0a\x00" * 450_000)
            reply = wire.receive()
            self.assertEqual(reply.id, 99)
            self.assertTrue(all(a.code for a in reply.publish.answers))
        self.served(broker)

    def test_a_client_that_never_reads_slows_nobody(self):
        broker = self.broker()
        with broker.wire() as wire:
            answers = wire.publish([event(id=f"fill{i}", attributes={"filler": "x" * 2000})
                                    for i in range(400)])
            self.assertEqual([a.code for a in answers if a.code], [])
        deaf = broker.wire(RCVHWM=1, RCVBUF=4096)
        stop = threading.Event()

        def shout():
            while not stop.is_set():
                try:
                    deaf.socket.send(pb.Request(id=1, timeline=pb.TimelineQuery(
                        customer="loyalty:1", limit=400)).SerializeToString(), zmq.DONTWAIT)
                except zmq.Again:
                    time.sleep(0.01)

        shouter = threading.Thread(target=shout)
        shouter.start()
        try:
            slowest = 0.0
            with broker.wire() as wire:
                end = time.monotonic() + 3
                while time.monotonic() < end:
                    began = time.monotonic()
                    self.assertEqual(wire.code(event()), "OK")
                    slowest = max(slowest, time.monotonic() - began)
            self.assertLess(slowest, 2)
        finally:
            stop.set()
            shouter.join()
            deaf.close()
        self.assertLess(resident_mb(broker), 1000)

    def fill(self, broker, mebibytes):
        with broker.wire() as wire:
            for i in range(mebibytes * 2):
                wire.publish([event(id=f"large{i}-{n}", attributes={"a": "x" * 16000})
                              for n in range(32)])

    def test_readers_who_never_read_their_streams_cost_a_few_megabytes_each(self):
        readers, broker = 8, self.broker()
        self.fill(broker, 40)
        before = anonymous_mb(broker)
        deaf = [broker.wire(RCVHWM=1, RCVBUF=4096) for _ in range(readers)]
        for wire in deaf:
            wire.stream()       # with credit for everything
        grown = [0.0]
        for _ in range(20):
            time.sleep(0.1)
            grown.append(anonymous_mb(broker) - before)
        for wire in deaf:
            wire.close()
        self.assertGreater(max(grown), readers * 0.5)   # it was sent until nothing more went
        self.assertLess(max(grown), readers * 5 * SLOW)     # sanitizers have shadows
        self.served(broker)

    def time_to_read(self, broker, credit_bytes):
        """Everything, a MiB of credit given back for each that was read, if it is not for all."""
        began = time.monotonic()
        with broker.wire() as wire:
            wire.stream(credit_bytes=credit_bytes)
            end, owed = None, 0
            while end is None:
                reply = wire.receive()
                end = reply.stream_end if reply.HasField("stream_end") else None
                owed += sum(len(e.event) for e in reply.stream.events)
                if credit_bytes <= 2 << 20 and owed >= 1 << 20:
                    wire.send(credit=pb.StreamCredit(stream=1, bytes=owed))
                    owed = 0
        return time.monotonic() - began

    def test_credit_for_everything_does_not_make_a_stream_stutter(self):
        broker = self.broker()
        self.fill(broker, 40)
        bit_by_bit = min(self.time_to_read(broker, 2 << 20) for _ in range(2))
        at_once = min(self.time_to_read(broker, 1 << 30) for _ in range(2))
        self.assertLess(at_once, 3 * bit_by_bit + 0.5)

    def test_a_stream_without_credit_costs_nothing_and_stops_nobody(self):
        broker = self.broker()
        with broker.wire() as deaf, broker.wire() as wire:
            deaf.stream(credit=0, follow=True)
            for batch in range(20):
                wire.publish([event(id=f"{batch}-{i}") for i in range(1000)])
            got = deaf.collect(seconds=0.5)
            self.assertEqual(got, [])
            deaf.send(credit=pb.StreamCredit(stream=1, events=7, bytes=1 << 20))
            self.assertEqual([e.number for e in deaf.collect(7)], list(range(1, 8)))

    def test_two_hundred_clients_at_once_are_served(self):
        broker = self.broker()
        clients = [Wire(broker.endpoint) for _ in range(200)]
        for i, client in enumerate(clients):
            client.send(publish=pb.Publish(events=[encoded(event(id=f"c{i}"))]))
        numbers = {client.receive().publish.answers[0].number for client in clients}
        self.assertEqual(numbers, set(range(1, 201)))
        self.assertGreaterEqual(broker.stat()["sessions"], 200)
        for client in clients:
            client.close()

    def test_over_the_window_the_answer_is_busy_or_all_are_taken(self):
        broker = self.broker()
        with broker.wire(SNDHWM=0, RCVHWM=0) as wire:
            ids = {}
            for batch in range(wire.welcome.publish_window * 8):
                body = pb.Publish(events=[encoded(event(id=f"{batch}-{i}")) for i in range(50)])
                ids[wire.send(publish=body)] = batch
            codes = set()
            for _ in range(len(ids)):
                reply = wire.receive()
                ids.pop(reply.id)
                if reply.WhichOneof("body") == "refusal":
                    codes.add((pb.Code.Name(reply.refusal.code), reply.refusal.retry_after_ms > 0))
                for answer in reply.publish.answers:
                    codes.add((pb.Code.Name(answer.code), answer.retry_after_ms > 0))
            self.assertEqual(ids, {})
            self.assertLessEqual(codes, {("OK", False), ("BUSY", True)})
            self.assertIn(("OK", False), codes)

    def test_a_client_that_leaves_in_the_middle_is_forgotten(self):
        broker = self.broker()
        for _ in range(30):
            wire = broker.wire()
            wire.stream(follow=True, credit=10)
            wire.send(publish=pb.Publish(events=[encoded(event())]))
            wire.close()
        self.served(broker)
        with broker.wire() as wire:
            for _ in range(50):
                wire.publish([event()])
            self.assertLess(wire.ask(stat=pb.StatQuery()).stat.streams, 30)


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def status_mb(broker, name):
    with open(f"/proc/{broker.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name)) / 1024


def resident_mb(broker):
    return status_mb(broker, "VmRSS")


def anonymous_mb(broker):
    return status_mb(broker, "RssAnon")
