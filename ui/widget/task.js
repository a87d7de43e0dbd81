// The question above the image: what was asked, what could be chosen, and what counts as the answer.

import { button, h, words } from "./dom.js";

export function task(desk) {
  const { work, keys, hidden } = desk;
  const { record } = work;
  return [
    h(
      "div",
      { class: "where" },
      record.duty === "adjudication" && h("span", { class: "tag warn" }, "adjudication"),
      record.state !== "pending" && h("span", { class: "tag" }, record.state),
      record.flagged && h("span", { class: "tag warn" }, "⚑ flagged"),
      h("span", { class: "id", title: record.trace_id }, record.sample_id + (record.turn ? ` · turn ${record.turn + 1}` : "")),
      h("span", { class: "room" }),
      h("span", {}, [record.provenance.model, record.provenance.recipe].filter(Boolean).join(" · ")),
    ),
    earlier(record),
    words(record.question, { class: "question" }),
    record.context ? fold("Context", [words(record.context)]) : null,
    record.choices.length ? h("ol", { class: "choices", type: "A" }, record.choices.map((choice) => chosen(choice, desk))) : null,
    record.targets.length
      ? h(
          "div",
          { class: "gold" },
          h("span", { class: "label" }, "Gold answer"),
          hidden ? h("span", { class: "hidden" }, "hidden") : words(record.targets.join("  |  "), { class: "target" }),
          button(hidden ? "Show" : "Hide", keys.key("blind"), () => desk.blind(), { class: "small" }),
        )
      : null,
    said(record),
  ];
}

function chosen(choice, desk) {
  const right = !desk.hidden && desk.work.record.targets.includes(choice);
  return h("li", { class: right ? "right" : "" }, words(choice));
}

function earlier(record) {
  if (!record.earlier.length) return null;
  const turns = record.earlier.flatMap(({ question, answer }) => [
    words(question, { class: "asked" }),
    words(answer, { class: "answered" }),
  ]);
  return fold(`Earlier turns (${record.earlier.length})`, turns, true);
}

// What was said about the record before: decisions of others for an adjudicator, comments and flags.
function said(record) {
  const opinions = record.opinions.map(({ reviewer, review }) =>
    h("div", { class: "opinion" }, h("b", {}, reviewer), ` ${review.decision} `, review.reason ? words(review.reason) : null),
  );
  const told = new Set(record.opinions.map((opinion) => opinion.reviewer));
  const rest = record.history.filter((event) => !(event.review && told.has(event.reviewer)));
  const events = rest.map((event) =>
    h(
      "div",
      { class: "event" },
      h("span", {}, `${event.at.slice(0, 16).replace("T", " ")} ${event.reviewer} `),
      h("b", {}, event.review ? event.review.decision : event.act),
      " ",
      words(event.text || event.review?.reason || ""),
    ),
  );
  const open = opinions.length > 0 || rest.some((event) => event.act === "comment");
  return opinions.length + events.length ? fold(`Said before (${opinions.length + events.length})`, [...opinions, ...events], open) : null;
}

function fold(title, children, open = false) {
  return h("details", { open }, h("summary", {}, title), ...children);
}
