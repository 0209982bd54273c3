"""Each channel's adapter takes what its systems send, signed where they sign."""

import base64
import gzip
import hashlib
import hmac
import http.server
import json
import os
import random
import shutil
import socket
import subprocess
import threading
import time
import unittest

from harness import BUILD, CALLED_WRONGLY, DATA, ROOT, Case, until

SERVICES = ["sendgrid", "mailgun", "ses", "postmark", "sparkpost", "mandrill", "mailjet", "brevo",
            "resend", "mailersend", "mailtrap"]


SHOPS = ["square", "shopify", "woocommerce"]


def bodies(service):
    """Bodies as the service posts them, where the tests have them as they were sent."""
    return sorted(p for p in (DATA / service).glob("*") if p.suffix in (".json", ".form", ".txt")
                  and not p.name.startswith("LICENSE"))


class Channel(Case):

    def setUp(self):
        super().setUp()
        self.bus = self.broker()

    def events(self, *args):
        return self.bus.replay(*args)


class Email(Channel):

    def test_every_service_has_its_path(self):
        email = self.adapter("email", self.bus)
        for service in SERVICES:
            with self.subTest(service=service):
                statuses = [email.ask("POST", f"/webhooks/{service}", path.read_bytes()).status
                            for path in bodies(service)]
                self.assertIn(200, statuses)
                self.assertEqual(email.ask("HEAD", f"/webhooks/{service}").status, 200)
        email.delivered()
        self.assertEqual({e["source"] for e in self.events()}, set(SERVICES))

    def test_what_is_not_signed_right_is_401_and_not_stored(self):
        key = self.file("key", "a secret\n")
        email = self.adapter("email", self.bus,
                             config=f"[mailersend]\nsigning_secret_file = {key}\n")
        sent = (DATA / "mailersend/clicked_event.json").read_bytes()
        signature = hmac.new(b"a secret", sent, hashlib.sha256).hexdigest()
        for wrong in ({}, {"Signature": "0" * 64}, {"Signature": signature[:-1] + "x"}):
            answer = email.ask("POST", "/webhooks/mailersend", sent, wrong)
            self.assertEqual((answer.status, answer.json["status"]), (401, 401))
        failures = 'touchline_signature_failures_total{format="mailersend",why="wrong"}'
        self.assertEqual(email.metrics()[failures], 3)
        self.assertEqual(list((email.data / "deadletters").iterdir()), [])
        email.post("/webhooks/mailersend", sent, Signature=signature)
        email.delivered()
        self.assertEqual(len(self.events()), 1)

    def test_what_was_signed_over_300_seconds_ago_is_401(self):
        secret = b"0123456789abcdef0123456789abcdef"
        encoded = base64.b64encode(secret).decode()
        key = self.file("key", f"whsec_{encoded}\n")
        email = self.adapter("email", self.bus,
                             config=f"[resend]\nsigning_secret_file = {key}\n")
        sent = (DATA / "resend/clicked_event.json").read_bytes()

        def ask(seconds_ago):
            stamp = str(int(time.time()) - seconds_ago)
            text = b"msg_1." + stamp.encode() + b"." + sent
            mac = base64.b64encode(hmac.new(secret, text, hashlib.sha256).digest())
            return email.ask("POST", "/webhooks/resend", sent, {
                "svix-id": "msg_1", "svix-timestamp": stamp,
                "svix-signature": "v1," + mac.decode()}).status
        self.assertEqual([ask(0), ask(290), ask(310), ask(-310)], [200, 200, 401, 401])


