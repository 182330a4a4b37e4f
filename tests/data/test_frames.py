"""Videos as frames: which are taken, from where, and what is refused."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.asked import write_jsonl, write_parquet
from tests.data.made import jpeg, png
from vlmeval.data.frames import Frames, evenly, row_frames
from vlmeval.data.images import ImageFolders
from vlmeval.data.sources import open_table
from vlmeval.errors import ConfigError, DataError

NO_AV = importlib.util.find_spec("av") is None


def frame(number: int) -> bytes:
    return png((number, 7, 7))


def folder(path: Path, count: int, name: str = "frame_{}.png") -> Path:
    path.mkdir(parents=True)
    for number in range(count):
        (path / name.format(number)).write_bytes(frame(number))
    return path


def frames_of(tmp_path: Path, count: int, row: dict[str, Any], video: str | None = None) -> Frames:
    path = write_jsonl(tmp_path / "v.jsonl", [{"question": "q", **row}])
    with open_table(path, ImageFolders.beside(path)) as table:
        return row_frames(table.row(0), count, video)


def numbers(found: Frames) -> list[int]:
    """Return the numbers that the frames were drawn with."""
    colors = [image.open().getpixel((0, 0)) for image in found.images]
    return [color[0] for color in colors if isinstance(color, tuple)]


@given(st.integers(1, 100), st.integers(0, 10_000))
def test_positions_rise_lie_inside_and_are_as_many_as_asked(count: int, total: int) -> None:
    places = evenly(count, total)
    assert len(places) == min(count, total)
    assert list(places) == sorted(set(places))
    assert all(0 <= place < total for place in places)


@given(st.integers(1, 50), st.integers(1, 50))
def test_positions_are_symmetric_in_time_where_parts_are_odd(count: int, half: int) -> None:
    total = count * (2 * half + 1)
    places = evenly(count, total)
    assert [total - 1 - place for place in reversed(places)] == list(places)


def test_the_middles_of_equal_parts_are_taken() -> None:
    assert evenly(4, 12) == (1, 4, 7, 10)
    assert evenly(1, 9) == (4,)
    assert evenly(4, 3) == (0, 1, 2)


def test_frames_of_a_folder_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    folder(tmp_path / "frames" / "clip", 12)
    found = frames_of(tmp_path, 4, {}, "clip.mp4")
    assert numbers(found) == [1, 4, 7, 10]
    assert found.note == "uniform 4 of 12: 1 4 7 10"


def test_other_files_in_a_folder_of_frames_are_no_frames(tmp_path: Path) -> None:
    made = folder(tmp_path / "clip", 2)
    (made / "notes.txt").write_text("x")
    (made / "frame_9.JPG").write_bytes(jpeg())
    found = frames_of(tmp_path, 8, {}, "clip")
    assert (len(found.images), found.note) == (3, "uniform 3 of 3: 0 1 2")


def test_a_list_of_paths_is_sampled_before_a_file_is_read(tmp_path: Path) -> None:
    folder(tmp_path / "f", 5)
    names = ["f/gone.png", *(f"f/frame_{number}.png" for number in range(1, 5))]
    found = frames_of(tmp_path, 2, {"frames": names})
    assert (numbers(found), found.note) == ([1, 3], "uniform 2 of 5: 1 3")
    with pytest.raises(DataError, match=r"gone\.png"):
        frames_of(tmp_path, 5, {"frames": names})


def test_a_column_of_images_in_parquet_is_sampled(tmp_path: Path) -> None:
    cells = [{"bytes": frame(number), "path": None} for number in range(6)]
    path = write_parquet(tmp_path / "v.parquet", [{"question": "q", "frames": cells}])
    with open_table(path, ImageFolders.beside(path)) as table:
        found = row_frames(table.row(0), 3, None)
        assert numbers(found) == [1, 3, 5]
    assert found.note == "uniform 3 of 6: 1 3 5"


def test_a_video_without_frames_says_where_to_put_them(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 1: no frames of the video \"clip\.mp4\"; .* frames/clip/"):
        frames_of(tmp_path, 4, {}, "clip.mp4")
    (tmp_path / "clip").mkdir()
    with pytest.raises(DataError, match="no frames of the video"):
        frames_of(tmp_path, 4, {}, "clip.mp4")
    with pytest.raises(DataError, match=r'"video"|"frames"'):
        frames_of(tmp_path, 4, {})


@pytest.mark.parametrize("frames", [[], [""]])
def test_a_list_without_frames_is_an_error(frames: list[str], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'line 1, column "frames": no frames in the list'):
        frames_of(tmp_path, 4, {"frames": frames}, "clip")


@pytest.mark.parametrize("name", ["../secret", "/etc", "a/../../secret", "clip\0", "."])
def test_a_name_that_leads_out_of_the_data_is_refused(name: str, tmp_path: Path) -> None:
    folder(tmp_path / "secret", 2)
    (tmp_path / "data").mkdir()
    with pytest.raises(DataError, match=r"leads out of the data folders|no frames of the video"):
        frames_of(tmp_path / "data", 4, {}, name)


def test_a_broken_frame_is_named_by_its_file(tmp_path: Path) -> None:
    made = folder(tmp_path / "clip", 3)
    (made / "frame_1.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"frame_1\.png: 7 bytes that are no image"):
        frames_of(tmp_path, 3, {}, "clip")


@pytest.mark.skipif(not NO_AV, reason="av is installed")
def test_a_video_file_without_av_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"x")
    with pytest.raises(ConfigError, match=r"clip\.mp4: decoding video files needs the package `av`; .*frames/clip/"):
        frames_of(tmp_path, 4, {}, "clip")


def video(path: Path, count: int) -> Path:
    """Write frames that grow lighter, losslessly."""
    av = pytest.importorskip("av", reason="the package av is not installed")
    from PIL import Image

    path.parent.mkdir(exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=5)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "bgr0"
        for number in range(count):
            picture = Image.new("RGB", (32, 32), (number * 10, 0, 0))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return path


def test_a_video_file_is_decoded_where_av_is_installed(tmp_path: Path) -> None:
    video(tmp_path / "videos" / "clip.mkv", 12)
    found = frames_of(tmp_path, 4, {}, "clip.mkv")
    assert [number // 10 for number in numbers(found)] == [1, 4, 7, 10]
    assert found.note == "uniform 4 of 12: 1 4 7 10"
    assert [image.format for image in found.images] == ["png"] * 4


def test_a_video_file_that_is_none_is_named(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="the package av is not installed")
    (tmp_path / "clip.mp4").write_bytes(b"no video at all")
    with pytest.raises(DataError, match=r"clip\.mp4: the video cannot be decoded"):
        frames_of(tmp_path, 4, {}, "clip")


PART = {"start": 1.0, "end": 2.5}


def test_frames_of_a_part_are_chosen_by_the_rate_of_the_folder(tmp_path: Path) -> None:
    folder(tmp_path / "clip", 12)
    found = frames_of(tmp_path, 2, {**PART, "fps": 3}, "clip")
    assert found.note == "uniform 2 of 12: 4 6"
    assert frames_of(tmp_path, 2, PART, "clip").note == "uniform 2 of 12: 3 9"
    assert frames_of(tmp_path, 2, {"start": None, "end": None, "fps": 3}, "clip").note == "uniform 2 of 12: 3 9"


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"start": 5, "end": 2}, "seconds 5 to 2 are no part of a video"),
        ({"start": -1, "end": 2}, "seconds -1 to 2 are no part"),
        ({"start": "soon", "end": 2}, '"soon" is no number of seconds'),
        ({"start": 0, "end": "inf"}, '"inf" is no number of seconds'),
        ({"start": 50, "end": 60, "fps": 3}, "no frame from second 50 to 60; the last is at 3.66667"),
    ],
)
def test_a_part_that_is_none_is_an_error_with_its_row(cells: dict[str, object], said: str, tmp_path: Path) -> None:
    folder(tmp_path / "clip", 12)
    with pytest.raises(DataError, match=f"line 1.*{re.escape(said)}"):
        frames_of(tmp_path, 2, cells, "clip")


def test_frames_of_a_part_of_a_video_file_are_chosen_by_its_clock(tmp_path: Path) -> None:
    video(tmp_path / "videos" / "clip.mkv", 20)
    found = frames_of(tmp_path, 2, PART, "clip.mkv")
    assert found.note == "uniform 2 of 20: 7 11"
    assert [number // 10 for number in numbers(found)] == [7, 11]
