"""The only place in the passes for private or version-dependent JAX names.

The types of the IR are public in ``jax.extend.core``, whose package brings pallas along
and takes 17 ms to import: they come from where they are defined.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax import lax

# pyright: reportPrivateUsage=false
from jax._src.ad_checkpoint import remat_p
from jax._src.ad_util import add_jaxvals_p
from jax._src.core import (
    ClosedJaxpr,
    DropVar,
    Effect,
    Effects,
    Jaxpr,
    JaxprEqn,
    Literal,
    NamedAxisEffect,
    Primitive,
    Var,
    eval_context,
    mapped_aval,
    no_effects,
    unmapped_aval,
)
from jax._src.effects import JaxprInputEffect
from jax._src.lax.lax import optimization_barrier_p
from jax._src.literals import TypedNdArray
from jax._src.named_sharding import UNSPECIFIED
from jax._src.pjit import jit_p
from jax._src.shard_map import shard_map_p
from jax._src.source_info_util import SourceInfo

__all__ = [
    "ClosedJaxpr",
    "DropVar",
    "Effect",
    "Effects",
    "Jaxpr",
    "JaxprEqn",
    "JaxprInputEffect",
    "Literal",
    "NamedAxisEffect",
    "Primitive",
    "Var",
    "add_jaxvals_p",
    "called_from",
    "is_unspecified",
    "jit_p",
    "leaves_inlining_to_jax",
    "no_effects",
    "optimization_barrier_p",
    "remat_p",
    "row_aval",
    "scalar_literal",
    "scan_counts",
    "scan_params",
    "scan_restricted",
    "shard_map_p",
    "stacked_aval",
]

Params = dict[str, Any]


def scalar_literal(value: np.generic, aval: Any) -> Literal:
    """A literal of the dtype and the weak type that ``aval`` says."""
    return Literal(TypedNdArray(np.asarray(value, aval.dtype), aval), aval)


def scan_counts(params: Params) -> tuple[int, int]:
    """How many constants and how many carries a scan has."""
    if "num_consts" in params:
        return params["num_consts"], params["num_carry"]
    consts, carries, _ = params["ft_in"].unpack()
    return len(consts), len(carries)


def scan_restricted(params: Params, reads: Sequence[bool], used: Sequence[bool]) -> Any:
    """The parameters, but ``jaxpr``, of a scan that keeps some operands and results.

    ``reads`` is over consts, carries and xs, ``used`` over carries and ys.
    """
    if "num_consts" in params:
        consts, carries = params["num_consts"], params["num_carry"]
        return dict(
            params, num_consts=sum(reads[:consts]), num_carry=sum(used[:carries])
        )
    return dict(
        params,
        ft_in=params["ft_in"].filter_with_mask(reads),
        ft_out=params["ft_out"].filter_with_mask(used),
    )


def scan_params(
    body: Jaxpr | ClosedJaxpr,
    length: int,
    reverse: bool,
    *,
    consts: int,
    carries: int,
    xs: int,
    ys: int,
) -> Params:
    """The parameters of a scan with a body that has so many of each part."""
    params = dict(_scan_template(), jaxpr=body, length=length, reverse=reverse)
    if "num_consts" in params:
        return dict(params, num_consts=consts, num_carry=carries)
    trees: Any = importlib.import_module("jax._src.flattree")

    def group(*counts: int) -> Any:
        return trees.pack(tuple(map(trees.nones, counts)))

    return dict(params, ft_in=group(consts, carries, xs), ft_out=group(carries, ys))


@functools.cache
def _scan_template() -> Params:
    with eval_context():
        made = jax.make_jaxpr(lambda x: lax.scan(lambda s, _: (s, None), x, length=1))
        return dict(made(np.float32(0)).eqns[0].params)


def stacked_aval(length: int, aval: Any) -> Any:
    """The type of ``length`` values stacked along a new leading axis."""
    return unmapped_aval(length, 0, aval)


def row_aval(aval: Any) -> Any:
    """The type of one of the values stacked along the leading axis."""
    return mapped_aval(aval.shape[0], 0, aval)


def is_unspecified(sharding: Any) -> bool:
    """Whether a sharding of a jit's operand or result was left to JAX."""
    return sharding is UNSPECIFIED


def leaves_inlining_to_jax(inline: Any) -> bool:
    """Whether a jit's ``inline`` does not ask for a call that XLA gets to see.

    It is a boolean, and from JAX 0.11 on an enumeration that can.
    """
    return isinstance(inline, bool) or not inline.value.startswith("xla")


def called_from(source: SourceInfo, call: SourceInfo) -> SourceInfo:
    """The source of a body's equation, with the names of the call before its own."""
    if not call.name_stack.stack:
        return source
    return source.replace(name_stack=call.name_stack + source.name_stack)
