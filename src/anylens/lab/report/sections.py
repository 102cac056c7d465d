"""Each measure as a section of the page."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from anylens.lab.color import ColorMeasure
from anylens.lab.figure import Figure
from anylens.lab.geometry import Distortion, LateralColor
from anylens.lab.noise import NoiseMeasure, Transfer
from anylens.lab.report import plots
from anylens.lab.report.page import Headline, Picture, Section
from anylens.lab.report.svg import Drawing
from anylens.lab.shading import ShadingMeasure
from anylens.lab.sharpness import Sharpness, StarSharpness
from anylens.lab.texture import TextureSharpness

COLORS = {"R": "red", "G": "green", "B": "blue", "Y": "monochrome"}

TRANSFER_ROWS = (
    ("gain", "DN per electron", "gain_dn_per_e"),
    ("read noise", "electrons", "read_noise_e"),
    ("full well", "electrons", "full_well_e"),
    ("", "which is where", "saturation"),
    ("dynamic range", "EV", "dynamic_range_ev"),
    ("best SNR", "dB", "best_snr_db"),
    ("PRNU, pattern in light", "%", "prnu_percent"),
    ("DSNU, pattern in the dark", "electrons", "dsnu_e"),
    ("row noise", "electrons", "row_noise_e"),
    ("column noise", "electrons", "column_noise_e"),
    ("row pattern", "electrons", "row_pattern_e"),
    ("column pattern", "electrons", "column_pattern_e"),
    ("linearity error", "%", "linearity_percent"),
    ("black, over the file's", "DN", "black_dn"),
    ("pixels out of the ordinary", "ppm", "outliers_ppm"),
)
"""What is told of a photon transfer: name, unit, field."""


def transfer_rows(transfers: tuple[Transfer, ...]) -> list[tuple[str, ...]]:
    """(name, unit, one cell for each colour), rows that tell nothing left out."""
    rows = [(name, unit, *(_cell(getattr(each, field)) for each in transfers)) for name, unit, field in TRANSFER_ROWS]
    return [row for row in rows if set(row[2:]) != {"–"}]


def _cell(value: Figure | float | str | None) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def noise_section(measure: NoiseMeasure, of: str) -> Section:
    """Photon transfer, signal to noise, and the file's noise profile judged."""
    green = next((t for t in measure.transfers if t.letter == "G"), measure.transfers[0])
    headlines = [
        Headline("System gain", measure.gain_dn_per_e, "DN/e⁻"),
        Headline("Read noise", measure.read_noise_e, "e⁻", "told from the line's beginning" if green.rounded else ""),
        Headline(
            "Full well",
            f"{green.full_well_e.value:,.0f}".replace(",", " "),
            "e⁻",
            f"where {green.saturation}" if green.saturation != "not reached" else "what counts could hold",
        ),
        Headline("Dynamic range", green.dynamic_range_ev, "EV"),
    ]
    if green.prnu_percent is not None:
        headlines.append(Headline("PRNU", green.prnu_percent, "%"))
    if measure.profile is not None:
        headlines.append(
            Headline("Noise profile", measure.profile.ratio, "×", "measured variance over what the file tells")
        )
    drawings = [plots.transfer_plot(measure), plots.snr_plot(measure)]
    judged = plots.profile_plot(measure)
    many = f"{measure.frames} raw frame{'' if measure.frames == 1 else 's'}"
    how = (
        f"{many} in pairs, so that temporal and fixed noise stand apart"
        if measure.method == "pairs"
        else f"{many} by {'itself' if measure.frames == 1 else 'themselves'}"
    )
    return Section(
        "Noise",
        of,
        f"Photon transfer after EMVA 1288, from {how}.",
        tuple(headlines),
        tuple(drawings + ([judged] if judged is not None else [])),
        head=("", "", *(COLORS[t.letter] for t in measure.transfers)),
        rows=tuple(transfer_rows(measure.transfers)),
        notes=measure.notes,
    )


