// The page of one submission: status, place in the queue and log as they come.
// Without this file the page shows what was true when it was loaded.
//
// Expected markup:
//
//   <section data-submission data-topic="submission.<uuid>" data-token="..." data-log-url="/submissions/<id>/log/"
//            data-status="RUNNING" data-verdict="" data-stage="train" data-now="2026-11-21T21:00:00Z"
//            data-text-queue="Place {position} in the queue">
//     <span id="status-badge">...</span>
//     <span id="queue-position">...</span>
//     <span data-elapsed-since="2026-11-21T20:59:30Z">...</span>      counts up; leave it out once finished
//     <pre id="log" tabindex="0" data-end="0"></pre>                  data-end: bytes of log that the page holds
//   </section>
//   <div id="submission-result">...</div>                             verdict, score, facts, files; may lie anywhere
//
// The words of the page stay the server's: when the status changes, the page is fetched once more, and #status-badge,
// #queue-position, #submission-result and every element with data-part="<name>" become what they are there
// (static/js/renew.js; an element must be there, empty if need be). #log is never touched.
//
// While an element with data-refresh is there (the page waits for an environment being built, which sends no events),
// the page is fetched every few seconds. Each time the document hears `podium:replaced`.
//
// Events: `position` {"queue_position", "queue_estimate": [low, high] in seconds, or null}; `status` {"status", "stage", "verdict", "queue_position", ...}; `log` {"offset",
// "text", "end"}: the text lies at bytes offset..end of the log. `${logUrl}?after=<bytes>` answers {"offset", "text", "end"} with what lies behind.

import { connect } from "./live.js";
import { parsed } from "./parsed.js";
import { renew } from "./renew.js";

