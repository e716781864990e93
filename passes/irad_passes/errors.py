"""What the passes raise for their users."""

from __future__ import annotations


class ModuleError(ValueError):
    """A module cannot be read, raised or lowered.

    ``place`` is ``file:line:column`` or whatever the module says about where the
    operation comes from; it is empty where nothing is known.
    """

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(f"{place}: error: {message}" if place else message)
        self.message = message
        self.place = place
