"""What a customer's events mean, read from the design and not from the store.

Each function takes the events of one customer (Said, below) and answers one
section of a context, in the shape of its message with times in nanoseconds.
Nothing here depends on the order of the events: what is later is decided by
(time, number).
"""

import calendar
import re

import catalogue
import whose

# In the order in which ties in time are decided; the rest are decided elsewhere.
ORDER = ["made", "delivered", "undelivered", "presented", "dismissed", "clicked", "declined",
         "accepted", "redeemed", "fulfilled"]
SIDE = ["no_response", "expired", "withdrawn", "superseded", "disputed"]
STAYS = ["redeemed", "fulfilled"]
ANSWERS = ["accepted", "declined", "dismissed", "clicked"]
FURTHER = ["made", "undelivered", "delivered", "presented"]
CLOSED = ["redeemed", "fulfilled", "declined", "expired", "withdrawn", "superseded",
          "no_response"]

FEEDBACK = ["feedback." + kind for kind in ("review", "rating", "survey", "complaint", "praise",
                                            "beacon")]
# What the customer himself says, in the order in which ties in time are decided.
HIS = ["dismissed", "clicked", "declined", "accepted", "redeemed", "disputed"]
RECENT_MAX = 24
ADDRESS_OF = {"email": "email", "sms": "phone", "call": "phone"}
STRICTNESS = {"granted": 0, "expired": 1, "revoked": 2, "denied": 3}


def ns(text):
    """Nanoseconds of an RFC 3339 time in UTC."""
    match = re.fullmatch(r"(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)(?:\.(\d+))?Z", text)
    seconds = calendar.timegm(tuple(map(int, match.groups()[:6])))
    # The very beginning is read as one later: 0 says that no time is given.
    return seconds * 10**9 + int((match[7] or "").ljust(9, "0")) or 1


class Said:
    """An event of the log as the folds want it."""

    def __init__(self, event):
        self.event = event
        self.position = event["position"]
        self.number = int(event["position"].split("-")[1], 16)
        self.profile = event.get("profile", "0")
        self.type = event["type"]
        self.source = event["source"]
        self.channel = event.get("channel", "")
        received = ns(event["received_time"])
        told = event.get("time") or event.get("recorded_time")
        self.time = min(ns(told), received) if told else received
        self.ids = whose.identifiers(event)
        self.unverified = False
        self.elsewhere = set()      # names that it came with and that are somebody else's

    @property
    def word(self):
        return self.type.rsplit(".", 1)[-1]

    @property
    def when(self):
        return self.time, self.number


def superseded(said):
    """Numbers of the events for which a higher revision of their subject counts."""
    by_subject = {}
    for word in said:
        revision = int(word.event.get("revision", 0))
        if revision and word.event.get("subject") and word.source != "touchline" \
                and not word.type.startswith("identity."):
            by_subject.setdefault((word.source, word.event["subject"]), []).append(
                (revision, word.time, word.number))
    return {rank[2] for ranks in by_subject.values() for rank in ranks if rank != max(ranks)}


def gaps(said):
    """Source -> how many of its numbers are missing."""
    seen = {}
    for word in said:
        number = int(word.event.get("sequence", 0))
        if number:
            seen.setdefault(word.source, set()).add(number)
    return {source: max(numbers) - min(numbers) + 1 - len(numbers)
            for source, numbers in seen.items()}


def latest(said, value):
    """The value of the latest that has one, and the event that said it: (None, None) if none."""
    found = [s for s in said if value(s)]
    if not found:
        return None, None
    last = max(found, key=lambda s: s.when)
    return value(last), last


# ---------------------------------------------------------------------- who

def known_identifiers(events, owned):
    """`owned`: strong identifiers of this customer -> when they were first named, by anybody;
    weak ones that a person's word made somebody of -> when each of those was said."""
    seen = {id: list(times) for id, times in owned.items()}
    his = {id for said in events for id in said.ids if id not in said.elsewhere}.union(owned)
    for said in events:
        for id in said.ids:
            if id in owned or id[0] not in whose.STRONG:
                seen.setdefault(id, []).append(said.time)
    return {id: {"verified": id[0] in whose.STRONG, "first_seen": min(times),
                 "last_seen": max(times)} for id, times in seen.items() if id in his}


def attributes(events):
    names = {}
    for said in events:
        if said.type == "customer.attributes_set":
            for name, value in said.event["attributes"].items():
                names.setdefault(name, []).append((said.when, value))
    return {name: max(words)[1] for name, words in names.items()}


# ------------------------------------------------------------------- offers

