"""Rows that are measured in a process of their own, beside a library that needs it.

Such a library brings a compiler or threads along that live in the process it is loaded
into. The suite is run as a module, with words that say which row is wanted.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import dataclass

from benchmarks.harness.peers import PeerError
from benchmarks.harness.tables import Row
from benchmarks.programs.program import Posed, Size
from irad.errors import DisagreementError

SECONDS = 300.0


@dataclass(frozen=True)
class Task(Posed):
    """A program by its name, which the other process makes again."""

    size: Size


def row_of(module: str, library: str, *words: str) -> Row:
    """What `python -m module words` printed last; its failure is the library's.

    Ours that disagrees with JAX is said in ``wrong``, and is an error.
    """
    if not importlib.util.find_spec(library):
        raise PeerError(f"{library} is not installed")
    command = [sys.executable, "-m", module, *words]
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PeerError(f"{library}: more than {SECONDS:g} s") from error
    last = (run.stderr.strip().splitlines() or ["no message"])[-1]
    if run.returncode:
        raise PeerError(f"{library}: status {run.returncode}: {last}")
    found = json.loads(run.stdout.splitlines()[-1])
    if found["wrong"]:
        raise DisagreementError(found["wrong"])
    return found
