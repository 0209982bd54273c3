"""One offer, mailed, opened, seen, declined and redeemed: four channels tell of one customer."""

import json
import random
import socket
import threading

from harness import Case, until

MESSAGES = 7                # that tell one story
STORIES = 6                 # told in disorder

TYPES = [("email.sent", "email"), ("email.opened", "email"), ("offer.presented", "web"),
         ("customer.identified", "web"), ("offer.presented", "call"),
         ("offer.declined", "call"), ("sale.completed", "pos")]

# Outcome, how often, first, last, and where that was.
STEPS = [("made", 1, "", "2024-03-01T08:00:00Z", "email"),
         ("presented", 3, "2024-03-01T09:00:00Z", "2024-03-01T14:00:00Z", "call"),
         ("declined", 1, "", "2024-03-01T14:01:00Z", "call"),
         ("redeemed", 1, "", "2024-03-02T11:00:00Z", "pos")]


class Joe:
    """A customer, and how each system tells of him.  The bodies are constructed: each follows
    what the vendor's page named with it says."""

    def __init__(self, n):
        self.n = n
        self.card = f"42{n:02}"
        self.email = f"joe{n}@example.com"
        self.phone = f"+120255501{n:02}"
        self.names = [f"email:{self.email}", f"loyalty:{self.card}", f"user:joe-{n}",
                      f"cookie:anonymous-{n}"]

    def mail(self):
        """The mailing as it left the mail system: RFC 5322, RFC 8058, RFC 2369."""
        token = f"SPRING10.{self.card}.8c5dfbd3d1"
        return f"""\
Return-Path: <bounce+{token}@news.shop.example.com>
From: Touchline Shop <offers@news.shop.example.com>
To: {self.email}
Subject: 10% off everything
Date: Fri, 01 Mar 2024 08:00:00 +0000
Message-ID: <joe.{self.n}@news.shop.example.com>
List-Unsubscribe: <https://news.shop.example.com/u/{token}>
X-Campaign-ID: SPRING10
X-Offer-ID: ten-off
X-Offer-Terms: 10% off everything until Easter

Show this at any till.
"""

    def opened(self):
        """SendGrid, "Event Webhook Reference": an open, with the mailing's unique arguments."""
        return json.dumps([{
            "email": self.email, "timestamp": 1709283600, "event": "open",
            "sg_event_id": f"open-{self.n}", "sg_message_id": f"joe{self.n}.filter0001.1.1.0",
            "useragent": "Mozilla/5.0", "ip": "192.0.2.1", "sg_machine_open": False,
            "campaign_id": "SPRING10", "offer_id": "ten-off", "loyalty_id": self.card}])

    def seen(self):
        """Segment, "V2 ecommerce events": Promotion Viewed, before anybody logged in."""
        return json.dumps({"batch": [{
            "type": "track", "event": "Promotion Viewed", "anonymousId": f"anonymous-{self.n}",
            "messageId": f"seen-{self.n}", "timestamp": "2024-03-01T10:00:00Z",
            "properties": {"promotion_id": "ten-off"}}]})

    def identified(self):
        """Segment, "Spec: Identify"."""
        return json.dumps({
            "anonymousId": f"anonymous-{self.n}", "userId": f"joe-{self.n}",
            "messageId": f"login-{self.n}", "timestamp": "2024-03-01T10:05:00Z",
            "traits": {"email": self.email, "phone": self.phone}})

    def said(self, what, time):
        """Asterisk, "AMI events: UserEvent", as an agent's desk has it sent."""
        call = f"1709301600.{self.n}"
        return "".join(f"{name}: {value}\r\n" for name, value in {
            "Event": "UserEvent", "Privilege": "user,all", "Timestamp": f"{time}.000000",
            "Channel": f"PJSIP/101-0000000{self.n}", "CallerIDNum": self.phone,
            "Uniqueid": call, "Linkedid": call, "UserEvent": what, "Agent": "Agent/101",
            "CustomerNumber": self.phone, "LoyaltyNumber": self.card, "OfferCode": "ten-off",
        }.items()).encode() + b"\r\n"

    def receipt(self):
        """ARTS POSLog as NCR's tills write it (tests/data/poslog): a card, a promotion."""
        return f"""\
<POSLog xmlns="http://www.nrf-arts.org/IXRetail/namespace/"
    xmlns:acs="http://www.ncr.com/rsd/acs/tlog/markup/poslog/2.1"><Transaction>
  <RetailStoreID>9</RetailStoreID><WorkstationID>2</WorkstationID>
  <SequenceNumber>30{self.n}</SequenceNumber><BusinessDayDate>2024-03-02</BusinessDayDate>
  <EndDateTime>2024-03-02T11:00:00Z</EndDateTime><CurrencyCode>USD</CurrencyCode>
  <RetailTransaction>
    <LineItem><SequenceNumber>1</SequenceNumber><Sale ItemType="Stock">
      <ItemID>00201201000008</ItemID><Description>CAPELLINI</Description>
      <ExtendedAmount>8.99</ExtendedAmount><ExtendedDiscountAmount>1.00</ExtendedDiscountAmount>
      <Quantity>1</Quantity>
      <RetailPriceModifier><Amount Action="Subtract">1.00</Amount>
        <PromotionID>ten-off</PromotionID></RetailPriceModifier></Sale></LineItem>
    <LineItem><SequenceNumber>2</SequenceNumber><acs:LoyaltyMembership>
      <acs:MembershipID>{self.card}</acs:MembershipID></acs:LoyaltyMembership></LineItem>
    <LineItem><SequenceNumber>3</SequenceNumber>
      <Tender TenderType="Cash" TypeCode="Sale"><Amount>8.99</Amount></Tender></LineItem>
    <Total TotalType="TransactionGrandAmount">8.99</Total>
  </RetailTransaction></Transaction></POSLog>
"""