class Web(Channel):

    def test_segments_calls_come_with_their_path(self):
        web = self.adapter("web", self.bus)
        call = {"userId": "ann", "event": "Promotion Viewed", "messageId": "m1",
                "properties": {"promotion_id": "spring"}, "timestamp": "2024-03-01T10:00:00Z"}
        web.post("/v1/track", json.dumps(call), Content_Type="application/x-www-form-urlencoded",
                 Authorization="Basic d3JpdGVLZXk6")
        web.post("/v1/batch", json.dumps({"batch": [
            {"type": "identify", "userId": "ann", "anonymousId": "a-1", "messageId": "m2",
             "traits": {"email": "ann@example.com"}, "timestamp": "2024-03-01T10:00:01Z"}]}))
        web.delivered()
        [offer] = self.bus.offers("email:ann@example.com")
        self.assertEqual(offer["offer"], "spring")

    def test_what_trackers_send_is_taken_as_they_send_it(self):
        web = self.adapter("web", self.bus)
        dot = web.ask("GET", "/i?e=pv&p=web&tv=js-3.0&eid=e1&duid=d1&url=https%3A%2F%2Fshop%2F"
                      "&dtm=1700000000000")
        self.assertEqual((dot.status, dot.headers["Content-Type"]), (200, "image/gif"))
        web.post("/com.snowplowanalytics.snowplow/tp2", json.dumps({
            "schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4",
            "data": [{"e": "pv", "eid": "e2", "duid": "d1", "url": "https://shop/", "p": "web",
                      "tv": "js-3.0", "dtm": "1700000000000"}]}))
        dot = web.ask("GET", "/matomo.php?idsite=1&rec=1&_id=0123456789abcdef&url=https%3A%2F%2F"
                      "shop%2F&rand=1&cdt=1700000000")
        self.assertEqual((dot.status, dot.headers["Content-Type"]), (200, "image/gif"))
        web.post("/mp/collect?measurement_id=G-1&api_secret=s", json.dumps({
            "client_id": "c1", "timestamp_micros": "1700000000000000",
            "events": [{"name": "page_view", "params": {"page_location": "https://shop/"}}]}))
        web.post("/v1/events", json.dumps({"identifiers": [{"type": "user", "value": "ann"}]}),
                 ce_specversion="1.0", ce_id="c1", ce_source="shop", ce_type="page.viewed",
                 ce_time="2024-03-01T10:00:00Z", Content_Type="application/json")
        web.delivered()
        self.assertEqual(sorted(e["source"] for e in self.events()),
                         ["ga4", "matomo", "shop", "snowplow", "snowplow"])

    def test_a_beacon_and_an_image_are_taken(self):
        web = self.adapter("web", self.bus)
        web.post("/collect", json.dumps({
            "type": "page", "anonymousId": "a-1", "messageId": "b1", "name": "Home",
            "timestamp": "2024-03-01T10:00:00Z"}), Content_Type="text/plain;charset=UTF-8")
        dot = web.ask("GET", "/pixel.gif?uid=ann&url=https%3A%2F%2Fshop%2F&cdt=1700000000&rand=2")
        self.assertEqual((dot.status, dot.headers["Content-Type"]), (200, "image/gif"))
        web.delivered()
        self.assertEqual(sorted(e["source"] for e in self.events()), ["matomo", "segment"])

    def test_a_page_of_another_site_may_call(self):
        web = self.adapter("web", self.bus)
        answer = web.ask("OPTIONS", "/v1/track", headers={
            "Origin": "https://shop.example", "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type"})
        self.assertEqual(answer.status, 204)
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "https://shop.example")
        self.assertIn("POST", answer.headers["Access-Control-Allow-Methods"])


    def test_a_servers_log_is_followed(self):
        lines = gzip.decompress((DATA / "access-log/apache-combined.log.gz").read_bytes())
        log = self.file("access.log", lines)
        web = self.adapter("web", self.bus, config=f"[access-log]\nfollow = {log}\n")
        whole = self.broker("whole")
        whole.run("ingest", "--format", "access-log", "-", stdin=lines)
        expected = whole.stat()["events"]
        self.assertGreater(expected, 10)
        until(lambda: self.bus.stat()["events"] == expected, every=0.2)
        self.assertGreater(sum(n for name, n in web.metrics().items() if "ignored" in name), 0)


    def test_a_followed_log_loses_and_doubles_nothing_when_its_reader_is_killed(self):
        lines = gzip.decompress((DATA / "access-log/apache-combined.log.gz").read_bytes())
        lines = lines.splitlines(keepends=True)
        log = self.dir / "access.log"
        web = self.adapter("web", self.bus, config=f"[access-log]\nfollow = {log}\n")
        for at in range(0, len(lines), 500):
            with open(log, "ab") as f:
                f.write(b"".join(lines[at:at + 500]))
            if at % 3000 == 1500:
                log.rename(self.dir / f"access.log.{at}")
            time.sleep(random.uniform(0, 0.3))
            web.kill()
            web.start()
        whole = self.broker("whole")
        whole.run("ingest", "--format", "access-log", "-", stdin=b"".join(lines))
        expected = sorted(e["id"] for e in whole.replay())
        until(lambda: sorted(e["id"] for e in self.events()) == expected, every=0.5)


    def test_a_feed_is_asked_for_again_and_said_to_be_known(self):
        asked, etag = [], ['"1"']
        item = "<item><guid>{0}</guid><title>{0}</title><link>http://b/{0}</link></item>"
        items = [item.format("one")]

        class Blog(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.headers.get("If-None-Match"))
                if self.headers.get("If-None-Match") == etag[0]:
                    self.send_response(304)
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header("ETag", etag[0])
                self.end_headers()
                self.wfile.write(("<rss version='2.0'><channel><title>b</title><link>http://b/"
                                  f"</link>{''.join(items)}</channel></rss>").encode())

            def log_message(self, *_):
                pass

        blog = http.server.HTTPServer(("127.0.0.1", 0), Blog)
        self.addCleanup(blog.server_close)
        self.addCleanup(blog.shutdown)
        threading.Thread(target=blog.serve_forever, daemon=True).start()
        web = self.adapter("web", self.bus, config=(
            f"[feed]\nurls = http://127.0.0.1:{blog.server_port}/feed http://127.0.0.1:1/none\n"
            "interval = 500 ms\n"))
        until(lambda: self.bus.stat()["events"] == 1)
        until(lambda: '"1"' in asked)
        items.append(item.format("two"))
        etag[0] = '"2"'
        until(lambda: self.bus.stat()["events"] == 2)
        web.restart()
        seen = len(asked)
        until(lambda: len(asked) > seen)
        self.assertEqual(asked[seen], '"2"')
        until(lambda: web.metrics().get('touchline_fetches_total{format="feed",'
                                        'result="failed"}', 0) > 0)


