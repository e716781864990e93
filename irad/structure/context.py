"""Equations traced in another context: another mesh, another device, metadata."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from irad._compat.ir import Atom, JaxprEqn
from irad.emitter import Emitter
from irad.graph import Inside, Linearized


class InContext:
    """A local Jacobian whose code is made in the context of its equation.

    Rules are ``lax`` code: under another mesh they would give arrays other types.
    """

    def __init__(self, local: Linearized, context: Any) -> None:
        self._local = local
        self._context = context
        self.takes_zeros: bool = getattr(local, "takes_zeros", False)
        self.masks: Any = getattr(local, "masks", None)
        self.carries: tuple[int, ...] | None = getattr(local, "carries", None)

    def forward(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], *, reverse: bool
    ) -> tuple[Sequence[Atom], Any]:
        with self._context.manager:
            return self._local.forward(emit, eqn, x, reverse=reverse)

    def push(self, emit: Emitter, kept: Any, t: Sequence[Any]) -> Sequence[Any]:
        with self._context.manager:
            return self._local.push(emit, kept, t)

    def pull(self, emit: Emitter, kept: Any, c: Sequence[Any]) -> Sequence[Any]:
        with self._context.manager:
            return self._local.pull(emit, kept, c)

    def jvp(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], t: Sequence[Any]
    ) -> tuple[Sequence[Atom], Sequence[Any]]:
        with self._context.manager:
            return self._local.jvp(emit, eqn, x, t)

    def inside(self) -> Inside | None:
        """What becomes of the program inside, if there is one."""
        inside = getattr(self._local, "inside", None)
        return None if inside is None else inside()
