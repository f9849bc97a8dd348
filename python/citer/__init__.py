"""Token-level routing between a small and a large language model (SLM and LLM)."""

from __future__ import annotations

import os
import queue
import threading
from typing import Iterator, List, NamedTuple, Optional, Sequence, Union

from . import _citer
from ._citer import (
    Answer,
    Error,
    Estimate,
    InputError,
    LearnedRouter,
    ResourceError,
    Run,
    Summary,
    UsageError,
)

__all__ = [
    "Answer",
    "Error",
    "Estimate",
    "InputError",
    "LearnedRouter",
    "Message",
    "Pair",
    "Piece",
    "ResourceError",
    "Run",
    "Summary",
    "UsageError",
    "evaluate",
    "train",
]

Path = Union[str, "os.PathLike[str]"]


class Message(NamedTuple):
    """One turn of a conversation."""

    role: str  # "system", "user" or "assistant"
    content: str


class Piece(NamedTuple):
    """A stretch of an answer's text, by one writer."""

    text: str
    by_llm: bool


class Pair:
    """Two models of one vocabulary, in GGUF files, that write answers together.

    context_size: tokens of prompt and answer; 0: as trained, at most 4096.
    sequences: answers that are written at once, by several threads.
    threads: CPU threads of each model; 0: by its size.
    """

    def __init__(
        self,
        slm: Path,
        llm: Path,
        *,
        routers: Sequence[Path] = (),
        context_size: int = 0,
        sequences: int = 1,
        threads: int = 0,
    ) -> None:
        self._pair = _citer.Pair(slm, llm, list(routers), context_size, sequences, threads)

    def generate(
        self,
        prompt: Union[str, Sequence[Message]],
        *,
        policy: str = "",
        threshold: Optional[float] = None,
        budget: Optional[float] = None,
        max_tokens: int = -1,
        temperature: float = 0.0,
        seed: int = 0,
        stop: Sequence[str] = (),
        raw: bool = False,
    ) -> Answer:
        """Writes an answer to a text, or to a conversation.

        policy, threshold, budget: who writes a token, as `citer generate` takes them.
        max_tokens: at most; negative: until the context is full.
        raw: a text goes in as it is, without the chat template.
        """
        options = _citer.GenerationOptions(policy, threshold, budget, max_tokens, temperature, seed, list(stop))
        return self._pair.generate(_prompt(prompt, raw), options, lambda text, by_llm: None, lambda: False)

    def stream(
        self,
        prompt: Union[str, Sequence[Message]],
        *,
        policy: str = "",
        threshold: Optional[float] = None,
        budget: Optional[float] = None,
        max_tokens: int = -1,
        temperature: float = 0.0,
        seed: int = 0,
        stop: Sequence[str] = (),
        raw: bool = False,
    ) -> Iterator[Piece]:
        """The answer of generate(), piece by piece. Whoever stops reading ends it."""
        options = _citer.GenerationOptions(policy, threshold, budget, max_tokens, temperature, seed, list(stop))
        asked = _prompt(prompt, raw)
        pieces: "queue.SimpleQueue[Union[Piece, BaseException, None]]" = queue.SimpleQueue()
        left = threading.Event()

        def write() -> None:
            try:
                self._pair.generate(asked, options, lambda text, by_llm: pieces.put(Piece(text, by_llm)), left.is_set)
                pieces.put(None)
            except BaseException as error:  # handed to the reader
                pieces.put(error)

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        try:
            while (piece := pieces.get()) is not None:
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
        finally:
            left.set()
            writer.join()


def _prompt(prompt: Union[str, Sequence[Message]], raw: bool) -> _citer.Prompt:
    if isinstance(prompt, str):
        return _citer.Prompt(prompt, [], raw)
    return _citer.Prompt("", [(role, content) for role, content in prompt], raw)


def train(
    slm: Path,
    llm: Path,
    data: Sequence[Path],
    out: Path,
    *,
    valid: Sequence[Path] = (),
    limit: int = 0,
    rounds: int = 2,
    epochs: int = 40,
    folds: int = 10,
    sequences: int = 16,
    threads: int = 0,
) -> LearnedRouter:
    """Learns a router for a pair from datasets, and writes it to `out`.

    valid: datasets that its thresholds are chosen on; without them there are none.
    limit: only the first so many examples of each; 0: all.
    Interrupted, the same call goes on from there.
    """
    router = _citer.train(slm, llm, list(data), list(valid), out, limit, rounds, epochs, folds, sequences, threads)
    return _finished(router)


def evaluate(
    pair: Pair,
    data: Sequence[Path],
    out: Path,
    *,
    policies: Sequence[str] = (),
    budgets: Sequence[float] = (),
    limit: int = 0,
    max_tokens: int = 256,
) -> Summary:
    """Accuracy against LLM share over datasets; records and a report page go to the folder `out`."""
    summary = _citer.evaluate(pair._pair, list(data), out, list(policies), list(budgets), limit, max_tokens)
    return _finished(summary)


def _finished(result):  # type: ignore[no-untyped-def]
    if result is None:  # a signal ended it; its handler has raised, or nobody minds
        raise KeyboardInterrupt
    return result
