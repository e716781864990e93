"""The scalar elimination tasks as graphs, and the counts that are known of them.

The graphs are what graphax sees of the tasks under JAX 0.5.0: one vertex an equation,
nothing shared that the source does not share. They are data in
``elimination_graphs.json``.

Source: Lohoff & Neftci, Optimizing Automatic Differentiation with Deep Reinforcement
Learning (NeurIPS 2024, arXiv 2406.05027), which publishes the raw counts of forward,
reverse, Markowitz and AlphaGrad. The best known counts, raw and typed, are of annealing
from the reverse order; the lower bound of disjoint paths proves those of RobotArm_6DOF,
HumanHeartDipole and PropaneCombustion.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from irad.ordering import Graph

SOURCE = "Lohoff & Neftci, arXiv 2406.05027, as graphs of graphax under JAX 0.5.0"
DATA = Path(__file__).with_suffix(".json")


@dataclass(frozen=True)
class Known:
    """Counts of multiplications for one task: published, and the best known."""

    forward: int
    reverse: int
    markowitz: int
    alphagrad: int
    best: int
    typed_reverse: int
    typed_best: int


COUNTS: dict[str, Known] = {
    "RoeFlux_1d": Known(620, 364, 407, 320, 295, 234, 184),
    "RobotArm_6DOF": Known(397, 301, 288, 231, 221, 221, 151),
    "HumanHeartDipole": Known(240, 172, 194, 148, 148, 60, 48),
    "PropaneCombustion": Known(151, 90, 111, 88, 88, 26, 24),
    "g": Known(632, 566, 451, 417, 409, 335, 276),
    "BlackScholes": Known(545, 572, 350, 312, 297, 405, 235),
}
TASKS = tuple(COUNTS)


def graph(task: str) -> Graph:
    """The graph of a task."""
    data = json.loads(DATA.read_text())[task]
    edges = [(of, to, kind) for of, to, kind in data["edges"]]
    return Graph(data["num_inputs"], edges, data["outputs"])
