"""What is derived can be proved, thrown away, and made anew."""

import importlib
import shutil
import threading

from harness import CALLED_WRONGLY, Case, FINE, NO, event, run, touched, minute

stop_and_go = importlib.import_module("11_stop_and_go")

MARK = "terms-to-be-flipped"


def flip(path, text):
    """Flips one bit in every place where the file holds the text."""
    bytes = bytearray(path.read_bytes())
    found, at = 0, bytes.find(text.encode())
    while at >= 0:
        bytes[at + 3] ^= 1
        found, at = found + 1, bytes.find(text.encode(), at + 1)
    path.write_bytes(bytes)
    return found


class VerifyAndRebuild(Case):

    def filled(self, **more):
        broker = self.broker(**more)
        stop_and_go.publish(broker, stop_and_go.story(20, 20))
        broker.publish([touched("made", minute(1), offer="marked", terms=MARK)])
        return broker

    def views(self, broker):
        """The file LMDB keeps them in."""
        path, = broker.data.rglob("data.mdb")
        return path

    def test_a_sound_bus_verifies_running_and_offline(self):
        broker = self.filled()
        answer = broker.ask("verify")
        self.assertEqual((answer["ok"], answer["differences"]), (True, 0))
        self.assertEqual(answer["events"], broker.stat()["events"])
        self.assertGreater(answer["records"], 20)
        broker.term()
        offline = run("verify", "--data", broker.data, "-o", "json")
        self.assertEqual((offline.code, offline.json["ok"]), (FINE, True), offline)
        self.assertEqual(offline.json["events"], answer["events"])

    def test_one_flipped_byte_in_a_view_turns_it_red_and_a_rebuild_green(self):
        broker = self.filled()
        before = stop_and_go.answers(broker)
        broker.term()
        broker.start()
        self.assertGreater(flip(self.views(broker), MARK), 0)
        online = broker.run("verify", "-o", "json")
        self.assertEqual((online.code, online.json["ok"]), (NO, False), online)
        broker.term()

        offline = run("verify", "--data", broker.data, "-o", "json")
        self.assertEqual((offline.code, offline.json["ok"]), (NO, False), offline)
        self.assertGreater(offline.json["differences"], 0)
        self.assertIn("data.mdb is damaged (offset ", offline.json["examples"][0])
        with self.assertRaises(AssertionError):
            broker.start()
        self.assertIn("make the views anew with `touchline rebuild`", broker.log())

        self.assertEqual(run("rebuild", "--data", broker.data).code, FINE)
        self.assertEqual(run("verify", "--data", broker.data).code, FINE)
        broker.start()
        self.assertEqual(stop_and_go.answers(broker), before)

    def test_a_rebuild_gives_the_same_answers(self):
        broker = self.filled(config=stop_and_go.BUSY)
        before, stat = stop_and_go.answers(broker), broker.stat()
        broker.term()
        done = run("rebuild", "--data", broker.data)
        self.assertEqual(done.code, FINE, done)
        broker.start()
        self.assertEqual(stop_and_go.answers(broker), before)
        for name in ("events", "customers", "profiles", "position", "events_by_channel",
                     "events_by_type", "sources", "campaigns"):
            self.assertEqual(broker.stat()[name], stat[name], name)
        self.assertTrue(broker.ask("verify")["ok"])
        with broker.wire() as wire:
            again, = wire.publish([touched("made", minute(1), offer="marked", terms=MARK,
                                           id=broker.replay("--from", "last:1")[0]["id"])])
            self.assertTrue(again.duplicate)

    def test_views_thrown_away_come_back_by_themselves(self):
        broker = self.filled()
        before = stop_and_go.answers(broker)
        broker.term()
        shutil.rmtree(self.views(broker).parent)
        broker.start()
        self.assertEqual(stop_and_go.answers(broker), before)
        self.assertTrue(broker.ask("verify")["ok"])

    def test_offline_verbs_keep_away_from_a_running_brokers_data(self):
        broker = self.filled()
        for verb in ("verify", "rebuild"):
            with self.subTest(verb=verb):
                done = run(verb, "--data", broker.data)
                self.assertNotEqual(done.code, FINE)
                self.assertIn(str(broker.data), done.err)
        broker.publish([event()])

    def test_a_directory_without_a_log_is_not_verified_and_stays_as_it_is(self):
        strange = self.dir / "photographs"
        strange.mkdir()
        for verb in ("verify", "rebuild"):
            with self.subTest(verb=verb):
                done = run(verb, "--data", strange)
                self.assertEqual(done.code, CALLED_WRONGLY, done)
                self.assertIn("there is no log in it", done.err)
                self.assertEqual(list(strange.iterdir()), [])

    def test_damage_in_the_log_is_named_by_file_and_offset(self):
        broker = self.filled()
        broker.term()
        first, *_ = sorted(broker.data.rglob("*.log"))
        self.assertGreater(flip(first, "o3"), 0, sorted(broker.data.rglob("*")))
        done = run("verify", "--data", broker.data)
        self.assertNotEqual(done.code, FINE)
        self.assertIn(first.name, done.out + done.err)

    def test_serving_goes_on_while_it_verifies(self):
        broker = self.filled()
        done = []
        thread = threading.Thread(target=lambda: done.append(broker.run("verify")))
        thread.start()
        with broker.wire() as wire:
            while thread.is_alive():
                self.assertEqual(wire.code(event()), "OK")
        thread.join()
        self.assertEqual(done[0].code, FINE, done[0])
