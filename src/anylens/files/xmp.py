"""XMP (ISO 16684-1): the packet that carries a photo's recipe, and the recipe found again."""

from __future__ import annotations

import math
import mmap
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from anylens.files.exif import INFINITELY_FAR, SOFTWARE, full_frame_focal, lens_range
from anylens.files.jpeg import jpeg_segments
from anylens.files.tags import Tag
from anylens.files.tiff import as_ratio, open_tiff
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from xml.etree import ElementTree as ET

    from anylens.frame import Facts
    from anylens.lens import Lens, Setting

Source = Literal["hand", "exif", "estimated", "twin"]
NAMESPACE = "http://ns.anylens.org/1.0/"
JPEG_SIGNATURE = b"http://ns.adobe.com/xap/1.0/\0"

_NAMESPACES = {
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
}
_RINGS = ("FNumber", "FocalLength", "SubjectDistance")
_SPACES = "".join(f' xmlns:{prefix}="{space}"' for prefix, space in _NAMESPACES.items())
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_LONGEST_PACKET = 1 << 20
_LONGEST_HEAD = 1 << 22
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_NOT_IN_XML = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF], " ")


def xmp_packet(recipe: str = "", frames: int = 1, facts: Facts | None = None) -> bytes:
    """An XMP packet, UTF-8, that names the program and holds the recipe's text if there is one.

    The property `Frames` says how many frames were merged where these are more than one; lens and rings stand there
    where `facts` know more of them than the camera wrote, and `SettingSource` says how we know.

    The text stands in the property `Recipe`; one with characters that XML cannot hold stands in `RecipeJSON`, as a
    JSON string.
    """
    if not recipe:
        held = ""
    elif recipe.translate(_NOT_IN_XML) != recipe:
        import json

        held = f"<anylens:RecipeJSON>{json.dumps(recipe).translate(_ESCAPED)}</anylens:RecipeJSON>"
    else:
        held = f"<anylens:Recipe>{recipe.translate(_ESCAPED)}</anylens:Recipe>"
    if frames > 1:
        held += f"<anylens:Frames>{frames}</anylens:Frames>"
    if facts is not None and facts.setting is not None and facts.setting.source != "exif":
        told = lens_properties(facts.lens, facts.setting, full_frame_focal(facts))
        held += "".join(_element(name, value) for name, value in told.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"><rdf:Description rdf:about="" '
        f'xmlns:xmp="http://ns.adobe.com/xap/1.0/"{_SPACES if "<exif" in held or "<aux" in held else ""} '
        f'xmlns:anylens="{NAMESPACE}">'
        f"<xmp:CreatorTool>{SOFTWARE}</xmp:CreatorTool>{held}"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def lens_properties(lens: Lens | None, setting: Setting, same_mm: int | None) -> dict[str, str | tuple[str, ...]]:
    """What XMP says of a lens and its rings, by prefixed name; what is not known is left out.

    Rationals are text as in EXIF, a tuple is an ordered list. `same_mm` is the focal length at 36 x 24 mm.
    """
    told: dict[str, str | tuple[str, ...]] = {}
    if lens is not None:
        words = {"exifEX:LensMake": lens.maker, "exifEX:LensModel": lens.model, "aux:Lens": lens.name}
        told |= {name: text.translate(_NOT_IN_XML) for name, text in words.items() if text}
        span = lens_range(lens)
        if span is not None:
            ratios = tuple(_ratio(value) for value in span.values if isinstance(value, float))
            told |= {"exifEX:LensSpecification": ratios, "aux:LensInfo": " ".join(ratios)}
    for name, number in (("exif:FNumber", setting.f_number), ("exif:FocalLength", setting.focal_mm)):
        if number is not None:
            told[name] = _ratio(number)
    if setting.focus_m is not None:
        told["exif:SubjectDistance"] = (
            "{}/{}".format(*INFINITELY_FAR) if math.isinf(setting.focus_m) else _ratio(setting.focus_m)
        )
    if same_mm is not None:
        told["exif:FocalLengthIn35mmFilm"] = str(same_mm)
    return told | {"anylens:SettingSource": setting.source}


def setting_source(packet: bytes) -> Source:
    """How the rings of the file that holds this XMP packet are known, `exif` where it does not say."""
    if b"SettingSource" not in packet:
        return "exif"
    root = _root(packet)
    said = None if root is None else _property(root, "SettingSource")
    return said if said in ("hand", "estimated", "twin") else "exif"  # type: ignore[return-value]


def lens_in(packet: bytes) -> tuple[Lens | None, Setting]:
    """The lens, None where none is named, and the rings that an XMP packet tells as `lens_properties` writes them."""
    from anylens.lens import Lens, Setting

    root = _root(packet)
    if root is None:
        return None, Setting("hand")
    maker, model = (_told(root, f"exifEX:{name}") for name in ("LensMake", "LensModel"))
    ends = [_number(each) for each in _told(root, "aux:LensInfo").split()]
    pairs = [(a, b) if a and b else None for a, b in zip(ends[::2], ends[1::2], strict=False)]
    focal_mm, widest = pairs if len(pairs) == 2 else (None, None)
    f_number, focal, focus = (_number(_told(root, f"exif:{name}")) for name in _RINGS)
    infinite = focus is not None and focus >= INFINITELY_FAR[0]
    lens = Lens(maker, model, focal_mm, widest) if maker or model else None
    return lens, Setting("hand", f_number, focal, math.inf if infinite else focus)


def retold(packet: bytes, told: Mapping[str, str | tuple[str, ...]], gone: Collection[str] = ()) -> bytes:
    """An XMP packet with these properties in place of older ones of their names, and without those of `gone`.

    Everything else in it stays. An empty packet becomes a new one. Raises Refusal for what is no XMP.
    """
    from xml.etree import ElementTree as ET

    packet = packet or xmp_packet()
    root = _root(packet)
    described = None if root is None else root.find(f".//{{{_RDF}}}RDF")
    if root is None or described is None:
        raise Refusal("The file's XMP is damaged, so nothing is written into it; repair or remove it first.")
    for prefix, space in re.findall(rb'xmlns:([A-Za-z_][\w.-]*)\s*=\s*"([^"]*)"', packet):
        if not re.fullmatch(rb"ns\d+|xml|xmlns", prefix):
            ET.register_namespace(prefix.decode(), space.decode("utf-8", "replace"))
    for prefix, space in (*_NAMESPACES.items(), ("anylens", NAMESPACE), ("x", "adobe:ns:meta/"), ("rdf", _RDF)):
        ET.register_namespace(prefix, space)
    away = {_qualified(name) for name in (*told, *gone)}
    for description in described.findall(f"{{{_RDF}}}Description"):
        for child in [child for child in description if child.tag in away]:
            description.remove(child)
        for name in away & set(description.attrib):
            del description.attrib[name]
    new = ET.SubElement(described, f"{{{_RDF}}}Description", {f"{{{_RDF}}}about": _about(described)})
    for name, value in told.items():
        element = ET.SubElement(new, _qualified(name))
        if isinstance(value, str):
            element.text = value
        else:
            row = ET.SubElement(element, f"{{{_RDF}}}Seq")
            for each in value:
                ET.SubElement(row, f"{{{_RDF}}}li").text = each
    _drop_empty(described)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{text}<?xpacket end="w"?>'.encode()


def recipe_in(packet: bytes) -> str | None:
    """The recipe's text in an XMP packet, None where it holds none or is no XMP."""
    root = _root(packet)
    if root is None:
        return None
    found = _property(root, "RecipeJSON")
    if found is not None:
        import json

        try:
            text = json.loads(found)
        except ValueError:
            return None
        return text if isinstance(text, str) else None
    return _property(root, "Recipe")


def recipe_text(path: str | Path) -> str:
    """The recipe that a photo (JPEG, TIFF, DNG) carries, or the text of a recipe file (.toml, UTF-8).

    Raises Refusal where the file is missing, carries none, or is neither photo nor text.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(_LONGEST_HEAD)
            tiff = open_tiff(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) if _is_tiff(head) else None
    except OSError as error:
        raise Refusal(f"{path} cannot be read for its recipe: {error.strerror}; give a photo or a .toml.") from error
    if tiff is not None:
        packets = [directory.raw(Tag.XMP) for directory in tiff.directories]
    elif head[:3] == b"\xff\xd8\xff":
        packets = [
            content.removeprefix(JPEG_SIGNATURE)
            for marker, content in jpeg_segments(head)
            if marker == 0xE1 and content.startswith(JPEG_SIGNATURE)
        ]
    else:
        return _text(path, head)
    for packet in packets:
        recipe = recipe_in(packet)
        if recipe is not None:
            return recipe
    raise Refusal(f"{path} carries no recipe: it was not made by anylens or lost its XMP; give another or a .toml.")


def _root(packet: bytes) -> ET.Element | None:
    from xml.etree import ElementTree as ET

    if len(packet) > _LONGEST_PACKET or b"<!DOCTYPE" in packet.replace(b"\0", b""):
        return None
    try:
        return ET.fromstring(packet.strip(b"\0 \n\r\t"))  # noqa: S314 - no document type, so no entities
    except (ET.ParseError, ValueError, LookupError):
        return None


def _about(described: ET.Element) -> str:
    """The subject that all descriptions of a packet share."""
    first = described.find(f"{{{_RDF}}}Description")
    return "" if first is None else first.get(f"{{{_RDF}}}about", "")


def _drop_empty(described: ET.Element) -> None:
    for description in described.findall(f"{{{_RDF}}}Description"):
        if not len(description) and set(description.attrib) <= {f"{{{_RDF}}}about"}:
            described.remove(description)


def _qualified(name: str) -> str:
    prefix, _, local = name.rpartition(":")
    return f"{{{_NAMESPACES.get(prefix, NAMESPACE)}}}{local}"


def _element(name: str, value: str | tuple[str, ...]) -> str:
    if isinstance(value, str):
        return f"<{name}>{value.translate(_ESCAPED)}</{name}>"
    return f"<{name}><rdf:Seq>{''.join(f'<rdf:li>{each}</rdf:li>' for each in value)}</rdf:Seq></{name}>"


def _ratio(value: float) -> str:
    return "{}/{}".format(*as_ratio(value))


def _told(root: ET.Element, name: str) -> str:
    return (_property(root, name) or "").strip()


def _number(text: str) -> float | None:
    """A rational or a number above 0, None for what is neither."""
    above, slash, below = text.partition("/")
    try:
        value = float(above) / float(below) if slash else float(above)
    except (ValueError, ZeroDivisionError):
        return None
    return value if 0.0 < value < math.inf else None


def _property(root: ET.Element, name: str) -> str | None:
    """A property's value, ours where it has no prefix, written as an element or as an attribute of its description."""
    qualified = _qualified(name)
    for element in root.iter():
        if element.tag == qualified:
            return element.text or ""
        if qualified in element.attrib:
            return element.attrib[qualified]
    return None


def _is_tiff(head: bytes) -> bool:
    return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _text(path: Path, head: bytes) -> str:
    try:
        if b"\0" in head or len(head) > _LONGEST_PACKET:
            raise ValueError
        return head.decode("utf-8-sig")
    except ValueError as error:
        raise Refusal(f"{path} is neither a photo (JPEG, TIFF, DNG) nor a recipe's text; give one of these.") from error
