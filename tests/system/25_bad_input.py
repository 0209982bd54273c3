"""What means nothing is refused with a code and a sentence, and nothing else changes."""

import touchline_pb2 as pb
from harness import Shared, event, identifier, minute, offer, sale, touched

CUSTOMERS = ["loyalty:1", "loyalty:2", "email:joe@example.com", "cookie:c1", "crm:p9"]
PROFILES_MAX = 64
OFFERS_MAX = 100
LATER, EARLIER = "2024-03-02T00:00:00Z", "2024-03-01T00:00:00Z"


def word(type, a, b):
    return {"id": f"{type}-{a}-{b}", "source": "desk", "type": f"identity.{type}",
            "time": LATER, "link": {"a": identifier(a), "b": identifier(b)}}


def promise(**more):
    return event(customer="loyalty:1", type="commitment.made", time=LATER,
                 commitments=[dict({"id": "p1", "state": "made", "text": "call back"}, **more)])


def allowing(**consent):
    return event(customer="loyalty:1", type="consent.granted", time=LATER,
                 consents=[dict({"channel": "email", "status": "granted"}, **consent)])


def terms(count):
    """An event with so many offers, each on terms of its own."""
    return event(customer="loyalty:1", type="offer.made", time=LATER, offers=[
        offer("made", f"o{n}", terms=f"{n} % off") for n in range(count)])


class BadInput(Shared):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.wire = cls.shared.wire()
        told = [touched("made", minute(1)), touched("declined", minute(2), reason="too dear"),
                sale(1200, minute(3)), event(customer=["loyalty:1", "email:joe@example.com"]),
                event(customer="cookie:c1"), event(customer=["loyalty:2", "cookie:c1"]),
                dict(promise(due=LATER), time=EARLIER),
                dict(allowing(purpose="marketing"), time=EARLIER),
                *(event(customer=f"crm:p{n}") for n in range(PROFILES_MAX + 1)),
                *(dict(word("linked", "crm:p0", f"crm:p{n}")) for n in range(1, PROFILES_MAX))]
        answers = cls.wire.publish(told)
        assert {a.code for a in answers} == {pb.OK}, answers

    @classmethod
    def tearDownClass(cls):
        cls.wire.close()
        super().tearDownClass()

    def answers(self):
        """Every byte of all that is said of anybody, and the sums over everybody."""
        said = []
        for name in CUSTOMERS:
            context = pb.ContextQuery(customer=name, bytes_max=256 << 10)
            context.now.FromJsonString("2024-03-03T00:00:00Z")
            for reply in self.wire.ask_all([
                    {"context": context}, {"offers": pb.OffersQuery(customer=name)},
                    {"timeline": pb.TimelineQuery(customer=name, limit=200)}]):
                reply.id = 0
                said.append(reply.SerializeToString(deterministic=True))
        stat = self.shared.stat()
        return said, {name: stat[name] for name in ("events", "customers", "profiles", "position",
                                                    "events_by_channel")}

    def refused(self, bad, code, sentence):
        before = self.answers()
        refused = self.shared.stat()["refused"]
        answer, = self.wire.publish([bad])
        self.assertEqual(pb.Code.Name(answer.code), code, answer)
        self.assertIn(sentence, answer.detail)
        self.assertEqual(self.answers(), before)
        self.assertEqual(int(self.shared.stat()["refused"]), int(refused) + 1)
        self.assertTrue(self.shared.ask("verify")["ok"])

    def test_a_link_that_would_make_65_profiles_one(self):
        self.refused(word("linked", "crm:p9", "crm:p64"), "TOO_MANY", "at most 64 profiles")

    def test_a_link_of_somebody_with_himself(self):
        self.refused(word("linked", "loyalty:1", "loyalty: 1"), "BAD_FACET", "are the same")
        self.refused(word("linked", "email:JOE@example.com", "email:joe@EXAMPLE.com"),
                     "BAD_FACET", "are the same")
        self.refused(word("unlinked", "loyalty:1", "loyalty:1"), "BAD_FACET", "are the same")

    def test_a_link_of_one_side(self):
        bad = word("linked", "loyalty:1", "loyalty:2")
        del bad["link"]["b"]
        self.refused(bad, "BAD_FACET", "link")

    def test_a_link_with_nobody(self):
        self.refused(word("linked", "loyalty:1", "user:null"), "BAD_IDENTIFIER", "nobody")

    def test_a_consent_without_a_purpose(self):
        self.refused(allowing(), "BAD_FACET", "consents.purpose")
        self.refused(allowing(purpose=""), "BAD_FACET", "consents.purpose")
        self.refused(allowing(purpose="Marketing!"), "BAD_FACET", "consents.purpose")

    def test_a_promise_due_before_it_was_made(self):
        self.refused(promise(id="p2", due=EARLIER), "BAD_FACET", "before the time it was made")

    def test_an_offer_of_200_terms(self):
        self.refused(terms(200), "TOO_MANY", "offers")
        self.refused(terms(OFFERS_MAX + 1), "TOO_MANY", "offers")

    def test_one_bad_one_of_a_batch_stops_nobody(self):
        good = event(customer="loyalty:good", time=LATER)
        answers = self.wire.publish([good, allowing(), dict(good, id="second")])
        self.assertEqual([pb.Code.Name(a.code) for a in answers], ["OK", "BAD_FACET", "OK"])
