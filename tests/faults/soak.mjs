// An hour of mixed load on `citer serve` with the bundled pair, over loopback: whole answers, streams, streams that
// are broken off, tools, grammars, long prompts, slow readers and wrong requests.
//   node tests/faults/soak.mjs PROGRAM [--minutes 60] [--clients 12]    (whole minutes)
//
// Answers that are known beforehand must come as they are; the server must be idle in the end, with the handles it
// had, and its memory must not grow. Prints a line of JSON a minute, a table at the end; ends with 1 where one fails.
import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import http from "node:http";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: flags, positionals: [program] } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: "string", default: "60" }, clients: { type: "string", default: "12" } },
});
if (!program) throw new Error("soak.mjs: name the program citer");

const template = fileURLToPath(new URL("../serve/tools.jinja", import.meta.url));
const serverFlags = [
  "serve", "--port", "0", "-t", "1", "-fa", "off", "-np", "6", "-c", "2048", "--queue", "64",
  "--chat-template-file", template,
  "--policy", "citer", // named: else an answer may be left to the LLM alone, by how long passes take
];
const memorySlack = 32; // MiB that allocators may keep
const question = "Question: Xenia has 136 dollars. She spends 29 dollars on badges and 39 dollars on shells. " +
  "How many dollars does Xenia keep?\nSolution:";
const city = { type: "object", properties: { city: { enum: ["Paris", "Rome"] } }, required: ["city"], additionalProperties: false };
const sleep = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

class Server {
  /** Resolves when it listens, and has loaded its models. */
  async start() {
    this.process = spawn(program, serverFlags, { stdio: ["ignore", "ignore", "pipe"] });
    this.ended = new Promise((resolve) => { this.process.on("exit", (code, signal) => resolve(code ?? signal)); });
    let log = "";
    this.port = await new Promise((resolve, reject) => {
      this.process.stderr.on("data", (bytes) => {
        log = (log + bytes).slice(-10_000);
        const port = /listening on http:\/\/127\.0\.0\.1:(\d+)\n/.exec(log);
        if (port) resolve(Number(port[1]));
      });
      this.ended.then((status) => reject(new Error(`citer ended with ${status}: ${log}`)));
    });
    while ((await request(this.port, "GET", "/health")).status !== 200) await sleep(50);
  }

  /** Memory in MiB, open handles, threads. */
  state() {
    const status = readFileSync(`/proc/${this.process.pid}/status`, "utf8");
    const number = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]);
    return {
      memory: Math.round(number("VmRSS") / 1024),
      handles: readdirSync(`/proc/${this.process.pid}/fd`).length,
      threads: number("Threads"),
    };
  }

  /** The metrics of that name that have no labels. */
  async metric(name) {
    const page = (await request(this.port, "GET", "/metrics")).text;
    return Number(new RegExp(`^${name} (.*)$`, "m").exec(page)[1]);
  }

  /** Whether all answers come to an end. */
  async isIdle() {
    for (let i = 0; i < 300; ++i) {
      const busy = await this.metric("citer_active_sequences") + await this.metric("citer_queued_requests");
      if (busy === 0) return true;
      await sleep(100);
    }
    return false;
  }

  stop() {
    this.process.kill("SIGTERM");
    return this.ended;
  }
}

/** Sends a request; `onResponse` may read the reply in its own way, and resolves with what is made of it. */
function send(port, method, path, body, onResponse, agent) {
  return new Promise((resolve, reject) => {
    const bytes = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
    const headers = bytes === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(bytes) };
    const call = http.request({ host: "127.0.0.1", port, method, path, headers, agent }, (response) => {
      onResponse(response, call).then(resolve, reject);
    });
    call.on("error", reject);
    call.end(bytes);
  });
}

async function whole(response) {
  response.setEncoding("utf8");
  let text = "";
  for await (const part of response) text += part;
  return { status: response.statusCode, text };
}

const request = (port, method, path, body, agent) => send(port, method, path, body, whole, agent);

/** The texts of a stream's chunks, put together. */
function streamed(text) {
  if (!text.endsWith("data: [DONE]\n\n")) return "a stream without its end";
  const events = text.split("\n\n").filter((event) => event.startsWith("data: {"));
  return events.map((event) => JSON.parse(event.slice(6)).choices?.[0]?.text ?? "").join("");
}

