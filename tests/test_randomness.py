"""No module draws at random without a seed: two calls on the same answers are the same bytes."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(path for folder in ("vlmeval", "benchmarks", "demo") for path in (ROOT / folder).rglob("*.py"))
SEEDED = {"random.Random", "numpy.random.default_rng", "numpy.random.Generator", "numpy.random.SeedSequence",
          "numpy.random.PCG64", "numpy.random.SFC64", "numpy.random.RandomState"}  # fmt: skip
"""What may be called, with a seed that is not None."""
FORBIDDEN = ("random.", "numpy.random.", "secrets.", "torch.rand", "torch.seed")
IDENTITY = {"uuid.uuid4", "uuid.uuid1", "os.urandom", "random.SystemRandom"}
LONE = {"scipy.stats.bootstrap", "scipy.stats.permutation_test", "scipy.stats.monte_carlo_test"}
"""Draw by themselves unless `rng` or `random_state` is given."""

KEYS = {"vlmeval/run/filed.py", "vlmeval/sbs/sessions.py", "vlmeval/sbs/tokens.py"}
"""Make keys that must be nobody else's, on which no answer, vote or score depends."""


def names_of(tree: ast.AST) -> dict[str, str]:
    """Return what each imported name stands for: {"np": "numpy", "choice": "random.choice"}."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {one.asname or one.name.partition(".")[0]: one.name if one.asname else one.name.partition(".")[0]
                      for one in node.names}  # fmt: skip
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return names


def dotted(node: ast.expr, names: dict[str, str]) -> str:
    """Return the full name that an expression spells, "" for none."""
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.Attribute):
        above = dotted(node.value, names)
        return f"{above}.{node.attr}" if above else ""
    return ""


def seeded(call: ast.Call) -> bool:
    """Tell whether a generator is made with a seed."""
    given = [*call.args, *(one.value for one in call.keywords if one.arg in (None, "seed", "x"))]
    return bool(given) and not any(isinstance(one, ast.Constant) and one.value is None for one in given)


def unseeded(source: str) -> Iterator[str]:
    """Yield the calls in a source that draw, or make what draws, without a seed."""
    tree = ast.parse(source)
    names = names_of(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func, names)
        if name in SEEDED:
            if not seeded(node):
                yield f"line {node.lineno}: {name}() without a seed"
        elif name.startswith("torch.rand") and "generator" in {one.arg for one in node.keywords}:
            continue
        elif name in LONE and not {"rng", "random_state"} & {one.arg for one in node.keywords}:
            yield f"line {node.lineno}: {name} without rng"
        elif name.startswith(FORBIDDEN) or name in IDENTITY:
            yield f"line {node.lineno}: {name}"


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES])
def test_a_module_draws_only_from_generators_with_a_seed(path: Path) -> None:
    found = list(unseeded(path.read_text("utf8")))
    if path.relative_to(ROOT).as_posix() in KEYS:
        found = [one for one in found if " secrets." not in one]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "import random\nrandom.choice([1])",
        "from random import shuffle as mix\nmix([1])",
        "import random as r\nr.seed(3)",
        "import random\nrandom.Random()",
        "import random\nrandom.Random(None)",
        "import numpy as np\nnp.random.default_rng()",
        "import numpy as np\nnp.random.default_rng(seed=None)",
        "import numpy as np\nnp.random.seed(1)",
        "import numpy as np\nnp.random.normal(size=3)",
        "from numpy.random import default_rng\ndefault_rng()",
        "from numpy import random as draws\ndraws.rand(3)",
        "import torch\ntorch.randn(3)",
        "import uuid\nuuid.uuid4()",
        "from scipy import stats\nstats.bootstrap(([1],), len)",
    ],
)
def test_the_search_finds_every_way_to_draw_without_a_seed(source: str) -> None:
    assert len(list(unseeded(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "import random\nrandom.Random(42).choice([1])",
        "import numpy as np\nnp.random.default_rng(seed)",
        "import numpy as np\nnp.random.default_rng(seed=7)",
        "generator.choice([1])",
        "import torch\ntorch.rand(3, generator=made)",
        "def random(): ...\nrandom()",
    ],
)
def test_the_search_lets_seeded_generators_pass(source: str) -> None:
    assert list(unseeded(source)) == []
