"""A passport into its TOML file, the one that was there kept beside it."""

from __future__ import annotations

import itertools
from pathlib import Path

from anylens.files.whole import make_folder, whole
from anylens.lens.passport import Passport
from anylens.lens.passport_file import passport_text


def write_passport(passport: Passport, path: Path) -> Path | None:
    """Write a passport whole or not at all; gives where the file that was there is kept beside it, None for none.

    Its folder is made where there is none. Raises Refusal as `whole` does.
    """
    make_folder(path.parent)
    kept = None
    if path.exists():
        spares = (path.with_name(f"{path.stem}.{number}{path.suffix}") for number in itertools.count(1))
        kept = next(spare for spare in spares if not spare.exists())
        with whole(kept) as file:
            file.write(path.read_bytes())
    with whole(path) as file:
        file.write(passport_text(passport).encode())
    return kept
