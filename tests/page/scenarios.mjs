// What a person does with the page, each against a server and a browser of its own:
//   node scenarios.mjs CITER CHROMIUM PICTURES NAME
// Ends with 0 when it went well.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Page } from "./chromium.mjs";

const [, , citer, chromium, pictures, name] = process.argv;

const problem = "Xenia has 148 dollars. She spends 37 dollars on badges and 52 dollars on shells. How many dollars does Xenia keep?";
const settled = "document.querySelector('.answer') && !document.querySelector('.answer[aria-busy]')";
const allText = (selector) =>
  `[...document.querySelectorAll(${JSON.stringify(selector)})].map((node) => node.textContent)`;
const shown = (selector) => `document.querySelector(${JSON.stringify(selector)}).checkVisibility()`;
const count = (selector) => `document.querySelectorAll(${JSON.stringify(selector)}).length`;

const sample = `# Answer

It costs $5 or $6 in all, **bold**, \`x < "y" &amp;\`:

1. one
2. two

| a | b |
|---|---|
| 1 < 2 | b |

\`\`\`c
if (a < b && c) {}
\`\`\`

Half is \\(\\frac{1}{2}\\), a square $x^2$, so \\boxed{59}.

$$E = mc^2$$

See [a page](https://example.org/).`;

/** Puts a text of Markdown where the first answer's is. */
const showMarkdown = (text) => `import("./markdown.js").then(({ rendered }) =>
  document.querySelector(".meant").replaceChildren(...rendered(${JSON.stringify(text)})))`;

/** The address that a program says on stderr. */
function address(program, pattern) {
  let said = "";
  return new Promise((resolve, reject) => {
    program.once("exit", () => reject(new Error(`the program ended: ${said}`)));
    program.stderr.on("data", (data) => {
      said += data;
      const url = pattern.exec(said)?.[1];
      if (url) resolve(url);
    });
  });
}

/** The program, listening on a free port of this machine, and its address. */
async function serve(options) {
  const server = spawn(citer, ["serve", "--port", "0", ...options], { stdio: ["ignore", "ignore", "pipe"] });
  return { server, url: `${await address(server, /listening on (\S+)/)}/` };
}

async function ask(page, text) {
  await page.click("#prompt");
  await page.type(text);
  await page.press("Enter");
  await page.until(settled);
}

/** Share of the last answer's tokens that the LLM wrote, by their colours. */
async function shareOfLast(page) {
  return page.value(`(() => {
    const tokens = [...document.querySelectorAll(".answer")].at(-1).querySelectorAll(".token");
    return [...tokens].filter((token) => token.classList.contains("llm")).length / tokens.length;
  })()`);
}

const colourOf = (page, selector) =>
  page.value(`getComputedStyle(document.querySelector(${JSON.stringify(selector)})).backgroundColor`);

