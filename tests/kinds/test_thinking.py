"""Reasoning is cut out by a rule that has a name; what never ended is no answer."""

from __future__ import annotations

import time

import pytest

from vlmeval.kinds.thinking import Spoken, spoken, visible


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("<think>", "</think>"),
        ("<thinking>", "</thinking>"),
        ("<THINK>", "</Think>"),
        ("<thought>", "</thought>"),
        ("<reasoning>", "</reasoning>"),
        ("<seed:think>", "</seed:think>"),
        ("◁think▷", "◁/think▷"),
        ("<|begin_of_thought|>", "<|end_of_thought|>"),
        ("[THINK]", "[/THINK]"),
        ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ],
)
def test_the_tags_of_reasoning_models_are_known(opening: str, closing: str) -> None:
    assert spoken(f"{opening}A or C?\n{closing}\n\nB") == Spoken("B", "thinking_block")
    assert spoken(f"A or C?{closing} B") == Spoken("B", "thinking_closing")
    assert spoken(f"{opening}The answer is A") == Spoken(None, "thinking_unfinished")
    assert spoken(f"{opening}A{closing}B{opening}no, C") == Spoken(None, "thinking_unfinished")
    assert spoken(f"B{opening}was that right?{closing}") == Spoken("B", "thinking_block")
    assert spoken(f"{opening}a{closing}x{opening}b{closing}B") == Spoken("B", "thinking_block")


@pytest.mark.parametrize(
    "reply", ["B", "", "a < b and c > d", "[1, 2]", "<answer>B</answer>", "I think it is B", "<b>"]
)
def test_a_reply_without_reasoning_is_left_as_it_is(reply: str) -> None:
    assert spoken(reply) == Spoken(reply.strip())


def test_a_block_alone_leaves_nothing() -> None:
    assert spoken("<think>A</think>") == Spoken("", "thinking_block")
    assert visible("<think>A</think>") == ""
    assert visible("<think>A") is None


def test_megabytes_of_tags_cost_linear_time() -> None:
    start = time.process_time()
    assert spoken("<think>" * 200_000 + "</think>" * 200_000 + "B").text == "B"
    assert time.process_time() - start < 2
