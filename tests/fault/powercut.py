"""The power goes at any moment under load; and two brokers that cheat are caught at it."""

import os
import pathlib
import random
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from faults import BUILD, DIED, FaultCase, Ledger, points, small

CAUGHT_AFTER = 200      # rounds, at most
ROUNDS_ON_ONE = 10      # then on new data


class PowerCut(FaultCase):

    def setUp(self):
        super().setUp()
        seed = int(os.environ.get("TOUCHLINE_SEED", time.time_ns() % 1_000_000))
        random.seed(seed)
        print(f"           seed {seed}")

    def cut(self, broker, ledger):
        """One start, some load, and darkness."""
        broker.words = random.choice(("forget", f"some={random.randrange(1 << 32)}"))
        self.assertTrue(broker.up(), broker.log()[-2000:])
        first, size = len(ledger.sent), random.choice((1, 20, 100))
        load = threading.Thread(target=ledger.publish, args=(
            broker, (small(n) for n in range(first, first + 2000)), size, 4))
        load.start()
        time.sleep(random.uniform(0.01, 0.3))
        broker.process.send_signal(signal.SIGUSR2)
        load.join()
        self.assertEqual(broker.process.wait(), DIED, broker.log()[-2000:])

    def test_power_lost_under_load_nothing_acknowledged_is_lost(self):
        acked = 0
        for round in range(points(6, 500)):
            if round % ROUNDS_ON_ONE == 0:
                broker, ledger = self.faulty(f"data-{round}"), Ledger()
            already = len(ledger.acked)
            self.cut(broker, ledger)
            acked += len(ledger.acked) - already
            self.keeps_its_promises(broker, ledger, f"round {round}, {broker.words}")
            if round % ROUNDS_ON_ONE == ROUNDS_ON_ONE - 1:
                self.discard(broker)
            self.row = ("power cut under load", round + 1)
        print(f"           {acked} acknowledged")

    def caught(self, program):
        """The round in which something that was acknowledged was lost."""
        for round in range(1, CAUGHT_AFTER + 1):
            broker, ledger = self.faulty(), Ledger()
            broker.program = program
            self.cut(broker, ledger)
            broker.program, broker.words = BUILD / "touchlined", None
            # Pages that came in any order are damage: a start that refuses them is a catch too.
            stored = self.stored(broker, program.name) if broker.up() else {}
            lost = [id for id, n in ledger.acked.items() if stored.get(id) != n]
            self.discard(broker)
            if lost:
                self.row = (f"power cut, {program.name}: caught in round", round)
                print(f"           caught in round {round}: {len(lost)} of "
                      f"{len(ledger.acked)} acknowledged events lost")
                return
        self.fail(f"{program.name} was not caught")

    def test_a_broker_without_its_sync_is_caught(self):
        self.caught(BUILD / "tests/fault/touchlined-unsynced")

    def test_a_broker_that_acknowledges_before_the_sync_is_caught(self):
        self.caught(BUILD / "tests/fault/touchlined-hasty")
