"""Bodies: the jaxprs that equations hold, and what follows from one, once a body."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from jax import lax

from irad_passes._compat import (
    ClosedJaxpr,
    Effect,
    Jaxpr,
    JaxprEqn,
    Primitive,
    jit_p,
    remat_p,
    shard_map_p,
)

Body = Jaxpr | ClosedJaxpr
Result = TypeVar("Result")

# Custom rules are not here: a rule belongs to the program that its user wrote.
BODY_PARAMS: dict[Primitive, tuple[str, ...]] = {
    jit_p: ("jaxpr",),
    lax.scan_p: ("jaxpr",),
    lax.while_p: ("cond_jaxpr", "body_jaxpr"),
    lax.cond_p: ("branches",),
    remat_p: ("jaxpr",),
    shard_map_p: ("jaxpr",),
}

_MOST_RESULTS = 64


class Memo:
    """Results by body and key, dropped with the body; threads may share it.

    A result must not hold the body itself, which would then never be dropped. No body
    has more than a fixed number of results: the oldest goes first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_body: WeakKeyDictionary[Body, dict[Hashable, Any]] = (
            WeakKeyDictionary()
        )

    def get(self, body: Body, key: Hashable, make: Callable[[], Result]) -> Result:
        """The result for a body, made where there is none yet."""
        with self._lock:
            results = self._by_body.get(body)
            if results is not None and key in results:
                return results[key]
        made = make()
        with self._lock:
            results = self._by_body.setdefault(body, {})
            if len(results) >= _MOST_RESULTS:
                del results[next(iter(results))]
            # Another thread may have been first; who holds its result must find it.
            return results.setdefault(key, made)


class BodyRewriter:
    """Applies a pass that keeps signatures to the bodies of equations.

    Each distinct body is rewritten once, so that equations that share a body share the
    rewritten one; once for all that is said to be known of its inputs, if the pass
    takes that too.
    """

    def __init__(self, rewrite: Callable[..., Jaxpr]) -> None:
        self._rewrite = rewrite
        self._memo = Memo()

    def __call__(self, eqn: JaxprEqn, **known: Hashable) -> JaxprEqn:
        """The equation with rewritten bodies, itself where none changes.

        ``known`` is what the pass takes beside a body, by the body's parameter.
        """
        changed: dict[str, Any] = {}
        for name in BODY_PARAMS.get(eqn.primitive, ()):
            old = eqn.params[name]
            more = (known[name],) if name in known else ()
            if isinstance(old, tuple):
                new = tuple(self._rewritten(body, more) for body in old)
                if any(a is not b for a, b in zip(new, old, strict=True)):
                    changed[name] = new
            elif (new := self._rewritten(old, more)) is not old:
                changed[name] = new
        return with_params(eqn, {**eqn.params, **changed}) if changed else eqn

    def _rewritten(self, body: Body, more: tuple[Hashable, ...]) -> Body:
        def make() -> Body | None:
            jaxpr = open_jaxpr(body)
            new = self._rewrite(jaxpr, *more)
            return None if new is jaxpr else with_jaxpr(body, new)

        new = self._memo.get(body, more, make)
        return body if new is None else new


def open_jaxpr(body: Body) -> Jaxpr:
    """The jaxpr of a body that may come with the values of its constants."""
    return body.jaxpr if isinstance(body, ClosedJaxpr) else body


def with_jaxpr(body: Body, jaxpr: Jaxpr) -> Body:
    """The body with another jaxpr that has the same constants."""
    # From JAX 0.11 on there is one type, and the jaxpr has kept its constants itself.
    if isinstance(body, Jaxpr):
        return jaxpr
    return ClosedJaxpr(jaxpr, body.consts)


def bodies_of(eqn: JaxprEqn) -> Iterator[Jaxpr]:
    """The jaxprs that an equation holds and passes may enter."""
    for name in BODY_PARAMS.get(eqn.primitive, ()):
        value = eqn.params[name]
        for body in value if isinstance(value, tuple) else (value,):
            yield open_jaxpr(body)


def with_params(eqn: JaxprEqn, params: dict[str, Any]) -> JaxprEqn:
    """The equation with other bodies, having those of its effects that are left."""
    new = eqn.replace(params=params)
    if not eqn.effects:
        return new
    left = frozenset[Effect]().union(*(body.effects for body in bodies_of(new)))
    return new.replace(effects=left & eqn.effects)
