// Load on a server of OpenAI's API: node bench/loadgen.mjs --url http://127.0.0.1:8080 \
//   --prompts prompts.jsonl [--concurrency 1,4,8 | --rate 2] [--requests 32] [--max-tokens 128]
//
// Closed loop (--concurrency): so many clients, each of which sends its next request when it has its
// answer. Open loop (--rate): requests per second, at random intervals (Poisson), whatever the server
// does. Prompts are taken in the file's order, run after run, from the beginning again at its end; each
// line has `prompt`, `question` or `messages`. All requests are streamed, greedy, and tokens counted by
// the server's own usage.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

const { values: flags } = parseArgs({
  options: {
    url: { type: "string", default: "http://127.0.0.1:8080" },
    prompts: { type: "string" },
    model: { type: "string" },
    concurrency: { type: "string", default: "1" },
    rate: { type: "string" },
    requests: { type: "string", default: "32" },
    warmup: { type: "string", default: "2" },
    "max-tokens": { type: "string", default: "128" },
    key: { type: "string" },
    extra: { type: "string", default: "{}" }, // fields of every request, as JSON
    json: { type: "boolean", default: false },
  },
});
if (!flags.prompts) throw new Error("--prompts: name a JSONL file");

const prompts = readFileSync(flags.prompts, "utf8").split("\n").filter(Boolean).map((line) => {
  const { prompt, question, messages } = JSON.parse(line);
  return messages ? { messages } : { prompt: prompt ?? question };
});
const headers = { "Content-Type": "application/json" };
if (flags.key) headers.Authorization = `Bearer ${flags.key}`;

const now = () => performance.now() / 1000;

/** The parsed events of a stream, each with the time it came. */
async function* events(response) {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of response.body) {
    const time = now();
    const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const data = part.replace(/^data: ?/, "");
      if (data !== "[DONE]") yield { time, event: JSON.parse(data) };
    }
  }
}

/** Sends one request; times in seconds. */
async function measure(prompt) {
  const start = now();
  const response = await fetch(`${flags.url}/v1/${prompt.messages ? "chat/" : ""}completions`, {
    method: "POST",
    headers,
    body: JSON.stringify({
      ...prompt, model: flags.model, max_tokens: Number(flags["max-tokens"]), temperature: 0,
      stream: true, stream_options: { include_usage: true }, ...JSON.parse(flags.extra),
    }),
  });
  if (!response.ok) throw new Error(`status ${response.status}: ${await response.text()}`);
  const times = [];
  let tokens = 0;
  let citer;
  for await (const { time, event } of events(response)) {
    if (event.error) throw new Error(event.error.message);
    const choice = event.choices?.[0];
    if (choice?.text || choice?.delta?.content) times.push(time);
    tokens = event.usage?.completion_tokens ?? tokens;
    citer = event.citer?.llm_share === undefined ? citer : event.citer;
  }
  if (times.length === 0) throw new Error("an answer without text");
  const gaps = times.slice(1).map((time, i) => time - times[i]);
  return { start, first: times[0] - start, gaps, latency: now() - start, tokens, citer };
}

// Where the next run goes on in the file: a prompt that a server has answered before may be cached.
let next = 0;

async function closed_loop(clients, n, sink) {
  const end = next + n;
  const client = async () => {
    while (next < end) await sink(prompts[next++ % prompts.length]);
  };
  await Promise.all(Array.from({ length: clients }, client));
}

async function open_loop(rate, n, sink) {
  const running = [];
  for (let i = 0; i < n; ++i) {
    running.push(sink(prompts[next++ % prompts.length]));
    const wait = -Math.log(1 - Math.random()) / rate;
    await new Promise((resolve) => setTimeout(resolve, 1000 * wait));
  }
  await Promise.all(running);
}

/** Quantiles of a list, in milliseconds. */
function quantiles(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q) => 1000 * (sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

async function run(label, loop) {
  const answers = [];
  const errors = [];
  const start = now();
  await loop(async (prompt) => {
    try {
      answers.push(await measure(prompt));
    } catch (error) {
      errors.push(error.message);
    }
  });
  const seconds = now() - start;
  const sum = (of) => answers.reduce((total, answer) => total + of(answer), 0);
  const routed = answers.filter((answer) => answer.citer);
  return {
    ...label, answers: answers.length, errors: errors.length, first_error: errors[0], seconds,
    tokens: sum((a) => a.tokens),
    tokens_per_second: sum((a) => a.tokens) / seconds,
    requests_per_second: answers.length / seconds,
    llm_share: routed.length
      ? sum((a) => a.citer?.llm_tokens ?? 0) / sum((a) => a.citer ? a.tokens : 0) : undefined,
    first_token_ms: quantiles(answers.map((a) => a.first)),
    inter_token_ms: quantiles(answers.flatMap((a) => a.gaps)),
    latency_ms: quantiles(answers.map((a) => a.latency)),
  };
}

function print(result) {
  if (flags.json) return console.log(JSON.stringify(result));
  const three = ({ p50, p95, p99 }) => [p50, p95, p99].map((ms) => ms.toFixed(1)).join(" / ");
  const load = result.rate ? `${result.rate} requests/s` : `${result.concurrency} clients`;
  console.log(
    `${load}: ${result.tokens_per_second.toFixed(1)} tokens/s, ${result.answers} answers` +
    `${result.errors ? `, ${result.errors} errors (${result.first_error})` : ""}` +
    `${result.llm_share === undefined ? "" : `, LLM share ${(100 * result.llm_share).toFixed(1)} %`}\n` +
    `  p50/p95/p99 ms: first token ${three(result.first_token_ms)}, ` +
    `inter-token ${three(result.inter_token_ms)}, whole ${three(result.latency_ms)}`);
}

const n = Number(flags.requests);
await closed_loop(1, Number(flags.warmup), measure);
if (flags.rate) {
  const rate = Number(flags.rate);
  print(await run({ rate }, (sink) => open_loop(rate, n, sink)));
} else {
  for (const concurrency of flags.concurrency.split(",").map(Number)) {
    print(await run({ concurrency }, (sink) => closed_loop(concurrency, n, sink)));
  }
}
