"""What all adapters have in common: whole requests within limits, nothing lost or counted
twice, whoever is killed."""

import gzip
import json
import random
import re
import socket
import subprocess
import threading
import time
import unittest

from harness import BUILD, CALLED_WRONGLY, DATA, FINE, ROOT, SANITIZED, SLOW, Case, free_port, until

KIB = 1 << 10
MIB = 1 << 20
PATH = "/webhooks/sendgrid"


def click(n, customer="joe@example.com", **more):
    """One element as SendGrid's Event Webhook has it."""
    return dict({"email": customer, "timestamp": 1700000000 + n, "event": "click",
                 "sg_event_id": f"event-{n}", "sg_message_id": f"message-{n}.filter",
                 "url": "https://example.com/", "campaign_id": "spring"}, **more)


def body(*elements):
    return json.dumps(list(elements))


def padded(size):
    """A body of exactly that many bytes."""
    empty = len(body(click(1, pad="")))
    assert size >= empty
    # An attribute longer than an event may hold would be refused by the broker.
    return body(click(1)) + " " * (size - len(body(click(1))))


class Email(Case):

    def setUp(self):
        super().setUp()
        self.bus = self.broker()

    def email(self, **more):
        return self.adapter("email", self.bus, **more)

    def assertProblem(self, answer, status):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        self.assertEqual(answer.json["status"], status)
        self.assertTrue(answer.json["title"] and answer.json["detail"], answer)


class Road(Email):

    def test_what_a_webhook_brought_is_in_the_customers_context(self):
        email = self.email()
        answer = email.post(PATH, body(click(1), click(2, event="open")))
        self.assertEqual(answer.json, {"accepted": 2, "rejected": 0, "ignored": 0})
        email.delivered()
        recent = self.bus.context("email:joe@example.com")["recent"]
        self.assertEqual({e["type"] for e in recent}, {"email.link_clicked", "email.opened"})

    def test_a_webhook_sent_again_counts_once(self):
        email = self.email()
        for _ in range(3):
            email.post(PATH, body(click(1)))
        email.delivered()
        self.assertEqual(self.bus.stat()["events"], 1)
        self.assertEqual(email.metrics()["touchline_duplicates_total"], 2)

    def test_a_body_that_is_none_is_refused_and_kept_with_the_reason(self):
        email = self.email()
        self.assertProblem(email.post(PATH, "{no JSON", status=400), 400)
        [letter] = (email.data / "deadletters").iterdir()
        head, raw = letter.read_bytes().split(b"\n\n", 1)
        self.assertEqual(raw, b"{no JSON")
        self.assertIn(b"\nformat: sendgrid\n", head)
        self.assertIn(b"\nwhere: POST /webhooks/sendgrid\n", head)
        self.assertIn(b"\nreason: not JSON", head)
        self.assertEqual(email.metrics()['touchline_rejected_total{format="sendgrid"}'], 1)

    def test_of_a_body_in_part_understood_the_good_is_stored_and_the_whole_is_kept(self):
        email = self.email()
        sent = body(click(1), 17)
        self.assertEqual(email.post(PATH, sent).json,
                         {"accepted": 1, "rejected": 1, "ignored": 0})
        email.delivered()
        self.assertEqual(self.bus.stat()["events"], 1)
        [letter] = (email.data / "deadletters").iterdir()
        self.assertTrue(letter.read_bytes().endswith(b"\n\n" + sent.encode()))

    def test_what_the_broker_refuses_becomes_a_dead_letter(self):
        email = self.email()
        email.post(PATH, body(click(1)))
        email.post(PATH, body(click(1, event="open")))
        email.delivered()
        self.assertEqual(email.metrics()["touchline_refused_total"], 1)
        [letter] = (email.data / "deadletters").iterdir()
        head, raw = letter.read_bytes().split(b"\n\n", 1)
        self.assertIn(b"\nreason: DUPLICATE_DIFFERS", head)
        self.assertEqual(json.loads(raw)["type"], "email.opened")


