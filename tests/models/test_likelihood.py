import pytest

torch = pytest.importorskip("torch")

from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: E402
from transformers import PreTrainedTokenizerFast  # noqa: E402

from vlmeval.errors import RejectedError  # noqa: E402
from vlmeval.models.likelihood import Tail, tail  # noqa: E402


def merging() -> PreTrainedTokenizerFast:
    """Return a tokenizer that merges ":" with a following "A", and splits at nothing."""
    vocab = {token: index for index, token in enumerate(["a", ":", "A", "B", ":A"])}
    backend = Tokenizer(models.BPE(vocab=vocab, merges=[(":", "A")]))
    backend.pre_tokenizer = pre_tokenizers.Split("\n", "removed")
    return PreTrainedTokenizerFast(tokenizer_object=backend)


def test_an_option_that_merges_with_the_prompt_is_weighed_from_the_merged_token() -> None:
    tokenizer = merging()
    assert tail(tokenizer, "aa:", "A") == Tail((4,), dropped=1)
    assert tail(tokenizer, "aa:", "B") == Tail((3,), dropped=0)
    assert tail(tokenizer, "", "BA") == Tail((3, 2), dropped=0)


def test_an_option_without_tokens_is_refused() -> None:
    with pytest.raises(RejectedError, match="adds no token"):
        tail(merging(), "aa:", "\n")
