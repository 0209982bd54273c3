#!/usr/bin/env python3
"""A second opinion: folds the log by itself and compares every customer's answers.

    checker.py --broker ENDPOINT [--policy FILE] [--build build]

Prints each difference and ends with 1 when there is one.  The log comes from
`touchline replay`, or from a stream (`read_log`); the answers come over the
wire, because a question there may say what time it is.

    Model       who is whose, and each customer's events, out of a log
    SECTIONS    one function for each section of a context: what the folds of
                fold.py say of a customer's events, against what was answered.
                A new section is one more of them.
    Checker     asks about every identifier a log names, many at a time
"""

import argparse
import os
import pathlib
import sys
import time

from google.protobuf import json_format

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))

import catalogue    # noqa: E402
import contact      # noqa: E402
import conversation # noqa: E402
import fold         # noqa: E402
import household    # noqa: E402
import whose        # noqa: E402

BYTES_MAX = 256 << 10
OFFERS_MAX = 1000
POLICY = ROOT / "broker/policy.conf"
REACHED_BY = {"email": ["email"], "phone": ["call", "sms"], "device": ["push"]}
CHANNELS_MAX = 6
MAY_CONTACT = [("marketing", "email"), ("marketing", "sms"), ("research", "call"),
               ("transactional", "email")]
AT_ONCE = 100       # identifiers asked about, without waiting for each answer
LINKS = ("identity.linked", "identity.unlinked")


# ------------------------------------------------------------------- the log

def read_log(wire, pb, position="start"):
    """All events of the log behind a position, as `touchline replay -o jsonl` prints them."""
    wire.stream(**{"from": position})
    events = []
    for told in wire.collect():
        event = pb.Event.FromString(told.event)
        event.position = wire.position(told.number)
        event.received_time.FromNanoseconds(told.received_ns)
        event.profile = str(told.profile) if told.profile else ""
        events.append(json_format.MessageToDict(event, preserving_proto_field_name=True))
    assert wire.end.code == pb.OK, wire.end
    return events


# --------------------------------------------------------------- the answers

def plain(message):
    """A message as a dictionary, whole, times in nanoseconds (0: none)."""
    return {field.name: plain_field(message, field) for field in message.DESCRIPTOR.fields}


def plain_field(message, field):
    value = getattr(message, field.name)
    if field.label == field.LABEL_REPEATED:
        if field.message_type and field.message_type.GetOptions().map_entry:
            return dict(value)
        return [plain_value(v, field) for v in value]
    if field.message_type and not message.HasField(field.name):
        return 0 if field.message_type.name == "Timestamp" else None
    return plain_value(value, field)


def plain_value(value, field):
    if not field.message_type:
        return value
    if field.message_type.name == "Timestamp":
        return value.seconds * 10**9 + value.nanos
    return plain(value)


# ------------------------------------------------------------- the customers

class Customer:
    def __init__(self):
        self.events = []
        self.counted = []       # but those for which a higher revision counts
        self.owned = {}
        self.conflicts = []


class Model:
    """All that a log says, customer by customer."""

    def __init__(self, log):
        self.said = [fold.Said(event) for event in log]
        self.defined = catalogue.definitions(self.said)
        self.superseded = fold.superseded(self.said)
        self.gaps = fold.gaps(self.said)
        self.whose = whose.Whose()
        self.nodes = {}         # number -> node
        self.named = {}         # identifier -> when the first event to arrive with it happened
        self.conflicts = []     # (node, node, type, values, event)
        self.begun = []         # (weak identifier, node, when) that only a person's word named
        for said in self.said:
            if said.source == "touchline":
                continue
            if said.type in LINKS:
                self.hear(said)
            elif said.ids:
                self.take(said)
        self.customers = {}
        for said in self.said:
            if said.number in self.nodes:
                self.of(self.nodes[said.number]).events.append(said)
                if said.number not in self.superseded:
                    self.of(self.nodes[said.number]).counted.append(said)
        for id, node in self.whose.owner.items():
            self.of(node).owned[id] = [self.named[id]]
        for id, node, time in self.begun:
            self.of(node).owned.setdefault(id, []).append(time)
        for a, b, *conflict in self.conflicts:
            for node in {self.whose.customer(a), self.whose.customer(b)}:
                self.of(node).conflicts.append(conflict)

    def take(self, said):
        for id in said.ids:
            self.named.setdefault(id, said.time)
        decision = self.whose.decide(said.ids, said.when)
        self.nodes[said.number] = decision.node
        said.unverified = decision.unverified
        said.elsewhere = decision.elsewhere
        for (type, *values), other in decision.conflicts:
            self.conflicts.append((decision.node, other, type, set(values), said))

    def hear(self, said):
        """A person's word: it is no event of his who it is about."""
        a, b = (whose.canonical(said.event["link"][side]) for side in "ab")
        for id, node in self.whose.say(a, b, said.type == "identity.linked", said.when):
            self.named.setdefault(id, said.time)
            if id[0] not in whose.STRONG:
                self.begun.append((id, node, said.time))

    def of(self, node):
        return self.customers.setdefault(self.whose.customer(node), Customer())

    def identifiers(self):
        return [*self.whose.owner, *self.whose.weak]


