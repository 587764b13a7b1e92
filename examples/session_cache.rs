//! A cache of sessions with serde: structs as hashes, field by field, and as JSON in one value.
//!
//! Runs against `REDIS_URL`, or against a server on this machine if that is not set.

use std::error::Error;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use steadfast::Client;
use steadfast::api::*;
use steadfast::serde::{Fields, Json, MaybeFields};

/// Kept as a hash: single fields can be read and counted up.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Session {
    user: String,
    visits: u32,
    referrer: Option<String>,
}

/// Kept as JSON: nested, and read and written as a whole.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Cart {
    items: Vec<(String, u32)>,
    coupon: Option<String>,
}

const LIFETIME: Duration = Duration::from_secs(1800);

async fn save(client: &Client, id: &str, session: &Session, cart: &Cart) -> Result<(), steadfast::Error> {
    let key = format!("session:{id}");
    // Both or none, and never a session without an expiry.
    let mut transaction = client.transaction();
    transaction.hset(&key, Fields(session)).queue();
    transaction.expire(&key, LIFETIME).queue();
    transaction.set(format!("cart:{id}"), Json(cart)).ex(LIFETIME).queue();
    transaction.execute().await?.check()
}

async fn load(client: &Client, id: &str) -> Result<Option<(Session, Cart)>, steadfast::Error> {
    let MaybeFields(session) = client.hgetall(format!("session:{id}")).await?;
    // Reading it prolongs it.
    let cart: Option<Json<Cart>> = client.getex(format!("cart:{id}")).ex(LIFETIME).await?;
    Ok(session.zip(cart.map(|Json(cart)| cart)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let client = Client::connect(url).await?;
    let session = Session { user: "alice".to_owned(), visits: 1, referrer: None };
    let cart = Cart { items: vec![("tea".to_owned(), 2)], coupon: None };
    save(&client, "7", &session, &cart).await?;

    client.hincrby("session:7", "visits", 1).await?;
    println!("{:?}", load(&client, "7").await?);
    println!("{:?}", load(&client, "8").await?);
    // What is not a number is an error that says which field, and not what was in it.
    client.hset("session:7", [("visits", "many")]).await?;
    if let Err(error) = load(&client, "7").await {
        println!("{error}");
    }
    client.del(["session:7", "cart:7"]).await?;
    Ok(())
}
