"""virtual: the twin as a camera; a body, a lens and a scene that are simulated."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from anylens.body import Body, Mode
from anylens.camera.model import shots_of
from anylens.camera.setup import OWN, Setup, setup
from anylens.frame import Facts, Frame
from anylens.lens import Lens, Setting
from anylens.record import replace
from anylens.refusal import Refusal, near
from anylens.sensor import Sensor
from anylens.shot import Shot

if TYPE_CHECKING:
    from anylens.twin.glass import Glass
    from anylens.twin.hand import Track, Tremor
    from anylens.twin.light import Light
    from anylens.twin.silicon import Chip, Silicon

_FRAMES_LATE = 2
_FIRST_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
_IDLE = Shot(1.0 / 30.0)
_LONGEST_S = 3600.0


def open_virtual(text: str, **settings: Any) -> Virtual:
    """The virtual camera that a text such as `lens=ideal,scene=white-wall,aperture=2` describes.

    `settings` are the same keys and win; None leaves a key as the text has it. Raises Refusal.
    """
    return Virtual(setup(text, **settings))


class Virtual:
    """The twin as a camera.

    The light behind the lens is formed when the first frame is wanted. The sensor obeys settings two frames late, as
    real ones do, which nobody sees: shots that are known beforehand (a list or tuple) are set ahead of their frames,
    others cost two frames of the twin's time each time they change.
    """

    def __init__(self, setup: Setup) -> None:
        from anylens import body as bodies
        from anylens.twin import hand as hands
        from anylens.twin import scenes, spectra
        from anylens.twin.glass import Mounting, glass, refuse_beyond
        from anylens.twin.silicon.colors import neutral

        self.body: Body = bodies.body(setup.body) if setup.sensor is None else _bench(setup.sensor)
        self.mode: Mode = self.body.mode(setup.mode)
        self.silicon: Silicon = _silicon(self.mode, setup.size)
        self._source = spectra.source(setup.light)
        self._mounting = Mounting(_aperture(setup), setup.distance, setup.plate, setup.tilt, setup.decentre)
        self.glass: Glass = glass(setup.lens, self._mounting)
        self.setup = replace(setup, lens=self.glass.name)
        self._check_options(scenes.options(setup.scene))
        refuse_beyond(self.glass, 2.0 * self.silicon.half_diagonal_mm)
        self._neutral = neutral(self._source) if self.silicon.cfa else None
        self._hand: Tremor | Track | None = hands.hand(setup.hand, setup.seed, setup.amplitude)
        self._readout = _Readout(self.silicon)
        self._made: tuple[Light, Chip] | None = None
        self._index = 0
        self._closed = False

    @property
    def light(self) -> Light:
        """The light behind the lens, formed at the first call and then kept, on disk too; its `truth` is in it."""
        return self._before_frames()[0]

    def _before_frames(self) -> tuple[Light, Chip]:
        """The light and the chip it falls on, whose patterns and matrices are made while the light is formed."""
        from anylens.twin.light import Formation
        from anylens.twin.scenes import scene
        from anylens.twin.silicon import Chip
        from anylens.twin.silicon.colors import calibrations

        self._open()
        if self._made is None:
            setup, silicon = self.setup, self.silicon
            with ThreadPoolExecutor(1) as pool:
                chip = pool.submit(Chip, silicon, setup.copy)
                if silicon.cfa:
                    pool.submit(calibrations)
                way = self.glass, self._mounting, silicon, self._source
                formation = Formation(*way, setup.margin, detail=setup.detail, kept=True)
                light = formation.light(scene(setup.scene, **dict(setup.options)), setup.arrangement, setup.subject)
            self._made = light, chip.result()
        return self._made

    def capture(self, shots: Iterable[Shot]) -> Iterator[Frame]:
        """One frame a shot, in order; see `Camera`. Refusal for exposures, gains and crops that the sensor has not."""
        self._open()
        return self._frames(shots_of(shots))

    def close(self) -> None:
        """Lets go of the light; closing twice is fine."""
        self._closed = True
        self._made = None

    def shot(self, exposure_s: float, iso: float) -> Shot:
        """The shot of an exposure time and an ISO; Refusal for what the sensor has not."""
        lowest, highest, name = self.silicon.lowest_iso, self.silicon.highest_iso, self.silicon.name
        if not lowest <= iso <= highest:
            raise Refusal(f"ISO {iso:.15g} is not within {lowest:g} to {highest:g}, which {name} has; choose another.")
        if not 0.0 < exposure_s < math.inf:
            raise Refusal(f"An exposure of {exposure_s:g} s does not exist; give a time above 0, such as 1/100.")
        shot = Shot(exposure_s, iso / lowest)
        self._readout.check(shot)
        return shot

    def since_first(self, moment: datetime) -> float:
        """Seconds of the twin's clock, which begins when the camera is opened, at a moment in facts."""
        return (moment - _FIRST_MOMENT).total_seconds()

    def pose(self, time_s: float) -> dict[str, float]:
        """How the hand held the camera at a time of the twin's clock, against its first moment."""
        if self._hand is None:
            return {}
        names = ("pitch_rad", "yaw_rad", "roll_rad", "x_mm", "y_mm", "z_mm")
        return dict(zip(names, self._hand(time_s)[0].tolist(), strict=True))

    def _open(self) -> None:
        if self._closed:
            raise Refusal("The virtual camera is closed; open it again.")

    def _frames(self, shots: Iterable[Shot]) -> Iterator[Frame]:
        ahead = deque(shots if isinstance(shots, list | tuple) else ())
        for shot in ahead:
            self._readout.check(shot)
        for shot in shots:
            self._open()
            self._readout.check(shot)
            had = None
            while had != shot:
                had, begin_s = self._readout.pass_frame(ahead.popleft() if ahead else shot)
            yield self._frame(shot, begin_s)

    def _frame(self, shot: Shot, begin_s: float) -> Frame:
        from anylens.twin.silicon import Exposure

        setup = self.setup
        light, chip = self._before_frames()
        exposure_s, crop = self._readout.true_exposure_s(shot), self._readout.true_crop(shot)
        exposure = Exposure(
            exposure_s,
            shot.gain,
            start_s=begin_s,
            hand=self._hand,
            scale_mm=self.glass.scale_mm,
            distance_m=setup.distance,
            seed=setup.seed,
            index=self._index,
            temperature_c=setup.temperature,
            crop=crop,
            quick=self.mode.viewfinder,
        )
        exposed = chip.expose(light, exposure)
        self._index += 1
        notes = [f"Simulated by the twin of anylens: {self._scene_words()}."]
        if exposed.beyond_px > 0.5:
            notes.append(
                f"The hand moved the picture {exposed.beyond_px:.0f} pixels beyond the light that was computed; "
                "the border is mirrored there."
            )
        return Frame(exposed.raw, self._facts(shot, exposure_s, begin_s, exposed.raw.shape, tuple(notes)))

    def _scene_words(self) -> str:
        setup = self.setup
        return f"scene {setup.scene} under {setup.light}, hand {setup.hand}, seed {setup.seed}"

    def _facts(
        self, shot: Shot, exposure_s: float, begin_s: float, shape: tuple[int, ...], notes: tuple[str, ...]
    ) -> Facts:
        from anylens.twin.silicon.colors import calibrations

        setup, silicon = self.setup, self.silicon
        height, width = shape
        sensor = Sensor(
            name=f"{self.body.maker} {self.body.model}, {silicon.name} (simulated)",
            width_px=width,
            height_px=height,
            cfa=silicon.cfa,
            black=((silicon.black,),),
            white=(float(silicon.white),),
            pitch_um=silicon.pitch_um,
            noise=silicon.noise(shot.gain, exposure_s, setup.temperature),
            calibrations=calibrations() if silicon.cfa else (),
        )
        return Facts.whole(
            sensor,
            shot=shot,
            exposure_s=exposure_s,
            gain=shot.gain,
            iso=shot.gain * silicon.lowest_iso,
            taken=_FIRST_MOMENT + timedelta(seconds=begin_s),
            body=replace(self.body, model=f"{self.body.model} (simulated)", serial=f"twin-{setup.copy}"),
            lens=_lens(setup.lens, self.glass),
            setting=Setting("twin", self.glass.f_number, round(self.glass.focal_mm, 3), setup.distance),
            as_shot_neutral=self._neutral,
            notes=notes,
        )

    def _check_options(self, known: Mapping[str, Any]) -> None:
        for key, _ in self.setup.options:
            if key not in known:
                nearest = near(key, [*OWN, *known], f"anylens shoot --list {self.setup.scene}")
                raise Refusal(
                    f"Neither the virtual camera nor the scene {self.setup.scene} has a setting '{key}'; {nearest}."
                )


