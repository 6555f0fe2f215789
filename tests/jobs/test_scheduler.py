"""A scheduler that wants a certificate: what is wrong is said in a sentence, and nothing hangs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dask
import pytest
from distributed import LocalCluster
from distributed.security import Security

from nnlab.jobs.scheduler import open_client
from nnlab.jobs.trouble import WorkerError
from nnlab.ui.shell.text import Text
from nnlab.ui.shell.trouble_text import trouble_text


def write(folder: Path, name: str) -> Security:
    """A certificate and its key as files."""
    made = Security.temporary()
    (folder / f"{name}.pem").write_text(made.tls_client_cert)
    (folder / f"{name}.key").write_text(made.tls_client_key)
    return made


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Security]:
    folder = tmp_path_factory.mktemp("tls")
    write(folder, "other")
    return folder, write(folder, "ours")


@pytest.fixture
def address(files: tuple[Path, Security]) -> Iterator[str]:
    options = {"n_workers": 0, "processes": False, "dashboard_address": None}
    with LocalCluster(protocol="tls", security=files[1], **options) as cluster:
        yield cluster.scheduler_address


@pytest.mark.parametrize(
    ("ca", "certificate", "key", "said"),
    [
        ("", "", "", "CA_FILE and CLIENT__CERT and CLIENT__KEY not set"),
        ("ours.pem", "", "", "CLIENT__CERT and CLIENT__KEY not set"),
        ("ours.pem", "away.pem", "ours.key", "there is no file"),
        ("ours.pem", "ours.pem", "other.key", "it cannot be used"),
        ("ours.pem", "ours.key", "ours.key", "it cannot be used"),
        ("other.pem", "other.pem", "other.key", "this server's is another one"),
    ],
)
def test_what_is_wrong_with_the_certificate_is_said(
    files: tuple[Path, Security], address: str, ca: str, certificate: str, key: str, said: str
) -> None:
    names = {"ca-file": ca, "client.cert": certificate, "client.key": key}
    given = {f"distributed.comm.tls.{name}": str(files[0] / file) if file else None for name, file in names.items()}
    with dask.config.set(given), pytest.raises(WorkerError) as caught:
        open_client(address)
    trouble = caught.value.trouble
    assert trouble.kind == "certificate"
    assert said in str(trouble)
    assert "DASK_DISTRIBUTED__COMM__TLS__CA_FILE" in str(trouble)
    for language in ("en", "es"):
        assert "DASK_DISTRIBUTED__COMM__TLS__CA_FILE" in trouble_text(trouble, Text(language))


def test_the_certificate_of_dasks_settings_opens_the_door(files: tuple[Path, Security], address: str) -> None:
    names = {"ca-file": "ours.pem", "client.cert": "ours.pem", "client.key": "ours.key"}
    with dask.config.set({f"distributed.comm.tls.{name}": str(files[0] / file) for name, file in names.items()}):
        client = open_client(address)
    assert client.status == "running"
    client.close()
