"""Make the README's moving picture: Play on a fresh server, its film, one layer more, and the film of the new network.

    python -m docs.play_picture

Writes play.webp beside this file. The slider moves the film, a step a picture, so that the speed of the machine does
not matter.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import FloatRect, Page, sync_playwright

from benchmarks.serving import CHROMIUM, FLAGS, Server

HERE = Path(__file__).parent
MOST = 2_000_000  # bytes
STEPS, SHOWN, REST = 34, 80, 1500  # pictures of a film; milliseconds of one of them, and of the last
AREA = FloatRect(x=270, y=60, width=950, height=770)


def pictures(page: Page) -> list[Image.Image]:
    """The film at rest on its first epoch, and then on others up to its last."""
    slider = page.get_by_role("slider", name="epoch")
    last, found = int(slider.get_attribute("max") or 0), []
    for step in range(STEPS):
        at = round(last * (step / (STEPS - 1)) ** 1.5)  # most changes at the beginning
        slider.evaluate("(slider, at) => { slider.value = at; slider.dispatchEvent(new Event('input')); }", at)
        page.evaluate("() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
        found.append(Image.open(io.BytesIO(page.screenshot(clip=AREA))).convert("RGB"))
    return found


def trained(page: Page) -> None:
    """Wait until the film of the network shown has played."""
    page.locator(".st-key-keep button").wait_for()
    page.wait_for_function("""() => document.querySelector('[data-test-script-state="notRunning"]') !== null""")
    page.wait_for_timeout(1500)


def main() -> None:
    """Write play.webp."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder)).start()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(
            viewport={"width": 1280, "height": 900}, locale="en-GB", color_scheme="light", reduced_motion="reduce"
        )
        page.set_default_timeout(120_000)
        try:
            page.goto(f"{server.url}/play?lang=en")
            trained(page)
            first = pictures(page)
            before = page.locator("section.view").get_attribute("data-film")
            page.get_by_role("button", name="One layer more").click()
            page.locator(f'section.view:not([data-film="{before}"])').wait_for()
            trained(page)
            page.evaluate("document.activeElement?.shadowRoot?.activeElement?.blur()")
            second = pictures(page)
        finally:
            browser.close()
            server.stop()
    times = ([SHOWN] * (STEPS - 1) + [REST]) * 2
    path = HERE / "play.webp"
    first[0].save(path, save_all=True, append_images=first[1:] + second, duration=times, loop=0, quality=82, method=6)
    size = path.stat().st_size
    print(f"{path}: {len(times)} pictures, {sum(times) / 1000:.1f} s, {size / 1e6:.2f} MB")
    assert size < MOST


if __name__ == "__main__":
    main()
