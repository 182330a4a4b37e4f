"""A module imports lower layers or its own folder, nothing else; lazy imports count."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYERS = {
    "types": 0, "errors": 0, "registry": 0, "jsonio": 0,
    "data": 1, "stats": 1,
    "metrics": 2, "kinds": 2, "models": 2, "store": 2,
    "run": 3, "score": 3, "sbs": 3,
    "report": 4,
    "cli": 5,
}  # fmt: skip


def imported(path: Path) -> set[str]:
    """Return the vlmeval rooms that a file imports anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "vlmeval":
                names |= {f"vlmeval.{alias.name}" for alias in node.names}
            elif node.module:
                names.add(node.module)
    return {name.split(".")[1] for name in names if name.startswith("vlmeval.")} & set(LAYERS)


def may_import(own: str, other: str) -> bool:
    return own == other or LAYERS[own] > LAYERS[other] or LAYERS[own] == LAYERS[other] == 0


def room(path: Path) -> str:
    return path.relative_to(ROOT / "vlmeval").parts[0].removesuffix(".py")


def test_every_module_has_a_layer() -> None:
    rooms = {room(path) for path in (ROOT / "vlmeval").rglob("*.py")}
    assert rooms - set(LAYERS) - {"__init__", "__main__", "benchmark"} == set()


def test_modules_import_only_lower_layers_or_their_own_folder() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} (layer {LAYERS[room(path)]}) imports {name}"
        for path in sorted((ROOT / "vlmeval").rglob("*.py"))
        if room(path) in LAYERS
        for name in imported(path)
        if not may_import(room(path), name)
    ]
    assert wrong == []


def test_benchmarks_use_the_public_interface_only() -> None:
    for path in (ROOT / "benchmarks").glob("*.py"):
        names = {
            node.module for node in ast.walk(ast.parse(path.read_text("utf8"))) if isinstance(node, ast.ImportFrom)
        }
        assert {name for name in names if name and name.startswith("vlmeval.")} <= {"vlmeval.benchmark"}, path