def sharpness_section(measure: Sharpness, of: str, size: tuple[int, int], marked: npt.NDArray[np.uint8]) -> Section:
    """MTF of slanted edges over the field; `size` is the picture's width and height."""
    middle = measure.edges[min(range(len(measure.edges)), key=measure.from_middle().__getitem__)]
    values = sorted(edge.mtf50_cpp.value for edge in measure.edges)
    headlines = [
        Headline("MTF50, middle", middle.mtf50_cpp, "cycles/px"),
        Headline("MTF at Nyquist, middle", middle.mtf_nyquist),
        Headline("Overshoot, middle", f"{100.0 * middle.overshoot:.1f}", "%"),
    ]
    if middle.mtf50_lpmm is not None:
        headlines.insert(1, Headline("MTF50, middle", middle.mtf50_lpmm, "lp/mm"))
    if len(values) > 1:
        over = f"{values[0]:.3f} to {values[-1]:.3f} over {len(values)} edges"
        headlines.append(Headline("MTF50, median", f"{np.median(values):.3f}", "cycles/px", over))
    rows = tuple(
        (
            f"{edge.place_px[0]:.0f}, {edge.place_px[1]:.0f}",
            edge.direction,
            f"{edge.angle_deg:.1f}",
            str(edge.mtf50_cpp),
            "–" if edge.mtf50_lpmm is None else str(edge.mtf50_lpmm),
            str(edge.mtf_nyquist),
            f"{100.0 * edge.overshoot:.1f}",
        )
        for edge in measure.edges
    )
    drawings = [plots.mtf_plot(measure), plots.edge_profile_plot(measure)]
    if len(measure.edges) > 1:
        drawings[1:1] = [plots.sharpness_map(measure, *size), plots.sharpness_by_radius(measure)]
    what = "green sites of the raw, nothing interpolated" if measure.letter == "G" else "luminance"
    return Section(
        "Sharpness",
        of,
        f"Slanted edges after ISO 12233:2023, in the {what}.",
        tuple(headlines),
        tuple(drawings),
        (Picture(encoded(marked), f"Edges measured (green) and refused (red) in {of}"),),
        ("place, px", "direction", "angle, °", "MTF50, cycles/px", "lp/mm", "MTF at Nyquist", "overshoot, %"),
        rows,
        tuple(each.why for each in measure.refused[:6]),
    )


def star_section(measure: StarSharpness, of: str, marked: npt.NDArray[np.uint8]) -> Section:
    """A Siemens star."""
    headlines = [Headline("MTF50", measure.mtf50_cpp, "cycles/px"), Headline("MTF at Nyquist", measure.mtf_nyquist)]
    if measure.mtf50_lpmm is not None:
        headlines.insert(1, Headline("MTF50", measure.mtf50_lpmm, "lp/mm"))
    return Section(
        "Siemens star",
        of,
        f"A star of {measure.cycles} cycles, ring by ring and sector by sector, from the sites of one colour.",
        tuple(headlines),
        (plots.one_mtf_plot(measure, "MTF of the star"), plots.star_rose(measure)),
        (Picture(encoded(marked), f"The star in {of}"),),
        ("direction, °", "MTF50, cycles/px"),
        tuple(
            (f"{d:.0f}", str(f)) for d, f in zip(measure.directions_deg, measure.mtf50_by_direction_cpp, strict=True)
        ),
    )


def texture_section(measure: TextureSharpness, of: str, seen: npt.NDArray[np.uint8]) -> Section:
    """Dead leaves, and the picture of them."""
    headlines = [Headline("MTF50 of texture", measure.mtf50_cpp, "cycles/px")]
    if measure.mtf50_lpmm is not None:
        headlines.append(Headline("MTF50 of texture", measure.mtf50_lpmm, "lp/mm"))
    headlines.append(Headline("At Nyquist", measure.mtf_nyquist))
    return Section(
        "Texture",
        of,
        f"How much of a texture's detail is kept, by its {measure.method}.",
        tuple(headlines),
        (plots.one_mtf_plot(measure, "MTF of texture"),),
        (Picture(encoded(seen), f"The texture in {of}"),),
    )


def geometry_section(
    measure: Distortion,
    lateral: tuple[LateralColor, ...],
    of: str,
    size: tuple[int, int],
    marked: npt.NDArray[np.uint8],
) -> Section:
    """Distortion of a grid, and lateral colour; `size` is the picture's width and height."""
    headlines = [
        Headline(
            "Distortion, corner",
            measure.corner_percent,
            "%",
            "barrel" if measure.corner_percent.value < 0.0 else "pincushion",
        ),
        Headline(
            "Left by the map",
            f"{measure.residual_px:.3f}",
            "px",
            f"worst {measure.worst_px:.2f} of {len(measure.observed_px)} points",
        ),
    ]
    headlines += [
        Headline(f"{COLORS[each.letter].capitalize()}, corner", each.corner_px, "px", "outside of green")
        for each in lateral
    ]
    rows = [(f"k{i + 1}", str(figure)) for i, figure in enumerate(measure.radial)]
    rows += [("centre x, px", str(measure.centre_px[0])), ("centre y, px", str(measure.centre_px[1]))]
    if measure.focal_px is not None:
        rows.append(("focal length, px", str(measure.focal_px)))
    drawings = [plots.distortion_plot(measure, *size), plots.distortion_by_radius(measure)]
    if lateral:
        middle = ((size[0] - 1) / 2.0, (size[1] - 1) / 2.0)
        drawings.append(plots.lateral_plot(lateral, math.hypot(*size) / 2.0, middle))
    views = f"{measure.views} views" if measure.views > 1 else "one view"
    return Section(
        "Geometry",
        of,
        f"{_GRIDS.get(measure.kind, 'A grid')} in {views}: from where a pinhole would draw it to where the lens does.",
        tuple(headlines),
        tuple(drawings),
        (Picture(encoded(marked), f"Points measured in {of}"),),
        ("", "r is 1 in the corner"),
        tuple(rows),
    )


