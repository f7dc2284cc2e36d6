"""Draw the icons of the integration and the app: a meter's dial with a needle, and waves going out of it."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

ROOT = Path(__file__).parents[1]
BRAND = "custom_components/gsm_meter_modem/brand"
BLUE, LIGHT_BLUE, WHITE, AMBER = (25, 90, 140), (110, 180, 235), (255, 255, 255), (245, 170, 40)
Colour = tuple[int, int, int]
PICTURES = {
    f"{BRAND}/icon.png": (256, 256, BLUE),
    f"{BRAND}/icon@2x.png": (512, 512, BLUE),
    f"{BRAND}/dark_icon.png": (256, 256, LIGHT_BLUE),
    f"{BRAND}/dark_icon@2x.png": (512, 512, LIGHT_BLUE),
    "app/icon.png": (128, 128, BLUE),
    "app/logo.png": (250, 100, BLUE),
}
"""Width and height of each picture in pixels, and its blue: on a dark page it must be light."""
SAMPLES = 3
"""Points of a pixel across and down, for smooth edges."""


def colour(x: float, y: float, blue: Colour) -> Colour | None:
    """Return the colour at a point of the unit square, None outside of everything."""
    dx, dy = x - 0.5, y - 0.62
    r, up = math.hypot(dx, dy), math.degrees(math.atan2(-dy, dx))
    if 0 < _along(dx, dy) < 0.2 and _aside(dx, dy) < 0.018:
        return AMBER
    if r < 0.035:
        return AMBER
    if r < 0.24:
        return WHITE
    if r < 0.30:
        return blue
    waves = any(abs(r - radius) < 0.022 for radius in (0.38, 0.48, 0.58))
    return blue if waves and 50 < up < 130 else None


def _along(dx: float, dy: float) -> float:
    return (dx - dy) / math.sqrt(2)


def _aside(dx: float, dy: float) -> float:
    return abs(dx + dy) / math.sqrt(2)


def pixel(column: int, row: int, size: int, blue: Colour) -> bytes:
    """Return red, green, blue and opacity of a pixel."""
    steps = [(i + 0.5) / SAMPLES for i in range(SAMPLES)]
    points = [colour((column + a) / size, (row + b) / size, blue) for a in steps for b in steps]
    inked = [point for point in points if point is not None]
    if not inked:
        return bytes(4)
    mixed = (sum(part) // len(inked) for part in zip(*inked, strict=True))
    return bytes((*mixed, 255 * len(inked) // len(points)))


def png(width: int, height: int, blue: Colour) -> bytes:
    """Return a picture of so many pixels with the drawing, as high as it is, in its middle."""
    left = (width - height) // 2
    lines = (b"".join(pixel(c - left, r, height, blue) for c in range(width)) for r in range(height))
    rows = b"".join(b"\0" + line for line in lines)
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, chunks))


def _chunk(chunk: tuple[bytes, bytes]) -> bytes:
    name, data = chunk
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


if __name__ == "__main__":
    for name, (width, height, blue) in PICTURES.items():
        (ROOT / name).parent.mkdir(exist_ok=True)
        (ROOT / name).write_bytes(png(width, height, blue))
