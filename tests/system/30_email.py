"""What e-mail services post, and what became of it: one file is one body."""

import json
import shutil
import time

from harness import DATA, FINE, PARTLY, Case, until

BODIES = (".json", ".form")

# Of tests/data/NAME: events, what was kept aside, what each type of event came to.
SERVICES = {
    "sendgrid": (16, 1, {"email.queued": 2, "email.deferred": 1, "email.delivered": 1}),
    "mailgun": (11, 5, {"email.bounced": 3, "email.deferred": 1, "email.delivered": 2,
                        "email.dropped": 3, "email.link_clicked": 2}),
    "ses": (14, 1, {"email.bounced": 4, "email.delivered": 4, "email.dropped": 2,
                    "email.link_clicked": 1, "email.marked_as_spam": 2, "email.sent": 1}),
    "postmark": (5, 1, {"email.bounced": 1, "email.delivered": 1, "email.opened": 1,
                        "email.marked_as_spam": 1, "email.unsubscribed": 1}),
    "sparkpost": (8, 3, {"email.deferred": 1, "email.dropped": 2, "email.link_clicked": 1,
                         "email.opened": 1, "email.queued": 1, "email.replied": 1,
                         "email.unsubscribed": 1}),
    "mandrill": (3, 0, {"email.bounced": 1, "email.sent": 1, "email.suppressed": 1}),
    "mailjet": (6, 0, {"email.bounced": 1, "email.delivered": 2, "email.dropped": 1,
                       "email.marked_as_spam": 1, "email.opened": 1}),
    "brevo": (11, 0, {"email.bounced": 1, "email.deferred": 1, "email.delivered": 1,
                      "email.dropped": 2, "email.link_clicked": 1, "email.marked_as_spam": 1,
                      "email.opened": 2, "email.queued": 1, "email.unsubscribed": 1}),
    "resend": (7, 0, {"email.bounced": 2, "email.deferred": 1, "email.link_clicked": 1,
                      "email.marked_as_spam": 1, "email.sent": 2}),
    "mailersend": (6, 0, {"email.delivered": 1, "email.link_clicked": 1,
                          "email.marked_as_spam": 1, "email.opened": 1, "email.sent": 1,
                          "email.unsubscribed": 1}),
    "mailtrap": (6, 0, {"email.bounced": 1, "email.delivered": 1, "email.dropped": 2,
                        "email.link_clicked": 1, "email.marked_as_spam": 1}),
}


class Services(Case):

    def bodies(self, service):
        folder = self.dir / service
        folder.mkdir()
        for path in (DATA / service).iterdir():
            if path.suffix in BODIES:
                shutil.copy(path, folder)
        return folder

    def test_every_services_bodies_are_stored_once_and_tally(self):
        broker = self.broker()
        for service, (events, aside, tally) in SERVICES.items():
            with self.subTest(service=service):
                folder = self.bodies(service)
                code = PARTLY if aside else FINE
                answer = broker.ask("ingest", "--format", service, folder, code=code)
                self.assertEqual((answer["published"], answer["rejected"], answer["refused"]),
                                 (events, aside, 0))
                again = broker.ask("ingest", "--format", service, folder, code=code)
                self.assertEqual((again["published"], again["duplicates"]), (0, events))
                got = {}
                for e in broker.replay():
                    if e["source"] == service:
                        got[e["type"]] = got.get(e["type"], 0) + 1
                self.assertEqual({k: got.get(k, 0) for k in tally}, tally)
                if service != "sendgrid":
                    self.assertEqual(got, tally)

    def test_what_one_service_sent_and_another_heard_is_one_offer(self):
        broker = self.broker()
        sent = {"msys": {"message_event": {
            "type": "injection", "event_id": "1", "timestamp": "1700000000",
            "campaign_id": "spring", "rcpt_to": "joe@example.com",
            "rcpt_meta": {"offer_id": "ten", "offer_terms": "10%"}}}}
        clicked = {"event-data": {
            "event": "clicked", "id": "2", "timestamp": 1700000100.5,
            "recipient": "Joe@Example.com",
            "user-variables": {"campaign_id": "spring", "offer_id": "ten"}}}
        broker.ask("ingest", "--format", "sparkpost", "-", stdin=json.dumps([sent]))
        broker.ask("ingest", "--format", "mailgun", "-", stdin=json.dumps(clicked))
        offer, = broker.offers("email:joe@example.com")
        self.assertEqual((offer["offer"], offer["campaign"], offer["state"], offer["terms"]),
                         ("ten", "spring", "clicked", "10%"))

    def test_an_unsubscribe_at_any_service_revokes_consent(self):
        broker = self.broker()
        for service, body in {
                "mailgun": {"event-data": {"event": "unsubscribed", "timestamp": 1700000000,
                                           "recipient": "a@example.com"}},
                "mailjet": {"event": "unsub", "time": 1700000000, "email": "b@example.com"},
                "brevo": {"event": "unsubscribe", "email": "c@example.com", "ts": 1700000000},
        }.items():
            broker.ask("ingest", "--format", service, "-", stdin=json.dumps(body))
        for who in "abc":
            consent, = broker.context(f"email:{who}@example.com")["consents"]
            self.assertEqual((consent["purpose"], consent["channel"], consent["status"]),
                             ("marketing", "email", "revoked"))


