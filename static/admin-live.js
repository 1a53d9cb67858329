// Keeps the administrator's pages (list of sessions, one session, overview) current while they are open.
// An event from live.js only says that something changed: the row of an ended session is struck through at once, then
// the page is fetched again, of the list only what has changed, and merged into the document. Elements that the administrator is using are not replaced.

const REFRESH_DELAY = 150, LATE_REFRESH_DELAY = 10_000, ENDED_ROW_REMOVAL_DELAY = 2_000, MINUTE = 60_000;
/** Stands for the status of a request that got no response. From this status on, the request is retried. */
const NO_RESPONSE = 500;
const ROWS = "table.table > tbody";

const list = document.querySelector("[data-live-list]");
const session = document.querySelector("[data-live-session]");
const overview = document.querySelector("[data-live-overview]");
const MIN_INTERVAL = overview ? 5_000 : 2_000;
/** The page that is the response to a form cannot be fetched again: its address may accept only POST. */
const pageUrl = "answersForm" in document.body.dataset ? "/admin" : location.pathname + location.search;
const query = new URLSearchParams(location.search);
const showsEnded = query.get("state") === "ended";

// Fetching the page again

let timer = 0, refreshAt = Infinity, fetchedAt = -Infinity, interval = MIN_INTERVAL;

/** Schedules a refresh, unless one is due earlier. */
function refresh(delay = REFRESH_DELAY) {
  // The second and later pages of a list are not refreshed.
  if (!(list || session || overview) || query.has("after")) return;
  const at = Math.max(performance.now() + delay, fetchedAt + interval);
  if (at >= refreshAt) return;
  refreshAt = at;
  clearTimeout(timer);
  timer = setTimeout(fetchAndMerge, at - performance.now());
}

async function fetchAndMerge() {
  refreshAt = Infinity;
  if (document.hidden) return;
  fetchedAt = performance.now();
  const { status, page } = await fetchPage().catch(() => ({ status: NO_RESPONSE }));
  // A slow server is asked less often.
  interval = Math.max(MIN_INTERVAL, 5 * (performance.now() - fetchedAt));
  if (status >= NO_RESPONSE) refresh(LATE_REFRESH_DELAY);
  if (status !== 200) return;
  // Forms of somebody else's page must not get into this one.
  if (page.body.dataset.session !== document.body.dataset.session) return emitOtherSession();
  if (list) mergeList(page);
  if (session) mergeSession(page);
  if (overview) mergeOverview(page);
}

const emitOtherSession = () => document.dispatchEvent(new CustomEvent("live:other-session"));

async function fetchPage() {
  // X-Background: not a request of the user, so it must not keep the session alive.
  const headers = { accept: "text/html", "x-background": "1" };
  // The answer is not the whole list, but what has changed of it.
  if (list) headers["x-rows"] = [...document.querySelectorAll(`${ROWS} > tr[data-v]`)].map((row) => row.dataset.v).join();
  const response = await fetch(pageUrl, { headers, redirect: "manual", cache: "no-store" });
  // The user is no longer an administrator and must not see the page any more: load it, which shows the error page.
  if (response.status === 403) location.replace(pageUrl);
  return { status: response.status, page: new DOMParser().parseFromString(await response.text(), "text/html") };
}

/** Whether the user has focused, opened, ticked or typed into something in the element; then it is not replaced. */
function isBusy(element) {
  return element.contains(document.activeElement) || element.querySelector("details[open], input:checked") !== null
    || [...element.querySelectorAll("input:not([type=checkbox], [type=hidden])")].some((input) => input.value !== input.defaultValue);
}

/** The element that the selector finds in the document, and the one that it finds in the fetched page. */
const findInBoth = (selector, page) => [document, page].map((root) => root.querySelector(selector));

function replaceIfDifferent(current, fetched) {
  if (fetched && fetched.outerHTML !== current.outerHTML) current.replaceWith(fetched);
}

// One session

function mergeSession(page) {
  const [current, fetched] = findInBoth("main", page);
  const hasEnded = !current.querySelector(".ended-facts") && fetched.querySelector(".ended-facts");
  if (hasEnded) {
    const focused = current.contains(document.activeElement);
    current.replaceChildren(...fetched.childNodes);
    if (focused) current.focus();
    return;
  }
  for (const part of fetched.querySelectorAll(":scope > section[aria-labelledby], :scope > .lead")) {
    const name = part.getAttribute("aria-labelledby");
    const old = current.querySelector(name ? `:scope > section[aria-labelledby="${name}"]` : ":scope > .lead");
    if (old && !isBusy(old)) old.replaceWith(part);
  }
}

// The overview

