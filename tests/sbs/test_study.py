"""Studies on disk and on a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sbs.small import MODELS, content, joined, vote_all
from vlmeval.errors import ConfigError, DataError
from vlmeval.sbs.content import Setting
from vlmeval.sbs.records import ConflictError
from vlmeval.sbs.study import make_study, open_study, read_study


def made(folder: Path, *, db: str | None = None) -> None:
    make_study(folder, content(2), Setting(overlap=1), task="t", sources=(), now=1.0, created="", version="0", db=db)


def test_a_study_on_a_server_needs_its_address_and_keeps_no_password(postgres_url: str, tmp_path: Path) -> None:
    folder = tmp_path / f"served-{tmp_path.name}"
    made(folder, db=postgres_url)
    assert [path.name for path in folder.iterdir()] == ["study.json"]
    assert "host=" not in (folder / "study.json").read_text("utf8")
    with pytest.raises(ConfigError, match="name it with --db"):
        open_study(folder)
    with pytest.raises(ConfigError, match="are in postgresql, not in sqlite"):
        open_study(folder, db="sqlite")
    with open_study(folder, db=postgres_url) as store:
        assert vote_all(store, joined(store, "ann")[0], "tie") == 6
        assert store.verify() == ()
    (folder / "study.json").unlink()
    with pytest.raises(ConflictError, match="holds a study already"):
        made(folder, db=postgres_url)


def test_two_studies_on_one_server_do_not_meet(postgres_url: str, tmp_path: Path) -> None:
    folders = [tmp_path / name / f"same-{tmp_path.name}-{name}" for name in ("Study A", "study a")]
    for folder in folders:
        made(folder, db=postgres_url)
    with open_study(folders[0], db=postgres_url) as one, open_study(folders[1], db=postgres_url) as other:
        vote_all(one, joined(one, "ann")[0], "left")
        assert (len(list(one.ballots())), len(list(other.ballots()))) == (6, 0)


def test_a_study_that_could_not_be_made_leaves_no_database(tmp_path: Path) -> None:
    lone = content(2, models=MODELS[:1])
    with pytest.raises(DataError, match="no pair of answers"):
        make_study(
            tmp_path / "s", lone, Setting(), task="t", sources=(), now=1.0, created="", version="0", guidelines="x"
        )
    assert list((tmp_path / "s").iterdir()) == []
    made(tmp_path / "s")
    assert read_study(tmp_path / "s").items == 6
    with pytest.raises(ConfigError, match="its votes are kept"):
        made(tmp_path / "s")
