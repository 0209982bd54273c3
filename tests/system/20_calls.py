"""What telephone systems emit, through their decoders.

The tallies were counted from the recordings by other means: the events of the
manager and the lines of the logs by name, the calls by their Linkedid.
"""

import collections
import csv
import gzip
import json
import re

from harness import DATA, Case, Shared

ASTERISK = DATA / "asterisk"
FORMATS = {"asterisk-ami": "ami-stream.txt.gz", "asterisk-queue-log": "queue_log",
           "asterisk-cdr": "cdr-Master.csv", "asterisk-cel": "cel-Master.csv.gz"}


def read(path):
    opened = gzip.open(path, "rt", newline="") if path.suffix == ".gz" else open(path, newline="")
    with opened as f:
        return f.read()


def blocks():
    return [dict(line.split(": ", 1) if ": " in line else (line, "")
                 for line in block.split("\r\n"))
            for block in read(ASTERISK / FORMATS["asterisk-ami"]).split("\r\n\r\n")]


def tally(values):
    return dict(collections.Counter(values))


class Asterisk(Case, Shared):
    """One recording, as the four logs of one switch tell it, in one broker."""

    def setUp(self):
        pass

    def tearDown(self):
        pass

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.answers = {f: cls.shared.ask("ingest", "--format", f, "--default-region", "US",
                                         ASTERISK / path) for f, path in FORMATS.items()}
        cls.events = {f: [e for e in cls.shared.replay("--channel", "call") if e["source"] == f]
                      for f in FORMATS}

    def count(self, source):
        return tally(e["type"] for e in self.events[source])

    def test_nothing_of_them_is_refused_or_rejected(self):
        for name, a in self.answers.items():
            self.assertEqual((a["refused"], a["rejected"], a["duplicates"]), (0, 0, 0), name)
            self.assertEqual(a["published"], len(self.events[name]))

    def test_the_same_again_is_all_duplicates(self):
        for name, path in FORMATS.items():
            again = self.shared.ask("ingest", "--format", name, "--default-region", "US",
                                    ASTERISK / path)
            self.assertEqual((again["published"], again["duplicates"]),
                             (0, self.answers[name]["published"]), name)

    def test_the_managers_events_are_all_there(self):
        said = tally(b["Event"] for b in blocks() if "Event" in b)
        self.assertEqual(sum(said.values()), 6789)
        got = self.count("asterisk-ami")
        outward = {b["DestLinkedid"] for b in blocks()
                   if b.get("Event") == "DialBegin" and re.match(r"\d{11}@", b["DialString"])}
        self.assertEqual(got["call.offered"], said["QueueCallerJoin"] + len(outward))
        self.assertEqual(got["call.missed"], said["AgentRingNoAnswer"])
        self.assertEqual(got["call.abandoned"], said["QueueCallerAbandon"])
        self.assertEqual(got["call.ended"], said["AgentComplete"] + len(outward))
        self.assertEqual(got["call.ringing"], said["AgentCalled"])
        self.assertEqual((said["QueueCallerJoin"], said["AgentConnect"], said["AgentComplete"],
                          said["QueueCallerAbandon"], said["AgentRingNoAnswer"]),
                         (34, 28, 28, 6, 18))
        self.assertEqual(tally(e["direction"] for e in self.events["asterisk-ami"]
                               if e["type"] == "call.answered"), {"inbound": 28, "outbound": 6})

    def test_what_agents_reported_of_offers_is_all_there(self):
        said = tally(b["Response"] for b in blocks() if b.get("UserEvent") == "OfferResponse")
        self.assertEqual(said, {"accepted": 11, "declined": 18, "later": 2, "callback": 1})
        got = tally((o["outcome"], o.get("reason")) for e in self.events["asterisk-ami"]
                    for o in e.get("offers", []))
        self.assertEqual(got, {("presented", None): 34, ("accepted", None): 11,
                               ("declined", None): 18, ("declined", "later"): 2,
                               ("dismissed", "callback"): 1})

    def test_each_event_of_an_agent_is_for_his_desk(self):
        for e in self.events["asterisk-ami"]:
            if e["type"] in ("call.ringing", "call.missed", "screen.popped") or "offers" in e:
                self.assertRegex(e["touchpoint"], r"^agent:[12]0[1-9]$", e)

    def test_queue_lines_are_all_there(self):
        lines = [line.split("|") for line in read(ASTERISK / "queue_log").splitlines()]
        said = tally(line[4] for line in lines)
        self.assertEqual(len(lines), 217)
        self.assertEqual(self.count("asterisk-queue-log"),
                         {"call.offered": said["ENTERQUEUE"], "call.answered": said["CONNECT"],
                          "call.ended": said["COMPLETEAGENT"] + said["COMPLETECALLER"],
                          "call.abandoned": said["ABANDON"], "call.missed": said["RINGNOANSWER"]})

    def test_records_are_grouped_to_calls_by_linkedid(self):
        rows = list(csv.reader(read(ASTERISK / "cdr-Master.csv").splitlines()))
        calls = {row[19] for row in rows}
        self.assertEqual((len(rows), len(calls)), (164, 49))
        self.assertEqual(self.count("asterisk-cdr"), {"call.ended": 49, "call.leg_ended": 115})
        for source in ("asterisk-cdr", "asterisk-cel"):
            self.assertEqual({e["conversation"] for e in self.events[source]}, calls)

    def test_the_same_call_is_one_conversation_in_all_logs(self):
        calls = {e["conversation"] for e in self.events["asterisk-cdr"]}
        self.assertEqual({e["conversation"] for e in self.events["asterisk-ami"]
                          if "conversation" in e}, calls)
        # The queue log knows the caller's channel only: the others have it in call.id.
        legs = {e["call"]["id"] for e in self.events["asterisk-ami"]
                if e["type"] == "call.offered" and e["direction"] == "inbound"}
        self.assertEqual({e["call"]["id"] for e in self.events["asterisk-queue-log"]}, legs)

    def test_channel_events_tell_the_same_as_the_manager(self):
        types = ("call.offered", "call.answered", "call.ended", "call.abandoned")
        ami, cel = (self.count(f"asterisk-{f}") for f in ("ami", "cel"))
        self.assertEqual([cel[t] for t in types], [ami[t] for t in types])
        rows = [r for r in csv.reader(read(ASTERISK / FORMATS["asterisk-cel"]).splitlines())
                if r[0] == "OFFER_RESPONSE"]
        self.assertEqual(tally(o["outcome"] for e in self.events["asterisk-cel"]
                               for o in e.get("offers", [])),
                         {"accepted": sum("=accepted" in r[19] for r in rows),
                          "declined": sum("=accepted" not in r[19] for r in rows)})

    def test_a_customers_context_shows_what_he_said_on_the_phone(self):
        offers = {o["offer"]: o for o in self.shared.offers("phone:+12025550100")}
        self.assertEqual(offers["FREESHIP"]["state"], "accepted")
        self.assertIn("call", offers["FREESHIP"]["channel"])
        recent = self.shared.context("phone:+12025550100")["recent"]
        self.assertIn("call.ended", {e["type"] for e in recent})


