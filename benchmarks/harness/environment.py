"""The machine, the versions and the load that a set of rows was measured under."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
from pathlib import Path

import jax

from benchmarks.harness.devices import in_use

PACKAGES = ("jax", "jaxlib", "numpy", "irad")
SETTINGS = (
    "jax_enable_x64",
    "jax_default_matmul_precision",
    "jax_numpy_dtype_promotion",
)
# What glibc keeps of freed memory, and so what a call's temporaries cost.
ALLOCATOR = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")


def environment() -> dict[str, object]:
    """What a reader needs to judge the rows, as plain values."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": _memory(),
        "load": load(),
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "device": str(in_use().device_kind),
        "malloc": {name: os.environ.get(name) for name in ALLOCATOR},
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        **{name: getattr(jax.config, name) for name in SETTINGS},
    }


def load() -> list[float]:
    """Runnable processes in the mean over the last 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    text = known.read_text() if known.exists() else ""
    found = re.search(r"model name\s*:\s*(.*)", text)
    return found[1] if found else platform.processor() or "unknown"


def _memory() -> float:
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return round(size / 2**30, 1)
