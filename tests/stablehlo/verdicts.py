"""What irad makes of a program of the corpus: right, wrong, a named error or a crash.

A derivative is right that equals JAX's of the program's source, at the precision of the
program or in 64 bits. Where JAX has none, or has another, central differences in 64
bits decide; a pull is then held against the push by ``<c, J t> = <J.T c, t>``. Where
rounding decides what is computed (the sign of an eigenvector, the order of eigenvalues)
or takes the digits, the same program of 64-bit inputs is judged in its place.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import irad
from irad.errors import IradError
from irad.stablehlo import Module
from irad_passes.errors import ModuleError
from tests.stablehlo.corpus import Program, is_inexact, programs, widened

KINDS = RIGHT, WRONG, ERROR, CRASH, OPEN = "right", "wrong", "error", "crash", "open"
TOLERANCES = {"float16": 1e-2, "bfloat16": 6e-2, "float64": 1e-9, "complex128": 1e-9}
OF_FLOAT32, OF_FLOAT8, OF_DIFFERENCES = 2e-4, 0.3, 1e-5
STEP = 1e-6
_NO_RULE = (NotImplementedError, TypeError, ValueError)

Arrays = Sequence[Any]
Known = tuple[Arrays, float]
"""A derivative, and how far it is off at most, beside its entries."""


class _NothingKnownError(Exception):
    """There is no derivative to compare with."""


@dataclass(frozen=True)
class Verdict:
    """What came of both derivatives of a program, and why where it is not right.

    It is open where neither JAX nor differences have a derivative to compare with. A
    derivative that is right ``in_64_bits`` alone is right; ``why`` says what is off.
    """

    name: str
    family: str
    jvp: str
    vjp: str
    why: str = ""
    in_64_bits: bool = False


def verdict(program: Program) -> Verdict:
    """What irad makes of a program, from its text alone."""
    found = _verdict(program)
    if WRONG not in (found.jvp, found.vjp):
        return found
    with jax.enable_x64(True):
        wide = _verdict(program.widened())
    if (wide.jvp, wide.vjp) != (RIGHT, RIGHT):
        return found
    return replace(found, jvp=RIGHT, vjp=RIGHT, in_64_bits=True)


def _verdict(program: Program) -> Verdict:
    given = program.arguments()
    try:
        module = irad.stablehlo.load(program.text())
    except Exception as error:
        kind, why = _failed(error)
        return Verdict(program.name, program.family, kind, kind, why)
    source = Source(program.function, given)
    rng = np.random.RandomState(0)
    t = [_direction(rng, x) for x in given if is_inexact(x)]
    c = [_direction(rng, y) for y in module.outputs if is_inexact(y)]
    c = source.where_defined(c)
    jvp, of_jvp = _judged(_pushed, module, source, t, c)
    vjp, of_vjp = _judged(_pulled, module, source, t, c)
    why = "; ".join(dict.fromkeys(w for w in (of_jvp, of_vjp) if w))
    return Verdict(program.name, program.family, jvp, vjp, why)


def verdict_of(name: str) -> Verdict:
    """The verdict on a program by its name, as another process can be asked for it."""
    warnings.simplefilter("ignore")
    return verdict(next(p for p in programs(name) if p.name == name))


def _judged(judge: Any, module: Module, source: Source, t: Arrays, c: Arrays) -> Any:
    try:
        why = judge(module, source, t, c)
    except Exception as error:
        return _failed(error)
    return (WRONG, why) if why else (RIGHT, "")


def _failed(error: Exception) -> tuple[str, str]:
    match error:
        case IradError() | ModuleError():
            kind = ERROR
        case _NothingKnownError():
            kind = OPEN
        case _:
            kind = CRASH
    lines = str(error).splitlines() or [""]
    return kind, f"{type(error).__name__}: {lines[0]}"


def _pushed(module: Module, source: Source, t: Arrays, c: Arrays) -> str:
    """What is wrong with the module's tangents; empty where nothing is."""
    found = _arrays(irad.stablehlo.jvp(module)(*source.given, *t))
    n = len(module.outputs)
    wrong = _first_difference(found[:n], source.outputs)
    if wrong:
        return f"output {wrong}"
    known = ((source.where_defined(y), near) for y, near in source.pushed(t))
    return _unless_known("tangent", source.where_defined(found[n:]), known)


def _pulled(module: Module, source: Source, t: Arrays, c: Arrays) -> str:
    """What is wrong with the module's cotangents; empty where nothing is."""
    found = _arrays(irad.stablehlo.vjp(module)(*source.given, *c))
    n = len(module.outputs)
    wrong = _first_difference(found[:n], source.outputs)
    if wrong:
        return f"output {wrong}"
    known = ((source.where_defined(x), 0.0) for x in source.pulled(c))
    cotangents = source.where_defined(found[n:])
    with contextlib.suppress(_NothingKnownError):
        wrong = _unless_known("cotangent", cotangents, known)
        if not wrong:
            return ""
    pushed = _arrays(irad.stablehlo.jvp(module)(*source.given, *t))[n:]
    expected = pairing(c, source.where_defined(pushed))
    product = pairing(cotangents, t)
    tolerance = max(_tolerance(x.dtype) for x in [*t, *c])
    if abs(product - expected) <= tolerance * (1 + abs(expected)):
        return ""
    return f"{wrong or 'cotangents'}; <J.T c, t> = {product:.6g} for {expected:.6g}"