class Limits(Email):

    def setUp(self):
        super().setUp()
        self.adapter_ = self.email()

    def ask(self, data, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.adapter_.ask("POST", PATH, data, named)

    def test_a_body_of_1_mib_is_taken_and_of_one_byte_more_is_413(self):
        self.assertEqual(self.ask(padded(MIB)).status, 200)
        self.assertProblem(self.ask(padded(MIB + 1)), 413)

    def test_a_body_that_is_said_to_be_huge_is_413_before_it_is_sent(self):
        with socket.create_connection(("127.0.0.1", self.adapter_.port)) as s:
            s.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {1 << 40}\r\n"
                      "Expect: 100-continue\r\n\r\n".encode())
            self.assertTrue(s.recv(100).startswith(b"HTTP/1.1 413 "))

    def test_a_chunked_body_over_1_mib_is_413(self):
        with socket.create_connection(("127.0.0.1", self.adapter_.port)) as s:
            s.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                      .encode())
            for _ in range(17):
                s.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
            s.sendall(b"0\r\n\r\n")
            self.assertTrue(s.recv(100).startswith(b"HTTP/1.1 413 "))

    def test_headers_over_16_kib_are_431(self):
        self.assertEqual(self.ask(body(click(1)), X_Long="x" * (15 * KIB)).status, 200)
        self.assertProblem(self.ask(body(click(1)), X_Long="x" * (16 * KIB)), 431)

    def test_500_events_are_taken_and_501_are_413(self):
        self.assertEqual(self.ask(body(*map(click, range(500)))).json["accepted"], 500)
        self.assertProblem(self.ask(body(*map(click, range(501)))), 413)

    def test_gzip_is_unpacked(self):
        for encoding in ("gzip", "x-gzip", "GZIP"):
            packed = gzip.compress(body(click(1)).encode())
            self.assertEqual(self.ask(packed, Content_Encoding=encoding).json["accepted"], 1)

    def test_a_gzip_bomb_is_413_and_a_damaged_one_400_and_another_encoding_415(self):
        packed = gzip.compress(padded(MIB).encode())
        self.assertEqual(self.ask(packed, Content_Encoding="gzip").status, 200)
        for size in (MIB + 1, 100 * MIB):
            bomb = gzip.compress(b" " * size)
            self.assertProblem(self.ask(bomb, Content_Encoding="gzip"), 413)
        self.assertProblem(self.ask(packed[:-9], Content_Encoding="gzip"), 400)
        self.assertProblem(self.ask(body(click(1)), Content_Encoding="gzip"), 400)
        self.assertProblem(self.ask(body(click(1)), Content_Encoding="br"), 415)

    def test_a_path_that_is_none_is_404_and_a_method_it_does_not_take_405(self):
        self.assertProblem(self.adapter_.ask("POST", "/webhooks/nobody", "{}"), 404)
        answer = self.adapter_.ask("GET", PATH)
        self.assertProblem(answer, 405)
        self.assertEqual(answer.headers["Allow"], "POST")

    def test_half_a_minute_is_for_a_request_not_for_a_connection(self):
        if SANITIZED:
            self.skipTest("half a minute is enough once")
        slow, idle, late = (socket.create_connection(("127.0.0.1", self.adapter_.port))
                            for _ in range(3))
        for s in (slow, idle, late):
            self.addCleanup(s.close)
            s.settimeout(0.2)
        for s in (idle, late):
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            until(lambda: self.heard(s).endswith(b"alive\"}\n"))
        slow.sendall(f"POST {PATH} HTTP/1.1\r\n".encode())
        began, cut, closed = time.monotonic(), b"", None
        while time.monotonic() - began < 34:
            if not cut:
                slow.sendall(b"X")
                cut = self.heard(slow).strip()
            closed = closed if closed == b"" else self.heard(idle)
            if 24 < time.monotonic() - began < 25:
                late.sendall(b"GET /healthz HTTP/1.1\r\n")
                time.sleep(1)
        late.sendall(b"Host: x\r\n\r\n")
        self.assertTrue(cut.startswith(b"HTTP/1.1 408 "), cut)
        self.assertEqual(closed, b"", "kept open in vain, it is closed without a word")
        self.assertTrue(self.heard(late).endswith(b"alive\"}\n"))

    def heard(self, s):
        """What came, b"" at the end, b" " when there was nothing."""
        try:
            return s.recv(1000)
        except TimeoutError:
            return b" "

    def test_2000_connections_are_served_and_the_next_is_told_503(self):
        held = []
        try:
            for _ in range(2000):
                held.append(socket.create_connection(("127.0.0.1", self.adapter_.port)))
            held[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertTrue(held[0].recv(100).startswith(b"HTTP/1.1 200 "))
            self.assertProblem(self.adapter_.ask("GET", "/healthz"), 503)
        finally:
            for s in held:
                s.close()
        until(lambda: self.adapter_.ask("GET", "/healthz").status == 200)


class Strangers(Email):

    def request(self, rng):
        sent = body(*map(click, range(rng.randrange(3)))).encode()
        head = [f"POST {PATH} HTTP/1.1", "Host: x", f"Content-Length: {len(sent)}"]
        for line in rng.sample(["Content-Encoding: gzip", "Transfer-Encoding: chunked",
                                "Expect: 100-continue", "Content-Length: -1", "Connection: close",
                                "Content-Length: 99999999999999999999", "X: \xe9", ": y"],
                               rng.randrange(3)):
            head.append(line)
        made = bytearray("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + sent)
        for _ in range(rng.choice((0, 0, 1, 5, 50))):
            made[rng.randrange(len(made))] = rng.randrange(256)
        return bytes(made[:rng.choice((len(made), rng.randrange(1, len(made))))])

    def test_requests_that_are_none_do_no_harm(self):
        email, rng = self.email(), random.Random(8058)
        for _ in range(600):
            with socket.create_connection(("127.0.0.1", email.port)) as s:
                s.settimeout(0.02)
                try:
                    s.sendall(self.request(rng))
                    s.recv(4096)
                except OSError:
                    pass
        email.post(PATH, body(click(12345)))
        email.delivered()
        self.assertIn("event-12345", {e["id"] for e in self.bus.replay()})

    def test_who_goes_away_before_the_answer_is_taken_all_the_same(self):
        email, sent = self.email(), body(*map(click, range(50))).encode()
        for _ in range(100):
            s = socket.create_connection(("127.0.0.1", email.port))
            s.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(sent)}\r\n\r\n"
                      .encode() + sent)
            s.close()
        until(lambda: self.bus.stat()["events"] == 50)
        until(lambda: email.metrics()["touchline_connections"] == 1)


