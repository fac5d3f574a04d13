"""The modules that defects are planted in, and the tests that have to notice each."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = {
    "ingest": ("events", "first_date", "jumps", "quarantine", "reconcile", "units", "validate"),
    "learn": (
        *("adjust", "combine", "difference", "features", "forecast", "intervals", "lead_lag"),
        *("scale", "train", "walk_forward", "window"),
    ),
    "score": ("metrics", "score", "warm_audit"),
    "store": ("rows", "views", "write", "write_prices"),
    "types": ("bars",),
}
THE_VERDICT = "tests/lag/test_examine.py"
"""Judges every part of the verdict beside its own tests: a slow reference computes the evidence again."""
RECONCILING = (
    *("tests/ingest/test_events.py", "tests/ingest/test_units.py"),
    *(f"tests/ingest/test_reconcile{part}.py" for part in ("", "_units", "_quarantine")),
)
TESTS_OF_OTHERS = {
    "pipeline.ingest.events": RECONCILING,
    "pipeline.ingest.quarantine": (
        *("tests/ingest/test_validate_decided.py", "tests/ingest/test_validate.py"),
        "tests/ingest/test_reconcile_quarantine.py",
    ),
    "pipeline.ingest.reconcile": RECONCILING,
    "pipeline.ingest.units": RECONCILING,
    "pipeline.ingest.validate": tuple(
        f"tests/ingest/test_validate{part}.py" for part in ("", "_decided", "_download")
    ),
    "pipeline.lag.predictions": ("tests/lag/test_market.py",),
    "pipeline.store.rows": ("tests/store/test_write.py", "tests/store/test_write_prices.py"),
    "pipeline.types.bars": ("tests/types/test_bars.py", *RECONCILING),
}
"""Of modules with several test files, or none of their own."""


@dataclass(frozen=True)
class Judged:
    """A module by its dotted name, in the package that the table counts it to."""

    package: str
    name: str

    @property
    def path(self) -> Path:
        return ROOT / f"{self.name.replace('.', '/')}.py"

    @property
    def tests(self) -> tuple[str, ...]:
        *folders, name = self.name.split(".")[1:]
        own = TESTS_OF_OTHERS.get(self.name, ("/".join(["tests", *folders, f"test_{name}.py"]),))
        return (*own, THE_VERDICT) if self.package == "lag" and THE_VERDICT not in own else own


def judged_modules(only: list[str]) -> tuple[Judged, ...]:
    """Every module, or those whose last name, or package, is among `only`."""
    lag = sorted(path.stem for path in (ROOT / "pipeline" / "lag").glob("[!_]*.py"))
    every = (
        *(Judged("lag", f"pipeline.lag.{name}") for name in lag),
        Judged("calendars", "pipeline.calendars"),
        *(
            Judged(package, f"pipeline.{package}.{name}")
            for package, names in MODULES.items()
            for name in names
        ),
    )
    return tuple(one for one in every if not only or {one.package, one.name.rpartition(".")[2]} & set(only))
