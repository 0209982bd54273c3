"""How cost grows: the bench's rows at several numbers of events, as a table and a picture.

    growth.py build/touchline FOLDER [EVENTS...]

Writes FOLDER/growth.md and FOLDER/growth.svg, and each run's JSON beside them.
"""

import json
import pathlib
import subprocess
import sys

EVENTS = [100_000, 1_000_000, 5_000_000, 20_000_000]

# Of these the delay is the point: p50 is shown, of all others the value.
BY_DELAY = {"ack_1_client", "context_closed_loop", "live"}

PANEL_W, PANEL_H, PAD_X, PAD_Y, COLUMNS = 210, 96, 22, 44, 4


def measure(program, events):
    done = subprocess.run([program, "bench", "--events", str(events), "-o", "json"],
                          stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def label(events):
    return f"{events / 1e6:g} M" if events >= 100_000 else f"{events:,}"


def figure(row):
    """What is compared of a row, and its unit."""
    if row["name"] in BY_DELAY:
        return row["p50"], "µs p50"
    return row["value"], row["unit"]


def text(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def short(value):
    """As text, in the room above a bar."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 10 * size or value >= size > 1e3:
            return f"{value / size:.3g} {unit}"
    return text(value)


def table(runs):
    counts = list(runs)
    lines = ["| | unit | " + " | ".join(label(n) for n in counts) + " |",
             "|---|---|" + "---:|" * len(counts)]
    for i, row in enumerate(runs[counts[0]]):
        shown = [text(figure(runs[n][i])[0]) for n in counts]
        lines.append(f"| {row['name']} | {figure(row)[1]} | " + " | ".join(shown) + " |")
    return "\n".join(lines) + "\n"


def panel(name, unit, counts, values):
    """One row as bars, from zero, with its figures above them."""
    width, top = PANEL_W / len(counts), max(values) or 1
    out = [f'<text class="name" y="-26">{name}</text>',
           f'<text class="unit" y="-13">{unit}</text>',
           f'<line x2="{PANEL_W}" y1="{PANEL_H}" y2="{PANEL_H}"/>']
    for i, (count, value) in enumerate(zip(counts, values)):
        height, middle = (PANEL_H - 12) * value / top, (i + 0.5) * width
        out += [f'<rect x="{middle - width / 4:.1f}" y="{PANEL_H - height:.1f}"'
                f' width="{width / 2:.1f}" height="{height:.1f}"/>',
                f'<text class="at" x="{middle:.1f}" y="{PANEL_H - height - 3:.1f}">'
                f'{short(value)}</text>',
                f'<text class="at" x="{middle:.1f}" y="{PANEL_H + 12}">{label(count)}</text>']
    return "".join(out)


def picture(runs):
    counts, panels = list(runs), []
    rows = len(runs[counts[0]])
    for i in range(rows):
        shown = [figure(runs[n][i]) for n in counts]
        x = PAD_X + i % COLUMNS * (PANEL_W + PAD_X)
        y = PAD_Y + i // COLUMNS * (PANEL_H + PAD_Y + PAD_X)
        name = runs[counts[0]][i]["name"]
        panels.append(f'<g transform="translate({x},{y})">'
                      + panel(name, shown[0][1], counts, [value for value, _ in shown]) + "</g>")
    width = PAD_X + COLUMNS * (PANEL_W + PAD_X)
    height = -(-rows // COLUMNS) * (PANEL_H + PAD_Y + PAD_X) + PAD_X
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            f' width="{width}" height="{height}">'
            "<style>text{font:10px sans-serif;fill:#333}.name{font-weight:bold;font-size:12px}"
            ".unit{fill:#777}.at{text-anchor:middle}rect{fill:#3b6ea5}line{stroke:#999}</style>"
            f'<rect width="{width}" height="{height}" style="fill:#fff"/>'
            + "\n".join(panels) + "</svg>\n")


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    runs = {}
    for events in [int(n) for n in sys.argv[3:]] or EVENTS:
        print(f"{label(events)} events ...", file=sys.stderr, flush=True)
        runs[events] = measure(program, events)
        (folder / f"{events}.json").write_text(json.dumps(runs[events], indent=1) + "\n")
    (folder / "growth.md").write_text(table(runs))
    (folder / "growth.svg").write_text(picture(runs))
    print(table(runs), end="")
    print(f"{folder / 'growth.svg'}")


if __name__ == "__main__":
    main()
