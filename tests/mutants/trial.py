"""One mutant before the tests that mirror its module, in a process of its own.

The mutated text replaces the module while it is imported there; no file changes, so that an interrupted run
leaves nothing behind. What tests import of other libraries is imported once, before the processes part.
"""

import gc
import importlib
import os
import resource
import sys
import tempfile
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_loader
from multiprocessing import get_context
from types import CodeType

from tests.mutants.judged import Judged
from tests.mutants.plant import Mutant

PLUGINS = ("pytest_timeout", "_hypothesis_pytestplugin")
LIBRARIES = (
    *("curl_cffi", "numpy", "pandas", "scipy.stats", "scipy.signal", "scipy.fft", "sklearn.preprocessing"),
    *(
        "sklearn.linear_model",
        "statsmodels.stats.diagnostic",
        "statsmodels.tsa.stattools",
        "sqlite3",
        "tomllib",
    ),
    *("sqlalchemy.dialects.sqlite", "alembic.command", "exchange_calendars", "pydantic_settings"),
    *(
        "typer.testing",
        "rich.table",
        "platformdirs",
        "hypothesis.strategies",
        "hypothesis.extra.numpy",
        "pytest",
    ),
    *("_pytest.assertion.rewrite", "_pytest.debugging", "_pytest.doctest", "_pytest.faulthandler"),
    *("_pytest.junitxml", "_pytest.logging", "_pytest.pastebin", "_pytest.stepwise", "_pytest.terminal"),
    *("_pytest.tmpdir", "_pytest.unittest", "_pytest.warnings", *PLUGINS),
)
MARKED = "not tensorflow and not prefect and not faults and not killed and not real_data"
MOST_MEMORY = 6 * 2**30
SURVIVED = 0
SECONDS, TIMES = 5.0, 3.0
"""A mutant never ends that has taken so many times the processor time of its module, and so much more."""


class _Replaced(MetaPathFinder, SourceFileLoader):
    """Finds one module, with another text than its file has."""

    def __init__(self, judged: Judged, source: str) -> None:
        super().__init__(judged.name, str(judged.path))
        self.source = source

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        return spec_from_loader(fullname, self, origin=self.path) if fullname == self.name else None

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.source, self.path, "exec", dont_inherit=True)


def prepare() -> None:
    """Import, in a process that is to try mutants, what all of them need."""
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in LIBRARIES:
        importlib.import_module(name)
    from hypothesis import Phase, settings

    from tests.properties import FIXED

    phases = (Phase.explicit, Phase.generate)  # a failure is all that counts, however large its example
    settings.register_profile("mutants", settings.get_profile(FIXED), phases=phases)
    gc.freeze()


def seconds_unchanged(judged: Judged) -> float:
    """The processor time that the tests of the module take as it is, or RuntimeError if they fail."""
    begun = _processor_time()
    if _exit_code(judged, judged.path.read_text(encoding="utf-8"), 600.0) != SURVIVED:
        raise RuntimeError(f"the tests of {judged.name} fail without any defect: {' '.join(judged.tests)}")
    return _processor_time() - begun


def is_caught(mutant: Mutant, unchanged: float) -> bool:
    """Do the tests notice? Those that never end do, too."""
    return _exit_code(mutant.judged, mutant.source, SECONDS + TIMES * unchanged) != SURVIVED


def _processor_time() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _exit_code(judged: Judged, source: str, limit: float) -> int | None:
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        process = get_context("fork").Process(target=_test, args=(judged, source, limit, folder))
        process.start()
        process.join()
        return process.exitcode


def _test(judged: Judged, source: str, limit: float, folder: str) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit)))
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    sys.meta_path.insert(0, _Replaced(judged, source))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os._exit(_pytest(judged.tests, folder))


def _pytest(tests: Sequence[str], folder: str) -> int:
    import pytest

    plugins = [option for name in (*PLUGINS, "no:cacheprovider") for option in ("-p", name)]
    imported = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # by `prepare`, plugins among the rest
    quick = ("-x", "-q", f"--basetemp={folder}/tests", "--hypothesis-profile=mutants", "-m", MARKED)
    return int(pytest.main([*plugins, *imported, *quick, *tests]))
