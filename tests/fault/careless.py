"""The harnesses see a broker that is broken: their own tests fail, each way it can be broken."""

import contextlib
import io
import os
import pathlib
import re
import sys
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import faults
import harness
from faults import BUILD, FaultCase, small
from harness import Broker

# Their short forms, also when the campaign is run in full.
with mock.patch.object(faults, "LONG", False):
    import bits
    import checkpoint
    import crowd
    import die
    import disk
    import kill
    import memory
    import powercut
    import torn


def under_load(broker, ledger):
    """Most of the calls write a batch to the log."""
    if broker.up():
        ledger.publish(broker, map(small, range(1600)), size=20, window=4)


class Careless(FaultCase):

    def outcome(self, way, test, points):
        """What a test of a harness comes to with that broker."""
        result, out = unittest.TestResult(), io.StringIO()
        with mock.patch.object(Broker, "program", BUILD / "tests/fault/touchlined-careless"), \
                mock.patch.dict(os.environ, TOUCHLINE_CARELESS=way, POINTS=str(points)), \
                mock.patch.object(faults, "LONG", False), contextlib.redirect_stdout(out):
            unittest.TestSuite([test]).run(result)
        return result, out.getvalue()

    def sees(self, way, test, why, points=1):
        """The test fails, and for this reason."""
        result, out = self.outcome(way, test, points)
        failed = [text for _, text in result.failures + result.errors]
        seen = [text for text in failed if re.search(why, text)]
        self.assertTrue(seen, f"{test} and {way}\n" + "\n".join(failed)[-6000:] + out[-3000:])
        said = seen[0].rstrip().splitlines()
        print("           " + next(s for s in said if re.match(r"\S+(Error|Expired)", s))[:160])
        self.row = (f"{type(test).__name__.lower()} and a broker that is {way}: seen", 1)

    # -------------------------------------------------- what was acknowledged

    LOST = r"\d+ lost of \d+|does not start"

    def test_power_cuts_show_a_log_that_is_never_synced(self):
        self.sees("unsynced", powercut.PowerCut(
            "test_power_lost_under_load_nothing_acknowledged_is_lost"), self.LOST, points=200)

    def test_power_cuts_show_an_acknowledgement_before_the_sync(self):
        self.sees("hasty", powercut.PowerCut(
            "test_power_lost_under_load_nothing_acknowledged_is_lost"), self.LOST, points=200)

    def test_kills_show_an_acknowledgement_before_the_write(self):
        self.sees("hasty", kill.Kill("test_what_was_acknowledged_survives_every_kill"),
                  r"assertEqual\(lost\[:5\], \[\]")

    def dies(self, way, script, test):
        with mock.patch.object(die, "SCRIPTS", [(script, None)]):
            self.sees(way, die.Die(test), self.LOST, points=80)

    def test_death_before_a_call_shows_an_acknowledgement_before_the_write(self):
        self.dies("hasty", under_load, "test_dead_before_the_kth_call_nothing_is_lost")

    def test_death_within_a_call_shows_a_torn_batch_taken_for_whole(self):
        self.dies("sums", under_load, "test_dead_within_the_kth_call_nothing_is_lost")

    def test_power_lost_at_a_call_shows_a_name_that_is_not_synced(self):
        self.dies("names", die.one_by_one, "test_power_lost_at_the_kth_call_nothing_is_lost")

    def test_power_lost_at_a_call_and_some_pages_written_shows_a_log_never_synced(self):
        self.dies("unsynced", die.one_by_one,
                  "test_power_lost_at_the_kth_call_and_some_pages_written_nothing_is_lost")

    def on_a_disk(self, way, test, points):
        with mock.patch.object(disk, "load", lambda: ([small(n)] for n in range(12))):
            self.sees(way, disk.Disk(test), self.LOST, points)

    def test_a_full_disk_shows_what_did_not_fit_taken_for_written(self):
        self.on_a_disk("full", "test_no_space_is_refused_read_through_and_recovered_from", 10)

    def test_a_broken_disk_shows_a_failed_sync_taken_for_done(self):
        self.on_a_disk("eio", "test_a_sync_that_fails_stops_it", 30)

    def test_a_broken_disk_shows_a_failed_write_taken_for_done(self):
        self.on_a_disk("eio", "test_a_write_that_fails_stops_it", 30)

    def test_a_broken_disk_shows_a_failed_read_taken_for_the_end_of_a_file(self):
        with mock.patch.object(disk, "load", lambda: ()):
            self.sees("eio", disk.Disk("test_a_read_that_fails_stops_it"), "stat.dead_letters", 30)

    # ---------------------------------------------------------- what is read

    def test_torn_batches_show_sums_that_nobody_looks_at(self):
        self.sees("sums", torn.Torn("test_a_flipped_byte_in_the_last_batch_drops_that_batch"),
                  r"self\.whole\(BATCHES - 1\)")

    def test_flipped_bits_show_sums_that_nobody_looks_at(self):
        self.sees("sums", bits.Bits("test_a_damaged_log_gives_no_wrong_answer"),
                  r"Lists differ: \[\d+[^]]*\] != \[\]", points=8)

    UNKNOWN = r"Tuples differ: \(False, \d+\) != \(True, \d+\)"

    def test_flipped_bits_of_the_key_show_sums_that_say_nothing(self):
        self.sees("blind", bits.Bits("test_a_damaged_key_gives_no_wrong_answer"), self.UNKNOWN,
                  points=8)

    def test_flipped_bits_of_the_runs_of_seen_show_sums_that_say_nothing(self):
        self.sees("blind", bits.Bits("test_damaged_runs_of_seen_give_no_wrong_answer"),
                  self.UNKNOWN, points=8)

    def test_flipped_bits_of_the_views_show_sums_that_say_nothing(self):
        self.sees("blind", bits.Bits("test_a_damaged_value_in_the_views_is_found_at_the_start"),
                  "is answered wrongly", points=20)

    def test_damage_anywhere_in_the_views_shows_a_file_nobody_looks_at(self):
        self.sees("trusting", bits.Bits(
            "test_damage_anywhere_in_the_views_is_found_at_the_start"),
                  r"(flip|zero|cut) views/data\.mdb at \d+", points=200)

    def test_a_checkpoint_cut_off_shows_a_profile_that_is_folded_twice(self):
        self.sees("folded", checkpoint.Checkpoint(
            "test_a_checkpoint_cut_off_in_the_middle_is_made_whole"),
                  r'"differences":\d+.*card: differs')

    # ------------------------------------------------------ what has a limit

    def test_views_show_a_broker_that_takes_more_memory_than_it_is_allowed(self):
        self.sees("greedy", memory.Memory(
            "test_views_larger_than_their_memory_stay_within_it_and_answer_right"),
            "MiB of anonymous memory")

    def test_outgrown_views_show_a_map_that_stays_as_it_was(self):
        self.sees("map", crowd.Crowd("test_views_that_outgrow_their_map_cost_no_publish"),
                  r"assertGreater\(self\.map_bytes", points=2000)

    def test_sleeping_readers_show_a_look_that_never_ends(self):
        self.sees("look", crowd.Crowd("test_a_reader_that_sleeps_does_not_make_the_views_grow"),
                  r"assertLess\(asleep, ", points=4)

    def test_who_never_reads_shows_a_broker_that_keeps_all_for_him(self):
        with mock.patch.object(crowd, "SILENT", 4):
            self.sees("endless", crowd.Crowd("test_many_who_never_read_do_not_slow_the_others"),
                      "MiB for each who never reads")

    def test_who_never_reads_shows_a_broker_that_waits_for_him(self):
        with mock.patch.object(crowd, "SILENT", 1), mock.patch.object(faults, "WAIT_S", 2), \
                mock.patch.object(harness, "END_S", 2):
            self.sees("waits", crowd.Crowd("test_many_who_never_read_do_not_slow_the_others"),
                      "no answer")

    # ------------------------------------------------------------------------

    def test_the_same_broker_unbroken_is_seen_to_be_right(self):
        for test in (powercut.PowerCut("test_power_lost_under_load_nothing_acknowledged_is_lost"),
                     torn.Torn("test_a_last_batch_whose_end_never_reached_the_disk_is_dropped")):
            result, out = self.outcome("", test, 2)
            self.assertTrue(result.testsRun == 1 and result.wasSuccessful(),
                            f"{test}: {result.failures + result.errors}\n{out[-3000:]}")
