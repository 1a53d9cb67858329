// The administrator's pages stay current while they are open. What live.js hears are hints: an ended row is marked at
// once, then the page is fetched again and its rows are put in place, around whatever is being used.

const SOON = 150, LATER = 10_000, MINUTE = 60_000, STRUCK_FOR = 2_000;
/** The status of an answer that never came: worth another try, as all from here on. */
const UNREACHED = 500;
const ROWS = "table.table > tbody";

const list = document.querySelector("[data-live-list]");
const session = document.querySelector("[data-live-session]");
const overview = document.querySelector("[data-live-overview]");
const PAUSE = overview ? 5_000 : 2_000;
/** The address of a page that answers a form is for forms only. */
const here = "answersForm" in document.body.dataset ? "/admin" : location.pathname + location.search;
const query = new URLSearchParams(location.search);
const showsEnded = query.get("state") === "ended";

// Fetching the page again

let timer = 0, due = Infinity, last = -Infinity, pause = PAUSE;

function refresh(delay = SOON) {
  // A later page of a list is left as it was found.
  if (!(list || session || overview) || query.has("after")) return;
  const at = Math.max(performance.now() + delay, last + pause);
  if (at >= due) return;
  due = at;
  clearTimeout(timer);
  timer = setTimeout(fetchAgain, at - performance.now());
}

async function fetchAgain() {
  due = Infinity;
  if (document.hidden) return;
  last = performance.now();
  const { status, page } = await load().catch(() => ({ status: UNREACHED }));
  pause = Math.max(PAUSE, 5 * (performance.now() - last));
  if (status >= UNREACHED) refresh(LATER);
  if (status !== 200) return;
  if (list) mergeList(page);
  if (session) mergeSession(page);
  if (overview) mergeOverview(page);
}

async function load() {
  // Nobody asked: it must not keep the session alive.
  const headers = { accept: "text/html", "x-background": "1" };
  const answer = await fetch(here, { headers, redirect: "manual", cache: "no-store" });
  // No administrator any more: what the page shows is not for them.
  if (answer.status === 403) location.replace(here);
  return { status: answer.status, page: new DOMParser().parseFromString(await answer.text(), "text/html") };
}

/** Focused, opened, ticked or typed into: not to be touched. */
function isBusy(part) {
  return part.contains(document.activeElement) || part.querySelector("details[open], input:checked") !== null
    || [...part.querySelectorAll("input:not([type=checkbox], [type=hidden])")].some((input) => input.value !== input.defaultValue);
}

// One session

function mergeSession(page) {
  const [mine, theirs] = [document, page].map((from) => from.querySelector("main"));
  const ended = !mine.querySelector(".ended-facts") && theirs.querySelector(".ended-facts");
  if (ended) {
    const focused = mine.contains(document.activeElement);
    mine.replaceChildren(...theirs.childNodes);
    if (focused) mine.focus();
    return;
  }
  for (const part of theirs.querySelectorAll(":scope > section[aria-labelledby], :scope > .lead")) {
    const name = part.getAttribute("aria-labelledby");
    const old = mine.querySelector(name ? `:scope > section[aria-labelledby="${name}"]` : ":scope > .lead");
    if (old && !isBusy(old)) old.replaceWith(part);
  }
}

// The overview

/** Only what differs; the tables that were opened stay open. */
function mergeOverview(page) {
  const figures = page.querySelectorAll(".figures dd");
  document.querySelectorAll(".figures dd").forEach((figure, index) => put(figures[index], figure));
  for (const section of document.querySelectorAll("main section[aria-labelledby]")) {
    const theirs = page.querySelector(`section[aria-labelledby="${section.getAttribute("aria-labelledby")}"]`);
    if (section.querySelector(".chart") && theirs?.querySelector(".chart")) {
      for (const part of ["h2", "svg.chart", "table"]) put(theirs.querySelector(part), section.querySelector(part));
    } else if (!isBusy(section)) {
      put(theirs, section);
    }
  }
}

function put(part, old) {
  if (part && part.outerHTML !== old.outerHTML) old.replaceWith(part);
}

// The list

/** What the server sent for each row, before times went on. */
const sources = new WeakMap();
const note = (row) => sources.set(row, row.outerHTML);
document.querySelectorAll(`${ROWS} > tr`).forEach(note);

function mergeList(page) {
  const [mine, theirs] = [document, page].map((from) => from.querySelector(ROWS));
  if (mine && theirs) {
    mergeRows(mine, [...theirs.rows]);
  } else if (mine || theirs) {
    const old = document.querySelector("table.table, .empty");
    if (old && !isBusy(old)) {
      old.replaceWith(page.querySelector("table.table, .empty"));
      document.querySelectorAll(`${ROWS} > tr`).forEach(note);
    }
  }
  mergePart(".summary > .count", page);
  mergePart("nav.pages", page, document.querySelector("main"));
  const alone = page.querySelector(".summary.alone") !== null;
  // What is about to be ended stays in sight.
  const chosen = isBusy(list) || document.querySelector("input[name=ids]:checked") !== null;
  if (!alone || !chosen) list.classList.toggle("alone", alone);
  document.dispatchEvent(new CustomEvent("live:rows"));
}

