// Reads the server's event stream on a signed-in page and shows a dialog when the page's own session has ended.
// Administrators' pages get the events of all sessions. Other scripts receive the events as events of the document:
// live:open, live:lost, live:refused (connection), live:reload (events were missed), and live:<name> for each event of the stream.

/** The server that held the stream stops, and another one answers: RECONNECT. */
const RECONNECT = 200, FIRST_RETRY = 1_000, LAST_RETRY = 30_000, LONGEST_PAUSE = 1.5 * LAST_RETRY;
/** The server sends something every 5 seconds to administrators, else every 15; after this long without anything the connection
    is taken as lost. */
const ADMIN_IDLE_TIMEOUT = 12_000, IDLE_TIMEOUT = 40_000;
const CLOCK_CHECK = 1_000;
/** After so many checks of the clock a page whose stream is read by another one, and silent, reads it itself. */
const READER_CHECKS = 5;
/** After this long, a submitted form that has not replaced the page no longer keeps the stream closed. */
const SUBMIT_TIMEOUT = 10_000;

/** The public id of the session that the page was made for; the stream of another one is refused. */
const ownSession = document.body.dataset.session;
const otherTabs = new BroadcastChannel("session");

/** Whether the page is the list of the user's own sessions. */
const listsOwn = document.querySelector("[data-own-sessions]") !== null;

let address = document.body.dataset.events;
/** Ends what the page does to follow the stream; `null`: it does not follow. */
let following = null;
/** Between the pages of this browser that follow the same stream: what one of them reads reaches all. */
let sharing = null;
/** Whether this page reads the stream; whether the stream is open, here or at the page that reads it. */
let reads = false, isOpen = false;
/** Whether events may have been missed since the page was made. */
let missed = document.hidden;
let retryDelay = FIRST_RETRY, retry = () => {}, silentChecks = 0;
/** When something was heard, and from when on something is to be heard. By the clock, which goes on while the computer sleeps. */
let heardAt = Date.now(), dueAt = 0;
/** A form was submitted: if it ends the session, the page that is being left must not show the dialog. */
let submitting = false;
/** The page's session has ended. */
let signedOut = false;

const emit = (name, detail) => document.dispatchEvent(new CustomEvent(`live:${name}`, { detail }));

const isSilentSince = (at) => Date.now() - at > (address.startsWith("/admin") ? ADMIN_IDLE_TIMEOUT : IDLE_TIMEOUT);
const emitLost = () => emit("lost", { heardAt, silent: isSilentSince(heardAt) });

// One page of a browser reads the stream: browsers allow six connections to a site. The page that has the lock reads, and tells
// the others over a channel; when it is closed, left or hidden, the lock goes to another one. Messages: "hello" of a page that begins
// to follow, "open" and "lost" of the connection, and arrays of what was read. Without locks (they need https) each page reads.

const streamUrl = () => `${address}?for_session=${encodeURIComponent(ownSession)}${address.startsWith("/admin") ? "" : "&list=on"}`;

function close() {
  following?.abort();
  sharing?.close();
  following = sharing = null;
  reads = isOpen = false;
  missed = true;
  retry();
}

/** Begins to follow the stream. `steal`: takes the lock from a page that does not tell any more what it reads. */
async function open(steal = false) {
  if (following || signedOut || submitting || document.hidden) return;
  const own = following = new AbortController();
  dueAt = Date.now();
  // The clock may have been set.
  heardAt = Math.min(heardAt, dueAt);
  const read = () => readAgainAndAgain(own.signal);
  sharing = new BroadcastChannel(streamUrl());
  sharing.addEventListener("message", onMessage);
  sharing.postMessage("hello");
  try {
    await navigator.locks.request(streamUrl(), steal ? { steal } : { signal: own.signal }, read);
  } catch (error) {
    if (following !== own) return;
    // There are no locks: over plain http, and in a browser that keeps no data of the site.
    if (error.name !== "AbortError") return read();
    // Another page has stolen the lock.
    close();
    open();
  }
}

function onMessage({ data }) {
  if (reads) {
    // A page that was just loaded says that the server is there.
    if (data === "hello") isOpen ? sharing.postMessage([]) : retry();
    return;
  }
  if (data === "hello") return;
  if (data === "lost") return onLost(LONGEST_PAUSE);
  heardAt = Date.now();
  if (data === "open" || !isOpen) onOpen(data !== "open");
  if (Array.isArray(data)) data.forEach(dispatch);
}

