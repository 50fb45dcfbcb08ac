// The browser's end of the live hub (live/asgi.py): one EventSource for each topic, kept alive.
//
//   connect, imported from live.js;
//   const connection = connect("board.12", {
//     at: "3-41",                                // the id of the state the page shows; leave out if unknown
//     token: "...",                              // private topics only
//     on: { board: (data, id) => { ... } },      // events by name; data is parsed JSON
//     onReset: (id) => { ... },                  // events were missed: load the whole state (id: where it stands)
//     onState: (state) => { ... },               // "live" | "reconnecting"
//     onRefused: () => { ... },                  // the token is no longer good, or there is no such topic
//   });
//   connection.close();
//
// Reconnects by itself, each time after a random wait so that a restarted server is not met by all at once. Closes
// when the page has been hidden for a minute (a browser grants six streams to a site) and resumes when it is seen.
// An event that the page's state already holds is left out, so `on` sees each event at most once and in order.

const HIDDEN_MS = 60_000;
const RETRY_FIRST_MS = 2_000;
const RETRY_MOST_MS = 30_000;
const STEADY_MS = 10_000; // open for so long: the next failure is a new one

const connections = new Set();
let hiddenTimer = 0;

/** "3-41" -> {epoch: "3", version: 41}; null for anything else. */
export function parseId(text) {
  const found = /^([0-9A-Za-z]+)-([0-9]+)$/.exec(text || "");
  return found && { epoch: found[1], version: Number(found[2]) };
}

/** Does the state `held` (an id or null) already hold the event `id`? */
export function holds(held, id) {
  const [mine, other] = [parseId(held), parseId(id)];
  return Boolean(mine && other && mine.epoch === other.epoch && other.version <= mine.version);
}

class Connection {
  constructor(topic, options) {
    this.topic = topic;
    this.options = options;
    this.held = parseId(options.at) ? options.at : null;
    this.source = null;
    this.timer = 0;
    this.failures = 0;
    this.openedAt = 0;
    this.closed = false;
  }

  get address() {
    const query = new URLSearchParams();
    if (this.held) query.set("v", this.held);
    if (this.options.token) query.set("token", this.options.token);
    return `/live/${encodeURIComponent(this.topic)}?${query}`;
  }

  resume() {
    window.clearTimeout(this.timer);
    if (this.closed || this.source) return;
    const source = new EventSource(this.address);
    this.source = source;
    source.addEventListener("open", () => {
      this.openedAt = Date.now();
      this.options.onState?.("live");
    });
    source.addEventListener("error", () => this.failed(source));
    source.addEventListener("reset", (event) => {
      this.held = JSON.parse(event.data).at || null;
      this.options.onReset?.(this.held);
    });
    for (const [name, handle] of Object.entries(this.options.on || {})) {
      source.addEventListener(name, (event) => {
        if (holds(this.held, event.lastEventId)) return;
        this.held = event.lastEventId;
        handle(JSON.parse(event.data), event.lastEventId);
      });
    }
  }

  pause() {
    window.clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  async failed(source) {
    if (this.source !== source) return;
    // CONNECTING: the stream broke, the browser would retry at a fixed pace. CLOSED: an answer that is no stream.
    const answered = source.readyState === EventSource.CLOSED;
    this.pause();
    this.options.onState?.("reconnecting");
    if (this.openedAt && Date.now() - this.openedAt > STEADY_MS) this.failures = 0;
    this.openedAt = 0;
    const wait = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** this.failures) * (0.5 + Math.random());
    this.failures += 1;
    if (answered && (await this.isRefused())) {
      this.close();
      this.options.onRefused?.();
      return;
    }
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.resume(), wait);
  }

  /** An EventSource does not tell the status of an answer; ask for it once. */
  async isRefused() {
    const giveUp = new AbortController();
    try {
      const answer = await fetch(this.address, { signal: giveUp.signal, cache: "no-store" });
      return answer.status === 401 || answer.status === 404;
    } catch {
      return false;
    } finally {
      giveUp.abort(); // it may be a stream
    }
  }

  close() {
    this.closed = true;
    this.pause();
    connections.delete(this);
  }
}

export function connect(topic, options) {
  const connection = new Connection(topic, options);
  connections.add(connection);
  connection.resume();
  return connection;
}

function pauseAll() {
  for (const connection of connections) connection.pause();
}

function resumeAll() {
  for (const connection of connections) connection.resume();
}

document.addEventListener("visibilitychange", () => {
  window.clearTimeout(hiddenTimer);
  if (document.hidden) hiddenTimer = window.setTimeout(pauseAll, HIDDEN_MS);
  else resumeAll();
});
window.addEventListener("pagehide", pauseAll); // an open stream would keep the page out of the back/forward cache
window.addEventListener("pageshow", (event) => {
  if (event.persisted) resumeAll();
});
