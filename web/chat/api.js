// The server's API: OpenAI's, with what citer adds to it.

const keyName = "citer-api-key";

export function apiKey() {
  return sessionStorage.getItem(keyName) ?? "";
}

export function setApiKey(key) {
  if (key) sessionStorage.setItem(keyName, key);
  else sessionStorage.removeItem(keyName);
}

/** The model that is asked, where the server has several; "": its own. */
let model = "";

export function servedModel() {
  return model;
}

export function chooseModel(name) {
  model = name;
}

const named = () => (model ? { model } : {});
const query = () => (model ? `?model=${encodeURIComponent(model)}` : "");

/** An error with the server's message and status (0: the server was not reached). */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function request(path, options) {
  const headers = { "Content-Type": "application/json" };
  if (apiKey()) headers.Authorization = `Bearer ${apiKey()}`;
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The server cannot be reached.", 0);
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => null);
  const message = body?.error?.message ?? `The server answered ${response.status}.`;
  throw new ApiError(message, response.status);
}

/** What the server says of its models, policies and defaults. */
export async function properties() {
  return (await request(`props${query()}`, { cache: "no-store" })).json();
}

/** Names of the models that are loaded when they are asked for; none where the server has one. */
export async function servedModels() {
  const { data } = await (await request("v1/models", { cache: "no-store" })).json();
  return data.filter((each) => each.status).map((each) => each.id);
}

export async function metrics() {
  return (await request("metrics", { cache: "no-store" })).text();
}

async function post(path, body) {
  return (await request(path, { method: "POST", body: JSON.stringify({ ...named(), ...body }) })).json();
}

/** The tokens that the models read for a prompt. */
export async function tokenIds(prompt) {
  return (await post("tokenize", prompt)).tokens;
}

/** The likeliest next tokens of one model, {text, probability}, the likeliest first. */
export async function likeliest(prefix, policy) {
  const { choices: [choice] } = await post("v1/completions",
    { prompt: prefix, max_tokens: 1, temperature: 0, logprobs: 5, citer: { policy } });
  return Object.entries(choice.logprobs.top_logprobs[0])
    .map(([text, logprob]) => ({ text, probability: Math.exp(logprob) }))
    .sort((a, b) => b.probability - a.probability);
}

/** The data of each server-sent event of a body. */
export async function* events(body) {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + decoder.decode(value, { stream: true })).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const lines = part.split("\n").filter((line) => line.startsWith("data:"));
      if (lines.length > 0) yield lines.map((line) => line.slice(5).trimStart()).join("\n");
    }
  }
}

/**
 * Asks for an answer, as a stream of {text, trace, summary, usage, finish}, of which any may be
 * missing. `prompt` is either {messages} or {prompt}.
 */
export async function* generate(prompt, options, citer, signal) {
  const path = "messages" in prompt ? "v1/chat/completions" : "v1/completions";
  const body = {
    ...named(), ...prompt, ...options, stream: true, stream_options: { include_usage: true },
    citer: { ...citer, trace: true },
    reasoning_format: "none", // who wrote the thinking is shown, too
  };
  const response = await request(path, { method: "POST", body: JSON.stringify(body), signal });
  for await (const data of events(response.body)) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data);
    if (chunk.error) throw new ApiError(chunk.error.message, response.status);
    const choice = chunk.choices?.[0];
    yield {
      text: choice?.delta?.content ?? choice?.text ?? "",
      trace: chunk.citer?.trace ?? [],
      summary: chunk.citer?.policy ? chunk.citer : null,
      usage: chunk.usage ?? null,
      finish: choice?.finish_reason ?? null,
    };
  }
  throw new ApiError("The answer was cut off.", 0);
}
