"""The catalogue, what an offer takes from it, and which live offers are in conflict.

`offer.defined` tells what an offer is, whichever customers it is made to: for a
campaign, or for any.  Of several definitions the latest counts, whole.
"""

FIELDS = ("title", "terms", "price", "expires", "exclusivity_group")


def definitions(said):
    """(offer, campaign) -> the touch that defines it, and when that was said."""
    found = {}
    for word in said:
        if word.type != "offer.defined":
            continue
        for nth, touch in enumerate(word.event.get("offers", [])):
            campaign = touch.get("campaign") or word.event.get("campaign", "")
            key = touch["offer"], campaign
            rank = word.time, int(word.event.get("revision", 0)), word.number, nth
            if key not in found or rank > found[key][0]:
                found[key] = rank, touch, word.time
    return found


def definition(found, offer, campaign):
    """(touch, when it was said): for its campaign, for any, or, of an offer that names no
    campaign, the latest there is."""
    of = {c: entry for (o, c), entry in found.items() if o == offer}
    if campaign in of:
        return of[campaign][1:]
    if "" in of:
        return of[""][1:]
    if of and not campaign:
        return max(of.values(), key=lambda entry: entry[0])[1:]
    return None, 0


def price(touch):
    return (int(touch.get("price_minor", 0)), touch["currency"]) if touch.get("currency") else None


def fill(said, touch):
    """`said`: what was said to the customer, field -> value; what is empty the catalogue fills."""
    filled = {}
    for name in FIELDS:
        value = price(touch) if name == "price" else touch.get(name)
        if not said[name] and value:
            filled[name] = value
    return dict(said, **filled), sorted(filled)


# ---------------------------------------------------------------- conflicts

def same_thing(a, b):
    return a["offer"] == b["offer"] or a["exclusivity_group"] != "" and (
        a["exclusivity_group"] == b["exclusivity_group"])


def on_other_terms(a, b):
    terms = a["terms"] and b["terms"] and a["terms"] != b["terms"]
    prices = a["currency"] and b["currency"] and (
        (a["price_minor"], a["currency"]) != (b["price_minor"], b["currency"]))
    return bool(terms or prices)


def check_conflicts(offers, differences):
    """`offers`: as answered, whole."""
    live = [offer for offer in offers if offer["live"]]
    for offer in offers:
        others = [o for o in live if o is not offer and same_thing(o, offer)
                  and on_other_terms(o, offer)] if offer["live"] else []
        text = offer["conflict"]
        more = f"; and {len(others) - 1} more" if len(others) > 1 else ""
        if bool(text) != bool(others) or not text.endswith(more) or others and not any(
                text.startswith(o["offer"]) for o in others):
            differences.append(f"conflict of {offer['offer']}: {text!r}, expected one of "
                               f"{[o['offer'] for o in others]}{more}")
