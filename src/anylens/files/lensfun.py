"""Lensfun's XML: a lens of its database as a passport, and a passport as a lens for it.

Its radii are 1 at half the shorter side of the calibrated picture (distortion, lateral colour) or in its corner
(vignetting). Polynomials other than ours are fitted over the whole radius; the section's residual says how well. The
database itself is CC BY-SA and is read where the user has it, never copied.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from anylens.lens.model import Lens
from anylens.lens.passport import Geometry, Lateral, Origin, Passport, Vignetting
from anylens.lens.rings import nearest
from anylens.record import replace
from anylens.refusal import Refusal, near

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

Floats = npt.NDArray[np.float64]

FULL_FRAME_MM = math.hypot(18.0, 12.0)
NOT_KNOWN = math.inf
FARTHEST_M = 1000.0
INSTALLED = ("~/.local/share/lensfun", "~/.local/share/lensfun/updates/version_1", "/var/lib/lensfun-updates/version_1")
SHIPPED = ("/usr/share/lensfun", "/usr/local/share/lensfun", "/opt/homebrew/share/lensfun")


def read_lensfun(
    name: str, body: str, date: str, places: Sequence[Path] = (), focal_mm: float | None = None
) -> Passport:
    """The passport of the lens of that name, as far as Lensfun knows it; `places` are files or folders of its XML.

    Where none is given they are those where systems, and the package lensfunpy, install it. `date` is what the sections
    are dated. Raises Refusal where there is no database, no such lens (the near ones are named), or several focal
    lengths and none is chosen.
    """
    # Of a lens that stands in several places the first counts: the user's own, then the newest that is installed.
    lenses = reversed([*_lenses(_files(places, name))])
    found = {f"{maker} {model}": lens for lens in lenses for maker, model in _names(lens)}
    wanted = " ".join(name.split()).casefold()
    exact = [each for each in found if each.casefold() == wanted or each.casefold().partition(" ")[2] == wanted]
    if not exact:
        raise Refusal(f"Lensfun's database has no lens '{name}'; {near(wanted, found)}.")
    lens = found[exact[0]]
    return _passport(lens, exact[0], body, date, focal_mm)


def lensfun_text(passport: Passport) -> str:
    """The passport as a database of Lensfun with one lens: distortion as poly5, lateral colour and vignetting.

    Version 0.3 of Lensfun knows no centre and no tangential terms that way; they are left out. Raises Refusal for a
    passport in which there is nothing for it.
    """
    from xml.etree.ElementTree import Element, SubElement, indent, tostring

    sections: tuple[Geometry | Vignetting | Lateral, ...] = (
        *passport.geometry,
        *passport.vignetting,
        *passport.lateral,
    )
    if not sections:
        raise Refusal(
            "The passport has neither geometry, vignetting nor lateral colour, so Lensfun has no use for it; "
            "calibrate one of them first."
        )
    lens, reach = passport.lens, max(record.reach_mm for record in sections)
    focal = lens.focal_mm[0] if lens.focal_mm else passport.geometry[0].focal_mm if passport.geometry else None
    if focal is None:
        raise Refusal("The passport does not say the lens's focal length, which Lensfun needs; add focal_mm to [lens].")
    root = Element("lensdatabase", version="1")
    held = SubElement(root, "lens")
    for tag, text in (
        ("maker", lens.maker),
        ("model", lens.model),
        ("mount", lens.mount or "Generic"),
        ("cropfactor", f"{FULL_FRAME_MM / reach:.6g}"),
    ):
        SubElement(held, tag).text = text
    calibration = SubElement(held, "calibration")
    for tag, said in (*_bent(passport, reach), *_apart(passport, reach), *_fallen(passport, reach)):
        SubElement(calibration, tag, {"focal": f"{focal:g}"} | said)
    indent(root, "    ")
    return tostring(root, "unicode") + "\n"


def _bent(passport: Passport, reach: float) -> Iterator[tuple[str, dict[str, str]]]:
    """Distortion as an entry's tag and attributes."""
    radius, half = np.linspace(0.02, 1.0, 60) * reach, _half_side(reach, 1.5)
    for _, record in nearest(passport.geometry, None, None)[:1]:
        n2 = (radius / record.focal_mm) ** 2
        k1, k2, k3 = record.radial
        (a, b), _ = _fitted((radius / half)[:, None] ** np.array([2, 4]), n2 * (k1 + n2 * (k2 + n2 * k3)), radius)
        yield "distortion", {"model": "poly5", "k1": _said(a), "k2": _said(b)}


