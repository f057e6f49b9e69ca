"""Pictures of the report's page, for desktop, phone and dark screens: screenshots.py PAGE DIRECTORY."""

import base64
import sys
from pathlib import Path

from browsers import chromium, drawn, view

# Width and height of the part that is shown, in pixels, and the colour scheme that the reader prefers.
PICTURES = {
    "report.png": (1200, 1500, "light"),
    "report_dark.png": (1200, 1500, "dark"),
    "report_phone.png": (390, 2200, "light"),
}


def main(page: Path, directory: Path) -> None:
    """Write the pictures of PICTURES into `directory`."""
    with chromium("--hide-scrollbars") as browser:
        for name, (width, height, scheme) in PICTURES.items():
            view(browser, width, scheme)
            drawn(browser, page.resolve())
            clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
            shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
            (directory / name).write_bytes(base64.b64decode(shot["data"]))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
