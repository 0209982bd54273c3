"""Who lives together, and what may be told of it: read from PROTOCOL.md.

Each function takes the events of one customer (fold.Said).  A household is a
label: nobody's events become anybody else's.
"""

import fold

JOINS = ("household.formed", "household.joined")
LEFT = "household.left"
WORDS = (*JOINS, LEFT, "household.role_changed", "household.visibility_set")
SHOWN_MAX = 6
OFFERS_MAX = 3


def memberships(events):
    """household -> {"role", "visibility", "since"}, of those he is a member of."""
    told = {}
    for said in events:
        if said.type in WORDS:
            told.setdefault(said.event["household"]["id"], []).append(said)
    stand = {id: standing(words) for id, words in told.items()}
    return {id: of for id, of in stand.items() if of}


def standing(words):
    """What holds after all that was said of one household; None: he is no member."""
    left = max((w.when for w in words if w.type == LEFT), default=(0, 0))
    words = [w for w in words if w.when > left]
    joins = [w for w in words if w.type in JOINS]
    if not joins:
        return None
    last = max(joins, key=lambda w: w.when)
    since = last.event["household"].get("since")
    return {"role": fold.latest(words, lambda w: w.event["household"].get("role"))[0] or "",
            "visibility": fold.latest(
                words, lambda w: w.event["household"].get("visibility"))[0] or "",
            "since": fold.ns(since) if since else last.time}


def relatives(customers, customer):
    """[(household, how he is a member, the other customer)], everybody who lives with him."""
    mine = memberships(customer.events)
    if not mine:
        return []       # most people of a real table: everybody else need not be looked at
    return [(id, as_member, other) for other in customers if other is not customer
            for id, as_member in memberships(other.events).items() if id in mine]


def shows_offers(*members):
    return all(m["visibility"] in ("offers", "all") for m in members)
