"""Whom the service lets come first. In a container, systemd may not be allowed to give it the limit for that."""

import os
from pathlib import Path

from system import process


def test_event_loop_comes_before_the_workers(bridge):
    main = process()
    niceness = {task.name: os.getpriority(os.PRIO_PROCESS, int(task.name))
                for task in Path(f"/proc/{main}/task").iterdir()}
    assert niceness.pop(main) == -10
    assert niceness and set(niceness.values()) == {0}
