# SPDX-License-Identifier: BSD-2-Clause
"""What a kernel needs on this machine before it can be started, and how to get it.

Nothing is installed or fetched unless asked for (`python -m kernels --install`): otherwise what is
missing is a gate, with the remedy in its reason.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Protocol

from attrs import frozen

from reports.schema import Fault


class Need(Protocol):
    """Something that must be on this machine."""

    def missing(self) -> str | None:
        """Return why a kernel that needs it cannot start, or None."""

    def install(self) -> None:
        """Get it; Fault (3) when that fails."""


@frozen
class Program:
    """A program on the PATH, out of a Debian package."""

    name: str
    package: str

    def missing(self) -> str | None:
        """Say that it is not installed."""
        return None if shutil.which(self.name) else f"no {self.name} (apt install {self.package})"

    def install(self) -> None:
        """Install its package with apt-get, which takes root."""
        _call(["apt-get", "install", "-y", "--no-install-recommends", self.package])


@frozen
class Module:
    """A Python module, out of a PyPI package of the same name."""

    name: str

    def missing(self) -> str | None:
        """Say that it is not installed."""
        found = importlib.util.find_spec(self.name)
        return None if found else f"no {self.name} (pip install {self.name})"

    def install(self) -> None:
        """Install it with pip beside this interpreter."""
        _call([sys.executable, "-m", "pip", "install", self.name])


@frozen
class Image:
    """A Debian kernel, taken out of its package and never installed.

    `package` is the one that depends on the newest build of its flavour.
    """

    package: str

    @property
    def path(self) -> Path:
        """Where the kernel's boot image is kept."""
        return _cache() / f"{self.package}.vmlinuz"

    def missing(self) -> str | None:
        """Say that it was not fetched."""
        return None if self.path.exists() else f"Debian's {self.package} not fetched (--install)"

    def install(self) -> None:
        """Fetch the package with apt-get and keep only its boot image."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.path.parent) as scratch:
            _call(["apt-get", "download", _newest_build(self.package)], Path(scratch))
            (package,) = Path(scratch).glob("*.deb")
            _call(["dpkg-deb", "-x", str(package), scratch])
            (image,) = Path(scratch).glob("boot/vmlinuz-*")
            image.replace(self.path)


def _newest_build(package: str) -> str:
    lines = _call(["apt-cache", "depends", "--important", package]).splitlines()
    builds = [line.split()[-1] for line in lines if "Depends: linux-image-" in line]
    if not builds:
        raise Fault(f"{package} names no kernel; apt-get update may help", 3)
    return builds[0]


@functools.cache
def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sigprobe" / "kernels"


def _call(command: list[str], folder: Path | None = None) -> str:
    print("+", " ".join(command), file=sys.stderr)
    try:
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    except OSError as error:
        raise Fault(f"{command[0]}: {error.strerror}", 3) from None
    if done.returncode:
        raise Fault(f"{' '.join(command)}: exit status {done.returncode}", 3)
    return done.stdout
