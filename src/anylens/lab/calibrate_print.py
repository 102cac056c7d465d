"""The ChArUco board to calibrate with: a page in true millimetres as PDF (own writer), and a picture for screens."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from anylens.refusal import Refusal

Byte = npt.NDArray[np.uint8]

PAPERS_MM = {"a4": (297.0, 210.0), "a3": (420.0, 297.0), "a2": (594.0, 420.0), "letter": (279.4, 215.9)}
"""Width and height of each paper, lying."""

_MARGIN_MM = 10.0
_FOOT_MM = 14.0
_CELLS = 8
_MARKERS = 1000
_POINT_MM = 25.4 / 72.0


def board_cells(columns: int, rows: int) -> Byte:
    """(8 rows, 8 columns) uint8, 0 or 255: the board with one pixel for each cell of its markers' code.

    DICT_4X4_1000 of OpenCV, markers three quarters of a square: what `find_grid` looks for. Raises Refusal.
    """
    import cv2

    if not (columns >= 3 and rows >= 3 and columns * rows // 2 <= _MARKERS):
        raise Refusal(
            f"A board of {columns} x {rows} squares is not made; it has 3 squares or more each way and {_MARKERS} "
            "markers at most, so choose another size of square."
        )
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_1000)
    board = cv2.aruco.CharucoBoard((columns, rows), 1.0, 0.75, dictionary)
    return np.asarray(board.generateImage((columns * _CELLS, rows * _CELLS), None, 0, 1), np.uint8)


def chart_pdf(paper: str, square_mm: float) -> tuple[bytes, int, int]:
    """(a PDF of one page, columns, rows of squares): the board, and a ruler of 100 mm to check the print by."""
    width, height = PAPERS_MM[paper]
    columns = int((width - 2.0 * _MARGIN_MM) // square_mm)
    rows = int((height - 2.0 * _MARGIN_MM - _FOOT_MM) // square_mm)
    cells = board_cells(columns, rows)
    cell = square_mm / _CELLS
    left = (width - columns * square_mm) / 2.0
    top = height - _MARGIN_MM
    lines = [f"{1.0 / _POINT_MM:.8f} 0 0 {1.0 / _POINT_MM:.8f} 0 0 cm", "0 g"]
    for x, y, wide, high in _rectangles(cells == 0):
        lines.append(f"{left + x * cell:.4f} {top - (y + high) * cell:.4f} {wide * cell:.4f} {high * cell:.4f} re")
    lines.append("f")
    lines += _ruler(_MARGIN_MM, _MARGIN_MM)
    words = f"anylens: {columns} x {rows} squares of {square_mm:g} mm. Print at 100 %; this ruler is 100 mm long."
    lines += ["BT", "/F1 3.2 Tf", f"{_MARGIN_MM + 106.0} {_MARGIN_MM} Td", f"({words}) Tj", "ET"]
    return _page("\n".join(lines).encode("ascii"), width, height), columns, rows


def chart_picture(width_px: int, height_px: int) -> tuple[Byte, int, int]:
    """((height, width, 3) uint8, columns, rows): the board on white, squares of whole pixels, to show 1:1."""
    cell = max(1, max(width_px, height_px) // 16 // _CELLS)
    square = cell * _CELLS
    columns, rows = (int(side - square // 2) // square for side in (width_px, height_px))
    cells = board_cells(columns, rows)
    drawn = np.kron(cells, np.ones((cell, cell), np.uint8))
    picture = np.full((height_px, width_px), 255, np.uint8)
    top, left = (height_px - drawn.shape[0]) // 2, (width_px - drawn.shape[1]) // 2
    picture[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
    return np.repeat(picture[:, :, None], 3, axis=2), columns, rows


def _rectangles(dark: npt.NDArray[np.bool_]) -> list[tuple[int, int, int, int]]:
    """(x, y, width, height) of rectangles that cover the dark cells, each as wide and then as high as it can be."""
    left = dark.copy()
    found = []
    for y, x in np.argwhere(dark):
        if not left[y, x]:
            continue
        right = x
        while right < left.shape[1] and left[y, right] and right // _CELLS == x // _CELLS:
            right += 1
        down = y
        while down < left.shape[0] and left[down, x:right].all() and down // _CELLS == y // _CELLS:
            down += 1
        left[y:down, x:right] = False
        found.append((int(x), int(y), int(right - x), int(down - y)))
    return found


def _ruler(x: float, y: float) -> list[str]:
    """A line of 100 mm with a mark at each, longer ones at fives and tens."""
    lines = ["0 G", "0.15 w", f"{x} {y} m {x + 100.0} {y} l S"]
    for at in range(101):
        high = 6.0 if at % 10 == 0 else 4.0 if at % 5 == 0 else 2.5
        lines.append(f"{x + at} {y} m {x + at} {y + high} l S")
    return lines


def _page(content: bytes, width_mm: float, height_mm: float) -> bytes:
    packed = zlib.compress(content, 9)
    box = f"[0 0 {width_mm / _POINT_MM:.4f} {height_mm / _POINT_MM:.4f}]"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            f"<< /Type /Page /Parent 2 0 R /MediaBox {box} /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
        ).encode("ascii"),
        f"<< /Length {len(packed)} /Filter /FlateDecode >>\nstream\n".encode("ascii") + packed + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Title (anylens chart) /Producer (anylens) >>",
    ]
    text = bytearray(b"%PDF-1.6\n%\xe2\xe3\xcf\xd3\n")
    starts = []
    for number, each in enumerate(objects, 1):
        starts.append(len(text))
        text += f"{number} 0 obj\n".encode("ascii") + each + b"\nendobj\n"
    place = len(text)
    text += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode("ascii")
    text += b"".join(f"{start:010d} 00000 n \n".encode("ascii") for start in starts)
    text += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info 6 0 R >>\nstartxref\n{place}\n%%EOF\n".encode(
        "ascii"
    )
    return bytes(text)