class Touch:
    def __init__(self, said, touch):
        self.said = said
        self.when = said.when
        self.counted = said.when[0]     # what was said between is counted as of the last
        self.touch = touch
        self.campaign = touch.get("campaign") or said.event.get("campaign", "")
        self.offer = touch.get("offer") or self.campaign
        self.outcome = touch.get("outcome") or said.word
        self.count = touch.get("count", 0) or 1

    @property
    def key(self):
        if self.get("instance"):
            return self.offer, "", "", self.get("instance")
        return self.offer, self.campaign, self.get("treatment"), ""

    def get(self, name):
        return self.touch.get(name, "")

    def could_be_of(self, key, names):
        """May it be of an instance so named, of which it says less than that?"""
        return not self.get("instance") and not self.get("treatment") \
            and self.offer == key[0] and self.campaign in ("", names["campaign"])


def touches(events):
    made = [Touch(said, t) for said in events if said.type != "offer.defined"
            for t in said.event.get("offers", [])]
    return [t for t in made if t.outcome in ORDER + SIDE]


def instances(events):
    """Touches by instance; one that names less is with the newest offered before it.

    Of an outcome the bus keeps how often, the first and the last: what was said
    between goes where the last goes, and the first counts as one."""
    groups = {}
    for touch in touches(events):
        groups.setdefault(touch.key, []).append(touch)
    names = {key: named(key, group) for key, group in groups.items()}
    made = {key: first_of([t for t in group if t.outcome == "made"], key, names)
            for key, group in groups.items() if any(t.outcome == "made" for t in group)}
    shown = {}
    for key, group in groups.items():
        place(group, shown, lambda touch, key=key: key if (
            key in made or touch.outcome not in FURTHER) else newest_before(touch, made) or key)
    offered = {key: first_of(offered_in(group), key, names)
               for key, group in shown.items() if offered_in(group)}
    joined = {}
    for key, group in shown.items():
        place(group, joined, lambda touch, key=key: reacts_to(touch, key, offered))
    return joined


def place(group, into, where):
    """Each outcome's first goes by itself, the rest as the last."""
    same = {}
    for touch in group:
        same.setdefault((touch.key, touch.outcome), []).append(touch)
    for said in same.values():
        first, *rest = sorted(said, key=lambda t: t.when)
        places = [where(first)] + [where(rest[-1]) for _ in rest[-1:]]
        if rest and places[0] != places[1]:
            rest[0].count += first.count - 1
            first.count = 1
            first.touch = dict(first.touch, reason="")      # not kept
            for touch in rest:
                touch.counted = rest[-1].when[0]
        for touch in said:
            into.setdefault(places[0 if touch is first else 1], []).append(touch)


def reacts_to(touch, key, offered):
    """The instance a reaction that was said of `key` is to; anything else is where it is."""
    bare = touch.key == (touch.offer, "", "", "")
    if touch.outcome in FURTHER or not bare and key in offered and offered[key][0] <= touch.when[0]:
        return key
    return newest_before(touch, offered) or key


def torn(events):
    """Offers of which some words stay where they were said, and others of the same name go,
    and those that were also named by nothing else."""
    went = {}
    for key, group in instances(events).items():
        for touch in group:
            went.setdefault(touch.key, set()).add(key)
    return {key[0] for key, into in went.items() if len(into) > 1 or not any(key[1:])}


def first_of(offering, key, names):
    """When it was offered first, and how it is named: what tells which is the newest."""
    return min(t.when[0] for t in offering), names[key]


def offered_in(group):
    """What was sent or shown was offered, also when nobody said that it was made."""
    return [t for t in group if t.outcome == "made"] \
        or [t for t in group if t.outcome in FURTHER]


def newest_before(touch, offered):
    before = [(time, names["campaign"], names["treatment"], key[3], key)
              for key, (time, names) in offered.items()
              if touch.could_be_of(key, names) and time <= touch.when[0]]
    return max(before)[-1] if before else None


def outcomes(group):
    seen = {}
    for touch in group:
        seen.setdefault(touch.outcome, []).append(touch)
    return {name: outcome(same) for name, same in seen.items()}


def outcome(same):
    last = max(same, key=lambda t: t.when)
    return {"channel": last.said.channel, "time": last.when[0], "reason": last.get("reason"),
            "first_time": min(t.counted for t in same), "count": sum(t.count for t in same)}


