"""What a run folder holds besides the journal, as types. `run` writes the first part, `score` the second.

run.json          Manifest      the recipe of the run, its fingerprint, counts and state
questions.jsonl   Sample        the samples as asked, one a line: a run can be scored again without its data set
outputs.jsonl     Record        the journal
judge.jsonl       Record        the journal of judge calls; sample_id and variant are those of the judged reply
samples.jsonl     ScoredSample  one a line, derived
scores.json       Scores        derived
scorers.jsonl     Rescored      derived: samples that another scorer than the default reads or scores otherwise
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from vlmeval.data.task import DEFAULT_SCORER, Task
from vlmeval.store.efficiency import Efficiency
from vlmeval.types import Choice, Estimate, MetricInfo, Outcome, Part, State

ErrorPolicy = Literal["fail", "wrong", "exclude"]
RunState = Literal["running", "complete", "incomplete", "interrupted"]


class Origin(Struct, frozen=True):
    """Where the samples came from. `digest` is the sha256 of the rows used (local file) or of id and revision (hub).

    `blind` is what stands in place of the images ("none", "black", "noise", "shuffled"), "" where they are shown.
    """

    dataset: str
    digest: str
    revision: str = ""
    path: str = ""
    rows: int | None = None
    licence: str = ""
    warnings: tuple[str, ...] = ()
    blind: str = ""


class Shard(Struct, frozen=True):
    """Part `index` of `count`, from 1, of the samples of a run.

    `blocks` are the half-open ranges of places (from 0, in the order of the data) that it holds, of `samples` in all.
    """

    index: int
    count: int
    blocks: tuple[tuple[int, int], ...] = ()
    samples: int = 0

    @property
    def title(self) -> str:
        """The shard as it is asked for: "2/4"."""
        return f"{self.index}/{self.count}"


class Manifest(Struct, kw_only=True):
    """run.json. `recipe` is what the fingerprint covers: flat keys such as "model.dtype", "task.prompt", "data.digest".

    `state`: "complete" when every request has an answer; "incomplete" when every one was asked and some failed;
    "interrupted" when the run stopped before all were asked; "running" while it runs, or after a crash.
    `mended` has a line for each time the run went on after the file of the user's model was changed.
    `judge_digest` tells one judge's verdicts (judge.jsonl) from another's. `seals` are digests of the evidence when the
    last session ended (see `store.seals`), {} while one goes on.
    `encoders` have seen the captions, for CLIPScore: by name the digest of each, which names the folder of its vectors.
    `counts` and `usage` cover the whole run, earlier sessions included; `seconds` adds up the sessions.
    `shard` is what part of the samples the folder holds, None for all. `merged` names the shards that a run was joined
    from; its `seconds` add up theirs, and a condition in which they differ is a list in their order.
    `efficiency` is what the run cost besides, written when a session ends.
    """

    run_id: str
    fingerprint: str
    recipe: dict[str, Any]
    task: Task
    model: str
    model_name: str
    origin: Origin
    limit: int | None = None
    judge: str | None = None
    judge_digest: str = ""
    encoders: dict[str, str] = {}
    command: list[str] = []
    conditions: dict[str, Any] = {}
    started: str = ""
    ended: str = ""
    seconds: float = 0.0
    state: RunState = "running"
    counts: dict[str, int] = {}
    usage: dict[str, float] = {}
    mended: list[str] = []
    seals: dict[str, str] = {}
    vlmeval: str = ""
    shard: Shard | None = None
    merged: list[str] = []
    efficiency: Efficiency | None = None


class Pass(Struct, frozen=True, omit_defaults=True):
    """One request of a scored sample, with everything a page shows of it.

    `prompt` is the prompt as sent. `shown[j]` is the choice (letter of the sample's order) behind displayed letter j.
    `right` is None where the pass was not answered or has no gold.
    """

    variant: str
    prompt: tuple[Part, ...]
    outcome: Outcome | None
    system: str | None = None
    shown: tuple[str, ...] = ()
    value: str | tuple[str, ...] | None = None
    rule: str = ""
    right: bool | None = None
    judge: str | None = None


class ScoredSample(Struct, frozen=True, omit_defaults=True):
    """One line of samples.jsonl. `right` is that of the primary metric, or of the first that is a share of right
    samples where the primary one is not; None without any.

    `stats` holds the statistics per metric, absent where the sample was left out.
    """

    id: str
    state: State
    parts: tuple[Part, ...]
    passes: tuple[Pass, ...]
    references: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    tags: dict[str, str] = {}
    cluster: str = ""
    right: bool | None = None
    truncated: bool = False
    stats: dict[str, tuple[float, ...]] = {}


class Coverage(Struct, frozen=True):
    """How the samples ended: `answered + unparsed + judge_error + refused + failed + missing == samples`.

    `truncated` cuts across. `rules` count replies by what read them, `thinking` those of which reasoning was cut out.
    """

    samples: int
    answered: int
    unparsed: int
    refused: int
    failed: int
    missing: int
    truncated: int
    requests: int = 0
    rules: dict[str, int] = {}
    failures: dict[str, int] = {}
    incomplete_groups: tuple[str, ...] = ()
    judge_error: int = 0
    thinking: dict[str, int] = {}


class LetterBias(Struct, frozen=True):
    """Position bias of one displayed letter: how often it was chosen, was right, and was chosen when right."""

    letter: str
    chosen: int
    gold: int
    right: int


class Reading(Struct, frozen=True):
    """What one scorer made of one pass: see `Answer`."""

    value: str | tuple[str, ...] | None
    rule: str


class ScorerVerdict(Struct, frozen=True):
    """What one scorer made of one sample. `score` is None where the sample alone has none, or did not enter."""

    score: float | None
    readings: dict[str, Reading]


class Rescored(Struct, frozen=True):
    """One line of scorers.jsonl: a sample that two scorers do not read or score alike. `replies` are by variant."""

    id: str
    references: tuple[str, ...]
    replies: dict[str, str]
    scorers: dict[str, ScorerVerdict]


class Beside(Struct, frozen=True):
    """The same answers under the task's default scorer, beside another one.

    `rescored` samples have another score, of which `only_default` score higher by the default and `only_other` by the
    other one; `reread` samples are read otherwise and score the same.
    """

    scorer: str
    metric: MetricInfo
    estimate: Estimate | None
    unparsed: int
    samples: int
    rescored: int
    only_default: int
    only_other: int
    reread: int


class Scores(Struct, frozen=True, kw_only=True):
    """scores.json. Holds no clock and no path: scoring the same journal twice gives the same bytes.

    `blind` is that of the run's `Origin`, `slices` are the tags asked for besides the task's own, `model_recipe` is
    what the fingerprint covers of the model, without its name. `scorer` is the task's that was used, `beside` what its
    default one makes of the same answers, where that is another. `interval` is how the bounds were found.
    """

    task: str
    title: str
    model: str
    run_id: str
    primary: str
    signature: str
    complete: bool
    errors: ErrorPolicy
    policy: str
    metrics: tuple[MetricInfo, ...]
    estimates: tuple[Estimate, ...]
    coverage: Coverage
    letters: tuple[LetterBias, ...] = ()
    chance: float | None = None
    notes: tuple[str, ...] = ()
    data_digest: str = ""
    vlmeval: str = ""
    blind: str = ""
    slices: tuple[str, ...] = ()
    model_recipe: dict[str, Any] = {}
    scorer: str = DEFAULT_SCORER
    interval: Literal["percentile", "bca", "analytic"] = "percentile"
    beside: Beside | None = None
    not_computed: dict[str, str] = {}

    @property
    def asked(self) -> str:
        """The task as tables name it: a blind run, and another scorer's figure, are told from the plain ones."""
        ways = [f"blind: {self.blind}"] if self.blind else []
        ways += [f"scorer: {self.scorer}"] if self.scorer != DEFAULT_SCORER else []
        return f"{self.task} ({', '.join(ways)})" if ways else self.task
