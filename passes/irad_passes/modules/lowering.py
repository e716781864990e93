"""``lower``: a jaxpr as a StableHLO module, by JAX's own lowering rules."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from irad_passes._compat.mlir import (
    ClosedJaxpr,
    ir,
    lower_jaxpr,
    portable_artifact,
    stablehlo,
    xla_hlo,
)
from irad_passes.errors import ModuleError
from irad_passes.modules.meshes import mesh_of


def lower(
    jaxpr: ClosedJaxpr, name: str = "module", *, platforms: Sequence[str] = ("cpu",)
) -> Any:
    """A module whose public ``main`` is the jaxpr."""
    mesh = mesh_of(jaxpr.jaxpr)
    return lower_jaxpr(jaxpr, name, platforms, 1 if mesh is None else mesh.size)


def hlo(text: str) -> str:
    """The HLO text of a module's text, as XLA takes it before it optimizes."""
    try:
        return xla_hlo(text)
    except (ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ModuleError(f"this module has no HLO: {reason}") from None


def bytecode(module: Any) -> bytes:
    """A module as MLIR bytecode."""
    out = io.BytesIO()
    module.operation.write_bytecode(out)
    return out.getvalue()


def artifact(module: Any, version: str | None = None) -> bytes:
    """A module as a portable artifact, of a version of StableHLO."""
    target = version or stablehlo.get_version_from_compatibility_requirement(
        stablehlo.StablehloCompatibilityRequirement.WEEK_4
    )
    try:
        with module.context:
            copy = ir.Module.parse(bytecode(module))  # it is turned into VHLO
            names = [op.operation.name for op in module.body.operations]
            return portable_artifact(copy, target, "sdy.mesh" in names)
    except (ValueError, ir.MLIRError) as error:
        reason = str(error).splitlines()[0]
        raise ModuleError(
            f"no artifact of StableHLO {target}: {reason} (this jaxlib writes "
            f"{stablehlo.get_minimum_version()} to {stablehlo.get_current_version()})"
        ) from None
