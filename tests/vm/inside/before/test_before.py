"""Before the machine is booted again: a network that is a file, one that is not, and services that run in
their namespaces."""

import shutil

from system import EXAMPLES, run

SERVICE = """
[Unit]
Requires=netns@{namespace}.service
After=netns@{namespace}.service
[Service]
Type=oneshot
NetworkNamespacePath=/run/netns/{namespace}
ExecStart=ping -c 1 -w 10 {address}
RemainAfterExit=yes
[Install]
WantedBy=multi-user.target
"""


def enable(name, **words):
    with open(f"/etc/systemd/system/{name}.service", "w", encoding="utf-8") as file:
        file.write(SERVICE.format(**words))
    run("systemctl", "enable", f"{name}.service")


def test_prepare(package):
    run("netnsctl", "delete", "--all", "--yes")
    shutil.copy(f"{EXAMPLES}/bridge.json", "/etc/netnsd/topologies.d/bridge.json")
    run("systemctl", "reload", "netnsd.service")
    run("netnsctl", "apply", f"{EXAMPLES}/router.json")
    enable("in-bridge", namespace="net0", address="10.0.1.3")
    run("systemctl", "start", "in-bridge.service")
