#!/usr/bin/env python3
"""Runs the command blocks of the documentation that are marked as runnable, as a reader would type them.

    run_blocks.py --program build/release/citer [FILE.md ...]

A block is indented by four spaces and follows a line `<!-- runs -->`. Blocks of one file run one after the other in
one empty folder, each in a shell that ends with the first command that fails. A block marked `<!-- runs until stopped -->`
is a server: it goes on while the file's other blocks run, and is ended after them. Port 8080 becomes a free one. SLM, LLM,
ROUTER and TIME are set where a reader would set them: to the bundled pair, and to a time that a test can wait; DATA to its data.
"""
import argparse
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

SOURCE = pathlib.Path(__file__).resolve().parents[2]
MARK = re.compile(r"^<!-- runs( until stopped)? -->$")


def blocks(path):
    """(first line, commands, is a server) of each marked block."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = []
    for number, line in enumerate(lines):
        mark = MARK.match(line)
        if not mark:
            continue
        start = number + 1
        while start < len(lines) and not lines[start].strip():
            start += 1
        end = start
        while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
            end += 1
        commands = "\n".join(text[4:] for text in lines[start:end]).strip()
        if not commands:
            sys.exit(f"{path}:{number + 1}: no block follows the mark")
        found.append((start + 1, commands, bool(mark.group(1))))
    return found


def environment(program, folder):
    """A folder of programs in front of PATH, the bundled pair, and short times."""
    programs = folder / ".bin"
    programs.mkdir()
    (programs / "citer").symlink_to(program)
    demo = SOURCE / "models/demo"
    return {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "LLM": str(demo / "llm.gguf"),
            "SLM": str(demo / "slm.gguf"), "ROUTER": str(demo / "router-citer.gguf"), "TIME": "40s", "DATA": str(demo / "data")}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def wait_for_server(server, port):
    for _ in range(300):
        if server.poll() is not None:
            return False
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1)
            return True
        except OSError:
            time.sleep(0.2)
    return False


def run_file(path, program):
    """Runs one file's blocks; returns how many failed."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        env = environment(program, folder)
        port = free_port()
        servers = []
        try:
            for line, commands, is_server in blocks(path):
                shell = ["bash", "-euo", "pipefail", "-c", commands.replace("8080", port)]
                if is_server:
                    server = subprocess.Popen(shell, cwd=folder, env=env, start_new_session=True)
                    servers.append(server)
                    if wait_for_server(server, port):
                        continue
                    print(f"{path}:{line}: the server did not answer", file=sys.stderr)
                    return 1
                begun = time.monotonic()
                done = subprocess.run(shell, cwd=folder, env=env, text=True, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, timeout=600)
                print(f"{path.relative_to(SOURCE)}:{line}: {time.monotonic() - begun:.1f} s", flush=True)
                if done.returncode != 0:
                    print(f"{path}:{line}: ended with {done.returncode}\n{commands}\n{done.stdout}", file=sys.stderr)
                    return 1
        finally:
            for server in servers:
                if server.poll() is None:
                    os.killpg(server.pid, signal.SIGTERM)
                server.wait()
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    args = parser.parse_args()
    program = pathlib.Path(args.program).resolve()
    files = args.files or [SOURCE / "README.md", *sorted((SOURCE / "docs").glob("*.md"))]
    marked = [path.resolve() for path in files if blocks(path)]
    if not marked:
        sys.exit("no block is marked as runnable")
    sys.exit(sum(run_file(path, program) for path in marked))


if __name__ == "__main__":
    main()
