"""The elimination tasks on arrays as graphs, and the counts that are known of them.

The graphs are traced from the programs in ``elimination``: one vertex an equation, and
nothing shared that the source does not share.

Source: as for ``elimination_graphs``. The published counts of forward and reverse are
reproduced exactly for f, MLP and Encoder, and that of reverse for RoeFlux_3d; forward
is published as 1556 there, and counted as 1552. The trace that is published of Encoder
has 93 vertices to eliminate and not 84: its reductions drop their axes, and some of its
equations only convert. On such a trace the best order has been 4348, and not 4300. The
best known count for f is not reached on this graph: the best order has been 5253.

MLP is counted for a batch of one example. The published counts charge for the
transposition that ``jax.vmap`` puts behind each of its products, as a product with a
dense matrix; those of Encoder charge nothing for transpositions, and neither does the
convention. Both are one case here: a row or a column that is transposed is charged for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax

from benchmarks.programs.elimination import perceptron, programs
from irad.ordering.tensors import (
    Partial,
    Permute,
    TensorGraph,
    dense,
    tensor_graph,
)

SOURCE = "Lohoff & Neftci, arXiv 2406.05027, traced from benchmarks/programs"


@dataclass(frozen=True)
class Known:
    """Counts of multiplications for one task: published, and the best known."""

    forward: int
    reverse: int
    alphagrad: int
    best: int


COUNTS: dict[str, Known] = {
    "RoeFlux_3d": Known(1556, 979, 811, 639),
    "f": Known(17728, 8859, 6374, 4960),
    "MLP": Known(10930, 392, 389, 388),
    "Encoder": Known(135010, 4688, 4656, 4332),
}
TASKS = tuple(COUNTS)


def graph(task: str) -> TensorGraph:
    """The graph of a task."""
    (program,) = (p for p in programs("small") if p.name == task)
    fun, arguments = program.make(), program.arguments()
    if task == "MLP":
        return _charged(_traced(*_batched(*arguments)))
    return _traced(fun, arguments)


def _traced(fun: Callable[..., Any], arguments: Any) -> TensorGraph:
    return tensor_graph(jax.make_jaxpr(fun)(*arguments).jaxpr)


def _batched(x: Any, y: Any, *rest: Any) -> tuple[Callable[..., Any], Any]:
    """The loss of a batch of one example."""
    axes = (0, 0, *(None for _ in rest))
    return jax.vmap(perceptron, axes), (x[None], y[None], *rest)


def _charged(graph: TensorGraph) -> TensorGraph:
    """Transpositions of rows and columns as dense matrices."""
    partials = [
        Partial(dense(graph.shapes[to], graph.shapes[of]))
        if any(isinstance(move, Permute) for move in partial.moves)
        and 1 in graph.shapes[to]
        else partial
        for (of, to, _), partial in zip(graph.plain.edges, graph.partials, strict=True)
    ]
    return TensorGraph(graph.plain, graph.shapes, tuple(partials))
