"""Segments: parts of a program of which only what enters them is to be kept.

A segment is a ``checkpoint`` equation around consecutive equations. A loop is cut into
a loop over segments, each a shorter loop, and those can be cut again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from jax import lax

from irad_passes._compat import (
    ClosedJaxpr,
    Jaxpr,
    JaxprEqn,
    Literal,
    Var,
    remat_p,
    row_aval,
    scan_counts,
    stacked_aval,
)
from irad_passes.bodies import open_jaxpr
from irad_passes.dce import dce
from irad_passes.effects import touches_refs, union_of_effects

Atom = Var | Literal


def _as_it_is(body: Jaxpr) -> Jaxpr:
    return body


def segmented(
    jaxpr: Jaxpr,
    starts: Sequence[int],
    inside: Callable[[Jaxpr], Jaxpr] = _as_it_is,
) -> Jaxpr:
    """The jaxpr with a segment from each of ``starts`` to the next, the last one open.

    What is before the first start and after the last stays as it is, as do equations
    with effects, which split a segment.

    Args:
        jaxpr: Any jaxpr.
        starts: Positions of equations, in ascending order; the last one ends the last
            segment.
        inside: What becomes of the program of a segment, with the same values.
    """
    if touches_refs(jaxpr) or len(starts) < 2:
        return jaxpr
    eqns = list(jaxpr.eqns[: starts[0]])
    for start, stop in pairwise(starts):
        eqns += _wrapped(jaxpr, start, stop, inside)
    eqns += jaxpr.eqns[starts[-1] :]
    return jaxpr.replace(eqns=eqns)


def nested(jaxpr: Jaxpr, starts: Sequence[int]) -> Jaxpr:
    """The jaxpr with segments as ``segmented`` makes them, each within the next one.

    What enters a segment is so computed again from what enters the first.
    """
    if touches_refs(jaxpr) or len(starts) < 2:
        return jaxpr
    before = list(jaxpr.eqns[: starts[0]])
    made: list[JaxprEqn] = []
    for start, stop in pairwise(starts):
        eqns = [*before, *made, *jaxpr.eqns[start:]]
        end = len(eqns) - (len(jaxpr.eqns) - stop)
        made = _wrapped(jaxpr.replace(eqns=eqns), len(before), end)
    return jaxpr.replace(eqns=[*before, *made, *jaxpr.eqns[starts[-1] :]])


def _wrapped(
    jaxpr: Jaxpr,
    start: int,
    stop: int,
    inside: Callable[[Jaxpr], Jaxpr] = _as_it_is,
) -> list[JaxprEqn]:
    """Some equations of a jaxpr as one, and as more where some have effects."""
    made: list[JaxprEqn] = []
    run: list[JaxprEqn] = []
    after = _reads(jaxpr.eqns[stop:]) | {x for x in jaxpr.outvars if isinstance(x, Var)}
    eqns = jaxpr.eqns[start:stop]
    for i, eqn in enumerate(eqns):
        if not eqn.effects:
            run.append(eqn)
            continue
        rest = after | _reads(eqns[i:])
        made += [*_checkpoint(jaxpr, run, rest, inside), eqn]
        run = []
    return made + _checkpoint(jaxpr, run, after, inside)


def _reads(eqns: Sequence[JaxprEqn]) -> set[Var]:
    return {x for eqn in eqns for x in eqn.invars if isinstance(x, Var)}


def _checkpoint(
    jaxpr: Jaxpr,
    eqns: list[JaxprEqn],
    read_later: set[Var],
    inside: Callable[[Jaxpr], Jaxpr],
) -> list[JaxprEqn]:
    """A checkpoint equation around equations; they themselves if it keeps nothing."""
    made = {y: None for eqn in eqns for y in eqn.outvars}
    outs = [y for y in made if y in read_later]
    if not outs:
        return eqns
    read = dict.fromkeys(x for eqn in eqns for x in eqn.invars if isinstance(x, Var))
    ins = [x for x in read if x not in made]
    body = jaxpr.replace(
        constvars=[],
        invars=ins,
        outvars=outs,
        eqns=eqns,
        effects=union_of_effects(eqns),
        debug_info=jaxpr.debug_info._replace(arg_names=None, result_paths=None),
    )
    again = inside(body)
    return [checkpoint_equation(again, ins, outs, eqns[-1], prevent_cse=True)]


def checkpoint_equation(
    body: Jaxpr,
    invars: Sequence[Atom],
    outvars: Sequence[Var],
    like: JaxprEqn,
    *,
    prevent_cse: bool,
) -> JaxprEqn:
    """A body that is computed again where it is needed again, nothing of it kept."""
    params = {
        "jaxpr": body,
        "prevent_cse": prevent_cse,
        "differentiated": False,
        "policy": None,
    }
    return like.replace(
        primitive=remat_p,
        params=params,
        invars=list(invars),
        outvars=list(outvars),
        effects=body.effects,
    )


def cut_scan(eqn: JaxprEqn, lengths: Sequence[int]) -> list[JaxprEqn]:
    """A scan as a loop over segments of ``lengths[0]`` steps, each cut by the rest.

    The steps that are left over follow in a loop of their own.

    Args:
        eqn: A ``scan`` equation without effects.
        lengths: Steps of a segment, then of a segment of it and so on, descending.

    Returns:
        Equations in its place, with its results.
    """
    length: int = eqn.params["length"]
    fitting = [k for k in lengths if 1 < k < length]
    if not fitting or eqn.effects:
        return [eqn]
    k, *rest = fitting
    return _Cut(eqn, k, rest).equations()


class _Cut:
    """The equations of a scan that is cut into segments of ``k`` steps."""

    def __init__(self, eqn: JaxprEqn, k: int, rest: Sequence[int]) -> None:
        self._eqn, self._k, self._rest = eqn, k, rest
        self._num_consts, self._num_carry = scan_counts(eqn.params)
        self._body = eqn.params["jaxpr"]
        self._eqns: list[JaxprEqn] = []

    def equations(self) -> list[JaxprEqn]:
        params, k = self._eqn.params, self._k
        a, n = self._num_consts, self._num_carry
        length, reverse = params["length"], params["reverse"]
        segments, left = divmod(length, k)
        consts, carry, xs = (
            self._eqn.invars[:a],
            self._eqn.invars[a : a + n],
            self._eqn.invars[a + n :],
        )
        # In reverse, the steps that are left over are the first of the arrays.
        main = slice(left, length) if reverse else slice(0, length - left)
        over = slice(0, left) if reverse else slice(length - left, length)
        split = [self._split(self._part(x, main), segments) for x in xs]
        outs = self._segments(consts, carry, split, segments)
        carry = outs[:n]
        ys = [self._joined(y, segments) for y in outs[n:]]
        if left:
            rows = [self._part(x, over) for x in xs]
            outs = self._rest_of(consts, carry, rows, left)
            carry = outs[:n]
            pairs = [[y, z] for y, z in zip(ys, outs[n:], strict=True)]
            ys = [self._together(pair[::-1] if reverse else pair) for pair in pairs]
        self._named([*carry, *ys])
        return self._eqns

    def _segments(
        self, consts: list[Any], carry: list[Any], xs: list[Any], count: int
    ) -> list[Any]:
        """The loop over segments."""
        a, n = self._num_consts, self._num_carry
        inner = [Var(x.aval) for x in (*consts, *carry)]
        rows = [Var(row_aval(x.aval)) for x in xs]
        made = _Cut(self._eqn, self._k, ())
        outs = made._loop(inner[:a], inner[a:], rows, self._k)
        (loop,) = made._eqns
        body = self._jaxpr([*inner, *rows], outs, cut_scan(loop, self._rest))
        results = [Var(v.aval) for v in outs]
        again = checkpoint_equation(
            body, body.invars, results, self._eqn, prevent_cse=False
        )
        whole = self._jaxpr(body.invars, results, [again])
        closed = ClosedJaxpr(whole, [])
        params = dict(self._eqn.params, jaxpr=closed, length=count, unroll=1)
        avals = [
            *(v.aval for v in results[:n]),
            *(stacked_aval(count, v.aval) for v in results[n:]),
        ]
        return self._emit(lax.scan_p, [*consts, *carry, *xs], avals, params)

    def _rest_of(
        self, consts: list[Any], carry: list[Any], xs: list[Any], length: int
    ) -> list[Any]:
        """The loop over the steps that are left, cut as segments are."""
        outs = self._loop(consts, carry, xs, length)
        loop = self._eqns.pop()
        self._eqns += cut_scan(loop, self._rest)
        return outs

    def _loop(
        self, consts: list[Any], carry: list[Any], xs: list[Any], length: int
    ) -> list[Any]:
        """The loop itself over some of its steps."""
        params = dict(self._eqn.params, length=length)
        unroll = params.get("unroll", 1)
        params["unroll"] = min(unroll, length) if isinstance(unroll, int) else unroll
        body = open_jaxpr(self._body)
        n = self._num_carry
        avals = [
            *(v.aval for v in body.outvars[:n]),
            *(stacked_aval(length, v.aval) for v in body.outvars[n:]),
        ]
        return self._emit(lax.scan_p, [*consts, *carry, *xs], avals, params)

    def _part(self, x: Any, rows: slice) -> Any:
        shape = x.aval.shape
        if rows == slice(0, shape[0]):
            return x
        start = (rows.start, *[0] * (len(shape) - 1))
        limit = (rows.stop, *shape[1:])
        params = {"start_indices": start, "limit_indices": limit, "strides": None}
        return self._apply(lax.slice_p, [x], params)

    def _split(self, x: Any, segments: int) -> Any:
        return self._reshaped(x, (segments, self._k, *x.aval.shape[1:]))

    def _joined(self, y: Any, segments: int) -> Any:
        return self._reshaped(y, (segments * self._k, *y.aval.shape[2:]))

    def _reshaped(self, x: Any, shape: tuple[int, ...]) -> Any:
        params = {"new_sizes": shape, "dimensions": None, "sharding": None}
        return self._apply(lax.reshape_p, [x], params)

    def _together(self, rows: list[Any]) -> Any:
        return self._apply(lax.concatenate_p, rows, {"dimension": 0})

    def _apply(
        self, primitive: Any, operands: list[Any], params: dict[str, Any]
    ) -> Any:
        aval, _ = primitive.abstract_eval(*(x.aval for x in operands), **params)
        return self._emit(primitive, operands, [aval], params)[0]

    def _emit(
        self,
        primitive: Any,
        operands: list[Any],
        avals: Sequence[Any],
        params: dict[str, Any],
    ) -> list[Any]:
        results = [Var(aval) for aval in avals]
        self._eqns.append(
            self._eqn.replace(
                primitive=primitive, invars=operands, outvars=results, params=params
            )
        )
        return results

    def _named(self, results: Sequence[Var]) -> None:
        """Gives the last values the names of the scan's results."""
        named = dict(zip(results, self._eqn.outvars, strict=True))
        self._eqns = [
            eqn.replace(outvars=[named.get(y, y) for y in eqn.outvars])
            for eqn in self._eqns
        ]

    def _jaxpr(
        self, invars: Sequence[Var], outvars: Sequence[Any], eqns: list[JaxprEqn]
    ) -> Jaxpr:
        body = open_jaxpr(self._body)
        made = body.replace(
            constvars=[],
            invars=list(invars),
            outvars=list(outvars),
            eqns=eqns,
            effects=union_of_effects(eqns),
            debug_info=body.debug_info._replace(arg_names=None, result_paths=None),
        )
        return dce(made)
