"""What a piece of code did: the value it returned or the error it raised.

A case is a function of one argument ``ad``, the module whose derivative functions it
uses. Run with JAX and with irad it must do the same: the same tree, the same leaf types
(dtype, weak type, sharding, Python or array), the same numbers, or the same class of
error with a message that names the same thing.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from tests.parity.parity_plugin import NAMES

DERIVATIVES = frozenset(NAMES)

Run = Callable[[Any], object]


@dataclass(frozen=True)
class Case:
    """One use of the derivative functions, and what its error must say if it is one.

    Cases of one ``kind`` are made by one function; without it, it is in the name.
    """

    name: str
    run: Run
    words: str | None = None
    signed_zeros: bool = False
    kind: str = ""

    def traits(self) -> set[str]:
        """The kind of the case, and the derivative functions that its name names."""
        kind = self.kind or self.name.partition("[")[0]
        return {kind, *DERIVATIVES.intersection(re.findall(r"\w+", self.name))}

    def __str__(self) -> str:
        return self.name


class Cases(list[Case]):
    """A list of cases that functions are added to by decoration."""

    def add(self, run: Run) -> Run:
        """Registers a case that returns, under the function's name."""
        self.append(Case(run.__name__, run))
        return run

    def rows(self, words: str, table: Mapping[str, Run]) -> None:
        """Registers cases of misuse that expect the same words, by their names."""
        self.extend(Case(name, run, words) for name, run in table.items())

    def each(
        self, values: Iterable[Any], words: str | None = None
    ) -> Callable[[Callable[..., object]], None]:
        """Registers the function once per value, which it takes as second argument."""

        def add(run: Callable[..., object]) -> None:
            for value in values:
                name = f"{run.__name__}[{label(value)}]"
                self.append(Case(name, lambda ad, v=value: run(ad, v), words))

        return add


def label(value: object) -> str:
    """A short name for a parameter of a case."""
    if isinstance(value, tuple) and value and isinstance(value[0], str):
        return " ".join(label(part) for part in value)
    if isinstance(value, (np.generic, np.ndarray, jax.Array)):
        return f"{type(value).__name__} {value}".replace("\n", " ")[:60]
    return str(getattr(value, "__name__", value)).replace("\n", " ")[:60]


def assert_same_outcome(case: Case, expected: Any, ours: Any) -> None:
    """Runs the case with both modules and compares all that a caller can see."""
    if case.words is not None:
        return assert_same_error(case, expected, ours)
    return assert_same_tree(
        case.run(ours), case.run(expected), signed=case.signed_zeros
    )


def assert_same_error(case: Case, expected: Any, ours: Any) -> None:
    """Both raise; ours is of the same class, and says what JAX's says."""
    wanted, got = raised(case.run, expected), raised(case.run, ours)
    assert wanted is not None, "the case is no misuse: JAX returns"
    assert got is not None, f"no error, where JAX raises {wanted!r}"
    assert isinstance(got, public_class(wanted)), f"{got!r} where JAX has {wanted!r}"
    pattern = re.compile(case.words or "", re.DOTALL | re.IGNORECASE)
    assert pattern.search(str(wanted)), f"JAX does not say so itself: {wanted}"
    assert pattern.search(str(got)), f"the message lacks {case.words!r}: {got}"


def public_class(error: Exception) -> type[Exception]:
    """The class by which a user would catch this error."""
    classes = type(error).__mro__
    public = (c for c in classes if not c.__module__.startswith("jax._src"))
    return next(public)


def raised(run: Run, ad: Any) -> Exception | None:
    """The exception that the case ends in, if it does."""
    try:
        run(ad)
    except Exception as error:
        return error
    return None


def assert_same_tree(got: object, expected: object, *, signed: bool = False) -> None:
    """The same structure, and at every leaf the same type and value."""
    ours, theirs = jax.tree.structure(got), jax.tree.structure(expected)
    assert ours == theirs, f"tree {ours}, where JAX has {theirs}"
    leaves = zip(jax.tree.leaves_with_path(got), jax.tree.leaves(expected), strict=True)
    for (path, ours), theirs in leaves:
        where = jax.tree_util.keystr(path) or "the result"
        assert_same_leaf(ours, theirs, where, signed=signed)


def assert_same_leaf(ours: Any, theirs: Any, where: str, *, signed: bool) -> None:
    """The same class of object, the same abstract value, the same numbers."""
    if isinstance(ours, jax.Array) and isinstance(theirs, (float, complex, int)):
        # JAX may hand back a Python number where an array is meant: a literal, unrun.
        theirs = jax.numpy.asarray(theirs)
    assert type(ours) is type(theirs), f"{where}: {type(ours)} for {type(theirs)}"
    if not isinstance(theirs, (jax.Array, np.ndarray, np.generic)):
        assert ours == theirs, f"{where}: {ours!r} for {theirs!r}"
        return
    kinds = jax.typeof(ours), jax.typeof(theirs)
    assert kinds[0] == kinds[1], f"{where}: {ours!r} for {theirs!r}"
    if isinstance(theirs, jax.Array):
        assert weak(ours) == weak(theirs), f"{where}: {ours!r} for {theirs!r}"
        assert ours.committed == theirs.committed, f"{where}: {ours.committed=}"
        assert ours.sharding == theirs.sharding, f"{where}: {ours.sharding}"
    if theirs.dtype != jax.dtypes.float0:
        assert_same_numbers(ours, theirs, where, signed=signed)


def weak(x: jax.Array) -> bool:
    """Whether the array gives way to others in type promotion."""
    return bool(getattr(jax.typeof(x), "weak_type", False))


def assert_same_numbers(ours: Any, theirs: Any, where: str, *, signed: bool) -> None:
    """Equal up to rounding of the dtype, NaN where NaN, infinite where infinite."""
    if jax.numpy.issubdtype(theirs.dtype, jax.dtypes.prng_key):
        ours, theirs = jax.random.key_data(ours), jax.random.key_data(theirs)
    inexact = jax.numpy.issubdtype(theirs.dtype, np.inexact)
    tolerance = rounding(theirs.dtype) if inexact else 0.0
    wide = np.complex128 if np.iscomplexobj(theirs) else None
    if inexact and wide is None:
        wide = np.float64
    got, wanted = np.asarray(ours).astype(wide), np.asarray(theirs).astype(wide)
    np.testing.assert_allclose(got, wanted, tolerance, tolerance, err_msg=where)
    if signed and wide is np.float64:
        signs = np.signbit(got) == np.signbit(wanted)
        assert np.all(signs | (wanted != 0.0)), f"{where}: {got} for {wanted}"


def rounding(dtype: Any) -> float:
    """A few hundred units in the last place, for code that may be fused otherwise."""
    return float(jax.numpy.finfo(dtype).eps) * 300
