"""Minimum cuts beside scipy's maximum flow."""

from __future__ import annotations

from collections import deque
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from irad_passes.flow import sink_side

NODES = 8
FOREVER = 10_000

Edges = list[tuple[int, int, float]]

nodes = st.integers(0, NODES - 1)
edges = st.lists(
    st.tuples(nodes, nodes, st.integers(0, 20)).filter(lambda e: e[0] != e[1]),
    max_size=30,
)


def cut(edges: Edges, side: list[bool]) -> float:
    """What the edges into the sink's side can carry."""
    return sum(c for tail, head, c in edges if not side[tail] and side[head])


def flow(edges: Edges) -> int:
    """The maximum flow from the first node to the last, by scipy."""
    capacity = np.zeros((NODES, NODES), np.int32)
    for tail, head, c in edges:
        capacity[tail, head] += int(min(c, FOREVER))
    return int(maximum_flow(csr_array(capacity), 0, NODES - 1).flow_value)


def reaches(edges: Edges) -> bool:
    """Whether edges that may not be cut lead from the first node to the last."""
    found, queue = {0}, deque([0])
    while queue:
        node = queue.popleft()
        new = {h for t, h, c in edges if t == node and c == inf} - found
        found |= new
        queue.extend(new)
    return NODES - 1 in found


@given(edges=edges)
def test_cut_carries_the_maximum_flow(edges: Edges) -> None:
    side = sink_side(NODES, edges, 0, NODES - 1)
    assert not side[0]
    assert side[-1]
    assert cut(edges, side) == flow(edges)


@given(edges=edges, endless=st.sets(st.integers(0, 29)))
def test_edges_without_limit_are_not_cut(edges: Edges, endless: set[int]) -> None:
    edges = [(t, h, inf if i in endless else c) for i, (t, h, c) in enumerate(edges)]
    if reaches(edges):
        with pytest.raises(ValueError, match="may not be cut"):
            sink_side(NODES, edges, 0, NODES - 1)
    else:
        side = sink_side(NODES, edges, 0, NODES - 1)
        assert cut(edges, side) == flow(edges)


@given(edges=edges)
def test_capacities_may_be_fractions(edges: Edges) -> None:
    scaled = [(tail, head, c * 0.1e-9) for tail, head, c in edges]
    side = sink_side(NODES, scaled, 0, NODES - 1)
    assert cut(scaled, side) == pytest.approx(flow(edges) * 0.1e-9, rel=1e-12)


@given(edges=edges)
def test_sink_side_is_the_smallest_of_all_minimum_cuts(edges: Edges) -> None:
    side = sink_side(NODES, edges, 0, NODES - 1)
    least = cut(edges, side)
    for subset in range(2 ** (NODES - 2)):
        other = [False, *(bool(subset >> i & 1) for i in range(NODES - 2)), True]
        if cut(edges, other) == least:
            assert all(o for o, s in zip(other, side, strict=True) if s)


def test_the_least_of_a_long_chain_is_cut() -> None:
    n = 5000
    chain = [(i, i + 1, float(2 + (i != n // 2))) for i in range(n - 1)]
    side = sink_side(n, chain, 0, n - 1)
    assert side.index(True) == n // 2 + 1
    assert sum(side) == n - n // 2 - 1