# -------------------------------------------------------- sections of a context

def compare(name, want, got, differences):
    """Notes where two answers differ, as deep as their keys are the same."""
    if isinstance(want, dict) and isinstance(got, dict):
        for key in sorted({*want, *got}, key=str):
            compare(f"{name}.{key}", want.get(key), got.get(key), differences)
    elif want != got:
        differences.append(f"{name}: expected {want!r}, got {got!r}")


def check_who(model, customer, got, now, differences):
    want = fold.known_identifiers(customer.events, customer.owned)
    found = by(["type", "value"], got["who"]["identifiers"])
    more = int(got["who"]["identifiers_more"] or 0)
    if len(found) + more != len(want):
        differences.append(f"identifiers: {len(want)}, got {len(found)} and {more} more")
    if more:
        want = {id: of for id, of in want.items() if id in found}
    compare("identifiers", want, found, differences)
    compare("attributes", fold.attributes(customer.events), got["who"]["attributes"], differences)
    want = {(type, *sorted(values), said.position) for type, values, said in customer.conflicts}
    found = [(c["type"], *sorted((c["value_a"], c["value_b"])), c["event"])
             for c in got["who"]["conflicts"]]
    # Which of several are shown is the broker's choice.
    if bool(found) != bool(want) or not want.issuperset(found) or len(set(found)) != len(found):
        differences.append(f"conflicts: {found} of {sorted(want)}")


OFFER_FIELDS = ("campaign", "treatment", "state", "live", "orphan", "disputed", "expires",
                "terms", "reason", "made", "outcomes", "title", "price_minor", "currency",
                "exclusivity_group", "valid_from", "of_catalogue", "last_word")


WHOSE_TERMS = ("terms", "title", "price_minor", "currency", "exclusivity_group", "expires",
               "of_catalogue", "state", "live")


def offers_by_key(offers):
    found = {}
    for offer in offers:
        key = tuple(offer[n] for n in ("offer", "campaign", "treatment", "instance"))
        if key[3]:
            key = key[0], "", "", key[3]
        if key in found:
            found["twice", *key] = {}
        found[key] = {name: offer[name] for name in OFFER_FIELDS}
        found[key]["of_catalogue"] = sorted(offer["of_catalogue"])
        if offer["last_word"]:
            found[key]["last_word"] = {name: offer["last_word"][name] for name in
                                       ("outcome", "channel", "time", "reason")}
        for seen in offer["outcomes"]:
            seen["first_time"] = seen["first_time"] or seen["time"]
        found[key]["outcomes"] = by(["outcome"], offer["outcomes"])
    return found


def by(names, items):
    """Items by what these fields say, without those."""
    return {item[names[0]] if len(names) == 1 else tuple(item[n] for n in names):
            {k: v for k, v in item.items() if k not in names} for item in items}


def offers_of(model, customer, offers, now):
    """Those that a customer has and those that were answered, and when the first were closed."""
    want = fold.offers(customer.counted, now, model.defined)
    words = {key: offer.pop("closed") for key, offer in want.items()}
    found = offers_by_key(offers)
    torn = fold.torn(customer.counted)
    for key, offer in [*want.items(), *found.items()]:
        # Whose terms they are that came with such words, the design does not say.
        for name in WHOSE_TERMS if key[0] in torn else ():
            offer.pop(name)
    return want, found, words


def offers_more(want, found):
    """What else there is of the offers shown, and each other offer once."""
    shown = {key[0] for key in found}
    more = sum(key[0] in shown and key not in found for key in want) \
        + len({key[0] for key in want} - shown)
    return "100+" if more > 100 else str(more or "")


