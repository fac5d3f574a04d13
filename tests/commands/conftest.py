"""A market with odd bars, and the command line on it."""

from pathlib import Path

import pytest

from pipeline.cli import execute
from tests.commands.odd import ROW, download, odd_table
from tests.conftest import Run
from tests.market import SESSIONS, Market, market_in


@pytest.fixture
def market(tmp_path: Path) -> Market:
    return market_in(tmp_path)


@pytest.fixture
def on_market(market: Market, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line with the market's settings; gives the exit code, stdout and stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = execute([*words, "--config", str(market.config)])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert "unexpected" not in err
        return code, out, err

    return run


@pytest.fixture
def hundredfold(market: Market, on_market: Run) -> Market:
    """A market of whose ODD-USD one bar came 100 times too high."""
    market.write("ODD-USD", odd_table(100.0, slice(ROW, ROW + 1)))
    download(on_market)
    return market


@pytest.fixture
def jumped(market: Market, on_market: Run) -> Market:
    """A market whose ODD-USD halves four sessions before its end, and no split says so."""
    market.write("ODD-USD", odd_table(0.5, slice(SESSIONS - 4, None)))
    download(on_market)
    return market
