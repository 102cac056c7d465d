"""Tables for people and JSON for the record, stamped with what made them; light, so that it can time other programs."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """Processor, cores that this run may use, memory, and the widest instruction set that the kernels use here."""
    from anylens.kernels.library import instruction_set

    cpuinfo, meminfo = Path("/proc/cpuinfo"), Path("/proc/meminfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    named = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    kibibytes = int(meminfo.read_text().split()[1]) if meminfo.exists() else 0
    return {
        "processor": named.get("model name", platform.processor() or platform.machine()),
        "family_model": f"{named.get('cpu family', '?')}/{named.get('model', '?')}",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(kibibytes / 2**20, 1),
        "instruction_set": instruction_set(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def commit() -> str:
    """The commit that was measured; `+` where the source has changed since."""
    try:
        name = _git("rev-parse", "--short=12", "HEAD")
        return name + ("+" if _git("status", "--porcelain", "--", "src", "benchmarks/*.py") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def program(name: str) -> str | None:
    """Where a peer is: what the variable PEER_NAME says (PEER_FOCUS_STACK for focus-stack), else on the path."""
    return os.environ.get("PEER_" + name.upper().replace("-", "_")) or shutil.which(name)


def versions(*packages: str) -> dict[str, str]:
    """The installed version of each Python package, `absent` where there is none."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "absent"
    return found


def save(name: str, results: Mapping[str, Any], peers: Mapping[str, str]) -> None:
    """Write results/NAME.json; figures are kept to four digits."""
    stamp: dict[str, Any] = {
        "commit": commit(),
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "load_at_end": round(os.getloadavg()[0], 2),
        "machine": machine(),
        "peers": dict(peers),
    }
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"stamp": stamp, **_short(results)}, indent=1, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    where = stamp["machine"]
    print(f"{where['processor']}, {where['cores']} cores, {stamp['date']}, commit {stamp['commit']}")
    print(f"kept in benchmarks/results/{name}.json\n", flush=True)


def _short(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _short(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_short(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under columns; the first column stands left, the others right, None is a dash."""
    cells = [["–" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(columns), *cells]) for i in range(len(columns))]

    def line(texts: Sequence[str]) -> str:
        padded = [text.rjust(width) for text, width in zip(texts, widths, strict=True)]
        return "  ".join([texts[0].ljust(widths[0]), *padded[1:]]).rstrip()

    print(f"\n{title}\n{line(columns)}\n{'─' * (sum(widths) + 2 * len(widths) - 2)}")
    print("\n".join(line(row) for row in cells), flush=True)


def in_turns(ways: dict[str, list[str]], rounds: int) -> dict[str, list[float]]:
    """Medians of seconds, seconds of all processors, and peak MB of programs run in turns, round by round."""
    found = [{name: timed(command) for name, command in ways.items()} for _ in range(rounds)]
    return {name: [median(each[name][k] for each in found) for k in range(3)] for name in ways}


def timed(command: list[str]) -> tuple[float, float, float]:
    """Seconds, seconds of all processors, and peak MB of a program."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{command[0]} failed")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