/** `inTheMiddle`: the stream was open before. */
function onOpen(inTheMiddle = false) {
  // What happened before is not sent again; where it was open already, one page has taken the place of another.
  const reload = missed || isOpen || inTheMiddle;
  [isOpen, missed] = [true, false];
  // A page of somebody who is no administrator any more is not current.
  if (address !== document.body.dataset.events) return;
  emit("open");
  if (reload) emit("reload");
}

/** The connection is tried again after the pause. */
function onLost(pause) {
  isOpen = false;
  missed = true;
  dueAt = Date.now() + pause;
  emitLost();
}

/** Reads the stream until the page follows it no more. */
async function readAgainAndAgain(signal) {
  if (signal.aborted) return;
  reads = true;
  while (!signal.aborted) {
    dueAt = Date.now();
    // Lost, refused and closed connections are handled alike.
    await readStream(signal).catch(() => {});
    if (signal.aborted) return;
    // The jitter keeps all pages from reconnecting at the same moment when a server restarts.
    const pause = retryDelay * (.5 + Math.random());
    retryDelay = Math.min(retryDelay * 2, LAST_RETRY);
    onLost(pause);
    sharing?.postMessage("lost");
    await new Promise((resolve) => { retry = resolve; setTimeout(resolve, pause); });
  }
}

function fetchStream(signal) {
  return fetch(streamUrl(), { headers: { accept: "text/event-stream" }, cache: "no-store", redirect: "error", signal });
}

async function readStream(signal) {
  const response = await fetchStream(signal);
  if (response.status === 409) return showOtherSession(response);
  if (response.status === 401) return onSignedOut({ sentence: (await response.json()).detail });
  if (response.status === 403) return onForbidden();
  if (!response.ok) return;
  retryDelay = FIRST_RETRY;
  heardAt = Date.now();
  onOpen();
  sharing?.postMessage("open");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    heardAt = Date.now();
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    // The others first: an event may end this page's part.
    sharing?.postMessage(blocks);
    blocks.forEach(dispatch);
  }
}

/** The user is no longer an administrator, but still signed in. */
function onForbidden() {
  emit("refused");
  close();
  address = "/session/events";
  emitLost();
  open();
}

/** Gives up a connection that has been silent for too long; after sleep it looks open, but is dead. */
function checkClock() {
  const isSilent = following && isSilentSince(Math.max(heardAt, dueAt));
  silentChecks = isSilent ? silentChecks + 1 : 0;
  // The page that reads has a little time to find it out and connect again, before another one takes its place.
  if (!isSilent || (!reads && silentChecks < READER_CHECKS)) return;
  const steal = !reads;
  retryDelay = FIRST_RETRY;
  close();
  emitLost();
  open(steal);
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
  // Only visible pages follow.
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
  const ids = (within = "") => [...main.querySelectorAll(`${within} .session`)].map(({ id }) => id).sort();
  const before = ids().join(), unfolded = ids("details[open]");
  main.replaceChildren(...notices, ...page.querySelector("main").childNodes);
  for (const id of unfolded) document.getElementById(id)?.closest("details")?.setAttribute("open", "");
  if (ids().join() !== before) document.querySelector("[data-own-sessions]").textContent = "The list of your sessions has changed.";
  if (form) main.querySelector(`form[action="${form}"] button`)?.focus();
}

if (address) {
  document.addEventListener("live:signed-out", (event) => onSignedOut(event.detail));
  document.addEventListener("live:other-session", onOtherSession);
  otherTabs.addEventListener("message", ({ data }) => { if (data !== ownSession) onOtherSession(); });
  otherTabs.postMessage(ownSession);
  if (listsOwn) {
    document.addEventListener("live:own-sessions", onOwnSessions);
    document.addEventListener("live:reload", onOwnSessions);
  }
  document.addEventListener("live:reconnect", () => { retryDelay = RECONNECT; });
  document.addEventListener("visibilitychange", onVisibilityChange);
  addEventListener("submit", onSubmit);
  addEventListener("pagehide", onPageHide);
  addEventListener("pageshow", onPageShow);
  addEventListener("online", () => { retryDelay = FIRST_RETRY; retry(); });
  setInterval(checkClock, CLOCK_CHECK);
  open();
}
