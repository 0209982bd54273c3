"""The first thing to look at when something is wrong."""

from harness import Case, event, FINE, offer


class DoesAnythingGetThrough(Case):

    def test_an_event_published_is_in_the_customers_timeline(self):
        broker = self.broker()
        answers = broker.publish([event(id="first")])
        self.assertEqual([a["status"] for a in answers], ["stored"])
        timeline = broker.timeline()
        self.assertEqual([e["id"] for e in timeline], ["first"])
        self.assertEqual(timeline[0]["position"], answers[0]["position"])

    def test_the_same_over_the_bare_wire(self):
        broker = self.broker()
        with broker.wire() as wire:
            answer, = wire.publish([event(id="first")])
            self.assertEqual((answer.number, answer.duplicate, answer.code), (1, False, 0))
            reply = wire.ask(timeline={"customer": "loyalty:1"})
            self.assertEqual([e.id for e in reply.timeline.events], ["first"])

    def test_an_offer_made_is_in_the_customers_context(self):
        broker = self.broker()
        broker.publish([event(type="offer.made", channel="mail", offers=[offer("made", "shoes")])])
        context = broker.context()
        self.assertEqual(context["customer"], "loyalty:1")
        self.assertEqual([(o["offer"], o["state"]) for o in context["offers"]],
                         [("shoes", "made")])

    def test_a_subscriber_from_the_start_gets_it(self):
        broker = self.broker()
        broker.publish([event(id="first"), event(id="second")])
        self.assertEqual([e["id"] for e in broker.replay()], ["first", "second"])

    def test_the_broker_counts_it(self):
        broker = self.broker()
        self.assertEqual(broker.stat()["events"], 0)
        broker.publish([event()])
        self.assertEqual(broker.stat()["events"], 1)

    def test_it_is_there_after_a_restart(self):
        broker = self.broker()
        broker.publish([event(id="first")])
        broker.restart()
        self.assertEqual([e["id"] for e in broker.timeline()], ["first"])

    def test_the_broker_stops_when_asked_to(self):
        broker = self.broker()
        self.assertEqual(broker.term(), FINE)
