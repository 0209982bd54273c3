"""What the customer said of us, when it was answered, and whether the loop is closed."""

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
        self.assertEqual((one["id"], one["kind"], one["rating"], one["title"], one["public"],
                          one["state"], one["time"]),
                         ("r1", "review", "4.5", "Warm socks", True, "heard", minute(1)))

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
