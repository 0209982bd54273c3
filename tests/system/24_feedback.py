"""What the customer said of us, when it was answered, and whether the loop is closed."""

import itertools

import touchline_pb2 as pb
from harness import Shared, event, minute


def said(type, at, customer, id="c1", **more):
    return event(customer=customer, type="feedback." + type, time=minute(at), channel="web",
                 feedback=dict({"id": id}, **more))


def complaint(at, customer, id="c1", **more):
    return said("complaint", at, customer, id, kind="complaint", **more)


class Feedback(Shared):
    def feedback(self, customer):
        return self.shared.context(customer)["feedback"]

    def loop(self, customer, *events):
        self.shared.publish(list(events))
        one, = self.feedback(customer)
        return one["state"], one.get("answered"), one.get("resolved")

    def test_it_is_kept_as_given(self):
        who = "loyalty:8101"
        self.shared.publish([said("review", 1, who, "r1", kind="review", rating="4.5",
                                  rating_max="5", title="Warm socks", public=True)])
        one, = self.feedback(who)
        self.assertEqual((one["id"], one["kind"], one["rating"], one["rating_max"], one["title"],
                          one["public"], one["channel"], one["state"], one["time"]),
                         ("r1", "review", "4.5", "5", "Warm socks", True, "web", "heard",
                          minute(1)))

    def test_reviews_ratings_surveys_complaints_praise_and_beacons_public_or_private(self):
        who = "loyalty:8111"
        kinds = ["review", "rating", "survey", "complaint", "praise", "beacon"]
        for public, (n, kind) in itertools.product((False, True), enumerate(kinds)):
            who = f"loyalty:811{n}-{public}"
            self.shared.publish([said(kind, 1, who, public=public)])
            one, = self.feedback(who)
            self.assertEqual((one["kind"], one["public"]), (kind, public))

    def test_the_clock_runs_until_the_first_answer(self):
        who = "loyalty:8108"
        self.shared.publish([complaint(5, who)])
        self.assertEqual(self.clocks(who, 65), (0, 60 * 60000))
        self.shared.publish([said("answered", 35, who)])
        self.assertEqual(self.clocks(who, 65), (30 * 60000, 0))
        self.shared.publish([said("answered", 15, who)])
        self.assertEqual(self.clocks(who, 65), (10 * 60000, 0))
        self.shared.publish([complaint(55, who), complaint(1, who)])
        self.assertEqual(self.clocks(who, 65), (14 * 60000, 10 * 60000), "he said more")
        self.shared.publish([said("resolved", 60, who)])
        self.assertEqual(self.clocks(who, 65), (14 * 60000, 0))

    def clocks(self, customer, now):
        """First response and waiting, in milliseconds, as of that minute."""
        with self.shared.wire() as wire:
            query = pb.ContextQuery(customer=customer)
            query.now.FromJsonString(minute(now))
            one, = wire.ask(context=query).context.feedback
        return one.response_ms, one.waiting_ms

    def test_the_last_rating_is_shown_behind_open_complaints(self):
        who = "loyalty:8109"
        self.shared.publish([said("rating", 30, who, "last", kind="rating", rating="2"),
                             said("rating", 1, who, "first", kind="rating", rating="5")]
                            + [complaint(40 + n, who, f"c{n}") for n in range(40)])
        shown = self.feedback(who)
        self.assertEqual([one["id"] for one in shown], ["c39", "c38", "c37", "last"])
        self.assertEqual(shown[-1]["rating"], "2")
        self.assertTrue(self.shared.ask("verify")["ok"])

    def test_an_agent_reads_how_long_he_waits(self):
        who = "loyalty:8110"
        self.shared.publish([complaint(5, who, title="late again"),
                             said("review", 1, who, "r1", rating="4.5", rating_max="5"),
                             said("answered", 31, who, "r1")])
        out = self.shared.run("context", who).out
        self.assertRegex(out, r"complaint +heard, WAITS \d+ d +.* late again")
        self.assertRegex(out, r"review +answered, first answer after 30 min .* 4.5 of 5")

    def test_the_first_answer_counts_and_a_resolution_closes(self):
        who = "loyalty:8102"
        self.assertEqual(self.loop(who, complaint(1, who))[0], "heard")
        self.assertEqual(self.loop(who, said("answered", 9, who), said("answered", 5, who))[:2],
                         ("answered", minute(5)))
        self.assertEqual(self.loop(who, said("resolved", 20, who)),
                         ("resolved", minute(5), minute(20)))

    def test_more_said_after_it_was_resolved_opens_it(self):
        who = "loyalty:8103"
        self.assertEqual(self.loop(who, complaint(1, who), said("resolved", 5, who),
                                   complaint(9, who))[0], "heard")

    def test_an_answer_that_comes_before_what_it_answers_waits(self):
        who = "loyalty:8104"
        self.shared.publish([said("answered", 5, who)])
        self.assertEqual(self.feedback(who), [])
        self.assertEqual(self.loop(who, complaint(1, who))[:2], ("answered", minute(5)))

    def test_resolved_under_another_name_of_his_is_resolved(self):
        who, too = "loyalty:8105", "email:8105@example.com"
        self.assertEqual(self.loop(who, complaint(1, who), said("resolved", 5, too),
                                   event(customer=[who, too]))[0], "resolved")

    def test_open_complaints_lead_however_much_was_said_since(self):
        who = "loyalty:8106"
        self.shared.publish([complaint(1, who, title="three weeks late")]
                            + [said("rating", 2 + n, who, f"r{n}", kind="rating", rating="5")
                               for n in range(100)])
        shown = self.feedback(who)
        self.assertEqual([one["id"] for one in shown], ["c1", "r99", "r98", "r97"])
        self.assertIn("complained, not answered",
                      [r["why"] for r in self.shared.context(who)["reasons"]])
        self.assertTrue(self.shared.ask("verify")["ok"])
