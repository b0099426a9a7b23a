"""Smaller pictures: a PNG of at most 256 colours instead of all that Chromium writes.

A page has a few colours and the shades between each and the paper, so that nothing is seen of it; the file is a third.
Chromium decodes the picture and finds the colours, which is fast; the file is put together here.
"""

import struct
import zlib
from base64 import b64decode, b64encode

from playwright.sync_api import Page

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PALETTE = 3  # the colour type of PNG (W3C PNG, 11.2.2)
# The commonest colours are kept, every other pixel takes the nearest of them. Where there are too many, those are left
# out that the eye does not tell from one that is kept: a mark of a few pixels keeps its colour beside all the shades.
_COUNT = """async (picture) => {
  const bytes = Uint8Array.from(atob(picture), (each) => each.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const parts = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
  const distance = ([r, g, b], [x, y, z]) => (r - x) ** 2 + (g - y) ** 2 + (b - z) ** 2;
  const apart = counts.size > 256 ? 64 : 0;
  const kept = [];
  for (const [pixel] of [...counts].sort((a, b) => b[1] - a[1])) {
    if (kept.length === 256) break;
    if (kept.every((other) => distance(parts(pixel), parts(other)) >= apart)) kept.push(pixel);
  }
  const place = new Map(kept.map((pixel, index) => [pixel, index]));
  const nearest = (pixel) => {
    let best = 0, least = Infinity;
    kept.forEach((other, index) => {
      const far = distance(parts(pixel), parts(other));
      if (far < least) [best, least] = [index, far];
    });
    return best;
  };
  for (const pixel of counts.keys()) if (!place.has(pixel)) place.set(pixel, nearest(pixel));
  let text = "";
  for (const pixel of pixels) text += String.fromCharCode(place.get(pixel));
  return { width, height, colours: kept.flatMap(parts), places: btoa(text) };
}"""


def small_png(picture: bytes, blank: Page) -> bytes:
    """The picture again, with at most 256 colours. ``blank`` is a page without a policy, to compute in."""
    found = blank.evaluate(_COUNT, b64encode(picture).decode())
    width, height, places = found["width"], found["height"], b64decode(found["places"])
    rows = b"".join(b"\0" + places[start : start + width] for start in range(0, width * height, width))
    header = struct.pack(">IIBBBBB", width, height, 8, _PALETTE, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", bytes(found["colours"])),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
