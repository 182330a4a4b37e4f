"""What the command line may change of a task's reading and asking: the settings that the task's kind has.

A kind names them in `flags`; "judge" there says that a judge can read the replies to it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from vlmeval.data.task import Task
from vlmeval.registry import KINDS


def takes(task: Task, flag: str) -> bool:
    """Tell whether the kind of `task` has the setting `flag`."""
    return flag in getattr(KINDS.load(task.kind), "flags", ())


def with_options(task: Task, changes: Mapping[str, str | bool | int]) -> Task:
    """Return the task with those of `changes` that its kind has: a caption has no policy, and keeps its recipe."""
    own = {name: value for name, value in changes.items() if takes(task, name)}
    return msgspec.structs.replace(task, options={**task.options, **own}) if own else task
