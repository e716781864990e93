"""Which primitives JAX has, and which of them it has a JVP rule for."""

from __future__ import annotations

import sys

import jax.extend.core.primitives as public
from jax._src.interpreters import ad
from jax.extend.core import Primitive

OTHER_DOORS = ("pallas", "sparse", "mosaic", "multihost_utils")
"""Parts of JAX, imported apart, whose primitives are kernels, formats or exchanges
between processes of their own: JAX's rules are used for them."""


def public_primitives() -> set[Primitive]:
    """Those that ``jax.extend.core.primitives`` lists."""
    return {p for p in vars(public).values() if isinstance(p, Primitive)}


def with_jvp_rule() -> set[Primitive]:
    """Those of JAX, a user's aside, that it has a JVP rule for."""
    rules = {*ad.primitive_jvps, *ad.primitive_linearizations}
    return rules & _defined_by_jax()


def _defined_by_jax() -> set[Primitive]:
    found: set[Primitive] = set()
    for name, module in list(sys.modules.items()):
        parts = name.split(".")
        if parts[0] == "jax" and not set(parts) & set(OTHER_DOORS):
            found.update(p for p in vars(module).values() if isinstance(p, Primitive))
    return found


def is_absent(primitive: Primitive) -> bool:
    """Whether a primitive stands for one that the installed JAX lacks."""
    return primitive.name.endswith(" of another JAX")
