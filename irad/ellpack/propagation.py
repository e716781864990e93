"""The walk: a linear program applied to Jacobians in place of tangents.

What a linear program does to one tangent, ``propagate`` does to the Jacobian of its
inputs. Nothing is traced: columns are arrays of the host, and what has to be computed
of the entries is written on a tape. All tangents have one dtype.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jax import numpy as jnp

from irad._compat.ir import Jaxpr, Literal, Var
from irad.ellpack.arithmetic import Arithmetic
from irad.ellpack.compaction import compacted
from irad.ellpack.multiples import Multiple, multiple_of
from irad.ellpack.shapes import TooWideError, check
from irad.ellpack.terms import (
    Array,
    Columns,
    Slot,
    Tape,
    Term,
    Terms,
    identity,
    width,
)

Equation = Any
"""A ``JaxprEqn`` whose operands and results are arrays."""

NARROW, SPREAD = 16, 4
"""A variable is set apart if it has so many columns, and so many times its elements."""
MOST_STEPS = 40_000


@dataclass
class Propagation:
    """The state of a walk: the tape, known index arrays, columns met so far.

    ``known`` has the values of residuals that are at hand when planning (index arrays,
    masks). ``num_columns`` bounds the columns. Equal columns are one object, so that
    terms are merged by identity. A walk ends where it works out ``most_columns``
    different ones or computes ``most_entries``.
    """

    tape: Tape
    num_columns: int
    dtype: Any
    known: Mapping[Var, np.ndarray] = field(default_factory=dict)
    most_columns: float = math.inf
    most_entries: float = math.inf
    has_narrow: bool = False
    """Whether some variable could be set apart."""
    whole: int = 0
    """How many equations were applied as a whole."""
    _worked_out: int = 0
    _columns: dict[Any, Columns] = field(default_factory=dict)
    _compact: set[tuple[int, ...]] = field(default_factory=set)
    _copies: dict[tuple[Any, int], Slot] = field(default_factory=dict)
    multiples: dict[Var, Multiple] = field(default_factory=dict)
    """Residuals that are a number times another, or a number."""
    computed: list[Equation] = field(default_factory=list)
    """Equations between residuals, to be run before the tape."""
    factors: list[Factor] | None = None
    """Where the Jacobian of a narrow variable was set apart; None: nowhere."""
    arithmetic: Arithmetic = field(init=False)

    def __post_init__(self) -> None:
        self.arithmetic = Arithmetic(self.tape, self.dtype)

    def compute(self, eqn: Equation) -> None:
        """Leaves an equation between residuals to be run before the tape."""
        self.computed.append(eqn)
        found = multiple_of(eqn, self.multiples)
        if found is not None:
            self.multiples[eqn.outvars[0]] = found

    def columns(self, index: np.ndarray) -> Columns:
        """The columns with this index, one object for equal ones."""
        check(index.size)
        made = Columns(np.ascontiguousarray(index, np.int32))
        found = self._columns.setdefault(made.key, made)
        if found is made:
            self._worked_out += index.size
            if self._worked_out > self.most_columns:
                raise TooWideError("a Jacobian has too many columns to be worked out")
        return found

    def set_apart(self, shape: tuple[int, ...], terms: Terms) -> Terms:
        """The Jacobian of a variable by itself, if it is much narrower than wide."""
        size = int(np.prod(shape, dtype=np.int64))
        if width(terms) < max(NARROW, SPREAD * size):
            return terms
        self.has_narrow = True
        if self.factors is None:
            return terms
        factor = Factor(self.num_columns, shape, terms)
        self.factors.append(factor)
        self.num_columns += size
        return identity(shape, factor.offset)

    def multiple(self, x: Any) -> Multiple:
        """What an operand is a multiple of; None where it is a number throughout."""
        if isinstance(x, Literal) and not np.ndim(x.val):
            return float(np.float64(x.val)), None
        if isinstance(x, Literal):
            return 1.0, x
        return self.multiples.get(x, (1.0, x))

    def known_value(self, x: Any) -> np.ndarray | None:
        """The value of an operand where it is known on the host."""
        if isinstance(x, Literal):
            return np.asarray(x.val)
        return self.known.get(x)

    def copied(self, x: Any, rank: int) -> Slot:
        """A residual as entries, one for each element; one slot for equal ones."""
        if (x, rank) not in self._copies:
            shape = (1, *(x.aval.shape or (1,) * rank))
            make = lambda f: jnp.reshape(f, shape)  # noqa: E731
            self._copies[x, rank] = self.tape.step(make, [], [x], shape, flops=0)
        return self._copies[x, rank]

    def scaled(self, terms: Terms, c: float) -> Terms:
        """Terms times a number."""
        return tuple(replace(t, value=self.arithmetic.times(t.value, c)) for t in terms)

    def moved(self, terms: Terms, move: Callable[[Any, Array], Array]) -> Terms:
        """Terms whose elements are moved: ``move(np or jnp, array)`` does it."""
        return tuple(self.move(t, move) for t in terms)

    def move(self, term: Term, move: Callable[[Any, Array], Array]) -> Term:
        """One term with its elements moved."""
        columns = self.columns(move(np, term.columns.index))
        value = term.value
        if isinstance(value, Slot):
            probe = np.broadcast_to(np.int8(0), value.shape)
            shape = move(np, probe).shape
            make = lambda v: move(jnp, v)  # noqa: E731
            value = self.tape.moved(make, value, shape)
        return Term(columns, value)

    def merged(self, terms: Iterable[Term]) -> Terms:
        """The sum of terms, in few: those whose columns agree become one."""
        distinct = list(self.distinct(terms))
        if len(distinct) <= MOST_COMPARED:
            distinct = self._overlaid(distinct)
        return self._compacted(tuple(distinct))

    def distinct(self, terms: Iterable[Term]) -> Terms:
        """The sum of terms: those with equal columns become one."""
        found: dict[int, Term] = {}
        for term in terms:
            before = found.get(id(term.columns))
            found[id(term.columns)] = (
                term if before is None else self._sum(before, term)
            )
        return tuple(found.values())

    def _compacted(self, terms: Terms) -> Terms:
        """One term instead of many whose entries share places."""
        key = tuple(id(t.columns) for t in terms)
        if key in self._compact:
            return terms
        made = compacted(self.tape, terms, self.dtype)
        if made is None:
            self._compact.add(key)
            return terms
        index, slot = made
        return (Term(self.columns(index), slot),)

    def _overlaid(self, terms: list[Term]) -> list[Term]:
        """Terms whose columns agree wherever both have one become one term."""
        rest: list[Term] = []
        for term in terms:
            for i, other in enumerate(rest):
                index = _common(term.columns, other.columns)
                if index is not None:
                    rest[i] = self._overlay(term, other, self.columns(index))
                    break
            else:
                rest.append(term)
        return rest

    def _overlay(self, a: Term, b: Term, columns: Columns) -> Term:
        """The sum of two terms with gaps: each counts where it has an entry."""
        terms = (b, a) if isinstance(a.value, Slot) and a.is_zero_outside else (a, b)
        masks = [t.columns.index >= 0 for t in terms]
        first, second = (t.value for t in terms)
        disjoint = not (masks[0] & masks[1]).any()
        if disjoint and first == second and not isinstance(first, Slot):
            return Term(columns, first)
        shares = [
            _Share(t, mask, self.dtype) for t, mask in zip(terms, masks, strict=True)
        ]
        slots = [v for v in (first, second) if isinstance(v, Slot)]
        shape = np.broadcast_shapes(
            columns.index.shape, *(slot.shape for slot in slots)
        )
        size = int(np.prod(shape, dtype=np.int64))
        if not disjoint and len(slots) == 1 and not any(s.is_masked for s in shares):
            constant = next(s for s in shares if not isinstance(s.term.value, Slot))
            return Term(
                columns, self.arithmetic.shifted(slots[0], constant.number, shape), True
            )
        is_plain = not disjoint and not any(share.is_masked for share in shares)
        if is_plain and isinstance(first, Slot) and isinstance(second, Slot):
            return Term(
                columns, self.arithmetic.added(first, second), is_zero_outside=True
            )
        if not disjoint or not slots:

            def add(*arrays: Array) -> Array:
                rest = iter(arrays)
                return jnp.broadcast_to(shares[0].of(rest) + shares[1].of(rest), shape)

            masked = sum(share.is_masked for share in shares) * size
            flops = size if slots else 0
            slot = self.tape.step(add, slots, [], shape, flops, selected=masked)
            return Term(columns, slot, is_zero_outside=True)

        def choose(*arrays: Array) -> Array:
            # What stands where neither has an entry is not specified.
            rest = iter(arrays)
            taken = (next(rest) if isinstance(v, Slot) else v for v in (first, second))
            return jnp.broadcast_to(jnp.where(masks[0], *taken), shape)

        slot = self.tape.step(choose, slots, [], shape, 0, selected=size)
        return Term(columns, slot, is_zero_outside=terms[1].is_zero_outside)

    def _sum(self, a: Term, b: Term) -> Term:
        if not isinstance(a.value, Slot) and not isinstance(b.value, Slot):
            return Term(a.columns, a.value + b.value)
        if not isinstance(a.value, Slot):
            a, b = b, a
        assert isinstance(a.value, Slot)
        if not isinstance(b.value, Slot):
            is_zero = a.is_zero_outside and a.columns.index.shape == a.value.shape
            inside = a.columns.index >= 0 if is_zero else np.True_
            shift = np.where(inside, b.value, 0.0)
            slot = self.arithmetic.shifted(a.value, shift, a.value.shape)
            return Term(a.columns, slot, is_zero)
        is_zero = a.is_zero_outside and b.is_zero_outside
        return Term(a.columns, self.arithmetic.added(a.value, b.value), is_zero)


@dataclass(frozen=True, eq=False)
class _Share:
    """What a term adds to a sum: its entries, and zero where it has none."""

    term: Term
    mask: np.ndarray
    dtype: Any

    @property
    def is_masked(self) -> bool:
        """Whether zeros are written at run time."""
        is_computed = isinstance(self.term.value, Slot)
        return is_computed and not self.term.is_zero_outside and not self.mask.all()

    @property
    def number(self) -> np.ndarray:
        """The share of a constant term."""
        assert not isinstance(self.term.value, Slot)
        return np.where(self.mask, self.term.value, 0.0)

    def of(self, arrays: Iterator[Array]) -> Array:
        """The share, its entries the next of the arrays if they are computed."""
        if not isinstance(self.term.value, Slot):
            return self.number.astype(self.dtype)
        v = next(arrays)
        return jnp.where(self.mask, v, 0.0) if self.is_masked else v


@dataclass(frozen=True, eq=False)
class Factor:
    """A variable with columns of its own from ``offset`` on, and its Jacobian."""

    offset: int
    shape: tuple[int, ...]
    terms: Terms

    @property
    def size(self) -> int:
        """The number of columns."""
        return int(np.prod(self.shape, dtype=np.int64))


MOST_COMPARED = 12
"""Of more terms no two are compared for columns that agree but for gaps."""


def _common(a: Columns, b: Columns) -> np.ndarray | None:
    """The columns of two terms in one, if they agree wherever both have one."""
    if a.index.shape != b.index.shape or not (a.has_gaps or b.has_gaps):
        return None
    both = (a.index >= 0) & (b.index >= 0)
    if (a.index != b.index)[both].any():
        return None
    return np.maximum(a.index, b.index)


Rule = Callable[[Propagation, Equation, list[Terms | None]], Sequence[Terms] | None]
"""(walk, equation, the Jacobian of each operand, None for residuals) to results'.

