"""Simplification: equations whose result is one of the values before them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from jax import lax

from irad_passes._compat import Jaxpr, JaxprEqn, Literal, Primitive, add_jaxvals_p
from irad_passes.bodies import BodyRewriter
from irad_passes.keys import atom_key
from irad_passes.rewriting import Atom, replace_results

Test = Callable[[Any], bool]


class Definitions:
    """The equations so far, by their results."""

    def __init__(self) -> None:
        self._by_result: dict[int, JaxprEqn] = {}

    def add(self, eqn: JaxprEqn) -> None:
        """Take an equation in."""
        for y in eqn.outvars:
            self._by_result[id(y)] = eqn

    def of(self, x: Atom, *primitives: Primitive) -> JaxprEqn | None:
        """The equation that computes ``x``, if any and by one of these primitives."""
        eqn = self._by_result.get(id(x))
        if eqn is None or (primitives and eqn.primitive not in primitives):
            return None
        return eqn

    def constant(self, x: Atom) -> Any:
        """The number that ``x`` is all over, None where it is not one known number."""
        if isinstance(x, Literal):
            aval: Any = x.aval
            dtype = aval.dtype
            if aval.shape or not isinstance(dtype, np.dtype):
                return None
            return np.asarray(x.val, dtype)[()]
        eqn = self.of(x, lax.broadcast_in_dim_p)
        return None if eqn is None else self.constant(eqn.invars[0])


Row = Callable[[JaxprEqn, Definitions], Iterable[Atom]]


def simplify(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr without the equations that return a value that is there already.

    Every identity holds for all values of IEEE arithmetic: NaN, infinities and both
    zeros. So there is no x + 0 (it turns -0.0 into 0.0), no x * 0, x - x or x / x, and
    nothing is reassociated. The type of a result, weak or sharded, never changes.
    """
    definitions = Definitions()

    def present(eqn: JaxprEqn) -> Sequence[Atom] | None:
        row = _TABLE.get(eqn.primitive)
        if row is not None and keeps_layout(eqn):
            (y,) = eqn.outvars
            for x in row(eqn, definitions):
                if x.aval == y.aval:
                    return [x]
        definitions.add(eqn)
        return None

    return replace_results(jaxpr, present, _INTO_BODIES)


def keeps_layout(eqn: JaxprEqn) -> bool:
    """Whether an equation asks for no sharding of its result."""
    return all(eqn.params.get(name) is None for name in ("sharding", "out_sharding"))


def _always(eqn: JaxprEqn, definitions: Definitions) -> Iterator[Atom]:
    """The operand, where its type is the result's."""
    del definitions
    yield eqn.invars[0]


def _computed(eqn: JaxprEqn, definitions: Definitions) -> Iterator[Atom]:
    """The operand, where it is no input: a copy of an input has a buffer of its own."""
    (x,) = eqn.invars
    if definitions.of(x) is not None:
        yield x


def _if_params(**wanted: Any) -> Row:
    """The operand, where parameters have the values at which nothing is done."""

    def row(eqn: JaxprEqn, definitions: Definitions) -> Iterator[Atom]:
        del definitions
        if all(eqn.params[name] == value for name, value in wanted.items()):
            yield eqn.invars[0]

    return row


def _neutral(is_neutral: Test, *, sides: Sequence[int] = (0, 1)) -> Row:
    """The other operand, where the one on one of these sides is neutral."""

    def row(eqn: JaxprEqn, definitions: Definitions) -> Iterator[Atom]:
        for side in sides:
            constant = definitions.constant(eqn.invars[side])
            if constant is not None and is_neutral(constant):
                yield eqn.invars[1 - side]

    return row


def _is_one(x: Any) -> bool:
    # (a + bi)(1 + 0i) has b * 0 in it, so complex numbers have no one.
    return not np.iscomplexobj(x) and x == 1


def _is_added_zero(x: Any) -> bool:
    # 0.0 + -0.0 is 0.0, so only -0.0 changes nothing.
    return _is_real_zero(x) and (x.dtype.kind in "iu" or _is_negative(x))


def _is_subtracted_zero(x: Any) -> bool:
    # -0.0 - -0.0 is 0.0, so only 0.0 changes nothing.
    return _is_real_zero(x) and not _is_negative(x)


def _is_real_zero(x: Any) -> bool:
    return not np.iscomplexobj(x) and x == 0


def _is_negative(x: Any) -> bool:
    return math.copysign(1.0, float(x)) < 0


def _has_all_bits(x: Any) -> bool:
    return x.dtype.kind in "biu" and x == np.invert(np.zeros((), x.dtype))


def _has_no_bits(x: Any) -> bool:
    return x == 0


def _idempotent(eqn: JaxprEqn, definitions: Definitions) -> Iterator[Atom]:
    del definitions
    x, other = eqn.invars
    if x is other:
        yield x


def _either(*rows: Row) -> Row:
    def row(eqn: JaxprEqn, definitions: Definitions) -> Iterator[Atom]:
        for each in rows:
            yield from each(eqn, definitions)

    return row


