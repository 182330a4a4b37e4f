"""Tokens of captions: pairs recorded from CoreNLP 3.4.1, a rule each, and the original itself where it can run."""

import importlib.util
import random
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmeval.metrics.ptb import is_unproven, tokenize

PUNCTUATION = frozenset(["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";", ""])
WORDS = """
a the two dogs man's women's doesn't it's I'm they've can't cannot O'Neil T-shirt black-and-white and/or 3D 4x4 U.S.
Mr. Dr. St. 10:30 5th 1,000 3.5 $5 50% #7 "stop" 'stop' (left) [right] 1990s '80s café 日本 😀 e.g. a.m. 1/2 -- - ... ;
: & @ * rock'n'roll y'all AT&T x-ray's A.J. No. 12 “quoted” don’t – … end. Stop! Why? well, sign: A B
"""
RECORDED = {
    "A dog.": "a dog",
    "it's the dogs' own, isn't it?": "it 's the dogs own is n't it",
    "don’t “quote” – me…": "do n't quote me",
    "I can't, cannot, won't; gonna wanna gimme": "i ca n't can not wo n't gon na wan na gim me",
    "'tis y'all o'clock O'Brien-Smith ma'am rock'n'roll": "'t is y' all o'clock o'brien-smith ma'am rock 'n' roll",
    "the '80s, 1990's and 90s": "the '80s 1990 's and 90s",
    "Mr. Smith of St. Louis, Inc. (U.S.A.) vs. etc.": "mr. smith of st. louis inc. -lrb- u.s.a. -rrb- vs. etc.",
    "plan B. The dog": "plan b the dog",
    "plan B. Dogs": "plan b. dogs",
    "No. 5 is not no. but no. 7": "no. 5 is not no but no. 7",
    "Wash. and wash.": "wash. and wash",
    "getting ready to bat.,": "getting ready to bat.",
    "a 1.5-inch, red,blue-green thing": "a 1.5-inch red,blue-green thing",
    "well-known and/or 5-1/2 of 24/7": "well-known and/or 5-1/2 of 24/7",
    "$5.00, 50% at 10:30am #1": "$ 5.00 50 % at 10:30 am # 1",
    "23 3/4 St": "23\xa03/4 st",
    "(555) 123-4567": "-lrb-555-rrb-\xa0123-4567",
    "AT&T and a&b &amp; c": "at&t and a & b & c",
    "C++ http://a.com/b; http://a.com, a.org/; x": "c++ http://a.com/b; http://a.com a.org / x",
    "call 555-1234 1990s or $5.99 555-1234": "call 555-1234\xa01990 s or $ 5.99 555-1234",
    "either\\/or :@ >_> @_x no.. .5": "either\\/or :@ >_> @_x no .5",
    "http://a.com/b?c=d. me@x.com @you #tag <b>": "http://a.com/b?c=d me@x.com @you #tag <b>",
    "wow!!! :) ** --- -----": "wow !!! :-rrb- ** -----",
    "dog.The cat": "dog.the cat",
    "½ cup of café in 日本語 です。 😀": "1/2 cup of café in 日本語 です 。",
    "£5 €6 7¢ m²": "# 5 $ 6 7 cents m ²",
    "soft\xadware and two\nlines": "software and two lines",
    "": "",
    " . , ": "",
}


@pytest.mark.parametrize(("text", "tokens"), RECORDED.items())
def test_the_tokens_are_those_of_the_original(text: str, tokens: str) -> None:
    assert tokenize(text) == tokens


def test_a_line_separator_is_a_blank() -> None:
    for mark in "\n\r\x0b\x0c\x85\u2028\u2029":
        assert tokenize(f"one{mark}two") == "one two"


@given(st.text(max_size=80))
def test_no_token_is_punctuation_or_empty(text: str) -> None:
    tokens = tokenize(text)
    assert tokens == "" or not PUNCTUATION & set(tokens.split(" "))


@given(st.lists(st.sampled_from(["a", "dog", "runs", "two", "green-ish", "it's", "4x4"]), max_size=12))
def test_plain_words_do_not_depend_on_what_stands_around_them(words: list[str]) -> None:
    assert tokenize(" ".join(words)).split() == [token for word in words for token in tokenize(word).split()]


@pytest.mark.parametrize("text", ["a,", "a.", "a-", "日", "a'", "<a ", "1 ", "(", '="', "http://", "a@", "ab.cd!"])
def test_a_megabyte_without_an_end_is_read_in_linear_time(text: str) -> None:
    assert tokenize(text * 20_000) == tokenize(text * 20_000)


def original() -> Path | None:
    """Return the jar that pycocoevalcap brings, where it and Java are here."""
    found = importlib.util.find_spec("pycocoevalcap")
    if found is None or not found.submodule_search_locations or not shutil.which("java"):
        return None
    jar = Path(next(iter(found.submodule_search_locations))) / "tokenizer" / "stanford-corenlp-3.4.1.jar"
    return jar if jar.exists() else None


def tokens_of_the_original(captions: Sequence[str], jar: Path, folder: Path) -> list[str]:
    """Return CoreNLP's tokens without punctuation; a line between two captions keeps them apart."""
    path = folder / "captions.txt"
    path.write_text("".join(f"{caption}\nzzz\n" for caption in captions), encoding="utf8")
    command = ["java", "-cp", str(jar), "edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase"]
    done = subprocess.run([*command, str(path)], capture_output=True, check=True, timeout=120)
    lines = done.stdout.decode("utf8").split("\n")[: 2 * len(captions) : 2]
    return [" ".join(token for token in line.rstrip(" ").split(" ") if token not in PUNCTUATION) for line in lines]


JAR = original()
NEEDS_JAVA = pytest.mark.skipif(JAR is None, reason="needs Java and pycocoevalcap")


@NEEDS_JAVA
def test_the_recorded_pairs_are_what_the_original_gives(tmp_path: Path) -> None:
    assert JAR is not None
    captions = [text for text in RECORDED if "\n" not in text]
    assert tokens_of_the_original(captions, JAR, tmp_path) == [RECORDED[text] for text in captions]


@NEEDS_JAVA
def test_generated_captions_have_the_tokens_of_the_original(tmp_path: Path) -> None:
    assert JAR is not None
    draw = random.Random(0)
    captions = [" ".join(draw.choices(WORDS.split(), k=draw.randint(1, 14))) for _ in range(3000)]
    assert [tokenize(caption) for caption in captions] == tokens_of_the_original(captions, JAR, tmp_path)


@pytest.mark.parametrize("text", ["white`of", "at AT&T., we", "a <b> c", "=_> here", "ไทย", "cafe\u0301"])
def test_forms_that_are_not_proven_are_found(text: str) -> None:
    assert is_unproven(text)


@pytest.mark.parametrize(
    "text",
    ['A man\'s T-shirt says "stop".', "At 10:30 a.m., on St. John St., two dogs...", "日本 café 😀 $5 (left)", ""],
)
def test_plain_captions_hold_no_unproven_form(text: str) -> None:
    assert not is_unproven(text)
