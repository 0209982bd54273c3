"""Makes the fuzz targets' first inputs from the project's own test data.

    seeds.py BUILD FOLDER      FOLDER/<target>/...; needs BUILD/tests/python
"""

import gzip
import pathlib
import re
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DATA = ROOT / "tests/data"
MAPS = ["campaigns", "redemptions", "transactions"]
TABLES = ["campaigns", "coupon_redemptions", "transactions"]
POLY = 0x82f63b78
MARK = 0x1122334455667789
RIGHT_SUMS, FULL_LENGTH, SEALED = 1, 2, 4


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ POLY * (crc & 1)
    return crc ^ 0xffffffff


def frame(number, payload, identifiers=((1 | 32, b"loyalty", b"718"),)):
    kind, channel = b"sale.completed", b"pos"
    ids = b"".join(struct.pack("<BBH", a, len(t), len(v)) + t + v for a, t, v in identifiers)
    names = kind + channel + ids
    head = struct.pack("<IIQHHqqQHBB", crc32c(payload), len(payload), number, len(ids),
                       len(identifiers), 10**18, 10**18 + number, 7, 0, len(kind), len(channel))
    # The header's sum leaves the payload's out of what may change when it is erased: bytes 8 on.
    body = struct.pack("<I", crc32c(head + names)) + head + names + payload
    size = (4 + len(body) + 7) // 8 * 8
    return struct.pack("<I", size) + body + bytes(size - 4 - len(body))


def batch(first, frames):
    body = b"".join(frames)
    head = struct.pack("<IQI", 32 + len(body), first, len(frames))
    head += struct.pack("<I", crc32c(head))
    return struct.pack("<QI", MARK, crc32c(head + body)) + head + body


def header():
    tail = struct.pack("<QQQ", 0x68f0a1b20000, MARK, 1)
    return b"TLSEGMT\0" + struct.pack("<II", 1, crc32c(tail)) + tail


def logs(payloads):
    one = batch(1, [frame(1, payloads[0])])
    two = batch(2, [frame(2, payloads[1]), frame(3, b"", ())])
    torn = bytearray(batch(4, [frame(4, payloads[2])]))
    torn[-20] ^= 1
    for name, content in (("none", b""), ("one", one), ("two", one + two), ("cut", one + two[:100]),
                          ("torn", one + two + torn), ("hole", one + bytes(512) + two),
                          ("damaged", one + bytes(torn) + two)):
        for options in (0, FULL_LENGTH, RIGHT_SUMS | FULL_LENGTH, FULL_LENGTH | SEALED,
                        RIGHT_SUMS | SEALED):
            for more in ((0, 1, 3) if options & SEALED else (0,)):
                yield f"{name}-{options}-{more}", bytes([options, more]) + header() + content


CONF = ["[broker]\ndata = /var/lib/touchline\nlisten = tcp://127.0.0.1:7700\n",
        "[store]\nsegment_size = 256 MiB\nflush_events = 250000\n"
        "flush_interval = 5 s\nsync = yes\n",
        "; a comment\n[store]\nflush_interval=2min ; said in minutes\nflush_events = 1\n",
        "[store]\nflush_events = 99999999999999999999\n", "[store]\nsync = maybe\n",
        "[store]\nsegment_size = 9223372036854775807 GiB\n", "\ufeff[broker]\ndata: x\n  more\n",
        "[store]\nflush_interval = 1 h\nflush_interval = 1 d\n", "[nothing]\nx = 1\n", "[broker\n",
        "data\n", "[broker]\ndata = " + "x" * 300 + "\n"]


WIRE = DATA / "wire"
TWO_BODIES = [("request-hello", "request-context"), ("request-stat", "request-publish"),
              ("reply-busy", "reply-publish"), ("reply-context", "reply-stream")]

# One past each limit of a map, which nobody comes upon by chance.
MAP = "[map]\ntime_format = %Y-%m-%d\n[event]\nid = {week}\ntype = note.added\nchannel = web\n" \
      "time = {redemption_date}\n[identifiers]\nuser = {household_id}\n"
MAPS_TOO_LARGE = {
    "names": MAP + "[attributes]\n" + "".join(f"a{i} = x\n" for i in range(70)),
    "offers": MAP + 10 * "[offer]\noffer = {coupon_upc}\noutcome = made\n",
    "columns": MAP + "[attributes]\n" + "".join(
        f"a{i} = " + "".join(f"{{c{i}_{j}}}" for j in range(6)) + "\n" for i in range(50)),
    "ignored": MAP.replace("[event]", "ignore = " + ", ".join(f"c{i}" for i in range(80))
                           + "\n[event]"),
    "joins": MAP + "".join(f"[join t{i}]\nkey = week\n" for i in range(12)),
}


def events(pb):
    for path in sorted(DATA.glob("*/*.jsonl")):
        lines = path.read_text().splitlines()
        for number in (*range(min(len(lines), 8)), len(lines) - 1):
            message = json_format.Parse(lines[number], pb.Event())
            yield f"{path.parent.name}-{path.stem}-{number}", lines[number].encode(), message


