"""Captions as numbers: each distinct token has one, and a text is an array of them.

Captions are split at blanks first, and what stands between two blanks is tokenised once, however often it occurs: a
hundred thousand captions hold ten thousand different chunks. The tokens are those of `vlmeval.metrics.ptb.tokenize`.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vlmeval.metrics.ptb import chunk_of, cleaned, is_unproven, reaches_over

Tokens = Literal["ptb", "none"]
Ids = NDArray[np.int64]

BATCH = 1 << 12
"""Captions that are split at once: the strings of a batch are freed before the next."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Texts as token numbers: those of text i are `tokens[ends[i - 1] : ends[i]]`."""

    tokens: Ids
    ends: Ids

    @property
    def lengths(self) -> Ids:
        """The number of tokens of each text, shape (texts,)."""
        return np.diff(self.ends, prepend=0)

    @property
    def texts(self) -> Ids:
        """The text that each token stands in, shape (tokens,)."""
        return np.repeat(np.arange(len(self.ends)), self.lengths)


class _Numbers(dict[str, int]):
    """Gives every new key the next number."""

    def __missing__(self, key: str) -> int:
        self[key] = number = len(self)
        return number


class Encoder:
    """Numbers the tokens of texts. `words` end at any white space, `pieces` at single blanks only, as ROUGE-L has it.

    The two differ where a token holds a no-break space, and in raw texts; of empty text `pieces` has one empty piece.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens: Tokens = tokens
        self._chunks = _Numbers()
        self._vocabulary = _Numbers()
        self._encoded = Encoded(np.zeros(0, np.int64), np.zeros(0, np.int64))

    @property
    def vocabulary(self) -> int:
        """How many distinct tokens were seen."""
        return len(self._vocabulary)

    def number(self, token: str) -> int | None:
        """Return the number of a token, None for one that was not seen."""
        return self._vocabulary.get(token)

    def unproven(self) -> int:
        """Return how many of the texts encoded last hold a form on which the PTB tokenizer is not proven equal."""
        odd = np.fromiter(map(is_unproven, self._chunks), np.bool_, len(self._chunks))
        return len(np.unique(self._encoded.texts[odd[self._encoded.tokens]])) if odd.any() else 0

    def encode(self, texts: Sequence[str]) -> tuple[Encoded, Encoded]:
        """Return (words, pieces) of `texts`."""
        counts: list[Ids] = []
        chunks: list[Ids] = []
        split = self._split_ptb if self._tokens == "ptb" else self._split_raw
        for start in range(0, len(texts), BATCH):
            found, sizes = split(texts[start : start + BATCH])
            chunks.append(found)
            counts.append(sizes)
        flat = np.concatenate(chunks) if chunks else np.zeros(0, np.int64)
        ends = np.cumsum(np.concatenate(counts)) if counts else np.zeros(0, np.int64)
        self._encoded = Encoded(flat, ends)
        words, pieces = self._tables()
        by_word = words.expanded(flat, ends)
        if pieces is None and by_word.lengths.all():
            return by_word, by_word
        return by_word, self._filled((pieces or words).expanded(flat, ends))

    def _split_ptb(self, texts: Sequence[str]) -> tuple[Ids, Ids]:
        """Return the chunks of all texts, numbered, and how many each has; a text that must be read whole is one."""
        if not "".join(texts).isprintable():
            texts = [text if text.isprintable() else cleaned(text) for text in texts]
        whole = {place: text for place, text in enumerate(texts) if reaches_over(text)}
        if whole:
            texts = ["" if place in whole else text for place, text in enumerate(texts)]
        sizes = np.fromiter((text.count(" ") for text in texts), np.int64, len(texts)) + 1
        found = self._numbered(" ".join(texts).split(" "), int(sizes.sum()))
        if whole:
            starts = np.cumsum(sizes) - sizes
            found[starts[list(whole)]] = self._numbered(whole.values(), len(whole))
        return found, sizes

    def _split_raw(self, texts: Sequence[str]) -> tuple[Ids, Ids]:
        split = [text.split(" ") for text in texts]
        sizes = np.fromiter(map(len, split), np.int64, len(split))
        return self._numbered(chain.from_iterable(split), int(sizes.sum())), sizes

    def _numbered(self, chunks: Iterable[str], count: int) -> Ids:
        return np.fromiter(map(self._chunks.__getitem__, chunks), np.int64, count)

    def _tables(self) -> tuple[_Table, _Table | None]:
        """Return the words and the pieces of every chunk; None for pieces that are the words."""
        number = self._vocabulary.__getitem__
        words: list[list[int]] = []
        pieces: list[list[int]] = []
        for chunk in self._chunks:
            text = chunk_of(chunk) if self._tokens == "ptb" else chunk
            parts = text.split()
            words.append(list(map(number, parts)))
            if self._tokens == "none":
                pieces.append([number(text)])
            elif len(parts) == text.count(" ") + bool(text):
                pieces.append(words[-1])
            else:
                pieces.append(list(map(number, text.split(" "))))
        if all(map(operator.is_, words, pieces)):
            return _Table.of(words), None
        return _Table.of(words), _Table.of(pieces)

    def _filled(self, encoded: Encoded) -> Encoded:
        """Return the pieces with an empty one in every text that has none."""
        lengths = encoded.lengths
        empty = lengths == 0
        if not empty.any():
            return encoded
        tokens = np.insert(encoded.tokens, encoded.ends[empty], self._vocabulary[""])
        return Encoded(tokens, np.cumsum(lengths + empty))


@dataclass(frozen=True, slots=True)
class _Table:
    """The tokens of all chunks one after the other, and how many each chunk has."""

    tokens: Ids
    sizes: Ids

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> _Table:
        """Return the table of `rows`, one a chunk."""
        sizes = np.fromiter(map(len, rows), np.int64, len(rows))
        return cls(np.fromiter(chain.from_iterable(rows), np.int64, int(sizes.sum())), sizes)

    def expanded(self, chunks: Ids, ends: Ids) -> Encoded:
        """Return the tokens of `chunks` in order; text i has the chunks up to `ends[i]`."""
        sizes = self.sizes[chunks]
        after = np.cumsum(sizes)
        starts = (np.cumsum(self.sizes) - self.sizes)[chunks]
        places = np.repeat(starts - (after - sizes), sizes)
        places += np.arange(len(places))
        totals = np.concatenate((np.zeros(1, np.int64), after))
        return Encoded(self.tokens[places], totals[ends])