class _Readout:
    """The sensor's own time: what is set while frame n is read holds from frame n + 2 on (libcamera's SensorDelays)."""

    def __init__(self, silicon: Silicon) -> None:
        self._silicon = silicon
        self._coming = deque([_IDLE] * _FRAMES_LATE)
        self._now_s = 0.0

    def pass_frame(self, wanted: Shot) -> tuple[Shot, float]:
        """Sets `wanted` and lets one frame pass: the settings that this one had, and when it began."""
        self._coming.append(wanted)
        had = self._coming.popleft()
        begin_s = self._now_s
        top, _, bottom, _ = self.true_crop(had) if had is not _IDLE else (0, 0, self._silicon.height_px, 0)
        read_s = (bottom - top) * self._silicon.line_us * 1e-6
        self._now_s += max(had.frame_s, read_s, self.true_exposure_s(had))
        return had, begin_s

    def true_exposure_s(self, shot: Shot) -> float:
        """The exposure in whole lines, at least one: that is what a rolling shutter can do."""
        line_s = self._silicon.line_us * 1e-6
        return max(1, round(shot.exposure_s / line_s)) * line_s

    def true_crop(self, shot: Shot) -> tuple[int, int, int, int]:
        """(top, left, bottom, right) widened to whole cells of the colour filter."""
        silicon = self._silicon
        if shot.crop is None:
            return 0, 0, silicon.height_px, silicon.width_px
        cell = len(silicon.cfa) or 1
        top, left, bottom, right = shot.crop
        return top // cell * cell, left // cell * cell, -(-bottom // cell) * cell, -(-right // cell) * cell

    def check(self, shot: Shot) -> None:
        """Refusal for a shot that this sensor cannot take."""
        silicon = self._silicon
        if shot.exposure_s > _LONGEST_S:
            raise Refusal(f"An exposure of {shot.exposure_s:g} s is longer than an hour; ask for a shorter one.")
        if shot.exposure_s < 0.5e-6 * silicon.line_us:
            raise Refusal(
                f"An exposure of {shot.exposure_s:g} s is shorter than one line of {silicon.name} takes "
                f"({silicon.line_us * 1e-6:g} s); ask for a longer one."
            )
        if shot.gain > silicon.most_gain * (1.0 + 1e-9):
            raise Refusal(
                f"A gain of {shot.gain:g} (ISO {shot.gain * silicon.lowest_iso:g}) is more than {silicon.name} has; "
                f"its highest is {silicon.most_gain:g} (ISO {silicon.highest_iso:g})."
            )
        if shot.crop is not None:
            top, left, bottom, right = shot.crop
            if not (0 <= top < bottom <= silicon.height_px and 0 <= left < right <= silicon.width_px):
                raise Refusal(
                    f"The crop {shot.crop} is not within {silicon.height_px} rows and {silicon.width_px} columns; "
                    "give (top, left, bottom, right) inside."
                )


