"""An elimination order in which two turns can be exchanged at little expense."""

from __future__ import annotations

from collections.abc import Sequence

from irad.ordering.elimination import Elimination, Places

BEFORE, AFTER = 0, 1


class Walk:
    """An order, and what each vertex meets when its turn comes.

    ``rows[BEFORE]`` and ``rows[AFTER]`` hold for each slot its predecessors and its
    successors at its turn. ``gone`` holds, as bits, the slots that had their turns by
    then and lie on paths from those predecessors, or to those successors; the last of
    them in the order has an edge with it. An output that is gone is still a successor.

    A state depends only on what is gone. So where a vertex lets the next one that it
    has an edge with go first, these two meet something else and no others do, not even
    those between. Of an edge v -> x, x has the successors that it had, and v keeps its
    predecessors; the successors of v are joined with those of x. Only the predecessors
    of x, of which some may have come through v alone, have to be traced.
    """

    def __init__(self, elimination: Elimination, order: Sequence[int]) -> None:
        count = len(order)
        after, before = elimination.kept()
        self.order = list(order)
        self.rows = ([0] * count, [0] * count)
        self.gone = ([0] * count, [0] * count)
        self.costs = [0] * count
        self._start = (elimination.start[:count], elimination.start[count:])
        self._kept = (before, after)
        self._arithmetic = elimination.rows()
        self._inner = (1 << count) - 1
        self._outputs = sum(1 << slot for slot in elimination.outputs)
        self._places = Places()
        self._turn = [0] * count
        self._note_turns(0, count)
        self._fill(elimination)
        self.total = sum(self.costs)

    def _fill(self, elimination: Elimination) -> None:
        """Rows, costs and what is gone, from first to last."""
        steps, state = elimination.steps(), list(elimination.start)
        count, inner = len(self.order), self._inner
        for slot in self.order:
            before, after = state[slot], state[count + slot]
            self.rows[BEFORE][slot], self.rows[AFTER][slot] = before, after
            self.costs[slot] = steps.price(state, slot)
            steps.eliminate(state, slot)
            left = inner & ~self.gone[AFTER][slot]
            for side, row in ((BEFORE, after), (AFTER, before)):
                gone = self.gone[side]
                for at in self._places[row & left]:
                    gone[at] |= gone[slot] | 1 << slot

    def later(self, slot: int, allowance: float) -> bool:
        """Lets the next neighbour go first, unless that costs more than ``allowance``.

        Says whether it did.
        """
        near = self.rows[BEFORE][slot] | self.rows[AFTER][slot]
        near &= self._inner & ~self.gone[AFTER][slot]
        if not near:
            return False
        turn, order = self._turn, self.order
        other = min(self._places[near], key=turn.__getitem__)
        if not self._exchange(slot, other, allowance):
            return False
        low, high = turn[slot], turn[other]
        order[low:high] = order[low + 1 : high + 1]
        order[high] = slot
        self._note_turns(low, high + 1)
        return True

    def earlier(self, slot: int, allowance: float) -> bool:
        """Goes before the last neighbour, unless that costs more than ``allowance``.

        Says whether it did.
        """
        near = self.gone[BEFORE][slot] | self.gone[AFTER][slot]
        if not near:
            return False
        turn, order = self._turn, self.order
        other = max(self._places[near], key=turn.__getitem__)
        if not self._exchange(other, slot, allowance):
            return False
        low, high = turn[other], turn[slot]
        order[low + 1 : high + 1] = order[low:high]
        order[low] = slot
        self._note_turns(low, high + 1)
        return True

    def _note_turns(self, low: int, high: int) -> None:
        turn, order = self._turn, self.order
        for place in range(low, high):
            turn[order[place]] = place

    def _exchange(self, first: int, then: int, allowance: float) -> bool:
        """Has ``then`` go before ``first``, unless that costs too much."""
        rows, gone, costs = self.rows, self.gone, self.costs
        price = self._arithmetic.price
        side = rows[AFTER][first] >> then & 1
        ahead, back = rows[side], rows[1 - side]
        keep = self._kept[side][then]
        joined = self._arithmetic.past(ahead[first], then, ahead[then], keep)
        cost = price(joined, back[first])
        left = costs[first] + costs[then] + allowance - cost
        # What it has without ``first`` at least: most exchanges end here, untraced.
        sure = self._arithmetic.less(back[then], back[first])
        if left < price(sure, ahead[then]):
            return False
        traced, passed = self._traced(1 - side, then, first)
        other = price(traced, ahead[then])
        if left < other:
            return False
        self.total += cost + other - costs[first] - costs[then]
        costs[first], costs[then] = cost, other
        ahead[first], back[then] = joined, traced
        gone[side][first] |= gone[side][then] | 1 << then
        gone[1 - side][then] = passed
        return True

    def _traced(self, side: int, slot: int, without: int) -> tuple[int, int]:
        """The row of a slot where ``without`` is not gone, and what it leads past.

        Those on the way come in topological order, so that an edge to one is complete
        when it is passed. Most are passed by the row of their turn, which leads past
        all that were gone by then; one that met ``without``, or an output, which would
        be passed again, by its edges of the start.
        """
        start, rows, gone = self._start[side], self.rows[side], self.gone[side]
        past, kept = self._arithmetic.past, self._kept[side]
        row, passed = start[slot], 0
        allowed = gone[slot] & ~(1 << without)
        strange = self._outputs | 1 << without
        while ahead := row & allowed:
            bit = ahead & -ahead if side else 1 << ahead.bit_length() - 1
            at = bit.bit_length() - 1
            allowed ^= bit
            if gone[at] & strange:
                row = past(row, at, start[at], kept[at])
                passed |= bit
            else:
                row = past(row, at, rows[at], kept[at])
                passed |= bit | gone[at]
        return row, passed