/** Replaces only the parts that differ; opened tables stay open. */
function mergeOverview(page) {
  const figures = page.querySelectorAll(".figures dd");
  document.querySelectorAll(".figures dd").forEach((figure, index) => replaceIfDifferent(figure, figures[index]));
  for (const current of document.querySelectorAll("main section[aria-labelledby]")) {
    const fetched = page.querySelector(`section[aria-labelledby="${current.getAttribute("aria-labelledby")}"]`);
    if (current.querySelector(".chart") && fetched?.querySelector(".chart")) {
      for (const part of ["h2", "svg.chart", "table"]) {
        replaceIfDifferent(current.querySelector(part), fetched.querySelector(part));
      }
    } else if (!isBusy(current)) {
      replaceIfDifferent(current, fetched);
    }
  }
}

// The list

function mergeList(page) {
  const [current, fetched] = findInBoth(ROWS, page);
  if (current && fetched) {
    mergeRows(current, [...fetched.rows]);
  } else if (current || fetched) {
    const old = document.querySelector("table.table, .empty");
    if (old && !isBusy(old)) old.replaceWith(page.querySelector("table.table, .empty"));
  }
  mergePart(".summary > .count", page);
  mergePart("nav.pages", page, document.querySelector("main"));
  const alone = page.querySelector(".summary.alone") !== null;
  // The forms and boxes that end several sessions are not hidden while they are in use.
  const inUse = isBusy(list) || document.querySelector("input[name=ids]:checked, .bar details[open]") !== null;
  if (!alone || !inUse) list.classList.toggle("alone", alone);
  document.dispatchEvent(new CustomEvent("live:rows"));
}

/** Replaces or removes a part that differs; a part that is new to the document is appended to `parent`. */
function mergePart(selector, page, parent) {
  const [current, fetched] = findInBoth(selector, page);
  if (current && fetched && current.outerHTML !== fetched.outerHTML && !isBusy(current)) current.replaceWith(fetched);
  if (current && !fetched && !isBusy(current)) current.remove();
  if (!current && fetched) parent?.append(fetched);
}

/** The rows of the fetched table. One that the document has already, by its version, comes without its cells. */
function findRows(body, fetched) {
  const known = new Map([...body.rows].map((row) => [row.dataset.v, row]));
  const rows = [];
  for (const row of fetched) {
    const found = row.cells.length ? row : known.get(row.dataset.v);
    const alike = found?.querySelector("[data-alike]");
    if (alike && "alike" in row.dataset) alike.textContent = row.dataset.alike;
    // The row that is gone meanwhile is sent when it is not named any more.
    if (found) rows.push(found);
    else refresh();
  }
  return rows;
}

/** Brings the rows of the table into the order of the fetched ones; unchanged and busy rows stay in the document. */
function mergeRows(body, fetched) {
  const rows = findRows(body, fetched);
  const ids = new Set(rows.map((row) => row.id));
  for (const row of [...body.rows]) {
    if (!ids.has(row.id) && !row.classList.contains("gone") && !isBusy(row)) row.remove();
  }
  const isNotFetched = (row) => row && !ids.has(row.id);
  let next = body.firstElementChild;
  for (const row of rows) {
    while (isNotFetched(next)) next = next.nextElementSibling;
    const old = document.getElementById(row.id);
    if (old && (isBusy(old) || old.classList.contains("gone"))) {
      if (old !== row) mergeTimes(old, row);
      next = old.nextElementSibling;
      continue;
    }
    if (!old) row.classList.add("fresh");
    if (old && old !== row) {
      if (next === old) next = row;
      old.replaceWith(row);
    }
    if (row === next) next = next.nextElementSibling;
    else body.insertBefore(row, next);
  }
}

/** Updates the times of a busy row, which is not replaced as a whole. */
function mergeTimes(old, row) {
  if (old.classList.contains("gone")) return;
  const cells = row.querySelectorAll("td.when");
  old.querySelectorAll("td.when").forEach((cell, index) => cells[index] && cell.replaceChildren(...cells[index].childNodes));
}

// Events

function onStarted() {
  refresh();
}

function onEnded({ id, sentence, message, note }) {
  if (session?.dataset.liveSession === id) refresh(0);
  const row = document.getElementById(`session-${id}`);
  if (list && row && !showsEnded) markEnded(row, [sentence, message, note].filter(Boolean).join(": "));
  else refresh();
}

