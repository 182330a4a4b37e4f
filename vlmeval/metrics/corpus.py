"""A corpus of captions and references, worked out once for BLEU, ROUGE-L and CIDEr-D together.

All captions and references lie in one array of token numbers, each image's caption before its references. The n-grams
of an order are numbered by one sort of (n-gram, place) packed in 64 bits; in that order the occurrences of an n-gram
stand together, within them those of an image, and there the caption's before its references': counts, document
frequencies and what a caption shares with a reference are then differences and sums over runs.

Equal to `bleu_counts`, `rouge_l` and the formula of CIDEr-D caption by caption: counts exactly, CIDEr-D to 1e-12.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq
from rapidfuzz.process import cpdist

from vlmeval.metrics.encoding import Encoded, Encoder, Ids, Tokens

Floats = NDArray[np.float64]

LONGEST = 4
SIGMA = 6.0
BETA = 1.2
# Code points from here on are no characters: a token's number jumps over them where it stands for one.
SURROGATES, AFTER_SURROGATES = 0xD800, 0x800
PAIRS = 1 << 14
"""Pairs of texts whose common subsequences are asked for at once."""


@dataclass(frozen=True, slots=True)
class Grams:
    """The n-grams of one order. An entry is an n-gram in a text, with how often it occurs there.

    Entries are sorted by n-gram, then text. `number` (entries,) counts the n-grams, `ids` (places,) has the n-gram that
    begins at each token and is -1 where the text ends before it. `keys` (n-grams,) are what they were sorted by: the
    number of the n-gram without its last token times the size of the vocabulary, plus that token's number.
    """

    number: Ids
    text: Ids
    count: Ids
    ids: Ids
    keys: Ids


class Corpus:
    """Captions with their references. Images without a caption count in the document frequencies, and have no figures.

    `captions[i]` is the caption of image i or None; every image has a reference.
    """

    def __init__(self, captions: Sequence[str | None], references: Sequence[Sequence[str]], tokens: Tokens) -> None:
        texts: list[str] = []
        for caption, wanted in zip(captions, references, strict=True):
            if caption is not None:
                texts.append(caption)
            texts += wanted
        self._captioned = np.fromiter((one is not None for one in captions), np.bool_, len(captions))
        self._references = np.fromiter(map(len, references), np.int64, len(references))
        sizes = self._references + self._captioned
        self._image = np.repeat(np.arange(len(sizes)), sizes)
        firsts = np.cumsum(sizes) - sizes
        self._is_caption = np.zeros(len(texts), np.bool_)
        self._is_caption[firsts[self._captioned]] = True
        self._caption_of = firsts[self._image]  # of an image without a caption this is a reference, and never asked for
        self._encoder = Encoder(tokens)
        self._words, self._pieces = self._encoder.encode(texts)
        self._vocabulary = self._encoder.vocabulary

    @property
    def captioned(self) -> NDArray[np.bool_]:
        """Which images have a caption, shape (images,)."""
        return self._captioned

    @cached_property
    def unproven(self) -> int:
        """How many captions and references hold a form on which the tokenizer is not proven equal to the original."""
        return self._encoder.unproven()

    @property
    def texts(self) -> int:
        """How many captions and references there are."""
        return len(self._image)

    @cached_property
    def bleu(self) -> Floats:
        """(length, closest reference length, guessed 1..4, right 1..4) of each image, shape (images, 10)."""
        lengths = self._words.lengths
        rows = np.zeros((len(self._captioned), 2 + 2 * LONGEST))
        own = lengths[self._is_caption]
        rows[self._captioned, 0] = own
        rows[:, 1] = self._closest(lengths)
        for order in range(LONGEST):
            rows[self._captioned, 2 + order] = np.maximum(own - order, 0)
        rows[:, 2 + LONGEST :] = self._shared[0]
        return rows

    @cached_property
    def cider(self) -> Floats:
        """CIDEr-D of each image, times 10, shape (images,)."""
        return self._shared[1]

    @cached_property
    def rouge(self) -> Floats:
        """ROUGE-L of each image, 0..1, shape (images,)."""
        asked = np.flatnonzero(~self._is_caption & self._captioned[self._image])
        pieces = self._pieces.lengths
        strings = _as_strings(self._pieces)
        common = np.zeros(len(asked))
        for start in range(0, len(asked), PAIRS):
            part = asked[start : start + PAIRS]
            said = [strings[place] for place in self._caption_of[part].tolist()]
            wanted = [strings[place] for place in part.tolist()]
            common[start : start + PAIRS] = cpdist(said, wanted, scorer=LCSseq.similarity, dtype=np.int32)
        image = self._image[asked]
        best = np.zeros((2, len(self._captioned)))
        np.maximum.at(best[0], image, common / pieces[self._caption_of[asked]])
        np.maximum.at(best[1], image, common / pieces[asked])
        precision, recall = best
        score = np.zeros(len(precision))
        np.divide(
            (1 + BETA**2) * precision * recall,
            recall + BETA**2 * precision,
            out=score,
            where=(precision > 0) & (recall > 0),
        )
        return score

    def _closest(self, lengths: Ids) -> Ids:
        """Return the length of the reference nearest to the caption's, the shorter on a tie, shape (images,)."""
        gap = np.abs(lengths - lengths[self._caption_of])
        scale = int(lengths.max(initial=0)) + 1
        rank = gap * scale + lengths
        rank[self._is_caption] = np.iinfo(np.int64).max
        best = np.full(len(self._captioned), np.iinfo(np.int64).max)
        np.minimum.at(best, self._image, rank)
        return np.where(self._captioned, best % scale, 0)

    def frequencies(self) -> Frequencies:
        """Return the document frequencies of all n-grams."""
        orders: list[tuple[Ids, Ids]] = []
        ids: Ids | None = None
        for order in range(LONGEST):
            grams = self._grams(ids, order)
            ids = grams.ids
            orders.append((grams.keys, self._runs(grams)[1]))
        return Frequencies(self._encoder, tuple(orders), len(self._captioned))

    @cached_property
    def _shared(self) -> tuple[Floats, Floats]:
        """Return BLEU's clipped counts, shape (images, 4), and CIDEr-D, shape (images,)."""
        images, texts = len(self._captioned), len(self._image)
        right = np.zeros((images, LONGEST))
        similarity = np.zeros(texts)
        ids: Ids | None = None
        for order in range(LONGEST):
            grams = self._grams(ids, order)
            ids = grams.ids
            right[:, order], found = self._joined(grams)
            similarity += found
        bigrams = np.maximum(self._words.lengths - 1, 0)
        gap = bigrams - bigrams[self._caption_of]
        similarity *= np.exp(-(gap.astype(np.float64) ** 2) / (2 * SIGMA**2))
        similarity[self._is_caption] = 0.0
        total = np.bincount(self._image, weights=similarity, minlength=images)
        score: Floats = 10.0 * total / LONGEST / np.maximum(self._references, 1)
        return right, np.where(self._captioned, score, 0.0)

    def _grams(self, shorter: Ids | None, order: int) -> Grams:
        """Return the n-grams of n = order + 1; `shorter` are those, by place, of one token less."""
        tokens, text = self._words.tokens, self._words.texts
        if shorter is None:
            places, keys = np.arange(len(tokens)), tokens
        else:
            last = self._words.ends[text] - 1
            places = np.flatnonzero(np.arange(len(tokens)) + order <= last)
            keys = shorter[places] * self._vocabulary + tokens[places + order]
        places, keys = _sorted(places, keys)
        new_gram = _starts(keys)
        number = np.cumsum(new_gram) - 1
        ids = np.full(len(tokens), -1)
        ids[places] = number
        texts = text[places]
        entry = np.flatnonzero(new_gram | _starts(texts))
        return Grams(number[entry], texts[entry], np.diff(entry, append=len(places)), ids, keys[new_gram])

    def _runs(self, grams: Grams) -> tuple[Ids, Ids]:
        """Return where each run begins, an n-gram in an image, and the document frequency of each n-gram."""
        first = np.flatnonzero(_starts(grams.number) | _starts(self._image[grams.text]))
        # The caption comes first in a run: where the last entry is not the caption's, a reference has the n-gram.
        last = np.append(first[1:], len(grams.text))[: len(first)] - 1
        in_references = ~self._is_caption[grams.text[last]]
        return first, np.bincount(grams.number[first][in_references], minlength=len(grams.keys))

    def _joined(self, grams: Grams) -> tuple[Floats, Floats]:
        """Return BLEU's clipped counts by image, and by reference the clipped cosine with its image's caption."""
        images, texts = len(self._captioned), len(self._image)
        image = self._image[grams.text]
        is_caption = self._is_caption[grams.text]
        first, frequency = self._runs(grams)
        weight = (np.log(float(max(1, images))) - np.log(np.maximum(frequency, 1.0)))[grams.number]
        norm = np.sqrt(np.bincount(grams.text, weights=(grams.count * weight) ** 2, minlength=texts))
        run = np.repeat(np.arange(len(first)), np.diff(first, append=len(image)))
        head = first[run]
        joined = np.flatnonzero(is_caption[head] & ~is_caption)
        clipped = np.minimum(grams.count[joined], grams.count[head[joined]])
        best = np.zeros(len(first), np.int64)
        np.maximum.at(best, run[joined], clipped)
        right = np.bincount(image[first], weights=best, minlength=images).astype(np.float64)
        wanted = grams.text[joined]
        shares = clipped * weight[joined] * (grams.count[joined] * weight[joined])
        product = np.bincount(wanted, weights=shares, minlength=texts).astype(np.float64)
        lengths = norm * norm[self._caption_of]
        np.divide(product, lengths, out=product, where=lengths > 0)
        return right, product


