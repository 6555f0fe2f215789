"""The settings of the environment: what they give, and one sentence for what they cannot be."""

import os
import pwd

import pytest

from nnlab.cli.commands import run_command
from nnlab.settings import SettingsError, load_settings, settings


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("NNLAB_WORKERS", "two", "NNLAB_WORKERS: got 'two', allowed is a whole number from 1 to 1000."),
        ("NNLAB_WORKERS", "0", "NNLAB_WORKERS: got '0', allowed is a whole number from 1 to 1000."),
        ("NNLAB_MAX_EPOCHS", "²", "NNLAB_MAX_EPOCHS: got '²', allowed is a whole number from 1 to 1000000000."),
        ("NNLAB_MAX_EPOCHS", "9" * 5000, f"NNLAB_MAX_EPOCHS: got '{'9' * 60}', allowed is a whole number"),
        ("NNLAB_MAX_SEEDS", "-1", "NNLAB_MAX_SEEDS: got '-1', allowed is"),
        ("NNLAB_WARM", "no", "NNLAB_WARM: got 'no', allowed is a whole number from 0 to 1."),
        ("NNLAB_AUTH", "ldap", "NNLAB_AUTH: got 'ldap', allowed is none, code or oidc."),
        ("NNLAB_METRICS", "9100", "NNLAB_METRICS: got '9100', allowed is host:port, as 127.0.0.1:9100."),
        ("NNLAB_HOME", "~nobody-of-this-name/x", "NNLAB_HOME: got '~nobody-of-this-name/x', allowed is the path"),
    ],
)
def test_what_a_setting_cannot_be_is_one_sentence(monkeypatch, name, value, sentence):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert str(error.value).startswith(sentence)


def test_links_in_a_circle_are_no_folder(monkeypatch, tmp_path):
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    monkeypatch.setenv("NNLAB_DATA_DIR", str(tmp_path / "circle"))
    with pytest.raises(SettingsError, match="allowed is the path of a folder"):
        load_settings()


@pytest.fixture
def homeless(monkeypatch):
    """A user without HOME and without an entry among the users, as in a container with a number for a user."""

    def unknown(_):
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "NNLAB_HOME", *(name for name in os.environ if name.startswith("XDG_"))):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()


def test_without_a_home_folder_a_sentence_names_the_setting(homeless, capsys):
    assert run_command(["runs"]) == 2
    sentence = "NNLAB_HOME: this user has no home folder (HOME is not set), allowed is the path of a folder.\n"
    assert capsys.readouterr().err == sentence


def test_without_a_home_folder_the_setting_is_enough(homeless, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("NNLAB_HOME", str(tmp_path / "home"))
    assert run_command(["train", "celsius", "--set", "train.epochs=1"]) == 0
    assert (tmp_path / "home").is_dir()