def _undoes_itself(eqn: JaxprEqn, definitions: Definitions) -> Iterator[Atom]:
    """What is done twice with the same parameters and undoes itself."""
    inner = definitions.of(eqn.invars[0], eqn.primitive)
    if inner is not None and inner.params == eqn.params:
        yield inner.invars[0]


def _part_of_complex(position: int) -> Row:
    def row(eqn: JaxprEqn, definitions: Definitions) -> Iterator[Atom]:
        whole = definitions.of(eqn.invars[0], lax.complex_p)
        if whole is not None:
            yield whole.invars[position]

    return row


def _transposed(eqn: JaxprEqn, definitions: Definitions) -> Iterator[Atom]:
    permutation = eqn.params["permutation"]
    if _is_identity(permutation):
        yield eqn.invars[0]
    inner = definitions.of(eqn.invars[0], lax.transpose_p)
    if inner is not None:
        before = inner.params["permutation"]
        if _is_identity([before[axis] for axis in permutation]):
            yield inner.invars[0]


def _is_identity(permutation: Sequence[int]) -> bool:
    return tuple(permutation) == tuple(range(len(permutation)))


def _same_elements(eqn: JaxprEqn, definitions: Definitions) -> Iterator[Atom]:
    """Whatever a chain of reshapes started from, or any value on its way.

    A reshape, a squeeze, and a broadcast that only adds axes of size 1 keep the
    elements in row-major order, so that the shape says everything.
    """
    inner: JaxprEqn | None = eqn
    while inner is not None and _keeps_order(inner) and keeps_layout(inner):
        yield inner.invars[0]
        inner = definitions.of(inner.invars[0], *_RESHAPES)


def _keeps_order(eqn: JaxprEqn) -> bool:
    if eqn.primitive is lax.reshape_p:
        return eqn.params["dimensions"] is None
    x: Any = eqn.invars[0].aval
    y: Any = eqn.outvars[0].aval
    return x.size == y.size


_RESHAPES = (lax.reshape_p, lax.squeeze_p, lax.broadcast_in_dim_p)


def _selected(eqn: JaxprEqn, definitions: Definitions) -> Iterator[Atom]:
    """The case that a known predicate selects, or the only case there is."""
    which, *cases = eqn.invars
    constant = definitions.constant(which)
    if constant is not None and 0 <= int(constant) < len(cases):
        yield cases[int(constant)]
    if len({atom_key(case) for case in cases}) == 1:
        yield cases[0]


def _updated(eqn: JaxprEqn, definitions: Definitions) -> Iterator[Atom]:
    """The update, where it is as large as its target: its start is clamped to 0."""
    del definitions
    yield eqn.invars[1]


def _padded(eqn: JaxprEqn, definitions: Definitions) -> Iterator[Atom]:
    del definitions
    if not any(any(width) for width in eqn.params["padding_config"]):
        yield eqn.invars[0]


def _only_operand(eqn: JaxprEqn, definitions: Definitions) -> Iterator[Atom]:
    del definitions
    if len(eqn.invars) == 1:
        yield eqn.invars[0]


_TABLE: dict[Primitive, Row] = {
    lax.mul_p: _neutral(_is_one),
    lax.div_p: _neutral(_is_one, sides=(1,)),
    lax.add_p: _neutral(_is_added_zero),
    add_jaxvals_p: _neutral(_is_added_zero),
    lax.sub_p: _neutral(_is_subtracted_zero, sides=(1,)),
    lax.integer_pow_p: _if_params(y=1),
    lax.max_p: _idempotent,
    lax.min_p: _idempotent,
    lax.and_p: _either(_idempotent, _neutral(_has_all_bits)),
    lax.or_p: _either(_idempotent, _neutral(_has_no_bits)),
    lax.neg_p: _undoes_itself,
    lax.not_p: _undoes_itself,
    lax.conj_p: _undoes_itself,
    lax.real_p: _part_of_complex(0),
    lax.imag_p: _part_of_complex(1),
    lax.select_n_p: _selected,
    lax.copy_p: _computed,
    lax.convert_element_type_p: _always,
    lax.reshape_p: _same_elements,
    lax.squeeze_p: _same_elements,
    lax.broadcast_in_dim_p: _same_elements,
    lax.transpose_p: _transposed,
    lax.rev_p: _either(_if_params(dimensions=()), _undoes_itself),
    # A slice as large as its operand is its operand: a start is clamped to 0.
    lax.slice_p: _always,
    lax.dynamic_slice_p: _always,
    lax.dynamic_update_slice_p: _updated,
    lax.pad_p: _padded,
    lax.concatenate_p: _only_operand,
    lax.reduce_sum_p: _if_params(axes=()),
    lax.reduce_prod_p: _if_params(axes=()),
    lax.reduce_max_p: _if_params(axes=()),
    lax.reduce_min_p: _if_params(axes=()),
    lax.reduce_and_p: _if_params(axes=()),
    lax.reduce_or_p: _if_params(axes=()),
}

_INTO_BODIES = BodyRewriter(simplify)
