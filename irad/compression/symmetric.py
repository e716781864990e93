"""Colourings of symmetric patterns, which use that an entry is found at two places.

The columns are vertices, joined where there is an entry. Neighbours have different
colours, so that the diagonal is always found directly.

Source: Gebremedhin, Tarafdar, Manne & Pothen, New acyclic and star coloring algorithms
with application to computing Hessians (2007).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from irad.compression.colouring import Colouring, Decompression, entries
from irad.compression.orders import Order, neighbour_lists, smallest_last
from irad.compression.pattern import Array, Pattern

Graph = list[list[int]]
Edge = tuple[int, int]


@dataclass(frozen=True, eq=False)
class AcyclicColouring:
    """Colours of columns that hold each entry less others that are found before.

    Entry ``k`` is its element of its product, less the entries ``subtract[starts[k] :
    starts[k + 1]]``. Entries of level 0 have none to subtract, those of a higher level
    only ones of lower levels.
    """

    colours: Array
    count: int
    decompression: Decompression
    level: Array
    starts: Array
    subtract: Array


def star(pattern: Pattern) -> Colouring:
    """Colours such that each entry, or the one opposite, is held by itself.

    No path of four vertices has only two colours. ``pattern`` is symmetric.
    """
    graph = _graph(pattern)
    found = [_star(graph, order) for order in _orders(graph)]
    colours, count = min(found, key=lambda each: each[1])
    i, j = entries(pattern)
    alone = np.bincount(i * max(count, 1) + colours[j])[i * max(count, 1) + colours[j]]
    direct = alone == 1
    product = np.where(direct, colours[j], colours[i])
    held = Decompression(product, np.where(direct, i, j))
    return Colouring(colours, count, held)


def acyclic(pattern: Pattern) -> AcyclicColouring:
    """Colours such that the entries of any two colours form trees.

    No cycle has only two colours, so the entries are found from the leaves of the trees
    on. ``pattern`` is symmetric.
    """
    graph = _graph(pattern)
    found = [_acyclic(graph, order) for order in _orders(graph)]
    colours, count, forest = min(found, key=lambda each: each[1])
    return _substitution(pattern, colours, count, forest)


def _graph(pattern: Pattern) -> Graph:
    m, n = pattern.shape
    assert m == n, "a symmetric pattern is square"
    return neighbour_lists(pattern.csr())


def _orders(graph: Graph) -> Iterator[Order]:
    """Natural, largest first and smallest last."""
    vertices = range(len(graph))
    yield vertices
    yield sorted(vertices, key=lambda v: -len(graph[v]))
    yield smallest_last(graph, vertices)


def _star(graph: Graph, order: Order) -> tuple[Array, int]:
    """Greedy star colouring: a colour that would end or widen a path of two is out."""
    colour = [-1] * len(graph)
    near: list[Counter[int]] = [Counter() for _ in graph]
    for v in order:
        out: set[int] = set()
        for w in graph[v]:
            if colour[w] < 0:
                out.update(near[w])
                continue
            out.add(colour[w])
            # A neighbour x of w with a second neighbour of w's colour: v, w, x, there.
            out.update(
                colour[x] for x in graph[w] if colour[x] >= 0 and near[x][colour[w]] > 1
            )
        colour[v] = _first_not_in(out)
        for w in graph[v]:
            near[w][colour[v]] += 1
    return np.array(colour, np.int32), 1 + max(colour, default=-1)


def _first_not_in(out: set[int]) -> int:
    colour = 0
    while colour in out:
        colour += 1
    return colour


@dataclass
class Forest:
    """Sets of edges: the trees that two colours make."""

    parent: dict[Edge, Edge] = field(default_factory=dict)

    def root(self, edge: Edge) -> Edge:
        """The edge that stands for the tree of this one."""
        parent = self.parent
        while parent[edge] != edge:
            parent[edge] = edge = parent[parent[edge]]
        return edge

    def join(self, a: Edge, b: Edge) -> None:
        """Makes one tree of two."""
        self.parent[self.root(a)] = self.root(b)


def _edge(v: int, w: int) -> Edge:
    return (v, w) if v < w else (w, v)


def _acyclic(graph: Graph, order: Order) -> tuple[Array, int, Forest]:
    """Greedy acyclic colouring: a colour that would close a cycle of two is out."""
    colour = [-1] * len(graph)
    forest = Forest()
    for v in order:
        coloured = [w for w in graph[v] if colour[w] >= 0]
        out = {colour[w] for w in coloured}
        reached: dict[Edge, int] = {}
        for w in coloured:
            for x in graph[w]:
                if colour[x] >= 0 and colour[x] not in out:
                    tree = forest.root(_edge(w, x))
                    if reached.setdefault(tree, w) != w:
                        out.add(colour[x])
        colour[v] = _first_not_in(out)
        _grow(forest, graph, colour, v, coloured)
    return np.array(colour, np.int32), 1 + max(colour, default=-1), forest


def _grow(
    forest: Forest, graph: Graph, colour: list[int], v: int, coloured: list[int]
) -> None:
    """Adds the edges of a vertex to the trees that they belong to."""
    by_colour: dict[int, Edge] = {}
    for w in coloured:
        edge = _edge(v, w)
        forest.parent[edge] = edge
        forest.join(edge, by_colour.setdefault(colour[w], edge))
        for x in graph[w]:
            if x != v and colour[x] == colour[v]:
                forest.join(edge, _edge(w, x))


def _substitution(
    pattern: Pattern, colours: Array, count: int, forest: Forest
) -> AcyclicColouring:
    """Where each entry is found and what is subtracted, from the trees' leaves on."""
    rows, cols = entries(pattern)
    number = {
        e: k for k, e in enumerate(zip(rows.tolist(), cols.tolist(), strict=True))
    }
    product, place = colours[cols], rows.copy()
    level = np.zeros(len(rows), np.int32)
    terms: list[list[int]] = [[] for _ in range(len(rows))]
    for child, parent, below in _from_leaves(forest):
        k, opposite = number[child, parent], number[parent, child]
        of = [number[child, grandchild] for grandchild in below]
        depth = 1 + max((int(level[e]) for e in of), default=-1)
        for e in (k, opposite):
            product[e], place[e] = colours[parent], child
            level[e], terms[e] = depth, of
    starts = np.cumsum([0, *map(len, terms)])
    subtract = np.array([e for of in terms for e in of], np.int32)
    held = Decompression(product, place)
    return AcyclicColouring(colours, count, held, level, starts, subtract)


def _from_leaves(forest: Forest) -> Iterator[tuple[int, int, list[int]]]:
    """Each vertex of each tree but its top, with its parent and its children."""
    trees: defaultdict[Edge, defaultdict[int, list[int]]]
    trees = defaultdict(lambda: defaultdict(list))
    for edge in forest.parent:
        near = trees[forest.root(edge)]
        near[edge[0]].append(edge[1])
        near[edge[1]].append(edge[0])
    for (top, _), near in trees.items():
        downwards, parents = [top], {top: -1}
        for v in downwards:
            below = [w for w in near[v] if w != parents[v]]
            parents.update(dict.fromkeys(below, v))
            downwards.extend(below)
        for v in reversed(downwards[1:]):
            yield v, parents[v], [w for w in near[v] if w != parents[v]]
