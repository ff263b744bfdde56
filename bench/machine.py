"""What the figures were measured on: processor, memory, versions. Printed before every table."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path

_LIBRARIES = ("numpy", "eventsourcing", "faust-streaming", "orjson", "pydantic", "sqlalchemy")


def describe() -> dict[str, str]:
    """The machine and the versions, as short texts by name; "unknown" where it does not tell."""
    return {
        "processor": _from_proc("/proc/cpuinfo", "model name") or platform.processor() or "unknown",
        "cores": str(os.cpu_count() or "unknown"),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in _LIBRARIES},
    }


def _memory() -> str:
    found = _from_proc("/proc/meminfo", "MemTotal")
    return f"{int(found.split()[0]) / 1_048_576:.1f} GiB" if found else "unknown"


def _from_proc(path: str, name: str) -> str:
    """The value of `name` in a file of `name : value` lines, or nothing where there is none."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next(
        (
            line.partition(":")[2].strip()
            for line in lines
            if line.partition(":")[0].strip() == name
        ),
        "",
    )
