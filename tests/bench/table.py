"""Tables of what was measured, for the terminal and for the manual."""

MILLISECOND, MICROSECOND = 1e-3, 1e-6


class Table:
    """A title, which is a sentence; the columns' heads; rows of cells; and a remark below."""

    def __init__(self, title, columns, rows, remark=""):
        self.title = title
        self.columns = columns
        self.rows = [[cell if isinstance(cell, str) else "-" for cell in row] for row in rows]
        self.remark = remark

    def widths(self):
        return [max(map(len, column)) for column in zip(self.columns, *self.rows)]

    def lines(self, separator, rule):
        widths = self.widths()
        for number, row in enumerate([self.columns, *self.rows]):
            first, *others = zip(row, widths)
            yield separator.join([first[0].ljust(first[1]),
                                  *(cell.rjust(width) for cell, width in others)])
            if number == 0:
                yield rule(widths)

    def text(self):
        lines = self.lines("  ", lambda widths: "-" * (sum(widths) + 2 * len(widths) - 2))
        return "\n".join([self.title, *lines, *([self.remark] if self.remark else [])]) + "\n"

    def markdown(self):
        def rule(widths):
            first, *others = widths
            return " | ".join(["-" * first, *("-" * (width - 1) + ":" for width in others)])
        lines = [f"| {line} |" for line in self.lines(" | ", rule)]
        remark = ["", self.remark] if self.remark else []
        return "\n".join([self.title, "", *lines, *remark]) + "\n"


# Cells. What is absent was not measured.

def milliseconds(seconds):
    return None if seconds is None else f"{seconds / MILLISECOND:,.2f} ms"


def microseconds(seconds, digits=0):
    return None if seconds is None else f"{seconds / MICROSECOND:,.{digits}f} us"


def quotient(value, base):
    return value / base if value is not None and base else None


def ratio(value, base):
    times = quotient(value, base)
    return None if times is None else f"{times:.2f}x"


def at_most(limit, value, show="{:g}x"):
    """What is asked of a value, and whether it is so; nothing where nothing is asked."""
    if limit is None or value is None:
        return None
    return "<= " + show.format(limit) + (" yes" if value <= limit else " NO")


def at_most_time(limit, seconds, show="{:g} ms"):
    if limit is None or seconds is None:
        return None
    return at_most(limit / MILLISECOND, seconds / MILLISECOND, show)


def at_least(limit, value, show="{:g}x"):
    if limit is None or value is None:
        return None
    return ">= " + show.format(limit) + (" yes" if value >= limit else " NO")
