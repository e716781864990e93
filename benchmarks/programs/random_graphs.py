"""Random graphs of programs: vertices of one or two operands, most of them near."""

from __future__ import annotations

import random

from irad.ordering import Graph, Kind

SOURCE = "random graphs of unary and binary operations"
NEAR, LIKELY = 12, 0.8
"""An operand is one of so many vertices before, this often; else any."""
KINDS = (Kind.GENERIC, Kind.GENERIC, Kind.UNIT, Kind.COPY, Kind.CONSTANT)


def random_graph(seed: int, vertices: int, inputs: int, outputs: int) -> Graph:
    """So many vertices with the inputs, some of them outputs, used or not."""
    draw = random.Random(seed)
    edges: dict[tuple[int, int], int] = {}
    for v in range(inputs, vertices):
        for _ in range(draw.choice((1, 2, 2))):
            first = max(0, v - NEAR) if draw.random() < LIKELY else 0
            edges[draw.randrange(first, v), v] = draw.choice(KINDS)
    found = draw.sample(range(inputs, vertices), outputs)
    return Graph(inputs, [(*edge, kind) for edge, kind in edges.items()], found)
