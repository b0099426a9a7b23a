"""The pictures of the docs: every page of the dashboard has one, or a reason why not."""

import re
import struct
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from tests.support.browsing import chromium

from screenshots.gallery import gallery
from screenshots.pages import LEFT_OUT, PICTURES, routes, wrong_entries
from screenshots.palette import small_png

REPOSITORY = Path(__file__).resolve().parents[2]


def test_every_page_is_pictured_or_left_out_for_a_reason() -> None:
    assert wrong_entries() == []
    assert all(LEFT_OUT.values())
    assert {"/", "/consumers"} <= routes()


def test_names_of_pictures_are_theirs_alone() -> None:
    names = [picture.name for picture in PICTURES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("page", ["README.md", "docs/serve.md", "docs/images/README.md"])
def test_every_picture_that_a_page_shows_is_there(page: str) -> None:
    text = (REPOSITORY / page).read_text()
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    assert shown
    folder = (REPOSITORY / page).parent
    assert [each for each in shown if not (folder / each).is_file()] == []


def test_the_gallery_is_what_the_script_writes() -> None:
    assert (REPOSITORY / "docs/images/README.md").read_text() == gallery()


@pytest.mark.browser
def test_a_picture_of_few_colours_stays_the_same() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page, blank = browser.new_page(viewport={"width": 40, "height": 30}), browser.new_page()
        page.set_content("<body style='margin:0;background:#fcfaf6'><p style='margin:5px;height:9px;background:#b33'>")
        small = small_png(page.screenshot(), blank)
        blank.set_content("<img>")
        colours = blank.evaluate(
            """async (bytes) => {
              const picture = await createImageBitmap(new Blob([Uint8Array.from(bytes)], { type: "image/png" }));
              const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
              context.drawImage(picture, 0, 0);
              return [[0, 0], [20, 10]].map(([x, y]) => [...context.getImageData(x, y, 1, 1).data]);
            }""",
            list(small),
        )
        browser.close()
    assert struct.unpack(">II", small[16:24]) == (40, 30)
    assert colours == [[252, 250, 246, 255], [187, 51, 51, 255]]
