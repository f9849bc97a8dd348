// Tools by OpenAI's official client against a running server whose chat template has them:
// node tools_test.mjs URL
import assert from "node:assert/strict";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: `${process.argv[2]}/v1`, apiKey: "key", maxRetries: 0 });
const parameters = {
  type: "object",
  properties: { town: { enum: ["Oslo", "Rome"] } },
  required: ["town"],
  additionalProperties: false,
};
const tools = [{ type: "function", function: { name: "weather", parameters } }];
const messages = [{ role: "user", content: "What is the weather in Rome?" }];
const request = { model: "citer", messages, tools, tool_choice: "required", max_tokens: 200 };

const [choice] = (await client.chat.completions.create(request)).choices;
assert.equal(choice.finish_reason, "tool_calls");
const [call] = choice.message.tool_calls;
assert.equal(call.function.name, "weather");
assert.ok(["Oslo", "Rome"].includes(JSON.parse(call.function.arguments).town));

const streamed = await client.beta.chat.completions.stream(request).finalChatCompletion();
assert.deepEqual(streamed.choices[0].message.tool_calls[0].function.arguments,
  call.function.arguments);
assert.equal(streamed.choices[0].finish_reason, "tool_calls");

// The client's own loop: it runs the function and sends its result back.
let asked;
const weather = { name: "weather", parameters, parse: JSON.parse,
  function: ({ town }) => { asked = town; return "rain"; } };
const runner = client.beta.chat.completions.runTools(
  { ...request, tool_choice: { type: "function", function: { name: "weather" } },
    tools: [{ type: "function", function: weather }] });
const results = [];
runner.on("functionCallResult", (result) => results.push(result));
await runner.done();
assert.ok(["Oslo", "Rome"].includes(asked));
assert.deepEqual(results, ["rain"]);

// A turn that follows a call and its result.
const next = await client.chat.completions.create({
  ...request, tool_choice: "auto", max_tokens: 5,
  messages: [...messages, choice.message, { role: "tool", tool_call_id: call.id, content: "rain" }],
});
assert.equal(next.choices[0].message.role, "assistant");
