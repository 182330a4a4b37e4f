"""How multiple choice is asked: for text, or by likelihood; `kinds.weighing` says what each mode weighs.

Names only: the command line reads them before anything is imported that reads replies.
"""

from __future__ import annotations

from typing import Literal, get_args

Mode = Literal["generate", "likelihood", "likelihood-text", "likelihood-text-bytes", "likelihood-text-tokens"]
MODES: tuple[str, ...] = get_args(Mode)
