"""What the store of a study gives and takes: leases, votes, annotators, events.

Nothing that an annotator is shown before the vote names a model: `Lease` has no field for it.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from msgspec import Struct

from vlmeval.errors import ConfigError, DataError
from vlmeval.registry import did_you_mean

Outcome = Literal["left", "right", "tie", "both_bad"]
"""What a vote may say, in the sides as shown."""
Policy = Literal["balanced", "fast", "new-model"]
AssignmentState = Literal["leased", "voted", "skipped", "expired"]
LEASE_SECONDS = 600.0


class ConflictError(DataError):
    """The request contradicts what is stored (a second vote with another key, a lost lease): HTTP 409."""


class UnknownAssignmentError(DataError):
    """There is no such assignment, or it belongs to another annotator, which looks the same from outside: HTTP 404."""


class PausedError(DataError):
    """The study is paused: HTTP 503 with the reason shown."""


class Shown(Struct, frozen=True, omit_defaults=True):
    """One part of a prompt: text, or the file name of an image in the study's `images/`."""

    text: str = ""
    image: str = ""
    width: int = 0
    height: int = 0


class Lease(Struct, frozen=True):
    """A pair that one annotator is to judge: everything the page shows, nothing it must not.

    `assignment` is what a vote is for. `prompt` are text and images in reading order; `left` and `right` the answers as
    the models gave them (hostile until rendered). `expires` is in seconds since 1970.
    """

    assignment: int
    prompt: tuple[Shown, ...]
    left: str
    right: str
    expires: float
    left_images: tuple[str, ...] = ()
    right_images: tuple[str, ...] = ()


class VoteResult(Struct, frozen=True):
    """The answer to a vote or a skip; the same for each repetition of its key, whatever happened since."""

    assignment: int
    outcome: str
    revision: int


class Progress(Struct, frozen=True):
    """How far one annotator is. `left` counts the items that could be given to them now, their open leases included."""

    voted: int
    skipped: int
    left: int


class Annotator(Struct, frozen=True):
    """One annotator. `name` is what the organiser calls them (a Prolific id): it is in no export."""

    id: int
    name: str
    active: bool = True

    @property
    def label(self) -> str:
        """The name in exports and ratings."""
        return f"a{self.id}"


class Conduct(Struct, frozen=True):
    """What an annotator has done. `gold_right` of `gold` checks were answered as expected; `seconds` is the median of a
    vote; `flags` are those of `sbs.conduct` ("random", "one side") and "gold".
    """

    annotator: Annotator
    votes: int
    skips: int
    gold: int
    gold_right: int
    seconds: float | None
    last_seen: float | None
    flags: tuple[str, ...] = ()


class Ballot(Struct, frozen=True):
    """A vote that stands, with the models: never sent to an annotator. `outcome` is in the sides as shown.

    `side` is the item's answer that stood left, `gold` the one to prefer, "" on a pair of models.
    """

    assignment: int
    revision: int
    item: int
    prompt: str
    category: str
    model_left: str
    model_right: str
    outcome: str
    annotator: int
    seconds: float | None
    reason: str
    voted_at: float
    policy: str
    probability: float
    gold: str
    named_left: bool
    named_right: bool
    side: str


class Item(Struct, frozen=True):
    """One prompt with the answers of two models. `need` votes are wanted, `open` of them are not given out yet.

    A gold item has `need` 0 and goes to everybody; `gold` names the answer to prefer, "a" or "b", else "".
    """

    id: int
    prompt: str
    model_a: str
    model_b: str
    need: int
    open: int
    gold: str = ""


class Event(Struct, frozen=True):
    """One line of the audit log. `hash` is the sha256 over the previous hash and the canonical JSON of the rest."""

    seq: int
    at: float
    kind: str
    body: dict[str, Any]
    hash: str


class Line(Struct, frozen=True):
    """One vote. model_a stood left, model_b right; `judge_kind` is "human" for people.

    `probability` is the chance of the pair under `policy`; `named_a`, `named_b` tell that the answer names a model.
    """

    item_id: int
    question_id: str
    category: str
    model_a: str
    model_b: str
    winner: str
    judge: str
    judge_kind: str
    seconds: float | None
    day: str
    policy: str
    probability: float
    length_a: int
    length_b: int
    headers_a: int
    headers_b: int
    lists_a: int
    lists_b: int
    bold_a: int
    bold_b: int
    named_a: int
    named_b: int


class Texts(Struct, frozen=True):
    """What the annotators of an item saw: the prompt's words, and the answer of each model."""

    prompt: str
    answers: dict[str, str]


def outcome_of(text: str) -> Outcome:
    """Return the outcome that `text` names. Raises DataError with the nearest one."""
    if text not in get_args(Outcome):
        hint = did_you_mean(text, get_args(Outcome)) or f"; expected {', '.join(get_args(Outcome))}"
        raise DataError(f'unknown outcome "{text[:40]}"{hint}')
    return text  # type: ignore[return-value]


def policy_of(text: str) -> Policy:
    """Return the policy that `text` names. Raises ConfigError with the nearest one."""
    if text not in get_args(Policy):
        hint = did_you_mean(text, get_args(Policy)) or f"; expected {', '.join(get_args(Policy))}"
        raise ConfigError(f'unknown policy "{text[:40]}"{hint}')
    return text  # type: ignore[return-value]
