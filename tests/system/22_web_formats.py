"""What was recorded off the wire, through its decoder.  The tallies were counted by other means."""

import collections
import gzip
import json
import re

from harness import DATA, FINE, PARTLY, Case, Shared, run

SEGMENT = {
    "cart.updated:Product Added": 269, "coupon.accepted:Coupon Applied": 14,
    "coupon.refused:Coupon Denied": 15, "customer.aliased": 24, "customer.attributes_set": 143,
    "feedback.review:Product Reviewed": 15, "group.joined": 22,
    "offer.clicked:Promotion Clicked": 17, "offer.presented:Promotion Viewed": 36,
    "order.completed:Order Completed": 143, "page.viewed": 143,
    "product.viewed:Product Viewed": 378, "sale.returned:Order Refunded": 7, "screen.viewed": 13,
}
RUDDERSTACK = {
    "cart.updated:Product Added": 122, "coupon.accepted:Coupon Applied": 7,
    "coupon.refused:Coupon Denied": 5, "customer.attributes_set": 64,
    "feedback.review:Product Reviewed": 9, "group.joined": 10,
    "offer.clicked:Promotion Clicked": 8, "offer.presented:Promotion Viewed": 17,
    "order.completed:Order Completed": 64, "page.viewed": 64,
    "product.viewed:Product Viewed": 178, "sale.returned:Order Refunded": 16, "screen.viewed": 6,
}
SNOWPLOW = {
    "cart.updated": 196, "consent.granted": 17, "consent.revoked": 10, "offer.accepted": 11,
    "offer.clicked": 13, "offer.declined": 10, "offer.presented": 26, "order.completed": 102,
    "order.item_added": 373, "page.viewed": 102, "product.viewed": 196,
}
MATOMO = {
    "cart.updated": 92, "feedback.rating": 14, "offer.clicked": 12, "offer.presented": 23,
    "order.completed": 92, "page.viewed": 92, "product.viewed": 92, "search.performed": 20,
}
GA4 = {
    "cart.updated": 30, "offer.clicked": 5, "offer.presented": 10, "order.completed": 30,
    "page.viewed": 30,
}
CLOUDEVENTS = {
    "com.example.offer.made": 30, "com.example.offer.reaction": 30,
    "com.example.order.completed": 30, "com.example.page.viewed": 30,
}

# Format, file, the attribute that tells what the source called it, tally, rejected.
RECORDED = [
    ("segment", "segment/segment-analytics-node-3.1.0.http.gz", "event", SEGMENT, 0),
    ("segment", "segment/rudder-sdk-node-3.0.13-gzip.http.gz", "event", RUDDERSTACK, 0),
    ("snowplow", "snowplow/snowplow-node-tracker-4.8.0-post.http.gz", None, SNOWPLOW, 0),
    ("matomo", "matomo/matomo-tracker-2.2.4.http.gz", None, MATOMO, 0),
    ("ga4", "ga4/ga4-measurement-protocol-constructed.http.gz", None, GA4, 0),
    ("cloudevents", "cloudevents/cloudevents-10.0.0-http.http.gz", None, CLOUDEVENTS, 0),
    ("access-log", "access-log/apache-combined.log.gz", None, {"page.viewed": 1422}, 0),
    ("review", "review/reviews-constructed.jsonld", None, {"feedback.review": 3}, 0),
    ("complaints", "complaints/cfpb-complaints-subset.csv", None, {"feedback.complaint": 187}, 0),
    ("complaints", "complaints/cfpb-v2-public.csv", None, {"feedback.complaint": 30}, 0),
    ("complaints", "complaints/cfpb-socrata.ndjson", None, {"feedback.complaint": 10}, 0),
]


