"""Maximum flows of scipy, which is imported when one is asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np


def disjoint_paths(
    vertices: int,
    edges: Sequence[tuple[int, int]],
    sources: Collection[int],
    sinks: Collection[int],
) -> list[int]:
    """How many paths lead from ``sources`` to each sink and share no other vertex.

    Each vertex is split into its entry ``2 v`` and its exit ``2 v + 1``, with capacity
    1 between them: by Menger's theorem the maximum flow is the number sought.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_flow

    root = 2 * vertices
    arcs = [(2 * v, 2 * v + 1) for v in range(vertices)]
    arcs += [(2 * of + 1, 2 * to) for of, to in edges]
    arcs += [(root, 2 * v) for v in sources]
    tails, heads = zip(*arcs, strict=True)
    capacities = csr_array(
        (np.ones(len(arcs), np.int32), (tails, heads)), shape=(root + 1, root + 1)
    )
    return [
        int(maximum_flow(capacities, root, 2 * sink).flow_value) - (sink in sources)
        for sink in sinks
    ]
