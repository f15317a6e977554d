//! What the host holds and uses right now: a part of the console that renews itself, and asks for itself alone.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::web::chart::Bar;
use crate::web::error::show;
use crate::web::visitor::{Frame, Visitor};
use crate::web::{PageError, WebState, text};

#[derive(Template)]
#[template(path = "host.html", config = "src/web/askama.toml")]
pub(super) struct Host {
    memory: Bar,
    cpu: Bar,
    cpu_total: String,
    spaces: u64,
    accounts: u64,
    /// Spaces that hold memory.
    awake: usize,
    /// Builds under way, and builds that wait for them to end.
    building: u64,
    waiting: usize,
}

/// `GET /operator/host`
pub(super) async fn part(
    State(state): State<WebState>,
    visitor: Visitor,
) -> Result<Response, PageError> {
    visitor.operator()?;
    Ok(show(&Frame::plain(), &Host::of(&state).await?))
}

// === impl Host ===

impl Host {
    pub(super) async fn of(state: &WebState) -> Result<Self, PageError> {
        let host = state.ledger.host();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
        let busy = state.rates.host(state.ledger.cpu_nanos());
        let holding = state.ledger.accounts();
        let (building, waiting) = state.ledger.builds();
        let (spaces, accounts) = state.store.counts().await?;
        Ok(Self {
            memory: Bar::new(host.used(), host.limit(), text::memory),
            cpu: Bar::new(busy, cores * 1000, |millis| {
                format!("{:.2}", millis as f64 / 1000.0)
            }),
            cpu_total: text::cpu_time(state.ledger.cpu_nanos() / 1_000_000),
            spaces,
            accounts,
            awake: holding.iter().filter(|one| one.memory.used() > 0).count(),
            building,
            waiting,
        })
    }
}
