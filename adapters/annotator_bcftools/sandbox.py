"""What the annotating child may take and reach, set by the child itself before it sees any data."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping

from domain.ports import Limits

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def die_with_parent(parent: int) -> bool:
    """End this process when its parent ends, however that ends; False where the kernel cannot.

    ``parent`` is the process that should be ours: if it is gone already, so are we.
    """
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    done = bool(ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) == 0)
    if os.getppid() != parent:
        os._exit(1)
    return done


def without_network() -> bool:
    """Move into a network of our own that leads nowhere; False where the kernel does not let us."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    unshare = ctypes.CDLL(None).unshare
    return any(unshare(what) == 0 for what in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))


def close_in(limits: Limits) -> bool:
    """No network and no more than ``limits`` from here on; whether the network is away."""
    away = without_network()
    limit(
        memory_bytes=limits.memory_bytes,
        cpu_seconds=limits.cpu_seconds,
        file_bytes=2 * limits.decompressed_bytes + 2**30,
    )
    return away


def limit(*, memory_bytes: int, cpu_seconds: int, file_bytes: int) -> None:
    """Limits of each single process from here on: address space, CPU, written files, core dumps."""
    wanted = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in wanted.items():
        _, hard = resource.getrlimit(kind)
        ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS has no limit on address space
            resource.setrlimit(kind, (ceiling, ceiling))


def protections() -> dict[str, bool]:
    """What holds on this machine, found out in a child like the annotating one; for `gas doctor`.

    ``parent``: it dies with its parent even on ``kill -9``; ``network``: it reaches none;
    ``memory``, ``cpu``, ``files``, ``core``: its limits are set.
    """
    done = subprocess.run(
        [sys.executable, "-I", "-m", "adapters.annotator_bcftools.sandbox", str(os.getpid())],
        capture_output=True, check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    found: dict[str, bool] = json.loads(done.stdout)
    return found


WITHOUT = {
    "parent": "The annotating process outlives a killed service until its input ends.",
    "network": "The annotating process can reach the network: the kernel allows no namespaces.",
    "memory": "The annotating process has no memory limit: this system does not enforce one.",
    "cpu": "The annotating process has no limit on CPU time.",
    "files": "The annotating process has no limit on the files it writes.",
    "core": "The annotating process may leave core dumps.",
}


def lacking(held: Mapping[str, bool]) -> str:
    """One line on what does not hold, of ``protections()``; nothing when all of it does."""
    return " ".join(WITHOUT[name] for name, holds in held.items() if not holds)


def _report() -> dict[str, bool]:
    limits = Limits()
    parent = die_with_parent(int(sys.argv[1]))
    network = close_in(limits)
    kinds = {
        "memory": (resource.RLIMIT_AS, limits.memory_bytes),
        "cpu": (resource.RLIMIT_CPU, limits.cpu_seconds),
        "files": (resource.RLIMIT_FSIZE, 2 * limits.decompressed_bytes + 2**30),
        "core": (resource.RLIMIT_CORE, 0),
    }
    held = {name: 0 <= resource.getrlimit(kind)[0] <= most for name, (kind, most) in kinds.items()}
    return {"parent": parent, "network": network, **held}


if __name__ == "__main__":
    print(json.dumps(_report()))  # noqa: T201 - its only purpose
