"""What shops' systems post, through their decoders."""

import collections
import json

from harness import DATA, PARTLY, Case


class Shops(Case):

    def bodies(self, name, kinds=("json", "http", "form")):
        """A folder with the bodies alone, as a directory drop has them."""
        folder = self.dir / name
        folder.mkdir()
        for path in sorted((DATA / name).iterdir()):
            # The list of orders has the one order again, with other content.
            if path.suffix[1:] in kinds and path.name not in ("events.jsonl", "orders.json"):
                (folder / path.name).write_bytes(path.read_bytes())
        return folder

    def ingest(self, name, events, duplicates=0):
        broker = self.broker()
        folder = self.bodies(name)
        first = broker.ask("ingest", "--format", name, "--default-region", "US", folder)
        self.assertEqual((first["published"], first["duplicates"]), (events, duplicates), first)
        self.assertEqual(first["rejected"], 0)
        again = broker.ask("ingest", "--format", name, "--default-region", "US", folder)
        self.assertEqual((again["published"], again["duplicates"]), (0, events + duplicates))
        return broker, broker.replay()

    def test_squares_webhooks_become_sales_points_and_offers(self):
        broker, events = self.ingest("square", 31)
        said = collections.Counter()
        for path in (DATA / "square").glob("*.json"):
            body = json.loads(path.read_bytes())
            said[body["type"].split(".")[0]] += "object" in body["data"]
        got = collections.Counter(e["attributes"]["square_type"].split(".")[0] for e in events)
        for kind in ("booking", "customer", "dispute", "gift_card", "invoice", "loyalty", "payment",
                     "refund", "subscription"):
            self.assertEqual(got[kind], said[kind], kind)
        value = broker.context("email:joe.smith@example.com")["value"]
        # Twelve dollars paid, five of them returned, by a refund that names the payment only.
        self.assertEqual([int(value[k]) for k in ("purchases", "returns", "spend_minor")],
                         [1, 1, 700])
        consents = broker.context("email:joe.smith@example.com")["consents"]
        self.assertEqual([(c["channel"], c["status"]) for c in consents], [("email", "revoked")])

    def test_shopifys_orders_and_refunds_are_one_customers(self):
        broker, _ = self.ingest("shopify", 10, 4)
        value = broker.context("email:joe.smith@example.com")["value"]
        self.assertEqual([int(value[k]) for k in ("purchases", "returns", "spend_minor")],
                         [1, 1, 38800 - 19400])
        offers = {o["offer"]: o["state"] for o in broker.offers("email:joe.smith@example.com")}
        self.assertEqual(offers, {"SPRING10": "redeemed", "Happy hour": "redeemed"})

    def test_woocommerces_orders_are_sales_when_they_are_paid(self):
        broker, events = self.ingest("woocommerce", 6)
        self.assertEqual(collections.Counter(e["type"] for e in events),
                         {"sale.completed": 1, "sale.returned": 1, "sale.voided": 1,
                          "order.placed": 1, "customer.attributes_set": 1, "offer.defined": 1})
        offer, = broker.offers("phone:+12025550113")
        self.assertEqual((offer["offer"], offer["state"]), ("spring10", "redeemed"))
        value = broker.context("phone:+12025550113")["value"]
        self.assertEqual([int(value[k]) for k in ("purchases", "returns", "spend_minor")],
                         [1, 1, 0])

    def test_a_file_and_its_webhook_are_one_event(self):
        broker = self.broker()
        for name, published in (("order.json", 1), ("orders-create.http", 0)):
            answer = broker.ask("ingest", "--format", "shopify", DATA / "shopify" / name)
            self.assertEqual((answer["published"], answer["duplicates"]),
                             (published, 1 - published), name)

    def test_what_is_no_webhook_is_put_aside(self):
        broker = self.broker()
        rejects = self.dir / "rejects"
        answer = broker.ask("ingest", "--format", "square", "--rejects", rejects,
                            self.file("body", '{"hello":"world"}'), code=PARTLY)
        self.assertEqual(answer["rejected"], 1)
        self.assertIn("no webhook of Square's", json.loads(rejects.read_text())["reason"])
