"""Measures netnsd, and what it is compared with: all works, or those named. Each is a module with
measure(), of which comes what can be written as JSON, and tables(), which shows that.

`make bench` runs it as root, in a mount namespace of its own, with BENCH='a b' for some of the
works, NAMESPACES='10 100' for other sizes than each work's own, and ROUNDS=3."""

import argparse
import json
import sys
import traceback
from pathlib import Path

import a_build
import b_one_more
import c_again
import d_reads
import e_drift
import f_start
import g_footprint
import report
from measure import Options

WORKS = {"a": a_build, "b": b_one_more, "c": c_again, "d": d_reads, "e": e_drift, "f": f_start,
         "g": g_footprint}


def numbers(text):
    return [int(word) for word in text.split()]


def number(text):
    return int(text) if text else None


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--works", type=str.split, default=[], metavar="'a b'")
    parser.add_argument("--namespaces", type=numbers, metavar="'10 100'")
    parser.add_argument("--rounds", type=number, metavar="N")
    parser.add_argument("--output", type=Path, default=Path(), metavar="DIRECTORY",
                        help="where bench.json, bench.txt and bench.svg are written")
    return parser.parse_args()


def measure(names, options, results):
    """Adds to RESULTS, and writes what it has so far. A work that fails does not keep the others
    from being measured. Returns how many failed."""
    failed = 0
    figures = {"machine": report.machine(), "works": {}}
    for name in names:
        try:
            figures["works"][name] = WORKS[name].measure(options)
        except Exception:
            traceback.print_exc()
            failed += 1
        results.write_text(json.dumps(figures, indent=2) + "\n")
    return figures, failed


def main():
    chosen = arguments()
    unknown = set(chosen.works) - set(WORKS)
    if unknown:
        sys.exit(f"bench: no work is called {' '.join(unknown)}: they are {' '.join(WORKS)}")
    options = Options(chosen.namespaces, chosen.rounds)
    figures, failed = measure(chosen.works or list(WORKS), options, chosen.output / "bench.json")
    text = report.text(figures, WORKS)
    (chosen.output / "bench.txt").write_text(text)
    print(text)
    if "a" in figures["works"]:
        report.draw(figures["works"]["a"], chosen.output / "bench.svg")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
