"""Starts and stops `citer serve` on the bundled pair."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAM = os.environ["CITER_PROGRAM"]
LONGEST_START = 60  # seconds


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(port, flags, log=subprocess.DEVNULL):
    """The process, once it answers. Raises RuntimeError where it ends instead."""
    command = [PROGRAM, "serve", "--host", "127.0.0.1", "--port", str(port), *map(str, flags)]
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}/health"
    for _ in range(LONGEST_START * 20):
        if process.poll() is not None:
            raise RuntimeError(f"citer ended with {process.returncode}: {' '.join(command)}")
        try:
            if urllib.request.urlopen(url, timeout=1).status == 200:
                return process
        except (urllib.error.URLError, OSError):
            pass  # it does not listen yet, or loads
        time.sleep(0.05)
    stop(process)
    raise RuntimeError("citer does not answer: " + " ".join(command))


def stop(process):
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def table(head, rows):
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in lines)
