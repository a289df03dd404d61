//! Tells when the HTTP library has connected: the bound on a response counts from there, not from the look-up of the name.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

tokio::task_local! {
    static CONNECTING: Connecting;
}

/// What is known of the connection of one request.
#[derive(Debug, Clone, Default)]
pub(super) struct Connecting(Arc<Mutex<State>>);

#[derive(Debug, Clone, Copy, Default)]
enum State {
    /// A connection of the pool serves, as far as is known.
    #[default]
    NotBegun,
    Begun,
    Ended(Instant),
}

impl Connecting {
    /// Runs a request and learns of its connection.
    pub(super) fn watching<F: Future>(&self, request: F) -> impl Future<Output = F::Output> {
        CONNECTING.scope(self.clone(), request)
    }

    /// Whether a new connection was asked for.
    pub(super) fn began(&self) -> bool {
        !matches!(self.state(), State::NotBegun)
    }

    /// When the new connection stood, TLS included.
    pub(super) fn ended(&self) -> Option<Instant> {
        match self.state() {
            State::Ended(at) => Some(at),
            _ => None,
        }
    }

    fn state(&self) -> State {
        self.0.lock().map(|state| *state).unwrap_or_default()
    }
}

/// Notes for the request that is being polled. A connection that is finished in the background belongs to none.
fn note(state: State) {
    let noted = CONNECTING.try_with(|connecting| connecting.0.lock().map(|mut known| *known = state).is_ok());
    debug_assert!(noted.unwrap_or(true), "nothing panics while it holds the lock");
}

/// Lays a watch over the library's connector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch;

impl<S> Layer<S> for Watch {
    type Service = Watched<S>;

    fn layer(&self, inner: S) -> Watched<S> {
        Watched(inner)
    }
}

/// A connector that is watched.
#[derive(Debug, Clone)]
pub(super) struct Watched<S>(S);

impl<S, R> Service<R> for Watched<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
    S::Response: 'static,
    S::Error: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let connecting = self.0.call(request);
        Box::pin(async move {
            note(State::Begun);
            let connected = connecting.await;
            note(State::Ended(Instant::now()));
            connected
        })
    }
}
