"""What was answered once is answered again: as of a position, and as of a time."""

import os
import signal
import sys
import time

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import touchline_pb2 as pb
from harness import ROOT, SANITIZED, SLOW, Case, SharedWire, event, until

sys.path.insert(0, str(ROOT / "tests/checker"))

import checker      # noqa: E402
import histories    # noqa: E402

POLICY = ROOT / "tests/data/policy/minutes.conf"
COUNT = int(os.environ.get("TOUCHLINE_HISTORIES", 10 if SANITIZED else 30))
# The same ones each time; each seed has its own.
SEED = int(os.environ.get("TOUCHLINE_SEED", 0))
BOUNDS = settings(max_examples=COUNT, database=None, deadline=None, print_blob=False,
                  suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
                  report_multiple_bugs=False)

MIDNIGHT = checker.fold.ns("2024-03-01T00:00:00Z")

# Who lives together, told between the rest.
homes = st.builds(
    lambda id, word, role, visibility: {
        "type": "household." + word,
        "household": {"id": id, "role": role, "visibility": visibility}},
    st.sampled_from(["smiths", "flat 4"]),
    st.sampled_from(["joined", "joined", "joined", "left", "role_changed", "visibility_set"]),
    st.sampled_from(["", "cousin"]), st.sampled_from(["all", "all", "offers", "none"]))


@st.composite
def history(draw):
    """A random one, in which some also join and leave households of this history."""
    said, minutes = draw(histories.history())
    key = said[0]["id"].split(".")[0]
    told = [e for e in said if "identifiers" in e]
    if not told or draw(st.booleans()):
        return said, minutes
    for n in range(draw(st.integers(1, 5))):
        home = draw(homes)
        home["household"] = {**home["household"], "id": f"{key} {home['household']['id']}"}
        said.insert(draw(st.integers(0, len(said))), {
            **home, "id": f"{key}.home{n}", "source": "crm", "time": draw(histories.times),
            "identifiers": draw(st.sampled_from(told))["identifiers"]})
    return said, minutes


IN_FLIGHT = 32      # of questions about the past 64 may wait


def asked(name, now, **more):
    """Each question there is about a customer."""
    stamp = pb.ContextQuery().now
    stamp.FromNanoseconds(now)
    return [
        dict(context=pb.ContextQuery(customer=name, now=stamp, bytes_max=checker.BYTES_MAX,
                                     **more)),
        dict(offers=pb.OffersQuery(customer=name, now=stamp, **more)),
        dict(timeline=pb.TimelineQuery(customer=name, **more)),
    ]


def answers(wire, questions):
    """Their answers, in order, without their ids; refusals by their codes."""
    found = {}
    for at in range(0, len(questions), IN_FLIGHT):
        ids = [wire.send(**q) for q in questions[at:at + IN_FLIGHT]]
        while not all(id in found for id in ids):
            reply = wire.receive()
            assert reply is not None, "no answer"
            found[reply.id] = reply
        for id in ids:
            found[id].id = 0
            if found[id].WhichOneof("body") == "refusal":
                found[id].refusal.detail = ""
        yield from (found.pop(id) for id in ids)


class Histories(SharedWire):

    config = f"[broker]\npolicy = {POLICY}\n"

    @seed(SEED)
    @BOUNDS
    @given(history())
    def test_random_history_as_of_each_position_is_answered_what_was_answered_then(self, drawn):
        events, minutes = drawn
        now = MIDNIGHT + minutes * 60 * 10**9
        names = sorted({f"{i['type']}:{i['value']}" for e in events
                        for i in [*e.get("identifiers", []), *e.get("link", {}).values()]
                        if isinstance(i, dict)})
        heard = []
        for said in events:
            self.wire.publish([said])
            head = self.wire.ask(stat=pb.StatQuery()).stat.position
            heard += [(name, nth, position(was) or head, was)
                      for name in names
                      for nth, was in enumerate(answers(self.wire, asked(name, now)))]
        again = answers(self.wire, [asked(name, now, as_of=at)[nth] for name, nth, at, _ in heard])
        for (_, _, at, was), found in zip(heard, again):
            self.assertEqual(text(without(was, found)), text(found), (at, events))


def position(reply):
    """Which one the answer names; a promise of somebody else that falls due moves the head."""
    body = getattr(reply, reply.WhichOneof("body"))
    return getattr(body, "position", None)


