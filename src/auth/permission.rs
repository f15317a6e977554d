//! What a principal may do.

use super::Principal;
use crate::domain::{
    AccountId, Belonging, GrantTarget, MemberRole, Owner, Role, Scope, Space, Visibility,
};

/// What somebody wants of a repository.
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
    principal.may(action, space)
}

// === impl Action ===

impl Action {
    fn only_looks(self) -> bool {
        matches!(self, Self::See | Self::Visit)
    }
}

// === impl Principal ===

impl Principal {
    /// Whether it may do that to a repository.
    pub fn may(&self, action: Action, what: impl Into<Belonging>) -> bool {
        let what = what.into();
        let open = match action {
            Action::See => what.visibility == Visibility::Public,
            Action::Visit => what.visibility != Visibility::Private,
            Action::Write | Action::Administer => false,
        };
        open || (self.reaches(action, what) && self.account_may(action, what))
    }

    /// Whether it may create a repository under that name.
    pub fn may_create(&self, owner: &Owner) -> bool {
        let Some(account) = &self.account else {
            return false;
        };
        let same = |name: &Owner| name.as_str().eq_ignore_ascii_case(owner.as_str());
        let membership = self.memberships.iter().find(|one| same(&one.name));
        let id = match membership {
            Some(one) if one.role >= MemberRole::Contributor => Some(one.organization),
            _ if same(&account.name) => Some(account.id),
            _ => None,
        };
        match self.scope {
            Some(Scope::Write) => id.is_some() || self.is_operator(),
            Some(Scope::FineGrained) => id.is_some_and(|id| self.grants_all_of(id)),
            Some(Scope::Read) | None => false,
        }
    }

    /// Whether it may choose the members of an organisation.
    pub fn may_choose_members(&self, organization: AccountId) -> bool {
        let admin = self
            .memberships
            .iter()
            .any(|one| one.organization == organization && one.role == MemberRole::Admin);
        self.scope == Some(Scope::Write) && (admin || self.is_operator())
    }

    /// Whether its account is an operator's. Its token may still be for reading only.
    pub fn is_operator(&self) -> bool {
        self.account
            .as_ref()
            .is_some_and(|account| account.role == Role::Operator)
    }

    /// Whether the token reaches that far into what its account may do.
    fn reaches(&self, action: Action, what: Belonging) -> bool {
        match self.scope {
            Some(Scope::Write) => true,
            Some(Scope::Read) => action.only_looks(),
            Some(Scope::FineGrained) => self.grants.iter().any(|grant| {
                let on = match grant.on {
                    GrantTarget::Repo(id) => id == what.id,
                    GrantTarget::Owner(id) => id == what.owner,
                };
                on && (grant.write || action.only_looks())
            }),
            None => false,
        }
    }

    /// Whether the account may, with the best of tokens.
    fn account_may(&self, action: Action, what: Belonging) -> bool {
        let owns = self
            .account
            .as_ref()
            .is_some_and(|account| account.id == what.owner);
        if owns || self.is_operator() {
            return true;
        }
        let membership = self
            .memberships
            .iter()
            .find(|one| one.organization == what.owner);
        membership.is_some_and(|one| match one.role {
            MemberRole::Read => action.only_looks(),
            MemberRole::Contributor => action.only_looks() || self.created.contains(&what.id),
            MemberRole::Write | MemberRole::Admin => true,
        })
    }

    fn grants_all_of(&self, owner: AccountId) -> bool {
        self.grants
            .iter()
            .any(|grant| grant.write && grant.on == GrantTarget::Owner(owner))
    }
}
