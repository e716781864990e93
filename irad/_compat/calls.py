"""Equations that hold programs: the params and effects that irad writes for them."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax._src import core
from jax._src import mesh as mesh_lib
from jax._src.sharding_impls import UNSPECIFIED  # pyright: ignore

from irad._compat.ir import ClosedJaxpr, JaxprEqn


@dataclass(frozen=True)
class Places:
    """Whose place each operand and each result of a call shares, in a user's call.

    Positions among its operands and its results, or among its results and its operands
    if ``transposed``; None for what may lie anywhere.
    """

    operands: Sequence[int | None]
    results: Sequence[int | None]
    transposed: bool = False


def memory_space(aval: Any) -> Any:
    """The memory in which values of a type lie."""
    return aval.memory_space


def jit_params(
    jaxpr: ClosedJaxpr,
    name: str,
    like: dict[str, Any] | None = None,
    places: Places | None = None,
) -> Any:
    """Params of a call equation for a jaxpr.

    ``like`` are the params of a user's call: its mesh and compiler options carry over,
    and its shardings and layouts as ``places`` says. Nothing is donated.
    """
    params = dict(like or _call_template())
    n, m = [None] * len(jaxpr.in_avals), [None] * len(jaxpr.out_avals)
    places = places or Places(n, m)
    ins, outs = places.operands, places.results
    given_in, given_out = ("out", "in") if places.transposed else ("in", "out")

    def chosen(name: str, default: Any, positions: Sequence[int | None]) -> Any:
        if positions.count(None) == len(positions):
            return (default,) * len(positions)
        given = (like or params)[name]
        return tuple(default if i is None else given[i] for i in positions)

    params.update(
        jaxpr=jaxpr,
        name=name,
        in_shardings=chosen(f"{given_in}_shardings", UNSPECIFIED, ins),
        out_shardings=chosen(f"{given_out}_shardings", UNSPECIFIED, outs),
        in_layouts=chosen(f"{given_in}_layouts", None, ins),
        out_layouts=chosen(f"{given_out}_layouts", None, outs),
        donated_invars=(False,) * len(ins),
        keep_unused=False,
        inline=_template_params()["inline"],
    )
    return params


def _call_template() -> dict[str, Any]:
    params = _template_params()
    if "ctx_mesh" not in params:
        return params
    return {**params, "ctx_mesh": mesh_lib.get_abstract_mesh()}


@functools.cache
def _template_params() -> dict[str, Any]:
    with core.eval_context():
        made = jax.make_jaxpr(jax.jit(lambda x: x + x))(np.float32(0))
    return dict(made.jaxpr.eqns[0].params)


def is_plain_call(eqn: JaxprEqn) -> bool:
    """Whether a ``jit`` equation asks for no placement and no options."""
    params = eqn.params
    shardings = (*params["in_shardings"], *params["out_shardings"])
    layouts = (*params["in_layouts"], *params["out_layouts"])
    return (
        all(s is UNSPECIFIED or isinstance(s, type(UNSPECIFIED)) for s in shardings)
        and not any(layout is not None for layout in layouts)
        and not params["compiler_options_kvs"]
    )


def derivative_annotations(params: dict[str, Any]) -> dict[str, Any]:
    """The params of an annotated call for the call of its linear part."""
    metadata = params.get("ad_metadata", "same")
    return params if metadata == "same" else dict(params, xla_metadata=metadata)


def scan_counts(params: dict[str, Any]) -> tuple[int, int]:
    """How many constants and how many carries a scan has."""
    if "num_consts" in params:
        return params["num_consts"], params["num_carry"]
    consts, carries, _ = params["ft_in"].unpack()
    return len(consts), len(carries)


def scan_params(
    params: dict[str, Any], body: ClosedJaxpr, num_consts: int, num_carry: int
) -> dict[str, Any]:
    """The params of a scan with another body, which takes so many of each operand."""
    if "num_consts" in params:
        counts = {"num_consts": num_consts, "num_carry": num_carry}
        return dict(params, jaxpr=body, **counts)
    num_xs = len(body.in_avals) - num_consts - num_carry
    num_ys = len(body.out_avals) - num_carry

    trees: Any = importlib.import_module("jax._src.flattree")

    def group(*counts: int) -> Any:
        return trees.pack(tuple(map(trees.nones, counts)))

    return dict(
        params,
        jaxpr=body,
        ft_in=group(num_consts, num_carry, num_xs),
        ft_out=group(num_carry, num_ys),
    )


@functools.lru_cache(4096)
def stacked_aval(length: int, aval: Any) -> Any:
    """The type of ``length`` values stacked along a new leading axis."""
    return core.unmapped_aval(length, 0, aval)


def body_effects(closed: ClosedJaxpr) -> Any:
    """The effects of an equation that runs a body."""
    return core.positional_effects(closed)


def branch_effects(branches: Sequence[ClosedJaxpr]) -> Any:
    """The effects of a ``cond`` with given branches, its index being operand 0."""
    return core.join_effects(*map(_control_flow_effects, branches))


def _control_flow_effects(closed: ClosedJaxpr) -> Any:
    found = set()
    for effect in core.positional_effects(closed):
        moved = getattr(effect, "input_index", getattr(effect, "input", None))
        found.add(effect.replace(moved + 1) if isinstance(moved, int) else effect)
    return found


def join_effects(*effects: Any) -> Any:
    """The union of effects."""
    return core.join_effects(*effects)
