"""Seals: digests of a run's evidence, taken when a session ends, by which a later edit is found and its line named.

    run.json     seals: {"outputs.jsonl": sha256, ...}          one digest a file
    seals.json   {"outputs.jsonl": {"sha256", "lines"}, ...}    and a short one for each line

A seal holds no secret: who edits a line can seal the file anew, as who writes a number can write another. It finds what
happens in practice, a line mended by hand or lost on the way, and it says where. It is taken over whole files at the
end of a session: appending to the journal costs nothing more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from vlmeval.errors import JournalError
from vlmeval.jsonio import read_json, write_json
from vlmeval.store.embeddings import INDEX, VECTORS
from vlmeval.store.layout import RunFolder

FILE = "seals.json"
LINE_DIGITS = 12
BLOCK_BYTES = 1 << 20
QUESTIONS, OUTPUTS, JUDGE = "questions.jsonl", "outputs.jsonl", "judge.jsonl"
LINED = (QUESTIONS, OUTPUTS, JUDGE, INDEX)
WHOLE = (VECTORS,)


class Seal(Struct, frozen=True):
    """The sha256 of a file in hex, and the first 12 digits of that of each line, one after the other in one string."""

    sha256: str
    lines: str = ""

    def line(self, number: int) -> str:
        """Return the digest of line `number`, counted from 1; "" past the end."""
        return self.lines[(number - 1) * LINE_DIGITS : number * LINE_DIGITS]

    @property
    def count(self) -> int:
        """The number of lines."""
        return len(self.lines) // LINE_DIGITS


@dataclass(frozen=True, slots=True)
class Broken:
    """A file that is not as it was sealed. `line` is one that differs, None where that cannot be told.

    `torn`: the file breaks off in its last line, which is what a crash does and the next session mends.
    """

    file: str
    line: int | None
    problem: str
    torn: bool = False

    def words(self) -> str:
        """Return "outputs.jsonl, line 3: was edited after the run ended"."""
        return f"{self.file}{f', line {self.line}' if self.line else ''}: {self.problem}"


def sealed(path: Path, *, lined: bool) -> Seal:
    """Return the seal of a file as it is. Raises JournalError where it cannot be read."""
    whole = hashlib.sha256()
    digests = []
    try:
        with open(path, "rb") as file:
            if lined:
                for line in file:
                    whole.update(line)
                    digests.append(hashlib.sha256(line).hexdigest()[:LINE_DIGITS])
            else:
                while block := file.read(BLOCK_BYTES):
                    whole.update(block)
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror}") from error
    return Seal(whole.hexdigest(), "".join(digests))


def seal(folder: RunFolder, names: Iterable[str] | None = None) -> dict[str, str]:
    """Seal the evidence of a run, or only files of these `names`: write seals.json, return what run.json notes of it.

    Seals of other files stay as they are.
    """
    path = folder.path / FILE
    kept: dict[str, Seal] = {} if names is None or not path.exists() else read_json(path, dict[str, Seal])
    asked = [name for name in (*LINED, *WHOLE) if names is None or name in names]
    found = {name: sealed(folder.path / name, lined=name in LINED) for name in asked if (folder.path / name).exists()}
    write_json(path, {**kept, **found})
    return {name: one.sha256 for name, one in found.items()}


def broken(folder: RunFolder, noted: Mapping[str, str]) -> list[Broken]:
    """Return each file that is not as run.json noted it (`noted`), with the first line that differs."""
    if not noted:
        return []
    path = folder.path / FILE
    kept: dict[str, Seal] = read_json(path, dict[str, Seal]) if path.exists() else {}
    found = []
    for name, sha256 in noted.items():
        file = folder.path / name
        if not file.exists():
            found.append(Broken(name, None, "the run had this file, and it is gone"))
            continue
        now = sealed(file, lined=name in LINED)
        if now.sha256 == sha256:
            continue
        before = kept.get(name)
        if before is None or before.sha256 != sha256:
            found.append(Broken(name, None, f"is not as the run left it, and {FILE} cannot tell which line"))
        else:
            found += _differing(file, before, now)
    return found


def _differing(path: Path, before: Seal, now: Seal) -> list[Broken]:
    """Return the lines that differ: each edited one where the number of lines is the same, else the first."""
    name = path.name
    numbers = range(1, max(before.count, now.count) + 1)
    changed = [number for number in numbers if before.line(number) != now.line(number)]
    if not changed:
        return [Broken(name, None, "is not as the run left it")]
    if changed[0] == now.count and not path.read_bytes().endswith(b"\n"):
        return [Broken(name, changed[0], "breaks off in this line", torn=True)]
    if before.count == now.count:
        return [Broken(name, number, "was edited after the run ended") for number in changed]
    less = before.count - now.count
    what = f"{less} lines were removed" if less > 0 else f"{-less} lines were added"
    return [Broken(name, changed[0], f"{what} after the run ended ({before.count} lines then, {now.count} now)")]
