// The API's description, read aloud by Swagger UI (vendored). Requests that are tried out carry the session's CSRF token.

"use strict";

(() => {
  const node = document.getElementById("api-docs");

  const theme = () => {
    const chosen = document.documentElement.dataset.bsTheme;
    const dark = chosen ? chosen === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.classList.toggle("dark-mode", dark);
  };
  theme();
  new MutationObserver(theme).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", theme);

  window.SwaggerUIBundle({
    url: node.dataset.schema,
    domNode: node,
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    filter: true,
    validatorUrl: null,
    requestInterceptor: (request) => {
      if (new URL(request.url, window.location.href).origin === window.location.origin) {
        request.headers["X-CSRFToken"] = node.dataset.csrf;
      }
      return request;
    },
  });
})();
