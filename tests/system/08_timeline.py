"""A customer's events in event time."""

import random

import touchline_pb2 as pb
from google.protobuf import timestamp_pb2
from harness import Case, Shared, event, minute, offer, sale


class Timeline(Shared):

    def test_it_is_ordered_by_event_time_newest_first(self):
        who = "loyalty:order"
        minutes = list(range(60))
        random.Random(1).shuffle(minutes)
        self.shared.publish([event(customer=who, id=f"t{m:02}", time=minute(m)) for m in minutes])
        got = [e["id"] for e in self.shared.timeline(who, "--limit", "100")]
        self.assertEqual(got, [f"t{m:02}" for m in reversed(range(60))])

    def test_ties_in_time_are_broken_by_position(self):
        who = "loyalty:ties"
        self.shared.publish([event(customer=who, id=f"tie{i}", time=minute(1)) for i in range(20)])
        got = [e["id"] for e in self.shared.timeline(who, "--limit", "100")]
        self.assertEqual(got, [f"tie{i}" for i in reversed(range(20))])

    def test_an_event_without_a_time_stands_where_it_arrived(self):
        who = "loyalty:timeless"
        self.shared.publish([event(customer=who, id="old"),
                             event(customer=who, id="now", time=None),
                             event(customer=who, id="recorded", time=None,
                                   recorded_time=minute(5))])
        self.assertEqual([e["id"] for e in self.shared.timeline(who)], ["now", "old", "recorded"])

    def test_limit_before_type_and_channel_narrow_it(self):
        who = "loyalty:narrow"
        self.shared.publish([event(customer=who, id="p1", time=minute(1), channel="web"),
                             event(customer=who, id="e1", time=minute(2), channel="email",
                                   type="email.opened"),
                             event(customer=who, id="e2", time=minute(3), channel="email",
                                   type="email.link_clicked"),
                             sale(1, customer=who, time=minute(4), id="s1")])

        def ids(*args):
            return [e["id"] for e in self.shared.timeline(who, *args)]
        self.assertEqual(ids("--limit", "2"), ["s1", "e2"])
        self.assertEqual(ids("--before", minute(3)), ["e1", "p1"])
        self.assertEqual(ids("--type", "email.*"), ["e2", "e1"])
        self.assertEqual(ids("--type", "email.opened"), ["e1"])
        self.assertEqual(ids("--channel", "web", "--channel", "pos"), ["s1", "p1"])
        self.assertEqual(ids("--type", "email.*", "--limit", "1"), ["e2"])

    def test_more_says_whether_there_is_more(self):
        who = "loyalty:more"
        with self.shared.wire() as wire:
            wire.publish([event(customer=who, time=minute(i)) for i in range(10)])
            for limit, more in ((9, True), (10, False), (11, False)):
                got = wire.ask(timeline=pb.TimelineQuery(customer=who, limit=limit)).timeline
                self.assertEqual((len(got.events), got.more), (min(limit, 10), more))

    def test_it_can_be_read_page_by_page(self):
        who = "loyalty:pages"
        seen, before = [], None
        with self.shared.wire() as wire:
            for batch in range(5):
                wire.publish([event(customer=who, id=f"pg{batch * 100 + i:03}",
                                    time=minute(batch * 100 + i)) for i in range(100)])
            while True:
                page = wire.ask(timeline=pb.TimelineQuery(customer=who, limit=70,
                                                          before=before)).timeline
                seen += [e.id for e in page.events]
                if not page.more:
                    break
                before = timestamp_pb2.Timestamp()
                before.CopyFrom(page.events[-1].time)
        self.assertEqual(seen, [f"pg{i:03}" for i in reversed(range(500))])

    def test_an_event_comes_back_as_it_was_sent_with_what_the_broker_set(self):
        who = "loyalty:whole"
        sent = event(customer=[who, "email:whole@x.com"], id="whole", type="offer.made",
                     channel="mail", offers=[offer("made", terms="terms")], conversation="c9",
                     session="s9", locale="de-DE", subject="sub", attributes={"a": "1", "b": "ä"})
        self.shared.publish([sent])
        got, = self.shared.timeline(who)
        self.assertEqual({k: got.get(k) for k in sent}, sent)
        self.assertRegex(got["position"], r"^[0-9a-f]{12}-[0-9a-f]{16}$")
        self.assertTrue(got["received_time"] and got["profile"])

    def test_a_linked_customers_timelines_are_merged_in_time(self):
        self.shared.publish(
            [event(customer="email:m@x.com", id=f"m{i}", time=minute(i)) for i in (1, 3, 5)]
            + [event(customer="loyalty:m", id=f"m{i}", time=minute(i)) for i in (2, 4, 6)]
            + [event(customer=["loyalty:m", "email:m@x.com"], id="m7", time=minute(7))])
        self.assertEqual([e["id"] for e in self.shared.timeline("loyalty:m")],
                         [f"m{i}" for i in (7, 6, 5, 4, 3, 2, 1)])


class Long(Case):

    def test_a_customer_with_twenty_thousand_events_is_answered_at_once(self):
        broker = self.broker()
        with broker.wire() as wire:
            for batch in range(20):
                wire.publish([event(id=f"l{batch}-{i}", time=minute((batch * 1000 + i) % 40000))
                              for i in range(1000)])
            reply = wire.ask(timeline=pb.TimelineQuery(customer="loyalty:1", limit=50))
            self.assertEqual(len(reply.timeline.events), 50)
            context = wire.ask(context=pb.ContextQuery(customer="loyalty:1")).context
            self.assertLessEqual(context.ByteSize(), 4096)
            self.assertTrue(context.recent_more)
