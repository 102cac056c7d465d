"""folder: the raw files of a folder, one a shot, in the order of their names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from anylens.camera.model import shots_of
from anylens.frame import Frame
from anylens.record import replace
from anylens.refusal import Refusal
from anylens.shot import Shot

_EXPOSURE_TOLERANCE = 0.05


class Folder:
    """A camera that plays back raw files; a file is read when its frame is wanted, and none is given twice."""

    def __init__(self, path: str | Path) -> None:
        folder = Path(path)
        if not str(path) or not folder.is_dir():
            raise Refusal(f"There is no folder '{path}'; name the folder that holds the raw files, as folder:raws/.")
        from anylens.files.folder import raws_in

        self._folder = folder
        self._files = raws_in(folder)
        self._next = 0
        self._closed = False

    def capture(self, shots: Iterable[Shot]) -> Iterator[Frame]:
        """The next files as frames; what a shot asked and the file was not taken with stands in its notes."""
        self._open()
        return self._frames(shots_of(shots))

    def close(self) -> None:
        """Gives no further frames."""
        self._closed = True

    def _open(self) -> None:
        if self._closed:
            raise Refusal(f"The camera folder:{self._folder} is closed; open it again.")

    def _frames(self, shots: Iterable[Shot]) -> Iterator[Frame]:
        for shot in shots:
            self._open()
            if self._next >= len(self._files):
                raise Refusal(
                    f"All {len(self._files)} raw files of {self._folder} have been given and none is given twice; "
                    "ask for fewer frames or open the folder again."
                )
            path = self._files[self._next]
            frame = _read(path)
            self._next += 1
            yield Frame(frame.raw, replace(frame.facts, shot=shot, notes=(*frame.facts.notes, *_unmet(shot, frame))))


def _read(path: Path) -> Frame:
    from anylens.files import read

    if not path.is_file():
        raise Refusal(f"{path} is gone; was the folder removed while it was open? Open another.")
    try:
        image = read(path)
    except OSError as error:
        raise Refusal(f"{path} cannot be read ({error.strerror}); open another folder.") from error
    except Refusal as error:
        if path.name in str(error):
            raise
        raise Refusal(f"{path}: {error}") from error
    if not isinstance(image, Frame):
        raise Refusal(f"{path} holds colours that were already developed, not a raw frame; move it out of the folder.")
    return image


def _unmet(shot: Shot, frame: Frame) -> tuple[str, ...]:
    """Sentences about what the shot asked and the file cannot give."""
    facts = frame.facts
    notes = []
    taken_s = facts.exposure_s
    if taken_s is None:
        notes.append(f"Asked for an exposure of {shot.exposure_s:g} s; the file does not say how long it was exposed.")
    elif abs(taken_s / shot.exposure_s - 1.0) > _EXPOSURE_TOLERANCE:
        notes.append(f"Asked for an exposure of {shot.exposure_s:g} s; the file was exposed for {taken_s:g} s.")
    if shot.gain != 1.0:
        known = "its gain is not known" if facts.gain is None else f"it was taken with {facts.gain:g}"
        notes.append(f"Asked for a gain of {shot.gain:g}; {known}, as a file's gain cannot be set.")
    if shot.crop is not None:
        notes.append("Asked for a crop; the whole frame of the file is given.")
    return tuple(notes)
