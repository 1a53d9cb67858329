// Passkeys (WebAuthn): asks the server what to ask, the browser for the passkey, and sends what it says. The button signs in by a
// call ("sign-in"), or fills the hidden field of the form around it and sends that ("get", "create"). On the sign-in page the browser
// also offers passkeys in the list of the email field.

const STALE = "You are not signed in any more, or gave your password too long ago. Load this page again.";
const BUSY = "Passkeys can't be used just now. Try again in a moment.";
const TEXTS = {
  NotAllowedError: "Nothing happened: it was cancelled, took too long, or there is no passkey for this site here.",
  InvalidStateError: "This device has a passkey for your account already.",
  NotSupportedError: "This device can't make passkeys of the kind that is needed.",
  ConstraintError: "This device can't make passkeys of the kind that is needed: it has to ask for your finger, face or PIN.",
  SecurityError: "Passkeys don't work at this address. Use the usual one of this site.",
  TypeError: "The server was not reached. Try again.",
};

/** What the server refuses, with its reason. */
class Refusal extends Error {
  constructor(problem) {
    super(problem.detail ?? BUSY);
    this.problem = problem.type ?? "";
  }
}

async function call(path, body = {}) {
  const headers = { accept: "application/json", "content-type": "application/json" };
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Refusal([401, 403].includes(response.status) && !answer.type?.includes("#/") ? { detail: STALE, ...answer } : answer);
}

/** The request that waits: there may be only one, so the button ends that of the email field. */
let waiting = new AbortController();

async function ask(box, mediation) {
  waiting.abort();
  const { signal } = waiting = new AbortController();
  const { ceremony, publicKey } = await call(box.dataset.options);
  signal.throwIfAborted();
  const credential = box.dataset.passkey === "create"
    ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey), signal })
    : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey), signal, mediation });
  return { ceremony, credential: credential.toJSON(), rpId: publicKey.rpId };
}

async function signIn(form, { ceremony, credential, rpId }) {
  const fields = { ceremony, credential, remember: form.elements.remember.checked, next: form.elements.next?.value ?? "" };
  try {
    location.assign((await call("/login/passkey", fields)).location);
  } catch (error) {
    // The browser need not offer it again.
    if (error.problem?.endsWith("passkey-unknown")) PublicKeyCredential.signalUnknownCredential?.({ rpId, credentialId: credential.id });
    throw error;
  }
}

function say(box, text) {
  const place = box.querySelector("[aria-live]");
  place.hidden = text === "";
  place.querySelector("p").textContent = text;
}

async function run(box, mediation) {
  const form = box.closest("form");
  // Nobody is told of what they did not ask for.
  let chosen = mediation !== "conditional";
  if (chosen) say(box, "");
  try {
    const answer = await ask(box, mediation);
    chosen = true;
    if (box.dataset.passkey === "sign-in") return await signIn(form, answer);
    const { ceremony, credential } = answer;
    form.querySelector("input[name=passkey], input[name=confirm_passkey]").value = JSON.stringify({ ceremony, credential });
    // Its dialog, if it has one, asks what was asked before.
    form.requestSubmit();
  } catch (error) {
    if (error.name === "AbortError" || !chosen) return;
    say(box, error instanceof Refusal ? error.message : TEXTS[error.name] ?? BUSY);
    offerInList(box);
  }
}

/** Lets the browser offer passkeys in the list of the email field. Its options are good for five minutes, so they are renewed. */
async function offerInList(box) {
  if (box.dataset.passkey !== "sign-in" || !await PublicKeyCredential.isConditionalMediationAvailable?.()) return;
  run(box, "conditional");
  clearTimeout(renewal);
  renewal = setTimeout(offerInList, RENEW_AFTER, box);
}

const RENEW_AFTER = 4 * 60_000;
let renewal = 0;

for (const box of document.querySelectorAll("[data-passkey]")) {
  if (!globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON) {
    say(box, box.dataset.passkey === "sign-in" ? "" : "This browser has no passkeys, or is too old for them here.");
    continue;
  }
  const button = box.querySelector("button");
  button.hidden = false;
  button.addEventListener("click", () => run(box, "optional"));
  // Enter in a field would send the form without a passkey.
  if (box.dataset.passkey === "create") {
    box.closest("form").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
      event.preventDefault();
      button.click();
    });
  }
  offerInList(box);
}
