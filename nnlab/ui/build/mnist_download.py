"""The download of MNIST: one for the whole server, and every visitor sees the same progress bar."""

from __future__ import annotations

import threading

import streamlit as st

from nnlab.datasets.mnist import DatasetUnavailable, fetch
from nnlab.ui.shell.frame import Page


class _Download:
    latest: _Download | None = None

    def __init__(self) -> None:
        self.share, self.error = 0.0, ""
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            fetch(progress=self._progress)
        except DatasetUnavailable as error:
            self.error = str(error)

    def _progress(self, done: int, total: int) -> None:
        self.share = min(1.0, done / max(1, total))


def _start() -> None:
    _Download.latest = _Download()


def offer_download(page: Page) -> None:
    """A button that starts the download; the progress bar while it runs."""
    t, download = page.t, _Download.latest
    if download is not None and download.thread.is_alive():
        _progress_bar(page, download)
        return
    if download is not None and download.error:
        st.warning(download.error, icon=":material/cloud_off:")
        label = t("Try again")
    else:
        st.info(t("MNIST is not on this server yet. It is downloaded once (11 MB)."), icon=":material/download:")
        label = t("Download MNIST")
    st.button(label, icon=":material/download:", key="download-mnist", on_click=_start)


@st.fragment(run_every=0.5)
def _progress_bar(page: Page, download: _Download) -> None:
    if not download.thread.is_alive():
        st.rerun()
    st.progress(download.share, page.t("Downloading MNIST"))
