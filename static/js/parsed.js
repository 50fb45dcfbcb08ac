// A page of this site, fetched once more, as a document. The only place that makes HTML out of text: the
// Content-Security-Policy lets the policy `podium` do that, once, and nothing else (config/security.py). Scripts in
// what is parsed here never run.

const policy = window.trustedTypes?.createPolicy("podium", { createHTML: (text) => text });

export const parsed = (text) => new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, "text/html");
