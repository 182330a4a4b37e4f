"""The Penn Treebank tokens of a caption, as pycocoevalcap has them.

pycocoevalcap runs the tokenizer of Stanford CoreNLP 3.4.1 (Java) with lower-casing and line preservation, and drops
tokens that are punctuation. This is a tokenizer of our own with the same output, written from that program's outputs
alone (it is under the GPL; its source was not read): each rule answers to a probe, and the whole was compared with it.

Tolerance: equal on all 30,000 human and model captions of the official cases, and on all of 48,000 generated strings
like captions (`perf/ptb.py`, which compares the two wherever Java and pycocoevalcap are); of 60,000 with contractions,
abbreviations, numbers, web addresses, emoji and CJK fewer than ten come out otherwise. Known differences:

- A caption is tokenised alone. The Java program reads all captions as one text: there "X." at the end of a caption
  loses its full stop where the next begins with "The", and a caption that holds a line separator (carriage return,
  U+0085, U+2028) shifts all later ones by a line. Here line separators are blanks.
- A full stop before another mark, after something that is no plain word ("AT&T.,", "www.a.com.;", "IMG_1.JPG.;",
  "'tis.;"), may be kept or dropped otherwise; after one letter also where mark-up follows ("a.b <b>").
- A back-quote within a word ("white`of") ends it here.
- Mark-up whose attribute names are cut by a line, and runs of mixed symbols that look like a face ("=_>", "~_'").
- Accents that combine with a hyphen, an underscore or a digit beside them, and digits of scripts that came to Unicode
  after version 6 (1 % of strings of random code points below U+9FCC).

`is_unproven` finds captions that may hold one of these, so that they can be counted beside the score.

A token may hold a no-break space, as in the original: "23 3/4" is one token. BLEU and CIDEr split there, ROUGE-L does
not.
"""

from __future__ import annotations

import re
from functools import lru_cache

from vlmeval.metrics.ptb_tables import (
    ABBREVIATIONS,
    APOSTROPHE_WORDS,
    BEFORE_NUMBERS,
    CAPITALISED,
    LETTERS,
    STARTERS,
    SYMBOLS,
    UNSHOUTED,
    character_class,
)

# After lower-casing: so "-lrb-", which the original means to drop as "-LRB-", stays.
DROPPED = frozenset(("", "''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"))
# Words return again and again; a memo of whole captions would hold the data set.
MEMO = 1 << 16

_L = f"[A-Za-z{character_class(LETTERS)}]"
_W = rf"[A-Za-z\d{character_class(LETTERS)}]"
_Q = "['’\x92]"
_ANY_Q = "['’\x92`]"


def _words(text: str, first: str = "{0}{1}", rest: str = "{0}{1}") -> str:
    """Return an alternation of the words of `text`; `first`, `rest`: the cases allowed, {0} lower and {1} upper."""

    def pattern(word: str) -> str:
        return "".join(
            f"[{(rest if at else first).format(letter, letter.upper())}]" if letter.isalpha() else _Q
            for at, letter in enumerate(word.lower())
        )

    return "(?:" + "|".join(pattern(word) for word in sorted(text.split(), key=len, reverse=True)) + ")"


_ABBREVIATION = f"(?:{_words(ABBREVIATIONS)}|{_words(UNSHOUTED, rest='{0}')}|{_words(CAPITALISED, first='{1}')})"
_CONTRACTION = f"{_Q}{_words('s m d re ve ll')}(?![A-Za-z])"
_SEGMENT = f"(?:[A-HJ-XZdlno](?!{_CONTRACTION}){_Q}{_L}{{2,}}|{_W}+)"
_SLASHED = r"[A-Za-z\d]+(?:-[A-Za-z]+)*"
_NAME = r"[A-Za-z][\w:.-]*"

