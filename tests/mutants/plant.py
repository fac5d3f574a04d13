"""Defects planted in the text of a module, one at a time, by the operators of cosmic-ray."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator

from tests.mutants.judged import Judged
from tests.mutants.lost_return import LostReturn

COMPARISONS = (
    *("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is", "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt"),
    *("Lt_Gt", "LtE_GtE", "Gt_Lt", "GtE_LtE"),
)
ARITHMETIC = (
    *("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul", "Mod_Mul", "Pow_Mul"),
    *("BitAnd_BitOr", "BitOr_BitAnd", "RShift_LShift"),
)
SIGNS = ("USub_UAdd", "Delete_Not", "Delete_Invert")
OTHERS = (
    *("NumberReplacer", "AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue"),
    *("ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak"),
)
OPERATORS: tuple[type[Operator], ...] = (
    *(get_operator(f"core/ReplaceComparisonOperator_{name}") for name in COMPARISONS),
    *(get_operator(f"core/ReplaceBinaryOperator_{name}") for name in ARITHMETIC),
    *(get_operator(f"core/ReplaceUnaryOperator_{name}") for name in SIGNS),
    *(get_operator(f"core/{name}") for name in OTHERS),
    LostReturn,
)

Position = tuple[int, int]


@dataclass(frozen=True)
class Change:
    """One planted defect, told in a way that stays the same when lines move.

    `nth` counts equal changes of equal lines of one function.
    """

    module: str
    function: str
    was: str
    becomes: str
    nth: int = 1


@dataclass(frozen=True)
class Mutant:
    judged: Judged
    change: Change
    line: int
    source: str


def mutants_of(judged: Judged) -> Iterator[Mutant]:
    """Every planted defect of the module that Python does not refuse, in the order of its lines."""
    source = judged.path.read_text(encoding="utf-8")
    spared, functions = _spared(ast.parse(source)), _functions(ast.parse(source))
    found = sorted(_planted(source, spared), key=lambda one: one[0])
    seen: Counter[Change] = Counter()
    for line, mutated in found:
        function = next((name for first, last, name in functions if first <= line <= last), "")
        change = Change(judged.name, function, *_first_difference(source, mutated))
        seen[change] += 1
        change = Change(change.module, change.function, change.was, change.becomes, seen[change])
        yield Mutant(judged, change, line, mutated)


def _planted(source: str, spared: list[tuple[Position, Position]]) -> Iterator[tuple[int, str]]:
    """Line and mutated text; of a number that is moved up and down, the way up alone."""
    tree = get_ast(source)
    for operator in (kind() for kind in OPERATORS):
        positions = [place for node in ast_nodes(tree) for place in operator.mutation_positions(node)]
        for occurrence, (start, end) in enumerate(positions):
            is_again = occurrence > 0 and positions[occurrence - 1] == (start, end)
            if not is_again and not any(first <= start and end <= last for first, last in spared):
                mutated = mutate_code(source, operator, occurrence)
                if mutated is not None and _is_python(mutated):
                    yield start[0], mutated


def _is_python(source: str) -> bool:
    """Does it compile, and is no bare `*` among its parameters taken for a multiplication?"""
    try:
        compile(source, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    signatures = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.arguments))
    return not any(one.posonlyargs for one in signatures)


def _spared(tree: ast.Module) -> list[tuple[Position, Position]]:
    """Where nothing is planted: annotations, decorators, and `strict=`, which true programs never need."""
    nodes: list[ast.expr | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            nodes += [*node.decorator_list, node.returns]
        elif isinstance(node, ast.ClassDef):
            nodes += node.decorator_list
        elif isinstance(node, ast.AnnAssign | ast.arg):
            nodes.append(node.annotation)
        elif isinstance(node, ast.keyword) and node.arg == "strict":
            nodes.append(node.value)
    return [
        ((one.lineno, one.col_offset), (one.end_lineno or 0, one.end_col_offset or 0)) for one in nodes if one
    ]


def _functions(tree: ast.AST, outer: str = "") -> list[tuple[int, int, str]]:
    """First line, last line and name of every function and class, the inner ones before the outer ones."""
    found: list[tuple[int, int, str]] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            name = f"{outer}{node.name}"
            found += [*_functions(node, f"{name}."), (node.lineno, node.end_lineno or 0, name)]
    return found


def _first_difference(source: str, mutated: str) -> tuple[str, str]:
    lines = zip(source.splitlines(), mutated.splitlines(), strict=False)
    return next((old.strip(), new.strip()) for old, new in lines if old != new)
