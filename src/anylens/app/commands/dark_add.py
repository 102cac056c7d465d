"""`anylens dark add`: frames taken with the lens covered, kept to be taken off photos."""

from __future__ import annotations

from argparse import Namespace

from anylens.app.syntax import Syntax


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens dark add`."""
    syntax.usage = "anylens dark add [options] FILE..."
    syntax.add_files("files", "raw frames of one exposure, the lens covered; or their folder")
    syntax.add_sensor()


def run(given: Namespace) -> int:
    """Keep the mean of the frames in the user's own folder and say for what it will be used."""
    from anylens.files.burst import read_burst
    from anylens.files.darks import add_dark
    from anylens.home import own_folder

    burst = read_burst(given.files, sensor=given.sensor)
    place, known = add_dark(burst.frames, burst.names, own_folder() / "darks")
    print(f"{place}  {known.said()}")
    if known.frames < 8:
        print("note: so few frames leave some of their own noise in every photo; 8 or more are better.")
    return 0
