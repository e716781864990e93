"""What a choice leaves out has cotangent zero, whatever is computed there.

``where(x > 0, log(x), 0)`` has derivative 0 at ``x = 0``, and the pull of ``log`` makes
0 / 0 of the zero that the choice hands it. The sweep therefore remembers by which
choices elements of a cotangent are zero, and chooses once more where a factor that may
be infinite or no number has met them, before they are added to anything else. Such a
mask is followed through what keeps elements or only moves them; one of rank 0, by which
whole arrays are chosen, through everything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from jax import lax

from irad._compat import ir, mesh
from irad._compat.ir import Atom, Jaxpr, JaxprEqn, Literal
from irad.caching import by_jaxpr
from irad.emitter import Emitter
from irad.graph import Mask, Node
from irad.rules.registry import RULES, Jacobian

Masks = tuple[Mask[Any], ...]


@dataclass(frozen=True)
class Chosen:
    """The masks of a cotangent, and whether it has met factors since."""

    by: Masks = ()
    met: bool = False


_NOT = Chosen()

# The pulls of these meet no factors.
_SUMS = frozenset(
    (
        lax.add_p,
        ir.add_any_p,
        lax.sub_p,
        lax.neg_p,
        lax.convert_element_type_p,
        lax.copy_p,
        lax.select_n_p,
    )
)
_RESHAPES = frozenset((lax.reshape_p, lax.squeeze_p, lax.broadcast_in_dim_p))
_WITHOUT_FACTORS = _SUMS | _RESHAPES | {lax.transpose_p, lax.reduce_sum_p}


class Choices:
    """The masks of all cotangents in a sweep."""

    def __init__(self, emit: Emitter) -> None:
        self._emit = emit
        self._of: dict[Any, Chosen] = {}

    def __bool__(self) -> bool:
        return bool(self._of)

    def of_results(self, node: Node, c: list[Any]) -> Chosen:
        """What is known of the cotangents ``c`` of results, once a pull may read them.

        Where the pull keeps no elements they are chosen once more, in place.
        """
        found = [self._of.pop(node.eqn.outvars[j], _NOT) for j in node.wanted]
        if len(found) > 1:
            c[:] = map(self._settled, c, found)
            return _NOT
        (known,) = found
        if not known.by or keeps_elements(node.eqn, node.active):
            return known
        c[0] = self._settled(c[0], known)
        return Chosen(self._moved(node.eqn, known.by))

    def of_operands(self, node: Node, kept: Any, known: Chosen) -> list[Chosen]:
        """What is known of the cotangents that a pull gives."""
        eqn = node.eqn
        if known.by and not known.met and meets_factors(eqn):
            known = replace(known, met=True)
        if eqn.primitive is lax.select_n_p:
            which, cases = kept[0], len(eqn.invars) - 1
            masks = [(Mask(which, i - 1, cases),) for i in node.active]
        elif eqn.primitive is ir.jit_p:
            masks = node.local.masks(kept)  # type: ignore[union-attr]
        else:
            return [known] * len(node.active)
        return [replace(known, by=(*known.by, *each)) for each in masks]

    def added(self, x: Any, before: Any, c: Any, known: Chosen) -> Atom:
        """The cotangent of ``x``, of which ``c`` is a further share."""
        if before is None:
            if known.by:
                self._of[x] = known
            return c
        other = self._of.pop(x, _NOT)
        both = tuple(mask for mask in known.by if mask in other.by)
        met = known.met or other.met
        if not known.by == other.by == both:
            before = self._settled(before, other)
            c = self._settled(c, known)
            met = False
        if both:
            self._of[x] = Chosen(both, met)
        return self._emit.add(before, c)

    def settle(self, cotangents: dict[Any, Atom]) -> None:
        """Chooses once more wherever that is still to be done."""
        for x, known in self._of.items():
            if known.met:
                cotangents[x] = self._settled(cotangents[x], known)
                self._of[x] = Chosen(known.by)

    def masks(self, x: Any) -> Masks:
        """The masks of a cotangent that is settled."""
        return self._of.get(x, _NOT).by

    def _settled(self, c: Any, known: Chosen) -> Any:
        if not known.met:
            return c
        for mask in known.by:
            cases: list[Atom] = [self._emit.zeros(c.aval)] * mask.cases
            cases[mask.case] = c
            operands = [mask.which, *cases]
            (c,) = self._emit.equation(lax.select_n_p, operands, [c.aval], {})
        return c

    def _moved(self, eqn: JaxprEqn, masks: Masks) -> Masks:
        """The masks as they are for the operand whose elements are moved."""
        return tuple(
            replace(mask, which=which)
            for mask in masks
            if (which := self._which_moved(eqn, mask.which)) is not None
        )

    def _which_moved(self, eqn: JaxprEqn, which: Atom) -> Atom | None:
        """By what is chosen before elements are moved; None where that is unknown."""
        shape = _shape(eqn.invars[0])
        aval: Any = which.aval
        params: dict[str, Any]
        if not _shape(which):
            return which
        is_turned = eqn.primitive is lax.reshape_p and eqn.params["dimensions"]
        if is_turned or not mesh.is_on_one_device(aval):
            return None
        if eqn.primitive in _RESHAPES and math.prod(shape) == math.prod(_shape(which)):
            primitive = lax.reshape_p
            params = {"new_sizes": shape, "dimensions": None, "sharding": None}
        elif eqn.primitive is lax.transpose_p:
            primitive, order = eqn.primitive, eqn.params["permutation"]
            params = {"permutation": tuple(map(order.index, range(len(order))))}
        elif eqn.primitive is lax.reduce_sum_p:
            primitive, summed = lax.broadcast_in_dim_p, eqn.params["axes"]
            left = tuple(i for i in range(len(shape)) if i not in summed)
            params = {"shape": shape, "broadcast_dimensions": left, "sharding": None}
        else:
            return None
        moved = aval.update(shape=shape)
        return self._emit.equation(primitive, [which], [moved], params)[0]


def keeps_elements(eqn: JaxprEqn, active: Sequence[int]) -> bool:
    """Whether the pull makes each element of the same one of its cotangent."""
    shape = _shape(eqn.outvars[0])
    if any(_shape(eqn.invars[i]) != shape for i in active):
        return False
    if eqn.primitive is ir.jit_p:
        return _is_elementwise(eqn.params["jaxpr"].jaxpr)
    return _is_elementwise_leaf(eqn)


def _is_elementwise_leaf(eqn: JaxprEqn) -> bool:
    rule = RULES.get(eqn.primitive)
    is_marked = isinstance(rule, Jacobian) and rule.kind == "elementwise"
    return is_marked or eqn.primitive in _SUMS


def meets_factors(eqn: JaxprEqn) -> bool:
    """Whether a pull multiplies its cotangent by what may be infinite or no number."""
    if eqn.primitive is ir.jit_p:
        return _has_factors(eqn.params["jaxpr"].jaxpr)
    if eqn.primitive is lax.mul_p:
        return not any(type(x) is Literal for x in eqn.invars)
    if eqn.primitive is lax.div_p:
        return type(eqn.invars[1]) is not Literal
    return eqn.primitive not in _WITHOUT_FACTORS


@by_jaxpr
def _is_elementwise(body: Jaxpr) -> bool:
    """Whether a function keeps elements: all in it do, but for numbers spread out."""
    return all(
        _is_elementwise(eqn.params["jaxpr"].jaxpr)
        if eqn.primitive is ir.jit_p
        else _is_elementwise_leaf(eqn)
        or (eqn.primitive is lax.broadcast_in_dim_p and not _shape(eqn.invars[0]))
        for eqn in body.eqns
    )


@by_jaxpr
def _has_factors(body: Jaxpr) -> bool:
    return any(
        meets_factors(eqn)
        for eqn in body.eqns
        if eqn.primitive is not lax.broadcast_in_dim_p
    )


def _shape(x: Any) -> tuple[int, ...]:
    return x.aval.shape
