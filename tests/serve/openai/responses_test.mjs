// The responses API by OpenAI's official client against a running server whose chat template has
// tools: node responses_test.mjs URL
import assert from "node:assert/strict";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: `${process.argv[2]}/v1`, apiKey: "key", maxRetries: 0 });
const request = { model: "llm", input: "What is the weather in Rome?", max_output_tokens: 20 };

const response = await client.responses.create(request);
assert.equal(response.object, "response");
assert.ok(["completed", "incomplete"].includes(response.status));
assert.ok(response.output_text.length > 0);

let text = "";
let last;
for await (const event of await client.responses.create({ ...request, stream: true })) {
  if (event.type === "response.output_text.delta") text += event.delta;
  last = event;
}
assert.equal(text, response.output_text);
assert.equal(last.response.status, response.status);

// The client's own gathering of events.
const gathered = await client.responses.stream(request).finalResponse();
assert.equal(gathered.output[0].content[0].text, response.output_text);

const format = {
  type: "json_schema", name: "town", strict: true,
  schema: { type: "object", properties: { town: { enum: ["Oslo", "Rome"] } }, required: ["town"],
    additionalProperties: false },
};
const formed = await client.responses.parse(
  { ...request, max_output_tokens: 100, text: { format } });
assert.ok(["Oslo", "Rome"].includes(JSON.parse(formed.output_text).town));

const tools = [{ type: "function", name: "weather", strict: true, parameters: format.schema }];
const called = await client.responses.create(
  { ...request, max_output_tokens: 200, tools, tool_choice: "required" });
const [call] = called.output;
assert.equal(call.type, "function_call");
assert.ok(["Oslo", "Rome"].includes(JSON.parse(call.arguments).town));

// A turn that follows a call and its result.
const next = await client.responses.create({
  ...request, tools, max_output_tokens: 5,
  input: [{ role: "user", content: request.input }, call,
    { type: "function_call_output", call_id: call.call_id, output: "rain" }],
});
assert.equal(next.object, "response");

await assert.rejects(client.responses.create({ ...request, previous_response_id: response.id }),
  (e) => e.param === "previous_response_id");
