"""The plots of each measure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anylens import color
from anylens.lab.color import ColorMeasure, Patch
from anylens.lab.geometry import Distortion, LateralColor
from anylens.lab.noise import NoiseMeasure, Transfer
from anylens.lab.report.svg import TONES, Axis, Drawing, Plot, Scale, beside, field_map, fitting, number
from anylens.lab.shading import ShadingMeasure
from anylens.lab.sharpness import Sharpness, StarSharpness
from anylens.lab.texture import TextureSharpness
from anylens.lab.through_focus import Tilt

Floats = npt.NDArray[np.float64]

DUSK = ((20, 16, 42), (62, 33, 92), (124, 48, 106), (190, 74, 92), (235, 124, 72), (250, 186, 98), (252, 240, 190))
"""From dark to bright."""

COOL_WARM = (
    (38, 84, 160),
    (110, 152, 206),
    (190, 208, 228),
    (240, 238, 234),
    (236, 200, 178),
    (214, 128, 92),
    (164, 52, 36),
)
"""From blue over grey to red."""


def transfer_plot(measure: NoiseMeasure) -> Drawing:
    """Photon transfer: variance against signal, both logarithmic, measured and as fitted."""
    shown = [(t, p) for t in measure.transfers for p in t.points if p.mean_dn > 0.3]
    plot = Plot(
        "Photon transfer",
        fitting([p.mean_dn for _, p in shown], "signal over black, counts", log=True),
        fitting(
            [p.temporal_dn2.value for _, p in shown]
            + [p.fixed_dn2.value for _, p in shown if p.fixed_dn2 is not None and p.fixed_dn2.value > 0.02],
            "variance, counts²",
            log=True,
        ),
    )
    for t in measure.transfers:
        tone = TONES[t.letter]
        xs = _steps(plot.x)
        start = t.read_noise_dn.value**2 + 1.0 / 12.0
        plot.line(xs, [start + t.gain_dn_per_e.value * x for x in xs], tone, "thin")
        if t.prnu_percent is not None and t.dsnu_e is not None and math.isfinite(t.dsnu_e.value):
            floor = (t.dsnu_e.value * t.gain_dn_per_e.value) ** 2
            plot.line(xs, [floor + (t.prnu_percent.value * x / 100.0) ** 2 for x in xs], tone, "thin dash")
        fixed = [p for p in t.points if p.fixed_dn2 is not None and p.fixed_dn2.value > 0.0 and p.mean_dn > 0.3]
        plot.points([p.mean_dn for p in fixed], [p.fixed_dn2.value for p in fixed if p.fixed_dn2], tone, radius=1.6)
        points = [p for p in t.points if p.mean_dn > 0.3]
        plot.points(
            [p.mean_dn for p in points],
            [p.temporal_dn2.value for p in points],
            tone,
            [p.temporal_dn2.error for p in points],
            hollow=[not p.fitted for p in points],
            key=_name(t),
        )
    top = max(measure.transfers[0].points, key=lambda p: p.mean_dn)
    plot.word(top.mean_dn, top.temporal_dn2.value, "temporal", anchor="end", shift=(-4, -12))
    stays = [(p.mean_dn, f.value) for _, p in shown if (f := p.fixed_dn2) is not None and f.value > plot.y.low]
    if stays:
        plot.word(*max(stays), "fixed pattern", anchor="end", shift=(-34, -4))
    return plot.drawing(
        f"Photon transfer: gain {measure.gain_dn_per_e} counts per electron, read noise {measure.read_noise_e} e-"
    )


def snr_plot(measure: NoiseMeasure) -> Drawing:
    """Signal to noise against electrons, beside what shot noise alone would leave."""
    most = max(t.full_well_e.value for t in measure.transfers)
    x = Axis(1.0, most * 1.3, "signal, electrons", log=True)
    plot = Plot("Signal to noise", x, Axis(-5.0, 10.0 * math.log10(most) + 4.0, "SNR, dB"))
    xs = _steps(x)
    plot.line(xs, [10.0 * math.log10(e) for e in xs], "soft", "thin dash")
    plot.word(xs[len(xs) // 3], 10.0 * math.log10(xs[len(xs) // 3]), "photons alone", anchor="end", shift=(-10, -6))
    for t in measure.transfers:
        points = [p for p in t.points if p.mean_dn > 0.0 and p.snr > 0.0]
        plot.points(
            [p.mean_dn / t.gain_dn_per_e.value for p in points],
            [20.0 * math.log10(p.snr) for p in points],
            TONES[t.letter],
            hollow=[not p.fitted for p in points],
            key=_name(t),
        )
        noise = [
            math.sqrt(
                t.read_noise_e.value**2 + e + ((t.prnu_percent.value if t.prnu_percent else 0.0) * e / 100.0) ** 2
            )
            for e in xs
        ]
        plot.line(xs, [20.0 * math.log10(e / n) for e, n in zip(xs, noise, strict=True)], TONES[t.letter], "thin")
    plot.rule("SNR 1", y=0.0)
    return plot.drawing()


def profile_plot(measure: NoiseMeasure) -> Drawing | None:
    """The file's noise profile judged: measured variance over told, by level; None where there is no profile."""
    judged = [(t, p) for t in measure.transfers for p in t.points if p.profile_ratio is not None]
    if not judged:
        return None
    ratios = [p.profile_ratio.value for _, p in judged if p.profile_ratio is not None and p.fitted] or [1.0]
    low, high = min(0.9, *ratios), max(1.1, *ratios)
    levels = [max(p.mean_dn / t.white_dn, 3e-4) for t, p in judged]
    plot = Plot(
        "The file's noise profile, judged",
        fitting(levels, "signal, share of white", log=True),
        Axis(low - 0.02, high + 0.02, "variance, measured over told"),
    )
    plot.band(0.97, 1.03, "green")
    plot.rule("3 %", y=1.03)
    for t in measure.transfers:
        points = [p for p in t.points if p.profile_ratio is not None]
        plot.points(
            [max(p.mean_dn / t.white_dn, 3e-4) for p in points],
            [p.profile_ratio.value for p in points if p.profile_ratio],
            TONES[t.letter],
            [p.profile_ratio.error for p in points if p.profile_ratio],
            hollow=[not p.fitted for p in points],
            key=_name(t),
        )
    return plot.drawing()


