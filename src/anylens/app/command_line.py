"""The commands by name, and what becomes of every failure."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from anylens.app import voice
from anylens.app.voice import Usage
from anylens.refusal import Refusal

ALL_GOOD, SOME_FAILED, BAD_USAGE, STOPPED = 0, 1, 2, 130

COMMANDS = {
    "develop": "Develop raw files into photos.",
    "info": "Show all facts of raw files.",
    "looks": "List the looks, and the stages and fields that --set can change.",
    "shoot": "Take frames with a camera, or a simulated one, kept as DNG.",
    "dark add": "Keep the mean of dark frames, to be taken off fitting photos.",
    "dark list": "List the dark frames that are kept.",
    "lens list": "List the lenses of the catalogue, or your own.",
    "lens show": "Show a lens, and on a body its angles and depth of field.",
    "lens mounts": "List mounts, and the adapter that each lens needs on a body.",
    "lens add": "Make a lens yours, one of the catalogue or a new one.",
    "lens use": "Say which lens is mounted, and on which body.",
    "lens tag": "Write the lens and its rings into files, no pixel touched.",
    "lens chart": "Make the chart that lens calibrate measures, to print or show.",
    "lens calibrate": "Make a lens's passport from flats, charts, edges or photos.",
    "lens identify": "Tell which of the lenses with a passport took pictures.",
    "lens import": "Make Lensfun's figures, a DNG's or another's passport your own.",
    "lens export": "Give a passport to Lensfun.",
    "lab report": "Measure whatever can be measured in files, on one page.",
    "lab sharpness": "Measure sharpness from slanted edges (MTF).",
    "lab texture": "Measure how much of a texture's detail is kept (dead leaves).",
    "lab noise": "Measure a sensor's noise from raw flats (photon transfer).",
    "lab color": "Find a ColorChecker and judge its colours.",
    "lab geometry": "Measure distortion and lateral colour from a grid.",
    "lab shading": "Measure falloff and colour cast from a flat.",
    "lab tilt": "Measure how a lens is tilted, from frames through focus.",
    "doctor": "Show what this installation is made of and what is missing.",
}
"""What each does; `app/commands/` has a module of its name, loaded when it is called. `lab noise` is `lab_noise.py`."""


def run(arguments: Sequence[str]) -> int:
    """Run one command and give its exit code; whatever goes wrong is one line on stderr."""
    voice.quiet_libraries()
    try:
        code = _run(list(arguments))
        sys.stdout.flush()
    except KeyboardInterrupt:
        voice.complain("stopped; photos written so far are whole, the others were not begun or left nothing behind")
        return STOPPED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return SOME_FAILED
    except (Usage, Refusal) as error:
        voice.complain(voice.sentence(error))
        return BAD_USAGE
    except Exception as error:
        voice.complain(voice.sentence(error))
        return SOME_FAILED
    return code


def _run(arguments: list[str]) -> int:
    if arguments == ["--version"]:
        from anylens import __version__

        print(f"anylens {__version__}")
        return ALL_GOOD
    for length in (2, 1):
        name = " ".join(arguments[:length])
        if name in COMMANDS:
            return _command(name, arguments[length:])
    asked = [word for word in arguments if word not in ("-h", "--help")]
    group = {name: does for name, does in COMMANDS.items() if name.split()[: len(asked)] == asked}
    if not group:
        from anylens.app.syntax import nearest

        name = " ".join(asked[:2]) if any(known.split()[0] == asked[0] for known in COMMANDS) else asked[0]
        raise Usage(f"there is no command {name}{nearest(name, list(COMMANDS))}; see anylens --help")
    print(_overview(" ".join(["anylens", *asked]), group))
    return ALL_GOOD


def _command(name: str, arguments: list[str]) -> int:
    from anylens.app.syntax import Syntax

    command = import_module(f"anylens.app.commands.{name.replace(' ', '_')}")
    syntax = Syntax(f"anylens {name}", COMMANDS[name])
    command.options(syntax)
    try:
        given = syntax.parse(arguments)
    except SystemExit:
        return ALL_GOOD
    return int(command.run(given))


def _overview(program: str, group: dict[str, str]) -> str:
    from anylens.app.table import table

    commands = table([(f"  {name}", does) for name, does in group.items()])
    return (
        f"usage: {program} COMMAND ...\n\nCamera software for any lens: raw in, photo out.\n\ncommands:\n{commands}\n\n"
        "anylens COMMAND --help shows what each can do, anylens --version the version."
    )
