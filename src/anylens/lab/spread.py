"""The blur of a lens over the field, from slanted edges: what a passport keeps of sharpness."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.lab.figure import at_least
from anylens.lab.sharpness import EdgeSharpness
from anylens.lens.passport import PSF_ROWS, PSF_TERMS, Method, Origin, PsfField
from anylens.lens.psf import LEAST_TAIL, blur, terms
from anylens.refusal import Refusal

Floats = npt.NDArray[np.float64]
State = tuple[float, Floats, Floats, Floats]
"""The cost of some numbers, and of each edge what `_misfit` says: pulls, normals and what a higher step would pull."""

LEAST_EDGES = 6
LOWEST_MTF = 0.08
HIGHEST_CPP = 0.7
LEAST_ERROR = 0.002
STRANGE = 4.0
LEVELS = 0.004
"""How well the levels of an edge are known, in parts of its step: a skirt reaches farther than the edge is wide."""
WIDTHS = {"edges": 0.003, "photos": 0.07}
"""How well profiles tell widths, in parts of them: of photos no edge is known to be as sharp as the lens."""
OCTAVES = {"edges": 0.0, "photos": 0.5}
"""The power of frequency by which high ones count less: what shines into a photo's edges is off by octaves."""
_KINDS = {"edges": 3, "photos": 2}
"""How many kinds of round lenses are tried: what photos seem to tell of a tilt is their scenes'."""
_TAILS = {"edges": (0.0, 1.0), "photos": (1.0,)}
"""How skirts may fall: photos' edges see too little of them to tell, so theirs fall as those of most lenses do."""
_ROWS = sum(PSF_ROWS.values())
_MOST = PSF_TERMS[-1]
_EACH = 4
_MEDIAN = 3.36
"""Of chi squared with as many degrees of freedom."""
_USUAL = np.array([1.0, 0.2, 5.0, 0.0])
_UNUSUAL = {"edges": np.array([np.inf, np.inf, 10.0, 1.5]), "photos": np.array([np.inf, 0.2, 10.0, 1.5])}
"""What an edge's core, share, skirt and aside are taken to be where no edge tells: pixels squared, a share, pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """What n edges say: places (n, 2) mm, ways (n, 2) across them, and at all `frequencies_cpp` their responses (n, F)
    and weights (n, F), 0 where one says nothing; `pixel` is the response of a pixel's square, `method` says of what
    pictures they are."""

    places_mm: Floats
    ways: Floats
    frequencies_cpp: Floats
    response: npt.NDArray[np.complex128]
    weight: Floats
    pixel: Floats
    method: Method


def spread_field(edges: tuple[EdgeSharpness, ...], pitch_um: float, origin: Origin) -> PsfField:
    """The blur over the field that slanted edges of green tell, with standard errors.

    Across an edge the blur is a Gaussian and a wider skirt aside of it; a step tells both from its response, modulus
    and phase, wherever the edge itself may lie. Their covariances, the share and the shift are polynomials over the
    field, fitted to all edges at once (own work), of the degree that Akaike's criterion chooses (corrected for few
    edges: Hurvich & Tsai 1989), or those of a lens that is round but for a tilt: the only ones that edges of two
    directions tell. So it chooses whether the skirt is a Gaussian too or falls exponentially. Errors come from how far
    edges scatter about the field, from how they disagree on each figure (White 1980), or from their own, whichever are
    largest. An edge that lies far off is left out. Edges of photos lie where they happen to, so they tell of a round
    lens that is not tilted, and less surely: what two such lenses, one simpler than the other, disagree about is in the
    errors too. Raises Refusal for too few edges, for all of one direction, and where millimetres are not known.
    """
    seen = _seen(edges, origin.method)
    reach_mm = max(float(np.hypot(*seen.places_mm.T).max()), 0.1)
    numbers, errors, tail = _field(seen, reach_mm)
    units = np.array([pitch_um**2] * 3 + [1.0] + [pitch_um**2] * 3 + [pitch_um] * 2)[:, None]
    numbers, errors = numbers * units, errors * units
    lattices: dict[str, Any] = {}
    first = 0
    for name, rows in PSF_ROWS.items():
        value, error = numbers[first : first + rows], errors[first : first + rows]
        told = np.flatnonzero(np.any((value != 0.0) | (error != 0.0), axis=0))
        count = next(count for count in PSF_TERMS if not told.size or count > told[-1])
        lattices[name], lattices[f"{name}_error"] = _tuples(value[:, :count]), _tuples(error[:, :count])
        first += rows
    field = PsfField(**origin.named, residual=0.0, reach_mm=reach_mm, skirt_tail=tail, **lattices)
    return replace(field, residual=_residual(field, seen, pitch_um))


def lens_mtf(field: PsfField, place_mm: tuple[float, float], way_deg: float, lpmm: Floats) -> Floats:
    """What a blur field says of the lens's own MTF at a place, at line pairs a mm, light changing towards `way_deg`."""
    way = np.array([[math.cos(math.radians(way_deg)), math.sin(math.radians(way_deg))]])
    return np.asarray(np.abs(_told(field, np.array([place_mm]), way, lpmm / 1000.0, 1.0)[0]))


