"""Files in, photos out: each file for itself, two at a time, failures told and never contagious."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter
from typing import TYPE_CHECKING, Any

from anylens.app import voice
from anylens.app.places import Until, guard
from anylens.record import fields, record, replace
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.app.by_hand import Said
    from anylens.app.watching import Watch
    from anylens.darkroom import Recipe, Way
    from anylens.darkroom.glass import Choice
    from anylens.frame import Burst, Frame

WORTH_SAYING_EV = 0.2
AT_ONCE = 2
"""Kernels use all cores by themselves; a second photo fills the gaps while the first is read and written."""


@record(frozen=True, slots=True)
class Step:
    """One stage as it was done: its name, what it does, the fields that differ from their defaults, its time.

    `seconds` is None for a stage that ran together with the next ones, in one pass that is timed as a whole.
    """

    stage: str
    does: str
    settings: dict[str, Any]
    seconds: float | None


@record(frozen=True, slots=True)
class Developed:
    """One file that became a photo (or a mosaic or scene) of `width_px` x `height_px`, upright as written."""

    source: Path
    place: Path
    width_px: int
    height_px: int
    steps: tuple[Step, ...]
    seconds: float
    notes: tuple[str, ...]
    pictures: tuple[Path, ...]


@record(frozen=True, slots=True)
class Failed:
    """One file that became nothing, and the sentence why."""

    source: Path
    why: str


@record(frozen=True, slots=True)
class Job:
    """One photo to develop, of the file `source` or of the burst `frames` that is named after it.

    `recipes` has the recipe for each way to develop a burst, of which its facts choose one, and `plain` for all else.
    `until` says what becomes of it, `sensor` what the sensor is where the file does not. `named` says that the user
    named the very file `place`, so that whatever stands there may be replaced. `image` gives the image of `source`
    where it is being read already.

    `said` is the lens and where its rings stood, as told by hand; `passport` is that of the lens, `find` for the one
    found by lens and body, or `none`; `watch` holds the raw, of a burst the reference, against it. `mode` is what was
    asked of a quad-Bayer sensor; `darks` lets the user's dark frames be taken off. `inspect` is the folder for
    pictures of every intermediate; `map` is where the count of frames that each pixel got, or whose it is in a focus
    stack, goes as a picture; `timed` asks for the time of each stage.
    """

    source: Path
    place: Path
    recipes: dict[Way, Recipe]
    until: Until = "photo"
    sensor: str | None = None
    named: bool = False
    frames: tuple[Path, ...] = ()
    image: Callable[[], Any] | None = None
    said: Said | None = None
    passport: Choice = "find"
    watch: Watch | None = None
    mode: str = "auto"
    darks: bool = True
    inspect: Path | None = None
    map: Path | None = None
    timed: bool = False

    @property
    def steps(self) -> int:
        """How many steps it has: reading each frame, each stage, writing."""
        return max(1, len(self.frames)) + len(self.recipes["plain"].stages()) + 1

    @property
    def in_one_pass(self) -> bool:
        """Whether nothing is asked for that needs the stages one by one."""
        jpeg = self.place.suffix.lower() in (".jpg", ".jpeg")
        return jpeg and self.until == "photo" and self.inspect is None and not self.timed


class Stopped(BaseException):
    """The user stopped the run; raised between stages so that nothing is left half-written."""


def reading(source: Path, sensor: str | None) -> Callable[[], Any]:
    """Begin to read a file beside what else there is to do; what is given back waits for the image, or raises.

    Its bytes are fetched and decoded while the modules that understand them are loaded, and these by one thread alone:
    two that load modules only take turns. Who waits for the image decodes what is left of it too.
    """
    from anylens.app.standing_in import load_numpy
    from anylens.files import ahead, gate, read

    left: SimpleQueue[Callable[[], bool]] = SimpleQueue()
    found: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
    able = threading.Event()

    def begin() -> None:
        try:
            data = gate.shared(source)
            decoding = ahead.decoding(data)
            if decoding is not None:
                left.put(decoding.work)
                decoding.work()
            able.wait()
            found.put((read(source, sensor=sensor, data=data, decoding=decoding), None))
        except BaseException as error:
            found.put((None, error))

    def image() -> Any:
        if not left.empty():
            left.get()()
        whole, error = found.get()
        if error is not None:
            raise error
        return whole

    threading.Thread(target=begin, daemon=True).start()
    try:
        load_numpy()
        from anylens.files import dng  # noqa: F401 - most files are DNG
    finally:
        able.set()
    return image


def develop_files(jobs: Sequence[Job], advance: Callable[[], None]) -> Iterator[Developed | Failed]:
    """Develop each job and give its outcome as soon as it is known; `advance` is called for each of its steps."""
    if len(jobs) == 1:
        yield _outcome(jobs[0], advance)
        return
    from concurrent.futures import ThreadPoolExecutor, as_completed

    stop = threading.Event()

    def go_on() -> None:
        if stop.is_set():
            raise Stopped
        advance()

    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        tasks = [pool.submit(_outcome, job, go_on) for job in jobs]
        for task in as_completed(tasks):
            yield task.result()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _outcome(job: Job, advance: Callable[[], None]) -> Developed | Failed:
    left = job.steps

    def step() -> None:
        nonlocal left
        left -= 1
        advance()

    outcome: Developed | Failed
    try:
        outcome = _develop(job, step)
    except Exception as error:
        # Of several frames the sentence names those it is about.
        about = None if len(job.frames) > 1 else next(iter(job.frames), job.source)
        outcome = Failed(job.source, voice.sentence(error, about))
    for _ in range(left):
        advance()
    return outcome


class _Log:
    """The steps that a photo has gone through, and a picture after each where they are inspected."""

    def __init__(self, inspect: Path | None, advance: Callable[[], None]) -> None:
        self._inspect, self._advance = inspect, advance
        self.steps: list[Step] = []
        self.pictures: list[Path] = []

    def add(self, name: str, does: str, settings: dict[str, Any], seconds: float | None) -> None:
        self.steps.append(Step(name, does, settings, seconds))
        self._advance()

    def add_stage(self, stage: Any, seconds: float | None = None) -> None:
        self.add(type(stage).__name__, _sentence_of(stage), changed(stage), seconds)

    def watch(self, stage: Any, image: Any, seconds: float) -> None:
        if self._inspect is not None:
            picture = self._inspect / f"{len(self.steps):02d}-{type(stage).__name__}.jpg"
            self.pictures.append(_show(image, picture))
        self.add_stage(stage, seconds)


def _develop(job: Job, advance: Callable[[], None]) -> Developed:
    from anylens import Scene, develop, write
    from anylens.darkroom import latent
    from anylens.image import Latent

    begin = perf_counter()
    log = _Log(job.inspect, advance)
    if not job.named:
        guard(job.place)
    image = _read(job, advance)
    if not job.frames:
        log.add("Read", "the file's counts and facts", {}, perf_counter() - begin)
    contradicted = _contradicted(image, job)
    image, recipe, told = _in_its_way(image, job, None if job.in_one_pass else log.watch)
    does = "pixels, facts and recipe into the file"
    start = perf_counter()
    result: Any
    if job.in_one_pass:
        result = latent(image, recipe, passport=job.passport)
        finished = isinstance(image, Scene) or result.facts.display_referred
        for section, stage in recipe.stages():
            if not (finished and section in ("mosaic", "demosaic")):
                log.add_stage(stage)
        does = f"all of these in one pass; {does}"
    else:
        result = develop(image, recipe, until=job.until, watch=log.watch, passport=job.passport)
        start = perf_counter()
    del image
    height, width = (result.shape if isinstance(result, Latent) else result.pixels.shape)[-2:]
    _make_folder(job.place.parent)
    write(result, job.place)
    if job.map is not None:
        _write_map(result, (height, width), len(job.frames), job.map)
    log.add("Write", does, {}, perf_counter() - start)
    if job.until == "photo" and result.facts.orientation >= 5:
        height, width = width, height
    return Developed(
        source=job.source,
        place=job.place,
        width_px=width,
        height_px=height,
        steps=tuple(log.steps),
        seconds=perf_counter() - begin,
        notes=(*result.facts.notes, *told, *_darker(result), *contradicted),
        pictures=tuple(log.pictures),
    )


def _read(job: Job, advance: Callable[[], None]) -> Any:
    """The file's image, or a burst whose frames are read when they are asked for, with what was said by hand."""
    from anylens import Frame, read

    if job.frames:
        from anylens.darkroom.stages.stack import Stack
        from anylens.files.burst import read_burst

        scenes = isinstance(job.recipes["plain"].merge, Stack)
        image: Any = read_burst(job.frames, sensor=job.sensor, told=advance, scenes=scenes, treated=_treated(job))
    else:
        image = read(job.source, sensor=job.sensor) if job.image is None else job.image()
        if isinstance(image, Frame):
            image = _treated(job)(image)
    if job.said is None:
        return image
    from anylens.app.by_hand import mounted

    return mounted(image, job.said)


