"""The power goes at any moment under load."""

import os
import pathlib
import random
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from faults import DIED, FaultCase, Ledger, points, small

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
