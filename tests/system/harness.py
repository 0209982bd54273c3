"""What every black-box test needs: a broker on a fresh folder and free port,
the command line, and a client that speaks the wire by itself."""

import http.client
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import zmq
from google.protobuf import json_format

import touchline_pb2 as pb

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ["TOUCHLINE_BUILD"])
DATA = ROOT / "tests/data"

# A sanitized build is slower, the promises in seconds are for a plain one.
SANITIZED = any(word in BUILD.name for word in ("address", "thread", "undefined"))
SLOW = 6 if SANITIZED else 1
WAIT_S = 15 * SLOW
END_S = 60 * SLOW

FINE, NO, CALLED_WRONGLY, REFUSED, AWAY, PARTLY = range(6)

numbers = itertools.count(1)


# ----------------------------------------------------------------- events

def event(id=None, customer="loyalty:1", type="page.viewed", time="2024-03-01T10:00:00Z",
          source="test", **more):
    """An event as JSON has it.  `customer` is TYPE:VALUE, a list of them, or None."""
    made = {"id": id or f"auto-{next(numbers)}", "source": source, "type": type}
    if time:
        made["time"] = time
    if customer:
        names = [customer] if isinstance(customer, str) else customer
        made["identifiers"] = [identifier(name) for name in names]
    made.update(more)
    return made


def identifier(name):
    type, _, value = name.partition(":")
    return {"type": type, "value": value}


def offer(outcome, offer="o1", campaign="c1", **more):
    return dict({"offer": offer, "campaign": campaign, "outcome": outcome}, **more)


def touched(outcome, time, customer="loyalty:1", channel="email", id=None, source="test", **more):
    """An event with one touch of an offer."""
    return event(id=id, customer=customer, type="offer." + outcome, time=time, channel=channel,
                 source=source, offers=[offer(outcome, **more)])


def sale(total, time="2024-03-01T10:00:00Z", currency="USD", customer="loyalty:1", **more):
    kind = "sale.completed" if total >= 0 else "sale.returned"
    return event(customer=customer, type=kind, time=time, channel="pos",
                 sale={"total_minor": str(total), "currency": currency}, **more)


def minute(n):
    """2024-03-01T00:00:00Z and n minutes."""
    return f"2024-03-{1 + n // 1440:02}T{n // 60 % 24:02}:{n % 60:02}:00Z"


def encoded(event):
    if isinstance(event, bytes):
        return event
    return json_format.ParseDict(event, pb.Event()).SerializeToString()


def lines(events):
    return "".join(json.dumps(e) + "\n" for e in events)


# ------------------------------------------------------------- processes

class Done:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def jsonl(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def __repr__(self):
        return f"exit {self.code}\n{self.out[-2000:]}\n{self.err[-2000:]}"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(what, seconds=WAIT_S, every=0.02):
    """Waits until what() is true, and returns it."""
    end = time.monotonic() + seconds
    while True:
        got = what()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"still not so after {seconds} s")
        time.sleep(every)


def run(*args, stdin=None, broker=None, timeout=60 * SLOW, env=None, cwd=None):
    """Runs `touchline ARGS` to its end."""
    command = [str(BUILD / "touchline")]
    if broker:
        command += ["--broker", broker]
    done = subprocess.run(command + [str(a) for a in args], input=stdin and as_bytes(stdin),
                          stdin=None if stdin else subprocess.DEVNULL, capture_output=True,
                          timeout=timeout, env=dict(os.environ, **(env or {})), cwd=cwd)
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def as_bytes(text):
    return text.encode() if isinstance(text, str) else text