def _darker(result: Any) -> tuple[str, ...]:
    """What is to be known of light that is kept darker than it is meant, as a bracket's is."""
    from anylens import Mosaic, Scene

    stops = result.facts.baseline_exposure
    if not isinstance(result, Mosaic | Scene) or stops < WORTH_SAYING_EV:
        return ()
    said = f"The light is kept {stops:.1f} stops darker than it is to be shown (BaselineExposure)"
    return (f"{said}; RawTherapee, darktable and LibRaw overlook that, so brighten it there by as much.",)


def _contradicted(image: Any, job: Job) -> tuple[str, ...]:
    """The warning that a raw contradicts its lens's passport, where it does and is watched."""
    from anylens import Burst, Frame

    if job.watch is None:
        return ()
    try:
        frame = image.reference if isinstance(image, Burst) else image
    except Refusal:
        return ()
    if not isinstance(frame, Frame):
        return ()
    said = job.watch.warning(frame, job.source.name, job.passport)
    return () if said is None else (said,)


def _write_map(result: Any, shape: tuple[int, int], frames: int, place: Path) -> None:
    """How many frames each pixel got, or whose it is in a focus stack; one frame counts everywhere."""
    import numpy as np

    from anylens.files.png_out import write_count, write_origin

    origin, used = getattr(result, "came_from", None), result.frames_used
    if origin is not None:
        write_origin(origin, frames, place)
        return
    if used is None and frames == 1:
        used = np.ones(shape, np.float32)
    write_count(used, frames, place)


