"""Draws one Vega-Lite chart: `python render.py svg` (or png) reads it from standard input and writes the picture.

A program of its own, run by `nnlab.export.chart_file`: vl-convert holds Python's lock while it draws, which would stop
every page of the server for half a second, and the engine inside it takes 100 MB. It imports nothing of nnlab.
"""

import os
import sys

import vl_convert


def main() -> None:
    """Draw without access to the network: no chart may load an address."""
    os.nice(10)
    spec = sys.stdin.read()
    if sys.argv[1] == "svg":
        picture = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]).encode()
    else:
        picture = vl_convert.vegalite_to_png(spec, scale=2, allowed_base_urls=[])
    sys.stdout.buffer.write(picture)


if __name__ == "__main__":
    main()
