"""Views many times the memory they are allowed: it is kept to, and the answers are right."""

import touchline_pb2 as pb
from faults import LONG, FaultCase, anonymous

EVENTS, CUSTOMERS, ALLOWED_MIB = (5_000_000, 1_000_000, 64) if LONG else (200_000, 40_000, 8)
BATCH, WINDOW = 1000, 8
EACH = EVENTS // CUSTOMERS

# Beside the views: what is known of each event for ever, two batches on their way
# to the disk, the messages in the window, and the program itself.
SEEN_BYTES = 1.5
OTHERWISE_MIB = 36

# The keys of the open segment and of the one being sealed: 256 parts of 4,096 slots of
# 20 bytes each, and the half as large ones they have just left.
KEYS_MIB = 2 * 30 if LONG else 2 * 7.5

CONFIG = f"""
[store]
views_memory = {ALLOWED_MIB} MiB
"""

ID, WHO = b"i%09d", b"c%09d"


def template():
    """A sale, cut where its id and its customer go."""
    body = pb.Event(id=(ID % 0).decode(), source="till", type="sale.completed", channel="pos",
                    identifiers=[pb.Identifier(type="loyalty", value=(WHO % 0).decode())],
                    sale=pb.Sale(total_minor=100, currency="USD"),
                    attributes={"note": "x" * 120}).SerializeToString()
    front, rest = body.split(ID % 0)
    middle, back = rest.split(WHO % 0)
    return front, middle, back


class Memory(FaultCase):

    def test_views_larger_than_their_memory_stay_within_it_and_answer_right(self):
        type(self).row = ("views of %s events in %d MiB" % (f"{EVENTS:,}", ALLOWED_MIB), 1)
        broker = self.broker(config=CONFIG)
        self.most = 0
        self.publish(broker)
        print(f"           at most {self.most >> 20} MiB of anonymous memory, "
              f"{ALLOWED_MIB} of them for views", flush=True)
        self.assertLess(self.most / 2**20, ALLOWED_MIB + OTHERWISE_MIB + KEYS_MIB
                        + EVENTS * SEEN_BYTES / 2**20, "MiB of anonymous memory")
        self.assertEqual(self.purchases(broker), {EACH})
        views, = broker.data.rglob("data.mdb")
        self.assertGreater(views.stat().st_size, ALLOWED_MIB << 20)
        self.assertTrue(broker.ask("verify")["ok"])

    def publish(self, broker):
        front, middle, back = template()
        with broker.wire() as wire:
            waiting = 0
            for first in range(0, EVENTS, BATCH):
                wire.send(publish=pb.Publish(events=[
                    front + ID % n + middle + WHO % (n * 7919 % CUSTOMERS) + back
                    for n in range(first, first + BATCH)]))
                waiting += 1
                if waiting == WINDOW or first + BATCH == EVENTS:
                    self.take(wire, waiting if first + BATCH == EVENTS else 1)
                    waiting -= 1
                if first % (100 * BATCH) == 0:
                    self.most = max(self.most, anonymous(broker))
        self.most = max(self.most, anonymous(broker))

    def take(self, wire, count):
        for _ in range(count):
            reply = wire.receive(60)
            self.assertIsNotNone(reply)
            self.assertTrue(all(a.code == 0 and not a.duplicate for a in reply.publish.answers))

    def purchases(self, broker):
        with broker.wire() as wire:
            asked = [wire.ask(context=pb.ContextQuery(customer="loyalty:" + (WHO % c).decode(),
                                                      sections=["value"]))
                     for c in range(0, CUSTOMERS, CUSTOMERS // 500)]
        return {reply.context.value.purchases for reply in asked}
