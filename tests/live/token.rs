//! A provider of credentials that does on command what providers do.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use steadfast::{BoxFuture, Credentials, CredentialsError, CredentialsProvider};
use tokio::sync::watch;

/// Gives one user's password, which can be renewed.
pub(crate) struct Token {
    user: &'static str,
    password: Mutex<String>,
    /// What the next askings do in place of giving the password, the last one first.
    moods: Mutex<Vec<Mood>>,
    asked: AtomicUsize,
    dropped: Arc<AtomicUsize>,
    renewed: watch::Sender<()>,
}

/// What a provider may do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mood {
    Fails,
    Panics,
    /// Panics before there is a future.
    PanicsAtOnce,
    NeverAnswers,
}

impl Token {
    pub(crate) fn new(user: &'static str, password: &str) -> Arc<Self> {
        Arc::new(Self {
            user,
            password: Mutex::new(password.to_owned()),
            moods: Mutex::default(),
            asked: AtomicUsize::new(0),
            dropped: Arc::default(),
            renewed: watch::Sender::new(()),
        })
    }

    /// Gives another password from now on, and says so to nobody.
    pub(crate) fn set(&self, password: &str) {
        password.clone_into(&mut self.password.lock().unwrap());
    }

    /// Says that there is another password.
    pub(crate) fn push(&self) {
        self.renewed.send_replace(());
    }

    /// What the next askings do, in their order.
    pub(crate) fn next(&self, moods: impl IntoIterator<Item = Mood>) {
        let mut moods: Vec<_> = moods.into_iter().collect();
        moods.reverse();
        *self.moods.lock().unwrap() = moods;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// How many futures that never answer were dropped.
    pub(crate) fn dropped(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }
}

impl CredentialsProvider for Token {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CredentialsError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mood = self.moods.lock().unwrap().pop();
        if let Some(Mood::PanicsAtOnce) = mood {
            panic!("the provider panics at once");
        }
        Box::pin(async move {
            // As if it came from elsewhere.
            tokio::task::yield_now().await;
            match mood {
                None => Ok(Credentials::user(self.user, &**self.password.lock().unwrap())),
                Some(Mood::Fails) => Err(CredentialsError::new("the vault is sealed")),
                Some(Mood::Panics | Mood::PanicsAtOnce) => panic!("the provider panics"),
                Some(Mood::NeverAnswers) => {
                    let _counted = CountsDrop(Arc::clone(&self.dropped));
                    std::future::pending().await
                }
            }
        })
    }

    fn changes(&self) -> Option<watch::Receiver<()>> {
        Some(self.renewed.subscribe())
    }
}

struct CountsDrop(Arc<AtomicUsize>);

impl Drop for CountsDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