@dataclass(frozen=True, slots=True)
class Frequencies:
    """In how many of `images` the references have an n-gram."""

    encoder: Encoder
    orders: tuple[tuple[Ids, Ids], ...]
    images: int

    def count(self, ngram: Sequence[str]) -> int:
        """Return the document frequency of an n-gram of one to four words, 0 for one that is in no reference."""
        number = 0
        for word, (keys, counts) in zip(ngram, self.orders, strict=False):
            key = self.encoder.number(word)
            if key is None:
                return 0
            key += number * self.encoder.vocabulary
            number = int(np.searchsorted(keys, key))
            if number == len(keys) or keys[number] != key:
                return 0
            found = int(counts[number])
        return found


def _sorted(places: Ids, keys: Ids) -> tuple[Ids, Ids]:
    """Return (places, keys) in the order of the keys, then of the places: one sort where both fit into 63 bits."""
    bits = int(places[-1]).bit_length() if len(places) else 0
    if len(keys) and int(keys.max()).bit_length() + bits <= 63:
        packed = keys << bits
        packed |= places
        packed.sort()
        return packed & ((1 << bits) - 1), packed >> bits
    order = np.argsort(keys, kind="stable")
    return places[order], keys[order]


def _starts(values: Ids) -> NDArray[np.bool_]:
    """Return where a run of equal values begins, shape (n,)."""
    starts = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=starts[1:])
    return starts


def _as_strings(encoded: Encoded) -> list[str]:
    """Return each text as a string with a character a token."""
    codes = encoded.tokens + AFTER_SURROGATES * (encoded.tokens >= SURROGATES)
    whole = codes.astype("<u4").tobytes().decode("utf-32-le")
    ends = encoded.ends.tolist()
    starts = (encoded.ends - encoded.lengths).tolist()
    return [whole[start:end] for start, end in zip(starts, ends, strict=True)]
