"""Orders in which a greedy colouring takes the columns, and the greedy colouring."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from irad.compression.pattern import Array, Sets

Order = Sequence[int]

EDGES = 400_000
"""The orders that walk over the edges of the intersection graph are for fewer."""


def greedy(members: Sets, order: Order) -> tuple[Array, int]:
    """Colours for the columns, each the first that none sharing a row has.

    ``members`` has a row for each column: the rows in which that has an entry. The
    colours that occur in a row are the bits of an integer.
    """
    rows, ends = members.indices.tolist(), members.indptr.tolist()
    seen = [0] * members.shape[1]
    colours = [-1] * members.shape[0]
    most = 0
    for j in order:
        own = rows[ends[j] : ends[j + 1]]
        used = 0
        for i in own:
            used |= seen[i]
        free = ~used & (used + 1)
        for i in own:
            seen[i] |= free
        colours[j] = free.bit_length() - 1
        most = max(most, free)
    return np.array(colours, np.int32), most.bit_length()


def orders(members: Sets) -> Iterator[Order]:
    """Orders of the columns that have an entry, from the cheapest on.

    Natural, largest first, and on graphs that are small enough smallest last, incidence
    degree and saturation degree (DSATUR).
    """
    sizes = np.diff(members.indptr)
    columns = np.flatnonzero(sizes)
    yield columns.tolist()
    lengths = np.bincount(members.indices, minlength=members.shape[1])
    # So many columns share a row with this one, those that share several counted often.
    degrees = (members.astype(np.int64) @ lengths) - sizes
    yield columns[np.argsort(-degrees[columns], kind="stable")].tolist()
    if int(degrees.sum()) > EDGES:
        return
    neighbours = adjacency(members)
    yield smallest_last(neighbours, columns.tolist())
    for priority in (_incidence, _saturation):
        yield _dynamic(neighbours, columns.tolist(), priority)


def adjacency(members: Sets) -> list[list[int]]:
    """For each column those that share a row with it."""
    return neighbour_lists(members.astype(np.int32) @ members.T.astype(np.int32))


def neighbour_lists(graph: Sets) -> list[list[int]]:
    """The neighbours of each vertex, from the pattern of a symmetric matrix."""
    graph = graph.tocsr()
    columns, ends = graph.indices.tolist(), graph.indptr.tolist()
    return [
        [w for w in columns[ends[v] : ends[v + 1]] if w != v]
        for v in range(graph.shape[0])
    ]


def smallest_last(neighbours: list[list[int]], vertices: Order) -> Order:
    """From behind, always a vertex with the fewest neighbours among those left."""
    degree = [len(near) for near in neighbours]
    queue = [(degree[v], v) for v in vertices]
    heapq.heapify(queue)
    taken = [False] * len(neighbours)
    reverse = []
    while queue:
        d, v = heapq.heappop(queue)
        if taken[v] or d != degree[v]:
            continue
        taken[v] = True
        reverse.append(v)
        for w in neighbours[v]:
            if not taken[w]:
                degree[w] -= 1
                heapq.heappush(queue, (degree[w], w))
    return reverse[::-1]


Priority = Callable[[set[int], int], int]


def _incidence(seen: set[int], coloured: int) -> int:
    del seen
    return coloured


def _saturation(seen: set[int], coloured: int) -> int:
    del coloured
    return len(seen)


def _dynamic(neighbours: list[list[int]], vertices: Order, priority: Priority) -> Order:
    """Always a vertex of the highest priority, by what its neighbours have so far."""
    n = len(neighbours)
    seen: list[set[int]] = [set() for _ in range(n)]
    coloured = [0] * n
    rank = [0] * n
    queue = [(0, -len(neighbours[v]), v) for v in vertices]
    heapq.heapify(queue)
    taken = [False] * n
    order = []
    while queue:
        r, _, v = heapq.heappop(queue)
        if taken[v] or -r != rank[v]:
            continue
        taken[v] = True
        order.append(v)
        colour = _first_not_in(seen[v])
        for w in neighbours[v]:
            if taken[w]:
                continue
            seen[w].add(colour)
            coloured[w] += 1
            now = priority(seen[w], coloured[w])
            if now != rank[w]:
                rank[w] = now
                heapq.heappush(queue, (-now, -len(neighbours[w]), w))
    return order


def _first_not_in(seen: set[int]) -> int:
    colour = 0
    while colour in seen:
        colour += 1
    return colour
