"""The values of a capture: tracers whose numbers can be had when inputs are known."""

from __future__ import annotations

import operator
import sys
from typing import Any

import numpy as np
from jax._src import core
from jax._src.interpreters import partial_eval as pe

from irad._compat.known import Known, has_no_tangent

__all__ = ["CaptureTracer"]


class CaptureTracer(pe.DynamicJaxprTracer):
    """A value that is being recorded, whose number can be had when inputs are known."""

    __slots__ = ()

    def to_concrete_value(self) -> Any:
        """The value as an array, or None when it depends on an abstract input.

        JAX asks whether a value is there far more often than for the value, and asks by
        this method: only then is nothing computed.
        """
        known = self.known()
        if known is None:
            return None
        if sys._getframe(2).f_code is _IS_CONCRETE and known.is_complete():
            return True
        return known.value(self)

    def known(self) -> Known | None:
        """The numbers of the trace, as long as its capture lasts."""
        trace: Any = self._trace
        return trace.known()

    def _array(self) -> Any:
        """The value where JAX has an array on values, which numpy may take."""
        known = self.known()
        if known is None or not has_no_tangent(self):
            return None
        return known.value(self)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        value = self._array()
        if value is None:
            return super().__array__(*args, **kwargs)
        return np.asarray(value, *args, **kwargs)

    def tolist(self) -> Any:
        value = self._array()
        return super().tolist() if value is None else np.asarray(value).tolist()

    def __index__(self) -> int:
        if self.aval.shape != () or not np.issubdtype(self.aval.dtype, np.integer):
            raise TypeError("Only integer scalar arrays can be converted to an index.")
        return super().__index__()

    def _short_repr(self) -> str:
        return f"CaptureTracer({self.aval})"


_IS_CONCRETE = core.is_concrete.__code__
core.pytype_aval_mappings[CaptureTracer] = operator.attrgetter("aval")
