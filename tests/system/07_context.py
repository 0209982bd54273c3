"""The one answer an agent gets."""

import json

import touchline_pb2 as pb
from google.protobuf import json_format
from harness import CALLED_WRONGLY, Case, Shared, event, minute, offer, sale, touched

SECTIONS = ["who", "reasons", "offers", "commitments", "may_contact", "consents", "feedback",
            "conversations", "value", "household", "recent", "freshness", "omitted"]


class Context(Shared):

    def test_it_has_the_documented_shape(self):
        who = "loyalty:shape"
        self.shared.publish([
            event(customer=[who, "email:shape@x.com"], type="offer.made", channel="mail",
                  source="mailer", offers=[offer("made", "18", "18", terms="Type A")]),
            touched("redeemed", "2024-03-02T00:00:00Z", customer=who, channel="pos", offer="18",
                    campaign="18"),
            sale(48210, customer=who),
            event(customer=who, type="commitment.made", commitments=[
                {"id": "p1", "text": "call back", "by": "Ann", "to": "Joe", "state": "made",
                 "due": "2024-03-05T10:00:00Z"}]),
            event(customer=who, type="consent.granted", consents=[
                {"purpose": "marketing", "channel": "email", "status": "granted"}])])
        context = self.shared.context(who)
        self.assertEqual([s for s in SECTIONS if s not in context], [])
        self.assertEqual(list(context)[:3], ["customer", "position", "now"])
        self.assertEqual(context["customer"], who)
        self.assertEqual({(i["type"], i["value"]) for i in context["who"]["identifiers"]},
                         {("loyalty", "shape"), ("email", "shape@x.com")})
        self.assertEqual((context["who"]["profiles"], context["who"]["conflicts"],
                          context["who"]["candidates"]), (1, [], []))
        one, = context["offers"]
        self.assertEqual((one["offer"], one["campaign"], one["channel"], one["state"],
                          one["terms"]), ("18", "18", "mail", "redeemed", "Type A"))
        self.assertEqual([(s["outcome"], s["channel"], s["count"]) for s in one["outcomes"]],
                         [("made", "mail", 1), ("redeemed", "pos", 1)])
        promise, = context["commitments"]
        self.assertEqual((promise["id"], promise["text"], promise["by"], promise["state"]),
                         ("p1", "call back", "Ann", "overdue"))
        self.assertEqual([(c["purpose"], c["channel"], c["status"]) for c in context["consents"]],
                         [("marketing", "email", "granted")])
        self.assertEqual((context["value"]["purchases"], context["value"]["spend_minor"],
                          context["value"]["currency"]), ("1", "48210", "USD"))
        self.assertEqual(len(context["recent"]), 5)
        self.assertLessEqual({"time", "type", "channel", "summary"}, set(context["recent"][0]))
        self.assertIn("mailer", [f["source"] for f in context["freshness"]])

    def test_it_is_the_proto3_json_of_the_wires_context(self):
        who = "loyalty:mapping"
        self.shared.publish([touched("made", minute(1), customer=who), sale(5, customer=who)])
        printed = self.shared.context(who)
        parsed = json_format.ParseDict(printed, pb.Context())
        with self.shared.wire() as wire:
            answered = wire.ask(context=pb.ContextQuery(customer=who, now=parsed.now)).context
        self.assertEqual(parsed, answered)

    def test_it_fits_in_4_kib_and_counts_the_rest(self):
        who = "loyalty:large"
        with self.shared.wire() as wire:
            for batch in range(10):
                wire.publish([touched("made", minute(batch * 100 + i), customer=who,
                                      offer=f"offer-{batch}-{i}", terms="some words of the offer")
                              for i in range(100)])
            reply = wire.ask(context=pb.ContextQuery(customer=who))
            self.assertLessEqual(reply.context.ByteSize(), 4096)
            self.assertRegex(reply.context.offers_more, r"^\d+\+?$")
            self.assertTrue(reply.context.recent_more)
            wide = wire.ask(context=pb.ContextQuery(customer=who, bytes_max=64 << 10)).context
            self.assertGreaterEqual(len(wide.offers), len(reply.context.offers))
            offers = wire.ask(offers=pb.OffersQuery(customer=who, limit=1000)).offers.offers
            self.assertEqual(len({o.offer for o in offers}), 1000)

    def test_the_newest_contacts_are_listed_newest_first(self):
        who = "loyalty:recent"
        self.shared.publish([event(customer=who, id=f"r{i}", time=minute(i * 7 % 40))
                             for i in range(40)])
        recent = self.shared.context(who)["recent"]
        times = [r["time"] for r in recent]
        self.assertEqual(times, sorted(times, reverse=True))
        self.assertGreaterEqual(len(recent), 20)
        self.assertEqual(times[0], minute(39))

    def test_only_the_sections_asked_for_are_sent(self):
        who = "loyalty:sections"
        self.shared.publish([touched("made", minute(1), customer=who), sale(5, customer=who)])
        with self.shared.wire() as wire:
            context = wire.ask(context=pb.ContextQuery(customer=who, sections=["value"])).context
        self.assertTrue(context.HasField("value"))
        self.assertEqual((len(context.offers), len(context.recent), context.HasField("who")),
                         (0, 0, False))
        self.assertTrue(context.position)
        printed = self.shared.context(who, "--section", "value")
        self.assertEqual((printed["value"]["purchases"], printed.get("offers", [])), ("1", []))

    def test_a_section_nobody_knows_is_called_wrongly(self):
        done = self.shared.run("context", "loyalty:1", "--section", "nonsense")
        self.assertEqual(done.code, CALLED_WRONGLY, done)

    def test_the_answer_names_its_position_and_a_reader_may_ask_for_one(self):
        who = "loyalty:reader"
        with self.shared.wire() as wire:
            answer, = wire.publish([event(customer=who, id="first")])
            here = wire.position(answer.number)
            context = wire.ask(context=pb.ContextQuery(customer=who, at_least=here)).context
            self.assertGreaterEqual(context.position, here)

    def test_a_reader_that_names_a_position_not_there_yet_waits_for_it(self):
        who = "loyalty:waits"
        with self.shared.wire() as wire, self.shared.wire() as writer:
            answer, = writer.publish([event(customer=who, id="one")])
            next_one = writer.position(answer.number + 1)
            id = wire.send(context=pb.ContextQuery(customer=who, at_least=next_one))
            self.assertIsNone(wire.receive(0.3))
            writer.publish([event(customer=who, id="two")])
            reply = wire.receive()
            self.assertEqual(reply.id, id)
            self.assertGreaterEqual(reply.context.position, next_one)
            self.assertEqual(len(reply.context.recent), 2)

    def test_a_position_of_another_log_is_never_misread(self):
        self.shared.publish([event(customer="loyalty:other")])
        with self.shared.wire() as wire:
            reply = wire.ask(context=pb.ContextQuery(customer="loyalty:other",
                                                     at_least="0123456789ab-0000000000000001"))
            self.assertEqual(pb.Code.Name(reply.refusal.code), "BAD_POSITION")

    def test_identity_events_are_no_contacts(self):
        self.shared.publish([event(customer="email:quiet@x.com"), event(customer="loyalty:quiet"),
                             event(customer=["email:quiet@x.com", "loyalty:quiet"])])
        types = {r["type"] for r in self.shared.context("loyalty:quiet")["recent"]}
        self.assertEqual(types, {"page.viewed"})

    def test_a_promise_is_overdue_when_its_time_has_come(self):
        who = "loyalty:promise"

        def promised(id, state, minutes, due):
            return event(customer=who, type="commitment." + state, time=minute(minutes),
                         commitments=[{"id": id, "text": "call", "state": state, "due": due}])
        self.shared.publish([promised("late", "made", 1, "2024-04-01T00:00:00Z"),
                             promised("soon", "made", 1, "2099-04-01T00:00:00Z"),
                             promised("kept", "made", 1, "2024-04-01T00:00:00Z"),
                             promised("kept", "kept", 2, "2024-04-01T00:00:00Z")])
        states = {c["id"]: c["state"] for c in self.shared.context(who)["commitments"]}
        self.assertEqual(states["late"], "overdue")
        self.assertNotEqual(states["soon"], "overdue")
        self.assertEqual(states.get("kept", "kept"), "kept")

    def test_an_unsubscribed_address_stays_unsubscribed(self):
        who = "loyalty:strict"
        address = {"type": "email", "value": "strict@x.com"}
        self.shared.publish([
            event(customer="email:strict@x.com", type="consent.revoked", time=minute(1), consents=[
                {"purpose": "marketing", "channel": "email", "status": "revoked",
                 "identifier": address}]),
            event(customer=who, type="consent.granted", time=minute(2), consents=[
                {"purpose": "marketing", "channel": "email", "status": "granted"}]),
            event(customer=[who, "email:strict@x.com"], time=minute(3))])
        consents = self.shared.context(who)["consents"]
        of_address = [c for c in consents if c.get("identifier")]
        self.assertEqual([(c["status"], c["identifier"]) for c in of_address],
                         [("revoked", address)])


class Table(Case):

    def test_an_agent_reads_the_offers_state_and_its_dates(self):
        broker = self.broker()
        broker.publish([touched("made", "2024-03-01T10:00:00Z", channel="mail", offer="shoes",
                                terms="20 % off all shoes"),
                        touched("redeemed", "2024-03-09T10:00:00Z", channel="pos", offer="shoes"),
                        sale(123456, time="2024-03-09T10:00:00Z")])
        out = broker.run("context", "loyalty:1").out
        for text in ("shoes", "redeemed", "20 % off", "pos", "mail", "1,234.56"):
            with self.subTest(text=text):
                self.assertTrue(text in out or text.replace(",", "") in out, out)
        self.assertEqual(json.loads(broker.run("context", "loyalty:1", "-o", "json").out)
                         ["customer"], "loyalty:1")
