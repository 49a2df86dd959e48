"""`python tests/browser/pictures.py ADDRESS FOLDER`: pictures of both pages, for the docs."""

import base64
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from chromium import chromium, look

SAID = ("a kettle under 60", "cheaper", "no, I meant a blender", "I'll take the first one")
SIZES = {"": (1280, 900), "-phone": (390, 844)}


def shoot(driver: Any, path: Path) -> None:
    """Keep what the window shows."""
    told = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    path.write_bytes(base64.b64decode(told["data"]))


def talk(driver: Any, address: str) -> None:
    """Hold a conversation anew."""
    from selenium.webdriver.common.keys import Keys

    driver.get(address)
    driver.execute_script("sessionStorage.clear()")
    driver.get(address)
    time.sleep(2)
    for words in SAID:
        said = len(driver.find_elements("css selector", ".said.assistant"))
        driver.find_element("id", "message").send_keys(words, Keys.ENTER)
        for _ in range(100):
            time.sleep(0.3)
            if len(driver.find_elements("css selector", ".said.assistant")) > said:
                break
        time.sleep(1)
        if words == SAID[1]:
            driver.find_elements("css selector", ".card button")[-3].click()
    time.sleep(8)


def main(address: str, folder: Path) -> None:
    """Take them all."""
    with tempfile.TemporaryDirectory() as profile, chromium(Path(profile)) as driver:
        look(driver, width=1280, height=900)
        talk(driver, address)
        for page, path in (("chat", "/"), ("hints", "/hints")):
            for name, (width, height) in SIZES.items():
                for dark in (False, True):
                    look(driver, width=width, height=height, dark=dark)
                    driver.get(address + path)
                    time.sleep(3)
                    shoot(driver, folder / f"{page}{name}{'-dark' if dark else ''}.png")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
