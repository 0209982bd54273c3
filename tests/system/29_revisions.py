"""Calls, orders and tickets told of more than once: the highest revision counts, totals move
by the difference; and what is missing of sources that number their events."""

import itertools
import random
import re

import touchline_pb2 as pb
from harness import Case, Shared, event, minute, offer, sale, touched


def told(made, revision, subject="order-1", source="shop"):
    return dict(made, subject=subject, revision=str(revision), source=source)


class Revisions(Shared):
    serial = itertools.count(1)

    def setUp(self):
        number = next(self.serial)
        self.who = f"loyalty:v{number}"
        self.order = f"order-{number}"
        self.campaign = f"c{number}"

    def say(self, *events):
        answers = self.shared.publish(events)
        self.assertEqual({a["status"] for a in answers}, {"stored"}, answers)

    def sold(self, total, revision, minutes=1, who=None, **more):
        made = sale(total, minute(minutes), customer=who or self.who, **more)
        return told(made, revision, self.order)

    def call(self, revision, minutes=1, offers=(), who=None, **more):
        """A contact record."""
        made = event(customer=who or self.who, type="call.ended", channel="call",
                     time=minute(minutes), offers=[dict(o, campaign=self.campaign) for o in offers],
                     **more)
        return told(made, revision, self.order, "telephones")

    def value(self, who=None):
        value = self.shared.context(who or self.who)["value"]
        return value["purchases"], value["returns"], value["spend_minor"]

    def counts(self):
        with self.shared.wire() as wire:
            found = wire.ask(campaign=pb.CampaignQuery(campaign=self.campaign)).campaign.counts
            return {(c.outcome, c.channel, c.day): c.count for c in found}

    def offers(self, who=None):
        """What he was offered; nothing is a no."""
        return self.shared.run("offers", who or self.who, "-o", "json").json["offers"]

    def states(self, who=None):
        return {o["offer"]: o["state"] for o in self.offers(who)}

    def test_an_order_told_three_times_counts_once_at_its_highest_revision(self):
        for order in itertools.permutations(((1000, 1), (1500, 2), (1200, 3))):
            self.setUp()
            self.say(*[self.sold(total, revision) for total, revision in order])
            self.assertEqual(self.value(), ("1", "0", "1200"), order)
            last = self.shared.context(self.who)["value"]
            self.assertEqual(last["last_sale_minor"], "1200")

    def test_totals_move_by_the_difference(self):
        self.say(sale(100, minute(1), customer=self.who))
        for revision, total, spend in ((1, 1000, "1100"), (2, 700, "800"), (5, 900, "1000"),
                                       (4, 1, "1000")):
            self.say(self.sold(total, revision))
            self.assertEqual(self.value(), ("2", "0", spend))

    def test_a_cancelled_order_is_no_purchase_and_the_sale_before_is_the_last_again(self):
        self.say(sale(500, minute(1), customer=self.who), self.sold(900, 1, minutes=5))
        self.assertEqual(self.shared.context(self.who)["value"]["last_sale"], minute(5))
        self.say(told(event(customer=self.who, type="sale.voided", time=minute(9)), 2, self.order))
        value = self.shared.context(self.who)["value"]
        self.assertEqual((value["purchases"], value["spend_minor"], value["last_sale"],
                          value["last_sale_minor"]), ("1", "500", minute(1), "500"))

    def test_another_currency_leaves_nothing_of_the_first(self):
        self.say(self.sold(900, 1, currency="USD"), self.sold(800, 2, currency="EUR"))
        value = self.shared.context(self.who)["value"]
        self.assertEqual((value["currency"], value["spend_minor"], value["others"]),
                         ("EUR", "800", []))

    def test_the_same_event_again_changes_nothing(self):
        first, second = self.sold(1000, 1), self.sold(1500, 2)
        self.say(first, second)
        answers = self.shared.publish([first, second, first])
        self.assertEqual({a["status"] for a in answers}, {"duplicate"})
        self.assertEqual(self.value(), ("1", "0", "1500"))

    def test_subjects_of_two_sources_are_two(self):
        self.say(self.sold(1000, 1), dict(self.sold(500, 1), source="other shop"))
        self.assertEqual(self.value(), ("2", "0", "1500"))

    def test_without_a_revision_each_event_counts(self):
        once = self.sold(100, 1)
        del once["revision"]
        self.say(once, dict(once, id=once["id"] + "b"))
        self.assertEqual(self.value(), ("2", "0", "200"))

    def test_an_order_that_turns_out_to_be_somebody_elses_moves_with_all_it_counted(self):
        for order in ((1, 2), (2, 1)):
            self.setUp()
            other = self.who + "other"
            records = {1: dict(self.sold(1000, 1, who=f"receipt:{self.order}"),
                               offers=[offer("redeemed", "coupon", self.campaign)]),
                       2: dict(self.sold(1000, 2, who=other),
                               offers=[offer("redeemed", "coupon", self.campaign)])}
            self.say(event(customer=f"receipt:{self.order}"), event(customer=other),
                     *[records[n] for n in order])
            self.assertEqual(self.value(f"receipt:{self.order}"), ("0", "0", "0"))
            self.assertEqual(self.value(other), ("1", "0", "1000"))
            self.assertEqual(self.states(f"receipt:{self.order}"), {})
            self.assertEqual(self.states(other), {"coupon": "redeemed"})
            self.assertEqual(list(self.counts().values()), [1])
            self.assertEqual([r["type"] for r in self.shared.context(
                f"receipt:{self.order}")["recent"]], ["page.viewed"])

    # ------------------------------------------------------------------ offers

    def test_a_record_sent_three_times_with_more_in_it_is_one_call(self):
        records = [self.call(1), self.call(2, offers=[offer("presented", "plan")]),
                   self.call(3, offers=[offer("presented", "plan"), offer("declined", "plan",
                                                                          reason="too dear"),
                                        offer("accepted", "extra")])]
        for order in itertools.permutations(records):
            self.setUp()
            self.say(*[dict(told(r, r["revision"], self.order, "telephones"),
                            id=f"{self.order}-{r['revision']}",
                            identifiers=[{"type": "loyalty", "value": self.who[8:]}],
                            offers=[dict(o, campaign=self.campaign) for o in r["offers"]])
                       for r in order])
            self.assertEqual(self.states(), {"plan": "declined", "extra": "accepted"})
            plan, = [o for o in self.shared.offers(self.who) if o["offer"] == "plan"]
            self.assertEqual([(s["outcome"], s["count"]) for s in plan["outcomes"]],
                             [("presented", 1), ("declined", 1)])
            self.assertEqual(self.counts(), {(o, "call", "2024-03-01"): 1
                                             for o in ("presented", "declined", "accepted")})
            recent = self.shared.context(self.who)["recent"]
            self.assertEqual([r["type"] for r in recent], ["call.ended"])

    def test_what_a_higher_revision_does_not_say_was_not_said(self):
        self.say(self.call(1, offers=[offer("accepted", "plan"), offer("accepted", "extra")]))
        self.assertEqual(self.states(), {"plan": "accepted", "extra": "accepted"})
        self.say(self.call(2, offers=[offer("declined", "plan")]))
        self.assertEqual(self.states(), {"plan": "declined"})
        self.assertEqual(self.counts(), {("declined", "call", "2024-03-01"): 1})
        self.say(self.call(3))
        self.assertEqual((self.offers(), self.counts()), ([], {}))

    def test_what_others_said_of_the_offer_stays(self):
        self.say(touched("made", minute(1), customer=self.who, offer="plan", terms="half price",
                         campaign=self.campaign),
                 self.call(1, minutes=5, offers=[offer("accepted", "plan")]),
                 self.call(2, minutes=6, offers=[offer("declined", "plan")]))
        one, = self.shared.offers(self.who)
        self.assertEqual([s["outcome"] for s in one["outcomes"]], ["made", "declined"])
        self.assertEqual((one["state"], one["terms"]), ("declined", "half price"))

    def test_two_calls_on_one_offer_are_two_words(self):
        self.say(self.call(1, minutes=1, offers=[offer("presented", "plan")]),
                 dict(self.call(1, minutes=2, offers=[offer("presented", "plan")]),
                      subject=self.order + "b"))
        one, = self.shared.offers(self.who)
        self.assertEqual([(s["outcome"], s["count"]) for s in one["outcomes"]],
                         [("presented", 2)])

    def test_of_many_subjects_that_name_one_offer_none_is_lost(self):
        self.say(*[dict(self.call(1, minutes=n, offers=[offer("redeemed", "coupon")]),
                        subject=f"{self.order}-{n}") for n in range(100)])
        one, = self.shared.offers(self.who)
        self.assertEqual([(s["outcome"], s["count"]) for s in one["outcomes"]],
                         [("redeemed", 100)])
        self.say(dict(self.call(2, minutes=99), subject=f"{self.order}-99"))
        one, = self.shared.offers(self.who)
        self.assertEqual(one["outcomes"][0]["count"], 99)

    def test_offers_that_lie_apart_are_taken_back_too(self):
        self.say(self.call(1, offers=[offer("accepted", "plan")]),
                 *[touched("made", minute(2), customer=self.who, offer=f"o{n}",
                           terms="x" * 100) for n in range(60)])
        self.assertEqual(self.states()["plan"], "accepted")
        self.say(self.call(2, offers=[offer("declined", "plan")]))
        self.assertEqual(self.states()["plan"], "declined")
        self.say(self.call(3))
        self.assertNotIn("plan", self.states())
        self.assertEqual(len(self.states()), 60)

    # ---------------------------------------------------------------- timeline

    def test_the_timeline_has_all_and_says_which_are_superseded(self):
        self.say(self.sold(1000, 2, minutes=3), self.sold(900, 1, minutes=2),
                 event(customer=self.who, time=minute(1)))
        found = [(e["time"], e.get("superseded", False))
                 for e in self.shared.timeline(self.who)]
        self.assertEqual(found, [(minute(3), False), (minute(2), True), (minute(1), False)])
        self.assertIn("sale.completed (superseded)", self.shared.run("timeline", self.who).out)
        recent = self.shared.context(self.who)["recent"]
        self.assertEqual([r["time"] for r in recent], [minute(3), minute(1)])

    def test_the_rest_of_the_recent_ones_is_counted_without_superseded(self):
        self.say(*[self.sold(n, n, minutes=n) for n in range(1, 6)])
        context = self.shared.context(self.who)
        self.assertEqual((len(context["recent"]), context["recent_more"]), (1, ""))

    def test_stat_says_how_many_are_superseded(self):
        before = int(self.shared.stat()["superseded"])
        self.say(self.sold(1, 3), self.sold(1, 1), self.sold(1, 2), self.sold(1, 4))
        self.assertEqual(int(self.shared.stat()["superseded"]), before + 3)

    def test_what_was_said_of_consents_stays_said(self):
        consent = {"purpose": "marketing", "channel": "email", "status": "granted"}
        self.say(dict(self.sold(1, 1), consents=[consent]), self.sold(1, 2))
        self.assertEqual([c["status"] for c in self.shared.context(self.who)["consents"]],
                         ["granted"])

    def test_a_long_name_of_a_subject_is_told_from_others(self):
        names = ["s" * 255 + end for end in "ab"]
        for total, (name, revision) in enumerate(itertools.product(names, (1, 2)), 1):
            self.say(told(sale(total, minute(1), customer=self.who), revision, name, "l" * 256))
        self.assertEqual(self.value(), ("2", "0", "6"))

    def test_a_shuffled_year_of_orders_ends_as_in_order(self):
        rng = random.Random(29)
        stories = []
        for n in range(6):
            self.setUp()
            story = []
            for order in range(8):
                for revision in range(1, rng.randrange(2, 5)):
                    story.append(dict(
                        told(sale(rng.randrange(-50, 500), minute(rng.randrange(90)),
                                  customer=self.who), revision, f"{self.order}-{order}"),
                        offers=[offer("redeemed", f"coupon{rng.randrange(3)}", self.campaign)]))
            final = {}
            for one in story:
                final[one["subject"]] = max(final.get(one["subject"], one), one,
                                            key=lambda e: int(e["revision"]))
            rng.shuffle(story)
            self.say(*story)
            stories.append((self.who, self.campaign, list(final.values())))
        for self.who, self.campaign, final in stories:
            spend = sum(int(e["sale"]["total_minor"]) for e in final)
            bought = sum(e["type"] == "sale.completed" for e in final)
            self.assertEqual(self.value(), (str(bought), str(len(final) - bought), str(spend)))
            self.assertEqual(sum(self.counts().values()), len(final))
            redeemed = {}
            for one in final:
                name = one["offers"][0]["offer"]
                redeemed[name] = redeemed.get(name, 0) + 1
            self.assertEqual({o["offer"]: o["outcomes"][0]["count"]
                              for o in self.shared.offers(self.who)}, redeemed)


