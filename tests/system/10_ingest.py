"""Real input through its decoder.  The tallies were counted from the tables by other means."""

import csv
import decimal
import gzip
import io
import json
import shutil
import xml.etree.ElementTree as xml

from harness import (CALLED_WRONGLY, DATA, FINE, PARTLY, ROOT, Case, Shared, event, lines, run)

TABLES = ROOT / "demo/data"
MAPS = ROOT / "adapters/csv/maps"
NAMES = {"campaigns": "campaigns", "redemptions": "coupon_redemptions",
         "transactions": "transactions_sample"}


def table(name):
    with gzip.open(TABLES / f"{name}.csv.gz", "rt") as f:
        return list(csv.DictReader(f))


def summary(published=0, duplicates=0, refused=0, rejected=0):
    return {"published": published, "duplicates": duplicates, "refused": refused,
            "rejected": rejected}


def counted(answer):
    return {k: v for k, v in answer.items() if k != "read"}


def minor(amount):
    return int((amount * 100).quantize(decimal.Decimal(1), rounding=decimal.ROUND_HALF_UP))


class Ingest(Case):

    def ingest(self, broker, format, path, *args, code=FINE, stdin=None):
        return broker.ask("ingest", "--format", format, path, *args, code=code, stdin=stdin)

    def csv(self, broker, which, path=None, *args, **more):
        return self.ingest(broker, "csv", path or TABLES / f"{NAMES[which]}.csv.gz",
                           "--map", MAPS / f"completejourney-{which}.map", *args, **more)


class CompleteJourney(Ingest, Shared):
    """The three tables of one retailer, whole, in one broker."""

    def setUp(self):
        pass

    def tearDown(self):
        pass

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.answers = {which: cls().csv(cls.shared, which) for which in NAMES}

    def test_every_row_or_basket_is_one_event(self):
        self.assertEqual({which: counted(a) for which, a in self.answers.items()},
                         {"campaigns": summary(4380), "redemptions": summary(1373),
                          "transactions": summary(30988)})
        self.assertEqual(self.shared.stat()["events"], 4380 + 1373 + 30988)

    def test_the_same_tables_again_are_all_duplicates(self):
        for which, count in (("campaigns", 4380), ("redemptions", 1373), ("transactions", 30988)):
            with self.subTest(table=which):
                self.assertEqual(counted(self.csv(self.shared, which)), summary(0, count))

    def test_a_campaign_row_is_an_offer_by_mail_with_the_campaigns_dates(self):
        about = {d["campaign_id"]: d for d in table("campaign_descriptions")}
        made = self.shared.replay("--type", "offer.made")
        self.assertEqual(len(made), 4380)
        pairs = set()
        for e in made:
            one, = e["offers"]
            self.assertEqual((e["channel"], one["outcome"]), ("mail", "made"))
            self.assertEqual(e["time"][:10], about[one["campaign"]]["start_date"])
            # To the end of its last day.
            self.assertGreaterEqual(one["expires"][:10], about[one["campaign"]]["end_date"])
            pairs.add((e["identifiers"][0]["value"], one["campaign"]))
        self.assertEqual(pairs, {(r["household_id"], r["campaign_id"])
                                 for r in table("campaigns")})

    def test_redemptions_join_the_offers_of_their_campaign(self):
        want = {}
        for row in table("coupon_redemptions"):
            key = (row["household_id"], row["campaign_id"])
            want.setdefault(key, []).append(row["redemption_date"])
        self.assertEqual(len(want), 516)
        got = {}
        for household in {h for h, _ in want}:
            for one in self.shared.offers(f"loyalty:{household}"):
                self.assertFalse(one.get("orphan", False), (household, one))
                for seen in one["outcomes"]:
                    if seen["outcome"] == "redeemed":
                        self.assertEqual((one["state"], seen["channel"]), ("redeemed", "pos"))
                        got[household, one["campaign"]] = (
                            seen["count"], seen.get("first_time", seen["time"])[:10],
                            seen["time"][:10])
        self.assertEqual(got, {k: (len(v), min(v), max(v)) for k, v in want.items()})

    def test_baskets_are_sales_with_the_price_paid(self):
        want = {}
        for row in table("transactions_sample"):
            basket = want.setdefault(row["basket_id"], [row["household_id"], decimal.Decimal(0), 0])
            basket[1] += decimal.Decimal(row["sales_value"]) - decimal.Decimal(row["coupon_disc"])
            basket[2] += 1
        got = {}
        for e in self.shared.replay("--type", "sale.*"):
            sale = e["sale"]
            got[sale["receipt"]] = [e["identifiers"][0]["value"], int(sale.get("total_minor", 0)),
                                    len(sale["lines"]) + sale.get("lines_more", 0)]
        self.assertEqual(len(got), 30988)
        self.assertEqual(got, {b: [h, minor(total), n] for b, (h, total, n) in want.items()})

    def test_a_households_value_is_the_sum_of_its_baskets(self):
        baskets, spend = {}, {}
        for row in table("transactions_sample"):
            household = row["household_id"]
            baskets.setdefault(household, {}).setdefault(row["basket_id"], decimal.Decimal(0))
            baskets[household][row["basket_id"]] += (
                decimal.Decimal(row["sales_value"]) - decimal.Decimal(row["coupon_disc"]))
        for household, totals in baskets.items():
            spend[household] = (len(totals), sum(minor(t) for t in totals.values()))
        for household in sorted(spend)[::40]:
            value = self.shared.context(f"loyalty:{household}")["value"]
            self.assertEqual((int(value["purchases"]) + int(value["returns"]),
                              int(value["spend_minor"])), spend[household], household)

    def test_the_bus_verifies(self):
        self.assertTrue(self.shared.ask("verify")["ok"])


