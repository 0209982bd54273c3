"""Whose is an event?  The rules of identity, read from the design and not from the broker.

A node is a profile; a customer is a set of nodes joined by links.  How many nodes
a customer has is the broker's own business: what is compared is who is one
customer with whom.
"""

import re

# Strongest first.
TYPES = ["crm", "user", "account", "loyalty", "email", "payment",
         "phone", "social", "device", "cookie", "anonymous", "receipt"]
STRONG = {"crm", "user", "account", "loyalty", "email", "payment"}
SINGLE = {"crm", "user", "account", "loyalty"}
FOLLOWS_LOGIN = {"device", "cookie", "anonymous"}

NOBODY = {"null", "none", "undefined", "anonymous", "unknown", "guest"}


def strength(id):
    return TYPES.index(id[0]) if id[0] in TYPES else len(TYPES)


def canonical(id):
    """(type, value) as the log would spell it; None when it stands for nobody."""
    type, value = id["type"], id["value"].strip()
    if type == "email":
        value = value.lower()
    elif type == "phone" and value.startswith("+"):
        value = "+" + re.sub(r"\D", "", value)
    if value.lower() in NOBODY or not value.strip("0-"):
        return None
    return type, value


def identifiers(event):
    """An event's identifiers, strongest first, each once; of one type by their values."""
    found = {canonical(i) for i in event.get("identifiers", [])} - {None}
    return sorted(found, key=lambda id: (strength(id), id[1].encode()))


class Weak:
    """What is known of a weak identifier."""

    def __init__(self):
        self.own = None     # the node of its own, from when nobody else was known
        self.seen = {}      # node it was seen with -> when last


class Decision:
    def __init__(self, node, unverified=False):
        self.node = node
        self.unverified = unverified
        self.elsewhere = set()      # weak names on it that are somebody else's
        self.begun = False          # is it a weak identifier's own from now on?
        self.conflicts = []         # ((type, value, other value), node of the other)


