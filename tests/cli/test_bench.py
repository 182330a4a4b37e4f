"""`vlmeval bench` and `vlmeval doctor --batch-check` on a tiny checkpoint and on models of a person's own."""

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tests.cli.made import mmbench_tsv  # noqa: E402
from tests.models import tiny  # noqa: E402
from vlmeval.cli.main import run  # noqa: E402

BATCHY = """
class Own:
    batch = 8

    def generate(self, requests):
        return [("wrong" if len(requests) > 1 and place == 1 else "right") for place, _ in enumerate(requests)]
"""


def vlmeval(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Return exit status, stdout and stderr of a command."""
    with pytest.raises(SystemExit) as ended:
        run(list(arguments))
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"hf:{tiny.save('llava', tmp_path_factory.mktemp('llava'))}"


def test_bench_measures_every_batch_at_every_size_and_writes_json(
    llava: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "bench.json"
    status, said, err = vlmeval(
        capsys, "bench", "--model", llava, "--batch-sizes", "2,1", "--image-sizes", "24,32", "--max-tokens", "2",
        "--calls", "2", "--json", str(out),
    )  # fmt: skip
    assert status == 0, err
    assert "samples/s" in said
    written = json.loads(out.read_text())
    cells = {(cell["batch"], cell["side"]): cell for cell in written["cells"]}
    assert set(cells) == {(1, 24), (2, 24), (1, 32), (2, 32)}
    for (batch, _), cell in cells.items():
        assert cell["seconds"] > 0
        assert cell["first_token_seconds"] > 0
        assert cell["samples_per_second"] == pytest.approx(batch / cell["seconds"], rel=5)
        assert cell["error"] == ""
    assert written["recipe"]["wrapper"] == "transformers"
    assert written["machine"]["processors"] > 0


def test_bench_says_what_failed_and_measures_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.py"
    path.write_text(
        "from vlmeval.errors import RejectedError\n"
        "class Own:\n"
        "    def generate(self, requests):\n"
        "        if len(requests) > 1: raise RejectedError('one at a time, please')\n"
        "        return ['x' for _ in requests]\n"
    )
    status, _, err = vlmeval(capsys, "bench", "--model", f"{path}:Own", "--batch-sizes", "1,2", "--image-sizes", "0")
    assert status == 1
    assert "batch 2, 0 px" in err
    assert "one at a time, please" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batch-sizes", "0"], "expected whole numbers from 1"),
        (["--image-sizes", "big"], "expected whole numbers from 0"),
        (["--calls", "0"], "Invalid value for '--calls'"),
    ],
)
def test_a_wrong_size_is_an_error_before_anything_is_loaded(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = vlmeval(capsys, "bench", "--model", "hf:nowhere/none", *arguments)
    assert status == 2
    assert message in err


def test_a_checkpoint_answers_alike_alone_and_in_batches(llava: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, said, err = vlmeval(capsys, "doctor", "--model", llava, "--batch-check", "4", "--limit", "12")
    assert status == 0, err
    assert "0 of 12 rows differ alone and 4 at once; log-likelihoods differ by at most" in said


def test_rows_that_depend_on_their_batch_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.py"
    path.write_text(BATCHY)
    status, said, _ = vlmeval(capsys, "doctor", "--model", f"{path}:Own", "--batch-check", "4", "--limit", "8")
    assert status == 1
    assert "2 of 8 rows differ" in said
    assert 'row1: alone "right", in a batch "wrong"' in said


def test_the_rows_may_be_those_of_a_task(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.py"
    path.write_text(BATCHY)
    mmbench_tsv(tmp_path / "MMBench_DEV_EN.tsv", 4)
    status, said, _ = vlmeval(
        capsys, "doctor", "--model", f"{path}:Own", "--batch-check", "16", "--task", "mmbench_dev_en",
        "--data-dir", str(tmp_path), "--limit", "4",
    )  # fmt: skip
    assert status == 1
    assert "1 of 16 rows differ" in said
    assert "1/rot1: alone" in said


def test_two_precisions_of_a_checkpoint_are_two_runs_that_compare_pairs(
    llava: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mmbench_tsv(tmp_path / "MMBench_DEV_EN.tsv", 3)
    for dtype, batch in (("float32", "4"), ("bfloat16", "auto")):
        status, said, err = vlmeval(
            capsys, "run", "--model", llava, "--tasks", "mmbench_dev_en", "--data-dir", str(tmp_path), "--dtype", dtype,
            "--batch-size", batch, "--max-tokens", "2", "-o", str(tmp_path / "results"), "--no-report", "--quiet",
        )  # fmt: skip
        assert status in (0, 1), err + said
    manifests = {}
    for path in (tmp_path / "results").rglob("run.json"):
        manifest = json.loads(path.read_text())
        manifests[manifest["recipe"]["model.dtype"]] = (path.parent, manifest)
    assert set(manifests) == {"float32", "bfloat16"}
    assert manifests["float32"][1]["conditions"]["batch"] == 4
    assert manifests["bfloat16"][1]["conditions"]["batch"] == (8 if not torch.cuda.is_available() else "auto")
    for _, manifest in manifests.values():
        found = manifest["efficiency"]
        assert (found["samples"], found["requests"]) == (3, 12)
        assert found["latency_seconds"]["p50"] > 0
        assert found["first_token_seconds"]["p50"] > 0
        assert manifest["conditions"]["loading_seconds"] > 0
    folders = [str(manifests[dtype][0]) for dtype in ("float32", "bfloat16")]
    status, said, err = vlmeval(capsys, "compare", *folders)
    assert status == 0, err
    assert "model.dtype" in said or "dtype" in said
