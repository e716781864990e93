"""Arguments: which are differentiated, their trees and their types."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from irad._compat import ir
from irad.capture import Captured, capture
from irad.collection import held_back
from irad.errors import ArgumentCountError

ArgNums = int | Sequence[int]


@dataclass(frozen=True, eq=False)
class Arguments:
    """A call's arguments, those in ``argnums`` flattened, the others as they are."""

    fun: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    positions: tuple[int, ...]
    single: bool
    leaves: list[Any]
    tree: Any

    def call(self, leaves: Sequence[Any]) -> Any:
        """Applies the function with ``leaves`` in place of the differentiated ones."""
        args = list(self.args)
        dynamic = jax.tree_util.tree_unflatten(self.tree, leaves)
        for i, x in zip(self.positions, dynamic, strict=True):
            args[i] = x
        return self.fun(*args, **self.kwargs)

    def names(self) -> list[str]:
        """The leaves' names as a reader would write them: ``params['W']``."""
        names = parameter_names(self.fun, len(self.args))
        dynamic = jax.tree_util.tree_unflatten(self.tree, self.leaves)
        return [
            names[i] + jax.tree_util.keystr(path)
            for i, x in zip(self.positions, dynamic, strict=True)
            for path, _ in jax.tree_util.tree_flatten_with_path(x)[0]
        ]

    def captured(self, purpose: str, *, has_aux: bool, whole: bool = False) -> Captured:
        """The function, run once on the leaves and recorded; see ``irad.capture``."""
        return capture(
            self.fun,
            as_arrays(self.leaves),
            self.call,
            has_aux=has_aux,
            purpose=purpose,
            names=self.names,
            whole=whole,
        )

    def unflatten(self, leaves: Sequence[Any]) -> Any:
        """Results in the tree of the arguments: one tree, or a tuple of them."""
        trees = jax.tree_util.tree_unflatten(self.tree, leaves)
        return trees[0] if self.single else trees

    @property
    def result_tree(self) -> Any:
        """The tree that ``unflatten`` makes."""
        return jax.tree_util.tree_structure(self.unflatten(range(len(self.leaves))))


def parameter_names(fun: Callable[..., Any], n: int) -> list[str]:
    """The names of a function's first ``n`` parameters, as far as they can be had."""
    try:
        names = list(inspect.signature(fun).parameters)
    except (TypeError, ValueError):
        names = []
    return [names[i] if i < len(names) else f"args[{i}]" for i in range(n)]


def check_callable(fun: Any) -> None:
    """Raises TypeError for what cannot be called, or is a generator function."""
    if not callable(fun):
        raise TypeError(f"Expected a callable value, got {fun}")
    if ir.is_generator_function(fun):
        raise TypeError(f"Expected a function, got a generator function: {fun}")


def normalize_argnums(argnums: ArgNums) -> ArgNums:
    """``argnums`` as an int or a tuple of ints; anything else is a TypeError."""
    try:
        return operator.index(argnums)  # type: ignore[arg-type]
    except TypeError:
        return tuple(operator.index(i) for i in argnums)  # type: ignore[union-attr]


