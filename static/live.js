// Reads the server's event stream on a signed-in page and shows a dialog when the page's own session has ended.
// Administrators' pages get the events of all sessions. Other scripts receive the events as events of the document:
// live:open, live:lost, live:refused (connection), and live:<name> for each event of the stream.

/** The server that held the stream stops, and another one answers: RECONNECT. */
const RECONNECT = 200, FIRST_RETRY = 1_000, LAST_RETRY = 30_000;
/** The server sends something every 5 seconds to administrators, else every 15; after this long without anything the connection
    is taken as lost. */
const ADMIN_IDLE_TIMEOUT = 12_000, IDLE_TIMEOUT = 40_000;
const CLOCK_CHECK = 1_000;
/** After this long, a submitted form that has not replaced the page no longer keeps the stream closed. */
const SUBMIT_TIMEOUT = 10_000;

/** The public id of the session that the page was made for; the stream of another one is refused. */
const ownSession = document.body.dataset.session;
const otherTabs = new BroadcastChannel("session");

/** Whether the page is the list of the user's own sessions. */
const listsOwn = document.querySelector("[data-own-sessions]") !== null;

let address = document.body.dataset.events;
let connection = null, retryDelay = FIRST_RETRY, timer = 0;
/** By the clock, which goes on while the computer sleeps. */
let heardAt = Date.now(), openedAt = 0;
/** A form was submitted: if it ends the session, the page that is being left must not show the dialog. */
let submitting = false;
/** The page's session has ended. */
let signedOut = false;

const emit = (name, detail) => document.dispatchEvent(new CustomEvent(`live:${name}`, { detail }));

const isSilentSince = (at) => Date.now() - at > (address.startsWith("/admin") ? ADMIN_IDLE_TIMEOUT : IDLE_TIMEOUT);
const emitLost = () => emit("lost", { heardAt, silent: isSilentSince(heardAt) });

function close() {
  clearTimeout(timer);
  connection?.abort();
  connection = null;
}

async function open() {
  if (connection || signedOut || submitting || document.hidden) return;
  clearTimeout(timer);
  const own = connection = new AbortController();
  openedAt = Date.now();
  // The clock may have been set.
  heardAt = Math.min(heardAt, openedAt);
  try {
    await read(own);
  } catch {
    // Lost, refused and closed connections are handled alike below.
  }
  if (connection !== own) return;
  connection = null;
  if (signedOut) return;
  emitLost();
  // The jitter keeps all pages from reconnecting at the same moment when a server restarts.
  timer = setTimeout(open, retryDelay * (.5 + Math.random()));
  retryDelay = Math.min(retryDelay * 2, LAST_RETRY);
}

function fetchStream(signal) {
  const headers = { accept: "text/event-stream" };
  const stream = `${address}?for_session=${encodeURIComponent(ownSession)}${listsOwn ? "&list=on" : ""}`;
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
  heardAt = Date.now();
  if (address === document.body.dataset.events) emit("open");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    heardAt = Date.now();
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    blocks.forEach(dispatch);
  }
}

/** Gives up a connection that has been silent for too long; after sleep it looks open, but is dead. */
function checkClock() {
  if (!connection || !isSilentSince(Math.max(heardAt, openedAt))) return;
  retryDelay = FIRST_RETRY;
  connection.abort();
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

function onVisibilityChange() {
  // A browser allows few connections to one site, so only the visible page holds one.
  if (document.hidden) return close();
  if (isSilentSince(heardAt)) emitLost();
  open();
}

// The browser's own copies of pages

/** A browser that keeps this page for its Back button must keep it empty: the user may sign out meanwhile. */
function onPageHide(event) {
  close();
  if (event.persisted) document.documentElement.hidden = true;
}

/** Loads the page again; one that is the response to a form is asked for by its address. */
function onPageShow(event) {
  if (!event.persisted) return;
  if ("answersForm" in document.body.dataset) location.replace(location.pathname + location.search);
  else location.reload();
}

// The user's own list of sessions

const LIST_INTERVAL = 2_000;
let listTimer = 0, listFetchedAt = -Infinity;

function onOwnSessions() {
  clearTimeout(listTimer);
  listTimer = setTimeout(fetchList, Math.max(150, listFetchedAt + LIST_INTERVAL - performance.now()));
}

async function fetchList() {
  listFetchedAt = performance.now();
  // X-Background: not a request of the user, so it must not keep the session alive.
  const headers = { accept: "text/html", "x-background": "1" };
  const response = await fetch(location.href, { headers, redirect: "manual", cache: "no-store" }).catch(() => null);
  if (response?.status !== 200 || document.querySelector("dialog[open]")) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (page.body.dataset.session !== ownSession) return onOtherSession();
  const form = document.activeElement.closest("form")?.getAttribute("action");
  const main = document.querySelector("main"), notices = main.querySelectorAll(":scope > .notice");
  main.replaceChildren(...notices, ...page.querySelector("main").childNodes);
  document.querySelector("[data-own-sessions]").textContent = "The list of your sessions has changed.";
  if (form) main.querySelector(`form[action="${form}"] button`)?.focus();
}

if (address) {
  document.addEventListener("live:signed-out", (event) => onSignedOut(event.detail));
  document.addEventListener("live:other-session", onOtherSession);
  otherTabs.addEventListener("message", ({ data }) => { if (data !== ownSession) onOtherSession(); });
  otherTabs.postMessage(ownSession);
  document.addEventListener("live:own-sessions", onOwnSessions);
  document.addEventListener("live:reconnect", () => { retryDelay = RECONNECT; });
  document.addEventListener("visibilitychange", onVisibilityChange);
  addEventListener("submit", onSubmit);
  addEventListener("pagehide", onPageHide);
  addEventListener("pageshow", onPageShow);
  addEventListener("online", () => { retryDelay = FIRST_RETRY; open(); });
  setInterval(checkClock, CLOCK_CHECK);
  open();
}
