"""Random histories: what may reach a bus about a handful of people in a few days.

Everything is drawn from small sets, so that the same people, offers, instances
and times meet again and again.  A history's identifiers begin with its own key,
so one broker can hold many.
"""

import itertools

from hypothesis import strategies as st

MINUTES = 12                # the days are short, so that times are equal often
KEYS = itertools.count(1)

OUTCOMES = ["made", "delivered", "undelivered", "presented", "dismissed", "clicked", "declined",
            "accepted", "redeemed", "fulfilled", "no_response", "expired", "withdrawn",
            "superseded", "disputed"]
# What is said more often.
LIKELY = ["made"] * 6 + ["clicked", "declined", "accepted", "redeemed", "presented"] * 2

CHANNELS = ["email", "web", "call", "pos", ""]
WORDS = ["", "20 % off", "zwei für eins", "«только для вас» 🎁", "a\ttab"]


def stamp(minutes):
    """2024-03-01T00:00:00Z and so many minutes; None: no time is given."""
    if minutes is None:
        return None
    if minutes < 0:
        return "1970-01-01T00:00:00Z"
    if minutes >= 1000:
        return "2099-01-01T00:00:00Z"
    return f"2024-03-01T00:{minutes:02}:00Z"


@st.composite
def often(draw, *choices):
    """One of these, as often as it is named: st.one_of takes what is the same for one."""
    return draw(choices[draw(st.integers(0, len(choices) - 1))])


@st.composite
def several(draw, least, most, of):
    """As many as any: st.lists has mostly few."""
    return [draw(of) for _ in range(draw(st.integers(least, most)))]


minutes = st.integers(0, MINUTES)
times = often(minutes, minutes, minutes, minutes, st.sampled_from([-1, 1000])).map(stamp)
deadlines = often(st.none(), minutes).map(stamp)


# -------------------------------------------------------------- who it is

# {k}: the history's key, {K}: in capitals, {phone}: a number made of it.  The
# strategies are the same for every history: making them anew costs more than drawing.
STRONG = [*(f"loyalty:{{k}}-{n}" for n in range(3)),
          *(f"email:{{k}}-{n}@example.com" for n in range(3)),
          "email:{K}-0@Example.com", "user:{k}-ü", "payment:{k}"]
WEAK = ["cookie:{k}-0", "cookie:{k}-1", "phone:{phone}", "phone:{phone}1", "receipt:{k}",
        "device:{k}", "x-app:{k}"]
# Of three people who share nothing with anybody, and whose weak names never come with two of
# the strong ones that are not named with them: whatever comes first, they end as the same.
NAMES_APART = ["loyalty:{{k}}-{n}", "email:{{k}}-{n}@example.com", "payment:{{k}}-{n}",
               "cookie:{{k}}-{n}", "phone:{{phone}}{n}", "x-app:{{k}}-{n}"]
MEETING = [[0], [0], [1], [2], [0, 1], [0, 1], [1, 2], [2, 0], [0, 1, 2], [3], [0, 3], [0, 1, 3],
           [4], [0, 4], [5], [1, 5]]

strong = st.sampled_from(STRONG)
weak = st.sampled_from(WEAK)
known = st.lists(strong, min_size=1, max_size=3)
# The names on one event.
people = often(known, known, st.tuples(known, weak).map(lambda t: [*t[0], t[1]]),
                   st.lists(weak, min_size=1, max_size=2))
people_apart = st.builds(lambda n, which: [NAMES_APART[i].format(n=n) for i in which],
                         st.integers(0, 2), st.sampled_from(MEETING))


def named(template, key):
    """A name of the history; one that is no template stays."""
    return template.format(k=key, K=key.upper(), phone="+49301" + key[1:].rjust(6, "0"))


# ------------------------------------------------------------ what happened

def tell(draw, touch):
    """What is shown of an offer, or the catalogue knows."""
    if draw(st.booleans()):
        touch["terms"] = draw(st.sampled_from(WORDS))
    if draw(st.integers(0, 3)) == 0:
        touch["title"] = draw(st.sampled_from(["Frühling", "Shoes!"]))
    if draw(st.integers(0, 3)) == 0:
        touch["currency"] = draw(st.sampled_from(["EUR", "USD"]))
        touch["price_minor"] = draw(st.sampled_from(["0", "995", "-5"]))
    if draw(st.integers(0, 3)) == 0:
        touch["exclusivity_group"] = draw(st.sampled_from(["clothes", "feet"]))


