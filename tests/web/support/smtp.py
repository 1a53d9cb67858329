"""A mail server for tests, on aiosmtpd.

    smtp.py PORT FOLDER [plain|starttls|implicit]

Each mail that it accepts becomes FOLDER/mails/N.json. What it does is in FOLDER/mode, read anew each time: accept; 450 or 550 at the
recipient; "hold STEP": goes no further at this step until the mode is another one, and writes the step to FOLDER/held; "die STEP":
kills itself there. Steps are ehlo, mail, rcpt, data, text (in the middle of the mail), accepted (before it says so) and quit. The
certificate is FOLDER/cert.pem with FOLDER/key.pem. It takes mail with the password of ada, p@ss/w, or without any.
"""

import asyncio
import email
import email.policy
import json
import os
import pathlib
import signal
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

port, folder, tls = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
mails = folder / "mails"


def mode():
    return (folder / "mode").read_text()


async def reach(step):
    if mode() == f"die {step}":
        os.kill(os.getpid(), signal.SIGKILL)
    while mode() == f"hold {step}":
        (folder / "held").write_text(step)
        await asyncio.sleep(0.01)


def store(envelope, user):
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    part = lambda kind: message.get_body((kind,)).get_content().replace("\r\n", "\n")
    mail = {
        "from": envelope.mail_from,
        "to": envelope.rcpt_tos,
        "headers": [[name, str(value)] for name, value in message.items()],
        "text": part("plain"),
        "html": part("html"),
        "user": user,
    }
    name = mails / f"{len(os.listdir(mails)):05}.json"
    name.with_suffix(".tmp").write_text(json.dumps(mail))
    name.with_suffix(".tmp").rename(name)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if mode() in ("450", "550"):
            return f"{mode()} <{address}> is refused"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        store(envelope, session.auth_data)
        await reach("accepted")
        return "250 Accepted"


class Server(SMTP):
    async def smtp_EHLO(self, hostname):
        await reach("ehlo")
        await super().smtp_EHLO(hostname)

    async def smtp_MAIL(self, arg):
        await reach("mail")
        await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg):
        await reach("rcpt")
        await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg):
        await reach("data")
        if mode() in ("hold text", "die text"):
            await self.push("354 Go on")
            await self._reader.readline()
            await reach("text")
        await super().smtp_DATA(arg)

    async def smtp_QUIT(self, arg):
        await reach("quit")
        await super().smtp_QUIT(arg)


def authenticate(server, session, envelope, mechanism, data):
    fits = (data.login, data.password) == (b"ada", b"p@ss/w")
    return AuthResult(success=fits, handled=False, auth_data="ada")


async def main():
    context = None
    if tls != "plain":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    make = lambda: Server(
        Handler(),
        hostname="mail.test",
        tls_context=context if tls == "starttls" else None,
        authenticator=authenticate,
        auth_require_tls=False,
        loop=asyncio.get_running_loop(),
    )
    server = await asyncio.get_running_loop().create_server(
        make, "127.0.0.1", port, ssl=context if tls == "implicit" else None
    )
    await server.serve_forever()


asyncio.run(main())
