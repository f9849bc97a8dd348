// A headless Chromium driven over its DevTools protocol by a pipe, with Node's own modules alone:
// real clicks, keys and pointer moves, as a person's reach the page.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const flags = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
];
const patience = 30_000;

const keys = {
  Enter: { code: "Enter", keyCode: 13, text: "\r" },
  Tab: { code: "Tab", keyCode: 9 },
  Space: { key: " ", code: "Space", keyCode: 32, text: " " },
  Escape: { code: "Escape", keyCode: 27 },
  Home: { code: "Home", keyCode: 36 },
  End: { code: "End", keyCode: 35 },
  ArrowLeft: { code: "ArrowLeft", keyCode: 37 },
  ArrowRight: { code: "ArrowRight", keyCode: 39 },
};
const shift = 8;

const sleep = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

/** The browser's process and the pipe to it: messages are JSON, ended by NUL. */
class Connection {
  #next = 1;
  #waiting = new Map();
  #rest = "";
  listeners = [];

  constructor(program, folder) {
    this.process = spawn(program, [...flags, `--user-data-dir=${folder}`], {
      env: { ...process.env, HOME: folder },
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    });
    this.process.stdio[4].setEncoding("utf8");
    this.process.stdio[4].on("data", (data) => this.#read(data));
  }

  send(method, params = {}, sessionId = undefined) {
    const id = this.#next++;
    this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => { this.#waiting.set(id, { method, resolve, reject }); });
  }

  #read(data) {
    const parts = (this.#rest + data).split("\0");
    this.#rest = parts.pop();
    for (const part of parts) this.#take(JSON.parse(part));
  }

  #take(message) {
    const waiting = this.#waiting.get(message.id);
    if (!waiting) {
      for (const listener of this.listeners) listener(message);
      return;
    }
    this.#waiting.delete(message.id);
    if (message.error) waiting.reject(new Error(`${waiting.method}: ${message.error.message}`));
    else waiting.resolve(message.result);
  }
}

/** A page, as the one before it sees and handles it. Elements are named by CSS selectors. */
export class Page {
  #connection;
  #session;
  #folder;
  /** Errors and warnings of the console, exceptions, refusals by the security policy. */
  complaints = [];
  /** Addresses of all requests. */
  requests = [];

  static async open(program) {
    const page = new Page();
    page.#folder = mkdtempSync(join(tmpdir(), "citer-page-"));
    page.#connection = new Connection(program, page.#folder);
    const { targetId } = await page.#connection.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await page.#connection.send("Target.attachToTarget", { targetId, flatten: true });
    page.#session = sessionId;
    page.#connection.listeners.push((message) => page.#note(message));
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.send(`${domain}.enable`);
    return page;
  }

  async close() {
    const ended = new Promise((resolve) => { this.#connection.process.once("exit", resolve); });
    // Asked to, it waits for its own processes, which else would still write to the folder.
    this.#connection.send("Browser.close").catch(() => {});
    const impatience = setTimeout(() => this.#connection.process.kill("SIGKILL"), 5000);
    await ended;
    clearTimeout(impatience);
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }

  send(method, params = {}) {
    return this.#connection.send(method, params, this.#session);
  }

  #note({ method, params }) {
    if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
    if (method === "Runtime.exceptionThrown") {
      this.complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    }
    if (method === "Log.entryAdded" && ["error", "warning"].includes(params.entry.level)) {
      this.complaints.push(`${params.entry.text} ${params.entry.url ?? ""}`);
    }
    if (method === "Runtime.consoleAPICalled" && ["error", "warning"].includes(params.type)) {
      this.complaints.push(params.args.map((argument) => argument.value).join(" "));
    }
  }

  async size(width, height) {
    await this.send("Emulation.setDeviceMetricsOverride",
      { width, height, deviceScaleFactor: 1, mobile: false });
  }

  async colours(scheme) {
    await this.send("Emulation.setEmulatedMedia",
      { features: [{ name: "prefers-color-scheme", value: scheme }] });
  }

  async go(address) {
    await this.send("Page.navigate", { url: address });
    await this.until("document.readyState === 'complete'");
  }

  /** The value of an expression within the page; promises are awaited. */
  async value(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate",
      { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) {
      throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    }
    return result.value;
  }

  /** Waits until an expression holds. */
  async until(expression) {
    const end = Date.now() + patience;
    while (!(await this.value(`Boolean(${expression})`))) {
      if (Date.now() > end) throw new Error(`it did not come to be that ${expression}`);
      await sleep(20);
    }
  }

  text(selector) {
    return this.value(`document.querySelector(${JSON.stringify(selector)}).textContent`);
  }

  /** The middle of the first box of an element, scrolled into view. */
  async #middle(selector) {
    const point = await this.value(`(() => {
      const node = document.querySelector(${JSON.stringify(selector)});
      if (!node) return null;
      node.scrollIntoView({ block: "center", behavior: "instant" });
      const box = node.getClientRects()[0];
      return box ? { x: box.left + box.width / 2, y: box.top + box.height / 2 } : null;
    })()`);
    if (!point) throw new Error(`${selector} is not to be seen`);
    return point;
  }

  async #mouse(type, point, button = "none") {
    await this.send("Input.dispatchMouseEvent",
      { type, ...point, button, buttons: button === "left" ? 1 : 0, clickCount: button === "left" ? 1 : 0 });
  }

  async click(selector) {
    await this.#clickAt(await this.#middle(selector));
  }

  async #clickAt(point) {
    await this.#mouse("mouseMoved", point);
    await this.#mouse("mousePressed", point, "left");
    await this.#mouse("mouseReleased", point, "left");
  }

  /** Clicks on a slider where `part` of its way is. */
  async slide(selector, part) {
    const { y } = await this.#middle(selector);
    const { left, width } = await this.value(
      `document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect().toJSON()`);
    await this.#clickAt({ x: left + 1 + (width - 2) * part, y });
  }

  async hover(selector) {
    await this.#mouse("mouseMoved", await this.#middle(selector));
  }

  async press(name, modifiers = 0) {
    const { text, ...key } = keys[name];
    const event = { key: name, ...key, windowsVirtualKeyCode: key.keyCode, modifiers };
    delete event.keyCode;
    await this.send("Input.dispatchKeyEvent", { type: text ? "keyDown" : "rawKeyDown", text, ...event });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }

  async pressShift(name) {
    await this.press(name, shift);
  }

  /** Types text where the focus is, as an input method does: Enter is for press(). */
  async type(text) {
    await this.send("Input.insertText", { text });
  }

  async picture(path) {
    const { data } = await this.send("Page.captureScreenshot", { format: "png" });
    writeFileSync(path, Buffer.from(data, "base64"));
  }
}
