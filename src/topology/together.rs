//! Several futures at once, polled by the task that waits for them.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// A future in a place of its own.
pub(super) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Several things to wait for, of which some may come to nothing.
pub(super) type Futures<'a, T> = Vec<Boxed<'a, T>>;

/// What comes of the first that is ready, which is taken out. Without any, it never is.
///
/// Can be dropped.
pub(super) async fn first<T>(futures: &mut Futures<'_, T>) -> T {
    poll_fn(|cx| {
        for place in 0..futures.len() {
            if let Some(Poll::Ready(output)) = futures.get_mut(place).map(|future| future.as_mut().poll(cx)) {
                drop(futures.swap_remove(place));
                return Poll::Ready(output);
            }
        }
        Poll::Pending
    })
    .await
}

/// What comes of all of them, in their order. All are begun before one is waited for, also in their order.
///
/// Can be dropped.
pub(super) async fn all<T>(mut futures: Futures<'_, T>) -> Vec<T> {
    let mut outputs: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|cx| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none() {
                if let Poll::Ready(ready) = future.as_mut().poll(cx) {
                    *output = Some(ready);
                }
            }
        }
        if outputs.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

/// Until both are ready.
pub(super) async fn both<A: Future, B: Future>(one: A, other: B) -> (A::Output, B::Output) {
    let (mut one, mut other) = (std::pin::pin!(one), std::pin::pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(|cx| {
        if first.is_none() {
            first = ready(one.as_mut().poll(cx));
        }
        if second.is_none() {
            second = ready(other.as_mut().poll(cx));
        }
        match (first.take(), second.take()) {
            (Some(one), Some(other)) => Poll::Ready((one, other)),
            (one, other) => {
                (first, second) = (one, other);
                Poll::Pending
            }
        }
    })
    .await
}

fn ready<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
