"""Recipes: the structured ways by name, and how each is made."""

from __future__ import annotations

from dataclasses import dataclass

from irad.planning import compressed, pricing, structured
from irad.planning.elimination import Elimination, in_order
from irad.planning.plans import PLAIN, Recipe
from irad.planning.program import Program
from irad.planning.result import Structure
from irad.planning.sweeps import Sweeps

COMPRESSIONS = {
    "compressed, columns": compressed.by_columns,
    "compressed, rows": compressed.by_rows,
    "compressed, both": compressed.by_both,
    "compressed, symmetric": compressed.by_symmetry,
    "compressed, acyclic": compressed.by_substitution,
}


@dataclass(frozen=True, eq=False)
class Made:
    """A structured way, ready to be emitted."""

    sweeps: Sweeps
    structure: Structure


def make(program: Program, recipe: Recipe) -> Made | None:
    """The sweeps of a recipe; None for the plain ways, which have none."""
    if recipe.way in PLAIN:
        return None
    dtype = pricing.is_structured(program)
    match recipe.way:
        case "forward, structured":
            return Made(*structured.forward(program, dtype, apart=False))
        case "forward, apart":
            return Made(*structured.forward(program, dtype, apart=True))
        case "reverse, structured":
            return Made(*structured.reverse(program, dtype))
        case "chain":
            assert recipe.tree is not None
            return Made(*structured.chain(program, dtype, recipe.places, recipe.tree))
        case way if way in COMPRESSIONS:
            pattern = compressed.pattern_of(program)
            # A literal that became an input can make a pattern too wide to substitute.
            found = COMPRESSIONS[way](program, pattern)
            found = found or compressed.by_symmetry(program, pattern)
            return Made(*compressed.structure(program, found, dtype))
        case "markowitz" | "elimination":
            graphed = Elimination(program, dtype)
            order = in_order(graphed.graph(), recipe.vertices)
            return Made(*graphed.structure(order))
        case _:
            raise AssertionError(recipe.way)
