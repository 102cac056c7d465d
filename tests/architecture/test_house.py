"""The house stands as docs/design.md draws it."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import anylens
from anylens.kernels.compile import kernel_modules

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
HEAVY = {"halide", "imagecodecs", "rawpy"}
FORBIDDEN = {
    "base",
    "common",
    "do",
    "handler",
    "handlers",
    "helper",
    "helpers",
    "manager",
    "managers",
    "misc",
    "process",
    "util",
    "utils",
}
PUBLIC = [
    "Body",
    "Burst",
    "Calibration",
    "Facts",
    "Frame",
    "Lens",
    "Mosaic",
    "Noise",
    "Opcodes",
    "Passport",
    "Photo",
    "Recipe",
    "Refusal",
    "Scene",
    "Sensor",
    "Setting",
    "Shot",
    "__version__",
    "bracket",
    "develop",
    "look",
    "looks",
    "read",
    "write",
]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def given_names(path: Path) -> Iterator[str]:
    """Every name that the file itself gives: to modules, classes, functions, arguments, variables, attributes."""
    yield from path.relative_to(ROOT / "src").with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_bytes())):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.alias(asname=str(name)):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def imports_on_loading(node: ast.AST) -> Iterator[str]:
    """The packages that loading a module brings in, those for type checkers not counted."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                continue
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=other):
                for statement in other:
                    yield from imports_on_loading(statement)
            case ast.Import(names=names):
                yield from (alias.name.split(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module)):
                yield module.split(".")[0]
            case _:
                yield from imports_on_loading(child)


def test_rooms_import_as_the_contracts_say() -> None:
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("import-linter is not installed")
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_names_say_what_things_are(path: Path) -> None:
    vague = {name for name in given_names(path) if words(name) & FORBIDDEN}
    assert not vague


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_heavy_packages_are_imported_where_they_are_used(path: Path) -> None:
    assert not set(imports_on_loading(ast.parse(path.read_bytes()))) & HEAVY


def test_public_names_are_these() -> None:
    assert sorted(anylens.__all__) == PUBLIC
    assert set(PUBLIC) <= set(dir(anylens))


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    thing = getattr(anylens, name)
    assert isinstance(thing, str) or (thing.__doc__ or "").strip()


def test_importing_anylens_brings_in_numpy_at_most() -> None:
    code = """
import sys
before = set(sys.modules)
import anylens
tops = {name.split(".")[0] for name in set(sys.modules) - before}
print(*sorted(tops - set(sys.stdlib_module_names)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"anylens", "numpy"}


def test_running_kernels_needs_no_halide() -> None:
    code = """
import sys
sys.modules["halide"] = None
import numpy as np
from anylens.kernels.linearize import linearize
print(linearize(np.full((3, 3), 5, np.uint16), 0.0, 1.0).sum())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("45.0\n", "")


@pytest.mark.parametrize("name", [name.removeprefix("anylens.kernels.") for name in kernel_modules()])
def test_a_kernel_file_holds_three_things_and_their_price(name: str) -> None:
    module = importlib.import_module(f"anylens.kernels.{name}")
    assert (module.__doc__ or "").strip(), "says what it computes and whose method it is"
    for part in ("algorithm", "schedule", "reference", "example"):
        assert callable(getattr(module, part)), part
    assert module.kernel.module == module.__name__
    assert module.kernel.signature is module.SIGNATURE
    price = re.compile(r"\d m?s\b.*MP|MP.*\d m?s\b", re.DOTALL)
    assert price.search(inspect.getsource(module.schedule)), "beside the schedule: its price, as 28 ms, 12 MP, 2 cores"


def test_no_file_knows_one_machine() -> None:
    homes = re.compile(rb"/" + rb"(home|root|work|Users)" + rb"/[A-Za-z]")
    tops = (".ci", "docs", "src", "tests", "demo", "benchmarks")
    files = [path for top in tops for path in (ROOT / top).rglob("*") if path.is_file()]
    files += [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
    texts = {".py", ".toml", ".md", ".bib", ".cfg", ".json", ".txt", ".yml", ".html", ".js", ".css", ""}
    told = [path for path in files if path.suffix in texts and homes.search(path.read_bytes())]
    assert not told


def test_the_installed_version_is_the_version_of_the_source() -> None:
    try:
        installed = importlib.metadata.version("anylens")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("anylens runs from its source here, it is not installed")
    assert installed == anylens.__version__


def test_what_code_follows_stands_in_the_bibliography() -> None:
    entries = [entry.casefold() for entry in (ROOT / "BIBLIOGRAPHY.bib").read_text("utf-8").split("\n@")]
    cited = re.compile(
        r"\b([A-Z][a-zà-ž][\w'-]*)(?:(?:, [A-Z][\w'-]+)* (?:&|and) [A-Z][\w'-]+| et al\.)? \(?(1[89]\d\d|20\d\d)\b"
    )
    missing = {
        f"{path.relative_to(ROOT)}: {name} {year}"
        for folder in ("src", "benchmarks", "docs")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in (".py", ".md")
        for name, year in cited.findall(path.read_text("utf-8"))
        if not any(name.casefold() in entry and year in entry for entry in entries)
    }
    assert not missing