class Webhooks(Case):

    def ingest(self, format, path):
        broker = self.broker()
        first = broker.ask("ingest", "--format", format, path)
        again = broker.ask("ingest", "--format", format, path)
        self.assertEqual((first["refused"], first["rejected"]), (0, 0))
        self.assertEqual((again["published"], again["duplicates"]), (0, first["published"]))
        return broker, broker.replay()

    def test_twilios_callbacks_are_all_there(self):
        _, events = self.ingest("twilio", DATA / "twilio/voice-status-callbacks.http")
        self.assertEqual(tally(e["call"]["disposition"] for e in events),
                         {"initiated": 24, "ringing": 24, "in-progress": 12, "completed": 12,
                          "failed": 7, "no-answer": 4, "busy": 1})
        self.assertEqual(len({e["subject"] for e in events}), 24)

    def test_amazon_connects_contact_records_are_all_there(self):
        path = DATA / "amazon-connect/ctr-constructed.ndjson"
        broker, events = self.ingest("amazon-connect", path)
        records = [json.loads(line) for line in path.read_text().splitlines()]
        self.assertEqual({e["subject"] for e in events}, {r["ContactId"] for r in records})
        want = tally((r["Attributes"]["offerCode"], r["Attributes"]["offerResponse"])
                     for r in records if r["Attributes"])
        self.assertEqual(tally((o["offer"], o.get("reason", o["outcome"]))
                               for e in events for o in e.get("offers", [])), want)
        offer, = broker.offers("crm:12346")
        self.assertEqual((offer["offer"], offer["state"]), ("SPRING10", "accepted"))
