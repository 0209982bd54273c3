"""Who lives together: what her cousin was offered, if both let it, and one cap for all of them."""

import os
import threading

import touchline_pb2 as pb
from harness import (CALLED_WRONGLY, FINE, NO, PARTLY, REFUSED, SANITIZED, Case, Shared, event,
                     minute, touched)

LONG = "TOUCHLINE_HISTORIES" in os.environ
ROUNDS = 1000 if LONG else 10 if SANITIZED else 50
MEMBERS = 4
CLIENTS_EACH = 2

# As a context is by default.
CONTEXT_BYTES = 4096
MEMBERS_SHOWN = 6
OFFERS_SHOWN = 3
MEMBERS_LOOKED_AT = 32


def said(word, customer, at, household="smith", **more):
    return event(customer=customer, type="household." + word, time=minute(at), channel="",
                 household=dict({"id": household}, **more))


def joined(customer, at, **more):
    return said("joined", customer, at, **more)


def shown(context):
    """customer -> ids of his offers; None: they are not shown."""
    return {m["customer"]: [o["offer"] for o in m["offers"]] if m["shows_offers"] else None
            for m in context["household"]}


class Households(Shared):
    """Each test has a household of its own."""

    def setUp(self):
        self.key = self.id().rsplit(".", 1)[-1]

    def tell(self, *events):
        """Publishes; a household is that of the test."""
        for e in events:
            if "household" in e:
                e["household"]["id"] = f"{e['household']['id']}-{self.key}"
        self.shared.publish(list(events))

    def sees(self, customer):
        return shown(self.shared.context(customer))

    def own(self, customer):
        return {h["id"].removesuffix("-" + self.key): (h["role"], h["visibility"])
                for h in self.shared.context(customer)["who"]["households"]}

    def cousins(self, mine="offers", hers="offers"):
        """Two people with an offer each."""
        me, her = f"loyalty:me-{self.key}", f"loyalty:her-{self.key}"
        self.tell(joined(me, 1, role="son", visibility=mine),
                  joined(her, 2, role="cousin", visibility=hers),
                  touched("made", minute(3), me, offer="mine"),
                  touched("made", minute(3), her, offer="hers", terms="30 % off"))
        return me, her

    # ------------------------------------------------- who may see what

    def test_what_her_cousin_was_offered_is_told_with_its_terms(self):
        me, her = self.cousins()
        one, = self.shared.context(me)["household"]
        self.assertEqual((one["customer"], one["role"], one["since"]), (her, "cousin", minute(2)))
        self.assertEqual([(o["offer"], o["state"], o["terms"], o["live"]) for o in one["offers"]],
                         [("hers", "made", "30 % off", True)])
        self.assertEqual(self.sees(her), {me: ["mine"]})

    def test_both_must_let_it(self):
        for mine, hers, sees in (("offers", "offers", True), ("all", "offers", True),
                                 ("offers", "all", True), ("none", "offers", False),
                                 ("", "offers", False), ("offers", "", False)):
            with self.subTest(mine=mine, hers=hers):
                self.key = f"{self.id().rsplit('.', 1)[-1]}-{mine}-{hers}"
                me, her = self.cousins(mine, hers)
                self.assertEqual(self.sees(me), {her: ["hers"] if sees else None})

    def test_who_shows_nothing_is_not_even_named(self):
        me, her = self.cousins("offers", "none")
        context = self.shared.context(me)
        self.assertEqual((context["household"], context["household_more"]), ([], ""))
        # She sees that he is one, and no more.
        self.assertEqual(self.sees(her), {me: None})

    def test_of_several_words_the_latest_counts_whichever_comes_last(self):
        me, her = self.cousins()
        self.tell(said("visibility_set", her, 20, visibility="offers"),
                  said("visibility_set", her, 10, visibility="none"),
                  said("role_changed", her, 20, role="aunt"),
                  said("role_changed", her, 10, role="mother"))
        one, = self.shared.context(me)["household"]
        self.assertEqual((one["role"], one["shows_offers"]), ("aunt", True))
        self.tell(said("visibility_set", her, 30, visibility="none"))
        self.assertEqual(self.sees(me), {})
        self.assertEqual(self.own(her), {"smith": ("aunt", "none")})

    def test_leaving_ends_everything_at_once(self):
        me, her = self.cousins()
        self.tell(said("left", her, 10))
        self.assertEqual((self.sees(me), self.sees(her), self.own(her)), ({}, {}, {}))
        # Who comes back begins anew: what she let them see then is over.
        self.tell(joined(her, 20))
        self.assertEqual((self.sees(me), self.own(her)), ({her: None}, {"smith": ("", "")}))

    def test_a_leaving_that_comes_late_ends_only_what_was_before(self):
        me, her = self.cousins()
        self.tell(joined(her, 20, visibility="all"), said("left", her, 10))
        self.assertEqual(self.sees(me), {her: ["hers"]})
        self.tell(said("left", me, 30), joined(me, 25))
        self.assertEqual(self.sees(her), {})

    def test_a_second_telling_changes_nothing(self):
        me, her = self.cousins()
        again = [said("left", her, 10), said("left", her, 10)]
        again[1]["id"] = again[0]["id"]
        self.tell(*again)
        self.tell(joined(her, 20, visibility="offers"))
        before = self.shared.context(me)["household"]
        again[0]["household"]["id"] = f"smith-{self.key}"
        answer, = self.shared.publish([again[0]])
        self.assertEqual(answer["status"], "duplicate")
        self.assertEqual(self.shared.context(me)["household"], before)

    # --------------------------------------------------- who is who

    def test_nobody_is_merged(self):
        before = self.shared.stat()["customers"]
        me, her = self.cousins()
        self.assertEqual(self.shared.stat()["customers"], before + 2)
        self.assertEqual([o["offer"] for o in self.shared.offers(me)], ["mine"])
        self.assertEqual(len(self.shared.timeline(me)), 2)

    def test_a_relative_with_several_profiles_is_one(self):
        me, her = self.cousins()
        mail = f"email:{self.key}@example.com"
        self.tell(touched("made", minute(5), mail, offer="mailed"),
                  event(customer=[her, mail], time=minute(6)), joined(mail, 7))
        self.assertEqual(self.shared.context(her)["who"]["profiles"], 2)
        self.assertEqual({c: sorted(o) for c, o in self.sees(me).items()},
                         {her: ["hers", "mailed"]})
        self.assertEqual(self.sees(mail), {me: ["mine"]})
        # She is in it by one profile's word and leaves by the other's.
        self.tell(said("left", mail, 10))
        self.assertEqual(self.sees(me), {})

    def test_a_relative_who_is_the_customer_himself_is_not_his_own(self):
        me, her = self.cousins()
        mail = f"email:{self.key}@example.com"
        self.tell(joined(mail, 5, role="guest", visibility="offers"))
        before = self.shared.context(me)["household"]
        self.assertEqual(self.sees(me), {her: ["hers"], mail: []})
        self.assertEqual(self.shared.run("link", me, mail, "--evidence", "a letter").code, FINE)
        self.assertEqual(self.sees(me), {her: ["hers"]})
        self.assertEqual(self.own(me), {"smith": ("guest", "offers")})
        self.assertEqual(self.shared.run("unlink", me, mail, "--evidence", "no").code, FINE)
        self.assertEqual(self.shared.context(me)["household"], before)
        self.assertEqual(self.own(me), {"smith": ("son", "offers")})

    def test_somebody_may_be_of_two_households(self):
        me, her = self.cousins()
        them = f"loyalty:them-{self.key}"
        self.tell(joined(me, 5, household="weber", visibility="none", role="lodger"),
                  joined(them, 6, household="weber", visibility="all"))
        self.assertEqual(self.sees(me), {her: ["hers"], them: None})
        self.assertEqual(self.sees(her), {me: ["mine"]})
        self.assertEqual(self.sees(them), {})
        self.assertEqual(self.own(me), {"smith": ("son", "offers"), "weber": ("lodger", "none")})

    def test_since_when_is_as_was_said(self):
        me, her = self.cousins()
        self.tell(joined(her, 8, since="2001-01-01T00:00:00Z"))
        self.assertEqual([m["since"] for m in self.shared.context(me)["household"]],
                         ["2001-01-01T00:00:00Z"])

    # ------------------------------------------------------- bounds

    def test_live_offers_come_first_and_the_rest_is_counted(self):
        me, her = self.cousins()
        self.tell(*(touched("made", minute(10 + n), her, offer=f"o{n}") for n in range(4)),
                  touched("declined", minute(20), her, offer="o0"))
        one, = self.shared.context(me)["household"]
        self.assertEqual([o["offer"] for o in one["offers"]], ["o3", "o2", "o1"])
        self.assertEqual((len(one["offers"]), one["offers_more"]), (OFFERS_SHOWN, "2"))

    def test_a_relatives_offer_that_two_of_her_profiles_know_is_counted_once(self):
        me, her = self.cousins()
        mail = f"email:{self.key}@example.com"
        both = [[touched("made", minute(10), who, offer=f"o{n}", terms="so good" * 9)
                 for n in range(40)] for who in (her, mail)]
        self.tell(*both[0], *both[1], event(customer=[her, mail], time=minute(50)))
        one, = self.shared.context(me)["household"]
        self.assertEqual((len(one["offers"]), one["offers_more"]), (OFFERS_SHOWN, "38"))

    def test_a_large_family_is_counted_and_those_with_offers_lead(self):
        self.key = "large"
        me, her = self.cousins()
        for n in range(MEMBERS_SHOWN):
            self.tell(joined(f"loyalty:c{n}-{self.key}", n, visibility="offers"))
        context = self.shared.context(me)
        self.assertEqual(len(context["household"]), MEMBERS_SHOWN)
        self.assertEqual(context["household_more"], "1")
        self.assertEqual(context["household"][0]["customer"], her)

    def relatives(self, customer):
        """How many there are, shown or not: how many are shown is a matter of room."""
        context = self.shared.context(customer)
        return len(context["household"]) + int(context["household_more"])

    def test_of_a_crowd_so_many_are_looked_at(self):
        me, her = self.cousins()
        for n in range(MEMBERS_LOOKED_AT - 2):
            self.tell(joined(f"loyalty:c{n}-{self.key}", n + 1))
        self.assertEqual(self.relatives(me), MEMBERS_LOOKED_AT - 1)
        self.tell(joined(f"loyalty:last-{self.key}", 90))
        self.assertEqual(self.relatives(me), MEMBERS_LOOKED_AT - 1)
        # He himself finds the others, whom the bus knew before.
        self.assertEqual(self.relatives(f"loyalty:last-{self.key}"), MEMBERS_LOOKED_AT)

    def test_a_family_with_long_names_and_terms_keeps_to_the_bound(self):
        def full(who):
            return [touched("made", minute(n), who, offer=f"{n}" + "o" * 100, terms="t" * 150,
                            campaign="c" * 100) for n in range(12)]

        me = f"loyalty:me-{self.key}"
        self.tell(joined(me, 1, visibility="all", role="r" * 128), *full(me))
        for n in range(10):
            her = f"email:{n}{'x' * 200}@{self.key.replace('_', '-')}.com"
            self.tell(joined(her, 1, visibility="all", role="r" * 128), *full(her))
        with self.shared.wire() as wire:
            context = wire.ask(context=pb.ContextQuery(customer=me)).context
        self.assertLessEqual(len(context.SerializeToString()), CONTEXT_BYTES)
        self.assertTrue(context.household)
        self.assertTrue(context.offers)
        self.assertEqual(int(context.household_more) + len(context.household), 10)

    # ------------------------------------------------------ refusals

    def test_what_says_nothing_is_refused_and_changes_nothing(self):
        me, her = self.cousins()
        before = self.shared.context(me)["household"]
        for word, household, code in (
                ("joined", None, "BAD_FACET"), ("left", {}, "BAD_FACET"),
                ("left", {"role": "x"}, "BAD_FACET"),
                ("role_changed", {"id": "smith"}, "BAD_FACET"),
                ("visibility_set", {"id": "smith"}, "BAD_FACET"),
                ("visibility_set", {"id": "smith", "visibility": "some"}, "BAD_FACET"),
                ("joined", {"id": "h" * 129}, "TOO_LARGE"),
                ("joined", {"id": "smith", "role": "r" * 129}, "TOO_LARGE")):
            with self.subTest(word=word, household=household):
                wrong = event(customer=her, type="household." + word, time=minute(50))
                if household is not None:
                    wrong["household"] = household
                answer, = self.shared.publish([wrong], code=PARTLY)
                self.assertEqual((answer["status"], answer["code"]), ("refused", code))
                self.assertIn("household", answer["detail"])
        self.assertEqual(self.shared.context(me)["household"], before)
        with self.shared.wire() as wire:
            self.assertEqual(wire.code(event(customer=her, type="household.left")), "BAD_FACET")

    # ------------------------------------------------------ a person

    def test_a_person_tells_and_asks(self):
        me, her = f"loyalty:me-{self.key}", f"loyalty:her-{self.key}"

        def tell(word, who, *more, code=FINE):
            done = self.shared.run("household", word, who, *more)
            self.assertEqual(done.code, code, done)
            return done

        self.assertEqual(self.shared.run("household", me).code, NO)
        home = ("--household", self.key)
        tell("form", me, *home, "--role", "son", "--visibility", "offers", "--evidence", "asked")
        self.assertIn("joined", tell("join", her, *home, "--since", "2001-02-03T00:00:00Z").out)
        tell("role", her, *home, "--role", "aunt")
        tell("visibility", her, *home, "--visibility", "all", "--by", "Ann")
        self.tell(touched("made", minute(1), her, offer="hers", terms="30 % off"))
        self.assertEqual(self.sees(me), {her: ["hers"]})
        done = self.shared.run("household", me)
        self.assertEqual(done.code, FINE, done)
        for words in (f"son in household {self.key}, shows the others his offers", "aunt", her,
                      "LIVE made", "hers", "30 % off"):
            self.assertIn(words, done.out)
        self.assertIn("30 % off", self.shared.run("context", me).out)
        asked = self.shared.ask("household", me)
        self.assertEqual((shown(asked), asked["who"]["households"][0]["role"]),
                         ({her: ["hers"]}, "son"))
        told = self.shared.replay("--type", "household.visibility_set")[-1]["household"]
        self.assertEqual((told["visibility"], told["by"]), ("all", "Ann"))
        tell("leave", her, *home)
        self.assertIn("0 others", self.shared.run("household", me).out)
        self.assertEqual(self.shared.ask("household", her, code=NO)["household"], [])

    def test_a_person_who_says_half_of_it_is_told_the_other_half(self):
        for args, word in ((["join", "loyalty:1"], "--household"),
                           (["role", "loyalty:1", "--household", "h"], "--role"),
                           (["visibility", "loyalty:1", "--household", "h"], "--visibility"),
                           (["marry", "loyalty:1", "--household", "h"], "marry"),
                           (["join", "loyalty", "--household", "h"], "TYPE:VALUE"),
                           (["join", "loyalty:1", "--household", "h", "--since", "x"], "--since")):
            with self.subTest(args=args):
                done = self.shared.run("household", *args)
                self.assertEqual(done.code, CALLED_WRONGLY, done)
                self.assertIn(word, done.err)
        done = self.shared.run("household", "join", "loyalty:1", "--household", "h",
                               "--visibility", "some")
        self.assertEqual(done.code, NO, done)
        self.assertIn("none offers all", done.err)

    def test_households_are_verified(self):
        self.cousins()
        self.assertIs(self.shared.ask("verify")["ok"], True)


