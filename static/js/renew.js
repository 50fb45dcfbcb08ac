// A part of a page becomes what the server now says of it, under the hands of whoever reads it: what did not change
// stays the very element it was. So a pointer presses the button it aims at, focus, selected text and scrolled boxes
// stay, and a screen reader hears only of what is new. What the reader did to the page (opened, typed, ticked) is the
// reader's: the server's answer does not know of it.

import { Idiomorph } from "../vendor/idiomorph/idiomorph.esm.js";

const isTheReaders = (attribute, element) =>
  (attribute === "open" && element.matches("details"))
  || (["value", "checked", "selected"].includes(attribute)
    && element.matches("input:not([type=hidden]), textarea, option"));

export function renew(node, fresh) {
  if (node.isEqualNode(fresh)) return;
  Idiomorph.morph(node, fresh, {
    callbacks: { beforeAttributeUpdated: (attribute, element) => !isTheReaders(attribute, element) },
  });
}