def lens_mtf50(field: PsfField, place_mm: tuple[float, float], way_deg: float) -> float:
    """Line pairs a mm at which that MTF first falls to one half."""
    lpmm = np.arange(0.0, 1000.0)
    mtf = lens_mtf(field, place_mm, way_deg, lpmm)
    at = max(int(np.argmax(mtf < 0.5)), 1)
    return float(np.interp(-0.5, -mtf[at - 1 : at + 1], lpmm[at - 1 : at + 1]))


def _seen(edges: tuple[EdgeSharpness, ...], method: Method) -> _Edges:
    placed = [edge for edge in edges if edge.place_mm is not None]
    if len(placed) < len(edges):
        raise Refusal("The size of the pixels is not known, so places are not known in mm; name the sensor (--sensor).")
    if len(placed) < LEAST_EDGES:
        raise Refusal(
            f"Only {len(placed)} edges could be measured, {LEAST_EDGES} at least are needed to tell the blur over the "
            "field; use a chart with more of them."
        )
    angles = np.radians([edge.angle_deg for edge in placed])
    ways = np.stack([-np.sin(angles), np.cos(angles)], axis=1)
    if np.linalg.svd(_forms(ways).T, compute_uv=False)[1] < 0.05 * math.sqrt(len(placed)):
        raise Refusal("All edges run in one direction; use a chart with edges across it too.")
    f = np.array(placed[0].frequencies_cpp)
    used = slice(1, int(np.searchsorted(f, HIGHEST_CPP)))
    mtf, error, phase = (
        np.array([getattr(edge, name) for edge in placed])[:, used] for name in ("mtf", "mtf_error", "phase")
    )
    gone = np.cumsum(mtf < LOWEST_MTF, axis=1) > 0
    weight = np.where(gone, 0.0, 1.0 / np.maximum(error, LEAST_ERROR)) * (f[1] / f[used]) ** OCTAVES[method]
    places = np.array([edge.place_mm for edge in placed])
    return _Edges(places, ways, f[used], mtf * np.exp(1j * phase), weight, _pixel(ways, f[used]), method)


def _forms(ways: Floats) -> Floats:
    """(n, 3): what xx, xy, yy of a covariance count for the variance along each way."""
    x, y = ways.T
    return np.stack([x * x, 2.0 * x * y, y * y], axis=1)


def _pixel(ways: Floats, f: Floats) -> Floats:
    return np.asarray(np.sinc(f * ways[:, :1]) * np.sinc(f * ways[:, 1:]))


def _spread(at: Floats, f: Floats, tail: float) -> tuple[Any, Any]:
    """(responses (n, F), slopes (n, F, 4)) of edges whose core, share, skirt and aside are `at` (n, 4), in pixels."""
    tail = max(tail, LEAST_TAIL)
    core, share, skirt, aside = (each[:, None] for each in at.T)
    squared = 2.0 * np.pi**2 * f**2
    narrow, falling = np.exp(-squared * core), 1.0 / (1.0 + tail * squared * skirt)
    wide = falling ** (1.0 / tail) * np.exp(-2j * np.pi * f * aside)
    slopes = [
        -(1.0 - share) * squared * narrow,
        wide - narrow,
        -share * squared * falling * wide,
        -2j * np.pi * f * share * wide,
    ]
    return (1.0 - share) * narrow + share * wide, np.stack(slopes, axis=-1)