def state(seen, expires, withdrawn, now):
    for name in reversed(STAYS):
        if name in seen:
            return name
    answers = [name for name in ANSWERS if name in seen]
    if answers:
        shown = max(answers, key=lambda n: (seen[n]["time"], ORDER.index(n)))
    else:
        nothing_said = "disputed" if "disputed" in seen else ""
        shown = max((n for n in FURTHER if n in seen), key=FURTHER.index, default=nothing_said)
    if shown == "accepted":
        return shown
    # Until it is made anew.
    made = seen["made"]["time"] if "made" in seen else 0
    closing = [name for name in ("withdrawn", "superseded")
               if name in seen and seen[name]["time"] >= made]
    if closing:
        return max(closing, key=lambda n: (seen[n]["time"], SIDE.index(n)))
    ends = [end for end in (expires, withdrawn) if end]
    if shown != "declined" and "expired" in seen:
        return "expired"
    if shown != "declined" and ends and min(ends) <= now:
        return "withdrawn" if withdrawn == min(ends) else "expired"
    if "no_response" in seen and not answers:
        return "no_response"
    return shown


def told(group):
    """What the customer was shown: of each the latest."""
    def last(value):
        found = [t for t in group if value(t.touch)]
        return value(max(found, key=lambda t: t.when).touch) if found else ""

    return {"title": last(lambda t: t.get("title")), "terms": last(lambda t: t.get("terms")),
            "price": last(catalogue.price), "expires": last(lambda t: t.get("expires")),
            "exclusivity_group": last(lambda t: t.get("exclusivity_group"))}


def last_word(seen):
    his = [name for name in HIS if name in seen]
    if not his:
        return None
    name = max(his, key=lambda n: (seen[n]["time"], HIS.index(n)))
    return dict({k: seen[name][k] for k in ("channel", "time", "reason")}, outcome=name)


def offer(key, group, now, defined):
    seen = outcomes(group)
    names = named(key, group)
    touch, when = catalogue.definition(defined, key[0], names["campaign"])
    words, filled = catalogue.fill(told(group), touch or {})
    expires = ns(words["expires"]) if words["expires"] else 0
    made = offered_in(group)
    first = min(made, key=lambda t: t.when) if made else None
    began = first.when[0] if first else 0
    withdrawn = when if touch and touch.get("outcome") == "withdrawn" and began <= when else 0
    shown = state(seen, expires, withdrawn, now)
    minor, currency = words["price"] or (0, "")
    return {**names, "state": shown, "live": shown not in CLOSED, "orphan": not made,
            "disputed": "disputed" in seen, "outcomes": seen, "expires": expires,
            "terms": words["terms"], "title": words["title"], "price_minor": minor,
            "currency": currency, "exclusivity_group": words["exclusivity_group"],
            "valid_from": ns(touch["valid_from"]) if touch and touch.get("valid_from") else 0,
            "of_catalogue": filled, "last_word": last_word(seen),
            "reason": seen.get("declined", {}).get("reason", ""), "made": began,
            "closed": max([t.when[0] for t in group] + [expires] * (shown == "expired"))}


def offers(events, now, defined):
    """(offer, campaign, treatment, instance) -> offer."""
    return {key: offer(key, group, now, defined) for key, group in instances(events).items()}


def named(key, group):
    """An instance with an id is as named by the touch that says most, of equals the first."""
    if not key[3]:
        return {"campaign": key[1], "treatment": key[2]}
    touch = min((t for t in group if t.get("instance")),
                key=lambda t: (not t.campaign, not t.get("treatment"), t.when))
    return {"campaign": touch.campaign, "treatment": touch.get("treatment")}


# ----------------------------------------------------------------- consents

def address(said, consent):
    """Whom a consent is about: the address it names, or that the event came with."""
    if consent.get("identifier"):
        return whose.canonical(consent["identifier"])
    type = ADDRESS_OF.get(consent.get("channel"))
    return next((id for id in said.ids if id[0] == type), None)


def consents(events, now):
    """(purpose, channel, address) -> the latest word; what is about no address: of each who said
    it, by the strongest of his names, and of those the strictest."""
    words = {}
    for said in events:
        for consent in said.event.get("consents", []):
            about = address(said, consent)
            key = consent["purpose"], consent.get("channel", ""), about
            sayer = None if about else next((id for id in said.ids if id[0] in whose.STRONG), None)
            words.setdefault(key, {}).setdefault(sayer, []).append((said.when, consent))
    return {key: strictest([max(w, key=lambda x: x[0]) for w in of.values()], now)
            for key, of in words.items()}


def strictest(words, now):
    states = [(when, consent_state(when[0], consent, now)) for when, consent in words]
    return max(states, key=lambda s: (STRICTNESS[s[1]["status"]], s[0]))[1]