@st.composite
def touches(draw):
    outcome = draw(st.sampled_from(OUTCOMES + LIKELY))
    touch = {"outcome": outcome, "offer": draw(st.sampled_from(["shoes", "hat"]))}
    named = draw(st.sampled_from(["campaign", "campaign", "treatment", "instance", "offer"]))
    if named != "offer":
        touch["campaign"] = draw(st.sampled_from(["spring", "summer"]))
    if named == "treatment" or named == "instance" and draw(st.booleans()):
        touch["treatment"] = draw(st.sampled_from(["red", "blue"]))
    if named == "instance":
        touch["instance"] = draw(st.sampled_from(["i1", "i2"]))
    tell(draw, touch)
    if outcome == "declined":
        touch["reason"] = draw(st.sampled_from(["", "too dear", "zu groß"]))
    expires = draw(deadlines)
    if expires:
        touch["expires"] = expires
    count = draw(st.integers(0, 3))
    if count:
        touch["count"] = count
    return touch


# Each offer once: which of two words of one event is the last, nobody can say.
offers = st.lists(touches(), min_size=1, max_size=2, unique_by=lambda t: t["offer"]).map(
    lambda t: {"type": "offer." + t[0]["outcome"], "offers": t})


@st.composite
def definitions(draw):
    """What an offer is, said of nobody, or (some do) of somebody."""
    touch = {"offer": draw(st.sampled_from(["shoes", "hat"])),
             "campaign": draw(st.sampled_from(["", "", "spring"]))}
    tell(draw, touch)
    if draw(st.integers(0, 5)) == 0:
        touch["outcome"] = "withdrawn"
    expires, begins = draw(deadlines), draw(deadlines)
    if expires:
        touch["expires"] = expires
    if begins and not (expires and expires < begins):
        touch["valid_from"] = begins
    said = {"type": "offer.defined", "offers": [touch]}
    if draw(st.booleans()):
        said.update(subject="rule", revision=draw(st.sampled_from(["1", "2"])))
    return said


@st.composite
def consents(draw):
    consent = {"purpose": draw(st.sampled_from(["marketing", "research"])),
               "channel": draw(st.sampled_from(["", "email", "sms", "web"])),
               "status": draw(st.sampled_from(["granted", "denied", "revoked", "expired"])),
               "evidence": draw(st.sampled_from(["", "Häkchen"]))}
    expires = draw(deadlines)
    if expires:
        consent["expires"] = expires
    return {"type": "consent." + consent["status"], "consents": [consent]}


@st.composite
def commitments(draw):
    state = draw(st.sampled_from(["made", "made", "made", "kept", "broken", "waived",
                                  "renegotiated"]))
    promise = {"id": draw(st.sampled_from(["p1", "p2"])), "state": state,
               "by": draw(st.sampled_from(["", "Ann", "Björk"])),
               "to": draw(st.sampled_from(["", "Joe"]))}
    if state == "made" or draw(st.booleans()):
        promise["text"] = draw(st.sampled_from(["call back", "ein Paket"]))
    due = draw(deadlines)
    if due:
        promise["due"] = due
    return {"type": "commitment." + state, "commitments": [promise]}


@st.composite
def sales(draw):
    total = draw(st.integers(-500, 2000))
    currency = draw(st.sampled_from(["EUR", "EUR", "USD", "JPY"]))
    return {"type": "sale.completed" if total >= 0 else "sale.returned",
            "sale": {"total_minor": str(total), "currency": currency}}


attributes = st.dictionaries(st.sampled_from(["name", "city", "größe"]),
                             st.sampled_from(["Joe", "Zoë", "Σ"]), min_size=1).map(
    lambda a: {"type": "customer.attributes_set", "attributes": a})