None says that the equation is to be applied as a whole, by the rule under None.
"""

RULES: dict[Any, Rule] = {}


def rule(*primitives: Any) -> Callable[[Rule], Rule]:
    """Enters a rule in the table for some primitives."""

    def add(function: Rule) -> Rule:
        for primitive in primitives:
            assert primitive not in RULES, primitive
            RULES[primitive] = function
        return function

    return add


def propagate(walk: Propagation, linear: Jaxpr, seeds: Sequence[Terms]) -> list[Terms]:
    """The Jacobians of a linear program's outputs.

    ``linear`` takes residuals, then one tangent for each of ``seeds``, the Jacobians
    of those tangents. Equations between residuals are left in ``walk.computed``.
    """
    first = len(linear.invars) - len(seeds)
    own = [
        tuple(Term(walk.columns(t.columns.index), t.value) for t in terms)
        for terms in seeds
    ]
    found: dict[Any, Terms] = dict(zip(linear.invars[first:], own, strict=True))
    eqn: Equation
    for eqn in linear.eqns:
        given = [found.get(x) if type(x) is Var else None for x in eqn.invars]
        if all(terms is None for terms in given):
            walk.compute(eqn)
            continue
        if len(walk.tape.steps) > MOST_STEPS:
            raise TooWideError("a Jacobian has too many terms")
        if walk.tape.entries > walk.most_entries:
            raise TooWideError("it computes more entries than a plain way")
        results = equation(walk, eqn, given)
        pairs = zip(eqn.outvars, results, strict=True)
        results = [walk.set_apart(v.aval.shape, terms) for v, terms in pairs]
        found.update(zip(eqn.outvars, results, strict=True))
    return [found.get(v, ()) if type(v) is Var else () for v in linear.outvars]


def equation(
    walk: Propagation, eqn: Equation, given: list[Terms | None]
) -> Sequence[Terms]:
    """The Jacobians of one equation's results; what has no elements has no terms."""
    pairs = zip(eqn.invars, given, strict=True)
    given = [() if terms and 0 in x.aval.shape else terms for x, terms in pairs]
    if not any(given):
        return [()] * len(eqn.outvars)
    for apply in (RULES.get(eqn.primitive), RULES[None]):
        results = None if apply is None else apply(walk, eqn, given)
        if results is not None:
            return results
    raise AssertionError(f"{eqn.primitive} has no structure")
