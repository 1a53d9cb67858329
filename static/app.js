// Improves pages that also work without it: relative times, times in the reader's zone, password fields, copy buttons, confirmation dialogs,
// protection against submitting a form twice, and the checkboxes of the administrator's list.

const MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR, MONTH = 30 * DAY, YEAR = 365 * DAY;
const UNITS = [[YEAR, "year"], [MONTH, "month"], [DAY, "day"], [HOUR, "hour"], [MINUTE, "minute"]];
const ACTIVE_FOR = 5 * MINUTE;

// Relative times

/** "just now", "12 minutes ago", "in 3 days": the same texts as the server renders. */
function relativeTime(seconds) {
  const distance = Math.abs(seconds);
  const [size, unit] = UNITS.find(([size]) => distance >= size) ?? [0];
  if (!size) return seconds > 0 ? "in less than a minute" : "just now";
  const count = Math.floor(distance / size);
  const words = `${count} ${unit}${count === 1 ? "" : "s"}`;
  return seconds > 0 ? `in ${words}` : `${words} ago`;
}

function updateTime(time) {
  const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
  if (Number.isNaN(seconds)) return;
  if (time.dataset.relative === "active") {
    if (-seconds < ACTIVE_FOR) return;
    time.dataset.relative = "";
    time.classList.remove("active");
  }
  const words = relativeTime(seconds);
  if (time.textContent !== words) time.textContent = words;
}

function updateTimes() {
  if (!document.hidden) document.querySelectorAll("time[data-relative]").forEach(updateTime);
}

// Exact times: the server writes them in the zone of the site, and here they become those of the reader.

const ZONED = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short",
});

/** "21 Nov 2026, 04:39 CET": the same form as the server renders. */
function exactTime(at) {
  const part = Object.fromEntries(ZONED.formatToParts(at).map(({ type, value }) => [type, value]));
  return `${part.day} ${part.month.slice(0, 3)} ${part.year}, ${part.hour}:${part.minute} ${part.timeZoneName}`;
}

function localise(time) {
  const at = Date.parse(time.dateTime);
  if (Number.isNaN(at)) return;
  if ("exact" in time.dataset) time.textContent = exactTime(at);
  else if (time.title) time.title = exactTime(at);
}

const localiseIn = (part) => part.querySelectorAll("time[data-exact], time[title]").forEach(localise);

/** Also what other scripts put into the page. Begins once they have read it as the server sent it. */
function localiseTimes() {
  localiseIn(document);
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const node of addedNodes) if (node.nodeType === Node.ELEMENT_NODE) localiseIn(node);
  }).observe(document.body, { childList: true, subtree: true });
}

// Days: a page that counts them says in which zone, and the server reads in a cookie which is the reader's.

function countInOwnZone() {
  const counted = document.querySelector("[data-zone]")?.dataset.zone;
  const own = ZONED.resolvedOptions().timeZone, cookie = `reader-zone=${own}`;
  const isTold = () => document.cookie.split("; ").includes(cookie);
  if (!counted || counted === own || isTold()) return;
  document.cookie = `${cookie}; Path=/admin; Max-Age=${400 * DAY}; SameSite=Lax${location.protocol === "https:" ? "; Secure" : ""}`;
  if (isTold()) location.reload();
}

// Passwords

function drawIcon(name) {
  const svg = "http://www.w3.org/2000/svg";
  const icon = document.createElementNS(svg, "svg");
  icon.setAttribute("class", "icon");
  icon.setAttribute("aria-hidden", "true");
  icon.append(document.createElementNS(svg, "use"));
  icon.firstChild.setAttribute("href", `#icon-${name}`);
  return icon;
}

function setRevealed(input, button, shown) {
  input.type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
  button.firstChild.firstChild.setAttribute("href", shown ? "#icon-eye-off" : "#icon-eye");
}

function addRevealButton(input) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "reveal";
  button.title = `Show ${input.labels[0].textContent.trim().toLowerCase()}`;
  button.setAttribute("aria-label", button.title);
  button.append(drawIcon("eye"));
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => setRevealed(input, button, input.type === "password"));
  // The field is a password field again when it is sent, so that browsers save it as a password and not as typed text.
  input.form.addEventListener("submit", () => setRevealed(input, button, false));
  input.after(button);
}

/** Checks only the length, in code points as the server does; the server checks the strength. */
function lengthHint(password, minLength) {
  const missing = minLength - [...password].length;
  if (password === "") return "";
  return missing > 0 ? ` ${missing} more to go.` : " Long enough.";
}

function addLengthHint(input) {
  const hint = document.createElement("span");
  hint.setAttribute("aria-live", "polite");
  document.getElementById(`${input.id}-help`)?.append(hint);
  let timer;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { hint.textContent = lengthHint(input.value, Number(input.dataset.minLength)); }, 250);
  });
}

// One-time links

async function copy(input, button) {
  input.select();
  try {
    await navigator.clipboard.writeText(input.value);
    button.textContent = "Copied";
  } catch {
    // There is no clipboard without https; the text is selected, so that the user can copy it.
    button.textContent = "Press Ctrl+C to copy";
  }
}

function addCopyButton(input) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button";
  button.textContent = input.dataset.copy;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", () => copy(input, button));
  input.after(button);
}

// Forms

