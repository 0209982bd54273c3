"""How many random histories a test has, and which.

TOUCHLINE_HISTORIES of them, those of TOUCHLINE_SEED: the same each time they are
drawn, so that a slice that failed (campaign.py) can be run again.
"""

import os

from hypothesis import HealthCheck, Phase, seed, settings

from harness import SANITIZED

COUNT = int(os.environ.get("TOUCHLINE_HISTORIES", 30 if SANITIZED else 100))
SEED = int(os.environ.get("TOUCHLINE_SEED", 0))


def many(test, count=COUNT, phases=(Phase.generate, Phase.shrink)):
    """For a test with @given.  The smallest history that fails is what it prints."""
    return seed(SEED)(settings(
        max_examples=count, database=None, deadline=None, print_blob=False, phases=phases,
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False)(test))