def _name(transfer: Transfer) -> str:
    return {"R": "red", "G": "green", "B": "blue", "Y": "grey"}[transfer.letter]


def _steps(axis: Axis, count: int = 96) -> list[float]:
    return [axis.low * (axis.high / axis.low) ** (k / (count - 1)) for k in range(count)]


def falloff_map(title: str, percent: Floats, ratio: float, says: str) -> Drawing:
    """Light over the field, (rows, columns) in per cent of the middle; `ratio` is the field's height over its width."""
    low = float(percent.min())
    step = next(s for s in (0.5, 1.0, 2.0, 5.0, 10.0, 20.0) if (100.0 - low) / s <= 9.0 or s == 20.0)
    levels = [100.0 - k * step for k in range(1, int((100.0 - low) / step) + 1)]
    scale = Scale(DUSK, min(low, 99.0), max(float(percent.max()), 100.0))
    return field_map(title, percent.tolist(), ratio, scale, levels, says)


def cast_map(title: str, percent: Floats, ratio: float) -> Drawing:
    """A colour cast over the field, blue where the colour is weaker than in the middle, red where it is stronger."""
    most = max(float(np.percentile(np.abs(percent), 99.5)), 1.0)
    step = next(s for s in (0.25, 0.5, 1.0, 2.0, 5.0, 10.0) if most / s <= 4.0 or s == 10.0)
    levels = [k * step for k in range(-4, 5) if k and abs(k * step) < most]
    says = f"{title}: {percent.min():+.1f} to {percent.max():+.1f} %"
    return field_map(title, percent.tolist(), ratio, Scale(COOL_WARM, -most, most, "%", "#33373f"), levels, says)


