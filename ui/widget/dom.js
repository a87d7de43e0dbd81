// Builds the page's nodes. Data only ever becomes text: nothing here takes markup.

export function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "disabled" || name === "open" || name === "hidden") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// What has no shape of its own is shown by its picture (U+2400 and up), one character for one, so that offsets hold.
export function visible(text) {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)));
}

// A block of foreign text, in its own direction; it can't reorder what stands beside it.
export function words(text, properties = {}) {
  return h("div", { dir: "auto", ...properties, class: `words ${properties.class ?? ""}` }, visible(text));
}

// A button that takes no focus from a click, so that Enter and space keep their meaning.
export function button(label, key, act, properties = {}) {
  return h(
    "button",
    { type: "button", ...properties, onclick: act, onmousedown: (event) => event.preventDefault() },
    h("span", {}, label),
    key ? h("kbd", {}, shownKey(key)) : null,
  );
}

const NAMES = { " ": "space", Enter: "⏎", Backspace: "⌫", Escape: "esc", ArrowDown: "↓", ArrowUp: "↑" };

export function shownKey(key) {
  return NAMES[key] ?? key;
}

// An id that nobody else makes up; browsers give randomUUID to pages on https and localhost only.
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
