//! A leaderboard of three places, by transactions that look before they write: whoever has more points than the last
//! one takes its place, and nobody is ever a fourth one, however many play at once.
//!
//! Runs against `REDIS_URL` if it is set, otherwise against a server inside of this process.

use std::error::Error;

use steadfast::Client;
use steadfast::api::{Keys, SortedSets};
use steadfast::testing::FakeServer;

const BOARD: &str = "example:leaderboard";
const PLACES: u64 = 3;

/// Puts a player on the board who has enough points. Whether that is so.
async fn enter(client: Client, player: String, points: u32) -> Result<bool, steadfast::Error> {
    // The board is watched: if it changes before the transaction is executed, this begins anew. `async move`, so that
    // it can run in a task of its own.
    let entered = client.optimistic(BOARD).run(async move |connection, transaction| {
        let board: Vec<(String, f64)> = connection.zrange(BOARD, 0, -1).withscores().await?;
        if board.len() as u64 >= PLACES {
            match board.first() {
                Some((_, lowest)) if f64::from(points) <= *lowest => return Ok(false),
                Some((last, _)) => drop(transaction.zrem(BOARD, last.as_str()).queue()),
                None => {}
            }
        }
        let _ = transaction.zadd(BOARD, (points, player.as_str())).queue();
        Ok(true)
    });
    let (is_on_it, results) = entered.await?;
    results.check()?;
    Ok(is_on_it)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_server, url) = match std::env::var("REDIS_URL") {
        Ok(url) => (None, url),
        Err(_) => {
            let server = FakeServer::start().await?;
            let url = server.url();
            (Some(server), url)
        }
    };
    let client = Client::connect(&url).await?;
    client.del(BOARD).await?;

    let tasks: Vec<_> = (1..=16)
        .map(|number| tokio::spawn(enter(client.clone(), format!("player {number}"), 10 * (number * 7 % 17))))
        .collect();
    let mut entered = 0;
    for task in tasks {
        entered += usize::from(task.await??);
    }
    let board: Vec<(String, f64)> = client.zrange(BOARD, 0, -1).withscores().await?;
    println!("{entered} were on the board for a while; now it is");
    for (player, points) in board.iter().rev() {
        println!("{points:>4} {player}");
    }
    assert_eq!(board.iter().map(|(_, points)| *points).collect::<Vec<_>>(), [140.0, 150.0, 160.0]);
    Ok(())
}
