//! Who takes mail: the server of `SMTP_URL`, or a folder.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use actix_web::web;
use lettre::{
    Address,
    address::{AddressError, Envelope},
    transport::smtp::{
        Error as SmtpError,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, TlsParameters},
        extension::ClientId,
    },
};

use super::rows::DueMail;
use crate::{
    config::{SmtpTls, SmtpUrl},
    files,
};

/// Longest time for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest time for one mail, from connecting until it is accepted.
const SEND_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Longest time for saying goodbye, when the mail has been accepted already.
const QUIT_TIMEOUT: Duration = Duration::from_secs(2);

/// Who takes mail.
pub(super) enum Transport {
    /// A mail server, which is greeted with this name.
    Server(Box<SmtpUrl>, ClientId),
    /// A folder in which each mail becomes a file.
    Folder(PathBuf),
}

/// Why a mail was not accepted.
pub(super) enum Refusal {
    /// It may be accepted later.
    Later(String),
    /// The server refuses this mail for good (a 5xx reply to its sender, recipient or text).
    ForGood(String),
}

impl Transport {
    /// Where mail goes, in words.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Server(server, _) => format!("the mail server {}, port {}", server.host, server.port),
            Self::Folder(folder) => format!("files in {}, because SMTP_URL is not set", folder.display()),
        }
    }

    /// Hands a mail over. Once this has returned `Ok`, whoever took the mail is responsible for it.
    pub(super) async fn send(&self, mail: &DueMail, from: &Address) -> Result<(), Refusal> {
        match self {
            Self::Server(server, name) => {
                let sent = tokio::time::timeout(SEND_TIMEOUT, deliver(server, name, mail, from)).await;
                let mut connection = sent.unwrap_or_else(|_| {
                    Err(Refusal::Later("the server has not answered in time".to_owned()))
                })?;
                let _ = tokio::time::timeout(QUIT_TIMEOUT, connection.quit()).await;
                Ok(())
            }
            Self::Folder(folder) => write(folder, mail).await,
        }
    }
}

async fn deliver(
    server: &SmtpUrl,
    name: &ClientId,
    mail: &DueMail,
    from: &Address,
) -> Result<AsyncSmtpConnection, Refusal> {
    let recipient =
        mail.recipient.parse().map_err(|error: AddressError| Refusal::ForGood(error.to_string()))?;
    let envelope = Envelope::new(Some(from.clone()), vec![recipient])
        .map_err(|error| Refusal::ForGood(error.to_string()))?;
    // What fails before the mail itself is looked at is not the mail's fault.
    let mut connection = connect(server, name).await.map_err(|error| Refusal::Later(error.to_string()))?;
    let sent = connection.send(&envelope, mail.message.as_bytes()).await;
    sent.map_err(|error| {
        if error.is_permanent() {
            Refusal::ForGood(error.to_string())
        } else {
            Refusal::Later(error.to_string())
        }
    })?;
    Ok(connection)
}

async fn connect(server: &SmtpUrl, name: &ClientId) -> Result<AsyncSmtpConnection, SmtpError> {
    let implicit = (server.tls == SmtpTls::Implicit).then(|| tls(server)).transpose()?;
    let address = (server.host.as_str(), server.port);
    let mut connection =
        AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT_TIMEOUT), name, implicit, None).await?;
    // Without STARTTLS at the server this fails where it is required.
    if server.tls == SmtpTls::Required || connection.can_starttls() {
        connection.starttls(tls(server)?, name).await?;
    }
    if let Some((user, password)) = &server.credentials {
        let credentials = Credentials::new(user.clone(), password.clone());
        connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
    }
    Ok(connection)
}

/// What TLS needs. The certificates of the system are read anew each time, since they are renewed while this runs.
fn tls(server: &SmtpUrl) -> Result<TlsParameters, SmtpError> {
    let unchecked = server.tls == SmtpTls::Opportunistic;
    TlsParameters::builder(server.host.clone()).dangerous_accept_invalid_certs(unchecked).build_rustls()
}

/// Writes a mail that may have been written before: it keeps its name, and there is one file of it.
async fn write(folder: &Path, mail: &DueMail) -> Result<(), Refusal> {
    let made = mail.created_at.assume_utc().unix_timestamp();
    let path = folder.join(format!("{made}-{}-{}.eml", mail.id, mail.kind.name()));
    let (file, message) = (path.clone(), mail.message.clone());
    let written = web::block(move || {
        files::make_private_folder_of(&file)?;
        files::write_private(&file, message.as_bytes())
    });
    match written.await {
        Ok(Ok(())) => {
            tracing::info!(file = %path.display(), "a mail was written to a file, because SMTP_URL is not set");
            Ok(())
        }
        Ok(Err(error)) => Err(Refusal::Later(format!("{}: {error}", path.display()))),
        Err(error) => Err(Refusal::Later(error.to_string())),
    }
}

/// The name by which a mail server is greeted: the site's own (RFC 5321 §4.1.1.1).
pub(super) fn greeting(host: Option<url::Host<&str>>) -> ClientId {
    match host {
        Some(url::Host::Domain(name)) => ClientId::Domain(name.to_owned()),
        Some(url::Host::Ipv4(ip)) => ClientId::Ipv4(ip),
        Some(url::Host::Ipv6(ip)) => ClientId::Ipv6(ip),
        None => ClientId::default(),
    }
}
