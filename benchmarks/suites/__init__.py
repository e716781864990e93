"""The suites, by the name that is asked for."""

from typing import Any

from benchmarks.suites import (
    casadi,
    dispatch,
    elimination,
    elimination_of_arrays,
    enzyme,
    gradients,
    imports,
    jacobians,
    laplacians,
    levels,
    limits,
    lowering,
    memory,
    scaling,
    torch,
    transform,
    unseen_graphs,
)
from benchmarks.suites.suite import Suite

__all__ = ["SUITES", "Suite"]

SUITES: dict[str, tuple[Suite[Any], ...]] = {
    "import": (imports.SUITE,),
    "transform": (transform.SUITE,),
    "gradients": (gradients.SUITE, *dispatch.SUITES),
    "dispatch": dispatch.SUITES,
    "memory": (memory.SUITE,),
    "memory-wall": (memory.WALL,),
    "levels": levels.SUITES,
    "limits": (limits.SUITE,),
    "jacobians": (jacobians.JACOBIANS,),
    "modes": (jacobians.MODELS,),
    "hessians": (jacobians.HESSIANS,),
    "casadi": (casadi.SUITE,),
    "laplacian": (laplacians.SUITE,),
    "scaling": (scaling.SUITE,),
    "lowering": (lowering.SUITE,),
    "enzyme": (enzyme.SUITE,),
    "torch": (torch.SUITE,),
    "elimination": (
        elimination.SUITE,
        elimination_of_arrays.SUITE,
        unseen_graphs.SUITE,
    ),
}