def profile_of_falloff(measure: ShadingMeasure) -> Drawing:
    """Brightness by distance from the centre."""
    xs = [r for r, _ in measure.profile]
    ys = [100.0 * figure.value for _, figure in measure.profile]
    plot = Plot(
        "Falloff along the radius",
        Axis(0.0, max(max(xs) * 1.02, 1.0), "distance from the centre, corner is 1"),
        fitting([*ys, 100.0], "brightness, % of the middle", room=0.08),
    )
    fine = [k / 64 * max(xs) for k in range(65)]
    k1, k2, k3 = (figure.value for figure in measure.radial)
    bent = [1.0 + k1 * r**2 + k2 * r**4 + k3 * r**6 for r in xs]
    scale = float(np.mean([y / b for y, b in zip(ys, bent, strict=True)]))
    plot.line(fine, [scale * (1.0 + k1 * r**2 + k2 * r**4 + k3 * r**6) for r in fine], "accent")
    plot.points(xs, ys, "ink", [100.0 * figure.error for _, figure in measure.profile])
    return plot.drawing()


def shading_plot(measure: ShadingMeasure) -> Drawing:
    """All maps of a flat as one drawing."""
    return beside(shading_plots(measure), 2, "Shading")


def shading_plots(measure: ShadingMeasure) -> list[Drawing]:
    """Falloff, its profile, and the casts of red and blue."""
    ratio = measure.height_px / measure.width_px
    says = f"Falloff: corners {measure.corner_ev} EV"
    drawings = [falloff_map("Falloff, % of the middle", 100.0 * measure.falloff.values, ratio, says),
                profile_of_falloff(measure)]  # fmt: skip
    for name, cast in (("Red", measure.red_green), ("Blue", measure.blue_green)):
        if cast is not None:
            drawings.append(cast_map(f"{name} over green, off the middle", 100.0 * (cast.values - 1.0), ratio))
    return drawings


def mtf_plot(measure: Sharpness) -> Drawing:
    """The MTF of every edge, the middle's and the outermost's apart from the others."""
    plot = Plot(
        "MTF of the edges",
        Axis(0.0, 0.75, "cycles per pixel"),
        Axis(0.0, 1.15, "modulation"),
    )
    plot.rule("Nyquist", x=0.5)
    plot.rule("MTF50", y=0.5)
    away = measure.from_middle()
    order = sorted(range(len(away)), key=lambda i: away[i])
    for index in order:
        edge = measure.edges[index]
        plot.line(edge.frequencies_cpp, edge.mtf, "soft", "thin faded")
    for index, tone, key in ((order[0], "accent", "nearest the middle"), (order[-1], "blue", "outermost")):
        edge = measure.edges[index]
        plot.line(edge.frequencies_cpp, edge.mtf, tone, key=key if len(order) > 1 else "")
    return plot.drawing()


def sharpness_map(measure: Sharpness, width_px: int, height_px: int) -> Drawing:
    """Where in the picture which MTF50 was measured: each edge a bar along itself, bright where it is sharp."""
    left, top, wide = 14.0, 34.0, 408.0
    scale = wide / width_px
    high = height_px * scale
    values = [edge.mtf50_cpp.value for edge in measure.edges]
    low, most = min(values), max(values)
    if most - low < 0.02:
        low, most = low - 0.01, most + 0.01
    colors = Scale(DUSK[2:], low, most)
    parts = [
        f'<text class="big" x="{left:g}" y="18">MTF50 over the field, cycles per pixel</text>',
        f'<rect x="{left:g}" y="{top:g}" width="{wide:g}" height="{high:.1f}" rx="4" fill="#14102a"/>',
    ]
    for edge in measure.edges:
        x, y = left + edge.place_px[0] * scale, top + edge.place_px[1] * scale
        angle = math.radians(edge.angle_deg)
        reach = max(edge.length_px * scale / 2.0, 4.0)
        dx, dy = reach * math.cos(angle), reach * math.sin(angle)
        parts.append(
            f'<path d="M{x - dx:.1f} {y - dy:.1f}L{x + dx:.1f} {y + dy:.1f}" '
            f'stroke="{colors.color(edge.mtf50_cpp.value)}" stroke-width="5" stroke-linecap="round"/>'
        )
    parts.append(colors.bar(left + wide + 10, top, high))
    return Drawing(480.0, top + high + 14.0, "".join(parts), "MTF50 over the field", f"MTF50 {low:.3f} to {most:.3f}")


