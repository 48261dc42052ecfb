"""a. Building N namespaces, from the start of the client to its answer; and removing them, from the
start of the client until the kernel has destroyed all.

The contestants take turns, each in a world of its own, and none begins before the kernel has
destroyed what the one before it left."""

import time

from cleanup import Cleanups
from contestants import contestants
from measure import REST_AFTER_MAKING, run, say, summary
from table import (Table, at_least, at_most, at_most_time, microseconds, milliseconds, quotient,
                   ratio)

SIZES = (1, 10, 100, 1000, 5000, 10000)

# What is asked of netnsd: at most so many times the bound, at one namespace so many seconds over
# it.
MAKE_LIMIT = {1000: 1.15, 10000: 1.25}
REMOVE_LIMIT = {1000: 1.15}
EXCESS_LIMIT = {1: 0.003}
# And so many times as fast as others, at this size.
OTHERS_SIZE = 100
OTHERS_LIMIT = {"batches": 20, "batch": 20, "ip": 80, "cni": 90}


def turn(contestant, count, cleanups):
    """The seconds that building and removing take."""
    with contestant.turn(count) as ready:
        _, made = run(ready.namespaces, ready.make)
        assert len(ready.names()) == count + 1, f"{contestant.title} has not built all"
        # The kernel's late work, and netnsd's, which must not be counted with the removal. The same
        # for all.
        time.sleep(REST_AFTER_MAKING)
        start, _ = run(ready.namespaces, ready.remove)
        gone = cleanups.wait(lambda: not ready.names())
    return made, gone - start


def those_there():
    for name, each in contestants().items():
        if each.there:
            yield name, each
        else:
            say(f"a: without {each.title}, which is missing (Debian: {each.package})")


def measure(options):
    there = dict(those_there())
    rows = []
    with Cleanups() as cleanups:
        for count in options.sizes(SIZES):
            times = {name: ([], []) for name, each in there.items()
                     if each.most is None or count <= each.most}
            for number in range(options.rounds(count)):
                for name, (made, removed) in times.items():
                    say(f"a: {count} namespaces, round {number + 1}, {there[name].title}")
                    seconds = turn(there[name], count, cleanups)
                    made.append(seconds[0])
                    removed.append(seconds[1])
            rows.append({"namespaces": count,
                         "make": {name: summary(made) for name, (made, _) in times.items()},
                         "remove": {name: summary(removed)
                                    for name, (_, removed) in times.items()}})
    return {"titles": {name: each.title for name, each in there.items()}, "sizes": rows}


# What is shown.

OURS = ("bound", "watched", "netnsd")

def medians(row, work):
    return {name: figures["median"] for name, figures in row[work].items()}


def against_bound(rows, work, title, limits, excesses):
    lines = []
    for row in rows:
        count, times = row["namespaces"], medians(row, work)
        limit = (at_most(limits.get(count), quotient(times["netnsd"], times["bound"]))
                 or at_most_time(excesses.get(count), times["netnsd"] - times["bound"],
                                 "{:g} ms over"))
        lines.append([f"{count:,}", *(milliseconds(times[name]) for name in OURS),
                      ratio(times["netnsd"], times["bound"]), limit])
    return Table(title, ["namespaces", "lower bound", "watched", "netnsd", "ratio", "limit"], lines)


def others_line(title, count, made, removed, limit):
    """MADE and REMOVED are the seconds of this contestant, netnsd and the bound."""
    faster, faster_bound = made[0] / made[1], made[0] / made[2]
    return [f"{count:,}", title, milliseconds(made[0]), f"{faster:.1f}x", at_least(limit, faster),
            f"{faster_bound:.1f}x", milliseconds(removed[0]), f"{removed[0] / removed[1]:.1f}x"]


def against_others(rows, titles):
    lines = []
    for row in rows:
        made, removed = medians(row, "make"), medians(row, "remove")
        for name in (name for name in titles if name in made and name not in OURS):
            limit = OTHERS_LIMIT.get(name) if row["namespaces"] == OTHERS_SIZE else None
            names = (name, "netnsd", "bound")
            lines.append(others_line(titles[name], row["namespaces"], [made[of] for of in names],
                                     [removed[of] for of in names], limit))
    return Table("The others, and how many times as long as netnsd and the lower bound they take.",
                 ["namespaces", "contestant", "build", "as netnsd", "limit", "as bound", "remove",
                  "as netnsd"], lines)


def growth(rows):
    """What a namespace costs, and how many times what it costs among a thousand, or among the
    fewest."""
    first = next((row for row in rows if row["namespaces"] == 1000), rows[0])
    lines = []
    for row in rows:
        def each(name, of=row):
            return medians(of, "make")[name] / of["namespaces"]
        growths = {name: each(name) / each(name, first) for name in OURS}
        lines.append([f"{row['namespaces']:,}", *(microseconds(each(name)) for name in OURS),
                      *(f"{growths[name]:.2f}x" for name in OURS),
                      at_most(growths["bound"] if row["namespaces"] == 10000 else None,
                              growths["netnsd"], "{:.2f}x")])
    return Table(f"Building one of them, and how that grows from {first['namespaces']:,} on.",
                 ["namespaces", "lower bound", "watched", "netnsd", "bound grows",
                  "watched grows", "netnsd grows", "limit"], lines)


def tables(data):
    rows = data["sizes"]
    yield against_bound(rows, "make", "Building, from the start of the client to its answer.",
                        MAKE_LIMIT, EXCESS_LIMIT)
    yield against_bound(rows, "remove", "Removing, from the start of the client until the kernel "
                        "has destroyed all.", REMOVE_LIMIT, {})
    others = against_others(rows, data["titles"])
    if others.rows:
        yield others
    if len(rows) > 1:
        yield growth(rows)
