"""What stands at the head of a baseline JPEG: the tables of ITU-T T.81, annex K, at libjpeg's qualities."""

from __future__ import annotations

from collections.abc import Iterator

_DQT, _SOF0, _DHT, _SOS = 0xDB, 0xC0, 0xC4, 0xDA
_DC, _AC = 0x00, 0x10

_STEPS = (
    bytes.fromhex(
        "100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933383740485c4e404457453738506d5157"
        "5f626768673e4d71797064785c656763"
    ),
    bytes.fromhex(
        "1112121815182f1a1a2f6342384263636363636363636363636363636363636363636363636363636363636363636363"
        "63636363636363636363636363636363"
    ),
)
"""Of quantisation at quality 50, for luma and chroma (tables K.1 and K.2), in the zigzag's order."""

CODES = (
    (
        bytes.fromhex("00010501010101010100000000000000" + "000102030405060708090a0b"),
        bytes.fromhex(
            "0002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f0"
            "2433627282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a63646566676869"
            "6a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5"
            "c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
        ),
    ),
    (
        bytes.fromhex("00030101010101010101010000000000" + "000102030405060708090a0b"),
        bytes.fromhex(
            "00020102040403040705040400010277000102031104052131061241510761711322328108144291a1b1c109233352f0"
            "156272d10a162434e125f11718191a262728292a35363738393a434445464748494a535455565758595a636465666768"
            "696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3"
            "c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"
        ),
    ),
)
"""Of DC and AC coefficients, for luma and chroma (tables K.3 to K.6): 16 counts by length, and the symbols."""


def steps(quality: int) -> tuple[bytes, ...]:
    """Steps of quantisation for luma and chroma, in the zigzag's order, for libjpeg's quality from 1 to 100."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return tuple(bytes(min(max((step * percent + 50) // 100, 1), 255) for step in table) for table in _STEPS)


def tables(quality: int, shape: tuple[int, int], halved: bool) -> Iterator[tuple[int, bytes]]:
    """(marker, content) of the tables and the frame of a picture (H, W) of YCbCr, of which colour may be `halved`."""
    for kind, table in enumerate(steps(quality)):
        yield _DQT, bytes((kind, *table))
    height, width = shape
    sampling = 0x22 if halved else 0x11
    colors = bytes((1, sampling, 0, 2, 0x11, 1, 3, 0x11, 1))
    yield _SOF0, b"\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + b"\x03" + colors
    for kind, (first, others) in enumerate(CODES):
        yield _DHT, bytes((_DC | kind, *first))
        yield _DHT, bytes((_AC | kind, *others))


SCAN = _SOS, bytes((3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0))
"""(marker, content) of the scan's own head."""
