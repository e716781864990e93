"""Primitives that change nothing but where, when or in which order a value is there."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from jax import lax
from jax.experimental.layout import Layout, with_layout_constraint
from jax.experimental.xla_metadata import set_xla_metadata
from jax.sharding import SingleDeviceSharding

from irad._compat import primitives
from irad._compat.storing import stored_p
from irad._compat.waiting import after_p
from tests.kinds import of_kinds
from tests.laws import Case, check_laws

X = np.array([[0.3, -1.2, 2.5], [1.1, 0.4, -3.2]])
PLACE = SingleDeviceSharding(jax.devices()[0])


def tied(x: Any, y: Any) -> Any:
    """``y``, where the derivative has a use for ``x`` as well."""
    return x * primitives.tie_p.bind(x, y)


def waiting(x: Any) -> Any:
    """``x``, once a value that does not depend on it is there."""
    return after_p.bind(x, X)


CASES = [
    Case("after", lambda x: waiting(x) * x, (X,)),
    Case("stored", lambda x: stored_p.bind(x) * x, (X,)),
    Case("stage", lambda x: lax.stage(x) * x, (X,)),
    Case("tie", tied, (X, X + 1.5)),
    Case("a weak scalar", lambda s: lax.stage(s) * 2.0, (0.7,)),
    Case("metadata", lambda x: set_xla_metadata(x, block="1") * x, (X,)),
    Case("sharding", lambda x: lax.with_sharding_constraint(x, PLACE) * x, (X,)),
    Case("layout", lambda x: with_layout_constraint(x, Layout((0, 1))) * x, (X,)),
    Case("transfer", lambda x: jax.device_put(x, PLACE) * x, (X.astype("float32"),)),
    Case("transfer of complex", lambda x: jax.device_put(x, PLACE) * x, (X + 1j * X,)),
    *of_kinds(
        "all",
        [
            Case("tie", primitives.tie_p.bind, (X, X + 1.5)),
            Case("after", waiting, (X,)),
            Case("stored", stored_p.bind, (X,)),
            Case("metadata", lambda x: set_xla_metadata(x, block="1"), (X,)),
            Case("sharding", lambda x: lax.with_sharding_constraint(x, PLACE), (X,)),
            Case("layout", lambda x: with_layout_constraint(x, Layout((0, 1))), (X,)),
            Case("transfer", lambda x: jax.device_put(x, PLACE), (X,)),
        ],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws(case: Case) -> None:
    check_laws(case)
