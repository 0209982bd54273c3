#!/usr/bin/env python3
"""Many random histories, in slices that can each be run again by their seed.

    campaign.py --build build --histories 10000 [--seed N] [--slice 250] [--jobs N] [-k PART]

A slice is `tests/run.py system -k histories` in a process of its own with
brokers of its own.  The first slice has the seed given, by default the second
it was started in, the next one more, and so on.  Of a slice that fails the
whole output is printed, in it the smallest history that fails, and the command
that runs it again.  Ends with 1 when one failed.
"""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def run(args, seed, count):
    env = dict(os.environ, TOUCHLINE_HISTORIES=str(count), TOUCHLINE_SEED=str(seed))
    command = [sys.executable, "-B", ROOT / "tests/run.py", "--build", args.build, "system",
               "-k", args.k]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace")
    return done.returncode, done.stdout


def main():
    parser = argparse.ArgumentParser(description="Random histories, many of them.")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--histories", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--slice", type=int, default=250)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("-k", default="random_history", help="which tests, as run.py has it")
    args = parser.parse_args()

    counts = [min(args.slice, args.histories - n) for n in range(0, args.histories, args.slice)]
    began, failed, passed = time.monotonic(), 0, 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        slices = {pool.submit(run, args, args.seed + n, count): (args.seed + n, count)
                  for n, count in enumerate(counts)}
        for done in concurrent.futures.as_completed(slices):
            (seed, count), (code, out) = slices[done], done.result()
            failed += code != 0
            passed += count if code == 0 else 0
            if code != 0:
                print(f"{out}\nFAILED; again: TOUCHLINE_HISTORIES={count} TOUCHLINE_SEED={seed} "
                      f"tests/run.py --build {args.build} system -k {args.k}", flush=True)
            print(f"-- {passed} histories of {args.histories} good, {failed} slices failed, "
                  f"{time.monotonic() - began:.0f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