def _unless_known(what: str, found: Arrays, known: Iterator[Known]) -> str:
    """How ``found`` differs from what is known, unless each entry is known from one."""
    reason, left = "", [np.ones(x.shape, bool) for x in found]
    for expected, near in known:
        off = [
            differing(a, np.asarray(b), near)
            for a, b in zip(found, expected, strict=True)
        ]
        left = [a & b for a, b in zip(left, off, strict=True)]
        if not any(map(np.any, left)):
            return ""
        reason = reason or _first_difference(found, expected)
    if not reason:
        raise _NothingKnownError("neither JAX nor differences have a derivative")
    return f"{what} {reason}"


def _first_difference(found: Arrays, expected: Arrays) -> str:
    for k, (a, b) in enumerate(zip(found, _arrays(expected), strict=True)):
        off = differing(a, b)
        if off.any():
            i = tuple(np.argwhere(off)[0])
            return f"{k}: {off.sum()} of {a.size} off, {a[i]} for {b[i]}"
    return ""


@dataclass(frozen=True, eq=False)
class Source:
    """A function at a point, as JAX runs and differentiates it."""

    function: Callable[..., Any]
    given: Arrays

    @cached_property
    def active(self) -> list[Any]:
        return [x for x in self.given if is_inexact(x)]

    def inexact(self, *x: Any) -> list[Any]:
        """The outputs that have tangents, of the inputs that have some."""
        return [y for y in self._all(*x) if is_inexact(y)]

    def _all(self, *x: Any) -> list[Any]:
        rest = iter(x)
        full = [next(rest) if is_inexact(g) else g for g in self.given]
        return jax.tree.leaves(self.function(*full))

    @cached_property
    def outputs(self) -> Arrays:
        return _arrays(jax.jit(self._all)(*self.active))

    def where_defined(self, derivative: Arrays) -> Arrays:
        """A derivative but for its entries where an output like it is not finite."""
        found = _arrays(derivative)
        for y in self.outputs:
            if is_inexact(y) and not np.isfinite(y).all():
                found = [
                    np.where(np.isfinite(y), d, np.zeros_like(d))
                    if d.shape == y.shape
                    else d
                    for d in found
                ]
        return found

    def pushed(self, t: Arrays) -> Iterator[Known]:
        """Tangents by JAX, by JAX in 64 bits, and by differences."""

        def push(x: Arrays, t: Arrays) -> Any:
            return jax.jvp(self.inexact, tuple(x), tuple(t))[1]

        yield from ((y, 0.0) for y in _attempts(push, self.active, t))
        with contextlib.suppress(*_NO_RULE):  # a source that takes no 64 bits
            yield self.differences(t), OF_DIFFERENCES

    def pulled(self, c: Arrays) -> Iterator[Arrays]:
        """Cotangents by JAX, and by JAX in 64 bits."""

        def pull(x: Arrays, c: Arrays) -> Any:
            return jax.vjp(self.inexact, *x)[1](list(c))

        return _attempts(pull, self.active, c)

    def differences(self, t: Arrays) -> Arrays:
        """Tangents by central differences in 64 bits."""
        with jax.enable_x64(True):
            x, t = widened(self.active), widened(t)
            f = jax.jit(
                lambda s: self.inexact(*[a + s * b for a, b in zip(x, t, strict=True)])
            )
            pairs = zip(f(STEP), f(-STEP), strict=True)
            return [(a - b) / (2 * STEP) for a, b in pairs]


def _attempts(f: Callable[..., Any], x: Arrays, v: Arrays) -> Iterator[Arrays]:
    """What a transformation of JAX gives, then in 64 bits, where it has a rule."""
    for wide in (False, True):
        with jax.enable_x64(wide):
            given = (widened(x), widened(v)) if wide else (list(x), list(v))
            try:
                made = _arrays(jax.jit(f)(*given))
            except _NO_RULE:
                return
        yield made


def differing(found: Any, expected: Any, near: float = 0.0) -> Any:
    """Where two arrays differ by more than rounding, or than ``near`` of an entry."""
    assert found.shape == expected.shape, (found.shape, expected.shape)
    a, b = (np.atleast_1d(_in_64_bits(x)) for x in (found, expected))
    finite = np.isfinite(a) & np.isfinite(b)
    size = np.abs(b[finite])
    bound = max(near, _tolerance(found.dtype)) * (
        size + (np.mean(size) if size.size else 0)
    )
    off = ~finite & (a != b) & ~(np.isnan(a) & np.isnan(b))
    off[finite] = np.abs(a[finite] - b[finite]) > bound
    return off.reshape(found.shape)


def pairing(a: Arrays, b: Arrays) -> float:
    """``Re(sum(a * b))`` over arrays, in 64 bits."""
    both = [map(_in_64_bits, pair) for pair in zip(a, b, strict=True)]
    return float(sum(np.sum(x * y).real for x, y in both))


def _in_64_bits(x: Any) -> Any:
    kind = complex if jnp.issubdtype(x.dtype, np.complexfloating) else float
    return np.asarray(x).astype(kind)


def _tolerance(dtype: Any) -> float:
    name = np.dtype(dtype).name
    narrow = OF_FLOAT8 if name.startswith("float8") else OF_FLOAT32
    return TOLERANCES.get(name, narrow)


def _arrays(values: Arrays) -> list[Any]:
    return [np.asarray(y) for y in values]


def _direction(rng: np.random.RandomState, like: Any) -> Any:
    """A tangent or cotangent for an array."""
    found = rng.uniform(0.5, 1.5, like.shape) * rng.choice([-1, 1], like.shape)
    if jnp.issubdtype(like.dtype, np.complexfloating):
        found = found + 1j * rng.uniform(0.5, 1.5, like.shape)
    return np.asarray(found).astype(like.dtype)
