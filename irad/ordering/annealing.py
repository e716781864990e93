"""Simulated annealing over elimination orders, re-evaluated where they change."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from irad.ordering.elimination import Elimination, State

# How many places beyond the next neighbour a vertex moves on average, nearly.
FURTHER = 4.0


class Walk:
    """An order with the cost of each step and the state before it.

    A state depends only on what is gone: where two vertices between ``low`` and
    ``high`` change places, costs and states outside stay as they are.
    """

    def __init__(self, elimination: Elimination, order: Sequence[int]) -> None:
        self.order = list(order)
        self.costs: list[int] = []
        self.states: list[State] = [list(elimination.start)]
        self.count = len(self.order)
        self._steps = elimination.steps()
        for slot in self.order:
            state = self.states[-1][:]
            self.costs.append(self._steps.price(state, slot))
            self._steps.eliminate(state, slot)
            self.states.append(state)
        self.total = sum(self.costs)

    def replace(self, low: int, part: list[int], allowance: float) -> bool:
        """Puts ``part`` at ``low`` unless that costs more than ``allowance`` on top."""
        high = low + len(part)
        old = sum(self.costs[low:high])
        left = old + allowance
        state, last = self.states[low], len(part) - 1
        price, eliminate = self._steps.price, self._steps.eliminate
        costs: list[int] = []
        states: list[State] = []
        for place, slot in enumerate(part):
            cost = price(state, slot)
            left -= cost
            if left < 0:
                return False
            costs.append(cost)
            if place < last:
                state = state[:]
                eliminate(state, slot)
                states.append(state)
        self.order[low:high] = part
        self.costs[low:high] = costs
        self.states[low + 1 : high] = states
        self.total += sum(costs) - old
        return True

    def next_neighbour(self, at: int) -> int:
        """The first place after ``at`` whose vertex has an edge with the one there."""
        row = self.states[at]
        slot = self.order[at]
        edges = row[slot] | row[self.count + slot]
        for place in range(at + 1, self.count):
            if edges >> self.order[place] & 1:
                return place
        return self.count

    def last_neighbour(self, at: int) -> int:
        """The last place before ``at`` whose vertex has an edge with the one there."""
        slot, other = self.order[at], self.count + self.order[at]
        for place in range(at - 1, -1, -1):
            row = self.states[place]
            if (row[slot] | row[other]) >> self.order[place] & 1:
                return place
        return -1


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

    A move takes one vertex past the next one it has an edge with, and some places
    further, in either direction: nearer it would change no cost. Source: Kirkpatrick,
    Gelatt & Vecchi, Optimization by simulated annealing (1983).
    """
    best, order = walk.total, walk.order[:]
    uniform, log, count = draw.random, math.log, walk.count
    cooling = (cold / hot) ** (1 / max(moves, 1))
    heat = hot
    for move in range(moves):
        if not move & 63 and expired():
            return Annealed(best, order, move)
        heat *= cooling
        at = int(uniform() * count)
        further = int(-FURTHER * log(1 - uniform()))
        slot = walk.order[at]
        if uniform() < 0.5:
            to = walk.next_neighbour(at) + further
            if to >= count:
                continue
            low, part = at, [*walk.order[at + 1 : to + 1], slot]
        else:
            to = walk.last_neighbour(at) - further
            if to < 0:
                continue
            low, part = to, [slot, *walk.order[to:at]]
        if walk.replace(low, part, -heat * log(1 - uniform())) and walk.total < best:
            best, order = walk.total, walk.order[:]
    return Annealed(best, order, moves)
