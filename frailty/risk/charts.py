"""Small charts as SVG text, for a page that needs nothing else and prints in black: colour, dash and mark all tell lines apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

WIDE, HIGH = 560, 330
LEFT, RIGHT, TOP, BOTTOM = 56, 14, 12, 44
SOFT, LINE = "#4c6272", "#c3ccd3"
COLOURS = ("#003087", "#b35806", "#1b7837", "#762a83", "#8a1c0f", "#007f9e", "#6b6b00", "#444444")
DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2", "1 2", "12 4", "5 5")
Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """A line. bars: low and high of each point; plain: a thin grey line, for a reference; marks: a dot at each point."""

    name: str
    points: Sequence[Point]
    bars: Sequence[tuple[float, float]] = field(default=())
    plain: bool = False
    marks: bool = True


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from low to high."""
    if high <= low:
        return [low]
    raw = (high - low) / about
    size = 10.0**math.floor(math.log10(raw))
    step = size * next(m for m in (1, 2, 2.5, 5, 10) if m * size >= raw - 1e-12)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 10) + 0.0 for n in range(first, math.floor(high / step + 1e-9) + 1)]


def label(number: float, share: bool) -> str:
    """A number on an axis."""
    return f"{100 * number:.10g} %" if share else f"{number:.10g}".replace("-", "\N{MINUS SIGN}")


def lines(series: Sequence[Series], *, x: str, y: str, x_range: Point, y_range: Point, shares: tuple[bool, bool] = (True, True),
          names: Sequence[str] = ()) -> str:
    """Lines in one frame with a legend. names: words on the x axis for 0, 1, 2, ..."""
    rows = [one for one in series if one.name]
    legend = 20 * math.ceil(len(rows) / 2) if len(rows) > 1 else 0
    height = HIGH + legend

    def at(point: Point) -> Point:
        across, up = ((value - low) / (high - low) for value, (low, high) in zip(point, (x_range, y_range), strict=True))
        return LEFT + across * (WIDE - LEFT - RIGHT), HIGH - BOTTOM - up * (HIGH - TOP - BOTTOM)

    made = [f'<svg class="chart" viewBox="0 0 {WIDE} {height}" role="img" aria-label="{escape(f"{y} by {x}")}">']
    for tick in ticks(*y_range):
        _, down = at((x_range[0], tick))
        made.append(f'<path d="M{LEFT} {down:.1f}H{WIDE - RIGHT}" stroke="{LINE}"/>'
                    f'<text x="{LEFT - 6}" y="{down + 4:.1f}" text-anchor="end">{label(tick, shares[1])}</text>')
    marks = list(enumerate(names)) if names else [(tick, label(tick, shares[0])) for tick in ticks(*x_range)]
    for place, text in marks:
        right, _ = at((float(place), y_range[0]))
        made.append(f'<text x="{right:.1f}" y="{HIGH - BOTTOM + 16}" text-anchor="middle">{escape(text)}</text>')
    made.append(f'<path d="M{LEFT} {HIGH - BOTTOM}H{WIDE - RIGHT}" stroke="{SOFT}"/>'
                f'<text x="{(LEFT + WIDE - RIGHT) / 2:.0f}" y="{HIGH - 8}" text-anchor="middle" class="axis">{escape(x)}</text>'
                f'<text transform="translate(13 {(TOP + HIGH - BOTTOM) / 2:.0f}) rotate(-90)" text-anchor="middle" class="axis">'
                f'{escape(y)}</text>')
    inside = f"{LEFT} {TOP - 4} {WIDE - LEFT - RIGHT + 6} {HIGH - TOP - BOTTOM + 8}"      # nothing is drawn outside the frame
    made.append('<svg x="{}" y="{}" width="{}" height="{}" '.format(*inside.split()) + f'viewBox="{inside}">')
    styles, n = [], 0
    for one in series:
        colour, dash, wide = (SOFT, "3 3", 1.2) if one.plain else (COLOURS[n % 8], DASHES[n % 8], 2.2)
        n += not one.plain
        styles.append((one.name, colour, dash, wide))
        places = [at(point) for point in one.points]
        path = "M" + "L".join(f"{right:.1f} {down:.1f}" for right, down in places)
        made.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{wide}" stroke-dasharray="{dash}"/>')
        for (right, down), bar in zip(places, one.bars, strict=False):
            ends = [at((0, value))[1] for value in bar]
            made.append(f'<path d="M{right:.1f} {ends[0]:.1f}V{ends[1]:.1f}" stroke="{colour}" stroke-width="1.2"/>')
            made.append(f'<circle cx="{right:.1f}" cy="{down:.1f}" r="3.2" fill="{colour}"/>')
        if one.marks and not one.bars and not one.plain:
            made += [f'<circle cx="{right:.1f}" cy="{down:.1f}" r="2.6" fill="{colour}"/>' for right, down in places]
    made.append("</svg>")
    for n, (name, colour, dash, wide) in enumerate(style for style in styles if style[0] and len(rows) > 1):
        right, down = LEFT + (n % 2) * (WIDE - LEFT) / 2, HIGH + 12 + 20 * (n // 2)
        made.append(f'<path d="M{right:.0f} {down - 4}h26" stroke="{colour}" stroke-width="{wide}" stroke-dasharray="{dash}"/>'
                    f'<text x="{right + 32:.0f}" y="{down}">{escape(name)}</text>')
    return "".join(made) + "</svg>"


def forest(rows: Sequence[tuple[str, float, float, float]], *, x: str) -> str:
    """A point and its interval for each name."""
    low, high = min(row[2] for row in rows), max(row[3] for row in rows)
    room = max(high - low, 1e-6) * 0.06
    low, high = low - room, high + room
    first, last, height = 190, WIDE - 140, 26 * len(rows) + 44

    def at(value: float) -> float:
        return first + (value - low) / (high - low) * (last - first)

    made = [f'<svg class="chart" viewBox="0 0 {WIDE} {height}" role="img" aria-label="{escape(x)}: '
            + escape("; ".join(f"{name} {value:.3f}" for name, value, _, _ in rows)) + '">']
    for tick in ticks(low, high, 4):
        made.append(f'<path d="M{at(tick):.1f} 4V{height - 36}" stroke="{LINE}"/>'
                    f'<text x="{at(tick):.1f}" y="{height - 22}" text-anchor="middle">{label(tick, False)}</text>')
    for n, (name, value, below, above) in enumerate(rows):
        down = 18 + 26 * n
        figures = f"{value:.3f} ({below:.3f} to {above:.3f})".replace("-", "\N{MINUS SIGN}")
        made.append(f'<text x="0" y="{down + 4}">{escape(name)}</text>'
                    f'<path d="M{at(below):.1f} {down}H{at(above):.1f}" stroke="{COLOURS[0]}" stroke-width="1.6"/>'
                    f'<rect x="{at(value) - 4:.1f}" y="{down - 4}" width="8" height="8" fill="{COLOURS[0]}"/>'
                    f'<text x="{WIDE}" y="{down + 4}" text-anchor="end">{figures}</text>')
    made.append(f'<text x="{(first + last) / 2:.0f}" y="{height - 5}" text-anchor="middle" class="axis">{escape(x)}</text>')
    return "".join(made) + "</svg>"
