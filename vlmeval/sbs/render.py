"""Answers as HTML that is safe to show: Markdown and maths rendered, everything else inert.

Three walls, each enough alone: Markdown is parsed with HTML off, the result keeps only listed elements and attributes
(images are not among them: a remote one would track the annotator and name the model), and the page's policy loads
nothing from elsewhere. Formulas become MathML here, so that no font or script is fetched; a broken one stays text.
"""

from __future__ import annotations

import html
import re
from collections.abc import MutableMapping, Sequence
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree

import nh3
from latex2mathml import exceptions as formulas
from latex2mathml.converter import convert_to_element
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

MOST_CHARACTERS = 20_000
"""A longer answer is shown as plain text, whole: parsing it would hold up every other annotator."""
MOST_FORMULA_CHARACTERS = 2_000
BRACES = re.compile(r"\\.|[{}]", re.DOTALL)
OUTER_HEADINGS = 2
"""Headings of an answer go below the page's own two levels, so that its outline stays true."""
TEXT_TAGS = {
    "a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "span", "strong",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
MATH_TAGS = {
    "math", "menclose", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom", "mroot", "mrow",
    "ms", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder",
    "munderover",
}  # fmt: skip
MATH_ATTRIBUTES = {
    "columnalign", "displaystyle", "fence", "form", "linethickness", "lspace", "mathvariant", "maxsize", "minsize",
    "movablelimits", "notation", "rspace", "scriptlevel", "separator", "stretchy", "width",
}  # fmt: skip
CLEANER = nh3.Cleaner(
    tags=TEXT_TAGS | MATH_TAGS,
    attributes={
        "a": {"href", "title", "target"},
        "ol": {"start"},
        "math": {"display"},
        **dict.fromkeys(MATH_TAGS - {"math"}, MATH_ATTRIBUTES),
    },
    tag_attribute_values={"span": {"class": {"formula"}}},
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener noreferrer nofollow",
)
BROKEN_FORMULA = (
    formulas.DenominatorNotFoundError, formulas.DoubleSubscriptsError, formulas.DoubleSuperscriptsError,
    formulas.ExtraLeftOrMissingRightError, formulas.InvalidAlignmentError, formulas.InvalidStyleForGenfracError,
    formulas.InvalidWidthError, formulas.LimitsMustFollowMathOperatorError, formulas.MissingEndError,
    formulas.MissingSuperScriptOrSubscriptError, formulas.NoAvailableTokensError, formulas.NumeratorNotFoundError,
    AttributeError, LookupError, RecursionError, StopIteration, TypeError, ValueError,
)  # fmt: skip
"""What the converter raises for formulas that are not LaTeX, its own errors and those it lets through."""


@lru_cache(maxsize=4096)
def answer_html(text: str) -> str:
    """Return an answer as safe HTML: no image, script, style, form or id, links that name nobody. "" gives "".

    The bounded cache serves the several annotators who are shown the same answer.
    """
    if len(text) > MOST_CHARACTERS:
        return f"<pre>{html.escape(text)}</pre>"
    return CLEANER.clean(PARSER.render(text.replace("\0", "")))


def mathml(formula: str, *, display: bool) -> str:
    """Return LaTeX as MathML, or as its escaped source where it is broken or very long."""
    broken = f'<span class="formula">{html.escape(formula.strip())}</span>'
    if len(formula) > MOST_FORMULA_CHARACTERS or not balanced(formula):
        return broken
    try:
        root = convert_to_element(formula.strip(), display="block" if display else "inline")
    except BROKEN_FORMULA:
        return broken
    for element in root.iter():
        # The converter writes characters as references and text as it came; both are plain characters from here on.
        element.text = html.unescape(element.text) if element.text else element.text
        element.tag = element.tag.rpartition("}")[2]
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)


def balanced(formula: str) -> bool:
    """Tell whether each brace is closed: the converter would drop what stands before one that is not."""
    depth = 0
    for brace in BRACES.findall(formula):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            return False
    return depth == 0


def parser() -> MarkdownIt:
    """Return the Markdown parser: CommonMark with tables and strike-through, HTML off, dollar and bracket maths."""
    found = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
    found.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True).use(amsmath_plugin)
    found.inline.ruler.before("escape", "bracket_math", bracket_math)
    found.add_render_rule("image", picture_rule)
    for name in ("math_inline", "math_inline_double", "math_block", "math_block_label", "math_block_eqno", "amsmath"):
        found.add_render_rule(name, formula_rule)
    found.core.ruler.push("answer", shape)
    return found


def formula_rule(
    renderer: Any, tokens: Sequence[Token], place: int, options: Any, environment: MutableMapping[str, Any]
) -> str:
    """Render one formula."""
    token = tokens[place]
    if token.type == "math_inline":
        return mathml(token.content, display=False)
    return f"<p>{mathml(token.content, display=True)}</p>" if token.block else mathml(token.content, display=True)


def bracket_math(state: StateInline, silent: bool) -> bool:
    r"""Take \(formula\) and \[formula\], which CommonMark reads as escaped brackets; the search is bounded."""
    opened = state.src[state.pos : state.pos + 2]
    if opened not in ("\\(", "\\["):
        return False
    start = state.pos + 2
    end = state.src.find("\\)" if opened == "\\(" else "\\]", start, start + MOST_FORMULA_CHARACTERS)
    if end < 0 or not state.src[start:end].strip():
        return False
    if not silent:
        token = state.push("math_inline" if opened == "\\(" else "math_inline_double", "math", 0)
        token.content = state.src[start:end]
    state.pos = end + 2
    return True


def picture_rule(
    renderer: Any, tokens: Sequence[Token], place: int, options: Any, environment: MutableMapping[str, Any]
) -> str:
    """Render an image as the words that stand for it: its address is never fetched, nor offered."""
    return html.escape(f"[image: {tokens[place].content}]")


def shape(state: StateCore) -> None:
    """Move headings below those of the page, and let links open a page of their own."""
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + OUTER_HEADINGS)}"
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("target", "_blank")


PARSER = parser()
