"""Killed between two transactions of one checkpoint: each record knows how far it is folded."""

import os
import struct
import time

import touchline_pb2 as pb
from harness import SLOW, Case

CUSTOMERS = 12_000
ROUNDS = 3

# A checkpoint of so many customers does not fit in one transaction.
CONFIG = f"""
[store]
segment_size = 16 MiB
flush_events = {CUSTOMERS * 2}
flush_interval = 1 h
"""


# Where each of the two meta pages of LMDB has the number of its transaction.
META_AT = (144, 4096 + 144)


def transactions(views):
    with open(views, "rb") as f:
        return max(struct.unpack("<Q", os.pread(f.fileno(), 8, at))[0] for at in META_AT)


class Checkpoint(Case):

    def test_a_checkpoint_cut_off_in_the_middle_is_made_whole(self):
        broker = self.broker(config=CONFIG)
        for round in range(ROUNDS):
            self.publish(broker, round)
            self.kill_within_the_checkpoint(broker)
            broker.start()
            self.assertTrue(broker.ask("verify")["ok"], f"round {round}")
            self.assertEqual(self.purchases(broker), {(round + 1) * 2}, f"round {round}")

    def publish(self, broker, round):
        """Two sales for everybody; the last one brings the checkpoint."""
        with broker.wire() as wire:
            for number in range(2):
                for first in range(0, CUSTOMERS, 1000):
                    events = [self.sale(f"{round}-{number}", c) for c in range(first, first + 1000)]
                    answers = wire.publish(events)
                    self.assertTrue(all(a.code == 0 for a in answers))

    def sale(self, id, customer):
        return pb.Event(id=f"{id}-{customer}", source="till", type="sale.completed", channel="pos",
                        identifiers=[pb.Identifier(type="loyalty", value=f"c{customer}")],
                        sale=pb.Sale(total_minor=100, currency="USD")).SerializeToString()

    def kill_within_the_checkpoint(self, broker):
        """As soon as its first transaction is on disk."""
        views, = broker.data.rglob("data.mdb")
        before, end = transactions(views), time.monotonic() + 10 * SLOW
        while transactions(views) == before and time.monotonic() < end:
            time.sleep(0.001)
        broker.kill()
        self.assertGreater(transactions(views), before)

    def purchases(self, broker):
        with broker.wire() as wire:
            ask = [wire.ask(context=pb.ContextQuery(customer=f"loyalty:c{c}", sections=["value"]))
                   for c in range(0, CUSTOMERS, 97)]
        return {reply.context.value.purchases for reply in ask}
