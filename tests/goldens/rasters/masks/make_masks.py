#!/usr/bin/env python3
"""Makes the rasters of this folder: one scene, and every way in which a TIFF tells that its first row holds no data.

5 rows x 6 columns; row-major values 1 ... 30. Values 1 ... 6 hold no data: 24 pixels are left, their mean is 18.5.
Written tag by tag (TIFF 6.0; GDAL's tags 42112 and 42113), so that no library's idea of validity comes in between.
"""
import struct
from pathlib import Path

ROWS, COLUMNS = 5, 6
VALUES = [float(i) for i in range(1, 31)]
EMPTY = range(6)
HERE = Path(__file__).parent
LONG, SHORT, ASCII = 4, 3, 2


def directory(tags, data_offset):
    """A directory and what does not fit into it, to be put at data_offset - len(directory)."""
    tags = sorted(tags, key=lambda tag: tag[0])
    extra_at, extra, entries = data_offset, b"", b""
    for number, kind, values in tags:
        code = {LONG: "I", SHORT: "H", ASCII: "B"}[kind]
        raw = struct.pack(f"<{len(values)}{code}", *values)
        if len(raw) > 4:
            entries += struct.pack("<HHII", number, kind, len(values), extra_at + len(extra))
            extra += raw + b"\0" * (len(raw) % 2)
        else:
            entries += struct.pack("<HHI", number, kind, len(values)) + raw.ljust(4, b"\0")
    return struct.pack("<H", len(tags)) + entries, extra


def write(name, images):
    """A TIFF of several directories: each a list of tags and its pixels, which become one strip or tile."""
    out = b"II*\0\0\0\0\0"
    link = 4
    for tags, pixels in images:
        tiled = any(tag[0] == 322 for tag in tags)
        place = [(324, LONG, [0]), (325, LONG, [len(pixels)])] if tiled else [(273, LONG, [0]), (279, LONG, [len(pixels)])]
        at = len(out)
        size = 2 + 12 * (len(tags) + 2) + 4
        _, extra = directory(tags + place, at + size)
        place[0] = (place[0][0], LONG, [at + size + len(extra)])
        body, extra = directory(tags + place, at + size)
        out = out[:link] + struct.pack("<I", at) + out[link + 4:]
        out += body + b"\0\0\0\0" + extra + pixels + b"\0" * (len(pixels) % 2)
        link = at + size - 4
    (HERE / name).write_bytes(out)


def text(number, value):
    return (number, ASCII, list(value.encode() + b"\0"))


def image(bits, sample_format, rows=ROWS, columns=COLUMNS, samples=1, tile=0, more=()):
    tags = [(256, SHORT, [columns]), (257, SHORT, [rows]), (258, SHORT, [bits] * samples), (259, SHORT, [1]), (262, SHORT, [1]),
            (277, SHORT, [samples]), (284, SHORT, [1]), (339, SHORT, [sample_format] * samples)]
    tags += [(322, SHORT, [tile]), (323, SHORT, [tile])] if tile else [(278, SHORT, [rows])]
    return tags + list(more)


def nodata(value):
    return text(42113, value)


def floats(values):
    return struct.pack(f"<{len(values)}f", *values)


def with_empty(value):
    return [value if i in EMPTY else v for i, v in enumerate(VALUES)]


def mask_bits(first_row_empty=True):
    """One bit a pixel, a byte a row: 0 is no data."""
    return b"".join(b"\x00" if first_row_empty and row == 0 else b"\xfc" for row in range(ROWS))


def mask_directory(subfile):
    return [(254, LONG, [subfile]), (256, SHORT, [COLUMNS]), (257, SHORT, [ROWS]), (258, SHORT, [1]), (259, SHORT, [1]),
            (262, SHORT, [4]), (277, SHORT, [1]), (278, SHORT, [ROWS])]


def interleaved(values, alpha, columns=COLUMNS, side=0):
    """Pairs of value and alpha; in a tile of the given side, padded with zeros."""
    rows = len(values) // columns
    pairs = []
    for row in range(side or rows):
        for column in range(side or columns):
            inside = row < rows and column < columns
            pairs += [int(values[row * columns + column]), alpha[row * columns + column]] if inside else [0, 0]
    return struct.pack(f"<{len(pairs)}H", *pairs)


