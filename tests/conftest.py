"""Loaded before every test module.

curl_cffi must come before TensorFlow: the libraries that TensorFlow brings along shadow curl's own otherwise,
and no request gets out. The daily job keeps that order by itself, as it opens its source before it trains.
"""

from collections.abc import Callable
from pathlib import Path

import curl_cffi  # noqa: F401
import pytest
from hypothesis import settings

from pipeline.cli import execute
from tests.properties import FIXED
from tests.yahoo.authority import Authority, make_authority

settings.load_profile(FIXED)

Run = Callable[..., tuple[int, str, str]]
"""Runs a command line, given as its words; gives the exit code, stdout and stderr."""


@pytest.fixture
def pricecast(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command line in a folder of its own; gives the exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = execute(arguments)
        return code, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority of its own, whose certificate the local Yahoo shows."""
    return make_authority(tmp_path_factory.mktemp("authority"))
