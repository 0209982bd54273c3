"""Bank Marketing's table as events.

A row is a client and the last call a campaign made to him: the deposit was offered,
and taken or not.  Of an earlier campaign it says when and what came of it.  The table
names no client and no year, so a client is the number of his row, and since rows are
in the order of the calls, a year is over when a month is earlier than the one before.
"""

import csv
import datetime
import gzip

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
ANSWER = {"yes": "accepted", "no": "declined", "success": "accepted", "failure": "declined"}
NEVER = "999"


def events(path, rows=None):
    with gzip.open(path, "rt", newline="") as table:
        year, month = 2008, 0
        for n, row in enumerate(csv.DictReader(table, delimiter=";"), 1):
            if rows is not None and n > rows:
                return
            now = MONTHS.index(row["month"]) + 1
            year, month = year + (now < month), now
            yield from of_row(n, row, datetime.datetime(year, month, 1 + n % 28, 9 + n % 9, n % 60))


def of_row(n, row, when):
    yield call(n, "call", when, row, [
        {"offer": "deposit", "campaign": "now", "outcome": "made"}])
    # What he says names the offer only: which one he means is for the bus to find.
    yield call(n, "answer", when + datetime.timedelta(seconds=int(row["duration"])), row, [
        {"offer": "deposit", "outcome": ANSWER[row["y"]]}])
    if row["poutcome"] in ANSWER and row["pdays"] != NEVER:
        before = when - datetime.timedelta(days=int(row["pdays"]))
        yield call(n, "before", before, row, [
            {"offer": "deposit", "campaign": "before", "outcome": "made"}])
        yield call(n, "before-answer", before + datetime.timedelta(minutes=5), row, [
            {"offer": "deposit", "outcome": ANSWER[row["poutcome"]]}])


def call(n, what, when, row, offers):
    return {"id": f"{n}-{what}", "source": "bank-marketing", "type": "call.ended",
            "channel": "call", "direction": "outbound", "time": f"{when:%Y-%m-%dT%H:%M:%SZ}",
            "identifiers": [{"type": "crm", "value": str(n)}], "offers": offers,
            "call": {"id": f"{n}-{what}"},
            "attributes": {"contact": row["contact"], "campaign_calls": row["campaign"],
                           "job": row["job"]}}
