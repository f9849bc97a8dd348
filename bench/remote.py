#!/usr/bin/env python3
"""Answers of the bundled pair with the LLM behind a slow network: seconds, trips and bytes per answer.

A proxy on the loopback delays every byte by as long each way. Compared are one trip for each critical
token, what citer does by itself (drafting on, writing ahead), and the LLM alone at the server, streamed.

    bench/remote.py [--citer build/release/citer] [--delays 20,50,150] [--answers 8]
"""
import argparse
import asyncio
import json
import pathlib
import re
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent


class DelayingProxy:
    """Carries connections to a port of this machine; every byte arrives `delay` seconds later."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.delay = 0.0
        self.bytes = 0
        self.port = 0
        ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.serve(ready)), daemon=True).start()
        ready.wait()

    async def serve(self, ready):
        server = await asyncio.start_server(self.connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await server.serve_forever()

    async def connect(self, reader, writer):
        # The handshake of the connection takes a way and back, too.
        await asyncio.sleep(2 * self.delay)
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        await asyncio.gather(self.carry(reader, there_writer), self.carry(there_reader, writer))

    async def carry(self, reader, writer):
        queue = asyncio.Queue()

        async def deliver():
            while (item := await queue.get()) is not None:
                due, data = item
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                writer.write(data)
                await writer.drain()
            writer.close()

        delivery = asyncio.create_task(deliver())
        try:
            while data := await reader.read(1 << 16):
                self.bytes += len(data)
                queue.put_nowait((time.monotonic() + self.delay, data))
        finally:
            queue.put_nowait(None)
            await asyncio.gather(delivery, return_exceptions=True)


def start_server(citer, log):
    server = subprocess.Popen([citer, "serve", "--port", "0", "--sessions", "4", "-t", "1", "-td", "1"],
                              stderr=log)
    for _ in range(500):
        time.sleep(0.02)
        found = re.search(r"listening on http://127.0.0.1:(\d+)", pathlib.Path(log.name).read_text())
        if found:
            return server, int(found.group(1))
    raise SystemExit("the server does not listen")


def decides(port):
    page = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    return sum(int(n) for n in re.findall(r'endpoint="/v1/citer/decide",status="200"} (\d+)', page))


def routed(args, proxy, port, prompts, flags):
    trips, sent = decides(port), proxy.bytes
    out = subprocess.run([args.citer, "generate", "--llm", f"http://127.0.0.1:{proxy.port}", "-td", "1",
                          "--policy", "citer", "--prompts", prompts, *flags],
                         check=True, stdout=subprocess.PIPE).stdout.decode()
    answers = [json.loads(line) for line in out.splitlines()]
    if any(answer["unanswered"] for answer in answers):
        raise SystemExit("the LLM did not answer in time")
    return {"seconds": [answer["seconds"] for answer in answers],
            "trips": (decides(port) - trips) / len(answers),
            "kilobytes": (proxy.bytes - sent) / len(answers) / 1e3,
            "texts": [answer["text"] for answer in answers]}


def llm_alone(proxy, prompts):
    seconds, sent = [], proxy.bytes
    for line in pathlib.Path(prompts).read_text().splitlines():
        body = {"model": "llm", "prompt": json.loads(line)["prompt"], "stream": True, "temperature": 0}
        request = urllib.request.Request(f"http://127.0.0.1:{proxy.port}/v1/completions",
                                         json.dumps(body).encode(), {"Content-Type": "application/json"})
        start = time.monotonic()
        urllib.request.urlopen(request).read()
        seconds.append(time.monotonic() - start)
    return {"seconds": seconds, "trips": 1, "kilobytes": (proxy.bytes - sent) / len(seconds) / 1e3}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--citer", default=str(ROOT / "build/release/citer"))
    parser.add_argument("--delays", default="20,50,150", help="milliseconds, one way")
    parser.add_argument("--answers", type=int, default=8)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prompts = f"{folder}/prompts.jsonl"
        lines = (ROOT / "models/demo/data/math.test.jsonl").read_text().splitlines()[:args.answers]
        pathlib.Path(prompts).write_text("".join(
            json.dumps({"id": str(i), "prompt": json.loads(line)["prompt"]}) + "\n"
            for i, line in enumerate(lines)))
        with open(f"{folder}/log", "w") as log:
            server, port = start_server(args.citer, log)
        try:
            proxy = DelayingProxy(port)
            print("| ms one way | | s per answer (median) | trips | kB |\n|---|---|---|---|---|")
            for delay in (float(d) for d in args.delays.split(",")):
                proxy.delay = delay / 1e3
                plain = routed(args, proxy, port, prompts, ["--speculate", "off", "--llm-ahead", "0"])
                ours = routed(args, proxy, port, prompts, [])
                rows = {"a trip for each critical token": plain, "citer": ours,
                        "the LLM alone, streamed": llm_alone(proxy, prompts)}
                for name, row in rows.items():
                    print(f"| {delay:g} | {name} | {statistics.median(row['seconds']):.2f} | "
                          f"{row['trips']:.1f} | {row['kilobytes']:.1f} |", flush=True)
                if plain["texts"] != ours["texts"]:
                    print("the texts differ")
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