@st.composite
def contacts(draw):
    """What we sent, and calls we made or took; of some messages more than one word is told."""
    channel = draw(st.sampled_from(["email", "email", "sms", "mail"]))
    event = {"type": f"{channel}.{draw(st.sampled_from(['sent', 'sent', 'delivered', 'opened']))}",
             "channel": channel}
    if draw(st.integers(0, 4)) == 0:
        event = {"type": draw(st.sampled_from(["call.offered", "call.answered"])),
                 "channel": "call", "direction": draw(st.sampled_from(["inbound", "outbound"])),
                 "call": {"id": draw(st.sampled_from(["1", "2"]))}}
    elif draw(st.booleans()):
        event["message"] = {"id": draw(st.sampled_from(["m1", "m2", "m3"]))}
    purpose = draw(st.sampled_from(["", "", "marketing", "research", "transactional"]))
    if purpose:
        event["attributes"] = {"purpose": purpose}
    return event


@st.composite
def complaints(draw):
    word = draw(st.sampled_from(["complaint", "complaint", "resolved", "resolved", "answered",
                                 "review"]))
    feedback = {"id": draw(st.sampled_from(["f1", "f2"]))}
    if word in ("complaint", "review"):
        feedback["kind"] = word
        feedback["public"] = draw(st.booleans())
        feedback["rating"] = draw(st.sampled_from(["", "1", "4.5"]))
        feedback["title"] = draw(st.sampled_from(["", "too late", "schön"]))
        feedback["state"] = draw(st.sampled_from(["", "", "", "heard", "answered", "resolved"]))
    event = {"type": "feedback." + word, "feedback": feedback}
    if draw(st.integers(0, 3)) == 0:
        event["conversation"] = "c1"
    return event


@st.composite
def talk(draw):
    """What he and we said, in few conversations, and calls told of twice and more."""
    event = {"type": draw(st.sampled_from(
        ["email.sent", "email.delivered", "email.received", "email.replied", "email.replied",
         "chat.message_sent", "chat.message_received", "chat.ended", "push.received", "sms.read",
         "message.sent", "callback.requested", "form.submitted", "conversation.closed",
         "conversation.opened", "note.added", "email.link_clicked"]))}
    event["channel"] = event["type"].split(".")[0]
    named = draw(st.sampled_from(["", "", "c1", "c1", "c2"]))
    if draw(st.integers(0, 2)) == 0:
        event = {"type": "call." + draw(st.sampled_from(
            ["offered", "answered", "ended", "ended", "abandoned", "completed", "held"])),
            "channel": "call", "direction": draw(st.sampled_from(["inbound", "outbound"])),
            "subject": draw(st.sampled_from(["l1", "l2"]))}
        talk_ms = draw(st.sampled_from([0, 0, 90000]))
        event["call"] = {"id": draw(st.sampled_from(["l1", "g1"])), "talk_ms": str(talk_ms),
                         "total_ms": str(draw(st.sampled_from([0, 120000])))}
    elif event["type"].startswith("conversation."):
        named = named or "c1"
    elif draw(st.booleans()):
        event["message"] = {"id": draw(st.sampled_from(["m1", "m2"])),
                            "in_reply_to": draw(st.sampled_from(["", "", "m1", "x" * 257])),
                            "subject": draw(st.sampled_from(["", "Grüße", "Re: " + "é" * 60]))}
        machine = draw(st.sampled_from(["", "", "", "no", "auto-replied"]))
        if machine:
            event["attributes"] = {"Auto-Submitted": machine}
    if named:
        event["conversation"] = named
    direction = draw(st.sampled_from(["", "", "inbound", "outbound", "internal"]))
    if direction and "direction" not in event:
        event["direction"] = direction
    return event


zones = st.sampled_from(["Asia/Tokyo", "America/New_York", "Nowhere"]).map(
    lambda z: {"type": "customer.attributes_set", "attributes": {"timezone": z}})

HOMES = ["home-{k}", "flat-{k}"]


@st.composite
def households(draw):
    word = draw(st.sampled_from(["joined", "joined", "formed", "left", "left", "left",
                                 "role_changed", "visibility_set", "visibility_set", "invited"]))
    told = {"id": draw(st.sampled_from(HOMES + HOMES[:1]))}
    if word == "role_changed" or draw(st.integers(0, 3)) == 0:
        told["role"] = draw(st.sampled_from(["Tante", "cousin", "son"]))
    if word == "visibility_set" or draw(st.integers(0, 2)) > 0:
        told["visibility"] = draw(st.sampled_from(["offers", "offers", "all", "none"]))
    since = draw(often(st.none(), st.none(), minutes).map(stamp))
    if since:
        told["since"] = since
    return {"type": "household." + word, "household": told}