def formats():
    """Those whose samples are in a folder of their name."""
    names = re.findall(r'^    \{"([^"]+)"', (ROOT / "adapters/formats.c").read_text(), re.M)
    return [name for name in names if (DATA / name).is_dir()]


def format_input(seed, name, content):
    return bytes([seed]) + name.encode() + b"\n" + content


def pieces(whole):
    """Some of the requests of a recording, or the first lines of a log."""
    if not whole.startswith((b"GET /", b"POST /")):
        return [b"".join(whole.splitlines(keepends=True)[:20])]
    requests = [r for r in re.split(rb"(?<=[\n}])(?=(?:GET|POST) /)", whole) if len(r) < 8000]
    return requests[::max(1, len(requests) // 20)]


def main():
    build, out = map(pathlib.Path, sys.argv[1:])
    sys.path.insert(0, str(build / "tests/python"))
    global json_format
    from google.protobuf import json_format
    import touchline_pb2 as pb

    def put(target, name, content):
        (out / target).mkdir(parents=True, exist_ok=True)
        (out / target / name).write_bytes(content)

    payloads = []
    for name, line, message in events(pb):
        put("event", name + ".json", line)
        put("event", name + ".bin", message.SerializeToString())
        payloads.append(message.SerializeToString())
    for first, second in TWO_BODIES:
        put("request", f"made-{first}-{second}", (WIRE / f"{first}.bin").read_bytes()
            + (WIRE / f"{second}.bin").read_bytes())
    for name, text in MAPS_TOO_LARGE.items():
        put("map", "made-too-many-" + name, text.encode())
    for path in sorted(WIRE.glob("*.*")):
        if path.suffix in (".bin", ".json"):
            put("event" if path.name.startswith("event") else "request", path.name,
                path.read_bytes())
    for name, content in logs([payloads[0], payloads[9], payloads[-1]]):
        put("log", name, content)
    for number, text in enumerate(CONF):
        put("conf", str(number), text.encode())
    for path in (ROOT / "broker/policy.conf", DATA / "policy/minutes.conf"):
        put("policy", path.stem, path.read_bytes())
    for number, (name, table) in enumerate(zip(MAPS, TABLES)):
        text = (ROOT / f"adapters/csv/maps/completejourney-{name}.map").read_bytes()
        put("map", name, text)
        for at, section in enumerate(re.split(rb"(?m)^(?=\[)", text)):
            put("map", f"{name}-{at}", section)
        rows = (DATA / f"completejourney/{table}.csv").read_bytes()
        lines = rows.splitlines(keepends=True)
        for count in (1, 2, 5, 40):
            put("csv", f"{table}-{count}", bytes([number, 3]) + b"".join(lines[:count]))
        put("csv", table + "-last", bytes([number, 9]) + lines[0] + b"".join(lines[-6:]))
    for name in formats():
        for path in sorted((DATA / name).rglob("*")):
            if path.is_file() and path.suffix not in (".gz", ".md", ".jsonl", ".tsv", ".txt"):
                put("format", f"{name}-{path.name}", format_input(5, name, path.read_bytes()))
            elif path.name.endswith("log.gz"):
                put("format", f"{name}-{path.name}",
                    format_input(5, name, gzip.decompress(path.read_bytes())[:4000]))
            elif path.suffix == ".gz" and name != "poslog":
                for number, content in enumerate(pieces(gzip.decompress(path.read_bytes()))):
                    put("format", f"{name}-{path.stem}-{number}", format_input(7, name, content))
    # One folder for the four logs of one switch; frames are text files.
    for path in sorted((DATA / "asterisk").glob("calls-*")):
        name = {"calls-ami": "asterisk-ami", "calls-queue_log": "asterisk-queue-log",
                "calls-cdr": "asterisk-cdr", "calls-cel": "asterisk-cel"}[path.stem]
        if path.suffix != ".jsonl":
            blocks = re.split(rb"(?<=\r\n\r\n)", path.read_bytes())
            content = b"".join(b for b in blocks
                               if len(blocks) < 2 or b"Queue" in b or b"User" in b)
            put("format", path.name, format_input(13, name, content[:8000]))
    for path in sorted((DATA / "freeswitch").glob("*.txt")):
        put("format", path.name, format_input(17, "freeswitch", path.read_bytes()[:8000]))
    whole = gzip.decompress((DATA / "poslog/ncr-acs-poslog.xml.gz").read_bytes())
    start = whole.index(b"<Transaction")
    parts = re.findall(rb"<Transaction[ >].*?</Transaction>", whole, re.S)
    for number in range(0, len(parts), max(1, len(parts) // 60)):
        if len(parts[number]) < 20000:
            put("format", f"poslog-ncr-{number}", format_input(
                11, "poslog", whole[:start] + parts[number] + b"</POSLog>"))


if __name__ == "__main__":
    main()
