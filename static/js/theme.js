// Sets light or dark before the first paint. Without JavaScript podium.css follows the system by itself.
"use strict";
(() => {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try {
      const kept = window.localStorage.getItem("theme");
      return ["light", "dark"].includes(kept) ? kept : null; // the administration keeps "auto" there
    } catch {
      return null; // storage is forbidden: follow the system
    }
  };
  const apply = () => {
    const theme = chosen() ?? (system.matches ? "dark" : "light");
    document.documentElement.setAttribute("data-bs-theme", theme);
  };
  system.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  apply();
})();
