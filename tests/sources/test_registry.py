"""The registry of price sources."""

import subprocess
import sys

import pytest

from pipeline.errors import UsageError
from pipeline.settings import DownloadSettings
from pipeline.sources import SOURCES, open_source


@pytest.mark.parametrize("spec", ["", "yaho", "csv", "csv:", "yahoo:x", "simulated:7", "https://example.org"])
def test_an_unknown_spec_is_a_usage_error_that_lists_the_known_ones(spec: str) -> None:
    with pytest.raises(UsageError, match=f"one of: {', '.join(SOURCES)}"):
        open_source(spec, DownloadSettings())


def test_only_yahoo_loads_yfinance() -> None:
    script = """
import sys
from pipeline.settings import DownloadSettings
from pipeline.sources import open_source

open_source("csv:prices", DownloadSettings())
open_source("simulated", DownloadSettings())
sys.exit("yfinance" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0
