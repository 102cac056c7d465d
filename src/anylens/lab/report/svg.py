"""Plots drawn as SVG, in colours that follow a light or a dark page; own work, no library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

TONES = {"R": "red", "G": "green", "B": "blue", "Y": "ink"}

STYLE = """
:root{color-scheme:light dark;--paper:#fbfaf7;--card:#fff;--ink:#22252b;--soft:#6b7078;--faint:#e7e4dd;--hair:#d6d2c8;
--accent:#b4572b;--red:#c8403a;--green:#2b8a57;--blue:#3467c4;--good:#2b8a57;--bad:#c8403a;--shade:#f3f0ea}
@media (prefers-color-scheme:dark){:root{--paper:#15171b;--card:#1d2026;--ink:#e9e6df;--soft:#9aa0aa;--faint:#2b2f37;
--hair:#3a3f49;--accent:#e89466;--red:#ff7d74;--green:#5ccb92;--blue:#7fabff;--good:#5ccb92;--bad:#ff7d74;
--shade:#23262d}}
.plot text{font:13px/1 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;fill:var(--soft)}
.plot .axis{stroke:var(--hair);stroke-width:1;fill:none}.plot .grid{stroke:var(--faint);stroke-width:1}
.plot .name{fill:var(--ink)}.plot .small{font-size:11px}.plot .big{font-size:15px;font-weight:600;fill:var(--ink)}
.plot .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.plot .thin{stroke-width:1.2}.plot .faded{opacity:.28}.plot .dash{stroke-dasharray:5 5}
.plot .dot{stroke:var(--card);stroke-width:1}
.plot .bar{stroke-width:1.2;opacity:.65}.plot .band{stroke:none;opacity:.14}
.plot .red{stroke:var(--red)}.plot .green{stroke:var(--green)}.plot .blue{stroke:var(--blue)}
.plot .ink{stroke:var(--ink)}.plot .soft{stroke:var(--soft)}.plot .accent{stroke:var(--accent)}
.plot .f-red{fill:var(--red)}.plot .f-green{fill:var(--green)}.plot .f-blue{fill:var(--blue)}
.plot .f-ink{fill:var(--ink)}.plot .f-soft{fill:var(--soft)}.plot .f-accent{fill:var(--accent)}
.plot .f-none{fill:var(--card);stroke-width:1.6}.plot .f-good{fill:var(--good)}.plot .f-bad{fill:var(--bad)}
""".strip()

LEFT, RIGHT, TOP, BOTTOM = 76.0, 14.0, 34.0, 46.0


@dataclass(frozen=True, slots=True)
class Drawing:
    """SVG elements in a box of `width` x `height`; `says` is for those who cannot see it."""

    width: float
    height: float
    body: str = field(repr=False)
    title: str
    says: str

    def inline(self) -> str:
        """For a page that carries STYLE itself; as wide as its place."""
        return (
            f'<svg class="plot" viewBox="0 0 {self.width:g} {self.height:g}" role="img" '
            f'aria-label="{escape(self.says, quote=True)}">{self.body}</svg>'
        )

    def standalone(self) -> str:
        """A file of its own."""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 {self.width:g} {self.height:g}" '
            f'width="{2 * self.width:g}" height="{2 * self.height:g}"><title>{escape(self.title)}</title>'
            f'<style>{STYLE}</style><rect width="100%" height="100%" fill="var(--card)"/>{self.body}</svg>\n'
        )


def beside(drawings: Sequence[Drawing], columns: int, title: str) -> Drawing:
    """Several drawings as one."""
    wide = max(each.width for each in drawings)
    high = max(each.height for each in drawings)
    parts = [
        f'<g transform="translate({i % columns * wide:g} {i // columns * high:g})">{each.body}</g>'
        for i, each in enumerate(drawings)
    ]
    rows = -(-len(drawings) // columns)
    return Drawing(wide * columns, high * rows, "".join(parts), title, "; ".join(each.says for each in drawings))


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of numbers along one side, linear or logarithmic."""

    low: float
    high: float
    label: str = ""
    log: bool = False

    def share(self, value: float) -> float:
        """0 at `low`, 1 at `high`."""
        if self.log:
            floor = max(value, self.low * 1e-3)
            return math.log(floor / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int = 6) -> list[float]:
        """Round numbers within the range."""
        if self.log:
            first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            steps = (1.0, 2.0, 5.0) if last - first <= 3 else (1.0,)
            found = [step * 10.0**power for power in range(first, last + 1) for step in steps]
            inside = [value for value in found if self.low * 0.999 <= value <= self.high * 1.001]
            return inside[:: -(-len(inside) // (most + 3))] if inside else []
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(s * power for s in (1.0, 2.0, 2.5, 5.0, 10.0) if s * power >= rough * 0.999)
        start = math.ceil(self.low / step - 1e-9)
        return [k * step for k in range(start, math.floor(self.high / step + 1e-9) + 1)]


def fitting(values: Sequence[float], label: str, *, log: bool = False, zero: bool = False, room: float = 0.06) -> Axis:
    """An axis that holds all finite values with some room; `zero` makes it begin there."""
    good = [value for value in values if math.isfinite(value) and (value > 0.0 or not log)]
    low, high = (min(good), max(good)) if good else (0.0, 1.0)
    if log:
        grown = (max(high / low, 1.5)) ** room
        return Axis(low / grown, high * grown, label, log=True)
    if zero:
        low = min(low, 0.0)
    wide = max(high - low, 1e-9 * max(abs(high), 1.0), 1e-12)
    return Axis(low if zero and low == 0.0 else low - room * wide, high + room * wide, label)


def number(value: float) -> str:
    """A tick's label: 0.5, 20, 3k, 1M."""
    size = abs(value)
    for least, letter in ((1e6, "M"), (1e3, "k")):
        if size >= least * 0.9999:
            return f"{value / least:.4g}{letter}"
    return f"{value:.4g}".replace("-", "−")


class Plot:
    """Axes with lines and points on them, drawn in the order in which they are added."""

    width = 480.0

    def __init__(self, title: str, x: Axis, y: Axis, height: float = 340.0) -> None:
        self.title, self.x, self.y, self.height = title, x, y, height
        self._parts: list[str] = []
        self._keys: list[tuple[str, str]] = []
        self._frame()

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A place in the drawing of a place on the axes."""
        across = LEFT + self.x.share(x) * (self.width - LEFT - RIGHT)
        up = self.height - BOTTOM - self.y.share(y) * (self.height - TOP - BOTTOM)
        return across, up

    def line(self, xs: Sequence[float], ys: Sequence[float], tone: str, kind: str = "", key: str = "") -> None:
        """A line through points; what leaves the axes is cut off."""
        places = [
            "{:.1f},{:.1f}".format(*self.at(x, y)) for x, y in zip(xs, ys, strict=True) if self._inside(x, y, room=0.02)
        ]
        if len(places) > 1:
            self._parts.append(f'<polyline class="line {tone} {kind}" points="{" ".join(places)}"/>')
        if key:
            self._keys.append((tone, key))

    def points(
        self,
        xs: Sequence[float],
        ys: Sequence[float],
        tone: str,
        errors: Sequence[float] = (),
        *,
        hollow: Sequence[bool] = (),
        radius: float = 3.2,
        key: str = "",
    ) -> None:
        """Points, with bars of one standard error; hollow ones took no part."""
        for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
            if not self._inside(x, y):
                continue
            across, up = self.at(x, y)
            error = errors[i] if i < len(errors) else 0.0
            if math.isfinite(error) and error > 0.0:
                ends = [self.at(x, min(max(y + s * error, self.y.low), self.y.high))[1] for s in (-1, 1)]
                if abs(ends[0] - ends[1]) > 2.5 * radius:
                    low, high = ends
                    self._parts.append(f'<path class="bar {tone}" d="M{across:.1f} {low:.1f}V{high:.1f}"/>')
            look = f"f-none {tone}" if i < len(hollow) and hollow[i] else f"dot f-{tone}"
            self._parts.append(f'<circle class="{look}" cx="{across:.1f}" cy="{up:.1f}" r="{radius:g}"/>')
        if key:
            self._keys.append((tone, key))

    def band(self, low: float, high: float, tone: str) -> None:
        """A strip between two heights."""
        top, bottom = self.at(self.x.low, min(high, self.y.high))[1], self.at(self.x.low, max(low, self.y.low))[1]
        wide = self.width - LEFT - RIGHT
        self._parts.append(
            f'<rect class="band f-{tone}" x="{LEFT:g}" y="{top:.1f}" width="{wide:g}" height="{bottom - top:.1f}"/>'
        )

    def ribbon(self, xs: Sequence[float], ys: Sequence[float], errors: Sequence[float], tone: str) -> None:
        """A band of one error to either side of a line, within the axes."""
        known = list(zip(xs, ys, errors, strict=True))
        rim = [(x, y + error) for x, y, error in known] + [(x, y - error) for x, y, error in reversed(known)]
        held = [self.at(x, min(max(y, self.y.low), self.y.high)) for x, y in rim]
        places = " ".join(f"{across:.1f},{up:.1f}" for across, up in held)
        self._parts.append(f'<polygon class="band f-{tone}" points="{places}"/>')

    def rule(self, text: str, *, x: float | None = None, y: float | None = None) -> None:
        """A dashed line across the plot with a word at its end."""
        if x is not None and self.x.low <= x <= self.x.high:
            across = self.at(x, self.y.low)[0]
            self._parts.append(
                f'<line class="line thin dash soft" x1="{across:.1f}" x2="{across:.1f}" y1="{TOP:g}" '
                f'y2="{self.height - BOTTOM:g}"/><text class="small" x="{across - 4:.1f}" y="{TOP + 12:g}" '
                f'text-anchor="end">{escape(text)}</text>'
            )
        if y is not None and self.y.low <= y <= self.y.high:
            up = self.at(self.x.low, y)[1]
            self._parts.append(
                f'<line class="line thin dash soft" x1="{LEFT:g}" x2="{self.width - RIGHT:g}" y1="{up:.1f}" '
                f'y2="{up:.1f}"/><text class="small" x="{self.width - RIGHT - 4:g}" y="{up - 5:.1f}" '
                f'text-anchor="end">{escape(text)}</text>'
            )

    def word(
        self, x: float, y: float, text: str, *, anchor: str = "start", shift: tuple[float, float] = (6, -6)
    ) -> None:
        """A word beside a place."""
        across, up = self.at(x, y)
        self._parts.append(
            f'<text class="small name" x="{across + shift[0]:.1f}" y="{up + shift[1]:.1f}" '
            f'text-anchor="{anchor}">{escape(text)}</text>'
        )

    def drawing(self, says: str = "") -> Drawing:
        """The plot with its key."""
        return Drawing(self.width, self.height, "".join([*self._parts, self._key()]), self.title, says or self.title)

    def _inside(self, x: float, y: float, room: float = 0.001) -> bool:
        if not (math.isfinite(x) and math.isfinite(y)) or (self.x.log and x <= 0.0) or (self.y.log and y <= 0.0):
            return False
        return all(-room <= axis.share(value) <= 1.0 + room for axis, value in ((self.x, x), (self.y, y)))

    def _frame(self) -> None:
        right, floor = self.width - RIGHT, self.height - BOTTOM
        parts = [f'<text class="big" x="{LEFT:g}" y="18">{escape(self.title)}</text>']
        for value in self.x.ticks():
            across = self.at(value, self.y.low)[0]
            parts.append(
                f'<line class="grid" x1="{across:.1f}" x2="{across:.1f}" y1="{TOP:g}" y2="{floor:g}"/>'
                f'<text x="{across:.1f}" y="{floor + 17:g}" text-anchor="middle">{number(value)}</text>'
            )
        for value in self.y.ticks():
            up = self.at(self.x.low, value)[1]
            parts.append(
                f'<line class="grid" x1="{LEFT:g}" x2="{right:g}" y1="{up:.1f}" y2="{up:.1f}"/>'
                f'<text x="{LEFT - 7:g}" y="{up + 4:.1f}" text-anchor="end">{number(value)}</text>'
            )
        parts.append(f'<path class="axis" d="M{LEFT:g} {TOP:g}V{floor:g}H{right:g}"/>')
        middle = (LEFT + right) / 2.0
        parts.append(
            f'<text x="{middle:g}" y="{self.height - 10:g}" text-anchor="middle">{escape(self.x.label)}</text>'
            f'<text transform="translate(13 {(TOP + floor) / 2:g}) rotate(-90)" text-anchor="middle">'
            f"{escape(self.y.label)}</text>"
        )
        self._parts += parts

    def _key(self) -> str:
        if len(self._keys) < 2:
            return ""
        across, parts = self.width - RIGHT, []
        needed = sum(6.4 * len(text) + 24 for _, text in self._keys)
        up = 18.0 if LEFT + 8.6 * len(self.title) + needed < across else TOP + 14.0
        for tone, text in reversed(self._keys):
            across -= 6.4 * len(text) + 8
            parts.append(
                f'<circle class="f-{tone}" cx="{across - 7:.1f}" cy="{up - 4:g}" r="4"/>'
                f'<text class="small name" x="{across:.1f}" y="{up:g}">{escape(text)}</text>'
            )
            across -= 16
        return "".join(parts)


@dataclass(frozen=True, slots=True)
class Scale:
    """Colours (R, G, B of 255) for values from `low` to `high`, their unit, and the colour of lines drawn on them."""

    tones: Sequence[tuple[int, int, int]]
    low: float
    high: float
    unit: str = ""
    line: str = "#fff"

    def color(self, value: float) -> str:
        """The colour of a value, between those of the scale."""
        last = len(self.tones) - 1
        share = min(max((value - self.low) / max(self.high - self.low, 1e-12), 0.0), 1.0) * last
        at = min(int(share), last - 1)
        mixed = [round(a + (share - at) * (b - a)) for a, b in zip(self.tones[at], self.tones[at + 1], strict=True)]
        return "#{:02x}{:02x}{:02x}".format(*mixed)

    def bar(self, left: float, top: float, tall: float) -> str:
        """The colours with their numbers, an upright bar."""
        steps, span = 40, self.high - self.low
        parts = []
        for k in range(steps):
            value = self.high - (k + 0.5) / steps * span
            parts.append(
                f'<rect x="{left:g}" y="{top + k * tall / steps:.1f}" width="12" height="{tall / steps + 0.6:.1f}" '
                f'fill="{self.color(value)}"/>'
            )
        for tick in Axis(self.low, self.high).ticks(5):
            up = top + tall * (self.high - tick) / span
            parts.append(f'<text class="small" x="{left + 16:g}" y="{up + 4:.1f}">{number(tick)}{self.unit}</text>')
        return "".join(parts)


def field_map(
    title: str, values: Sequence[Sequence[float]], ratio: float, scale: Scale, levels: Sequence[float], says: str
) -> Drawing:
    """A map over the field in colours, with lines of equal height at `levels`, which follow the values smoothed.

    `values` are rows from the top; `ratio` is the picture's height over its width.
    """
    width = 480.0
    left, top, wide = 14.0, 34.0, 408.0
    high = wide * ratio
    rows, columns = len(values), len(values[0])
    cell_w, cell_h = wide / columns, high / rows
    parts = [f'<text class="big" x="{left:g}" y="18">{escape(title)}</text>']
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            parts.append(
                f'<rect x="{left + j * cell_w:.1f}" y="{top + i * cell_h:.1f}" width="{cell_w + 0.6:.1f}" '
                f'height="{cell_h + 0.6:.1f}" fill="{scale.color(value)}"/>'
            )
    soft = smoothed(values)
    for level in levels:
        parts += _contour(soft, level, (left, top), (cell_w, cell_h), scale)
    parts.append(f'<rect class="axis" x="{left:g}" y="{top:g}" width="{wide:g}" height="{high:g}"/>')
    parts.append(scale.bar(left + wide + 10, top, high))
    return Drawing(width, top + high + 14.0, "".join(parts), title, says)


def smoothed(values: Sequence[Sequence[float]]) -> list[list[float]]:
    """Rows of values, each mixed with its neighbours as 1 2 1 both ways, four times over."""
    rows = [list(row) for row in values]
    for _ in range(8):
        rows = [
            [(row[max(k - 1, 0)] + 2.0 * row[k] + row[min(k + 1, len(row) - 1)]) / 4.0 for k in range(len(row))]
            for row in rows
        ]
        rows = [list(column) for column in zip(*rows, strict=True)]
    return rows


def _contour(
    values: Sequence[Sequence[float]],
    level: float,
    corner: tuple[float, float],
    cell: tuple[float, float],
    scale: Scale,
) -> list[str]:
    """Lines of equal height through the cells' middles (marching squares), with a label where they are longest."""
    pieces = []
    for i in range(len(values) - 1):
        for j in range(len(values[0]) - 1):
            corners = [
                (j, i, values[i][j]),
                (j + 1, i, values[i][j + 1]),
                (j + 1, i + 1, values[i + 1][j + 1]),
                (j, i + 1, values[i + 1][j]),
            ]
            ends = []
            for (x0, y0, v0), (x1, y1, v1) in zip(corners, corners[1:] + corners[:1], strict=True):
                if (v0 < level) != (v1 < level):
                    share = (level - v0) / (v1 - v0)
                    ends.append((x0 + share * (x1 - x0), y0 + share * (y1 - y0)))
            pieces += [(ends[k], ends[k + 1]) for k in range(0, len(ends) - 1, 2)]
    if not pieces:
        return []

    def place(at: tuple[float, float]) -> tuple[float, float]:
        return corner[0] + (at[0] + 0.5) * cell[0], corner[1] + (at[1] + 0.5) * cell[1]

    path = "".join("M{:.1f} {:.1f}L{:.1f} {:.1f}".format(*place(a), *place(b)) for a, b in pieces)
    across, up = place(max(pieces, key=lambda piece: piece[0][0] - abs(piece[0][1] - len(values) / 2))[0])
    line = f'<path d="{path}" fill="none" stroke="{scale.line}" stroke-opacity=".75" stroke-width="1.2"/>'
    label = f'<text class="small" style="fill:{scale.line}" x="{across - 4:.1f}" y="{up + 4:.1f}" text-anchor="end">'
    return [line, f"{label}{number(level)}{scale.unit}</text>"]
