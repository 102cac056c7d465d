"""Camera raws and DNG in; DNG, JPEG and TIFF out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.files.gate import FileBytes
    from anylens.files.lossless_jpeg import Decoding
    from anylens.files.writing import write
    from anylens.files.xmp import recipe_text
    from anylens.frame import Frame
    from anylens.image import Scene

__all__ = ["read", "recipe_text", "write"]

PNG = b"\x89PNG\r\n\x1a\n"
_FINISHED = (
    (b"\xff\xd8\xff", "a JPEG"),
    (b"GIF8", "a GIF"),
    (b"RIFF", "a WebP or a film"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"BM", "a BMP picture"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
)
_BARE_SUFFIXES = (".raw", ".bin")


def read(
    path: str | os.PathLike[str],
    *,
    sensor: str | os.PathLike[str] | None = None,
    data: FileBytes | None = None,
    decoding: Decoding | None = None,
) -> Frame | Scene:
    """A raw file as a Frame, or as a Scene where it is a linear DNG.

    What the file is, its content says, not its name: DNG, a camera's own raw, FITS, or a bare mosaic (gray PNG or plain
    counts) with a sensor TOML of the same stem beside it. What a sidecar (`a.xmp` beside `a.nef`) tells by hand of lens
    and rings is taken. `sensor` is such a TOML, or the name of a shipped one; it
    also lends colour matrices and noise to raws without their own. `data` are the file's bytes where they are already
    at hand, `decoding` what `ahead.decoding` made of them. Raises Refusal.
    """
    from anylens.files import gate

    if data is None:
        data = gate.load(path)
    try:
        sheet = None
        if sensor is not None:
            from anylens.files.bare import find_sheet

            sheet = find_sheet(path, sensor)
        for signature, name in _FINISHED:
            if data[: len(signature)] == signature:
                raise Refusal(f"{Path(path).name} is {name}, not a raw file; name the camera's raw file.")
        if data[: len(PNG)] == PNG or Path(path).suffix.lower() in _BARE_SUFFIXES:
            from anylens.files import bare

            sheet = sheet or bare.find_sheet(path)
            if sheet is not None:
                return bare.read_bare(path, sheet, data=data)
        image = _read_raw(path, data, None if sheet is None else sheet.sensor, decoding)
        if Path(path).with_suffix(".xmp").exists():
            from anylens.files.sidecar import with_sidecar

            image = with_sidecar(image, path)
        return image
    except Refusal:
        raise
    except MemoryError as error:
        raise Refusal(f"{Path(path).name} needs more memory than there is; close other programs.") from error
    except (ValueError, ArithmeticError, LookupError, TypeError, RuntimeError) as error:
        raise Refusal(f"{Path(path).name} contradicts itself ({error}); copy it from the camera again.") from error


def _read_raw(path: str | os.PathLike[str], data: FileBytes, sensor: Any, decoding: Decoding | None) -> Frame | Scene:
    from anylens.files.dng import read_dng
    from anylens.files.tags import Tag
    from anylens.files.tiff import open_tiff

    name = Path(path).name
    if data[: len(PNG)] == PNG:
        raise Refusal(
            f"{name} is a PNG without a sensor file; write {Path(path).stem}.toml beside it or give --sensor."
        )
    if data[:4] == b"FOVb":
        raise Refusal(f"{name} comes from a Foveon sensor (X3F), which is not developed; export it as linear DNG.")
    if data[4:8] == b"ftyp" and data[8:12] != b"crx ":
        raise Refusal(f"{name} is a HEIF, AVIF or film file, not a raw file; name the camera's raw file.")
    if data[:2] in (b"\x1f\x8b", b"SI"):
        from anylens.files.fits import is_fits, read_fits

        if is_fits(data):
            return read_fits(path, data, sensor)
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        first = open_tiff(data).directories
        if first and Tag.DNGVersion in first[0]:
            return read_dng(path, data=data, sensor=sensor, decoding=decoding)
    elif Path(path).suffix.lower() in (".dng", ".gpr"):
        raise Refusal(f"{name} is not a DNG, its content is of another kind; copy it from the camera again.")
    if Path(path).suffix.lower() in _BARE_SUFFIXES and data[:2] not in (b"II", b"MM"):
        raise Refusal(
            f"{name} holds bare counts and no sensor file says what they are; write {Path(path).stem}.toml beside it "
            "or give --sensor."
        )
    from anylens.files.libraw import read_libraw

    return read_libraw(path, data=data, sensor=sensor)


def __getattr__(name: str) -> Any:
    if name == "write":
        from anylens.files.writing import write

        return write
    if name == "recipe_text":
        from anylens.files.xmp import recipe_text

        return recipe_text
    raise AttributeError(f"module 'anylens.files' has no attribute '{name}'")