# The first that matches wins: of two readings of one place, the longer stands first. Repeats that could run through a
# whole text before they fail are bounded, or a megabyte without a blank would take minutes.
_RULES: tuple[tuple[str, str], ...] = (
    # http://a.com/b?c=d  www.a-b.com/c  a.org/b  <x@y.com>
    ("token", r"[Hh][Tt][Tt][Pp][Ss]?://[^\s\"<>|()\[\]{}]*[^\s\"<>|.!?,(){}\[\]’-]"),
    ("token", r"[Ww]{3}\.(?:[A-Za-z\d-]+\.){0,9}[A-Za-z][A-Za-z\d]*(?:/[^\s\"<>|()]*[^\s\"<>|.!?,()'-])?"),
    ("token", r"(?:[A-Za-z][A-Za-z\d-]*\.){1,9}(?:com|org|net|edu|gov)/(?![;:'])[^\s\"<>|()]*[^\s\"<>|.!?,()-]"),
    ("token", r"<?[A-Za-z\d][^\s\"<>|(){}@]{0,99}@(?:[^\s\"<>|(){}.]+\.){0,9}[^\s\"<>|(){}.]+>?"),
    # <b>  <a href="x">  &amp;  &#39;
    (
        "token",
        rf"</?{_NAME}(?:\s+{_NAME}(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'))?){{0,9}}\s*/?>|<[!?][A-Za-z-][^<>]{{0,999}}>",
    ),
    ("entity", r"&(?:amp|lt|gt|quot|apos|nbsp|mdash|ndash|AMP|LT|GT);"),
    ("token", r"&#\d+;|&[AEIOUaeiou](?:acute|grave|uml|circ);"),
    # :-)  (-_-)
    ("joined", r"[<>]?[:;=][-']?[()DdOPp\[\]|\\@{](?![A-Za-z\d])|[-'^<>]_[-'^<>]"),
    ("joined", r"\([-^x<>][_.]?[-^x<>]\)"),
    # (555) 123-4567  2 3/4
    ("joined", r"(?:\+?\d{2,4}[ -])?(?:\(\d{2,4}\) ?|\+?\d{2,4}[ -])(?:\d{3,4}[ -]?\d{3,5}|\d{7})(?![\d/])"),
    ("joined", r"\d+[ \t]+\d{1,4}/\d{1,4}(?!\d)"),
    # 1.5-inch  red,blue-green
    ("token", r"[A-Za-z\d]+(?:[.,][A-Za-z\d]*){1,20}?(?:-[A-Za-z\d]+)+"),
    # Mr.  U.S.  Ph.D.  No. 5  end.,  plan B. The  J.
    ("token", rf"(?:{_ABBREVIATION}|{_L}(?:\.{_L})+|[Pp][Hh]\.[Dd])\.(?!{_L})"),
    ("token", rf"{_words(BEFORE_NUMBERS)}\.(?= ?\d)"),
    ("token", rf"(?!\d+\.\d+\.){_W}+(?:[-_.]{_W}+)*\.(?=[,;:])"),
    ("without_stop", rf"[A-Za-z]\.(?= +(?:{_words(STARTERS, first='{1}')}|M[rs]\.)(?: |$))"),
    ("token", rf"[A-Za-z]\.(?!{_L})"),
    # can|not  't|was  do|n't  it|'s
    ("split_at_3", rf"{_words('cannot gonna wanna gotta gimme lemme')}(?!{_W}|[-_/]{_W}|\.{_L}|{_CONTRACTION})"),
    ("split_at_2", f"{_Q}{_words('tis twas')}(?!{_L})"),
    ("token", f"{_L}+(?=[Nn]{_ANY_Q}[Tt](?![A-Za-z]))"),
    ("contraction", f"[Nn]{_ANY_Q}[Tt](?![A-Za-z])|{_CONTRACTION}|[’\x92]{_words('s m d re ve ll')}"),
    # 'em  rock 'n' roll  the '80s  c'mon  ma'am  dunkin'  y'|all
    ("token", rf"{_Q}{_words('cause till til em')}|{_Q}[Nn](?:{_Q}|(?!{_W}|[._-]))|[’\x92][Nn]"),
    ("token", rf"{_Q}\d\d(?:s(?!{_W})|(?=\s|$))"),
    ("token", f"{_words(APOSTROPHE_WORDS)}|[A-Za-z]+[aeiouyAEIOUY](?!{_CONTRACTION}){_Q}[aeiouA-Z][A-Za-z]*"),
    ("token", f"{_words('somethin dunkin ol')}{_Q}|[DdJjLl]{_Q}(?!{_L})|[YyJj](?!{_CONTRACTION}){_Q}(?={_L})"),
    # AT&T  US$  C#  a.b  @name  #tag
    ("entity", r"[A-Z]+(?:(?:&(?:amp;)?|\+)[A-Z]+)+"),
    ("token", r"[A-Z]+\$|[CcFf]#|[Cc]\+\+|\\\*"),
    ("token", rf"{_L}{_W}*(?:[.!?]{_L}{_W}*)+"),
    ("token", rf"@[A-Za-z_][A-Za-z0-9_]*|#{_L}+"),
    # 1/2/2010  5-1/2  -1,000.5  and/or  O'Brien-Smith
    ("token", r"\d+/\d+/\d{2,4}(?:-[A-Za-z]+)?|\d+-\d+/\d+"),
    ("token", r"[-+]?\d*(?:[.,:]\d+)+|[-+]\d+"),
    ("token", rf"{_SLASHED}(?:\\?/{_SLASHED}){{1,2}}"),
    ("token", f"{_SEGMENT}(?:[-‐‑֊_]{_SEGMENT})*"),
    # runs of marks, then single ones
    ("nothing", r"\.{3,}|\.(?: \.){2,}|-{2,4}(?!-)|''|``"),
    ("token", r"-{5,}|_+|\*+|#+|@+|[!?]+|<<|>>|[²³¹⁰⁴-⁹]+|[₀-₉]+"),
    ("quotes", "[‘’‛‹›“”«»\x91-\x94]+"),
    ("symbol", rf"[!-/:-@\[-`{{-~{character_class(SYMBOLS)}]"),
)
_SCANNER = re.compile("|".join(f"(?P<{name}_{at}>{rule})" for at, (name, rule) in enumerate(_RULES)))
_KINDS = [""] + [name for name, _ in _RULES]
_REWRITTEN = str.maketrans({"(": "-lrb-", ")": "-rrb-", " ": "\xa0", "\t": "\xa0"})
_QUOTES = str.maketrans(
    dict.fromkeys("‘‛‹\x91", "`")
    | dict.fromkeys("’›\x92", "'")
    | dict.fromkeys("“«\x93", "``")
    | dict.fromkeys("”»\x94", "''")
)
_SYMBOLS = {
    "(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-", '"': "", "…": "",
    "€": "$", "₠": "$", "¤": "$", "\x80": "$", "£": "#", "¢": "cents", "½": "1/2", "¼": "1/4", "¾": "3/4",
    "⅓": "1/3", "⅔": "2/3", "–": "", "—": "", "―": "", "\x96": "", "\x97": "",
}  # fmt: skip
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
# Where a token may reach over a blank, or depend on what follows one. It begins with a set of characters, which the
# engine finds ten times as fast as the alternatives one by one.
_REACHES_OVER = re.compile(
    r"[\d.)<](?:(?<=\d)[ \t]+[\d(]|(?<=\))[ \t]+\d|(?<=[A-Za-z]\.)(?<![A-Za-z]{2}\.) |(?<=\.)[ \t]+[.\d]|(?<=<))"
)
_LINE_ENDS = re.compile("[\n\r\x0b\x0c\x85\u2028\u2029]")


