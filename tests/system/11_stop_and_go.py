"""Restarts, clean stops, locks, and answers while the views are being written."""

import threading

import touchline_pb2 as pb
from harness import Case, Wire, encoded, event, minute, sale, settled, touched, until

# Small enough that segments change and checkpoints run all the time.
BUSY = """
[store]
segment_size = 4 MiB
flush_events = 500
flush_interval = 50 ms
"""


def story(customers, rounds, start=0):
    """A mixture that touches every kind of state."""
    for r in range(start, start + rounds):
        for c in range(customers):
            who = [f"loyalty:{c + 1}"] + ([f"email:c{c}@x.com"] if r % 3 == 0 else [])
            yield touched(("made", "delivered", "clicked", "declined")[r % 4],
                          minute(r * 7 % 90), customer=who, offer=f"o{r % 5}",
                          id=f"{r}-{c}-t", campaign=f"c{r % 3}")
            yield sale(r * 100 + c, time=minute(r), customer=f"loyalty:{c + 1}", id=f"{r}-{c}-s")
            yield event(customer=[f"cookie:k{c % 3}"] + who[1:], id=f"{r}-{c}-w", time=minute(r))


def publish(broker, events, size=500):
    events = list(events)
    with broker.wire() as wire:
        for i in range(0, len(events), size):
            answers = wire.publish(events[i:i + size])
            assert all(a.code == 0 for a in answers), [a for a in answers if a.code][:1]


def answers(broker, customers=30):
    got = {}
    with broker.wire() as wire:
        for who in [f"loyalty:{c + 1}" for c in range(customers)] + ["cookie:k1", "email:c0@x.com"]:
            context = wire.ask(context=pb.ContextQuery(customer=who)).context
            context.ClearField("now")
            offers = wire.ask(offers=pb.OffersQuery(customer=who)).offers
            timeline = wire.ask(timeline=pb.TimelineQuery(customer=who, limit=100)).timeline
            for e in timeline.events:
                e.attributes.clear()
            got[who] = (context.SerializeToString(deterministic=True),
                        offers.SerializeToString(deterministic=True),
                        timeline.SerializeToString(deterministic=True))
    return got


class Restart(Case):

    def test_the_first_answers_after_a_restart_are_those_before(self):
        broker = self.broker()
        publish(broker, story(30, 20))
        before = answers(broker)
        for stop in (broker.term, broker.kill):
            stop()
            broker.start()
            self.assertEqual(answers(broker), before)

    def test_also_when_checkpoints_ran_all_the_while(self):
        broker = self.broker(config=BUSY)
        publish(broker, story(30, 60))
        before = answers(broker)
        for stop in (broker.kill, broker.term, broker.kill):
            stop()
            broker.start()
            self.assertEqual(answers(broker), before)
        self.assertTrue(broker.ask("verify")["ok"])

    def test_answers_during_a_flush_are_those_of_a_quiet_broker(self):
        quiet, busy = self.broker("quiet"), self.broker("busy", config=BUSY)
        for part in range(6):
            events = list(story(30, 10, start=part * 10))
            publish(quiet, events)
            publish(busy, events, size=100)
            self.assertEqual(self.comparable(busy), self.comparable(quiet))

    def comparable(self, broker):
        """Log ids and arrival differ between two brokers; the rest may not."""
        got = {}
        for c in range(0, 30, 7):
            context = settled(broker.context(f"loyalty:{c + 1}"))
            got[c] = {k: strip(context[k]) for k in ("offers", "consents", "value", "recent")}
        return got

    def test_reads_while_writing_never_go_back(self):
        broker = self.broker(config=BUSY)
        stop = threading.Event()
        wrong = []

        def read():
            last = 0
            with broker.wire() as wire:
                while not stop.is_set():
                    reply = wire.ask(context=pb.ContextQuery(customer="loyalty:1"))
                    if reply.HasField("refusal"):
                        continue
                    spend = reply.context.value.purchases
                    if spend < last:
                        wrong.append((last, spend))
                    last = spend
        reader = threading.Thread(target=read)
        reader.start()
        with broker.wire() as wire:
            for i in range(60):
                wire.publish([sale(1, id=f"{i}-{j}", customer=f"loyalty:{j % 20 + 1}")
                              for j in range(200)])
        stop.set()
        reader.join()
        self.assertEqual(wrong, [])
        self.assertEqual(broker.context()["value"]["purchases"], "600")

    def test_a_publisher_reads_what_it_wrote(self):
        broker = self.broker(config=BUSY)
        with broker.wire() as wire:
            for i in range(300):
                wire.publish([sale(1, id=f"s{i}")])
                value = wire.ask(context=pb.ContextQuery(customer="loyalty:1")).context.value
                self.assertEqual(value.purchases, i + 1)