def check_offers(model, customer, got, now, differences):
    want, found, words = offers_of(model, customer, got["offers"], now)
    compare("offers_more", offers_more(want, found), got["offers_more"], differences)
    catalogue.check_conflicts(got["offers"], differences)
    compare("offers", want, found, differences)
    live = [offer["live"] for offer in got["offers"]]
    if live != sorted(live, reverse=True):
        differences.append(f"offers: live ones are not first: {live}")
    closed = [key for key, offer in found.items() if key in words and not offer.get("live", True)]
    order = [words[key] for key in closed]
    if order != sorted(order, reverse=True):
        differences.append(f"offers: closed ones are not newest first: {closed} {order}")


def check_consents(model, customer, got, now, differences):
    for consent in got["consents"]:
        id = consent["identifier"]
        consent["address"] = id and (id["type"], id["value"])
        del consent["identifier"]
    found = by(["purpose", "channel", "address"], got["consents"])
    compare("consents", fold.consents(customer.events, now), found, differences)


def check_commitments(model, customer, got, now, differences):
    compare("commitments", fold.commitments(customer.events, now),
            by(["id"], got["commitments"]), differences)


def check_feedback(model, customer, got, now, differences):
    compare("feedback", fold.feedback(customer.events, now), by(["id"], got["feedback"]),
            differences)


CONVERSATIONS_SHOWN = 4


def check_conversations(model, customer, got, now, differences):
    want = conversation.conversations(customer.events)
    order = sorted(want, key=lambda id: (want[id].order, id.encode()))[:CONVERSATIONS_SHOWN]
    found = [talk.pop("id") for talk in got["conversations"]]
    if found != order:
        differences.append(f"conversations: {order}, got {found}")
    for id, talk in zip(found, got["conversations"]):
        if id in want:
            compare(f"conversations.{id}", want[id].shown(now), talk, differences)
    waits = [talk.unanswered for talk in want.values() if talk.unanswered]
    said = [reason["time"] for reason in got["reasons"] if reason["why"] == "unanswered message"]
    if said and said != [max(waits, default=None)]:
        differences.append(f"reasons: waits since {waits}, got {said}")


def check_relationship(model, customer, got, now, differences):
    want = conversation.relationship(customer.events, fold.feedback(customer.events, now),
                                     fold.commitments(customer.events, now))
    found = got["relationship"] or conversation.relationship([], {}, {})
    if got["relationship"]:
        found["response_within"] = {c["name"]: c["count"] for c in found["response_within"]}
    compare("relationship", want, found, differences)


def check_value(model, customer, got, now, differences):
    want = fold.value(customer.counted)
    value = got["value"] or {"others": [], "currency": ""}
    sums = {of["currency"]: {n: of[n] for n in ("purchases", "returns", "spend_minor")}
            for of in [value, *value["others"]] if of["currency"]}
    compare("value", want["sums"], sums, differences)
    for name, none in (("last_sale", 0), ("last_sale_minor", 0), ("last_sale_currency", "")):
        compare(f"value.{name}", want[name], value.get(name, none), differences)


def names_of(customer):
    """By which a relative is named: the first of his strongest type (of x-… any type)."""
    ids = fold.known_identifiers(customer.events, customer.owned)
    strongest = min(map(whose.strength, ids), default=None)
    types = {type for type, _ in ids if whose.strength((type, "")) == strongest}
    return {f"{type}:{min(value.encode() for t, value in ids if t == type).decode()}"
            for type in types}


def check_household(model, customer, got, now, differences):
    mine = household.memberships(customer.events)
    for own in got["who"]["households"]:
        own.pop("evidence"), own.pop("by")
    compare("households", mine, by(["id"], got["who"]["households"]), differences)
    want = [r for r in household.relatives(model.customers.values(), customer)
            if r[1]["visibility"] != "none"]
    more = int(got["household_more"] or 0)
    if len(got["household"]) != min(len(want), household.SHOWN_MAX) \
            or len(got["household"]) + more != len(want):
        differences.append(f"household: {len(want)}, got {got['household']} and {more} more")
    order = [(not m["offers"], m["household"].encode(), m["since"]) for m in got["household"]]
    if order != sorted(order):
        differences.append(f"household: {order}")
    for member in got["household"]:
        found = [r for r in want
                 if r[0] == member["household"] and member["customer"] in names_of(r[2])]
        if not found:
            differences.append(f"household: {member} is nobody of {want}")
            continue
        want.remove(found[0])
        check_member(model, mine, *found[0], member, now, differences)