class Campaigns(Case):

    def test_the_table_of_one_says_how_far_offers_came_by_channel_and_day(self):
        broker = self.broker()
        broker.publish(
            [touched("made", minute(n), offer="o", campaign="spring", channel="email",
                     customer=f"loyalty:x{n}", count=100) for n in range(10)]
            + [touched("clicked", minute(n), offer="o", campaign="spring", channel="web",
                       customer=f"loyalty:x{n}") for n in range(4)]
            + [touched("redeemed", minute(1440 * n), offer="o", campaign="spring", channel="pos",
                       customer=f"loyalty:x{n}") for n in range(20)])
        out = broker.run("campaign", "spring").out
        self.assertRegex(out, r"^spring: 20 days, 2024-03-01 to 2024-03-20\n")
        self.assertRegex(out, r"STATE +ALL +OF MADE +email +pos +web\n")
        self.assertRegex(out, r"made +1,000 +1,000 *\n")
        self.assertRegex(out, r"clicked +4 +0\.4 % +4 *\n")
        self.assertRegex(out, r"redeemed +20 +2\.0 % +20 *\n")
        days = re.findall(r"(?m)^ +(2024-03-..)", out)
        self.assertEqual(days, [f"2024-03-{n:02}" for n in range(20, 6, -1)])


