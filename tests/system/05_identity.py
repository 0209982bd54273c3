"""Who is it?"""

import itertools

import touchline_pb2 as pb
from harness import Case, Shared, event, minute, offer, settled


def ids(timeline):
    return [e["id"] for e in timeline]


class Identity(Shared):
    """Each test has its own identifiers, made from `key`."""

    serial = itertools.count(1)

    def setUp(self):
        self.key = f"k{next(self.serial)}"
        self.clock = itertools.count(1)

    def say(self, id, *customers, **more):
        """An event with these identifiers, `%` standing for this test's key."""
        names = [c.replace("%", self.key) for c in customers]
        more.setdefault("time", minute(next(self.clock)))
        self.shared.publish([event(id=f"{self.key}-{id}", customer=names, **more)])

    def seen(self, customer):
        """The ids in that customer's timeline, oldest first."""
        timeline = self.shared.timeline(customer.replace("%", self.key), "--limit", "100")
        return [i.removeprefix(self.key + "-") for i in reversed(ids(timeline))]

    def context(self, customer):
        return self.shared.context(customer.replace("%", self.key))

    def test_two_identifiers_of_one_event_are_one_customer(self):
        self.say("a", "email:joe@%.com", "loyalty:%")
        self.say("b", "loyalty:%")
        self.say("c", "email:joe@%.com")
        self.assertEqual(self.seen("email:joe@%.com"), ["a", "b", "c"])
        self.assertEqual(self.seen("loyalty:%"), ["a", "b", "c"])

    def test_strong_identifiers_of_two_profiles_link_them(self):
        self.say("a", "email:joe@%.com")
        self.say("b", "loyalty:%")
        self.assertEqual(self.seen("loyalty:%"), ["b"])
        self.say("c", "email:joe@%.com", "loyalty:%")
        self.assertEqual(self.seen("loyalty:%"), ["a", "b", "c"])
        self.assertEqual(self.context("email:joe@%.com")["who"]["profiles"], 2)

    def test_different_values_of_a_single_valued_type_never_link(self):
        self.say("a", "loyalty:1%", "email:a@%.com")
        self.say("b", "loyalty:2%", "email:b@%.com")
        customers = self.shared.stat()["customers"]
        self.say("c", "loyalty:1%", "email:b@%.com")
        self.assertEqual(self.shared.stat()["customers"], customers)
        self.assertEqual(self.seen("loyalty:1%"), ["a", "c"])
        self.assertEqual(self.seen("loyalty:2%"), ["b"])
        for customer in ("loyalty:1%", "loyalty:2%"):
            conflicts = self.context(customer)["who"]["conflicts"]
            self.assertEqual([(c["type"], {c["value_a"], c["value_b"]}) for c in conflicts],
                             [("loyalty", {"1" + self.key, "2" + self.key})])

    def test_a_conflict_is_raised_as_an_event_and_is_no_part_of_the_timeline(self):
        self.say("a", "user:1%", "email:a@%.com")
        self.say("b", "user:2%", "email:b@%.com")
        self.say("c", "user:1%", "email:b@%.com")
        raised = [e for e in self.shared.replay("--type", "identity.conflict")
                  if self.key in str(e)]
        self.assertEqual(len(raised), 1)
        self.assertEqual(raised[0]["source"], "touchline")
        self.assertEqual(self.seen("user:1%"), ["a", "c"])

    def test_anonymous_then_known_brings_its_history(self):
        self.say("a", "cookie:%")
        self.say("b", "cookie:%")
        self.say("c", "cookie:%", "email:joe@%.com")
        self.assertEqual(self.seen("email:joe@%.com"), ["a", "b", "c"])
        self.say("d", "cookie:%")
        self.assertEqual(self.seen("email:joe@%.com"), ["a", "b", "c", "d"])

    def test_a_shared_cookie_does_not_drag_another_customers_history_along(self):
        self.say("a1", "cookie:%", "email:a@%.com")
        self.say("a2", "cookie:%")
        self.say("b1", "cookie:%", "email:b@%.com")
        self.say("b2", "cookie:%")
        self.assertEqual(self.seen("email:a@%.com"), ["a1", "a2"])
        self.assertEqual(self.seen("email:b@%.com"), ["b1", "b2"])
        self.say("a3", "cookie:%", "email:a@%.com")
        self.say("a4", "cookie:%")
        self.assertEqual(self.seen("email:a@%.com"), ["a1", "a2", "a3", "a4"])
        self.assertEqual(self.seen("email:b@%.com"), ["b1", "b2"])

    def test_a_phone_seen_with_one_customer_finds_him_unverified(self):
        phone = f"phone:+1212555{int(self.key[1:]):04}"
        self.say("a", "email:joe@%.com", phone)
        self.say("b", phone, type="call.offered", channel="call")
        self.assertEqual(self.seen("email:joe@%.com"), ["a", "b"])
        recent = {r["type"]: r for r in self.context("email:joe@%.com")["recent"]}
        self.assertTrue(recent["call.offered"]["unverified"])
        self.assertFalse(recent["page.viewed"].get("unverified", False))
        self.assertEqual(self.seen(phone), ["a", "b"])

    def test_a_phone_seen_with_several_customers_lists_them_and_merges_nobody(self):
        phone = f"phone:+1213555{int(self.key[1:]):04}"
        self.say("a", "email:a@%.com", phone)
        self.say("b", "email:b@%.com", phone)
        self.say("c", phone, type="call.offered", channel="call")
        self.assertEqual(self.seen("email:a@%.com"), ["a"])
        self.assertEqual(self.seen("email:b@%.com"), ["b"])
        candidates = self.context(phone)["who"]["candidates"]
        self.assertEqual({(c["type"], c["value"]) for c in candidates},
                         {("email", f"a@{self.key}.com"), ("email", f"b@{self.key}.com")})

    def test_a_phone_in_two_spellings_is_one_phone(self):
        n = int(self.key[1:])
        self.say("a", "email:joe@%.com", f"phone:+1 (212) 666-{n:04}")
        self.say("b", f"phone:+1212666{n:04}")
        self.assertEqual(self.seen("email:joe@%.com"), ["a", "b"])

    def test_a_national_number_needs_a_region(self):
        n = int(self.key[1:])
        self.say("a", "email:joe@%.com", f"phone:(650) 253-{n:04}", region="US")
        self.say("b", f"phone:+1650253{n:04}")
        self.assertEqual(self.seen("email:joe@%.com"), ["a", "b"])

    def test_zeros_in_front_of_a_card_number_count(self):
        self.say("a", "loyalty:007%")
        self.say("b", "loyalty:7%")
        self.assertEqual(self.seen("loyalty:007%"), ["a"])

    def test_a_tag_in_an_address_counts_and_capitals_do_not(self):
        self.say("a", "email:Joe@%.COM")
        self.say("b", "email:joe+news@%.com")
        self.say("c", "email:joe@%.com")
        self.assertEqual(self.seen("email:joe@%.com"), ["a", "c"])

    def test_a_receipt_is_a_customer_until_it_is_claimed(self):
        self.say("a", "receipt:%")
        self.assertEqual(self.seen("receipt:%"), ["a"])
        self.say("b", "receipt:%", "loyalty:%")
        self.assertEqual(self.seen("loyalty:%"), ["a", "b"])

    def test_offers_of_linked_profiles_are_joined(self):
        self.say("a", "email:joe@%.com", type="offer.made", channel="email",
                 offers=[offer("made", "shoes", "spring")])
        self.say("b", "loyalty:%", type="offer.redeemed", channel="pos",
                 offers=[offer("redeemed", "shoes", "spring")])
        self.assertEqual([o["state"] for o in self.context("email:joe@%.com")["offers"]], ["made"])
        self.say("c", "loyalty:%", "email:joe@%.com")
        for customer in ("loyalty:%", "email:joe@%.com"):
            offers = self.context(customer)["offers"]
            self.assertEqual([(o["offer"], o["state"], o.get("orphan", False)) for o in offers],
                             [("shoes", "redeemed", False)])

    def test_a_link_is_an_event_of_the_bus_with_its_cause(self):
        self.say("a", "email:joe@%.com")
        self.say("b", "loyalty:%")
        self.say("c", "email:joe@%.com", "loyalty:%")
        links = [e for e in self.shared.replay("--type", "identity.linked")
                 if self.key in str(e)]
        self.assertEqual(len(links), 1)
        self.assertEqual(links[0]["source"], "touchline")
        shown, = [e for e in self.shared.timeline(f"loyalty:{self.key}")
                  if e["id"] == f"{self.key}-c"]
        self.assertEqual(links[0]["causation_id"], shown["position"])
        self.say("d", "email:joe@%.com", "loyalty:%")
        self.assertEqual(len([e for e in self.shared.replay("--type", "identity.linked")
                              if self.key in str(e)]), 1)

    def link(self, a, b, code=0, verb="link"):
        """What the command says; `%` stands for this test's key."""
        names = [n.replace("%", self.key) for n in (a, b)]
        done = self.shared.run(verb, *names, "--evidence", "she said so", "--by", "Ann", "-o",
                               "json")
        self.assertEqual(done.code, code, done)
        return done

    def unlink(self, a, b, code=0):
        return self.link(a, b, code, "unlink")

    def word(self, id, type, a, b, **more):
        """The code of the answer to such an event of a source's own."""
        sides = [dict(zip(("type", "value"), n.replace("%", self.key).split(":", 1)))
                 for n in (a, b)]
        said = {"id": f"{self.key}-{id}", "source": "desk", "type": f"identity.{type}",
                "link": {"a": sides[0], "b": sides[1], "evidence": "letter"}, **more}
        with self.shared.wire() as wire:
            answer, = wire.publish([said])
        return pb.Code.Name(answer.code), answer.detail

    def test_a_person_links_two_customers_and_takes_it_back(self):
        self.say("a", "email:joe@%.com", type="offer.made", offers=[offer("made")])
        self.say("b", "loyalty:%", type="offer.clicked", offers=[offer("clicked")])
        before = self.answers("email:joe@%.com", "loyalty:%")
        self.link("email:joe@%.com", "loyalty:%")
        self.assertEqual(self.seen("loyalty:%"), ["a", "b"])
        self.assertEqual(self.context("email:joe@%.com")["who"]["profiles"], 2)
        self.unlink("loyalty:%", "email:joe@%.com")
        self.assertEqual(self.answers("email:joe@%.com", "loyalty:%"), before)

    def answers(self, *customers):
        """All that is said of them, whatever the log's end is."""
        return [(dict(settled(self.context(c)), position=""), self.seen(c)) for c in customers]

    def test_what_was_unlinked_is_not_linked_by_the_same_evidence_again(self):
        self.say("a", "email:joe@%.com")
        self.say("b", "loyalty:%")
        self.say("c", "loyalty:%", "email:joe@%.com")
        self.unlink("loyalty:%", "email:joe@%.com")
        customers = self.shared.stat()["customers"]
        self.say("d", "loyalty:%", "email:joe@%.com")
        self.assertEqual(self.shared.stat()["customers"], customers)
        self.assertEqual(self.seen("email:joe@%.com"), ["a"])
        self.assertEqual(self.seen("loyalty:%"), ["b", "c", "d"])
        self.link("loyalty:%", "email:joe@%.com")
        self.assertEqual(self.seen("email:joe@%.com"), ["a", "b", "c", "d"])

    def test_what_a_cookie_once_brought_can_be_taken_back_by_its_name(self):
        self.say("a", "cookie:%")
        self.say("b", "cookie:%", "loyalty:%")
        self.assertEqual(self.seen("loyalty:%"), ["a", "b"])
        self.unlink("loyalty:%", "cookie:%")
        self.assertEqual(self.seen("loyalty:%"), ["b"])
        self.link("loyalty:%", "cookie:%")
        self.assertEqual(self.seen("loyalty:%"), ["a", "b"])

    def test_a_shared_phone_linked_twice_begins_one_more_and_is_unlinked_by_its_name(self):
        self.say("a", "phone:+4930" + self.key[1:].rjust(7, "1"), "loyalty:1%")
        self.say("b", "phone:+4930" + self.key[1:].rjust(7, "1"), "loyalty:2%")
        phone = "phone:+4930" + self.key[1:].rjust(7, "1")
        self.say("c", phone)
        for _ in range(2):
            self.link("loyalty:1%", phone)
            self.assertEqual(self.context("loyalty:1%")["who"]["profiles"], 2)
        self.assertEqual(self.seen("loyalty:1%"), ["a", "c"])
        self.unlink("loyalty:1%", phone)
        self.assertEqual(self.seen("loyalty:1%"), ["a"])
        self.assertEqual(self.seen("loyalty:2%"), ["b"])

    def test_the_latest_word_counts_whatever_the_order_of_arrival(self):
        for n, words in enumerate(itertools.permutations(
                [("linked", 2), ("unlinked", 4), ("linked", 6)])):
            a, b = f"email:{n}@%.com", f"loyalty:{n}%"
            self.say(f"a{n}", a)
            for type, when in words:
                self.assertEqual(self.word(f"{n}-{when}", type, a, b, time=minute(when)),
                                 ("OK", ""))
            self.assertEqual(self.context(b)["who"]["profiles"], 2, words)
            self.word(f"{n}-5", "unlinked", a, b, time=minute(5))
            self.assertEqual(self.context(b)["who"]["profiles"], 2, words)
            self.word(f"{n}-7", "unlinked", b, a, time=minute(7))
            self.assertEqual(self.context(b)["who"]["profiles"], 1, words)

    def test_the_same_word_again_changes_nothing(self):
        self.say("a", "email:joe@%.com")
        self.say("b", "loyalty:%")
        apart = self.shared.stat()["customers"]
        for _ in range(2):
            self.link("email:joe@%.com", "loyalty:%")
            self.assertEqual(self.shared.stat()["customers"], apart - 1)
        for _ in range(2):
            self.unlink("email:joe@%.com", "loyalty:%")
            self.assertEqual(self.shared.stat()["customers"], apart)

    def test_a_link_to_himself_is_refused_with_a_sentence(self):
        self.say("a", "email:joe@%.com", "loyalty:%")
        before = self.shared.stat()["events"]
        for n, b in enumerate(("email:JOE@%.com", "loyalty:%")):
            code, detail = self.word(f"s{n}", "linked", "email:joe@%.com", b)
            self.assertEqual(code, "BAD_FACET")
            self.assertIn("a and b are", detail)
        self.assertIn("one profile", self.unlink("loyalty:%", "email:joe@%.com", code=1).err)
        self.assertEqual(self.shared.stat()["events"], before)

    def test_customers_nobody_has_seen_can_be_linked(self):
        self.link("email:new@%.com", "loyalty:new%")
        self.assertEqual(self.context("loyalty:new%")["who"]["profiles"], 2)
        self.say("a", "email:new@%.com")
        self.assertEqual(self.seen("loyalty:new%"), ["a"])

    def test_a_person_links_in_spite_of_a_conflict(self):
        self.say("a", "loyalty:1%", "email:a@%.com")
        self.say("b", "loyalty:2%", "email:b@%.com")
        self.say("c", "loyalty:1%", "email:b@%.com")
        self.link("loyalty:1%", "loyalty:2%")
        self.assertEqual(self.seen("email:b@%.com"), ["a", "b", "c"])

    def test_a_conflict_with_one_of_a_linked_pair_stays_with_him_who_was_named(self):
        self.say("a", "loyalty:0%", "loyalty:1%")
        self.link("loyalty:1%", "loyalty:2%")
        self.say("b", "loyalty:0%", "loyalty:2%")
        self.unlink("loyalty:1%", "loyalty:2%")
        for card in ("1", "2"):
            conflict, = self.context(f"loyalty:{card}%")["who"]["conflicts"]
            self.assertEqual({conflict["value_a"], conflict["value_b"]},
                             {"0" + self.key, card + self.key})

    def test_a_conflict_first_seen_with_one_linked_to_him_is_his_too_when_he_is_named(self):
        self.say("a", "email:a@%.com")
        self.link("loyalty:2%", "email:a@%.com")
        self.say("b", "loyalty:0%", "email:a@%.com")
        self.say("c", "loyalty:0%", "loyalty:2%")
        self.assertEqual(len(self.context("loyalty:2%")["who"]["conflicts"]), 1)
        self.unlink("loyalty:2%", "email:a@%.com")
        self.assertEqual(len(self.context("loyalty:2%")["who"]["conflicts"]), 1)

    def test_those_joined_by_way_of_others_are_not_parted_halfway(self):
        self.say("a", "email:a@%.com")
        self.say("b", "loyalty:%")
        self.say("c", "user:%")
        self.link("email:a@%.com", "user:%")
        self.link("loyalty:%", "user:%")
        self.assertIn("by way of other", self.unlink("email:a@%.com", "loyalty:%", code=1).err)
        self.unlink("user:%", "loyalty:%")
        self.assertEqual(self.seen("loyalty:%"), ["b"])
        self.assertEqual(self.seen("user:%"), ["a", "c"])

    def test_the_agents_choice_settles_whose_a_shared_phone_is(self):
        phone = f"phone:+1214555{int(self.key[1:]):04}"
        self.say("a", "email:a@%.com", phone)
        self.say("b", "email:b@%.com", phone)
        self.say("c", phone, type="call.offered", channel="call")
        self.link(phone, "email:b@%.com")
        self.assertEqual(self.seen("email:b@%.com"), ["b", "c"])
        self.assertEqual(self.seen("email:a@%.com"), ["a"])

    def test_operational_events_belong_to_nobody(self):
        before = self.shared.stat()
        self.shared.publish([event(id=self.key, customer=None, type="source.started",
                                   channel="system")])
        after = self.shared.stat()
        self.assertEqual(after["events"], before["events"] + 1)
        self.assertEqual(after["profiles"], before["profiles"])

    def test_identifiers_are_listed_with_when_they_were_seen(self):
        self.say("a", "email:joe@%.com", time=minute(5))
        self.say("b", "email:joe@%.com", "loyalty:%", time=minute(2))
        self.say("c", "email:joe@%.com", time=minute(9))
        known = {i["type"]: i for i in self.context("loyalty:%")["who"]["identifiers"]}
        self.assertEqual(set(known), {"email", "loyalty"})
        self.assertEqual(known["email"]["value"], f"joe@{self.key}.com")


