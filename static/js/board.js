// A leaderboard that keeps itself up to date. Without this file the page shows the standing as it was rendered.
//
// Expected markup (rows as in templates/leaderboard/row.html; the board may be empty):
//
//   <p data-live-state="off"><span class="live-dot"></span><span data-live-text>...</span></p>
//   <table data-board data-topic="board.12" data-v="3-41" data-snapshot-url="/api/v1/contests/digits/leaderboard/"
//          data-page="1" data-page-size="100" data-decimals="4" data-own-team="7"
//          data-text-live="Live" data-text-reconnecting="Connection lost, trying again…"
//          data-text-one="{name} is now at rank {rank}." data-text-many="{count} teams have a new rank."
//          data-text-you="you">
//     <thead>...</thead>
//     <tbody><tr data-team="7">...</tr></tbody>
//   </table>
//   <p data-board-empty hidden>Nobody has a score yet.</p>
//   <div data-board-own="/contests/digits/leaderboard/own/" hidden>           only for somebody who takes part;
//     ... <b data-own="rank">121</b> ... <b data-own="score">0.5000</b> ...     shown while the own row is not on the
//   </div>                                                                      page
//
// data-live-state becomes "live" or "reconnecting"; a row that changed has the class is-changed for a moment.
// Page 1 lives on the events alone. Later pages, whose borders an event does not tell, fetch themselves anew.

import { connect, holds } from "./live.js";

const SPREAD_MS = 2_000; // snapshots are fetched after a random part of this: all spectators are told at once
const LATER_PAGE_MS = 5_000;
const SNAPSHOT_RETRY_MS = 5_000;
const OWN_EVERY_MS = 10_000; // the own standing is fetched at most so often: it is one request a spectator
const SAY_EVERY_MS = 10_000;
const MOVE_MS = 600;
const CHANGED_MS = 2_500;

const byStanding = (a, b) => a.rank - b.rank || Date.parse(a.since) - Date.parse(b.since) || a.team - b.team;
const seconds = (since) => Math.floor(Date.parse(since) / 1000);
const filled = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

class Announcer {
  constructor(table) {
    this.texts = table.dataset;
    this.moved = new Map();
    this.timer = 0;
    this.node = document.createElement("p");
    this.node.className = "visually-hidden";
    this.node.setAttribute("aria-live", "polite");
    table.after(this.node);
  }

  /** `standing`: who is on the page now; of a row that has left it no rank is told. */
  note(rows, standing) {
    for (const row of rows) this.moved.set(row.team, row);
    for (const team of this.moved.keys()) if (!standing.has(team)) this.moved.delete(team);
    if (this.moved.size && !this.timer) this.timer = window.setTimeout(() => this.say(), SAY_EVERY_MS);
  }

  say() {
    this.timer = 0;
    const rows = [...this.moved.values()];
    this.moved.clear();
    if (!rows.length) return;
    const pattern = rows.length === 1 ? this.texts.textOne : this.texts.textMany;
    this.node.textContent = filled(pattern || "", { ...rows[0], count: rows.length });
  }
}

class Board {
  constructor(table) {
    this.table = table;
    this.body = table.tBodies[0];
    this.page = Number(table.dataset.page || 1);
    this.pageSize = Number(table.dataset.pageSize || 100);
    this.decimals = Number(table.dataset.decimals || 4);
    this.own = Number(table.dataset.ownTeam || 0);
    this.at = table.dataset.v || null;
    this.rows = new Map(); // team -> {team, rank, name, score, submissions, since, node}
    this.waiting = null; // events that came while a snapshot is on its way
    this.again = false; // asked for a snapshot while one was on its way, which may be too old
    this.announcer = new Announcer(table);
    this.stateNode = document.querySelector("[data-live-state]");
    this.ownNode = document.querySelector("[data-board-own]");
    this.ownTimer = 0;
    for (const node of this.body.querySelectorAll("tr[data-team]")) this.adopt(node);
    connect(table.dataset.topic, {
      at: this.at,
      on: { board: (data, id) => this.changed(data, id) },
      onReset: () => this.fetchSoon(SPREAD_MS),
      onState: (state) => this.showState(state),
    });
  }

