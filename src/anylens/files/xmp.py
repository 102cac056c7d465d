"""XMP (ISO 16684-1): the packet that carries a photo's recipe, and the recipe found again."""

from __future__ import annotations

import mmap
import re
from pathlib import Path
from typing import TYPE_CHECKING

from anylens.files.exif import SOFTWARE
from anylens.files.jpeg import jpeg_segments
from anylens.files.tags import Tag
from anylens.files.tiff import open_tiff
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from xml.etree import ElementTree as ET

NAMESPACE = "http://ns.anylens.org/1.0/"
JPEG_SIGNATURE = b"http://ns.adobe.com/xap/1.0/\0"

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_LONGEST_PACKET = 1 << 20
_LONGEST_HEAD = 1 << 22
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xmp_packet(recipe: str = "", frames: int = 1) -> bytes:
    """An XMP packet, UTF-8, that names the program and holds the recipe's text if there is one.

    The property `Frames` says how many frames were merged where these are more than one.

    The text stands in the property `Recipe`; one with characters that XML cannot hold stands in `RecipeJSON`, as a
    JSON string.
    """
    if not recipe:
        held = ""
    elif _NOT_IN_XML.search(recipe):
        import json

        held = f"<anylens:RecipeJSON>{json.dumps(recipe).translate(_ESCAPED)}</anylens:RecipeJSON>"
    else:
        held = f"<anylens:Recipe>{recipe.translate(_ESCAPED)}</anylens:Recipe>"
    if frames > 1:
        held += f"<anylens:Frames>{frames}</anylens:Frames>"
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"><rdf:Description rdf:about="" '
        f'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:anylens="{NAMESPACE}">'
        f"<xmp:CreatorTool>{SOFTWARE}</xmp:CreatorTool>{held}"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def recipe_in(packet: bytes) -> str | None:
    """The recipe's text in an XMP packet, None where it holds none or is no XMP."""
    from xml.etree import ElementTree as ET

    if len(packet) > _LONGEST_PACKET or b"<!DOCTYPE" in packet.replace(b"\0", b""):
        return None
    try:
        root = ET.fromstring(packet.strip(b"\0 \n\r\t"))  # noqa: S314 - no document type, so no entities
    except (ET.ParseError, ValueError, LookupError):
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


def _property(root: ET.Element, name: str) -> str | None:
    """A property's value, written as an element or as an attribute of its description."""
    qualified = f"{{{NAMESPACE}}}{name}"
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
