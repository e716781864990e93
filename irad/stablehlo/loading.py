"""Modules from what a user holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from irad.stablehlo.modules import Module
from irad_passes import modules as passes


def load(
    source: Any,
    function: str | None = None,
    *,
    shapes: Sequence[Any] | None = None,
) -> Module:
    """A module from text, bytecode, a portable artifact, a path or an export.

    Args:
        source: StableHLO text or bytes, a portable artifact, a path to a file with any
            of them, an ``ir.Module``, or a ``jax.export.Exported``.
        function: the function to call; ``main`` by default, or the only public one.
        shapes: the shapes of the inputs, for a module that leaves some open.

    Raises:
        ModuleError: it is no module, or has something that irad cannot read. The
            message starts with ``file:line:column`` where that is known.
        OSError: the file cannot be read.

    Example:
        >>> import irad
        >>> text = '''func.func @main(%x: tensor<f32>) -> tensor<f32> {
        ...   %y = stablehlo.sine %x : tensor<f32>
        ...   return %y : tensor<f32>
        ... }'''
        >>> irad.stablehlo.load(text)
        Module(main: float32[] -> float32[])
    """
    written, file = passes.read(source, shapes)
    functions = _Functions(passes.raise_(written, file), written, file)
    return functions[function or functions.entry()]


def from_hlo(source: str | bytes) -> Module:
    """A module from HLO: its text, or a serialized ``HloModuleProto``.

    It may be what XLA takes or what it makes: ``compiled.as_text()`` with its fusions,
    copies and bitcasts, as far as its custom calls are known. JAX's texts leave out the
    entries of large constants; the proto has them:
    ``compiled.runtime_executable().hlo_modules()[0].as_serialized_hlo_module_proto()``.

    Raises:
        ModuleError: it is no HLO, has something that irad cannot read, or is a text
            without the entries of a constant.
    """
    return load(passes.from_hlo(source))


class _Functions(Mapping[str, Module]):
    """The functions of a module, each raised when it is asked for."""

    def __init__(self, raised: passes.Functions, written: Any, file: str) -> None:
        self._raised = raised
        self._written = written
        self._file = file
        self._known: dict[str, Module] = {}

    def __getitem__(self, name: str) -> Module:
        found = self._known.get(name)
        if found is None:
            function = self._raised[name]
            found = self._known[name] = Module(
                function.jaxpr.jaxpr,
                function.constants,
                name=name,
                functions=self,
                written=self._written if name == "main" else None,
                file=self._file,
            )
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._raised.symbols)

    def __len__(self) -> int:
        return len(self._raised.symbols)

    def entry(self) -> str:
        """The function that is called when none is named."""
        public = [name for name in self if self._raised.is_public(name)]
        if "main" in self._raised.symbols or len(public) != 1:
            return "main"
        return public[0]
