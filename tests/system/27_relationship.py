"""Who talked and who listened: of each customer, and of the company."""

import random

import touchline_pb2 as pb
from harness import Case, Shared, event, minute

NOW = "2024-03-01T23:59:00Z"


def said(type, at, customer, conversation=None, **more):
    if conversation:
        more["conversation"] = conversation
    more.setdefault("channel", type.split(".")[0])
    return event(customer=customer, type=type, time=minute(at), **more)


def promised(word, at, customer, id, due=None):
    promise = {"id": id, "text": "call back"}
    if due is not None:
        promise["due"] = minute(due)
    return said(f"commitment.{word}", at, customer, commitments=[promise])


def complained(word, at, customer, id="f1", **more):
    return said(f"feedback.{word}", at, customer, channel="web", feedback=dict(id=id, **more))


def told(reply):
    """A relationship's fields that are not 0."""
    return {field.name: value for field, value in reply.ListFields()
            if field.name != "response_within"}


def story(who):
    """What a year with one customer may look like, in an hour."""
    events = [said("email.sent", n, who, message={"id": f"m{n}"}) for n in range(10)]
    events += [said("email.delivered", n, who, message={"id": f"m{n}"}) for n in range(8)]
    events += [said("email.opened", 2, who), said("email.link_clicked", 3, who),
               said("email.replied", 4, who, message={"id": "r", "in_reply_to": "m1"}),
               said("email.sent", 6, who, "c1"), said("email.received", 9, who, "c1"),
               said("email.received", 20, who, "c2"), said("email.sent", 50, who, "c2"),
               said("email.received", 51, who, "c3"),
               said("call.offered", 30, who, direction="inbound", subject="L1"),
               said("call.answered", 31, who, direction="inbound", subject="L1"),
               said("call.ended", 39, who, direction="inbound", subject="L1"),
               complained("complaint", 40, who), complained("answered", 55, who),
               promised("made", 1, who, "p1", 30), promised("kept", 29, who, "p1"),
               promised("made", 1, who, "p2", 30), promised("broken", 35, who, "p2"),
               promised("made", 1, who, "p3", 45)]
    return events