const FINAL = new Set(["FINISHED", "FAILED", "CANCELLED"]);
const SILENCE_MS = 60_000; // nothing heard for so long: look whether something was lost on the way
const REFRESH_MS = 5_000;
const NEAR_END_PX = 40;
const [MINUTE_S, HOUR_S] = [60, 3600];
const RETRY_MS = 3_000;
const PARTS = "#status-badge, #queue-position, #queue-estimate, #submission-result, [data-part]";
const COLOURS = /\u001b\[[0-9;?]*[A-Za-z]/g;

const selectorOf = (node) => (node.id ? `#${CSS.escape(node.id)}` : `[data-part="${CSS.escape(node.dataset.part)}"]`);
/** The same words anew would be read out anew. */
const write = (node, words) => { if (node.textContent !== words) node.textContent = words; };
const bytesOf = (text) => new TextEncoder().encode(text).length;

/** A terminal's idea of text: a carriage return begins the line anew (progress bars live on it). */
class Log {
  constructor(node) {
    this.node = node;
    this.end = Number(node.dataset.end || 0);
    this.line = "";
    this.lineNode = document.createTextNode("");
    node.append(this.lineNode);
    this.follows = true;
    node.addEventListener("scroll", () => {
      this.follows = node.scrollHeight - node.scrollTop - node.clientHeight < NEAR_END_PX;
    });
    this.toEnd();
  }

  append(text, end) {
    const lines = (this.line + text.replace(COLOURS, "")).split("\n");
    this.line = lines.pop();
    const visible = (line) => line.replace(/\r+$/, "").replace(/^.*\r/s, "");
    if (lines.length) this.lineNode.before(`${lines.map(visible).join("\n")}\n`);
    this.lineNode.data = visible(this.line);
    this.end = end;
    if (this.follows) this.toEnd();
  }

  toEnd() {
    this.node.scrollTop = this.node.scrollHeight;
  }
}

class Submission {
  constructor(root) {
    this.root = root;
    this.status = root.dataset.status;
    this.verdict = root.dataset.verdict || "";
    this.stage = root.dataset.stage || "";
    this.skew = root.dataset.now ? Date.now() - Date.parse(root.dataset.now) : 0;
    const logNode = document.getElementById("log");
    this.log = logNode && new Log(logNode);
    this.logWanted = false;
    this.heardAt = Date.now();
    this.refreshedAt = Date.now();
    if (FINAL.has(this.status)) return;
    this.connection = connect(root.dataset.topic, {
      token: root.dataset.token,
      on: {
        status: (data) => this.onStatus(data),
        position: (data) => this.showQueue(data),
        log: (data) => this.onLog(data),
        usage: (data) => this.onUsage(data),
      },
      onReset: () => this.catchUp(),
      onState: (state) => { root.dataset.liveState = state; },
      onRefused: () => this.renewToken(),
    });
    this.ticker = window.setInterval(() => this.tick(), 1_000);
    this.tick();
  }

  onStatus(data) {
    this.heardAt = Date.now();
    // A page that is being fetched may be older than this event: then it is fetched once more.
    const changed = this.refreshing || data.status !== this.status || (data.verdict || "") !== this.verdict
      || (data.stage || "") !== this.stage;
    this.showQueue(data);
    if (changed) this.refresh();
  }

  showQueue({ queue_position: position, queue_estimate: estimate }) {
    const node = document.getElementById("queue-position");
    if (!node) return;
    const pattern = this.root.dataset.textQueue || "{position}";
    write(node, position ? pattern.replace("{position}", position) : "");
    const start = document.getElementById("queue-estimate");
    if (start) write(start, position && estimate ? this.startWords(...estimate) : "");
  }

  /** As judge/templatetags/judging.py says it: the near end rounded down, the far end up. */
  startWords(low, high) {
    const say = (kind, unit) => (this.root.getAttribute(`data-text-start-${kind}`) || "")
      .replace("{low}", Math.floor(low / unit)).replace("{high}", Math.ceil(high / unit));
    if (high <= MINUTE_S) return say("minute", MINUTE_S);
    const [name, unit] = high > 2 * HOUR_S ? ["hours", HOUR_S] : ["minutes", MINUTE_S];
    return say(low >= unit ? name : `within_${name}`, unit);
  }

  onLog({ offset, text, end }) {
    this.heardAt = Date.now();
    if (!this.log) return;
    const until = end ?? offset + bytesOf(text);
    if (offset === this.log.end) this.log.append(text, until);
    else if (until > this.log.end) this.fetchLog(); // a gap, or a piece that overlaps what is there
  }

  /** Drawn by usage.js: a page has one connection. */
  onUsage(data) {
    this.heardAt = Date.now();
    document.dispatchEvent(new CustomEvent("podium:usage", { detail: data }));
  }

  catchUp() {
    this.fetchLog();
    this.refresh();
  }

  async fetchLog() {
    if (!this.log) return;
    this.logWanted = true;
    if (this.logFetch) return; // one at a time; it looks again when it is through
    this.logFetch = true;
    while (this.logWanted) {
      this.logWanted = false;
      try {
        const answer = await fetch(`${this.root.dataset.logUrl}?after=${this.log.end}`, { cache: "no-store" });
        if (!answer.ok) throw new Error(`the log was answered with ${answer.status}`);
        const { offset, text, end } = await answer.json();
        // Events may have brought some of it meanwhile; then ask again from there.
        if (offset === this.log.end && end > offset) this.log.append(text, end);
        else if (end > this.log.end) this.logWanted = true;
      } catch (failure) {
        console.warn("submission:", failure);
        await new Promise((done) => { window.setTimeout(done, RETRY_MS); });
        this.logWanted = !FINAL.has(this.status);
      }
    }
    this.logFetch = false;
  }

  /** Fetch the page once more and take over its parts. Two changes in a row make one fetch after the other. */
  async refresh() {
    this.refreshWanted = true;
    if (this.refreshing) return;
    this.refreshing = true;
    while (this.refreshWanted) {
      this.refreshWanted = false;
      try {
        const answer = await fetch(window.location.href, { cache: "no-store" });
        if (!answer.ok) throw new Error(`the page was answered with ${answer.status}`);
        this.refreshedAt = Date.now();
        this.takeOver(parsed(await answer.text()));
      } catch (failure) {
        console.warn("submission:", failure);
        await new Promise((done) => { window.setTimeout(done, RETRY_MS); });
        this.refreshWanted = true;
      }
    }
    this.refreshing = false;
  }

  takeOver(fresh) {
    const root = fresh.querySelector("[data-submission]");
    if (!root) { // signed out meanwhile, for example
      window.location.reload();
      return;
    }
    for (const node of document.querySelectorAll(PARTS)) {
      const replacement = fresh.querySelector(selectorOf(node));
      if (replacement && !node.contains(this.log?.node)) renew(node, replacement);
    }
    document.dispatchEvent(new Event("podium:replaced"));
    this.status = root.dataset.status;
    this.verdict = root.dataset.verdict || "";
    this.stage = root.dataset.stage || "";
    this.root.dataset.status = this.status;
    this.tick();
    if (FINAL.has(this.status)) this.finish();
  }

  finish() {
    this.fetchLog();
    this.connection.close();
    window.clearInterval(this.ticker);
  }

  /** The page itself carries a fresh token. A page that is refused twice in a row would reload for ever. */
  renewToken() {
    const key = `live-renewed:${this.root.dataset.topic}`;
    const last = Number(window.sessionStorage.getItem(key) || 0);
    window.sessionStorage.setItem(key, Date.now());
    if (Date.now() - last > SILENCE_MS) window.location.reload();
  }

  tick() {
    for (const node of document.querySelectorAll("[data-elapsed-since]")) {
      const s = Math.max(0, Math.floor((Date.now() - this.skew - Date.parse(node.dataset.elapsedSince)) / 1000));
      const two = (count) => String(count).padStart(2, "0");
      const [hours, minutes, seconds] = [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60];
      node.textContent = hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
    }
    if (!document.hidden && document.querySelector("[data-refresh]") && Date.now() - this.refreshedAt > REFRESH_MS) {
      this.refreshedAt = Date.now();
      this.refresh();
    }
    if (Date.now() - this.heardAt > SILENCE_MS && !document.hidden) {
      this.heardAt = Date.now();
      this.catchUp();
    }
  }
}

const root = document.querySelector("[data-submission]");
if (root) new Submission(root);
