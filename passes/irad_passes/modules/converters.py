"""Tables of converters: operation name -> how it becomes equations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from irad_passes.modules.frames import Atom, Frame

Converter = Callable[[Frame, Any], "Sequence[Atom] | None"]
"""Adds equations for an operation and gives its results; None: it has no primitive."""


class Table(dict[str, Converter]):
    """The converters of a family of operations, by name."""

    def converts(self, *names: str) -> Callable[[Converter], Converter]:
        """Enters a converter under the names of its operations."""

        def enter(converter: Converter) -> Converter:
            self.update(dict.fromkeys(names, converter))
            return converter

        return enter
