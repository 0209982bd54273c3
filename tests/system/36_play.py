"""Events played through the adapters, in the words of the systems that would have seen them."""

import time

from harness import AWAY, CALLED_WRONGLY, Case, event, free_port, lines, offer

WEEK = ["2024-03-01T00:00:00Z", "2024-03-04T00:00:00Z", "2024-03-05T10:00:00Z",
        "2024-03-06T00:00:00Z"]


def week(who="loyalty:7"):
    """A mailing, two coupons and a basket, not in the order they happened, and a note."""
    return [
        event("coupon-1", who, "coupon.redeemed", WEEK[1], offers=[offer("redeemed", "13", "13")]),
        event("mailing", who, "offer.made", WEEK[0],
              offers=[offer("made", "13", "13", terms="2 for 1 & “more” <now>",
                            expires=WEEK[3])]),
        event("basket", who, "sale.completed", WEEK[2], sale={
            "total_minor": "898", "currency": "USD", "receipt": "31198640134", "store": "361",
            "lines": [{"item": "995211", "quantity": "2", "amount_minor": "998"},
                      {"item": "1 & <2>", "quantity": "1", "amount_minor": "-100"}]}),
        event("coupon-2", who, "coupon.redeemed", WEEK[3], offers=[offer("redeemed", "13", "13")]),
        event("note", who, "note.added", WEEK[3]),
    ]


class Play(Case):

    def setUp(self):
        super().setUp()
        self.bus = self.broker()
        self.ami = f"127.0.0.1:{free_port()}"
        secret = self.file("secret", "any\n")
        self.adapters = [self.adapter(name, self.bus) for name in ("email", "web", "pos")]
        self.adapters.append(self.adapter("call", self.bus, config=(
            f"[asterisk-ami]\nconnect = {self.ami}\nusername = any\nsecret_file = {secret}\n")))

    def where(self):
        urls = []
        for adapter, channel in zip(self.adapters, ("email", "web", "pos", "call")):
            urls += [f"--{channel}", f"http://127.0.0.1:{adapter.port}"]
        return [*urls, "--ami", self.ami]

    def play(self, events, *args):
        return self.bus.ask("play", *self.where(), *args, "-", stdin=lines(events))

    def test_what_is_played_arrives_as_its_systems_tell_it(self):
        told = self.play(week())
        self.assertEqual(told, {"read": 5, "email": 1, "web": 1, "pos": 3, "call": 1,
                                "unplayed": 1})
        events = [e for e in self.bus.replay() if e["source"] != "touchline"]
        self.assertEqual(sorted(e["source"] for e in events),
                         ["asterisk-ami", "poslog", "poslog", "poslog", "segment", "sendgrid"])
        for customer in ("loyalty:7", "user:7", "email:household7@example.com"):
            one, = self.bus.offers(customer)
            self.assertEqual((one["offer"], one["campaign"], one["state"]),
                             ("13", "13", "redeemed"))
            self.assertEqual((one["terms"], one["expires"]), ("2 for 1 & “more” <now>", WEEK[3]))
            self.assertEqual([(o["outcome"], o["channel"], o["count"], o["time"])
                              for o in one["outcomes"]],
                             [("made", "email", 1, WEEK[0]), ("accepted", "call", 2, WEEK[3]),
                              ("redeemed", "pos", 2, WEEK[3])])
        basket, = [e for e in events if e.get("sale", {}).get("store") == "361"]
        self.assertEqual((basket["sale"]["total_minor"], basket["time"]), ("898", WEEK[2]))
        self.assertEqual([(line["item"], line["amount_minor"]) for line in basket["sale"]["lines"]],
                         [("995211", "998"), ("1 & <2>", "-100")])

    def test_played_again_it_is_known(self):
        self.play(week())
        before = self.bus.stat()["events"]
        self.play(week())
        self.assertEqual(self.bus.stat()["events"], before)
        self.assertEqual(self.bus.stat()["duplicates"], 6)

    def test_time_goes_as_fast_as_it_is_told_to(self):
        began = time.monotonic()
        self.play(week(), "--speed", str(2 * 86400))
        self.assertGreaterEqual(time.monotonic() - began, 2.5)

    def test_a_line_that_is_no_event_is_named(self):
        done = self.bus.run("play", *self.where(), "-", stdin=lines(week()) + "{\n")
        self.assertEqual(done.code, CALLED_WRONGLY, done)
        self.assertIn("line 6", done.err)

    def test_an_adapter_that_is_away_is_named(self):
        self.adapters[2].term()
        done = self.bus.run("play", *self.where(), "-", stdin=lines(week()))
        self.assertEqual(done.code, AWAY, done)
        self.assertIn(f"http://127.0.0.1:{self.adapters[2].port}/", done.err)
        self.assertEqual(self.bus.replay(), [])     # it is told before anything is played