class Formats(Ingest):

    def bodies(self):
        """A folder with the webhook's bodies and nothing else, and their elements."""
        folder = self.dir / "bodies"
        folder.mkdir(exist_ok=True)
        for path in (DATA / "sendgrid").glob("*_event.json"):
            shutil.copy(path, folder)
        return folder, [e for p in sorted(folder.iterdir()) for e in json.loads(p.read_bytes())]

    def test_a_table_may_be_packed_or_not(self):
        broker = self.broker()
        for name in ("campaigns", "campaign_descriptions"):
            (self.dir / f"{name}.csv").write_bytes(
                gzip.decompress((TABLES / f"{name}.csv.gz").read_bytes()))
        plain = self.csv(broker, "campaigns", self.dir / "campaigns.csv")
        self.assertEqual(counted(plain), summary(4380))
        self.assertEqual(counted(self.csv(broker, "campaigns")), summary(0, 4380))

    def test_a_joined_table_that_is_missing_is_named(self):
        broker = self.broker()
        shutil.copy(TABLES / "campaigns.csv.gz", self.dir)
        done = broker.run("ingest", "--format", "csv", self.dir / "campaigns.csv.gz",
                          "--map", MAPS / "completejourney-campaigns.map")
        self.assertNotEqual(done.code, FINE)
        self.assertIn("campaign_descriptions", done.err)

    def test_a_dry_run_needs_no_broker_and_stores_nothing(self):
        done = run("ingest", "--format", "csv", "--map", MAPS / "completejourney-campaigns.map",
                   "--dry-run", TABLES / "campaigns.csv.gz", broker="tcp://127.0.0.1:1")
        self.assertEqual(done.code, FINE, done.err)
        events = [json.loads(line) for line in done.out.splitlines() if line.startswith("{")]
        self.assertEqual(len([e for e in events if e.get("type") == "offer.made"]), 4380)

    def test_what_a_dry_run_prints_can_be_published(self):
        folder, _ = self.bodies()
        printed = run("ingest", "--format", "sendgrid", "--dry-run", folder)
        events = [line for line in printed.out.splitlines() if '"type"' in line]
        broker = self.broker()
        self.assertEqual(broker.run("publish", "-", stdin="\n".join(events) + "\n").code, FINE)
        again = self.ingest(broker, "sendgrid", folder)
        self.assertEqual(again["published"], 0)
        self.assertEqual(again["duplicates"], len(events))

    def test_a_bad_row_goes_aside_and_the_rest_is_stored(self):
        broker = self.broker()
        shutil.copy(TABLES / "campaign_descriptions.csv.gz", self.dir)
        path = self.file("campaigns.csv", "campaign_id,household_id\n18,1\n18\n18,,\n18,2\n"
                                          "nonsense,3\n18,4\n")
        rejects = self.dir / "rejects.jsonl"
        answer = self.csv(broker, "campaigns", path, "--rejects", rejects, code=PARTLY)
        self.assertEqual(answer["published"], 3)
        self.assertEqual(answer["rejected"] + answer["refused"], 3)
        aside = [json.loads(line) for line in rejects.read_text().splitlines()]
        self.assertEqual(len(aside), 3)
        self.assertTrue(all({"at", "reason", "record"} <= set(a) for a in aside))
        self.assertEqual(sorted(a["at"] for a in aside), [3, 4, 6])
        self.assertIn("nonsense", next(a for a in aside if a["at"] == 6)["record"])

    def test_a_map_with_a_fault_is_called_wrongly_with_its_line(self):
        broker = self.broker()
        text = (MAPS / "completejourney-campaigns.map").read_text()
        bad = self.file("bad.map", text + "\n[nonsense]\nfoo = bar\n")
        done = broker.run("ingest", "--format", "csv", "--map", bad, TABLES / "campaigns.csv.gz")
        self.assertEqual(done.code, CALLED_WRONGLY, done)
        self.assertRegex(done.err, rf"bad.*:{text.count(chr(10)) + 2}:.*nonsense")

    def test_sendgrids_bodies_become_emails(self):
        broker = self.broker()
        folder, elements = self.bodies()
        self.assertGreaterEqual(len(elements), 7)
        answer = self.ingest(broker, "sendgrid", folder)
        self.assertEqual(counted(answer), summary(len(elements)))
        got = broker.replay()
        self.assertEqual({e["source"] for e in got}, {"sendgrid"})
        self.assertEqual({e["id"] for e in got}, {e["sg_event_id"] for e in elements})
        types = {"processed": "email.queued", "deferred": "email.deferred",
                 "delivered": "email.delivered", "bounce": "email.bounced",
                 "dropped": "email.dropped", "open": "email.opened", "click": "email.link_clicked",
                 "spamreport": "email.marked_as_spam", "unsubscribe": "email.unsubscribed"}
        by_id = {e["id"]: e for e in got}
        for element in elements:
            if element["event"] in types:
                self.assertEqual(by_id[element["sg_event_id"]]["type"], types[element["event"]])
            self.assertIn({"type": "email", "value": element["email"].lower()},
                          by_id[element["sg_event_id"]]["identifiers"])

    def test_a_file_a_folder_and_a_pipe_dedupe_each_other(self):
        broker = self.broker()
        path = DATA / "sendgrid/click_event.json"
        body = path.read_bytes()
        count = len(json.loads(body))
        self.assertEqual(self.ingest(broker, "sendgrid", path)["published"], count)
        self.assertEqual(counted(self.ingest(broker, "sendgrid", "-", stdin=body)),
                         summary(0, count))
        folder = self.dir / "posted"
        folder.mkdir()
        (folder / "renamed.json").write_bytes(body)
        self.assertEqual(counted(self.ingest(broker, "sendgrid", folder)), summary(0, count))
        other = self.ingest(broker, "sendgrid", path, "--source", "second account")
        self.assertEqual(counted(other), summary(count))

    def test_a_bad_element_of_a_webhook_does_not_stop_the_others(self):
        broker = self.broker()
        good = json.loads((DATA / "sendgrid/click_event.json").read_bytes())[0]
        body = json.dumps([dict(good, sg_event_id="g1"), 7, {"email": "x@y.com"}, None,
                           dict(good, sg_event_id="g2")])
        answer = self.ingest(broker, "sendgrid", "-", stdin=body, code=PARTLY)
        self.assertEqual(counted(answer), summary(2, rejected=3))
        answer = self.ingest(broker, "sendgrid", "-", stdin="this is no json", code=PARTLY)
        self.assertEqual(counted(answer), summary(rejected=1))

    def test_an_unsubscribe_is_a_revoked_consent(self):
        broker = self.broker()
        body = json.dumps([{"email": "gone@x.com", "event": "unsubscribe", "timestamp": 1700000000,
                            "sg_event_id": "u1", "sg_message_id": "m1"}])
        self.ingest(broker, "sendgrid", "-", stdin=body)
        consents = broker.context("email:gone@x.com")["consents"]
        self.assertEqual([(c["purpose"], c["channel"], c["status"]) for c in consents],
                         [("marketing", "email", "revoked")])

    def test_a_tills_day_has_its_transactions_lines_and_total(self):
        broker = self.broker()
        day = DATA / "poslog/ncr-acs-poslog.xml.gz"
        answer = self.ingest(broker, "poslog", day)
        self.assertEqual(answer["rejected"] + answer["refused"] + answer["duplicates"], 0)
        got = broker.replay()
        sales = [e for e in got if e["type"].startswith("sale.")]
        self.assertEqual(len(sales), 27)
        self.assertEqual(len({e["id"] for e in sales}), 27)
        self.assertEqual(sum(len(e["sale"].get("lines", [])) + e["sale"].get("lines_more", 0)
                             for e in sales), 420)
        self.assertEqual(sum(int(e["sale"].get("total_minor", 0)) for e in sales), 204195)
        known = [e for e in sales if any(i["type"] == "loyalty" for i in e["identifiers"])]
        self.assertEqual(len(known), 3)
        with gzip.open(day) as f:
            document = xml.parse(f)
        members = {e.text.strip() for e in document.iter() if e.tag.endswith("}MembershipID")}
        self.assertEqual({i["value"] for e in known for i in e["identifiers"]
                          if i["type"] == "loyalty"}, members)
        self.assertEqual(self.ingest(broker, "poslog", day)["published"], 0)

    def test_a_sale_without_a_card_belongs_to_its_receipt(self):
        broker = self.broker()
        self.ingest(broker, "poslog", DATA / "poslog/one-transaction.xml")
        sold, = broker.replay("--type", "sale.*")
        receipt, = [i for i in sold["identifiers"] if i["type"] in ("receipt", "loyalty")]
        who = f"{receipt['type']}:{receipt['value']}"
        self.assertEqual(broker.context(who)["value"]["purchases"], "1")

    def test_xml_that_breaks_off_keeps_what_was_complete(self):
        broker = self.broker()
        with gzip.open(DATA / "poslog/ncr-acs-poslog.xml.gz") as f:
            whole = f.read()
        answer = self.ingest(broker, "poslog", "-", stdin=whole[:len(whole) // 2], code=PARTLY)
        self.assertGreater(answer["published"], 3)
        self.assertEqual(answer["rejected"], 1)
        answer = self.ingest(broker, "poslog", "-", stdin=whole)
        self.assertGreater(answer["duplicates"], 3)

    def test_a_doctype_is_refused(self):
        broker = self.broker()
        text = ('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "' + "y" * 100 + '">]>'
                "<POSLog>&x;</POSLog>")
        answer = self.ingest(broker, "poslog", "-", stdin=text, code=PARTLY)
        self.assertEqual(counted(answer), summary(rejected=1))

    def test_a_packed_file_cut_short_is_not_fine(self):
        broker = self.broker()
        whole = (TABLES / "coupon_redemptions.csv.gz").read_bytes()
        path = self.file("coupon_redemptions.csv.gz", whole[:len(whole) // 2])
        done = broker.run("ingest", "--format", "csv", path,
                          "--map", MAPS / "completejourney-redemptions.map")
        self.assertNotEqual(done.code, FINE, done)
        self.assertTrue(done.err)

    def test_times_without_a_zone_are_read_in_the_zone_given(self):
        broker = self.broker()
        path = DATA / "poslog/one-transaction.xml"
        self.ingest(broker, "poslog", path)
        self.ingest(broker, "poslog", path, "--source", "elsewhere", "--timezone", "Asia/Tokyo")
        here, there = [e["time"] for e in broker.replay("--type", "sale.*")]
        self.assertNotEqual(here, there)

    def test_what_the_broker_refuses_is_counted_and_put_aside(self):
        broker = self.broker()
        broker.publish([event(id="r1", source="sendgrid")])
        body = json.dumps([{"email": "x@y.com", "event": "delivered", "timestamp": 1700000000,
                            "sg_event_id": id} for id in ("r1", "r2")])
        rejects = self.dir / "rejects.jsonl"
        answer = self.ingest(broker, "sendgrid", "-", "--rejects", rejects, stdin=body, code=PARTLY)
        self.assertEqual(counted(answer), summary(1, refused=1))
        aside, = [json.loads(line) for line in rejects.read_text().splitlines()]
        self.assertIn("DUPLICATE_DIFFERS", aside["reason"])


class Publish(Ingest):

    def test_a_large_file_of_events_goes_in_whole(self):
        broker = self.broker()
        events = [event(id=f"p{i}", customer=f"loyalty:{i % 500 + 1}") for i in range(20_000)]
        path = self.file("events.jsonl", lines(events))
        done = broker.run("publish", path, "-o", "jsonl")
        self.assertEqual(done.code, FINE)
        answers = done.jsonl
        self.assertEqual(len(answers), 20_000)
        self.assertEqual([a["id"] for a in answers], [e["id"] for e in events])
        numbers = [int(a["position"].split("-")[1], 16) for a in answers]
        self.assertEqual(numbers, sorted(numbers))

    def test_a_table_from_a_pipe_needs_no_file(self):
        broker = self.broker()
        text = io.StringIO()
        for row in table("coupon_redemptions")[:50]:
            if text.tell() == 0:
                text.write(",".join(row) + "\n")
            text.write(",".join(row.values()) + "\n")
        answer = self.csv(broker, "redemptions", "-", stdin=text.getvalue())
        self.assertEqual(counted(answer), summary(50))