def consent_state(time, consent, now):
    expires = ns(consent["expires"]) if consent.get("expires") else 0
    over = consent["status"] == "granted" and expires and expires <= now
    return {"status": "expired" if over else consent["status"], "time": time,
            "evidence": consent.get("evidence", ""), "expires": expires}


# -------------------------------------------------------------- commitments

class Promised:
    """One word on a promise."""

    def __init__(self, said, commitment):
        self.when = said.when
        self.said = said
        self.commitment = commitment

    @property
    def state(self):
        return self.commitment.get("state") or self.said.word

    def get(self, name):
        return self.commitment.get(name, "")


def commitments(events, now):
    words = {}
    for said in events:
        for commitment in said.event.get("commitments", []):
            words.setdefault(commitment["id"], []).append(Promised(said, commitment))
    return {id: promise(of, now) for id, of in words.items()}


def promise(words, now):
    told = {name: latest(words, lambda w, n=name: w.get(n))[0] or ""
            for name in ("text", "by", "to", "due")}
    last = max(words, key=lambda w: w.when)
    due = ns(told["due"]) if told["due"] else 0
    state = {"made": "open", "renegotiated": "open"}.get(last.state, last.state)
    if state in ("open", "due") and due and due <= now:
        state = "overdue"
    return dict(told, due=due, state=state, made=min(w.when[0] for w in words), time=last.when[0])


# ----------------------------------------------------------------- feedback

def feedback(events, now):
    told = {}
    for said in events:
        if "feedback" in said.event:
            id = said.event["feedback"].get("id") or said.event.get("subject") or said.event["id"]
            told.setdefault(id, []).append(said)
    loops = {id: loop(words, now) for id, words in told.items()}
    return {id: of for id, of in loops.items() if of}


def loop(words, now):
    """What became of it; None: only ever answered or resolved."""
    def of(type, state):
        return [w for w in words if w.type == type or w.event["feedback"].get("state") == state]

    heard = [w for w in words if w.type not in ("feedback.answered", "feedback.resolved")]
    answered = of("feedback.answered", "answered")
    resolved = of("feedback.resolved", "resolved")
    if not heard:
        return None
    newest = max(heard, key=lambda w: w.when)

    def stands(those):
        return bool(those) and max(w.when for w in those) >= newest.when

    def say(*names):
        return latest(heard, lambda w: next(filter(None, map(w.event["feedback"].get, names)),
                                            ""))[0] or ""

    kind = latest(words, lambda w: w.event["feedback"].get("kind") or (
        w.word if w.type in FEEDBACK else ""))[0] or ""
    state = "resolved" if stands(resolved) else "answered" if stands(answered) else "heard"
    first, answer = min(w.time for w in heard), min((w.time for w in answered), default=0)
    return {"kind": kind, "title": say("title", "text"), "rating": say("rating"),
            "rating_max": say("rating_max"), "state": state,
            "channel": latest(heard, lambda w: w.channel)[0] or "",
            "response_ms": max(0, answer - first) // 10**6,
            "waiting_ms": max(0, now - newest.time) // 10**6 if state == "heard" else 0,
            "public": newest.event["feedback"].get("public", False),
            "time": first, "answered": answer,
            "resolved": max(w.time for w in resolved) if stands(resolved) else 0}


# -------------------------------------------------------------------- value

def value(events):
    sums = {}
    sales = []
    for said in events:
        if said.type not in ("sale.completed", "sale.returned"):
            continue
        sale = said.event["sale"]
        minor = int(sale.get("total_minor", 0))
        of = sums.setdefault(sale["currency"], {"purchases": 0, "returns": 0, "spend_minor": 0})
        of["purchases" if said.type == "sale.completed" else "returns"] += 1
        of["spend_minor"] += minor
        if said.type == "sale.completed":
            sales.append((said.when, minor, sale["currency"]))
    last = max(sales, default=((0, 0), 0, ""))
    return {"sums": sums, "last_sale": last[0][0], "last_sale_minor": last[1],
            "last_sale_currency": last[2]}


# ------------------------------------------------------------ recent contacts

def recent(events):
    shown = [s for s in events if not s.type.startswith("identity.")]
    shown.sort(key=lambda s: s.when, reverse=True)
    return [{"time": s.time, "type": s.type, "channel": s.channel,
             "unverified": s.unverified} for s in shown]


def freshness(events):
    sources = {}
    for said in events:
        if said.source != "touchline":
            sources[said.source] = max(sources.get(said.source, 0), said.time)
    return sources
