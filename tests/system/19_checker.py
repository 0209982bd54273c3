"""A second opinion: random histories and real tables, folded once more by tests/checker."""

import collections
import gzip
import itertools
import json
import os
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

import touchline_pb2 as pb
from harness import BUILD, ROOT, Case, SharedWire, event

sys.path.insert(0, str(ROOT / "tests/checker"))

import bank         # noqa: E402
import checker      # noqa: E402
import histories    # noqa: E402
from many import many   # noqa: E402

CHECKER = ROOT / "tests/checker/checker.py"
TABLES = ROOT / "demo/data"
MAPS = ROOT / "adapters/csv/maps"
LONG = "TOUCHLINE_HISTORIES" in os.environ
TABLE_LINES = None if LONG else 500
BANK = ROOT / "tests/data/bank-marketing/bank-additional-full.part.csv.gz"
BATCH = 500
POLICY = ROOT / "tests/data/policy/minutes.conf"
MAP_OF = {"campaigns": "campaigns", "coupon_redemptions": "redemptions",
          "transactions_sample": "transactions"}

MIDNIGHT = checker.fold.ns("2024-03-01T00:00:00Z")
NOW = checker.fold.ns("2017-06-02T10:00:00Z")


def at(minutes):
    return MIDNIGHT + minutes * 60 * 10**9


class Histories(SharedWire):

    config = f"[broker]\npolicy = {POLICY}\n"

    def tell(self, events):
        """Publishes, and returns what this added to the log."""
        answers = self.wire.publish(events)
        numbers = [a.number for a in answers if a.code == pb.OK]
        # Of people's words only those that cannot be done are refused.
        refused = [a for a, e in zip(answers, events)
                   if a.code != pb.OK and not (a.code == pb.BAD_FACET and "link" in e)]
        self.assertEqual(refused, [])
        if not numbers:
            return []
        number = min(numbers)
        before = self.wire.position(number - 1) if number > 1 else "start"
        return checker.read_log(self.wire, pb, before)

    @many
    @given(histories.history())
    def test_random_history_every_answer_is_what_the_design_says(self, drawn):
        events, now = drawn
        differences = checker.Checker(self.wire, pb, POLICY).check(self.tell(events), at(now))
        self.assertEqual(differences, [], events)

    @many
    @given(histories.history(of=histories.HOMECOMINGS))
    def test_random_history_of_a_family_every_answer_is_what_the_design_says(self, drawn):
        events, now = drawn
        differences = checker.Checker(self.wire, pb, POLICY).check(self.tell(events), at(now))
        self.assertEqual(differences, [], events)

    @many
    @given(histories.history(wandering=False), st.randoms(use_true_random=False))
    def test_random_history_the_order_of_arrival_makes_no_difference(self, drawn, random):
        self.check_order_makes_no_difference(*drawn, random)

    @many
    @given(histories.history(wandering=False, of=histories.HOMECOMINGS),
           st.randoms(use_true_random=False))
    def test_random_history_of_a_family_the_order_of_arrival_makes_no_difference(self, drawn,
                                                                                 random):
        self.check_order_makes_no_difference(*drawn, random)

    @many
    @given(histories.history(of=histories.PITCHES))
    def test_random_history_of_offers_every_answer_is_what_the_design_says(self, drawn):
        events, now = drawn
        differences = checker.Checker(self.wire, pb, POLICY).check(self.tell(events), at(now))
        self.assertEqual(differences, [], events)

    @many
    @given(histories.history(wandering=False, of=histories.PITCHES),
           st.randoms(use_true_random=False))
    def test_random_history_of_offers_the_order_of_arrival_makes_no_difference(self, drawn,
                                                                               random):
        self.check_order_makes_no_difference(*drawn, random)

    @many
    @given(histories.history(of=histories.ORDERS))
    def test_random_history_of_orders_every_answer_is_what_the_design_says(self, drawn):
        events, now = drawn
        differences = checker.Checker(self.wire, pb, POLICY).check(self.tell(events), at(now))
        self.assertEqual(differences, [], events)

    @many
    @given(histories.history(wandering=False, of=histories.ORDERS),
           st.randoms(use_true_random=False))
    def test_random_history_of_orders_the_order_of_arrival_makes_no_difference(self, drawn,
                                                                               random):
        self.check_order_makes_no_difference(*drawn, random)

    def check_order_makes_no_difference(self, events, now, random):
        events = apart(events)
        key = key_of(events)
        new = f"h{next(histories.KEYS)}"
        self.tell(events)
        self.tell(random.sample(renamed(events, key, new), len(events)))
        names = sorted({f"{i['type']}:{i['value']}" for e in events
                        for i in e.get("identifiers", [])})
        again = renamed(names, key, new)
        for name, one, other in zip(names, self.said_of(names, at(now)),
                                    self.said_of(again, at(now))):
            differences = []
            checker.compare(name, one, renamed(other, new, key), differences)
            self.assertEqual(differences, [], events)

    def said_of(self, customers, now):
        ask = checker.Checker(self.wire, pb, POLICY)
        replies = self.wire.ask_all({"context": pb.ContextQuery(
            customer=name, now=ask.stamp(now), bytes_max=checker.BYTES_MAX)}
            for name in customers)
        return [self.settled(checker.plain(reply.context)) for reply in replies]

    def settled(self, context):
        """What is said of somebody, whoever he is and whatever the positions are."""
        for consent in context["consents"]:
            consent["identifier"] = consent["identifier"] is not None
        for relative in context["household"]:
            # By the name that was seen last; one that only a person's word ever named was seen
            # with it, if the word came first.
            relative.pop("customer")
        for contact in context["recent"]:
            # Who was not known yet when it arrived was nobody to be sure of.
            contact.pop("unverified")
        return {name: context[name] for name in
                ("offers", "offers_more", "consents", "commitments", "feedback", "value",
                 "may_contact", "recent", "household", "household_more", "conversations",
                 "relationship")} | {
                     name: context["who"][name] for name in ("attributes", "households")}


