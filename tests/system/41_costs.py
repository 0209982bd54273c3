"""What a request costs everybody else: the broker answers on one thread, so one
that works for long holds all.  Counted is the CPU time of that thread, beside that
of a request which is known to be cheap."""

import touchline_pb2 as pb
from harness import Case, Wire, encoded, event, minute, offer


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

    def link(self, customers):
        first, *others = customers
        for other in others:
            answer, = self.wire.publish([event(customer=None, type="identity.linked", link={
                "a": {"type": "loyalty", "value": first}, "b": {"type": "loyalty", "value": other},
                "evidence": "he said so", "by": "agent:1"})])
            self.assertEqual(answer.code, 0, answer.detail)

    def ask_for_context(self, customer):
        reply = self.wire.ask(context=pb.ContextQuery(customer=customer))
        self.assertEqual(reply.WhichOneof("body"), "context", reply)

    def test_a_customer_of_64_profiles_costs_what_64_customers_do(self):
        def promises(name, part):
            return event(customer=f"loyalty:{name}", type="commitment.made",
                         commitments=[{"id": f"promise-of-{name}-{part}-{n:03}", "text": "call"}
                                      for n in range(16)])

        def refusals(name, part):
            return event(customer=f"loyalty:{name}", type="consent.denied",
                         consents=[{"purpose": "marketing", "channel": "email", "status": "denied",
                                    "identifier": {"type": "email",
                                                   "value": f"{name}-{part}-{n:03}@example.com"}}
                                   for n in range(32)])

        def devices(name, part):
            return event(customer=[f"loyalty:{name}"] + [f"cookie:{name}-{part}-{n:03}"
                                                         for n in range(31)])

        names = [f"p{n:02}" for n in range(64)]
        self.tell(make(name, part) for name in names for make, parts in
                  ((promises, 4), (refusals, 2), (devices, 2)) for part in range(parts))
        apart = cost(self.one, lambda: [self.ask_for_context(f"loyalty:{n}") for n in names])
        self.link(names)
        together = cost(self.one, lambda: self.ask_for_context("loyalty:p09"))
        self.assertLess(together, 3 * apart)

    def test_offers_of_64_profiles_are_found_as_those_of_one_are(self):
        names = [f"o{n:02}" for n in range(64)]
        self.tell(event(customer=f"loyalty:{name}", type="offer.made", time=minute(part),
                        offers=[offer("made", offer=f"{name}-{part}-{n:02}") for n in range(50)])
                  for name in names for part in range(8))

        def ask(name):
            reply = self.wire.ask(offers=pb.OffersQuery(customer=f"loyalty:{name}", limit=1000))
            self.assertEqual(reply.WhichOneof("body"), "offers", reply)
            return reply.offers

        apart = cost(self.one, lambda: [ask(n) for n in names])
        self.link(names)
        together = cost(self.one, lambda: ask("o07"))
        self.assertLess(together, 8 * apart)
        # The latest made of all, whoever's they are.
        shown = ask("o07")
        self.assertEqual((len(shown.offers), shown.offers_more), (1000, "100+"))
        latest = [o.offer for o in shown.offers if o.made.seconds == shown.offers[0].made.seconds]
        self.assertEqual({o.split("-")[1] for o in latest}, {"7"})
        self.assertEqual(len(latest), 1000)
        self.assertGreater(len({o.split("-")[0] for o in latest}), 19)

    def test_figures_of_many_types_channels_and_sources_cost_what_some_hundred_events_do(self):
        events = [event(customer="loyalty:1", type=f"made_up.n{n}", channel=f"c{n}",
                        source=f"s{n // 2}", sequence=str(1 + 2 * (n % 2)))
                  for n in range(30_000)]
        before = busy_ns(self.one)
        self.tell(events)
        telling = busy_ns(self.one) - before
        asking = cost(self.one, lambda: self.wire.ask(stat=pb.StatQuery()))
        stat = self.wire.ask(stat=pb.StatQuery()).stat
        self.assertEqual((len(stat.events_by_type), len(stat.gaps_by_source), stat.gaps),
                         (200, 200, 15_000))
        self.assertLess(asking, telling / 30)

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