def _bench(sensor: str) -> Body:
    """One of the twin's sensors behind a mount, and nothing else."""
    from anylens.twin.silicon import silicon

    whole = silicon(sensor)
    mode = Mode("all", whole.about, sensor, whole.width_px, whole.height_px)
    return Body("anylens", f"bench with {sensor}", mount="Leica M", about=whole.about, modes=(mode,))


def _silicon(mode: Mode, size: tuple[int, int] | None) -> Silicon:
    """The silicon as a mode reads it, or the middle of that."""
    from anylens.twin.silicon import silicon

    whole = silicon(mode.sensor)
    if mode.joined > 1:
        whole = whole.joined(mode.joined, mode.width_px, mode.height_px)
    elif (mode.width_px, mode.height_px) != (whole.width_px, whole.height_px):
        whole = whole.piece(mode.width_px, mode.height_px)
    return whole if size is None else whole.piece(*size)


def _aperture(setup: Setup) -> float:
    """What was asked for, else as wide as the lens opens; f/1.4 for the ideal lens, which has no design."""
    from anylens.twin.glass import prescription

    if setup.aperture is not None:
        return setup.aperture
    return 1.4 if setup.lens.startswith("ideal") else prescription(setup.lens).f_number


def _lens(name: str, glass: Glass) -> Lens:
    if name.startswith("ideal"):
        return Lens("anylens", glass.name, (glass.focal_mm, glass.focal_mm))
    from anylens.twin.glass import prescription

    design = prescription(name)
    focal = float(design.marked_focal_mm)
    return Lens("", design.name, (focal, focal), (design.f_number, design.f_number), mount="Leica M")