def _apart(passport: Passport, reach: float) -> Iterator[tuple[str, dict[str, str]]]:
    """Lateral colour as an entry's tag and attributes."""
    radius, half = np.linspace(0.02, 1.0, 60) * reach, _half_side(reach, 1.5)
    for _, colors in nearest(passport.lateral, None, None)[:1]:
        said = {"model": "poly3"}
        for letter, (c0, c1, c2) in (("r", colors.red), ("b", colors.blue)):
            s2 = (radius / colors.reach_mm) ** 2
            powers = (radius / half)[:, None] ** np.array([0, 1, 2])
            (v, c, b), _ = _fitted(powers, c0 + s2 * (c1 + s2 * c2), radius)
            said |= {f"v{letter}": f"{1.0 + v:.9f}", f"c{letter}": _said(c), f"b{letter}": _said(b)}
        yield "tca", said


def _fallen(passport: Passport, reach: float) -> Iterator[tuple[str, dict[str, str]]]:
    """Falloff as tags and attributes of entries, one for each aperture that is known."""
    for falloff in passport.vignetting:
        f_number = falloff.f_number or (passport.lens.max_aperture[0] if passport.lens.max_aperture else None)
        if f_number is not None:
            grown = (reach / falloff.reach_mm) ** np.array([2, 4, 6]) * falloff.radial
            terms = {f"k{index}": _said(value) for index, value in enumerate(grown, 1)}
            at = {"aperture": f"{f_number:g}", "distance": f"{falloff.focus_m or FARTHEST_M:g}"}
            yield "vignetting", {"model": "pa"} | at | terms


def _passport(lens: Element, name: str, body: str, date: str, focal_mm: float | None) -> Passport:
    calibration = lens.find("calibration")
    entries = [] if calibration is None else list(calibration)
    focals = sorted({_focal(each, "focal") for each in entries if "focal" in each.attrib})
    if not focals:
        raise Refusal(f"Lensfun's database knows the name {name} but no figure of it; calibrate the lens instead.")
    if focal_mm is None and focals[-1] > 1.05 * focals[0]:
        raise Refusal(f"{name} was measured from {focals[0]:g} to {focals[-1]:g} mm; choose one with --focal.")
    focal = min(focals, key=lambda each: abs(each - (focal_mm or focals[0])))
    crop = _within(lens.findtext("cropfactor") or "1", "cropfactor", 0.1, 100.0)
    ratio = _ratio(lens.findtext("aspect-ratio") or "3:2")
    reach = FULL_FRAME_MM / crop
    half = _half_side(reach, ratio)
    origin = Origin(method="imported", frames=0, date=date)
    here = [each for each in entries if _number(each, "focal", focal) == focal]
    maker, model = next(pair for pair in _names(lens) if " ".join(pair) == name)
    bent = [_geometry(each, focal, reach, half, origin) for each in here if each.tag == "distortion"]
    apart = [_lateral(each, reach, half, origin) for each in here if each.tag == "tca"]
    return Passport(
        Lens(maker, model, (focal, focal), mount=lens.findtext("mount")),
        body,
        geometry=tuple(bent[:1]),
        vignetting=_falloffs([each for each in here if each.tag == "vignetting"], reach, origin),
        lateral=tuple(apart[:1]),
    )


def _geometry(entry: Element, focal: float, reach: float, half: float, origin: Origin) -> Geometry:
    model = entry.get("model")
    r = np.linspace(0.01, 1.0, 100) * reach / half
    a, b, c, k1, k2 = (_number(entry, key, 0.0) for key in ("a", "b", "c", "k1", "k2"))
    growth = {
        "ptlens": (1 - a - b - c, c * r + b * r**2 + a * r**3),
        "poly3": (1 - k1, k1 * r**2),
        "poly5": (1.0, k1 * r**2 + k2 * r**4),
    }
    if model not in growth:
        raise Refusal(f"Lensfun's distortion model '{model}' is not read here; calibrate the lens instead.")
    middle, more = growth[model]
    real = _focal(entry, "real-focal") if "real-focal" in entry.attrib else focal
    place = middle * r * half
    terms, left = _fitted((place / real)[:, None] ** np.array([2, 4, 6]), more / middle, place)
    return Geometry(
        **origin.named,
        residual=left * 1000,
        focal_mm=real,
        focal_mm_error=NOT_KNOWN,
        centre_mm=(0.0, 0.0),
        centre_mm_error=(NOT_KNOWN,) * 2,
        radial=(terms[0], terms[1], terms[2]),
        radial_error=(NOT_KNOWN,) * 3,
        tangential=(0.0, 0.0),
        tangential_error=(NOT_KNOWN,) * 2,
        reach_mm=float(place[-1]),
    )


def _lateral(entry: Element, reach: float, half: float, origin: Origin) -> Lateral:
    r = np.linspace(0.01, 1.0, 100) * reach / half
    found, worst = [], 0.0
    for letter in "rb":
        v, c, b = (_number(entry, f"{term}{letter}", usual) for term, usual in (("v", 1.0), ("c", 0.0), ("b", 0.0)))
        v = _number(entry, f"k{letter}", v)
        terms, left = _fitted((r * half / reach)[:, None] ** np.array([0, 2, 4]), v - 1 + c * r + b * r**2, r * half)
        found.append((terms[0], terms[1], terms[2]))
        worst = max(worst, left)
    return Lateral(
        **origin.named,
        residual=worst * 1000,
        red=found[0],
        red_error=(NOT_KNOWN,) * 3,
        blue=found[1],
        blue_error=(NOT_KNOWN,) * 3,
        red_shift_mm=(0.0, 0.0),
        red_shift_mm_error=(NOT_KNOWN,) * 2,
        blue_shift_mm=(0.0, 0.0),
        blue_shift_mm_error=(NOT_KNOWN,) * 2,
        reach_mm=reach,
    )