class Broker:
    """A touchlined of one's own."""

    program = BUILD / "touchlined"

    def __init__(self, data, args=()):
        self.data = pathlib.Path(data)
        self.port = free_port()
        self.endpoint = f"tcp://127.0.0.1:{self.port}"
        self.args = list(args)
        self.env = None
        self.log_path = self.data.with_name(self.data.name + ".log")
        self.process = None

    def spawn(self):
        """Starts without waiting."""
        command = [self.program, "--data", self.data, "--listen", self.endpoint, *self.args]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=self.env)
        return self

    def start(self):
        """Starts and waits until it answers; returns the seconds that took."""
        began = time.monotonic()
        self.spawn()
        context = zmq.Context.instance()
        while not self.answers(context):
            if self.process.poll() is not None:
                raise AssertionError(f"it ended with {self.process.returncode}:\n"
                                     + self.log()[-3000:])
            if time.monotonic() - began > WAIT_S:
                raise AssertionError("it does not answer:\n" + self.log()[-3000:])
        return time.monotonic() - began

    def answers(self, context):
        with context.socket(zmq.DEALER) as probe:
            probe.linger = 0
            probe.reconnect_ivl = 5
            probe.connect(self.endpoint)
            probe.send(pb.Request(id=1, hello=pb.Hello(version=1, client="probe"))
                       .SerializeToString())
            return probe.poll(200) != 0

    def term(self):
        """SIGTERM; returns the exit code.  Who does not end is killed, which is a failure."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=END_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        code = self.term()
        assert code == 0, f"touchlined ended with {code}:\n{self.log()[-3000:]}"
        return self.start()

    def running(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    # ------------------------------------------------------ command line

    def run(self, *args, **more):
        return run(*args, broker=self.endpoint, **more)

    def ask(self, *args, code=FINE, **more):
        """Runs a verb with -o json and reads what it prints."""
        done = self.run(*args, "-o", "json", **more)
        assert done.code == code, f"touchline {args}: {done}"
        return done.json

    def publish(self, events, code=FINE):
        """Publishes; every event must have been taken.  Returns the answers."""
        done = self.run("publish", "-o", "jsonl", "-", stdin=lines(events))
        assert done.code == code, f"publish: {done}"
        return done.jsonl

    def context(self, customer="loyalty:1", *args):
        return self.ask("context", customer, *args)

    def offers(self, customer="loyalty:1"):
        return self.ask("offers", customer)["offers"]

    def timeline(self, customer="loyalty:1", *args):
        return self.ask("timeline", customer, *args)["events"]

    def replay(self, *args):
        done = self.run("replay", "-o", "jsonl", *args)
        assert done.code == FINE, done
        return done.jsonl

    def stat(self):
        return self.ask("stat")

    def wire(self, **more):
        return Wire(self.endpoint, **more)


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status}\n{self.headers}{self.body[:2000]}"


class Adapter:
    """A touchline-CHANNEL of one's own."""

    start, restart, running, log = Broker.start, Broker.restart, Broker.running, Broker.log
    term, kill = Broker.term, Broker.kill

    def __init__(self, channel, data, broker, args=()):
        self.program = f"touchline-{channel}"
        self.data = pathlib.Path(data)
        self.broker = broker
        self.port = free_port()
        self.args = list(args)
        self.log_path = self.data.with_name(self.data.name + ".log")
        self.process = None

    def spawn(self):
        command = [BUILD / self.program, "--data", self.data, "--broker", self.broker,
                   "--listen", f"127.0.0.1:{self.port}", *self.args]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        return self

    def answers(self, _context):
        try:
            return self.ask("GET", "/readyz").status == 200
        except OSError:
            time.sleep(0.02)
            return False

    def ask(self, method, path, body=None, headers=None, timeout=30 * SLOW):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body and as_bytes(body), headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def post(self, path, body, status=200, **headers):
        """Posts; the answer must have that status.  content_type becomes Content-Type."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.ask("POST", path, body, named)
        assert answer.status == status, f"POST {path}: {answer}"
        return answer

    def metrics(self):
        return {name: int(value) for name, value in
                (line.rsplit(" ", 1) for line in
                 self.ask("GET", "/metrics").body.decode().splitlines() if line[0] != "#")}

    def delivered(self):
        """Waits until the broker has everything that was taken."""
        until(lambda: self.metrics()["touchline_spool_events"] == 0)


# ------------------------------------------------------------------- wire

class Wire:
    """A client written from PROTOCOL.md, to say also what libtouchline never would."""

    def __init__(self, endpoint, hello=True, kind=zmq.DEALER, **options):
        self.socket = zmq.Context.instance().socket(kind)
        self.socket.linger = 0
        for name, value in options.items():
            self.socket.setsockopt(getattr(zmq, name), value)
        self.socket.connect(endpoint)
        self.ids = itertools.count(1)
        self.log = None
        self.welcome = self.ask(hello=pb.Hello(version=1, client="test")).welcome if hello else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close(0)

    def send(self, **body):
        id = next(self.ids)
        self.socket.send(pb.Request(id=id, **body).SerializeToString())
        return id

    def receive(self, seconds=WAIT_S):
        """The next reply; None when there is none in time."""
        if not self.socket.poll(int(seconds * 1000)):
            return None
        return pb.Reply.FromString(self.socket.recv())

    def ask(self, **body):
        """Sends a request and returns its reply; others meanwhile are dropped."""
        id = self.send(**body)
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            reply = self.receive(end - time.monotonic())
            if reply is not None and reply.id == id:
                return reply
        raise AssertionError(f"no answer to {list(body)}")

    def ask_all(self, bodies, window=200):
        """The replies to many requests, in their order, asked without waiting for each."""
        asked, told = [], {}
        for body in bodies:
            asked.append(self.send(**body))
            while len(asked) - len(told) >= window:
                self.hear(told)
        while len(told) < len(asked):
            self.hear(told)
        return [told[id] for id in asked]

    def hear(self, told):
        reply = self.receive()
        assert reply is not None, "no answer in time"
        told[reply.id] = reply

    def publish(self, events):
        """Publishes one batch and returns an answer per event."""
        reply = self.ask(publish=pb.Publish(events=[encoded(e) for e in events]))
        assert reply.WhichOneof("body") == "publish", reply
        assert len(reply.publish.answers) == len(events), reply
        self.log = reply.publish.log
        return reply.publish.answers

    def code(self, event):
        """The code with which one event is answered, as a name."""
        return pb.Code.Name(self.publish([event])[0].code)

    def position(self, number):
        return f"{self.log}-{number:016x}"

    def stream(self, id=1, credit=(1 << 32) - 1, credit_bytes=(1 << 32) - 1, **more):
        self.send(stream=pb.StreamOpen(stream=id, credit_events=credit, credit_bytes=credit_bytes,
                                       **more))

    def collect(self, count=None, seconds=WAIT_S, id=1):
        """Events of a stream, until `count` or its end."""
        got, end = [], time.monotonic() + seconds
        while time.monotonic() < end and (count is None or len(got) < count):
            reply = self.receive(max(0.0, end - time.monotonic()))
            if reply is None:
                break
            if reply.WhichOneof("body") == "stream" and reply.stream.stream == id:
                got += reply.stream.events
            if reply.WhichOneof("body") == "stream_end" and reply.stream_end.stream == id:
                self.end = reply.stream_end
                break
        return got


# ------------------------------------------------------------------ cases

class Case(unittest.TestCase):
    """Gives each test its own folder, and sees that its brokers end well."""

    maxDiff = 4000

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="touchline-test-"))
        self.brokers = []

    def broker(self, name="data", start=True, config=None, args=()):
        if config:
            path = self.dir / f"{name}.conf"
            path.write_text(config)
            args = [*args, "--config", path]
        broker = Broker(self.dir / name, args)
        self.brokers.append(broker)
        if start:
            broker.start()
        return broker

    def adapter(self, channel, broker, name=None, start=True, config=None, args=()):
        name = name or channel
        if config:
            args = [*args, "--config", self.file(f"{name}.conf", config)]
        adapter = Adapter(channel, self.dir / name, broker.endpoint, args)
        # Ends before its broker.
        self.brokers.insert(0, adapter)
        if start:
            adapter.start()
        return adapter

    def tearDown(self):
        try:
            for broker in self.brokers:
                self.end(broker)
        finally:
            self.logs = [f"{b.log_path.name}: {b.log()[-2000:]}" for b in self.brokers]
            shutil.rmtree(self.dir, ignore_errors=True)

    def run(self, result=None):
        """Shows what the brokers said when the test failed."""
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            for line in "\n".join(getattr(self, "logs", [])).splitlines():
                print("      > " + line)
        return result

    def end(self, broker):
        if broker.running():
            code = broker.term()
            self.assertEqual(code, 0, f"{broker.data.name} ended with {code}:\n"
                                      + broker.log()[-6000:])
        for word in ("Sanitizer", "runtime error:", "error must"):
            self.assertNotIn(word, broker.log())

    def file(self, name, content):
        path = self.dir / name
        path.write_bytes(as_bytes(content))
        return path


class Shared(unittest.TestCase):
    """One broker for a whole class whose tests keep to customers of their own."""

    maxDiff = 4000
    config = None

    @classmethod
    def setUpClass(cls):
        cls.case = Case()
        cls.case.setUp()
        cls.shared = cls.case.broker(config=cls.config)

    @classmethod
    def tearDownClass(cls):
        cls.case.tearDown()


class SharedWire(Shared):
    """The same, and one connection to it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.wire = cls.shared.wire()

    @classmethod
    def tearDownClass(cls):
        cls.wire.close()
        super().tearDownClass()


def settled(answer):
    """An answer without what may differ between two equal ones: now."""
    if isinstance(answer, dict):
        return {k: settled(v) for k, v in answer.items() if k != "now"}
    return answer
