"""What of llama-server's tests does not apply to a server of two text models, and why others fail."""

import os
import re
import subprocess

# Tests by "FILE::NAME", the first that matches; with the reason.
NOT_APPLICABLE = [
    (r"test_(embedding|rerank)\.|::test_metrics_embedding", "embeddings and ranks are of other models (501)"),
    (r"test_vision_api\.|::.*(mmproj|image|media|mtm|vision|multimodal)", "pictures"),
    (r"test_infill\.", "filling in is of models that were trained for it"),
    (r"test_lora\.", "adapters"),
    (r"test_speculative\.", "their flags of a draft model; citer's own: tests/decode/speculation_test"),
    (r"test_router\.|test_stream\.|::test_cors_origins", "their process that starts servers, one a model; citer's own: tests/serve/models_test"),
    (r"test_(mcp_servers|tools_builtin|proxy)\.|::test_cors_proxy", "tools that the server runs itself"),
    (r"test_compat_gcp\.", "Google's prediction API"),
    (r"test_sleep\.", "a server that sleeps; citer's models are unloaded (--models-idle)"),
    (r"test_kv_keep_only_active\.|::test_completion_(unified|prompt_cache)", "how llama-server shares its cache"),
    (r"test_metrics\.py::test_metrics_(disabled|prom|prompt|predicted)", "their metrics' names; citer's own: tests/serve/metrics_test"),
    (r"::test_ctx_shift_enabled", "a context is not shifted: an answer ends with it"),
    (r"::test_load_split_model", "a model of the hub"),
    (r"::.*post_backend_sampling", "sampling on a device"),
    (r"::test_chat_completion_cached_tokens", "cached tokens of their vocabulary"),
]
SLOW = "a model of the hub, gigabytes"
NO_SLOTS = "prompts are not saved"

# Assertions about their test model, which are left out, by their source.
OF_THEIR_MODEL = [
    (r"system_fingerprint.*startswith\('b'\)", "the number of their build"),
    (r"== (n_prompt|n_token_output|bosId)\b|\['prompt_n'\] == \d+", "tokens of their vocabulary"),
    (r"'<s> ", "how their model's prompts begin"),
    (r"'adaptive_(target|decay)' in", "settings of samplers that citer has not"),
]

# Why the others fail, likewise.
KNOWN_FAILURES = [
    (r"::test_(in)?correct_api_key|::test_correct_api_key", "`/completions` is OpenAI's; llama-server's own is `/completion`"),
    (r"::test_cors_options", "pages of other origins are refused unless `--cors-origin` names them"),
    (r"::test_access_static_assets", "the page has other files"),
    (r"::test_server_multiple_addresses", "one address"),
    (r"::test_server_models|::test_server_model_aliases", "each routing of the pair is listed as a model; no tags"),
    (r"::test_n_probs_post_sampling", "probabilities are those before the sampling filters"),
    (r"::test_return_progress|::test_responses_stream_with_llama|::test_metrics_timings_on_prompt_progress", "no progress of prompts (`return_progress`)"),
    (r"::test_chat_template_assistant_prefill\[prefill1", "parts of a text are joined without blank lines"),
    (r"::test_n_probs$", "an end of generation that was written over is no token of the answer"),
    (r"::test_anthropic_empty_messages", "a conversation without a message is refused"),
    (r"::test_date_inside_prompt", "templates are not told the day"),
    (r"::test_reasoning\[.*auto", "by `--reasoning auto` a template's own default holds, which is not to think"),
    (r"::test_ignore_eos_populates", "`ignore_eos` is no bias"),
]


def first_match(rules, text):
    return next((reason for pattern, reason in rules if re.search(pattern, text)), None)


def saves_slots():
    program = [os.environ["CITER_PROGRAM"], "serve", "--help"]
    return "--slot-save-path" in subprocess.run(program, capture_output=True, text=True, check=True).stdout


def not_applicable(test, is_slow):
    """The reason; None: it applies."""
    if is_slow:
        return SLOW
    if test.startswith("test_slot_save.") and not saves_slots():
        return NO_SLOTS
    return first_match(NOT_APPLICABLE, test)


def known_failure(test):
    return first_match(KNOWN_FAILURES, test)


def of_their_model(assertion):
    return first_match(OF_THEIR_MODEL, assertion)
