"""The page that shows all pictures, and in which kinds each is taken."""

from screenshots.pages import LEFT_OUT, PICTURES

# Width, the greatest height, the colours, and how the gallery calls it. What is below the height is cut off.
KINDS = {
    "light": (1200, 1500, "light", "light"),
    "dark": (1200, 1500, "dark", "dark"),
    "phone": (390, 1400, "light", "on a phone"),
}
_BEGINNING = """\
# The dashboard in pictures

Made by `make screenshots`: `instar demo --serve` on a real Kafka, in Chromium. What is below the bottom of a picture is
cut off.
"""


def gallery() -> str:
    """The whole page, as Markdown."""
    parts = [_BEGINNING]
    for picture in PICTURES:
        first, *others = KINDS
        links = " · ".join(f"[{KINDS[kind][3]}]({picture.name}-{kind}.png)" for kind in others)
        parts.append(f"## {picture.shows}\n\n![{picture.shows}]({picture.name}-{first}.png)\n\n{links}\n")
    left_out = "\n".join(f"- `{route}` {why}." for route, why in LEFT_OUT.items())
    parts.append(f"## Not pictured\n\n{left_out}\n")
    return "\n".join(parts)