def strip(value):
    """Without positions."""
    if isinstance(value, dict):
        return {k: strip(v) for k, v in value.items() if k not in ("event", "position")}
    if isinstance(value, list):
        return [strip(v) for v in value]
    return value


class Stop(Case):

    def test_nothing_acknowledged_is_lost_when_stopped_under_load(self):
        broker = self.broker()
        acked, threads = [], []

        def load(name):
            wire, sent = Wire(broker.endpoint), 0
            pending = {}
            try:
                while True:
                    while len(pending) < 4:
                        ids = [f"{name}-{sent + i}" for i in range(50)]
                        sent += 50
                        body = pb.Publish(events=[encoded(event(id=i)) for i in ids])
                        pending[wire.send(publish=body)] = ids
                    reply = wire.receive(2)
                    if reply is None:
                        return
                    ids = pending.pop(reply.id)
                    for id, answer in zip(ids, reply.publish.answers):
                        if answer.code == 0:
                            acked.append((answer.number, id))
            finally:
                wire.close()
        for name in "abc":
            threads.append(threading.Thread(target=load, args=(name,)))
            threads[-1].start()
        until(lambda: len(acked) > 2000)
        self.assertEqual(broker.term(), 0)
        for thread in threads:
            thread.join()
        broker.start()
        stored = {}
        for e in broker.replay():
            self.assertNotIn(e["id"], stored)
            stored[e["id"]] = int(e["position"].split("-")[1], 16)
        lost = [id for number, id in acked if stored.get(id) != number]
        self.assertEqual(lost, [])

    def test_it_stops_at_once_with_clients_and_streams_open(self):
        broker = self.broker()
        with broker.wire() as wire, broker.wire() as reader:
            reader.stream(follow=True)
            wire.publish([event()])
            self.assertEqual(broker.term(), 0)

    def test_told_to_stop_again_and_again_it_ends_as_when_told_once(self):
        for _ in range(5):
            broker = self.broker()
            while broker.running():
                broker.process.terminate()
            self.assertEqual(broker.process.wait(), 0, broker.log())

    def test_a_second_broker_on_the_same_data_is_refused(self):
        broker = self.broker()
        second = self.broker(start=False)
        second.data = broker.data
        second.log_path = self.dir / "second.log"
        second.spawn()
        self.assertNotEqual(second.process.wait(20), 0)
        self.assertIn(str(broker.data), second.log())
        broker.publish([event()])

    def test_a_second_broker_on_the_same_port_is_refused(self):
        broker = self.broker()
        second = self.broker("other", start=False)
        second.endpoint = broker.endpoint
        second.spawn()
        self.assertNotEqual(second.process.wait(20), 0)
        self.assertIn(str(broker.port), second.log())

    def test_data_that_cannot_be_made_is_a_sentence(self):
        broker = self.broker("blocked", start=False)
        broker.data = self.file("a-file", "not a folder") / "data"
        broker.log_path = self.dir / "log"
        broker.spawn()
        self.assertNotEqual(broker.process.wait(20), 0)
        self.assertIn("a-file", broker.log())

    def test_events_published_while_it_is_away_arrive_when_it_is_back(self):
        broker = self.broker()
        broker.publish([event(id="first")])
        broker.term()
        done = []
        thread = threading.Thread(target=lambda: done.append(
            broker.run("publish", "-o", "jsonl", "-", stdin='{"id":"late","source":"test",'
                       '"type":"t","identifiers":[{"type":"loyalty","value":"1"}]}\n')))
        thread.start()
        broker.start()
        thread.join()
        self.assertEqual(done[0].code, 0, done[0])
        self.assertEqual([a["status"] for a in done[0].jsonl], ["stored"])