class Mail(Case):
    """A blast as it was sent, what came back of it, and who complained."""

    def ingest(self, broker, format, path, code=FINE):
        return broker.ask("ingest", "--format", format, path, code=code)

    def counts(self, answer):
        return (answer["published"], answer["duplicates"], answer["rejected"], answer["refused"])

    def messages(self, folder, pattern="*.eml"):
        into = self.dir / f"mail-{folder.replace('/', '-')}"
        into.mkdir()
        for path in (DATA / folder).glob(pattern):
            shutil.copy(path, into)
        return into

    def test_a_blast_makes_offers_with_their_terms(self):
        broker = self.broker()
        folder = self.messages("blast")
        self.assertEqual(self.counts(self.ingest(broker, "blast", folder)), (43, 0, 0, 0))
        self.assertEqual(self.counts(self.ingest(broker, "blast", folder)), (0, 43, 0, 0))
        offer, = broker.offers("email:customer17908@mx-ok.example")
        self.assertEqual((offer["offer"], offer["campaign"], offer["state"]),
                         ("SPRING10", "SPRING10", "made"))
        self.assertIn("10% off", offer["terms"])
        for who in ("ann", "bob", "cy"):
            offer, = broker.offers(f"email:{who}@example.com")
            self.assertEqual((offer["offer"], offer["campaign"], offer["terms"]),
                             ("ten-for-one", "autumn", "10 für 1, until Sunday"))

    def test_an_mbox_on_standard_input_is_the_same_mail(self):
        broker = self.broker()
        folder = self.messages("blast")
        mbox = b"".join(b"From sender Sat Nov 21 20:13:50 2026\n" + path.read_bytes() + b"\n"
                        for path in sorted(folder.iterdir()))
        self.ingest(broker, "blast", folder)
        answer = broker.ask("ingest", "--format", "blast", "-", stdin=mbox)
        self.assertEqual(self.counts(answer), (0, 43, 0, 0))

    def test_what_came_back_joins_the_blast(self):
        broker = self.broker()
        self.ingest(broker, "blast", self.messages("blast"))
        answer = self.ingest(broker, "dsn", self.messages("dsn/returned"))
        self.assertEqual(self.counts(answer), (48, 0, 0, 0))
        for bounced in broker.replay("--type", "email.bounced"):
            name = bounced["message"]["recipient"]
            self.assertEqual(bounced["campaign"], "SPRING10")
            offer, = broker.offers(f"email:{name}")
            self.assertEqual((offer["campaign"], offer["state"]), ("SPRING10", "undelivered"))

    def test_a_report_that_hides_the_address_finds_the_customer_by_the_token(self):
        broker = self.broker()
        self.ingest(broker, "blast", self.messages("blast"))
        self.ingest(broker, "dsn", DATA / "dsn/constructed-redacted.eml")
        who = "email:customer17908@mx-ok.example"
        offer, = broker.offers(who)
        self.assertEqual((offer["campaign"], offer["state"]), ("SPRING10", "undelivered"))
        self.ingest(broker, "arf", DATA / "arf/constructed-redacted.eml")
        types = [e["type"] for e in broker.timeline(who)]
        self.assertIn("email.marked_as_spam", types)
        consent, = broker.context(who)["consents"]
        self.assertEqual((consent["channel"], consent["status"]), ("email", "revoked"))

    def test_real_bounces_tally(self):
        broker = self.broker()
        answer = self.ingest(broker, "dsn", self.messages("dsn/standard"))
        self.assertEqual(self.counts(answer), (219, 1, 0, 0))
        answer = self.ingest(broker, "dsn", self.messages("dsn/nonstandard"), code=PARTLY)
        self.assertEqual(self.counts(answer), (172, 0, 5, 0))
        got = {}
        for e in broker.replay():
            key = e["type"], e["message"].get("status", "")[:1]
            got[key] = got.get(key, 0) + 1
        self.assertGreaterEqual(got["email.bounced", "5"], 170)
        self.assertGreaterEqual(got["email.delivered", "2"], 1)

    def test_a_letter_is_no_bounce(self):
        broker = self.broker()
        answer = self.ingest(broker, "dsn", DATA / "dsn/is-not-bounce-01.eml", code=PARTLY)
        self.assertEqual(self.counts(answer), (0, 0, 1, 0))

    def test_complaints_take_consent_back(self):
        broker = self.broker()
        answer = self.ingest(broker, "arf", self.messages("arf", "arf-*.eml"), code=PARTLY)
        self.assertEqual(self.counts(answer), (16, 0, 1, 0))
        consent, = broker.context("email:user@example.com")["consents"]
        self.assertEqual((consent["status"], consent["evidence"]), ("revoked", "arf opt-out"))


