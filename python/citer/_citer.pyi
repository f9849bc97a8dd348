import os
from typing import Callable, List, Optional, Sequence, Tuple, Union

_Path = Union[str, "os.PathLike[str]"]

class Error(RuntimeError): ...
class UsageError(Error): ...
class InputError(Error): ...
class ResourceError(Error): ...

class Estimate:
    """A figure with its 95 % interval."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...

class Answer:
    @property
    def text(self) -> str: ...
    @property
    def reasoning(self) -> str: ...
    @property
    def prompt_tokens(self) -> int: ...
    @property
    def tokens(self) -> int: ...
    @property
    def llm_tokens(self) -> int: ...
    @property
    def threshold(self) -> float: ...
    @property
    def seconds(self) -> float: ...
    @property
    def finish_reason(self) -> str: ...

class LearnedRouter:
    @property
    def rounds(self) -> int: ...
    @property
    def default_threshold(self) -> float: ...
    @property
    def slm_accuracy(self) -> float: ...
    @property
    def llm_accuracy(self) -> float: ...

class Run:
    @property
    def data(self) -> str: ...
    @property
    def policy(self) -> str: ...
    @property
    def threshold(self) -> float: ...
    @property
    def accuracy(self) -> Estimate: ...
    @property
    def llm_share(self) -> Estimate: ...

class Summary:
    @property
    def runs(self) -> List[Run]: ...

class Prompt:
    def __init__(self, text: str, messages: List[Tuple[str, str]], raw: bool) -> None: ...

class GenerationOptions:
    def __init__(
        self,
        policy: str,
        threshold: Optional[float],
        budget: Optional[float],
        max_tokens: int,
        temperature: float,
        seed: int,
        stop: List[str],
    ) -> None: ...

class Pair:
    def __init__(
        self, slm: _Path, llm: _Path, routers: Sequence[_Path], context_size: int, sequences: int, threads: int
    ) -> None: ...
    def generate(
        self,
        prompt: Prompt,
        options: GenerationOptions,
        on_text: Callable[[str, bool], None],
        should_stop: Callable[[], bool],
    ) -> Answer: ...

def train(
    slm: _Path,
    llm: _Path,
    data: List[_Path],
    valid: List[_Path],
    out: _Path,
    limit: int,
    rounds: int,
    epochs: int,
    folds: int,
    sequences: int,
    threads: int,
) -> Optional[LearnedRouter]: ...
def evaluate(
    pair: Pair,
    data: List[_Path],
    out: _Path,
    policies: List[str],
    budgets: List[float],
    limit: int,
    max_tokens: int,
) -> Optional[Summary]: ...
