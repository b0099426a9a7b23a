"""`python -m screenshots`: pictures of every page, light, dark and on a phone, into docs/images."""

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, sync_playwright

from screenshots.gallery import KINDS, gallery
from screenshots.pages import PICTURES, REPOSITORY, Picture, wrong_entries
from screenshots.palette import small_png
from screenshots.shop import NotReady, served_shop

FOLDER = REPOSITORY / "docs" / "images"
LIMIT_BYTES = 4 * 1024 * 1024  # of all pictures together: they are in everybody's clone
# Letters without coloured edges have fewer shades.
_FLAGS = ["--no-sandbox", "--disable-lcd-text", "--font-render-hinting=none", "--hide-scrollbars"]


class NoPicture(Exception):
    """A page is not as it must be to be pictured."""


def main(arguments: list[str] | None = None) -> int:
    """The command line; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m screenshots", description=__doc__)
    parser.add_argument("--address", help="of a served demonstration that runs already; default: start one")
    parser.add_argument("--only", action="append", metavar="NAME", help="this picture; may be repeated")
    parser.add_argument("--into", type=Path, default=FOLDER, help=f"default: {FOLDER.relative_to(REPOSITORY)}")
    asked = parser.parse_args(arguments)
    wrong = wrong_entries()
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    chosen = [each for each in PICTURES if not asked.only or each.name in asked.only]
    try:
        if asked.address:
            _take(asked.address, chosen, asked.into)
        else:
            with served_shop() as address:
                _take(address, chosen, asked.into)
    except (NotReady, NoPicture, Error) as problem:
        print(problem, file=sys.stderr)
        return 1
    (asked.into / "README.md").write_text(gallery(), encoding="utf-8")
    size = sum(each.stat().st_size for each in asked.into.glob("*.png"))
    print(f"{size / 1024:,.0f} KiB in {asked.into}", file=sys.stderr)
    if size > LIMIT_BYTES:
        print(f"That is more than {LIMIT_BYTES / 1024:,.0f} KiB.", file=sys.stderr)
        return 1
    return 0


def _take(address: str, pictures: list[Picture], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with _chromium() as browser:
        blank = browser.new_page()
        for kind, (width, height, scheme, _) in KINDS.items():
            context = browser.new_context(
                viewport={"width": width, "height": 800},
                color_scheme="dark" if scheme == "dark" else "light",
                reduced_motion="reduce",
                base_url=address,
            )
            page = context.new_page()
            for picture in pictures:
                _open(page, picture)
                over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                if over > 0:
                    raise NoPicture(f"{picture.name}-{kind}: {over} px wider than the window")
                whole = page.evaluate("document.documentElement.scrollHeight")
                page.set_viewport_size({"width": width, "height": min(whole, height)})
                (folder / f"{picture.name}-{kind}.png").write_bytes(small_png(page.screenshot(), blank))
                page.set_viewport_size({"width": width, "height": 800})
                print(f"{picture.name}-{kind}", file=sys.stderr, flush=True)
            context.close()


def _open(page: Page, picture: Picture) -> None:
    answer = page.goto(picture.path)
    wanted = 404 if picture.name == "error" else 200
    if answer is None or answer.status != wanted:
        raise NoPicture(f"{picture.path} answered {None if answer is None else answer.status}, not {wanted}")
    if picture.link:
        link = page.locator(picture.link).first
        if not link.count():
            raise NoPicture(f"{picture.path} has no {picture.link}")
        page.goto(link.get_attribute("href") or "")
    picture.prepare(page)
    page.evaluate("document.fonts.ready")


@contextmanager
def _chromium() -> Iterator[Browser]:
    path = os.environ.get("INSTAR_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not path:
        raise NoPicture("no Chromium here: apt-get install chromium, or INSTAR_TEST_CHROMIUM=PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    sys.exit(main())
