//! All keys of a kind, page by page: looked at as a stream, and deleted in pipelines of a page each.
//!
//! Runs against `REDIS_URL`, or against a server on this machine if that is not set.

use std::error::Error;

use steadfast::Client;
use steadfast::api::{Hashes, Keys, Strings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let client = Client::connect(url).await?;
    let mut pipeline = client.pipeline();
    for number in 0..1000 {
        pipeline.set(format!("draft:{number}"), number).queue();
    }
    pipeline.hset("sizes", [("small", 1), ("large", 2)]).queue();
    pipeline.execute().await.check()?;

    // Item by item. `count` says how many keys the server looks at for one page, so how often it is asked.
    let (mut keys, mut found) = (client.scan::<String>().matching("draft:*").count(200).stream(), 0);
    while let Some(key) = keys.next().await {
        found += usize::from(key?.starts_with("draft:"));
    }
    // A key can come twice, if the server grows its table meanwhile.
    println!("at least {found} drafts");

    // The same of one hash, set or sorted set.
    let mut fields = client.hscan::<String, i64>("sizes").stream();
    while let Some(field) = fields.next().await {
        println!("{:?}", field?);
    }

    // Page by page, where what is done costs a round trip itself.
    let (mut cursor, mut deleted) = (0, 0);
    loop {
        let page = client.scan::<String>().cursor(cursor).matching("draft:*").count(200).await?;
        if !page.items.is_empty() {
            deleted += client.unlink(&page.items).await?;
        }
        cursor = page.cursor;
        if cursor == 0 {
            break;
        }
    }
    println!("deleted {deleted}");
    Ok(())
}
