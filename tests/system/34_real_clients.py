"""The clients that channels really run, as their vendors publish them, and the vendors' own
signatures.  tests/clients has a small script for each, and the versions."""

import json
import os
import subprocess
import time
import urllib.parse

from harness import BUILD, DATA, ROOT, SLOW, Case

MODULES = BUILD / "clients/node_modules"


def node(script, *args):
    """Runs tests/clients/SCRIPT to its end; what it printed."""
    assert MODULES.is_dir(), (f"{MODULES} is not there: npm could not fetch the clients; "
                              "`make test` says why, and tries again")
    done = subprocess.run(["node", ROOT / "tests/clients" / script, *map(str, args)],
                          env=dict(os.environ, NODE_PATH=str(MODULES)), capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=60 * SLOW, text=True)
    assert done.returncode == 0, f"{script} ended with {done.returncode}:\n{done.stderr}"
    return done.stdout


class Web(Case):
    """Each is pointed at touchline-web and knows nothing else of Touchline."""

    def setUp(self):
        super().setUp()
        self.bus = self.broker()
        self.web = self.adapter("web", self.bus)

    def send(self, script):
        node(script, f"http://127.0.0.1:{self.web.port}")
        self.web.delivered()
        self.assertEqual(list((self.web.data / "deadletters").iterdir()), [])

    def types(self, customer):
        return sorted(e["type"] for e in self.bus.timeline(customer))

    def offers(self, customer):
        return {o["offer"]: o["state"] for o in self.bus.context(customer)["offers"]}

    def test_segments_sdk_sends_what_a_visitor_did_before_and_after_he_said_who_he_is(self):
        self.send("segment.js")
        for customer in ("user:ann", "email:ann@example.com", "cookie:browser-1"):
            with self.subTest(customer=customer):
                self.assertEqual(self.types(customer), [
                    "customer.aliased", "customer.attributes_set", "group.joined",
                    "offer.clicked", "offer.presented", "page.viewed", "screen.viewed"])
                self.assertEqual(self.offers(customer), {"spring": "clicked"})

    def test_rudderstacks_sdk_zips_under_a_forms_content_type(self):
        self.send("rudderstack.js")
        self.assertEqual(self.types("phone:+14155550123"), [
            "coupon.accepted", "customer.identified", "order.completed", "page.viewed"])
        self.assertEqual(self.offers("user:bob"), {"WELCOME": "redeemed"})
        value = self.bus.context("user:bob")["value"]
        self.assertEqual((value["purchases"], value["spend_minor"], value["currency"]),
                         ("1", "3990", "EUR"))

    def test_snowplows_tracker_gets_and_posts(self):
        self.send("snowplow.js")
        self.assertEqual(self.types("user:cleo"), [
            "offer.clicked", "offer.presented", "page.viewed", "search.performed"])
        self.assertEqual(self.offers("cookie:browser-3"), {"autumn": "clicked"})

    def test_matomos_tracker_sends_one_and_many(self):
        self.send("matomo.js")
        self.assertEqual(self.types("user:dora"), [
            "offer.clicked", "offer.presented", "page.viewed", "search.performed"])
        self.assertEqual(self.offers("cookie:0123456789abcdef"), {"easter": "clicked"})

    def test_cloudevents_sdk_sends_ours_structured_and_a_strangers_binary(self):
        self.send("cloudevents.js")
        self.assertEqual(self.types("crm:4711"), ["com.example.letter.printed", "offer.made"])
        self.assertEqual(self.offers("crm:4711"), {"winter": "made"})


class Signed(Case):
    """What a vendor's code calls signed is taken, and what it does not is 401."""

    def check(self, adapter, path, body, altered, said, **headers):
        self.assertEqual((said["verified"], said["altered_verified"]), (True, False))
        headers = {**headers, **said["headers"]}
        self.assertEqual(adapter.ask("POST", path, altered, headers).status, 401)
        self.assertEqual(adapter.metrics()["touchline_spool_events"], 0)
        self.assertEqual(adapter.ask("POST", path, body, headers).status, 200)
        adapter.delivered()

    def test_what_sendgrids_verifier_takes_is_taken(self):
        bus, key = self.broker(), self.dir / "sendgrid.pub"
        path = DATA / "sendgrid/click_event.json"
        said = json.loads(node("sendgrid.js", path, int(time.time()), key))
        email = self.adapter("email", bus, config=f"[sendgrid]\npublic_key_file = {key}\n")
        body = path.read_bytes()
        self.check(email, "/webhooks/sendgrid", body, body + b" ", said)
        [event] = bus.replay()
        self.assertEqual(event["type"], "email.link_clicked")

    def test_twilios_signature_is_taken(self):
        bus = self.broker()
        token = self.file("token", "a token of Twilio's\n")
        call = self.adapter("call", bus, config=(
            f"[twilio]\nauth_token_file = {token}\npublic_url = https://hooks.example.com\n"))
        fields = {"CallSid": "CA1", "CallStatus": "in-progress", "Direction": "inbound",
                  "From": "+14155550100", "To": "+18005551212", "FromCity": "São Paulo"}
        path = "/webhooks/twilio?campaign=spring"
        said = json.loads(node("twilio.js", "a token of Twilio's",
                               "https://hooks.example.com" + path,
                               urllib.parse.urlencode(fields)))
        self.check(call, path, urllib.parse.urlencode(fields),
                   urllib.parse.urlencode({**fields, "CallSid": "CA2"}), said,
                   **{"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual([e["type"] for e in bus.timeline("phone:+14155550100")],
                         ["call.answered"])
