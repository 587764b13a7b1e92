//! One client in the state of a web service: cloned into every handler, with an answer for each way of failing.
//!
//! The handlers have the form that axum and its like want: a state that is cloned, and a response. Runs against `REDIS_URL`
//! if it is set, otherwise against a server inside of this process.

use std::error::Error;
use std::time::Duration;

use steadfast::api::{Connection, Strings};
use steadfast::testing::FakeServer;
use steadfast::{Client, ErrorKind, Fate};

/// Cheap to clone: all clones use one connection. No pool, no mutex.
#[derive(Clone)]
struct AppState {
    redis: Client,
}

/// What a handler answers: a status and a text.
type Response = (u16, String);

/// GET /visits/{page}
async fn visits(state: AppState, page: String) -> Response {
    match state.redis.get::<u64>(format!("visits:{page}")).await {
        Ok(visits) => (200, visits.unwrap_or_default().to_string()),
        Err(error) => failure(&error),
    }
}

/// POST /visits/{page}
async fn visit(state: AppState, page: String) -> Response {
    match state.redis.incr(format!("visits:{page}")).await {
        Ok(visits) => (200, visits.to_string()),
        Err(error) => failure(&error),
    }
}

/// GET /health
async fn health(state: AppState) -> Response {
    match state.redis.ping().deadline(Duration::from_millis(100)).await {
        Ok(()) => (200, "ok".to_owned()),
        Err(error) => failure(&error),
    }
}

/// Whoever asked is told whether to try again: that is known of every error.
fn failure(error: &steadfast::Error) -> Response {
    eprintln!("{error}");
    match (error.kind(), error.fate()) {
        (ErrorKind::Conversion, _) => (500, "not a number".to_owned()),
        (_, fate) if fate.is_safe_to_retry() => (503, "not counted: try again".to_owned()),
        (_, Fate::Unknown) => (504, "perhaps counted".to_owned()),
        _ => (500, "refused".to_owned()),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (server, url) = match std::env::var("REDIS_URL") {
        Ok(url) => (None, url),
        Err(_) => {
            let server = FakeServer::start().await?;
            let url = server.url();
            (Some(server), url)
        }
    };
    // The service starts although Redis may be away: calls wait for it until their deadlines.
    let redis = Client::connect_lazily(&url)?.with_deadline(Duration::from_millis(500));
    let state = AppState { redis };

    let handlers: Vec<_> = (0..100).map(|_| tokio::spawn(visit(state.clone(), "home".to_owned()))).collect();
    for handler in handlers {
        assert_eq!(handler.await?.0, 200);
    }
    println!("{:?}", visits(state.clone(), "home".to_owned()).await);
    println!("{:?}", health(state.clone()).await);
    if let Some(server) = &server {
        server.kill_connections();
    }
    println!("after a cut: {:?}", visits(state.clone(), "home".to_owned()).await);
    // What was begun is answered before the process ends.
    state.redis.close(Duration::from_secs(1)).await;
    Ok(())
}
