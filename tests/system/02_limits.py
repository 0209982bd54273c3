"""What is refused, with which code: every limit at the edge and one past it."""

import touchline_pb2 as pb
from harness import SharedWire, encoded, event, offer, sale

TIME_MAX = 4133980799      # 2100-12-31T23:59:59Z


def padded(bytes_wanted, **more):
    """An event of exactly that many bytes."""
    made = pb.Event.FromString(encoded(event(**more)))
    made.message.text = "x"
    while made.ByteSize() < bytes_wanted:
        made.message.text += "x" * (bytes_wanted - made.ByteSize())
        while made.ByteSize() > bytes_wanted:
            made.message.text = made.message.text[:-1]
        if made.ByteSize() == bytes_wanted:
            break
        made.attributes["p"] = made.attributes.get("p", "") + "y"
    assert made.ByteSize() == bytes_wanted, made.ByteSize()
    return made.SerializeToString()


class Limits(SharedWire):

    def taken(self, event):
        answer, = self.wire.publish([event])
        self.assertEqual((pb.Code.Name(answer.code), answer.detail), ("OK", ""))
        self.assertGreater(answer.number, 0)

    def refused(self, event, code):
        answer, = self.wire.publish([event])
        self.assertEqual(pb.Code.Name(answer.code), code)
        self.assertEqual(answer.number, 0)
        self.assertGreater(len(answer.detail), 5)

    def edge(self, make, limit, code):
        with self.subTest("at the limit", limit=limit):
            self.taken(make(limit))
        with self.subTest("one past it", limit=limit):
            self.refused(make(limit + 1), code)

    def test_an_event_has_at_most_64_kib(self):
        self.edge(padded, 64 << 10, "TOO_LARGE")

    def test_a_batch_has_at_most_1_mib(self):
        def batch(total):
            events, left = [], total
            while left > 0:
                # A bytes field costs its length in up to 3 bytes and a tag.
                events.append(padded(min(left, 60004) - 4))
                left -= 60004
            return events
        fits = batch((1 << 20) - 20 * 4)
        self.assertLess(pb.Publish(events=fits).ByteSize(), 1 << 20)
        self.assertTrue(all(a.code == 0 for a in self.wire.publish(fits)))
        reply = self.wire.ask(publish=pb.Publish(events=batch((1 << 20) + 4096)))
        codes = ({pb.Code.Name(a.code) for a in reply.publish.answers}
                 or {pb.Code.Name(reply.refusal.code)})
        self.assertEqual(codes, {"TOO_LARGE"})

    def test_a_batch_has_at_most_10000_events(self):
        self.assertEqual(self.wire.welcome.batch_events_max, 10000)
        small = [encoded({"id": f"m{i}", "source": "s", "type": "t", "channel": "system"})
                 for i in range(10001)]
        self.assertTrue(all(a.code == 0 for a in self.wire.publish(small[:10000])))
        reply = self.wire.ask(publish=pb.Publish(events=small))
        codes = ({pb.Code.Name(a.code) for a in reply.publish.answers}
                 or {pb.Code.Name(reply.refusal.code)})
        self.assertEqual(codes, {"TOO_MANY"})

    def test_an_event_has_at_most_64_attributes(self):
        self.edge(lambda n: event(attributes={f"a{i}": "v" for i in range(n)}), 64, "TOO_MANY")

    def test_an_event_has_at_most_32_identifiers(self):
        self.edge(lambda n: event(customer=[f"x-many:{n}-{i}" for i in range(n)]), 32, "TOO_MANY")

    def test_an_identifiers_value_has_at_most_320_bytes(self):
        self.edge(lambda n: event(customer="crm:" + "v" * n), 320, "BAD_IDENTIFIER")

    def test_an_identifiers_type_has_at_most_32_bytes(self):
        self.edge(lambda n: event(customer="x-" + "t" * (n - 2) + ":1"), 32, "BAD_IDENTIFIER")

    def test_an_event_touches_at_most_100_offers(self):
        self.edge(lambda n: event(type="offer.made", offers=[offer("made", f"o{i}")
                                                             for i in range(n)]), 100, "TOO_MANY")

    def test_ids_of_offers_campaigns_and_treatments_have_at_most_128_bytes(self):
        for field in ("offer", "campaign", "treatment", "instance"):
            with self.subTest(field=field):
                self.edge(lambda n: event(type="offer.made",
                                          offers=[dict(offer("made"), **{field: "n" * n})]),
                          128, "TOO_LARGE")

    def test_ids_have_at_most_256_bytes(self):
        for field in ("id", "source", "subject", "conversation"):
            with self.subTest(field=field):
                self.edge(lambda n: event(**{field: (field + "n" * n)[:n]}), 256, "TOO_LARGE")

    def test_a_type_has_at_most_64_bytes_and_a_channel_32(self):
        self.edge(lambda n: event(type="t" * n), 64, "TOO_LARGE")
        self.edge(lambda n: event(channel="c" * n), 32, "TOO_LARGE")

    def test_an_event_holds_at_most_16_commitments_and_32_consents(self):
        self.edge(lambda n: event(type="commitment.made", commitments=[
            {"id": f"p{i}", "text": "call back", "state": "made"} for i in range(n)]),
            16, "TOO_MANY")
        self.edge(lambda n: event(type="consent.granted", consents=[
            {"purpose": "marketing", "channel": f"c{i}", "status": "granted"} for i in range(n)]),
            32, "TOO_MANY")

    def test_a_sale_has_at_most_1000_lines(self):
        def lines(n):
            made = sale(n)
            made["sale"]["lines"] = [{"item": "1", "amount_minor": "1"}] * n
            return made
        self.edge(lines, 1000, "TOO_MANY")

    def test_a_request_without_events_has_at_most_64_kib(self):
        def answer(bytes_wanted):
            asked = pb.Request(id=7, may_contact=pb.ContactQuery(
                customer="loyalty:1", channel="email", purpose="marketing", campaign=""))
            asked.may_contact.reservation = "x"
            spare = bytes_wanted - asked.ByteSize()
            asked.may_contact.reservation = "x" * (spare - 3)
            while asked.ByteSize() < bytes_wanted:
                asked.may_contact.reservation += "x"
            self.assertEqual(asked.ByteSize(), bytes_wanted)
            self.wire.socket.send(asked.SerializeToString())
            return pb.Code.Name(self.wire.receive().refusal.code)

        self.assertEqual(answer(65536), "BAD_REQUEST")      # for the name is too long
        self.assertEqual(answer(65537), "TOO_LARGE")

    def test_a_timeline_is_asked_for_by_at_most_64_types_and_64_channels(self):
        self.taken(event(customer="loyalty:typed", channel="web"))

        def code(**more):
            reply = self.wire.ask(timeline=pb.TimelineQuery(customer="loyalty:typed", **more))
            return pb.Code.Name(reply.refusal.code)

        for kind in ("types", "channels"):
            with self.subTest(kind):
                self.assertEqual(code(**{kind: ["web"] * 64}), "OK")
                self.assertEqual(code(**{kind: ["web"] * 65}), "TOO_MANY")

    def test_times_lie_within_1970_and_2100(self):
        def at(seconds, nanos=0):
            made = pb.Event.FromString(encoded(event(time=None)))
            made.time.seconds, made.time.nanos = seconds, nanos
            return made.SerializeToString()
        self.taken(at(0, 1))
        self.taken(at(TIME_MAX, 999_999_999))
        self.refused(at(-1), "BAD_TIME")
        self.refused(at(TIME_MAX + 1), "BAD_TIME")
        self.refused(at(0, 1_000_000_000), "BAD_TIME")

    def test_what_must_be_there(self):
        self.refused(dict(event(), id=""), "MISSING_ID")
        self.refused(event(source=""), "MISSING_SOURCE")
        self.refused(event(type=""), "MISSING_TYPE")
        self.refused(event(customer=None), "MISSING_IDENTIFIER")
        self.taken(event(customer=None, type="source.started", channel="system"))

    def test_identifiers_that_identify_nobody_are_refused(self):
        for bad in ("loyalty:", "Loyalty:1", "nonsense:1", ":1", "email:null", "email:nobody",
                    "user:anonymous", "user:undefined", "loyalty:0000000", "email:a@b@c d"):
            with self.subTest(identifier=bad):
                self.refused(event(customer=bad), "BAD_IDENTIFIER")

    def test_a_blocked_identifier_is_left_out_beside_a_good_one(self):
        self.taken(event(customer=["user:null", "loyalty:beside"]))
        who = self.shared.context("loyalty:beside")["who"]
        self.assertEqual([i["type"] for i in who["identifiers"]], ["loyalty"])

    def test_text_is_utf8_without_controls(self):
        good = encoded(event(id="utf8", touchpoint="AAAA"))
        self.taken(good.replace(b"AAAA", b"a\tb\n"))
        for bad in (b"a\xff\xfeb", b"a\0bc", b"a\x01bc", b"\xed\xa0\x80a", b"\xc0\xafab"):
            with self.subTest(bytes=bad):
                changed = good.replace(b"AAAA", bad).replace(b"utf8", b"utf9")
                self.refused(changed, "BAD_UTF8")

    def test_bytes_that_are_no_event_are_malformed(self):
        for bad in (b"\xff\xff\xff\xff", b"\x0a\x7fshort", b"\x0b\x0c", b"\x00\x00"):
            with self.subTest(bytes=bad):
                self.refused(bad, "MALFORMED")

    def test_a_facet_that_says_nothing_is_refused(self):
        for bad in (event(type="offer.made"),
                    event(type="sale.completed"),
                    event(type="sale.completed", sale={"total_minor": "1"}),
                    event(type="sale.completed", sale={"total_minor": "1", "currency": "usd"}),
                    event(type="consent.granted"),
                    event(type="consent.granted", consents=[{"purpose": "marketing"}]),
                    event(type="commitment.made"),
                    event(type="feedback.complaint"),
                    event(type="identity.linked")):
            with self.subTest(event=bad):
                self.refused(bad, "BAD_FACET")

    def test_only_the_bus_speaks_as_the_bus(self):
        self.refused(event(source="touchline"), "FORBIDDEN")

    def test_words_not_known_yet_are_taken(self):
        self.taken(event(type="drone.landed", channel="drone", customer="x-drone:7"))

    def test_a_batch_with_one_bad_event_loses_only_that_one(self):
        batch = [event(id=f"one-bad-{i}", customer="loyalty:onebad") for i in range(100)]
        batch[41]["type"] = ""
        answers = self.wire.publish(batch)
        self.assertEqual([i for i, a in enumerate(answers) if a.code], [41])
        self.assertEqual(pb.Code.Name(answers[41].code), "MISSING_TYPE")
        numbers = [a.number for a in answers if not a.code]
        self.assertEqual(numbers, sorted(set(numbers)))
        ids = {e["id"] for e in self.shared.timeline("loyalty:onebad", "--limit", "200")}
        self.assertEqual(ids, {e["id"] for e in batch} - {"one-bad-41"})

    def test_a_future_time_is_taken_and_ordered_by_its_arrival(self):
        who = "loyalty:future"
        self.wire.publish([event(customer=who, id="ahead", time="2099-01-01T00:00:00Z"),
                           event(customer=who, id="behind", time="2024-01-01T00:00:00Z")])
        later = event(customer=who, id="later", time=None)
        self.wire.publish([later])
        self.assertEqual([e["id"] for e in self.shared.timeline(who)], ["later", "ahead", "behind"])

    def test_refusals_are_counted_by_code(self):
        before = self.shared.stat()
        self.refused(event(type=""), "MISSING_TYPE")
        after = self.shared.stat()
        self.assertEqual(after["refused"], before["refused"] + 1)
        self.assertEqual(after["refused_by_code"]["MISSING_TYPE"],
                         before.get("refused_by_code", {}).get("MISSING_TYPE", 0) + 1)

    def test_the_limits_are_told_at_hello(self):
        welcome = self.wire.welcome
        self.assertEqual((welcome.version, welcome.event_bytes_max, welcome.batch_bytes_max),
                         (1, 64 << 10, 1 << 20))
        self.assertGreater(welcome.publish_window, 0)

    def test_an_address_in_capitals_is_the_same_address(self):
        self.taken(event(customer="email:  Joe@EXAMPLE.com "))
        known = self.shared.context("email:joe@example.com")["who"]["identifiers"]
        self.assertEqual([(i["type"], i["value"]) for i in known], [("email", "joe@example.com")])
