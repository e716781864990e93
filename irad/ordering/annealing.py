"""Simulated annealing over elimination orders, by exchanges of two turns."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

JUMPS, FURTHER = 0.3, 3.0
"""Such a part of the moves goes past two vertices and on average so many more."""

Turn: TypeAlias = Callable[[int, float], bool]


class Walk(Protocol):
    """An order of slots, its cost, and moves of one that go past another.

    ``later`` and ``earlier`` say whether they moved a slot past the next or the last
    one that it has an edge with, which costs no more than an allowance.
    """

    order: list[int]
    total: int

    def later(self, slot: int, allowance: float) -> bool: ...

    def earlier(self, slot: int, allowance: float) -> bool: ...


@dataclass(frozen=True)
class Schedule:
    """How a search is divided into rounds, each twice as long as the one before.

    ``first`` is the length of the first in moves a vertex, so that a search that is cut
    off has finished most of what it could. ``hot`` and ``cold`` are the heats at the
    ends of a round, in units of what a vertex costs on average.
    """

    first: int
    hot: float
    cold: float


def rounds(
    walk_of: Callable[[list[int]], Walk],
    order: list[int],
    moves: int,
    schedule: Schedule,
    draw: random.Random,
    expired: Callable[[], bool],
) -> tuple[list[int], bool]:
    """Anneals again and again from the best order; says whether time ran out."""
    walk = walk_of(order)
    best, length = walk.total, schedule.first * len(order)
    while moves and best:
        length = min(length, moves)
        scale = max(best / len(order), 1.0)
        hot, cold = schedule.hot * scale, schedule.cold * scale
        tried = anneal(walk, length, hot, cold, draw, expired)
        if tried.total < best:
            best, order = tried.total, tried.order
        if tried.moves < length:
            return order, True
        moves -= length
        length *= 2
        walk = walk_of(order)
    return order, False


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
    its turn comes: nearer it would change no cost. Some take it past several, for the
    first of which alone it may not pay. Source: Kirkpatrick, Gelatt & Vecchi,
    Optimization by simulated annealing (1983).
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
        turns = walk.later, walk.earlier
        turn, back = turns if at - slot < 0.5 else turns[::-1]
        if uniform() < JUMPS:
            times = 2 + int(-FURTHER * log(1 - uniform()))
            moved = _jump(walk, slot, times, turn, back, -heat * log(1 - uniform()))
        else:
            moved = turn(slot, -heat * log(1 - uniform()))
        if moved and walk.total < best:
            best, order = walk.total, walk.order[:]
    return Annealed(best, order, moves)


def _jump(
    walk: Walk, slot: int, times: int, turn: Turn, back: Turn, allowance: float
) -> bool:
    """Takes a vertex past several, and back if that costs more than ``allowance``."""
    before, done = walk.total, 0
    while done < times and turn(slot, math.inf):
        done += 1
    if walk.total - before <= allowance:
        return done > 0
    for _ in range(done):
        back(slot, math.inf)
    return False
