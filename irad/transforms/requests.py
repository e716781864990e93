"""The options of planned Jacobians: what they may be, as planning takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import jax

from irad.planning.choice import Options
from irad.planning.plans import Plan
from irad.transforms.formats import FORMATS
from irad.transforms.memory_options import Size, as_bytes

NamedOrder = Literal[
    "auto",
    "forward",
    "reverse",
    "chain",
    "markowitz",
    "elimination",
    "compressed",
]
Order = NamedOrder | Sequence[int]
Effort = Literal["estimate", "search", "measure"]
Format = Literal["dense", "bcoo", "scipy", "operator"]
ORDERS: tuple[str, ...] = get_args(NamedOrder)
EFFORTS: tuple[str, ...] = get_args(Effort)


@dataclass(frozen=True)
class Request:
    """The options of a Jacobian, checked."""

    options: Options
    format: str
    plan: Plan | None
    has_aux: bool
    holomorphic: bool
    allow_int: bool


def request(
    order: Order,
    effort: Effort,
    format: Format,
    chunk_size: Size,
    memory_limit: Size,
    plan: Plan | None,
    *,
    has_aux: bool,
    holomorphic: bool,
    allow_int: bool = False,
) -> Request:
    """The options as planning takes them; ValueError for what is not one of them."""
    if isinstance(order, str) and order not in ORDERS:
        raise ValueError(f"order is one of {', '.join(ORDERS)}, got {order!r}")
    if effort not in EFFORTS:
        raise ValueError(f"effort is one of {', '.join(EFFORTS)}, got {effort!r}")
    if format not in FORMATS:
        raise ValueError(f"format is one of {', '.join(FORMATS)}, got {format!r}")
    if chunk_size not in (None, "auto") and (
        not isinstance(chunk_size, int) or chunk_size < 1
    ):
        raise ValueError(
            f"chunk_size is None, 'auto' or a positive int, got {chunk_size!r}"
        )
    if allow_int and format != "dense":
        raise ValueError(
            f"allow_int is for format='dense', got {format!r}: integers have no "
            "tangents to keep. Leave them out of argnums."
        )
    options = Options(
        order=order if isinstance(order, str) else tuple(map(int, order)),
        effort=effort,
        sparse=format != "dense",
        factored=format == "operator",
        chunk_size=chunk_size,
        memory_limit=None if memory_limit is None else as_bytes(memory_limit),
        backend=jax.default_backend(),
    )
    return Request(options, format, plan, has_aux, holomorphic, allow_int)
