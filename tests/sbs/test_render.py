"""Answers become HTML that is safe, and nothing of them is lost."""

import re
import time
from html.parser import HTMLParser

import pytest

pytest.importorskip("nh3", reason="the extra sbs is not installed")

from hypothesis import given, settings
from hypothesis import strategies as st

from vlmeval.sbs.render import CLEANER, MATH_TAGS, MOST_CHARACTERS, TEXT_TAGS, answer_html, mathml

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![a](http://127.0.0.1:9/a.png)",
    "[a](javascript:alert(1))",
    "[a](data:text/html,<script>alert(1)</script>)",
    "<svg><animate onbegin=alert(1)>",
    "<math><mtext></table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "$\\text{<img src=x onerror=alert(1)>}$",
    "$\\href{javascript:alert(1)}{x}$",
    "\\(\\text{</math><script>alert(1)</script>}\\)",
    "`</code><script>alert(1)</script>`",
    "```</code></pre><script>alert(1)</script>\n```",
    "[a]: javascript:alert(1)\n\n[a]",
    "<http://a.b/?q='onmouseover=alert(1)>",
    "| a |\n|---|\n| <b onclick=alert(1)> |",
    "\0<scr\0ipt>alert(1)</scr\0ipt>",
]
PARTS = (
    *HOSTILE, "$", "$$", "\\(", "\\)", "\\[", "\\]", "`", "**", "|", "\n", "\n\n", "<", ">", "&lt;", "{", "}", "\\frac",
    "_", "^", "x", "&#0;", "'", '"', "\\begin{align}", "\\end{align}", "[", "](", ")", "!",
)  # fmt: skip
FRAGMENTS = st.lists(st.sampled_from(PARTS), max_size=12).map("".join)


class Tags(HTMLParser):
    """The elements of a document with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def assert_inert(html: str) -> None:
    for tag, attributes in Tags(html).found:
        assert tag in TEXT_TAGS | MATH_TAGS, tag
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in ("style", "id", "src", "srcset", "name"), (tag, name)
            assert name != "href" or re.match(r"(https?|mailto):", value or ""), value


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_answers_are_inert(text: str) -> None:
    assert_inert(answer_html(text))


@given(FRAGMENTS)
@settings(max_examples=300, deadline=None)
def test_no_combination_of_hostile_parts_gets_through(text: str) -> None:
    html = answer_html(text)
    assert_inert(html)
    assert CLEANER.clean(html) == html


def test_the_words_of_a_remote_image_stay_and_its_address_goes() -> None:
    assert answer_html("![a *red* sofa](http://127.0.0.1:9/who.png)") == "<p>[image: a *red* sofa]</p>\n"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("$\\frac{a}{b}$", ["<mfrac>", 'display="inline"']),
        ("so \\(x^2\\) is", ["<msup>", 'display="inline"']),
        ("so \\[x^2\\] is", ["<msup>", 'display="block"']),
        ("$$x_1$$", ["<msub>", 'display="block"']),
        ("\\begin{align} a &= b \\\\ c &= d \\end{align}", ["<mtable"]),
    ],
)
def test_maths_becomes_mathml(text: str, parts: list[str]) -> None:
    html = answer_html(text)
    for part in parts:
        assert part in html


@pytest.mark.parametrize("formula", ["\\frac{1", "\\left( x", "x^", "}{", "\\begin{matrix}", "x" * 3000, "{" * 900])
def test_broken_or_endless_maths_is_shown_as_its_source(formula: str) -> None:
    assert mathml(formula, display=False) == f'<span class="formula">{formula}</span>'


def test_prices_are_no_formulas() -> None:
    assert "<math" not in answer_html("It costs $5 today and $6 tomorrow.")


def test_headings_of_answers_stay_below_those_of_the_page() -> None:
    assert answer_html("# one\n\n###### six") == "<h3>one</h3>\n<h6>six</h6>\n"


def test_links_open_apart_and_tell_nobody_where_from() -> None:
    (link,) = [attributes for tag, attributes in Tags(answer_html("[a](https://example.org/?q=1)")).found if tag == "a"]
    assert link == {"href": "https://example.org/?q=1", "target": "_blank", "rel": "noopener noreferrer nofollow"}


def test_an_answer_too_long_to_parse_is_shown_whole_as_text() -> None:
    text = "<b>&" * MOST_CHARACTERS
    assert answer_html(text) == "<pre>" + "&lt;b&gt;&amp;" * MOST_CHARACTERS + "</pre>"


@pytest.mark.parametrize(
    "part", ["[", "*a ", "`", "$", "\\(", "\\[", "![", "[a](", "$x$ ", "> ", "- ", "|a", "_a_", "<"]
)
def test_no_answer_holds_up_the_server(part: str) -> None:
    text = (part * MOST_CHARACTERS)[: MOST_CHARACTERS - 1]
    start = time.process_time()
    answer_html(text)
    assert time.process_time() - start < 3
