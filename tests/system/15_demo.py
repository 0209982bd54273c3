"""`make demo` as a newcomer's first minute: in a copy of the sources, from nothing."""

import os
import shutil
import subprocess
import time
import unittest

from harness import SANITIZED, BUILD, Case, ROOT, free_port

# Mailings by e-mail; baskets and coupons at tills; coupons taken on the web and by telephone.
TOLD = ("36741 events told email 4380 web 687 pos 32361 call 686 unplayed 0",)


class Demo(Case):

    @unittest.skipIf(SANITIZED, "the demo builds its own, plain programs")
    def test_the_demo_shows_one_households_offers_and_ends(self):
        copy = self.dir / "touchline"
        shutil.copytree(ROOT, copy, symlinks=True,
                        ignore=shutil.ignore_patterns("build*", ".git", "demo-data"))
        # What is built already is not what is tried here.
        shutil.copytree(BUILD, copy / "build", symlinks=True)
        env = dict(os.environ, CI="true", TOUCHLINE_BROKER=f"tcp://127.0.0.1:{free_port()}")
        env.pop("MAKEFLAGS", None)
        began = time.monotonic()
        done = subprocess.run(["make", "demo"], cwd=copy, env=env, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        self.assertLess(time.monotonic() - began, 120)
        for text in ("loyalty:464", "redeemed", "4380 read", "1373 read", "30988 read", *TOLD):
            self.assertIn(text, done.stdout.replace(",", ""))
        self.assertTrue((copy / "demo-data").is_dir())
        self.assertFalse((copy / "demo-data/broker.pid").exists())

        # A second time begins afresh.
        again = subprocess.run(["make", "demo"], cwd=copy, env=env, capture_output=True, text=True,
                               stdin=subprocess.DEVNULL, timeout=120)
        self.assertEqual(again.returncode, 0, again.stdout[-3000:] + again.stderr[-3000:])
        self.assertIn(*TOLD, again.stdout.replace(",", ""))