const scenarios = {
  async SendsByClickAndShowsTheAnswer(page) {
    await page.click("#prompt");
    await page.type(problem);
    await page.click("#send");
    await page.until(settled);
    assert.match(await page.text(".answer .tokens"), /boxed\{59\}/);
    assert.equal(await page.text(".asked"), `You: ${problem}`);
    assert.equal(await page.value("document.querySelector('#prompt').value"), "");
    assert.match(await page.text(".answer .state"), /done/);
    assert.match(await page.text(".figures"), /By the LLM.*%.* of \d+ tokens.*Speed.*tokens per second.*Time/);
  },

  async SendsByEnterAndStartsALineByShiftEnter(page) {
    await page.click("#prompt");
    await page.type("What does the wex-mir eat?");
    await page.pressShift("Enter");
    await page.type("Choices:");
    assert.equal(await page.value(count(".turn")), 0);
    await page.press("Enter");
    await page.until(settled);
    assert.equal(await page.text(".asked"), "You: What does the wex-mir eat?\nChoices:");
  },

  async ColoursTokensByWriter(page) {
    await ask(page, problem);
    assert.equal(await page.value(shown(".tokens")), false);
    assert.equal(await page.value(shown(".meant")), true);
    await page.click("#marks");
    assert.equal(await page.value(shown(".tokens")), true);
    assert.equal(await page.value(shown(".meant")), false);
    assert.ok((await page.value(count(".tokens .token.slm"))) > 10);
    assert.ok((await page.value(count(".tokens .token.llm"))) > 0);
    assert.notEqual(await colourOf(page, ".tokens .token.slm"), await colourOf(page, ".tokens .token.llm"));
    assert.equal(await page.value(`${allText(".tokens .token")}.join("")`), await page.text(".tokens"));
  },

  async TellsATokensScoreOnHover(page) {
    await page.click("#marks");
    await ask(page, problem);
    assert.equal(await page.value("document.querySelector('#tip').hidden"), true);
    await page.hover(".tokens .token.llm");
    assert.match(await page.text("#tip"), /^LLMscore [01]\.\d+\d+(\.\d+)? m?s$/);
    await page.hover(".tokens .token.slm");
    assert.match(await page.text("#tip"), /^SLMscore/);
    await page.hover("#prompt");
    assert.equal(await page.value("document.querySelector('#tip').hidden"), true);
  },

  async TellsATokensScoreByKeyboard(page) {
    await page.click("#marks");
    await ask(page, problem);
    for (let i = 0; i < 40 && !(await page.value("document.activeElement.matches('.tokens')")); ++i) {
      await page.pressShift("Tab");
    }
    assert.ok(await page.value("document.activeElement.matches('.tokens')"));
    await page.press("Home");
    const first = await page.text("#status");
    assert.match(first, /, (SLM|LLM), score [01]\.\d+, /);
    await page.press("ArrowRight");
    assert.notEqual(await page.text("#status"), first);
    assert.equal(await page.value("document.querySelectorAll('.tokens .current').length"), 1);
    assert.equal(await page.value("document.querySelector('#tip').hidden"), false);
    await page.press("Escape");
    assert.equal(await page.value("document.querySelector('#tip').hidden"), true);
  },

  async ListsAllTokensInATable(page) {
    await ask(page, problem);
    await page.click(".token-table summary");
    await page.until("document.querySelectorAll('.token-table tbody tr').length > 10");
    const rows = await page.value(allText(".token-table tbody tr td:nth-child(2)"));
    assert.deepEqual([...new Set(rows)].sort(), ["LLM", "SLM"]);
  },

  async SliderGoesFromOneModelToTheOther(page) {
    await page.until("document.querySelector('#policy').value");
    await page.slide("#level", 0);
    assert.equal(await page.text("#level-value"), "0 %");
    await ask(page, problem);
    assert.equal(await shareOfLast(page), 0);
    await page.slide("#level", 1);
    assert.equal(await page.text("#level-value"), "100 %");
    await ask(page, problem);
    assert.equal(await shareOfLast(page), 1);
    await page.slide("#level", 0.3);
    await ask(page, problem);
    const share = await shareOfLast(page);
    assert.ok(share > 0 && share < 1, `share ${share}`);
  },

  async ThresholdByKeyboard(page) {
    await page.until("document.querySelector('#policy').value");
    await page.click("#control-choice label:nth-of-type(2)");
    assert.equal(await page.text("#level-name"), "Threshold");
    await page.slide("#level", 0.5);
    await page.press("Home");
    assert.equal(await page.text("#level-value"), "0.00");
    await page.press("End");
    assert.match(await page.text("#level-note"), /The LLM writes every token/);
    await ask(page, problem);
    assert.equal(await shareOfLast(page), 1);
  },

  async ComparesThreeAnswers(page) {
    await page.click("#compare");
    await ask(page, problem);
    assert.deepEqual(await page.value(allText(".answer h3")), ["SLM alone", "Routed", "LLM alone"]);
    assert.equal(await page.value(count(".answer:nth-child(1) .token.llm")), 0);
    assert.ok((await page.value(count(".answer:nth-child(2) .token.llm"))) > 0);
    assert.equal(await page.value(count(".answer:nth-child(3) .token.slm")), 0);
    assert.match(await page.text(".answer:nth-child(3) .tokens"), /boxed\{59\}/);
    const tops = await page.value("[...document.querySelectorAll('.answer')].map((node) => node.getBoundingClientRect().top)");
    assert.equal(new Set(tops).size, 1);
  },

  async GoesOnWithTheConversation(page) {
    await ask(page, problem);
    await ask(page, "Tilda has 14 tulips. Nora has 5 times as many. How many tulips do they have together?");
    assert.equal(await page.value(count(".turn")), 2);
    await page.click("#clear");
    assert.equal(await page.value(count(".turn")), 0);
    assert.equal(await page.value("document.activeElement.id"), "prompt");
  },

  async ExampleFillsThePrompt(page) {
    await page.until("document.querySelector('#pair').childElementCount === 2");
    await page.click("#examples li:last-child button");
    assert.match(await page.value("document.querySelector('#prompt').value"), /\?\nChoices:\n\(A\)/);
    await page.press("Enter");
    await page.until(settled);
    assert.match(await page.text(".answer .tokens"), /wail/);
  },

  async ContinuesPlainText(page) {
    await page.click("#format-choice label:nth-of-type(2)");
    await ask(page, `Question: ${problem}\nSolution:`);
    assert.match(await page.text(".answer .tokens"), /boxed\{59\}/);
    assert.ok(page.requests.some((url) => url.endsWith("/v1/completions")));
  },

  async StopsAnAnswer(page) {
    // 51200 tokens at most: it will not end by itself before it is stopped.
    await page.click("#max-tokens");
    await page.press("End");
    await page.type("00");
    await page.click("#prompt");
    await page.type(problem);
    await page.press("Enter");
    await page.until("document.querySelectorAll('.token').length > 20");
    assert.match(await page.text(".answer .state"), /writing/);
    await page.click("#stop");
    await page.until(settled);
    assert.match(await page.text(".answer .state"), /stopped/);
    const tokens = await page.value(count(".token"));
    await new Promise((resolve) => { setTimeout(resolve, 300); });
    assert.equal(await page.value(count(".token")), tokens);
    assert.equal(await page.value("document.querySelector('#stop').hidden"), true);
    assert.equal(await page.value("document.querySelector('#send').disabled"), false);
  },

  async WantsTheRightKey(page) {
    await page.until("!document.querySelector('#notice').hidden");
    assert.match(await page.text("#notice"), /API key/);
    await ask(page, problem);
    assert.match(await page.text(".answer .problem"), /API key/);
    await page.click("#api-key");
    await page.type("secret");
    await page.press("Tab");
    await page.until("document.querySelector('#notice').hidden");
    await ask(page, problem);
    assert.match(await page.value("[...document.querySelectorAll('.answer .tokens')].at(-1).textContent"), /boxed/);
    assert.equal(await page.value("sessionStorage.getItem('citer-api-key')"), "secret");
    assert.doesNotMatch(await page.value("JSON.stringify(localStorage)"), /secret/);
    page.complaints = page.complaints.filter((complaint) => !complaint.includes("401"));
  },

  async SaysWhenTheServerIsGone(page, { server }) {
    await page.until("document.querySelector('#pair').childElementCount === 2");
    const ended = new Promise((resolve) => { server.once("exit", resolve); });
    server.kill("SIGKILL");
    await ended;
    await ask(page, problem);
    assert.match(await page.text(".answer .problem"), /cannot be reached/);
    assert.match(await page.text(".answer .state"), /failed/);
    // Of the request above, and of the icon, if it was still being loaded.
    page.complaints = page.complaints.filter((complaint) => !/ERR_CONNECTION|net::ERR_.*\/icon\.svg$/.test(complaint));
  },

  async ShowsTextAsText(page) {
    await ask(page, "<img src=x onerror=alert(1)><b>bold</b>");
    assert.equal(await page.value(count(".asked img, .asked b, .answer img, .answer .tokens b, .answer .meant b")), 0);
    assert.equal(await page.text(".asked"), "You: <img src=x onerror=alert(1)><b>bold</b>");
  },

  async LaysTokensOverCharacters(page) {
    const laid = await page.value(`(async () => {
      const { Pieces } = await import("./pieces.js");
      const token = (text) => ({ text });
      const run = (...steps) => {
        const pieces = new Pieces();
        const found = steps.flatMap(([text, ...tokens]) => pieces.add(text, tokens.map(token)));
        return [...found, ...pieces.finish()].map(({ text, tokens }) => [text, tokens.length]);
      };
      return {
        plain: run(["a b", "a", " b"], ["c", "c"]),
        late: run(["", "He"], ["", "llo"], ["Hello", "!"], ["!"]),
        split: run(["x", "x"], ["", "\\uFFFD"], ["\\u{1F600}", "\\uFFFD"], ["y", "y"]),
        splitAtEnd: run(["", "\\uFFFD", "\\uFFFD"], ["\\u{1F600}"]),
        stopped: run(["ab", "a", "b"], ["", "ST"], ["", "OP"]),
        special: run(["a", "a"], ["", ""]),
      };
    })()`);
    assert.deepEqual(laid, {
      plain: [["a", 1], [" b", 1], ["c", 1]],
      late: [["He", 1], ["llo", 1], ["!", 1]],
      split: [["x", 1], ["\u{1F600}", 2], ["y", 1]],
      splitAtEnd: [["\u{1F600}", 2]],
      stopped: [["a", 1], ["b", 1]],
      special: [["a", 1]],
    });
  },

  async EveryControlHasAName(page) {
    await ask(page, problem);
    const { nodes } = await page.send("Accessibility.getFullAXTree");
    const roles = ["button", "textbox", "slider", "checkbox", "radio", "combobox", "spinbutton", "region"];
    const nameless = nodes.filter((node) => !node.ignored && roles.includes(node.role?.value) && !node.name?.value);
    assert.deepEqual(nameless.map((node) => node.role.value), []);
    assert.equal(await page.value(count("h1")), 1);
    assert.equal(await page.value("document.querySelector('#status').getAttribute('role')"), "status");
    assert.match(await page.text("#status"), /Routed: .*boxed.* tokens by the LLM\./);
    assert.equal(await page.value(count(".tokens[aria-live], #turns[aria-live]")), 0);
    assert.equal(await page.value("document.documentElement.lang"), "en");
  },

  async KeyboardReachesEverything(page) {
    await page.click("#marks");
    await ask(page, problem);
    const reached = new Set();
    for (let i = 0; i < 40; ++i) {
      await page.press("Tab");
      reached.add(await page.value("document.activeElement.id || document.activeElement.className || document.activeElement.name"));
    }
    for (const control of ["prompt", "marks", "compare", "send", "clear", "level", "policy", "max-tokens", "temperature", "api-key", "tokens", "control", "format"]) {
      assert.ok(reached.has(control), `${control} is not reached by Tab: ${[...reached].join(", ")}`);
    }
  },

  async ShowsHowFarLongWorkIs(page) {
    const out = join(folder, "report");
    const work = spawn(citer, ["eval", "--data", join(process.env.CITER_MODEL_DIR, "data", "math.test.jsonl"),
      "--policies", "maxprob", "--out", out, "--page", "0"], { stdio: ["ignore", "ignore", "pipe"] });
    try {
      const url = await address(work, /progress at (\S+)/);
      await page.go(url);
      await page.until("parseFloat(document.querySelector('.card .figure')?.textContent) > 0");
      assert.match(await page.text(".card .note"), /^\d+ of \d+ \w+, [\d.]+ a (second|minute), .* left$/);
      await page.until("document.querySelector('.curve path').getAttribute('d').includes('L')");
      assert.match(await page.text("#state"), /at work/);
      assert.equal((await fetch(`${url}/progress`, { method: "POST" })).status, 404);
      await page.colours("dark");
      assert.deepEqual(await page.value(faintTexts), []);
      await page.picture(join(pictures, "page-progress-dark.png"));
      assert.deepEqual(page.requests.filter((request) => !request.startsWith(url) && !request.startsWith("http://127.0.0.1")), []);
    } finally {
      const ended = new Promise((resolve) => { work.once("exit", resolve); });
      work.kill("SIGKILL");
      await ended;
    }
    await page.until("document.querySelector('#state').textContent === 'the program has ended'");
    page.complaints = page.complaints.filter((complaint) => !complaint.includes("ERR_CONNECTION"));
    page.requests = [];
  },

  async ShowsTheCurvesOfATraining(page) {
    const preferences = join(folder, "preferences.gguf");
    const collected = spawn(citer, ["collect", "--limit", "12", "--out", preferences], { stdio: "ignore" });
    assert.equal(await new Promise((resolve) => { collected.once("exit", resolve); }), 0);
    const work = spawn(citer, ["train", "--preferences", preferences, "--out", join(folder, "router.gguf"), "--epochs", "2000",
      "--patience", "2000", "--page", "0"], { stdio: ["ignore", "ignore", "pipe"] });
    try {
      await page.go(await address(work, /progress at (\S+)/));
      await page.until(`${count("#curves .curve")} >= 5`);
      const names = await page.value(allText("#curves h3"));
      for (const name of ["train loss", "held-out loss", "accuracy", "AUC"]) assert.ok(names.includes(name), names.join(", "));
      await page.picture(join(pictures, "page-progress-train.png"));
    } finally {
      const ended = new Promise((resolve) => { work.once("exit", resolve); });
      work.kill("SIGKILL");
      await ended;
    }
    page.complaints = [];
    page.requests = [];
  },

  async FollowsTheSystemsColours(page) {
    const background = "getComputedStyle(document.body).backgroundColor";
    await page.colours("light");
    assert.equal(await page.value(background), "rgb(247, 248, 249)");
    await page.colours("dark");
    assert.equal(await page.value(background), "rgb(16, 20, 24)");
  },

  async TextHasContrast(page) {
    await page.click("#compare");
    await ask(page, problem);
    await page.click(".token-table summary");
    const check = async (view) => {
      for (const scheme of ["light", "dark"]) {
        await page.colours(scheme);
        assert.deepEqual(await page.value(faintTexts), [], `${view}, ${scheme}`);
      }
    };
    await page.value(showMarkdown(sample));
    await check("text");
    await page.click("#marks");
    await page.click(".token.llm");
    await page.until(count(".alternatives.llm li"));
    await check("tokens");
    await page.click(".views a:last-child");
    await page.until(count(".card"));
    await check("dashboard");
  },

  async RendersMarkdownAndFormulas(page) {
    await page.value(`(async () => {
      const { rendered } = await import("./markdown.js");
      const place = document.createElement("div");
      place.id = "sample";
      place.append(...rendered(${JSON.stringify(sample)}));
      document.body.append(place);
    })()`);
    const texts = (selector) => page.value(allText(`#sample ${selector}`));
    assert.deepEqual(await texts("h4"), ["Answer"]);
    assert.deepEqual(await texts("strong"), ["bold"]);
    assert.deepEqual(await texts("ol > li"), ["one", "two"]);
    assert.deepEqual(await texts("td"), ["1 < 2", "b"]);
    assert.deepEqual(await texts("pre code"), ["if (a < b && c) {}"]);
    assert.deepEqual(await texts("p code"), ["x < \"y\" &amp;"]);
    assert.equal(await page.value(count("#sample math")), 4);
    assert.equal(await page.value(count("#sample .display math[display=block]")), 1);
    assert.deepEqual(await texts(".formula annotation"), ["\\frac{1}{2}", "x^2", "\\boxed{59}", "E = mc^2"]);
    assert.match(await page.text("#sample"), /costs \$5 or \$6 in all/);
  },

  async TakesNoMarkupOfAModels(page) {
    const hostile = [
      "<img src=x onerror=alert(1)> <script>alert(1)</script> <b>bold</b>", "<div onclick=alert(1)>block</div>",
      "[a](javascript:alert(1)) [b](data:text/html,x) [c](JaVaScRiPt:alert(1)) [d](//host/x)", "![picture](http://host/x.png)",
      "[ok](https://host/)", "$\\href{javascript:alert(1)}{x}$ $\\includegraphics{http://host/x.png}$",
      "$\\htmlStyle{color:red}{x}$ $\\htmlData{a=b}{x}$ $\\def\\a{\\a\\a}\\a$ $\\frac{$", "<a href='javascript:alert(1)'>x</a>",
    ].join("\n\n");
    const found = await page.value(`(async () => {
      const { rendered } = await import("./markdown.js");
      const place = document.createElement("div");
      place.append(...rendered(${JSON.stringify(hostile)}));
      document.body.append(place);
      const all = [...place.querySelectorAll("*")];
      return {
        tags: [...new Set(all.map((node) => node.localName))],
        attributes: [...new Set(all.flatMap((node) => node.getAttributeNames()))],
        links: all.filter((node) => node.hasAttribute("href")).map((node) => node.getAttribute("href")),
        text: place.textContent,
      };
    })()`);
    for (const tag of ["img", "script", "b", "div", "iframe", "style"]) assert.ok(!found.tags.includes(tag), tag);
    for (const attribute of found.attributes) assert.doesNotMatch(attribute, /^on|^style$|^src$|^data-/);
    assert.deepEqual(found.links, ["https://host/"]);
    assert.match(found.text, /<img src=x onerror=alert\(1\)>/);
    assert.match(found.text, /!\[picture\]/);
  },

  async KeepsTheConversation(page, { url }) {
    await ask(page, problem);
    const text = await page.text(".answer .tokens");
    const figures = await page.text(".answer .figures");
    await page.go(url);
    await page.until(settled);
    assert.equal(await page.text(".asked"), `You: ${problem}`);
    assert.equal(await page.text(".answer .tokens"), text);
    assert.equal(await page.text(".answer .figures"), figures);
    await ask(page, problem);
    await page.until("document.querySelectorAll('.answer').length === 2");
    const kept = await page.value("JSON.parse(localStorage.getItem('citer-conversation'))");
    assert.deepEqual(kept.map(({ prompt }) => prompt.messages.map(({ role }) => role)),
      [["user"], ["user", "assistant", "user"]]);
    await page.click("#clear");
    await page.go(url);
    await page.until("document.querySelector('#pair').childElementCount === 2");
    assert.equal(await page.value(count(".turn")), 0);
  },

  async ShowsWhatEachModelWouldHaveWritten(page) {
    await page.click("#marks");
    await ask(page, problem);
    await page.click(".token.llm");
    await page.until(count(".alternatives.llm li"));
    const written = await page.text(".token.llm");
    const listed = (policy) => page.value(allText(`.alternatives.${policy} li code`));
    assert.equal(JSON.parse(`"${(await listed("llm"))[0]}"`), written);
    for (const policy of ["slm", "llm"]) {
      const shares = (await page.value(allText(`.alternatives.${policy} li`))).map((each) => Number(/([\d.]+) %$/.exec(each)[1]));
      assert.equal(shares.length, 5);
      assert.deepEqual(shares, [...shares].sort((a, b) => b - a));
      assert.ok(shares[0] > 0 && shares[0] <= 100);
    }
    await page.press("Escape");
    await page.click("#marks");
    assert.equal(await page.value(shown(".inspector")), false);
  },

  async PromisesByTheSlider(page) {
    await page.until("document.querySelector('#policy').value");
    await page.click("#control-accuracy");
    assert.equal(await page.text("#level-name"), "Promise");
    await page.slide("#level", 0);
    assert.equal(await page.text("#level-value"), "80 %");
    assert.match(await page.text("#level-note"), /80 % of the LLM's right answers are kept, at 95 % confidence/);
    await ask(page, problem);
    assert.match(await page.text(".answer header"), /promise of 80 %/);
    const share = await shareOfLast(page);
    assert.ok(share < 1, `share ${share}`);
  },

  async ShowsADashboard(page) {
    await ask(page, problem);
    await page.click(".views a:last-child");
    await page.until(`${count(".card")} === 7`);
    const cards = await page.value(`Object.fromEntries([...document.querySelectorAll(".card")].map((card) =>
      [card.querySelector("h3").textContent, card.textContent]))`);
    const tokens = await page.value(count(".tokens .token"));
    assert.ok(Number(/of (\d+) tokens/.exec(cards["LLM share"])[1]) >= tokens);
    assert.match(cards["LLM share"], /^LLM share[\d.]+ %/);
    assert.match(cards["First token"], /m?s/);
    assert.equal(await page.value(shown("#chat")), false);
    await page.until("document.querySelector('.card:nth-child(2) .curve path').getAttribute('d').includes('L')");
    await page.click(".views a:first-child");
    await page.until(shown("#prompt"));
  },

  async ChoosesAmongSeveralModels(page) {
    await page.until(`${count("#model option")} === 2`);
    await page.until("document.querySelector('#pair').childElementCount === 2");
    await ask(page, problem);
    assert.ok((await page.value(count(".token.llm"))) > 0);
    await page.value(`(() => { const model = document.querySelector("#model"); model.value = "alone";
      model.dispatchEvent(new Event("change")); })()`);
    await page.until("document.querySelector('#pair').childElementCount === 1");
    assert.equal(await page.value(shown("#routing")), false);
    assert.equal(await page.value(shown("#compare")), false);
    await ask(page, problem);
    await page.until(`${count(".answer")} === 2`);
    assert.equal(await shareOfLast(page), 0);
  },

  async FitsAPhone(page) {
    await page.size(320, 640);
    const wide = `({ page: document.documentElement.scrollWidth, nodes: [...document.querySelectorAll("body *")]
      .filter((node) => node.checkVisibility() && !node.closest(".hidden, .skip, .scroll") &&
        node.getBoundingClientRect().right > innerWidth + 0.5).map((node) => node.outerHTML.slice(0, 90)) })`;
    assert.deepEqual(await page.value(wide), { page: 320, nodes: [] });
    await page.click("#panel > summary");
    assert.equal(await page.value("document.querySelector('#panel').open"), true);
    assert.deepEqual(await page.value(wide), { page: 320, nodes: [] });
    await page.click("#compare");
    await ask(page, problem);
    await page.click(".token-table summary");
    assert.deepEqual(await page.value(wide), { page: 320, nodes: [] });
  },

  async PicturesAreKept(page) {
    const shot = (file) => page.picture(join(pictures, `page-${file}.png`));
    await page.until("document.querySelector('#pair').childElementCount === 2");
    await page.colours("light");
    await shot("welcome-light");
    await ask(page, problem);
    await page.value(showMarkdown(sample));
    await shot("text-light");
    await page.click("#marks");
    await page.click(".tokens .token.llm");
    await page.until(count(".alternatives.llm li"));
    await shot("answer-light");
    await page.click("#compare");
    await page.click("#clear");
    await ask(page, problem);
    await shot("compare-light");
    await page.colours("dark");
    await shot("compare-dark");
    await page.click(".views a:last-child");
    await page.until(count(".card"));
    for (const level of [0.1, 0.2, 0.4, 0.1]) {
      await page.click(".views a:first-child");
      await page.until(shown("#level"));
      await page.slide("#level", level);
      await ask(page, problem);
      await new Promise((resolve) => { setTimeout(resolve, 2000); });
    }
    await page.click(".views a:last-child");
    await shot("dashboard-dark");
    await page.colours("light");
    await shot("dashboard-light");
    await page.size(360, 720);
    await shot("phone-dashboard-light");
    await page.click(".views a:first-child");
    await page.until(shown("#marks"));
    await page.click("#marks");
    await shot("phone-light");
    await page.colours("dark");
    await page.click("#marks");
    await shot("phone-dark");
    await page.click("#panel > summary");
    await page.value("scrollTo(0, 0)");
    await shot("phone-settings-dark");
  },
};

const contrast = readFileSync(new URL("../support/contrast.js", import.meta.url), "utf8");

/** Texts whose contrast to what is behind them is below WCAG's 4.5. */
const faintTexts = `(() => {
  ${contrast}
  return [...document.querySelectorAll("body *")].filter((node) => node.checkVisibility() && !node.disabled &&
    [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim()) &&
    !node.closest("script, noscript, option, .hidden, .skip") && contrast(node) < 4.5)
    .map((node) => contrast(node).toFixed(2) + ": " + node.outerHTML.slice(0, 120));
})()`;

/** Flags of the server for scenarios that need other than its defaults. */
const folder = mkdtempSync(join(tmpdir(), "citer-models-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const models = join(folder, "models.json");
writeFileSync(models, JSON.stringify({ pair: {}, alone: { model: join(process.env.CITER_MODEL_DIR, "llm.gguf") } }));
const options = {
  ChoosesAmongSeveralModels: ["--models", models],
  StopsAnAnswer: ["--ignore-eos", "--ctx-size", "16384"],
  WantsTheRightKey: ["--api-key", "secret"],
};

/** Milliseconds a scenario may take, less than page_test.cpp gives it: what was started is ended here. */
const limit = 100_000;

function tooLate() {
  return new Promise((_, reject) => { setTimeout(() => reject(new Error("it took too long")), limit); });
}

async function run(scenario) {
  const { server, url } = await serve(options[name] ?? []);
  let page;
  try {
    page = await Page.open(chromium);
    await page.size(1280, 860);
    await page.go(url);
    await Promise.race([scenario(page, { server, url }), tooLate()]);
    assert.deepEqual(page.complaints, [], "complaints of the browser");
    assert.deepEqual(page.requests.filter((request) => !request.startsWith(url)), [], "requests to elsewhere");
  } finally {
    server.removeAllListeners("exit");
    server.kill("SIGKILL");
    await page?.close();
  }
}

run(scenarios[name]).then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
