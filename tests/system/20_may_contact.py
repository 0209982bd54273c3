"""May we contact him?  The shipped policy, one's own, and the last place that two want."""

import datetime
import itertools
import os
import signal
import threading

import touchline_pb2 as pb
from harness import (CALLED_WRONGLY, FINE, REFUSED, ROOT, SANITIZED, Case, Shared, event,
                     numbers, touched, until)

LONG = "TOUCHLINE_HISTORIES" in os.environ
ROUNDS = 1000 if LONG else 10 if SANITIZED else 50
CLIENTS = 8

NOON = "2024-03-15T12:00:00Z"


def ago(days=0, hours=0, now=None):
    when = now or datetime.datetime.now(datetime.timezone.utc)
    when -= datetime.timedelta(days=days, hours=hours)
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def sent(customer, time, channel="email", **more):
    return event(customer=customer, type=channel + ".sent", time=time, channel=channel,
                 direction="outbound", **more)


def stamp(text):
    query = pb.ContactQuery()
    query.now.FromJsonString(text)
    return query.now


def ask(broker, customer, channel="email", purpose="marketing", *args):
    """The verdict by the command line, whose exit code must fit it."""
    done = broker.run("may-contact", customer, "--channel", channel, "--purpose", purpose, *args,
                      "-o", "json")
    verdict = done.json
    assert done.code == (FINE if verdict["verdict"] == "allow" else REFUSED), done
    return verdict


def at(broker, now, customer, channel="email", purpose="marketing"):
    """The verdict as of a moment."""
    with broker.wire() as wire:
        reply = wire.ask(may_contact=pb.ContactQuery(customer=customer, channel=channel,
                                                     purpose=purpose, now=stamp(now)))
    assert reply.WhichOneof("body") == "may_contact", reply
    return reply.may_contact