class WebFormats(Case):

    def tally(self, format, path, attribute, rejected):
        done = run("ingest", "--format", format, "--dry-run", DATA / path)
        self.assertEqual(done.code, PARTLY if rejected else FINE, done.err)
        counts, ids = collections.Counter(), set()
        for line in done.out.splitlines():
            event = json.loads(line)
            name = event.get("attributes", {}).get(attribute)
            counts[event["type"] + (f":{name}" if name else "")] += 1
            ids.add((event["source"], event["id"]))
        self.assertEqual(len(ids), counts.total())
        return dict(counts)

    def test_everything_recorded_is_an_event_of_its_own(self):
        for format, path, attribute, tally, rejected in RECORDED:
            with self.subTest(path=path):
                self.assertEqual(self.tally(format, path, attribute, rejected), tally)

    def test_every_line_of_an_access_log_is_a_visit_or_counted(self):
        path = DATA / "access-log/apache-combined.log.gz"
        with gzip.open(path, "rt", errors="replace") as f:
            lines = f.read().splitlines()
        pages = [line for line in lines
                 if re.search(r'\] "GET [^"]*" (2\d\d|304) ', line)]
        done = run("ingest", "--format", "access-log", "--dry-run", path)
        told = done.err.split(": ", 1)[1].splitlines()[0].split(", ")
        counts = {name: int(count) for name, count in (one.rsplit(" ", 1) for one in told)}
        visits = len(done.out.splitlines())
        self.assertEqual(visits + counts["part of a page"] + counts["robot"], len(pages))
        self.assertEqual(visits + sum(counts.values()), len(lines))


class Recorded(Shared):
    """All of it in one broker, twice."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first = [cls.ingest(*row) for row in RECORDED]

    @classmethod
    def ingest(cls, format, path, _, tally, rejected):
        return cls.shared.ask("ingest", "--format", format, DATA / path,
                              code=PARTLY if rejected else FINE)

    def test_the_second_time_it_is_all_duplicates(self):
        for row, first in zip(RECORDED, self.first):
            count, rejected = sum(row[3].values()), row[4]
            summary = {"read": count + rejected, "refused": 0, "rejected": rejected}
            with self.subTest(path=row[1]):
                self.assertEqual(first, {**summary, "published": count, "duplicates": 0})
                self.assertEqual(self.ingest(*row), {**summary, "published": 0,
                                                     "duplicates": count})

    def test_a_visitor_who_logs_in_brings_what_he_saw(self):
        offers = self.shared.ask("offers", "email:customer17850@example.com")["offers"]
        self.assertEqual([(o["offer"], o["state"]) for o in offers], [("SPRING10", "redeemed")])
        self.assertIn("clicked", [o["outcome"] for o in offers[0]["outcomes"]])


# Where a recording was made of something that listens elsewhere.
PATHS = {"cloudevents": "/v1/events"}


def requests(path):
    """Method, target, headers and body of each request of a recording, as sent."""
    with gzip.open(path) as f:
        while line := f.readline().decode():
            method, target, _ = line.split()
            headers = {}
            while line := f.readline().decode().strip():
                name, value = line.split(": ", 1)
                headers[name.lower()] = value
            if headers.pop("transfer-encoding", None) == "chunked":
                body = b""
                while size := int(f.readline(), 16):
                    body += f.read(size)
                    f.readline()
                f.readline()
            else:
                body = f.read(int(headers.pop("content-length", 0)))
            for name in ("host", "connection", "accept-encoding"):
                headers.pop(name, None)
            yield method, target, headers, body


class OverTheWire(Case):

    def test_what_came_over_http_and_a_recording_of_it_are_the_same_events(self):
        broker = self.broker()
        web = self.adapter("web", broker)
        recorded = [row for row in RECORDED if row[1].endswith(".http.gz")]
        for format, path, *_ in recorded:
            for method, target, headers, body in requests(DATA / path):
                answer = web.ask(method, PATHS.get(format, target), body or None, headers)
                self.assertIn(answer.status, (200, 202, 204), f"{path} {target}: {answer}")
        web.delivered()
        for format, path, _, tally, _ in recorded:
            with self.subTest(path=path):
                answer = broker.ask("ingest", "--format", format, DATA / path)
                self.assertEqual((answer["published"], answer["duplicates"], answer["refused"]),
                                 (0, sum(tally.values()), 0))
