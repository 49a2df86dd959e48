// The chat page: a conversation, its cards, and what the assistant goes by.

import { byId, call, listen, make, showModel, tell } from "./api.js";

const SESSION = "re2llm-session";
const STEPS = {
  understand: "Reading …",
  recommend: "Looking through the shop …",
  feedback: "Noting that …",
  answer: "Looking that up …",
  write: "Writing …",
};
const DID = {
  view: "looked at", cart: "took", purchase: "bought", like: "liked", skip: "not wanted",
  impression: "was shown",
};
let session = "";

function said(role, text) {
  const line = make("li", { class: `said ${role}` }, make("p", {}, text));
  byId("log").append(line);
  line.scrollIntoView({ block: "end" });
  return line;
}

/** The sentence before a list; the list itself stands in the cards. */
function lead(text) {
  return text.split("\n").filter((line) => !/^\d+\. /.test(line)).join("\n").replace(/:$/, ".");
}

function words(value) {
  return Array.isArray(value) ? value.join(", ") : String(value);
}

function card(item, place, slate) {
  const { price, description, ...facts } = item.attributes;
  const shown = Object.entries(facts).filter(([, value]) => value !== null && value !== "").slice(0, 5);
  const box = make(
    "li", { class: "card" },
    make("h3", {}, make("span", { class: "number" }, `${place}. `), item.title),
    price === undefined || price === null ? null : make("p", { class: "price" }, Number(price).toFixed(2)),
    make("dl", {}, ...shown.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, words(value))])),
    item.reasons.length
      ? make("details", {}, make("summary", {}, "Why this?"), make("ul", {}, ...item.reasons.map((why) => make("li", {}, why))))
      : null,
  );
  /** A button that says what it did once it has done it. */
  const press = (name, label, done, act) => make("button", {
    type: "button", class: "small", "aria-label": `${label}: ${item.title}`,
    onclick: ({ currentTarget: button }) => run(async () => {
      await note(name, item.item_id, slate);
      button.textContent = done;
      button.setAttribute("aria-label", `${done}: ${item.title}`);
      button.disabled = true;
      tell(`${done}: ${item.title}`);
      await act?.();
    }),
  }, label);
  box.append(make(
    "div", { class: "row" },
    press("like", "Like", "Liked"),
    press("skip", "Not this", "Left out", () => box.classList.add("gone")),
    press("purchase", "Buy", "Bought", async () => {
      box.classList.add("taken");
      await call(`/v1/slates/${slate}/feedback`, { method: "POST", body: { chosen: item.item_id } });
      await showLearnt();
    }),
  ));
  return box;
}

async function note(kind, item_id, slate_id) {
  const body = { events: [{ kind, item_id, slate_id }] };
  showEvents(await call(`/v1/sessions/${session}/events`, { method: "POST", body }));
}

function showEvents(record) {
  const events = record.events.filter((event) => event.kind !== "impression").slice(-12).reverse();
  if (!events.length) return;
  byId("events").replaceChildren(...events.map((event) => make(
    "li", {}, make("b", {}, `${DID[event.kind] || event.kind} `), event.title,
  )));
}

async function showLearnt() {
  const slates = await call(`/v1/sessions/${session}/slates`);
  const given = slates.filter((slate) => slate.state !== "waiting").sort((a, b) => a.at - b.at);
  const pending = given.find((slate) => slate.state === "pending");
  if (pending) await call(`/v1/slates/${pending.slate_id}?wait=20`);
  const missed = (pending ? await call(`/v1/sessions/${session}/slates`) : given)
    .filter((slate) => slate.error).sort((a, b) => a.at - b.at).at(-1);
  if (!missed) return;
  const hints = missed.new_hints.map((hint) => make(
    "li", {}, hint.text, " ", make("span", { class: `status ${hint.status}` }, hint.status), make("div", { class: "soft" }, hint.reason),
  ));
  byId("learnt").replaceChildren(
    hints.length ? make("ul", {}, ...hints) : make("p", { class: "soft" }, "It reflected, and proposed nothing new."),
  );
}

function show(answer) {
  byId("remembered").textContent = answer.remembered || "Nothing yet. Say what you are looking for.";
  if (answer.fresh ?? answer.cards.length) {
    byId("hint").textContent = answer.hint || "None: no hint surely helps this session.";
  }
  const how = { model: "Read by the model, checked by rules.", rules: "Read by rules." };
  byId("how").textContent = how[answer.understood_by] || "";
}

async function talk(message) {
  said("user", message);
  let answer = null;
  await listen(`/v1/sessions/${session}/chat`, { message }, (name, data) => {
    if (name === "progress") tell(STEPS[data.step] || "…");
    if (name === "cards") answer = data;
    if (name === "text") said("assistant", answer?.fresh ? lead(data.text) : data.text);
    if (name === "error") throw new Error(data.detail);
  });
  if (!answer) throw new Error("The conversation broke off. Say it again.");
  show(answer);
  if (answer.fresh && answer.cards.length) showCards(answer);
  showEvents(await call(`/v1/sessions/${session}`));
  if (["take", "reject"].includes(answer.act)) await showLearnt();
  const untold = answer.fresh ? [] : answer.notices;
  tell([...untold, answer.fresh ? `${answer.cards.length} items shown.` : ""].join(" ").trim());
}

function showCards({ cards, slate_id }) {
  const list = make("ol", { class: "cards", tabindex: 0, "aria-label": "Items" }, ...cards.map((item, at) => card(item, at + 1, slate_id)));
  const line = make("li", {}, list);
  byId("log").append(line);
  line.scrollIntoView({ block: "end" });
}

async function run(act) {
  try {
    await act();
  } catch (failure) {
    tell(failure.message, true);
  }
}

const greet = () => said("assistant", "Hello. What are you looking for?");

async function begin() {
  session = sessionStorage.getItem(SESSION) || "";
  if (session) {
    try {
      const kept = await call(`/v1/sessions/${session}/chat`);
      if (!kept.messages.length) greet();
      kept.messages.forEach(({ role, text }) => said(role, role === "assistant" ? lead(text) : text));
      if (kept.cards.length && kept.slate_id) showCards(kept);
      show(kept);
      showEvents(await call(`/v1/sessions/${session}`));
      await showLearnt();
      return;
    } catch (failure) {
      if (failure.status !== 404) throw failure;
    }
  }
  session = (await call("/v1/sessions", { method: "POST" })).session_id;
  sessionStorage.setItem(SESSION, session);
  greet();
}

byId("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = byId("message");
  const message = field.value.trim();
  const button = event.target.querySelector("button");
  if (!message || button.disabled) return;
  field.value = "";
  button.disabled = true;
  run(() => talk(message)).finally(() => {
    button.disabled = false;
    field.focus();
  });
});
byId("again").addEventListener("click", () => {
  sessionStorage.removeItem(SESSION);
  location.reload();
});
run(showModel);
run(begin);
