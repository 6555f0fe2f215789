"""The source of nnlab's own functions, so that exported code draws the same random numbers as nnlab."""

import ast
import inspect
import re
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any


def function_source(function: Callable[..., Any], **known: Any) -> dict[str, str]:
    """The source of a function and of the functions and constants it uses, by name, in an order that runs.

    Annotations and decorators are left out, and of a data set's `Raw` only x and y are left. The arguments in `known`
    are replaced by their values, and of every `if` that they decide only the branch taken is left.
    """
    function = inspect.unwrap(function)
    text = inspect.getsource(function)
    text = text[text.index("def ") :]
    for name, value in known.items():
        for attribute in set(re.findall(rf"\b{name}\.(\w+)", text)):
            text = re.sub(rf"\b{name}\.{attribute}\b", repr(getattr(value, attribute)), text)
    text = re.sub(r"\bSHAPES\['(\w+)'\]", r"\1", text)  # one of several functions, in a table by their names
    text = _decided(_edited(text, known))
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name):
            named: Any = function.__globals__.get(node.id)
            used: Any = inspect.unwrap(named)
            if inspect.isfunction(used) and used is not function:
                found |= function_source(used)
            elif isinstance(used, (int, float, str, tuple)):
                found[node.id] = f"{node.id} = {used!r}"
    return {**found, function.__name__: text.strip()}


def _edited(text: str, known: Mapping[str, Any]) -> str:
    raw = text.encode()
    starts = [0, *accumulate(len(line) for line in raw.splitlines(keepends=True))]

    def span(node: ast.expr | ast.arg) -> tuple[int, int]:
        last = (node.end_lineno or 1) - 1
        return starts[node.lineno - 1] + node.col_offset, starts[last] + (node.end_col_offset or 0)

    edits: list[tuple[int, int, str]] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.arg) and node.annotation:
            edits.append((span(node)[0] + len(node.arg.encode()), span(node.annotation)[1], ""))
        elif isinstance(node, ast.AnnAssign) and node.value:
            edits.append((span(node.target)[1], span(node.annotation)[1], ""))
        elif isinstance(node, ast.Name) and node.id in known:
            edits.append((*span(node), repr(known[node.id])))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Raw":
            x, y = (ast.get_source_segment(text, argument) for argument in node.args[:2])
            edits.append((*span(node), f"{x}, {y}"))
        elif isinstance(node, ast.FunctionDef):
            if node.returns:
                begin, end = span(node.returns)
                edits.append((raw.rfind(b" ->", 0, begin), end, ""))
            if known:
                left = ", ".join(one.arg for one in node.args.args if one.arg not in known)
                edits.append((raw.index(b"("), raw.index(b")", span(node.args.args[-1])[1]), f"({left}"))
    for first, last, new in sorted(edits, reverse=True):
        if not any(outer[0] <= first and last <= outer[1] and outer != (first, last, new) for outer in edits):
            raw = raw[:first] + new.encode() + raw[last:]
    return raw.decode()


def _decided(text: str) -> str:
    """The source without the branches that are never taken, and without what comes after a `return`."""
    lines, function = text.splitlines(), ast.parse(text).body[0]
    assert isinstance(function, ast.FunctionDef)
    for node in ast.walk(function):
        if isinstance(node, ast.If) and not any(isinstance(part, ast.Name) for part in ast.walk(node.test)):
            body_end = node.body[-1].end_lineno or 0
            taken = lines[node.test.end_lineno or 0 : body_end]
            if not eval(ast.unparse(node.test)):  # nosec B307: constants of our own source, without a name
                taken = lines[body_end : node.end_lineno]  # from `else:` or `elif` on
                if taken and taken[0].lstrip().startswith("elif"):
                    taken = [" " * 4 + line for line in [taken[0].replace("elif", "if", 1), *taken[1:]]]
                else:
                    taken = taken[1:]
            lines[node.lineno - 1 : node.end_lineno] = [line[4:] for line in taken]
            return _decided("\n".join(lines))
    end = next((node.end_lineno for node in function.body if isinstance(node, ast.Return)), len(lines))
    return "\n".join(lines[:end])