/** Strikes the row through, shows the reason in its last time cell, and schedules its removal. */
function markEnded(row, reason) {
  if (row.classList.contains("gone")) return;
  row.classList.add("gone");
  const cell = [...row.querySelectorAll("td.when")].at(-1);
  const text = document.createElement("span");
  text.className = "note why";
  text.textContent = reason;
  cell?.replaceChildren(text);
  for (const box of row.querySelectorAll("input:checked")) {
    box.checked = false;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  }
  setTimeout(removeEnded, ENDED_ROW_REMOVAL_DELAY, row);
}

function removeEnded(row) {
  if (isBusy(row)) {
    setTimeout(removeEnded, ENDED_ROW_REMOVAL_DELAY, row);
  } else {
    row.remove();
    refresh();
  }
}

function onSeen({ ids, at }) {
  for (const id of ids) {
    if (session?.dataset.liveSession === id) refresh();
    const time = document.getElementById(`session-${id}`)?.querySelector("[data-label='Last seen'] time");
    if (!time) continue;
    time.dateTime = at;
    time.textContent = "active now";
    time.classList.add("active");
    time.dataset.relative = "active";
  }
  // The order of the rows is corrected by a later refresh; the overview shows no order.
  if (!overview) refresh(LATE_REFRESH_DELAY);
}

function onCounts({ active }) {
  const count = active.toLocaleString("en");
  for (const element of document.querySelectorAll("[data-live-count]")) {
    if (element.textContent !== count) refresh();
    element.textContent = count;
  }
  const unfiltered = [...query.values()].every((value) => value === "");
  const shown = list?.querySelector(".count strong")?.textContent;
  // "More than 1,000" does not change with the count.
  if (shown && unfiltered && !shown.startsWith("More") && shown !== count) refresh();
}

// Countdown to the end of a session

const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

/** "in 2 hours 5 minutes": the two largest units. */
function timeLeft(seconds) {
  const first = UNITS.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "now";
  const words = [];
  for (const [unit, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count) words.push(`${count} ${unit}${count === 1 ? "" : "s"}`);
  }
  return `in ${words.join(" ")}`;
}

function updateCountdowns() {
  if (document.hidden) return;
  for (const time of document.querySelectorAll("time[data-countdown]")) {
    const words = timeLeft((Date.parse(time.dateTime) - Date.now()) / 1000);
    if (time.textContent !== words) time.textContent = words;
  }
}

// Connection status

const status = document.querySelector("[data-live-status]");
/** Milliseconds without a connection until the page says so. */
const SHOW_LOST_AFTER = 3_000, SHOW_OFF_AFTER = 30_000;
/** When the connection was lost, by the clock. */
let lostAt = 0, statusTimer = 0;

const clockTime = (at) => new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

function showStatus(state, words) {
  if (!status || (status.dataset.liveStatus === state && status.textContent === words)) return;
  status.dataset.liveStatus = state;
  status.hidden = false;
  status.textContent = words;
}

function showLost() {
  const elapsed = Date.now() - lostAt;
  if (elapsed >= SHOW_OFF_AFTER) showStatus("off", `Not live since ${clockTime(lostAt)}: reload to see changes`);
  else if (elapsed >= SHOW_LOST_AFTER) showStatus("lost", `Reconnecting… not live since ${clockTime(lostAt)}`);
  if (elapsed < SHOW_OFF_AFTER) {
    const next = elapsed < SHOW_LOST_AFTER ? SHOW_LOST_AFTER : SHOW_OFF_AFTER;
    statusTimer = setTimeout(showLost, next - elapsed + 1);
  }
}

/** The server no longer hears of all changes itself, or hears of them again. */
function onStatus({ live }) {
  if (live) {
    showStatus("on", "Live");
    refresh();
  } else {
    showStatus("off", `Not live since ${clockTime(Date.now())}: the server does not hear of all changes`);
  }
}

/** The stream was refused with 403: the page gets the same status and is left. */
function onRefused() {
  fetchPage().catch(() => {});
}

function onLost({ heardAt, silent }) {
  if (lostAt) return;
  // A short break is not shown at once; after a long one, such as sleep, the page is out of date already.
  lostAt = silent ? heardAt : Date.now();
  showLost();
}

function onOpen() {
  clearTimeout(statusTimer);
  lostAt = 0;
  showStatus("on", "Live");
}

if (session) {
  updateCountdowns();
  setInterval(updateCountdowns, 1_000);
}
const on = (name, handler) => document.addEventListener(`live:${name}`, (event) => handler(event.detail));
on("open", onOpen);
on("lost", onLost);
on("refused", onRefused);
on("started", onStarted);
on("ended", onEnded);
on("seen", onSeen);
on("counts", onCounts);
on("status", onStatus);
on("reload", () => refresh());
// There is no event for a failed sign-in, so the overview is refreshed every minute as well.
if (overview) setInterval(refresh, MINUTE);
