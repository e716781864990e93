"""Whole runs that are kept: one file each in ``results/``, small enough to commit."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

Record: TypeAlias = dict[str, Any]

RESULTS = Path(__file__).parent / "results"
DROPPED = ("samples_s",)
DIGITS = 4


def path_of(environment: Mapping[str, Any], folder: Path = RESULTS) -> Path:
    """Where a run is kept: under its processor, its date and its size."""
    words = re.sub(r"\(r\)|\(tm\)|processor|cpu|@.*", " ", _processor(environment))
    machine = "-".join(re.findall(r"[a-z0-9]+", words)) or "machine"
    day = environment["date"][:10]
    cores = environment["cores"]
    return folder / f"{machine}-{cores}-cores-{day}-{environment['size']}.json"


def written(record: Record) -> str:
    """JSON with a line for each row; samples are dropped, floats shortened."""
    head = {name: part for name, part in record.items() if name != "suites"}
    suites = ",\n".join(
        f"{json.dumps(name)}: {_suite(suite)}"
        for name, suite in record["suites"].items()
    )
    return f'{json.dumps(head)[:-1]}, "suites": {{\n{suites}\n}}}}\n'


def newest(folder: Path = RESULTS) -> Path:
    """The file to quote from: of full size where there is one, and then the latest."""

    def rank(path: Path) -> tuple[bool, str]:
        environment = json.loads(path.read_text())["environment"]
        return environment["size"] == "full", environment["date"]

    found = sorted(folder.glob("*.json"), key=rank)
    if not found:
        raise FileNotFoundError(
            f"no run is recorded in {folder.name}/: python -m benchmarks --record"
        )
    return found[-1]


def _processor(environment: Mapping[str, Any]) -> str:
    return str(environment["processor"]).lower()


def _suite(suite: Record) -> str:
    rows = ",\n".join(json.dumps(_short(row)) for row in suite["rows"])
    rest = {name: part for name, part in suite.items() if name != "rows"}
    return f'{json.dumps(_short(rest))[:-1]}, "rows": [\n{rows}\n]}}'


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _short(v) for k, v in value.items() if k not in DROPPED}
    if isinstance(value, list | tuple):
        return [_short(part) for part in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
