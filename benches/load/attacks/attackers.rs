//! The attacks.

use std::{
    fmt,
    net::Ipv4Addr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    runtime::{Builder, Runtime},
};

use crate::server::raise_open_files;

/// The address that attacks come from.
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 66, 6);

/// Part of a password that the estimate of its strength takes long for, five times over.
const COSTLY: &str = "4@8({[<369|!1/|0$5+7%2";

/// The pause between two bytes of a slow client.
const PAUSE: Duration = Duration::from_secs(2);

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

/// What one client does to the site.
#[derive(Debug, Clone, Copy)]
pub enum Attack {
    /// Nothing, to compare with.
    None,
    /// Registers with a password whose strength is costly to judge, on 4 connections.
    CostlyPasswords,
    /// Sends many requests and reads no answer, on 2,000 connections.
    Unread,
    /// Sends a byte every two seconds of a second head, on 2,000 connections.
    SlowHeads,
    /// Sends a chunk every two seconds of a body, on 2,000 connections.
    SlowBodies,
    /// Signs in with a wrong password, on 256 connections.
    WrongSignIns,
}

/// All attacks, in the order of the table.
pub const ATTACKS: [Attack; 6] = [
    Attack::None,
    Attack::CostlyPasswords,
    Attack::Unread,
    Attack::SlowHeads,
    Attack::SlowBodies,
    Attack::WrongSignIns,
];

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::CostlyPasswords => "4 × registering with a costly password",
            Self::Unread => "2,000 × requests whose answers nobody reads",
            Self::SlowHeads => "2,000 × a second head, a byte every 2 s",
            Self::SlowBodies => "2,000 × a body in chunks, one every 2 s",
            Self::WrongSignIns => "256 × wrong sign-ins",
        })
    }
}

impl Attack {
    fn connections(self) -> usize {
        match self {
            Self::None => 0,
            Self::CostlyPasswords => 4,
            Self::Unread | Self::SlowHeads | Self::SlowBodies => 2_000,
            Self::WrongSignIns => 256,
        }
    }

    /// One connection's part, until the server closes it.
    async fn once(self, port: u16, number: usize) -> std::io::Result<()> {
        let mut stream = connect(port).await?;
        let head = |method: &str| format!("{method} /login HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n");
        match self {
            Self::None => Ok(()),
            Self::CostlyPasswords => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
                let email = format!("mallory{number}-{now}@example.org");
                let password = COSTLY.repeat(5);
                let fields = [
                    ("name", "Mallory"),
                    ("email", &email),
                    ("password", &password),
                    ("password_confirmation", &password),
                ];
                ask(&mut stream, port, "/register", &fields).await
            }
            Self::Unread => {
                let pipeline = format!("{}\r\n", head("GET")).repeat(4_500);
                loop {
                    stream.write_all(pipeline.as_bytes()).await?;
                }
            }
            Self::SlowHeads => {
                let begin = format!("{}\r\nG", head("GET"));
                trickle(stream, &begin, "a").await
            }
            Self::SlowBodies => {
                let begin = format!("{}Transfer-Encoding: chunked\r\n{FORM}\r\n", head("POST"));
                trickle(stream, &begin, "1\r\na\r\n").await
            }
            Self::WrongSignIns => {
                let fields = [
                    ("email", "visitor000000@example.org"),
                    ("password", "wrong-every-time-1"),
                    ("next", ""),
                ];
                ask(&mut stream, port, "/login", &fields).await
            }
        }
    }
}

/// Attackers at work on a thread of their own, so that what they do does not hold up those who are measured.
pub struct Attackers(Runtime);

impl Attackers {
    /// Starts an attack. Connections that the server closes are opened again.
    pub fn start(port: u16, attack: Attack) -> Result<Self> {
        raise_open_files(attack.connections())?;
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        for number in 0..attack.connections() {
            runtime.spawn(async move {
                loop {
                    let refused = attack.once(port, number).await.is_err();
                    tokio::time::sleep(Duration::from_millis(if refused { 500 } else { 0 })).await;
                }
            });
        }
        Ok(Self(runtime))
    }

    /// Ends the attack and closes its connections.
    pub fn stop(self) {
        self.0.shutdown_background();
    }
}

async fn connect(port: u16) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((ATTACKER, 0).into())?;
    socket.connect((Ipv4Addr::LOCALHOST, port).into()).await
}

/// Posts a form and takes in the answer, whatever it is.
async fn ask(stream: &mut TcpStream, port: u16, path: &str, fields: &[(&str, &str)]) -> std::io::Result<()> {
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{FORM}Content-Length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).await?;
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(())
}

/// Sends the beginning, and then a piece every two seconds until the server closes the connection.
async fn trickle(stream: TcpStream, begin: &str, piece: &str) -> std::io::Result<()> {
    let (mut reader, mut writer) = stream.into_split();
    writer.write_all(begin.as_bytes()).await?;
    let writing = async {
        loop {
            tokio::time::sleep(PAUSE).await;
            writer.write_all(piece.as_bytes()).await?;
        }
    };
    tokio::select! {
        result = async { reader.read_to_end(&mut Vec::new()).await.map(drop) } => result,
        result = writing => result,
    }
}