plain = st.sampled_from(["page.viewed", "call.answered", "email.opened", "note.added"]).map(
    lambda t: {"type": t})

# An order or a call told of several times, each time with more or less in it.
revisions = st.builds(
    lambda facet, subject, revision: dict(facet, subject=subject, revision=str(revision)),
    often(offers, offers, sales(), sales(), st.builds(lambda o, s: {**o, **s}, offers, sales()),
          plain, consents(), attributes),
    st.sampled_from(["order-1", "order-2"]), st.integers(1, 3))

FACETS = {"revisions": revisions, "offers": offers,
          "consents": consents(), "commitments": commitments(),
          "sales": sales(), "attributes": attributes, "contacts": contacts(),
          "complaints": complaints(), "talk": talk(), "more talk": talk(), "zones": zones,
          "plain": plain, "households": households()}


# -------------------------------------------------------------- a history

def word(type, a, b):
    """A person's word on two names."""
    return {"type": type, "link": {"a": identifier(a), "b": identifier(b),
                                   "evidence": "a letter", "by": "Ann"}}


pairs = st.lists(often(strong, strong, strong, weak), min_size=2, max_size=2, unique=True)
words = st.tuples(st.sampled_from(["identity.linked", "identity.linked", "identity.unlinked"]),
                  pairs)
# People known by nothing else that could be somebody else's.
words_apart = st.tuples(st.just("identity.linked"), st.lists(
    st.sampled_from([NAMES_APART[0].format(n=n) for n in range(3)]),
    min_size=2, max_size=2, unique=True))

facets = often(*[offers] * 4, revisions, revisions, *FACETS.values())
happened = st.tuples(people, facets)
happened_apart = st.tuples(people_apart, facets)
# The last of these numbers its events.
SOURCES = ["mailer", "till-4", "web", "counter"]
how = [times, st.sampled_from(CHANNELS), st.sampled_from(SOURCES)]
catalogue = st.tuples(st.just([]), definitions())
# Which words are refused depends on what arrived before.
ARRIVALS = {
    True: several(1, 14, st.tuples(often(*[happened] * 8, words, words, catalogue), *how)),
    False: several(1, 14, st.tuples(often(*[happened_apart] * 8, words_apart, catalogue), *how))}


def in_turn(lists):
    return [*itertools.chain(*lists)]


# The same of a family.  First they move in together; most are known by one name.
at_home = often(*[households()] * 5, offers, offers, contacts(), contacts())
family = often(*[st.sampled_from(STRONG[:3]).map(lambda n: [n])] * 3, people)
moving_in = st.builds(
    lambda home, visibility: {"type": "household.joined",
                              "household": {"id": home, "visibility": visibility}},
    st.sampled_from([HOMES[0], *HOMES]), st.sampled_from(["offers", "offers", "all", "none"]))
parents = st.tuples(*(st.tuples(st.tuples(st.just([name]), often(moving_in, moving_in, offers)),
                                *how) for name in [*STRONG[:3]] * 2))
HOMECOMINGS = {
    True: st.tuples(parents, several(4, 16, st.tuples(
        often(*[st.tuples(family, at_home)] * 5, words), *how))).map(in_turn),
    False: st.tuples(parents, several(4, 16, st.tuples(
        often(*[st.tuples(people_apart, at_home)] * 8, words_apart), *how))).map(in_turn)}


# The same of one who is offered much.
offered = often(*[offers] * 8, definitions(), sales())
him = often(*[st.just(STRONG[:1])] * 3, st.just(STRONG[3:4]), st.just(STRONG[0:4:3]))
him_apart = st.sampled_from(MEETING).map(lambda which: [NAMES_APART[i].format(n=0) for i in which])
PITCHES = {
    True: several(3, 12, st.tuples(st.tuples(him, offered), *how)),
    False: several(3, 12, st.tuples(st.tuples(him_apart, offered), *how))}