class Pos(Channel):

    def test_every_shop_has_its_path(self):
        pos = self.adapter("pos", self.bus)
        for shop in SHOPS:
            with self.subTest(shop=shop):
                statuses = [pos.ask("POST", f"/webhooks/{shop}", path.read_bytes()).status
                            for path in bodies(shop)]
                self.assertIn(200, statuses)
        pos.delivered()
        self.assertEqual({e["source"] for e in self.events()}, set(SHOPS))

    def test_woocommerces_ping_is_answered(self):
        """It posts the webhook's number when a webhook is made, and drops one that fails."""
        pos = self.adapter("pos", self.bus)
        answer = pos.ask("POST", "/webhooks/woocommerce", "webhook_id=7",
                         {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(answer.status, 200, answer)

    def test_a_file_dropped_is_on_the_bus_once_and_moves_away(self):
        drop = self.dir / "drop"
        drop.mkdir()
        pos = self.adapter("pos", self.bus, config=f"[poslog]\ndirectory = {drop}\n")
        shutil.copyfile(DATA / "poslog/one-transaction.xml", drop / "1.xml")
        os.utime(drop / "1.xml", (1000, 1000))
        until(lambda: (drop / "done/1.xml").exists())
        pos.post("/poslog", (DATA / "poslog/one-transaction.xml").read_bytes())
        pos.delivered()
        self.assertEqual(len(self.events()), 1)
        self.assertEqual(pos.metrics()["touchline_duplicates_total"], 1)


class Tables(Case):

    MAPS = ROOT / "adapters/csv/maps"
    TABLES = DATA / "completejourney"

    def setUp(self):
        super().setUp()
        self.bus, self.drop, self.maps = self.broker(), self.dir / "drop", self.dir / "maps"
        self.drop.mkdir()
        self.maps.mkdir()

    def put(self, name, as_name, folder=None):
        path = (folder or self.drop) / as_name
        shutil.copyfile(name, path)
        os.utime(path, (1000, 1000))

    def ingested(self, table, map_name):
        whole = self.broker("whole")
        whole.run("ingest", "--format", "csv", "--map", self.MAPS / map_name, self.TABLES / table)
        return sorted(e["id"] for e in whole.replay())

    def ids(self):
        return sorted(e["id"] for e in self.bus.replay())

    def start(self):
        return self.adapter("pos", self.bus, config=(
            f"[csv]\ndirectory = {self.drop}\nmaps = {self.maps}\n"))

    def test_a_nightly_table_is_read_by_the_map_its_name_begins_with(self):
        expected = self.ingested("coupon_redemptions.csv", "completejourney-redemptions.map")
        self.put(self.MAPS / "completejourney-redemptions.map", "coupon.map", self.maps)
        # A shorter name is no better.
        self.put(self.MAPS / "completejourney-transactions.map", "cou.map", self.maps)
        pos = self.start()
        self.put(self.TABLES / "coupon_redemptions.csv", "coupon-2017-06-02.csv")
        until(lambda: (self.drop / "done/coupon-2017-06-02.csv").exists())
        pos.delivered()
        self.assertEqual(self.ids(), expected)
        # The next night's has them again, and nothing counts twice.
        self.put(self.TABLES / "coupon_redemptions.csv", "coupon-2017-06-03.csv")
        until(lambda: (self.drop / "done/coupon-2017-06-03.csv").exists())
        pos.delivered()
        self.assertEqual(self.ids(), expected)

    def test_a_table_waits_for_what_it_joins_and_keeps_none_waiting(self):
        expected = self.ingested("campaigns.csv", "completejourney-campaigns.map")
        self.put(self.MAPS / "completejourney-campaigns.map", "campaigns.map", self.maps)
        self.put(self.MAPS / "completejourney-redemptions.map", "coupon.map", self.maps)
        pos = self.start()
        for name in ("campaigns.csv", "coupon_redemptions.csv"):
            self.put(self.TABLES / name, name)
        until(lambda: (self.drop / "done/coupon_redemptions.csv").exists())
        self.assertTrue((self.drop / "campaigns.csv").exists())
        self.put(self.TABLES / "campaign_descriptions.csv", "campaign_descriptions.csv", self.maps)
        until(lambda: (self.drop / "done/campaigns.csv").exists())
        pos.delivered()
        self.assertEqual([i for i in self.ids() if i in set(expected)], expected)

    def test_settings_say_what_is_wrong_with_a_map(self):
        (self.maps / "bad.map").write_text("no map\n")
        for maps, why in ((self.maps, "bad.map"), (self.drop, "has no map"),
                          (self.dir / "nowhere", "nowhere"), (None, "belong together")):
            config = f"[csv]\ndirectory = {self.drop}\n" + (f"maps = {maps}\n" if maps else "")
            done = subprocess.run([BUILD / "touchline-pos", "--data", self.dir / "p", "--check",
                                   "--config", self.file("pos.conf", config)],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, CALLED_WRONGLY, (maps, done))
            self.assertIn(why, done.stderr)


class Switch(threading.Thread):
    """A switch that tells a recording, a part to each caller, and hangs up."""

    def __init__(self, parts, hello=b"Asterisk Call Manager/5.0.4\r\n",
                 welcome=b"Response: Success\r\nMessage: Authentication accepted\r\n\r\n"):
        super().__init__(daemon=True)
        self.parts, self.logins, self.hello, self.welcome = parts, [], hello, welcome
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.start()

    def run(self):
        for part in self.parts:
            with self.listening.accept()[0] as s:
                s.sendall(self.hello)
                self.logins.append(self.until_blank(s))
                s.sendall(self.welcome)
                for at in range(0, len(part), 1000):
                    s.sendall(part[at:at + 1000])
                # Hung up with something unread it would be a reset, which takes back
                # what is still on its way.
                s.shutdown(socket.SHUT_WR)
                while s.recv(1000):
                    pass

    def until_blank(self, s):
        got = b""
        while b"\n\n" not in got.replace(b"\r", b""):
            got += s.recv(1000)
        return got


class Call(Channel):

    def test_the_manager_is_connected_to_and_connected_to_again(self):
        told = (DATA / "asterisk/calls-ami.txt").read_bytes().replace(b"\r", b"")
        blocks = [block + b"\n\n" for block in told.split(b"\n\n") if block.strip()]
        half = len(blocks) // 2
        switch = Switch([b"".join(blocks[:half]), b"", b"".join(blocks[half:])])
        secret = self.file("secret", "geheim\n")
        call = self.adapter("call", self.bus, config=(
            f"[asterisk-ami]\nconnect = 127.0.0.1:{switch.port}\nusername = t\n"
            f"secret_file = {secret}\n"))
        whole = self.broker("whole")
        whole.run("ingest", "--format", "asterisk-ami", "-", stdin=told)
        expected = sorted(e["id"] for e in whole.replay())
        self.assertGreater(len(expected), 10)
        until(lambda: sorted(e["id"] for e in self.events()) == expected, every=0.2)
        self.assertEqual(len(switch.logins), 3)
        for login in switch.logins:
            self.assertIn(b"Action: Login\r\nUsername: t\r\nSecret: geheim\r\n", login)
        self.assertNotIn("geheim", call.log())

    def test_a_frame_cut_off_does_not_swallow_what_the_next_connection_tells(self):
        told = (DATA / "freeswitch/constructed-calls.txt").read_bytes()
        middle = told.index(b"Content-Length", len(told) // 2) + 60
        switch = Switch([told[:middle], told], hello=b"Content-Type: auth/request\n\n",
                        welcome=b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n")
        secret = self.file("secret", "ClueCon\n")
        call = self.adapter("call", self.bus, config=(
            f"[freeswitch]\nconnect = 127.0.0.1:{switch.port}\nsecret_file = {secret}\n"))
        whole = self.broker("whole")
        whole.run("ingest", "--format", "freeswitch", "-", stdin=told)
        # The bus says of the promise among them that it is due, when its timer comes to it.
        expected = sorted(e["id"] for e in whole.replay() if e["source"] != "touchline")
        self.assertGreater(len(expected), 5)
        until(lambda: sorted(e["id"] for e in self.events() if e["source"] != "touchline")
              == expected, every=0.2)
        self.assertIn(b"auth ClueCon\n\n", switch.logins[0])
        self.assertEqual(list((call.data / "deadletters").iterdir()), [])

    def test_twilio_signs_the_url_it_was_told(self):
        token = self.file("token", "12345")
        sent = "CallSid=CA1&CallStatus=completed&Direction=inbound&From=%2B14155550100&To=%2B1800"
        fields = {"CallSid": "CA1", "CallStatus": "completed", "Direction": "inbound",
                  "From": "+14155550100", "To": "+1800"}
        for told, url in (("https://x.example", "https://x.example/webhooks/twilio"),
                          ("https://x.example/y", "https://x.example/y")):
            call = self.adapter("call", self.bus, name=url[-6:].replace("/", ""), config=(
                f"[twilio]\nauth_token_file = {token}\npublic_url = {told}\n"))
            text = url + "".join(k + v for k, v in sorted(fields.items()))
            mac = base64.b64encode(hmac.new(b"12345", text.encode(), hashlib.sha1).digest())
            answers = [call.ask("POST", "/webhooks/twilio", sent, {
                "X-Twilio-Signature": signature,
                "Content-Type": "application/x-www-form-urlencoded"}).status
                for signature in (mac.decode(), "x" + mac.decode()[1:])]
            self.assertEqual(answers, [200, 401])
            call.delivered()
        self.assertEqual(len(self.events()), 1)

    def log(self):
        return (DATA / "asterisk/queue_log").read_text().splitlines(keepends=True)

    def test_a_log_is_followed_across_rotation_and_restarts(self):
        lines = self.log()
        followed = self.dir / "queue_log"
        third = len(lines) // 3
        call = self.adapter("call", self.bus,
                            config=f"[asterisk-queue-log]\nfollow = {followed}\n")
        followed.write_text("".join(lines[:third]))
        until(lambda: call.metrics()["touchline_spool_events"] == 0
              and self.bus.stat()["events"] > 0)
        call.kill()
        with open(followed, "a") as f:
            f.write("".join(lines[third:2 * third]))
        followed.rename(self.dir / "queue_log.1")
        followed.write_text("".join(lines[2 * third:]))
        call.start()
        whole = self.broker("whole")
        whole.run("ingest", "--format", "asterisk-queue-log", "-", stdin="".join(lines))
        expected = sorted(e["id"] for e in whole.replay())
        until(lambda: sorted(e["id"] for e in self.events()) == expected, every=0.2)


if __name__ == "__main__":
    unittest.main()
