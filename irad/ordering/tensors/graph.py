"""A graph whose vertices are arrays: their shapes, and a partial on each edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from irad.ordering.graph import Graph
from irad.ordering.tensors.moves import Shape
from irad.ordering.tensors.partial import Partial
from irad.ordering.tensors.structure import Axis


@dataclass(frozen=True)
class TensorGraph:
    """A plain graph, the shape of each vertex, and the partial of each of its edges.

    >>> from irad.ordering.tensors.structure import dense, diagonal
    >>> plain = Graph(1, [(0, 1), (1, 2)], [2])
    >>> partials = Partial(diagonal([3], [3])), Partial(dense([2], [3]))
    >>> TensorGraph(plain, ((3,), (3,), (2,)), partials).eliminated
    (1,)
    """

    plain: Graph
    shapes: tuple[Shape, ...]
    partials: tuple[Partial, ...]

    def __post_init__(self) -> None:
        if len(self.shapes) < self.plain.num_vertices:
            raise ValueError(
                f"there are {self.plain.num_vertices} vertices and "
                f"{len(self.shapes)} shapes"
            )
        for (of, to, _), partial in zip(self.plain.edges, self.partials, strict=True):
            _check(partial, self.shapes[of], self.shapes[to], f"edge ({of}, {to})")

    @property
    def eliminated(self) -> tuple[int, ...]:
        """What an elimination order lists, as for a plain graph."""
        return self.plain.eliminated


def _check(partial: Partial, x: Shape, y: Shape, edge: str) -> None:
    """Raises where a Jacobian is not one of ``y`` in ``x``, as far as can be seen."""
    J = partial.structure
    if J is None:
        return
    if _sizes(J.rows) != y or not (partial.moves or _sizes(J.columns) == x):
        raise ValueError(
            f"{edge}: a Jacobian of {y} in {x} cannot have rows {_sizes(J.rows)} and "
            f"columns {_sizes(J.columns)}"
        )


def _sizes(axes: Sequence[Axis]) -> Shape:
    return tuple(axis.size for axis in axes)