def key_of(events):
    return events[0]["id"].split(".")[0]


def apart(events):
    """Each at a time of its own that has been: ties are decided by arrival."""
    times = {e["id"]: f"2024-03-01T00:{n % 13:02}:{n:02}Z" for n, e in enumerate(events)}
    return [histories.at(e, times[e["id"]]) for e in events]


def renamed(events, key, new):
    """The same of other people and offers: the key is found nowhere but in names."""
    phone, as_phone = (histories.named("{phone}", k) for k in (key, new))
    text = json.dumps(events).replace(key, new).replace(phone, as_phone)
    return json.loads(text)


class Tables(Case):
    """Real ones: a part of each, or the whole in the long check."""

    def test_every_answer_about_a_year_of_a_grocers_tables_is_what_the_design_says(self):
        broker = self.broker()
        for table in ("campaign_descriptions", *MAP_OF):
            with gzip.open(TABLES / f"{table}.csv.gz", "rt") as lines:
                some = itertools.islice(lines, TABLE_LINES and TABLE_LINES + 1)
                self.file(f"{table}.csv", "".join(some))
        for table, map in MAP_OF.items():
            done = broker.run("ingest", "--format", "csv", "--map",
                              MAPS / f"completejourney-{map}.map", self.dir / f"{table}.csv",
                              timeout=600)
            self.assertEqual(done.code, 0, done)
        log = broker.replay()
        with broker.wire() as wire:
            self.assertEqual(checker.Checker(wire, pb).check(log, NOW), [])
        types = collections.Counter(e["type"] for e in log)
        redeeming = {(e["identifiers"][0]["value"], e["campaign"]) for e in log
                     if e["type"] == "coupon.redeemed"}
        if LONG:
            self.assertEqual((types["offer.made"], types["coupon.redeemed"], len(redeeming)),
                             (4380, 1373, 516))
            self.assertEqual(types["sale.completed"] + types["sale.returned"], 30988)
        else:
            self.assertGreater(len(log), 2 * TABLE_LINES)

    def test_every_answer_about_a_banks_tables_is_what_the_design_says(self):
        broker = self.broker()
        events = list(bank.events(BANK, TABLE_LINES))
        with broker.wire() as wire:
            for n in range(0, len(events), BATCH):
                self.assertEqual({a.code for a in wire.publish(events[n:n + BATCH])}, {pb.OK})
            log = checker.read_log(wire, pb)
            self.assertEqual(len(log), len(events))
            self.assertEqual(checker.Checker(wire, pb).check(log, NOW), [])
        if LONG:
            calls = [e for e in log if e["id"].endswith("-call")]
            yes = [e for e in log if e["id"].endswith("-answer") and "before" not in e["id"]
                   and e["offers"][0]["outcome"] == "accepted"]
            self.assertEqual((len(calls), len(yes)), (27459, 3071))

    def test_the_command_says_what_it_found(self):
        broker = self.broker()
        broker.publish([event(), event(customer="email:joe@example.com")])
        done = subprocess.run([sys.executable, "-B", CHECKER, "--broker", broker.endpoint,
                               "--build", BUILD], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
