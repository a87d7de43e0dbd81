// The four stages, with their issues, the evidence in their text, verdicts, edits and other reviewers' words.

import { button, h, shownKey, words } from "./dom.js";
import { diff } from "./diff.js";
import { STAGES, VERDICTS } from "./work.js";

const MARKS = { positive: "good", neutral: "so-so", negative: "bad" };
const BEGINNER = 10; // decisions, until which the screen says what to do
const GRAVITY = { error: 0, warning: 1, info: 2 };

export class Rail {
  constructor(desk) {
    this.desk = desk;
    this.node = h("div", { class: "rail" });
    this.editor = null;
  }

  // Shows the record's stages anew; an editor that is open is closed without being kept.
  render() {
    const { work } = this.desk;
    this.editor = null;
    this.cards = new Map(STAGES.map((stage, i) => [stage, this.card(stage, i)]));
    this.node.replaceChildren(...this.welcome(), ...general(work.record), ...this.cards.values());
    this.reveal();
  }

  // What to do, for whoever has not decided on much in this browser.
  welcome() {
    if (this.desk.experience >= BEGINNER) return [];
    const { keys } = this.desk;
    const key = (act) => h("kbd", {}, shownKey(keys.key(act)));
    return [
      h(
        "section",
        { class: "stage welcome" },
        h("b", {}, "Are these four stages right about the image and the question? "),
        "All right: ", key("accept"), " accept. A few words wrong: ", key("edit"), " edit the stage, then accept. ",
        "Wrong: ", key("reject"), " reject. You can't tell: ", key("skip"), " skip. Nothing is lost: ", key("undo"), " takes it back. ",
        "Red and orange show what checks found; they may err. ", key("guidelines"), " shows the guidelines, ", key("help"), " all keys.",
      ),
    ];
  }

  reveal() {
    this.cards.get(this.desk.work.active).scrollIntoView({ block: "nearest" });
  }

  card(stage, number) {
    const { work } = this.desk;
    const issues = work.record.issues.filter((issue) => issue.stage === stage);
    const card = h(
      "section",
      { class: `stage ${stage === work.active ? "active" : ""}`, "data-stage": stage, onclick: () => this.desk.goTo(stage) },
      this.head(stage, number),
      issues.map(issueLine),
      this.body(stage),
      stage === "reasoning" && this.steps(stage),
      this.opinions(stage),
    );
    card.classList.toggle("stale", work.stale.has(stage));
    return card;
  }

  head(stage, number) {
    const { desk } = this;
    const { work, keys } = desk;
    const active = stage === work.active;
    const busy = desk.writing.has(stage);
    return h(
      "header",
      {},
      h("b", {}, `${number + 1} ${stage[0].toUpperCase()}${stage.slice(1)}`),
      work.texts[stage] !== undefined && h("span", { class: "tag" }, "edited"),
      work.stale.has(stage) && h("span", { class: "tag warn", title: "An earlier stage was edited: is this one still right?" }, "look again"),
      busy && h("span", { class: "tag" }, "being written…"),
      h("span", { class: "room" }),
      work.stale.has(stage) && this.small("Still right", active && keys.key("confirm"), () => desk.at(stage).confirm()),
      VERDICTS.map((verdict) =>
        button(MARKS[verdict], active ? keys.key(verdict) : "", () => desk.at(stage).judge(verdict), {
          class: `verdict ${verdict} ${work.verdicts[stage] === verdict ? "on" : ""}`,
          title: `${stage}: ${verdict}`,
          "aria-pressed": String(work.verdicts[stage] === verdict),
        }),
      ),
      this.small("Edit", active && keys.key("edit"), () => desk.at(stage).edit()),
      work.texts[stage] !== undefined &&
        this.small("Original", active && keys.key("restore"), () => desk.at(stage).restore(), "Take the edit back"),
      desk.rewrites && this.small("Regenerate", active && keys.key("rewrite"), () => desk.at(stage).rewrite(), "Regenerate this stage"),
      desk.rewrites &&
        active &&
        stage !== STAGES.at(-1) &&
        this.small("… and after", keys.key("rewriteOn"), () => desk.at(stage).rewriteOn(), "Regenerate it and all after it"),
    );
  }

  small(label, key, act, title) {
    return button(label, key || "", act, { class: "small", title });
  }

  body(stage) {
    const { work } = this.desk;
    if (work.texts[stage] !== undefined) return difference(work.record.stages[stage], work.texts[stage]);
    return marked(work.record.stages[stage], work.record.issues, stage);
  }

