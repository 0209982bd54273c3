"""What the offers are, told of no customer, and what an offer made to one takes from it."""

import itertools
import random

import touchline_pb2 as pb
from google.protobuf import timestamp_pb2
from harness import CALLED_WRONGLY, NO, Case, Shared, event, minute, touched


def at(text):
    stamp = timestamp_pb2.Timestamp()
    stamp.FromJsonString(text)
    return stamp


def defined(offer, minutes=0, id=None, campaign="", **more):
    """`offer.defined`, of no customer."""
    touch = dict({"offer": offer, "campaign": campaign}, **more)
    made = event(id=id, type="offer.defined", time=minute(minutes), channel="system",
                 offers=[touch])
    del made["identifiers"]
    return made


class Catalogue(Shared):
    serial = itertools.count(1)

    def setUp(self):
        number = next(self.serial)
        self.who = f"loyalty:k{number}"
        self.name = f"offer-{number}"

    def say(self, *events):
        answers = self.shared.publish(events)
        self.assertEqual({a["status"] for a in answers}, {"stored"}, answers)

    def made(self, minutes=1, outcome="made", **more):
        return touched(outcome, minute(minutes), customer=self.who,
                       **dict({"offer": self.name, "campaign": "c1"}, **more))

    def define(self, minutes=0, **more):
        return defined(self.name, minutes, **more)

    def offers(self, now=None, **more):
        with self.shared.wire() as wire:
            query = pb.OffersQuery(customer=self.who, **more)
            if now is not None:
                query.now.CopyFrom(at(minute(now)))
            return list(wire.ask(offers=query).offers.offers)

    def offer(self, now=None):
        one, = self.offers(now)
        return one

    def test_what_nobody_said_of_an_offer_is_the_catalogues(self):
        self.say(self.define(title="Spring", terms="20 % off shoes", expires=minute(100),
                             valid_from=minute(5), price_minor="995", currency="EUR",
                             exclusivity_group="shoes-2024"), self.made())
        one = self.offer(now=10)
        self.assertEqual((one.title, one.terms, one.price_minor, one.currency,
                          one.exclusivity_group), ("Spring", "20 % off shoes", 995, "EUR",
                                                   "shoes-2024"))
        self.assertEqual((one.expires, one.valid_from), (at(minute(100)), at(minute(5))))
        self.assertEqual(set(one.of_catalogue),
                         {"title", "terms", "price", "expires", "exclusivity_group"})

    def test_the_exact_terms_shown_win(self):
        self.say(self.define(title="Spring", terms="20 % off", expires=minute(100),
                             price_minor="995", currency="EUR"),
                 self.made(terms="25 % off, only you", expires=minute(200)))
        one = self.offer(now=10)
        self.assertEqual((one.terms, one.expires, one.title, one.price_minor),
                         ("25 % off, only you", at(minute(200)), "Spring", 995))
        self.assertEqual(list(one.of_catalogue), ["title", "price"])

    def test_a_definition_told_later_counts_for_what_was_made_before(self):
        self.say(self.made())
        self.assertEqual(self.offer().terms, "")
        self.say(self.define(9, terms="2 for 1"))
        self.assertEqual(self.offer().terms, "2 for 1")

    def test_the_latest_definition_counts_whole_whichever_arrives_first(self):
        words = [dict(terms="old", title="Old"), dict(terms="newer"), dict(terms="newest")]
        for order in itertools.permutations(range(3)):
            self.setUp()
            self.say(self.made(), *[self.define(n, **words[n]) for n in order])
            self.assertEqual((self.offer().terms, self.offer().title), ("newest", ""))

    def test_of_two_definitions_of_one_time_the_higher_revision_counts(self):
        for order in ((1, 2), (2, 1)):
            self.setUp()
            self.say(self.made(), *[dict(self.define(terms=f"rev {n}"), subject="rule:1",
                                         revision=str(n)) for n in order])
            self.assertEqual(self.offer().terms, "rev 2")

    def test_a_definition_for_a_campaign_goes_before_that_for_any(self):
        self.say(self.define(terms="any"), self.define(campaign="c1", terms="in c1"),
                 self.made(campaign="c1"), self.made(campaign="c2"))
        self.assertEqual({o.campaign: o.terms for o in self.offers()},
                         {"c1": "in c1", "c2": "any"})

    def test_an_offer_that_names_no_campaign_takes_what_there_is(self):
        self.say(self.define(campaign="c9", terms="in c9"), self.made(campaign=""),
                 self.made(campaign="c1"))
        self.assertEqual({o.campaign: o.terms for o in self.offers()}, {"": "in c9", "c1": ""})

    def test_expiry_is_computed_when_read_also_when_only_the_catalogue_has_it(self):
        self.say(self.define(expires=minute(100)), self.made())
        for now, state, live in ((99, "made", True), (100, "expired", False)):
            one = self.offer(now)
            self.assertEqual((one.state, one.live), (state, live))
        self.say(self.define(1, expires=minute(300)))
        self.assertEqual(self.offer(100).state, "made")

    def test_what_the_catalogue_takes_back_is_withdrawn_unless_accepted_or_made_anew(self):
        self.say(self.define(), self.define(50, outcome="withdrawn"),
                 self.made(campaign="before"), self.made(campaign="had"),
                 self.made(2, "accepted", campaign="had"), self.made(60, campaign="after"))
        found = {o.campaign: (o.state, o.live) for o in self.offers(now=70)}
        self.assertEqual(found, {"before": ("withdrawn", False), "had": ("accepted", True),
                                 "after": ("made", True)})

    def test_a_definition_is_no_offer_made_to_anybody(self):
        self.say(dict(self.define(terms="x"), identifiers=[{"type": "loyalty",
                                                           "value": self.who[8:]}]))
        self.assertEqual(self.offers(), [])
        self.assertNotIn(self.name, self.shared.run("-o", "csv", "campaign").out)

    def test_a_definition_must_name_its_offer_and_nothing_of_a_customer(self):
        wrong = [(dict(offer="", campaign="c"), "offers.offer"),
                 (dict(outcome="made"), "offers.outcome"),
                 (dict(instance="i1"), "a definition is of an offer"),
                 (dict(valid_from=minute(9), expires=minute(8)), "before valid_from")]
        for touch, sentence in wrong:
            answer, = self.shared.publish([dict(self.define(), offers=[
                dict({"offer": self.name}, **touch)])], code=5)
            self.assertEqual((answer["status"], answer["code"]), ("refused", "BAD_FACET"))
            self.assertIn(sentence, answer["detail"])

    def test_terms_have_a_limit(self):
        for length, status in ((8192, "stored"), (8193, "refused")):
            answer, = self.shared.publish([self.define(terms="x" * length)],
                                          code=0 if status == "stored" else 5)
            self.assertEqual(answer["status"], status)
        self.assertEqual(answer["code"], "TOO_LARGE")
        self.assertIn("terms: at most 8192", answer["detail"])

    def test_an_event_has_at_most_a_hundred_offers(self):
        for count, code in ((100, ""), (101, "TOO_MANY"), (200, "TOO_MANY")):
            offers = [{"offer": self.name, "treatment": str(n), "outcome": "made"}
                      for n in range(count)]
            answer, = self.shared.publish([event(customer=self.who, type="offer.made",
                                                 offers=offers)], code=5 if code else 0)
            self.assertEqual(answer["code"], code)
        self.assertEqual(len(self.offers()), 64)

    # ------------------------------------------------------------- conflicts

    def test_one_offer_on_two_terms_is_a_conflict_both_ways(self):
        self.say(self.made(campaign="mail", channel="email", terms="10 % off"),
                 self.made(campaign="web", channel="web", terms="20 % off"))
        found = {o.campaign: o.conflict for o in self.offers()}
        self.assertEqual(found, {"mail": f"{self.name} of campaign web, by web: other terms",
                                 "web": f"{self.name} of campaign mail, by email: other terms"})

    def test_the_same_terms_or_unknown_ones_are_none(self):
        self.say(self.made(campaign="a", terms="10 % off"), self.made(campaign="b"),
                 self.made(campaign="c", terms="10 % off"))
        self.assertEqual([o.conflict for o in self.offers()], ["", "", ""])

    def test_two_offers_of_one_group_at_two_prices_are_a_conflict(self):
        self.say(defined(self.name + "x", exclusivity_group="g" + self.name, price_minor="100",
                         currency="EUR"),
                 self.made(exclusivity_group="g" + self.name, price_minor="90", currency="EUR"),
                 self.made(offer=self.name + "x"))
        found = {o.offer: o.conflict for o in self.offers()}
        self.assertEqual(found[self.name], f"{self.name}x of campaign c1, by email: other price")
        self.assertEqual(found[self.name + "x"],
                         f"{self.name} of campaign c1, by email: other price")
        out = self.shared.run("offers", self.who).out
        self.assertIn("CONFLICT", out)

    def test_what_is_over_is_in_conflict_with_nothing(self):
        self.say(self.made(campaign="a", terms="10 % off"),
                 self.made(campaign="b", terms="20 % off", expires=minute(100)))
        self.assertEqual(len([o for o in self.offers(now=99) if o.conflict]), 2)
        self.assertEqual([o.conflict for o in self.offers(now=100)], ["", ""])

    def test_of_many_in_conflict_one_is_named_and_the_others_counted(self):
        self.say(*[self.made(n, campaign=f"c{n}", terms=f"{n} % off") for n in range(1, 5)])
        self.assertEqual([o.conflict.split("; ")[-1] for o in self.offers()], ["and 2 more"] * 4)

    # -------------------------------------------------- his last word on it

    def test_the_last_word_is_the_customers(self):
        self.say(self.made(), self.made(2, "clicked", channel="web"),
                 self.made(3, "declined", channel="call", reason="too dear"),
                 self.made(4, "presented", channel="web"))
        word = self.offer().last_word
        self.assertEqual((word.outcome, word.channel, word.reason, word.time),
                         ("declined", "call", "too dear", at(minute(3))))

    def test_who_said_nothing_has_no_last_word(self):
        self.say(self.made(), self.made(2, "presented"))
        self.assertFalse(self.offer().HasField("last_word"))

    # ---------------------------------------------------------- many offers

    def test_live_ones_come_first_when_only_the_catalogue_knows_what_is_over(self):
        old = [f"{self.name}.{n}" for n in range(300)]
        self.say(*[defined(o, expires=minute(50)) for o in old],
                 *[self.made(5 + n % 40, offer=o) for n, o in enumerate(old)])
        self.say(self.made(1, offer=self.name + ".live"),
                 *[self.made(6 + n % 40, offer=o, outcome="presented")
                   for n, o in enumerate(old)])
        self.assertEqual(self.offers(now=60, limit=1)[0].offer, self.name + ".live")
        # Whose end is put off is live again, wherever it lies.
        self.say(defined(old[7], 1, expires=minute(90)))
        self.assertEqual({o.offer for o in self.offers(now=60, limit=2)},
                         {self.name + ".live", old[7]})
        self.assertEqual(self.offers(now=91, limit=1)[0].offer, self.name + ".live")

    def test_definitions_told_after_all_offers_were_made_are_looked_through(self):
        old = [f"{self.name}.{n}" for n in range(100)]
        self.say(self.made(1, offer=self.name + ".live"),
                 *[self.made(5 + n % 40, offer=o) for n, o in enumerate(old)],
                 *[defined(o, expires=minute(50)) for o in old[:60]],
                 *[self.made(48, offer=o, outcome="declined") for o in old[60:]])
        first, second = self.offers(now=60, limit=2)
        self.assertEqual((first.offer, first.live, second.live),
                         (self.name + ".live", True, False))


