"""Does for netnsd-exec what systemd does for a socket unit with Accept=yes: a process a connection.

inetd.py SOCKET GROUP PROGRAM [ARGUMENT...]"""

import os
import signal
import socket
import sys


def serve(connection, command):
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(connection.fileno(), 3)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
    os.execv(command[0], command)


def main():
    path, group, *command = sys.argv[1:]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        os.chmod(path, 0o660)
        os.chown(path, 0, int(group))
        listener.listen()
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    serve(connection, command)


main()
