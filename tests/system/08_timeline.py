"""A customer's events in event time."""

import random

import touchline_pb2 as pb
from harness import NO, Case, Shared, event, minute, offer, sale


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

    def test_that_a_known_customer_has_none_of_a_type_is_said(self):
        self.shared.publish([event(customer="loyalty:silent")])
        done = self.shared.run("timeline", "loyalty:silent", "--type", "call.*")
        self.assertEqual((done.code, done.out), (NO, ""), done)
        self.assertEqual(done.err, "touchline: there is none\n")

    def test_more_says_whether_there_is_more(self):
        who = "loyalty:more"
        with self.shared.wire() as wire:
            wire.publish([event(customer=who, time=minute(i)) for i in range(10)])
            for limit, more in ((9, True), (10, False), (11, False)):
                got = wire.ask(timeline=pb.TimelineQuery(customer=who, limit=limit)).timeline
                self.assertEqual((len(got.events), got.more), (min(limit, 10), more))

    def test_it_can_be_read_page_by_page_also_within_one_moment(self):
        who = "loyalty:pages"
        seen, cursor = [], ""
        with self.shared.wire() as wire:
            for batch in range(5):
                wire.publish([event(customer=who, id=f"pg{batch * 100 + i:03}",
                                    time=minute(batch)) for i in range(100)])
            while True:
                page = wire.ask(timeline=pb.TimelineQuery(customer=who, limit=70,
                                                          cursor=cursor)).timeline
                seen += [e.id for e in page.events]
                cursor = page.next
                self.assertEqual(page.more, cursor != "")
                if not page.more:
                    break
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

    def test_of_a_long_one_4096_events_are_looked_at_for_an_answer_and_not_one_more(self):
        broker = self.broker()
        with broker.wire() as wire:
            rare = event(id="rare", type="call.ended", time=minute(0))
            many = [event(id=f"m{i}", time=minute(1 + i)) for i in range(4096)]
            for at in range(0, 4096, 1000):
                wire.publish(([rare] if at == 0 else []) + many[at:at + 1000])

            def page(**more):
                found = wire.ask(timeline=pb.TimelineQuery(
                    customer="loyalty:1", types=["call.*"], **more)).timeline
                return [e.id for e in found.events], found.more, found.next

            nothing, more, cursor = page()
            self.assertEqual((nothing, more), ([], True))
            self.assertEqual(page(cursor=cursor), (["rare"], False, ""))
            newest = wire.ask(timeline=pb.TimelineQuery(customer="loyalty:1", limit=1)).timeline
            self.assertEqual(page(cursor=newest.next), (["rare"], False, ""))

    def test_the_command_line_looks_on_until_it_has_what_was_asked_for(self):
        broker = self.broker()
        broker.publish([event(id=f"c{i}", time=minute(i),
                              type="call.ended" if i % 3000 == 0 else "page.viewed")
                        for i in range(12001)])
        found = broker.ask("timeline", "loyalty:1", "--type", "call.*", "--limit", "3")
        self.assertEqual([e["id"] for e in found["events"]], ["c12000", "c9000", "c6000"])
        rest = broker.ask("timeline", "loyalty:1", "--type", "call.*", "--cursor", found["next"])
        self.assertEqual([e["id"] for e in rest["events"]], ["c3000", "c0"])
        self.assertNotIn("more", rest)
        self.assertEqual(len(broker.timeline("loyalty:1", "--limit", "5000")), 5000)
        table = broker.run("timeline", "loyalty:1", "--limit", "2", "-o", "table")
        self.assertIn("and more; ask with --limit, or on with --cursor ", table.out)

    def test_a_cursor_that_is_none_is_refused_with_a_sentence(self):
        broker = self.broker()
        broker.publish([event(id="a"), event(id="b")])
        log = broker.stat()["position"].partition("-")[0]
        other = ("0" if log[0] != "0" else "1") + log[1:]
        for cursor, part in (("yesterday", "no answer's next"), (f"{log}-{0:016x}", "no answer's"),
                             (f"{other}-{1:016x}", "another log"),
                             (f"{log}-{3:016x}", "has not reached")):
            no = broker.run("timeline", "loyalty:1", "--cursor", cursor)
            self.assertIn(part, no.err)
        no = broker.run("timeline", "loyalty:1", "--cursor", f"{log}-{2:016x}", "--before",
                        minute(5))
        self.assertIn("not together with before", no.err)