class PostfixLog(Case):

    def test_a_log_is_read_once_and_tallies(self):
        broker = self.broker()
        log = DATA / "postfix/mail.log.gz"
        answer = broker.ask("ingest", "--format", "postfix", log)
        self.assertEqual((answer["published"], answer["rejected"], answer["refused"]), (292, 0, 0))
        again = broker.ask("ingest", "--format", "postfix", log)
        self.assertEqual((again["published"], again["duplicates"]), (0, 292))
        got = {}
        for e in broker.replay():
            got[e["type"]] = got.get(e["type"], 0) + 1
        self.assertEqual(got, {"email.delivered": 160, "email.deferred": 84, "email.bounced": 27,
                               "email.dropped": 21})

    def test_the_log_moves_the_offers_of_the_blast(self):
        broker = self.broker()
        folder = self.dir / "blast"
        folder.mkdir()
        for path in (DATA / "blast").glob("0*.eml"):
            shutil.copy(path, folder)
        broker.ask("ingest", "--format", "blast", folder)
        broker.ask("ingest", "--format", "postfix", DATA / "postfix/mail.log.gz")
        delivered = 0
        for e in broker.replay("--type", "email.sent"):
            offer, = broker.offers(f"email:{e['identifiers'][0]['value']}")
            self.assertEqual(offer["campaign"], "SPRING10")
            delivered += offer["state"] == "delivered"
        self.assertEqual(delivered, 40)


class Adapter(Case):
    """touchline-email, beside its webhooks."""

    def setUp(self):
        super().setUp()
        self.bus = self.broker()

    def blast(self):
        folder = self.dir / "sent"
        folder.mkdir()
        for path in (DATA / "blast").glob("0*.eml"):
            shutil.copy(path, folder)
        self.bus.ask("ingest", "--format", "blast", folder)

    def test_one_click_takes_consent_back_from_whom_the_mailing_went_to(self):
        self.blast()
        email = self.adapter("email", self.bus)
        for path, headers, body in (
                ("/u/SPRING10.17908.8c5dfbd3d1",
                 {"Content-Type": "application/x-www-form-urlencoded"},
                 "List-Unsubscribe=One-Click"),
                ("/unsubscribe/ann@example.com",
                 {"Content-Type": "multipart/form-data; boundary=b"},
                 "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\n"
                 "One-Click\r\n--b--\r\n")):
            self.assertEqual(email.ask("POST", path, body, headers).status, 200)
        email.delivered()
        for who in ("customer17908@mx-ok.example", "ann@example.com"):
            consent, = self.bus.context(f"email:{who}")["consents"]
            self.assertEqual((consent["purpose"], consent["channel"], consent["status"]),
                             ("marketing", "email", "revoked"))

    def test_a_visit_is_no_unsubscribe(self):
        email = self.adapter("email", self.bus)
        self.assertEqual(email.ask("POST", "/u/SPRING10.17908.8c5dfbd3d1", "x=1").status, 400)
        self.assertNotEqual(email.ask("GET", "/u/SPRING10.17908.8c5dfbd3d1").status, 200)

    def test_a_recording_of_unsubscribes_is_read_once(self):
        recording = DATA / "one-click/unsubscribe.http"
        answer = self.bus.ask("ingest", "--format", "one-click", recording)
        self.assertEqual((answer["published"], answer["rejected"]), (12, 0))
        again = self.bus.ask("ingest", "--format", "one-click", recording)
        self.assertEqual((again["published"], again["duplicates"]), (0, 12))

    def test_a_mail_log_is_followed_and_its_lines_are_joined(self):
        log = self.file("mail.log", "")
        email = self.adapter("email", self.bus, config=f"[postfix]\nfollow = {log}\n")
        stamp = "2026-11-21T20:13:50Z mx postfix/"
        for line in (f"{stamp}qmgr[1]: 1A2B3C4D5E6: from=<bounce+spring.1.x@shop>, size=1",
                     f"{stamp}smtp[2]: 1A2B3C4D5E6: to=<joe@example.com>, dsn=2.0.0, "
                     "status=sent (ok)"):
            with open(log, "a") as f:
                f.write(line + "\n")
            time.sleep(0.5)
        until(lambda: self.bus.stat()["events"] == 1)
        email.delivered()
        offer, = self.bus.offers("email:joe@example.com")
        self.assertEqual((offer["campaign"], offer["state"]), ("spring", "delivered"))

    def test_mail_dropped_into_a_directory_is_read(self):
        folder = self.dir / "bounces"
        folder.mkdir()
        self.adapter("email", self.bus, config=f"[dsn]\ndirectory = {folder}\n")
        shutil.copy(DATA / "dsn/returned/returned-dsn-000.eml", folder)
        until(lambda: self.bus.stat()["events"] == 1)
        bounced, = self.bus.replay()
        self.assertEqual(bounced["type"], "email.bounced")
