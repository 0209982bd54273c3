"""What e-mail services post, and what became of it: one file is one body."""

import json
import shutil

from harness import DATA, FINE, PARTLY, Case

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