def sharpness_by_radius(measure: Sharpness) -> Drawing:
    """MTF50 by distance from the middle, tangential and sagittal."""
    away = measure.from_middle()
    in_mm = measure.edges[0].place_mm is not None
    values = [edge.mtf50_cpp.value for edge in measure.edges]
    plot = Plot(
        "MTF50 along the radius",
        Axis(0.0, max(max(away) * 1.05, 1e-3), "millimetres on the sensor" if in_mm else "pixels"),
        fitting(values, "MTF50, cycles per pixel", zero=True),
    )
    for direction, tone in (("tangential", "accent"), ("sagittal", "blue")):
        members = [i for i, edge in enumerate(measure.edges) if edge.direction == direction]
        plot.points(
            [away[i] for i in members],
            [values[i] for i in members],
            tone,
            [measure.edges[i].mtf50_cpp.error for i in members],
            key=direction,
        )
    return plot.drawing()


def edge_profile_plot(measure: Sharpness) -> Drawing:
    """The light across the edge nearest the middle: overshoot shows here."""
    away = measure.from_middle()
    edge = measure.edges[min(range(len(away)), key=lambda i: away[i])]
    reach = min(max(abs(edge.distances_px[0]), abs(edge.distances_px[-1])), 8.0)
    plot = Plot(
        "Across the edge nearest the middle",
        Axis(-reach, reach, "pixels from the edge"),
        fitting([-0.1, 1.1, *edge.profile], "dark 0, bright 1"),
    )
    plot.line(edge.distances_px, edge.profile, "accent")
    return plot.drawing()


def distortion_plot(measure: Distortion, width_px: int, height_px: int) -> Drawing:
    """A square grid as the lens draws it, what it does to it enlarged until it is seen."""
    left, top, wide = 14.0, 34.0, 452.0
    scale = wide / width_px
    corner = abs(measure.corner_percent.value)
    enlarged = next((s for s in (1, 2, 5, 10, 20, 50, 100, 200) if s * corner >= 5.0), 500)
    high = height_px * scale
    title = "Distortion" if enlarged == 1 else f"Distortion, {enlarged} times enlarged"
    parts = [f'<text class="big" x="{left:g}" y="18">{title}</text>']
    parts.append(f'<rect class="axis" x="{left:g}" y="{top:g}" width="{wide:g}" height="{high:.1f}" rx="4"/>')
    count = 13
    step = width_px / (count - 1)
    rows = [y for y in np.arange(-20, 21) * step + height_px / 2.0 if 0.0 <= y <= height_px]
    columns = [x for x in np.arange(-20, 21) * step + width_px / 2.0 if -1e-6 <= x <= width_px + 1e-6]
    fine = np.linspace(0.0, 1.0, 41)
    lines = [np.column_stack([fine * width_px, np.full(41, y)]) for y in rows]
    lines += [np.column_stack([np.full(41, x), fine * height_px]) for x in columns]
    for kind in ("soft thin faded", "accent thin"):
        for straight in lines:
            bent = straight if "soft" in kind else straight + enlarged * (measure.observed(straight) - straight)
            places = " ".join(f"{left + x * scale:.1f},{top + y * scale:.1f}" for x, y in bent)
            parts.append(f'<polyline class="line {kind}" points="{places}"/>')
    says = f"Distortion in the corner {measure.corner_percent} per cent"
    return Drawing(480.0, top + high + 26.0, "".join(parts), "Distortion", says)


def distortion_by_radius(measure: Distortion) -> Drawing:
    """Distortion in per cent by distance from its centre."""
    fine = [k / 60 for k in range(61)]
    curve = [100.0 * sum(f.value * r ** (2 * i + 2) for i, f in enumerate(measure.radial)) for r in fine]
    centre = np.array([figure.value for figure in measure.centre_px])
    ideal = (measure.ideal_px - centre) / measure.half_diagonal_px
    seen = (measure.observed_px - centre) / measure.half_diagonal_px
    r = np.hypot(*ideal.T)
    good = r > 0.08
    along = (seen[good] * ideal[good]).sum(axis=1) / r[good] ** 2
    ys = 100.0 * (along - 1.0)
    plot = Plot(
        "Distortion along the radius",
        Axis(0.0, 1.0, "distance from the centre, corner is 1"),
        fitting([*curve, *np.percentile(ys, (2, 98)).tolist(), 0.0], "off the ideal place, %"),
    )
    plot.rule("", y=0.0)
    plot.points(r[good].tolist(), ys.tolist(), "ink", radius=1.7)
    plot.line(fine, curve, "accent")
    return plot.drawing()


