"""What was not understood is kept, can be looked at, and tried again."""

import json
import unittest

from harness import CALLED_WRONGLY, FINE, NO, PARTLY, Case

PATH = "/webhooks/sendgrid"
GOOD = [{"email": "joe@example.com", "timestamp": 1700000000, "event": "click",
         "sg_event_id": "e1", "sg_message_id": "m1", "campaign_id": "spring"}]


class DeadLetters(Case):

    def setUp(self):
        super().setUp()
        self.bus = self.broker()
        self.email = self.adapter("email", self.bus)
        self.letters = self.email.data / "deadletters"

    def verb(self, *args, code=FINE):
        done = self.bus.run("deadletters", *args, "--data", self.email.data)
        self.assertEqual(done.code, code, done)
        return done

    def list(self):
        return self.verb("list", "-o", "json").json["letters"]

    def test_they_are_listed_and_shown(self):
        self.assertEqual(self.list(), [])
        self.email.post(PATH, "{no JSON", status=400)
        [letter] = self.list()
        self.assertEqual((letter["adapter"], letter["format"], letter["where"], letter["bytes"]),
                         ("touchline-email", "sendgrid", "POST " + PATH, 8))
        self.assertIn("not JSON", letter["reason"])
        self.assertIn(letter["name"], self.verb("list").out)
        self.assertIn("{no JSON", self.verb("show", letter["name"]).out)
        shown = self.verb("show", letter["name"], "-o", "json").json
        self.assertEqual(shown["content"], "{no JSON")

    def test_the_same_bytes_are_one_letter(self):
        for _ in range(3):
            self.email.post(PATH, "{no JSON", status=400)
        self.assertEqual(len(self.list()), 1)
        self.assertEqual(self.email.metrics()["touchline_dead_letters"], 1)

    def test_what_is_still_not_understood_stays(self):
        self.email.post(PATH, json.dumps([*GOOD, 17]))
        done = self.verb("retry", "-o", "json", code=PARTLY)
        self.assertEqual(done.json, {"retried": 0, "kept": 1, "events": 1})
        self.assertIn("is kept: ", done.err)
        self.assertEqual(len(self.list()), 1)

    def test_what_is_understood_by_now_reaches_the_bus_and_goes(self):
        self.email.post(PATH, "{no JSON", status=400)
        [path] = self.letters.iterdir()
        head, _ = path.read_bytes().split(b"\n\n", 1)
        # As if the decoder had learnt to read it.
        path.write_bytes(head + b"\n\n" + json.dumps(GOOD).encode())
        done = self.verb("retry", path.name, "-o", "json")
        self.assertEqual(done.json, {"retried": 1, "kept": 0, "events": 1})
        self.assertEqual(self.list(), [])
        self.assertEqual(self.bus.stat()["events"], 1)

    def test_a_refused_event_is_tried_again_as_the_event_it_is(self):
        self.email.post(PATH, json.dumps(GOOD))
        self.email.post(PATH, json.dumps([dict(GOOD[0], event="open")]))
        self.email.delivered()
        [letter] = self.list()
        self.assertEqual(letter["format"], "event")
        self.assertIn("DUPLICATE_DIFFERS", self.verb("retry", code=PARTLY).err)
        fresh = self.broker("fresh")
        self.assertEqual(fresh.run("deadletters", "retry", "--data", self.email.data).code, FINE)
        self.assertEqual(fresh.stat()["events"], 1)

    def test_a_wrong_call_says_what_is_wrong(self):
        self.assertEqual(self.bus.run("deadletters", "list").code, CALLED_WRONGLY)
        self.verb("burn", code=CALLED_WRONGLY)
        self.verb("show", code=CALLED_WRONGLY)
        self.verb("show", "0" * 16, code=NO)
        self.verb("show", "../lock", code=NO)
        done = self.bus.run("deadletters", "list", "--data", self.dir / "nowhere")
        self.assertEqual(done.code, CALLED_WRONGLY)
        self.assertIn("nowhere/deadletters", done.err)


if __name__ == "__main__":
    unittest.main()