POLICY = """
[policy]
lease = 15 min
[caps]
marketing email = {count} in 7 d per household
"""


def sent(customer, at, **more):
    return event(customer=customer, type="email.sent", time=minute(at), channel="email",
                 direction="outbound", **more)


class Caps(Case):

    def with_cap(self, count):
        path = self.file("policy.conf", POLICY.format(count=count))
        return self.broker(args=["--policy", path])

    def verdict(self, broker, customer, at=60):
        query = pb.ContactQuery(customer=customer, channel="email", purpose="marketing")
        query.now.FromJsonString(minute(at))
        with broker.wire() as wire:
            return wire.ask(may_contact=query).may_contact

    def reserve(self, broker, customer, code=FINE):
        return broker.ask("may-contact", customer, "--channel", "email", "--purpose", "marketing",
                          "--reserve", code=code)

    def test_the_contacts_of_all_members_count(self):
        broker = self.with_cap(2)
        answers = broker.publish([joined("loyalty:1", 1), joined("loyalty:2", 1, visibility="none"),
                                  sent("loyalty:1", 2), sent("loyalty:2", 3)])
        for who in ("loyalty:1", "loyalty:2"):
            verdict = self.verdict(broker, who)
            self.assertEqual((verdict.verdict, verdict.rule),
                             ("defer", "caps: marketing email = 2 in 7 d per household"))
            self.assertEqual(sorted(verdict.counted), [a["position"] for a in answers[2:]])
            self.assertEqual(verdict.until.ToJsonString(), "2024-03-08T00:02:00Z")
        self.assertEqual(self.verdict(broker, "loyalty:3").verdict, "allow")
        found = {v["channel"]: v["verdict"] for v in
                 broker.context("loyalty:1")["may_contact"]}
        self.assertEqual(found, {"email": "allow"})     # today that is long ago

    def test_who_left_counts_no_more(self):
        broker = self.with_cap(1)
        broker.publish([joined("loyalty:1", 1), joined("loyalty:2", 1), sent("loyalty:2", 3)])
        self.assertEqual(self.verdict(broker, "loyalty:1").verdict, "defer")
        broker.publish([said("left", "loyalty:2", 4)])
        self.assertEqual(self.verdict(broker, "loyalty:1").verdict, "allow")
        self.assertEqual(self.verdict(broker, "loyalty:2").verdict, "defer")

    def test_of_one_mailing_to_all_each_got_one(self):
        broker = self.with_cap(3)
        broker.publish([joined(f"loyalty:{n}", 1) for n in range(1, 4)]
                       + [sent(f"loyalty:{n}", 2, message={"id": "<all@shop>"})
                          for n in range(1, 4)])
        verdict = self.verdict(broker, "loyalty:1")
        self.assertEqual((verdict.verdict, len(verdict.counted)), ("defer", 3))

    def test_who_lives_with_him_in_two_households_counts_once(self):
        broker = self.with_cap(2)
        broker.publish([joined(f"loyalty:{n}", 1, household=h) for n in (1, 2)
                        for h in ("smith", "weber")] + [sent("loyalty:2", 2)])
        self.assertEqual(len(self.verdict(broker, "loyalty:1").counted), 1)

    def test_who_lives_alone_is_a_household_of_his_own(self):
        broker = self.with_cap(1)
        broker.publish([sent("loyalty:1", 2)])
        self.assertEqual(self.verdict(broker, "loyalty:1").verdict, "defer")

    def test_a_reservation_for_one_takes_the_place_of_all_also_after_a_crash(self):
        broker = self.with_cap(1)
        broker.publish([joined("loyalty:1", 1), joined("loyalty:2", 1)])
        first = self.reserve(broker, "loyalty:1")
        self.assertEqual(first["verdict"], "allow")
        second = self.reserve(broker, "loyalty:2", code=REFUSED)
        self.assertEqual((second["verdict"], second["counted"]), ("defer", [first["position"]]))
        broker.kill()
        broker.start()
        self.assertEqual(self.reserve(broker, "loyalty:2", code=REFUSED)["verdict"], "defer")
        self.assertIs(broker.ask("verify")["ok"], True)

    def test_of_those_who_want_the_last_place_for_different_members_one_gets_it(self):
        broker = self.with_cap(3)
        clients = MEMBERS * CLIENTS_EACH
        barrier = threading.Barrier(clients)
        won = [[] for _ in range(ROUNDS)]

        def member(round, n):
            return f"loyalty:race{round}-{n % MEMBERS}"

        def race(client):
            with broker.wire() as wire:
                for n in range(ROUNDS):
                    query = pb.ContactQuery(customer=member(n, client), channel="email",
                                            purpose="marketing", reserve=True,
                                            reservation=f"{n}-{client}")
                    barrier.wait(60)
                    won[n].append(wire.ask(may_contact=query).may_contact.verdict)

        with broker.wire() as wire:
            for n in range(ROUNDS):
                wire.publish([joined(member(n, m), 1, household=f"h{n}") for m in range(MEMBERS)]
                             + [dict(sent(member(n, m), 1), time=None) for m in range(2)])
        threads = [threading.Thread(target=race, args=(c,)) for c in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([sorted(w) for w in won],
                         [["allow"] + ["defer"] * (clients - 1)] * ROUNDS)
        self.assertEqual(len(broker.replay("--type", "contact.reserved")), ROUNDS)
        self.assertIs(broker.ask("verify")["ok"], True)

    def test_a_cap_says_household_or_nothing_else_behind_its_time(self):
        for value in ("3 in 7 d per house", "3 in per household", "3 in 7 d  per household x"):
            with self.subTest(value=value):
                path = self.file("bad.conf", f"[caps]\nmarketing = {value}\n")
                broker = self.broker(name=f"data{len(self.brokers)}", start=False,
                                     args=["--policy", path])
                broker.spawn()
                self.assertEqual(broker.process.wait(30), 1)
                self.assertIn(f"{path} line 2", broker.log())


class Crash(Case):

    def test_a_household_is_the_same_after_kill_9_and_made_anew(self):
        broker = self.broker()
        broker.publish([joined("loyalty:1", 1, visibility="all", role="father"),
                        joined("loyalty:2", 1, visibility="all"), joined("loyalty:3", 1),
                        touched("made", minute(2), "loyalty:2", offer="hers"),
                        said("left", "loyalty:3", 5)])
        before = {who: broker.context(who)["household"] for who in ("loyalty:1", "loyalty:2")}
        self.assertEqual(shown(broker.context("loyalty:1")), {"loyalty:2": ["hers"]})
        broker.kill()
        broker.start()
        self.assertEqual({who: broker.context(who)["household"] for who in before}, before)
        self.assertEqual(broker.term(), 0)
        done = broker.run("rebuild", "--data", broker.data)
        self.assertEqual(done.code, FINE, done)
        broker.start()
        self.assertEqual({who: broker.context(who)["household"] for who in before}, before)
        self.assertIs(broker.ask("verify")["ok"], True)