  /** A row that the server rendered. */
  adopt(node) {
    const cell = (name) => node.querySelector(`.board-${name}`)?.textContent.trim() ?? "";
    const team = Number(node.dataset.team);
    this.rows.set(team, {
      team,
      rank: Number(cell("rank")),
      name: node.querySelector(".board-name")?.firstChild?.textContent.trim() ?? "",
      score: Number(cell("score")),
      submissions: Number(cell("count")),
      since: node.querySelector("time")?.dateTime ?? "",
      node,
    });
  }

  changed(data, id) {
    this.askForOwn();
    if (this.waiting) this.waiting.push([data, id]);
    else if (this.page > 1) this.fetchSoon(LATER_PAGE_MS);
    else if (!data.changed) this.fetchSoon(SPREAD_MS);
    else this.apply(data, id);
  }

  apply(data, id) {
    this.at = id;
    const next = new Map(this.rows);
    for (const team of data.removed || []) next.delete(team);
    for (const [team, rank, name, score, submissions, since] of data.changed) {
      next.set(team, { team, rank, name, score, submissions, since });
    }
    this.show([...next.values()]);
  }

  fetchSoon(withinMs) {
    if (this.waiting) {
      this.again = true;
      return;
    }
    this.again = false;
    this.waiting = [];
    window.setTimeout(() => this.fetchSnapshot(), Math.random() * withinMs);
  }

  async fetchSnapshot() {
    try {
      const address = new URL(this.table.dataset.snapshotUrl, window.location.href);
      if (this.page > 1) address.searchParams.set("page", this.page);
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      if (answer.status === 404) return; // the board now ends before this page
      if (!answer.ok) throw new Error(`the standing was answered with ${answer.status}`);
      this.takeSnapshot(await answer.json());
    } catch (failure) {
      console.warn("board:", failure);
      window.setTimeout(() => this.fetchSnapshot(), SNAPSHOT_RETRY_MS * (0.5 + Math.random()));
    }
  }

  takeSnapshot(snapshot) {
    this.at = `${snapshot.epoch}-${snapshot.version}`;
    this.show(snapshot.entries.map((entry) => ({
      team: entry.team_id,
      rank: entry.rank,
      name: entry.name,
      score: entry.score,
      submissions: entry.submissions,
      since: entry.last_improved_at,
    })));
    const later = this.waiting.filter(([, id]) => !holds(this.at, id));
    this.waiting = null;
    for (const [data, id] of later) this.changed(data, id);
    if (this.again) this.fetchSoon(SPREAD_MS);
  }

  /** A row outside the page moves without an event that tells it. */
  askForOwn() {
    if (!this.ownNode || this.ownTimer) return;
    this.ownTimer = window.setTimeout(async () => {
      this.ownTimer = 0;
      if (this.rows.has(this.own)) return;
      try {
        const answer = await fetch(this.ownNode.dataset.boardOwn);
        const { own } = answer.ok ? await answer.json() : {};
        if (!own || this.rows.has(this.own)) return;
        this.ownNode.querySelector("[data-own=rank]").textContent = own.rank;
        this.ownNode.querySelector("[data-own=score]").textContent = own.score.toFixed(this.decimals);
        this.ownNode.hidden = false;
      } catch (failure) {
        console.warn("board:", failure); // the next change asks again
      }
    }, OWN_EVERY_MS * (0.2 + 0.8 * Math.random()));
  }