_GRIDS = {
    "dots": "A grid of dots",
    "lines": "A grid of lines",
    "chessboard": "A chessboard",
    "charuco": "A ChArUco board",
}


def encoded(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A marked picture as JPEG."""
    from anylens.files.shown import encode_shown

    return encode_shown(pixels, ".jpg")


def shading_section(measure: ShadingMeasure) -> Section:
    """Falloff and colour cast."""
    headlines = [
        corners_headline(measure),
        Headline(
            "Centre",
            f"{measure.centre_px[0].value:.0f}, {measure.centre_px[1].value:.0f}",
            "px",
            f"± {measure.centre_px[0].error:.2f}, {measure.centre_px[1].error:.2f}",
        ),
    ]
    if measure.cast_percent is not None:
        headlines.append(Headline("Strongest cast", measure.cast_percent, "%", "red or blue over green"))
    if measure.light_percent is not None:
        right, down = measure.light_percent
        headlines.append(
            Headline("Uneven light", f"{right.value:.1f}, {down.value:.1f}", "%", "to the right and down, taken out")
        )
    names = ("top left", "top right", "bottom right", "bottom left")
    rows = [(name, str(figure)) for name, figure in zip(names, measure.corners, strict=True)]
    rows += [(f"k{i + 1}", str(figure)) for i, figure in enumerate(measure.radial)]
    rows.append(("left beside the radial curve, %", f"{measure.residual_percent:.3g}"))
    return Section(
        "Shading",
        ", ".join(measure.files),
        "Falloff is green's, or the luminance's; what red and blue do beside it is the colour cast of lens and sensor.",
        tuple(headlines),
        tuple(plots.shading_plots(measure)),
        head=("", "1 in the middle"),
        rows=tuple(rows),
        notes=measure.notes,
    )


def corners_headline(measure: ShadingMeasure) -> Headline:
    """How dark the corners are, and at which aperture."""
    at = "" if measure.f_number is None else f" at f/{measure.f_number:g}"
    return Headline(f"Corners{at}", measure.corner_ev, "EV", "against the middle")


def color_section(measure: ColorMeasure, marked: npt.NDArray[np.uint8] | None) -> Section:
    """A chart's patches, judged."""
    headlines = []
    if measure.mean_delta_e is not None:
        headlines.append(Headline("Mean CIEDE2000", measure.mean_delta_e, "", f"worst {measure.worst_delta_e:.1f}"))
    if measure.even_mean_delta_e is not None:
        headlines.append(
            Headline("Brightness evened", measure.even_mean_delta_e, "ΔE", f"worst {measure.even_worst_delta_e:.1f}")
        )
    if measure.white_mired is not None and measure.white_tint is not None:
        headlines.append(Headline("White is off by", measure.white_mired, "mired", f"tint {measure.white_tint}"))
    headlines.append(Headline("Exposure", measure.exposure_ev, "EV", "against a white of 1"))
    if measure.fit is not None:
        fit = measure.fit
        headlines.append(
            Headline(
                "Matrix fitted",
                f"{fit.fitted_delta_e:.2f}",
                "ΔE",
                f"{fit.crossed_delta_e.value:.2f} on patches left out",
            )
        )
    drawings: list[Drawing] = [plots.patches_plot(measure)]
    plane = plots.chroma_plot(measure)
    pictures = []
    if marked is not None:
        pictures.append(Picture(encoded(marked), f"What was measured in {measure.file}"))
    rows = tuple(
        (p.name, *(f"{v:.4f}" for v in p.rgb), _number(p.delta_e), _number(p.even_delta_e), f"{100 * p.clipped:.0f} %")
        for p in measure.patches
    )
    return Section(
        "Colour",
        measure.file,
        f"A ColorChecker under {measure.light.upper()}, against its measured reflectances adapted to D50.",
        tuple(headlines),
        tuple(drawings + ([plane] if plane is not None else [])),
        tuple(pictures),
        ("patch", "R", "G", "B", "CIEDE2000", "evened", "clipped"),
        rows,
        measure.notes,
    )


def _number(value: float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.2f}"
