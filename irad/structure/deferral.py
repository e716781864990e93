"""Products that a loop only adds up leave it: one product over all of its steps.

The cotangent of a weight that every step of a loop multiplies by is a sum of products,
one for each step: ``sum_i x_i^T c_i``. With the factors of all steps stacked it is one
product that sums over the steps as well, which machines do faster than many small ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax import lax

from irad._compat import ir
from irad._compat.ir import Atom, Jaxpr, JaxprEqn, Var
from irad.checkpointing.prices import deferral_gain
from irad.cost import Machine
from irad.emitter import Emitter, snippet
from irad_passes import dce

# Linear in their operand, and such that they may be done to the sum instead.
_AFTERWARDS = frozenset(
    (
        lax.transpose_p,
        lax.reshape_p,
        lax.squeeze_p,
        lax.neg_p,
        lax.copy_p,
    )
)


def _may_be_done_to_the_sum(eqn: JaxprEqn) -> bool:
    """Whether an equation is linear, and the sum fits the type of its operand."""
    if eqn.primitive is not lax.convert_element_type_p:
        return eqn.primitive in _AFTERWARDS
    x: Any = eqn.invars[0].aval
    before, after = jnp.finfo(x.dtype), jnp.finfo(eqn.params["new_dtype"])
    return bool(after.max <= before.max and after.eps >= before.eps)


@dataclass(frozen=True, eq=False)
class Product:
    """A sum of products for the ``image``-th constant.

    ``factors`` are positions among the stacked rows that the loop reads, then among
    the factors that it returns. ``tail`` is from the product to what is added up.
    """

    image: int
    factors: tuple[int, int]
    dot: JaxprEqn
    tail: Jaxpr

    def emit(self, emit: Emitter, stacks: Sequence[Atom]) -> Any:
        """The sum, from the rows and the factors of all steps."""
        (left, right), (left_batch, right_batch) = self.dot.params["dimension_numbers"]
        contracted = tuple((0, *(i + 1 for i in dims)) for dims in (left, right))
        batch = tuple(tuple(i + 1 for i in dims) for dims in (left_batch, right_batch))
        params = dict(self.dot.params, dimension_numbers=(contracted, batch))
        emit.source, emit.ctx = self.dot.source_info, self.dot.ctx
        operands = [stacks[i] for i in self.factors]
        avals = [v.aval for v in self.dot.outvars]
        summed = emit.equation(lax.dot_general_p, operands, avals, params)
        return emit.splice(snippet(self.tail, in_place=True), summed)[0]


@dataclass(frozen=True, eq=False)
class Deferral:
    """A linear program whose sums of products are left for after the loop.

    ``linear`` returns what it did, but the images in ``whole``, which are products
    only, and then the factors.
    """

    linear: Jaxpr
    products: tuple[Product, ...]
    whole: frozenset[int]


def defer(
    linear: Jaxpr,
    images: Sequence[int],
    rows: Sequence[Var],
    machine: Machine,
    keeping: float,
) -> Deferral:
    """Takes out of a loop's linear program the products that are cheaper after it.

    Args:
        linear: The linear program of a step.
        images: Which constant the first outputs, one each, are the images of.
        rows: Its inputs that are stacked over the steps.
        machine: What products cost.
        keeping: What a byte costs that is stacked.
    """
    program = _Program.of(linear, rows)
    outvars: list[Atom] = []
    products: list[Product] = []
    whole: set[int] = set()
    sums = Emitter()
    for image, x in zip(images, linear.outvars, strict=False):
        terms = list(program.terms(x))
        found = [term for term in terms if term.dot is not None]
        left = [term.value for term in terms if term.dot is None]
        if not program.pays(found, machine, keeping):
            outvars.append(x)
            continue
        products += [program.product(image, term) for term in found]
        if not left:
            whole.add(image)
            continue
        total = left[0]
        for value in left[1:]:
            total = sums.add(total, value)
        outvars.append(total)
    outvars += linear.outvars[len(images) :]
    made = linear.replace(
        eqns=[*linear.eqns, *sums.eqns], outvars=[*outvars, *program.factors]
    )
    names = linear.debug_info._replace(result_paths=None)
    return Deferral(
        dce(made.replace(debug_info=names)),
        tuple(products),
        frozenset(whole),
    )


@dataclass(frozen=True, eq=False)
class _Term:
    """A term of a sum; a product if ``dot`` is there, with what is done to it."""

    value: Any
    dot: JaxprEqn | None = None
    tail: tuple[JaxprEqn, ...] = ()


@dataclass(frozen=True, eq=False)
class _Program:
    """Who makes and who reads the variables of a linear program."""

    makers: dict[Var, JaxprEqn]
    uses: Counter[Var]
    rows: dict[Var, int]
    varying: Collection[Var]
    factors: dict[Var, int]

    @staticmethod
    def of(linear: Jaxpr, rows: Sequence[Var]) -> _Program:
        uses: Counter[Var] = Counter()
        for eqn in linear.eqns:
            uses.update(x for x in eqn.invars if type(x) is Var)
        uses.update(x for x in linear.outvars if type(x) is Var)
        makers = {y: eqn for eqn in linear.eqns for y in eqn.outvars}
        varying = {*rows, *makers}
        return _Program(makers, uses, {v: i for i, v in enumerate(rows)}, varying, {})

    def terms(self, x: Atom) -> Iterator[_Term]:
        """The terms that a value is the sum of, products among them."""
        eqn = self._only_maker(x)
        if eqn is not None and eqn.primitive is ir.add_any_p:
            for operand in eqn.invars:
                yield from self.terms(operand)
            return
        tail: list[JaxprEqn] = []
        while eqn is not None and _may_be_done_to_the_sum(eqn):
            tail.append(eqn)
            eqn = self._only_maker(eqn.invars[0])
        if eqn is None or not self._is_deferrable(eqn):
            yield _Term(x)
            return
        yield _Term(x, eqn, tuple(reversed(tail)))

    def _only_maker(self, x: Atom) -> JaxprEqn | None:
        """The equation of a value that nothing else reads."""
        return self.makers.get(x) if type(x) is Var and self.uses[x] == 1 else None

    def _is_deferrable(self, eqn: JaxprEqn) -> bool:
        return (
            eqn.primitive is lax.dot_general_p
            and eqn.params.get("out_sharding") is None
            and all(type(x) is Var and x in self.varying for x in eqn.invars)
        )

    def pays(self, terms: Sequence[_Term], machine: Machine, keeping: float) -> bool:
        """Whether products are cheaper after the loop, their factors stacked for it."""
        dots = [term.dot for term in terms if term.dot is not None]
        stacked = {
            x
            for dot in dots
            for x in dot.invars
            if type(x) is Var and x not in self.rows and x not in self.factors
        }
        return bool(dots) and deferral_gain(dots, stacked, machine, keeping) > 0

    def product(self, image: int, term: _Term) -> Product:
        """A term as a product over all steps."""
        dot = term.dot
        assert dot is not None
        left, right = (self._position(x) for x in dot.invars)
        (start,), end = dot.outvars, (term.tail[-1] if term.tail else dot).outvars
        tail = ir.make_jaxpr_object([start], end, list(term.tail), "tail")
        return Product(image, (left, right), dot, tail)

    def _position(self, x: Any) -> int:
        if x in self.rows:
            return self.rows[x]
        return len(self.rows) + self.factors.setdefault(x, len(self.factors))
