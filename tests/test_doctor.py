"""The doctor's checks: each says what is wrong, and what to do."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import doctor
from pipeline.cli import execute
from pipeline.clock import parse_moment
from pipeline.errors import ConfigError
from pipeline.settings import AssetSettings, DownloadSettings, Settings, load_settings
from pipeline.sources import SOURCES
from pipeline.store import open_store
from pipeline.types import CheckResult
from tests.light import light_settings, run_light
from tests.market import Market, made_table, market_in, with_prices, without


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv(doctor.PREFECT_API, raising=False)
    return light_settings(tmp_path)


def changed(settings: Settings, **values: object) -> Settings:
    return settings.model_copy(update=values)


def assert_fails(result: CheckResult, message: str) -> None:
    assert not result.ok
    assert message in result.message
    assert result.next_step


@pytest.fixture
def server() -> Iterator[str]:
    """A stand-in for a Prefect server: its API's address."""

    class Healthy(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/api/health" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Healthy) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}/api"
        listening.shutdown()


def test_everything_is_in_order_before_the_first_run(settings: Settings) -> None:
    results = doctor.examine(lambda: settings)
    names = [
        "configuration",
        "calendars",
        "store",
        "last run",
        "histories",
        "source",
        "tensorflow",
        "prefect",
    ]
    assert [result.name for result in results] == names
    assert all(result.ok for result in results)


def test_the_doctor_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    doctor.examine(lambda: settings, online=True)
    assert sorted(tmp_path.iterdir()) == before


def test_a_broken_configuration_leaves_what_needs_none() -> None:
    def broken() -> Settings:
        raise ConfigError("unknown key 'sed'", "Expected one of: seed.")

    first, *others = doctor.examine(broken)
    assert first == CheckResult("configuration", False, "unknown key 'sed'", "Expected one of: seed.")
    assert [result.name for result in others] == ["tensorflow", "prefect"]


def test_an_unknown_model_is_found(settings: Settings) -> None:
    assert_fails(doctor.check_configuration(changed(settings, models=("oracle",))), "oracle")


def test_an_unknown_calendar_is_found(settings: Settings) -> None:
    asset = settings.assets[0].model_copy(update={"calendar": "MOON"})
    assert_fails(doctor.check_calendars(changed(settings, assets=(asset,))), "MOON")


def test_a_sound_store_and_its_last_run_are_told(settings: Settings, tmp_path: Path) -> None:
    run_light(tmp_path)
    store, last_run = doctor.check_store(settings), doctor.check_last_run(settings)
    assert store == CheckResult("store", True, f"{settings.database} is sound")
    assert last_run.ok
    assert last_run.message.startswith("run 1, started 20")
    assert last_run.message.endswith(" UTC: done")


def test_a_store_without_runs_is_in_order(settings: Settings) -> None:
    with open_store(settings.database):
        pass
    assert doctor.check_last_run(settings).message == "none yet"


def test_a_file_that_is_no_database_is_found(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "light.db").write_text("no database" * 1000)
    assert_fails(doctor.check_store(settings), "is not a SQLite database")
    assert_fails(doctor.check_last_run(settings), "is not a SQLite database")


@pytest.fixture
def market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Market:
    """Histories up to 2025-06-09, looked at on the day after."""
    looked_at(monkeypatch, "2025-06-10")
    return market_in(tmp_path)


def looked_at(monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    monkeypatch.setattr(doctor, "utc_now", lambda: parse_moment(day))


def histories(market: Market, as_of: str = "2025-06-10") -> CheckResult:
    """What the doctor says of them after a download."""
    assert execute(["download", "--config", str(market.config), "--as-of", as_of]) == 0
    return doctor.check_histories(load_settings(market.config))


WELL = CheckResult("histories", True, "2 up to date, none with a gap")


def test_without_a_database_there_are_no_histories_yet(market: Market) -> None:
    assert doctor.check_histories(load_settings(market.config)) == CheckResult("histories", True, "none yet")
    assert not market.database.exists()


def test_without_a_download_every_asset_has_no_prices_yet(market: Market) -> None:
    with open_store(f"sqlite:///{market.database}"):
        pass
    result = doctor.check_histories(load_settings(market.config))
    assert result.ok
    assert result.message == "GOOD-USD: no prices yet; ODD-USD: no prices yet"


def test_histories_that_are_whole_and_up_to_date_are_counted(market: Market) -> None:
    assert histories(market) == WELL


def test_the_newest_session_may_yet_be_due(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at(monkeypatch, "2025-06-11")
    result = histories(market)
    assert result.ok
    assert result.message.startswith("GOOD-USD: newest session 2025-06-09, expected 2025-06-10; ODD-USD: ")


def test_a_history_that_lacks_more_is_out_of_date_and_told_first(market: Market) -> None:
    market.write("ODD-USD", without(made_table(1), slice(-2, None)))
    result = histories(market)
    assert_fails(result, "ODD-USD: newest session 2025-06-07, expected 2025-06-09")
    assert "pricecast run" in result.next_step
    assert "GOOD-USD" not in result.message


def test_prices_that_are_newer_than_what_is_expected_are_up_to_date(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at(monkeypatch, "2025-06-08")
    assert histories(market) == WELL


def test_gaps_are_told_with_the_first_ones_and_the_last(market: Market) -> None:
    market.write("ODD-USD", without(made_table(1), slice(150, 151)))
    market.write("GOOD-USD", without(made_table(0), slice(20, 26)))
    result = histories(market)
    assert result.ok
    assert result.message == (
        "GOOD-USD: 6 missing (2025-01-21, 2025-01-22, ..., 2025-01-26); ODD-USD: 1 missing (2025-05-31)"
    )
    assert "quarantine list" in result.next_step


def test_what_waits_in_quarantine_is_told_until_it_is_decided(market: Market) -> None:
    market.write("ODD-USD", with_prices(made_table(1), slice(150, 151), -1.0))
    market.write("GOOD-USD", with_prices(made_table(0), slice(150, 152), -1.0))
    result = histories(market)
    assert result.ok
    assert "GOOD-USD: 2 missing (2025-05-31, 2025-06-01), 2 rows in quarantine" in result.message
    assert "ODD-USD: 1 missing (2025-05-31), 1 row in quarantine" in result.message
    assert execute(["quarantine", "reject", "1-3", "--config", str(market.config)]) == 0
    assert "quarantine" not in histories(market).message


def test_of_many_assets_a_few_are_told_and_those_out_of_date_first(market: Market) -> None:
    names = [f"N{number}-USD" for number in range(8)]
    for name in names[:-1]:
        market.write(name, without(made_table(1), slice(150, 151)))
    market.write(names[-1], without(made_table(1), slice(-3, None)))
    download = ["download", "--config", str(market.config), "--as-of", "2025-06-10"]
    assert execute([*download, "--symbols", ",".join(names)]) == 0
    assets = tuple(AssetSettings(symbol=name, calendar="24/7") for name in names)
    result = doctor.check_histories(changed(load_settings(market.config), assets=assets))
    assert_fails(result, "N7-USD: newest session 2025-06-06, expected 2025-06-09, 3 missing")
    told = [text.partition(":")[0] for text in result.message.split("; ")]
    assert told == ["N7-USD", "N0-USD", "N1-USD", "N2-USD", "N3-USD", "and 3 more"]


def test_a_file_that_is_no_database_has_no_histories(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "light.db").write_text("no database" * 1000)
    assert_fails(doctor.check_histories(settings), "is not a SQLite database")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("csv:absent", "absent does not exist"),
        ("wishes", "unknown price source 'wishes'"),
        ("csv:", "unknown price source 'csv:'"),
        ("csv:~nobody-of-this-name/x", "folder of the price source is unknown"),
    ],
)
def test_a_source_that_cannot_be_is_found(settings: Settings, source: str, message: str) -> None:
    assert_fails(doctor.check_source(changed(settings, source=source)), message)


@pytest.mark.parametrize(
    "database",
    [
        *("postgres://me:secret@host/db", "nonsense://x", "mysql+none://h/db", "sqlite+pysqlcipher:///x.db"),
        *("postgresql+pg8000://me:secret@127.0.0.1:1/db", "postgresql://me:secret@127.0.0.1:port/db"),
        *("sqlite:///x.db?timeout=abc", "sqlite+aiosqlite:///x.db", f"sqlite:///{'x' * 300}.db"),
    ],
)
def test_a_url_that_is_no_databases_fails_its_checks_and_no_others(settings: Settings, database: str) -> None:
    results = {one.name: one for one in doctor.examine(lambda: changed(settings, database=database))}
    assert {name for name, one in results.items() if not one.ok} == {"store", "last run", "histories"}
    assert "secret" not in "".join(f"{one.message}{one.next_step}" for one in results.values())


def test_an_error_that_nobody_expects_fails_its_check_and_no_others(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Settings) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(doctor, "check_models", broken)
    results = {one.name: one for one in doctor.examine(lambda: settings)}
    assert {name for name, one in results.items() if not one.ok} == {"configuration"}
    assert results["configuration"].message == "unexpected RuntimeError: out of luck"


@pytest.mark.parametrize("prefix", ["", "sqlite:///", "sqlite+pysqlite:///"])
def test_a_database_file_that_does_not_exist_yet_is_in_order_if_its_folder_can_be_written(
    settings: Settings, tmp_path: Path, prefix: str
) -> None:
    result = doctor.check_store(changed(settings, database=f"{prefix}{tmp_path / 'new.db'}"))
    assert result.ok
    assert "does not exist yet" in result.message
    assert not (tmp_path / "new.db").exists()


def test_a_source_whose_library_is_broken_is_found(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(place: str, download: DownloadSettings) -> None:
        raise ImportError("cannot import name 'Ticker'")

    monkeypatch.setitem(SOURCES, "yahoo", broken)  # type: ignore[arg-type]
    assert_fails(doctor.check_source(changed(settings, source="yahoo")), "cannot import name 'Ticker'")


def test_a_folder_without_an_assets_file_is_found(settings: Settings, tmp_path: Path) -> None:
    for symbol in ("SIM-WALK", "SIM-TREND"):
        (tmp_path / f"{symbol}.csv").touch()
    (tmp_path / "SIM-LEAD.csv.gz").touch()
    result = doctor.check_source(changed(settings, source=f"csv:{tmp_path}"))
    assert_fails(result, "has no file for SIM-FOLLOW")


def test_yahoo_is_asked_for_nothing_unless_online(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert doctor.check_source(changed(settings, source="yahoo")).ok


def test_online_asks_the_source_for_recent_prices(settings: Settings) -> None:
    results = {result.name: result for result in doctor.examine(lambda: settings, online=True)}
    assert results["prices"].message == "SIM-WALK: 11 recent rows"


def test_a_prefect_server_that_answers_is_told(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(doctor.PREFECT_API, server)
    result = doctor.check_prefect()
    assert result.ok
    assert f"server {server} answers" in result.message


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/api", "nonsense"])
def test_a_prefect_server_that_does_not_answer_is_found(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(doctor.PREFECT_API, address)
    assert_fails(doctor.check_prefect(), f"the server {address} of PREFECT_API_URL does not answer")
