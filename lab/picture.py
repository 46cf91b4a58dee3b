# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo's timeline as SVG: every echoed datagram, every lost one, and the moves."""
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 1200, 420, 70, 20, 70, 60
STYLE = """
  svg { font: 13px sans-serif; --ink: #1a1a1a; --paper: #ffffff; --dot: #2563a8; --bad: #c0392b; --grid: #d8d8d8; }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6e6e6; --paper: #16181c; --dot: #6fb1f2; --bad: #ff7b6b; --grid: #3a3d44; } }
  .paper { fill: var(--paper); } text { fill: var(--ink); } .small { font-size: 11px; }
  .grid { stroke: var(--grid); } .move { stroke: var(--ink); stroke-dasharray: 4 3; }
  .dot { fill: var(--dot); } .lost { stroke: var(--bad); }
"""


def timeline(samples, moves, title):
    """samples: (number, sent_ns, received_ns or 0); moves: dicts with at_ns, label and gap_ms. Returns the SVG's text."""
    start, end = samples[0][1], samples[-1][1]
    span = max(end - start, 1)
    rtts = sorted((r - s) / 1e6 for _, s, r in samples if r)
    top_ms = max(1.0, rtts[int(len(rtts) * 0.999)] * 1.3) if rtts else 1.0
    plot_w, plot_h = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(ns):
        return LEFT + plot_w * (ns - start) / span

    def y(ms):
        return TOP + plot_h * (1 - min(ms, top_ms) / top_ms)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
           f"<style>{STYLE}</style>", f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>',
           f'<text x="{LEFT}" y="22" font-weight="bold">{escape(title)}</text>']
    for i in range(5):
        ms = top_ms * i / 4
        out.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(ms):.1f}" y2="{y(ms):.1f}"/>'
                   f'<text class="small" x="{LEFT - 8}" y="{y(ms) + 4:.1f}" text-anchor="end">{ms:.2f}</text>')
    for s in range(0, int(span / 1e9) + 1, max(1, int(span / 1e9 / 12))):
        out.append(f'<text class="small" x="{x(start + s * 1e9):.1f}" y="{HEIGHT - BOTTOM + 32}" '
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
    out += [f'<line class="lost" x1="{c}" x2="{c}" y1="{base + 2}" y2="{base + 14}"/>' for c in sorted(lost)]
    out.append(f'<text class="small" x="{LEFT - 8}" y="{base + 12}" text-anchor="end">lost</text>')
    for i, m in enumerate(moves):
        at, row = x(m["at_ns"]), TOP - 30 + 14 * (i % 2)
        out.append(f'<line class="move" x1="{at:.1f}" x2="{at:.1f}" y1="{row + 4}" y2="{base}"/>'
                   f'<text class="small" x="{at + 3:.1f}" y="{row}">{escape(m["label"])}: {m["gap_ms"]:.1f} ms</text>')
    return "\n".join(out) + "\n</svg>\n"
