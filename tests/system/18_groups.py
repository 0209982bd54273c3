"""A group of batch jobs goes on where it has got to, whoever holds it."""

import unittest

import touchline_pb2 as pb
from harness import Case, event


class Groups(Case):

    def setUp(self):
        super().setUp()
        self.bus = self.broker()
        self.bus.publish([event(id=str(i), customer=f"loyalty:{i % 9 + 1}") for i in range(200)])

    def read(self, count, group="job", **more):
        """Reads `count` events as a new holder; what came, its last batch's position and
        generation."""
        with self.bus.wire() as wire:
            wire.stream(credit=count, group=group, **more)
            numbers, last = [], None
            while len(numbers) < count:
                reply = wire.receive()
                if reply.HasField("stream_end"):
                    self.assertEqual(reply.stream_end.code, 0, reply.stream_end.detail)
                    break
                if reply.HasField("stream"):
                    last = reply.stream
                    numbers += [e.number for e in last.events]
        return numbers, last

    def commit(self, last, group="job"):
        with self.bus.wire() as wire:
            return wire.ask(group_commit=pb.GroupCommit(
                group=group, position=last.position, generation=last.generation))

    def test_a_new_holder_goes_on_after_what_was_acknowledged(self):
        first, last = self.read(50)
        self.assertEqual(first, list(range(1, 51)))
        self.assertEqual(self.commit(last).group_commit.position, last.position)
        self.assertEqual(self.read(50)[0], list(range(51, 101)))

    def test_what_was_not_acknowledged_comes_again(self):
        self.read(50)
        self.assertEqual(self.read(10)[0], list(range(1, 11)))

    def test_the_position_survives_a_kill(self):
        self.commit(self.read(50)[1])
        self.bus.kill()
        self.bus.start()
        self.assertEqual(self.read(5)[0], list(range(51, 56)))

    def test_a_holder_that_was_replaced_cannot_acknowledge(self):
        _, old = self.read(50)
        _, new = self.read(20)
        self.assertGreater(new.generation, old.generation)
        self.assertEqual(self.commit(old).refusal.code, pb.STALE_GROUP)
        self.assertTrue(self.commit(new).HasField("group_commit"))
        self.assertEqual(self.read(5)[0], list(range(21, 26)))

    def test_the_number_of_shares_is_fixed(self):
        self.read(5, filter=pb.Filter(share=1, shares=4))
        with self.bus.wire() as wire:
            wire.stream(group="job", filter=pb.Filter(share=1, shares=5))
            end = wire.receive().stream_end
        self.assertEqual(end.code, pb.BAD_REQUEST)
        self.assertIn("fixed", end.detail)

    def test_each_share_keeps_its_own_position(self):
        first, last = self.read(10, filter=pb.Filter(share=1, shares=2))
        self.commit(last)
        other, _ = self.read(10, filter=pb.Filter(share=2, shares=2))
        self.assertLess(other[0], last.events[-1].number)
        again, _ = self.read(10, filter=pb.Filter(share=1, shares=2))
        self.assertGreater(again[0], first[-1])

    def test_a_group_without_a_name_that_fits_is_refused(self):
        for name, code in (("x" * 128, 0), ("x" * 129, pb.BAD_REQUEST),
                           ("two words", pb.BAD_REQUEST)):
            with self.bus.wire() as wire:
                wire.stream(group=name, credit=0)
                wire.send(stat=pb.StatQuery())
                reply = wire.receive()
                self.assertEqual(reply.stream_end.code if reply.HasField("stream_end") else 0,
                                 code, name)

    def test_replay_with_a_group_prints_each_event_once_over_many_runs(self):
        first = self.bus.run("replay", "--group", "cli", "-o", "jsonl").jsonl
        self.assertEqual(len(first), 200)
        self.assertEqual(self.bus.run("replay", "--group", "cli", "-o", "jsonl").jsonl, [])
        self.bus.publish([event(id="late")])
        again = self.bus.run("replay", "--group", "cli", "-o", "jsonl").jsonl
        self.assertEqual([e["id"] for e in again], ["late"])


if __name__ == "__main__":
    unittest.main()
