import pickle

import pytest

from pipeline.errors import (
    AssetError,
    ConfigError,
    HistoryError,
    PricecastError,
    RateLimitError,
    SourceError,
    StoreError,
    TransientSourceError,
    UsageError,
)


@pytest.mark.parametrize(
    "kind", [AssetError, HistoryError, SourceError, TransientSourceError, RateLimitError]
)
def test_an_error_of_an_asset_crosses_processes_whole(kind: type[AssetError]) -> None:
    error = pickle.loads(pickle.dumps(kind("AAPL", "has no prices", "Check the symbol.")))
    assert type(error) is kind
    assert str(error) == "AAPL: has no prices\n  Check the symbol."


@pytest.mark.parametrize(("kind", "code"), [(StoreError, 1), (UsageError, 2), (ConfigError, 2)])
def test_an_error_knows_its_exit_code(kind: type[PricecastError], code: int) -> None:
    error = pickle.loads(pickle.dumps(kind("what", "next")))
    assert (error.exit_code, error.what, error.next_step) == (code, "what", "next")
