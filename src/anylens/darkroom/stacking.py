"""Frames of one scene at different focus to one scene that is sharp everywhere.

Each frame is looked at twice, one after the other, and never more than one is in memory. The first look, at half the
size, tells how it lies over the frame before (focusing changes the size of a picture: the lens breathes) and how sharp
it is where; the best so far and whose it was is kept. The second look takes from each frame the places where it won.

Own work, on the measure of sharpness that Nayar & Nakagawa 1994 call shape from focus: the squared Laplacian, here of
the root of light, in which shot noise is even and can be subtracted; its root is taken, so that contrast counts less.
A place is judged by its surroundings, near ones more than far ones, octave by octave. So a sharp edge speaks for the
blank wall beside it, where a blurred copy of the edge would otherwise count as detail and leave a halo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from anylens.darkroom import breathing
from anylens.darkroom.light import gains_of, noise_of
from anylens.darkroom.looking import Frames
from anylens.darkroom.parts import Part, Parts
from anylens.frame import Burst, Facts, Frame
from anylens.image import Pixels, Scene
from anylens.kernels.library import share_memory
from anylens.kernels.turn import turn
from anylens.record import record, replace
from anylens.refusal import Refusal

UNLIKE, LEAST_OVERLAP = 0.4, 0.25
ISLAND_PX, ISLAND_AREA = 21, 150
OCTAVES, NEAR_PX, FEATHER_PX, CALM_PX = 6, 1.2, 0.8, 5
NOISE_OF_LAPLACIAN = (20.0, 0.64, 0.12)
"""Variance of the Laplacian of white noise of unit variance, and of it halved once and twice by cv2.pyrDown."""

CHANCE = 4.0
"""How much of the noise's part may be left by chance at one point."""

TONES, CALMER, CODES, EVERY = 16, 0.5, 4096, 6
MOST_FRAMES = 255
BAND_PX, GAP_PX = 256, 128
"""A frame's parts are of so many rows, and apart where it has no share for so many columns."""

FEATHER_REACH, AROUND = 4, 10
"""How far a share is felt, at half the size; how far around a place its light is read."""

MARGIN = 1e-3
DARKEST = 0.03
"""Light whose noise is not known tells nothing in shadows deeper than this."""

Span = tuple[int, int]
Greys = Callable[[Frame], Pixels]
"""A frame's balanced light at half the size, (h, w)."""


@record(frozen=True, slots=True, eq=False)
class Placed:
    """A frame that takes part: `move` (3, 3) goes from the reference's places to its own, in half widths about the
    middle; `gain` makes its light as bright as the reference's."""

    index: int
    move: breathing.Matrix
    gain: float


def stacked(burst: Burst, parts: Parts, grey_of: Greys, reference: int, reach: float) -> Scene:
    """The scene with every place from the frame that shows it sharpest, and `came_from`: the number of that frame.

    `reference` counts from 1, 0 is the middle one; `reach` is how much of each octave's sharpness the next nearer one
    is told. Raises Refusal for fewer than two frames that show one scene, and for frames of different sizes.
    """
    count = len(burst.frames)
    if count < 2:
        raise Refusal("a focus stack needs at least two frames at different focus, and this is one; give more frames")
    if count > MOST_FRAMES:
        raise Refusal(f"a focus stack has at most {MOST_FRAMES} frames, not {count}; give every second one")
    if reference > count:
        raise Refusal(f"frame {reference} cannot be the reference of {count} frames; choose one of them")
    share_memory()
    table = _Table(burst, grey_of, reach)
    winner, placed = table.judged(reference)
    return _composed(burst, parts, winner, placed, table)


