"""Views that outgrow their map, readers that sleep, and many who never read."""

import pathlib
import resource
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import zmq

import touchline_pb2 as pb
from faults import LONG, FaultCase, Ledger, anonymous, points, transactions
from harness import Wire, event, until

BUSY = """
[store]
flush_events = 500
flush_interval = 50 ms
"""
CONNECTIONS, SILENT = (1000, 50) if LONG else (200, 10)
ACTIVE = 8
ROUNDS = 4000 if LONG else 400          # questions in one measurement
FILL, FILL_BYTES = 3000, 8000           # more than pipes and sockets hold for one reader
WINDOWS = 21 if LONG else 1     # with and without in turn; the median counts
WORSE_MAX = 1.10
SILENT_MIB_MAX = 8              # of memory, for each who never reads


def told(n, customer, bytes):
    return event(id=f"told-{n}", customer=f"loyalty:{customer}", type="offer.made",
                 offers=[{"offer": f"o{n % 7}", "campaign": "c", "outcome": "made",
                          "terms": "x" * bytes}])


def seen(n):
    """Of few customers: nearly all of their views changes from checkpoint to checkpoint."""
    return event(id=f"seen-{n}", customer=f"loyalty:{n % 50 + 1}")


class Crowd(FaultCase):

    # ----------------------------------------------------------------- views

    def map_bytes(self, broker):
        """Of the longest map of the views' file."""
        maps = pathlib.Path(f"/proc/{broker.process.pid}/maps").read_text()
        spans = [line.split()[0].split("-") for line in maps.splitlines()
                 if line.endswith("/views/data.mdb")]
        return max(int(end, 16) - int(begin, 16) for begin, end in spans)

    def test_views_that_outgrow_their_map_cost_no_publish(self):
        count = points(4000, 60000)
        broker, ledger = self.faulty(config=BUSY), Ledger()
        self.assertTrue(broker.up(), broker.log())
        before = self.map_bytes(broker)
        self.assertTrue(ledger.publish(broker, (told(n, n + 1, 1000) for n in range(count)),
                                       size=200, window=4))
        self.assertEqual(len(ledger.acked), count)
        time.sleep(2)
        self.assertGreater(self.map_bytes(broker), before)
        self.row = (f"a map that grew {self.map_bytes(broker) // before} times, events", count)
        self.keeps_after_stop(broker, ledger)

    def keeps_after_stop(self, broker, ledger):
        self.assertEqual(broker.term(), 0, broker.log()[-2000:])
        self.keeps_its_promises(broker, ledger, "after it")

    def views_bytes_after(self, name, checkpoints, readers):
        """The same customers written over and over, with a checkpoint each second."""
        broker, ledger = self.faulty(name, config=BUSY), Ledger()
        self.assertTrue(broker.up(), broker.log())
        ledger.publish(broker, map(seen, range(1500)), size=100)
        wires = readers(broker)
        views = broker.data / "views/data.mdb"
        for n in range(1500, 1500 + 200 * checkpoints, 200):
            before = transactions(views)
            self.assertTrue(ledger.publish(broker, map(seen, range(n, n + 200)), size=200))
            until(lambda: transactions(views) > before)
        for wire in wires:
            wire.close()
        size = views.stat().st_size
        self.keeps_after_stop(broker, ledger)
        return size

    def sleepers(self, broker):
        """One that opens a stream and gives no credit, one that stops in the middle."""
        never, middle = broker.wire(), broker.wire()
        never.stream(credit=0, credit_bytes=0)
        middle.stream(credit=100, follow=True)
        self.assertEqual(len(middle.collect(100)), 100)
        return never, middle

    def test_a_reader_that_sleeps_does_not_make_the_views_grow(self):
        checkpoints = points(4, 60)
        alone = self.views_bytes_after("alone", checkpoints, lambda broker: ())
        asleep = self.views_bytes_after("asleep", checkpoints, self.sleepers)
        print(f"           {alone >> 10} KiB without readers, {asleep >> 10} KiB with")
        self.assertLess(asleep, alone * 1.15)
        self.row = ("readers asleep, checkpoints meanwhile", checkpoints)

    # ----------------------------------------------------------- connections

    def ask_all(self, wires, latencies):
        """A closed loop over the active clients, one question at a time."""
        for wire in wires:
            began = time.perf_counter()
            reply = wire.ask(context=pb.ContextQuery(customer="loyalty:1"))
            latencies.append(time.perf_counter() - began)
            self.assertEqual(reply.WhichOneof("body"), "context")

    def p99(self, broker, ledger, wires):
        """Of questions, while events for everybody's streams come in between."""
        latencies = []
        for _ in range(ROUNDS // ACTIVE // 10):
            n = len(ledger.sent)
            self.assertTrue(ledger.publish(broker, [told(n, n % 50 + 1, 300)]))
            for _ in range(10):
                self.ask_all(wires, latencies)
        return statistics.quantiles(latencies, n=100)[98]

    def stuck(self, broker):
        """Connections for which the broker's side has bytes that nobody takes."""
        port = f":{int(broker.endpoint.rpartition(':')[2]):04X}"
        rows = pathlib.Path(f"/proc/{broker.process.pid}/net/tcp").read_text().splitlines()[1:]
        return sum(local.endswith(port) and int(queues.partition(":")[0], 16) > 0
                   for local, _, _, queues in (row.split()[1:5] for row in rows))

    def silent(self, endpoint, context):
        """Asks and asks, and never reads what it is told."""
        socket = context.socket(zmq.DEALER)
        socket.linger = 0
        socket.rcvhwm = 1
        socket.rcvbuf = 4096
        socket.connect(endpoint)
        socket.send(pb.Request(id=1, hello=pb.Hello(version=1)).SerializeToString())
        socket.send(pb.Request(id=2, stream=pb.StreamOpen(
            stream=1, credit_events=1_000_000, credit_bytes=1 << 30,
            follow=True)).SerializeToString())
        for id in range(3, 40):
            socket.send(pb.Request(id=id, context=pb.ContextQuery(
                customer="loyalty:1")).SerializeToString())
        return socket

    def test_many_who_never_read_do_not_slow_the_others(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        broker, ledger = self.faulty(config=BUSY), Ledger()
        self.assertTrue(broker.up(), broker.log())
        ledger.publish(broker, (told(n, n % 50 + 1, 300) for n in range(3000)), size=100, window=4)
        ledger.publish(broker, (told(n, n % 50 + 1000, FILL_BYTES)
                                for n in range(3000, 3000 + FILL)), size=100, window=4)
        self.assertEqual(len(ledger.acked), 3000 + FILL)
        context = zmq.Context()
        context.max_sockets = CONNECTIONS + 100
        sockets = []
        for _ in range(CONNECTIONS - SILENT - ACTIVE):
            socket = context.socket(zmq.DEALER)
            socket.linger = 0
            socket.connect(broker.endpoint)
            socket.send(pb.Request(id=1, hello=pb.Hello(version=1)).SerializeToString())
            sockets.append(socket)
        for socket in sockets:
            self.assertTrue(socket.poll(20000))
            self.assertTrue(pb.Reply.FromString(socket.recv()).HasField("welcome"))
        active = [Wire(broker.endpoint) for _ in range(ACTIVE)]
        without, among, each = [], [], []
        for _ in range(WINDOWS):
            without.append(self.p99(broker, ledger, active))
            memory = anonymous(broker)
            silent = [self.silent(broker.endpoint, context) for _ in range(SILENT)]
            until(lambda: self.stuck(broker) >= SILENT, seconds=30)
            time.sleep(0.5)
            among.append(self.p99(broker, ledger, active))
            self.assertGreaterEqual(self.stuck(broker), SILENT)
            each.append((anonymous(broker) - memory) / SILENT / 2**20)
            for socket in silent:
                socket.close(0)
            until(lambda: self.stuck(broker) == 0, seconds=30)
        before, after = statistics.median(without), statistics.median(among)
        print(f"           p99 {before * 1e6:.0f} us, {after * 1e6:.0f} us with {SILENT} of "
              f"{CONNECTIONS} that never read, {max(each):.1f} MiB for each")
        for socket in sockets + active:
            socket.close(0) if isinstance(socket, zmq.Socket) else socket.close()
        context.term()
        self.row = (f"connections, {SILENT} of them never read", CONNECTIONS)
        self.assertLess(max(each), SILENT_MIB_MAX, "MiB for each who never reads")
        if LONG:
            self.assertLess(after, before * WORSE_MAX)
        self.keeps_after_stop(broker, ledger)
