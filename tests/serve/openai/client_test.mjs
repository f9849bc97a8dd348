// OpenAI's official client against a running `citer serve`: node client_test.mjs URL
import assert from "node:assert/strict";
import OpenAI from "openai";

const url = process.argv[2];
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "key", maxRetries: 0 });
const question =
  "Question: Xenia has 136 dollars. She spends 29 dollars on badges and 39 dollars on shells. " +
  "How many dollars does Xenia keep?\nSolution:";
const messages = [{ role: "user", content: question }];

/** The value of a sample of /metrics. */
async function metric(name) {
  const response = await fetch(`${url}/metrics`, { headers: { Authorization: "Bearer key" } });
  const line = (await response.text()).split("\n").find((l) => l.startsWith(`${name} `));
  return Number(line.split(" ")[1]);
}

async function becomes(name, value) {
  for (let i = 0; i < 500; ++i) {
    if ((await metric(name)) === value) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`${name} did not become ${value}`);
}

const tests = {
  async models() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.deepEqual(ids.slice(-2), ["slm", "llm"]);
    assert.equal((await client.models.retrieve("llm")).id, "llm");
    await assert.rejects(client.models.retrieve("gpt-4"), OpenAI.NotFoundError);
  },

  async chat() {
    const response = await client.chat.completions.create({
      model: "citer", messages, max_tokens: 50, citer: { trace: true },
    });
    const [choice] = response.choices;
    assert.equal(choice.message.role, "assistant");
    assert.ok(["stop", "length"].includes(choice.finish_reason));
    assert.equal(
      response.usage.total_tokens,
      response.usage.prompt_tokens + response.usage.completion_tokens);
    assert.equal(response.citer.trace.length, response.usage.completion_tokens);
    assert.equal(response.citer.trace.map((t) => t.text).join(""), choice.message.content);
  },

  async "chat, streamed"() {
    const whole = await client.chat.completions.create({ model: "llm", messages, max_tokens: 30 });
    const stream = await client.chat.completions.create({
      model: "llm", messages, max_tokens: 30, stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let finish;
    let usage;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      finish = chunk.choices[0]?.finish_reason ?? finish;
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, whole.choices[0].message.content);
    assert.equal(finish, whole.choices[0].finish_reason);
    assert.deepEqual(usage, whole.usage);
  },

  async "chat, by the stream helper"() {
    const runner = client.beta.chat.completions.stream({ model: "slm", messages, max_tokens: 20 });
    const deltas = [];
    runner.on("content", (delta) => deltas.push(delta));
    const message = await runner.finalMessage();
    assert.equal(deltas.join(""), message.content);
  },

  async completions() {
    const response = await client.completions.create({
      model: "citer", prompt: [question, question], max_tokens: 5, n: 2, echo: true, seed: 1,
    });
    assert.equal(response.choices.length, 4);
    for (const choice of response.choices) assert.ok(choice.text.startsWith(question));
    const stream = await client.completions.create({
      model: "citer", prompt: question, max_tokens: 5, stream: true,
    });
    let text = question;
    for await (const chunk of stream) text += chunk.choices[0].text;
    assert.equal(text, response.choices[0].text);
  },

  async stop() {
    const response = await client.chat.completions.create({
      model: "llm", messages, max_tokens: 60, stop: ["="],
    });
    assert.equal(response.choices[0].finish_reason, "stop");
    assert.ok(!response.choices[0].message.content.includes("="));
  },

  async logprobs() {
    const response = await client.chat.completions.create({
      model: "llm", messages, max_tokens: 8, logprobs: true, top_logprobs: 3,
    });
    const { content } = response.choices[0].logprobs;
    assert.equal(content.map((t) => t.token).join(""), response.choices[0].message.content);
    for (const token of content) {
      assert.equal(token.top_logprobs.length, 3);
      assert.ok(token.logprob <= 0);
      assert.equal(token.top_logprobs[0].logprob, token.logprob); // greedy
      assert.deepEqual(token.bytes, [...new TextEncoder().encode(token.token)]);
    }
    const scored = await client.completions.create({
      model: "llm", prompt: question, max_tokens: 1, echo: true, logprobs: 2,
    });
    const { tokens, token_logprobs, top_logprobs } = scored.choices[0].logprobs;
    assert.equal(tokens.length, scored.usage.total_tokens);
    assert.equal(token_logprobs[0], null);
    assert.ok(token_logprobs.slice(1).every((p) => p <= 0));
    assert.ok(top_logprobs.slice(1).every((top) => Object.keys(top).length >= 2));
  },

  async "json schema"() {
    const schema = {
      type: "object",
      properties: {
        name: { type: "string", maxLength: 8 },
        age: { type: "integer", minimum: 0, maximum: 120 },
        tags: { type: "array", items: { enum: ["red", "blue"] }, maxItems: 3 },
      },
      required: ["name", "age", "tags"],
      additionalProperties: false,
    };
    const create = (model, schema) => client.chat.completions.create({
      model, messages, max_tokens: 200,
      response_format: { type: "json_schema", json_schema: { name: "person", strict: true, schema } },
    });
    for (const model of ["slm", "llm", "maxprob"]) {
      const response = await create(model, schema);
      const value = JSON.parse(response.choices[0].message.content);
      assert.deepEqual(Object.keys(value), ["name", "age", "tags"]);
      assert.ok(value.name.length <= 8);
      assert.ok(Number.isInteger(value.age) && value.age >= 0 && value.age <= 120);
      assert.ok(value.tags.every((tag) => ["red", "blue"].includes(tag)));
    }
    await assert.rejects(create("citer", { type: "colour" }), (e) => {
      assert.ok(e instanceof OpenAI.BadRequestError);
      assert.equal(e.param, "response_format.json_schema.schema");
      return true;
    });
  },

  async errors() {
    const create = (body) =>
      client.chat.completions.create({ model: "citer", messages, max_tokens: 1, ...body });
    await assert.rejects(create({ temperature: "hot" }), (e) => {
      assert.ok(e instanceof OpenAI.BadRequestError);
      assert.equal(e.param, "temperature");
      return true;
    });
    await assert.rejects(create({ model: "gpt-4" }), (e) => {
      assert.ok(e instanceof OpenAI.NotFoundError);
      assert.equal(e.code, "model_not_found");
      return true;
    });
    await assert.rejects(create({ stream: true, n: 0 }), OpenAI.BadRequestError);
    const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: "wrong", maxRetries: 0 });
    await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
    await assert.rejects(client.embeddings.create({ model: "citer", input: "x" }),
      (e) => e.status === 501);
    await assert.rejects(create({ no_such_field: 1 }), (e) => e.param === "no_such_field");
  },

  async abort() {
    const long = { model: "llm", prompt: question, max_tokens: 8000 };
    const cancelled = await metric("citer_cancellations_total");
    const stream = await client.completions.create({ ...long, stream: true });
    let chunks = 0;
    for await (const _ of stream) if (++chunks === 5) stream.controller.abort();
    await becomes("citer_active_sequences", 0);
    await assert.rejects(
      client.completions.create(long, { signal: AbortSignal.timeout(200) }),
      OpenAI.APIUserAbortError);
    await becomes("citer_active_sequences", 0);
    await becomes("citer_cancellations_total", cancelled + 2);
  },
};

let failures = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    console.log(`ok      ${name}`);
  } catch (error) {
    ++failures;
    console.log(`FAILED  ${name}: ${error.stack}`);
  }
}
process.exit(failures === 0 ? 0 : 1);
