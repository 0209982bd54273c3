"""What was offered, and how the customer reacted, in event time."""

import itertools
import random

import touchline_pb2 as pb
from google.protobuf import timestamp_pb2
from harness import Shared, event, minute, offer, sale, touched

# Ties in time go to the later in this list.
ORDER = ["made", "delivered", "undelivered", "presented", "dismissed", "clicked", "declined",
         "accepted", "redeemed", "fulfilled"]

# How far it came before anybody reacted.
FURTHER = ["made", "undelivered", "delivered", "presented"]


def shown(said):
    """The state these words leave an offer in; `said` is [(minute, outcome)]."""
    words = sorted(said, key=lambda s: (s[0], ORDER.index(s[1])))
    names = [name for _, name in words]
    final = [n for n in names if n in ("redeemed", "fulfilled")]
    if final:
        return max(final, key=ORDER.index)
    reactions = [n for n in names if n in ("accepted", "declined", "dismissed", "clicked")]
    return reactions[-1] if reactions else max(names, key=FURTHER.index)


def at(text):
    stamp = timestamp_pb2.Timestamp()
    stamp.FromJsonString(text)
    return stamp


def plain(offers):
    """Offers without positions, which differ with the order of arrival."""
    return [dict(o, outcomes=[{k: v for k, v in seen.items() if k != "event"}
                              for seen in o["outcomes"]]) for o in offers]


