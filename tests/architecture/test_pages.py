"""What the pages tell people to type works."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs" / "adding").glob("*.md")))
FENCED = re.compile(r"^```(\w*) ?([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page: Path, *languages: str) -> list[tuple[str, str]]:
    """(file that it shows, text) of every fenced block of a page in one of `languages`; "" where it shows no file."""
    return [(file, text) for language, file, text in FENCED.findall(page.read_text("utf-8")) if language in languages]


def commands(start: str) -> list[list[str]]:
    """Every command line of the pages that starts with `start`, without its comment."""
    lines = [line for page in PAGES for _, text in blocks(page, "", "sh") for line in text.splitlines()]
    return [shlex.split(line, comments=True) for line in dict.fromkeys(lines) if line.startswith(start)]


PROGRAMS = sorted(
    {
        name
        for page in (ROOT / "README.md", ROOT / "benchmarks" / "README.md", *(ROOT / "docs").rglob("*.md"))
        for name in re.findall(r"python -m (\w+(?:\.\w+)*)", page.read_text("utf-8"))
    }
)
SHOWN = [(page, file, text) for page in PAGES for file, text in blocks(page, "toml", "python") if file]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the pages speak of: the demo's raw under all its names, the files that the reader writes."""
    made = tmp_path_factory.mktemp("pages")
    for name in ("demo/GOPR0024.dng", "raws/a.dng", "a.dng", "b.dng"):
        (made / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / "demo" / "GOPR0024.dng", made / name)
    for _, file, text in SHOWN:
        if "/" not in file:
            (made / file).write_text(text, "utf-8")
    return made


@pytest.mark.parametrize("command", commands("anylens"), ids=" ".join)
def test_anylens_commands_work_as_written(command: list[str], folder: Path) -> None:
    if any("*" in word for word in command):
        pytest.skip("it names a folder of raws that is the reader's own")
    if command[-2:] == ["--recipe", "a.jpg"] and not (folder / "a.jpg").exists():
        pytest.skip("it follows another command that was not run")
    if command[-1] == "b.dng":
        (folder / "b.dng").unlink(missing_ok=True)
    ran = subprocess.run(
        [sys.executable, "-m", "anylens.app", *command[1:]],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "XDG_DATA_HOME": str(folder / "data")},
    )
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("command", commands("pytest"), ids=" ".join)
def test_named_tests_exist(command: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", *command[1:]],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\[[^\]]*\]\(([^)#:]+)\)", page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize(
    ("page", "file", "text"), [pytest.param(*each, id=each[1]) for each in SHOWN if "/" in each[1]]
)
def test_what_a_page_shows_of_a_file_stands_there(page: Path, file: str, text: str) -> None:
    assert text in (ROOT / file).read_text("utf-8"), f"{page.name} shows {file} as it was"


@pytest.mark.parametrize("program", PROGRAMS)
def test_named_programs_exist(program: str) -> None:
    assert importlib.util.find_spec(program) is not None


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("\n".join(own), id=page.name)
        for page in PAGES
        if (own := [text for file, text in blocks(page, "python") if not file])
    ],
)
def test_python_runs_as_written(code: str, folder: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
