// Reads the server's event stream on a signed-in page and shows a dialog when the page's own session has ended.
// Administrators' pages get the events of all sessions. Other scripts receive the events as events of the document:
// live:open, live:lost, live:refused (connection), and live:<name> for each event of the stream.

const FIRST_RETRY = 1_000, LAST_RETRY = 30_000;
/** The server sends something every 15 seconds; after this long without anything the connection is taken as lost. */
const IDLE_TIMEOUT = 40_000;
/** After this long, a submitted form that has not replaced the page no longer keeps the stream closed. */
const SUBMIT_TIMEOUT = 10_000;

/** The public id of the session that the page was made for; the stream of another one is refused. */
const ownSession = document.body.dataset.session;
const otherTabs = new BroadcastChannel("session");

let address = document.body.dataset.events;
let connection = null, retryDelay = FIRST_RETRY, timer = 0;
/** A form was submitted: if it ends the session, the page that is being left must not show the dialog. */
let submitting = false;
/** The page's session has ended. */
let signedOut = false;

const emit = (name, detail) => document.dispatchEvent(new CustomEvent(`live:${name}`, { detail }));

function close() {
  clearTimeout(timer);
  connection?.abort();
  connection = null;
}

async function open() {
  if (connection || signedOut || submitting || document.hidden) return;
  clearTimeout(timer);
  const own = connection = new AbortController();
  try {
    await read(own);
  } catch {
    // Lost, refused and closed connections are handled alike below.
  }
  if (connection !== own) return;
  connection = null;
  if (signedOut) return;
  emit("lost");
  // The jitter keeps all pages from reconnecting at the same moment when a server restarts.
  timer = setTimeout(open, retryDelay * (.5 + Math.random()));
  retryDelay = Math.min(retryDelay * 2, LAST_RETRY);
}

function fetchStream(signal) {
  const headers = { accept: "text/event-stream" };
  const stream = `${address}?for_session=${encodeURIComponent(ownSession)}`;
  return fetch(stream, { headers, cache: "no-store", redirect: "error", signal });
}

async function read(own) {
  const response = await fetchStream(own.signal);
  if (response.status === 409) return showOtherSession(response);
  if (response.status === 401) return onSignedOut({ sentence: (await response.json()).detail });
  if (response.status === 403) {
    // The user is no longer an administrator, but still signed in.
    address = "/session/events";
    emit("refused");
  }
  if (!response.ok) return;
  retryDelay = FIRST_RETRY;
  if (address === document.body.dataset.events) emit("open");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let idleTimer = 0, text = "";
  try {
    for (;;) {
      idleTimer = setTimeout(() => own.abort(), IDLE_TIMEOUT);
      const { value, done } = await reader.read();
      clearTimeout(idleTimer);
      if (done) return;
      text += value;
      const blocks = text.split("\n\n");
      text = blocks.pop();
      blocks.forEach(dispatch);
    }
  } finally {
    clearTimeout(idleTimer);
  }
}

/** Parses one block of the stream (`event:` and `data:` lines) and emits its event. */
function dispatch(block) {
  const field = (name) => block.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  const name = field("event");
  if (name) emit(name, JSON.parse(field("data")));
}

// The end of the page's own session

function onSignedOut({ sentence, reason }) {
  if (signedOut || submitting) return;
  signedOut = true;
  close();
  const dialog = document.createElement("dialog");
  dialog.className = "signed-out";
  dialog.setAttribute("role", "alertdialog");
  dialog.setAttribute("aria-labelledby", "signed-out-title");
  dialog.setAttribute("aria-describedby", "signed-out-text");
  dialog.innerHTML = `<div><h2 id="signed-out-title">You are signed out</h2>
    <p id="signed-out-text" role="alert"></p><p><a class="button primary">Sign in again</a></p></div>`;
  // The user cannot come back to a page that is the response to a form: its address may accept only POST.
  const pageUrl = "answersForm" in document.body.dataset ? "/" : location.pathname + location.search;
  const link = dialog.querySelector("a");
  link.href = `/login?next=${encodeURIComponent(pageUrl)}`;
  if (reason === "replaced") {
    // The browser has another session already.
    dialog.querySelector("h2").textContent = "This page is out of date";
    link.textContent = "Load it again";
    link.href = pageUrl;
  }
  for (const part of document.body.children) part.inert = true;
  document.body.append(dialog);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.addEventListener("close", () => dialog.showModal());
  dialog.showModal();
  dialog.querySelector("[role=alert]").textContent = sentence;
  link.focus();
}

// Another session in the same browser

async function showOtherSession(response) {
  const { detail } = await response.json();
  onSignedOut({ sentence: detail, reason: "replaced" });
  // The dialog may be open already, before anybody knew who signed in.
  const text = document.getElementById("signed-out-text");
  if (text) text.textContent = detail;
}

/** Another tab shows a page of another session: the server says whose session the browser has now. */
async function onOtherSession() {
  const asking = new AbortController();
  try {
    const response = await fetchStream(asking.signal);
    if (response.status === 409) await showOtherSession(response);
  } catch {
    // The next form or stream is refused all the same.
  } finally {
    asking.abort();
  }
}

function onSubmit(event) {
  if (event.defaultPrevented || event.target.method !== "post") return;
  submitting = true;
  close();
  setTimeout(reopen, SUBMIT_TIMEOUT);
}

function reopen() {
  submitting = false;
  open();
}

if (address) {
  document.addEventListener("live:signed-out", (event) => onSignedOut(event.detail));
  document.addEventListener("live:other-session", onOtherSession);
  otherTabs.addEventListener("message", ({ data }) => { if (data !== ownSession) onOtherSession(); });
  otherTabs.postMessage(ownSession);
  // A browser allows few connections to one site, so only the visible page holds one.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("submit", onSubmit);
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) reopen(); });
  addEventListener("online", () => { retryDelay = FIRST_RETRY; open(); });
  open();
}
