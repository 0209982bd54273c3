#!/usr/bin/env python3
"""A Touchline client in one page: publish, ask, follow.

    protoc --python_out=. -I proto -I /usr/include proto/touchline.proto
    python3 publish.py tcp://127.0.0.1:7700
"""

import itertools
import sys
import time

import zmq

import touchline_pb2 as pb

WAIT_MS = 5000


class Client:
    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.ids = itertools.count(1)
        self.socket = None
        self.hello()

    def hello(self):
        """Begins a conversation, on a connection of its own."""
        if self.socket is not None:
            self.socket.close(0)
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.connect(self.endpoint)
        reply = self.receive(self.send(hello=pb.Hello(version=1, client="example")))
        if reply is None or reply.WhichOneof("body") != "welcome":
            sys.exit(f"no broker at {self.endpoint}, or it will not have us: {reply}")
        self.welcome = reply.welcome

    def send(self, **body):
        request = pb.Request(id=next(self.ids), **body)
        self.socket.send(request.SerializeToString())
        return request.id

    def receive(self, id=None):
        """The next reply, or the one to request `id`; None when none comes in time."""
        while self.socket.poll(WAIT_MS):
            reply = pb.Reply.FromString(self.socket.recv())
            if id is None or reply.id == id:
                return reply
        return None

    def ask(self, **body):
        """Asks until it is answered.  To ask twice is safe: an event counts once."""
        while True:
            reply = self.receive(self.send(**body))
            if reply is None or reply.refusal.code == pb.NO_SESSION:
                self.hello()
            elif reply.refusal.code in (pb.BUSY, pb.NO_SPACE):
                time.sleep(reply.refusal.retry_after_ms / 1000)
            else:
                return reply


def offer_made(id, customer):
    event = pb.Event(id=id, source="example-shop", type="offer.made", channel="email")
    event.time.GetCurrentTime()
    event.identifiers.add(type="loyalty", value=customer)
    event.offers.add(offer="spring-20", campaign="spring", terms="20 % off until Sunday")
    return event.SerializeToString()


def main(endpoint="tcp://127.0.0.1:7700"):
    client = Client(endpoint)

    # Each event has its own answer; the second batch was stored already.
    batch = pb.Publish(events=[offer_made("mail-1", "718"), b"\xff", offer_made("mail-2", "719")])
    for _ in range(2):
        ack = client.ask(publish=batch).publish
        for answer in ack.answers:
            if answer.code != pb.OK:
                print("refused", pb.Code.Name(answer.code), answer.detail)
            else:
                print("duplicate of" if answer.duplicate else "stored at",
                      f"{ack.log}-{answer.number:016x}")

    # A question, answered as of what was just acknowledged or later.
    last = f"{ack.log}-{max(a.number for a in ack.answers):016x}"
    reply = client.ask(offers=pb.OffersQuery(customer="loyalty:718", at_least=last))
    for offer in reply.offers.offers:
        print("offer", offer.offer, offer.state, "as of", reply.offers.position)

    # What was stored, from the start to the end there is now.
    client.send(stream=pb.StreamOpen(**{"from": "start"}, stream=1, credit_events=100,
                                     credit_bytes=1 << 20))
    position = None
    while (reply := client.receive()) is not None:
        if reply.WhichOneof("body") == "stream_end":
            print("read up to", reply.stream_end.position)
            break
        for event in reply.stream.events:
            print("event", event.number, pb.Event.FromString(event.event).id)
        position = reply.stream.position    # keep it with what you made of these events
        client.send(credit=pb.StreamCredit(stream=1, events=len(reply.stream.events),
                                           bytes=sum(len(e.event) for e in reply.stream.events)))
    print("go on from", position)


if __name__ == "__main__":
    main(*sys.argv[1:])
