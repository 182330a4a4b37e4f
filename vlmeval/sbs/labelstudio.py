"""Votes as Label Studio imports them: a task for each pair as shown, its annotations with the Pairwise control.

Label Studio's Pairwise knows left and right only; ties and both bad are a Choices control beside it. `CONFIG` is the
labelling configuration that goes with the file (labelstud.io, templates/pairwise_comparison and guide/task_format).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from vlmeval.jsonio import encode
from vlmeval.sbs.records import Line, Texts

CONFIG = """<View>
  <Text name="prompt" value="$prompt"/>
  <Pairwise name="pw" toName="text1,text2"/>
  <View style="display: flex;">
    <View style="margin-right: 1em;"><Text name="text1" value="$text1"/></View>
    <View><Text name="text2" value="$text2"/></View>
  </View>
  <Choices name="equal" toName="prompt" choice="single">
    <Choice value="tie"/>
    <Choice value="both bad"/>
  </Choices>
</View>
"""
SELECTED = {"model_a": "left", "model_b": "right"}


def label_studio(votes: Iterable[Line], texts: Mapping[int, Texts]) -> bytes:
    """Return the tasks with their annotations as JSON; the annotator's label is in the region's meta."""
    tasks: dict[tuple[int, str], dict[str, Any]] = {}
    for number, one in enumerate(votes, start=1):
        shown = texts[one.item_id]
        task = tasks.setdefault(
            (one.item_id, one.model_a),
            {
                "data": {
                    "item_id": one.item_id, "question_id": one.question_id, "category": one.category,
                    "prompt": shown.prompt, "text1": shown.answers[one.model_a], "text2": shown.answers[one.model_b],
                    "model1": one.model_a, "model2": one.model_b,
                },
                "annotations": [],
            },
        )  # fmt: skip
        annotation: dict[str, Any] = {"result": [region(one, number)]}
        if one.seconds is not None:
            annotation["lead_time"] = one.seconds
        task["annotations"].append(annotation)
    return encode(list(tasks.values()))


def region(one: Line, number: int) -> dict[str, Any]:
    """Return what an annotator did, as a region of Label Studio."""
    common = {"id": f"v{number}", "meta": {"text": [one.judge]}}
    if one.winner in SELECTED:
        return common | {
            "type": "pairwise", "from_name": "pw", "to_name": "text1,text2",
            "value": {"selected": SELECTED[one.winner]},
        }  # fmt: skip
    choice = "tie" if one.winner == "tie" else "both bad"
    return common | {"type": "choices", "from_name": "equal", "to_name": "prompt", "value": {"choices": [choice]}}