/** Reads a piece, waits, reads the next. */
async function slowly(response) {
  response.setEncoding("utf8");
  let text = "";
  for await (const part of response) {
    text += part;
    await sleep(200);
  }
  return { status: response.statusCode, text };
}

/** Leaves after so many pieces. */
const leaveAfter = (pieces) => async (response, call) => {
  for await (const part of response) if (part && pieces-- <= 0) break;
  call.destroy();
  return {};
};

const wrong = [
  ["{\"prompt\":", 400],
  [{ prompt: "x", model: "none" }, 404],
  [{ prompt: "x", temperature: "hot" }, 400],
  [{ prompt: "x".repeat(20_000) }, 400],
  [{ prompt: "x", grammar: "root ::= (" }, 400],
];

const bodies = Array.from({ length: 6 }, (_, i) => ({
  prompt: question + " ".repeat(i), max_tokens: 4 + 4 * i, temperature: i % 2, seed: i,
  model: ["llm", "citer", "citer", "slm", "citer-budget-0.2", "maxprob"][i], ...(i === 5 ? { stop: ["="] } : {}),
}));
const longPrompt = `${question} 136 - 29 - 39 = 68.\n\n`.repeat(12) + question;

const completions = "/v1/completions", chat = "/v1/chat/completions";
const messages = [{ role: "user", content: question }];

/** Kinds of requests, by how often they come of a hundred; each gives what is wrong with the reply, or nothing. */
class Mix {
  constructor(port, expected, random) {
    Object.assign(this, { port, expected, random, agent: new http.Agent({ keepAlive: true, maxSockets: 1 }) });
  }

  kinds = [
    ["whole", 36, () => this.known((body) => this.post(completions, body), (text) => JSON.parse(text).choices[0].text)],
    ["stream", 24, () => this.known((body) => this.post(completions, { ...body, stream: true }), streamed)],
    ["broken off", 14, () => this.breakOff()],
    ["tools", 4, () => this.tools()],
    ["grammar", 6, () => this.grammar()],
    ["long prompt", 2, () => this.long()],
    ["slow reader", 2, () => this.known((body) => this.slow(body), streamed)],
    ["wrong", 12, () => this.wrong()],
  ];

  draw(n) { return Math.floor(this.random() * n); }

  post(path, body) { return request(this.port, "POST", path, body, this.agent); }

  slow(body) { return send(this.port, "POST", completions, { ...body, stream: true }, slowly, this.agent); }

  async known(ask, textOf) {
    const which = this.draw(bodies.length);
    const { status, text } = await ask(bodies[which]);
    if (status !== 200) return `status ${status}: ${text}`;
    const found = textOf(text);
    const expected = this.expected[which];
    return found === expected ? undefined : `another text of ${bodies[which].model}: ${found}\nexpected: ${expected}`;
  }

  async breakOff() {
    const body = { ...bodies[this.draw(bodies.length)], stream: true, max_tokens: 200 };
    await send(this.port, "POST", completions, body, leaveAfter(this.draw(5)));
  }

  async tools() {
    const tools = [{ type: "function", function: { name: "weather", parameters: city } }];
    const { status, text } = await this.post(chat, { messages, tools, tool_choice: "required", max_tokens: 150 });
    if (status !== 200) return `status ${status}: ${text}`;
    const call = JSON.parse(text).choices[0].message.tool_calls?.[0].function;
    return ["Paris", "Rome"].includes(JSON.parse(call?.arguments ?? "{}").city) ? undefined : `no call: ${text}`;
  }

  async grammar() {
    const { status, text } = await this.post(chat, {
      messages, max_tokens: 40, temperature: 1, seed: this.draw(1000),
      response_format: { type: "json_schema", json_schema: { name: "answer", schema: city } },
    });
    if (status !== 200) return `status ${status}: ${text}`;
    const choice = JSON.parse(text).choices[0];
    if (choice.finish_reason === "length") return undefined; // spaces are allowed, too
    const { city: found } = JSON.parse(choice.message.content);
    return ["Paris", "Rome"].includes(found) ? undefined : `not as the schema has it: ${text}`;
  }

