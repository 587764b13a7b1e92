//! Connections that are not made.

use std::{
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

use tokio::time::{sleep, timeout};

use super::{
    Stage,
    load::{NO_PANIC, get_once, until_answered},
    report::{Cell, Report, quoted, time},
};
use crate::{
    clients::fault_client::{FaultClient, Login, Scheme, Site},
    server::Server,
};

pub(super) async fn tls_silence<C: FaultClient>(stage: &Stage) -> Result<Cell, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
    let port = listener.local_addr().map_err(|error| error.to_string())?.port();
    thread::spawn(move || {
        // Taken and kept open.
        let _connections: Vec<_> = listener.incoming().collect();
    });
    let bound = stage.pace.connecting();
    let begin = Instant::now();
    let site = Site { scheme: Scheme::Tls, ..Site::local(port) };
    let connect = tokio::spawn(timeout(bound, async move { C::connect(site).await.err() }));
    let words = match connect.await.expect(NO_PANIC) {
        Ok(Some(words)) => format!("{}: {}", time(begin.elapsed()), quoted(&words)),
        Ok(None) => "**connects**".to_owned(),
        Err(_) => format!("not back after {}", time(bound)),
    };
    Ok(Cell::new(words))
}

/// The password changes, the connection is lost, and the password is changed back.
pub(super) async fn password<C: FaultClient>(stage: &Stage) -> Result<Cell, String> {
    let server = stage.server()?;
    let failed = |error: std::io::Error| error.to_string();
    set_password(&server, LOGIN.password).map_err(failed)?;
    let client = C::connect(Site { login: Some(LOGIN), ..Site::local(server.port) }).await?;
    if until_answered(&client, stage.pace.recovery()).await.is_none() {
        return Err("no answer with the right password".into());
    }
    set_password(&server, "another").map_err(failed)?;
    server.command(&[b"CLIENT", b"KILL", b"USER", LOGIN.username.as_bytes()]).map_err(failed)?;
    let mut report = Report::default();
    let end = Instant::now() + stage.pace.wrong_password();
    while Instant::now() < end {
        get_once(&client, &mut report).await;
        sleep(BETWEEN_CALLS).await;
    }
    set_password(&server, LOGIN.password).map_err(failed)?;
    let bound = stage.pace.recovery();
    let healed = until_answered(&client, bound).await;
    let healed = healed.map_or(format!("**dead** for {}", time(bound)), |after| format!("heals after {}", time(after)));
    let words = format!("{healed}; meanwhile {}, {}", report.slowest_in_words(), report.usual_error());
    Ok(report.into_cell(words))
}

fn set_password(server: &Server, password: &str) -> std::io::Result<()> {
    let password = format!(">{password}");
    let user = LOGIN.username.as_bytes();
    server.command(&[b"ACL", b"SETUSER", user, b"on", b"resetpass", password.as_bytes(), b"~*", b"+@all"]).map(drop)
}

const LOGIN: Login = Login { username: "app", password: "right" };
const BETWEEN_CALLS: Duration = Duration::from_millis(50);
