"""Conversations, and who talked and who listened, read from PROTOCOL.md.

`conversations` and `relationship` take one customer's events, whatever profiles they
came by and in whatever order.
"""

import contact

SILENT = 30 * contact.DAY
MINUTE = 60 * 10**9
WITHIN = [("1 min", MINUTE), ("15 min", 15 * MINUTE), ("1 h", 60 * MINUTE), ("4 h", 240 * MINUTE),
          ("1 d", contact.DAY), ("3 d", 3 * contact.DAY), ("7 d", 7 * contact.DAY)]
SPEAKS_FOR = ["complaint", "review", "praise"]

HE, WE = "he", "we"
SIDES = {"inbound": {HE}, "outbound": {WE}, "internal": set()}


class Words:
    """What one event says: who spoke and when, in which conversation, what it counts as."""

    def __init__(self, said):
        self.said = said
        self.event = said.event
        self.spoke = {}             # side -> when
        self.counts = None          # (way, word)
        self.caller = None
        self.call = None
        self.replies = self.opens = self.closes = False
        self.conversation = self.event.get("conversation", "")
        self.thing, _, self.word = said.type.partition(".")
        if self.thing == "call":
            self.hear_call()
        elif self.thing == "feedback":
            self.hear_feedback()
        elif self.thing == "conversation":
            self.opens = self.word in ("opened", "reopened", "started")
            self.closes = self.word in ("closed", "ended")
        elif said.type == "callback.requested":
            self.speak({HE}, self.first("subject"))
        elif said.type == "form.submitted":
            if self.conversation:
                self.speak({HE}, "")
        else:
            self.hear_message()

    def message(self, name):
        return self.event.get("message", {}).get(name, "")

    def first(self, *names):
        """The first of these fields that can name a conversation, or the event's id."""
        found = [self.event.get(name, "") for name in names]
        return next((id for id in found if 0 < len(id.encode()) <= 256), self.event["id"])

    def speak(self, sides, otherwise, way="other"):
        self.spoke = {side: self.said.time for side in sides}
        if sides:
            self.counts = way, "his" if HE in sides else "ours"
            self.conversation = self.conversation or otherwise

    # ------------------------------------------------------------ messages

    def hear_message(self):
        way, word = self.thing, self.word
        if self.said.type == "offer.made":
            way, word = self.said.channel, "sent"
            if way not in contact.MESSAGES:
                return
        elif self.thing == "message":
            way = self.said.channel
        elif self.thing not in contact.MESSAGES:
            return
        way = way if way in contact.MESSAGES else "other"
        if way == "push" and word == "received":
            word = "delivered"
        speaker = {"sent": WE, "delivered": WE, "received": HE, "replied": HE, "message_sent": HE,
                   "message_received": WE}.get(word)
        if speaker:
            self.hear_speaker(way, word, SIDES.get(self.event.get("direction"), {speaker}))
        elif word in ("opened", "read"):
            self.counts = way, "opened"
        elif word in ("link_clicked", "clicked", "tapped"):
            self.counts = way, "clicked"
        elif way == "chat" and word == "ended":
            self.closes = True

    def hear_speaker(self, way, word, sides):
        machine = self.event.get("attributes", {}).get("Auto-Submitted", "no") != "no"
        if HE in sides and machine:
            return
        ids = [self.message("in_reply_to")]
        if HE in sides:
            ids += [self.message("id"), self.event["id"]]
        self.speak(sides, next((id for id in ids if 0 < len(id.encode()) <= 256), ""), way)
        if word == "delivered":
            self.counts = (way, "delivered") if WE in sides else None
        self.replies = HE in sides and self.said.word == "replied"

    # --------------------------------------------------------------- calls

    def hear_call(self):
        caller = {"inbound": HE, "outbound": WE}.get(self.event.get("direction"))
        words = ("offered", "queued", "answered", "abandoned", "ended", "completed")
        if caller is None or self.word not in words:
            return
        call = self.event.get("call", {})
        ids = [self.event.get("subject", ""), call.get("id", ""), self.event["id"]]
        self.call = next(id for id in ids if 0 < len(id.encode()) <= 256)
        self.caller = caller
        self.conversation = self.conversation or self.call
        over = self.word in ("ended", "completed", "abandoned")
        self.closes = over and self.conversation in (self.call, call.get("id"))
        if self.word in ("offered", "queued", "abandoned"):
            self.spoke = {caller: self.said.time}
        elif self.word == "answered":
            self.spoke = {HE: self.said.time, WE: self.said.time}
        else:
            talk, total = (int(call.get(name, 0)) * 10**6 for name in ("talk_ms", "total_ms"))
            if max(talk, total) > 0:
                begun, answered = self.before(max(talk, total)), self.before(talk)
                self.spoke = {caller: begun}
                if talk > 0:
                    self.spoke[WE if caller == HE else HE] = answered

    def before(self, ns):
        """So long before the event; nothing was before 1970."""
        return self.said.time - ns if ns < self.said.time - self.said.time % 10**6 \
            else self.said.time

    # ------------------------------------------------------------ feedback

    def hear_feedback(self):
        kind = self.event.get("feedback", {}).get("kind") or self.word
        if self.word == "answered":
            self.speak({WE}, "", "feedback")
        elif self.word != "resolved" and kind in SPEAKS_FOR:
            self.speak({HE}, "", "feedback")


