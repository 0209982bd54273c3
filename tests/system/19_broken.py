"""The second opinion sees a fold that is wrong: one broker for each way to break it."""

import os
import sys

from hypothesis import Phase, given

import touchline_pb2 as pb
from harness import BUILD, ROOT, Broker, Case

sys.path.insert(0, str(ROOT / "tests/checker"))

import checker      # noqa: E402
import histories    # noqa: E402
from many import many   # noqa: E402

POLICY = ROOT / "tests/data/policy/minutes.conf"
MIDNIGHT = checker.fold.ns("2024-03-01T00:00:00Z")
HISTORIES_MAX = 300     # by then it must have been seen


class Seen(Exception):
    pass


class Broken(Case):

    def differences(self, way, histories_max=HISTORIES_MAX, of=histories.ARRIVALS):
        """Of the first history in which there are any."""
        broker = Broker(self.dir / (way or "right"), ["--policy", POLICY])
        broker.program = BUILD / "tests/checker/touchlined-broken"
        broker.env = dict(os.environ, TOUCHLINE_BROKEN=way)
        self.brokers.append(broker)
        broker.start()
        found = []
        with broker.wire() as wire:
            check = checker.Checker(wire, pb, POLICY)

            @given(histories.history(of=of))
            def look(drawn):
                numbers = [a.number for a in wire.publish(drawn[0]) if a.code == pb.OK]
                if not numbers:
                    return
                before = wire.position(min(numbers) - 1) if min(numbers) > 1 else "start"
                log = checker.read_log(wire, pb, before)
                found.extend(check.check(log, MIDNIGHT + drawn[1] * 60 * 10**9))
                if found:
                    raise Seen

            try:
                many(look, histories_max, phases=[Phase.generate])()
            except Seen:
                pass
        broker.term()
        return found

    def sees(self, way, *words, **how):
        found = " ".join(self.differences(way, **how))
        self.assertTrue(any(word in found for word in words), f"{way}: {found[:2000]}")

    def test_what_arrived_last_is_taken_for_what_happened_last(self):
        self.sees("arrival", " offers.")

    def test_a_return_counts_as_a_purchase(self):
        self.sees("returns", " value.")

    def test_a_reaction_that_names_only_the_offer_stays_an_orphan(self):
        self.sees("orphans", " offers.")

    def test_what_one_refused_another_grants(self):
        self.sees("strictest", " consents.", "consent: ")

    def test_a_link_is_never_taken_back(self):
        self.sees("unlink", "identifiers", "identity:")

    def test_nobody_hears_that_a_promise_was_kept(self):
        self.sees("kept", " commitments.")

    def test_somebody_elses_name_is_taken_for_his(self):
        self.sees("names", "identifiers")

    def test_who_moved_out_of_a_household_is_still_in_it(self):
        self.sees("left", " household", of=histories.HOMECOMINGS)

    def test_a_cap_of_a_household_counts_what_one_of_it_got(self):
        self.sees("alone", "per household", of=histories.HOMECOMINGS)

    def test_the_same_broker_unbroken_is_right(self):
        self.assertEqual(self.differences("", 50), [])
        self.assertEqual(self.differences("", 50, histories.HOMECOMINGS), [])