class Status(Email):

    def test_an_adapter_says_how_it_is_and_what_it_takes(self):
        email = self.email()
        self.assertEqual(email.ask("GET", "/healthz").json, {"status": "alive"})
        self.assertEqual(email.ask("GET", "/readyz").json["status"], "ready")
        self.assertEqual(email.ask("HEAD", "/healthz").status, 200)
        document = email.ask("GET", "/openapi.json").json
        self.assertTrue(document["openapi"].startswith("3."))
        self.assertIn("post", document["paths"][PATH])

    def test_what_is_of_no_interest_is_counted_by_name(self):
        pos = self.adapter("pos", self.bus)
        pos.post("/poslog", (DATA / "poslog/constructed.xml").read_bytes())
        ignored = [n for n in pos.metrics() if n.startswith("touchline_ignored_total")]
        self.assertTrue(ignored, pos.metrics())

    def check(self, config, channel="email"):
        path = self.file("some.conf", config)
        return subprocess.run([BUILD / f"touchline-{channel}", "--data", self.dir / "e", "--config",
                               path, "--check"], capture_output=True, text=True)

    def test_settings_are_checked(self):
        self.assertEqual(self.check("[adapter]\nlisten = 127.0.0.1:1\n").returncode, FINE)
        for config, why in (("[adapter]\nlissten = x\n", "line 2"),
                            ("[adapter]\nlisten = 127.0.0.1\n", "HOST:PORT"),
                            ("[adapter]\nlisten = 127.0.0.1:65536\n", "HOST:PORT"),
                            ("[adapter]\nbroker = nonsense\n", "is no endpoint"),
                            ("[spool]\nsize = 1 B\n", "2 MiB or more"),
                            ("[spool]\nsegment_size = 2 GiB\n", "16 KiB to 1 GiB"),
                            ("[mailgun]\nsource =\n", "source"),
                            ("[mailgun]\ntimezone = Mars/X\n", "no time zone Mars/X"),
                            ("[mailgun]\ndefault_region = Germany\n", "no region"),
                            (f"[mailgun]\nsigning_key_file = {self.dir}\n", "Is a directory"),
                            (f"[mailgun]\nsigning_key_file = {self.file('long', 'x' * 8193)}\n",
                             "longer than 8192 bytes"),
                            ("[adapter]\nlisten = 0.0.0.0:7711\n", "touchline token new"),
                            ("[sendgrid]\npublic_key_file = /nowhere\n", "/nowhere")):
            done = self.check(config)
            self.assertEqual(done.stdout, "", config)
            self.assertEqual(done.returncode, CALLED_WRONGLY, (config, done))
            self.assertIn(why, done.stderr)

    def test_settings_of_what_is_asked_and_connected_to_are_checked(self):
        for channel, config, why in (
                ("web", "[feed]\ninterval = 0 s\n", "100 ms to 366 d"),
                ("web", "[feed]\ninterval = 367 d\n", "100 ms to 366 d"),
                ("call", "[asterisk-ami]\nconnect = 127.0.0.1:x\n", "HOST:PORT"),
                ("call", "[asterisk-ami]\nconnect = 127.0.0.1:65536\n", "HOST:PORT"),
                ("call", f"[freeswitch]\nsecret_file = {self.dir}\n", "Is a directory"),
                ("call", f"[freeswitch]\nsecret_file = {self.file('none', '')}\n", "is empty")):
            done = self.check(config, channel)
            self.assertEqual(done.returncode, CALLED_WRONGLY, (config, done))
            self.assertIn(why, done.stderr)

    def test_a_file_to_follow_that_is_not_there_is_told_and_waited_for(self):
        path = self.dir / "mail.log"
        email = self.email(config=f"[postfix]\nfollow = {path}\n")
        self.assertIn(f"{path}: No such file or directory", email.log())

    def test_the_sample_settings_are_right_with_every_comment_taken_away(self):
        for sample in (ROOT / "adapters").glob("*/*.conf"):
            text = sample.read_text()
            every = re.sub(r"^#(\w+ = )", r"\1", text, flags=re.M)
            self.assertGreater(every.count(" = "), 4)
            every = re.sub(r"public_key_file = .*", "", every)
            every = re.sub(r"(\w+_file) = .*",
                           rf"\1 = {self.file('key', 'whsec_c2VjcmV0')}", every)
            every = re.sub(r"(directory) = .*", rf"\1 = {self.dir}", every)
            every = re.sub(r"(maps) = .*", rf"\1 = {ROOT / 'adapters/csv/maps'}", every)
            done = subprocess.run([BUILD / sample.stem, "--config", self.file("s.conf", every),
                                   "--check"], capture_output=True, text=True)
            self.assertEqual(done.returncode, FINE, done.stderr)

    def test_two_adapters_do_not_share_their_data(self):
        email = self.email()
        done = subprocess.run([BUILD / "touchline-email", "--data", email.data, "--listen",
                               f"127.0.0.1:{free_port()}"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("another process", done.stderr)


class Killed(Email):
    """Whoever is killed: what was answered 2xx is in the log, once."""

    def send(self, email, first, count, taken):
        """Until they are through, as a vendor does; remembers what was answered 200."""
        for n in range(first, first + count):
            while True:
                try:
                    if email.ask("POST", PATH, body(click(n)), timeout=10).status == 200:
                        taken.add(f"event-{n}")
                        break
                except OSError:
                    pass
                time.sleep(0.02)

    def ids(self):
        return sorted(e["id"] for e in self.bus.replay())

    def under_load(self, kill, senders=4, count=400 // SLOW):
        email, taken = self.email(), set()
        threads = [threading.Thread(target=self.send, args=(email, 1000 * t, count, taken))
                   for t in range(senders)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            kill(email)
        for thread in threads:
            thread.join()
        email.delivered()
        got = self.ids()
        self.assertEqual(len(got), senders * count)
        self.assertEqual(set(got), taken)
        self.assertEqual((email.data / "deadletters").exists()
                         and list((email.data / "deadletters").iterdir()), [])

    def test_an_adapter_that_is_killed_loses_and_duplicates_nothing(self):
        def kill(email):
            time.sleep(random.uniform(0.05, 0.4) * SLOW)
            email.kill()
            email.start()
        self.under_load(kill)

    def test_a_broker_that_is_killed_loses_and_duplicates_nothing(self):
        def kill(_email):
            time.sleep(random.uniform(0.05, 0.4) * SLOW)
            self.bus.kill()
            time.sleep(random.uniform(0, 0.2))
            self.bus.start()
        self.under_load(kill)

    def test_with_both_killed_in_turn_nothing_is_lost_or_duplicated(self):
        def kill(email):
            time.sleep(random.uniform(0.05, 0.2) * SLOW)
            for one in random.sample([email, self.bus], 2):
                one.kill()
            self.bus.start()
            email.start()
        self.under_load(kill)

    def test_what_was_taken_while_the_broker_was_away_reaches_it_later(self):
        self.bus.kill()
        email = self.email()
        email.post(PATH, body(*map(click, range(300))))
        email.kill()
        email.start()
        self.bus.start()
        email.delivered()
        self.assertEqual(len(self.ids()), 300)

    def test_a_full_spool_refuses_with_503_and_loses_nothing(self):
        self.bus.kill()
        email = self.email(config="[spool]\nsize = 2 MiB\nsegment_size = 16 KiB\n")
        taken = 0
        for n in range(10000, 30000, 250):
            answer = email.ask("POST", PATH, body(*map(click, range(n, n + 250))))
            if answer.status != 200:
                break
            taken += 250
        self.assertProblem(answer, 503)
        self.assertTrue(int(answer.headers["Retry-After"]) > 0)
        self.assertGreater(taken, 100)
        self.bus.start()
        until(lambda: email.ask("POST", PATH, body(click(9999))).status == 200)
        email.delivered()
        self.assertEqual(len(self.ids()), taken + 1)


class Disk(Email):

    def test_a_full_disk_is_503_until_there_is_space_and_nothing_is_lost(self):
        small = self.dir / "small"
        small.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", small],
                              capture_output=True, text=True)
        if done.returncode:
            self.skipTest("cannot mount a small file system here: " + done.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", "-l", small])
        self.bus.kill()
        email = self.adapter("email", self.bus, name="small/email", start=False)
        email.log_path = self.dir / "email.log"
        email.start()
        taken, refused = set(), 0
        for n in range(0, 20000, 100):
            answer = email.ask("POST", PATH, body(*map(click, range(n, n + 100))))
            if answer.status == 200:
                taken |= {f"event-{i}" for i in range(n, n + 100)}
            else:
                self.assertProblem(answer, 503)
                refused += 1
            if refused == 3:
                break
        self.assertEqual(refused, 3)
        self.assertGreater(len(taken), 500)
        self.assertEqual(email.ask("GET", "/healthz").status, 200)
        self.bus.start()
        until(lambda: email.ask("POST", PATH, body(click(99999))).status == 200)
        email.delivered()
        self.assertEqual({e["id"] for e in self.bus.replay()}, taken | {"event-99999"})


if __name__ == "__main__":
    unittest.main()
