"""The parser of boxes: a table of replies with box and rule, conventions, hostile replies."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmeval.kinds.boxes import Coordinates, extract

SIZE = (640, 480)
# In an image of 640 x 480.
READ = [
    # brackets
    ("[10, 20, 30, 40]", (10, 20, 30, 40), "list:pixel"),
    ("[10,20,30,40]", (10, 20, 30, 40), "list:pixel"),
    ("[10 20 30 40]", (10, 20, 30, 40), "list:pixel"),
    ("(10, 20, 30, 40)", (10, 20, 30, 40), "list:pixel"),
    ("{10, 20, 30, 40}", (10, 20, 30, 40), "list:pixel"),
    ("[[10, 20, 30, 40]]", (10, 20, 30, 40), "list:pixel"),
    ("[ 10.5, 20.25,\n 30.0, 40. ]", (10.5, 20.25, 30, 40), "list:pixel"),
    ("[10; 20; 30; 40]", (10, 20, 30, 40), "list:pixel"),
    ("[10px, 20px, 30px, 40px]", (10, 20, 30, 40), "list:pixel"),
    ("The dog is at [10, 20, 30, 40].", (10, 20, 30, 40), "list:pixel"),
    ("```json\n[10, 20, 30, 40]\n```", (10, 20, 30, 40), "list:pixel"),
    ("**[10, 20, 30, 40]**", (10, 20, 30, 40), "list:pixel"),
    ("盒子是[10, 20, 30, 40]。", (10, 20, 30, 40), "list:pixel"),
    ("[0, 0, 640, 480]", (0, 0, 640, 480), "list:pixel"),
    ("[-3, 20, 30, 40]", (-3, 20, 30, 40), "list:pixel"),
    ("[0.25, 0.5, 0.75, 1.0]", (160, 240, 480, 480), "list:0-1"),
    ("[.25, .5, .75, 1]", (160, 240, 480, 480), "list:0-1"),
    ("[0, 0, 1, 1]", (0, 0, 640, 480), "list:0-1"),
    ("[500, 250, 750, 1000]", (320, 120, 480, 480), "list:0-1000"),
    ("[100, 100, 200, 500]", (64, 48, 128, 240), "list:0-1000"),
    ("[25%, 50%, 75%, 100%]", (160, 240, 480, 480), "list:0-100"),
    ("(25%, 50%), (75%, 100%)", (160, 240, 480, 480), "points:0-100"),
    # points
    ("(10,20),(30,40)", (10, 20, 30, 40), "points:pixel"),
    ("(10, 20), (30, 40)", (10, 20, 30, 40), "points:pixel"),
    ("((10, 20), (30, 40))", (10, 20, 30, 40), "points:pixel"),
    ("[[10, 20], [30, 40]]", (10, 20, 30, 40), "points:pixel"),
    ("(10,20) to (30,40)", (10, 20, 30, 40), "points:pixel"),
    ("from (10,20) and (30,40)", (10, 20, 30, 40), "points:pixel"),
    ("(10,20) - (30,40)", (10, 20, 30, 40), "points:pixel"),
    ("(10,20)(30,40)", (10, 20, 30, 40), "points:pixel"),
    ("(0.25,0.5),(0.75,1.0)", (160, 240, 480, 480), "points:0-1"),
    ("(999,0),(1000,1000)", (639.36, 0, 640, 480), "points:0-1000"),
    # tags
    ("<box>(0,0),(999,999)</box>", (0, 0, 640, 480), "box:0-999"),
    ("<ref>the dog</ref><box>(0,0),(999,999)</box>", (0, 0, 640, 480), "box:0-999"),
    ("<box>(0,0),(333,333)", (0, 0, 640 / 3, 160), "box:0-999"),
    ("<box>[[250, 500, 750, 1000]]</box>", (160, 240, 480, 480), "box:0-1000"),
    ("<ref>dog</ref><box>[[10, 20, 30, 40]]</box>", (6.4, 9.6, 19.2, 19.2), "box:0-1000"),
    ("<|box_start|>(250,500),(750,1000)<|box_end|>", (160, 240, 480, 480), "box_start:0-1000"),
    ("<|object_ref_start|>dog<|object_ref_end|><|box_start|>(10,20),(30,40)<|box_end|>", (6.4, 9.6, 19.2, 19.2),
     "box_start:0-1000"),
    ("<|ref|>dog<|/ref|><|det|>[[0, 0, 999, 999]]<|/det|>", (0, 0, 640, 480), "det:0-999"),
    ("<box>[0.25, 0.5, 0.75, 1.0]</box>", (160, 240, 480, 480), "box:0-1"),
    ("<box> is [10, 20, 30, 40]", (6.4, 9.6, 19.2, 19.2), "box:0-1000"),
    # PaliGemma
    ("<loc0512><loc0256><loc1023><loc0768> dog", (160, 240, 480, 479.53125), "loc:0-1024"),
    ("<loc0000><loc0000><loc0512><loc0512>", (0, 0, 320, 240), "loc:0-1024"),
    ("<loc0000> <loc0000> <loc0512> <loc0512> cat", (0, 0, 320, 240), "loc:0-1024"),
    ("<loc0000><loc0000><loc0001><loc0001>", (0, 0, 0.625, 0.46875), "loc:0-1024"),
    # JSON
    ('{"bbox_2d": [10, 20, 30, 40], "label": "dog"}', (10, 20, 30, 40), "bbox_2d:pixel"),
    ('```json\n[\n  {"bbox_2d": [10, 20, 30, 40], "label": "dog"}\n]\n```', (10, 20, 30, 40), "bbox_2d:pixel"),
    ('[{"bbox_2d": [10, 20, 30, 40], "label": "cut off', (10, 20, 30, 40), "bbox_2d:pixel"),
    ('{"bbox_2d": [\n\t10,\n\t20,\n\t30,\n\t40\n]}', (10, 20, 30, 40), "bbox_2d:pixel"),
    ("{'bbox_2d': [10, 20, 30, 40]}", (10, 20, 30, 40), "bbox_2d:pixel"),
    ('{"bbox_2d": [[10, 20, 30, 40]]}', (10, 20, 30, 40), "bbox_2d:pixel"),
    ('{"bbox_2d": [500, 250, 750, 1000]}', (320, 120, 480, 480), "bbox_2d:0-1000"),
    ('{"bbox": [0.25, 0.5, 0.75, 1.0]}', (160, 240, 480, 480), "json:0-1"),
    ('{"box_2d": [500, 250, 1000, 750], "label": "dog"}', (160, 240, 480, 480), "box_2d:0-1000"),
    ('{"bounding_box": [10, 20, 30, 40]}', (10, 20, 30, 40), "json:pixel"),
    ('{"x1": 10, "y1": 20, "x2": 30, "y2": 40}', (10, 20, 30, 40), "named:pixel"),
    ("x1=10, y1=20, x2=30, y2=40", (10, 20, 30, 40), "named:pixel"),
    ("xmin: 10 ymin: 20 xmax: 30 ymax: 40", (10, 20, 30, 40), "named:pixel"),
    ("x_min = 10, y_min = 20, x_max = 30, y_max = 40", (10, 20, 30, 40), "named:pixel"),
    ("Left: 10, Top: 20, Right: 30, Bottom: 40", (10, 20, 30, 40), "named:pixel"),
    # bare
    ("10, 20, 30, 40", (10, 20, 30, 40), "bare:pixel"),
    ("10 20 30 40", (10, 20, 30, 40), "bare:pixel"),
    ("0.25, 0.5, 0.75, 1.0", (160, 240, 480, 480), "bare:0-1"),
    ("The box is 10, 20, 30, 40.", (10, 20, 30, 40), "bare:pixel"),
    # several
    ("[10, 20, 30, 40]. I repeat: [10, 20, 30, 40]", (10, 20, 30, 40), "list:pixel"),
    ("First I saw [1, 2, 3, 4], but it must be [10, 20, 30, 40].", (10, 20, 30, 40), "list:pixel+last"),
    ("(1,2),(3,4)? No: [10, 20, 30, 40]", (10, 20, 30, 40), "list:pixel+last"),
    ("Not <box>(1,2),(3,4)</box> but rather <box>(0,0),(999,999)</box>", (0, 0, 640, 480), "box:0-999+last"),
    # reasoning
    ("<think>[1, 2, 3, 4] or so</think>[10, 20, 30, 40]", (10, 20, 30, 40), "list:pixel"),
    ("is it [1, 2, 3, 4]?</think>\n[10, 20, 30, 40]", (10, 20, 30, 40), "list:pixel"),
]  # fmt: skip

UNREAD = [
    ("", "empty"),
    ("  \n", "empty"),
    ("<think>[10, 20, 30, 40]", "thinking_unfinished"),
    ("I cannot see a dog.", "no_box"),
    ("[10, 20, 30]", "no_box"),
    ("[10, 20, 30, 40, 50]", "no_box"),
    ("[]", "no_box"),
    ("1, 2, 3, 4, 5", "no_box"),
    ("[a, b, c, d]", "no_box"),
    ("(10, 20)", "no_box"),
    ("[nan, nan, nan, nan]", "no_box"),
    ("[1e3, 2e3, 3e3, 4e3]", "no_box"),
    ("[12345678901, 1, 2, 3]", "no_box"),
    ("<loc0001><loc0002><loc0003>", "incomplete"),
    ("<loc0001><loc0002><loc0003><loc0004><loc0005>", "incomplete"),
    ("<loc0000><loc0000><loc0512><loc0512><loc0000><loc0000><loc0512><loc0600>", "several"),
    ("[1, 2, 3, 4], [10, 20, 30, 40]", "several"),
    ("[[1, 2, 3, 4], [10, 20, 30, 40]]", "several"),
    ("[1, 2, 3, 4] and [10, 20, 30, 40]", "several"),
    ('[{"bbox_2d": [1, 2, 3, 4], "label": "a"}, {"bbox_2d": [10, 20, 30, 40], "label": "b"}]', "several"),
    ("<box>(1,2),(3,4)</box><box>(0,0),(999,999)</box>", "several"),
    ("<ref>a</ref><box>(1,2),(3,4)</box><ref>b</ref><box>(0,0),(999,999)</box>", "several"),
    ("(1,2),(3,4),(5,6),(7,8)", "no_box"),
    ("(1,2),(3,4),(5,6)", "no_box"),
    ("(1,2), (3,4), (5,6)", "no_box"),
    ("[[1, 2], [3, 4], [5, 6], [7, 8]]", "no_box"),
    ("(1,2),(3,4); (5,6),(7,8)", "several"),
    ("[30, 20, 10, 40]", "swapped"),
    ("[10, 40, 30, 20]", "swapped"),
    ("[10, 20, 10, 40]", "degenerate"),
    ("[0, 0, 0, 0]", "degenerate"),
    ("<loc0512><loc0512><loc0000><loc0000>", "swapped"),
    ("[10, 20, 3000, 4000]", "outside"),
    ('{"bbox_2d": [10, 20, 1300, 400]}', "outside"),
]


def test_the_table_has_no_reply_twice() -> None:
    replies = [reply for reply, *_ in (*READ, *UNREAD)]
    assert len(replies) == len(set(replies)) >= 60


@pytest.mark.parametrize(("reply", "box", "rule"), READ)
def test_a_box_is_read_with_its_rule(reply: str, box: tuple[float, ...], rule: str) -> None:
    reading = extract(reply, SIZE)
    assert reading.rule == rule
    assert reading.box == pytest.approx(box, abs=1e-9)


@pytest.mark.parametrize(("reply", "rule"), UNREAD)
def test_what_is_no_box_says_why(reply: str, rule: str) -> None:
    reading = extract(reply, SIZE)
    assert (reading.box, reading.rule) == (None, rule)


@pytest.mark.parametrize(
    ("coordinates", "reply", "box", "rule"),
    [
        ("0-1000", "[100, 100, 200, 200]", (64, 48, 128, 96), "list:0-1000"),
        ("0-1000", '{"bbox_2d": [100, 100, 200, 200]}', (64, 48, 128, 96), "bbox_2d:0-1000"),
        ("0-1000", "<box>(100,100),(200,200)</box>", (64, 48, 128, 96), "box:0-1000"),
        ("0-1000", "[0, 0, 1, 1]", (0, 0, 0.64, 0.48), "list:0-1000"),
        ("0-999", "[0, 0, 999, 999]", (0, 0, 640, 480), "list:0-999"),
        ("0-1024", "[0, 0, 512, 512]", (0, 0, 320, 240), "list:0-1024"),
        ("0-100", "[25, 50, 75, 100]", (160, 240, 480, 480), "list:0-100"),
        ("0-1", "[0.5, 0.5, 1.5, 1]", (320, 240, 960, 480), "list:0-1"),
        ("pixel", "[0, 0, 1, 1]", (0, 0, 1, 1), "list:pixel"),
        ("pixel", "[10, 20, 3000, 4000]", (10, 20, 3000, 4000), "list:pixel"),
        ("pixel", "<box>(10,20),(30,40)</box>", (10, 20, 30, 40), "box:pixel"),
        ("pixel", "<loc0000><loc0000><loc0512><loc0512>", (0, 0, 320, 240), "loc:0-1024"),
        ("pixel", "[25%, 50%, 75%, 100%]", (160, 240, 480, 480), "list:0-100"),
    ],
)
def test_the_tasks_convention_goes_before_all_but_what_means_itself(
    coordinates: Coordinates, reply: str, box: tuple[float, ...], rule: str
) -> None:
    reading = extract(reply, SIZE, coordinates)
    assert reading.rule == rule
    assert reading.box == pytest.approx(box, abs=1e-9)


def test_without_an_image_only_pixels_can_be_read() -> None:
    assert extract("[10, 20, 30, 40]", None).rule == "no_image_size"
    assert extract("[10%, 20%, 30%, 40%]", None, "pixel").rule == "no_image_size"
    assert extract("[10, 20, 30, 40]", None, "pixel").box == (10, 20, 30, 40)


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4), st.sampled_from([("[", "]"), ("(", ")")]))
def test_any_shares_of_the_image_that_a_program_prints_are_read_back(
    values: list[float], around: tuple[str, str]
) -> None:
    x1, y1, x2, y2 = (round(value, 4) for value in values)
    reading = extract(f"{around[0]}{x1:.4f}, {y1:.4f}, {x2:.4f}, {y2:.4f}{around[1]}", (1000, 1000))
    if x1 < x2 and y1 < y2:
        assert reading.box == pytest.approx((x1 * 1000, y1 * 1000, x2 * 1000, y2 * 1000))
    else:
        assert reading.box is None


@given(st.text(alphabet="[](){}<>locbx_12d:,.;%-+ \n\"'0123456789", max_size=200))
def test_no_reply_breaks_the_parser_and_every_box_has_an_area(reply: str) -> None:
    reading = extract(reply, SIZE)
    assert reading.rule
    if reading.box is not None:
        x1, y1, x2, y2 = reading.box
        assert x1 < x2
        assert y1 < y2


HOSTILE = {
    "brackets": "[",
    "numbers": "1, ",
    "open lists": "[1, 2, 3, ",
    "blanks": " ",
    "digits": "9",
    "locs": "<loc0001>",
    "tags": "<box>",
    "open tags with content": "<box>(1,2),(",
    "keys": '"bbox_2d": [',
    "names": "x1=1, y1=2, ",
    "open references": "<ref>",
    "blank lists": "[1" + " " * 40,
    "boxes": "[1, 2, 3, 4] x ",
    "quotes": '"',
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_ten_megabytes_take_linear_time(piece: str) -> None:
    def cost(size: int) -> float:
        reply = piece * (size // len(piece))
        started = time.process_time()
        extract(reply, SIZE)
        return time.process_time() - started

    assert cost(10_000_000) < 60 * max(cost(1_000_000), 0.02)


def test_the_error_message_of_another_program_is_no_box() -> None:
    found = extract("[LMMS_EVAL_REQUEST_FAILED after [10, 20, 30, 40] ms]", SIZE)
    assert (found.box, found.rule) == (None, "failure_text")
