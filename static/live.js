// What the server tells a signed-in page: that its own session ended, and administrators what happens to all sessions.
// Other scripts hear it as events of the document: live:open, live:lost, live:refused, and live: with the name of each event.

const FIRST_RETRY = 1_000, LAST_RETRY = 30_000;
/** The server says something every 15 seconds. */
const SILENCE = 40_000;

let address = document.body.dataset.events;
let link = null, retry = FIRST_RETRY, timer = 0;
/** A form was sent: what it ends is no news on the page that it leaves. */
let leaving = false;
let over = false;

const emit = (name, detail) => document.dispatchEvent(new CustomEvent(`live:${name}`, { detail }));

function close() {
  clearTimeout(timer);
  link?.abort();
  link = null;
}

async function open() {
  if (link || over || leaving || document.hidden) return;
  clearTimeout(timer);
  const own = link = new AbortController();
  try {
    await listen(own);
  } catch {
    // Lost, refused or closed: what follows is the same.
  }
  if (link !== own) return;
  link = null;
  if (over) return;
  emit("lost");
  // Not all at the same time, when a server starts again.
  timer = setTimeout(open, retry * (.5 + Math.random()));
  retry = Math.min(retry * 2, LAST_RETRY);
}

async function listen(own) {
  const headers = { accept: "text/event-stream" };
  const answer = await fetch(address, { headers, cache: "no-store", redirect: "error", signal: own.signal });
  if (answer.status === 401) return onSignedOut({ sentence: (await answer.json()).detail });
  if (answer.status === 403) {
    // No administrator any more, but still signed in.
    address = "/session/events";
    emit("refused");
  }
  if (!answer.ok) return;
  retry = FIRST_RETRY;
  if (address === document.body.dataset.events) emit("open");
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let silence = 0, text = "";
  try {
    for (;;) {
      silence = setTimeout(() => own.abort(), SILENCE);
      const { value, done } = await reader.read();
      clearTimeout(silence);
      if (done) return;
      text += value;
      const blocks = text.split("\n\n");
      text = blocks.pop();
      blocks.forEach(take);
    }
  } finally {
    clearTimeout(silence);
  }
}

function take(block) {
  const field = (name) => block.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  const name = field("event");
  if (name) emit(name, JSON.parse(field("data")));
}

// The end of the page's own session

function onSignedOut({ sentence, reason }) {
  if (over || leaving) return;
  over = true;
  close();
  const dialog = document.createElement("dialog");
  dialog.className = "signed-out";
  dialog.setAttribute("role", "alertdialog");
  dialog.setAttribute("aria-labelledby", "signed-out-title");
  dialog.setAttribute("aria-describedby", "signed-out-text");
  dialog.innerHTML = `<div><h2 id="signed-out-title">You are signed out</h2>
    <p id="signed-out-text" role="alert"></p><p><a class="button primary">Sign in again</a></p></div>`;
  // The address of a page that answers a form is for forms only.
  const here = "answersForm" in document.body.dataset ? "/" : location.pathname + location.search;
  const next = dialog.querySelector("a");
  next.href = `/login?next=${encodeURIComponent(here)}`;
  if (reason === "replaced") {
    // The browser has another session already.
    dialog.querySelector("h2").textContent = "This page is out of date";
    next.textContent = "Load it again";
    next.href = here;
  }
  for (const part of document.body.children) part.inert = true;
  document.body.append(dialog);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.addEventListener("close", () => dialog.showModal());
  dialog.showModal();
  dialog.querySelector("[role=alert]").textContent = sentence;
  next.focus();
}

function onSubmit(event) {
  if (event.defaultPrevented || event.target.method !== "post") return;
  leaving = true;
  close();
  setTimeout(comeBack, 10_000);
}

function comeBack() {
  leaving = false;
  open();
}

if (address) {
  document.addEventListener("live:signed-out", (event) => onSignedOut(event.detail));
  // A browser has few connections for one site: only the page that is looked at takes one.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("submit", onSubmit);
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) comeBack(); });
  addEventListener("online", () => { retry = FIRST_RETRY; open(); });
  open();
}
