"""The arguments of the corpus: small, in float64, away from kinks and ties."""

from __future__ import annotations

import numpy as np

RNG = np.random.default_rng(20)

ANY = np.array([0.3, -1.2, 2.5])
OTHER = np.array([1.1, 0.4, -3.2])
POSITIVE = np.array([0.3, 1.2, 2.5])
LARGER = np.array([1.1, 0.4, 3.2])
INSIDE = np.array([0.3, 0.7, 0.05])  # of the unit interval
OVER_ONE = np.array([1.3, 2.2, 1.05])
COMPLEX = np.array([0.3 - 0.4j, 1.2 + 0.5j, 1.5 + 0.7j])
WITH_NAN = np.array([0.3, np.nan, -1.2, 2.5])

MATRIX = RNG.standard_normal((3, 4))
SQUARE = RNG.standard_normal((3, 3)) + 2 * np.eye(3)
SYMMETRIC = SQUARE @ SQUARE.T  # positive definite, with distinct eigenvalues
BATCH = RNG.standard_normal((2, 3, 4))
CUBE = RNG.standard_normal((2, 2, 2))
VECTOR = RNG.standard_normal(6)
IMAGE = RNG.standard_normal((1, 5, 6, 2))
KERNEL = RNG.standard_normal((2, 3, 2, 3))
SIGNAL = RNG.standard_normal(16)

INDICES = np.array([2, 0, 2])
MASK = np.array([True, False, True])
