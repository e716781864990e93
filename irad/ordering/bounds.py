"""What no elimination order can do without."""

from __future__ import annotations

from irad._compat.flows import disjoint_paths
from irad.ordering.graph import Graph, Kind


def lower_bound(graph: Graph) -> int:
    """A number of raw multiplications that every order needs.

    When its turn comes a vertex has at least as many in-edges as there are paths from
    the inputs to it that share no other vertex: each path has a last vertex that is not
    gone. The same holds towards the outputs, so the sum of the products is a bound.
    Paths with copies do not count, since they may have no value to multiply with.

    >>> lower_bound(Graph(1, [(0, 1), (1, 2), (2, 3), (2, 4)], [3, 4]))
    3
    """
    edges = [(of, to) for of, to, kind in graph.edges if kind != Kind.COPY]
    turned = [(to, of) for of, to in edges]
    size, vertices = graph.num_vertices, graph.eliminated
    if not vertices:
        return 0
    before = disjoint_paths(size, edges, range(graph.num_inputs), vertices)
    after = disjoint_paths(size, turned, graph.outputs, vertices)
    return sum(a * b for a, b in zip(before, after, strict=True))
