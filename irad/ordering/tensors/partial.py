"""What an edge of a tensor graph carries: moves, then a Jacobian of some structure."""

from __future__ import annotations

from dataclasses import dataclass

from irad.ordering.tensors.moves import Move, Shape
from irad.ordering.tensors.structure import (
    Structure,
    diagonal,
    multiplications,
    product,
    total,
)


@dataclass(frozen=True)
class Partial:
    """``structure @ moves[-1] @ ... @ moves[0]``; a pure copy has no structure.

    Moves are put off: they are applied to what comes before them when that has values,
    and written out only in a sum.
    """

    structure: Structure | None = None
    moves: tuple[Move, ...] = ()


def multiplied(after: Partial, before: Partial) -> tuple[int, Partial]:
    """The product ``after @ before``, and how many multiplications it takes.

    With a pure copy it takes none.
    """
    J, far = after.structure, before.structure
    if far is None:
        return 0, Partial(J, before.moves + after.moves)
    for move in after.moves:
        far = move(far)
    if J is None:
        return 0, Partial(far, before.moves)
    return multiplications(J, far), Partial(product(J, far), before.moves)


def added(a: Partial, b: Partial, shape: Shape) -> Partial:
    """The sum of two edges into an array of some shape."""
    return Partial(total(_written_out(a, shape), _written_out(b, shape)))


def _written_out(partial: Partial, shape: Shape) -> Structure:
    J = diagonal(shape) if partial.structure is None else partial.structure
    for move in reversed(partial.moves):
        J = move.T(J.T).T
    return J
