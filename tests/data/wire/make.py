#!/usr/bin/env python3
"""Makes the .bin and .json files beside it, with Google's protobuf library."""

import base64
import json
import pathlib

from google.protobuf import json_format

import touchline_pb2 as pb

HERE = pathlib.Path(__file__).parent
LOG = "68f0a1b20000"
HEAD = LOG + "-0000000000000102"

EVENTS = {
    "event-offer": {
        "id": "14c5d75ce93.dfd.64b469", "source": "sendgrid", "type": "email.link_clicked",
        "time": "2017-06-02T10:00:00Z", "recorded_time": "2017-06-02T10:00:01.250Z",
        "channel": "email", "direction": "inbound",
        "identifiers": [{"type": "email", "value": "joe@example.com"},
                        {"type": "loyalty", "value": "718"}],
        "campaign": "18", "attributes": {"ip": "192.0.2.7"},
        "offers": [{"offer": "spring-20", "campaign": "18", "outcome": "clicked",
                    "terms": "20 % off, bis Sonntag gültig – €5 min.", "price_minor": "-500",
                    "currency": "EUR", "expires": "2017-06-05T00:00:00Z"}],
        "message": {"url": "https://shop.example/spring"},
    },
    "event-sale": {
        "id": "4711", "source": "till-4", "type": "sale.returned",
        "time": "1970-01-01T00:00:00.000000001Z", "channel": "pos",
        "identifiers": [{"type": "receipt", "value": "4711"}], "revision": "18446744073709551615",
        "replayed": True,
        "sale": {"lines": [{"item": "4006381333931", "quantity": "-1", "amount_minor": "-199"},
                           {"item": "2", "coupon": "C9"}],
                 "total_minor": "-9223372036854775808", "currency": "USD",
                 "tenders": [{"type": "cash", "amount_minor": "-199"}], "lines_more": 4294967295},
    },
    "event-promise": {
        "id": "call-9/promise", "source": "desk", "type": "commitment.made", "channel": "call",
        "time": "2017-06-02T10:00:00.123456789Z",
        "identifiers": [{"type": "phone", "value": "+491701234567"}], "subject": "call-9",
        "commitments": [{"id": "p1", "text": "call back", "by": "ann",
                         "due": "2017-06-06T08:00:00Z", "state": "made"}],
        "consents": [{"purpose": "marketing", "channel": "call", "status": "denied",
                      "identifier": {"type": "phone", "value": "+491701234567"}}],
    },
    "event-empty": {},
}


def encoded(message):
    return base64.b64encode(message.SerializeToString(deterministic=True)).decode()


def bytes_of(name):
    return encoded(json_format.ParseDict(EVENTS[name], pb.Event()))


