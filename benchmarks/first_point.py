"""From the click on Train to the first point on the screen, in a real browser on a warm server.

    python -m benchmarks.first_point [--rounds 7]

Chromium clicks; the first point is visible when the loss chart has drawn a training mark. The time is split into: from
the click to the store, in the queue, data and first epoch, until the page's tick is answered, drawing. The table shows
medians of several rounds, without the first one, which warms up. Needs Chromium and playwright
(`pip install -e '.[test]'`). The exit code is 1 unless every median is at most 0.7 s.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import click
from playwright.sync_api import Page, sync_playwright

from benchmarks.serving import CHROMIUM, FLAGS, Server
from nnlab.store import Store

CASES = {
    "moons": {"data.name": "moons", "data.n_samples": "500", "train.epochs": "200", "seeds": "3"},
    "digits": {"data.name": "digits", "train.epochs": "30", "seeds": "3"},
}
LISTEN = """
window.seen = {clicked: 0, message: 0, drawn: 0};
document.addEventListener("click", (event) => {
  if (event.target.closest(".st-key-train button")) window.seen.clicked = Date.now();
}, true);
const Real = window.WebSocket;
window.WebSocket = class extends Real {
  constructor(...given) { super(...given); this.addEventListener("message", () => { window.last = Date.now(); }); }
};
new MutationObserver(() => {
  if (window.seen.drawn || !window.seen.clicked || !location.pathname.endsWith("/train")) return;
  const marks = document.querySelectorAll(
    ".st-key-panel-loss svg .mark-line path[d], .st-key-panel-loss svg .mark-symbol path[d]");
  if ([...marks].some((mark) => mark.getAttribute("d").length > 0)) {
    window.seen.drawn = Date.now();
    window.seen.message = window.last;
  }
}).observe(document, {subtree: true, childList: true, attributes: true});
"""
PARTS = ("click to store", "queue", "data and first epoch", "tick and answer", "drawing")


@contextmanager
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        sys.exit("Chromium was not found: install Debian's `chromium`, or set NNLAB_CHROMIUM to its path.")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


def one_round(page: Page, server: Server, store: Store, link: dict[str, str]) -> dict[str, float]:
    """Milliseconds of each part."""
    page.goto(f"{server.url}/build?{urlencode({**link, 'lang': 'en'})}")
    page.wait_for_selector(".st-key-network-picture svg path", timeout=60_000)
    page.wait_for_function("() => document.querySelector('[data-test-script-state=\"notRunning\"]') !== null")
    page.locator(".st-key-train button").click()
    page.wait_for_url("**/train?*run=*", timeout=60_000, wait_until="commit")
    run_id = parse_qs(urlsplit(page.url).query)["run"][0]
    first = None
    while first is None:  # read the store every 2 ms until the first epoch is there
        first = time.time() if len(store.metrics(run_id).epochs) else None
        time.sleep(0.002)
    page.wait_for_function("() => window.seen.drawn > 0", timeout=60_000)
    seen, run = page.evaluate("window.seen"), store.run(run_id)
    assert run is not None
    assert run.started is not None
    moments = [seen["clicked"] / 1e3, run.created.timestamp(), run.started.timestamp(), first]
    moments += [max(first, seen["message"] / 1e3), seen["drawn"] / 1e3]
    took = [1e3 * (end - start) for start, end in pairwise(moments)]
    return dict(zip(PARTS, took, strict=True)) | {"in all": seen["drawn"] - seen["clicked"]}


@click.command()
@click.option("--rounds", default=7, show_default=True, type=click.IntRange(1))
def main(rounds: int) -> None:
    """From the click on Train to the first point on the screen."""
    slow = False
    with tempfile.TemporaryDirectory() as home, browser() as chromium:
        server = Server(Path(home)).start()
        try:
            store = Store(server.database_url)
            page = chromium.new_page()
            page.add_init_script(LISTEN)
            print("| milliseconds | " + " | ".join((*PARTS, "in all")) + " |")
            print("| --- |" + " ---: |" * (len(PARTS) + 1))
            for name, link in CASES.items():
                turns = [
                    one_round(page, server, store, {**link, "data.seed": str(turn)}) for turn in range(rounds + 1)
                ][1:]
                median = {part: statistics.median(turn[part] for turn in turns) for part in turns[0]}
                print(f"| {name} | " + " | ".join(f"{value:,.0f}" for value in median.values()) + " |", flush=True)
                slow |= median["in all"] > 700
        finally:
            server.stop()
    print(f"\nAt most 0.7 s: {'NOT MET' if slow else 'met'}")
    sys.exit(slow)


if __name__ == "__main__":
    main()
