//! Giving a Space another name, perhaps under another owner.

use crate::domain::{RepoKind, RepoName, Repository};
use crate::lifecycle::LifecycleError;
use crate::store::Actor;
use crate::web::form::Fields;
use crate::web::page_request::PageRequest;
use crate::web::space::Found;
use crate::web::{PageError, WebState};

/// Renames it; its new name.
///
/// # Errors
/// `BadRequest` with what is wrong with the name, or in its way.
pub(super) async fn rename(
    state: &WebState,
    visitor: &PageRequest,
    found: &Found,
    fields: &Fields,
) -> Result<RepoName, PageError> {
    let bad = |text: String| Err(PageError::BadRequest(text));
    let (_, account) = visitor.signed_in()?;
    let space = &found.space;
    let name = format!("{}/{}", fields.get("owner"), fields.get("name"));
    let name: RepoName = match name.parse() {
        Ok(name) => name,
        Err(error) => return bad(format!("That is not a valid name: {error}.")),
    };
    if name == space.name {
        return bad("The Space already has that name.".to_owned());
    }
    let owner = match state.account_named(name.owner.as_str()).await? {
        Some(owner) if owner.id == space.owner || visitor.principal.may_create(&name.owner) => {
            owner
        }
        _ => return bad(format!("You may not create Spaces under {}.", name.owner)),
    };
    // Not before: what is there under other names is not told.
    let taken = "Another Space already has that name or the same address.";
    let known = state
        .store
        .repository_by_name(RepoKind::Space, &name)
        .await?;
    if known.is_some_and(|known| known.id != space.id.into()) {
        return bad(taken.to_owned());
    }
    // As its owner writes it.
    let name = RepoName {
        owner: owner.name.clone(),
        name: name.name,
    };
    let repository = Repository::from(space);
    let id = repository.id;
    let renamed = state.lifecycle.rename(
        repository,
        owner.id,
        name.clone(),
        Actor::Account(account.id),
    );
    match renamed.await {
        Err(LifecycleError::Taken { .. }) => return bad(taken.to_owned()),
        renamed => renamed?,
    }
    if owner.id != space.owner && owner.id != account.id {
        // Contributors to an organisation may change what they have brought there.
        state.store.set_creator(id, account.id).await?;
    }
    Ok(name)
}
