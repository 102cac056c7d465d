"""The blur of a lens over the field, from slanted edges: what a passport keeps of sharpness."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from anylens.lab.sharpness import EdgeSharpness
from anylens.lens.passport import PSF_TERMS, PsfField
from anylens.lens.psf import blur, terms
from anylens.refusal import Refusal

Floats = npt.NDArray[np.float64]

LEAST_EDGES = 6
EDGES_PER_FIGURE = 1.5
SKIRTS_PX = (2.5, 3.5, 5.0, 7.0, 10.0)
LOWEST_MTF = 0.08
HIGHEST_CPP = 0.7
LEAST_ERROR = 0.002
STRANGE = 4.0
LEVELS = 0.004
"""How well the levels of an edge are known, in parts of its step: a skirt reaches farther than the edge is wide."""
SKIRT_ERROR = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """What the edges say: places (n, 2) mm, ways (n, 2) across them, and for each its usable frequencies and MTF."""

    places_mm: Floats
    ways: Floats
    frequencies_cpp: tuple[Floats, ...]
    mtf: tuple[Floats, ...]
    error: tuple[Floats, ...]


def spread_field(
    edges: tuple[EdgeSharpness, ...],
    pitch_um: float,
    *,
    f_number: float | None = None,
    focus_m: float | None = None,
    frames: int = 1,
    date: str,
) -> PsfField:
    """The blur over the field that slanted edges of green tell, with standard errors: method `edges`.

    Each edge's MTF, the pixel's square divided out, is a Gaussian of the variance across it and a wider one that all
    edges share; then the covariance of the core and the share of the skirt are polynomials over the field, of the
    degree that Akaike's criterion chooses (corrected for few edges: Hurvich & Tsai 1989), or those of a lens that is
    round but for a tilt: the only ones that edges of two directions tell. Errors come from how far edges scatter about
    the field, or from their own where these are larger. An edge that lies far off is left out. Raises Refusal for too
    few edges, for all of one direction, and where millimetres are not known.
    """
    seen = _seen(edges)
    skirt_px, skirt_error_px = _skirt(seen, pitch_um)
    values, errors, _ = _each(seen, pitch_um, skirt_px)
    wider, _, _ = _each(seen, pitch_um, skirt_px + skirt_error_px)
    reach_mm = float(np.hypot(*seen.places_mm.T).max())
    places = seen.places_mm / max(reach_mm, 0.1)
    nx, ny = seen.ways.T
    core, core_error = _polynomials(places, np.stack([nx**2, 2 * nx * ny, ny**2]), values[:, 0], errors[:, 0])
    share, share_error = _polynomials(places, np.ones((1, len(places))), values[:, 1], errors[:, 1])
    # What all edges owe to the one skirt, and to the levels of their step, does not show in their scatter.
    share_error[0, 0] = math.hypot(share_error[0, 0], float(np.mean(wider[:, 1] - values[:, 1])), LEVELS)
    for row in (0, 2):
        core_error[row, 0] = math.hypot(core_error[row, 0], float(np.mean(wider[:, 0] - values[:, 0])))
    field = PsfField(
        f_number=f_number,
        focus_m=focus_m,
        method="edges",
        frames=frames,
        date=date,
        residual=0.0,
        reach_mm=max(reach_mm, 0.1),
        core_um2=_rows(core),
        core_um2_error=_rows(core_error),
        skirt_share=_rows(share),
        skirt_share_error=_rows(share_error),
        skirt_um=skirt_px * pitch_um,
        skirt_um_error=skirt_error_px * pitch_um,
    )
    return replace(field, residual=_residual(field, seen, pitch_um))


def modelled_mtf(field: PsfField, edge: EdgeSharpness, pitch_um: float) -> Floats:
    """What the field says of an edge's MTF at its own frequencies, the pixel's square in it."""
    if edge.place_mm is None:
        raise Refusal("The edge does not say where on the sensor it lies; name the sensor's pitch.")
    way = _across(edge)
    return _model(field, np.array(edge.place_mm), way, np.array(edge.frequencies_cpp), pitch_um)


def _seen(edges: tuple[EdgeSharpness, ...]) -> _Edges:
    placed = [edge for edge in edges if edge.place_mm is not None]
    if len(placed) < len(edges):
        raise Refusal("The size of the pixels is not known, so places are not known in mm; name the sensor (--sensor).")
    if len(placed) < LEAST_EDGES:
        raise Refusal(
            f"Only {len(placed)} edges could be measured, {LEAST_EDGES} at least are needed to tell the blur over the "
            "field; use a chart with more of them."
        )
    ways = np.array([_across(edge) for edge in placed])
    turned = np.stack([ways[:, 0] ** 2, 2 * ways[:, 0] * ways[:, 1], ways[:, 1] ** 2])
    if np.linalg.svd(turned, compute_uv=False)[1] < 0.05 * math.sqrt(len(placed)):
        raise Refusal("All edges run in one direction; use a chart with edges across it too.")
    kept = []
    for edge in placed:
        f, mtf, error = (np.array(each) for each in (edge.frequencies_cpp, edge.mtf, edge.mtf_error))
        falls = np.flatnonzero(mtf < LOWEST_MTF)
        last = min(int(falls[0]) if falls.size else len(f), int(np.searchsorted(f, HIGHEST_CPP)))
        kept.append((f[1:last], mtf[1:last], np.maximum(error[1:last], LEAST_ERROR)))
    columns = (tuple(each[at] for each in kept) for at in range(3))
    return _Edges(np.array([edge.place_mm for edge in placed]), ways, *columns)


def _skirt(seen: _Edges, pitch_um: float) -> tuple[float, float]:
    """The width of the skirt in pixels that suits all edges best, and its error, by a parabola through misfits."""
    at = np.log(SKIRTS_PX)
    misfits = [_each(seen, pitch_um, skirt_px)[2] for skirt_px in SKIRTS_PX]
    best, step = int(np.argmin(misfits)), 0.0
    middle, least = float(at[best]), misfits[best]
    for step in (0.16, 0.05):
        around = [_each(seen, pitch_um, math.exp(middle + side * step))[2] for side in (-1, 1)]
        bend = max((around[0] + around[1] - 2 * least) / step**2, 1e-6)
        middle += float(np.clip((around[0] - around[1]) / (2 * step * bend), -2 * step, 2 * step))
        least = _each(seen, pitch_um, math.exp(middle))[2]
    # The misfit counts each edge once; those of one picture know the skirt as well as their mean does.
    error = max(SKIRT_ERROR, min(math.sqrt(2.0 * max(1.0, least / len(seen.mtf)) * 4.0 / bend / len(seen.mtf[0])), 0.5))
    return math.exp(middle), math.exp(middle) * error


def _across(edge: EdgeSharpness) -> Floats:
    angle = math.radians(edge.angle_deg)
    return np.array([-math.sin(angle), math.cos(angle)])


def _pixel(way: Floats, frequencies_cpp: Floats) -> Floats:
    return np.asarray(np.sinc(frequencies_cpp * way[0]) * np.sinc(frequencies_cpp * way[1]))


def _each(seen: _Edges, pitch_um: float, skirt_px: float) -> tuple[Floats, Floats, float]:
    """(n, 2) of each edge: variance across it in um2, share of the skirt; their errors; the misfit of all."""
    values, errors, misfit = [], [], 0.0
    for way, f, mtf, error in zip(seen.ways, seen.frequencies_cpp, seen.mtf, seen.error, strict=True):
        pixel, squared = _pixel(way, f), 2 * np.pi**2 * f**2
        wide = np.exp(-squared * skirt_px**2)
        at = np.array([max(0.05, -math.log(max(float(mtf[-1] / pixel[-1]), 0.01)) / float(squared[-1])), 0.02])
        normal = np.eye(2)
        for _ in range(30):
            narrow = np.exp(-squared * at[0])
            off = mtf - pixel * ((1 - at[1]) * narrow + at[1] * wide)
            slopes = pixel * np.stack([-(1 - at[1]) * squared * narrow, wide - narrow]) / error
            normal = np.einsum("if,jf->ij", slopes, slopes)
            step = np.linalg.solve(normal + 1e-9 * np.eye(2), np.einsum("if,f->i", slopes, off / error))
            at = np.clip(at + np.clip(step, -0.5, 0.5), (0.0, -0.2), (64.0, 0.8))
        misfit += float(((off / error) ** 2).mean())
        # Its frequencies share the noise of one profile, so they count as fewer than there are.
        spread = np.linalg.inv(normal) * max(1.0, float(((off / error) ** 2).mean())) * 4.0
        values.append((at[0] * pitch_um**2, at[1]))
        errors.append((math.sqrt(spread[0, 0]) * pitch_um**2, math.sqrt(spread[1, 1])))
    return np.array(values), np.array(errors), misfit


def _polynomials(places: Floats, parts: Floats, values: Floats, errors: Floats) -> tuple[Floats, Floats]:
    """(rows, terms) and their errors: what adds up, by `parts` (rows, n), to the values at places (n, 2)."""
    rows, least = len(parts), math.inf
    most = max(1.0, len(values) / EDGES_PER_FIGURE / rows)
    distinct = len({(round(x, 2), round(y, 2)) for x, y in places})
    free = rows == 1 or float(np.linalg.svd(parts, compute_uv=False)[2]) > 0.1 * math.sqrt(len(values))
    tried = [np.eye(rows * count) for count in PSF_TERMS if count <= min(most, distinct)] if free else []
    if rows == 3:
        tried.append(_ROUND)
    chosen = np.zeros((rows, 1)), np.full((rows, 1), math.inf)
    for ways in tried:
        count = len(ways) // rows
        basis = terms(places[:, 0], places[:, 1], count)
        design = np.einsum("rn,kn->nrk", parts, basis).reshape(len(values), rows * count)
        found, covariance, chi2 = _solved(np.einsum("ni,ij->nj", design, ways), values, errors)
        figures = ways.shape[1]
        cost = chi2 + 2 * figures + 2 * figures * (figures + 1) / max(len(values) - figures - 1, 0.5)
        if cost < least:
            error = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", ways, covariance, ways), 0.0))
            chosen, least = (np.einsum("ij,j->i", ways, found).reshape(rows, count), error.reshape(rows, count)), cost
    return chosen


def _round() -> Floats:
    """(45, 7): the coefficients of a lens that is round but for a tilt.

    Its figures: what is the same in all directions, in 1, x, y, r2, r4, and what is more along the radius, in r2, r4.
    """
    names = ("1", *("x" * (n - j) + "y" * j for n in range(1, 5) for j in range(n + 1)))
    at = {name: number for number, name in enumerate(names)}
    even = [{"1": 1}, {"x": 1}, {"y": 1}, {"xx": 1, "yy": 1}, {"xxxx": 1, "xxyy": 2, "yyyy": 1}]
    along = [({"xx": 1, "yy": -1}, {"xy": 2}), ({"xxxx": 1, "yyyy": -1}, {"xxxy": 2, "xyyy": 2})]
    ways = np.zeros((3, 15, 7))
    for figure, same in enumerate(even):
        for name, value in same.items():
            ways[(0, 2), at[name], figure] = value
    for figure, (straight, slanted) in enumerate(along, 5):
        for name, value in straight.items():
            ways[0, at[name], figure], ways[2, at[name], figure] = value, -value
        for name, value in slanted.items():
            ways[1, at[name], figure] = value
    return ways.reshape(45, 7)


_ROUND = _round()


def _solved(design: Floats, values: Floats, errors: Floats) -> tuple[Floats, Floats, float]:
    """Least squares, strange values left out once; errors grow by how far the values scatter beyond their own."""
    good = np.ones(len(values), np.bool_)
    for last in (False, True):
        weighted, wanted = design[good] / errors[good, None], values[good] / errors[good]
        covariance = np.linalg.pinv(np.einsum("ni,nj->ij", weighted, weighted), rcond=1e-10, hermitian=True)
        found = np.einsum("ij,nj,n->i", covariance, weighted, wanted)
        off = (values - np.einsum("ni,i->n", design, found)) / errors
        if last:
            break
        usual = 1.48 * float(np.median(np.abs(off)))
        kept = np.abs(off) < STRANGE * max(usual, 1.0)
        if kept.sum() > 1.2 * design.shape[1]:
            good = kept
    chi2 = float((np.minimum(np.abs(off), STRANGE) ** 2).sum())
    birge = float((off[good] ** 2).sum()) / max(int(good.sum()) - design.shape[1], 1)
    return found, covariance * max(birge, 1.0), chi2


def _model(field: PsfField, place_mm: Floats, way: Floats, f: Floats, pitch_um: float) -> Floats:
    here = blur(field, place_mm[0], place_mm[1])
    xx, xy, yy = here.core_um2
    across = (xx * way[0] ** 2 + 2 * xy * way[0] * way[1] + yy * way[1] ** 2) / pitch_um**2
    squared = 2 * np.pi**2 * f**2
    skirt = np.exp(-squared * (here.skirt_um / pitch_um) ** 2)
    return np.asarray(_pixel(way, f) * ((1 - here.share) * np.exp(-squared * across) + here.share * skirt))


def _residual(field: PsfField, seen: _Edges, pitch_um: float) -> float:
    off = [
        mtf - _model(field, place, way, f, pitch_um)
        for place, way, f, mtf in zip(seen.places_mm, seen.ways, seen.frequencies_cpp, seen.mtf, strict=True)
    ]
    return float(np.sqrt(np.mean(np.concatenate(off) ** 2)))


def _rows(values: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(value) for value in row) for row in values)