def check_member(model, mine, id, as_member, other, member, now, differences):
    shows = household.shows_offers(mine[id], as_member)
    compare(f"household.{member['customer']}",
            {"role": as_member["role"], "since": as_member["since"], "shows_offers": shows},
            {name: member[name] for name in ("role", "since", "shows_offers")}, differences)
    count = len(member["offers"])
    want, found, _ = offers_of(model, other, member["offers"], now)
    want = want if shows else {}
    compare(f"household.{member['customer']}.offers_more",
            offers_more(want, found) if shows else "", member["offers_more"], differences)
    if count != min(len(want), household.OFFERS_MAX):
        differences.append(f"household.{member['customer']}: {len(want)} offers, got {member}")
    live = sum(offer.get("live", False) for offer in want.values())
    if sum(offer["live"] for offer in member["offers"]) < min(live, count):
        differences.append(f"household.{member['customer']}: live ones are not first")
    compare(f"household.{member['customer']}.offers",
            {key: offer for key, offer in want.items() if key in found}, found, differences)


def check_recent(model, customer, got, now, differences):
    want = fold.recent(customer.counted)
    for contact in got["recent"]:
        contact.pop("summary")
    shown = got["recent"]
    if len(shown) < min(len(want), fold.RECENT_MAX):
        differences.append(f"recent: {len(shown)} of {len(want)}")
    for n, (w, g) in enumerate(zip(want, shown)):
        compare(f"recent[{n}]", w, g, differences)
    more = len(want) - len(shown)
    compare("recent_more", "100+" if more > 100 else str(more or ""), got["recent_more"],
            differences)


def reached_by(customer):
    """The channels by which an address or an earlier contact reaches him."""
    types = {type for type, _ in fold.known_identifiers(customer.events, customer.owned)}
    return {channel for type in types for channel in REACHED_BY.get(type, [])} | {
        channel for _, channel, _ in contact.contacts(customer.events)}


def check_freshness(model, customer, got, now, differences):
    found = {f["source"]: (f["last_event"], f["gaps"]) for f in got["freshness"]}
    want = {source: (last, model.gaps.get(source, 0))
            for source, last in fold.freshness(customer.events).items()}
    compare("freshness", want, found, differences)


SECTIONS = [check_who, check_offers, check_consents, check_commitments, check_feedback,
            check_conversations, check_relationship, check_value, check_household,
            check_recent, check_freshness]


# ------------------------------------------------------------------ the check

class Checker:
    """Asks one broker.  `wire` is harness.Wire, `pb` the messages, `policy` the broker's."""

    def __init__(self, wire, pb, policy=POLICY):
        self.wire = wire
        self.pb = pb
        self.rules = contact.Rules(policy.read_text())

    def stamp(self, now):
        query = self.pb.ContextQuery()
        query.now.FromNanoseconds(now)
        return query.now

    def check(self, log, now):
        """Every difference between this log's customers and what the broker answers."""
        model = Model(log)
        differences = check_identity(model)
        ids = model.identifiers()
        for some in (ids[n:n + AT_ONCE] for n in range(0, len(ids), AT_ONCE)):
            for id, *replies in self.ask(some, now):
                differences += self.check_customer(model, id, now, *replies)
        return differences

    def ask(self, ids, now):
        """(identifier, context, offers, verdicts by MAY_CONTACT) of each."""
        questions = [question for id in ids for question in self.questions(":".join(id), now)]
        replies = self.wire.ask_all(questions)
        each = len(questions) // len(ids)
        for n, id in enumerate(ids):
            context, offers, *verdicts = replies[n * each:(n + 1) * each]
            yield id, context, offers, verdicts

    def questions(self, name, now):
        of = {"customer": name, "now": self.stamp(now)}
        return [{"context": self.pb.ContextQuery(bytes_max=BYTES_MAX, **of)},
                {"offers": self.pb.OffersQuery(limit=OFFERS_MAX, **of)},
                *({"may_contact": self.pb.ContactQuery(channel=channel, purpose=purpose, **of)}
                  for purpose, channel in MAY_CONTACT)]

    def check_customer(self, model, id, now, reply, offers, verdicts):
        name = ":".join(id)
        if reply.WhichOneof("body") != "context":
            return [f"{name}: answered {reply}"]
        got = plain(reply.context)
        node, candidates = model.whose.ask(id)
        customer = Customer() if node is None else model.of(node)
        differences = []
        for part in ("offers", "offers_more"):
            compare(f"{part} and context", plain(offers.offers)[part], got[part], differences)
        for section in SECTIONS:
            section(model, customer, got, now, differences)
        check_candidates(model, candidates, got, differences)
        self.check_contact(model, customer, candidates, id, got, now, verdicts, differences)
        return [f"{name} {d}" for d in differences]

    def check_contact(self, model, customer, candidates, id, got, now, verdicts, differences):
        """The context's verdicts, and those on this very identifier."""
        consents = [*fold.consents(customer.events, now).items()]
        channels = reached_by(customer)
        found = {v["channel"]: v for v in got["may_contact"]}
        if len(found) < min(len(channels), CHANNELS_MAX) or not channels.issuperset(found):
            differences.append(f"may_contact: {sorted(channels)}, got {sorted(found)}")
        for channel, answer in found.items():
            want = self.verdict(model, customer, consents, "marketing", channel, now)
            compare_verdicts(f"may_contact.{channel}", want, answer, differences)
        if len(candidates) > 1:
            consents += [c for node in candidates if model.whose.known(node)
                         for c in fold.consents(model.of(node).events, now).items()
                         if c[0][2] == id]
        for (purpose, channel), reply in zip(MAY_CONTACT, verdicts):
            address = id if channel in REACHED_BY.get(id[0], []) else None
            want = self.verdict(model, customer, consents, purpose, channel, now, address)
            answer = plain(reply.may_contact)
            name = f"{purpose} by {channel}"
            compare_verdicts(name, want, answer, differences)
            numbers = [int(position.split("-")[1], 16) for position in answer["counted"]]
            compare(f"{name}.counted", sorted(want[2]), sorted(numbers), differences)

    def verdict(self, model, customer, consents, purpose, channel, now, address=None):
        # Each of them once.
        others = {id(other): other for _, _, other in household.relatives(
            model.customers.values(), customer)}.values()
        return contact.verdict(customer.events, consents, fold.attributes(customer.events),
                               self.rules, purpose, channel, now, address,
                               household=[other.events for other in others])


