"""Replay and live are one thing: every matching event, in order, without a gap."""

import json
import subprocess
import threading
import time

import touchline_pb2 as pb
from harness import BUILD, SLOW, Case, Shared, encoded, event, minute, offer, until


def ids(events):
    return [pb.Event.FromString(e.event).id for e in events]


class Replay(Shared):
    """One log of 600 events, read in many ways."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.wire = cls.shared.wire()
        events = []
        for i in range(600):
            channel = ("web", "email", "pos")[i % 3]
            kind = ("page.viewed", "email.opened", "offer.made")[i % 3]
            more = {"offers": [offer("made", f"o{i % 5}", f"c{i % 7}")]} if i % 3 == 2 else {}
            events.append(event(id=f"{i:03}", customer=f"loyalty:{i % 40 + 1}", type=kind,
                                channel=channel, time=minute(i), **more))
        cls.sent = events
        for i in range(0, 600, 100):
            cls.wire.publish(events[i:i + 100])
            time.sleep(0.02)

    @classmethod
    def tearDownClass(cls):
        cls.wire.close()
        super().tearDownClass()

    def replay(self, **more):
        with self.shared.wire() as wire:
            wire.stream(**more)
            got = wire.collect()
            self.end = wire.end
        self.assertEqual(self.end.code, 0, self.end)
        return got

    def wanted(self, keep):
        return [e["id"] for i, e in enumerate(self.sent) if keep(i, e)]

    def test_from_the_start_it_is_everything_in_order(self):
        got = self.replay()
        self.assertEqual(ids(got), self.wanted(lambda i, e: True))
        self.assertEqual([e.number for e in got], list(range(1, 601)))
        self.assertEqual(self.end.position, self.wire.position(600))

    def test_an_event_comes_with_the_bytes_its_producer_sent(self):
        got = self.replay()
        self.assertEqual([e.event for e in got], [encoded(e) for e in self.sent])
        self.assertTrue(all(e.received_ns > 1_600_000_000 * 10**9 and e.profile for e in got))

    def test_from_a_position_it_is_what_comes_after(self):
        got = self.replay(**{"from": self.wire.position(590)})
        self.assertEqual([e.number for e in got], list(range(591, 601)))
        self.assertEqual(self.replay(**{"from": self.wire.position(600)}), [])

    def test_from_now_without_follow_is_nothing(self):
        self.assertEqual(self.replay(**{"from": "now"}), [])

    def test_the_last_n(self):
        got = self.replay(**{"from": "last:25"})
        self.assertEqual([e.number for e in got], list(range(576, 601)))
        self.assertEqual(len(self.replay(**{"from": "last:100000"})), 600)

    def test_the_last_n_of_a_customer_are_his(self):
        got = self.replay(**{"from": "last:3"}, filter=pb.Filter(customers=["loyalty:5"]))
        self.assertEqual(ids(got), self.wanted(lambda i, e: i % 40 == 4)[-3:])

    def test_from_a_time_it_is_what_was_received_since(self):
        everything = self.replay()
        split = everything[300].received_ns
        stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(split // 10**9))}"
        got = self.replay(**{"from": f"{stamp}.{split % 10**9:09}Z"})
        want = [e.number for e in everything if e.received_ns >= split]
        self.assertEqual([e.number for e in got], want)
        self.assertEqual(self.replay(**{"from": "2099-01-01T00:00:00Z"}), [])
        self.assertEqual(len(self.replay(**{"from": "1999-01-01T00:00:00Z"})), 600)

    def test_to_a_position_is_inclusive(self):
        got = self.replay(to=self.wire.position(10))
        self.assertEqual([e.number for e in got], list(range(1, 11)))
        self.assertEqual(self.end.position, self.wire.position(10))

    def test_filters(self):
        for name, value, keep in (
                ("types", ["email.opened"], lambda i, e: i % 3 == 1),
                ("types", ["email.*", "page.*"], lambda i, e: i % 3 != 2),
                ("channels", ["pos"], lambda i, e: i % 3 == 2),
                ("customers", ["loyalty:7"], lambda i, e: i % 40 == 6),
                ("customers", ["loyalty:7", "loyalty:8"], lambda i, e: i % 40 in (6, 7)),
                ("campaigns", ["c3"], lambda i, e: i % 3 == 2 and i % 7 == 3),
                ("offers", ["o4", "o1"], lambda i, e: i % 3 == 2 and i % 5 in (4, 1))):
            with self.subTest(name=name, value=value):
                self.assertEqual(ids(self.replay(filter=pb.Filter(**{name: value}))),
                                 self.wanted(keep))

    def test_filters_together_all_hold(self):
        got = self.replay(filter=pb.Filter(channels=["pos"], campaigns=["c3"], offers=["o4"]))
        self.assertEqual(ids(got), self.wanted(lambda i, e: i % 3 == 2 and i % 7 == 3
                                               and i % 5 == 4))

    def test_shares_cover_every_event_exactly_once_and_keep_a_customer_together(self):
        for shares in (1, 3, 16):
            seen, homes = [], {}
            for share in range(1, shares + 1):
                for e in self.replay(filter=pb.Filter(share=share, shares=shares)):
                    seen.append(e.number)
                    homes.setdefault(e.profile, set()).add(share)
            self.assertEqual(sorted(seen), list(range(1, 601)))
            self.assertEqual({len(h) for h in homes.values()}, {1})

    def test_a_credit_of_events_is_respected_to_the_event(self):
        with self.shared.wire() as wire:
            wire.stream(credit=10)
            self.assertEqual([e.number for e in wire.collect(seconds=0.5)], list(range(1, 11)))
            wire.send(credit=pb.StreamCredit(stream=1, events=5))
            self.assertEqual([e.number for e in wire.collect(seconds=0.5)], list(range(11, 16)))

    def test_a_credit_of_bytes_is_respected_too(self):
        size = len(encoded(self.sent[0]))
        with self.shared.wire() as wire:
            wire.stream(credit_bytes=size * 20)
            got = wire.collect(seconds=0.5)
            self.assertGreater(len(got), 0)
            self.assertLess(len(got), 60)
            wire.send(credit=pb.StreamCredit(stream=1, bytes=1 << 30))
            self.assertEqual(len(got) + len(wire.collect()), 600)

    def test_two_streams_of_one_session_do_not_mix(self):
        with self.shared.wire() as wire:
            wire.stream(id=1, filter=pb.Filter(channels=["web"]))
            wire.stream(id=2, filter=pb.Filter(channels=["pos"]))
            got, ends = {1: [], 2: []}, 0
            while ends < 2:
                reply = wire.receive()
                if reply.WhichOneof("body") == "stream":
                    got[reply.stream.stream] += ids(reply.stream.events)
                else:
                    ends += 1
        self.assertEqual(got[1], self.wanted(lambda i, e: i % 3 == 0))
        self.assertEqual(got[2], self.wanted(lambda i, e: i % 3 == 2))

    def test_positions_that_cannot_be_are_refused(self):
        for start in ("nonsense", "0123456789ab-0000000000000001", "last:x", "last:",
                      "2024-13-01T00:00:00Z"):
            with self.subTest(start=start), self.shared.wire() as wire:
                wire.stream(**{"from": start})
                reply = wire.receive()
                code = reply.stream_end.code or reply.refusal.code
                self.assertIn(pb.Code.Name(code), ("BAD_POSITION", "BAD_REQUEST"))

    def test_the_command_line_does_the_same(self):
        replay = self.shared.replay
        self.assertEqual([e["id"] for e in replay()], self.wanted(lambda i, e: True))
        self.assertEqual([e["id"] for e in replay("--type", "email.*", "--from", "last:9")],
                         ["592", "595", "598"])
        self.assertEqual([e["id"] for e in replay("loyalty:7")],
                         self.wanted(lambda i, e: i % 40 == 6))
        self.assertEqual([e["id"] for e in replay("--campaign", "c3", "--offer", "o4")],
                         self.wanted(lambda i, e: i % 3 == 2 and i % 7 == 3 and i % 5 == 4))
        parts = [replay("--share", f"{n}/3") for n in (1, 2, 3)]
        self.assertEqual(sorted(e["id"] for part in parts for e in part),
                         self.wanted(lambda i, e: True))
        there = replay()[9]["position"]
        self.assertEqual([e["id"] for e in replay("--from", there)][:2], ["010", "011"])
        self.assertEqual(len(replay("--to", there)), 10)

    def test_csv_and_protobuf_come_out_too(self):
        csv = self.shared.run("replay", "-o", "csv", "--from", "last:2")
        self.assertEqual(len(csv.out.splitlines()), 3)
        self.assertIn("599", csv.out)
        done = subprocess.run([BUILD / "touchline", "--broker", self.shared.endpoint, "replay",
                               "-o", "proto", "--from", "last:2"], capture_output=True)
        first_length = done.stdout[0] if done.stdout[0] < 128 else (
            done.stdout[0] & 127 | done.stdout[1] << 7)
        skip = 1 if done.stdout[0] < 128 else 2
        first = pb.Event.FromString(done.stdout[skip:skip + first_length])
        self.assertEqual(first.id, "598")
        self.assertTrue(first.position)


class Follow(Case):

    def test_live_goes_on_where_replay_ends(self):
        broker = self.broker()
        with broker.wire() as writer, broker.wire() as reader:
            writer.publish([event(id=f"a{i}") for i in range(100)])
            reader.stream(follow=True)
            stop = threading.Event()

            def write():
                with broker.wire() as wire:
                    for i in range(300):
                        wire.publish([event(id=f"b{i}-{j}") for j in range(3)])
                stop.set()
            thread = threading.Thread(target=write)
            thread.start()
            got = reader.collect(1000)
            thread.join()
        self.assertEqual([e.number for e in got], list(range(1, 1001)))

    def test_nobody_sees_an_event_before_it_is_acknowledged_or_never(self):
        broker = self.broker()
        with broker.wire() as writer, broker.wire() as reader:
            reader.stream(follow=True, **{"from": "now"})
            for i in range(200):
                answer, = writer.publish([event(id=f"{i}")])
                self.assertEqual(reader.collect(1)[0].number, answer.number)

    def test_a_follower_hears_of_progress_when_nothing_matches(self):
        broker = self.broker()
        with broker.wire() as writer, broker.wire() as reader:
            reader.stream(follow=True, filter=pb.Filter(types=["never.happens"]))
            answer, = writer.publish([event()])
            there = writer.position(answer.number)
            until(lambda: getattr(reader.receive(3), "stream", pb.StreamBatch()).position == there)

    def test_to_ends_a_stream_that_follows(self):
        broker = self.broker()
        with broker.wire() as writer, broker.wire() as reader:
            answer, = writer.publish([event(id="one")])
            reader.stream(follow=True, to=writer.position(answer.number + 1))
            self.assertEqual(ids(reader.collect(1)), ["one"])
            writer.publish([event(id="two")])
            writer.publish([event(id="three")])
            self.assertEqual(ids(reader.collect()), ["two"])
            self.assertEqual(reader.end.code, 0)

    def test_a_stream_closed_is_quiet(self):
        broker = self.broker()
        with broker.wire() as wire:
            wire.stream(follow=True, **{"from": "now"})
            wire.send(stream_close=pb.StreamClose(stream=1))
            wire.publish([event()])
            self.assertEqual(wire.collect(seconds=0.3), [])
            self.assertEqual(wire.ask(stat=pb.StatQuery()).stat.streams, 0)

    def test_a_customers_stream_follows_his_links(self):
        broker = self.broker()
        with broker.wire() as writer, broker.wire() as reader:
            writer.publish([event(id="a", customer="email:j@x.com"),
                            event(id="b", customer="loyalty:9")])
            reader.stream(follow=True, filter=pb.Filter(customers=["email:j@x.com"]))
            self.assertEqual(ids(reader.collect(1)), ["a"])
            writer.publish([event(id="c", customer=["email:j@x.com", "loyalty:9"])])
            writer.publish([event(id="d", customer="loyalty:9")])
            writer.publish([event(id="e", customer="loyalty:8")])
            writer.publish([event(id="f", customer="email:j@x.com")])
            got = reader.collect(3)
        types = [pb.Event.FromString(e.event).type for e in got]
        # c itself belongs to the stronger loyalty:9, which joins with the link after it.
        self.assertEqual((types[0], ids(got)[1:]), ("identity.linked", ["d", "f"]))

    def test_a_stream_goes_on_over_a_restart_without_a_gap(self):
        broker = self.broker()
        with broker.wire() as writer:
            for i in range(10):
                writer.publish([event(id=f"{i}-{j}") for j in range(100)])
        with broker.wire() as reader:
            reader.stream(credit=333)
            got = reader.collect(333)
        for stop in (broker.term, broker.kill):
            stop()
            broker.start()
            with broker.wire() as reader, broker.wire() as writer:
                writer.publish([event(id=f"after {stop.__name__}")])
                reader.stream(**{"from": f"{writer.log}-{got[-1].number:016x}"})
                got += reader.collect()
        self.assertEqual([e.number for e in got], list(range(1, 1003)))

    def test_watch_outlives_a_restart_without_a_gap(self):
        broker = self.broker()
        broker.publish([event(id=f"before{i}") for i in range(5)])
        watch = subprocess.Popen([BUILD / "touchline", "--broker", broker.endpoint, "watch",
                                  "--from", "start", "-o", "jsonl"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        seen = []
        reader = threading.Thread(target=lambda: seen.extend(iter(watch.stdout.readline, b"")))
        reader.start()
        try:
            until(lambda: len(seen) == 5)
            for stop in (broker.term, broker.kill):
                stop()
                broker.start()
                broker.publish([event(id=f"after {stop.__name__}")])
            until(lambda: len(seen) >= 7)
        finally:
            watch.terminate()
            reader.join()
            watch.stderr.close()
            watch.stdout.close()
            watch.wait()
        self.assertEqual([json.loads(line)["id"] for line in seen],
                         [f"before{i}" for i in range(5)] + ["after term", "after kill"])


class Long(Case):

    def test_a_customer_of_many_events_is_followed_from_anywhere_and_others_are_answered(self):
        # 65,536 are looked up at a time, and what is near the head is read there.
        count = 2 * 65536 + 2000
        broker = self.broker()
        broker.publish([event(customer="loyalty:many", id=f"n{i}") for i in range(count)])
        broker.publish([event(customer="loyalty:other", id=f"o{i}") for i in range(2000)])
        mine = pb.Filter(customers=["loyalty:many"])
        ask = dict(context=pb.ContextQuery(customer="loyalty:other"))
        for place, first in (("start", 0), (f"last:{count}", 0)):
            with broker.wire() as other, broker.wire() as wire:
                wire.stream(filter=mine, **{"from": place})
                time.sleep(0.2)         # it is being opened
                began = time.monotonic()
                self.assertEqual(other.ask(**ask).context.customer, "loyalty:other")
                self.assertLess(time.monotonic() - began, 3 * SLOW)
                numbers = [e.number for e in wire.collect(count - first)]
                self.assertEqual(numbers, list(range(first + 1, count + 1)), place)
