# SPDX-License-Identifier: GPL-2.0-or-later
"""Series of durations as figures, as a table and as a picture: one row for each series, one dot for each move."""
import math
import statistics
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, TOP, ROW = 920, 320, 110, 56, 30
STYLE = """
  svg { font: 13px sans-serif; } text { fill: #1a1a1a; } .small { font-size: 11px; } .paper { fill: #ffffff; }
  .grid { stroke: #d8d8d8; } .ours { fill: #2563a8; fill-opacity: 0.45; } .plain { fill: #c0392b; fill-opacity: 0.45; }
  .median { stroke: #1a1a1a; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6e6e6; } .paper { fill: #16181c; } .grid { stroke: #3a3d44; } .median { stroke: #e6e6e6; }
    .ours { fill: #6fb1f2; } .plain { fill: #ff7b6b; } }
"""


def percentile(values, share):
    """Nearest rank: of 50 values the 99th percentile is the greatest."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def summary(values):
    return {"n": len(values), "median_ms": round(statistics.median(values), 2),
            "p99_ms": round(percentile(values, 0.99), 2), "min_ms": round(min(values), 2), "max_ms": round(max(values), 2)}


def table(found):
    """Markdown."""
    out = ["| what | with | n | round trip | median | p99 | longest | lost per move |",
           "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for s in found:
        lost = f"{s['lost'] / s['n']:.1f}" if any("lost" in m for m in s["moves"]) else ""
        out.append(f"| {s['name']} | {s['who']} | {s['n']} | {s['rtt_ms']:.2f} ms | {s['median_ms']:.1f} ms | "
                   f"{s['p99_ms']:.1f} ms | {s['max_ms']:.1f} ms | {lost} |")
    return "\n".join(out) + "\n"


def picture(rows, title):
    """rows: (label, "ours" or "plain", values in ms). Returns the SVG's text. Logarithmic; what is less than a
    millisecond is drawn at one, the pace of the probe."""
    height = TOP + ROW * len(rows) + 44
    decades = max(1, math.ceil(math.log10(max(1.1, max(max(v) for _, _, v in rows)))))
    span = WIDTH - LEFT - RIGHT

    def x(ms):
        return LEFT + span * math.log10(max(ms, 1.0)) / decades

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
           f"<style>{STYLE}</style>", f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
           f'<text x="14" y="24" font-weight="bold">{escape(title)}</text>']
    bottom = TOP + ROW * len(rows)
    for step in range(decades * 3 + 1):
        ms = (1, 2, 5)[step % 3] * 10 ** (step // 3)
        if x(ms) <= WIDTH - RIGHT + 1:
            label = f"{ms} ms" if ms > 1 else "≤ 1 ms"
            out.append(f'<line class="grid" x1="{x(ms):.1f}" x2="{x(ms):.1f}" y1="{TOP - 8}" y2="{bottom}"/>'
                       f'<text class="small" x="{x(ms):.1f}" y="{bottom + 18}" text-anchor="middle">{label}</text>')
    for i, (label, who, values) in enumerate(rows):
        y = TOP + ROW * i + ROW / 2
        middle = statistics.median(values)
        out.append(f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(label)}</text>')
        for n, v in enumerate(values):
            # Up and down in turn, so that equal ones do not hide each other.
            out.append(f'<circle class="{who}" cx="{x(v):.1f}" cy="{y + (n % 5 - 2) * 2.5:.1f}" r="2.5"/>')
        out.append(f'<line class="median" x1="{x(middle):.1f}" x2="{x(middle):.1f}" y1="{y - 10}" y2="{y + 10}"/>'
                   f'<text class="small" x="{WIDTH - RIGHT + 12}" y="{y + 4}">median {middle:.1f} ms</text>')
    return "\n".join(out) + "\n</svg>\n"