class Shipped(Shared):

    def test_marketing_by_e_mail_is_capped(self):
        who = "loyalty:capped"
        answers = []
        for n in range(3):
            self.assertEqual(ask(self.shared, who)["verdict"], "allow")
            answers += self.shared.publish([sent(who, ago(days=2 - n))])
        verdict = ask(self.shared, who)
        self.assertEqual((verdict["verdict"], verdict["rule"]),
                         ("defer", "caps: marketing email = 3 in 7 d"))
        self.assertEqual(sorted(verdict["counted"]), [a["position"] for a in answers])
        self.assertEqual(verdict["until"][:10], ago(days=-5)[:10])
        self.assertEqual(ask(self.shared, who, "mail")["verdict"], "allow")

    def test_an_allowed_contact_names_the_cap_that_is_nearest_and_what_it_counted(self):
        who = "loyalty:near"
        one, = self.shared.publish([sent(who, ago(days=1))])
        verdict = ask(self.shared, who)
        self.assertEqual((verdict["verdict"], verdict["rule"], verdict["counted"]),
                         ("allow", "caps: marketing email = 3 in 7 d", [one["position"]]))

    def test_a_contact_leaves_its_window_by_the_time_it_happened(self):
        who = "loyalty:window"
        self.shared.publish([sent(who, f"2024-03-{day:02}T12:00:00Z") for day in (10, 8, 9)])
        verdict = at(self.shared, "2024-03-14T12:00:00Z", who)
        self.assertEqual((verdict.verdict, verdict.until.ToJsonString()),
                         ("defer", "2024-03-15T12:00:00Z"))
        self.assertEqual(at(self.shared, NOON, who).verdict, "allow")
        self.assertEqual(at(self.shared, "2024-03-15T11:59:59Z", who).verdict, "defer")

    def test_all_channels_together_are_capped(self):
        who = "loyalty:together"
        self.shared.publish([sent(who, NOON, channel) for channel in
                             ("email", "email", "mail", "mail", "push", "sms")])
        verdict = at(self.shared, "2024-03-16T12:00:00Z", who, "chat")
        self.assertEqual((verdict.verdict, verdict.rule, len(verdict.counted)),
                         ("defer", "caps: marketing = 6 in 7 d", 6))

    def test_the_contacts_of_all_linked_profiles_count(self):
        self.shared.publish([sent("email:one@caps.com", NOON), sent("loyalty:linked", NOON),
                             sent("loyalty:linked", NOON),
                             event(customer=["loyalty:linked", "email:one@caps.com"])])
        for who in ("email:one@caps.com", "loyalty:linked"):
            verdict = at(self.shared, "2024-03-16T12:00:00Z", who)
            self.assertEqual((verdict.verdict, len(verdict.counted)), ("defer", 3))

    def test_all_events_of_one_message_are_one_contact(self):
        who = "loyalty:message"
        self.shared.publish([event(customer=who, type=type, time=NOON, channel="email",
                                   message={"id": "<one@shop>"})
                             for type in ("email.queued", "email.sent", "email.delivered",
                                          "email.opened")])
        verdict = at(self.shared, "2024-03-16T12:00:00Z", who)
        self.assertEqual((verdict.verdict, len(verdict.counted)), ("allow", 1))

    def test_what_the_customer_sends_is_no_contact_and_a_call_of_ours_is(self):
        who = "loyalty:calls"
        self.shared.publish([
            event(customer=who, type="call.answered", time=NOON, channel="call",
                  direction="inbound", call={"id": "in"}),
            event(customer=who, type="chat.sent", time=NOON, channel="chat",
                  direction="inbound")])
        self.assertEqual(at(self.shared, "2024-03-15T15:00:00Z", who, "call").verdict, "allow")
        self.shared.publish([event(customer=who, type=type, time=NOON, channel="call",
                                   direction="outbound", call={"id": "out"})
                             for type in ("call.offered", "call.answered", "call.ended")])
        verdict = at(self.shared, "2024-03-15T15:00:00Z", who, "call")
        self.assertEqual((verdict.verdict, len(verdict.counted)), ("defer", 1))

    def test_what_is_transactional_is_exempt_and_does_not_count(self):
        who = "loyalty:receipts"
        self.shared.publish(
            [sent(who, NOON, attributes={"purpose": "transactional"}, message={"id": f"r{n}"})
             for n in range(5)]
            # A provider's webhook does not know what the message was for.
            + [event(customer=who, type="email.delivered", time=NOON, channel="email",
                     message={"id": f"r{n}"}) for n in range(5)])
        self.assertEqual(at(self.shared, "2024-03-15T13:00:00Z", who).verdict, "allow")
        self.shared.publish([sent(who, NOON) for _ in range(3)])
        self.assertEqual(at(self.shared, "2024-03-15T13:00:00Z", who).verdict, "defer")
        verdict = at(self.shared, "2024-03-15T13:00:00Z", who, purpose="transactional")
        self.assertEqual((verdict.verdict, verdict.rule), ("allow", "exempt: transactional = yes"))

    def test_the_strictest_consent_wins(self):
        def consent(status, channel, time):
            return event(customer=who, type="consent." + status, time=time, consents=[
                {"purpose": "marketing", "channel": channel, "status": status}])

        who = "loyalty:consent"
        self.shared.publish([consent("granted", "email", "2024-03-02T00:00:00Z"),
                             consent("denied", "", "2024-03-01T00:00:00Z")])
        verdict = ask(self.shared, who)
        self.assertEqual((verdict["verdict"], verdict["rule"], verdict.get("until")),
                         ("deny", "consent: denied for every channel", None))
        self.shared.publish([consent("granted", "", "2024-03-03T00:00:00Z")])
        self.assertEqual(ask(self.shared, who)["verdict"], "allow")
        self.shared.publish([consent("revoked", "sms", "2024-03-04T00:00:00Z")])
        self.assertEqual(ask(self.shared, who)["verdict"], "allow")
        self.assertEqual(ask(self.shared, who, "sms")["verdict"], "deny")

    def test_two_who_become_one_keep_what_either_refused_whichever_was_known_first(self):
        def consent(who, status, time):
            return event(customer=who, type="consent." + status, time=time, consents=[
                {"purpose": "marketing", "channel": "", "status": status}])

        for n, order in enumerate(itertools.permutations(range(3))):
            email, card = f"email:strict{n}@caps.com", f"loyalty:strict{n}"
            told = [consent(email, "denied", "2024-03-01T00:00:00Z"),
                    consent(card, "granted", "2024-03-02T00:00:00Z"),
                    event(customer=[email, card], time="2024-03-03T00:00:00Z")]
            self.shared.publish([told[i] for i in order])
            self.assertEqual(ask(self.shared, card)["verdict"], "deny", order)
            self.shared.publish([consent(email, "granted", "2024-03-04T00:00:00Z")])
            self.assertEqual(ask(self.shared, card)["verdict"], "allow", order)

    def test_an_unsubscribed_address_stays_unsubscribed_and_another_is_not(self):
        self.shared.publish([
            event(customer=["loyalty:two", "email:old@caps.com"]),
            event(customer=["loyalty:two", "email:new@caps.com"]),
            event(customer="email:old@caps.com", type="email.unsubscribed", channel="email",
                  consents=[{"purpose": "marketing", "channel": "email", "status": "revoked"}])])
        self.assertEqual(ask(self.shared, "email:old@caps.com")["verdict"], "deny")
        self.assertEqual(ask(self.shared, "email:new@caps.com")["verdict"], "allow")
        # Which of them would be used is not said.
        self.assertEqual(ask(self.shared, "loyalty:two")["verdict"], "deny")

    def test_a_shared_phone_that_refused_is_not_called(self):
        self.shared.publish([
            event(customer=["loyalty:p1", "phone:+41791110001"]),
            event(customer=["loyalty:p1", "phone:+41791110001"], consents=[
                {"purpose": "marketing", "channel": "sms", "status": "revoked"}]),
            event(customer=["loyalty:p2", "phone:+41791110001"])])
        verdict = at(self.shared, NOON, "phone:+41791110001", "sms")
        self.assertEqual(verdict.verdict, "deny")
        self.assertEqual(at(self.shared, NOON, "loyalty:p2", "sms").verdict, "allow")

    def test_after_a_decline_there_is_peace(self):
        who = "loyalty:declined"
        answer, = self.shared.publish([touched("declined", NOON, customer=who, channel="call")])
        verdict = at(self.shared, "2024-03-16T12:00:00Z", who)
        self.assertEqual((verdict.verdict, verdict.rule, list(verdict.counted),
                          verdict.until.ToJsonString()),
                         ("defer", "cool-off: marketing = 3 d", [answer["position"]],
                          "2024-03-18T12:00:00Z"))
        self.assertEqual(at(self.shared, "2024-03-18T12:00:00Z", who).verdict, "allow")
        self.assertEqual(at(self.shared, "2024-03-16T12:00:00Z", who, "call", "service").verdict,
                         "allow")

    def test_an_open_complaint_pauses_until_it_is_resolved(self):
        who = "loyalty:complains"
        answer, = self.shared.publish([
            event(customer=who, type="feedback.complaint", time=NOON,
                  feedback={"id": "c1", "kind": "complaint", "text": "three weeks late"})])
        verdict = at(self.shared, "2024-05-01T12:00:00Z", who)
        self.assertEqual((verdict.verdict, verdict.rule, list(verdict.counted)),
                         ("deny", "complaint: marketing = pause", [answer["position"]]))
        self.shared.publish([event(customer=who, type="feedback.answered",
                                   time="2024-03-16T12:00:00Z", feedback={"id": "c1"})])
        self.assertEqual(at(self.shared, "2024-05-01T12:00:00Z", who).verdict, "deny")
        self.shared.publish([event(customer=who, type="feedback.resolved",
                                   time="2024-03-17T12:00:00Z", feedback={"id": "c1"})])
        self.assertEqual(at(self.shared, "2024-05-01T12:00:00Z", who).verdict, "allow")

    def test_a_complaint_is_resolved_wherever_it_is_told(self):
        self.shared.publish([
            event(customer="email:late@caps.com", type="feedback.resolved",
                  time="2024-03-17T12:00:00Z", feedback={"id": "c2"}),
            event(customer="loyalty:late", type="feedback.complaint", time=NOON,
                  feedback={"id": "c2", "kind": "complaint"})])
        self.assertEqual(ask(self.shared, "loyalty:late")["verdict"], "deny")
        self.shared.publish([event(customer=["loyalty:late", "email:late@caps.com"])])
        self.assertEqual(ask(self.shared, "loyalty:late")["verdict"], "allow")

    def test_quiet_hours_are_the_customers_own(self):
        who, other = "loyalty:tokyo", "loyalty:nowhere"
        self.shared.publish([
            event(customer=who, type="customer.attributes_set",
                  attributes={"timezone": "Asia/Tokyo"}),
            event(customer=other, type="customer.attributes_set",
                  attributes={"timezone": "Nowhere/Land"})])
        verdict = at(self.shared, NOON, who, "call")        # 21:00 in Tokyo
        self.assertEqual((verdict.verdict, verdict.rule, verdict.until.ToJsonString()),
                         ("defer", "quiet hours: marketing call = 20:00-09:00, Asia/Tokyo",
                          "2024-03-16T00:00:00Z"))
        self.assertEqual(at(self.shared, NOON, other, "call").verdict, "allow")
        self.assertEqual(at(self.shared, NOON, who).verdict, "allow")
        self.assertEqual(at(self.shared, "2024-03-15T10:59:59Z", who, "call").verdict, "allow")

    def test_a_wait_that_ends_in_quiet_hours_ends_with_them(self):
        who = "loyalty:night"
        self.shared.publish([sent(who, "2024-03-10T23:30:00Z", "sms") for _ in range(2)])
        verdict = at(self.shared, NOON, who, "sms")
        self.assertEqual((verdict.rule, verdict.until.ToJsonString()),
                         ("caps: marketing sms = 2 in 7 d", "2024-03-18T08:00:00Z"))

    def test_a_purpose_that_no_line_names_is_called_wrongly(self):
        done = self.shared.run("may-contact", "loyalty:1", "--channel", "email", "--purpose",
                               "marketting")
        self.assertEqual(done.code, CALLED_WRONGLY, done)
        self.assertIn("purpose", done.err)
        for args in (["--channel", "email"], ["--purpose", "marketing"],
                     ["--channel", "E Mail", "--purpose", "marketing"]):
            with self.subTest(args=args):
                self.assertEqual(self.shared.run("may-contact", "loyalty:1", *args).code,
                                 CALLED_WRONGLY)

    def test_of_a_customer_never_seen_nothing_is_known(self):
        verdict = ask(self.shared, "email:never@caps.com")
        self.assertEqual((verdict["verdict"], verdict["counted"]), ("allow", []))

    def test_the_context_says_for_each_channel_whether(self):
        who = "loyalty:both"
        self.shared.publish([event(customer=[who, "email:both@caps.com"])]
                            + [sent(who, ago(hours=n + 1)) for n in range(3)]
                            + [sent(who, ago(hours=1), "mail")])
        verdicts = {v["channel"]: v for v in self.shared.context(who)["may_contact"]}
        self.assertEqual({c: (v["purpose"], v["verdict"]) for c, v in verdicts.items()},
                         {"email": ("marketing", "defer"), "mail": ("marketing", "allow")})
        self.assertEqual(verdicts["email"]["rule"], ask(self.shared, who)["rule"])
        self.assertEqual(verdicts["email"]["until"], ask(self.shared, who)["until"])

    def test_a_table_is_for_people(self):
        done = self.shared.run("may-contact", "loyalty:table", "--channel", "email",
                               "--purpose", "marketing")
        self.assertEqual(done.code, FINE, done)
        self.assertIn("allow", done.out)
        self.assertIn("3 in 7 d", done.out)

    def test_contacts_and_reservations_are_verified(self):
        self.shared.publish([sent("loyalty:verify", ago(hours=1))])
        ask(self.shared, "loyalty:verify", "email", "marketing", "--reserve")
        self.assertIs(self.shared.ask("verify")["ok"], True)


