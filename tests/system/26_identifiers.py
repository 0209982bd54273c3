"""What an operator says of types of identifiers."""

import pathlib
import subprocess

from harness import BUILD, CALLED_WRONGLY, ROOT, Case, event

SETTINGS = """
[types]
x-member = strong, one
payment = weak
email = keeps case

[blocked]
loyalty = 9999999

[regions]
till-4 = DE
"""


class Identifiers(Case):

    def told(self, text):
        return self.broker(args=["--identifiers", self.file("identifiers.conf", text)])

    def test_own_types_can_be_strong_and_others_weak(self):
        broker = self.told(SETTINGS)
        broker.publish([event(customer="loyalty:1"), event(customer="x-member:7"),
                        event(customer=["loyalty:1", "x-member:7"])])
        self.assertEqual(broker.context("x-member:7")["who"]["profiles"], 2)
        broker.publish([event(customer=["loyalty:2", "x-member:8"]),
                        event(customer=["loyalty:1", "x-member:8"])])
        conflict, = broker.context("loyalty:2")["who"]["conflicts"]
        self.assertEqual(conflict["type"], "loyalty")
        broker.publish([event(customer=["loyalty:3", "payment:1"]),
                        event(customer=["loyalty:4", "payment:1"])])
        self.assertEqual(broker.context("loyalty:3")["who"]["profiles"], 1)
        broker.publish([event(customer="email:Joe@Example.com", id="upper"),
                        event(customer="email:joe@example.com", id="lower")])
        self.assertEqual([e["id"] for e in broker.timeline("email:Joe@example.com")], ["upper"])

    def test_a_blocked_value_is_nobody_and_a_source_has_its_region(self):
        broker = self.told(SETTINGS)
        with broker.wire() as wire:
            self.assertEqual(wire.code(event(customer="loyalty:9999999")), "BAD_IDENTIFIER")
        broker.publish([event(customer="phone:030 12345678", source="till-4", id="here"),
                        event(customer="phone:030 12345678", source="till-5", id="there")])
        self.assertEqual([e["id"] for e in broker.timeline("phone:+493012345678")], ["here"])

    def test_what_was_decided_stays_when_the_table_changes(self):
        broker = self.told(SETTINGS)
        broker.publish([event(customer=["loyalty:1", "x-member:7"], id="a")])
        broker.term()
        broker.args = []
        broker.start()
        broker.publish([event(customer=["loyalty:2", "x-member:7"], id="b")])
        self.assertEqual([e["id"] for e in broker.timeline("loyalty:1")], ["a"])
        self.assertEqual([e["id"] for e in broker.timeline("loyalty:2")], ["b"])
        self.assertTrue(broker.ask("verify")["ok"])

    def check(self, *args):
        return subprocess.run([BUILD / "touchlined", "--data", self.dir / "no", "--check", *args],
                              capture_output=True, text=True, timeout=20)

    def test_check_says_what_is_wrong_in_which_line_and_touches_nothing(self):
        done = self.check("--identifiers", self.file("good.conf", SETTINGS))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        bad = self.file("bad.conf", "[types]\nphone = mighty\n")
        done = self.check("--identifiers", bad)
        self.assertEqual(done.returncode, CALLED_WRONGLY)
        self.assertIn(f"{bad} line 2: `mighty` is none of strong", done.stderr)
        policy = self.file("policy.conf", "[caps]\nmarketing = lots\n")
        done = self.check("--policy", policy)
        self.assertEqual(done.returncode, CALLED_WRONGLY)
        self.assertIn(f"{policy} line 2:", done.stderr)
        self.assertFalse(pathlib.Path(self.dir / "no").exists())
        done = self.check("--identifiers", ROOT / "broker/identifiers.conf",
                          "--policy", ROOT / "broker/policy.conf")
        self.assertEqual(done.returncode, 0)

    def test_a_broker_does_not_start_with_a_bad_table(self):
        bad = self.file("bad.conf", "[x]\na=b\n")
        broker = self.broker(start=False, args=["--identifiers", bad])
        with self.assertRaises(AssertionError):
            broker.start()
        self.assertIn("line 2: there is no section [x]", broker.log())