def select_arguments(
    fun: Callable[..., Any],
    argnums: ArgNums,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Arguments:
    """Splits a call's arguments by ``argnums``, which may count from the end."""
    single = isinstance(argnums, int)
    wanted = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    n = len(args)
    for i in wanted:
        if not -n <= i < n:
            raise ArgumentCountError(
                f"differentiating with respect to {argnums=} requires at least "
                f"{max(i + 1, -i)} positional arguments to be passed by the caller, "
                f"but got only {n} positional arguments."
            )
    positions = tuple(i % n for i in wanted)
    if len(set(positions)) != len(positions):
        raise ValueError(f"argnums must name each argument once, got {argnums=}")
    leaves, tree = jax.tree_util.tree_flatten(tuple(args[i] for i in positions))
    return Arguments(fun, args, kwargs, positions, single, leaves, tree)


def as_arrays(leaves: Sequence[Any]) -> list[Any]:
    """Leaves as JAX values: Python scalars become weakly typed arrays."""
    return [x if ir.is_tracer(x) else ir.as_jax_value(x) for x in leaves]


def check_is_array(x: Any) -> None:
    """Raises TypeError for what is no array or scalar."""
    ir.check_is_jax_type(x)


def wraps(fun: Callable[..., Any], doc: str) -> Callable[..., Any]:
    """Gives the transform of ``fun`` its name and a docstring that says what it is.

    Garbage collection is held back while it runs.
    """

    def decorate(transformed: Callable[..., Any]) -> Callable[..., Any]:
        transformed = held_back()(transformed)
        try:
            functools.update_wrapper(transformed, fun)
        except AttributeError:
            return transformed
        name = getattr(fun, "__name__", type(fun).__name__)
        own = getattr(fun, "__doc__", None) or ""
        transformed.__doc__ = doc.format(fun=name) + (
            f"\n\nOriginal documentation:\n\n{own}" if own else ""
        )
        return transformed

    return decorate


def check_differentiable_inputs(
    name: str, leaves: Sequence[Any], *, holomorphic: bool, allow_int: bool
) -> None:
    """The checks of reverse-mode inputs: arrays, floating-point unless allowed else.

    There may be hundreds of them and few dtypes: those are checked.
    """
    for dtype, x in {ir.typeof(x).dtype: x for x in leaves}.items():
        check_is_array(x)
        _check_dtype(name, dtype, holomorphic=holomorphic, allow_int=allow_int)


def _check_dtype(name: str, dtype: Any, *, holomorphic: bool, allow_int: bool) -> None:
    if holomorphic and not is_complex(dtype):
        raise TypeError(
            f"{name} with holomorphic=True requires inputs with complex dtype, "
            f"but got {dtype.name}."
        )
    if ir.is_inexact(dtype):
        return
    if ir.is_extended(dtype) or np.issubdtype(dtype, np.integer) or dtype == np.bool_:
        if not allow_int:
            raise TypeError(
                f"{name} requires real- or complex-valued inputs (input dtype that is "
                f"a sub-dtype of np.inexact), but got {dtype.name}. If you want to use "
                "Boolean- or integer-valued inputs, use vjp or set allow_int to True."
            )
        return
    raise TypeError(
        f"{name} requires numerical-valued inputs (input dtype that is a sub-dtype "
        f"of np.bool_ or np.number), but got {dtype.name}."
    )


def check_differentiable_output(name: str, aval: Any, *, holomorphic: bool) -> None:
    """The checks of a reverse-mode output: real, or complex when holomorphic."""
    dtype = aval.dtype
    if ir.is_extended(dtype):
        raise TypeError(f"{name} with output element type {dtype.name}")
    if holomorphic:
        if not is_complex(dtype):
            raise TypeError(
                f"{name} with holomorphic=True requires outputs with complex dtype, "
                f"but got {dtype.name}."
            )
    elif is_complex(dtype):
        raise TypeError(
            f"{name} requires real-valued outputs (output dtype that is a sub-dtype of "
            f"np.floating), but got {dtype.name}. For holomorphic differentiation, "
            "pass holomorphic=True. For differentiation of non-holomorphic functions "
            "involving complex outputs, use irad.vjp directly."
        )
    elif not ir.is_inexact(dtype):
        raise TypeError(
            f"{name} requires real-valued outputs (output dtype that is a sub-dtype of "
            f"np.floating), but got {dtype.name}. For differentiation of functions "
            "with integer outputs, use irad.vjp directly."
        )


def is_complex(dtype: Any) -> bool:
    """Whether a dtype is complex."""
    return np.dtype(dtype).kind == "c" if not ir.is_extended(dtype) else False


def all_arguments(fun: Callable[..., Any], primals: Sequence[Any]) -> Arguments:
    """The arguments of a transform that differentiates in all of them."""
    leaves, tree = jax.tree_util.tree_flatten(tuple(primals))
    for x in leaves:
        check_is_array(x)
    arrays = as_arrays(leaves)
    positions = tuple(range(len(primals)))
    return Arguments(fun, tuple(primals), {}, positions, False, arrays, tree)
