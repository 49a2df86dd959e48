// The review page: what the system has learnt, why, and how to put it right.

import { byId, call, make, showModel, tell } from "./api.js";

const when = (seconds) => new Date(1000 * seconds).toLocaleString();
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;

/** Ask a person for words; null where they leave it. */
async function ask(question, words = "") {
  const dialog = byId("ask");
  byId("question").textContent = question;
  byId("answer").value = words;
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  return dialog.returnValue ? byId("answer").value.trim() : null;
}

/** What happened, in words; notes of support and of counts are not changes. */
const told = (line) => `${line.status || line.action}, by ${line.by}`;
const changes = (log) => log.filter((line) => !["support", "record"].includes(line.action));

function evidence({ evidence: seen, shown, helped, hurt, reason }) {
  const measured = seen.sessions
    ? `Tried on ${seen.sessions} similar sessions: ${signed(seen.gain)} on average, at least ${signed(seen.low)}. `
    : "Not tried on similar sessions. ";
  const served = shown ? `Served ${shown === 1 ? "once" : `${shown} times`}: helped ${helped}, hurt ${hurt}. ` : "";
  return make("p", { class: "soft" }, measured + served + reason.charAt(0).toUpperCase() + reason.slice(1));
}

function entry(hint) {
  const story = make("ol", { class: "history" });
  const act = (label, doing) => make("button", {
    type: "button", class: "small", "aria-label": `${label}: ${hint.text}`, onclick: () => run(doing),
  }, label);
  const why = async (path, question) => {
    const words = await ask(question);
    if (words === null) return;
    await call(path, { method: "POST", body: { why: words } });
    await refresh();
  };
  return make(
    "li", { class: "hint" },
    make("div", { class: "row" }, make("h3", {}, hint.text), make("span", { class: `status ${hint.status}` }, hint.status)),
    hint.when ? make("p", { class: "soft" }, `For ${hint.when}`) : null,
    evidence(hint),
    make(
      "div", { class: "row" },
      hint.status === "active" ? null : act("Approve", () => why(`/v1/hints/${hint.hint_id}/approve`, "Approve this hint. Why? (for the record)")),
      hint.status === "disabled" ? null : act("Disable", () => why(`/v1/hints/${hint.hint_id}/disable`, "Switch this hint off. Why? (for the record)")),
      act("Edit", async () => {
        const text = await ask("New words; the old hint is retired and kept as its parent.", hint.text);
        if (!text || text === hint.text) return;
        await call(`/v1/hints/${hint.hint_id}`, { method: "PUT", body: { text } });
        await refresh();
      }),
      act("History", async () => {
        if (story.childElementCount) return story.replaceChildren();
        const past = await call(`/v1/hints/${hint.hint_id}`);
        story.replaceChildren(
          ...past.ancestry.map((parent) => make("li", {}, `Came out of: ${parent.text}`)),
          ...changes(past.log).map((line) => make("li", {}, `${when(line.at)}: ${told(line)}. ${line.why}`)),
        );
        return undefined;
      }),
    ),
    story,
  );
}

function change(line, texts) {
  return make(
    "li", {},
    make("div", {}, texts.get(line.hint_id) || line.hint_id),
    make("div", { class: "soft" }, told(line)),
    make("div", { class: "soft" }, `${when(line.at)}. ${line.why}`),
    make("button", {
      type: "button", class: "small", "aria-label": `Back to entry ${line.seq}`,
      onclick: () => run(async () => {
        const words = await ask(`Put all hints back to how they stood at entry ${line.seq}. Why?`);
        if (words === null) return;
        await call("/v1/hints/rollback", { method: "POST", body: { to: line.seq, why: words } });
        await refresh();
      }),
    }, "Back to here"),
  );
}

async function refresh() {
  const status = byId("filter").value;
  const [all, log] = await Promise.all([
    call("/v1/hints"),
    call("/v1/hints/log?last=200"),
  ]);
  const texts = new Map(all.map((hint) => [hint.hint_id, hint.text]));
  const hints = all.filter((hint) => !status || hint.status === status);
  const order = ["active", "shadow", "candidate", "disabled", "retired", "refused"];
  hints.sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status) || b.evidence.gain - a.evidence.gain);
  byId("hints").replaceChildren(...hints.map(entry));
  byId("log").replaceChildren(...changes(log).reverse().slice(0, 40).map((line) => change(line, texts)));
  tell(hints.length ? `${hints.length} hints` : "No hints here yet. Run re2llm explore, or add one.");
}

async function run(act) {
  try {
    await act();
  } catch (failure) {
    tell(failure.message, true);
  }
}

byId("filter").addEventListener("change", () => run(refresh));
byId("add").addEventListener("submit", (event) => {
  event.preventDefault();
  run(async () => {
    await call("/v1/hints", { method: "POST", body: { text: byId("text").value } });
    byId("text").value = "";
    await refresh();
  });
});
run(showModel);
run(refresh);
