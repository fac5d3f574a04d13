"""What was caught, as a table in Markdown."""

from collections.abc import Iterable, Iterator, Sequence

from tests.mutants.plant import Mutant

Result = tuple[Mutant, bool]
HEAD = """\
# Planted defects

`make mutants` writes this. Each mutant is one change of one line: a comparison turned, a constant moved by 1,
an operator or a boolean swapped, a condition negated, a return lost. It is caught when a test that mirrors
the module fails. `survivors.toml` says of each one that is not caught why it is accepted.
"""


def as_table(results: Sequence[Result]) -> str:
    packages = sorted({one.judged.package for one, _ in results})
    modules = sorted({one.judged.name for one, _ in results})
    by_package = [
        _row(name, (each for each in results if each[0].judged.package == name)) for name in packages
    ]
    by_module = [
        _row(f"`{name}`", (each for each in results if each[0].judged.name == name)) for name in modules
    ]
    rows = [*_titles("package"), *by_package, _row("all", results), "", *_titles("module"), *by_module]
    return "\n".join([HEAD, *rows, ""])


def _titles(of: str) -> Iterator[str]:
    yield f"| {of} | mutants | caught | share |"
    yield "|---|---:|---:|---:|"


def _row(name: str, results: Iterable[Result]) -> str:
    caught = [is_caught for _, is_caught in results]
    return f"| {name} | {len(caught)} | {sum(caught)} | {100 * sum(caught) / max(len(caught), 1):.1f}% |"