def _tokens(text: str) -> list[str]:
    """Return the tokens of one line, lower-cased, without punctuation."""
    result: list[str] = []
    for match in _SCANNER.finditer(text):
        kind, token = _KINDS[match.lastindex or 0], match.group().lower()
        if kind == "token":
            result.append(token)
        elif kind == "contraction":
            result.append(token.replace("’", "'").replace("\x92", "'"))
        elif kind == "symbol":
            result.append(_SYMBOLS.get(token, token))
        elif kind == "joined":
            result.append(token.translate(_REWRITTEN))
        elif kind == "quotes":
            result.append(token.translate(_QUOTES))
        elif kind == "entity":
            result.append(_ENTITIES.get(token, token.replace("amp;", "") if token[0] != "&" else ""))
        elif kind == "without_stop":
            result.append(token[0])
        elif kind != "nothing":
            at = 3 if kind == "split_at_3" else 2
            result += [token[:at].replace("’", "'"), token[at:]]
    return [token for token in result if token not in DROPPED]


# Wider than the known differences: a plain caption holds none of it. Each form stands between two blanks.
_UNPROVEN = re.compile(
    r"[A-Za-z]`[A-Za-z]"  # white`of
    r"|(?:[&'’]\w+|\.\w{2,})\.[,;:]"  # AT&T.,
    r"|<"  # <b
    r"|[=~^_|\\@#*+<>]{2}(?<![*#_@>]{2})|[:;=][-'_]?[@_*|\\]"  # =_>
    r"|[\u02b0-\u036f\u0483-\u0489\u0590-\u1dff\u2c00-\u2dff]"  # other alphabets, combining accents
)


def is_unproven(caption: str) -> bool:
    """Tell whether `caption` holds a form on which this tokenizer is known, or not proven not, to differ."""
    return _UNPROVEN.search(caption) is not None


def cleaned(caption: str) -> str:
    """Return `caption` on one line, without soft hyphens: what is left of it before it is split."""
    return _LINE_ENDS.sub(" ", caption).replace("\xad", "")


def reaches_over(line: str) -> bool:
    """Tell whether a token of a cleaned caption may hold a blank, or depend on what follows one."""
    return _REACHES_OVER.search(line) is not None


@lru_cache(MEMO)
def chunk_of(text: str) -> str:
    """Return the tokens, joined by blanks, of what stands between two blanks, or of a line that reaches over some."""
    return " ".join(_tokens(text))


def tokenize(caption: str) -> str:
    """Return the tokens of `caption` joined by blanks; "" where it holds none."""
    line = cleaned(caption)
    if reaches_over(line):
        return chunk_of(line)
    return " ".join(tokens for chunk in line.split(" ") if (tokens := chunk_of(chunk)))
