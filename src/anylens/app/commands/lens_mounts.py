"""`anylens lens mounts`: the mounts, and the adapter that each lens needs on a body."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter

from anylens.app import mine
from anylens.app.syntax import Syntax


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lens mounts`."""
    syntax.usage = "anylens lens mounts [options]"
    syntax.add_argument("--body", metavar="NAME|MOUNT", help="the body, or its mount; the one in use where not given")
    syntax.add_json()


def run(given: Namespace) -> int:
    """List every mount with its flange distance and what reaches the body."""
    from anylens.lens.mounts import adapter_mm, mounts

    where = body_mount(given.body)
    lengths = {each.name: adapter_mm(each.name, where) for each in mounts()}
    lenses = Counter(card.lens.mount for card in mine.catalogue().values())
    if given.json:
        from anylens.app.plain import as_json, plain

        told = [{**plain(each), "adapter_mm": lengths[each.name], "lenses": lenses[each.name]} for each in mounts()]
        print(as_json({"body_mount": where, "mounts": told}))
        return 0
    from anylens.app.table import table

    rows = [
        (
            each.name,
            f"{each.kind}; {adapter_words(lengths[each.name])}",
            f"{each.flange_mm:.2f} mm",
            str(lenses[each.name] or ""),
        )
        for each in mounts()
    ]
    print(table(rows, ("mount", f"on {where}", "flange", "lenses")))
    return 0


def body_mount(asked: str | None) -> str:
    """The mount of a body, or a mount by its own name; the body in use for None."""
    from anylens.body import body
    from anylens.lens.mounts import mount
    from anylens.refusal import Refusal

    if asked is not None:
        try:
            return mount(asked).name
        except Refusal:
            pass
    found = body(asked or mine.mine().body or mine.CONCEPT_PHONE)
    if found.mount is None:
        raise Refusal(f"{found.model} says no mount; name the mount itself.")
    return mount(found.mount).name


def adapter_words(length_mm: float) -> str:
    """What a length of adapter means."""
    if length_mm == 0.0:
        return "no adapter, or one without length"
    if length_mm > 0.0:
        return f"an adapter of {length_mm:.2f} mm"
    return f"near things only: it sits {-length_mm:.2f} mm too far out for infinity"
