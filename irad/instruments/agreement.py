"""Whether two results are the same values: without that, no figures."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from irad.errors import DisagreementError


def agree(result: object, reference: object, *, tolerance: float) -> float:
    """The largest difference of two trees, relative to the largest entry of a leaf.

    Trees, shapes, dtypes, and the places of NaN and of infinities are equal, or
    ``DisagreementError`` says where they are not.
    """
    if jax.tree.structure(result) != jax.tree.structure(reference):
        raise DisagreementError(
            f"trees differ: {jax.tree.structure(result)} "
            f"against {jax.tree.structure(reference)}"
        )
    paths = [jax.tree_util.keystr(path) for path, _ in _paths(reference)]
    pairs = zip(jax.tree.leaves(result), jax.tree.leaves(reference), strict=True)
    worst = 0.0
    for path, (ours, theirs) in zip(paths, pairs, strict=True):
        difference = _difference(np.asarray(ours), np.asarray(theirs), path)
        if difference > tolerance:
            raise DisagreementError(
                f"values differ at {path or 'the result'} by {difference:.2g} of the "
                f"largest entry, where {tolerance:.2g} is allowed"
            )
        worst = max(worst, difference)
    return worst


def _paths(tree: object) -> list[tuple[Any, Any]]:
    return jax.tree_util.tree_flatten_with_path(tree)[0]


def _difference(ours: np.ndarray, theirs: np.ndarray, path: str) -> float:
    if (ours.shape, ours.dtype) != (theirs.shape, theirs.dtype):
        raise DisagreementError(
            f"{path or 'the result'} is {ours.dtype}{list(ours.shape)} against "
            f"{theirs.dtype}{list(theirs.shape)}"
        )
    if ours.dtype == jax.dtypes.float0 or not ours.size:
        return 0.0
    finite = np.isfinite(theirs)
    if not np.array_equal(ours[~finite], theirs[~finite], equal_nan=True):
        raise DisagreementError(f"{path or 'the result'}: NaN or inf at other places")
    if not np.isfinite(ours[finite]).all():
        raise DisagreementError(f"{path or 'the result'}: NaN or inf at other places")
    if not finite.any():
        return 0.0
    exact = np.result_type(ours.dtype, np.float64)
    apart = np.abs(ours[finite].astype(exact) - theirs[finite].astype(exact)).max()
    scale = np.abs(theirs[finite].astype(exact)).max()
    return float(apart / scale) if scale else float(apart)