/** Replaces a part that differs; one that there was not goes to the end of `home`. */
function mergePart(css, page, home) {
  const [mine, theirs] = [document, page].map((from) => from.querySelector(css));
  if (mine && theirs && mine.outerHTML !== theirs.outerHTML && !isBusy(mine)) mine.replaceWith(theirs);
  if (mine && !theirs && !isBusy(mine)) mine.remove();
  if (!mine && theirs) home?.append(theirs);
}

function mergeRows(body, wanted) {
  const ids = new Set(wanted.map((row) => row.id));
  for (const row of [...body.rows]) {
    if (!ids.has(row.id) && !row.classList.contains("gone") && !isBusy(row)) row.remove();
  }
  const inTheWay = (row) => row && !ids.has(row.id);
  let place = body.firstElementChild;
  for (const row of wanted) {
    while (inTheWay(place)) place = place.nextElementSibling;
    const old = document.getElementById(row.id);
    if (old && (isBusy(old) || old.classList.contains("gone"))) {
      mergeTimes(old, row);
      place = old.nextElementSibling;
      continue;
    }
    const stays = old && sources.get(old) === row.outerHTML;
    const now = stays ? old : row;
    if (!stays) note(row);
    if (!old) row.classList.add("fresh");
    if (old && !stays) {
      if (place === old) place = row;
      old.replaceWith(row);
    }
    if (now === place) place = place.nextElementSibling;
    else body.insertBefore(now, place);
  }
}

function mergeTimes(old, row) {
  if (old.classList.contains("gone")) return;
  const cells = row.querySelectorAll("td.when");
  old.querySelectorAll("td.when").forEach((cell, index) => cells[index] && cell.replaceChildren(...cells[index].childNodes));
}

// What happened

function onStarted() {
  refresh();
}

function onEnded({ id, sentence, note: why }) {
  if (session?.dataset.liveSession === id) refresh(0);
  const row = document.getElementById(`session-${id}`);
  if (list && row && !showsEnded) strike(row, why ? `${sentence}: ${why}` : sentence);
  else refresh();
}

function strike(row, words) {
  if (row.classList.contains("gone")) return;
  row.classList.add("gone");
  const cell = [...row.querySelectorAll("td.when")].at(-1);
  const text = document.createElement("span");
  text.className = "note why";
  text.textContent = words;
  cell?.replaceChildren(text);
  for (const box of row.querySelectorAll("input:checked")) {
    box.checked = false;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  }
  setTimeout(leave, STRUCK_FOR, row);
}

function leave(row) {
  if (isBusy(row)) {
    setTimeout(leave, STRUCK_FOR, row);
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
  // The order follows, without hurry; the overview has none.
  if (!overview) refresh(LATER);
}

function onCounts({ active }) {
  const words = active.toLocaleString("en");
  for (const place of document.querySelectorAll("[data-live-count]")) {
    if (place.textContent !== words) refresh();
    place.textContent = words;
  }
  const unfiltered = [...query.values()].every((value) => value === "");
  const shown = list?.querySelector(".count strong")?.textContent;
  // "More than 1,000" stays what it is.
  if (shown && unfiltered && !shown.startsWith("More") && shown !== words) refresh();
}

// The time that is left

const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

/** "in 2 hours 5 minutes": the two largest units. */
function left(seconds) {
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

function countDown() {
  if (document.hidden) return;
  for (const time of document.querySelectorAll("time[data-countdown]")) {
    const words = left((Date.parse(time.dateTime) - Date.now()) / 1000);
    if (time.textContent !== words) time.textContent = words;
  }
}

if (session) {
  countDown();
  setInterval(countDown, 1_000);
}

// Whether the page is current

const status = document.querySelector("[data-live-status]");
const PATIENCE = 3_000, GIVEN_UP = 30_000;
let lostAt = 0, waiting = 0;

function say(state, words) {
  if (!status || status.dataset.liveStatus === state) return;
  status.dataset.liveStatus = state;
  status.hidden = false;
  status.textContent = words;
}

function sayLost() {
  const gone = performance.now() - lostAt;
  if (gone >= GIVEN_UP) say("off", "Not live: reload to see changes");
  else if (gone >= PATIENCE) say("lost", "Reconnecting…");
  if (gone < GIVEN_UP) waiting = setTimeout(sayLost, gone < PATIENCE ? PATIENCE - gone + 1 : GIVEN_UP - gone + 1);
}

function onRefused() {
  load().catch(() => {});
}

function onLost() {
  if (lostAt) return;
  lostAt = performance.now();
  sayLost();
}

let opened = false;

function onOpen() {
  clearTimeout(waiting);
  lostAt = 0;
  say("on", "Live");
  // What happened meanwhile was not told.
  if (opened) refresh();
  opened = true;
}

const on = (name, take) => document.addEventListener(`live:${name}`, (event) => take(event.detail));
on("open", onOpen);
on("lost", onLost);
on("refused", onRefused);
on("started", onStarted);
on("ended", onEnded);
on("seen", onSeen);
on("counts", onCounts);
on("reload", () => refresh());
// Nobody is told of sign-ins that fail.
if (overview) setInterval(refresh, MINUTE);
