//! What the host holds and uses right now, in a part of the page that renews itself and asks for itself alone, and what
//! it used hour by hour.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::{Asked, Tab, TabLink};
use crate::web::chart::Bar;
use crate::web::error::show;
use crate::web::page_request::{Frame, PageRequest};
use crate::web::usage::Usage;
use crate::web::{PageError, WebState, text};

#[derive(Template)]
#[template(path = "operator/gauges.html", config = "src/web/askama.toml")]
struct Host {
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

#[derive(Template)]
#[template(path = "operator/host.html", config = "src/web/askama.toml")]
struct HostPage {
    frame: Frame,
    tabs: Vec<TabLink>,
    host: Host,
    usage: Usage,
}

pub(super) async fn page(
    state: &WebState,
    visitor: &PageRequest,
    asked: &Asked,
) -> Result<Response, PageError> {
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &HostPage {
            tabs: Tab::Host.links(),
            host: Host::of(state).await?,
            usage: Usage::of_host(state, &asked.hours).await?,
            frame,
        },
    ))
}

/// `GET /operator/host`
pub(super) async fn part(
    State(state): State<WebState>,
    visitor: PageRequest,
) -> Result<Response, PageError> {
    visitor.operator()?;
    Ok(show(&Frame::plain(), &Host::of(&state).await?))
}

// === impl Host ===

impl Host {
    async fn of(state: &WebState) -> Result<Self, PageError> {
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
