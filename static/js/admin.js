// Comforts of the administration; every page works without this file.

import { parsed } from "./parsed.js";
import { renew } from "./renew.js";

// Only the settings of the chosen metric are in sight.
const metric = document.getElementById("id_metric");
if (metric) {
  const show = () => {
    for (const block of document.querySelectorAll("fieldset.metric-params")) {
      block.hidden = !block.classList.contains(`metric-${metric.value}`);
    }
    for (const row of document.querySelectorAll(".metric-list tr[data-metric]")) {
      row.classList.toggle("is-chosen", row.dataset.metric === metric.value);
    }
  };
  metric.addEventListener("change", show);
  show();
}

// Share and seed belong to a drawn split.
const splits = document.querySelectorAll("input[name=split]");
if (splits.length) {
  const row = document.querySelector(".form-row.field-public_share");
  const show = () => {
    row.hidden = document.querySelector("input[name=split]:checked")?.value !== "draw";
  };
  for (const choice of splits) choice.addEventListener("change", show);
  show();
}

// Code and domains belong to a way of registering.
const registration = document.getElementById("id_registration");
if (registration) {
  const show = () => {
    for (const [name, way] of [["invite_code", "invite"], ["email_domains", "domain"]]) {
      const row = document.querySelector(`.form-row.field-${name}`);
      if (row) row.hidden = registration.value !== way && !row.classList.contains("errors");
    }
  };
  registration.addEventListener("change", show);
  show();
}

// A part of the page that is still moving is fetched again until it stands still.
function follow() {
  const part = document.querySelector("[data-refresh]");
  if (!part) return;
  window.setTimeout(async () => {
    try {
      const answer = await fetch(window.location.href, { headers: { "X-Requested-With": "fetch" } });
      const next = parsed(await answer.text()).getElementById(part.id);
      if (answer.ok && next) {
        const ended = !next.hasAttribute("data-refresh");
        renew(part, next);
        if (ended) {
          window.location.reload(); // once, for the buttons that follow an ended check
          return;
        }
      }
    } catch {
      // The site is away for a moment: look again.
    }
    follow();
  }, Number(part.dataset.refresh) * 1000);
}
follow();

// More than the site takes is refused here, beside the field: the server would cut the upload off.
for (const input of document.querySelectorAll("input[type=file][data-max-bytes]")) {
  const said = document.createElement("p");
  said.className = "errornote";
  said.setAttribute("role", "alert");
  said.hidden = true;
  input.after(said);
  const tooLarge = () =>
    [...input.files].reduce((sum, file) => sum + file.size, 0) > Number(input.dataset.maxBytes);
  input.addEventListener("change", () => {
    said.textContent = input.dataset.textTooLarge;
    said.hidden = !tooLarge();
  });
  input.form.addEventListener("submit", (event) => {
    if (!tooLarge()) return;
    event.preventDefault();
    input.focus();
  });
}

// Markdown as it will look, beside what is being written.
for (const area of document.querySelectorAll("textarea[data-preview]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button preview-button";
  button.textContent = area.dataset.previewLabel;
  const shown = document.createElement("div");
  shown.className = "markdown-preview";
  shown.hidden = true;
  area.after(button, shown);
  button.addEventListener("click", async () => {
    const body = new FormData();
    body.append("text", area.value);
    body.append("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
    const answer = await fetch(area.dataset.preview, { method: "POST", body });
    if (!answer.ok) return;
    shown.innerHTML = await answer.text(); // cleaned by the site (contests.markdown)
    shown.hidden = false;
  });
}
