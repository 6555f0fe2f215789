"""Take the README's screenshots: a fresh server, a real browser, real runs.

python -m docs.screenshots
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.serving import CHROMIUM, FLAGS, Server

HERE = Path(__file__).parent
MOONS = (
    "data.name=moons&data.n_samples=500&data.noise=0.25&data.per_seed=samples&model.hidden=8-8&model.activation=tanh"
    "&train.lr=0.003"
)


def settle(page: Page) -> None:
    """Wait until nothing is computed or drawn."""
    page.wait_for_function("() => !document.querySelector('[data-testid=\"stStatusWidget\"]')")
    page.wait_for_function("() => !document.querySelector('[data-testid=\"stSkeleton\"]')")
    page.wait_for_timeout(1500)  # charts fade in


def main() -> None:
    """Write train.png, compare.png and inspect.png next to this file."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder)).start()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 860}, locale="en-GB", color_scheme="light")
        page.set_default_timeout(60_000)
        try:
            page.goto(f"{server.url}/build?{MOONS}&train.epochs=3000&seeds=5&lang=en")
            page.locator(".st-key-train button").click()
            page.wait_for_url("**/train?*run=*")
            page.locator('.st-key-outcome, section.view[data-epoch="3000"]').nth(1).wait_for()  # verdict and film's end
            page.get_by_role("button", name="Play the film").wait_for()
            page.set_viewport_size({"width": 1280, "height": 1180})
            settle(page)
            page.screenshot(path=HERE / "train.png")
            run = page.url
            page.goto(
                f"{server.url}/compare?{MOONS}&data.n_samples=100&train.epochs=300&train.lr=0.01&vary=depth"
                "&values=1,2,4,8&seeds=10&lang=en"
            )
            page.get_by_role("button", name="Compare").first.click()
            page.wait_for_url("**/compare?*comparison=*")
            page.locator(".st-key-stop").wait_for(state="detached", timeout=300_000)
            page.set_viewport_size({"width": 1280, "height": 1040})  # the charts in view
            settle(page)
            page.screenshot(path=HERE / "compare.png")
            page.goto(run.replace("/train", "/inspect"))
            page.get_by_text("Heat map", exact=True).wait_for()
            settle(page)
            page.screenshot(path=HERE / "inspect.png")
        finally:
            browser.close()
            server.stop()


if __name__ == "__main__":
    main()
