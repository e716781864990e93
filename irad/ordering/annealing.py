"""Simulated annealing over elimination orders, by exchanges of two turns."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from irad.ordering.walk import Walk


@dataclass(frozen=True)
class Annealed:
    """The best order of a round, its cost, and the moves made until time ran out."""

    total: int
    order: list[int]
    moves: int


def anneal(
    walk: Walk,
    moves: int,
    hot: float,
    cold: float,
    draw: random.Random,
    expired: Callable[[], bool],
) -> Annealed:
    """The best order that ``moves`` random moves come upon.

    A move takes a vertex past the next or the last one that it has an edge with when
    its turn comes: nearer it would change no cost. Source: Kirkpatrick, Gelatt &
    Vecchi, Optimization by simulated annealing (1983).
    """
    best, order = walk.total, walk.order[:]
    uniform, log, count = draw.random, math.log, len(walk.order)
    cooling = (cold / hot) ** (1 / max(moves, 1))
    heat = hot
    for move in range(moves):
        if not move & 63 and expired():
            return Annealed(best, order, move)
        heat *= cooling
        at = uniform() * count
        slot = int(at)
        turn = walk.later if at - slot < 0.5 else walk.earlier
        if turn(slot, -heat * log(1 - uniform())) and walk.total < best:
            best, order = walk.total, walk.order[:]
    return Annealed(best, order, moves)
