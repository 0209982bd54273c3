"""Two customers who were one for a while are as if they had never been.

Two brokers are told the same, but one is told in between that two of the
customers are one, and later that they are not.  Every byte of every answer of the
two is compared, positions, too: where one was told more the other is told as much
of somebody else.
"""

import sys

from hypothesis import given
from hypothesis import strategies as st

import touchline_pb2 as pb
from harness import ROOT, Case, event, identifier

sys.path.insert(0, str(ROOT / "tests/checker"))

import checker      # noqa: E402
import histories    # noqa: E402
from many import many   # noqa: E402

MIDNIGHT = checker.fold.ns("2024-03-01T00:00:00Z")
POLICY = ROOT / "tests/data/policy/minutes.conf"


class Side:
    """One of the two brokers."""

    def __init__(self, broker):
        self.wire = broker.wire()
        self.head = 0

    def tell(self, events):
        """The answers to what is told."""
        return self.wire.publish(events) if events else []

    def measure(self):
        """Tells one more of somebody else, to see how many events there are."""
        self.head = self.tell([event(customer="loyalty:somebody")])[0].number

    def answers(self, names, now):
        query = pb.ContextQuery(bytes_max=checker.BYTES_MAX)
        query.now.FromNanoseconds(now)
        asked = [pb.ContextQuery(customer=name) for name in names]
        for one in asked:
            one.MergeFrom(query)
        found = {}
        for name, reply in zip(names, self.wire.ask_all({"context": one} for one in asked)):
            reply.context.position = ""     # the log's end
            found[name] = reply.context.SerializeToString(deterministic=True).replace(
                self.wire.log.encode(), b"-" * len(self.wire.log))
        return found


def dated(events):
    """Without what is of the broker's own clock: no time, one to come, promises that fall due."""
    events = [histories.at(e, "2024-03-01T00:07:00Z") if e.get("time", "2099") >= "2099" else e
              for e in events]
    return [dict(e, commitments=[{k: v for k, v in p.items() if k != "due"}
                                 for p in e["commitments"]]) if "commitments" in e else e
            for e in events]


class Unmerge(Case):

    def setUp(self):
        super().setUp()
        config = f"[broker]\npolicy = {POLICY}\n"
        self.one = Side(self.broker("one", config=config))
        self.never = Side(self.broker("never", config=config))

    def tearDown(self):
        for side in (self.one, self.never):
            side.wire.close()
        super().tearDown()

    def both(self, events):
        told = [[a.code for a in side.tell(events)] for side in (self.one, self.never)]
        self.assertEqual(*told, events)

    def level(self):
        """As many events in the one as in the other."""
        for side in (self.one, self.never):
            side.measure()
        behind, ahead = sorted((self.one, self.never), key=lambda side: side.head)
        behind.tell([event(customer="loyalty:somebody") for _ in range(ahead.head - behind.head)])

    def word(self, key, type, a, b):
        answer, = self.one.tell([{"id": f"{key}.{type}", "source": "desk",
                                  "type": f"identity.{type}", "time": "2024-03-01T00:05:00Z",
                                  "link": {"a": identifier(a), "b": identifier(b)}}])
        return answer.code

    def compare(self, names, now, said):
        one, never = (side.answers(names, now) for side in (self.one, self.never))
        for name in names:
            if one[name] != never[name]:
                read = [checker.plain(pb.Context.FromString(x[name])) for x in (one, never)]
                differences = []
                checker.compare(name, *read[::-1], differences)
                self.assertEqual(differences or "in bytes only", [], said)

    @many
    @given(histories.history(), st.lists(histories.meanwhile, max_size=6),
           st.lists(histories.meanwhile, max_size=3), st.tuples(*[st.integers(0, 8)] * 2))
    def test_random_history_link_then_unlink_leaves_every_answer_as_it_was(
            self, drawn, meanwhile, after, picked):
        key = drawn[0][0]["id"].split(".")[0]
        # Mostly these two are the sides.
        events = [event(id=f"{key}.{name}", customer=f"{name}:{key}-1{at}")
                  for name, at in (("loyalty", ""), ("email", "@example.com"))]
        events, now = events + dated(drawn[0]), MIDNIGHT + drawn[1] * 60 * 10**9
        self.level()
        self.both(events)
        sides = self.sides(key, picked)
        if sides is None:
            return
        a, b = sides[0][0], sides[1][0]
        self.assertEqual(self.word(key, "linked", a, b), pb.OK)
        self.level()
        said = [histories.said_meanwhile(f"{key}.m{n}", key, sides, drawn)
                for n, drawn in enumerate(meanwhile + after)]
        during, later = said[:len(meanwhile)], said[len(meanwhile):]
        self.both(dated(filter(None, during)))
        self.assertEqual(self.word(key, "unlinked", b, a), pb.OK)
        self.level()
        self.both(dated(filter(None, later)))
        told = [*events, *filter(None, said)]
        names = sorted({f"{i['type']}:{i['value']}" for e in told
                        for i in e.get("identifiers", [])})
        self.compare(names, now, (told, a, b))

    def sides(self, key, picked):
        """The strong names of two customers, each beginning with the one picked."""
        log = checker.read_log(self.one.wire, pb, self.one.wire.position(self.one.head))
        model = checker.Model(log)
        names = sorted(id for id in model.whose.owner if key in id[1])
        if not names:
            return None
        first = [("email", f"{key}-1@example.com"), ("loyalty", f"{key}-1")]
        first = [names[n % len(names)] if n < 5 else first[side] for side, n in enumerate(picked)]
        whose = [model.whose.customer(model.whose.owner[id]) for id in first]
        if whose[0] == whose[1]:
            return None
        return [[":".join(name) for name in sorted(names, key=lambda n: n != first[side])
                 if model.whose.customer(model.whose.owner[name]) == whose[side]]
                for side in (0, 1)]
