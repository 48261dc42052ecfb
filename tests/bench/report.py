"""What was measured, as text, in the manual and as a picture."""

import os
import re
import subprocess
from pathlib import Path

from measure import HERE


# The machine.

def value_in(path, key):
    """The value of the first line KEY: VALUE or KEY=VALUE of a file."""
    found = re.search(rf"^{key}\s*[:=]\s*(.*)$", Path(path).read_text(), re.MULTILINE)
    return found[1].strip('"') if found else "unknown"


def machine():
    virtual = "hypervisor" in value_in("/proc/cpuinfo", "flags").split()
    memory = int(value_in("/proc/meminfo", "MemTotal").split()[0]) / (1 << 20)
    return {"processor": value_in("/proc/cpuinfo", "model name"), "cores": os.cpu_count(),
            "virtual": virtual, "memory": f"{memory:.0f} GiB",
            "kernel": "Linux " + re.match(r"[\d.]*\d", os.uname().release)[0],
            "system": value_in("/etc/os-release", "PRETTY_NAME")}


def machine_text(of):
    kind = "virtual" if of["virtual"] else "physical"
    return (f"{of['processor']}, {of['cores']} cores ({kind}), {of['memory']}, {of['kernel']}, "
            f"{of['system']}")


# Text.

def text(figures, works):
    parts = [machine_text(figures["machine"]) + "\n"]
    for name, data in figures["works"].items():
        parts += [table.text() for table in works[name].tables(data)]
    return "\n".join(parts)


def between_marks(manual, name, new):
    """The manual with NEW in place of what stands between the marks of that name."""
    begin, end = f"<!-- {name}: generated -->\n", f"<!-- {name}: end -->\n"
    before, found, rest = manual.partition(begin)
    _, ended, after = rest.partition(end)
    assert found and ended, f"the manual has no place for {name}"
    return before + begin + "\n" + new + "\n" + end + after


def update(manual, figures, works):
    """The manual with the figures, where they stand in it."""
    manual = between_marks(manual, "machine", machine_text(figures["machine"]) + ".\n")
    for name, data in figures["works"].items():
        tables = [table.markdown() for table in works[name].tables(data)]
        manual = between_marks(manual, name, "\n".join(tables))
    return manual


# The picture.

def points(rows, name):
    """What a namespace costs, in microseconds, by their number."""
    return [(row["namespaces"], row["make"][name]["median"] / row["namespaces"] * 1e6)
            for row in rows if name in row["make"]]


def draw(data, path):
    """The growth curve, by tests/bench/growth.gnuplot."""
    script = (HERE / "growth.gnuplot").read_text()
    lines, curves = [], []
    for name, title in data["titles"].items():
        of_name = [f"{count} {each}" for count, each in points(data["sizes"], name)]
        if not of_name:
            continue
        lines += [f"${name} << END", *of_name, "END"]
        curves.append(f"${name} using 1:2 title '{title}'")
    subprocess.run(["gnuplot"], check=True, text=True,
                   input="\n".join([f"set output '{path}'", *lines, script,
                                    "plot " + ", ".join(curves), ""]))
