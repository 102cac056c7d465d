"""What repeats over a mosaic every 2 x 2 pixels, laid out along whole rows.

A vector of pixels then loads it as it loads the pixels. Worked out from x % 2 in the middle of other work, Halide
makes vectors of the odd and of the even pixels apart, half as wide and twice as many, and shuffles all that is loaded.
"""

from __future__ import annotations

from typing import Any


def along_rows(name: str, at: Any) -> Any:
    """(x, y % 2) of `at`, a function of both; to be computed apart, before the rows that load it."""
    import halide as hl

    x, odd = hl.Var("x"), hl.Var("odd")
    rows = hl.Func(name)
    rows[x, odd] = at(x, hl.clamp(odd, 0, 1))
    return rows


def of_table(name: str, table: Any) -> Any:
    """(x, y % 2) of a table (2, 2), indexed [x, y]."""
    return along_rows(name, lambda x, odd: table[x % 2, odd])


def green_sites(name: str, red_x: Any, red_y: Any) -> Any:
    """(x, y % 2): 1 where the site is green, -1 where it is not."""
    import halide as hl

    return along_rows(name, lambda x, odd: hl.select((x + odd + red_x + red_y) % 2 == 1, hl.f32(1.0), hl.f32(-1.0)))


def schedule(rows: Any, width: int) -> None:
    """Once for the whole picture: a row takes no time beside the rest."""
    rows.compute_root().vectorize(rows.args()[0], width)
