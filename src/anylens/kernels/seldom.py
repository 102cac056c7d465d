"""What few pixels need is worked out only for those sixteen of a row among which one asks for it."""

from __future__ import annotations

from typing import Any

from anylens.record import Parts

BLOCK = 16


class Stages(Parts):
    asked: Any
    blocks: Any
    picture: Any


def algorithm(name: str, usual: Any, other: Any, asks: Any, begin: int = 0) -> Stages:
    """(x, y): `usual`, and in blocks in which `asks` is true anywhere `other`, which says the same where it is false.

    Both have as many values a pixel, one or several.
    A block begins `begin` pixels after a multiple of BLOCK. Where blocks look into blocks, half a block between their
    beginnings lets Halide see that what they load from beside them lies side by side.
    """
    import halide as hl

    x, y, lane, block = hl.Var("x"), hl.Var("y"), hl.Var("lane"), hl.Var("block")
    asked, blocks, picture = (hl.Func(f"{name}_{part}") for part in Stages._fields)
    each, these = hl.RDom([(0, BLOCK)]), hl.RDom([(0, BLOCK)])
    first = block * BLOCK + begin
    asked[block, y] = hl.cast(hl.Bool(), 0)
    asked[block, y] = asked[block, y] | asks[first + each.x, y]
    blocks[lane, block, y] = _values(usual, first + lane, y)
    these.where(asked[block, y])
    blocks[these.x, block, y] = _values(other, first + these.x, y)
    picture[x, y] = _values(blocks, (x - begin) % BLOCK, (x - begin) / BLOCK, y)
    return Stages(asked, blocks, picture)


def _values(func: Any, *place: Any) -> Any:
    values = func.outputs()
    return func[place] if values == 1 else tuple(func[place][i] for i in range(values))


def schedule(stages: Stages, store: tuple[Any, Any], row: tuple[Any, Any]) -> None:
    """Kept at `store`, made at each `row`: a block at once, even where that is several vectors, to ask once for all."""
    lane, block, _ = stages.blocks.args()
    stages.blocks.store_at(*store).compute_at(*row).bound(lane, 0, BLOCK).vectorize(lane)
    stages.blocks.update().vectorize(stages.blocks.rvars(0)[0])
    stages.asked.compute_at(stages.blocks, block)
    stages.asked.update().atomic().vectorize(stages.asked.rvars(0)[0])