def _misfit(seen: _Edges, at: Floats, tail: float) -> tuple[Floats, Floats, Floats, Floats]:
    """(squares (n), pulls (n, 4), normals (n, 4, 4)) of each edge, its own place left free, and what a step that is
    LEVELS higher would pull (n, 4)."""
    kept = np.clip(at, (0.0, -0.2, 0.0, -12.0), (64.0, 0.95, 600.0, 12.0))
    f = seen.frequencies_cpp
    model, slopes = _spread(kept, f, tail)
    model, slopes = model * seen.pixel, slopes * seen.pixel[..., None]
    both = seen.response * np.conj(model)
    size = np.abs(both) * seen.weight
    moved = (size * f * np.angle(both)).sum(1) / np.maximum((size * f * f).sum(1), 1e-12)
    left = seen.response * np.exp(-1j * f * moved[:, None]) - model

    def flat(values: Any) -> Floats:
        scaled = values * (seen.weight if values.ndim == 2 else seen.weight[..., None])
        return np.concatenate([scaled.real, scaled.imag], axis=1)

    left, slopes, aside = flat(left), flat(slopes), flat(-2j * np.pi * f * model)
    norm = np.maximum((aside**2).sum(1), 1e-12)
    left = left - aside * ((aside * left).sum(1) / norm)[:, None]
    slopes = slopes - aside[..., None] * (np.einsum("nf,nfk->nk", aside, slopes) / norm[:, None])[:, None]
    pulls, higher = (np.einsum("nfk,nf->nk", slopes, each) for each in (left, LEVELS * flat(model)))
    return (left**2).sum(1), pulls, np.einsum("nfk,nfl->nkl", slopes, slopes), higher