def lateral_plot(measures: Sequence[LateralColor], half_diagonal_px: float, middle: tuple[float, float]) -> Drawing:
    """How far red and blue lie outside green, by distance from the middle."""
    shown = []
    for each in measures:
        away = (np.array(each.places_px) - middle) / half_diagonal_px
        r = np.hypot(*away.T)
        good = r > 0.03
        shifts = np.array(each.shifts_px) - [figure.value for figure in each.constant_px]
        along = (shifts[good] * away[good]).sum(axis=1) / r[good]
        shown.append((each, r[good], along))
    every = [float(v) for _, _, along in shown for v in np.percentile(along, (2, 98))]
    plot = Plot(
        "Lateral colour",
        Axis(0.0, 1.0, "distance from the middle, corner is 1"),
        fitting([*every, 0.0], "outside of green, px", room=0.15),
    )
    plot.rule("", y=0.0)
    fine = [k / 60 for k in range(61)]
    for each, r, along in shown:
        tone = TONES[each.letter]
        plot.points(
            r.tolist(), along.tolist(), tone, radius=1.6, key={"R": "red", "B": "blue"}.get(each.letter, each.letter)
        )
        values = [figure.value for figure in each.coefficients_px]
        plot.line(fine, [sum(v * x ** (2 * i + 1) for i, v in enumerate(values)) for x in fine], tone)
    return plot.drawing()


def focus_plot(measure: Tilt, corner_mm: float) -> Drawing:
    """Best focus across and down the field, its curvature taken off, and the plane that it says."""
    at = np.array(measure.places_mm)
    best = np.array([figure.value for figure in measure.best_focus_um])
    error = [figure.error for figure in measure.best_focus_um]
    bowl = measure.curvature_um.value if math.isfinite(measure.curvature_um.value) else 0.0
    best = best - measure.focus_um.value - bowl * np.sum(at * at, axis=1) / corner_mm**2
    right, down = (1e3 * math.tan(math.radians(each.value)) for each in (measure.about_y_deg, measure.about_x_deg))
    drawings = []
    for axis, slope, other, title, label in (
        (0, right, down, "Best focus across", "to the right of the middle, mm"),
        (1, down, right, "Best focus down", "below the middle, mm"),
    ):
        values = best - other * at[:, 1 - axis]
        plot = Plot(title, fitting(at[:, axis].tolist(), label), fitting(values.tolist(), "against the middle, µm"))
        ends = [float(at[:, axis].min()), float(at[:, axis].max())]
        plot.line(ends, [slope * end for end in ends], "accent")
        plot.points(at[:, axis].tolist(), values.tolist(), "accent", error)
        drawings.append(plot.drawing())
    return beside(drawings, 2, "Best focus over the field")


def one_mtf_plot(measure: StarSharpness | TextureSharpness, title: str) -> Drawing:
    """One MTF with its standard errors."""
    plot = Plot(title, Axis(0.0, 0.75, "cycles per pixel"), Axis(0.0, 1.2, "modulation"))
    plot.rule("Nyquist", x=0.5)
    plot.rule("MTF50", y=0.5)
    plot.line(measure.frequencies_cpp, measure.mtf, "accent", "thin")
    plot.points(measure.frequencies_cpp, measure.mtf, "accent", measure.mtf_error, radius=2.0)
    return plot.drawing()


