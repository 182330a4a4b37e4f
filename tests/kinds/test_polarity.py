"""Which side a reply takes, and by which rule."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from vlmeval.kinds.polarity import extract

READ = [
    ("Yes", "yes", "word"),
    ("yes.", "yes", "word"),
    ("**No**", "no", "word"),
    ("(YES)", "yes", "word"),
    ('"no"', "no", "word"),
    ("Ｙｅｓ", "yes", "word"),
    ("True", "yes", "word"),
    ("false.", "no", "word"),
    ("Nope!", "no", "word"),
    ("yes yes", "yes", "word"),
    ("是", "yes", "word"),
    ("否。", "no", "word"),
    ("没有", "no", "word"),
    ("<think>Yes? The dog is a cat.</think>\n\nNo", "no", "word"),
    ("<|im_end|>yes<|im_end|>", "yes", "word"),
    ("no, there isn't", "no", "opening"),
    ("No, there is no book in the image.", "no", "opening"),
    ("Yes, there is a chair.", "yes", "opening"),
    ("Yes there is", "yes", "opening"),
    ("No there is not", "no", "opening"),
    ("- Yes", "yes", "word"),
    ("1. Yes, it is.", "yes", "opening"),
    ("Well, no.", "no", "opening"),
    ("Yes, no doubt.", "yes", "opening"),
    ("Yeah, there is one", "yes", "opening"),
    ("No. There are yes-men only.", "no", "opening"),
    ("是的，图中有一只狗", "yes", "opening"),
    ("不是，这是猫", "no", "opening"),
    ("没有，图里只有猫", "no", "opening"),
    ("The answer is no", "no", "answer"),
    ("The answer is: **Yes**", "yes", "answer"),
    ("The correct answer to the question is probably yes.", "yes", "answer"),
    ('The final answer is "No".', "no", "answer"),
    ('{"answer": "yes"}', "yes", "answer"),
    ("Yes is tempting. The answer is no.", "no", "answer"),
    ("The answer is yes. Let me check. The answer is no.", "no", "answer"),
    ("答案是是", "yes", "answer"),
    ("答案是否", "no", "answer"),
    ("答案：否", "no", "answer"),
    ("答案是肯定的。", "yes", "answer"),
    ("答案是否定的", "no", "answer"),
    (r"Thus \boxed{Yes}", "yes", "boxed"),
    (r"\boxed{\text{no}}", "no", "boxed"),
    ("It is a dog. <answer>no</answer>", "no", "tag"),
    ("<answer>Yes, it is", "yes", "tag"),
    ("Please answer yes or no. No.", "no", "conclusion"),
    ("The image shows a bench. So, yes.", "yes", "conclusion"),
    ("The sky is grey.\nTherefore, no.", "no", "conclusion"),
    ("Yes, at first. No, it is a cat. So no.", "no", "conclusion"),
    ("No, wait, yes.", "yes", "correction"),
    ("Yes. Actually, no.", "no", "correction"),
    ("I would say yes.", "yes", "mentioned"),
    ("I'd say no, there is none.", "no", "mentioned"),
]
UNREAD = [
    ("", "empty"),
    (" \n\t", "empty"),
    ("***", "empty"),
    ("<think>yes, it is", "thinking_unfinished"),
    ("[LMMS_EVAL_REQUEST_FAILED] yes", "failure_text"),
    ("Failed to obtain answer via API. Yes", "failure_text"),
    ("Yes and no", "both"),
    ("Yes or no", "both"),
    ("yes/no", "both"),
    ("No, yes", "both"),
    ("Yes\n\nNo", "both"),
    ("是或否", "both"),
    ("Neither yes nor no", "both"),
    ("Maybe yes", "hedged"),
    ("It could be yes, it could be no.", "hedged"),
    ("I think the answer might be yes or might be no", "hedged"),
    ("The answer may be: perhaps yes", "hedged"),
    ("It is not correct to say no", "hedged"),
    ("I can't say yes", "hedged"),
    ("Maybe", "no_side"),
    ("Not sure", "no_side"),
    ("A dog", "no_side"),
    ("I know it", "no_side"),
    ("Noon", "no_side"),
    ("Nothing", "no_side"),
    ("No. 5 is a dog", "no_side"),
    ("No doubt, there is a dog.", "no_side"),
    ("There is no dog.", "no_side"),
    ("No objects are visible.", "no_side"),
    ("The answer is not yes", "hedged"),
    ("答案是有三只猫", "no_side"),
    ("1", "no_side"),
    ("It's a no from me", "no_side"),
    ("__import__('os').system('touch /tmp/x')", "no_side"),
    ("I'm sorry, I cannot determine this.", "refusal"),
    ("抱歉，我无法判断", "refusal"),
    ("Is it yes? I don't know.", "refusal"),
]
RESTATED = [
    ("Is there a dog in the image?", "There is a dog in the image.", "yes"),
    ("Is there a dog in the image?", "In the image, there is a dog.", "yes"),
    ("Is there a dog in the image?", "There is no dog.", "no"),
    ("Is there a dog in the image?", "There isn't a dog in the image", "no"),
    ("Is there a dog in the image?", "There does not appear to be a dog.", "no"),
    ("Are there any cats?", "No cats are visible.", "no"),
    ("Is there a dog in the image?", "There is a cat.", None),
    ("Is there a dog in the image?", "There is a dogfish.", None),
    ("Is there a dog in the image?", "There is a dog but it is a cat", None),
    ("Is the image empty?", "No objects are visible.", None),
]


@pytest.mark.parametrize(("reply", "side", "rule"), READ, ids=[case[0][:40] for case in READ])
def test_a_reply_that_takes_a_side_is_read_by_the_rule_named(reply: str, side: str | None, rule: str) -> None:
    found = extract(reply)
    assert (found.side, found.rule) == (side, rule)


@pytest.mark.parametrize(("reply", "rule"), UNREAD, ids=[case[0][:40] or "empty" for case in UNREAD])
def test_a_reply_that_takes_no_side_is_unparsed_and_says_why(reply: str, rule: str) -> None:
    found = extract(reply)
    assert (found.side, found.rule) == (None, rule)


@pytest.mark.parametrize(("question", "reply", "side"), RESTATED)
def test_a_sentence_that_restates_the_question_is_an_answer_and_about_another_thing_is_none(
    question: str, reply: str, side: str | None
) -> None:
    assert extract(reply, question).side == side


@given(some.text(max_size=400))
def test_any_text_is_read_the_same_with_blanks_around_it_and_never_fails(reply: str) -> None:
    found = extract(reply)
    assert found.side in ("yes", "no", None)
    assert extract(f"\n {reply}\n ") == found


@given(some.text(alphabet="yesno ,.!?/\"'*\n是否不有没", max_size=60))
def test_texts_made_of_the_words_themselves_are_read_deterministically(reply: str) -> None:
    assert extract(reply) == extract(reply)


@pytest.mark.parametrize(
    "piece", ["answer:", ":", "answer is ", "yes or no ", "_", "no, ", "答案是", r"\boxed{", "<answer>", "so ",
              "<think>", "there is no ", "not ", "'", "No ", "wait, "]
)  # fmt: skip
def test_long_replies_cost_little_whatever_they_repeat(piece: str) -> None:
    started = time.process_time()
    extract("answer" + piece * (1_000_000 // len(piece)), "Is there a " + "dog " * 1000)
    assert time.process_time() - started < 1.0