ONE = """
[policy]
lease = {lease}
[caps]
marketing email = {count} in 7 d
[exempt]
transactional = yes
"""


class Own(Case):

    def with_policy(self, text, **more):
        self.path = self.file("policy.conf", text)
        return self.broker(args=["--policy", self.path], **more)

    def reserve(self, broker, customer, *args, channel="email"):
        return ask(broker, customer, channel, "marketing", "--reserve", *args)

    # ------------------------------------------------------ reservations

    def test_a_reservation_takes_the_place(self):
        broker = self.with_policy(ONE.format(lease="15 min", count=1))
        first = self.reserve(broker, "loyalty:1")
        self.assertEqual((first["verdict"], bool(first["reservation"])), ("allow", True))
        second = self.reserve(broker, "loyalty:1")
        self.assertEqual((second["verdict"], second["reservation"]), ("defer", ""))
        self.assertEqual(second["until"], first["reserved_until"])
        self.assertEqual(second["counted"], [first["position"]])
        self.assertEqual(self.reserve(broker, "loyalty:2")["verdict"], "allow")

    def test_a_reservation_is_an_event_of_the_bus(self):
        broker = self.with_policy(ONE.format(lease="15 min", count=1))
        broker.publish([event()])
        made = self.reserve(broker, "loyalty:1", "--campaign", "spring", "--reservation", "mine")
        reserved = broker.replay("--type", "contact.reserved")
        self.assertEqual([(e["source"], e["channel"], e["campaign"], e["position"],
                           e["attributes"]["reservation"], e["attributes"]["purpose"])
                          for e in reserved],
                         [("touchline", "email", "spring", made["position"], "mine",
                           "marketing")])
        # It is no contact, so an agent does not see it among the last ones.
        self.assertEqual(len(broker.timeline()), 1)
        self.assertEqual(len(broker.context()["recent"]), 1)

    def test_a_reservation_survives_a_crash(self):
        broker = self.with_policy(ONE.format(lease="15 min", count=1))
        first = self.reserve(broker, "loyalty:1")
        broker.kill()
        broker.start()
        again = ask(broker, "loyalty:1")
        self.assertEqual((again["verdict"], again["counted"]), ("defer", [first["position"]]))
        self.assertIs(broker.ask("verify")["ok"], True)

    def test_a_lease_that_is_over_counts_no_more(self):
        broker = self.with_policy(ONE.format(lease="1 s", count=1))
        self.assertEqual(self.reserve(broker, "loyalty:1")["verdict"], "allow")
        self.assertEqual(ask(broker, "loyalty:1")["verdict"], "defer")
        until(lambda: ask(broker, "loyalty:1")["verdict"] == "allow")
        self.assertEqual(self.reserve(broker, "loyalty:1")["verdict"], "allow")

    def test_asked_again_by_the_same_name_it_is_one_reservation(self):
        broker = self.with_policy(ONE.format(lease="15 min", count=2))
        first, again = (self.reserve(broker, "loyalty:1", "--reservation", "r1") for _ in range(2))
        self.assertEqual((again["verdict"], again["reservation"], again["reserved_until"]),
                         ("allow", "r1", first["reserved_until"]))
        self.assertEqual(len(broker.replay("--type", "contact.reserved")), 1)
        done = broker.run("may-contact", "loyalty:1", "--channel", "sms", "--purpose",
                          "marketing", "--reserve", "--reservation", "r1")
        self.assertEqual(done.code, CALLED_WRONGLY, done)

    def message_uses(self, args, more):
        broker = self.broker(name=f"data{next(numbers)}", args=["--policy", self.path])
        made = self.reserve(broker, "loyalty:1", *args)
        fill = {"attributes": {"reservation": made["reservation"]},
                "causation_id": made["position"]}
        message, = broker.publish([sent("loyalty:1", ago(), **{
            k: fill[k] if v is None else v for k, v in more.items()})])
        verdict = ask(broker, "loyalty:1")
        return verdict["counted"] == [message["position"]]

    def test_the_message_that_was_sent_takes_the_reservations_place(self):
        self.path = self.file("policy.conf", ONE.format(lease="15 min", count=3))
        self.assertTrue(self.message_uses([], {"attributes": None}))
        self.assertTrue(self.message_uses([], {"causation_id": None}))
        self.assertTrue(self.message_uses(["--campaign", "spring"], {"campaign": "spring"}))
        self.assertTrue(self.message_uses(["--offer", "o1"], {
            "offers": [{"offer": "o1", "outcome": "made"}]}))
        self.assertFalse(self.message_uses(["--campaign", "spring"], {"campaign": "autumn"}))
        self.assertFalse(self.message_uses([], {}))

    def test_one_message_uses_one_reservation(self):
        broker = self.with_policy(ONE.format(lease="15 min", count=3))
        for _ in range(2):
            self.reserve(broker, "loyalty:1", "--campaign", "spring")
        broker.publish([sent("loyalty:1", ago(), campaign="spring")])
        self.assertEqual(len(ask(broker, "loyalty:1")["counted"]), 2)

    def test_a_reservation_for_a_customer_never_seen_makes_him_known(self):
        broker = self.with_policy(ONE.format(lease="15 min", count=1))
        self.assertEqual(self.reserve(broker, "email:New@Caps.com")["verdict"], "allow")
        self.assertEqual(self.reserve(broker, "email:new@caps.com")["verdict"], "defer")
        self.assertEqual(broker.stat()["customers"], 1)

    def test_who_reserves_cannot_choose_the_time(self):
        broker = self.with_policy(ONE.format(lease="15 min", count=1))
        with broker.wire() as wire:
            for more in ({"now": stamp(NOON), "reservation": "r"}, {}):
                reply = wire.ask(may_contact=pb.ContactQuery(
                    customer="loyalty:1", channel="email", purpose="marketing", reserve=True,
                    **more))
                self.assertEqual(pb.Code.Name(reply.refusal.code), "BAD_REQUEST")

    def test_of_eight_who_want_the_last_place_one_gets_it(self):
        broker = self.with_policy(ONE.format(lease="15 min", count=3))
        barrier = threading.Barrier(CLIENTS)
        won = [[] for _ in range(ROUNDS)]

        def race(client):
            with broker.wire() as wire:
                for n in range(ROUNDS):
                    query = pb.ContactQuery(customer=f"loyalty:race{n}", channel="email",
                                            purpose="marketing", reserve=True,
                                            reservation=f"{n}-{client}")
                    barrier.wait(60)
                    won[n].append(wire.ask(may_contact=query).may_contact.verdict)

        with broker.wire() as wire:
            wire.publish([sent(f"loyalty:race{n}", ago(hours=1)) for n in range(ROUNDS)
                          for _ in range(2)])
        threads = [threading.Thread(target=race, args=(c,)) for c in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([sorted(w) for w in won],
                         [["allow"] + ["defer"] * (CLIENTS - 1)] * ROUNDS)
        self.assertEqual(len(broker.replay("--type", "contact.reserved")), ROUNDS)

    # ------------------------------------------------------------- the file

    def test_the_shipped_file_holds_what_is_built_in(self):
        broker = self.broker(args=["--policy", ROOT / "broker/policy.conf"])
        who = "loyalty:same"
        broker.publish([sent(who, ago(hours=1)) for _ in range(3)])
        self.assertEqual(ask(broker, who)["rule"], "caps: marketing email = 3 in 7 d")
        self.assertIn("rules=18", broker.log())

    def test_consent_may_be_required(self):
        broker = self.with_policy("[consent]\nmarketing = required\nmarketing mail = "
                                  "unless refused\n")
        broker.publish([event(customer="loyalty:1"),
                        event(customer="loyalty:2", consents=[
                            {"purpose": "marketing", "status": "granted"}])])
        verdict = ask(broker, "loyalty:1")
        self.assertEqual((verdict["verdict"], verdict["rule"]),
                         ("deny", "consent: marketing = required"))
        self.assertEqual(ask(broker, "loyalty:1", "mail")["verdict"], "allow")
        self.assertEqual(ask(broker, "loyalty:2")["verdict"], "allow")

    def test_a_bad_policy_file_is_refused_with_file_and_line(self):
        wrong = {"[caps]\nmarketing email = often\n": "line 2: a cap is 1 to 32",
                 "[caps]\nmarketing email = 33 in 7 d\n": "line 2: a cap is 1 to 32",
                 "[caps]\nmarketing email = 0 in 7 d\n": "line 2: a cap is 1 to 32",
                 "[caps]\nmarketing email = 3 in 367 d\n": "line 2: `367 d` is no time",
                 "[caps]\nMarketing = 3 in 7 d\n": "line 2: `Marketing` is no purpose",
                 "[quiet hours]\nmarketing = 25:00-08:00\n": "line 2: quiet hours are",
                 "[exempt]\ntransactional = maybe\n": "line 2: it is `yes`",
                 "[consent]\nmarketing = no\n": "line 2: it is `required`",
                 "[cool-off]\nmarketing = 3 d\nmarketing = 4 d\n": "line 3: `marketing` is set a",
                 "[policy]\ntimezone = Nowhere/Land\n": "line 2: no time zone",
                 "[policy]\nlease = 25 h\n": "line 2: `lease` is a time",
                 "[capps]\nmarketing = 3 in 7 d\n": "line 2: there is no section [capps]",
                 "[caps]\nmarketing\n": "line 2: neither"}
        for text, sentence in wrong.items():
            with self.subTest(text=text):
                broker = self.with_policy(text, start=False, name=f"data{next(numbers)}")
                broker.spawn()
                self.assertEqual(broker.process.wait(30), 1)
                self.assertIn(f"{self.path} {sentence}", broker.log())

    def test_a_missing_policy_file_is_refused(self):
        broker = self.broker(start=False, args=["--policy", self.dir / "none.conf"])
        broker.spawn()
        self.assertEqual(broker.process.wait(30), 1)
        self.assertIn("none.conf", broker.log())

    def test_sighup_takes_the_new_policy_and_keeps_the_old_one_if_it_is_bad(self):
        broker = self.with_policy(ONE.format(lease="15 min", count=1))
        broker.publish([sent("loyalty:1", ago(hours=1))])
        self.assertEqual(ask(broker, "loyalty:1")["verdict"], "defer")
        self.path.write_text("[caps]\nmarketing email = lots\n")
        broker.process.send_signal(signal.SIGHUP)
        until(lambda: "the old one stays in force" in broker.log())
        self.assertIn(f"{self.path} line 2", broker.log())
        self.assertEqual(ask(broker, "loyalty:1")["rule"], "caps: marketing email = 1 in 7 d")
        self.path.write_text(ONE.format(lease="15 min", count=2))
        broker.process.send_signal(signal.SIGHUP)
        until(lambda: ask(broker, "loyalty:1")["verdict"] == "allow")

    def test_the_settings_name_the_policy_file(self):
        path = self.file("own.conf", ONE.format(lease="15 min", count=1))
        broker = self.broker(config=f"[broker]\npolicy = {path}\n")
        broker.publish([sent("loyalty:1", ago(hours=1))])
        self.assertEqual(ask(broker, "loyalty:1")["verdict"], "defer")
