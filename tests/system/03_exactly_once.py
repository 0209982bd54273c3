"""source + id count once, for ever."""

import base64
import json

import touchline_pb2 as pb
from harness import Case, encoded, event, minute, sale


class ExactlyOnce(Case):

    def test_an_event_sent_twice_is_stored_once(self):
        broker = self.broker()
        with broker.wire() as wire:
            first, = wire.publish([event(id="a")])
            again, = wire.publish([event(id="a")])
        self.assertEqual((again.number, again.duplicate, again.code), (first.number, True, 0))
        stat = broker.stat()
        self.assertEqual((stat["events"], stat["duplicates"]), (1, 1))
        self.assertEqual(len(broker.timeline()), 1)

    def test_twice_in_one_batch_too(self):
        broker = self.broker()
        with broker.wire() as wire:
            answers = wire.publish([event(id="a"), event(id="b"), event(id="a")])
        self.assertEqual([(a.number, a.duplicate) for a in answers],
                         [(1, False), (2, False), (1, True)])

    def test_after_a_restart_it_is_still_known(self):
        broker = self.broker()
        with broker.wire() as wire:
            wire.publish([event(id=f"e{i}") for i in range(1000)])
        for stop in (broker.term, broker.kill):
            stop()
            broker.start()
            with broker.wire() as wire:
                answers = wire.publish([event(id=f"e{i}") for i in range(1000)])
            self.assertEqual([(a.number, a.duplicate) for a in answers],
                             [(i + 1, True) for i in range(1000)])

    def test_a_sale_sent_again_counts_once(self):
        broker = self.broker()
        for _ in range(3):
            broker.publish([sale(500, id="receipt-1")])
        self.assertEqual(broker.context()["value"]["spend_minor"], "500")

    def test_the_same_id_of_another_source_is_another_event(self):
        broker = self.broker()
        answers = broker.publish([event(id="1", source="a"), event(id="1", source="b"),
                                  event(id="11", source="a"), event(id="1", source="a1")])
        self.assertEqual({a["status"] for a in answers}, {"stored"})

    def test_the_same_said_at_another_time_is_a_duplicate(self):
        broker = self.broker()
        with broker.wire() as wire:
            first, = wire.publish([event(id="a", time=minute(1))])
            for again in (event(id="a", time=minute(2)), event(id="a", time=None),
                          event(id="a", time=minute(1), recorded_time=minute(3)),
                          event(id="a", time=minute(1), replayed=True)):
                answer, = wire.publish([again])
                self.assertEqual((answer.number, answer.duplicate), (first.number, True))

    def test_other_content_under_the_same_id_is_refused_and_kept_aside(self):
        broker = self.broker()
        with broker.wire() as wire:
            wire.publish([event(id="a", touchpoint="till 1")])
            answer, = wire.publish([event(id="a", touchpoint="till 2")])
            self.assertEqual(pb.Code.Name(answer.code), "DUPLICATE_DIFFERS")
            self.assertEqual(answer.number, 0)
            self.assertTrue(answer.detail)
        stat = broker.stat()
        self.assertEqual((stat["events"], stat["dead_letters"]), (1, 1))
        self.assertEqual(broker.timeline()[0]["touchpoint"], "till 1")
        self.assertIn(encoded(event(id="a", touchpoint="till 2")), self.kept_aside(broker))
        broker.restart()
        self.assertEqual(broker.stat()["dead_letters"], 1)

    def kept_aside(self, broker):
        payloads = []
        for line in (broker.data / "deadletters.jsonl").read_text().splitlines():
            for value in json.loads(line).values():
                try:
                    payloads.append(base64.b64decode(value, validate=True))
                except (TypeError, ValueError):
                    pass
        return payloads

    def test_fields_in_another_order_are_the_same_content(self):
        broker = self.broker()
        one = pb.Event(id="a", source="s", type="page.viewed", session="s1", locale="en",
                       identifiers=[pb.Identifier(type="loyalty", value="1")])
        parts = [pb.Event(locale="en"), pb.Event(session="s1"), pb.Event(type="page.viewed"),
                 pb.Event(identifiers=one.identifiers), pb.Event(source="s"), pb.Event(id="a")]
        with broker.wire() as wire:
            first, = wire.publish([one.SerializeToString()])
            again, = wire.publish([b"".join(p.SerializeToString() for p in parts)])
        self.assertEqual((again.number, again.duplicate, again.code), (first.number, True, 0))

    def test_a_hundred_thousand_events_are_each_known_again(self):
        broker = self.broker()
        with broker.wire() as wire:
            for batch in range(100):
                wire.publish([event(id=f"{batch}-{i}", customer=f"loyalty:{i % 300 + 1}")
                              for i in range(1000)])
            broker.kill()
            broker.start()
        with broker.wire() as wire:
            for batch in range(0, 100, 9):
                answers = wire.publish([event(id=f"{batch}-{i}", customer=f"loyalty:{i % 300 + 1}")
                                        for i in range(1000)])
                self.assertTrue(all(a.duplicate for a in answers))
        self.assertEqual(broker.stat()["events"], 100_000)
