"""Count the parts of nnlab, the import arrows between them, and the levels they lie on: `python .ci/imports.py`.

A part is a file or a package directly in `nnlab/`; `pages/`, `dashboard.py` and `benchmarks/` count as one part each.
"""

import ast
import sys
from pathlib import Path

import grimp
from grimp import ImportGraph

ROOT = Path(__file__).parents[1]


def part(module: str) -> str:
    return ".".join(module.split(".")[:2])


def longest(arrows: set[tuple[str, str]], start: str) -> int:
    return 1 + max((longest(arrows, to) for source, to in arrows if source == start), default=0)


def scripts() -> set[tuple[str, str]]:
    """Arrows from the scripts, which are no packages."""
    found = set()
    for name in ("pages", "dashboard.py", "benchmarks"):
        path = ROOT / name
        for file in path.glob("*.py") if path.is_dir() else [path]:
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nnlab"):
                    found.add((name, part(str(node.module))))
    return found


def main() -> None:
    graph: ImportGraph = grimp.build_graph("nnlab", cache_dir=None)
    inside = {(part(a), part(b)) for a in graph.modules for b in graph.find_modules_directly_imported_by(a)}
    arrows = {(a, b) for a, b in inside | scripts() if a != b}
    parts = {part(module) for module in graph.modules} | {a for a, _ in arrows}
    print(f"parts {len(parts)}, arrows {len(arrows)}, levels {max(longest(arrows, one) for one in parts)}")


if __name__ == "__main__":
    sys.exit(main())
