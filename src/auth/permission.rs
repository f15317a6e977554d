//! What a principal may do: one decision, made from who asks, what for, and with what.

use super::Principal;
use crate::domain::{
    AccountId, Belonging, GrantTarget, MemberRole, OAuthScope, OAuthScopes, Owner, Repository,
    Role, Scope, Space, SpaceId, Visibility,
};

/// What somebody wants of an [`Object`]. An action that its object does not know is nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Read a repository's source and learn about it.
    See,
    /// Use a repository's demo.
    Visit,
    /// Publish to a repository and read its logs.
    Write,
    /// Change a repository's settings, pause it, remove it.
    Administer,
    /// Learn what a repository, an account or everybody has used.
    ReadUsage,
    /// Learn whose token it is.
    ReadAccount,
    /// Learn what an account may use.
    ReadQuota,
    /// See, make and end an account's tokens.
    ManageTokens,
    /// Like in an account's name.
    Like,
    /// Make repositories under an account.
    Create,
    /// Choose an organisation's members.
    ChooseMembers,
    /// Read the server's metrics.
    ReadMetrics,
    /// Run the server: accounts, quotas, the audit trail, other people's Spaces.
    Operate,
}

/// What something is done with.
#[derive(Debug, Clone, Copy)]
pub enum Object {
    /// A Space, model or dataset.
    Repository(Belonging),
    /// What is a user's or an organisation's beside repositories.
    Account(AccountId),
    /// What is nobody's in particular.
    Server,
}

/// By what a principal is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// A browser's session.
    Session,
    /// A token that somebody made, or was given by a code.
    Token(Scope),
    /// The token that the instances of a Space hold.
    Space(SpaceId),
    /// The token that a Space was given by somebody who signed in there.
    Application(OAuthScopes),
}

/// How far a credential reaches into what its account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Everything,
    Looking,
    Granted,
}

/// Whether the principal may do that with the object.
pub fn may(principal: &Principal, action: Action, object: impl Into<Object>) -> bool {
    principal.may(action, object)
}

impl From<Belonging> for Object {
    fn from(what: Belonging) -> Self {
        Self::Repository(what)
    }
}

impl From<&Space> for Object {
    fn from(space: &Space) -> Self {
        Self::Repository(space.into())
    }
}

impl From<&Repository> for Object {
    fn from(repo: &Repository) -> Self {
        Self::Repository(repo.into())
    }
}

// === impl Action ===

impl Action {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::See,
        Self::Visit,
        Self::Write,
        Self::Administer,
        Self::ReadUsage,
        Self::ReadAccount,
        Self::ReadQuota,
        Self::ManageTokens,
        Self::Like,
        Self::Create,
        Self::ChooseMembers,
        Self::ReadMetrics,
        Self::Operate,
    ];

    /// Whether nothing is changed by it.
    fn only_looks(self) -> bool {
        matches!(self, Self::See | Self::Visit | Self::ReadUsage)
    }
}

// === impl Credential ===

impl Credential {
    fn reach(self) -> Reach {
        match self {
            Self::Session | Self::Token(Scope::Write) => Reach::Everything,
            Self::Token(Scope::Read) => Reach::Looking,
            Self::Token(Scope::FineGrained) | Self::Space(_) | Self::Application(_) => {
                Reach::Granted
            }
        }
    }

    /// Whether it is for such a thing at all. What somebody has allowed a Space never reaches their account itself.
    fn carries(self, action: Action) -> bool {
        let Self::Application(scopes) = self else {
            return true;
        };
        match action {
            Action::See | Action::Visit | Action::Write | Action::ReadAccount => true,
            Action::Administer | Action::Create => scopes.has(OAuthScope::ManageRepos),
            Action::ReadUsage
            | Action::ReadQuota
            | Action::ManageTokens
            | Action::Like
            | Action::ChooseMembers
            | Action::ReadMetrics
            | Action::Operate => false,
        }
    }

    /// The scope that clients are told.
    pub fn scope(self) -> Scope {
        match self.reach() {
            Reach::Everything => Scope::Write,
            Reach::Looking => Scope::Read,
            Reach::Granted => Scope::FineGrained,
        }
    }
}

// === impl Principal ===

impl Principal {
    /// Whether it may do that with a repository, an account or the server. Everything that is refused or left out of a
    /// list goes by this answer alone.
    pub fn may(&self, action: Action, object: impl Into<Object>) -> bool {
        if !self
            .credential
            .is_none_or(|credential| credential.carries(action))
        {
            return false;
        }
        match object.into() {
            Object::Repository(what) => self.may_with_repository(action, what),
            Object::Account(account) => self.may_with_account(action, account),
            Object::Server => self.may_with_server(action),
        }
    }

