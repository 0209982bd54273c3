"""What was promised is announced when it is due, once, whatever happens meanwhile."""

import datetime
import time

from harness import FINE, PARTLY, SLOW, Case, event, run, until

NEVER_S = 2.5 * SLOW    # after so long it will not come any more


def stamp(seconds=0):
    """The time so many seconds from now."""
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def promise(word, id="p1", customer="loyalty:1", time=None, **more):
    text = {"text": "call back"} if word == "made" else {}
    return event(customer=customer, type="commitment." + word, channel="call",
                 time=time or stamp(), commitments=[dict({"id": id}, **text, **more)])


class Commitments(Case):
    def announced(self, broker, *types):
        events = broker.replay(*(a for t in types or ("commitment.*",) for a in ("--type", t)))
        return [e for e in events if e["source"] == "touchline"]

    def words(self, broker):
        """(type, commitment, due) of every announcement, in the order of the log."""
        return [(e["type"].split(".")[1], e["commitments"][0]["id"], e["commitments"][0]["due"])
                for e in self.announced(broker)]

    def wait_for(self, broker, count):
        until(lambda: len(self.announced(broker)) >= count, seconds=15 * SLOW, every=0.2)
        time.sleep(1.2)
        got = self.announced(broker)
        self.assertEqual(len(got), count, got)
        return got

    def test_a_promise_is_announced_when_it_is_due(self):
        broker = self.broker()
        made = broker.publish([promise("made", customer=["loyalty:1", "email:joe@example.com"],
                                       due=stamp(2), by="Ann", to="Joe")])[0]
        self.assertEqual(self.announced(broker), [])
        due, overdue = self.wait_for(broker, 2)
        self.assertEqual([due["type"], overdue["type"]], ["commitment.due", "commitment.overdue"])
        for said in due, overdue:
            self.assertEqual(said["causation_id"], made["position"])
            self.assertEqual({(i["type"], i["value"]) for i in said["identifiers"]},
                             {("loyalty", "1"), ("email", "joe@example.com")})
            self.assertEqual(said["commitments"][0]["by"], "Ann")
            self.assertEqual(said["time"], said["commitments"][0]["due"])
            self.assertGreaterEqual(said["received_time"], said["time"])
        self.assertNotEqual(due["id"], overdue["id"])
        self.assertEqual(broker.context()["commitments"][0]["state"], "overdue")
        self.assertEqual([e["type"] for e in broker.timeline()][:2],
                         ["commitment.overdue", "commitment.due"])

    def test_one_whose_time_is_over_is_announced_at_once(self):
        broker = self.broker()
        broker.publish([promise("made", time="2024-03-01T10:00:00Z", due="2024-03-02T10:00:00Z")])
        self.wait_for(broker, 2)

    def test_what_is_closed_before_fires_nothing(self):
        broker = self.broker()
        words = ["kept", "broken", "waived"]
        broker.publish([promise("made", id=w, due=stamp(2)) for w in words])
        broker.publish([promise(w, id=w) for w in words])
        time.sleep(2 + NEVER_S)
        self.assertEqual(self.announced(broker), [])

    def test_kept_by_what_another_channel_says_fires_nothing(self):
        broker = self.broker()
        broker.publish([promise("made", customer="loyalty:1", due=stamp(2)),
                        promise("kept", customer="email:joe@example.com"),
                        event(customer=["loyalty:1", "email:joe@example.com"])])
        time.sleep(2 + NEVER_S)
        self.assertEqual(self.announced(broker), [])

    def test_a_new_time_counts_and_the_old_does_not(self):
        broker = self.broker()
        first, second = stamp(1.5), stamp(4)
        broker.publish([promise("made", due=first), promise("renegotiated", due=second)])
        got = self.wait_for(broker, 2)
        self.assertEqual({e["time"] for e in got}, {e["commitments"][0]["due"] for e in got})
        self.assertGreater(got[0]["time"], first)

    def test_a_new_time_after_it_was_overdue_fires_anew(self):
        broker = self.broker()
        broker.publish([promise("made", due=stamp(0.2))])
        self.wait_for(broker, 2)
        broker.publish([promise("renegotiated", due=stamp(1))])
        self.wait_for(broker, 4)
        self.assertEqual(len({(w, due) for w, _, due in self.words(broker)}), 4)

    def test_what_was_due_while_it_was_down_is_announced_at_the_start(self):
        broker = self.broker()
        broker.publish([promise("made", due=stamp(1.5))])
        broker.kill()
        time.sleep(2)
        broker.start()
        self.wait_for(broker, 2)

    def test_kill_after_kill_each_is_announced_once(self):
        broker = self.broker()
        customers = [f"loyalty:{n}" for n in range(1000, 1300)]
        broker.publish([promise("made", customer=c, due=stamp(1)) for c in customers])
        for wait in 1.05, 0.3, 0.6, 0.9, 1.02, 1.1:
            time.sleep(wait)
            broker.kill()
            broker.start()
        self.wait_for(broker, 600)
        self.assertEqual(len({e["id"] for e in self.announced(broker)}), 600)
        broker.restart()
        self.wait_for(broker, 600)
        self.assertTrue(broker.ask("verify")["ok"])

    def test_a_rebuild_announces_nothing(self):
        broker = self.broker()
        broker.publish([promise("made", due=stamp(0.5)), promise("made", id="p2", due=stamp(3600))])
        self.wait_for(broker, 2)
        broker.term()
        self.assertEqual(run("rebuild", "--data", broker.data).code, FINE)
        broker.start()
        self.wait_for(broker, 2)
        self.assertTrue(broker.ask("verify")["ok"])

    def test_ten_thousand_are_due_at_once(self):
        broker = self.broker()
        due = stamp(20 * SLOW)
        broker.publish([promise("made", id=f"p{n}", customer=f"loyalty:{1000 + n // 4}", due=due)
                        for n in range(10000)])
        self.assertLess(stamp(), due, "publishing took too long for this test")
        until(lambda: stamp() > due, seconds=30 * SLOW)
        began = time.monotonic()
        until(lambda: broker.stat()["events"] == "30000" or broker.stat()["events"] == 30000,
              seconds=15 * SLOW)
        # Five seconds are promised; other programs may keep this machine busy.
        self.assertLess(time.monotonic() - began, 10 * SLOW)
        self.assertEqual(len(set(self.words(broker))), 20000)

    def test_grace_is_waited_for(self):
        broker = self.broker(config="[commitments]\ngrace = 4 s\n")
        broker.publish([promise("made", due=stamp(0.5))])
        until(lambda: len(self.announced(broker)) == 1, seconds=4)
        self.assertEqual(broker.context()["commitments"][0]["state"], "due")
        self.assertEqual(self.announced(broker)[0]["type"], "commitment.due")
        self.wait_for(broker, 2)
        self.assertEqual(broker.context()["commitments"][0]["state"], "overdue")

    def test_due_before_it_was_made_is_refused(self):
        broker = self.broker()
        at = "2024-03-01T10:00:00Z"
        answers = broker.publish([promise("made", time=at, due="2024-03-01T09:59:59Z"),
                                  promise("made", id="p2", time=at, due=at)], code=PARTLY)
        self.assertEqual([a["code"] for a in answers], ["BAD_FACET", ""])
        self.assertIn("commitments.due", answers[0]["detail"])

    def test_overdue_ones_lead(self):
        broker = self.broker()
        broker.publish([promise("made", id="a", due=stamp(3600)),
                        promise("made", id="b", time="2024-03-01T10:00:00Z",
                                due="2024-03-01T11:00:00Z")])
        context = broker.context()
        self.assertEqual([c["id"] for c in context["commitments"]], ["b", "a"])
        self.assertEqual(context["reasons"][0]["why"], "promised and not kept")
