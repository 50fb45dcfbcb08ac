// One curve as SVG, drawn anew at each call: small enough, and text, colours and sizes stay the page's own.
//
//   draw(figure, { points: [[x, y], ...], floor, limit, wall, title, note, described, limitWords, wallWords,
//                  words: (y) => "12 MB", timeWords: (x) => "3 s", readOut: (x, y) => "12 MB at 3 s" });

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 132;
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 10, 18, 20];
const LIMIT_IN_SIGHT = 0.25; // a curve that reaches this part of a limit is drawn on the limit's scale
const WALL_IN_SIGHT = 0.5;

function element(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

/** 1, 2 or 5 times a power of ten, so that at most `count` of it reach `most`. */
export function stepOf(most, count) {
  const raw = most / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * [1, 2, 5, 10].find((times) => times * power >= raw * 0.999);
}

function scaleOf({ points, floor, limit, wall }) {
  const highest = points.reduce((most, [, value]) => Math.max(most, value), 0);
  const last = points.at(-1)[0];
  const inSight = Boolean(limit) && highest >= limit * LIMIT_IN_SIGHT;
  const wallInSight = Boolean(wall) && last >= wall * WALL_IN_SIGHT;
  const most = inSight ? Math.max(limit, highest) * 1.08 : Math.max(highest, floor) * 1.15;
  return { most, inSight, wallInSight, until: wallInSight ? Math.max(wall, last) * 1.02 : Math.max(last, 0.5) };
}

export function draw(figure, picture) {
  const width = Math.max(240, figure.clientWidth || figure.parentElement.clientWidth);
  const scale = scaleOf(picture);
  const x = (time) => LEFT + (time / scale.until) * (width - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - (value / scale.most) * (HEIGHT - TOP - BOTTOM);
  const svg = element("svg", { class: "chart-picture", width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` });
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", picture.described);
  axes(svg, picture, scale, { x, y, width });
  curve(svg, picture.points, { x, y });
  limits(svg, picture, scale, { x, y, width });
  const caption = figure.querySelector("figcaption") ?? captionOf(figure);
  caption.firstChild.textContent = picture.title;
  caption.lastChild.textContent = picture.note;
  figure.querySelector("svg")?.remove();
  figure.append(svg);
  svg.addEventListener("pointermove", (event) => readOut(event, svg, caption, picture, { x, y }));
  svg.addEventListener("pointerleave", () => {
    caption.lastChild.textContent = picture.note;
    svg.querySelector(".chart-mark")?.remove();
  });
}

function captionOf(figure) {
  const caption = document.createElement("figcaption");
  caption.append(document.createElement("b"), document.createElement("span"));
  figure.append(caption);
  return caption;
}

function axes(svg, { words, timeWords }, scale, { x, y, width }) {
  const high = stepOf(scale.most, 3);
  for (let value = 0; value <= scale.most; value += high) {
    svg.append(element("line", { class: "chart-grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }));
    svg.append(element("text", { class: "chart-label", x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, words(value)));
  }
  const wide = stepOf(scale.until, Math.max(3, Math.floor(width / 80)));
  for (let time = 0; time <= scale.until * 1.001; time += wide) {
    const anchor = time === 0 ? "start" : x(time) > width - 24 ? "end" : "middle";
    const at = anchor === "end" ? width - 2 : x(time);
    svg.append(element("text", { class: "chart-label", x: at, y: HEIGHT - 5, "text-anchor": anchor }, timeWords(time)));
  }
}

function curve(svg, points, { x, y }) {
  const line = points.map(([time, value]) => `${x(time).toFixed(1)},${y(value).toFixed(1)}`).join(" L");
  const [first, last] = [x(points[0][0]).toFixed(1), x(points.at(-1)[0]).toFixed(1)];
  svg.append(element("path", { class: "chart-area", d: `M${first},${y(0)} L${line} L${last},${y(0)} Z` }));
  svg.append(element("path", { class: "chart-line", d: `M${line}` }));
}

function limits(svg, { limit, limitWords, wall, wallWords }, scale, { x, y, width }) {
  if (limit) {
    const at = scale.inSight ? y(limit) : TOP - 4;
    svg.append(element("line", { class: "chart-limit", x1: LEFT, x2: width - RIGHT, y1: at, y2: at }));
    const words = scale.inSight ? limitWords : `↑ ${limitWords}`;
    svg.append(element("text", { class: "chart-limit-label", x: width - RIGHT, y: at - 4, "text-anchor": "end" }, words));
  }
  if (scale.wallInSight) {
    svg.append(element("line", { class: "chart-limit", x1: x(wall), x2: x(wall), y1: TOP, y2: HEIGHT - BOTTOM }));
    const label = { class: "chart-limit-label", x: x(wall) - 5, y: HEIGHT - BOTTOM - 6, "text-anchor": "end" };
    svg.append(element("text", label, wallWords));
  }
}

/** The point nearest to the pointer, in words and as a mark. */
function readOut(event, svg, caption, { points, readOut: said }, { x, y }) {
  const at = event.clientX - svg.getBoundingClientRect().left;
  const [time, value] = points.reduce((best, point) =>
    Math.abs(x(point[0]) - at) < Math.abs(x(best[0]) - at) ? point : best);
  caption.lastChild.textContent = said(time, value);
  svg.querySelector(".chart-mark")?.remove();
  svg.append(element("circle", { class: "chart-mark", cx: x(time), cy: y(value), r: 3.5 }));
}
