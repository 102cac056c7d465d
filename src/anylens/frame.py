"""What came back from a camera: Facts, Frame, Burst."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from anylens.body import Body
from anylens.lens import Lens, Setting
from anylens.record import field, record
from anylens.sensor import Sensor
from anylens.shot import Shot

if TYPE_CHECKING:
    from anylens.lens import Passport


@record(frozen=True, slots=True)
class Opcodes:
    """The DNG specification's OpcodeList1, 2 and 3, as their bytes stand in the file (big-endian); b"" for none."""

    list1: bytes = field(default=b"", repr=False)
    list2: bytes = field(default=b"", repr=False)
    list3: bytes = field(default=b"", repr=False)


@record(frozen=True, slots=True)
class Facts:
    """The truth of one exposure; what is not known is None, never a guess that looks like a fact.

    `active_area` is (top, left, bottom, right) in sensor pixels; `crop` is the DNG DefaultCrop (left, top, width,
    height) in pixels of the active area; `as_shot_neutral` is the camera RGB of a neutral surface, largest value 1;
    `balance` holds the gains by which R, G and B have been multiplied so far, None while the light is as the sensor
    saw it; `orientation` is the EXIF code 1 to 8; `display_referred` light is a finished picture's, its curve undone;
    `denoised` is how many standard deviations of the noise of luma have been taken for noise, 0 for none; `softness` is
    the part of its passport's blur that the picture can have, less than 1 where it is sharper than that;
    `temperature_c` is the sensor's; `notes` are sentences about what was estimated or assumed.
    """

    sensor: Sensor
    active_area: tuple[int, int, int, int]
    crop: tuple[float, float, float, float]
    shot: Shot | None = None
    exposure_s: float | None = None
    gain: float | None = None
    iso: float | None = None
    taken: datetime | None = None
    body: Body | None = None
    lens: Lens | None = None
    setting: Setting | None = None
    passport: Passport | None = None
    as_shot_neutral: tuple[float, float, float] | None = None
    balance: tuple[float, float, float] | None = None
    baseline_exposure: float = 0.0
    orientation: int = 1
    opcodes: Opcodes = Opcodes()
    display_referred: bool = False
    denoised: float = 0.0
    softness: float = 1.0
    temperature_c: float | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def whole(cls, sensor: Sensor, **known: Any) -> Facts:
        """Facts of a frame of all the sensor's pixels, none masked and none cropped; `known` are its other fields."""
        height, width = sensor.height_px, sensor.width_px
        return cls(sensor, (0, 0, height, width), (0.0, 0.0, float(width), float(height)), **known)

    @property
    def active_shape(self) -> tuple[int, int]:
        """(height, width) of the active area in pixels."""
        top, left, bottom, right = self.active_area
        return bottom - top, right - left


@record(frozen=True, slots=True, eq=False)
class Frame:
    """Counts as the sensor gave them, read-only, and their facts.

    `raw` is uint16, (H, W) under a colour filter or monochrome, or (3, H, W); all sensor pixels, masked ones too.
    Raises ValueError where shape, type and facts disagree.
    """

    raw: npt.NDArray[np.uint16]
    facts: Facts

    def __post_init__(self) -> None:
        if self.raw.dtype != np.uint16 or self.raw.ndim not in (2, 3):
            raise ValueError(f"raw must be uint16 of (H, W) or (3, H, W), not {self.raw.dtype} of {self.raw.shape}")
        top, left, bottom, right = self.facts.active_area
        height, width = self.raw.shape[-2:]
        if not (0 <= top < bottom <= height and 0 <= left < right <= width):
            raise ValueError(f"active area {self.facts.active_area} does not lie within {height} x {width} pixels")
        view = self.raw.view()
        view.flags.writeable = False
        object.__setattr__(self, "raw", view)


@record(frozen=True, slots=True, eq=False)
class Burst:
    """Frames of one scene; the first is the reference unless merging finds a sharper one; one photo is a burst of one.

    `frames` is a tuple of frames, or any sequence that reads a frame when it is asked for it, so that a burst may be
    larger than memory; `names` are what people call the frames, () where they have none. Raises ValueError for no
    frames and for frames at hand that are of different sensors or sizes.
    """

    frames: Sequence[Frame]
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.frames):
            raise ValueError("a burst has at least one frame")
        if not isinstance(self.frames, tuple):
            return
        first = self.frames[0]
        for frame in self.frames[1:]:
            if frame.raw.shape != first.raw.shape or frame.facts.sensor.cfa != first.facts.sensor.cfa:
                raise ValueError("the frames of a burst come from one sensor and have one size")

    @property
    def reference(self) -> Frame:
        """The frame that the others are aligned to unless merging finds a sharper one."""
        return self.frames[0]

    def changed(self, change: Callable[[Frame], Frame]) -> Burst:
        """The burst with each frame changed whenever it is asked for."""
        return Burst(OnDemand(range(len(self.frames)), lambda at: change(self.frames[at])), self.names)

    def name(self, index: int) -> str:
        """What people call a frame, its number from 1 where it has no name."""
        return self.names[index] if self.names else f"frame {index + 1}"


class OnDemand(Sequence[Frame]):
    """The frames of some indices, each made by its index whenever it is asked for."""

    def __init__(self, indices: range, make: Callable[[int], Frame]) -> None:
        self._indices, self._make = indices, make

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> Frame: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Frame]: ...

    def __getitem__(self, index: int | slice) -> Frame | Sequence[Frame]:
        at = self._indices[index]
        return OnDemand(at, self._make) if isinstance(at, range) else self._make(at)
