"""The connection to the scheduler, and why there is none."""

from pathlib import Path
from typing import Any

from nnlab.jobs.cluster import Contact
from nnlab.jobs.trouble import WorkerError

CLOSED = "it closed the connection; its address may begin with tls://, or it knows another certificate."


def open_client(address: str, contact: Contact | None = None) -> Any:
    """A client of the scheduler at `address`.

    Parameters
    ----------
    contact : Contact, optional
        Of a local cluster; otherwise the certificate is that of Dask's own settings.

    Raises
    ------
    WorkerError
        If the certificate is missing, cannot be read, or is not the scheduler's.
    """
    from distributed import Client
    from distributed.comm.core import CommClosedError, FatalCommClosedError

    if contact is None and address.startswith("tls://"):
        _check_certificate()
    security = contact and contact.security()
    options = {"set_as_default": False, "timeout": 30 if contact else 5, "name": "nnlab", "security": security}
    try:
        return Client(address, **options)  # type: ignore[no-untyped-call]
    except FatalCommClosedError:
        raise WorkerError("certificate", "this server's is another one.") from None
    except CommClosedError:
        raise WorkerError("certificate", CLOSED) from None


def _check_certificate() -> None:
    """Raise WorkerError unless Dask's settings name a certificate that can be used."""
    from distributed.security import Security

    security: Any = Security(require_encryption=True)  # type: ignore[no-untyped-call]
    files = {
        "CA_FILE": security.tls_ca_file,
        "CLIENT__CERT": security.tls_client_cert,
        "CLIENT__KEY": security.tls_client_key or security.tls_client_cert,  # one file may hold both
    }
    if missing := [name for name, file in files.items() if not file]:
        raise WorkerError("certificate", f"{' and '.join(missing)} not set.")
    for file in files.values():
        if "-----BEGIN" not in file and not Path(file).is_file():
            raise WorkerError("certificate", f"there is no file {file}.")
    try:
        security.get_connection_args("client")
    except OSError as error:  # not PEM, the key of another certificate, not readable
        raise WorkerError("certificate", f"it cannot be used, {str(error).rstrip('.')}.") from None