  // The steps of a bad reasoning, each a button that says it is wrong.
  steps(stage) {
    const { work } = this.desk;
    if (!work.steps.length) return null;
    const named = work.steps.map((step, i) => {
      const wrong = work.wrong.has(i + 1);
      const act = () => this.desk.at(stage).name(i + 1);
      const state = { class: `small verdict negative ${wrong ? "on" : ""}`, "aria-pressed": String(wrong) };
      return h("li", {}, button(`${i + 1} wrong`, "", act, state), words(step, { class: "text" }));
    });
    return h("ol", { class: "steps" }, named);
  }

  opinions(stage) {
    const { work, keys } = this.desk;
    return work.record.opinions.map((opinion) => {
      const verdict = opinion.review.verdicts[stage];
      const text = opinion.stages?.[stage];
      if (!verdict && (text === undefined || text === work.record.stages[stage])) return null;
      return h(
        "div",
        { class: "opinion" },
        h("b", {}, opinion.reviewer, " "),
        verdict && h("span", { class: `verdict ${verdict} on` }, MARKS[verdict]),
        text !== undefined && text !== work.record.stages[stage] && difference(work.record.stages[stage], text),
        text !== undefined &&
          text !== work.text(stage) &&
          this.small("Use", stage === work.active && keys.key("use"), () => this.desk.at(stage).take(text)),
      );
    });
  }

  // Keeps what is being written, where a button is pressed meanwhile: buttons take no focus.
  keep() {
    if (this.editor) this.editor.blur();
  }

  // Opens the editor of the active stage: Escape leaves it, Ctrl+Enter and leaving it keep what was written.
  edit() {
    const { work } = this.desk;
    const stage = work.active;
    const original = work.record.stages[stage];
    const area = h("textarea", { dir: "auto", value: work.text(stage), "aria-label": `${stage}, edited`, spellcheck: "true" });
    const live = h("div", { class: "live" });
    const show = () => {
      area.style.height = "auto";
      area.style.height = `${area.scrollHeight + 2}px`;
      live.replaceChildren(difference(original, area.value));
    };
    const finish = (keep) => {
      if (this.editor !== area) return;
      this.editor = null;
      this.desk.edited(stage, keep ? area.value : work.text(stage));
    };
    area.addEventListener("input", show);
    area.addEventListener("blur", () => finish(true));
    area.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") finish(false);
      else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) finish(true);
    });
    const hint = h("div", { class: "hint" }, "Ctrl+Enter keeps it, Esc leaves it as it was");
    const card = this.cards.get(stage);
    card.querySelector(".text").replaceWith(h("div", { class: "text" }, area, hint, live));
    this.editor = area;
    area.focus();
    show();
  }
}

// Issues that name no stage.
function general(record) {
  const issues = record.issues.filter((issue) => !issue.stage);
  return issues.length ? [h("section", { class: "stage general" }, issues.map(issueLine))] : [];
}

function issueLine(issue) {
  const quoted = issue.evidence && !issue.spans.length ? words(`“${issue.evidence}”`, { class: "evidence" }) : null;
  return h(
    "div",
    { class: `issue ${issue.severity}` },
    h("span", { class: "code" }, issue.code),
    words(issue.message, { class: "message" }),
    quoted,
  );
}

export function difference(before, after) {
  const node = h("div", { class: "text words diff", dir: "auto" });
  const tags = { same: "span", out: "del", in: "ins" };
  node.append(...diff(before, after).map(([kind, text]) => h(tags[kind], {}, text)));
  return node;
}

// The text with the evidence of its issues marked; offsets count characters, as Python does, not UTF-16 units.
function marked(text, issues, stage) {
  const spans = issues.flatMap((issue) =>
    issue.spans.filter((span) => span[0] === stage).map(([, start, end]) => ({ start, end, issue })),
  );
  if (!spans.length) return words(text, { class: "text" });
  const letters = Array.from(text);
  const edges = [...new Set([0, letters.length, ...spans.flatMap(({ start, end }) => [start, end])])].sort((a, b) => a - b);
  const node = words("", { class: "text" });
  for (let i = 0; i + 1 < edges.length; i++) {
    const over = spans.filter(({ start, end }) => start <= edges[i] && edges[i + 1] <= end);
    over.sort((a, b) => GRAVITY[a.issue.severity] - GRAVITY[b.issue.severity]);
    const piece = words(letters.slice(edges[i], edges[i + 1]).join("")).textContent;
    const why = over.map(({ issue }) => `${issue.code}: ${issue.message}`).join("\n");
    node.append(over.length ? h("mark", { class: over[0].issue.severity, title: why }, piece) : piece);
  }
  return node;
}
