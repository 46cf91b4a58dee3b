# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo's timeline as SVG: every echoed datagram, every lost one, and the moves."""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 1200, 440, 70, 40, 90, 60
ROWS = 3  # of labels, so that neighbours do not overlap
STYLE = """
  svg { font: 13px sans-serif; } text { fill: #1a1a1a; } .small { font-size: 11px; } .paper { fill: #ffffff; }
  .grid { stroke: #d8d8d8; } .move { stroke: #1a1a1a; stroke-dasharray: 4 3; } .dot { fill: #2563a8; }
  .lost { stroke: #c0392b; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6e6e6; } .paper { fill: #16181c; } .grid { stroke: #3a3d44; } .move { stroke: #e6e6e6; }
    .dot { fill: #6fb1f2; } .lost { stroke: #ff7b6b; } }
"""


def timeline(samples, moves, title):
    """samples: (number, sent_ns, received_ns or 0); moves: dicts with at_ns, label and gap_ms. Returns the SVG's text."""
    start, end = samples[0][1], samples[-1][1]
    span = max(end - start, 1)
    rtts = [(r - s) / 1e6 for _, s, r in samples if r] or [1.0]
    # Logarithmic: an ordinary round trip takes tens of microseconds, one that waited for a move up to a second.
    low, high = math.floor(math.log10(max(min(rtts), 1e-3))), math.ceil(math.log10(max(max(rtts), 0.1)))
    plot_w, plot_h = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(ns):
        return LEFT + plot_w * (ns - start) / span

    def y(ms):
        return TOP + plot_h * (high - math.log10(max(ms, 10.0 ** low))) / (high - low)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
           f"<style>{STYLE}</style>", f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>',
           f'<text x="{LEFT}" y="22" font-weight="bold">{escape(title)}</text>']
    for power in range(low, high + 1):
        ms = 10.0 ** power
        out.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(ms):.1f}" y2="{y(ms):.1f}"/>'
                   f'<text class="small" x="{LEFT - 8}" y="{y(ms) + 4:.1f}" text-anchor="end">{ms:g}</text>')
    for s in range(0, int(span / 1e9) + 1, max(1, int(span / 1e9 / 12))):
        out.append(f'<text class="small" x="{x(start + s * 1e9):.1f}" y="{HEIGHT - BOTTOM + 36}" '
                   f'text-anchor="middle">{s} s</text>')
    out.append(f'<text class="small" x="14" y="{TOP - 8}">round trip, ms</text>')
    # One mark per pixel column and height is enough for the eye, and keeps the file small.
    seen = set()
    for _, sent, received in samples:
        if not received:
            continue
        point = (round(x(sent)), round(y((received - sent) / 1e6)))
        if point not in seen:
            seen.add(point)
            out.append(f'<circle class="dot" cx="{point[0]}" cy="{point[1]}" r="1"/>')
    lost = {round(x(sent), 1) for _, sent, received in samples if not received}
    base = HEIGHT - BOTTOM
    out += [f'<line class="lost" x1="{c}" x2="{c}" y1="{base + 8}" y2="{base + 20}"/>' for c in sorted(lost)]
    out.append(f'<text class="small" x="{LEFT - 8}" y="{base + 18}" text-anchor="end">lost</text>')
    for i, m in enumerate(moves):
        at, row = x(m["at_ns"]), TOP - 44 + 14 * (i % ROWS)
        out.append(f'<line class="move" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP - 12}" y2="{base}"/>'
                   f'<text class="small" x="{at:.1f}" y="{row}" text-anchor="middle">'
                   f'{escape(m["label"])}: {m["gap_ms"]:.1f} ms</text>')
    return "\n".join(out) + "\n</svg>\n"
