"""What ways to Jacobians took by the clock: kept between calls, and in files if asked.

Only times are kept, under what they were measured for: the program, the options, the
machine and the versions. A plan is made anew from the program at hand, and the fastest
of its own ways is taken. So a file that is old, or for something else, cannot make a
plan wrong: what it says is found under no name, or of a way that is not open.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeAlias, cast

import jax

from irad.caching import Recent, forgettable
from irad.errors import PlanError
from irad.fingerprint import Fingerprint

KEPT = 4096
"""So many measurements are remembered; the least recently used goes first."""

HEADER, LAYOUT = "irad measured plans", 1

Times: TypeAlias = Mapping[str, float]
_TIMES: Recent[Times] = forgettable(Recent(KEPT))


def recalled(name: str | None) -> Times | None:
    """The seconds that ways took under a name, if they were measured."""
    return None if name is None else _TIMES.get(name)


def remember(name: str | None, times: Times) -> None:
    """Keeps the seconds that ways took; without a name they are for this call only."""
    if name is not None:
        _TIMES.put(name, times)


def name_of(key: Any, options: Any) -> str | None:
    """What is measured, as a name that is the same in every process.

    None for what has no such name: a program that holds an object which is known by its
    address.
    """
    text = _text((key, options, _environment()))
    if " at 0x" in text:
        return None
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _text(x: Any) -> str:
    if isinstance(x, (tuple, list)):
        return f"({', '.join(map(_text, cast(tuple[Any, ...], x)))})"
    if isinstance(x, frozenset):
        return f"{{{', '.join(sorted(map(_text, cast(frozenset[Any], x))))}}}"
    if isinstance(x, Fingerprint):
        return _text((x.family, x.literals))
    return f"{type(x).__qualname__} {x!r}"


def _environment() -> tuple[str, ...]:
    """The machine and the versions: times of others say little."""
    devices = {device.device_kind for device in jax.devices()}
    return (*sorted(devices), *map(_version, ("irad", "jax", "jaxlib")))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from its source
        return "unknown"


def save_plans(path: str | os.PathLike[str]) -> None:
    """Writes what ``effort="measure"`` has measured, in this process or before.

    What ``load_plans`` has read is written too. A file that is there is replaced.

    Example:
        >>> import irad, jax.numpy as jnp, tempfile, os
        >>> J = irad.jacobian(jnp.sin, effort="measure")(jnp.ones(3))
        >>> path = os.path.join(tempfile.mkdtemp(), "plans.json")
        >>> irad.save_plans(path)
        >>> irad.load_plans(path)
    """
    content = {HEADER: LAYOUT, "seconds": {n: dict(t) for n, t in _TIMES.items()}}
    path = Path(path)
    # Another process that reads meanwhile sees the old file or the new one.
    written = path.with_name(f"{path.name}.{os.getpid()}")
    written.write_text(json.dumps(content, indent=1))
    written.replace(path)


def load_plans(path: str | os.PathLike[str]) -> None:
    """Reads what ``save_plans`` wrote: ``effort="measure"`` then takes it as measured.

    It serves the same programs, with the same options, on the same kind of device and
    under the same versions of irad and JAX, under ``jax.jit`` too; others are measured
    as ever. ``irad.clear_caches`` forgets it.

    Raises:
        OSError: there is no such file, or it cannot be read.
        PlanError: it is not what ``save_plans`` writes. Nothing of it is taken.

    Example:
        >>> import irad, tempfile, os
        >>> path = os.path.join(tempfile.mkdtemp(), "plans.json")
        >>> irad.save_plans(path)
        >>> irad.load_plans(path)
    """
    try:
        found = _checked(json.loads(Path(path).read_text()))
    except (ValueError, TypeError, AttributeError) as error:
        raise PlanError(
            f"{os.fspath(path)} is not a file that irad.save_plans of this version "
            f"writes ({error}). Delete it, take effort='measure' again, and save."
        ) from error
    for name, times in found.items():
        _TIMES.put(name, times)


def _checked(content: Any) -> dict[str, Times]:
    """The times in a file; an error for what is none."""
    if not isinstance(content, dict) or HEADER not in content:
        raise ValueError(f"it does not say {HEADER!r}")
    whole = cast(dict[str, Any], content)
    if whole[HEADER] != LAYOUT:
        raise ValueError(f"its layout is {whole[HEADER]}, not {LAYOUT}")
    found: dict[str, Times] = {}
    for name, times in whole.get("seconds", {}).items():
        found[name] = {way: float(seconds) for way, seconds in times.items()}
        if not found[name] or not all(0 < s < math.inf for s in found[name].values()):
            raise ValueError(f"{times} are no times")
    return found