def _treated(job: Job) -> Callable[[Frame], Frame]:
    """What a frame goes through first; Refusal where its sensor does not have what was asked for."""
    taken_off = _without_dark(job)
    if job.mode == "auto":
        return taken_off
    from anylens.darkroom.quad import is_quad

    def treated(frame: Frame) -> Frame:
        if not is_quad(frame.facts.sensor.cfa):
            raise voice.Usage(
                f"--mode {job.mode} is about quad-Bayer frames and this sensor has another filter; leave it out"
            )
        return taken_off(frame)

    return treated


def _without_dark(job: Job) -> Callable[[Frame], Frame]:
    """What takes off a frame what its sensor counts in the dark, where the user keeps a dark frame that fits."""
    from anylens.home import own_folder

    library = own_folder() / "darks"
    if not job.darks or not library.is_dir():
        return lambda frame: frame
    from anylens.files.darks import Darks

    return Darks(library).taken_off


def _in_its_way(image: Any, job: Job, watch: Any) -> tuple[Any, Recipe, tuple[str, ...]]:
    """The image, its recipe, and notes; a burst whose way is chosen is merged, and the reason stands among its notes.

    `watch` sees it merged, as `develop` has it.
    """
    plain = job.recipes["plain"]
    if len(job.recipes) == 1:
        return image, plain, ()
    from anylens import develop
    from anylens.darkroom import way_of
    from anylens.darkroom.stages.resolve import Resolve

    if isinstance(plain.merge, Resolve):
        return _resolved_in_its_way(image, job.recipes)
    single = len(image.frames) == 1
    once = {"watch": watch, "passport": job.passport}
    image = image.reference if single else develop(image, plain, until="mosaic", **once)
    choice = way_of(image.facts, 0.0 if single else image.span_ev)
    if choice.way not in job.recipes or (choice.way == "plain" and "night" not in job.recipes):
        return image, plain, ()
    facts = replace(image.facts, notes=(*image.facts.notes, choice.why))
    return replace(image, facts=facts), job.recipes[choice.way], ()


def _resolved_in_its_way(burst: Burst, recipes: dict[Way, Recipe]) -> tuple[Burst, Recipe, tuple[str, ...]]:
    """The burst as it is, since its frames go through the recipe before they are laid together, its recipe and a note.

    The way is that of the first frame that can be read.
    """
    from anylens.darkroom import way_of
    from anylens.darkroom.looking import Frames

    frames = Frames(burst)
    facts = next((found for index in range(len(frames)) if (found := frames.facts(index))), None)
    choice = None if facts is None else way_of(facts, 0.0)
    if choice is None or choice.way not in recipes:
        return burst, recipes["plain"], ()
    return burst, recipes[choice.way], (choice.why,)


def changed(stage: Any) -> dict[str, Any]:
    """The fields of a stage that differ from their defaults."""
    return {
        field.name: getattr(stage, field.name) for field in fields(stage) if getattr(stage, field.name) != field.default
    }


def _sentence_of(stage: Any) -> str:
    first = (type(stage).__doc__ or "").strip().split("\n\n")[0]
    clause = re.split("[:;]", " ".join(first.split()))[0].replace("`", "").rstrip(".")
    return clause[:1].lower() + clause[1:]


def _show(image: Any, place: Path) -> Path:
    from anylens import write
    from anylens.app.viewing import viewable

    _make_folder(place.parent)
    write(viewable(image), place)
    return place


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise Refusal(f"{folder} cannot be a folder because a file is in its place; choose another folder") from None
