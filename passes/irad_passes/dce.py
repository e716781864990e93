"""Dead code: equations whose results nobody reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress
from operator import is_, or_
from typing import Any

from jax import lax

from irad_passes._compat import (
    Jaxpr,
    JaxprEqn,
    Primitive,
    jit_p,
    remat_p,
    scan_counts,
    scan_restricted,
    shard_map_p,
)
from irad_passes.bodies import (
    Body,
    BodyRewriter,
    Memo,
    open_jaxpr,
    with_jaxpr,
    with_params,
)
from irad_passes.effects import is_observable, touches_refs, union_of_effects

Mask = tuple[bool, ...]


def dce(jaxpr: Jaxpr, used_outputs: Sequence[bool] | None = None) -> Jaxpr:
    """The jaxpr without the equations that no used output and no effect depends on.

    Calls, scans, conds, whiles and remats lose the operands, results and carries that
    nobody needs. Two equations with one body and the same needs go on sharing one body.
    Custom rules stay whole.

    Args:
        jaxpr: Any jaxpr; its inputs stay as they are, used or not.
        used_outputs: Which outputs to keep, all of them by default.

    Returns:
        The jaxpr with the used outputs only; the same object when nothing is dead.
    """
    used = (True,) * len(jaxpr.outvars) if used_outputs is None else tuple(used_outputs)
    eqns, _ = _live(jaxpr, used)
    return _restricted(jaxpr, eqns, (True,) * len(jaxpr.invars), used)


def _live(jaxpr: Jaxpr, used: Mask) -> tuple[list[JaxprEqn], set[int]]:
    """The equations that matter, and the ids of the variables that are read.

    Ids need no test for literals, which have no hash. The loops are plain ones, which
    take a third of a microsecond an equation: a generator costs as much to begin.
    """
    read = set(map(id, compress(jaxpr.outvars, used)))
    if touches_refs(jaxpr):
        for eqn in jaxpr.eqns:
            read.update(map(id, eqn.invars))
        return jaxpr.eqns, read
    eqns: list[JaxprEqn] = []
    for eqn in reversed(jaxpr.eqns):
        for v in eqn.outvars:
            if id(v) in read:
                break
        else:
            if not eqn.effects or not is_observable(eqn.effects):
                continue
        live = eqn
        if eqn.primitive in _TRIM:
            live = _TRIM[eqn.primitive](eqn, tuple(id(y) in read for y in eqn.outvars))
        eqns.append(live)
        for x in live.invars:
            read.add(id(x))
    eqns.reverse()
    return eqns, read


def _restricted(jaxpr: Jaxpr, eqns: list[JaxprEqn], reads: Mask, used: Mask) -> Jaxpr:
    """The jaxpr of these equations, with the inputs and outputs that the masks keep.

    What is kept keeps its name.
    """
    same = len(eqns) == len(jaxpr.eqns) and all(map(is_, eqns, jaxpr.eqns))
    if same and all(reads) and all(used):
        return jaxpr
    debug = jaxpr.debug_info
    return jaxpr.replace(
        invars=list(compress(jaxpr.invars, reads)),
        outvars=list(compress(jaxpr.outvars, used)),
        eqns=eqns,
        # With mutable arrays it says more than its equations, and all of them are here.
        effects=jaxpr.effects if same else union_of_effects(eqns),
        debug_info=debug._replace(
            arg_names=_names(debug.arg_names, reads),
            result_paths=_names(debug.result_paths, used),
        ),
    )


def _names(names: Any, kept: Mask) -> tuple[str, ...] | None:
    # Names are best-effort in JAX: where their number is wrong, they are unknown.
    if names is None or len(names) != len(kept):
        return None
    return tuple(compress(names, kept))


_BODIES = Memo()


def _trim(body: Body, used: Mask, keep: Mask | None = None) -> tuple[Body, Mask]:
    """The body with the used outputs and what they read, and which inputs these are.

    Inputs in ``keep`` count as read.
    """

    def make() -> tuple[Body | None, Mask]:
        jaxpr = open_jaxpr(body)
        eqns, read = _live(jaxpr, used)
        reads = tuple(id(x) in read for x in jaxpr.invars)
        if keep is not None:
            reads = _either(reads, keep)
        new = _restricted(jaxpr, eqns, reads, used)
        return None if new is jaxpr else with_jaxpr(body, new), reads

    new, reads = _BODIES.get(body, (used, keep), make)
    return body if new is None else new, reads


def _either(a: Mask, b: Mask) -> Mask:
    return tuple(map(or_, a, b))


def _rebuilt(
    eqn: JaxprEqn, reads: Mask, used: Mask, params: dict[str, Any]
) -> JaxprEqn:
    """The equation with the operands of ``reads`` and the results of ``used``."""
    return with_params(
        eqn.replace(
            invars=list(compress(eqn.invars, reads)),
            outvars=list(compress(eqn.outvars, used)),
        ),
        params,
    )


def _trim_jit(eqn: JaxprEqn, used: Mask) -> JaxprEqn:
    params = eqn.params
    body, reads = _trim(params["jaxpr"], used)
    if body is params["jaxpr"]:
        return eqn
    new = dict(params, jaxpr=body)
    for name in ("in_shardings", "in_layouts", "donated_invars"):
        new[name] = tuple(compress(params[name], reads))
    for name in ("out_shardings", "out_layouts"):
        new[name] = tuple(compress(params[name], used))
    return _rebuilt(eqn, reads, used, new)


def _trim_remat(eqn: JaxprEqn, used: Mask) -> JaxprEqn:
    params = eqn.params
    body, reads = _trim(params["jaxpr"], used)
    if body is params["jaxpr"]:
        return eqn
    prevent_cse = params["prevent_cse"]
    if isinstance(prevent_cse, tuple):
        prevent_cse = tuple(compress(prevent_cse, reads))
    return _rebuilt(eqn, reads, used, dict(params, jaxpr=body, prevent_cse=prevent_cse))


def _trim_scan(eqn: JaxprEqn, used: Mask) -> JaxprEqn:
    """A carry is needed when its last value or a needed value of the body reads it."""
    params = eqn.params
    consts, carries = scan_counts(params)
    xs = len(eqn.invars) - consts - carries
    while True:
        keep = (False,) * consts + used[:carries] + (False,) * xs
        body, reads = _trim(params["jaxpr"], used, keep)
        if reads[consts : consts + carries] == used[:carries]:
            break
        used = reads[consts : consts + carries] + used[carries:]
    if body is params["jaxpr"]:
        return eqn
    new = dict(scan_restricted(params, reads, used), jaxpr=body)
    return _rebuilt(eqn, reads, used, new)


def _trim_while(eqn: JaxprEqn, used: Mask) -> JaxprEqn:
    """A carry is needed when used afterwards, or read by the condition or the body."""
    params = eqn.params
    cond_consts, body_consts = params["cond_nconsts"], params["body_nconsts"]
    _, cond_reads = _trim(params["cond_jaxpr"], (True,))
    used = _either(used, cond_reads[cond_consts:])
    while True:
        keep = (False,) * body_consts + used
        body, reads = _trim(params["body_jaxpr"], used, keep)
        if reads[body_consts:] == used:
            break
        used = reads[body_consts:]
    cond, cond_reads = _trim(
        params["cond_jaxpr"], (True,), (False,) * cond_consts + used
    )
    if cond is params["cond_jaxpr"] and body is params["body_jaxpr"]:
        return eqn
    new = dict(
        params,
        cond_jaxpr=cond,
        body_jaxpr=body,
        cond_nconsts=sum(cond_reads[:cond_consts]),
        body_nconsts=sum(reads[:body_consts]),
    )
    return _rebuilt(eqn, cond_reads[:cond_consts] + reads, used, new)


def _trim_cond(eqn: JaxprEqn, used: Mask) -> JaxprEqn:
    """An operand is needed when some branch needs it."""
    branches = eqn.params["branches"]
    reads: Mask = (False,) * (len(eqn.invars) - 1)
    for branch in branches:
        reads = _either(reads, _trim(branch, used)[1])
    new = tuple(_trim(branch, used, reads)[0] for branch in branches)
    if all(map(is_, new, branches)):
        return eqn
    return _rebuilt(eqn, (True, *reads), used, dict(eqn.params, branches=new))


_INTO_SHARD_MAP = BodyRewriter(dce)


def _enter_shard_map(eqn: JaxprEqn, used: Mask) -> JaxprEqn:
    """Its specs say how every operand and result is laid out, so all of them stay."""
    del used
    return _INTO_SHARD_MAP(eqn)


_TRIM: dict[Primitive, Callable[[JaxprEqn, Mask], JaxprEqn]] = {
    jit_p: _trim_jit,
    remat_p: _trim_remat,
    lax.scan_p: _trim_scan,
    lax.while_p: _trim_while,
    lax.cond_p: _trim_cond,
    shard_map_p: _enter_shard_map,
}
