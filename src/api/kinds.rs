//! Routes that Spaces, models and datasets share: written once, registered for each kind.

use axum::Router;
use axum::routing::MethodRouter;

use super::ApiState;
use crate::domain::RepoKind;

/// Registers a route for every kind of repository.
pub(super) trait EachKind {
    /// `{kinds}` in the path becomes `models`, `datasets` and `spaces`; `{prefix}` what stands before the names of
    /// repositories of that kind. Handlers learn the kind by taking a [`RepoKind`].
    fn each_kind(self, path: &str, method: MethodRouter<ApiState>) -> Self;
}

impl EachKind for Router<ApiState> {
    fn each_kind(self, path: &str, method: MethodRouter<ApiState>) -> Self {
        let one = |router: Self, kind| router.route(&path_of(path, kind), method.clone());
        RepoKind::ALL.into_iter().fold(self, one)
    }
}

/// The path of a shared route for one kind.
pub(super) fn path_of(path: &str, kind: RepoKind) -> String {
    path.replace("{kinds}", kind.plural())
        .replace("{prefix}", kind.prefix())
}