class Later(Case):

    def test_what_was_decided_stays_decided_after_a_restart(self):
        broker = self.broker()
        said = [["email:a@x.com"], ["loyalty:1"], ["email:a@x.com", "loyalty:1"], ["cookie:c"],
                ["cookie:c", "email:b@x.com"], ["cookie:c"], ["cookie:c", "email:a@x.com"],
                ["phone:+12125550100", "email:a@x.com"], ["phone:+12125550100"],
                ["phone:+12125550100", "email:b@x.com"], ["phone:+12125550100"],
                ["loyalty:2", "email:a@x.com"]]
        broker.publish([event(id=f"e{i}", customer=c, time=minute(i)) for i, c in enumerate(said)])
        asked = ["email:a@x.com", "email:b@x.com", "loyalty:1", "loyalty:2", "cookie:c",
                 "phone:+12125550100"]

        def answers():
            return [(settled(broker.context(a)), broker.timeline(a)) for a in asked]

        before = answers()
        broker.restart()
        self.assertEqual(answers(), before)
        broker.kill()
        broker.start()
        self.assertEqual(answers(), before)

    def test_at_most_64_profiles_make_a_customer(self):
        broker = self.broker()
        with broker.wire() as wire:
            wire.publish([event(customer=f"email:p{i}@x.com", id=f"alone{i}") for i in range(70)])
            answers = wire.publish([event(customer=[f"email:p{i}@x.com", f"email:p{i + 1}@x.com"],
                                          id=f"link{i}") for i in range(69)])
            self.assertTrue(all(a.code == 0 for a in answers))
            reply = wire.ask(context=pb.ContextQuery(customer="email:p0@x.com"))
            self.assertEqual(reply.context.who.profiles, 64)

    def test_a_link_that_would_make_65_profiles_one_customer_is_refused(self):
        broker = self.broker()
        broker.publish([event(customer=f"email:p{i}@x.com", id=f"e{i}") for i in range(65)])
        for i in range(1, 64):
            broker.ask("link", "email:p0@x.com", f"email:p{i}@x.com", "--evidence", "form")
        done = broker.run("link", "email:p64@x.com", "email:p9@x.com", "--evidence", "form")
        self.assertEqual(done.code, 1)
        self.assertIn("at most 64 profiles", done.err)
        self.assertEqual(broker.context("email:p9@x.com")["who"]["profiles"], 64)
        self.assertEqual(broker.context("email:p64@x.com")["who"]["profiles"], 1)

    def test_64_are_unlinked_from_one_and_no_more(self):
        broker = self.broker()
        for i in range(64):
            broker.ask("unlink", "email:one@x.com", f"email:p{i}@x.com", "--evidence", "form")
        done = broker.run("unlink", "email:one@x.com", "email:p64@x.com", "--evidence", "form")
        self.assertEqual(done.code, 1)
        self.assertIn("at most 64 profiles", done.err)
        broker.ask("link", "email:one@x.com", "email:p63@x.com", "--evidence", "form")
        broker.ask("unlink", "email:one@x.com", "email:p64@x.com", "--evidence", "form")

    def test_what_people_linked_survives_a_crash_and_verifies(self):
        broker = self.broker()
        broker.publish([event(customer=f"email:p{i}@x.com", id=f"e{i}") for i in range(4)])
        broker.ask("link", "email:p0@x.com", "email:p1@x.com", "--evidence", "form")
        broker.ask("link", "email:p2@x.com", "email:p3@x.com", "--evidence", "form")
        broker.ask("unlink", "email:p2@x.com", "email:p3@x.com", "--evidence", "form")
        customers = broker.stat()["customers"]
        broker.kill()
        broker.start()
        self.assertEqual([broker.context(f"email:p{i}@x.com")["who"]["profiles"]
                          for i in range(4)], [2, 2, 1, 1])
        self.assertEqual(broker.stat()["customers"], customers)
        self.assertEqual(customers, 3)
        broker.ask("verify")

    def test_an_identifier_asked_in_another_spelling_finds_its_customer(self):
        broker = self.broker()
        broker.publish([event(customer="email:joe@example.com")])
        self.assertEqual(len(broker.timeline("email:JOE@Example.COM")), 1)
