//! Every route and who may call it: one table, kept true by tests.

use super::kinds::path_of;
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
}

/// All routes of this room.
pub fn endpoints() -> Vec<Endpoint> {
    let of_one = |&(method, path, access): &Entry| {
        let shared = path.contains("{kinds}") || path.contains("{prefix}");
        let kinds = if shared {
            &RepoKind::ALL[..]
        } else {
            &RepoKind::ALL[..1]
        };
        kinds.iter().map(move |kind| Endpoint {
            method,
            path: path_of(path, *kind),
            access,
        })
    };
    TABLE.iter().flat_map(of_one).collect()
}

type Entry = (&'static str, &'static str, Access);

const fn on(method: &'static str, path: &'static str, access: Access) -> Entry {
    (method, path, access)
}

use Access::{
    Account, Anyone, Filtered, Git, Operator, OrganizationAdmin, Reader, Signed, Visitor, Writer,
};

/// The routes; one with `{kinds}` or `{prefix}` in its path stands for three.
const TABLE: &[Entry] = &[
    on("GET", "/api/whoami-v2", Account),
    on("GET", "/api/users/{user}/overview", Filtered),
    on("POST", "/api/admin/organizations", Operator),
    on("GET", "/api/organizations/{name}/overview", Filtered),
    on("GET", "/api/organizations/{name}/members", Anyone),
    on(
        "PUT",
        "/api/organizations/{name}/members/{user}",
        OrganizationAdmin,
    ),
    on(
        "DELETE",
        "/api/organizations/{name}/members/{user}",
        OrganizationAdmin,
    ),
    on("GET", "/api/settings/repositories", Account),
    on("GET", "/api/tokens", Account),
    on("POST", "/api/tokens", Account),
    on("DELETE", "/api/tokens/{name}", Account),
    on("GET", "/api/admin/users", Operator),
    on("GET", "/api/quota", Account),
    on("GET", "/api/usage", Account),
    on("GET", "/api/admin/quotas/{user}", Operator),
    on("PUT", "/api/admin/quotas/{user}", Operator),
    on("GET", "/api/admin/capacity", Operator),
    on("GET", "/api/admin/top", Operator),
    on("GET", "/api/admin/audit", Operator),
    on("POST", "/api/admin/spaces/{owner}/{name}/disable", Operator),
    on("POST", "/api/admin/spaces/{owner}/{name}/enable", Operator),
    on("POST", "/api/admin/users", Operator),
    on("POST", "/api/admin/users/{user}/reset", Operator),
    on("POST", "/oauth/device", Anyone),
    on("POST", "/oauth/token", Anyone),
    on("GET", "/api/agent-harnesses", Anyone),
    on("HEAD", "/api/telemetry/{*topic}", Anyone),
    on("GET", "/api/openapi.json", Anyone),
    on("*", "/api/{*rest}", Anyone),
    on("POST", "/api/repos/create", Account),
    on("DELETE", "/api/repos/delete", Account),
    on("POST", "/api/repos/move", Account),
    on("GET", "/api/{kinds}", Filtered),
    on("GET", "/api/spaces/semantic-search", Filtered),
    on("GET", "/api/spaces/templates", Anyone),
    on("GET", "/api/spaces/hardware", Anyone),
    on("*", "/api/{kinds}/{name}", Anyone),
    on("GET", "/api/{kinds}/{owner}/{name}", Visitor),
    on(
        "GET",
        "/api/{kinds}/{owner}/{name}/revision/{revision}",
        Reader,
    ),
    on("GET", "/api/spaces/{owner}/{name}/host", Visitor),
    on("GET", "/api/{kinds}/{owner}/{name}/auth-check", Reader),
    on(
        "GET",
        "/api/{kinds}/{owner}/{name}/auth-check/write",
        Writer,
    ),
    on("GET", "/api/{kinds}/{owner}/{name}/discussions", Reader),
    on("PUT", "/api/{kinds}/{owner}/{name}/settings", Writer),
    on("POST", "/api/{kinds}/{owner}/{name}/discussions", Anyone),
    on("POST", "/api/{kinds}/{owner}/{name}/duplicate", Account),
    on("POST", "/api/{kinds}/{owner}/{name}/like", Account),
    on("DELETE", "/api/{kinds}/{owner}/{name}/like", Account),
    on("GET", "/api/{kinds}/{owner}/{name}/likers", Reader),
    on("GET", "/api/users/{user}/likes", Filtered),
    on(
        "POST",
        "/api/{kinds}/{owner}/{name}/branch/{branch}",
        Writer,
    ),
    on(
        "DELETE",
        "/api/{kinds}/{owner}/{name}/branch/{branch}",
        Writer,
    ),
    on("POST", "/api/{kinds}/{owner}/{name}/tag/{revision}", Writer),
    on(
        "DELETE",
        "/api/{kinds}/{owner}/{name}/tag/{revision}",
        Writer,
    ),
    on(
        "POST",
        "/api/{kinds}/{owner}/{name}/super-squash/{branch}",
        Writer,
    ),
    on("GET", "/api/spaces/{owner}/{name}/runtime", Visitor),
    on("POST", "/api/spaces/{owner}/{name}/restart", Writer),
    on("POST", "/api/spaces/{owner}/{name}/pause", Writer),
    on("POST", "/api/spaces/{owner}/{name}/hardware", Writer),
    on("POST", "/api/spaces/{owner}/{name}/sleeptime", Writer),
    on("POST", "/api/spaces/{owner}/{name}/dev-mode", Anyone),
    on("POST", "/api/spaces/{owner}/{name}/replicas", Anyone),
    on("PUT", "/api/spaces/{owner}/{name}/volumes", Writer),
    on("DELETE", "/api/spaces/{owner}/{name}/volumes", Writer),
    on("POST", "/api/spaces/{owner}/{name}/storage", Anyone),
    on("DELETE", "/api/spaces/{owner}/{name}/storage", Anyone),
    on("GET", "/api/spaces/{owner}/{name}/secrets", Writer),
    on("POST", "/api/spaces/{owner}/{name}/secrets", Writer),
    on("DELETE", "/api/spaces/{owner}/{name}/secrets", Writer),
    on("GET", "/api/spaces/{owner}/{name}/variables", Reader),
    on("POST", "/api/spaces/{owner}/{name}/variables", Writer),
    on("DELETE", "/api/spaces/{owner}/{name}/variables", Writer),
    on("GET", "/api/spaces/{owner}/{name}/logs/run", Writer),
    on("GET", "/api/spaces/{owner}/{name}/logs/build", Writer),
    on("POST", "/api/validate-yaml", Anyone),
    on(
        "POST",
        "/api/{kinds}/{owner}/{name}/preupload/{revision}",
        Writer,
    ),
    on(
        "POST",
        "/api/{kinds}/{owner}/{name}/commit/{revision}",
        Writer,
    ),
    on("GET", "/api/{kinds}/{owner}/{name}/tree/{revision}", Reader),
    on(
        "GET",
        "/api/{kinds}/{owner}/{name}/tree/{revision}/{*path}",
        Reader,
    ),
    on(
        "POST",
        "/api/{kinds}/{owner}/{name}/paths-info/{revision}",
        Reader,
    ),
    on("GET", "/api/{kinds}/{owner}/{name}/refs", Reader),
    on(
        "GET",
        "/api/{kinds}/{owner}/{name}/commits/{revision}",
        Reader,
    ),
    on(
        "GET",
        "/{prefix}{owner}/{name}/resolve/{revision}/{*path}",
        Reader,
    ),
    on("GET", "/{prefix}{owner}/{name}/info/refs", Git),
    on("POST", "/{prefix}{owner}/{name}/git-upload-pack", Git),
    on("POST", "/{prefix}{owner}/{name}/git-receive-pack", Writer),
    on(
        "POST",
        "/{prefix}{owner}/{name}/info/lfs/objects/batch",
        Git,
    ),
    on("*", "/{prefix}{owner}/{name}/info/lfs/locks", Anyone),
    on(
        "*",
        "/{prefix}{owner}/{name}/info/lfs/locks/{*rest}",
        Anyone,
    ),
    on(
        "GET",
        "/api/{kinds}/{owner}/{name}/xet-write-token/{revision}",
        Writer,
    ),
    on("POST", "/xet/{store}/v1/xorbs/{domain}/{hash}", Account),
    on("POST", "/xet/{store}/v1/shards", Account),
    on("PUT", "/lfs/{repo}/{oid}", Signed),
    on("POST", "/lfs/{repo}/{oid}", Signed),
    on("GET", "/lfs/{repo}/{oid}", Signed),
    on("POST", "/lfs/{repo}/{oid}/parts", Signed),
    on("PUT", "/lfs/{repo}/{oid}/parts/{number}", Signed),
];
