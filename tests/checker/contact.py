"""May we contact him?  The contact policy, read from touchline-policy(5).

`verdict` takes one customer's events and rules, and answers one channel.  It
knows no reservations: they are of the broker's own clock.
"""

import datetime
import zoneinfo

MESSAGES = {"email", "sms", "push", "mail", "chat", "social"}
DAY = 86400 * 10**9
UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)

PER_HOUSEHOLD = " per household"
UNITS = {"ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9, "d": DAY}


def duration(text):
    number, unit = text.split()
    return int(number) * UNITS[unit]


class Rules:
    """A policy file."""

    def __init__(self, text):
        self.lines = []
        section = None
        for line in text.splitlines():
            line = line.strip()
            if line.startswith("["):
                section = line.strip("[]")
            elif line and not line.startswith("#"):
                name, _, value = (part.strip() for part in line.partition("="))
                self.lines.append((section, *(name.split() + [""])[:2], value))

    def setting(self, name, otherwise):
        return dict((n, v) for s, n, _, v in self.lines if s == "policy").get(name, otherwise)

    def all(self, section, purpose, channel):
        """[(name, channel, value)] of those that fit."""
        return [(f"{section}: {p}{' ' if c else ''}{c} = {value}", c, value)
                for s, p, c, value in self.lines
                if s == section and p == purpose and c in ("", channel)]

    def one(self, section, purpose, channel):
        """(name, value): a line that says the channel comes before one that does not."""
        found = sorted(self.all(section, purpose, channel), key=lambda rule: rule[1] == "")
        return (found[0][0], found[0][2]) if found else (None, None)


def reaches_out(said):
    direction = said.event.get("direction", "")
    thing, _, word = said.type.partition(".")
    if direction == "inbound":
        return False
    if thing == "call":
        return direction == "outbound"
    if said.type == "offer.made":
        return said.channel in MESSAGES
    return word in ("sent", "delivered") and (
        thing in MESSAGES or (thing == "message" and said.channel in MESSAGES))


def key_of(said):
    """The name of the message or call; None: it has none."""
    if not said.type.startswith("call."):
        id = said.event.get("message", {}).get("id")
        return ("message", channel_of(said), id) if id else None
    if said.event.get("call", {}).get("id"):
        return "call", said.event["call"]["id"]
    return ("subject", said.event["subject"]) if said.event.get("subject") else None


def channel_of(said):
    return said.channel or said.type.partition(".")[0]


def contacts(events):
    """(when, channel, purpose) of each message and call, as of the last that was said of it."""
    same = {}
    for said in events:
        if reaches_out(said):
            same.setdefault(key_of(said) or said.number, []).append(said)
    for group in same.values():
        group.sort(key=lambda s: s.when, reverse=True)
        purposes = [s.event.get("attributes", {}).get("purpose") for s in group]
        yield group[0].when, channel_of(group[0]), next(filter(None, purposes), "marketing")


def declined(events):
    words = [s for s in events for touch in s.event.get("offers", [])
             if (touch.get("outcome") or s.word) == "declined"]
    return max(words, key=lambda s: s.when, default=None)


def complaint(events):
    """The newest that is open."""
    last = {}
    for said in events:
        feedback = said.event.get("feedback")
        if feedback is None or said.type == "feedback.answered":
            continue
        closed = said.type == "feedback.resolved" or feedback.get("state") == "resolved"
        if closed or "complaint" in (feedback.get("kind"), said.word):
            id = feedback.get("id") or said.event.get("subject") or said.event["id"]
            last[id] = max(last.get(id, ((0, 0), closed, said)), (said.when, closed, said),
                           key=lambda word: word[0])
    return max((s for _, closed, s in last.values() if not closed), key=lambda s: s.when,
               default=None)


def zone_of(attributes, rules):
    try:
        return zoneinfo.ZoneInfo(attributes.get("timezone", rules.setting("timezone", "UTC")))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return zoneinfo.ZoneInfo(rules.setting("timezone", "UTC"))


def quiet_until(hours, zone, now):
    if hours in (None, "none"):
        return 0
    begin, end = (int(t[:2]) * 60 + int(t[3:]) for t in hours.split("-"))
    local = (EPOCH + datetime.timedelta(microseconds=now // 1000)).astimezone(zone)
    minute = local.hour * 60 + local.minute
    over = begin > end
    if not (minute >= begin or minute < end if over else begin <= minute < end):
        return 0
    day = local.date() + datetime.timedelta(days=1 if over and minute >= begin else 0)
    ends = datetime.datetime.combine(day, datetime.time(end // 60, end % 60), zone)
    return (ends.astimezone(UTC) - EPOCH) // datetime.timedelta(microseconds=1) * 1000


def refusal(consents, purpose, channel, address):
    """(the refusal a verdict names or None, granted) by any consent that speaks of it.
    The channel's own is named before the one for every channel."""
    said = [(by == "", consent["status"]) for (of, by, about), consent in consents
            if of == purpose and by in ("", channel)
            and not (address and about and about[0] == address[0] and about != address)]
    refused = min((s for s in said if s[1] in ("denied", "revoked")), default=None)
    if refused:
        every, word = refused
        refused = f"consent: {word} for {'every channel' if every else channel}"
    return refused, any(word == "granted" for _, word in said)


def verdict(events, consents, attributes, rules, purpose, channel, now, address=None,
            household=()):
    """(verdict, rule, numbers counted, until).  `consents`: [((purpose, channel, address),
    state)]; `attributes` as fold answers them; `address`: (type, value) the question names;
    `household`: the events of each of the others he lives with."""
    refused, granted = refusal(consents, purpose, channel, address)
    if refused:
        return "deny", refused, [], 0
    name, value = rules.one("consent", purpose, channel)
    if value == "required" and not granted:
        return "deny", name, [], 0
    for name, _, _ in rules.all("exempt", purpose, channel):
        return "allow", name, [], 0
    name, value = rules.one("complaint", purpose, channel)
    open_one = complaint(events)
    if open_one and value == "pause":
        return "deny", name, [open_one.number], 0

    waits, near = [], []
    name, value = rules.one("cool-off", purpose, channel)
    last = declined(events)
    if last and value not in (None, "none") and last.time <= now < last.time + duration(value):
        waits.append((last.time + duration(value), name, [last.number]))
    for name, of, value in rules.all("caps", purpose, channel):
        count, _, window = value.removesuffix(PER_HOUSEHOLD).partition(" in ")
        people = [events, *household] if value.endswith(PER_HOUSEHOLD) else [events]
        taken = sorted((when for each in people for when, by, why in contacts(each)
                        if why == purpose and of in ("", by)
                        and when[0] <= now < when[0] + duration(window)),
                       reverse=True)[:int(count)]
        numbers = [number for _, number in taken]
        if len(taken) == int(count):
            waits.append((taken[-1][0] + duration(window), name, numbers))
        near.append((int(count) - len(taken), name, numbers))
    zone = zone_of(attributes, rules)
    name, value = rules.one("quiet hours", purpose, channel)
    if quiet_until(value, zone, now):
        waits.append((quiet_until(value, zone, now), f"{name}, {zone.key}", []))
    if waits:
        # The first of equals.
        until, name, numbers = max(waits, key=lambda wait: wait[0])
        return "defer", name, numbers, quiet_until(value, zone, until) or until
    if near:
        return "allow", *min(near, key=lambda cap: cap[0])[1:], 0
    return "allow", f"caps: none for {purpose} by {channel}", [], 0
