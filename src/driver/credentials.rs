//! Asks a user's provider for credentials, and listens for its changes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::watch;

use super::provider::CredentialsProvider;
use crate::connection::Credentials;
use crate::outcome::Cause;
use crate::transport::unless_it_panics;

/// What a provider is asked for on behalf of one link, where it has one.
#[derive(Default)]
pub(super) struct Asking {
    provider: Option<Arc<dyn CredentialsProvider>>,
    answer: Option<Running<Result<Credentials, Cause>>>,
    change: Option<Running<Option<watch::Receiver<()>>>>,
}

type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Asking {
    pub(super) fn new(provider: Option<Arc<dyn CredentialsProvider>>) -> Self {
        let change = provider.as_ref().and_then(|provider| provider.changes()).map(next_change);
        Self { provider, answer: None, change }
    }

    /// Asks; what was asked for before is forgotten.
    pub(super) fn begin(&mut self) {
        self.answer = self.provider.clone().map(ask);
    }

    /// Nobody waits for an answer any more.
    pub(super) fn forget(&mut self) {
        self.answer = None;
    }

    /// The answer to what was asked last.
    pub(super) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Credentials, Cause>> {
        let Some(answer) = &mut self.answer else { return Poll::Pending };
        let answer = ready!(answer.as_mut().poll(cx));
        self.answer = None;
        Poll::Ready(answer)
    }

    /// Ready when the credentials have changed since the last time it was.
    pub(super) fn poll_change(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(change) = &mut self.change else { return Poll::Pending };
        let still_open = ready!(change.as_mut().poll(cx));
        let changed = still_open.is_some();
        self.change = still_open.map(next_change);
        if changed { Poll::Ready(()) } else { Poll::Pending }
    }
}

fn ask(provider: Arc<dyn CredentialsProvider>) -> Running<Result<Credentials, Cause>> {
    Box::pin(async move {
        let answer = unless_it_panics(|| provider.credentials()).await?;
        answer.map_err(|error| Cause::Credentials { detail: error.detail() })
    })
}

/// Gives the receiver back with the next change; `None` when there will be none.
fn next_change(mut receiver: watch::Receiver<()>) -> Running<Option<watch::Receiver<()>>> {
    Box::pin(async move {
        let changed = receiver.changed().await;
        changed.is_ok().then_some(receiver)
    })
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Waker;

    use super::*;
    use crate::driver::CredentialsError;
    use crate::transport::BoxFuture;

    struct Changing(watch::Sender<()>);

    impl CredentialsProvider for Changing {
        fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CredentialsError>> {
            Box::pin(async { Ok(Credentials::password("pw")) })
        }

        fn changes(&self) -> Option<watch::Receiver<()>> {
            Some(self.0.subscribe())
        }
    }

    fn asked(provider: impl CredentialsProvider) -> Asking {
        let mut asking = Asking::new(Some(Arc::new(provider)));
        asking.begin();
        asking
    }

    #[tokio::test]
    async fn a_closure_is_a_provider_and_its_failures_are_causes() {
        let mut asking = asked(|| async { Ok(Credentials::user("app", "pw")) });
        let given = poll_fn(|cx| asking.poll_answer(cx)).await.unwrap();
        assert_eq!((given.username(), given.secret().expose()), (Some("app"), &b"pw"[..]));
        let mut asking = asked(|| async { Err(CredentialsError::new("sealed")) });
        let cause = poll_fn(|cx| asking.poll_answer(cx)).await.unwrap_err();
        assert_eq!(cause, Cause::Credentials { detail: "sealed".into() });
    }

    #[tokio::test]
    async fn a_panic_is_a_cause_wherever_it_comes() {
        fn started() -> BoxFuture<'static, Result<Credentials, CredentialsError>> {
            panic!("before there is a future")
        }
        let mut asking = asked(started);
        assert_eq!(poll_fn(|cx| asking.poll_answer(cx)).await.unwrap_err(), Cause::Panicked);
        let mut asking = asked(|| async { panic!("in the future") });
        assert_eq!(poll_fn(|cx| asking.poll_answer(cx)).await.unwrap_err(), Cause::Panicked);
        asking.begin();
        assert_eq!(poll_fn(|cx| asking.poll_answer(cx)).await.unwrap_err(), Cause::Panicked, "it is asked again");
    }

    #[test]
    fn who_asks_again_does_not_get_the_answer_of_before() {
        let asked_before = std::sync::atomic::AtomicBool::new(false);
        let mut asking = asked(move || {
            let is_first = !asked_before.swap(true, std::sync::atomic::Ordering::Relaxed);
            async move { if is_first { std::future::pending().await } else { Ok(Credentials::password("pw")) } }
        });
        let answer = |asking: &mut Asking| asking.poll_answer(&mut Context::from_waker(Waker::noop())).is_ready();
        assert!(!answer(&mut asking));
        asking.begin();
        assert!(answer(&mut asking) && !answer(&mut asking));
        asking.begin();
        asking.forget();
        assert!(!answer(&mut asking));
    }

    #[test]
    fn changes_in_a_row_are_one_and_a_provider_that_is_gone_changes_no_more() {
        let (sender, _) = watch::channel(());
        let mut asking = asked(Changing(sender.clone()));
        let mut changed = || asking.poll_change(&mut Context::from_waker(Waker::noop())).is_ready();
        assert!(!changed());
        sender.send_replace(());
        sender.send_replace(());
        assert!(changed() && !changed());
        sender.send_replace(());
        assert!(changed() && !changed());
        asking.forget();
        drop(asking.provider.take());
        drop(sender);
        assert!(asking.poll_change(&mut Context::from_waker(Waker::noop())).is_pending());
        assert!(asking.change.is_none());
    }
}
