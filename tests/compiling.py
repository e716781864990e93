"""How tests compile: most programs run once, so that compiling is most of the time."""

from __future__ import annotations

from typing import Any

FLAGS = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
"""Of every test: LLVM optimizes nothing, XLA's own programs are what they are for
users."""

QUICK: dict[str, Any] = {"xla_cpu_use_fusion_emitters": False}
"""Options for short functions: half the time, and what several users of a value fuse
may differ in the last bit, so that a long function may take another branch."""

AS_USERS: dict[str, Any] = {
    "xla_backend_optimization_level": 3,
    "xla_llvm_disable_expensive_passes": False,
}
"""Options that undo the flags."""
