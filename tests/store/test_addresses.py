"""Where the data base is: any folder, and no password in what is shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nnlab.settings import load_settings, sqlite_url
from nnlab.store import Store, connect

ODD = "100%25 ?a=b#c é ñ & + : @ ; ' \" \\ 日本 %"
names = st.text(st.sampled_from("a.0%25?#&=+ é日:@;'\"\\~"), min_size=1, max_size=20)


@given(st.lists(names, min_size=1, max_size=3))
@example([ODD])
def test_the_address_of_any_file_leads_to_it(parts: list[str]) -> None:
    path = Path("/", *parts, "nnlab.db")
    address = connect._parse(sqlite_url(path))
    assert (address.database, dict(address.query)) == (str(path), {})


@pytest.mark.parametrize("name", [ODD, os.fsdecode(b"latin \xe9")])
def test_the_data_base_is_in_the_home_folder_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("NNLAB_HOME", str(tmp_path / name))
    Store(load_settings().database_url).close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert "nnlab.db" in os.listdir(tmp_path / name)


def test_an_address_keeps_what_follows_its_question_mark() -> None:
    address = connect._parse("sqlite:////data/nnlab.db?timeout=5")
    assert (address.database, dict(address.query)) == ("/data/nnlab.db", {"timeout": "5"})


def test_settings_show_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNLAB_DATABASE_URL", "postgresql://ana:secret@host/nnlab")
    assert "secret" in load_settings().database_url
    assert "secret" not in repr(load_settings())
