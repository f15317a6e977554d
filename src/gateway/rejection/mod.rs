//! Why a visitor gets our answer instead of the Space's.

use std::borrow::Cow;
use std::time::Duration;

use http::StatusCode;

use crate::domain::{Stage, about};
use crate::routes::{Entry, Refusal, Route};

mod back;
mod pages;

pub(super) use back::ErrorPageContext;
pub(super) use pages::Caller;

/// Each has one status and one sentence for the visitor.
#[derive(Debug)]
pub(super) enum Rejection {
    /// No Space is there, or none that this visitor may know of.
    NotFound,
    /// The request is for another server.
    Misdirected,
    /// The request can be read in two ways.
    Ambiguous(&'static str),
    /// `CONNECT` and `TRACE` are for other kinds of servers.
    Method,
    /// The path form must not install what outlives its page.
    ServiceWorker,
    /// A WebSocket to a Space that has none: a static one, or one of WebAssembly.
    Upgrade,
    /// The body is larger than `gateway.body_bytes`.
    TooLarge,
    /// The body came so slowly that others waited for its place.
    TooSlow,
    /// Too many visits under way, and the queue is full or too slow.
    Full,
    /// Too many of this visitor's own are under way or wait.
    TooMany,
    /// This visitor has asked too often, by that time.
    TooFast(Duration),
    /// It did not wake in the time that this visitor was to wait.
    Waking(Progress),
    /// It sleeps, and this request is none to wake it for.
    Asleep,
    /// It will not answer until its owner does something.
    Refused(Refusal),
    /// It did not accept the request, or not answer in HTTP.
    Unreachable,
    /// It did not answer in time.
    Late,
    /// Something of ours that the log knows more of.
    Ours,
}

/// How far a Space is on its way to answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Waking,
    Building,
    Starting,
    /// The host is full, and it has that place in the queue.
    Queued(usize),
    /// There is no room for it.
    Blocked,
}

/// One of a Space's two logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogKind {
    /// What its newest build printed.
    Build,
    /// What its instances print.
    Run,
}

// === impl Progress ===

impl Progress {
    pub(super) fn of(route: &Route) -> Self {
        match route {
            Route::Asleep => Self::Waking,
            Route::Building => Self::Building,
            Route::Queued { place } => Self::Queued(*place),
            Route::Blocked { .. } => Self::Blocked,
            _ => Self::Starting,
        }
    }

    /// A word or two.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Waking => "Waking up",
            Self::Building => "Building",
            Self::Starting => "Starting",
            Self::Queued(_) | Self::Blocked => "Waiting for room",
        }
    }

    /// One sentence.
    pub(super) fn message(self) -> Cow<'static, str> {
        match self {
            Self::Waking => "This Space is waking up.".into(),
            Self::Building => "This Space is being built. This can take a few minutes.".into(),
            Self::Starting => "This Space is starting.".into(),
            Self::Blocked => {
                "There is no room for this Space right now. It starts as soon as there is; try again in a moment.".into()
            }
            Self::Queued(place) => format!(
                "This server is full. The Space is number {place} in the queue and starts as soon as there is room."
            )
            .into(),
        }
    }

    /// How long that takes as a rule, in a sentence; empty while nobody knows.
    pub(super) fn usual(self, space: &Entry) -> String {
        let (what, time) = match self {
            Self::Building => ("build", space.builds.get()),
            _ => ("start", space.starts.get()),
        };
        time.map_or_else(String::new, |time| {
            format!("A {what} usually takes {}.", about(time))
        })
    }

    /// The log in which its author sees how it goes on.
    pub(super) fn log(self) -> LogKind {
        match self {
            Self::Building => LogKind::Build,
            _ => LogKind::Run,
        }
    }
}

// === impl LogKind ===

impl LogKind {
    /// As the hub's pages name it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Run => "run",
        }
    }
}

// === impl Rejection ===

