"""Puts what `make bench` has measured into the manual, and the growth curve beside it.

usage: document.py bench.json doc/performance.md"""

import json
import sys
from pathlib import Path

import report
from bench import WORKS


def main(results, manual):
    figures = json.loads(Path(results).read_text())
    page = Path(manual)
    page.write_text(report.update(page.read_text(), figures, WORKS))
    if "a" in figures["works"]:
        report.draw(figures["works"]["a"], page.with_suffix(".svg"))


if __name__ == "__main__":
    main(*sys.argv[1:])
