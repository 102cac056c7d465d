"""Charts found by themselves: slanted edges, Siemens star, dot grid, chessboard and ChArUco."""

from __future__ import annotations

from dataclasses import dataclass

from anylens.lab.samples import Floats, Place


@dataclass(frozen=True, slots=True)
class Edge:
    """A straight edge between two even surfaces: its usable ends, and how far to both sides nothing else lies."""

    start_px: Place
    end_px: Place
    half_width_px: float


@dataclass(frozen=True, slots=True)
class Star:
    """A Siemens star: its middle, its outer radius and how many cycles go round."""

    centre_px: Place
    radius_px: float
    cycles: int


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Points of a flat chart whose places on it are known.

    `points_px` (n, 2) as the picture shows them, `error_px` (n,) how sure each is, `chart` (n, 2) their places on the
    chart in steps of its lattice. `kind` is `dots`, `lines`, `chessboard` or `charuco`.
    """

    kind: str
    points_px: Floats
    error_px: Floats
    chart: Floats
