"""The tests on each Python that pricecast promises to run on, with the versions of requirements.lock.

A Python that is not on this machine is named and left out. The commands are those of the Makefile.
"""

import os
import re
import shutil
import subprocess
import sys

import nox

PROMISED = nox.project.python_versions(nox.project.load_toml("pyproject.toml"))
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"

nox.needs_version = ">=2026.7"
nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"


def show_all_of_pyenv() -> None:
    """Let every promised Python that pyenv has installed be found.

    The commands that pyenv puts on the PATH fail for every version but the chosen ones, so all are chosen.
    """
    pyenv = shutil.which("pyenv")
    if pyenv is None or "PYENV_VERSION" in os.environ:
        return
    asking = [pyenv, "versions", "--bare"]
    listing = subprocess.run(asking, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    releases = re.findall(r"^(\d+\.\d+)(\.\d+)$", listing.stdout, flags=re.MULTILINE)
    installed = [version + patch for version, patch in releases if version in PROMISED]
    if installed:
        os.environ["PYENV_VERSION"] = ":".join(installed)


show_all_of_pyenv()


def make(session: nox.Session, target: str) -> None:
    """Set up the session's environment from the lock, and run a target of the Makefile in it."""
    session.install("--quiet", "--no-deps", "--require-hashes", "-r", "requirements.lock")
    session.install("--quiet", "--no-deps", "--no-build-isolation", "-e", ".")
    session.run("make", target, f"BIN={session.bin}", external=True)


@nox.session(python=PROMISED)
def test(session: nox.Session) -> None:
    """Run every test that needs no real prices."""
    make(session, "test")


@nox.session(python=[version for version in PROMISED if version != HERE])
def fast(session: nox.Session) -> None:
    """Run the fast tests, on each Python but the one that nox itself runs on."""
    make(session, "fast")