def star_rose(measure: StarSharpness) -> Drawing:
    """MTF50 by direction, twice round, as a rose: round where the lens draws alike in all directions."""
    size, top = 480.0, 34.0
    middle = (size / 2.0, top + 150.0)
    values = [(d, f.value) for d, f in zip(measure.directions_deg, measure.mtf50_by_direction_cpp, strict=True)]
    values = [(d, v) for d, v in values if math.isfinite(v)]
    parts = ['<text class="big" x="14" y="18">MTF50 by direction, cycles per pixel</text>']
    if values:
        most = max(v for _, v in values) * 1.12
        for ring in Axis(0.0, most).ticks(4)[1:]:
            reach = 140.0 * ring / most
            parts.append(
                f'<circle class="axis" cx="{middle[0]:g}" cy="{middle[1]:g}" r="{reach:.1f}"/>'
                f'<text class="small" x="{middle[0] + reach + 4:.1f}" y="{middle[1] - 4:.1f}">{number(ring)}</text>'
            )
        turned = sorted(((d + half) % 360.0, v) for half in (0.0, 180.0) for d, v in values)
        places = [
            (
                middle[0] + 140.0 * v / most * math.cos(math.radians(d)),
                middle[1] + 140.0 * v / most * math.sin(math.radians(d)),
            )
            for d, v in turned
        ]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polygon class="line accent" style="fill:var(--accent);fill-opacity:.12" points="{points}"/>')
    return Drawing(size, top + 306.0, "".join(parts), "MTF50 by direction", f"MTF50 {measure.mtf50_cpp}")


def patches_plot(measure: ColorMeasure) -> Drawing:
    """Every patch as a square: the chart's colour around, the picture's inside, and their difference beneath."""
    side, gap, left, top = 70.0, 8.0, 10.0, 34.0
    parts = ['<text class="big" x="10" y="18">Patches: the chart around, the picture inside</text>']
    for index, patch in enumerate(measure.patches):
        x, y = left + index % 6 * (side + gap), top + index // 6 * (side + 22)
        parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{side:g}" height="{side:g}" rx="5" fill="{_shown(patch.wanted)}"/>'
        )
        if patch.lab is not None:
            inner = side * 0.54
            at = (side - inner) / 2.0
            place = f'x="{x + at:g}" y="{y + at:g}" width="{inner:g}" height="{inner:g}"'
            parts.append(f'<rect {place} rx="3" fill="{_shown(patch.lab)}"/>')
        place = f'x="{x + side / 2:g}" y="{y + side + 13:g}"'
        parts.append(f'<text class="small name" {place} text-anchor="middle">{_under(patch)}</text>')
    return Drawing(
        480.0, top + 4 * (side + 22) + 2, "".join(parts), "Patches", f"CIEDE2000 of {len(measure.patches)} patches"
    )


def _under(patch: Patch) -> str:
    if patch.clipped > 0.005:
        return "clipped"
    shown = patch.delta_e if patch.delta_e is not None else patch.even_delta_e
    return "" if shown is None else f"ΔE {shown:.1f}"


def _shown(lab: Sequence[float]) -> str:
    """The sRGB of a CIE L*a*b* colour under D50."""
    fy = (lab[0] + 16.0) / 116.0
    f = np.array([fy + lab[1] / 500.0, fy, fy - lab[2] / 200.0])
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * color.PCS_D50
    matrix = color.xyz_to_rgb("srgb") @ color.adaptation(color.PCS_D50, color.xyz_from_xy(color.D65))
    rgb = np.round(255.0 * np.clip(color.srgb_encode(np.clip(matrix @ xyz, 0.0, 1.0)), 0.0, 1.0)).astype(int)
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def chroma_plot(measure: ColorMeasure) -> Drawing | None:
    """Where each patch should lie in a* and b*, and where the picture has it; None where it has no colours to judge."""
    known = [(p, p.lab) for p in measure.patches if p.lab is not None and p.clipped <= 0.005]
    if not known:
        return None
    reach = 10.0 + max(max(abs(v) for v in (*p.wanted[1:], *lab[1:])) for p, lab in known)
    plot = Plot(
        "Colours in a* and b*",
        Axis(-reach, reach, "a*  green to red"),
        Axis(-reach, reach, "b*  blue to yellow"),
        height=420.0,
    )
    parts = []
    for patch, lab in known:
        (x0, y0), (x1, y1) = plot.at(*patch.wanted[1:]), plot.at(*lab[1:])
        dot = '<circle class="ink" stroke-width=".9" cx="{:.1f}" cy="{:.1f}" r="{:g}" fill="{}"/>'
        parts.append(
            f'<path class="line thin ink" d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}"/>'
            + dot.format(x0, y0, 6.5, _shown(patch.wanted))
            + dot.format(x1, y1, 3.2, _shown(lab))
        )
    drawn = plot.drawing("Large: the chart's colour; small: the picture's")
    return Drawing(drawn.width, drawn.height, drawn.body + "".join(parts), drawn.title, drawn.says)
