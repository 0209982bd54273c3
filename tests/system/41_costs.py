"""What a request costs everybody else: the broker answers on one thread, so one
that works for long holds all.  Counted is the CPU time of that thread, beside that
of a request which is known to be cheap."""

import touchline_pb2 as pb
from harness import Case, Wire, encoded, event


def busy_ns(broker):
    """CPU time of the broker's loop so far."""
    pid = broker.process.pid
    with open(f"/proc/{pid}/task/{pid}/schedstat") as f:
        return int(f.read().split()[0])


def cost(broker, work):
    """CPU time of the loop while `work` is done: the least of three times."""
    least = None
    for _ in range(3):
        before = busy_ns(broker)
        work()
        took = busy_ns(broker) - before
        least = took if least is None else min(least, took)
    return least


class Costs(Case):
    def setUp(self):
        super().setUp()
        self.one = self.broker()
        self.wire = self.one.wire()

    def tearDown(self):
        self.wire.close()
        super().tearDown()

    def tell(self, events):
        """Publishes many events, all of which must be taken."""
        batch = []
        for e in events:
            batch.append(encoded(e))
            if len(batch) == 1000:
                self.send(batch)
                batch = []
        if batch:
            self.send(batch)

    def send(self, batch):
        answers = self.wire.ask(publish=pb.Publish(events=batch)).publish.answers
        self.assertEqual({pb.Code.Name(a.code) for a in answers}, {"OK"})

    def read_all_of(self, customer):
        with Wire(self.one.endpoint) as reader:
            reader.stream(**{"from": "start"}, filter=pb.Filter(customers=[customer]))
            self.read = len(reader.collect())

    def test_words_about_who_he_is_cost_a_reader_of_his_events_no_look_at_all_of_them(self):
        # A reservation is the bus's word, and any such word might tell who he is.
        self.tell(event(customer=customer)
                  for customer in ("loyalty:plain", "loyalty:told") for _ in range(20_000))
        self.tell(event(customer="loyalty:plain") for _ in range(400))
        for n in range(400):
            reply = self.wire.ask(may_contact=pb.ContactQuery(
                customer="loyalty:told", channel="email", purpose="service", reserve=True,
                reservation=f"r{n}"))
            self.assertEqual(reply.may_contact.verdict, "allow")
        self.tell(event(customer="loyalty:other") for _ in range(2_000))
        plain = cost(self.one, lambda: self.read_all_of("loyalty:plain"))
        self.assertEqual(self.read, 20_400)
        told = cost(self.one, lambda: self.read_all_of("loyalty:told"))
        self.assertEqual(self.read, 20_400)
        self.assertLess(told, 4 * plain)
