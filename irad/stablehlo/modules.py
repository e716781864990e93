"""``Module``: a program that is known as IR alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import AbstractMesh, Mesh, NamedSharding, PartitionSpec

from irad._compat import ir
from irad._compat.ir import ClosedJaxpr, Jaxpr
from irad.staging import Program
from irad_passes import modules as passes
from irad_passes.errors import ModuleError

Signature = list[jax.ShapeDtypeStruct]


class Module:
    """A program as IR: a function of arrays that returns a list of arrays.

    It is called like a function, alone or inside ``jax.jit``, ``jax.vmap`` and irad's
    and JAX's derivatives, and written out as text, bytecode or a portable artifact.

    Attributes:
        name: The module's name.
        inputs: Shapes and dtypes of what it takes.
        outputs: Shapes and dtypes of what it returns.
        functions: The module with each of its functions as the one that is called.

    Example:
        >>> import irad
        >>> module = irad.stablehlo.load('''
        ... func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
        ...   %y = stablehlo.multiply %x, %x : tensor<2xf32>
        ...   return %y : tensor<2xf32>
        ... }''')
        >>> module.inputs
        [ShapeDtypeStruct(shape=(2,), dtype=float32)]
        >>> [y.tolist() for y in module([1.0, 3.0])]
        [[1.0, 9.0]]
    """

    def __init__(
        self,
        jaxpr: Jaxpr,
        constants: Sequence[Any] = (),
        *,
        name: str = "module",
        functions: Mapping[str, Module] | None = None,
        written: Any = None,
        file: str = "",
    ) -> None:
        self.name = name
        self.jaxpr = jaxpr
        """The program; its first inputs are its array constants."""
        self.constants = tuple(constants)
        self.functions: Mapping[str, Module] = functions or {"main": self}
        self.file = file
        self._written = written

    @property
    def inputs(self) -> Signature:
        """Shapes and dtypes of what the program takes."""
        return list(map(_struct, self.jaxpr.invars[len(self.constants) :]))

    @property
    def outputs(self) -> Signature:
        """Shapes and dtypes of what the program returns."""
        return list(map(_struct, self.jaxpr.outvars))

    def __call__(self, *arrays: Any) -> list[Any]:
        """Runs the program on arrays; compiled at the first call.

        Raises:
            TypeError: the arrays are not as many as the inputs, or of another shape or
                dtype. Python numbers and lists take the input's dtype.
            ModuleError: XLA cannot run it here: a custom call is of another platform,
                or there are fewer devices than the program has shards.
        """
        with wide(self):
            given = [*self.constants, *self.checked(arrays)]
            if not any(map(ir.is_tracer, given)):
                given = self._placed(given)
            try:
                return self._program(given)
            except jax.errors.JaxRuntimeError as error:
                reason = str(error).splitlines()[0]
                raise ModuleError(
                    f"module {self.name} cannot be run: {reason}"
                ) from error

    def __repr__(self) -> str:
        return f"Module({self.name}: {_types(self.inputs)} -> {_types(self.outputs)})"

    @cached_property
    def is_wide(self) -> bool:
        """Whether some value of the program, at any depth, is of a 64-bit type."""
        return any(aval.dtype in _WIDE for aval in _types_in(self.jaxpr))

    @cached_property
    def _program(self) -> Program:
        return Program(ir.closed_jaxpr(self.jaxpr), self.name)

    @cached_property
    def _has_shards(self) -> bool:
        return passes.has_shards(self.jaxpr)

    @cached_property
    def mesh(self) -> AbstractMesh | None:
        """The devices that the program is for; None where it is for any one."""
        return passes.mesh_of(self.jaxpr)

    def _placed(self, arrays: Sequence[Any]) -> list[Any]:
        """Arrays on as many devices as there are shards, where none of them are."""
        mesh = self.mesh
        if mesh is None or not self._has_shards:
            return list(arrays)
        if any(_devices_of(x) == mesh.size for x in arrays):
            return list(arrays)
        devices = jax.devices()
        if len(devices) < mesh.size:
            raise ModuleError(
                f"module {self.name} is for {mesh.size} devices ({mesh}), and here are "
                f"{len(devices)}. For a trial on CPUs set the environment variable "
                f"XLA_FLAGS=--xla_force_host_platform_device_count={mesh.size}"
            )
        grid = np.array(devices[: mesh.size]).reshape(mesh.axis_sizes)
        everywhere = NamedSharding(Mesh(grid, mesh.axis_names), PartitionSpec())
        return [jax.device_put(x, everywhere) for x in arrays]

    def checked(self, arrays: Sequence[Any]) -> list[Any]:
        """Arrays as the program takes them; TypeError for what it does not take."""
        expected = self.inputs
        if len(arrays) != len(expected):
            raise TypeError(
                f"module {self.name} takes {len(expected)} arrays, got {len(arrays)}"
            )
        return [
            _as_input(x, struct, f"input {i} of module {self.name}")
            for i, (x, struct) in enumerate(zip(arrays, expected, strict=True))
        ]

    # Writing --------------------------------------------------------------------------

    @property
    def mlir(self) -> Any:
        """The module of MLIR: as it was read, or else lowered for CPUs."""
        if self._written is None:
            with wide(self):
                self._written = passes.lower(self.closed, self.name)
        return self._written

    @property
    def closed(self) -> ClosedJaxpr:
        """The program with its constants."""
        with_consts = ir.with_leading_constants(self.jaxpr, self.constants)
        return ir.closed_jaxpr(with_consts, self.constants)

    def text(self) -> str:
        """The module as StableHLO text."""
        return str(self.mlir)

    def hlo(self) -> str:
        """The module as HLO text, as XLA takes it before it optimizes.

        Raises:
            ModuleError: the module has an operation that HLO lacks.
        """
        return passes.hlo(self.text())

    def bytecode(self) -> bytes:
        """The module as MLIR bytecode."""
        return passes.bytecode(self.mlir)

    def artifact(self, version: str | None = None) -> bytes:
        """The module as a portable artifact of a StableHLO version, such as ``1.9.0``.

        By default the version is one that older readers know too.

        Raises:
            ModuleError: the version is unknown, or lacks an operation of the module.
        """
        return passes.artifact(self.mlir, version)

    def save(self, path: str | Path, version: str | None = None) -> None:
        """Writes the module to a file.

        The name's ending says how: ``.mlir`` as text, ``.mlirbc`` as bytecode, anything
        else as a portable artifact of ``version``.
        """
        path = Path(path)
        if path.suffix == ".mlir":
            path.write_text(self.text())
        elif path.suffix == ".mlirbc":
            path.write_bytes(self.bytecode())
        else:
            path.write_bytes(self.artifact(version))


def wide(module: Module) -> Any:
    """JAX with 64-bit types, where a module has some."""
    return jax.enable_x64(True) if module.is_wide else contextlib.nullcontext()


_MOST_SHOWN = 8

_WIDE = tuple(map(np.dtype, ("int64", "uint64", "float64", "complex128")))


def _types_in(jaxpr: Jaxpr) -> Iterator[Any]:
    for v in jaxpr.invars:
        yield v.aval
    for eqn in jaxpr.eqns:
        for v in eqn.outvars:
            yield v.aval
        for body in ir.inner_jaxprs(eqn):
            yield from _types_in(body)


def _struct(v: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype)


def _types(structs: Signature) -> str:
    shown = [f"{s.dtype.name}{list(s.shape)}" for s in structs]
    if len(shown) > _MOST_SHOWN:
        shown = [*shown[: _MOST_SHOWN - 1], f"... {len(shown)} in all"]
    return ", ".join(shown) or "nothing"


def _devices_of(x: Any) -> int:
    return len(x.sharding.device_set) if isinstance(x, jax.Array) else 1


def _as_input(x: Any, struct: jax.ShapeDtypeStruct, what: str) -> Any:
    if not hasattr(x, "dtype"):
        x = np.asarray(x, struct.dtype)
    if tuple(x.shape) != struct.shape or x.dtype != struct.dtype:
        raise TypeError(
            f"{what} is {struct.dtype.name}{list(struct.shape)}, got "
            f"{x.dtype.name}{list(x.shape)}"
        )
    return x
