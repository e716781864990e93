"""A sparsity pattern as users see it: places, a picture, a plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from irad._compat import scientific

WIDTH, HEIGHT = 40, 20
SHADES = " ░▒▓█"


@dataclass(frozen=True, eq=False)
class SparsityPattern:
    """Where a Jacobian may be nonzero: ``(rows[k], columns[k])``, in row-major order.

    Rows count the elements of all outputs, columns those of all differentiated inputs.
    ``print`` shows a picture, whose cells are shaded by density.
    """

    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    shape: tuple[int, int]

    @property
    def nnz(self) -> int:
        """How many entries may be nonzero."""
        return len(self.rows)

    @property
    def density(self) -> float:
        """Which part of all entries may be nonzero; 0 where there are no entries."""
        return self.nnz / max(1, self.shape[0] * self.shape[1])

    def toscipy(self) -> Any:
        """The pattern as a ``scipy.sparse.csr_array`` of bools."""
        data = np.ones(self.nnz, np.bool_)
        pairs = (self.rows, self.columns)
        return scientific.sparse().csr_array((data, pairs), shape=self.shape)

    def to_dict(self) -> dict[str, Any]:
        """The places of the nonzeros, as numbers."""
        return {
            "shape": list(self.shape),
            "rows": self.rows.tolist(),
            "columns": self.columns.tolist(),
        }

    def plot(self, ax: Any = None) -> Any:
        """Draws the pattern with matplotlib, on given axes or new ones; returns them.

        Raises:
            ImportError: matplotlib is not installed.
        """
        ax = scientific.pyplot().gca() if ax is None else ax
        ax.spy(self.toscipy(), markersize=max(0.2, min(5.0, 300 / max(self.shape))))
        ax.set_title(self._headline())
        return ax

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SparsityPattern):
            return NotImplemented
        return (
            self.shape == other.shape
            and np.array_equal(self.rows, other.rows)
            and np.array_equal(self.columns, other.columns)
        )

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return "\n".join([self._headline(), *self._picture()])

    __repr__ = __str__

    def _headline(self) -> str:
        m, n = self.shape
        return f"{m} x {n}, {self.nnz} nonzeros ({self.density:.3g} of all)"

    def _picture(self) -> list[str]:
        """Rows of cells, each shaded by how full its part of the matrix is."""
        m, n = self.shape
        height, width = min(m, HEIGHT), min(n, WIDTH)
        if not height or not width:
            return []
        i = self.rows.astype(np.int64) * height // m
        j = self.columns.astype(np.int64) * width // n
        full = np.bincount(i * width + j, minlength=height * width)
        tall = np.bincount(np.arange(m) * height // m)
        wide = np.bincount(np.arange(n) * width // n)
        part = full.reshape(height, width) / np.outer(tall, wide)
        shade = np.ceil(part * (len(SHADES) - 1)).astype(int)
        return ["".join(SHADES[s] for s in row) for row in shade]