def text(reply):
    return reply.SerializeToString(deterministic=True), str(reply)


def without(was, is_):
    """What was answered then, without what can not be known any more."""
    if is_.WhichOneof("body") == "context" and was.WhichOneof("body") == "context":
        for section in is_.context.omitted:
            was.context.ClearField(section)
        was.context.omitted.extend(is_.context.omitted)
    return was


EVENTS = 15_000         # of one customer, in batches


def offered(n, name="email:joe@example.com", **more):
    return event(id=f"o{n}", type="offer.made", customer=name,
                 offers=[{"offer": f"o{n}", "outcome": "made", "terms": f"{n} % off"}], **more)


class AsOf(Case):

    def told(self, broker, count=5):
        """So many offers to Joe; the position and the received time after each."""
        with broker.wire() as wire:
            wire.publish([offered(n) for n in range(count)])
        return [(e["position"], e["received_time"]) for e in broker.replay()]

    def test_a_position_is_answered_as_of_that_event_and_when_it_was_received(self):
        broker = self.broker()
        (position, received), *_, (last, _) = self.told(broker)
        then = broker.ask("context", "email:joe@example.com", "--as-of", position)
        self.assertEqual([o["terms"] for o in then["offers"]], ["0 % off"])
        self.assertEqual((then["position"], then["now"]), (position, received))
        now = broker.ask("context", "email:joe@example.com", "--as-of", last)
        self.assertEqual(len(now["offers"]), 5)

    def test_a_time_is_answered_as_of_the_last_event_received_by_then(self):
        broker = self.broker()
        for n in range(3):
            broker.publish([offered(n)])
        times = [e["received_time"] for e in broker.replay()]
        for n, time in enumerate(times):
            then = broker.ask("context", "email:joe@example.com", "--as-of", time)
            self.assertEqual((len(then["offers"]), then["now"]), (n + 1, time))
        before = broker.run("context", "email:joe@example.com", "--as-of", "2020-01-01T00:00:00Z")
        self.assertEqual(before.code, 1, before)

    def test_offers_and_timeline_are_of_then_too(self):
        broker = self.broker()
        (_, _), (position, _), *_ = self.told(broker)
        for verb, list in ("offers", "offers"), ("timeline", "events"):
            then = broker.ask(verb, "email:joe@example.com", "--as-of", position)
            self.assertEqual((len(then[list]), then["position"]), (2, position))

    def test_only_the_sections_asked_for_are_answered(self):
        broker = self.broker()
        (position, _), *_ = self.told(broker)
        then = broker.ask("context", "email:joe@example.com", "--as-of", position,
                           "--section", "offers")
        self.assertEqual(len(then["offers"]), 1)
        self.assertEqual((then["recent"], then["value"] if "value" in then else None), ([], None))

    def test_who_he_is_is_what_was_believed_then(self):
        broker = self.broker()
        broker.publish([event(id="a", customer="email:ann@example.com"),
                        event(id="b", customer="loyalty:718")])
        apart = broker.stat()["position"]
        self.assertEqual(broker.run("link", "email:ann@example.com", "loyalty:718",
                                    "--evidence", "a letter").code, 0)
        one = broker.stat()["position"]
        self.assertEqual(broker.run("unlink", "email:ann@example.com", "loyalty:718",
                                    "--evidence", "a call").code, 0)

        def profiles(at):
            return broker.ask("context", "loyalty:718", "--as-of", at)["who"]["profiles"]

        now = broker.stat()["position"]
        self.assertEqual([profiles(at) for at in (apart, one, now)], [1, 2, 1])

    def test_who_was_not_known_then_is_not_found(self):
        broker = self.broker()
        (position, _), *_ = self.told(broker)
        broker.publish([event(id="late", customer="email:late@example.com")])
        late = broker.run("context", "email:late@example.com", "--as-of", position)
        self.assertEqual(late.code, 1, late)
        self.assertIn("nothing was known of this customer then", late.err)
        self.assertEqual(broker.run("context", "email:late@example.com").code, 0)

    def test_what_cannot_be_answered_is_refused_with_a_sentence(self):
        broker = self.broker()
        (position, _), *_ = self.told(broker)
        log, _, _ = position.partition("-")
        other = ("0" if log[0] != "0" else "1") + position[1:]
        for as_of, code, part in [(f"{log}-{0:016x}", pb.BAD_POSITION, "before the first"),
                                  (f"{log}-{6:016x}", pb.BAD_POSITION, "has not reached"),
                                  (other, pb.BAD_POSITION, "another log"),
                                  ("yesterday", pb.BAD_REQUEST, "a position, or a time"),
                                  ("2099-01-01T00:00:00Z", pb.BAD_REQUEST, "not come yet"),
                                  ("2020-01-01T00:00:00Z", pb.NOT_FOUND, "then")]:
            with broker.wire() as wire:
                no = wire.ask(context=pb.ContextQuery(customer="email:joe@example.com",
                                                      as_of=as_of)).refusal
                self.assertEqual(no.code, code, as_of)
                self.assertIn(part, no.detail)

    def test_an_answer_at_or_after_a_position_names_one_that_is_not_before_it(self):
        with self.broker().wire() as wire:
            for n in range(50):
                at = wire.position(wire.publish([offered(n)])[0].number)
                found = wire.ask(context=pb.ContextQuery(customer="email:joe@example.com",
                                                         at_least=at)).context
                self.assertGreaterEqual(found.position, at)
                self.assertEqual(len(found.offers) + int(found.offers_more.strip("+") or 0), n + 1)

    def test_may_we_contact_is_answered_by_the_policy_of_then(self):
        caps = "[caps]\nmarketing email = {} in 7 d\n"
        path = self.file("own.conf", caps.format(1))
        broker = self.broker(args=["--policy", path])
        broker.publish([event(id="a", type="email.sent", channel="email",
                              customer="email:joe@example.com", time=None)])
        one = broker.stat()["position"]
        path.write_text(caps.format(2))
        broker.process.send_signal(signal.SIGHUP)
        until(lambda: broker.log().count("policy in force") == 2)
        broker.publish([event(id="b", customer="email:joe@example.com")])

        def rule(at):
            then = broker.ask("context", "email:joe@example.com", "--as-of", at)
            rules = [c["rule"] for c in then["may_contact"] if c["channel"] == "email"]
            return rules, then["omitted"]

        two = broker.stat()["position"]
        for _ in range(2):
            self.assertEqual(rule(one), (["caps: marketing email = 1 in 7 d"], []))
            self.assertEqual(rule(two), (["caps: marketing email = 2 in 7 d"], []))
            self.assertEqual(broker.restart() > 0, True)
        self.assertEqual(len(list((broker.data / "policies").iterdir())), 2)
        (min((broker.data / "policies").iterdir())).unlink()
        broker.restart()
        self.assertEqual(rule(one), ([], ["may_contact"]))
        self.assertEqual(rule(two), (["caps: marketing email = 2 in 7 d"], []))

    def test_of_too_many_questions_some_are_told_to_come_again(self):
        broker = self.broker()
        (position, _), *_ = self.told(broker)
        with broker.wire() as wire:
            for _ in range(500):
                wire.send(context=pb.ContextQuery(customer="email:joe@example.com",
                                                  as_of=position))
            replies = [wire.receive() for _ in range(500)]
        busy = [r for r in replies if r.WhichOneof("body") == "refusal"]
        self.assertEqual({r.refusal.code for r in busy} - {pb.BUSY}, set())
        self.assertTrue(all(r.refusal.retry_after_ms > 0 for r in busy))
        self.assertGreaterEqual(len(replies) - len(busy), 64)
        self.assertGreater(len(busy), 0)

    def long_story(self, broker):
        with broker.wire() as wire:
            for n in range(0, EVENTS, 1000):
                wire.publish([event(id=f"{m}", type="page.viewed", customer="email:joe@example.com")
                              for m in range(n, n + 1000)])
            wire.publish([event(id="ann", customer="email:ann@example.com")])
            return wire.position(EVENTS)

    def test_others_are_answered_meanwhile(self):
        broker = self.broker()
        position = self.long_story(broker)
        with broker.wire() as wire:
            id = wire.send(context=pb.ContextQuery(customer="email:joe@example.com",
                                                   as_of=position))
            meanwhile = 0
            while True:
                mine = wire.send(context=pb.ContextQuery(customer="email:ann@example.com"))
                if (reply := wire.receive()).id == id:
                    break
                self.assertEqual(reply.id, mine)
                meanwhile += 1
        self.assertGreater(meanwhile, 10)
        self.assertEqual(reply.context.position, position)
        self.assertEqual(reply.context.recent_more, "100+")

    def test_a_broker_that_is_stopped_does_not_wait_for_an_answer(self):
        broker = self.broker()
        position = self.long_story(broker)
        with broker.wire() as wire:
            for _ in range(60):
                wire.send(context=pb.ContextQuery(customer="email:joe@example.com",
                                                  as_of=position))
            self.assertEqual(wire.ask(stat=pb.StatQuery()).stat.position[:12], position[:12])
            began = time.monotonic()
            self.assertEqual(broker.term(), 0)
            self.assertLess(time.monotonic() - began, 10 * SLOW)

    def test_whom_a_shared_phone_meant_is_remembered_for_eighty_customers_and_not_more(self):
        broker = self.broker()
        phone = "phone:+4930123456"
        with broker.wire() as wire:
            def seen(n):
                return wire.position(wire.publish([event(id=f"{n}", identifiers=[
                    dict(type="email", value=f"{n}@example.com"),
                    dict(type="phone", value=phone.partition(":")[2])])])[0].number)

            def candidates(at):
                reply = wire.ask(context=pb.ContextQuery(customer=phone, as_of=at))
                return [c.value for c in reply.context.who.candidates] or reply.refusal.code

            first, second = seen(0), seen(1)
            for n in range(2, 80):
                seen(n)
            self.assertEqual(candidates(second), ["1@example.com", "0@example.com"])
            who = wire.ask(context=pb.ContextQuery(customer=phone, as_of=first)).context.who
            self.assertEqual([i.value for i in who.identifiers], ["0@example.com", "+4930123456"])
            seen(80)
            self.assertEqual(candidates(second), pb.TOO_MANY)
            self.assertEqual(len(candidates("")), 16)

    def test_an_answer_is_made_of_4096_profiles_and_not_of_more(self):
        broker = self.broker()
        phone = "phone:+4930123456"
        with broker.wire() as wire:
            def seen(n, profiles):
                """A customer of so many profiles who called from that phone."""
                addresses = [dict(type="email", value=f"{n}.{i}@example.com")
                             for i in range(profiles)]
                number = dict(type="loyalty", value=f"card {n}")
                told = [[address] for address in addresses]
                told += [[address, number] for address in addresses]
                told += [[number, dict(type="phone", value=phone.partition(":")[2])]]
                made = wire.publish([event(id=f"{n}.{i}", identifiers=ids)
                                     for i, ids in enumerate(told)])
                assert all(m.code == pb.OK for m in made)
                return wire.position(made[-1].number)

            def answer(at):
                reply = wire.ask(context=pb.ContextQuery(customer=phone, as_of=at))
                return reply.refusal.code or len(reply.context.who.candidates)

            first = seen(0, 64)
            for n in range(1, 64):
                seen(n, 64)
            self.assertEqual(answer(first), 0)      # the one customer that it meant
            who = wire.ask(context=pb.ContextQuery(customer="loyalty:card 0")).context.who
            self.assertEqual(who.profiles, 64)
            seen(64, 1)
            self.assertEqual(answer(first), pb.TOO_MANY)

    def test_an_answer_looks_at_65536_offers_whose_end_was_raised_and_not_at_more(self):
        def raised(first, last):
            made = [event(id=f"{n}.{day}", type="offer.defined", time=None, channel="system",
                          offers=[dict(offer=f"o{n}", expires=f"2030-01-{day}T00:00:00Z")])
                    for n in range(first, last) for day in ("01", "02")]
            return [{k: v for k, v in e.items() if k != "identifiers"} for e in made]

        broker = self.broker()
        broker.publish([event(id="joe", customer="email:joe@example.com")])
        position = broker.stat()["position"]

        def answer():
            with broker.wire() as wire:
                return wire.ask(context=pb.ContextQuery(customer="email:joe@example.com",
                                                        as_of=position)).refusal.code

        broker.publish(raised(0, 65536))
        self.assertEqual(answer(), 0)
        broker.publish(raised(65536, 65537))
        self.assertEqual(answer(), pb.TOO_MANY)
