// The images of a record: wheel zooms at the pointer, drag moves, double click resets.

import { button, h } from "./dom.js";

const LEAST = 0.2;
const MOST = 40;

export class Picture {
  constructor(keys) {
    this.image = h("img", { alt: "", draggable: "false" });
    this.fault = h("div", { class: "empty" });
    this.scale = h("span", { class: "scale" });
    this.tabs = h("span", { class: "tabs" });
    this.frame = h("div", { class: "frame" }, this.image, this.fault);
    this.tools = h("div", { class: "tools" }, this.tabs, this.scale, button("Reset", keys.key("reset"), () => this.reset()));
    this.node = h("div", { class: "picture" }, this.frame, this.tools);
    this.urls = [];
    this.frame.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.frame.addEventListener("pointerdown", (event) => this.grab(event));
    this.frame.addEventListener("dblclick", () => this.reset());
    this.image.addEventListener("load", () => this.loaded());
    this.image.addEventListener("error", () => this.failed());
    this.reset();
  }

  show(urls) {
    this.urls = urls;
    this.number = -1;
    this.frame.classList.toggle("none", !urls.length);
    this.fault.textContent = urls.length ? "" : "This question has no image.";
    this.image.hidden = !urls.length;
    if (urls.length) this.turn(0);
    else this.tabs.replaceChildren();
  }

  turn(number) {
    this.number = (number + this.urls.length) % this.urls.length;
    if (this.image.getAttribute("src") !== this.urls[this.number]) {
      this.fault.textContent = "";
      this.image.hidden = false;
      this.image.src = this.urls[this.number];
    }
    this.reset();
    const tab = (_, i) => button(String(i + 1), "", () => this.turn(i), { class: i === this.number ? "on" : "" });
    this.tabs.replaceChildren(...(this.urls.length > 1 ? this.urls.map(tab) : []));
  }

  next() {
    if (this.urls.length > 1) this.turn(this.number + 1);
  }

  loaded() {
    this.fault.textContent = "";
    this.place();
  }

  failed() {
    this.image.hidden = true;
    this.fault.textContent = "The image is not in the workspace, or can't be read.";
  }

  reset() {
    this.zoom = 1;
    this.x = 0;
    this.y = 0;
    this.place();
  }

  place() {
    this.image.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.zoom})`;
    this.frame.dataset.zoom = this.zoom.toFixed(3);
    this.scale.textContent = `${Math.round(this.zoom * 100)} %`;
  }

  // Keeps the point of the image under the pointer where it is.
  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const zoom = Math.min(MOST, Math.max(LEAST, this.zoom * Math.exp((-event.deltaY * lines) / 400)));
    const box = this.frame.getBoundingClientRect();
    const fromX = event.clientX - box.left - box.width / 2;
    const fromY = event.clientY - box.top - box.height / 2;
    this.x = fromX - ((fromX - this.x) * zoom) / this.zoom;
    this.y = fromY - ((fromY - this.y) * zoom) / this.zoom;
    this.zoom = zoom;
    this.place();
  }

  grab(event) {
    if (event.button !== 0) return;
    this.frame.setPointerCapture(event.pointerId);
    const from = { x: this.x - event.clientX, y: this.y - event.clientY };
    const move = (moved) => {
      this.x = from.x + moved.clientX;
      this.y = from.y + moved.clientY;
      this.place();
    };
    const drop = () => {
      this.frame.removeEventListener("pointermove", move);
      this.frame.classList.remove("held");
    };
    this.frame.classList.add("held");
    this.frame.addEventListener("pointermove", move);
    this.frame.addEventListener("pointerup", drop, { once: true });
    this.frame.addEventListener("pointercancel", drop, { once: true });
  }
}

const ready = new Map();
const KEPT = 40;

// Fetches and decodes an image before it is wanted; the browser keeps it for as long as it is named here.
export function preload(url) {
  if (ready.has(url)) return;
  const image = new Image();
  image.src = url;
  image.decode().catch(() => {}); // a broken one says so where it is shown
  ready.set(url, image);
  if (ready.size > KEPT) ready.delete(ready.keys().next().value);
}