def words(events):
    return [Words(said) for said in events if not said.type.startswith("identity.")
            and said.source != "touchline"]


def title_of(event):
    title = event.get("message", {}).get("subject") or event.get("feedback", {}).get("title", "")
    return title.encode()[:100].decode(errors="ignore")


class Conversation:
    def __init__(self, of):
        self.of = of
        self.his = [(w.spoke[HE], w.said.number) for w in of if HE in w.spoke]
        self.ours = sorted(w.spoke[WE] for w in of if WE in w.spoke)
        self.asked = min(self.his)[0] if self.his else 0
        self.calls = {(w.call, w.caller) for w in of if w.caller}
        self.last = max(w.said.when for w in of)
        closed = [w.said.when for w in of if w.closes]
        spoken = [w.said.when for w in of if w.spoke or w.opens]
        self.closed = max(closed, default=None)
        self.open = not closed or bool(spoken) and max(spoken) > self.closed

    @property
    def begun(self):
        """Is it we who began it?"""
        if not self.his:
            return bool(self.ours)
        if self.asked in [w.spoke[HE] for w in self.of if w.replies]:
            return True
        if not self.ours or self.ours[0] > self.asked:
            return False
        ours = sum(caller == WE for _, caller in self.calls)
        return self.ours[0] < self.asked or 2 * ours > len(self.calls)

    @property
    def heard(self):
        return bool(self.his) and not self.begun

    @property
    def answered(self):
        return min((t for t in self.ours if t >= self.asked), default=0) if self.heard else 0

    @property
    def unanswered(self):
        last = max(self.his, default=None)
        waits = last and not (self.ours and self.ours[-1] >= last[0]) \
            and (self.closed is None or last > self.closed)
        return last[0] if waits else 0

    def shown(self, now):
        titles = [(w.said.when, title_of(w.event)) for w in self.of if title_of(w.event)]
        channels = sorted({w.said.channel for w in self.of} - {""}, key=str.encode)
        return {"channels": channels, "first_time": min(w.said.time for w in self.of),
                "last_time": self.last[0], "events": len(self.of),
                "title": max(titles)[1] if titles else "",
                "open": bool(self.unanswered) or self.open and now - self.last[0] <= SILENT,
                "asked": self.asked if self.heard else 0, "answered": self.answered,
                "response_ms": (self.answered - self.asked) // 10**6 if self.answered else 0,
                "unanswered": self.unanswered}

    @property
    def order(self):
        return 0 if self.unanswered else 1 if self.open else 2, -self.last[0]


def by_conversation(said):
    found = {}
    for word in said:
        if word.conversation:
            found.setdefault(word.conversation, []).append(word)
    return {id: Conversation(of) for id, of in found.items()}


def conversations(events):
    """id -> Conversation"""
    return by_conversation(words(events))


# ------------------------------------------------------------- relationship

def percent(part, of):
    return (200 * part + of) // (2 * of) if of else 0


def outside(events, loops):
    """Feedback by which he spoke to us and that is part of no conversation."""
    inside = {id_of(said) for said in events if "feedback" in said.event
              and said.event.get("conversation")
              and said.type not in ("feedback.answered", "feedback.resolved")}
    return [loop for id, loop in loops.items() if id not in inside and loop["kind"] in SPEAKS_FOR]


def id_of(said):
    return said.event["feedback"].get("id") or said.event.get("subject") or said.event["id"]


def relationship(events, loops, promises):
    """`loops`: feedback as folded; `promises`: commitments as folded."""
    said = words(events)
    talks = list(by_conversation(said).values())
    loops = outside(events, loops)
    counts = {}
    for word in said:
        if word.counts:
            counts[word.counts] = counts.get(word.counts, 0) + 1
    ways = {way for way, _ in counts}

    def count(word):
        return sum(counts.get((way, word), 0) for way in ways)

    calls = [caller for talk in talks for _, caller in talk.calls]
    ours = sum(max(counts.get((way, "ours"), 0), counts.get((way, "delivered"), 0))
               for way in ways) + calls.count(WE)
    his = count("his") + calls.count(HE)
    states = [promise["state"] for promise in promises.values()]
    kept, broken, overdue = (states.count(s) for s in ("kept", "broken", "overdue"))
    took = [talk.answered - talk.asked for talk in talks if talk.answered]
    took += [max(0, loop["answered"] - loop["time"]) for loop in loops if loop["answered"]]
    heard = sum(talk.heard for talk in talks) + len(loops)
    waits = sum(bool(talk.unanswered) for talk in talks) + sum(
        loop["kind"] == "complaint" and loop["state"] == "heard" for loop in loops)
    classes = [next((name for name, end in WITHIN if ns <= end), "longer") for ns in took]
    return {
        "ours": ours, "his": his, "ours_percent": percent(ours, ours + his),
        "opened": count("opened"), "clicked": count("clicked"), "conversations": len(talks),
        "begun": sum(talk.begun for talk in talks),
        "replied": sum(talk.begun and bool(talk.his) for talk in talks),
        "heard": heard, "answered": len(took), "unanswered": waits,
        "promises_kept": kept, "promises_broken": broken, "promises_overdue": overdue,
        "kept_percent": percent(kept, kept + broken + overdue),
        "responses": len(took),
        "response_mean_ms": sum(ns // 10**6 for ns in took) // len(took) if took else 0,
        "response_within": {name: classes.count(name) for name in classes}}