class TheCommand(Case):

    def test_it_lists_what_the_offers_are(self):
        broker = self.broker()
        broker.publish([defined("hat", terms="a hat", title="Hats", expires=minute(1),
                                exclusivity_group="things"),
                        defined("shoes", terms="shoes", price_minor="4900", currency="EUR",
                                valid_from="2090-01-01T00:00:00Z"),
                        defined("shoes", campaign="spring", terms="cheap shoes")])
        out = broker.run("offers", "--catalogue").out
        self.assertRegex(out, r"hat +expired +ended .*things +Hats +a hat")
        self.assertRegex(out, r"shoes +not_yet_valid +from .*shoes, .*49")
        self.assertRegex(out, r"shoes +spring +valid .*cheap shoes")
        found = broker.ask("offers", "--catalogue", "shoes")["offers"]
        self.assertEqual([(d["campaign"], d["terms"]) for d in found],
                         [("", "shoes"), ("spring", "cheap shoes")])
        self.assertEqual(broker.run("-o", "csv", "offers", "--catalogue").out.splitlines()[1],
                         f"hat,,things,Hats,expired,,{minute(1)},0,,a hat")

    def test_it_goes_on_where_a_list_ended(self):
        broker = self.broker()
        broker.publish([defined(f"o{n}", terms="x") for n in range(5)])
        first = broker.ask("offers", "--catalogue", "--limit", "3")
        self.assertEqual((len(first["offers"]), first["offers_more"]), (3, "more"))
        rest = broker.ask("offers", "--catalogue", "--after", "o2")
        self.assertEqual(([d["offer"] for d in rest["offers"]], rest["offers_more"]),
                         (["o3", "o4"], ""))

    def test_nothing_defined_is_a_no(self):
        broker = self.broker()
        self.assertEqual(broker.run("offers", "--catalogue").code, NO)
        self.assertEqual(broker.run("offers").code, CALLED_WRONGLY)
        self.assertEqual(broker.run("offers", "loyalty:1", "--after", "x").code, CALLED_WRONGLY)

    def test_the_catalogue_survives_and_is_verified(self):
        broker = self.broker()
        rng = random.Random(3)
        broker.publish([defined(f"o{rng.randrange(20)}", rng.randrange(50),
                                campaign=rng.choice(["", "a", "b"]), terms=str(n),
                                expires=minute(rng.randrange(50, 99))) for n in range(200)]
                       + [touched("made", minute(n % 60), offer=f"o{n % 20}", campaign="a")
                          for n in range(50)])
        before = broker.ask("offers", "--catalogue")["offers"]
        broker.ask("verify")
        broker.kill()
        broker.start()
        self.assertEqual(broker.ask("offers", "--catalogue")["offers"], before)
        broker.ask("verify")

    def test_at_most_sixteen_campaigns_of_one_offer_are_kept_the_latest(self):
        broker = self.broker()
        order = list(range(17))
        random.Random(5).shuffle(order)
        broker.publish([defined("o", n, campaign=f"c{n:02}", terms="x") for n in order])
        found = broker.ask("offers", "--catalogue")["offers"]
        self.assertEqual([d["campaign"] for d in found], [f"c{n:02}" for n in range(1, 17)])