def main():
    write("nodata-real.tif", [(image(32, 3, more=[nodata("-9999")]), floats(with_empty(-9999)))])
    write("nodata-integer.tif", [(image(16, 1, more=[nodata("65535")]), struct.pack("<30H", *map(int, with_empty(65535))))])
    write("nodata-nan.tif", [(image(32, 3, more=[nodata("nan")]), floats(with_empty(float("nan"))))])
    write("untold-nan.tif", [(image(32, 3), floats(with_empty(float("nan"))))])

    # Complex: v + 0i. Pixel 7 is 0 + 7i, whose real part alone is the nodata value: it is signal.
    real = with_empty(0)
    pairs = [part for i, v in enumerate(real) for part in ((0, 7) if i == 6 else (v, 0))]
    write("nodata-complex-zero.tif", [(image(64, 6, more=[nodata("0")]), floats(pairs))])
    pairs = [part for i, v in enumerate(VALUES) for part in ((-9999, (0, -9999)[i % 2]) if i in EMPTY else (0, -v))]
    write("nodata-complex-value.tif", [(image(64, 6, more=[nodata("-9999")]), floats(pairs))])
    nan = float("nan")
    odd = [(nan, 1), (1, nan), (nan, nan)]
    pairs = [part for i, v in enumerate(VALUES) for part in (odd[i % 3] if i in EMPTY else (0, v))]
    write("nodata-complex-nan.tif", [(image(64, 6, more=[nodata("nan")]), floats(pairs))])
    pairs = [part for i, v in enumerate(VALUES) for part in ((0, 0) if i in EMPTY else (int(v), 0))]
    write("nodata-complex-integer.tif", [(image(32, 5, more=[nodata("0")]), struct.pack("<60h", *pairs))])

    write("mask-internal.tif", [(image(32, 3), floats(VALUES)), (mask_directory(4), mask_bits())])
    pairs = [part for v in VALUES for part in (v, 0)]
    write("mask-complex.tif", [(image(64, 6), floats(pairs)), (mask_directory(4), mask_bits())])
    write("mask-sidecar.tif", [(image(32, 3), floats(VALUES))])
    flags = '<GDALMetadata>\n  <Item name="INTERNAL_MASK_FLAGS_1">2</Item>\n</GDALMetadata>\n'
    write("mask-sidecar.tif.msk", [(image(8, 1, more=[text(42112, flags)]),
                                    bytes(0 if i in EMPTY else 255 for i in range(30)))])
    # The mask denies three pixels, the nodata value three others.
    values = [-9999.0 if i < 3 else v for i, v in enumerate(VALUES)]
    bits = b"\xe0" + mask_bits(False)[1:]
    write("mask-and-nodata.tif", [(image(32, 3, more=[nodata("-9999")]), floats(values)), (mask_directory(4), bits)])

    # Alpha (ExtraSamples 2): 0 is no data; half transparent pixels hold data.
    alpha = [0 if i in EMPTY else 32768 if i == 9 else 65535 for i in range(30)]
    transparent = [(338, SHORT, [2])]
    write("alpha.tif", [(image(16, 1, samples=2, more=transparent), interleaved(VALUES, alpha))])
    # As a cloud-optimised file has it: tiles, and an overview that nobody may take for the image.
    small = [10.0] * 6
    write("alpha-tiled.tif", [
        (image(16, 1, samples=2, tile=16, more=transparent), interleaved(VALUES, alpha, side=16)),
        (image(16, 1, 2, 3, samples=2, tile=16, more=transparent + [(254, LONG, [1])]),
         interleaved(small, [65535] * 6, 3, 16))])
    values = [65535 if i < 3 else v for i, v in enumerate(VALUES)]
    alpha = [0 if 3 <= i < 6 else 65535 for i in range(30)]
    write("alpha-and-nodata.tif", [(image(16, 1, samples=2, more=transparent + [nodata("65535")]),
                                    interleaved(values, alpha))])

    # A value for each band: no data where all bands have theirs. The eighth pixel has the second band's alone.
    items = '<GDALMetadata>\n  <Item name="NODATA_VALUES">0 1</Item>\n</GDALMetadata>\n'
    first = [0 if i in EMPTY else int(v) for i, v in enumerate(VALUES)]
    second = [1 if i in EMPTY or i == 7 else 9 for i in range(30)]
    write("nodata-bands.tif", [(image(16, 1, samples=2, more=[(338, SHORT, [0]), text(42112, items)]),
                                interleaved(first, second))])


if __name__ == "__main__":
    main()