impl Rejection {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Ambiguous(_) => StatusCode::BAD_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::ServiceWorker => StatusCode::FORBIDDEN,
            Self::Upgrade => StatusCode::NOT_IMPLEMENTED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooMany | Self::TooFast(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Full | Self::Waking(_) | Self::Asleep | Self::Refused(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Unreachable => StatusCode::BAD_GATEWAY,
            Self::Late => StatusCode::GATEWAY_TIMEOUT,
            Self::Ours => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether it is told only to those who may visit the Space.
    pub(super) fn is_of_a_space(&self) -> bool {
        matches!(
            self,
            Self::Upgrade
                | Self::TooSlow
                | Self::Full
                | Self::TooMany
                | Self::TooFast(_)
                | Self::Waking(_)
                | Self::Asleep
                | Self::Refused(_)
                | Self::Unreachable
                | Self::Late
        )
    }

    /// The log in which its author sees how it goes on, or why it does not.
    pub(super) fn log(&self) -> Option<LogKind> {
        match self {
            Self::Waking(progress) => Some(progress.log()),
            Self::Refused(refusal) => match refusal.stage {
                Stage::NoAppFile | Stage::ConfigError | Stage::BuildError => Some(LogKind::Build),
                Stage::RuntimeError => Some(LogKind::Run),
                _ => None,
            },
            Self::Unreachable | Self::Late => Some(LogKind::Run),
            _ => None,
        }
    }

    /// A few words for people.
    pub(super) fn title(&self) -> &'static str {
        match self {
            Self::NotFound => "Space not found",
            Self::Refused(refusal) if refusal.stage == Stage::Paused => "Paused",
            Self::Refused(_) => "Not available",
            Self::Unreachable => "The demo did not respond",
            Self::Late => "The demo took too long",
            Self::Full | Self::TooMany | Self::TooFast(_) => "Too many requests",
            Self::Asleep => "Asleep",
            Self::Ours => "Server error",
            other => other.status().canonical_reason().unwrap_or("Error"),
        }
    }

    /// What has happened, and what the visitor can do about it.
    pub(super) fn message(&self) -> Cow<'_, str> {
        let text = match self {
            Self::NotFound => "There is no Space at this address.",
            Self::Misdirected => {
                "This server is not configured for that host name. Use the address it printed when it started; its \
                 operator can change it with `domain` and `public_url`."
            }
            Self::Ambiguous(why) => why,
            Self::Method => "Spaces do not accept this HTTP method.",
            Self::ServiceWorker => {
                "Service workers cannot be registered under /run/; use the Space's own address."
            }
            Self::Upgrade => {
                "WebSockets are not available for this Space; use plain HTTP or server-sent events."
            }
            Self::TooLarge => "The request body is larger than this server allows.",
            Self::TooSlow => {
                "The request body arrived too slowly while others were waiting for this Space; try again in a moment."
            }
            Self::Full => "This Space has too many visitors right now; try again in a moment.",
            Self::TooMany => {
                "You have too many requests in progress at this Space. Wait until some of them have finished."
            }
            Self::TooFast(_) => "You are sending requests to this Space too fast. Wait a moment.",
            Self::Waking(progress) => return progress.message(),
            Self::Asleep => "This Space is asleep. Open its page to wake it.",
            Self::Refused(refusal) => &refusal.message,
            Self::Unreachable => "This Space did not respond properly. Try again in a moment.",
            Self::Late => "This Space took too long to respond.",
            Self::Ours => "Something went wrong on this server; try again in a moment.",
        };
        Cow::Borrowed(text)
    }

    /// Seconds after which trying again makes sense without anybody doing something.
    pub(super) fn retry_after(&self) -> Option<u32> {
        match self {
            Self::TooSlow | Self::Full | Self::TooMany | Self::Unreachable => Some(1),
            Self::TooFast(early) => {
                Some(u32::try_from(early.as_millis().div_ceil(1000)).unwrap_or(u32::MAX))
            }
            Self::Waking(Progress::Queued(_)) => Some(5),
            Self::Waking(Progress::Blocked) => Some(10),
            Self::Waking(_) => Some(2),
            Self::Asleep => Some(30),
            Self::Ours => Some(5),
            _ => None,
        }
    }
}
