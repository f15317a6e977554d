//! The one table of routes: what the router is made of, who may call each, and what the document says of it.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{self, MethodRouter};

use super::ApiState;
use super::describe::{Described, Operation};
use crate::domain::RepoKind;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody; the answer holds nothing that is not public.
    Anyone,
    /// Anybody; the answer holds what its asker may see.
    Filtered,
    /// Whoever has an account.
    Account,
    /// Operators.
    Operator,
    /// Admins of the organisation.
    OrganizationAdmin,
    /// Whoever may visit the Space.
    Visitor,
    /// Whoever may read the repository.
    Reader,
    /// Whoever may read the repository; nobody in particular is asked who it is, as git wants it.
    Git,
    /// Whoever has a signed address.
    Signed,
    /// Whoever may change the repository.
    Writer,
}

/// A route.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// `GET`; routes that answer every method alike say `*`.
    pub method: &'static str,
    /// With placeholders, as the router has it.
    pub path: String,
    /// Who may call it.
    pub access: Access,
    /// What it does, in a sentence.
    pub(super) summary: &'static str,
    /// What it takes and answers.
    pub(super) describe: fn(&mut Operation<'_>),
}

/// Routes of which everything is said where they are declared.
#[derive(Default)]
pub(super) struct Routes {
    router: Router<ApiState>,
    endpoints: Vec<Endpoint>,
}

macro_rules! methods {
    ($($name:ident $method:literal),+) => {
        $(
            #[doc = concat!("A route for `", $method, "`. A path with `{kinds}` in it stands for three, of `models`, ")]
            #[doc = "`datasets` and `spaces`; one with `{prefix}` for what stands before the names of each. Their handlers"]
            #[doc = "learn the kind by taking a [`RepoKind`]."]
            pub(super) fn $name<H, T>(
                self,
                path: &str,
                access: Access,
                summary: &'static str,
                handler: H,
            ) -> Self
            where
                H: Handler<T, ApiState> + Described<T>,
                T: 'static,
            {
                let describe = <H as Described<T>>::describe;
                self.add($method, path, access, summary, describe, &routing::$name(handler))
            }
        )+
    };
}

// === impl Routes ===

impl Routes {
    pub(super) fn new() -> Self {
        Self::default()
    }

    methods!(get "GET", head "HEAD", post "POST", put "PUT", delete "DELETE", any "*");

    fn add(
        mut self,
        method: &'static str,
        path: &str,
        access: Access,
        summary: &'static str,
        describe: fn(&mut Operation<'_>),
        handler: &MethodRouter<ApiState>,
    ) -> Self {
        let shared = path.contains("{kinds}") || path.contains("{prefix}");
        let kinds = if shared {
            &RepoKind::ALL[..]
        } else {
            &RepoKind::ALL[..1]
        };
        for kind in kinds {
            let path = path
                .replace("{kinds}", kind.plural())
                .replace("{prefix}", kind.prefix());
            self.router = self.router.route(&path, handler.clone());
            self.endpoints.push(Endpoint {
                method,
                path,
                access,
                summary,
                describe,
            });
        }
        self
    }

    /// These and those.
    pub(super) fn merge(mut self, others: Self) -> Self {
        self.router = self.router.merge(others.router);
        self.endpoints.extend(others.endpoints);
        self
    }

    /// No body of those so far may be larger.
    pub(super) fn with_body_limit(mut self, bytes: usize) -> Self {
        self.router = self.router.layer(DefaultBodyLimit::max(bytes));
        self
    }

    /// What answers.
    pub(super) fn into_router(self) -> Router<ApiState> {
        self.router
    }

    /// What is said of them.
    pub(super) fn into_endpoints(self) -> Vec<Endpoint> {
        self.endpoints
    }
}