class Switch(threading.Thread):
    """An Asterisk manager that takes one login and says what it is given to say."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.logged_in = threading.Event()
        self.start()

    def run(self):
        self.link = self.listening.accept()[0]
        self.link.sendall(b"Asterisk Call Manager/5.0.4\r\n")
        got = b""
        while b"\n\n" not in got.replace(b"\r", b""):
            got += self.link.recv(1000)
        self.link.sendall(b"Response: Success\r\nMessage: Authentication accepted\r\n\r\n")
        self.logged_in.set()

    def close(self):
        self.link.close()
        self.listening.close()


class Story(Case):

    def setUp(self):
        super().setUp()
        self.bus = self.broker()
        self.blast = self.dir / "blast"
        self.blast.mkdir()
        self.mails = 0
        self.switch = Switch()
        self.addCleanup(self.switch.close)
        secret = self.file("secret", "geheim\n")
        self.email = self.adapter("email", self.bus, config=f"[blast]\ndirectory = {self.blast}\n")
        self.web = self.adapter("web", self.bus)
        self.call = self.adapter("call", self.bus, config=(
            f"[asterisk-ami]\nconnect = 127.0.0.1:{self.switch.port}\nusername = t\n"
            f"secret_file = {secret}\n"))
        self.pos = self.adapter("pos", self.bus)
        self.assertTrue(self.switch.logged_in.wait(15))

    def mail(self, joe):
        self.mails += 1
        self.file("being-written.eml", joe.mail()).rename(self.blast / f"{self.mails}.eml")

    def story(self, joe):
        """What each system does to tell of it, in the order it happened."""
        return [lambda: self.mail(joe),
                lambda: self.email.post("/webhooks/sendgrid", joe.opened()),
                lambda: self.web.post("/v1/batch", joe.seen()),
                lambda: self.web.post("/v1/identify", joe.identified()),
                lambda: self.switch.link.sendall(joe.said("OfferPresented", 1709301600)),
                lambda: self.switch.link.sendall(joe.said("OfferLater", 1709301660)),
                lambda: self.pos.post("/poslog", joe.receipt(), Content_Type="application/xml")]

    def tell(self, messages, stories, times):
        for message in messages:
            message()
        until(lambda: self.counts() == (MESSAGES * stories, MESSAGES * stories * (times - 1)),
              every=0.2)

    def counts(self):
        """Events of the channels, and duplicates."""
        told = [e for e in self.bus.replay() if e["source"] != "touchline"]
        return len(told), self.bus.stat()["duplicates"]

    def assert_known(self, joe):
        for customer in joe.names:
            with self.subTest(customer=customer):
                offer, = self.bus.offers(customer)
                self.assertEqual((offer["offer"], offer["campaign"], offer["state"]),
                                 ("ten-off", "SPRING10", "redeemed"))
                self.assertEqual(offer["terms"], "10% off everything until Easter")
                self.assertEqual([(o["outcome"], o["count"], o.get("first_time", ""), o["time"],
                                   o["channel"]) for o in offer["outcomes"]], STEPS)
                told = [(e["type"], e["channel"]) for e in self.bus.timeline(customer)]
                self.assertEqual(told[::-1], TYPES)

    def test_an_offer_told_of_by_four_channels_is_one_offer_of_one_customer(self):
        joe = Joe(0)
        self.tell(self.story(joe), 1, 1)
        self.assert_known(joe)

    def test_it_is_the_same_when_all_is_told_twice_and_in_any_order(self):
        joes = [Joe(n) for n in range(STORIES)]
        messages = [m for joe in joes for m in self.story(joe) * 2]
        random.Random(35).shuffle(messages)
        self.tell(messages, STORIES, 2)
        for joe in joes:
            self.assert_known(joe)
        self.assertEqual(self.bus.run("verify").code, 0)
