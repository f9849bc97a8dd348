#!/usr/bin/env python3
"""Many clients' sessions on one LLM: decisions per second, tokens a pass, times of a decision.

Starts `citer serve` with the bundled pair and a session for each client. Each client reads a prompt of its own
and has tokens decided one by one, with a pause of an SLM that drafts some tokens in between.

    bench/decide_load.py [--citer build/release/citer] [--clients 64] [--decisions 12] [--pause 50]
"""
import argparse
import http.client
import json
import pathlib
import re
import statistics
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MASK = (1 << 64) - 1


def digest(tokens):
    """hash_tokens() of src/base/token_hash.h."""
    h = 0xcbf29ce484222325
    for token in tokens:
        for byte in token.to_bytes(4, "little"):
            h = ((h ^ byte) * 0x100000001b3) & MASK
    h = ((h ^ (h >> 30)) * 0xbf58476d1ce4e5b9) & MASK
    h = ((h ^ (h >> 27)) * 0x94d049bb133111eb) & MASK
    return f"{h ^ (h >> 31):016x}"


def post(connection, path, body):
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    return json.loads(connection.getresponse().read())


def client(port, name, prompt, args, seconds):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    tokens = post(connection, "/tokenize", {"content": prompt})["tokens"]
    keep = 0
    for _ in range(args.decisions):
        step = {"session": name, "keep": keep, "append": tokens[keep:], "digest": digest(tokens),
                "positions": [len(tokens)], "sampling": {"temperature": 0, "seed": "0", "stream": "0"}}
        start = time.monotonic()
        answer = post(connection, "/v1/citer/decide", {"protocol": 1, "sessions": [step]})["sessions"][0]
        if keep > 0:
            seconds.append(time.monotonic() - start)
        keep = len(tokens)
        tokens.append(answer["decisions"][0]["token"])
        time.sleep(args.pause / 1e3)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--citer", default=str(ROOT / "build/release/citer"))
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--decisions", type=int, default=12, help="of each client")
    parser.add_argument("--pause", type=float, default=50, help="milliseconds between them")
    args = parser.parse_args()
    lines = (ROOT / "models/demo/data/math.test.jsonl").read_text().splitlines()[:args.clients]
    with tempfile.NamedTemporaryFile("w") as log:
        server = subprocess.Popen([args.citer, "serve", "--port", "0", "--sessions", str(args.clients),
                                   "-np", "1", "-c", "512"], stderr=log)
        try:
            port = None
            while port is None:
                time.sleep(0.05)
                found = re.search(r"127.0.0.1:(\d+)", pathlib.Path(log.name).read_text())
                port = int(found.group(1)) if found else None
            seconds = []
            clients = [threading.Thread(target=client, args=(port, f"client {i}", json.loads(line)["prompt"],
                                                             args, seconds))
                       for i, line in enumerate(lines)]
            start = time.monotonic()
            for thread in clients:
                thread.start()
            for thread in clients:
                thread.join()
            took = time.monotonic() - start
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", "/metrics")
            page = connection.getresponse().read().decode()
        finally:
            server.terminate()
            server.wait()
    count = {name: float(value) for name, value in re.findall(r"citer_decide_([a-z_]+) ([0-9.e-]+)", page)}
    quantiles = statistics.quantiles(seconds, n=100)
    print(f"{len(lines)} clients, {int(count['decisions_total'])} decisions in {took:.1f} s: "
          f"{count['decisions_total'] / took:.0f}/s, {count['decisions_total'] / count['passes_total']:.1f} "
          f"a pass; p50 {1e3 * quantiles[49]:.0f} ms, p95 {1e3 * quantiles[94]:.0f} ms")


if __name__ == "__main__":
    main()