def _falloffs(entries: Sequence[Element], reach: float, origin: Origin) -> tuple[Vignetting, ...]:
    """One for each aperture: that of the farthest distance."""
    farthest: dict[float, Element] = {}
    for entry in sorted(entries, key=lambda each: _number(each, "distance", FARTHEST_M)):
        farthest[_number(entry, "aperture")] = entry
    return tuple(
        Vignetting(
            **replace(origin, f_number=f_number).named,
            residual=0.0,
            centre_mm=(0.0, 0.0),
            centre_mm_error=(NOT_KNOWN,) * 2,
            radial=(_number(entry, "k1", 0.0), _number(entry, "k2", 0.0), _number(entry, "k3", 0.0)),
            radial_error=(NOT_KNOWN,) * 3,
            reach_mm=reach,
        )
        for f_number, entry in sorted(farthest.items())
    )


def _files(places: Sequence[Path], name: str) -> list[Path]:
    folders = list(places)
    for each in folders:
        if not each.exists():
            raise Refusal(f"{each}, where Lensfun's XML was said to be, is not there; name its folder or a file of it.")
    if not folders:
        folders = [folder for each in INSTALLED if (folder := Path(each).expanduser()).is_dir()]
        folders += [version for each in SHIPPED for version in sorted(Path(each).glob("version_*"), reverse=True)]
        package = find_spec("lensfunpy")
        folders += [Path(package.origin).parent / "db_files"] if package is not None and package.origin else []
    files = [file for each in folders for file in (sorted(each.glob("*.xml")) if each.is_dir() else [each])]
    if not files:
        where = f"{places[0]} holds no XML of Lensfun" if places else "Lensfun's database is not on this computer"
        raise Refusal(
            f"{where}, so what it knows of '{name}' cannot be read; install it (Debian's liblensfun-data-v1, Homebrew's"
            " lensfun, or pip install lensfunpy), or say with --database where its XML is."
        )
    return files


def _lenses(files: Sequence[Path]) -> Iterator[Element]:
    import xml.etree.ElementTree as ET

    for file in files:
        try:
            text = file.read_text("utf-8")
            if "<!ENTITY" in text:
                raise Refusal(
                    f"{file.name} defines entities of its own, which no database of Lensfun does; name another."
                )
            yield from ET.fromstring(text).iter("lens")  # noqa: S314 - entities are refused above
        except (OSError, UnicodeDecodeError, ET.ParseError) as error:
            raise Refusal(f"{file.name} cannot be read as Lensfun's XML ({error}); name another.") from error


def _names(lens: Element) -> list[tuple[str, str]]:
    makers = [each.text or "" for each in lens.findall("maker")][:1]
    return [(maker, each.text or "") for maker in makers for each in lens.findall("model")]


def _number(entry: Element, key: str, usual: float | None = None) -> float:
    text = entry.get(key)
    try:
        value = usual if text is None else float(text)
    except ValueError:
        value = None
    if value is None or not math.isfinite(value):
        raise Refusal(f"Lensfun's {entry.tag} says {key} = {text!r}, which is no number; correct the database there.")
    return value


def _focal(entry: Element, key: str) -> float:
    return _within(entry.get(key, ""), key, 0.5, 5000.0)


def _ratio(text: str) -> float:
    first, _, second = text.partition(":")
    least, most = sorted(_within(side, "aspect-ratio", 0.01, 100.0) for side in (first, second or "1"))
    return most / least


def _within(text: str, key: str, least: float, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise Refusal(f"Lensfun's lens says {key} {text!r}, not {least:g} to {most:g}; correct the database there.")
    return value


def _half_side(reach: float, ratio: float) -> float:
    """Half the shorter side of a picture whose corner is `reach` from its middle."""
    return reach / math.hypot(1.0, ratio)


def _fitted(powers: Floats, wanted: Floats, radius: Floats) -> tuple[list[float], float]:
    """Terms by least squares of places (growth times radius), and the rms that is left of the places."""
    if not (np.isfinite(powers).all() and np.isfinite(wanted).all()):
        raise Refusal("The lens's figures are too large for any lens; correct them where they are, or calibrate it.")
    terms = np.linalg.lstsq(powers * radius[:, None], wanted * radius, rcond=None)[0]
    left = (powers @ terms - wanted) * radius
    return terms.tolist(), float(np.sqrt(np.mean(left**2)))


def _said(value: float) -> str:
    return f"{value:.9g}"
