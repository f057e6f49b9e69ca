"""Pictures of the report's page at desktop and phone width: screenshots.py PAGE DIRECTORY."""

import base64
import sys
from pathlib import Path

from browsers import chromium, drawn, view

# Width and height of the part that is shown, in pixels.
PICTURES = {"report.png": (1200, 1420), "report_phone.png": (380, 1200)}


def main(page: Path, directory: Path) -> None:
    """Write the pictures of PICTURES into `directory`."""
    with chromium("--hide-scrollbars") as browser:
        for name, (width, height) in PICTURES.items():
            view(browser, width, "light")
            drawn(browser, page.resolve())
            clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
            shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
            (directory / name).write_bytes(base64.b64decode(shot["data"]))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