  /** Make the table say `all`, moving rows from where they were to where they now are. */
  show(all) {
    const rows = all.sort(byStanding).slice(0, this.pageSize);
    const before = new Map([...this.rows.values()].map((row) => [row.team, row.node.getBoundingClientRect().top]));
    const moved = [];
    const next = new Map();
    for (const row of rows) {
      const old = this.rows.get(row.team);
      row.node = old?.node ?? this.newNode(row);
      if (!old || old.rank !== row.rank) moved.push(row);
      if (!old || this.looksDifferent(old, row)) this.write(row, old);
      next.set(row.team, row);
    }
    for (const [team, row] of this.rows) if (!next.has(team)) row.node.remove();
    rows.forEach((row, index) => {
      if (this.body.rows[index] !== row.node) this.body.insertBefore(row.node, this.body.rows[index] ?? null);
    });
    this.rows = next;
    document.querySelector("[data-board-empty]")?.toggleAttribute("hidden", rows.length > 0);
    if (this.ownNode && next.has(this.own)) this.ownNode.hidden = true;
    this.slide(rows, before);
    this.announcer.note(moved, next);
  }

  looksDifferent(old, row) {
    const look = ({ rank, name, score, submissions, since }) =>
      [rank, name, score.toFixed(this.decimals), submissions, seconds(since)].join("\n");
    return look(old) !== look(row);
  }

  slide(rows, before) {
    if (document.hidden || window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    // All places are read before the first animation starts: otherwise each would force a layout of its own.
    const after = rows.map((row) => row.node.getBoundingClientRect().top);
    rows.forEach((row, index) => {
      const from = before.get(row.team);
      if (from === undefined) {
        row.node.animate([{ opacity: 0 }, { opacity: 1 }], { duration: MOVE_MS });
      } else if (from !== after[index]) {
        const start = { transform: `translateY(${from - after[index]}px)` };
        row.node.animate([start, { transform: "none" }], { duration: MOVE_MS, easing: "ease-in-out" });
      }
    });
  }

  newNode(row) {
    const node = document.createElement("tr");
    node.dataset.team = row.team;
    node.classList.toggle("is-own", row.team === this.own);
    for (const name of ["rank", "name", "score num", "count num", "time"]) {
      node.insertCell().className = `board-${name}`;
    }
    return node;
  }

  /** Only cells that say something else are written: somebody may be marking the others. */
  write(row, old) {
    const [rank, name, score, count, time] = row.node.cells;
    if (old?.rank !== row.rank) rank.replaceChildren(this.badge(row.rank));
    if (old?.name !== row.name) this.writeName(name, row);
    score.textContent = row.score.toFixed(this.decimals);
    count.textContent = row.submissions;
    if (!old || seconds(old.since) !== seconds(row.since)) time.replaceChildren(this.timeNode(row.since));
    row.node.classList.add("is-changed");
    window.setTimeout(() => row.node.classList.remove("is-changed"), CHANGED_MS);
  }

  badge(rank) {
    const node = document.createElement("span");
    node.className = `rank rank-${rank}`;
    node.textContent = rank;
    return node;
  }

  /** Names are contestants' own words: text only, never markup. */
  writeName(cell, { name, team }) {
    cell.replaceChildren(name);
    if (team !== this.own || !this.table.dataset.textYou) return;
    const tag = document.createElement("span");
    tag.className = "tag tag-own";
    tag.textContent = this.table.dataset.textYou;
    cell.append(" ", tag);
  }

  timeNode(since) {
    const node = document.createElement("time");
    const date = new Date(since);
    node.dateTime = since;
    node.title = `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
    node.textContent = new Intl.DateTimeFormat(document.documentElement.lang, {
      dateStyle: "medium",
      timeStyle: "short",
    }).format(date);
    return node;
  }

  showState(state) {
    if (!this.stateNode) return;
    this.stateNode.dataset.liveState = state;
    const text = this.stateNode.querySelector("[data-live-text]");
    if (text) text.textContent = state === "live" ? this.table.dataset.textLive : this.table.dataset.textReconnecting;
  }
}

for (const table of document.querySelectorAll("table[data-board]")) new Board(table);