class AfterACrash(Case):

    def test_what_counts_survives_and_is_verified(self):
        broker = self.broker()
        rng = random.Random(7)
        people = [f"loyalty:c{n}" for n in range(4)]
        events = [dict(told(sale(rng.randrange(1, 900), minute(rng.randrange(99)),
                                 customer=rng.choice(people)), rng.randrange(1, 6),
                            f"order-{rng.randrange(12)}"),
                       offers=[offer("redeemed", f"o{rng.randrange(4)}")], sequence=str(n + 1))
                  for n in range(200)]
        broker.publish(events[:100])
        broker.ask("verify")
        broker.publish(events[100:])
        before = [self.known(broker, who) for who in people]
        broker.kill()
        broker.start()
        self.assertEqual([self.known(broker, who) for who in people], before)
        broker.ask("verify")

    def known(self, broker, who):
        context = broker.context(who)
        return context["value"], context["offers"], context["recent"], context["freshness"]


class Sequences(Shared):
    serial = itertools.count(1)

    def setUp(self):
        self.source = f"till-{next(self.serial)}"
        self.who = f"loyalty:q-{self.source}"

    def say(self, *numbers, **more):
        answers = self.shared.publish([event(customer=self.who, source=self.source,
                                             sequence=str(n), **more) for n in numbers])
        self.assertEqual({a["status"] for a in answers}, {"stored"})

    def gaps(self):
        one, = [f for f in self.shared.context(self.who)["freshness"]
                if f["source"] == self.source]
        return one["gaps"]

    def test_missing_numbers_are_counted(self):
        self.say(5, 6, 7)
        self.assertEqual(self.gaps(), 0)
        self.say(10, 12)
        self.assertEqual(self.gaps(), 3)
        self.assertIn("3 MISSING", self.shared.run("context", self.who).out)
        self.assertEqual(self.shared.stat()["gaps_by_source"][self.source], 3)

    def test_they_are_found_in_any_order(self):
        rng = random.Random(1)
        for _ in range(5):
            self.setUp()
            numbers = [n for n in range(1, 60) if n not in (7, 8, 30)]
            rng.shuffle(numbers)
            self.say(*numbers)
            self.assertEqual(self.gaps(), 3)

    def test_what_comes_late_is_missing_no_more(self):
        self.say(1, 5, 3)
        self.assertEqual(self.gaps(), 2)
        self.say(4, 2)
        self.assertEqual(self.gaps(), 0)
        self.assertNotIn(self.source, self.shared.stat()["gaps_by_source"])

    def test_one_number_twice_is_one(self):
        self.say(1, 4, 4, 1)
        self.assertEqual(self.gaps(), 2)

    def test_a_gap_counts_for_whoever_hears_of_the_source(self):
        self.say(1)
        self.shared.publish([event(customer="loyalty:q-other", source=self.source, sequence="9")])
        self.assertEqual(self.gaps(), 7)

    def test_more_gaps_than_are_kept_apart_are_still_counted(self):
        self.say(*range(1, 401, 2))
        self.assertEqual(self.gaps(), 199)
        self.say(*range(2, 400, 2))
        self.assertEqual(self.gaps(), 0)

    def test_an_event_of_no_customer_has_its_number_too(self):
        self.say(1, 2)
        self.shared.publish([{"id": self.source + "up", "source": self.source, "sequence": "4",
                              "type": "source.started"}])
        self.assertEqual(self.gaps(), 1)

    def test_a_number_has_a_limit(self):
        for number, code in (("9223372036854775807", ""), ("9223372036854775808", "BAD_FACET")):
            answer, = self.shared.publish([event(customer=self.who, source=self.source + code,
                                                 sequence=number)], code=5 if code else 0)
            self.assertEqual(answer["code"], code)

    def test_without_numbers_nothing_is_missing(self):
        self.shared.publish([event(customer=self.who, source=self.source)])
        self.assertEqual(self.gaps(), 0)