def _field(seen: _Edges, reach_mm: float) -> tuple[Floats, Floats, float]:
    """((rows, terms) of all lattices one after the other, and their errors, in pixels, the skirt's tail)."""
    edges = len(seen.places_mm)
    x, y = (seen.places_mm / reach_mm).T
    basis = terms(x, y, _MOST).T
    parts = np.zeros((edges, _EACH, _ROWS))
    parts[:, 0, 0:3] = parts[:, 2, 4:7] = _forms(seen.ways)
    parts[:, 1, 3] = 1.0
    parts[:, 3, 7:9] = seen.ways
    whole = np.einsum("ner,nk->nerk", parts, basis).reshape(edges, _EACH, _ROWS * _MOST)
    distinct = len({(round(x, 2), round(y, 2)) for x, y in seen.places_mm})
    free = float(np.linalg.svd(_forms(seen.ways).T, compute_uv=False)[2]) > 0.1 * math.sqrt(edges)
    lenses = _round_lenses()[: _KINDS[seen.method]]
    tried = [ways for ways in lenses if 2 * ways.shape[1] <= _EACH * edges]
    most = min(distinct, _EACH * edges // (3 * _ROWS)) if free and seen.method == "edges" else 0
    tried += [_polynomial(count) for count in PSF_TERMS if count <= most]
    lenses_by_tail = [(*_likeliest(seen, whole, tried, tail), tail) for tail in _TAILS[seen.method]]
    _, figures, error, tail = min(lenses_by_tail, key=itemgetter(0))
    numbers, errors = (each.reshape(_ROWS, _MOST) for each in (figures, error))
    powers = np.array([2.0] * 3 + [0.0] + [2.0] * 3 + [1.0] * 2)[:, None]
    return numbers, np.hypot(errors, powers * WIDTHS[seen.method] * numbers), tail


def _likeliest(seen: _Edges, whole: Floats, tried: Sequence[Floats], tail: float) -> tuple[float, Floats, Floats]:
    """(cost, coefficients, errors) of the lens of least cost among those tried, its skirt falling so."""
    best: tuple[float, Floats, Floats] | None = None
    said: list[Floats] = []
    starts = _starts(seen)
    for ways in tried:
        design, inverse = np.einsum("nek,kj->nej", whole, ways), np.linalg.pinv(ways)
        each = (_solved(seen, design, tail, inverse @ start) for start in starts)
        found, covariance, cost = min(each, key=itemgetter(2))
        coefficients = ways @ found
        starts = [coefficients]
        said.append(coefficients)
        if best is None or cost < best[0]:
            error = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", ways, covariance, ways), 0.0))
            best = cost, coefficients, error
    assert best is not None
    if seen.method == "photos":
        return *best[:2], np.hypot(best[2], np.std(said, axis=0))
    return best


def _starts(seen: _Edges) -> list[Floats]:
    """Coefficients to begin with: the same everywhere, as wide as blurs usually are and as edges look."""
    steep = np.argmax(np.abs(seen.response) < 0.5, axis=1)
    half = float(np.median(seen.frequencies_cpp[steep[steep > 0]])) if steep.any() else HIGHEST_CPP
    looks = math.log(2.0) / (2.0 * math.pi**2 * half**2)
    starts = []
    for core in (1.0, looks / 3.0):
        coefficients = np.zeros(_ROWS * _MOST)
        coefficients[[row * _MOST for row in (0, 2, 3, 4, 6)]] = core, core, 0.2, 5.0 * core, 5.0 * core
        starts.append(coefficients)
    return starts


def _solved(
    seen: _Edges, design: Floats, tail: float, start: Floats, good: Floats | None = None
) -> tuple[Floats, Floats, float]:
    """(figures, covariance, Akaike's cost) by Levenberg and Marquardt's steps.

    The cost is of what each edge's own four figures would still better: their frequencies share one profile's noise.
    """
    edges, _, figures = design.shape
    kept = np.ones(edges) if good is None else good
    belief = 1.0 / _UNUSUAL[seen.method] ** 2 / edges

    def state(numbers: Floats) -> State:
        at = np.einsum("nej,j->ne", design, numbers)
        squares, pulls, normals, higher = _misfit(seen, at, tail)
        away = _USUAL - at
        pulls, normals = pulls + belief * away, normals + np.diag(belief)
        return float((kept * squares).sum() + (belief * away**2).sum()), pulls, normals, higher

    numbers, (_, own_pulls, normals, higher), normal = _descended(state, design, kept, start)
    apart = np.einsum("ne,nef,nf->n", own_pulls, np.linalg.inv(normals + 1e-9 * np.eye(_EACH)), own_pulls)
    usual = max(float(np.median(apart)) / _MEDIAN, 1.0)
    most = STRANGE**2 * _EACH * usual
    if good is None and np.any(apart > most) and _EACH * np.sum(apart <= most) > 1.2 * figures:
        return _solved(seen, design, tail, numbers, (apart <= most).astype(np.float64))
    count = _EACH * edges
    misfit = float(np.minimum(apart, most).sum())
    spread = float((kept * apart).sum()) / max(_EACH * float(kept.sum()) - figures, 1.0)
    cost = count * math.log(max(misfit, 1e-9) / count)
    cost += 2 * figures * (1.0 + (figures + 1) / max(count - figures - 1, 0.5))
    inverse = np.linalg.pinv(normal, rcond=1e-12, hermitian=True)
    # What all edges owe to the levels of their steps does not show in their scatter.
    raised = inverse @ np.einsum("n,nej,ne->j", kept, design, higher)
    pulls = np.einsum("n,nej,ne->nj", kept, design, own_pulls)
    apart_by = inverse @ (pulls.T @ pulls) @ inverse * edges / max(float(kept.sum()) - figures / _EACH, 1.0)
    covariance = at_least(inverse * max(spread, 1.0), apart_by)
    return numbers, covariance + np.outer(raised, raised), cost


def _descended(
    state: Callable[[Floats], State], design: Floats, kept: Floats, start: Floats
) -> tuple[Floats, State, Floats]:
    """(numbers of the least cost, the state there, the normal matrix of the last step); edges count as `kept` says."""
    numbers, damping, now = start, 1e-3, state(start)
    for _ in range(60):
        normal = np.einsum("n,nej,nef,nfk->jk", kept, design, now[2], design, optimize=True)
        pull = np.einsum("n,nej,ne->j", kept, design, now[1])
        scale = np.maximum(np.diag(normal), 1e-9)
        tried = numbers + np.linalg.solve(normal + np.diag(damping * scale), pull)
        then = state(tried)
        if not then[0] < now[0]:
            damping *= 10.0
            if damping > 1e6:
                break
            continue
        settled = now[0] - then[0] < 1e-6 * now[0]
        numbers, now, damping = tried, then, max(damping / 10.0, 1e-9)
        if settled:
            break
    return numbers, now, normal


def _polynomial(count: int) -> Floats:
    ways = np.zeros((_ROWS, _MOST, _ROWS, count))
    for row in range(_ROWS):
        ways[row, :count, row] = np.eye(count)
    return ways.reshape(_ROWS * _MOST, _ROWS * count)


@cache
def _round_lenses() -> tuple[Floats, ...]:
    """(all coefficients, figures) of a round lens: to r2, to r4, and with what a tilt adds, straight over the field."""
    names = ("1", *("x" * (n - j) + "y" * j for n in range(1, 5) for j in range(n + 1)))
    even = {"r2": {"xx": 1, "yy": 1}, "r4": {"xxxx": 1, "xxyy": 2, "yyyy": 1}}
    even |= {name: {name: 1} for name in ("1", "x", "y")}
    along = {"r2": ({"xx": 1, "yy": -1}, {"xy": 2}), "r4": ({"xxxx": 1, "yyyy": -1}, {"xxxy": 2, "xyyy": 2})}
    radial = {"r": ({"x": 1}, {"y": 1}), "r3": ({"xxx": 1, "xyy": 1}, {"xxy": 1, "yyy": 1})}
    none: dict[str, int] = {}

    def figure(rows: dict[int, dict[str, int]]) -> Floats:
        ways = np.zeros((_ROWS, _MOST))
        for row, named in rows.items():
            for name, value in named.items():
                ways[row, names.index(name)] = value
        return ways.ravel()

    def lens(same: tuple[str, ...], more: tuple[str, ...], shifts: tuple[str, ...], tilted: bool) -> Floats:
        found = []
        for first in (0, 4):
            found += [figure({first: even[each], first + 2: even[each]}) for each in same]
            for each in more:
                straight, slanted = along[each]
                less = {name: -value for name, value in straight.items()}
                found.append(figure({first: straight, first + 1: slanted, first + 2: less}))
        found += [figure({3: even[each]}) for each in same]
        found += [figure({7: radial[each][0], 8: radial[each][1]}) for each in shifts]
        if tilted:
            found += [figure({7: even["1"], 8: none}), figure({7: none, 8: even["1"]})]
        return np.stack(found, axis=1)

    return (
        lens(("1", "r2"), ("r2",), ("r",), False),
        lens(("1", "r2", "r4"), ("r2", "r4"), ("r", "r3"), False),
        lens(("1", "r2", "r4", "x", "y"), ("r2", "r4"), ("r", "r3"), True),
    )


def _told(field: PsfField, places_mm: Floats, ways: Floats, f: Floats, pitch_um: float) -> Any:
    """(n, F): the response of the lens alone across each way, as the field says."""
    here = blur(field, *places_mm.T)
    forms = _forms(ways).T
    core, skirt = ((forms * each).sum(0) / pitch_um**2 for each in (here.core_um2, here.skirt_um2))
    aside = (ways.T * here.aside_um).sum(0) / pitch_um
    return _spread(np.stack([core, here.share, skirt, aside], axis=1), f, here.tail)[0]


def _residual(field: PsfField, seen: _Edges, pitch_um: float) -> float:
    model = np.abs(_told(field, seen.places_mm, seen.ways, seen.frequencies_cpp, pitch_um)) * seen.pixel
    off = (np.abs(seen.response) - np.abs(model))[seen.weight > 0.0]
    return float(np.sqrt(np.mean(off**2)))


def _tuples(values: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(value) for value in row) for row in values)
