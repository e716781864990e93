"""The linearized graph: variables, and equations with their local Jacobians.

The graph is bipartite. Between variables stand equations, each with one local Jacobian
of several inputs and outputs. It holds no emitted IR: a ``Linearized`` knows how to
emit its forward code, its push and its pull, and reading it costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from irad._compat.ir import Atom, ClosedJaxpr, Jaxpr, JaxprEqn, Var
from irad.checkpointing import Checkpointing
from irad.emitter import Emitter

T = TypeVar("T")


class Linearized(Protocol):
    """The local Jacobian of one equation, able to emit itself.

    ``x`` are the equation's operands, ``t`` the tangents of the active ones, ``c`` the
    cotangents of the wanted results, in the equation's order; None is a known zero.
    """

    def forward(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], *, reverse: bool
    ) -> tuple[Sequence[Atom], Any]:
        """Emits the results and what the pull (or the push) needs; returns both."""
        ...

    def push(self, emit: Emitter, kept: Any, t: Sequence[Any]) -> Sequence[Any]:
        """Emits the tangents of the wanted results."""
        ...

    def pull(self, emit: Emitter, kept: Any, c: Sequence[Any]) -> Sequence[Any]:
        """Emits the cotangents of the active operands."""
        ...

    def jvp(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], t: Sequence[Any]
    ) -> tuple[Sequence[Atom], Sequence[Any]]:
        """Emits results and tangents together, keeping nothing."""
        ...


@dataclass(frozen=True, eq=False)
class Inside:
    """What becomes of the program that an equation holds.

    It is differentiated in its ``active`` inputs for its ``wanted`` outputs and runs
    ``steps`` times, None if that is unknown. ``again`` are the equations that reverse
    mode computes again; in a ``segment`` all values are, and only its inputs are kept.
    ``keeping`` is the price of a byte that a loop keeps of each step, in seconds.
    """

    body: Jaxpr
    active: tuple[bool, ...]
    wanted: tuple[bool, ...]
    steps: int | None = 1
    again: tuple[JaxprEqn, ...] = ()
    segment: bool = False
    keeping: float = 0.0


@dataclass(eq=False, slots=True)
class Node:
    """An equation in the graph; ``local`` is None where no tangent passes through it.

    ``active`` are the positions of its operands that carry tangents, ``wanted`` those
    of its results whose tangents something needs.
    """

    eqn: JaxprEqn
    local: Linearized | None
    active: tuple[int, ...]
    wanted: tuple[int, ...]


@dataclass(eq=False, slots=True)
class LinearizedGraph:
    """A jaxpr with its equations linearized in the ``active`` inputs.

    ``carries`` marks the outputs that depend on an active input and were wanted.
    """

    jaxpr: Jaxpr
    nodes: list[Node]
    active: tuple[bool, ...]
    carries: tuple[bool, ...]


@dataclass(frozen=True)
class Mask(Generic[T]):
    """A choice by ``which`` between ``cases``: of the others, all elements are zero."""

    which: T
    case: int
    cases: int


@dataclass(frozen=True, eq=False)
class JvpProgram:
    """A program of values and tangents.

    ``jaxpr`` takes all inputs, then the tangents of the active ones; it gives all
    outputs, then the tangents of those in ``carries``.
    """

    jaxpr: ClosedJaxpr
    carries: tuple[bool, ...]


@dataclass(frozen=True, eq=False)
class SplitProgram:
    """A program in two: outputs and residuals first, what is linear second.

    ``forward``: inputs to (outputs, computed residuals). ``linear``: (residuals,
    tangents or cotangents) to (tangents of the ``carries`` outputs, or cotangents of
    the active inputs). ``sources`` says for each residual where it is found: a position
    among the inputs, or ``None`` for the next computed one. ``zeros`` marks results of
    ``linear`` known to be zero, which it does not return. ``masks`` has, for the
    cotangent of each active input, the residuals by which elements of it are zero.
    """

    forward: ClosedJaxpr
    linear: ClosedJaxpr
    sources: tuple[int | None, ...]
    carries: tuple[bool, ...]
    zeros: tuple[bool, ...]
    masks: tuple[tuple[Mask[int], ...], ...] = ()

    def residuals(self, inputs: Sequence[Any], computed: Sequence[Any]) -> list[Any]:
        """The residuals, in the order ``linear`` takes them."""
        rest = iter(computed)
        return [next(rest) if i is None else inputs[i] for i in self.sources]


@dataclass(frozen=True, eq=False)
class Engine:
    """The transforms of a jaxpr without constants, for structure to recurse with.

    All results are cached on the identity of the jaxpr. ``checkpointing`` says how much
    of it the programs keep.
    """

    jvp: Callable[[Jaxpr, tuple[bool, ...], tuple[bool, ...]], JvpProgram]
    vjp: Callable[[Jaxpr, tuple[bool, ...], tuple[bool, ...]], SplitProgram]
    linearize: Callable[[Jaxpr, tuple[bool, ...], tuple[bool, ...]], SplitProgram]
    activity: Callable[
        [Jaxpr, tuple[bool, ...], tuple[bool, ...]],
        tuple[tuple[bool, ...], tuple[bool, ...]],
    ]
    """Which wanted outputs carry tangents, which active inputs reach one of them."""
    checkpointing: Checkpointing
    held: Callable[[int], Engine]
    """The same for a program of so many runs whose kept values are held at once."""


Structure = Callable[
    [JaxprEqn, tuple[int, ...], tuple[int, ...], Engine], Linearized | None
]
Variables = dict[Var, Atom]
