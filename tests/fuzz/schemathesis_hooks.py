"""What scripts/schemathesis needs beyond the description: how requests sign in, and which passwords and names are good."""

import os
import re
import secrets
import threading

import requests
import schemathesis
from schemathesis import GenerationMode

SITE = os.environ["SCHEMATHESIS_SITE"]
# What the requests of this run bring: nothing, cookie, token, ended-cookie or ended-token.
BRINGS = os.environ["SCHEMATHESIS_BRINGS"]

# After these calls the session that was sent is another one, or has another key.
ENDING = ["/auth/login", "/auth/login/verify", "/auth/register", "/auth/logout", "/auth/rotate-session", "/auth/sessions/{id}"]

kept = threading.local()


def sign_in():
    """Returns the headers that a new account's session is known by."""
    account = {
        "name": "Ada Lovelace",
        "email": f"{secrets.token_hex(8)}@example.org",
        "password": secrets.token_urlsafe(12),
    }
    if BRINGS.endswith("token"):
        account["token"] = True
    answer = requests.post(f"{SITE}/auth/register", json=account, timeout=60)
    answer.raise_for_status()
    if BRINGS.endswith("token"):
        headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    else:
        headers = {"Cookie": f"gatehouse={answer.cookies['gatehouse']}"}
    if BRINGS.startswith("ended"):
        requests.post(f"{SITE}/auth/logout", headers=headers, timeout=60).raise_for_status()
    return headers


class Session:
    """The session that requests bring."""

    def get(self, case, context):
        # A client with a token has to ask for a token where it signs in, which the description can't say.
        if BRINGS.endswith("token") and case.path in ["/auth/login", "/auth/login/verify", "/auth/register"]:
            return None
        if getattr(kept, "headers", None) is None:
            kept.headers = sign_in()
        return kept.headers

    def set(self, case, headers, context):
        case.headers = {**(case.headers or {}), **headers}


if BRINGS != "nothing":
    schemathesis.auth(refresh_interval=None)(Session)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes good fields good: what is easy to guess, and which characters can be seen, is nothing that a description can say."""
    if case.meta is None or not isinstance(case.body, dict):
        return
    is_good = case.meta.generation.mode == GenerationMode.POSITIVE
    if isinstance(case.body.get("name"), str):
        # White space around a name doesn't count, so that only without it a name is too long.
        bad = r"[^A-Za-zà-öø-ÿ日本]" if is_good else r"^\W+|\W+$"
        case.body["name"] = re.sub(bad, lambda found: "a" * len(found[0]), case.body["name"])
    if not is_good:
        return
    if case.path == "/auth/register" and isinstance(case.body.get("password"), str):
        length = max(len(case.body["password"]), 16)
        case.body["password"] = secrets.token_urlsafe(length)[:length]


@schemathesis.hook
def after_call(context, case, response):
    """Takes another session where the call was answered as if it had ended this one."""
    if case.path in ENDING and response.status_code < 300 and not BRINGS.startswith("ended"):
        kept.headers = None