function makeDialog({ confirmTitle, confirm, confirmButton }) {
  const dialog = document.createElement("dialog");
  dialog.className = "dialog";
  dialog.setAttribute("aria-labelledby", "dialog-title");
  dialog.setAttribute("aria-describedby", "dialog-text");
  dialog.innerHTML = `<h2 id="dialog-title"></h2><p id="dialog-text"></p><form method="dialog" class="actions">
    <button class="button" value="">Cancel</button><button class="button danger" value="yes"></button></form>`;
  dialog.querySelector("h2").textContent = confirmTitle ?? "Are you sure?";
  dialog.querySelector("p").textContent = confirm;
  dialog.querySelector(".danger").textContent = confirmButton ?? "Continue";
  return dialog;
}

function confirmFirst(form, submitter) {
  const dialog = makeDialog(form.dataset);
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (dialog.returnValue !== "yes") return;
    form.dataset.confirmed = "";
    form.requestSubmit(submitter);
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** An incomplete form needs no confirmation: the server reports what is missing. */
const needsConfirmation = (form) => form.dataset.confirm && !("confirmed" in form.dataset) && form.checkValidity();

function setBusy(form, busy) {
  form.toggleAttribute("data-busy", busy);
  if (!busy) delete form.dataset.confirmed;
  form.querySelectorAll("button:not([type=button])").forEach((button) => {
    busy ? button.setAttribute("aria-disabled", "true") : button.removeAttribute("aria-disabled");
  });
}

function onSubmit(event) {
  const form = event.target;
  if (form.method === "dialog") return;
  if (form.hasAttribute("data-busy")) {
    event.preventDefault();
  } else if (needsConfirmation(form)) {
    event.preventDefault();
    confirmFirst(form, event.submitter);
  } else {
    rememberPlace(form);
    setBusy(form, true);
    setTimeout(setBusy, 10_000, form, false);
  }
}

/** Enables the forms of a page that the back button has restored. */
function onPageShow(event) {
  if (event.persisted) document.querySelectorAll("form[data-busy]").forEach((form) => setBusy(form, false));
}

// Back to the list

/** The scroll position of a list whose form was submitted, which leads back to it. */
const PLACE = "list-place";

function rememberPlace(form) {
  const back = form.querySelector("input[name=back]");
  if (back && document.querySelector("[data-live-list]")) sessionStorage.setItem(PLACE, `${scrollY} ${back.value}`);
}

function returnToPlace() {
  const place = sessionStorage.getItem(PLACE)?.match(/^(\S+) (.*)$/);
  if (place?.[2] !== location.pathname + location.search) return;
  sessionStorage.removeItem(PLACE);
  scrollTo(0, Number(place[1]));
}

// The "End…" panels in the table: one that opens below the edge of the screen is brought into view.

document.addEventListener("toggle", (event) => {
  if (event.target.matches("details.ender[open]")) event.target.querySelector(".pop")?.scrollIntoView({ block: "nearest" });
}, true);

function closePanels(event) {
  const escape = event.type === "keydown";
  if (escape && event.key !== "Escape") return;
  for (const panel of document.querySelectorAll("details.ender[open]")) {
    if (!escape && panel.contains(event.target)) continue;
    if (escape) panel.querySelector("summary").focus();
    panel.open = false;
  }
}

// Ticked sessions

const checkboxes = () => [...document.querySelectorAll("input[name=ids]")];

/** Adds a checkbox that ticks and unticks all rows: in the table's head, and beside its label in the bar above the table. */
function addTickAll(place) {
  const box = document.createElement("input");
  box.type = "checkbox";
  box.addEventListener("change", () => {
    for (const checkbox of checkboxes()) checkbox.checked = box.checked;
    updateTicked();
  });
  if (place.tagName === "LABEL") {
    place.prepend(box);
    place.hidden = false;
  } else {
    box.setAttribute("aria-label", "All on this page");
    place.append(box);
  }
}

function updateTicked() {
  const boxes = checkboxes(), count = boxes.filter((box) => box.checked).length;
  const button = document.querySelector("[data-count-ticked]");
  const bar = document.querySelector("[data-ticked-bar]");
  bar?.toggleAttribute("data-empty", count === 0);
  bar?.toggleAttribute("data-ticked", count > 0);
  for (const all of document.querySelectorAll(":is([data-tick-all], [data-tick-page]) input")) {
    all.checked = count > 0 && count === boxes.length;
    all.indeterminate = count > 0 && count < boxes.length;
  }
  if (button) {
    button.parentElement.hidden = count === 0;
    button.textContent = button.dataset.countTicked.replace("%n", count);
  }
}

/** Called when admin-live.js has changed rows, or replaced the table with its head. */
function onRows() {
  document.querySelectorAll(":is([data-tick-all], [data-tick-page]):not(:has(input))").forEach(addTickAll);
  updateTicked();
}

document.querySelector("[aria-invalid=true]")?.focus();
document.querySelectorAll("[data-tick-all], [data-tick-page]").forEach(addTickAll);
document.addEventListener("change", (event) => { if (event.target.name === "ids") updateTicked(); });
document.addEventListener("live:rows", onRows);
updateTicked();
returnToPlace();
document.querySelectorAll("input[type=password]").forEach(addRevealButton);
document.querySelectorAll("input[data-copy]").forEach(addCopyButton);
document.querySelectorAll("input[data-min-length]").forEach(addLengthHint);
document.addEventListener("submit", onSubmit);
document.addEventListener("click", closePanels);
document.addEventListener("keydown", closePanels);
document.addEventListener("visibilitychange", updateTimes);
addEventListener("pageshow", onPageShow);
addEventListener("DOMContentLoaded", localiseTimes);
addEventListener("DOMContentLoaded", countInOwnZone);
setInterval(updateTimes, 30_000);