class _Table:
    """Frames as they are looked at for the first time, from the reference on outwards."""

    def __init__(self, burst: Burst, grey_of: Greys, reach: float) -> None:
        self._frames = Frames(burst)
        self.notes = self._frames.notes
        self._grey_of, self._reach = grey_of, reach
        self._best = np.zeros((0, 0), np.float32)
        self._winner = np.zeros((0, 0), np.uint8)

    def judged(self, reference: int) -> tuple[npt.NDArray[np.uint8], list[Placed]]:
        """(h, w) whose frame is sharpest at half the size, and how the frames lie, the reference first."""
        count = len(self._frames)
        middle = reference - 1 if reference else count // 2
        start, first = middle, self._look(middle)
        for index in [] if reference else sorted(set(range(count)) - {middle}, key=lambda at: abs(at - middle)):
            if first is not None:
                break
            start, first = index, self._look(index)
        if first is None:
            raise Refusal(f"the stack has no reference: {self.notes[0]}")
        still = breathing.pyramid(first)
        self._best = self._sharpness(first, 1.0)
        self._winner = np.full(first.shape, start, np.uint8)
        placed = [Placed(start, np.eye(3), 1.0)]
        for way in (range(start + 1, count), range(start - 1, -1, -1)):
            last, before = placed[0], still
            for index in way:
                grey = self._look(index)
                if grey is None:
                    continue
                now = breathing.pyramid(grey)
                found = breathing.lie(before, now)
                if found.likeness < UNLIKE or found.overlap < LEAST_OVERLAP or not found.possible:
                    self._frames.leave_out(index, "it shows another scene")
                    continue
                last, before = Placed(index, found.move @ last.move, found.gain * last.gain), now
                placed.append(last)
                self._challenge(self._sharpness(grey, last.gain), last)
        if len(placed) == 1:
            raise Refusal(f"no other frame shows what {self._frames.name(start)} does; give frames of one scene")
        return self._winner, placed

    def _look(self, index: int) -> Pixels | None:
        """A frame's light at half the size, None (and a note) where it cannot be read."""
        frame = self._frames[index]
        if frame is None:
            return None
        self._facts: Facts = frame.facts
        return self._grey_of(frame)

    def _sharpness(self, grey: Pixels, gain: float) -> Pixels:
        noise = noise_of_grey(self._facts, gain)
        return sharpness(grey * np.float32(gain), noise, self._reach, self._facts.display_referred)

    def _challenge(self, sharp: Pixels, frame: Placed) -> None:
        """Where the frame is sharper than all before, it wins."""
        import cv2

        height, width = sharp.shape
        move = breathing.in_pixels(frame.move, sharp.shape)
        seen = cv2.warpAffine(sharp, move, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        better = seen > self._best * np.float32(1 + MARGIN)
        self._winner[better] = frame.index
        np.maximum(self._best, seen, out=self._best)


def noise_of_grey(facts: Facts, gain: float) -> tuple[float, float]:
    """(scale, offset) of the noise of the mean of a cell of four pixels, times `gain`."""
    balance = facts.balance or (gains_of(facts.as_shot_neutral) if facts.as_shot_neutral else (1.0, 1.0, 1.0))
    noise = noise_of(replace(facts, balance=balance))
    scale, offset = float(np.mean(noise.scale)) / 4, float(np.mean(noise.offset)) / 4
    if facts.sensor.noise is None or facts.display_referred:
        offset = max(offset, scale * DARKEST)
    return scale * gain, offset * gain * gain


def sharpness(grey: Pixels, noise: tuple[float, float], reach: float, finished: bool = False) -> Pixels:
    """(h, w): the detail of a picture and of its surroundings beyond the noise, octave by octave.

    Coarser detail counts too, but less: it tells where noise hides the finest. At every octave what noise alone may
    leave by chance is taken off, less and less of it as more pixels speak. Of the finest detail of a `finished`
    picture, whose maker has smoothed the dark more than the light, that is what half of the places of each tone show.
    """
    import cv2

    scale, offset = noise
    root = np.sqrt(np.maximum(grey, 0) + np.float32(offset / scale), dtype=np.float32)
    octaves: list[Pixels] = []
    for band, noise_of_band in enumerate(NOISE_OF_LAPLACIAN):
        if band:
            root = np.asarray(cv2.pyrDown(root), np.float32)
        energy = np.square(cv2.Laplacian(root, cv2.CV_32F, ksize=1, borderType=cv2.BORDER_REFLECT_101))
        energy = np.asarray(cv2.GaussianBlur(energy, (0, 0), NEAR_PX), np.float32)
        known = not finished or band > 0
        floor = np.full((1, 1), noise_of_band * scale / 4, np.float32) if known else _calmer(energy, root)
        for octave in range(band, OCTAVES):
            root_mean = np.sqrt(np.maximum(energy - np.float32(1 + CHANCE / 2 ** (octave - band)) * floor, 0))
            detail = np.asarray(root_mean / np.float32(4**band), np.float32)
            if octave == len(octaves):
                octaves.append(detail)
            else:
                octaves[octave] += detail
            if min(energy.shape) < 4:
                break
            energy = np.asarray(cv2.pyrDown(energy), np.float32)
            floor = floor if known else np.asarray(cv2.pyrDown(floor), np.float32)
        if min(root.shape) < 8:
            break
    total = octaves.pop()
    while octaves:
        nearer = octaves.pop()
        total = nearer + np.float32(reach) * cv2.pyrUp(total, dstsize=nearer.shape[::-1])
    return np.asarray(total, np.float32)


def _calmer(energy: Pixels, root: Pixels) -> Pixels:
    """(h, w): the energy that half of the places of each tone do not reach: of a stack most of a frame is blurred."""
    tones, left = root[::EVERY, ::EVERY].ravel(), energy[::EVERY, ::EVERY].ravel()
    order = np.argsort(tones)
    parts = [part for part in np.array_split(order, TONES) if part.size]
    middles = [float(np.median(tones[part])) for part in parts]
    floors = [float(np.quantile(left[part], CALMER)) for part in parts]
    codes = np.interp(np.linspace(0.0, 1.0, CODES), middles, floors).astype(np.float32)
    return np.asarray(codes[np.clip(root * np.float32(CODES - 1), 0, CODES - 1).astype(np.uint16)])


def _composed(burst: Burst, parts: Parts, winner: npt.NDArray[np.uint8], placed: list[Placed], table: _Table) -> Scene:
    from concurrent.futures import ThreadPoolExecutor

    import cv2

    first = placed[0]
    with ThreadPoolExecutor(1) as beside:
        calm = beside.submit(_calm, winner)
        frame = burst.frames[first.index]
        scene = parts.whole(frame)
        winner = calm.result()
    height, width = scene.pixels.shape[1:]
    pixels = scene.pixels if isinstance(frame, Frame) else scene.pixels.copy()
    pixels *= _share(winner, first.index, (0, height), (0, width))
    whole = replace(scene, pixels=pixels, overview=None, shading=None)
    for other in placed[1:]:
        places = list(_places(winner == other.index, height, width))
        if places:
            part = parts.of(burst.frames[other.index])
            for rows, columns in places:
                _add(whole.pixels, part, _share(winner, other.index, rows, columns), other, rows, columns)
    count = len(np.unique(winner))
    notes = [f"{len(placed)} frames at different focus were stacked; parts of {count} of them are seen.", *table.notes]
    facts = replace(whole.facts, notes=(*whole.facts.notes, *notes))
    number = cv2.resize(winner + np.uint8(1), (width, height), interpolation=cv2.INTER_NEAREST)
    return replace(whole, facts=facts, came_from=np.asarray(number, np.uint8))


def _calm(winner: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Without specks: small islands become what is around them."""
    import cv2

    if min(winner.shape) <= ISLAND_PX:
        return winner
    winner = np.asarray(cv2.medianBlur(winner, CALM_PX), np.uint8)
    around = np.asarray(cv2.medianBlur(winner, ISLAND_PX), np.uint8)
    speck = np.zeros(winner.shape, np.bool_)
    for index in np.unique(winner):
        _, labels, figures, _ = cv2.connectedComponentsWithStats((winner == index).astype(np.uint8), connectivity=4)
        small = figures[:, cv2.CC_STAT_AREA] < ISLAND_AREA
        small[0] = False
        if small.any():
            speck |= small[labels]
    return np.where(speck, around, winner).astype(np.uint8)


def _places(won: npt.NDArray[np.bool_], height: int, width: int) -> Iterator[tuple[Span, Span]]:
    """The rows and columns in which a frame has a share, band by band of them."""
    import cv2

    near = cv2.dilate(won.astype(np.uint8), np.ones((2 * FEATHER_REACH + 1,) * 2, np.uint8))
    for top in range(0, height, BAND_PX):
        bottom = min(top + BAND_PX, height)
        columns = np.flatnonzero(near[top // 2 : -(-bottom // 2)].any(axis=0))
        if not columns.size:
            continue
        gaps = np.flatnonzero(np.diff(columns) > GAP_PX // 2)
        for left, right in zip(columns[[0, *(gaps + 1)]], columns[[*gaps, -1]], strict=True):
            beyond = 2 * int(right) + 2 if right + 1 < won.shape[1] else width
            yield (top, bottom), (2 * int(left), min(beyond, width))


def _add(whole: Pixels, part: Part, share: Pixels, frame: Placed, rows: Span, columns: Span) -> None:
    """Add a frame's light, as it lies over the reference, in some rows and columns."""
    size = np.array(whole.shape[:0:-1])
    move = breathing.in_pixels(frame.move, whole.shape[1:])
    corners = np.array([(x, y, 1) for x in (columns[0], columns[1] - 1) for y in (rows[0], rows[1] - 1)]) @ move.T
    first = np.clip(np.floor(corners.min(axis=0)).astype(int) - AROUND, 0, size - 1)
    last = np.clip(np.ceil(corners.max(axis=0)).astype(int) + AROUND, 0, size - 1)
    move[:, 2] += move[:, :2] @ (columns[0], rows[0]) - first
    (left, top), (right, bottom) = first, last + 1
    light = turn(np.ascontiguousarray(part(slice(top, bottom), slice(left, right))), move, *share.shape)
    whole[:, slice(*rows), slice(*columns)] += light * (share * np.float32(frame.gain))


def _share(winner: npt.NDArray[np.uint8], index: int, rows: Span, columns: Span) -> Pixels:
    """(h, w), 0 to 1: how much a frame gives to the pixels of some rows and columns; all frames' add up to 1."""
    import cv2

    (top, bottom), (left, right) = ((first // 2, -(-last // 2)) for first, last in (rows, columns))
    above, beside = max(0, top - FEATHER_REACH), max(0, left - FEATHER_REACH)
    won = winner[above : bottom + FEATHER_REACH, beside : right + FEATHER_REACH] == index
    mine = cv2.GaussianBlur(won.astype(np.float32), (0, 0), FEATHER_PX)
    tall, wide = won.shape
    share = cv2.resize(mine, (2 * wide, 2 * tall), interpolation=cv2.INTER_LINEAR)
    y, x = rows[0] - 2 * above, columns[0] - 2 * beside
    height, width = rows[1] - rows[0], columns[1] - columns[0]
    down, across = max(0, y + height - 2 * tall), max(0, x + width - 2 * wide)
    if down or across:
        share = cv2.copyMakeBorder(share, 0, down, 0, across, cv2.BORDER_REPLICATE)
    return np.asarray(share[y : y + height, x : x + width], np.float32)
