"""Commands run in this process, as a shell would run them."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from irad.cli import irad, opt

ENTRIES: dict[str, Callable[[], int]] = {"irad": irad, "irad-opt": opt}


@dataclass(frozen=True)
class Outcome:
    """What a command left: its status, and what it wrote."""

    status: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()


class Shell:
    """A directory to run commands in."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capture: pytest.CaptureFixture[bytes],
    ) -> None:
        self._monkeypatch = monkeypatch
        self._capture = capture

    def __call__(
        self, name: str, arguments: Sequence[str], given: bytes = b""
    ) -> Outcome:
        """Runs a command with something on its standard input."""
        self._capture.readouterr()
        self._monkeypatch.setattr(sys, "argv", [name, *arguments])
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        status = ENTRIES[name]()
        found = self._capture.readouterr()
        return Outcome(status, found.out, found.err.decode())
