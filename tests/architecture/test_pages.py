"""What the pages tell people to type works."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs" / "adding").glob("*.md")))
FENCED = re.compile(r"```(?:sh)?\n(.*?)```", re.DOTALL)


def commands(start: str) -> list[list[str]]:
    """Every command line of the pages that starts with `start`, without its comment."""
    lines = [line for page in PAGES for block in FENCED.findall(page.read_text("utf-8")) for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in dict.fromkeys(lines) if line.startswith(start)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the raws that the pages speak of: the demo's under all their names."""
    made = tmp_path_factory.mktemp("pages")
    (made / "demo").mkdir()
    for name in ("demo/GOPR0024.dng", "a.dng", "b.dng"):
        (made / name).symlink_to(ROOT / "demo" / "GOPR0024.dng")
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
    targets = re.findall(r"(?<!!)\[[^\]]*\]\(([^)#:]+)\)", page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_python_in_the_readme_runs(folder: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