class Whose:
    def __init__(self):
        self.above = []             # node -> node nearer to the one that stands for its customer
        self.names = []             # of a standing node: the customer's strong identifiers
        self.owner = {}             # strong identifier -> node
        self.weak = {}              # weak identifier -> Weak
        self.shown = set()          # pairs of nodes that an event showed to be one
        self.words = {}             # pair -> (when, one or not), the latest a person said

    # ---------------------------------------------------------------- sets

    def node(self):
        self.above.append(len(self.above))
        self.names.append(set())
        return len(self.above) - 1

    def customer(self, node):
        while self.above[node] != node:
            self.above[node] = node = self.above[self.above[node]]
        return node

    def strong_of(self, node):
        return self.names[self.customer(node)]

    def known(self, node):
        return bool(self.strong_of(node))

    def clash(self, a, b):
        """(type, value, other value) of the first single-valued type of which both sides hold
        a value, and not the same: a side of which a person says so may have several."""
        for type in TYPES:
            if type in SINGLE:
                left, right = ({v for t, v in side if t == type} for side in (a, b))
                if left and right and left != right:
                    return [(type, x, y) for x in left for y in right]
        return []

    def join(self, a, b):
        """An event showed that these are one."""
        if a != b:
            self.shown.add(frozenset((a, b)))
            self.unite(a, b)

    def unite(self, a, b):
        a, b = self.customer(a), self.customer(b)
        if a != b:
            self.above[b] = a
            self.names[a] |= self.names[b]

    def settle(self):
        """All sets anew: a word may have parted one."""
        self.above = list(range(len(self.above)))
        self.names = [set() for _ in self.above]
        for id, node in self.owner.items():
            self.names[node].add(id)
        for pair in self.shown | set(self.words):
            if self.words[pair][1] if pair in self.words else True:
                self.unite(*pair)

    def parted(self, a, b):
        """Did a person say of anybody of one side that he is nobody of the other?"""
        sides = {self.customer(a), self.customer(b)}
        return any({self.customer(node) for node in pair} == sides
                   for pair, (_, one) in self.words.items() if not one)

    # ------------------------------------------------------ what people decide

    def say(self, a, b, one, when):
        """A person's word that two identifiers are one customer, or are not.  Answers those that
        begin somebody new: (identifier, node)."""
        begun = []
        pair = frozenset(node if node is not None else self.begin(id, begun)
                         for id, node in zip((a, b), self.meant(a, b)))
        if pair not in self.words or self.words[pair][0] < when:
            self.words[pair] = when, one
            self.settle()
        return begun

    def meant(self, a, b):
        """The nodes that two names mean side by side; None: nobody yet."""
        found = [self.finds(id) for id in (a, b)]
        own = [self.weak[id].own if id in self.weak else None for id in (a, b)]
        home = [self.owner.get(id, self.weak[id].own if id in self.weak else None)
                for id in (a, b)]
        meant = list(found)
        for i, other in enumerate(home[1 - i] if found[1 - i] is None else found[1 - i]
                                  for i in (0, 1)):
            if None in (own[i], other) or own[i] == other:
                continue
            # What it once brought him, also when by now it finds him by a login.
            leads = found[i] is not None and self.customer(found[i]) == self.customer(other)
            if self.customer(own[i]) == self.customer(other) \
                    or leads and not self.known(own[i]):
                meant[i] = own[i]
        return meant

    def finds(self, id):
        """Whom an identifier finds by itself; None: nobody."""
        if id[0] in STRONG:
            return self.owner.get(id)
        weak = self.weak.get(id)
        if weak is None:
            return None
        holders = self.holders(weak)
        if holders and (id[0] in FOLLOWS_LOGIN or len(holders) == 1):
            return self.login(weak)
        if weak.own is not None and holders and self.known(weak.own):
            return None
        return weak.own

    def begin(self, id, begun):
        node = self.node()
        if id[0] in STRONG:
            self.own(id, node)
        else:
            self.weak.setdefault(id, Weak()).own = node
        begun.append((id, node))
        return node

    # -------------------------------------------------------------- deciding

    def decide(self, ids, when):
        """Whose an event with these identifiers is, and what follows from it."""
        strong = [i for i in ids if i[0] in STRONG]
        weak = [i for i in ids if i[0] not in STRONG]
        if not strong:
            return self.decide_by_weak(weak, when)
        decision = self.decide_by_strong(strong)
        for id in weak:
            self.seen_with(id, decision.node, when)
        return decision

    def decide_by_strong(self, strong):
        decision = Decision(self.home(strong))
        # What nobody has yet is his before anything is said about others.
        for id in sorted(strong[1:], key=lambda id: id in self.owner):
            self.name(id, decision)
        return decision

    def home(self, strong):
        """The node of the strongest: its own, or that of the first that fits."""
        first = strong[0]
        if first not in self.owner:
            node = next((self.owner[i] for i in strong[1:] if i in self.owner
                         and not self.clash({first}, self.strong_of(self.owner[i]))), None)
            self.own(first, self.node() if node is None else node)
        return self.owner[first]

    def own(self, id, node):
        self.owner[id] = node
        self.strong_of(node).add(id)

    def name(self, id, decision):
        """A further strong identifier of an event that is decision.node's."""
        mine = self.strong_of(decision.node)
        if id not in self.owner:
            clash = self.clash(mine, {id})
            self.own(id, self.node() if clash else decision.node)
        elif self.customer(self.owner[id]) == self.customer(decision.node):
            return
        elif self.parted(self.owner[id], decision.node):
            return
        else:
            clash = self.clash(mine, self.strong_of(self.owner[id]))
        if clash:
            decision.conflicts += [(c, self.owner[id]) for c in clash]
        else:
            self.join(decision.node, self.owner[id])

    def seen_with(self, id, node, when):
        """A weak identifier on an event of somebody who is known."""
        weak = self.weak.setdefault(id, Weak())
        # Also what was of nobody in particular: a strong name beside it settles whose that is.
        if weak.own is not None and not self.known(weak.own) \
                and not self.parted(node, weak.own):
            self.join(node, weak.own)
        weak.seen[node] = max(when, weak.seen.get(node, when))

    def holders(self, weak):
        """A node of each customer it was seen with."""
        return list({self.customer(n): n for n in weak.seen}.values())

    def login(self, weak):
        """The node it was last seen with, as of when that happened."""
        return max(weak.seen, key=weak.seen.get)

    def decide_by_weak(self, ids, when):
        found = next((f for f in map(self.find_weak, ids) if f), None)
        decision = found or Decision(self.node())
        for id in ids:
            if id in self.weak:
                if decision.node != self.weak[id].own and decision.node not in self.weak[id].seen:
                    decision.elsewhere.add(id)
                continue
            if decision.unverified:
                self.seen_with(id, decision.node, when)
            else:
                self.weak[id] = Weak()
                self.weak[id].own = decision.node
        return decision

    def find_weak(self, id):
        """Whose an event with only this is; None when it is new."""
        weak = self.weak.get(id)
        if weak is None:
            return None
        decision = Decision(self.finds(id))
        if decision.node is None:
            # Nobody's in particular: what it once brought to one of them stays his.
            decision.node = weak.own = self.node()
            decision.begun = True
        decision.unverified = self.known(decision.node)
        return decision

    # ---------------------------------------------------------------- asking

    def ask(self, id):
        """(node or None, nodes of candidates) for a canonical identifier seen before."""
        if id[0] in STRONG:
            return self.owner[id], []
        weak = self.weak[id]
        holders = self.holders(weak)
        if id[0] in FOLLOWS_LOGIN and weak.seen:
            return self.login(weak), []
        if len(holders) == 1:
            return holders[0], []
        if weak.own is not None and self.known(weak.own) and len(holders) > 1:
            return None, holders
        return weak.own, holders
