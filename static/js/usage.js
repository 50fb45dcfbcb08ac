// What a run uses over time, drawn as it grows. Without this file the page has the table below it.
//
// Expected markup:
//
//   <section data-usage data-usage-url="/submissions/<id>/usage/" hidden>      shown as soon as there are points
//     <div data-usage-charts></div>
//   </section>
//   <script type="application/json" id="usage-texts">{"memory": "Memory", "limit": "limit {limit}", ...}</script>
//
// The address answers {"attempt", "after", "samples", "limits"}; a sample is [number, wall_s, cpu_s, memory, disk,
// gpu_memory, gpu_percent]. The document hears `podium:usage` {"attempt", "samples"} for new points and
// `podium:replaced` when some may have been missed (static/js/submission.js). One chart for each figure: the highest
// value of the curve sets the scale, and the limit is a line of it; one that lies far above stands at the upper edge.

import { draw } from "./chart.js";

const MIB = 1024 * 1024;
const CLOSE_S = 0.1; // two points that close tell of the clock, not of the program; as in judge/usage_table.py
const RETRY_MS = 3_000;
const [WALL, CPU, MEMORY, DISK, GPU_MEMORY, GPU] = [1, 2, 3, 4, 5, 6];

const language = document.documentElement.lang;
const number = (value, digits) => new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
const percent = (value) => `${number(value, 0)} %`;
const megabytes = (value) =>
  value >= 1024 ? `${number(value / 1024, 1)} GB` : `${number(value, value < 10 ? 1 : 0)} MB`;
const seconds = (value) => {
  if (value < 120) return `${number(value, value < 10 ? 1 : 0)} s`;
  return value < 7200 ? `${number(value / 60, 1)} min` : `${number(value / 3600, 1)} h`;
};

/** [[time, value]] of the load between each two points. */
function loads(rows) {
  const found = [];
  let before = rows[0];
  for (const row of rows.slice(1)) {
    const passed = row[WALL] - before[WALL];
    if (passed < CLOSE_S) continue;
    found.push([row[WALL], (100 * (row[CPU] - before[CPU])) / passed]);
    before = row;
  }
  return found.length ? [[rows[0][WALL], found[0][1]], ...found] : [];
}

const column = (place, scale = 1) => (rows) => rows.map((row) => [row[WALL], row[place] / scale]);

const FIGURES = [
  { name: "cpu", points: loads, words: percent, floor: 100 },
  { name: "memory", points: column(MEMORY, MIB), words: megabytes, floor: 1, limit: "memory_mb" },
  { name: "cpu_time", points: column(CPU), words: seconds, floor: 1, limit: "cpu_s" },
  { name: "disk", points: column(DISK, MIB), words: megabytes, floor: 1, limit: "disk_mb" },
  { name: "gpu", points: column(GPU), words: percent, floor: 100, gpu: true },
  { name: "gpu_memory", points: column(GPU_MEMORY, MIB), words: megabytes, floor: 1, gpu: true },
];

class Usage {
  constructor(root) {
    this.root = root;
    this.charts = root.querySelector("[data-usage-charts]");
    this.texts = JSON.parse(document.getElementById("usage-texts").textContent);
    this.attempt = 0;
    this.rows = [];
    this.limits = {};
    this.figures = new Map();
    document.addEventListener("podium:usage", (event) => this.onPoints(event.detail));
    document.addEventListener("podium:replaced", () => this.fetch());
    new ResizeObserver(() => this.drawSoon()).observe(this.charts);
    this.fetch();
  }

  onPoints({ attempt, samples }) {
    const first = samples[0][0];
    if (attempt !== this.attempt || first > this.rows.length) this.fetch();
    else this.take(samples.slice(this.rows.length - first));
  }

  take(samples) {
    this.rows.push(...samples);
    this.drawSoon();
  }

  /** What the site has beyond our points. One at a time; asked meanwhile, it looks again. */
  async fetch() {
    this.wanted = true;
    if (this.fetching) return;
    this.fetching = true;
    while (this.wanted) {
      this.wanted = false;
      try {
        const query = `attempt=${this.attempt}&after=${this.rows.length}`;
        const answer = await fetch(`${this.root.dataset.usageUrl}?${query}`, { cache: "no-store" });
        if (!answer.ok) throw new Error(`the usage was answered with ${answer.status}`);
        this.takeAnswer(await answer.json());
      } catch (failure) {
        console.warn("usage:", failure);
        await new Promise((done) => { window.setTimeout(done, RETRY_MS); });
        this.wanted = true;
      }
    }
    this.fetching = false;
  }

  takeAnswer({ attempt, after, samples, limits }) {
    this.limits = limits;
    if (attempt !== this.attempt) this.rows = []; // `after` is 0: another attempt is told from its beginning
    this.attempt = attempt;
    if (after <= this.rows.length) this.take(samples.slice(this.rows.length - after));
  }

  drawSoon() {
    this.frame ??= window.requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const enough = this.rows.length > 1;
    this.root.hidden = !enough;
    if (!enough) return;
    for (const figure of FIGURES) {
      if (figure.gpu && this.rows.at(-1)[GPU] === null) continue;
      const points = figure.points(this.rows);
      if (points.length) draw(this.placeOf(figure.name), this.pictureOf(figure, points));
    }
  }

  pictureOf(figure, points) {
    const { texts } = this;
    const limit = figure.limit ? this.limits[figure.limit] : null;
    const most = figure.words(points.reduce((highest, [, value]) => Math.max(highest, value), 0));
    const filled = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
    const values = { title: texts[figure.name], most, limit: limit && figure.words(limit) };
    return {
      points,
      floor: figure.floor, // noise is not blown up to a mountain
      limit,
      wall: this.limits.wall_s,
      title: texts[figure.name],
      note: filled(texts.most, values),
      described: filled(limit ? texts.described_limit : texts.described, values),
      limitWords: limit && filled(texts.limit, values),
      wallWords: texts.time_limit,
      words: figure.words,
      timeWords: seconds,
      readOut: (time, value) => filled(texts.now, { value: figure.words(value), time: seconds(time) }),
    };
  }

  placeOf(name) {
    if (!this.figures.has(name)) {
      const place = document.createElement("figure");
      place.className = "chart";
      place.dataset.chart = name;
      this.charts.append(place);
      this.figures.set(name, place);
    }
    return this.figures.get(name);
  }
}

for (const root of document.querySelectorAll("[data-usage]")) new Usage(root);
