//! Who may visit a Space.

use http::HeaderMap;

use super::trouble::Trouble;
use crate::auth::{Action, Auth, AuthError};
use crate::domain::{Belonging, SpaceId, Visibility};
use crate::routes::EntrySettings;

/// Lets a visitor in, or says what is said of a Space that does not exist. Nothing is looked up for a Space that is
/// open to all.
pub(super) async fn check(
    auth: &Auth,
    id: SpaceId,
    settings: &EntrySettings,
    headers: &HeaderMap,
) -> Result<(), Trouble> {
    if settings.visibility != Visibility::Private {
        return Ok(());
    }
    match auth.authenticate_visitor(headers).await {
        Ok(visitor) if visitor.may(Action::Visit, belonging(id, settings)) => Ok(()),
        Ok(_) | Err(AuthError::BadToken) => Err(Trouble::NotFound),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                space = %settings.name,
                "cannot tell who visits {}", settings.name
            );
            Err(Trouble::Ours)
        }
    }
}

/// Whose a Space is, and who sees it, from what the gateway knows of it.
pub(super) fn belonging(id: SpaceId, settings: &EntrySettings) -> Belonging {
    Belonging {
        id: id.into(),
        owner: settings.owner,
        visibility: settings.visibility,
    }
}
