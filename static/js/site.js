// What every page has: the theme switch, the account menu, "copy" buttons, local times, the size of uploads.
// Each is a comfort; pages work without this file.
"use strict";

const themeButton = document.querySelector("[data-theme-toggle]");
if (themeButton) {
  themeButton.hidden = false;
  themeButton.addEventListener("click", () => {
    const root = document.documentElement;
    const next = root.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
    const system = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    root.setAttribute("data-bs-theme", next);
    try {
      // Back at what the system says: follow the system again.
      if (next === system) window.localStorage.removeItem("theme");
      else window.localStorage.setItem("theme", next);
    } catch {
      // Storage is forbidden: the choice lasts for this page.
    }
  });
}

// On a narrow screen the tabs scroll: bring the current one into sight.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// Listeners sit on the document: parts of a page are replaced while it is open.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("[data-menu][open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue; // only offered where it works (HTTPS or localhost)
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    const before = button.textContent;
    button.textContent = button.dataset.copied;
    window.setTimeout(() => { button.textContent = before; }, 1500);
  });
}

// <time datetime> with data-local: in the reader's own time zone, the server's wording stays as the title.
function localiseTimes() {
  for (const time of document.querySelectorAll("time[data-local]")) {
    const date = new Date(time.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    time.removeAttribute("data-local");
    time.title = time.textContent.trim();
    time.textContent = new Intl.DateTimeFormat(document.documentElement.lang, {
      dateStyle: "medium",
      timeStyle: "short",
    }).format(date);
  }
}
localiseTimes();
document.addEventListener("podium:replaced", localiseTimes);

// A file over the site's limit is refused here, beside its field: the server would cut the upload off.
for (const input of document.querySelectorAll("input[type=file][data-max-bytes]")) {
  const message = document.createElement("div");
  message.className = "invalid-feedback";
  message.setAttribute("role", "alert");
  input.after(message);
  const tooLarge = () => [...input.files].some((file) => file.size > Number(input.dataset.maxBytes));
  input.addEventListener("change", () => {
    message.textContent = tooLarge() ? input.dataset.textTooLarge : "";
    input.classList.toggle("is-invalid", tooLarge());
  });
  input.form.addEventListener("submit", (event) => {
    if (!tooLarge()) return;
    event.preventDefault();
    input.focus();
  });
}

// A long table is narrowed to the rows that hold what is typed.
for (const input of document.querySelectorAll("input[data-filter]")) {
  const rows = [...document.getElementById(input.dataset.filter).rows];
  const none = document.querySelector(`[data-filter-none="${input.dataset.filter}"]`);
  input.hidden = false;
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
    none.hidden = rows.some((row) => !row.hidden);
  });
}