def compare_verdicts(name, want, answer, differences):
    word, rule, _, until = want
    found = {n: answer[n] for n in ("verdict", "rule", "until")}
    compare(name, {"verdict": word, "rule": rule, "until": until}, found, differences)


def check_candidates(model, nodes, got, differences):
    """Each of them once, by any of his strong identifiers."""
    want = sorted({model.whose.customer(node) for node in nodes if model.whose.known(node)})
    names = [(c["type"], c["value"]) for c in got["who"]["candidates"]]
    found = sorted(model.whose.customer(model.whose.owner[id]) for id in names)
    compare("candidates", want if len(want) > 1 else [], found, differences)


def check_identity(model):
    """Are the same events the same customers'?  Profiles' numbers are the bus's own business."""
    bus = whose.Whose()
    nodes = {}

    def node(profile):
        if profile not in nodes:
            nodes[profile] = bus.node()
        return nodes[profile]

    links = {}
    for said in model.said:
        if said.source == "touchline" and said.type in LINKS:
            link = said.event["link"]
            pair = frozenset((link["profile_a"], link["profile_b"]))
            links[pair] = said.type == "identity.linked"
    for pair, one in links.items():
        if one:
            bus.unite(*map(node, pair))
    pairs = {(model.whose.customer(model.nodes[s.number]), bus.customer(node(s.profile)))
             for s in model.said if s.number in model.nodes}
    differences = []
    for side, name in ((0, "one customer here, several there"), (1, "several here, one there")):
        seen = {}
        for pair in pairs:
            seen.setdefault(pair[side], []).append(pair)
        for same in seen.values():
            if len(same) > 1:
                said = [[s.position for s in model.said if s.number in model.nodes and pair ==
                         (model.whose.customer(model.nodes[s.number]),
                          bus.customer(node(s.profile)))] for pair in same]
                differences.append(f"identity: {name}: {said}")
    return differences


def main():
    parser = argparse.ArgumentParser(description="Compares a broker's answers with its log.")
    parser.add_argument("--broker", required=True)
    parser.add_argument("--policy", type=pathlib.Path, default=POLICY,
                        help="the broker's; without it the one built in")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    args = parser.parse_args()
    os.environ["TOUCHLINE_BUILD"] = str(args.build.resolve())
    sys.path[:0] = [str(ROOT / "tests/system"), str(args.build.resolve() / "tests/python")]
    import harness
    import touchline_pb2 as pb

    done = harness.run("replay", "-o", "jsonl", broker=args.broker, timeout=None)
    if done.code != 0:
        sys.exit(done.err)
    with harness.Wire(args.broker) as wire:
        differences = Checker(wire, pb, args.policy).check(done.jsonl, time.time_ns())
    for difference in differences:
        print(difference)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