# What that comes to, by hand.
STORY = {"ours": 13,            # ten and two sent, the complaint answered
         "his": 6,              # a reply, three letters, a call, a complaint
         "ours_percent": 68, "opened": 1, "clicked": 1,
         "conversations": 5,    # the reply's, c1, c2, c3, the call
         "begun": 2,            # the reply's and c1
         "replied": 2,
         "heard": 4,            # c2, c3, the call, the complaint
         "answered": 3,
         "unanswered": 3,       # the reply, c1 and c3
         "promises_kept": 1, "promises_broken": 1, "promises_overdue": 1, "kept_percent": 33,
         "responses": 3, "response_mean_ms": (30 + 1 + 15) * 60000 // 3}


class Customers(Shared):

    def relationship(self, customer):
        with self.shared.wire() as wire:
            query = pb.ContextQuery(customer=customer, sections=["relationship"])
            query.now.FromJsonString(NOW)
            return wire.ask(context=query).context.relationship

    def told(self, customer, *events):
        self.shared.publish(list(events))
        return told(self.relationship(customer))

    def test_a_story_comes_to_what_one_counts_by_hand(self):
        who = "loyalty:8301"
        self.assertEqual(self.told(who, *story(who)), STORY)
        self.assertEqual([(c.name, c.count) for c in self.relationship(who).response_within],
                         [("1 min", 1), ("15 min", 1), ("1 h", 1)])

    def test_in_whatever_order_it_is_told_and_however_often(self):
        dice = random.Random(7)
        for round in range(5):
            who = f"loyalty:831{round}"
            events = story(who)
            events += dice.sample(events, 10)
            dice.shuffle(events)
            self.assertEqual(self.told(who, *events), STORY)

    def test_of_two_joined_it_is_the_sum_and_parted_it_is_as_before(self):
        one, two = "loyalty:8321", "email:8321@example.com"
        self.shared.publish(story(one)[:20] + story(two)[20:])
        before = [told(self.relationship(who)) for who in (one, two)]
        self.shared.ask("link", one, two, "--evidence", "a letter")
        both = told(self.relationship(one))
        self.assertEqual(both, told(self.relationship(two)))
        self.assertEqual(both, STORY)
        self.shared.ask("unlink", one, two, "--evidence", "a letter")
        self.assertEqual([told(self.relationship(who)) for who in (one, two)], before)

    def test_what_is_sent_and_delivered_is_one_and_by_each_channel(self):
        who = "loyalty:8331"
        self.assertEqual(self.told(who, said("email.sent", 1, who), said("email.delivered", 2, who),
                                   said("email.delivered", 3, who), said("sms.sent", 4, who),
                                   said("push.received", 5, who))["ours"], 4)

    def test_of_whom_nothing_was_said_nothing_is_told(self):
        who = "loyalty:8341"
        self.shared.publish([said("page.viewed", 1, who)])
        with self.shared.wire() as wire:
            context = wire.ask(context=pb.ContextQuery(customer=who)).context
        self.assertFalse(context.HasField("relationship"))

    def test_a_promise_is_overdue_as_of_the_time_asked(self):
        who = "loyalty:8351"
        self.shared.publish([promised("made", 1, who, "p1", 30)])
        with self.shared.wire() as wire:
            for now, overdue in ((29, 0), (30, 1)):
                query = pb.ContextQuery(customer=who)
                query.now.FromJsonString(minute(now))
                found = wire.ask(context=query).context.relationship
                self.assertEqual(found.promises_overdue, overdue)

    def test_an_agent_reads_it_in_a_sentence(self):
        who = "loyalty:8361"
        self.shared.publish(story(who))
        out = self.shared.run("context", who).out
        self.assertIn("we wrote or called 13 times, he opened or clicked 2 times and answered "
                      "2 times; he wrote or called 6 times, we answered 3 of 4, 3 UNANSWERED; "
                      "1 of 3 promises kept; first answer after 15 min on average", out)
        self.assertNotIn("HE AND WE", self.shared.run("context", who, "--section", "value").out)

    def test_of_whom_nobody_wrote_or_called_no_sentence_is_made(self):
        who = "loyalty:8362"
        self.shared.publish([event(customer=who, type="page.viewed", channel="web")])
        self.assertNotIn("HE AND WE", self.shared.run("context", who).out)


class Company(Case):

    def sums(self, broker):
        return broker.stat()["relationship"]

    def settled(self, broker, count):
        """The bus has said what is overdue."""
        from harness import until
        until(lambda: self.sums(broker)["promises_overdue"] == count)
        return self.sums(broker)

    def test_it_is_the_sum_of_all_customers_whatever_the_order(self):
        expected = {name: 10 * n for name, n in STORY.items()
                    if not name.endswith(("percent", "mean_ms"))}
        broker, other = self.broker(), self.broker("other")
        events = [e for n in range(10) for e in story(f"loyalty:84{n}")]
        broker.publish(events)
        shuffled = events + events[::7]
        random.Random(3).shuffle(shuffled)
        other.publish(shuffled)
        sums = self.settled(broker, 10)
        self.assertEqual({name: sums[name] for name in expected}, expected)
        self.assertEqual((sums["response_within"], sums["kept_percent"], sums["ours_percent"]),
                         ({"1 min": 10, "15 min": 10, "1 h": 10}, 33, 68))
        self.assertEqual(self.settled(other, 10), sums)
        for one in (broker, other):
            self.assertTrue(one.ask("verify")["ok"])
            one.kill()
            one.start()
            self.assertEqual(self.sums(one), sums)
        out = broker.run("stat").out
        self.assertIn("we wrote or called 130 times, they opened or clicked 20 times", out)

    def test_who_is_one_makes_no_difference_to_it(self):
        broker = self.broker()
        broker.publish(story("loyalty:1") + story("email:1@example.com"))
        before = self.settled(broker, 2)
        broker.ask("link", "loyalty:1", "email:1@example.com", "--evidence", "a letter")
        self.assertEqual(self.sums(broker), before)