class Offers(Shared):
    serial = itertools.count(1)

    def setUp(self):
        self.who = f"loyalty:o{next(self.serial)}"

    def say(self, *events):
        answers = self.shared.publish(events)
        self.assertEqual({a["status"] for a in answers}, {"stored"})

    def said(self, minutes, outcome, **more):
        return touched(outcome, minute(minutes), customer=self.who, **more)

    def offer(self, **want):
        found = [o for o in self.shared.offers(self.who)
                 if all(o.get(k, "") == v for k, v in want.items())]
        self.assertEqual(len(found), 1, found)
        return found[0]

    def test_an_offer_moves_through_the_channels(self):
        for minutes, outcome, channel in ((1, "made", "email"), (2, "delivered", "email"),
                                          (3, "presented", "email"), (4, "clicked", "web"),
                                          (5, "declined", "call"), (6, "redeemed", "pos")):
            self.say(self.said(minutes, outcome, channel=channel))
            self.assertEqual(self.offer()["state"], outcome)
        seen = {(s["outcome"], s["channel"], s["time"]) for s in self.offer()["outcomes"]}
        self.assertIn(("declined", "call", minute(5)), seen)
        self.assertEqual(len(seen), 6)
        self.assertEqual(self.offer()["channel"], "email")

    def test_a_late_event_is_placed_where_it_belongs(self):
        self.say(self.said(1, "made"), self.said(9, "declined"))
        self.say(self.said(5, "clicked"))
        self.assertEqual(self.offer()["state"], "declined")
        self.say(self.said(10, "clicked"))
        self.assertEqual(self.offer()["state"], "clicked")

    def test_redeemed_stays_whatever_comes_later(self):
        self.say(self.said(1, "made"), self.said(2, "redeemed"), self.said(3, "declined"),
                 self.said(4, "withdrawn"), self.said(5, "disputed"))
        self.assertEqual(self.offer()["state"], "redeemed")
        self.assertTrue(self.offer()["disputed"])

    def test_withdrawn_closes_what_was_not_accepted(self):
        self.say(self.said(1, "made"), self.said(2, "withdrawn"))
        self.assertEqual(self.offer()["state"], "withdrawn")
        self.assertFalse(self.offer().get("live", False))
        self.say(self.said(1, "made", offer="o2"), self.said(2, "accepted", offer="o2"),
                 self.said(3, "superseded", offer="o2"))
        self.assertEqual(self.offer(offer="o2")["state"], "accepted")

    def test_expired_is_computed_when_read(self):
        self.say(self.said(1, "made", expires=minute(100), terms="20 % off"))
        with self.shared.wire() as wire:
            for now, state, live in ((99, "made", True), (101, "expired", False)):
                reply = wire.ask(offers=pb.OffersQuery(customer=self.who, now=at(minute(now))))
                one, = reply.offers.offers
                self.assertEqual((one.state, one.live, one.terms), (state, live, "20 % off"))

    def test_an_answer_given_before_it_expired_stays(self):
        self.say(self.said(1, "made", offer="a", expires=minute(100)),
                 self.said(2, "accepted", offer="a"),
                 self.said(1, "made", offer="d", expires=minute(100)),
                 self.said(2, "declined", offer="d"),
                 self.said(1, "made", offer="c", expires=minute(100)),
                 self.said(2, "clicked", offer="c"))
        states = {o["offer"]: o["state"] for o in self.shared.offers(self.who)}
        self.assertEqual(states, {"a": "accepted", "d": "declined", "c": "expired"})

    def test_a_reaction_whose_offer_is_not_known_is_an_orphan_until_it_comes(self):
        self.say(self.said(5, "redeemed"))
        self.assertTrue(self.offer()["orphan"])
        self.assertEqual(self.offer()["state"], "redeemed")
        self.say(self.said(1, "made", terms="2 for 1"))
        self.assertFalse(self.offer().get("orphan", False))
        self.assertEqual((self.offer()["state"], self.offer()["terms"]), ("redeemed", "2 for 1"))

    def test_a_reaction_that_names_only_the_offer_joins_the_newest_made_before_it(self):
        self.say(self.said(10, "made", campaign="early"), self.said(30, "made", campaign="late"))
        self.say(self.said(20, "declined", campaign=""))
        self.assertEqual(self.offer(campaign="early")["state"], "declined")
        self.assertEqual(self.offer(campaign="late")["state"], "made")
        self.say(self.said(40, "redeemed", campaign=""))
        self.assertEqual(self.offer(campaign="early")["state"], "declined")
        self.assertEqual(self.offer(campaign="late")["state"], "redeemed")

    def test_a_reaction_in_the_name_of_what_was_offered_is_to_that_whatever_came_after_it(self):
        self.say(self.said(10, "made", campaign="spring"),
                 self.said(20, "made", campaign="spring", treatment="red"),
                 self.said(30, "clicked", campaign="spring"),
                 self.said(5, "presented", campaign="summer", treatment="blue"),
                 self.said(25, "declined", campaign="summer"))
        self.assertEqual(self.offer(campaign="spring", treatment="")["state"], "clicked")
        self.assertEqual(self.offer(campaign="spring", treatment="red")["state"], "made")
        # Nothing was offered in that one's own name.
        self.assertEqual(self.offer(campaign="summer")["state"], "declined")

    def test_a_reaction_that_joined_an_offer_goes_no_further_with_what_that_one_gives_away(self):
        self.say(self.said(30, "dismissed", campaign=""),
                 self.said(20, "made", campaign="summer"),
                 self.said(10, "made", campaign="summer", treatment="red"),
                 self.said(15, "dismissed", campaign="summer", count=2))
        dismissed = {treatment: [o["count"] for o in self.offer(
            campaign="summer", treatment=treatment)["outcomes"] if o["outcome"] == "dismissed"]
            for treatment in ("", "red")}
        self.assertEqual(dismissed, {"": [1], "red": [2]})

    def test_which_of_two_is_the_newest_goes_by_when_each_was_first_made(self):
        self.say(self.said(10, "made", campaign="early"), self.said(20, "made", campaign="late"),
                 self.said(30, "made", campaign="early"), self.said(40, "declined", campaign=""))
        self.assertEqual(self.offer(campaign="early")["state"], "made")
        self.assertEqual(self.offer(campaign="late")["state"], "declined")

    def test_an_instance_has_one_campaign_that_of_the_first_who_named_it(self):
        self.say(self.said(20, "made", campaign="late", instance="i1"),
                 self.said(10, "made", campaign="early", instance="i1"),
                 self.said(30, "declined", campaign="early"))
        self.assertEqual((self.offer()["campaign"], self.offer()["state"]), ("early", "declined"))

    def test_what_joined_a_campaigns_offer_stays_there_whatever_arrived_first(self):
        said = [self.said(1, "made", campaign="spring", instance="i1"),
                self.said(4, "declined", campaign="spring", reason="too dear"),
                self.said(11, "made", campaign="spring"),
                self.said(12, "declined", campaign="", reason="too late")]
        for order in (said, said[::-1]):
            self.setUp()
            self.say(*(dict(e, id=f"{e['id']}-{self.who}", identifiers=[
                {"type": "loyalty", "value": self.who.split(":")[1]}]) for e in order))
            self.assertEqual(self.offer(instance="i1")["reason"], "too dear")
            self.assertEqual(self.offer(instance="")["reason"], "too late")

    def test_of_two_declines_that_part_each_has_its_own_reason_or_none(self):
        self.say(self.said(10, "made", campaign="early"), self.said(20, "made", campaign="late"),
                 self.said(15, "declined", campaign="", reason="too dear"),
                 self.said(30, "declined", campaign="", reason="too late"))
        self.assertEqual(self.offer(campaign="early")["reason"], "")
        self.assertEqual(self.offer(campaign="late")["reason"], "too late")

    def test_instances_of_one_offer_are_kept_apart(self):
        self.say(self.said(1, "made", instance="i1"), self.said(2, "made", instance="i2"),
                 self.said(3, "accepted", instance="i1"))
        self.assertEqual(self.offer(instance="i1")["state"], "accepted")
        self.assertEqual(self.offer(instance="i2")["state"], "made")

    def test_the_exact_terms_and_price_shown_are_kept(self):
        self.say(self.said(1, "made", terms="10 % off, “only you”", price_minor="1999",
                           currency="EUR", treatment="blue"))
        one = self.offer()
        self.assertEqual((one["terms"], one["price_minor"], one["currency"], one["treatment"]),
                         ("10 % off, “only you”", "1999", "EUR", "blue"))

    def test_a_touch_seen_often_is_one_line_with_a_count(self):
        self.say(self.said(1, "made"), self.said(5, "presented"), self.said(3, "presented"),
                 self.said(4, "presented", count=7))
        seen = [s for s in self.offer()["outcomes"] if s["outcome"] == "presented"]
        self.assertEqual([(s["count"], s["first_time"], s["time"]) for s in seen],
                         [(9, minute(3), minute(5))])

    def test_a_decline_keeps_its_reason(self):
        self.say(self.said(1, "made"), self.said(2, "declined", reason="too dear"))
        self.assertEqual(self.offer()["reason"], "too dear")

    def test_live_offers_come_first_then_the_newest_closed(self):
        self.say(*[self.said(i, "made", offer=f"old{i}", expires=minute(50 + i))
                   for i in (1, 2, 3)],
                 self.said(4, "made", offer="live"))
        self.assertEqual([o["offer"] for o in self.shared.offers(self.who)],
                         ["live", "old3", "old2", "old1"])

    def test_of_many_open_ones_the_best_are_found_wherever_they_lie(self):
        """Those without an end come first where they lie, a hundred each, and the
        closed ones were touched last."""
        self.say(*[self.said(i, "made", offer=f"open{i}") for i in range(100)],
                 *[self.said(200 + i, "made", offer=f"until{i}",
                             expires=f"{2000 + i}-01-01T00:00:00Z") for i in range(100)],
                 *[self.said(400 + i, "declined", offer=f"closed{i}") for i in range(100)])
        with self.shared.wire() as wire:
            found = wire.ask(offers=pb.OffersQuery(customer=self.who, limit=30)).offers.offers
        self.assertEqual([o.offer for o in found], [f"until{i}" for i in range(99, 69, -1)])

    def test_the_order_of_arrival_changes_nothing(self):
        story = [("offer", 1, "made", "email"), ("offer", 2, "delivered", "email"),
                 ("offer", 2, "clicked", "web"), ("offer", 3, "declined", "call"),
                 ("offer", 3, "clicked", "web")]
        customers = []
        for n, order in enumerate(itertools.permutations(story)):
            self.who = f"loyalty:perm{n}"
            customers.append(self.who)
            self.shared_wire([self.said(m, outcome, channel=channel)
                              for _, m, outcome, channel in order])
        first, *rest = [plain(self.shared.offers(c)) for c in customers[:1] + customers[1::7]]
        self.assertEqual(first[0]["state"], "declined")
        for other in rest:
            self.assertEqual(other, first)

    def test_an_instance_is_of_the_campaign_that_named_it_first_whichever_arrived_first(self):
        story = [("made", 1, "spring"), ("clicked", 2, "summer"), ("declined", 3, "")]
        for n, order in enumerate(itertools.permutations(story)):
            self.who = f"loyalty:named{n}"
            self.shared_wire([self.said(m, outcome, campaign=campaign, instance="i1")
                              for outcome, m, campaign in order])
            one, = self.shared.offers(self.who)
            self.assertEqual((one["campaign"], one["state"]), ("spring", "declined"), order)

    def shared_wire(self, events):
        if not hasattr(type(self), "wire"):
            type(self).wire = self.shared.wire()
        self.assertTrue(all(a.code == 0 for a in self.wire.publish(events)))

    @classmethod
    def tearDownClass(cls):
        if hasattr(cls, "wire"):
            cls.wire.close()
        super().tearDownClass()

    def test_sums_and_consents_do_not_care_about_order_either(self):
        def story(who):
            return [sale(1000, customer=who, time=minute(1)),
                    sale(-300, customer=who, time=minute(2)),
                    sale(250, customer=who, time=minute(3)), sale(70, currency="EUR", customer=who),
                    event(customer=who, type="consent.granted", time=minute(1), consents=[
                        {"purpose": "marketing", "channel": "email", "status": "granted"}]),
                    event(customer=who, type="consent.revoked", time=minute(2), consents=[
                        {"purpose": "marketing", "channel": "email", "status": "revoked"}])]
        answers = []
        for n in range(12):
            who = f"loyalty:sum{n}"
            events = story(who)
            random.Random(n).shuffle(events)
            self.shared_wire(events)
            context = self.shared.context(who)
            answers.append((context["value"], [(c["purpose"], c["channel"], c["status"])
                                               for c in context["consents"]]))
        self.assertEqual(answers[0][1], [("marketing", "email", "revoked")])
        value = answers[0][0]
        self.assertEqual((value["purchases"], value["spend_minor"], value["currency"],
                          value["returns"]), ("2", "950", "USD", "1"))
        self.assertEqual([(o["currency"], o["spend_minor"]) for o in value["others"]],
                         [("EUR", "70")])
        for other in answers[1:]:
            self.assertEqual(other, answers[0])

    def test_any_story_ends_in_the_state_the_rules_say(self):
        rng = random.Random(20240301)
        stories = {}
        for n in range(300):
            who = f"loyalty:story{n}"
            said = [(rng.randrange(8), rng.choice(ORDER)) for _ in range(rng.randrange(1, 7))]
            stories[who] = said
            events = [touched(outcome, minute(m), customer=who) for m, outcome in said]
            events.append(touched("made", minute(0), customer=who))
            said.append((0, "made"))
            rng.shuffle(events)
            self.shared_wire(events)
        wrong = []
        for who, said in stories.items():
            reply = self.wire.ask(offers=pb.OffersQuery(customer=who))
            got = [o.state for o in reply.offers.offers]
            if got != [shown(said)]:
                wrong.append((who, sorted(said), got, shown(said)))
        self.assertEqual(wrong, [])
