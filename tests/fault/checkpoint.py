"""Killed between two transactions of one checkpoint: each record knows how far it is folded."""

import time

import touchline_pb2 as pb
from faults import transactions
from harness import SLOW, Case

CUSTOMERS = 12_000
ROUNDS = 3
WRITTEN = 4

# A checkpoint of so many customers does not fit in one transaction.
CONFIG = f"""
[store]
segment_size = 16 MiB
flush_events = {CUSTOMERS * 3}
flush_interval = 1 h
"""


class Checkpoint(Case):

    def test_a_checkpoint_cut_off_in_the_middle_is_made_whole(self):
        broker = self.broker(config=CONFIG)
        for round in range(ROUNDS):
            self.publish(broker, round)
            self.kill_within_the_checkpoint(broker)
            broker.start()
            self.assertTrue(broker.ask("verify")["ok"], f"round {round}")
            self.assertEqual(self.purchases(broker), {round + 1}, f"round {round}")
            self.assertEqual(self.relatives(broker), {1 if round % 2 == 1 else 3},
                             f"round {round}")
            talk = broker.stat()["relationship"]
            self.assertEqual((talk["heard"], talk["answered"], talk["unanswered"]),
                             (CUSTOMERS, CUSTOMERS if round > 0 else 0,
                              CUSTOMERS if round % 2 == 0 else 0), f"round {round}")

    def publish(self, broker, round):
        """A sale for everybody, who writes to us or is answered, and joins a household or leaves
        it; the last event brings the checkpoint."""
        with broker.wire() as wire:
            for told in (self.sale, self.word, self.move):
                for first in range(0, CUSTOMERS, 1000):
                    answers = wire.publish([told(round, c) for c in range(first, first + 1000)])
                    self.assertTrue(all(a.code == 0 for a in answers))

    def sale(self, round, customer):
        return pb.Event(id=f"{round}-{customer}", source="till", type="sale.completed",
                        channel="pos", conversation="basket", identifiers=[self.name(customer)],
                        sale=pb.Sale(total_minor=100, currency="USD")).SerializeToString()

    def word(self, round, customer):
        """Of one conversation with each: his, ours, his ..."""
        event = pb.Event(id=f"{round}-{customer}-word", source="mail", channel="email",
                         type="email.received" if round % 2 == 0 else "email.sent",
                         conversation="c", identifiers=[self.name(customer)])
        event.time.GetCurrentTime()
        return event.SerializeToString()

    def move(self, round, customer):
        """Four live together; in every second round every second one leaves."""
        leaves = round % 2 == 1 and customer % 2 == 0
        return pb.Event(id=f"{round}-move-{customer}", source="crm", channel="system",
                        type="household.left" if leaves else "household.joined",
                        identifiers=[self.name(customer)],
                        household=pb.Household(id=f"h{customer // 4}")).SerializeToString()

    def name(self, customer):
        return pb.Identifier(type="loyalty", value=f"c{customer}")

    def kill_within_the_checkpoint(self, broker):
        """When some of its transactions are on disk: the first have names only."""
        views, = broker.data.rglob("data.mdb")
        before, end = transactions(views), time.monotonic() + 10 * SLOW
        while transactions(views) < before + WRITTEN and time.monotonic() < end:
            time.sleep(0.001)
        broker.kill()
        self.assertGreaterEqual(transactions(views), before + WRITTEN)

    def purchases(self, broker):
        return {context.value.purchases for context in self.contexts(broker)}

    def relatives(self, broker):
        """How many others those who never left live with."""
        return {len(context.household) for context in self.contexts(broker)}

    def contexts(self, broker):
        with broker.wire() as wire:
            return [wire.ask(context=pb.ContextQuery(customer=f"loyalty:c{c}")).context
                    for c in range(1, CUSTOMERS, 98)]