    /// Whether it may see a repository's source, were that private.
    pub fn sees_private(&self, what: impl Into<Belonging>) -> bool {
        let private = Belonging {
            visibility: Visibility::Private,
            ..what.into()
        };
        self.may(Action::See, private)
    }

    /// Whether it may create a repository under that name, which is perhaps nobody's.
    pub fn may_create(&self, owner: &Owner) -> bool {
        let same = |name: &Owner| name.as_str().eq_ignore_ascii_case(owner.as_str());
        let membership = self.memberships.iter().find(|one| same(&one.name));
        let account = self.account.iter().find(|account| same(&account.name));
        let id = membership
            .map(|one| one.organization)
            .or(account.map(|account| account.id));
        match id {
            Some(id) => self.may(Action::Create, Object::Account(id)),
            // Under anybody's name, and then under this one.
            None => self.may(Action::Operate, Object::Server),
        }
    }

    /// Whether it may choose the members of an organisation.
    pub fn may_choose_members(&self, organization: AccountId) -> bool {
        self.may(Action::ChooseMembers, Object::Account(organization))
    }

    /// Whether it may perhaps see what belongs to anybody, as operators do: lists that are made for it begin with all
    /// there is, and [`Principal::may`] says of each what it may see.
    pub fn looks_everywhere(&self) -> bool {
        self.is_of_operator()
    }

    fn may_with_repository(&self, action: Action, what: Belonging) -> bool {
        let open = match action {
            Action::See => what.visibility == Visibility::Public,
            Action::Visit => what.visibility != Visibility::Private,
            Action::Write | Action::Administer | Action::ReadUsage => false,
            _ => return false,
        };
        open || (self.reaches(action, what) && self.account_may(action, what))
    }

    fn may_with_account(&self, action: Action, account: AccountId) -> bool {
        let own = self.account.as_ref().is_some_and(|own| own.id == account);
        let role = self.role_in(account);
        match action {
            Action::ReadAccount => own,
            Action::ReadQuota | Action::ReadUsage => match self.reach() {
                Some(Reach::Everything) => own || self.is_of_operator(),
                Some(Reach::Looking) => own,
                Some(Reach::Granted) => own && self.is_granted(account, false),
                None => false,
            },
            Action::ManageTokens | Action::Like => own && self.reach() == Some(Reach::Everything),
            Action::Create => {
                let there = own || role >= Some(MemberRole::Contributor);
                match self.reach() {
                    Some(Reach::Everything) => there || self.is_of_operator(),
                    Some(Reach::Granted) => there && self.is_granted(account, true),
                    Some(Reach::Looking) | None => false,
                }
            }
            Action::ChooseMembers => {
                self.reach() == Some(Reach::Everything)
                    && (role == Some(MemberRole::Admin) || self.is_of_operator())
            }
            _ => false,
        }
    }

    fn may_with_server(&self, action: Action) -> bool {
        match action {
            Action::ReadUsage | Action::ReadMetrics | Action::Operate => {
                self.is_of_operator() && self.reach() == Some(Reach::Everything)
            }
            _ => false,
        }
    }

    fn reach(&self) -> Option<Reach> {
        self.credential.map(Credential::reach)
    }

    /// Whether its account is an operator's, whatever its token is for.
    fn is_of_operator(&self) -> bool {
        self.account
            .as_ref()
            .is_some_and(|account| account.role == Role::Operator)
    }

    fn role_in(&self, organization: AccountId) -> Option<MemberRole> {
        let mut memberships = self.memberships.iter();
        let membership = memberships.find(|one| one.organization == organization);
        membership.map(|one| one.role)
    }

    /// Whether the token reaches that far into what its account may do.
    fn reaches(&self, action: Action, what: Belonging) -> bool {
        match self.reach() {
            Some(Reach::Everything) => true,
            Some(Reach::Looking) => action.only_looks(),
            Some(Reach::Granted) => self.grants.iter().any(|grant| {
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
        if owns || self.is_of_operator() {
            return true;
        }
        self.role_in(what.owner).is_some_and(|role| match role {
            MemberRole::Read => action.only_looks(),
            MemberRole::Contributor => action.only_looks() || self.created.contains(&what.id),
            MemberRole::Write | MemberRole::Admin => true,
        })
    }

    /// Whether a grant is on all of an account, for writing or at all.
    fn is_granted(&self, owner: AccountId, write: bool) -> bool {
        let all = GrantTarget::Owner(owner);
        self.grants
            .iter()
            .any(|grant| grant.on == all && (grant.write || !write))
    }
}
