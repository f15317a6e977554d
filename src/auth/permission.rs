//! What a principal may do.

use super::Principal;
use crate::domain::{AccountId, Owner, Role, Scope, Space, Visibility};

/// What somebody wants of a Space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Read its source and learn about it.
    See,
    /// Use the demo.
    Visit,
    /// Publish to it and read its logs.
    Write,
    /// Change its settings, pause it, remove it.
    Administer,
}

/// Whether the principal may do that to the Space.
pub fn may(principal: &Principal, action: Action, space: &Space) -> bool {
    principal.may(action, space.owner, space.visibility)
}

// === impl Principal ===

impl Principal {
    /// Whether it may do that to a Space of that owner and visibility: [`may`] for who knows no more of it, as the
    /// gateway does.
    pub fn may(&self, action: Action, owner: AccountId, visibility: Visibility) -> bool {
        let open = match action {
            Action::See => visibility == Visibility::Public,
            Action::Visit => visibility != Visibility::Private,
            Action::Write | Action::Administer => false,
        };
        open || self.holds(action, owner)
    }

    /// Whether it may create a Space under that name.
    pub fn may_create(&self, owner: &Owner) -> bool {
        let own = self
            .account
            .as_ref()
            .is_some_and(|account| account.name.as_str().eq_ignore_ascii_case(owner.as_str()));
        self.scope == Some(Scope::Write) && (own || self.is_operator())
    }

    /// Whether its account is an operator's. Its token may still be for reading only.
    pub fn is_operator(&self) -> bool {
        self.account
            .as_ref()
            .is_some_and(|account| account.role == Role::Operator)
    }

    /// Whether the token reaches that far into what its account may do.
    fn holds(&self, action: Action, owner: AccountId) -> bool {
        let owns = self
            .account
            .as_ref()
            .is_some_and(|account| account.id == owner);
        let reaches = match self.scope {
            Some(Scope::Write) => true,
            Some(Scope::Read) => matches!(action, Action::See | Action::Visit),
            None => false,
        };
        reaches && (owns || self.is_operator())
    }
}