# The same of a shop that tells of each order again and again, and numbers what it tells.
ordered = often(*[revisions] * 6, offers, sales(), definitions())
how_ordered = [times, st.sampled_from(CHANNELS), st.sampled_from(SOURCES[-2:])]
buyers = st.lists(strong, min_size=1, max_size=2)
ORDERS = {
    True: several(2, 16, st.tuples(st.tuples(buyers, ordered), *how_ordered)),
    False: several(2, 16, st.tuples(often(*[st.tuples(people_apart, ordered)] * 8, words_apart),
                                    *how_ordered))}


@st.composite
def events(draw, key, wandering=True, of=ARRIVALS):
    """What arrives, in the order of arrival; times are in any order."""
    drawn = draw(of[wandering])
    numbers = draw(st.lists(st.integers(1, 2 * len(drawn)), min_size=len(drawn),
                            max_size=len(drawn)))
    return [of_its_own(key, made(f"{key}.{n}", key, *what, *h), numbers[n])
            for n, (what, *h) in enumerate(drawn)]


def of_its_own(key, event, number):
    """The catalogue is everybody's, as orders and a source's numbers are: those of a history
    are no other's."""
    event = dict(event)
    if "offers" in event:
        event["offers"] = [dict(t, offer=f"{key}-{t['offer']}") for t in event["offers"]]
    if "subject" in event:
        event["subject"] = f"{key}-{event['subject']}"
    if event["source"] == SOURCES[-1]:
        event.update(source=f"{key}-counter", sequence=str(number))
    return event


def identifier(name):
    return dict(zip(("type", "value"), name.split(":", 1)))


def made(id, key, who, what, time, channel, source):
    """`who`: names, and `what` the facets; or the type of a word, and `what` two names."""
    if isinstance(who, str):
        event = dict(word(who, *(named(name, key) for name in what)), id=id, source=source)
    else:
        names = dict.fromkeys(named(name, key) for name in who)
        event = dict(what, id=id, source=source, identifiers=[identifier(n) for n in names])
        if "household" in event:
            event["household"] = dict(what["household"], id=named(what["household"]["id"], key))
    if time:
        event = at(event, time)
    if channel:
        event.setdefault("channel", channel)
    return event


def at(event, time):
    """The event at that time.  Due before it was made a promise would be refused."""
    event = dict(event, time=time)
    if "commitments" in event:
        event["commitments"] = [
            dict(p, due=time) if p["state"] == "made" and p.get("due", time) < time else p
            for p in event["commitments"]]
    return event


@st.composite
def history(draw, **how):
    """Events of people no other history knows, some sent twice, and what time it is when asked."""
    key = f"h{next(KEYS)}"
    said = draw(events(key, **how))
    again = draw(st.lists(st.integers(0, len(said) - 1), max_size=2))
    return said + [said[n] for n in again], draw(st.integers(0, MINUTES + 1))


# ------------------------------------------------- what happens to two who are one

# Of names of one side: which of its known ones, and whether one of its own comes with them
# that only it has.  Or a person's word on it and somebody whom nobody else knows.
FRESH = ["cookie:{k}-side{side}", "phone:{phone}8{side}", "email:{k}-third{side}@example.com"]
meanwhile = st.tuples(
    st.integers(0, 1), st.lists(st.integers(0, 8), max_size=2),
    st.lists(st.sampled_from(FRESH), max_size=2, unique=True),
    often(*[st.tuples(st.just("event"), often(offers, offers, *FACETS.values()))] * 4,
              st.tuples(st.sampled_from(["identity.linked", "identity.unlinked"]), st.none())),
    *how)


def said_meanwhile(id, key, sides, drawn):
    """`sides`: the names of either side; None when there is nobody it is about."""
    side, picked, fresh, (what, facets), *told = drawn
    known = [sides[side][n % len(sides[side])] for n in picked]
    fresh = [name.replace("{side}", str(side)) for name in fresh]
    if what == "event":
        return made(id, key, known + fresh, facets, *told) if known or fresh else None
    return made(id, key, what, [(known or sides[side])[0], FRESH[2].replace("{side}", str(side))],
                *told)
