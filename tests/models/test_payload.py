"""Bodies and data URLs: exact JSON, original bytes, each image encoded once."""

from __future__ import annotations

import base64
import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PIL_Image

from vlmeval.errors import DataError, RejectedError
from vlmeval.models.payload import DataUrls, ImageLimits, Payload
from vlmeval.types import Image, Request, Sampling

HOSTILE = '"}]}\\ \u2028\u2029 </script> \x00\x1f \n\t\u202e 😀 data:image/png;base64,AAAA'


def picture(width: int = 8, height: int = 6, mode: str = "RGB", *, seed: int = 0) -> PIL_Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return PIL_Image.fromarray(pixels).convert(mode)


def image_of(drawn: PIL_Image.Image, kind: str = "png", **settings: Any) -> Image:
    written = io.BytesIO()
    drawn.save(written, kind, **settings)
    return as_image(written.getvalue(), *drawn.size, kind)


def as_image(data: bytes, width: int, height: int, kind: str) -> Image:
    return Image(hashlib.sha256(data).hexdigest(), width, height, kind).with_reader(lambda: data)


def payload(urls: DataUrls | None = None, **changed: Any) -> Payload:
    settings: dict[str, Any] = {
        "names": {"temperature": "temperature"},
        "overrides": {},
        "detail": None,
        "extra": {},
        **changed,
    }
    return Payload("m", urls or DataUrls(ImageLimits()), **settings)


def decoded(url: bytes) -> tuple[str, PIL_Image.Image]:
    head, _, data = url.partition(b";base64,")
    return head.decode(), PIL_Image.open(io.BytesIO(base64.b64decode(data, validate=True)))


@given(st.text(st.characters(exclude_categories=("Cs",))), st.text(st.characters(exclude_categories=("Cs",))))
def test_any_text_comes_back_from_the_body_as_it_was(question: str, system: str) -> None:
    body = msgspec.json.decode(payload().body(Request("s", "", (question,), system=system)))
    assert body == {
        "model": "m",
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": question}],
    }


def test_images_stay_where_the_question_has_them() -> None:
    first, second = image_of(picture(seed=1)), image_of(picture(seed=2), "jpeg")
    parts = (first, HOSTILE, "", second, "end")
    body = msgspec.json.decode(
        payload(detail="high", extra={"x": HOSTILE}).body(Request("s", "", parts, Sampling(temperature=0.5)))
    )
    urls = [f"data:image/{image.format};base64,{base64.b64encode(image.read()).decode()}" for image in (first, second)]
    assert body == {
        "model": "m",
        "temperature": 0.5,
        "x": HOSTILE,
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": urls[0], "detail": "high"}},
                    {"type": "text", "text": HOSTILE},
                    {"type": "image_url", "image_url": {"url": urls[1], "detail": "high"}},
                    {"type": "text", "text": "end"},
                ],
            }
        ],
    }


def test_a_lone_surrogate_rejects_its_sample_only() -> None:
    with pytest.raises(RejectedError, match="sample s7"):
        payload().body(Request("s7", "", ("\ud800",)))


def test_an_image_is_read_and_encoded_once_by_many_threads() -> None:
    reads: list[int] = []
    data = image_of(picture()).read()
    image = Image("0" * 64, 8, 6, "png").with_reader(lambda: reads.append(1) or data)  # type: ignore[func-returns-value]
    urls = DataUrls(ImageLimits())
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: urls.get(image), range(200)))
    assert len(found) == len(reads) == urls.encoded == 1


def test_the_cache_is_bounded_in_bytes_and_drops_the_oldest() -> None:
    images = [image_of(picture(seed=seed)) for seed in range(4)]
    size = len(DataUrls(ImageLimits()).get(images[0]))
    urls = DataUrls(ImageLimits(), capacity=int(size * 2.5))
    for image in (images[0], images[1], images[0], images[2], images[0]):
        urls.get(image)
    assert urls.encoded == 3
    urls.get(images[1])
    assert urls.encoded == 4


@pytest.mark.parametrize(
    ("kind", "mode"), [("bmp", "RGB"), ("tiff", "RGB"), ("gif", "P"), ("tiff", "RGBA"), ("bmp", "L"), ("tiff", "I;16")]
)
def test_formats_that_providers_do_not_take_become_png_of_the_same_pixels(kind: str, mode: str) -> None:
    drawn = picture().convert("L").convert("I").convert("I;16") if mode == "I;16" else picture(mode=mode)
    image = image_of(drawn, kind)
    urls = DataUrls(ImageLimits())
    head, sent = decoded(urls.get(image))
    assert (head, sent.format) == ("data:image/png", "PNG")
    original = PIL_Image.open(io.BytesIO(image.read()))
    assert np.array_equal(np.asarray(sent.convert("RGBA")), np.asarray(original.convert("RGBA")))
    assert (urls.converted, urls.resized) == (1, 0)


def test_usual_formats_are_sent_as_the_original_bytes() -> None:
    urls = DataUrls(ImageLimits(pixels=48, side=8, base64=4096))
    for kind in ("png", "jpeg", "webp"):
        image = image_of(picture(), kind)
        assert urls.get(image) == f"data:image/{kind};base64,{base64.b64encode(image.read()).decode()}".encode()
    assert (urls.converted, urls.resized) == (0, 0)


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_an_image_above_the_pixels_is_made_smaller_and_counted(kind: str) -> None:
    urls = DataUrls(ImageLimits(pixels=2500))
    head, sent = decoded(urls.get(image_of(picture(200, 100), kind)))
    assert head == f"data:image/{kind}"
    assert sent.size == (70, 35)
    assert urls.resized == 1


def test_an_image_above_the_side_or_the_bytes_fits_afterwards() -> None:
    _, sent = decoded(DataUrls(ImageLimits(side=50)).get(image_of(picture(200, 100))))
    assert sent.size == (50, 25)
    noise = image_of(picture(120, 120))
    url = DataUrls(ImageLimits(base64=8192)).get(noise)
    assert len(url.partition(b"base64,")[2]) <= 8192
    _, smaller = decoded(url)
    assert smaller.width == smaller.height < 120


def test_half_an_image_that_must_be_decoded_is_an_error_with_its_digest() -> None:
    whole = image_of(picture(60, 60), "bmp")
    half = as_image(whole.read()[:2000], 60, 60, "bmp")
    with pytest.raises(DataError, match=half.sha256[:12]):
        DataUrls(ImageLimits()).get(half)
