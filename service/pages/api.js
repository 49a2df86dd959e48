// Calls to the service: the key, errors in words, and streams of events.

const KEY = "re2llm-key";

export const byId = (id) => document.getElementById(id);

/** Make an element; children that are text are text, never markup. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function tell(words, bad = false) {
  const status = byId("status");
  status.textContent = words;
  status.classList.toggle("bad", bad);
}

async function askForKey() {
  const dialog = byId("keyring");
  if (!dialog.open) dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  sessionStorage.setItem(KEY, byId("key").value.trim());
}

async function send(path, { method = "GET", body, accept = "application/json" } = {}) {
  for (;;) {
    const headers = { Accept: accept };
    const key = sessionStorage.getItem(KEY);
    if (key) headers.Authorization = `Bearer ${key}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let answer;
    try {
      answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    } catch {
      throw new Error("The shop cannot be reached. Is it running?");
    }
    if (answer.status === 401) {
      await askForKey();
      continue;
    }
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({}));
    const failure = new Error(problem.detail || `The shop answered ${answer.status}.`);
    failure.status = answer.status;
    throw failure;
  }
}

/** Call a route and return its JSON. */
export async function call(path, options) {
  return (await send(path, options)).json();
}

/** Call a route that streams; `heard(name, data)` gets each event. */
export async function listen(path, body, heard) {
  const answer = await send(path, { method: "POST", body, accept: "text/event-stream" });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const events = text.split("\n\n");
    text = events.pop();
    for (const event of events) {
      const name = /^event: (.*)$/m.exec(event);
      const data = /^data: (.*)$/m.exec(event);
      if (name && data) heard(name[1], JSON.parse(data[1]));
    }
  }
}

/** Show what model answers. */
export async function showModel() {
  const { model } = await call("/readyz");
  byId("model").textContent = model;
  byId("model").hidden = false;
}