MESSAGES = {
    "request-hello": {"id": "1", "hello": {"version": 1, "client": "test"}},
    "reply-welcome": {"id": "1", "welcome": {
        "version": 1, "server": "touchlined 0.1.0", "position": HEAD, "event_bytes_max": 65536,
        "batch_bytes_max": 1048576, "batch_events_max": 10000, "publish_window": 32}},
    "request-publish": {"id": "2", "publish": {
        "events": [bytes_of("event-offer"), bytes_of("event-empty"), bytes_of("event-sale")]}},
    "reply-publish": {"id": "2", "publish": {"log": LOG, "answers": [
        {"number": "259"},
        {"code": "MISSING_ID", "detail": "id: must be given"},
        {"number": "17", "duplicate": True}]}},
    "reply-no-session": {"id": "18446744073709551615", "refusal": {
        "code": "NO_SESSION",
        "detail": "the broker does not know this session; say hello first"}},
    "reply-bundle": {"bundle": [encoded(pb.Reply(id=3, context=pb.Context(customer="loyalty:718"))),
                                encoded(pb.Reply(id=4, refusal=pb.Refusal(code=pb.NOT_FOUND)))]},
    "reply-busy": {"id": "3", "refusal": {"code": "BUSY", "retry_after_ms": 1000}},
    "request-context": {"id": "4", "context": {
        "customer": "loyalty:718", "sections": ["who", "offers"], "at_least": HEAD,
        "now": "2017-06-02T10:00:00Z", "bytes_max": 8192}},
    "reply-context": {"id": "4", "context": {
        "customer": "loyalty:718", "position": HEAD, "now": "2017-06-02T10:00:00Z",
        "who": {"identifiers": [{"type": "loyalty", "value": "718", "verified": True,
                                 "first_seen": "2017-05-01T00:00:00Z",
                                 "last_seen": "2017-06-02T10:00:00Z"}],
                "attributes": {"name": "Joe"}, "profiles": 1},
        "offers": [{"offer": "spring-20", "campaign": "18", "channel": "mail",
                    "state": "redeemed", "made": "2017-05-01T00:00:00Z",
                    "outcomes": [{"outcome": "made", "channel": "mail",
                                  "time": "2017-05-01T00:00:00Z",
                                  "first_time": "2017-05-01T00:00:00Z", "count": 1},
                                 {"outcome": "redeemed", "channel": "pos",
                                  "time": "2017-06-02T10:00:00Z",
                                  "first_time": "2017-06-02T10:00:00Z", "count": 2}]}],
        "offers_more": "40",
        "value": {"purchases": "31", "spend_minor": "48210", "currency": "USD"},
        "omitted": ["conversations", "household"]}},
    "request-may-contact": {"id": "8", "may_contact": {
        "customer": "email:joe@example.com", "channel": "email", "purpose": "marketing",
        "reserve": True, "reservation": "mail-17/718", "campaign": "18", "offer": "spring-20",
        "at_least": HEAD}},
    "reply-may-contact": {"id": "8", "may_contact": {
        "channel": "email", "purpose": "marketing", "verdict": "allow",
        "rule": "caps: marketing email = 3 in 7 d", "counted": [HEAD],
        "reservation": "mail-17/718", "reserved_until": "2017-06-02T10:15:00Z",
        "position": HEAD}},
    "reply-may-not-contact": {"id": "9", "may_contact": {
        "channel": "call", "purpose": "marketing", "verdict": "defer",
        "rule": "quiet hours: marketing call = 20:00-09:00, Europe/Zurich",
        "until": "2017-06-03T07:00:00Z", "position": HEAD}},
    "request-stat": {"id": "5", "stat": {}},
    "request-stream": {"id": "6", "stream": {
        "stream": "1", "from": "start", "filter": {"types": ["email.*"], "share": 1, "shares": 3},
        "follow": True, "credit_events": 1000, "credit_bytes": 1048576}},
    "reply-stream": {"id": "6", "stream": {"stream": "1", "log": LOG, "events": [
        {"number": "258", "received_ns": "1496397601000000000", "profile": "9",
         "event": bytes_of("event-offer")}], "position": HEAD}},
    "reply-progress": {"id": "6", "stream": {"stream": "1", "log": LOG, "position": HEAD}},
    "request-credit": {"id": "7", "credit": {"stream": "1", "events": 1, "bytes": 300}},
    "reply-stream-end": {"id": "6", "stream_end": {"stream": "1", "position": HEAD}},
}


def save(name, message):
    text = json_format.MessageToDict(message, preserving_proto_field_name=True)
    (HERE / f"{name}.bin").write_bytes(message.SerializeToString(deterministic=True))
    (HERE / f"{name}.json").write_text(
        json.dumps(text, ensure_ascii=False, separators=(",", ":")) + "\n")


def main():
    kinds = {"event": pb.Event, "request": pb.Request, "reply": pb.Reply}
    for name, fields in {**EVENTS, **MESSAGES}.items():
        save(name, json_format.ParseDict(fields, kinds[name.partition("-")[0]]()))


if __name__ == "__main__":
    main()
