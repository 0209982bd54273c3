"""One conversation across channels: who waits for whom, and how long the first answer took."""

import json

import touchline_pb2 as pb
from harness import Case, Shared, event, minute

NOW = "2024-03-01T23:59:00Z"


def said(type, at, customer, conversation=None, **more):
    if conversation:
        more["conversation"] = conversation
    more.setdefault("channel", type.split(".")[0])
    return event(customer=customer, type=type, time=minute(at), **more)


def call(word, at, customer, direction="inbound", id="L1", **more):
    return said(f"call.{word}", at, customer, direction=direction, subject=id, **more)


class Asked(Shared):
    """What is answered as of the end of the first day."""

    def context(self, customer):
        with self.shared.wire() as wire:
            query = pb.ContextQuery(customer=customer)
            query.now.FromJsonString(NOW)
            return wire.ask(context=query).context

    def conversations(self, customer, *events):
        if events:
            self.shared.publish(list(events))
        return list(self.context(customer).conversations)

    def only(self, customer, *events):
        talk, = self.conversations(customer, *events)
        return talk


class Conversations(Asked):

    def test_a_letter_a_call_about_it_and_the_answer_are_one(self):
        who = "loyalty:8201"
        talk = self.only(
            who, said("email.received", 1, who, "T-17", message={
                "id": "a@x", "subject": "Where is my parcel?"}),
            call("offered", 30, who, conversation="T-17"),
            call("answered", 31, who, conversation="T-17"),
            call("ended", 40, who, conversation="T-17"),
            said("email.sent", 50, who, "T-17"))
        self.assertEqual((talk.id, list(talk.channels), talk.events, talk.title, talk.open),
                         ("T-17", ["call", "email"], 5, "Where is my parcel?", True))
        self.assertEqual((talk.first_time.ToJsonString(), talk.last_time.ToJsonString()),
                         (minute(1), minute(50)))
        self.assertEqual((talk.asked.ToJsonString(), talk.answered.ToJsonString(),
                          talk.response_ms), (minute(1), minute(31), 30 * 60000))
        self.assertFalse(talk.HasField("unanswered"))

    def test_his_letter_and_our_answer_to_it_need_no_other_name(self):
        who = "email:8202@example.com"
        talk = self.only(who, said("email.received", 1, who, message={"id": "his@x"}),
                         said("email.sent", 7, who, message={"id": "our@x",
                                                             "in_reply_to": "his@x"}))
        self.assertEqual((talk.id, talk.response_ms), ("his@x", 6 * 60000))

    def test_a_message_that_nobody_answered_is_why_he_calls(self):
        who = "loyalty:8203"
        talk = self.only(who, said("email.received", 5, who, "c1"))
        self.assertEqual(talk.unanswered.ToJsonString(), minute(5))
        reason, = [r for r in self.context(who).reasons if r.why == "unanswered message"]
        self.assertEqual(reason.time.ToJsonString(), minute(5))
        self.assertTrue(reason.event)
        self.only(who, said("sms.sent", 6, who, "c1"))
        self.assertEqual([r.why for r in self.context(who).reasons], ["open conversation"])

    def test_what_is_closed_stays_closed_until_somebody_speaks_again(self):
        who = "loyalty:8204"
        self.assertFalse(self.only(who, said("email.received", 1, who, "c1"),
                                   said("conversation.closed", 9, who, "c1")).open)
        self.assertEqual(list(self.context(who).reasons), [])
        self.assertFalse(self.only(who, said("email.sent", 5, who, "c1")).open, "told late")
        self.assertFalse(self.only(who, said("note.added", 10, who, "c1")).open)
        talk = self.only(who, said("email.received", 12, who, "c1"))
        self.assertTrue(talk.open)
        self.assertEqual(talk.unanswered.ToJsonString(), minute(12))

    def test_an_agent_is_not_shown_the_number_of_one_that_is_over(self):
        who = "loyalty:8209"
        self.only(who, said("email.received", 1, who, "1513382400.464"))
        self.assertIn("1513382400.464", self.shared.run("context", who).out)
        self.only(who, said("email.sent", 2, who, "1513382400.464"),
                  said("conversation.closed", 9, who, "1513382400.464"))
        self.assertNotIn("CONVERSATIONS", self.shared.run("context", who).out)

    def test_it_may_be_opened_by_name(self):
        who = "loyalty:8205"
        self.assertFalse(self.only(who, said("conversation.closed", 9, who, "c1")).open)
        self.assertTrue(self.only(who, said("conversation.reopened", 10, who, "c1")).open)

    def test_a_late_word_moves_the_clock_as_if_it_had_come_in_time(self):
        who = "loyalty:8206"
        self.assertEqual(self.only(who, said("email.received", 10, who, "c1"),
                                   said("email.sent", 5, who, "c1")).response_ms, 0)
        self.assertEqual(self.only(who, said("email.sent", 20, who, "c1")).response_ms, 0,
                         "we began it: it is he who answered")
        self.assertEqual(self.only(who, said("email.received", 2, who, "c1")).response_ms,
                         3 * 60000)

    def test_a_call_is_a_conversation_and_is_over_when_it_ends(self):
        who = "loyalty:8207"
        talk = self.only(who, call("offered", 1, who), call("answered", 3, who),
                         call("ended", 9, who))
        self.assertEqual((talk.id, talk.open, talk.response_ms), ("L1", False, 2 * 60000))

    def test_of_a_call_told_of_at_its_end_it_is_known_when_it_was_answered(self):
        who = "loyalty:8208"
        talk = self.only(who, call("ended", 10, who, call={"talk_ms": "240000",
                                                           "total_ms": "300000"}))
        self.assertEqual((talk.asked.ToJsonString(), talk.answered.ToJsonString()),
                         (minute(5), minute(6)))
        self.assertFalse(talk.HasField("unanswered"))

    def test_what_a_machine_answers_is_no_word_of_his(self):
        who = "email:8209@example.com"
        self.assertEqual(self.conversations(who, said(
            "email.replied", 1, who, message={"in_reply_to": "our@x"},
            attributes={"Auto-Submitted": "auto-replied"})), [])
        self.assertEqual(len(self.conversations(who, said(
            "email.replied", 2, who, message={"in_reply_to": "our@x"}))), 1)

    def test_told_under_two_names_of_his_it_is_one_and_parted_it_is_two_again(self):
        one, two = "loyalty:8210", "email:8210@example.com"
        self.shared.publish([said("email.received", 1, two, "c1"),
                             said("call.answered", 9, one, "c1", direction="outbound")])
        before = [self.conversations(name) for name in (one, two)]
        self.shared.ask("link", one, two, "--evidence", "a letter")
        talk = self.only(one)
        self.assertEqual((talk.events, talk.response_ms), (2, 8 * 60000))
        self.assertEqual(self.context(two).relationship.answered, 1)
        self.shared.ask("unlink", one, two, "--evidence", "a letter")
        self.assertEqual([self.conversations(name) for name in (one, two)], before)
        self.assertEqual(self.context(two).relationship.answered, 0)

    def test_the_open_ones_are_shown_however_many_are_over(self):
        who = "loyalty:8211"
        events = [said("email.received", 1, who, "waits"), said("email.sent", 2, who, "open")]
        for n in range(100):
            events += [said("email.sent", 10 + n, who, f"c{n}"),
                       said("conversation.closed", 11 + n, who, f"c{n}")]
        talks = self.conversations(who, *events)
        self.assertEqual([talk.id for talk in talks], ["waits", "open", "c99", "c98"])
        self.assertEqual(self.context(who).relationship.conversations, 102)
        self.assertTrue(self.shared.ask("verify")["ok"])

    def test_other_events_that_name_it_are_part_of_it(self):
        who = "loyalty:8212"
        talk = self.only(who, said("email.received", 1, who, "c1"),
                         said("page.viewed", 3, who, "c1", channel="web"),
                         said("form.submitted", 4, who, "c1", channel="web"))
        self.assertEqual((talk.events, list(talk.channels), talk.unanswered.ToJsonString()),
                         (3, ["email", "web"], minute(4)))

    def test_one_without_a_name_is_refused(self):
        answer, = self.shared.publish([said("conversation.closed", 1, "loyalty:8213")], code=5)
        self.assertEqual((answer["code"], answer["detail"]),
                         ("BAD_FACET", "conversation: must be given"))


class Names(Case):

    def test_an_agent_names_a_conversation_at_the_desk(self):
        broker = self.broker()
        adapter = self.adapter("web", broker)
        adapter.post("/v1/events", json.dumps(event(
            customer="loyalty:1", type="note.added", conversation="T-9")),
            content_type="application/json", ce_specversion="1.0", ce_id="1",
            ce_source="desk", ce_type="note.added")
        adapter.delivered()
        talk, = broker.context("loyalty:1")["conversations"]
        self.assertEqual((talk["id"], talk["events"]), ("T-9", 1))

    def test_after_a_crash_it_is_as_it_was(self):
        broker = self.broker()
        broker.publish([said("email.received", n, "loyalty:1", f"c{n % 5}") for n in range(50)]
                       + [said("email.sent", 60, "loyalty:1", "c1")])
        before = broker.context("loyalty:1", "--section", "conversations")["conversations"]
        sums = broker.stat()["relationship"]
        broker.kill()
        broker.start()
        self.assertEqual(broker.context("loyalty:1", "--section",
                                        "conversations")["conversations"], before)
        self.assertEqual(broker.stat()["relationship"], sums)
        self.assertTrue(broker.ask("verify")["ok"])
