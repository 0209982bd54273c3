"""The names, exit codes and JSON shapes people and scripts rely on."""

import concurrent.futures
import json
import subprocess

from harness import (AWAY, BUILD, CALLED_WRONGLY, FINE, NO, PARTLY, REFUSED, Case, Shared, event,
                     free_port, lines, offer, run, sale, until)

VERBS = ["publish", "ingest", "formats", "context", "timeline", "offers", "campaign", "watch",
         "replay", "stat", "verify", "rebuild", "bench"]


class WithoutABroker(Case):

    def test_help_names_every_verb_and_is_fine(self):
        for how in (["help"], ["--help"]):
            done = run(*how)
            self.assertEqual(done.code, FINE, done)
            self.assertEqual([v for v in VERBS if v not in done.out], [])

    def test_each_verb_explains_itself(self):
        for verb in VERBS:
            with self.subTest(verb=verb):
                done = run(verb, "--help")
                self.assertEqual(done.code, FINE, done)
                self.assertIn(verb, done.out)

    def test_the_version_is_told(self):
        done = run("--version")
        self.assertEqual(done.code, FINE)
        self.assertRegex(done.out, r"\d+\.\d+\.\d+")

    def test_called_wrongly_is_2_with_a_sentence(self):
        for args in ([], ["nonsense"], ["context"], ["stat", "--nonsense"], ["stat", "too", "many"],
                     ["-o", "nonsense", "stat"], ["context", "noidentifier"],
                     ["ingest", "--format", "nonsense", "/dev/null"], ["ingest", "/dev/null"],
                     ["ingest", "--format", "csv", "/dev/null"],
                     ["timeline", "loyalty:1", "--limit", "many"],
                     ["replay", "--share", "4/3"], ["replay", "--share", "0/3"],
                     ["ingest", "--format", "sendgrid", "/nonexistent/file"],
                     ["publish", "/nonexistent/file"],
                     ["context", "loyalty:1", "--as-of", ""], ["watch", "--group="],
                     ["--broker", "", "stat"], ["--broker", "tcp://127.0.0.1:65536", "stat"],
                     ["--broker", "tcp://127.0.0.1:0", "stat"], ["--broker", "inproc://x", "stat"],
                     ["ingest", "--format", "sendgrid", "--timezone", "Mars/X", "/dev/null"],
                     ["ingest", "--format", "sendgrid", "--default-region", "Germany", "/dev/null"],
                     ["ingest", "--format", "sendgrid", "--source", "x" * 257, "/dev/null"],
                     ["play", "--email", "nonsense", "/dev/null"], ["publish", "/"]):
            with self.subTest(args=args):
                done = run(*args, broker="tcp://127.0.0.1:1")
                self.assertEqual(done.code, CALLED_WRONGLY, done)
                self.assertEqual(done.out, "")
                self.assertGreater(len(done.err), 10)

    def test_an_answer_that_cannot_be_written_is_not_fine(self):
        for args in (["formats"], ["help"], ["--version"]):
            with self.subTest(args=args), open("/dev/full", "w") as full:
                done = subprocess.run([BUILD / "touchline", *args], stdout=full,
                                      stderr=subprocess.PIPE, text=True)
                self.assertEqual(done.returncode, NO, done)
                self.assertIn("No space left", done.stderr)

    def test_without_standard_streams_all_works(self):
        closed = '"$0" "$@" <&- >&- 2>&-'
        broker = self.broker(start=False)
        process = subprocess.Popen(["/bin/sh", "-c", f"exec {closed}", BUILD / "touchlined",
                                    "--data", broker.data, "--listen", broker.endpoint])
        until(lambda: run("stat", broker=broker.endpoint).code == FINE)
        done = subprocess.run(["/bin/sh", "-c", closed, BUILD / "touchline", "--broker",
                               broker.endpoint, "publish"], timeout=60)
        self.assertEqual(done.returncode, FINE)
        process.terminate()
        self.assertEqual(process.wait(60), 0)

    def test_a_broker_says_what_is_no_endpoint(self):
        for endpoint in ("nonsense", "", "tcp://127.0.0.1", "tcp://127.0.0.1:65536",
                         "tcp://127.0.0.1:x", "ipc://", "inproc://x"):
            with self.subTest(endpoint=endpoint):
                done = subprocess.run([BUILD / "touchlined", "--data", self.dir / "d", "--listen",
                                       endpoint, "--check"], capture_output=True, text=True)
                self.assertEqual(done.returncode, CALLED_WRONGLY, done)
                self.assertIn(f"`{endpoint}' is no endpoint", done.stderr)

    def test_a_second_broker_does_not_take_the_socket_of_the_first(self):
        first = self.broker(start=False)
        first.endpoint = f"ipc://{self.dir}/socket"
        first.start()
        done = subprocess.run([BUILD / "touchlined", "--data", self.dir / "other", "--listen",
                               first.endpoint], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, NO, done)
        self.assertIn("Address already in use", done.stderr)
        self.assertIn("position", first.stat())
        first.kill()
        first.start()       # what a killed broker left in the way is nobody's

    def test_a_broker_that_is_away_is_4(self):
        away = f"tcp://127.0.0.1:{free_port()}"
        calls = (["stat"], ["context", "loyalty:1"], ["timeline", "loyalty:1"],
                 ["offers", "loyalty:1"], ["replay"])
        # Each waits its ten seconds; together they do so once.
        with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
            for args, done in zip(calls, pool.map(lambda a: run(*a, broker=away), calls)):
                with self.subTest(args=args):
                    self.assertEqual(done.code, AWAY, done)
                    self.assertIn(away, done.err)

    def test_formats_are_listed(self):
        done = run("formats")
        self.assertEqual(done.code, FINE)
        for name in ("csv", "sendgrid", "poslog"):
            self.assertIn(name, done.out)
        listed = run("formats", "-o", "json").json
        self.assertLessEqual({"csv", "sendgrid", "poslog"},
                             {f["name"] for f in listed.get("formats", listed)}
                             if isinstance(listed, dict) else {f["name"] for f in listed})

    def test_a_wrong_command_line_of_the_broker_is_2(self):
        broker = self.broker(start=False, args=["--nonsense"])
        broker.spawn()
        self.assertEqual(broker.process.wait(20), CALLED_WRONGLY)
        self.assertIn("nonsense", broker.log())

    def test_a_setting_nobody_knows_is_refused_with_its_line(self):
        broker = self.broker(start=False, config="[nonsense]\n\nvalue = 3\n")
        broker.spawn()
        self.assertNotEqual(broker.process.wait(20), FINE)
        self.assertRegex(broker.log(), r"data\.conf.*[13]")

    def test_a_bind_beyond_this_machine_is_refused_without_keys(self):
        broker = self.broker(start=False)
        broker.endpoint = f"tcp://0.0.0.0:{broker.port}"
        broker.spawn()
        self.assertNotEqual(broker.process.wait(20), FINE)
        self.assertIn("touchline key new", broker.log())