  async long() {
    const { status, text } = await this.post(completions, {
      prompt: longPrompt.slice(this.draw(longPrompt.length / 2)), max_tokens: 8, cache_prompt: this.random() < 0.5,
    });
    return status === 200 ? undefined : `status ${status}: ${text}`;
  }

  async wrong() {
    const [body, expected] = wrong[this.draw(wrong.length)];
    const { status } = await this.post(completions, body);
    return status === expected ? undefined : `status ${status}, not ${expected}`;
  }

  /** One request; its kind, its milliseconds and what is wrong. */
  async next() {
    let at = this.draw(100);
    const [kind, , ask] = this.kinds.find(([, share]) => (at -= share) < 0);
    const begun = performance.now();
    const fault = await ask().catch((error) => `no reply: ${error.message}`);
    return { kind, milliseconds: performance.now() - begun, fault };
  }
}

/** Numbers in [0, 1), the same for the same seed (Marsaglia's xorshift32). */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const quantile = (values, q) => values.sort((a, b) => a - b)[Math.floor(q * (values.length - 1))];

/** What happened since the last call, as a row. */
class Account {
  total = {};
  faults = [];
  since = [];

  add({ kind, milliseconds, fault }) {
    this.total[kind] = (this.total[kind] ?? 0) + 1;
    if (kind === "whole") this.since.push(milliseconds);
    if (fault) this.fault(`${kind}: ${fault}`);
  }

  fault(what) {
    if (this.faults.push(what) <= 20) console.log(what.slice(0, 500));
  }

  requests() { return Object.values(this.total).reduce((sum, n) => sum + n, 0); }

  row(minute, server) {
    const [p50, p95] = [0.5, 0.95].map((q) => Math.round(quantile(this.since, q) ?? NaN));
    this.since = [];
    return { minute, requests: this.requests(), faults: this.faults.length, p50, p95, ...server.state() };
  }
}

function print(rows, account) {
  const columns = ["minute", "requests", "faults", "p50", "p95", "memory", "handles", "threads"];
  const every = Math.max(1, Math.floor(rows.length / 6));
  const shown = rows.filter((row, i) => i === 0 || (i + 1) % every === 0);
  const lines = [columns, columns.map(() => "---"), ...shown.map((row) => columns.map((column) => row[column]))];
  console.log(lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n"));
  console.log(JSON.stringify(account.total));
}

/** Sends requests until the time is up; what happened. */
async function load(server, expected) {
  const begun = performance.now();
  const end = begun + 60_000 * Number(flags.minutes);
  const account = new Account();
  const rows = [];
  const client = async (number) => {
    const mix = new Mix(server.port, expected, randomNumbers(number + 1));
    while (performance.now() < end) account.add(await mix.next());
    mix.agent.destroy();
  };
  const clients = Array.from({ length: Number(flags.clients) }, (_, i) => client(i));
  for (let minute = 1; minute <= Number(flags.minutes); ++minute) {
    await sleep(begun + 60_000 * minute - performance.now());
    rows.push(account.row(minute, server));
    console.log(JSON.stringify(rows.at(-1)));
  }
  await Promise.all(clients);
  return { account, rows };
}

async function soak(server) {
  await server.start();
  const expected = [];
  for (const body of bodies) {
    expected.push(JSON.parse((await request(server.port, "POST", completions, body)).text).choices[0].text);
  }
  const { handles } = server.state();
  const { account, rows } = await load(server, expected);
  const isIdle = await server.isIdle();
  await sleep(1000); // connections that ended are closed
  const left = server.state();
  print(rows, account);
  console.log(`idle ${isIdle}, ${JSON.stringify(left)}, ${handles} handles at the start`);
  const early = rows[Math.floor(rows.length / 10)].memory;
  const holds = {
    "no fault": account.faults.length === 0,
    idle: isIdle,
    handles: left.handles <= handles + 2,
    memory: left.memory <= early + memorySlack,
    "ends well": await server.stop() === 0,
  };
  const broken = Object.keys(holds).filter((what) => !holds[what]);
  console.log(broken.length ? `does not hold: ${broken.join(", ")}` : "all held");
  process.exitCode = broken.length ? 1 : 0;
}

const server = new Server();
await soak(server).finally(() => server.process.kill("SIGKILL"));
