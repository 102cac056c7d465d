"""What is done with a file's bytes while NumPy is still being loaded: one core loads, another decodes."""

from __future__ import annotations

import mmap
from collections.abc import Callable

from anylens.files.gate import FileBytes
from anylens.files.layout import LOSSLESS_JPEG, Unsupported, read_layout
from anylens.files.lossless_jpeg import decode_into, read_header
from anylens.files.tags import Tag
from anylens.files.tiff import Buffer, open_tiff
from anylens.refusal import Refusal


def decode(data: FileBytes, stopped: Callable[[], bool]) -> dict[int, Buffer]:
    """By where they begin in a DNG: the samples, 16 bits each, of its largest image's lossless JPEG pieces.

    Only of those that were decoded before `stopped`, the others are left to more than one core; nothing of other files.
    What is wrong with a file is said when it is read.
    """
    found: dict[int, Buffer] = {}
    try:
        tree = open_tiff(data).tree()
        if not tree or Tag.DNGVersion not in tree[0]:
            return found
        image = max(tree, key=lambda image: image.integer(Tag.ImageWidth, 0) * image.integer(Tag.ImageLength, 0))
        layout = read_layout(image)
        if layout.compression != LOSSLESS_JPEG:
            return found
        for index, (begin, size) in enumerate(zip(layout.offsets, layout.sizes, strict=True)):
            if stopped():
                break
            piece = image.tiff.at(begin, size, "The raw image")
            header = read_header(piece)
            if header.plain and header.samples == layout.rows(index) * layout.row:
                samples = mmap.mmap(-1, 2 * header.samples)
                if decode_into(samples, piece, header):
                    found[begin] = samples
    except (Refusal, Unsupported):
        pass
    return found