class WithABroker(Shared):

    def test_the_broker_is_found_by_option_and_by_environment(self):
        env = {"TOUCHLINE_BROKER": self.shared.endpoint}
        self.assertEqual(run("stat", env=env).code, FINE)
        self.assertEqual(run("--broker", self.shared.endpoint, "stat").code, FINE)
        self.assertEqual(run("stat", "--broker", self.shared.endpoint).code, FINE)

    def test_what_is_not_found_is_1(self):
        for verb in ("context", "timeline", "offers"):
            with self.subTest(verb=verb):
                done = self.shared.run(verb, "loyalty:nobody-has-this-number")
                self.assertEqual(done.code, NO, done)

    def test_options_may_stand_before_and_after_the_verb(self):
        before = self.shared.run("-o", "json", "stat")
        after = self.shared.run("stat", "-o", "json")
        self.assertEqual(before.json.keys(), after.json.keys())

    def test_publish_answers_each_line_and_is_5_when_one_is_refused(self):
        good, bad = event(id="cl-good"), event(id="cl-bad", type="")
        text = json.dumps(good) + "\nthis is no json\n" + json.dumps(bad) + "\n" + json.dumps(good)
        done = self.shared.run("publish", "-o", "jsonl", "-", stdin=text + "\n")
        self.assertEqual(done.code, PARTLY, done)
        answers = done.jsonl
        self.assertEqual([a["status"] for a in answers],
                         ["stored", "refused", "refused", "duplicate"])
        self.assertEqual([a["id"] for a in answers], ["cl-good", "", "cl-bad", "cl-good"])
        self.assertEqual([a.get("code", "") or "" for a in answers],
                         ["", "MALFORMED", "MISSING_TYPE", ""])
        self.assertIn("2", answers[1]["detail"])
        self.assertEqual(answers[3]["position"], answers[0]["position"])
        self.assertLessEqual({"id", "source", "status", "position", "code", "detail"},
                             set(answers[2]))

    def test_publish_is_fine_when_all_are_stored_or_duplicate(self):
        events = lines([event(id="cl-a"), event(id="cl-a")])
        self.assertEqual(self.shared.run("publish", "-", stdin=events).code, FINE)
        self.assertEqual(self.shared.run("publish", stdin=events).code, FINE)

    def test_publish_reads_a_file(self):
        path = self.case.file("events.jsonl", lines([event(id="cl-file")]))
        self.assertEqual(self.shared.run("publish", path).code, FINE)
        self.assertIn("cl-file", [e["id"] for e in self.shared.replay()])

    def test_may_contact_is_fine_or_3(self):
        who = ["may-contact", "loyalty:policy", "--channel", "email", "--purpose", "marketing"]
        self.assertEqual(self.shared.run(*who).code, FINE)
        self.shared.publish([event(customer="loyalty:policy", type="consent.denied", consents=[
            {"purpose": "marketing", "status": "denied"}])])
        done = self.shared.run(*who, "-o", "json")
        self.assertEqual(done.code, REFUSED, done)
        self.assertLessEqual({"verdict", "rule", "counted"}, set(done.json))

    def test_every_json_answer_has_its_documented_shape(self):
        shared, who = self.shared, "loyalty:shape"
        shared.publish([event(customer=who, type="offer.made", offers=[offer("made")]),
                        sale(1234, customer=who)])
        self.assertLessEqual({"offer", "campaign", "state"}, set(shared.offers(who)[0]))
        context = shared.context(who)
        self.assertLessEqual({"offers", "consents", "commitments", "value", "position", "now"},
                             set(context))
        self.assertEqual({k: context["value"][k] for k in ("purchases", "spend_minor", "currency")},
                         {"purchases": "1", "spend_minor": "1234", "currency": "USD"})
        self.assertEqual(len(shared.timeline(who)), 2)
        self.assertTrue(all(e["position"] for e in shared.replay()))
        stat = shared.stat()
        for name in ("events", "duplicates", "refused", "dead_letters", "customers", "profiles"):
            self.assertIsInstance(stat[name], int, name)
        self.assertIsInstance(stat["events_by_channel"], dict)
        self.assertRegex(stat["position"], r"^[0-9a-f]{12}-[0-9a-f]{16}$")
        verified = shared.ask("verify")
        self.assertIs(verified["ok"], True)

    def test_tables_are_for_people(self):
        who = "loyalty:table"
        self.shared.publish([event(customer=who, type="offer.made", channel="mail",
                                   offers=[offer("made", "shoes", "spring")])])
        for verb in ("context", "timeline", "offers"):
            with self.subTest(verb=verb):
                done = self.shared.run(verb, who)
                self.assertEqual(done.code, FINE)
                self.assertIn("shoes", done.out)
                self.assertFalse(done.out.lstrip().startswith("{"))

    def test_a_campaigns_counters_are_shown(self):
        self.shared.publish([event(customer="loyalty:counted", type="offer.made", channel="mail",
                                   offers=[offer("made", "shoes", "counted-campaign")])])
        done = self.shared.run("campaign", "counted-campaign")
        self.assertEqual(done.code, FINE, done)
        self.assertIn("made", done.out)
        answer = self.shared.ask("campaign", "counted-campaign")
        self.assertEqual([(c["outcome"], c["channel"], c["count"]) for c in answer["counts"]],
                         [("made", "mail", "1")])
