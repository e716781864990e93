"""Narrowing: elementwise operands as they were before they were broadcast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from jax import lax

from irad_passes._compat import Jaxpr, JaxprEqn, Primitive, Var
from irad_passes.bodies import BODY_PARAMS, BodyRewriter
from irad_passes.effects import touches_refs
from irad_passes.rewriting import Atom
from irad_passes.simplify import Definitions, keeps_layout

# These take operands whose axes have size 1 where the result's are longer, or none.
_STRETCHING: frozenset[Primitive] = frozenset(
    (
        lax.add_p,
        lax.sub_p,
        lax.mul_p,
        lax.div_p,
        lax.rem_p,
        lax.max_p,
        lax.min_p,
        lax.pow_p,
        lax.atan2_p,
        lax.complex_p,
        lax.and_p,
        lax.or_p,
        lax.xor_p,
        lax.eq_p,
        lax.ne_p,
        lax.lt_p,
        lax.le_p,
        lax.gt_p,
        lax.ge_p,
    )
)


def narrow(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr whose elementwise equations stretch their operands themselves.

    That is how JAX writes them, and a derivative gains by it: a cotangent is summed
    over the stretched axes first, and what is left to do has fewer elements. A
    broadcast along an axis that no other operand has stays.
    """
    if touches_refs(jaxpr):
        return jaxpr
    narrowing = _Narrowing()
    eqns = [each for eqn in jaxpr.eqns for each in narrowing.equations(eqn)]
    if all(a is b for a, b in zip_longest(eqns, jaxpr.eqns)):
        return jaxpr
    return jaxpr.replace(eqns=eqns, debug_info=jaxpr.debug_info)


class _Narrowing:
    def __init__(self) -> None:
        self._definitions = Definitions()
        self._narrow: dict[tuple[int, tuple[int, ...]], Var] = {}

    def equations(self, eqn: JaxprEqn) -> Iterator[JaxprEqn]:
        """An equation of narrow operands, after those that give them their axes."""
        if eqn.primitive in BODY_PARAMS:
            eqn = _INTO_BODIES(eqn)
        elif eqn.primitive in _STRETCHING:
            shapes = self._shapes(eqn)
            if any(shape is not None for shape in shapes):
                operands = []
                for x, shape in zip(eqn.invars, shapes, strict=True):
                    if shape is not None:
                        x = yield from self._with_shape(x, shape)
                    operands.append(x)
                eqn = eqn.replace(invars=operands)
        self._definitions.add(eqn)
        yield eqn

    def _shapes(self, eqn: JaxprEqn) -> list[tuple[int, ...] | None]:
        """The shape that each operand can have, None where it has that."""
        result: Any = eqn.outvars[0].aval
        found = [_shape(x) for x in eqn.invars]
        shapes: list[tuple[int, ...] | None] = [None] * len(found)
        for i, x in enumerate(eqn.invars):
            shape = self._before(x)
            if shape is None:
                continue
            others = [*found[:i], shape, *found[i + 1 :]]
            if _stretched(others, len(result.shape)) == result.shape:
                found, shapes[i] = others, shape
        return shapes

    def _before(self, x: Atom) -> tuple[int, ...] | None:
        """The shape of an operand with size 1 in each axis along which it repeats."""
        eqn = self._definitions.of(x, lax.broadcast_in_dim_p)
        if eqn is None or len(eqn.invars) > 1 or not keeps_layout(eqn):
            return None
        y: Any = eqn.invars[0].aval
        x_aval: Any = x.aval
        if y.weak_type != x_aval.weak_type or y.size == x_aval.size:
            return None
        if not y.shape:
            return ()
        shape = [1] * len(x_aval.shape)
        for axis, size in zip(eqn.params["broadcast_dimensions"], y.shape, strict=True):
            shape[axis] = size
        return tuple(shape)

    def _with_shape(self, x: Atom, shape: tuple[int, ...]) -> Any:
        """What was broadcast to an operand, with this shape."""
        eqn = self._definitions.of(x)
        assert eqn is not None
        y = eqn.invars[0]
        if _shape(y) == shape:
            return y
        key = id(y), shape
        if key not in self._narrow:
            aval: Any = y.aval
            self._narrow[key] = Var(aval.update(shape=shape))
            yield eqn.replace(
                outvars=[self._narrow[key]], params={**eqn.params, "shape": shape}
            )
        return self._narrow[key]


def _shape(x: Atom) -> tuple[int, ...]:
    aval: Any = x.aval
    return aval.shape


def _stretched(shapes: Sequence[tuple[int, ...]], rank: int) -> tuple[int, ...]:
    """The shape of the result of operands; those without axes go with any."""
    whole = [shape or (1,) * rank for shape in shapes]
    return tuple(max(sizes) for sizes in zip(*whole, strict=True))


_INTO_BODIES = BodyRewriter(narrow)
