"""Minimum cuts of small graphs, by Dinic's algorithm for maximum flow.

Dinic, Algorithm for solution of a problem of maximum flow in networks with power
estimation, Soviet Mathematics Doklady 11 (1970). Bodies of loops have tens to hundreds
of equations: cutting one takes a millisecond, where loading scipy's graph algorithms
takes three hundred.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from math import inf


def sink_side(
    num_nodes: int, edges: Iterable[tuple[int, int, float]], source: int, sink: int
) -> list[bool]:
    """Which nodes a minimum cut separates from the source: the fewest that any does.

    Args:
        num_nodes: Nodes are 0 to ``num_nodes - 1``.
        edges: Pairs of nodes with the capacity from the first to the second; ``inf``
            for an edge that is never cut.
        source: Where the flow comes from.
        sink: Where it goes.

    Raises:
        ValueError: No cut is finite.

    >>> sink_side(4, [(0, 1, 3), (1, 2, 1), (2, 3, inf), (0, 2, 1)], 0, 3)
    [False, False, True, True]
    """
    network = _Network(num_nodes)
    for tail, head, capacity in edges:
        network.connect(tail, head, capacity)
    while (level := network.levels(source, sink)) is not None:
        network.block(level, source, sink)
    return network.reaching(sink)


class _Network:
    """Residual capacities: edge ``k`` and its reverse ``k ^ 1``."""

    def __init__(self, num_nodes: int) -> None:
        self._out: list[list[int]] = [[] for _ in range(num_nodes)]
        self._head: list[int] = []
        self._left: list[float] = []

    def connect(self, tail: int, head: int, capacity: float) -> None:
        for a, b, c in ((tail, head, capacity), (head, tail, 0.0)):
            self._out[a].append(len(self._head))
            self._head.append(b)
            self._left.append(c)

    def levels(self, source: int, sink: int) -> list[int] | None:
        """Fewest edges from the source to each node; None if the sink is cut off."""
        level = [-1] * len(self._out)
        level[source] = 0
        queue = deque([source])
        while queue:
            node = queue.popleft()
            for k in self._out[node]:
                head = self._head[k]
                if self._left[k] > 0 and level[head] < 0:
                    level[head] = level[node] + 1
                    queue.append(head)
        return level if level[sink] >= 0 else None

    def block(self, level: list[int], source: int, sink: int) -> None:
        """Sends flow along shortest paths until each has a full edge."""
        at = [0] * len(self._out)
        path: list[int] = []
        node = source
        while True:
            if node == sink:
                self._push(path)
                path.clear()
                node = source
            step = self._next(node, level, at)
            if step is not None:
                path.append(step)
                node = self._head[step]
            elif path:
                node = self._head[path.pop() ^ 1]
                at[node] += 1
            else:
                return

    def _next(self, node: int, level: list[int], at: list[int]) -> int | None:
        out = self._out[node]
        while at[node] < len(out):
            k = out[at[node]]
            if self._left[k] > 0 and level[self._head[k]] == level[node] + 1:
                return k
            at[node] += 1
        return None

    def _push(self, path: list[int]) -> None:
        amount = min(self._left[k] for k in path)
        if amount == inf:
            raise ValueError("every cut goes through an edge that may not be cut")
        for k in path:
            self._left[k] -= amount
            self._left[k ^ 1] += amount

    def reaching(self, sink: int) -> list[bool]:
        """The nodes from which more could flow to the sink."""
        found = [False] * len(self._out)
        found[sink] = True
        queue = deque([sink])
        while queue:
            for k in self._out[queue.popleft()]:
                tail = self._head[k]
                if self._left[k ^ 1] > 0 and not found[tail]:
                    found[tail] = True
                    queue.append(tail)
        return found
