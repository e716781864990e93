"""An elimination order of a tensor graph in which turns can be exchanged."""

from __future__ import annotations

from collections.abc import Sequence

from irad.ordering.tensors.elimination import Elimination, State


class Walk:
    """An order, and the state before each turn.

    What a vertex meets changes only where it goes past one that it has an edge with, so
    these exchanges are the moves. Which pairs survive in a sum depends on the order:
    turns are taken again until the states are those of before.
    """

    def __init__(self, elimination: Elimination, order: Sequence[int]) -> None:
        self.order = list(order)
        self._elimination = elimination
        self._states: list[State] = []
        self._costs: list[int] = []
        self._turn = [0] * len(order)
        state = elimination.start
        for place, slot in enumerate(order):
            self._turn[slot] = place
            self._states.append(state)
            cost, state = elimination.step(state, slot)
            self._costs.append(cost)
        self.total = sum(self._costs)

    def later(self, slot: int, allowance: float) -> bool:
        """Lets the next neighbour go first, unless that costs more than ``allowance``.

        Says whether it did.
        """
        low, turn = self._turn[slot], self._turn
        near = self._elimination.neighbours(self._states[low], slot)
        ahead = [turn[other] for other in near if turn[other] > low]
        if not ahead:
            return False
        high = min(ahead) + 1
        return self._retake(low, [*self.order[low + 1 : high], slot], allowance)

    def earlier(self, slot: int, allowance: float) -> bool:
        """Goes before the last neighbour, unless that costs more than ``allowance``.

        Says whether it did.
        """
        high, order = self._turn[slot], self.order
        v, vertices = self._elimination.vertices[slot], self._elimination.vertices
        for low in range(high - 1, -1, -1):
            into, out = self._states[low]
            u = vertices[order[low]]
            if out[u] >> v & 1 or v in into[u]:
                return self._retake(low, [slot, *order[low:high]], allowance)
        return False

    def _retake(self, low: int, slots: list[int], allowance: float) -> bool:
        """Takes turns from ``low`` on in another order, unless that costs too much."""
        high, step = low + len(slots), self._elimination.step
        before, after = sum(self._costs[low:high]), 0
        state = self._states[low]
        states: list[State] = []
        costs: list[int] = []
        for slot in slots:
            states.append(state)
            cost, state = step(state, slot)
            costs.append(cost)
            after += cost
            if after > before + allowance:
                return False
        while high < len(self.order) and state.into != self._states[high].into:
            slots.append(self.order[high])
            states.append(state)
            cost, state = step(state, slots[-1])
            costs.append(cost)
            after += cost
            before += self._costs[high]
            high += 1
        if after - before > allowance:
            return False
        self.order[low:high] = slots
        self._states[low:high], self._costs[low:high] = states, costs
        for place in range(low, high):
            self._turn[self.order[place]] = place
        self.total += after - before
        return True
