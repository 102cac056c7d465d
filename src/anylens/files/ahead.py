"""What is done with a file's bytes while NumPy is still being loaded: one core loads, another decodes."""

from __future__ import annotations

from anylens.files.gate import FileBytes
from anylens.files.layout import LOSSLESS_JPEG, Unsupported, read_layout
from anylens.files.lossless_jpeg import Decoding
from anylens.files.tags import Tag
from anylens.files.tiff import open_tiff
from anylens.refusal import Refusal


def decoding(data: FileBytes) -> Decoding | None:
    """What decodes the largest image of a DNG where that is stored as lossless JPEGs; None for other files.

    What is wrong with a file is said when it is read.
    """
    try:
        tree = open_tiff(data).tree()
        if not tree or Tag.DNGVersion not in tree[0]:
            return None
        image = max(tree, key=lambda image: image.integer(Tag.ImageWidth, 0) * image.integer(Tag.ImageLength, 0))
        layout = read_layout(image)
        return Decoding(layout, data) if layout.compression == LOSSLESS_JPEG else None
    except (Refusal, Unsupported, ValueError):
        return None
